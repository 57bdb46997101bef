"""Fetching data sets and weights into the data root, each whole or not at all."""
from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..errors import InputError
from ..files import make_folder, make_folder_atomically
from . import catalogue, hub
from .archives import unpack
from .catalogue import Item, Remote, Way
from .download import Unavailable, download
from .places import NOT_VOC2012

DOWNLOADS = ".downloads"  # below the data root: what is under way, and archives until they are unpacked


def fetch(name: str, root: Path | None = None) -> Path:
    """Return the folder (of weights: the file) of ``name`` below ``root``, fetched unless it is there.

    Args:
        name: see :func:`d2lzh_cv.data.catalogue.items`.
        root: by default :func:`d2lzh_cv.data.hub.data_root`.

    Raises:
        InputError: no such name; nobody has it today (each mirror with its reason); the disk is full; or a folder of
            its name holds something else.
    """
    item, root, reasons = catalogue.find(name), Path(root or hub.data_root()), []
    there = present(item, root)
    if there:
        return there
    for way in item.ways:
        try:
            _by(way, item, root)
            return present(item, root)
        except Unavailable as error:
            reasons.append(str(error))
    raise Unavailable(f"{_sentences(reasons)} If you have it from elsewhere, put it into {root / item.folder}")


def _sentences(texts: list[str]) -> str:
    """Join ``texts``, each with a full stop unless it ends in a mark of its own."""
    return " ".join(text if text.endswith((".", "?", "!")) else f"{text}." for text in texts)


def present(item: Item, root: Path) -> Path | None:
    """Return where the item is below ``root``, or None; a tree that is only in VOC2012's form is not it."""
    path, what = hub.look_for(item, root) or (None, "")
    return None if what == NOT_VOC2012 else path


def _by(way: Way, item: Item, root: Path) -> None:
    folder, downloads = root / item.folder, root / DOWNLOADS
    if way.below is None:
        for file in way.files:
            download(file, folder / file.name, downloads)
        return
    (file,) = way.files
    archive = download(file, downloads / file.name, downloads)
    if file.holds:
        _take(file, archive, folder)
    else:
        _unpack_as(folder, archive, way.below)
    archive.unlink()


def _take(file: Remote, archive: Path, folder: Path) -> None:
    """Move the files that the archive is for into ``folder``, beside what is there."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as temporary:
        unpack(archive, Path(temporary))
        for name, _ in file.holds:
            os.replace(Path(temporary) / name, make_folder(folder) / name)


def _unpack_as(folder: Path, archive: Path, below: str) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} holds other files; move them away first")
    with make_folder_atomically(folder) as temporary:
        unpack(archive, temporary, below)
        if not any(temporary.iterdir()):
            raise InputError(f"{archive} holds nothing below {below}")
