"""Writing files so that nothing half-written stays: temporary name, flush to disk, rename."""
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
    """Create ``path`` and its parents; returns it. Raises InputError naming the folder that cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        raise InputError(f"cannot make folder {path}: {reason}; choose a folder you can write to") from error
    return path


def check_folder(path: Path, flag: str = "") -> Path:
    """Return ``path``. Raises InputError, beginning with ``flag``, where it is no folder that can be looked into."""
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
    """What ``folder`` holds, by name; nothing where it is no folder.

    Unlike ``glob``, which takes a folder that may not be read for an empty one, this raises PermissionError.
    """
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    return [folder / name for name in names if fnmatchcase(name, pattern)]


def walk(folder: Path) -> Iterator[Path]:
    """Every file below ``folder``, by path; raises PermissionError where a folder may not be read."""
    for path in listed(folder):
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)
        elif path.is_file():
            yield path


@contextmanager
def write_atomically(path: Path) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the name ``path`` only once it is complete and on disk.

    When the block or the disk fails, the old ``path`` (if any) is as it was and no temporary file stays.
    Raises InputError naming ``path`` when the disk is full or the folder cannot be written to.
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
    """Yield an empty folder that takes the name ``path`` only when the block ends well.

    An existing ``path`` is replaced. When the block fails, the temporary folder is removed and ``path`` stays as it
    was. Raises InputError naming ``path`` when the disk is full or the parent cannot be written to.
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
    """Give ``new`` the name ``path``; what had it is removed last, and is still there after a kill in between."""
    old = new.with_name(f"{new.name}.old")
    if path.exists():
        os.replace(path, old)
    os.replace(new, path)
    shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> Path:
    """Write ``text`` (UTF-8) to ``path`` atomically; returns ``path``.

    A byte of a file's name that is no UTF-8 is written as ``\\udcXX``, which JSON reads back as it was.
    """
    with write_atomically(path) as file:
        file.write(text.encode("utf-8", errors="backslashreplace"))
    return Path(path)


def write_json(path: Path, value: Any) -> Path:
    """Write ``value`` as indented JSON to ``path`` atomically; returns ``path``."""
    return write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON from ``path``. Raises InputError naming the file when it is missing or damaged."""
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
