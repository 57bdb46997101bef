"""What the readers of annotations give, whatever the format: pictures with named boxes, and what is wrong with them."""
from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff")  # the last ones to be named as unfit
_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


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
    """One picture of the set, or an annotation of none (``picture`` None); with ``problems`` it cannot be used."""

    picture: Path | None
    where: str
    boxes: list[Box] = field(default_factory=list)
    split: str | None = None  # 'train', 'val', 'test'
    size: tuple[int, int] | None = None  # (width, height) the annotation claims
    problems: list[Problem] = field(default_factory=list)

    def complain(self, what: str, where: str | None = None) -> None:
        self.problems.append(Problem(where or self.where, what))


@dataclass
class Reading:
    """All that a reader found. ``relative`` is what its format prescribes; ``classes`` None: those that occur."""

    format: str
    entries: list[Entry]
    classes: list[str] | None = None
    relative: bool = False
    notes: list[str] = field(default_factory=list)


class Folder:
    """The folder of a set: finds the pictures that annotations name, and none outside of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = [path for path in sorted(root.rglob("*"))
                      if not any(part.startswith(".") for part in path.relative_to(root).parts) and path.is_file()]
        self.pictures = [path for path in self.files if path.suffix.lower() in SUFFIXES]
        self._places = sorted({path.parent for path in self.pictures})

    @cached_property
    def by_stem(self) -> dict[str, Path]:
        """The pictures by name without suffix, of several the first."""
        return {path.stem: path for path in reversed(self.pictures)}

    def shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def find(self, name: str, entry: Entry, near: Path) -> Path | None:
        """The picture called ``name`` by an annotation in the folder ``near``; None, and ``entry`` complains, if none.

        Looked for in ``near``, then in the folders with pictures, those of the entry's split first.
        """
        name = name.strip().replace("\\", "/")
        if re.match("[A-Za-z]:", name) or not self._inside(near / name):
            return entry.complain(f"the path {name!r} leads out of the folder")
        places = sorted(self._places, key=lambda place: split_of(self.shown(place)) != entry.split)
        for place in [near, self.root, *places]:
            path = Path(os.path.normpath(place / name))
            if name and self._inside(path) and path.is_file():
                return path
        return entry.complain(f"its picture {name!r} is missing" if name else "it names no picture")

    def _inside(self, path: Path) -> bool:
        return Path(os.path.normpath(path)).is_relative_to(self.root)


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


def split_of(name: str) -> str | None:
    """The split a file or folder name tells of: 'train' for ``instances_train2017.json`` or ``train/images``."""
    words = [_SPLITS.get(word) for word in re.split("[^a-z]+", name.lower())]
    return next((word for word in reversed(words) if word), None)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, stripped, without the empty ones."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip()]


def names_in(folder: Path, *files: str) -> list[str] | None:
    """The class names of the first of ``files`` that is in ``folder``, one a line."""
    return next((read_lines(folder / name) for name in files if (folder / name).is_file()), None)
