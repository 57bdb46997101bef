"""A description of a folder that does not have the expected data set, for a reader who named the wrong folder."""
from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..files import listed
from . import catalogue, hub
from .own.packed import NAME

FILES, HEAD = 5000, 1 << 16  # limits: files to look at, and bytes to read of each
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")
MARKS = {  # suffix: (bytes near the beginning of a file, the format)
    ".xml": ((b"<annotations", "CVAT XML"), (b"<annotation", "Pascal VOC XML")),
    ".json": ((b'"categories"', "COCO JSON"), (b'"annotations"', "COCO JSON"), (b'"shapes"', "labelme JSON"),
              (b'"regions"', "VIA JSON")),
    ".csv": ((b"xmin", "CSV of boxes"), (b"bbox", "CSV of boxes"), (b"class", "CSV of boxes"),
             (b"label", "CSV of boxes")),
    ".yaml": ((b"names", "YOLO"),), ".names": ((b"", "YOLO"),)}
MARKS[".tsv"] = MARKS[".csv"]


def whats_there(folder: Path) -> str:
    """Return one line about the content of ``folder`` and, if possible, what to do. Raises PermissionError."""
    if not listed(folder):
        return f"{folder} is empty"
    return _set_of(folder) or _set_near(folder) or _annotations(folder) or (
        f"{folder} holds no known data set (see d2lzh-cv data list)")


def _set_of(folder: Path) -> str | None:
    located = [(item.name, *place) for item in catalogue.data_sets() if (place := hub.look_for(item, folder))]
    if any(path == folder for _, path, _ in located) and (folder / NAME).is_file():
        return f"{folder} holds packed {'boxes, for 9.7' if located[0][0] == 'pikachu' else 'masks, for 9.10'}"
    sets = [f"{name}, for {catalogue.data_set(name).sections}" for name, _, _ in located]
    return f"{folder} holds {'; '.join(sets)}" if sets else None


def _set_near(folder: Path) -> str | None:
    """Describe a set in a subfolder, as `data pack` writes it, or a folder that is a set itself, not its root."""
    for below in listed(folder):
        if below.is_dir() and any(hub.locate(name, below) for name in ("pikachu", "voc")):
            return f"the set is in {below}: --data {shlex.quote(str(below))}"
    above = folder.resolve().parent
    own = next((item.name for item in catalogue.data_sets()
                if (hub.look_for(item, above) or (None,))[0] == above / folder.name), None)
    return f"{folder} is the set {own} itself: --data {shlex.quote(str(above))}" if own else None


def _annotations(folder: Path) -> str | None:
    files = list(islice(_files(folder), FILES))
    kinds = dict.fromkeys(kind for kind in map(_kind, files) if kind)
    pictures = {path.stem: path for path in files if path.suffix.lower() in PICTURES}
    if not kinds and any(path.suffix == ".txt" and path.stem in pictures for path in files):
        kinds["YOLO"] = None
    if not kinds and any("mask" in part.lower() or part == "SegmentationClass"
                         for path in pictures.values() for part in path.relative_to(folder).parts[:-1]):
        kinds["masks"] = None
    if kinds:
        return (f"{folder} holds annotations ({', '.join(kinds)}): pack them first: "
                f"d2lzh-cv data pack {shlex.quote(str(folder))} packed")
    return f"{folder} holds pictures without annotations" if pictures else None


def _files(folder: Path) -> Iterator[Path]:
    for path in listed(folder):
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file():
            yield path


def _kind(path: Path) -> str | None:
    marks = MARKS.get(path.suffix.lower())
    if not marks:
        return None
    with path.open("rb") as file:
        head = file.read(HEAD).replace(b"\0", b"").lower()  # UTF-16 has zeros
    return next((kind for mark, kind in marks if mark in head), None)
