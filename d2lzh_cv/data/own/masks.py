"""A folder of pictures and one of masks: which belong together, and what is wrong with them."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from ...errors import InputError
from ..voc import VOC_CLASSES, VOC_COLORMAP
from . import pictures
from .entries import Entry, Folder, names_in, read_lines, split_of
from .mask_pixels import BORDER, Unknown, color_table, indices

PICTURE_FOLDERS = ("JPEGImages", "images", "imgs", "pictures")
MASK_FOLDERS = ("SegmentationClass", "masks", "mask", "labels", "annotations")


@dataclass
class Pair:
    """A picture and its mask, the name both get, and what the check found out."""

    entry: Entry
    mask: Path | None
    name: str
    values: frozenset[int] = frozenset()
    turn: bool = False
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Masks:
    """All pairs; class names, background first; the table of colours, None for VOC's; whether 255 is the one class."""

    pairs: list[Pair]
    names: list[str]
    table: dict[int, int] | None
    binary: bool


def folders_of(folder: Folder) -> tuple[Path, Path] | None:
    """The folder of pictures and that of masks, or None."""
    found = [next((folder.root / name for name in names if any(folder.root / name in picture.parents
                                                               for picture in folder.pictures)), None)
             for names in (PICTURE_FOLDERS, MASK_FOLDERS)]
    return (found[0], found[1]) if all(found) else None


def read(folder: Folder, classes: Sequence[str] | None) -> Masks:
    """Find and check all pairs. Raises InputError where the folders are missing or the classes cannot be."""
    places = folders_of(folder)
    if places is None:
        raise InputError(f"{folder.root} needs a folder of pictures ({', '.join(PICTURE_FOLDERS)}) and one of masks "
                         f"({', '.join(MASK_FOLDERS)})")
    table, names = color_table(folder.root)
    names = _with_background(classes or names or names_in(folder.root, "classes.txt", "labels.txt"))
    pairs = _pairs(folder, *places)
    for pair in tqdm(pairs, desc="checking", leave=False, disable=None):
        _check(pair, folder, table)
    binary = _are_binary(pairs)
    names = names or _default_names(pairs, folder, binary)
    _check_classes(pairs, names, binary, folder)
    return Masks(pairs, names, table, binary)


def _pairs(folder: Folder, of_pictures: Path, of_masks: Path) -> list[Pair]:
    """One pair a name below the two folders; a name that lacks one of the two, or has it twice, complains."""
    found: dict[str, tuple[list[Path], list[Path]]] = {}
    for path in folder.pictures:
        for i, place in enumerate((of_pictures, of_masks)):
            if place in path.parents:
                name = path.relative_to(place).with_suffix("").as_posix()
                found.setdefault(name.removesuffix("_mask") if i else name, ([], []))[i].append(path)
    lists, pairs = _lists(folder), []
    for name, (shown, masks) in sorted(found.items()):
        entry = Entry(shown[0] if shown else None, folder.shown((shown or masks)[0]),
                      split=lists.get(name) if lists else split_of(str(Path(name).parent)))
        for paths, what in ((shown, "picture"), (masks, "mask")):
            if len(paths) != 1:
                entry.complain(f"its {what} is missing" if not paths else
                               f"there are several {what}s: {', '.join(map(folder.shown, paths))}")
        pairs.append(Pair(entry, masks[0] if masks else None, name.replace("/", "_").replace(" ", "_")))
    _complain_of_names(pairs, lists, found)
    return pairs


def _lists(folder: Folder) -> dict[str, str]:
    lists = {}
    for part in ("train", "val"):
        path = folder.root / "ImageSets" / "Segmentation" / f"{part}.txt"
        lists.update((name, part) for name in (read_lines(path) if path.is_file() else []))
    return lists


def _complain_of_names(pairs: list[Pair], lists: dict[str, str], found: dict) -> None:
    first: dict[str, Pair] = {}
    for pair in pairs:
        if first.setdefault(pair.name, pair) is not pair:
            pair.entry.complain(f"would get the name {pair.name}, as would {first[pair.name].entry.where}")
    for name, part in lists.items():
        if name not in found:
            entry = Entry(None, f"ImageSets/Segmentation/{part}.txt")
            entry.complain(f"names {name}, which is not there")
            pairs.append(Pair(entry, None, name))


def _check(pair: Pair, folder: Folder, table: dict[int, int] | None) -> None:
    entry = pair.entry
    size = None
    if pair.mask is not None:
        try:
            pictures.look(pair.mask)
            pixels = indices(pair.mask, table)
            size = (pixels.shape[1], pixels.shape[0])
            pair.values = frozenset(np.unique(pixels).tolist())
        except (pictures.Unfit, Unknown) as error:
            entry.complain(str(error), folder.shown(pair.mask))
    if entry.picture is not None:
        try:
            pair.size, pair.turn = pictures.look(entry.picture, size)
        except pictures.Unfit as error:
            entry.complain(str(error).replace("annotation is for", "mask has"), folder.shown(entry.picture))


def _are_binary(pairs: list[Pair]) -> bool:
    """Whether all masks are of 0 and 255 only: then 255 is the one class, else VOC's border."""
    return frozenset().union(*(pair.values for pair in pairs)) in ({0, BORDER}, {BORDER})


def _default_names(pairs: list[Pair], folder: Folder, binary: bool) -> list[str]:
    if (folder.root / "SegmentationClass").is_dir() and not binary:
        return list(VOC_CLASSES)
    highest = 1 if binary else max((value for pair in pairs for value in pair.values if value != BORDER), default=1)
    return ["background", *(f"class {i}" for i in range(1, min(highest, len(VOC_COLORMAP) - 1) + 1))]


def _with_background(names: Sequence[str] | None) -> list[str] | None:
    if not names:
        return None
    names = list(names) if names[0] == "background" else ["background", *names]
    if len(names) > len(VOC_COLORMAP):
        raise InputError(f"there are {len(names) - 1} classes; the VOC tree of section 9.9 has colours for "
                         f"{len(VOC_COLORMAP) - 1}")
    return names


def _check_classes(pairs: list[Pair], names: list[str], binary: bool, folder: Folder) -> None:
    for pair in pairs if not binary else []:
        unknown = sorted(value for value in pair.values if value >= len(names) and value != BORDER)
        if unknown and pair.mask is not None:
            pair.entry.complain(f"the classes {', '.join(map(str, unknown[:8]))} are unknown; there are 0 to "
                                f"{len(names) - 1}", folder.shown(pair.mask))


