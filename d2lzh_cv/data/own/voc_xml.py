"""Pascal VOC: an XML file per picture; lists in ImageSets/Main give the split."""
from __future__ import annotations

from pathlib import Path

from . import xml_file
from .entries import Box, Entry, Reading, numbers, size_of
from .folder import Finder, Folder
from .names import clean, read_list

CLASS_LISTS = ("classes.txt", "class_names.txt", "labels.txt", "predefined_classes.txt")


def files_of(folder: Folder) -> list[Path]:
    """Return the XML files in VOC's format; if there is one, also the XML files that cannot be read."""
    kinds = {path: xml_file.kind_of(path, folder.texts) for path in folder.with_suffix(".xml")}
    return [path for path, kind in kinds.items()
            if kind in (xml_file.VOC, xml_file.BROKEN)] if xml_file.VOC in kinds.values() else []


def read(folder: Folder, files: list[Path]) -> Reading:
    """Read the VOC ``files``, one per picture."""
    finder = folder.finder((path, folder.split_of(path)) for path in files)
    entries = {path: _entry(path, folder, finder) for path in files}
    _count_from_zero(list(entries.values()))
    orphans = _split_by_lists(entries, folder)
    classes, source = class_list(folder)
    return Reading("Pascal VOC XML", [*entries.values(), *orphans], classes, source=source)


def class_list(folder: Folder, names: tuple[str, ...] = CLASS_LISTS) -> tuple[list[str] | None, str]:
    """Return the class names in the first of the files ``names`` at the set's root, and its path; else (None, "")."""
    for name in names:
        path = folder.root / name
        if path.is_file():
            return read_list(path, folder.texts), str(path)
    return None, ""


def _entry(path: Path, folder: Folder, finder: Finder) -> Entry:
    entry = Entry(None, folder.shown(path), split=folder.split_of(path))
    try:
        root = xml_file.parse(path, folder.texts, xml_file.VOC)
    except xml_file.Unreadable as error:
        entry.complain(str(error))
        return entry
    if root.tag != "annotation":
        entry.complain(f"it is no annotation of Pascal VOC: it begins with <{root.tag}>")
        return entry
    entry.picture = _picture(root.findtext("filename") or "", path, entry, finder)
    entry.size = size_of(root.findtext("size/width"), root.findtext("size/height"))
    for i, item in enumerate(root.iter("object"), 1):
        corners = numbers(item.findtext(f"bndbox/{tag}") for tag in ("xmin", "ymin", "xmax", "ymax"))
        where = f"{entry.where}, object {i}"
        if corners is None:
            entry.complain("its bndbox is not four numbers xmin, ymin, xmax, ymax", where)
        else:
            entry.boxes.append(Box(clean(item.findtext("name") or ""), tuple(corners), where))
    return entry


def _picture(filename: str, path: Path, entry: Entry, finder: Finder) -> Path | None:
    """Return the picture that <filename> names; if it is missing, the picture with the XML file's own name."""
    picture = finder.find(filename.strip("\n") if filename.strip() else path.stem, entry, path)
    if picture is None and entry.missing:
        complaint = entry.problems.pop()
        picture = finder.find_stem(path.stem, entry, path)
        if picture is None and not entry.problems:
            entry.problems.append(complaint)
        entry.missing = picture is None
    return picture


def _count_from_zero(entries: list[Entry]) -> None:
    """Shift the boxes, because VOC counts pixels from 1, unless a 0 shows that the tool counts from 0."""
    lowest = [value for entry in entries for box in entry.boxes for value in box.corners[:2]]
    if any(0 <= value < 1 for value in lowest):
        return
    for entry in entries:
        entry.boxes = [_shifted(box) for box in entry.boxes]


def _shifted(box: Box) -> Box:
    xmin, ymin, xmax, ymax = box.corners
    if xmax <= xmin or ymax <= ymin:  # a click without a drag: it must not become a box of one pixel
        return box
    return Box(box.name, (xmin - 1, ymin - 1, xmax, ymax), box.where)


def _split_by_lists(entries: dict[Path, Entry], folder: Folder) -> list[Entry]:
    """Set the splits by the lists of each tree; return an entry with a problem for each name without annotation."""
    orphans = []
    for place in sorted({path.parent for path in folder.with_suffix(".txt")
                         if path.parts[-3:-1] == ("ImageSets", "Main")}):
        tree = place.parent.parent
        by_name = {path.stem: entry for path, entry in entries.items() if path.is_relative_to(tree)}
        listed = set()
        for split in ("train", "val", "test"):
            for line in folder.texts.lines(place / f"{split}.txt") if (place / f"{split}.txt").is_file() else []:
                name = line if line in by_name else line.rsplit(None, 1)[0] if line else ""
                where = folder.shown(place / f"{split}.txt")
                if not line:
                    continue
                if name not in by_name:
                    if split != "test":  # VOC publishes the names of its test pictures without their annotations
                        orphans.append(Entry(None, where))
                        orphans[-1].complain(f"names {line}, which has no annotation")
                elif name in listed and split == "val":
                    by_name[name].complain("is in both lists, train.txt and val.txt")
                elif name not in listed:
                    listed.add(name)
                    by_name[name].split = split
    return orphans
