"""Read the name of a shared library and the libraries it needs from its ELF headers.

The file has a table of *segments*. One segment is the *dynamic section*, a list of (tag, value). A name in it is an
offset into a string table, and the address of that table is the address after the segments are loaded into memory.
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
    """The names in the headers of a shared library.

    Attributes:
        soname: the name under which other libraries need this one, None if it has none.
        soname_at: the position of this name in the file, in bytes.
        needed: the sonames of the libraries that it needs.
    """

    soname: str | None
    soname_at: int | None
    needed: tuple[str, ...]


def read(path: Path) -> Library:
    """Read the headers of the shared library ``path``: a few kilobytes, whatever its size.

    Raises:
        InputError: the file is no 64-bit little-endian library, as in MXNet's wheels, or it is cut off.
    """
    try:
        with open(path, "rb") as file:
            return _read(file)
    except (OSError, ValueError, struct.error) as error:
        raise InputError(f"{path}: not a 64-bit shared library, or damaged ({error})") from error


def _read(file: BinaryIO) -> Library:
    header = file.read(64)
    if header[:6] != b"\x7fELF\x02\x01":
        raise ValueError("it has no ELF header")
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
    """Return the position in the file of the byte that gets ``address`` in memory."""
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
    """Return the bytes of the library ``path`` with its soname replaced by ``soname``, which must not be longer.

    Raises:
        InputError: as in :func:`read`, or the library has no soname or a shorter one.
    """
    library = read(path)
    if library.soname is None or len(library.soname) < len(soname):
        raise InputError(f"{path} has no room for the name {soname}")
    content, end = bytearray(path.read_bytes()), library.soname_at + len(library.soname)
    content[library.soname_at:end] = soname.encode().ljust(len(library.soname), b"\0")
    return bytes(content)
