"""A folder of pictures and a folder of masks: the search for pairs, and their check."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ...files import read_json
from ..voc import VOC_CLASSES, VOC_COLORMAP
from . import pictures
from .entries import Entry, split_of_folders
from .folder import Folder
from .mask_pixels import BORDER, Unknown, color_table, indices
from .names import background_first, read_list
from .packed import NAME

PICTURE_FOLDERS = ("JPEGImages", "images", "imgs", "img", "pictures")
MASK_FOLDERS = ("SegmentationClass", "SegmentationClassPNG", "masks", "mask", "labels", "annotations")
CLASS_LISTS = ("classes.txt", "class_names.txt", "labels.txt")
_VOC_NAME = re.compile(r"\d{4}_\d{6}")  # of VOC's pictures, such as 2007_000032


@dataclass
class Pair:
    """A picture and its mask, their packed name, and the results of the check."""

    entry: Entry
    mask: Path | None
    name: str
    values: frozenset[int] = frozenset()
    in_color: bool = False
    turn: bool = False
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Masks:
    """All pairs of a set. ``names`` are the classes, background first; ``table`` is None for VOC's colours.

    ``binary`` tells whether 255 is the only class; ``unlisted`` counts the pairs that the set's lists do not name.
    """

    pairs: list[Pair]
    names: list[str]
    table: dict[int, int] | None
    binary: bool
    unlisted: int = 0


def folders_of(folder: Folder) -> tuple[Path, Path] | None:
    """Return (folder of pictures, folder of masks), or None if one is missing."""
    parents = {place for picture in folder.pictures for place in picture.parents}
    of_pictures, of_masks = (next((folder.root / name for name in names if folder.root / name in parents), None)
                             for names in (PICTURE_FOLDERS, MASK_FOLDERS))
    if of_pictures is None and folder.pictures_root != folder.root:
        of_pictures = folder.pictures_root
    return (of_pictures, of_masks) if of_pictures and of_masks else None


def read(folder: Folder, classes: Sequence[str] | None) -> Masks:
    """Find and check all pairs. Raises InputError if a folder is missing or the classes are not clear."""
    places = folders_of(folder)
    if places is None:
        raise InputError(f"{folder.root} needs a folder of pictures ({', '.join(PICTURE_FOLDERS)}) and one of masks "
                         f"({', '.join(MASK_FOLDERS)})")
    table, names, source = _names(folder, classes)
    pairs, unlisted = _pairs(folder, *places)
    for pair in tqdm(pairs, desc="checking", leave=False, disable=None):
        _check(pair, folder, table)
    binary = _are_binary(pairs, folder)
    if names is None:
        names = _default_names(pairs, folder, binary)
    elif binary and len(names) > 2:
        raise InputError(f"{source} names {len(names) - 1} classes, but the masks hold only 0 and 255, which is one "
                         "class or VOC's border; save them with the numbers of the classes, or name one class")
    _check_classes(pairs, names, binary, folder)
    return Masks(pairs, names, table, binary, unlisted)


def _names(folder: Folder, classes: Sequence[str] | None) -> tuple[dict[int, int] | None, list[str] | None, str]:
    """Return the table of colours, the class names, and their source: --classes, labelmap.txt, a list, classes.json."""
    table, names = color_table(folder)
    source = str(folder.root / "labelmap.txt")
    path = next((folder.root / name for name in CLASS_LISTS if (folder.root / name).is_file()), None)
    if classes:
        names, source = list(classes), "--classes"
    elif names is None and path:
        names, source = read_list(path, folder.texts), str(path)
    elif names is None and (folder.root / NAME).is_file():  # a tree that this package has packed
        content = read_json(folder.root / NAME)
        names = content.get("classes") if isinstance(content, dict) else None
        source = str(folder.root / NAME)
    if names is None:
        return table, None, source
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{source} does not hold a list of classes; correct it, or remove it and give --classes")
    names = background_first(names, source)
    if len(names) > len(VOC_COLORMAP):
        raise InputError(f"there are {len(names) - 1} classes; the VOC tree of section 9.9 has colours for "
                         f"{len(VOC_COLORMAP) - 1}")
    return table, names, source


def _pairs(folder: Folder, of_pictures: Path, of_masks: Path) -> tuple[list[Pair], int]:
    """Return a pair per name below the two folders, and the number of names that the set's lists leave out.

    A name without exactly one picture and one mask gets a problem. If one part has no list, it gets all other names.
    """
    files: dict[str, tuple[list[Path], list[Path]]] = {}
    for path in sorted({*folder.pictures, *folder.with_suffix(".png")}):
        for i, place in enumerate((of_pictures, of_masks)):
            if path.is_relative_to(place):
                name = path.relative_to(place).with_suffix("").as_posix()
                files.setdefault(name.removesuffix("_mask") if i else name, ([], []))[i].append(path)
    lists = _lists(folder)
    listed_parts = set(lists.values()) - {"test"}
    if len(listed_parts) == 1:
        rest = "val" if listed_parts == {"train"} else "train"
        lists.update((name, rest) for name in files if name not in lists)
    taken = [name for name in sorted(files) if name in lists or not lists]
    pairs = [_pair(name, *files[name], lists, folder) for name in taken]
    _complain_of_names(pairs, lists, files)
    return pairs, len(files) - len(taken)


def _pair(name: str, shown: list[Path], masks: list[Path], lists: dict[str, str], folder: Folder) -> Pair:
    entry = Entry(shown[0] if shown else None, folder.shown((shown or masks)[0]),
                  split=lists.get(name) if lists else split_of_folders(name.split("/")[:-1]))
    for paths, kind in ((shown, "picture"), (masks, "mask")):
        if len(paths) != 1:
            entry.complain(f"its {kind} is missing" if not paths else
                           f"there are several {kind}s: {', '.join(map(folder.shown, paths))}")
    return Pair(entry, masks[0] if masks else None, _packed_name(name))


def _packed_name(name: str) -> str:
    """Return a file name in UTF-8 without blanks, because blanks separate the names of a list."""
    text = re.sub(r"[/\s]", "_", name)
    return "".join(f"%{ord(letter) - 0xDC00:02X}" if "\udc80" <= letter <= "\udcff" else letter for letter in text)


def _lists(folder: Folder) -> dict[str, str]:
    lists: dict[str, str] = {}
    for part in ("train", "val", "test"):
        path = folder.root / "ImageSets" / "Segmentation" / f"{part}.txt"
        for line in filter(None, folder.texts.lines(path) if path.is_file() else []):
            if lists.setdefault(line, part) != part and {lists[line], part} == {"train", "val"}:
                raise InputError(f"{path}: {line} is in train.txt too; remove it from one of the two")
    return lists


def _complain_of_names(pairs: list[Pair], lists: dict[str, str], files: dict) -> None:
    first: dict[str, Pair] = {}
    for pair in pairs:
        if first.setdefault(pair.name, pair) is not pair:
            pair.entry.complain(f"would get the name {pair.name}, like {first[pair.name].entry.where}")
    for name, part in lists.items():
        if name not in files and part != "test":
            entry = Entry(None, f"ImageSets/Segmentation/{part}.txt")
            entry.complain(f"names {name}, which does not exist")
            pairs.append(Pair(entry, None, name))


def _check(pair: Pair, folder: Folder, table: dict[int, int] | None) -> None:
    entry, size = pair.entry, None
    if pair.mask is not None:
        try:
            pictures.look(pair.mask)
            pixels, pair.in_color = indices(pair.mask, table)
            size = (pixels.shape[1], pixels.shape[0])
            pair.values = frozenset(np.unique(pixels).tolist())
        except (pictures.Unfit, Unknown) as error:
            entry.complain(str(error), folder.shown(pair.mask))
    if entry.picture is not None:
        try:
            pair.size, pair.turn = pictures.look(entry.picture, size)
        except pictures.Unfit as error:
            entry.complain(str(error).replace("annotation is for", "mask has"), folder.shown(entry.picture))


def _are_binary(pairs: list[Pair], folder: Folder) -> bool:
    """Return whether the masks hold only 0 and 255: then 255 is the only class, else it is VOC's border.

    Raises InputError if only some masks do: 255 would be a class in some masks and the border in others.
    """
    black_and_white = [pair for pair in pairs
                       if BORDER in pair.values and pair.values <= {0, BORDER} and not pair.in_color]
    numbered = [pair for pair in pairs if pair.values - {0, BORDER}]
    if black_and_white and numbered:
        def names(some: list[Pair]) -> str:
            return ", ".join(folder.shown(pair.mask) for pair in some[:3]) + (" and others" if len(some) > 3 else "")
        raise InputError(f"the masks {names(black_and_white)} hold only 0 and 255, {names(numbered)} the numbers of "
                         "classes; save all in the same way")
    return bool(black_and_white)


def _default_names(pairs: list[Pair], folder: Folder, binary: bool) -> list[str]:
    """Return class names if no file has them: VOC's for VOC's own pictures or colours, else numbers."""
    if (folder.root / "SegmentationClass").is_dir() and not binary:
        names = [pair.name for pair in pairs if pair.mask and pair.entry.picture]
        if any(pair.in_color for pair in pairs) or (names and all(map(_VOC_NAME.fullmatch, names))):
            return list(VOC_CLASSES)
        raise InputError(f"no file names the classes of {folder.root}: it needs {', '.join(CLASS_LISTS)} or "
                         "labelmap.txt; or give them with --classes, in the order of the masks' values from 1 on")
    highest = 1 if binary else max((value for pair in pairs for value in pair.values if value != BORDER), default=1)
    return ["background", *(f"class {i}" for i in range(1, min(highest, len(VOC_COLORMAP) - 1) + 1))]


def _check_classes(pairs: list[Pair], names: list[str], binary: bool, folder: Folder) -> None:
    for pair in pairs if not binary else []:
        unknown = sorted(value for value in pair.values if value >= len(names) and value != BORDER)
        if unknown and pair.mask is not None:
            pair.entry.complain(f"the classes {', '.join(map(str, unknown[:8]))} are unknown; the classes are 0 to "
                                f"{len(names) - 1}", folder.shown(pair.mask))
