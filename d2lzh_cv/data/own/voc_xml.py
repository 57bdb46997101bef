"""Pascal VOC: an XML file a picture; lists in ImageSets/Main tell the training and validation pictures."""
from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from .entries import Box, Entry, Folder, Reading, names_in, numbers, read_lines, split_of

LIMIT = 16 << 20  # bytes: no annotation of one picture is larger


class _Refused(ValueError):
    pass


class _Builder(ElementTree.TreeBuilder):
    """Stops at a document type, the place where entities that expand without end or read other files are declared."""

    def doctype(self, name, pubid, system):
        raise _Refused("it declares a DOCTYPE, which an annotation does not need and which can hide an attack")


def read(folder: Folder) -> Reading:
    """Read every XML file below ``folder``."""
    files = [path for path in folder.files if path.suffix.lower() == ".xml"]
    entries = [_entry(path, folder) for path in files]
    _from_zero(entries)
    orphans = _split_by_lists(dict(zip([path.stem for path in files], entries)), folder.root / "ImageSets" / "Main")
    return Reading("Pascal VOC XML", entries + orphans, names_in(folder.root, "classes.txt", "labels.txt"))


def _entry(path: Path, folder: Folder) -> Entry:
    entry = Entry(None, folder.shown(path), split=split_of(folder.shown(path.parent)))
    try:
        root = _parse(path)
    except (ElementTree.ParseError, ValueError, LookupError, OSError) as error:
        entry.complain(str(error) if isinstance(error, _Refused) else f"it is not valid XML ({error})")
        return entry
    entry.picture = _picture(root, path, entry, folder)
    size = numbers((root.findtext("size/width"), root.findtext("size/height")))
    if size and min(size) > 0:  # some tools write 0
        entry.size = int(size[0]), int(size[1])
    for i, item in enumerate(root.iter("object"), 1):
        corners = numbers(item.findtext(f"bndbox/{tag}") for tag in ("xmin", "ymin", "xmax", "ymax"))
        where = f"{entry.where}, object {i}"
        if corners is None:
            entry.complain("its bndbox is not four numbers xmin, ymin, xmax, ymax", where)
        else:
            entry.boxes.append(Box((item.findtext("name") or "").strip(), tuple(corners), where))
    return entry


def _parse(path: Path) -> ElementTree.Element:
    content = path.read_bytes()
    if len(content) > LIMIT:
        raise _Refused(f"it has more than {LIMIT >> 20} MB, too much for an annotation of one picture")
    parser = ElementTree.XMLParser(target=_Builder())
    parser.feed(content)
    return parser.close()


def _picture(root: ElementTree.Element, path: Path, entry: Entry, folder: Folder) -> Path | None:
    """What <filename> says; where no such file is, the picture with the XML file's own name, as the VOC tree has it."""
    said = (root.findtext("filename") or "").strip()
    before = len(entry.problems)
    found = folder.find(said or path.stem, entry, path.parent)
    if found or "leads out" in str(entry.problems[-1]):
        return found
    if path.stem not in folder.by_stem:
        return None
    del entry.problems[before:]
    return folder.by_stem[path.stem]


def _from_zero(entries: list[Entry]) -> None:
    """VOC counts pixels from 1 and includes the last; tools that count from 0 give themselves away by a 0."""
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


def _split_by_lists(by_name: dict[str, Entry], lists: Path) -> list[Entry]:
    """Set the split of each entry; returns an entry that complains for each name without annotation."""
    orphans = []
    for split in ("train", "val"):
        path = lists / f"{split}.txt"
        for line in read_lines(path) if path.is_file() else []:
            name, where = line.split()[0], f"ImageSets/Main/{split}.txt"
            entry = by_name.get(name)
            if entry is None:
                orphans.append(Entry(None, where))
                orphans[-1].complain(f"names {name}, which has no annotation")
            elif split == "val" and entry.split == "train" and (lists / "train.txt").is_file():
                entry.complain("is in both lists, train.txt and val.txt")
            else:
                entry.split = split
    return orphans
