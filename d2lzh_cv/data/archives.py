"""Unpacking archives we did not make: nothing leaves the folder, and no small file unfolds into a full disk."""
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

LIMIT = 8 << 30  # bytes an archive may unfold to; the largest here, VOC2012, takes 2 GiB
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
           RuntimeError)


def unpack(archive: str | Path, folder: Path, below: str = "", limit: int = LIMIT) -> None:
    """Unpack the files of a .zip or .tar ``archive`` into the existing ``folder``.

    below: take only what lies below this path of the archive, without that path. limit: bytes all files may take.
    Raises InputError naming ``archive`` when it is missing or damaged, or holds a link, a path that leads out of the
    folder, or more than ``limit`` bytes. A disk that fills raises OSError: unpack inside make_folder_atomically.
    """
    archive, total = Path(archive), 0
    if not archive.is_file():
        raise InputError(f"no archive {archive}; put it there")
    try:
        for name, size, file in _files(archive):
            total += size
            if total > limit:
                raise InputError(f"{archive} unfolds to more than {limit} bytes; it was not unpacked")
            target = _target(folder, name, below, archive)
            if target is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                with file, target.open("wb") as out:
                    shutil.copyfileobj(file, out, 1 << 20)
    except _DAMAGE as error:
        raise InputError(f"{archive} is damaged or not an archive ({error}); fetch it again") from error


def _files(archive: Path) -> Iterator[tuple[str, int, BinaryIO]]:
    """Yield (name, size, open file) of each regular file; anything but a file or a folder is refused."""
    opened = _zip_files(archive) if archive.suffix == ".zip" else _tar_files(archive)
    for name, size, kind, file in opened:
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
    """Where the file ``name`` of the archive goes, or None when it does not lie below ``below``."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{archive} holds a path that leads out of its folder ({name}); it was not unpacked")
    try:
        return folder / path.relative_to(below)
    except ValueError:
        return None
