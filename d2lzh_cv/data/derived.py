"""Folders derived from other files, such as packed records. They are made once, and again when a source changes."""
from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..files import make_folder, make_folder_atomically, read_json, write_json

KEY = "source.json"


def make_once(out: Path, sources: Iterable[Path], make: Callable[[Path], None]) -> Path:
    """Return the folder ``out``, made from ``sources`` by ``make(folder)`` unless it is up to date.

    A source counts as unchanged if its size and modification time are. ``out`` appears only after ``make`` succeeds.
    Raises InputError naming a missing source, or ``out`` if it cannot be written.
    """
    key = _fingerprint(sources)
    if _made_from(key, out):
        return out
    with one_at_a_time(out.parent):
        if not _made_from(key, out):  # another process may have made it during the wait
            with make_folder_atomically(out) as folder:
                make(folder)
                write_json(folder / KEY, key)
    return out


def place_for(root: Path, cache: Path) -> Path:
    """Return the folder below ``cache`` for data derived from ``root``: always the same, so old ones do not pile up."""
    digest = hashlib.sha1(str(root.resolve()).encode()).hexdigest()[:12]
    return cache / "derived" / f"{root.resolve().name}-{digest}"


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the lock of ``folder``: of two runs that start together only one makes a set."""
    lock = make_folder(folder) / ".lock"
    try:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        raise InputError(f"cannot write {lock}: {error.strerror}; set D2LZH_CV_CACHE to a folder you can "
                         "write to") from error
    try:
        yield
    finally:
        os.close(file)


def _fingerprint(sources: Iterable[Path]) -> dict[str, list[int]]:
    try:
        return {str(path.resolve()): [path.stat().st_size, path.stat().st_mtime_ns] for path in sorted(sources)}
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}; put the file there") from error


def _made_from(key: dict[str, list[int]], out: Path) -> bool:
    return (out / KEY).is_file() and read_json(out / KEY) == key
