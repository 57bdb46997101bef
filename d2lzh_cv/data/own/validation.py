"""The check of all boxes, pictures and classes before packing. It lists problems and does not correct them."""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ...errors import InputError
from . import pictures
from .entries import Box, Entry, Problem, Reading
from .folder import Folder
from .names import clean, is_background, unique, without_background

NEAR = 2.0  # a box with all numbers within ±2, not all integers, counts as relative
SLACK = 1.0  # pixels by which a rounded corner may be outside; it is moved back


@dataclass(frozen=True)
class Sample:
    """A picture to pack: rows [class, xmin, ymin, xmax, ymax], relative corners; no row for a background picture."""

    picture: Path
    rows: list[list[float]]
    size: tuple[int, int]
    turn: bool
    split: str | None


@dataclass
class Checked:
    """The result: the pictures to pack, the class names, the number of bad pictures, and all problems."""

    samples: list[Sample]
    classes: list[str]
    relative: bool
    bad: int = 0
    problems: list[Problem] = field(default_factory=list)


def check(reading: Reading, folder: Folder, classes: Sequence[str] | None = None) -> Checked:
    """Check the annotations and pictures; ``classes`` replace the set's own.

    Raises InputError if no picture is found, or if a class name occurs twice.
    """
    _refuse_lost_pictures(reading, folder)
    boxes = [box for entry in reading.entries for box in entry.boxes]
    names = classes or reading.classes or sorted({box.name for box in boxes if box.name})
    names = unique([clean(name) for name in names], "--classes" if classes else reading.source)
    checked = Checked([], without_background(names), _are_relative(boxes, reading.relative))
    _find_duplicates(reading.entries, folder)
    for entry in tqdm(reading.entries, desc="checking", leave=False, disable=None):
        sample = _sample(entry, folder, checked)
        if entry.problems:
            checked.bad += 1
            checked.problems += entry.problems
        elif sample is not None:
            checked.samples.append(sample)
    return checked


def _refuse_lost_pictures(reading: Reading, folder: Folder) -> None:
    """Raise one InputError, in place of a problem per picture, if all pictures are in another folder."""
    lost = [entry for entry in reading.entries if entry.missing]
    if len(lost) > 1 and all(entry.picture is None for entry in reading.entries):
        raise InputError(f"none of the {len(lost)} pictures that {lost[0].where.split(', ')[0]} and others name is "
                         f"below {folder.pictures_root}, such as {lost[0].named!r}; name their folder with --pictures")


def _are_relative(boxes: list[Box], expected: bool) -> bool:
    """Return whether most boxes look relative; if as many do not, ``expected`` decides. Other boxes are problems."""
    relative = sum(_looks_relative(box) for box in boxes)
    return expected if 2 * relative == len(boxes) else 2 * relative > len(boxes)


def _looks_relative(box: Box) -> bool:
    highest = max(map(abs, box.corners))
    return highest <= 1 or (highest <= NEAR and not all(value == int(value) for value in box.corners))


def _find_duplicates(entries: list[Entry], folder: Folder) -> None:
    counts = Counter(entry.picture for entry in entries if entry.picture)
    first: dict[Path, Entry] = {}
    for entry in entries:
        if entry.picture and counts[entry.picture] > 1 and first.setdefault(entry.picture, entry) is not entry:
            entry.complain(f"annotates {folder.shown(entry.picture)}, and so does {first[entry.picture].where}")
            first[entry.picture].complain(f"annotates {folder.shown(entry.picture)}, and so does {entry.where}")


def _sample(entry: Entry, folder: Folder, checked: Checked) -> Sample | None:
    """Return the entry in its packed form; None if it has a problem."""
    if entry.picture is None:
        _check_boxes(entry, None, checked)
        return None
    size, turn = None, False
    try:
        size, turn = pictures.look(entry.picture, entry.size)
    except pictures.Unfit as error:
        entry.complain(str(error), folder.shown(entry.picture))
    rows = _check_boxes(entry, size, checked)
    return Sample(entry.picture, rows, size, turn, entry.split) if size and not entry.problems else None


def _check_boxes(entry: Entry, size: tuple[int, int] | None, checked: Checked) -> list[list[float]]:
    """Return the boxes as rows; without the picture's ``size``, some checks are left out."""
    rows = []
    for box in entry.boxes:
        if is_background(box.name):
            entry.complain(f"{box.name!r} is a word for the background, which has no boxes; remove the box, or rename "
                           "its class", box.where)
        elif box.name not in checked.classes:
            entry.complain(f"the class {box.name!r} is unknown; the classes are {_listed(checked.classes)}"
                           if box.name else "it names no class", box.where)
        fault = _fault(box, size, checked.relative)
        if fault:
            entry.complain(fault, box.where)
        elif size and box.name in checked.classes:
            rows.append([checked.classes.index(box.name), *_inside(box, size, checked.relative)])
    return rows


def _fault(box: Box, size: tuple[int, int] | None, relative: bool) -> str | None:
    """Return the problem of the corners, or None."""
    xmin, ymin, xmax, ymax = box.corners
    shown = f"the box ({xmin:g}, {ymin:g}, {xmax:g}, {ymax:g})"
    if xmax <= xmin or ymax <= ymin:
        return f"{shown} has {'a negative' if xmax < xmin or ymax < ymin else 'no'} width or height"
    if _looks_relative(box) != relative:
        return f"{shown} is {'in pixels' if relative else 'relative'}, the set's other boxes are not"
    if size is None:
        return None
    width, height = size if relative else (1, 1)
    if (xmax - xmin) * width < 0.5 or (ymax - ymin) * height < 0.5:
        return f"{shown} is less than half a pixel wide or high"
    low, high = min(xmin * width, ymin * height), max(xmax * width - size[0], ymax * height - size[1])
    if low < -SLACK or high > SLACK or xmin * width >= size[0] or ymin * height >= size[1]:
        return f"{shown} reaches outside the picture of {size[0]}×{size[1]} pixels"
    return None


def _inside(box: Box, size: tuple[int, int], relative: bool) -> list[float]:
    """Return relative corners, moved into [0, 1]."""
    scale = (1, 1) if relative else size
    return [min(max(value / scale[i % 2], 0.0), 1.0) for i, value in enumerate(box.corners)]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
