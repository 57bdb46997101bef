"""What a shared library says of itself: its own name and the libraries it needs, out of its ELF headers.

The file has a table of *segments*; one of them is the *dynamic section*, a list of (tag, value). The names in it are
offsets into a string table, whose address the loader would know once the segments are in memory.
"""
from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError

LOAD, DYNAMIC = 1, 2  # types of segments
END, NEEDED, STRINGS, SONAME = 0, 1, 5, 14  # tags of the dynamic section
LONGEST_NAME = 4096


@dataclass(frozen=True)
class Library:
    """The part of a shared library's headers by which the loader finds libraries.

    Attributes:
        soname: the name under which others ask for the library, None if it has none.
        soname_at: where in the file this name stands, in bytes.
        needed: the sonames of the libraries that must be loaded with it.
    """

    soname: str | None
    soname_at: int | None
    needed: tuple[str, ...]


def read(path: Path) -> Library:
    """Read the headers of the shared library ``path``; its size does not matter, only a few kilobytes are read.

    Raises:
        InputError: the file is not a whole library of the kind that MXNet's wheels hold (64 bits, little-endian).
    """
    try:
        with open(path, "rb") as file:
            return _read(file)
    except (OSError, ValueError, struct.error) as error:
        raise InputError(f"{path}: not a 64-bit shared library, or damaged ({error})") from error


def _read(file: BinaryIO) -> Library:
    header = file.read(64)
    if header[:6] != b"\x7fELF\x02\x01":
        raise ValueError("no such header")
    (table,), (size, count) = struct.unpack_from("<Q", header, 32), struct.unpack_from("<HH", header, 54)
    segments = []
    for i in range(count):
        file.seek(table + i * size)
        segments.append(struct.unpack("<IIQQQQQQ", file.read(56)))
    loaded = [(address, offset, length) for kind, _, offset, address, _, length, *_ in segments if kind == LOAD]
    if max((offset + length for _, offset, length in loaded), default=0) > file.seek(0, os.SEEK_END):
        raise ValueError("it is cut off")
    places = [(offset, length) for kind, _, offset, _, _, length, *_ in segments if kind == DYNAMIC]
    if not places:
        return Library(None, None, ())
    file.seek(places[0][0])
    entries = []
    for _ in range(places[0][1] // 16):
        tag, value = struct.unpack("<qQ", file.read(16))
        if tag == END:
            break
        entries.append((tag, value))
    strings = _offset(dict(entries).get(STRINGS, -1), loaded)
    sonames = [strings + value for tag, value in entries if tag == SONAME]
    needed = tuple(_string(file, strings + value) for tag, value in entries if tag == NEEDED)
    if not sonames:
        return Library(None, None, needed)
    return Library(_string(file, sonames[0]), sonames[0], needed)


def _offset(address: int, loaded: list[tuple[int, int, int]]) -> int:
    """Return where in the file the byte stands that will have ``address`` in memory."""
    for start, offset, length in loaded:
        if start <= address < start + length:
            return address - start + offset
    raise ValueError("its string table is in no segment")


def _string(file: BinaryIO, offset: int) -> str:
    file.seek(offset)
    text, end, _ = file.read(LONGEST_NAME).partition(b"\0")
    if not end:
        raise ValueError("a name does not end")
    return text.decode()


def renamed(path: Path, soname: str) -> bytes:
    """Return the bytes of the library ``path`` with ``soname``, not longer than its own, in place of its own.

    Raises:
        InputError: as :func:`read`, or the library has no soname, or one that is shorter.
    """
    library = read(path)
    if library.soname is None or len(library.soname) < len(soname):
        raise InputError(f"{path}: has no room for the name {soname}")
    content, end = bytearray(path.read_bytes()), library.soname_at + len(library.soname)
    content[library.soname_at:end] = soname.encode().ljust(len(library.soname), b"\0")
    return bytes(content)
