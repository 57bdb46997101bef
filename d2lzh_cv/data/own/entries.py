"""What the readers of annotations give, whatever the format: pictures with named boxes, and what is wrong with them."""
from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

# Of a folder of the layout or of a table, such as train2017, val_images or instances_train2017.json.
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
           "testing": "test"}
_BESIDE = {"images", "image", "imgs", "img", "pictures", "labels", "label", "annotations", "annotation", "instances",
           "boxes", "box", "bbox", "bboxes", "objects", "coco", "voc", "yolo", "csv", "json", "set", "data", "dataset"}


@dataclass(frozen=True)
class Problem:
    """Something wrong: in which file (and line or object), and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Box:
    """An object: its class, its corners (xmin, ymin, xmax, ymax) as the file has them, and where the file has it."""

    name: str
    corners: tuple[float, float, float, float]
    where: str


@dataclass
class Entry:
    """One picture of the set, or an annotation of none (``picture`` None); with ``problems`` it cannot be used.

    ``named`` is what the annotation calls its picture, ``missing`` whether there is none of that name, ``split``
    'train', 'val' or 'test', and ``size`` the (width, height) in pixels that the annotation claims.
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
        """Add a problem, of the entry or of the place ``where`` in its file."""
        self.problems.append(Problem(where or self.where, what))


@dataclass
class Reading:
    """All that a reader found.

    ``relative`` is what the format prescribes for coordinates, ``classes`` None means those that occur, ``source`` says
    which file names the classes, ``notes`` are lines for the reader.
    """

    format: str
    entries: list[Entry]
    classes: list[str] | None = None
    relative: bool = False
    source: str = ""
    notes: list[str] = field(default_factory=list)


def number(value: object) -> float:
    """A finite number, or ValueError."""
    if isinstance(value, bool) or value is None:
        raise ValueError("not a number")
    result = float(value)  # type: ignore[arg-type]
    if not math.isfinite(result):
        raise ValueError("not finite")
    return result


def numbers(values: Iterable[object]) -> list[float] | None:
    """All ``values`` as finite numbers, or None when one is not."""
    try:
        return [number(value) for value in values]
    except (TypeError, ValueError):
        return None


def size_of(width: object, height: object) -> tuple[int, int] | None:
    """The size in pixels that an annotation claims; None where it claims none (some tools write 0)."""
    size = numbers((width, height))
    return (int(size[0]), int(size[1])) if size and min(size) > 0 else None


def split_of(name: str) -> str | None:
    """The split that one name tells of: 'train' for ``train2017`` or ``instances_train``, None for ``test_rig``."""
    words = [word for word in re.split("[^a-z]+", name.lower()) if word]
    found = [_SPLITS[word] for word in words if word in _SPLITS]
    return found[0] if len(found) == 1 and all(word in _SPLITS or word in _BESIDE for word in words) else None


def split_of_folders(folders: Iterable[str]) -> str | None:
    """The split that the outermost of ``folders`` tells of that tells of any."""
    return next(filter(None, map(split_of, folders)), None)
