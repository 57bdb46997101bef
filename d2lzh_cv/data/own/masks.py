"""A folder of pictures and one of masks: which belong together, and what is wrong with them."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

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
_OF_VOC = re.compile(r"\d{4}_\d{6}")  # what VOC calls its pictures, from 2007_000032 on


@dataclass
class Pair:
    """A picture and its mask, the name both get, and what the check found out."""

    entry: Entry
    mask: Path | None
    name: str
    values: frozenset[int] = frozenset()
    in_color: bool = False
    turn: bool = False
    size: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Masks:
    """All pairs; class names, background first; the table of colours, None for VOC's; whether 255 is the one class.

    ``unlisted`` counts the pictures and masks that the set's own lists leave out.
    """

    pairs: list[Pair]
    names: list[str]
    table: dict[int, int] | None
    binary: bool
    unlisted: int = 0


def folders_of(folder: Folder) -> tuple[Path, Path] | None:
    """The folder of pictures and that of masks, or None."""
    holding = {place for picture in folder.pictures for place in picture.parents}
    found = [next((folder.root / name for name in names if folder.root / name in holding), None)
             for names in (PICTURE_FOLDERS, MASK_FOLDERS)]
    if found[0] is None and folder.pictures_root != folder.root:
        found[0] = folder.pictures_root
    return (found[0], found[1]) if all(found) else None


def read(folder: Folder, classes: Sequence[str] | None) -> Masks:
    """Find and check all pairs. Raises InputError where the folders are missing or the classes cannot be."""
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
    """The table of colours, the names, and which file has them: --classes, labelmap.txt, a list, or classes.json."""
    table, names = color_table(folder)
    source = str(folder.root / "labelmap.txt")
    path = next((folder.root / name for name in CLASS_LISTS if (folder.root / name).is_file()), None)
    if classes:
        names, source = list(classes), "--classes"
    elif names is None and path:
        names, source = read_list(path, folder.texts), str(path)
    elif names is None and (folder.root / NAME).is_file():  # a tree that was packed here
        content = read_json(folder.root / NAME)
        names = content.get("classes") if isinstance(content, dict) else None
        source = str(folder.root / NAME)
    if names is None:
        return table, None, source
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{source} does not hold a list of classes; mend it, or remove it and give --classes")
    names = background_first(names, source)
    if len(names) > len(VOC_COLORMAP):
        raise InputError(f"there are {len(names) - 1} classes; the VOC tree of section 9.9 has colours for "
                         f"{len(VOC_COLORMAP) - 1}")
    return table, names, source


def _pairs(folder: Folder, of_pictures: Path, of_masks: Path) -> tuple[list[Pair], int]:
    """One pair per name below the two folders; a name that lacks one of the two, or has it twice, complains.

    Lists of both parts leave out what they do not name; returns how many names that are. Beside one list alone, the
    rest is the other part.
    """
    found: dict[str, tuple[list[Path], list[Path]]] = {}
    for path in sorted({*folder.pictures, *folder.with_suffix(".png")}):
        for i, place in enumerate((of_pictures, of_masks)):
            if path.is_relative_to(place):
                name = path.relative_to(place).with_suffix("").as_posix()
                found.setdefault(name.removesuffix("_mask") if i else name, ([], []))[i].append(path)
    lists = _lists(folder)
    alone = set(lists.values()) - {"test"}
    if len(alone) == 1:
        rest = "val" if alone == {"train"} else "train"
        lists.update((name, rest) for name in found if name not in lists)
    taken = [name for name in sorted(found) if name in lists or not lists]
    pairs = [_pair(name, *found[name], lists, folder) for name in taken]
    _complain_of_names(pairs, lists, found)
    return pairs, len(found) - len(taken)


def _pair(name: str, shown: list[Path], masks: list[Path], lists: dict[str, str], folder: Folder) -> Pair:
    entry = Entry(shown[0] if shown else None, folder.shown((shown or masks)[0]),
                  split=lists.get(name) if lists else split_of_folders(name.split("/")[:-1]))
    for paths, what in ((shown, "picture"), (masks, "mask")):
        if len(paths) != 1:
            entry.complain(f"its {what} is missing" if not paths else
                           f"there are several {what}s: {', '.join(map(folder.shown, paths))}")
    return Pair(entry, masks[0] if masks else None, _packed_name(name))


def _packed_name(name: str) -> str:
    """A name for a list that blanks divide and that is UTF-8, whatever the bytes of the file's own."""
    text = re.sub(r"[/\s]", "_", name)
    return "".join(f"%{ord(letter) - 0xDC00:02X}" if "\udc80" <= letter <= "\udcff" else letter for letter in text)


