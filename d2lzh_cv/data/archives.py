"""Safe unpacking of foreign archives: no file leaves the target folder, and a size limit protects the disk."""
from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..errors import InputError

LIMIT = 8 << 30  # bytes an unpacked archive may take; the largest in use, VOC2012, takes 2 GiB
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
           RuntimeError)


def unpack(archive: str | Path, folder: Path, below: str = "", limit: int = LIMIT) -> None:
    """Unpack the files of a .zip or .tar ``archive`` into the existing ``folder``.

    Args:
        below: a folder of the archive; only its content is unpacked, directly into ``folder``.
        limit: bytes that all files together may take.

    Raises:
        InputError: ``archive`` is missing, damaged, too large, or holds a link or a path that leads out of ``folder``.
        OSError: the disk is full; unpack inside make_folder_atomically.
    """
    archive, total = Path(archive), 0
    if not archive.is_file():
        raise InputError(f"no archive {archive}; put it there")
    try:
        for name, size, file in _files(archive):
            total += size
            if total > limit:
                raise InputError(f"{archive} would take more than {limit} bytes; it was not unpacked")
            target = _target(folder, name, below, archive)
            if target is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with file, target.open("wb") as out:
                    shutil.copyfileobj(file, out, 1 << 20)
    except _DAMAGE as error:
        raise InputError(f"{archive} is damaged or not an archive ({error}); fetch it again") from error


def _files(archive: Path) -> Iterator[tuple[str, int, BinaryIO]]:
    """Yield (name, size, open file) of each regular file; raise InputError for a link or a device."""
    members = _zip_files(archive) if archive.suffix == ".zip" else _tar_files(archive)
    for name, size, kind, file in members:
        if kind == "other":
            raise InputError(f"{archive} holds a link or device ({name}); it was not unpacked")
        if kind == "file":
            yield name, size, file


def _zip_files(archive: Path) -> Iterator[tuple[str, int, str, BinaryIO | None]]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            link = stat.S_ISLNK(member.external_attr >> 16)
            kind = "other" if link else "folder" if member.is_dir() else "file"
            yield member.filename, member.file_size, kind, opened.open(member) if kind == "file" else None


def _tar_files(archive: Path) -> Iterator[tuple[str, int, str, BinaryIO | None]]:
    with tarfile.open(archive) as opened:
        for member in opened:
            kind = "file" if member.isfile() else "folder" if member.isdir() else "other"
            yield member.name, member.size, kind, opened.extractfile(member) if kind == "file" else None


def _target(folder: Path, name: str, below: str, archive: Path) -> Path | None:
    """Return the target path of the archive's file ``name``, or None if the file is not below ``below``."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{archive} holds a path that leads out of its folder ({name}); it was not unpacked")
    try:
        return folder / path.relative_to(below)
    except ValueError:
        return None
