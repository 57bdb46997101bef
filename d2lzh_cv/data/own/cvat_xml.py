"""CVAT's export "for images": one XML file for all pictures, with shapes in pixels, counted from 0."""
from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from ...errors import InputError
from . import xml_file
from .entries import Box, Entry, Reading, numbers, size_of, split_of
from .folder import Finder, Folder
from .names import clean, unique

_PLURALS = {"box": "turned boxes", "polygon": "polygons", "ellipse": "ellipses", "mask": "masks"}
_SHAPES = {*_PLURALS, "polyline", "points", "cuboid", "skeleton"}


def files_of(folder: Folder) -> list[Path]:
    """Return the XML files in CVAT's format."""
    return [path for path in folder.with_suffix(".xml") if xml_file.kind_of(path, folder.texts) == xml_file.CVAT]


def read(folder: Folder, files: list[Path]) -> Reading:
    """Read the CVAT ``files``. Raises InputError naming a file of another kind."""
    roots = {path: _root(path, folder) for path in files}
    finder = folder.finder((path, _split(path, None, folder)) for path in files)
    classes: list[str] = []
    entries, outlined = [], Counter()
    for path, root in roots.items():
        classes += [name for name in _labels(root, folder.shown(path)) if name not in classes]
        entries += [_entry(image, path, folder, finder, outlined) for image in root.findall("image")]
    notes = [f"{count} {kind}: the box around each outline is taken" for kind, count in outlined.items()]
    return Reading("CVAT for images", entries, classes or None, source="the labels of CVAT's file", notes=notes)


def _root(path: Path, folder: Folder) -> Element:
    try:
        root = xml_file.parse(path, folder.texts, xml_file.CVAT)
    except xml_file.Unreadable as error:
        raise InputError(f"{folder.shown(path)}: {error}; export it again") from error
    if root.find("track") is not None and root.find("image") is None:
        raise InputError(f"{folder.shown(path)} is CVAT's export for video, which names no pictures; export it as "
                         "'CVAT for images', COCO or Pascal VOC")
    if root.find("image") is None:
        raise InputError(f"{folder.shown(path)} has no <image>; export it as 'CVAT for images'")
    return root


def _labels(root: Element, shown: str) -> list[str]:
    """Return the task's labels in their order, without labels of attributes and of skeleton points."""
    names = [clean(label.findtext("name") or "") for labels in root.iter("labels") for label in labels.findall("label")
             if not label.findtext("parent")]
    return unique(list(filter(None, names)), shown) if root.find("meta/task") is not None else list(
        dict.fromkeys(filter(None, names)))  # a project repeats the labels in each of its tasks


def _split(path: Path, subset: str | None, folder: Folder) -> str | None:
    return split_of(subset or "") or split_of(path.stem) or folder.split_of(path)


def _entry(image: Element, path: Path, folder: Folder, finder: Finder, outlined: Counter) -> Entry:
    name = image.get("name") or ""
    entry = Entry(None, f"{folder.shown(path)}, image {name or image.get('id')}",
                  split=_split(path, image.get("subset"), folder))
    entry.picture = finder.find(name, entry, path)
    entry.size = size_of(image.get("width"), image.get("height"))
    for i, shape in enumerate((item for item in image if item.tag in _SHAPES), 1):
        where = f"{entry.where}, {shape.tag} {i}"
        corners = _corners(shape)
        if corners is None:
            entry.complain("it has no outline from which a box can be taken; draw a box there, or remove it", where)
            continue
        if shape.tag != "box" or _radians(shape.get("rotation")):
            outlined[_PLURALS[shape.tag]] += 1
            corners = _within(corners, entry.size)
        entry.boxes.append(Box(clean(shape.get("label") or ""), corners, where))
    return entry


def _within(corners: tuple[float, ...], size: tuple[int, int] | None) -> tuple[float, ...]:
    """Move the corners of an outline's box into the picture."""
    return tuple(min(max(value, 0.0), float(size[i % 2])) for i, value in enumerate(corners)) if size else corners


def _corners(shape: Element) -> tuple[float, float, float, float] | None:
    """Return the box around a shape; None for lines and points, or if its numbers are incomplete."""
    def values(*names: str) -> list[float] | None:
        return numbers(shape.get(name) for name in names)

    if shape.tag == "box" and (box := values("xtl", "ytl", "xbr", "ybr")):
        return _turned(box, _radians(shape.get("rotation")))
    if shape.tag == "ellipse" and (ellipse := values("cx", "cy", "rx", "ry")):
        x, y, rx, ry = ellipse
        turn = _radians(shape.get("rotation"))
        wide = math.hypot(rx * math.cos(turn), ry * math.sin(turn))
        high = math.hypot(rx * math.sin(turn), ry * math.cos(turn))
        return x - wide, y - high, x + wide, y + high
    if shape.tag == "mask" and (mask := values("left", "top", "width", "height")):
        return mask[0], mask[1], mask[0] + mask[2], mask[1] + mask[3]
    if shape.tag == "polygon":
        points = [numbers(point.split(",")) for point in (shape.get("points") or "").split(";")]
        if len(points) > 2 and all(point and len(point) == 2 for point in points):
            return _around(points)
    return None


def _turned(box: list[float], turn: float) -> tuple[float, float, float, float]:
    """Return the upright box around a box that is turned around its centre by ``turn`` radians."""
    if not turn:
        return tuple(box)
    x, y, cos, sin = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, math.cos(turn), math.sin(turn)
    return _around([(x + dx * cos - dy * sin, y + dx * sin + dy * cos)
                    for dx in (box[0] - x, box[2] - x) for dy in (box[1] - y, box[3] - y)])


def _around(points: Iterable[Sequence[float]]) -> tuple[float, float, float, float]:
    xs, ys = zip(*points)
    return min(xs), min(ys), max(xs), max(ys)


def _radians(degrees: str | None) -> float:
    turn = numbers([degrees or 0])
    return math.radians(turn[0]) if turn else 0.0