def _lists(folder: Folder) -> dict[str, str]:
    lists: dict[str, str] = {}
    for part in ("train", "val", "test"):
        path = folder.root / "ImageSets" / "Segmentation" / f"{part}.txt"
        for line in filter(None, folder.texts.lines(path) if path.is_file() else []):
            if lists.setdefault(line, part) != part and {lists[line], part} == {"train", "val"}:
                raise InputError(f"{path}: {line} is in train.txt too; a picture is for one of the two")
    return lists


def _complain_of_names(pairs: list[Pair], lists: dict[str, str], found: dict) -> None:
    first: dict[str, Pair] = {}
    for pair in pairs:
        if first.setdefault(pair.name, pair) is not pair:
            pair.entry.complain(f"would get the name {pair.name}, as would {first[pair.name].entry.where}")
    for name, part in lists.items():
        if name not in found and part != "test":
            entry = Entry(None, f"ImageSets/Segmentation/{part}.txt")
            entry.complain(f"names {name}, which is not there")
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
    """Whether all masks are of 0 and 255 only: then 255 is the one class, else VOC's border.

    Raises InputError where some are and others are not: 255 would be the object of some and no class in others.
    """
    black_and_white = [pair for pair in pairs
                       if BORDER in pair.values and pair.values <= {0, BORDER} and not pair.in_color]
    numbered = [pair for pair in pairs if pair.values - {0, BORDER}]
    if black_and_white and numbered:
        def names(of: list[Pair]) -> str:
            return ", ".join(folder.shown(pair.mask) for pair in of[:3]) + (" and others" if len(of) > 3 else "")
        raise InputError(f"the masks {names(black_and_white)} hold only 0 and 255, {names(numbered)} the numbers of "
                         "classes; save all in one way")
    return bool(black_and_white)


def _default_names(pairs: list[Pair], folder: Folder, binary: bool) -> list[str]:
    """Names where no file has them: VOC's for VOC's own pictures or colours, numbers for a plain folder of masks."""
    if (folder.root / "SegmentationClass").is_dir() and not binary:
        whole = [pair for pair in pairs if pair.mask and pair.entry.picture]
        if any(pair.in_color for pair in pairs) or (whole and all(_OF_VOC.fullmatch(pair.name) for pair in whole)):
            return list(VOC_CLASSES)
        raise InputError(f"no file names the classes of {folder.root}: it needs {', '.join(CLASS_LISTS)} or "
                         "labelmap.txt; or give them with --classes, in the order of the masks' values from 1 on")
    highest = 1 if binary else max((value for pair in pairs for value in pair.values if value != BORDER), default=1)
    return ["background", *(f"class {i}" for i in range(1, min(highest, len(VOC_COLORMAP) - 1) + 1))]


def _check_classes(pairs: list[Pair], names: list[str], binary: bool, folder: Folder) -> None:
    for pair in pairs if not binary else []:
        unknown = sorted(value for value in pair.values if value >= len(names) and value != BORDER)
        if unknown and pair.mask is not None:
            pair.entry.complain(f"the classes {', '.join(map(str, unknown[:8]))} are unknown; there are 0 to "
                                f"{len(names) - 1}", folder.shown(pair.mask))
