"""Telling whether a data set is still the same, without reading it."""
from __future__ import annotations

import os
import zlib
from pathlib import Path

from ..errors import InputError


def fingerprint(folder: Path) -> str:
    """How many files are below ``folder``, their bytes, and a check sum of names and sizes: "3 files, 12 bytes, …"."""
    entries = sorted((os.path.relpath(os.path.join(place, name), folder), os.path.getsize(os.path.join(place, name)))
                     for place, _, names in os.walk(folder) for name in names if not name.startswith("."))
    return f"{len(entries)} files, {sum(size for _, size in entries)} bytes, {zlib.crc32(repr(entries).encode()):08x}"


def signature(path: str | Path) -> tuple[int, int] | None:
    """Size and time of last change of a file, which stand for its content; None where it cannot be looked at."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


class Unchanged:
    """Files that must stay as they are from now on: a training that reads half of a set and half of another is wrong.

    As a context manager it looks after the block, whatever happened in there: a reader fails in many ways on a file
    that is cut off or replaced under it, and what has changed is the reason for all of them.
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
