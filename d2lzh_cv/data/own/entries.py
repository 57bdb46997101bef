"""The result of all annotation readers: pictures with boxes and class names, and their problems."""
from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

# Words in the names of folders or tables, such as train2017, val_images or instances_train2017.json.
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
           "testing": "test"}
_BESIDE = {"images", "image", "imgs", "img", "pictures", "labels", "label", "annotations", "annotation", "instances",
           "boxes", "box", "bbox", "bboxes", "objects", "coco", "voc", "yolo", "csv", "json", "set", "data", "dataset"}


@dataclass(frozen=True)
class Problem:
    """A problem: ``where`` is the file (and line or object), ``what`` the message."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Box:
    """An object: its class name, its corners (xmin, ymin, xmax, ymax) in the file's unit, and its place in the file."""

    name: str
    corners: tuple[float, float, float, float]
    where: str


@dataclass
class Entry:
    """A picture and its annotation; ``picture`` is None if it was not found. With ``problems`` it cannot be packed.

    ``named`` is the picture's name in the annotation, ``missing`` whether no picture has that name, ``split`` 'train',
    'val' or 'test', and ``size`` the (width, height) in pixels that the annotation claims.
    """

    picture: Path | None
    where: str
    boxes: list[Box] = field(default_factory=list)
    split: str | None = None
    size: tuple[int, int] | None = None
    named: str = ""
    missing: bool = False
    problems: list[Problem] = field(default_factory=list)

    def complain(self, what: str, where: str | None = None) -> None:
        """Add a problem; ``where`` is its place, by default the entry's."""
        self.problems.append(Problem(where or self.where, what))


@dataclass
class Reading:
    """The result of reading a set.

    ``classes`` is None if no file names them, ``relative`` whether the format has relative coordinates, ``source`` the
    file that names the classes, and ``notes`` are lines to print.
    """

    format: str
    entries: list[Entry]
    classes: list[str] | None = None
    relative: bool = False
    source: str = ""
    notes: list[str] = field(default_factory=list)


def number(value: object) -> float:
    """Return ``value`` as a finite number. Raises ValueError or TypeError."""
    if isinstance(value, bool) or value is None:
        raise ValueError("not a number")
    result = float(value)  # type: ignore[arg-type]
    if not math.isfinite(result):
        raise ValueError("not finite")
    return result


def numbers(values: Iterable[object]) -> list[float] | None:
    """Return ``values`` as finite numbers, or None if one of them is not."""
    try:
        return [number(value) for value in values]
    except (TypeError, ValueError):
        return None


def size_of(width: object, height: object) -> tuple[int, int] | None:
    """Return a size in pixels, or None if an annotation gives none (some tools write 0)."""
    size = numbers((width, height))
    return (int(size[0]), int(size[1])) if size and min(size) > 0 else None


def split_of(name: str) -> str | None:
    """Return the split in a name: 'train' for ``train2017`` or ``instances_train``, None for ``test_rig``."""
    words = [word for word in re.split("[^a-z]+", name.lower()) if word]
    splits = [_SPLITS[word] for word in words if word in _SPLITS]
    return splits[0] if len(splits) == 1 and all(word in _SPLITS or word in _BESIDE for word in words) else None


def split_of_folders(folders: Iterable[str]) -> str | None:
    """Return the first split in the names of ``folders``, from the outermost on, or None."""
    return next(filter(None, map(split_of, folders)), None)
