"""Download of data sets and weights into the data root; an item is either complete or absent."""
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
from .places import is_in_voc2012s_place

DOWNLOADS = ".downloads"  # a folder of the data root for unfinished downloads, and for archives until they are unpacked


def fetch(name: str, root: Path | None = None) -> Path:
    """Fetch ``name`` unless it is below ``root``, and return its folder; for weights, its file.

    Args:
        name: see :func:`d2lzh_cv.data.catalogue.items`.
        root: by default :func:`d2lzh_cv.data.hub.data_root`.

    Raises:
        InputError: the name is unknown; no mirror has sent the files (the message gives the reason for each); the disk
            is full; or the target folder holds other files.
    """
    item, root, reasons = catalogue.find(name), Path(root or hub.data_root()), []
    path = present(item, root)
    if path:
        return path
    for way in item.ways:
        try:
            _by(way, item, root)
            return present(item, root)
        except Unavailable as error:
            reason = str(error)
            reasons.append(reason if reason.endswith((".", "?", "!")) else f"{reason}.")
    raise Unavailable(f"{' '.join(reasons)} If you have it from elsewhere, put it into {root / item.folder}")


def present(item: Item, root: Path) -> Path | None:
    """Return the item's path below ``root``, or None. A VOC tree in another place than VOC2012's does not count."""
    path, _ = hub.look_for(item, root) or (None, "")
    return None if path and item.name == "voc" and not is_in_voc2012s_place(path) else path


def _by(way: Way, item: Item, root: Path) -> None:
    folder, downloads = root / item.folder, root / DOWNLOADS
    if way.below is None:
        for file in way.files:
            download(file, folder / file.name, downloads)
        return
    (file,) = way.files
    archive = download(file, downloads / file.name, downloads)
    if file.holds:
        _unpack_files(file, archive, folder)
    else:
        _unpack_as(folder, archive, way.below)
    archive.unlink()


def _unpack_files(file: Remote, archive: Path, folder: Path) -> None:
    """Move the files ``file.holds`` of the archive into ``folder``; its other files stay."""
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
