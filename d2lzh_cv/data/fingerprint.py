"""Checks whether a data set has changed, without reading its files."""
from __future__ import annotations

import os
import zlib
from pathlib import Path

from ..errors import InputError


def fingerprint(folder: Path) -> str:
    """Return the number of files below ``folder``, their bytes, and a checksum of names and sizes, as one text."""
    entries = sorted((os.path.relpath(os.path.join(below, name), folder), os.path.getsize(os.path.join(below, name)))
                     for below, _, names in os.walk(folder) for name in names if not name.startswith("."))
    return f"{len(entries)} files, {sum(size for _, size in entries)} bytes, {zlib.crc32(repr(entries).encode()):08x}"


def signature(path: str | Path) -> tuple[int, int] | None:
    """Return a file's size and modification time (ns); None if they cannot be read."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


class Unchanged:
    """Files that must not change from now on: a training must not read one half of one set and one half of another.

    As a context manager it checks the files after the block, even after an exception: a changed file makes its reader
    fail in many ways, and the change is the real reason.
    """

    __slots__ = ("_signatures",)

    def __init__(self, *paths: str | Path) -> None:
        self._signatures = {str(path): signature(path) for path in paths}

    def check(self) -> None:
        """Raise InputError naming the first file that was removed or changed."""
        for path, before in self._signatures.items():
            now = signature(path)
            if now != before:
                raise InputError(f"{path} {'was removed' if now is None else 'changed'} while it was in use; "
                                 "put it back as it was, or start again with the new data")

    def __enter__(self) -> Unchanged:
        return self

    def __exit__(self, *_) -> None:
        self.check()
