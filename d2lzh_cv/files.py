"""Writing files without half-written results: temporary name, flush to disk, rename."""
from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO

from .errors import InputError, as_input_error


def make_folder(path: Path) -> Path:
    """Create ``path`` and its parents and return it. Raises InputError naming the folder if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        raise InputError(f"cannot make folder {path}: {reason}; choose a folder you can write to") from error
    return path


def check_folder(path: Path, flag: str = "") -> Path:
    """Return ``path``. Raises InputError, which begins with ``flag``, if it is not a readable folder."""
    shown = f"{flag}{path}"
    try:
        if not path.exists():
            raise InputError(f"{shown}: no such folder; name one that exists")
        if not path.is_dir():
            raise InputError(f"{shown} is a file; name a folder")
        if not os.access(path, os.R_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    except OSError as error:
        raise as_input_error(error) or InputError(f"{shown}: {error.strerror}; name another folder") from error
    return path


def listed(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the paths in ``folder`` that match ``pattern``, by name; none if it is no folder.

    Raises PermissionError if the folder may not be read; ``glob`` would return nothing.
    """
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    return [folder / name for name in names if fnmatchcase(name, pattern)]


def walk(folder: Path) -> Iterator[Path]:
    """Yield every file below ``folder``, by path; raises PermissionError if a folder may not be read."""
    for path in listed(folder):
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)
        elif path.is_file():
            yield path


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Yield a binary file that gets the name ``path`` only when it is complete and on disk.

    If the block or the disk fails, an old ``path`` stays unchanged and no temporary file remains.
    Raises InputError naming ``path`` if the disk is full or the folder is not writable.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # tempfile's 0600 would hide a report from a web server or a colleague
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; "
                         "free some space or choose another folder") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def make_folder_atomically(path: Path) -> Iterator[Path]:
    """Yield an empty folder that gets the name ``path`` only when the block succeeds; it replaces an existing ``path``.

    If the block fails, the temporary folder is removed and ``path`` stays unchanged.
    Raises InputError naming ``path`` if the disk is full or the parent is not writable.
    """
    path = Path(path)
    make_folder(path.parent)
    try:
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose a folder you can write to") from error
    try:
        temporary.chmod(0o777 & ~_umask())
        yield temporary
        _exchange(temporary, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; "
                         "free some space or choose another folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _exchange(new: Path, path: Path) -> None:
    """Give ``new`` the name ``path``; the old ``path`` is removed last, so that a kill in between does not lose it."""
    old = new.with_name(f"{new.name}.old")
    if path.exists():
        os.replace(path, old)
    os.replace(new, path)
    shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> Path:
    """Write ``text`` (UTF-8) to ``path`` atomically and return ``path``.

    A byte of a file name that is not UTF-8 becomes ``\\udcXX``, which JSON reads back unchanged.
    """
    with write_atomically(path) as file:
        file.write(text.encode("utf-8", errors="backslashreplace"))
    return Path(path)


def write_json(path: Path, value: Any) -> Path:
    """Write ``value`` as indented JSON to ``path`` atomically and return ``path``."""
    return write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON from ``path``. Raises InputError naming the file if it is missing or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON ({error}); remove it or put the original back") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
