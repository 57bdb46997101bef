"""Tables of boxes with a header and a row per object: two corners, a corner with width and height, or VIA's shapes."""
from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from ...errors import InputError
from .entries import Box, Entry, Reading, numbers, size_of, split_of
from .folder import Finder, Folder
from .names import clean
from .voc_xml import class_list

COLUMNS = {
    "picture": ("filename", "file_name", "file", "image", "img", "img_name", "image_name", "image_path", "path",
                "picture", "image_id", "imageid"),
    "name": ("class", "label", "name", "class_name", "category", "labelname", "label_name"),
    "xmin": ("xmin", "x_min", "x1", "left"), "ymin": ("ymin", "y_min", "y1", "top"),
    "xmax": ("xmax", "x_max", "x2", "right"), "ymax": ("ymax", "y_max", "y2", "bottom"),
    "x": ("x", "bbox_x"), "y": ("y", "bbox_y"), "w": ("w", "bbox_width", "box_width", "width"),
    "h": ("h", "bbox_height", "box_height", "height"),
    "split": ("split", "set", "subset"),
    "shape": ("region_shape_attributes",), "attributes": ("region_attributes",),
}
SIZES = (("image_width", "image_height"), ("img_width", "img_height"), ("width", "height"))  # of the picture
CORNERS, SIZED, VIA = ("xmin", "ymin", "xmax", "ymax"), ("x", "y", "w", "h"), ("shape", "attributes")
_CLASS_KEYS = ("class", "label", "name", "category", "type", "object")


class Table:
    """The rows of a file, and the meaning of its columns; ``columns`` is None if a required column is missing.

    Raises InputError naming a file that is not a table.
    """

    def __init__(self, path: Path, folder: Folder) -> None:
        self.path, text = path, folder.texts.read(path)
        sep = re.match("sep=(.)\r?\n?", text, re.IGNORECASE)  # Excel's line that names the delimiter
        header = text[sep.end() if sep else 0:].lstrip().split("\n", 1)[0]
        self._delimiter = sep[1] if sep else max(",;\t|", key=header.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, skipinitialspace=True)
        try:
            self._rows = [(reader.line_num, row) for row in reader][1 if sep else 0:]
        except csv.Error as error:
            raise InputError(f"{folder.shown(path)} is not a table ({error}); export it again") from error
        self._rows = [(line, row) for line, row in self._rows if any(cell.strip() for cell in row)]
        self.header = [cell.strip().lower().replace(" ", "_") for cell in self._rows[0][1]] if self._rows else []
        self.columns = self._meanings()
        self._size = next((pair for pair in SIZES if set(pair) <= set(self.header) and not any(
            self.header[column] in pair for column in (self.columns or {}).values())), None)

    def _meanings(self) -> dict[str, int] | None:
        columns = {meaning: self.header.index(name) for meaning, aliases in COLUMNS.items()
                   for name in reversed(aliases) if name in self.header}
        if "picture" not in columns:
            return None
        for needed in (("name", *CORNERS), ("name", *SIZED), VIA):
            if set(needed) <= set(columns):
                return {name: columns[name] for name in ("picture", *needed, *{"split"} & set(columns))}
        return None

    def rows(self) -> list[tuple[int, list[str]]]:
        """Return the rows below the header, each with the number of its (last) line."""
        return self._rows[1:]

    def cell(self, row: list[str], meaning: str) -> str:
        """Return the row's cell in the column of that meaning; empty if there is no such column."""
        return row[self.columns[meaning]].strip() if meaning in self.columns else ""

    def numbers(self, row: list[str], names: tuple[str, ...]) -> list[float] | None:
        """Return cells as numbers, or None; if the delimiter is ';', a ',' can be the decimal point."""
        cells = [self.cell(row, name) for name in names]
        return numbers(cell.replace(",", ".") if self._delimiter == ";" else cell for cell in cells)

    def size(self, row: list[str]) -> tuple[int, int] | None:
        """Return the picture's (width, height) in pixels, or None if the table does not have it."""
        return size_of(*(row[self.header.index(name)].strip() for name in self._size)) if self._size else None


def files_of(folder: Folder) -> list[Path]:
    """Return the tables with columns for a picture, a class and a box."""
    return [path for path in folder.with_suffix(".csv", ".tsv") if _is_table(path, folder)]


def _is_table(path: Path, folder: Folder) -> bool:
    try:
        return Table(path, folder).columns is not None
    except InputError:
        return False


def read(folder: Folder, files: list[Path]) -> Reading:
    """Read the tables ``files``. Raises InputError for a missing column, or for any table that cannot be read."""
    entries: dict[tuple[Path, str], Entry] = {}
    tables = [Table(path, folder) for path in files]
    finder = folder.finder((path, _split_of(path, folder)) for path in files)
    for table in tables:
        if not table.columns:
            raise InputError(f"{folder.shown(table.path)} needs columns filename, class, xmin, ymin, xmax, ymax "
                             "(or x, y, w, h) in its first line")
        for line, row in table.rows():
            _read_row(row, f"{folder.shown(table.path)}, line {line}", table, entries, folder, finder)
    others = [table for path in folder.with_suffix(".csv", ".tsv") if path not in files
              and (table := Table(path, folder)).columns is None]
    notes = [f"{', '.join(folder.shown(table.path) for table in others[:4])}: skipped, because there are no columns "
             "of boxes"] if others else []
    classes, source = class_list(folder)
    return Reading("CSV", list(entries.values()), classes, source=source, notes=notes)


def _read_row(row: list[str], where: str, table: Table, entries: dict[tuple[Path, str], Entry], folder: Folder,
              finder: Finder) -> None:
    if len(row) != len(table.header):
        entry = entries.setdefault((table.path, where), Entry(None, where))
        return entry.complain(f"has {len(row)} cells where the header has {len(table.header)}")
    entry = _entry(row, where, table, entries, folder, finder)
    where = f"{where} ({table.cell(row, 'picture')})"
    if "shape" in table.columns:
        return _read_shape(table.cell(row, "shape"), table.cell(row, "attributes"), entry, where)
    cornered = "xmin" in table.columns
    names = CORNERS if cornered else SIZED
    cells = [table.cell(row, name) for name in names]
    if not any(cells):  # a picture without an object
        return None
    values = table.numbers(row, names)
    if values is None:
        return entry.complain(f"the box ({', '.join(cells)}) is not four numbers", where)
    if not cornered:
        values[2:] = values[0] + values[2], values[1] + values[3]
    entry.boxes.append(Box(clean(table.cell(row, "name")), tuple(values), where))
    return None


def _entry(row: list[str], where: str, table: Table, entries: dict[tuple[Path, str], Entry], folder: Folder,
           finder: Finder) -> Entry:
    """Return the entry of the row's picture; the picture's first row makes it."""
    name, cell = row[table.columns["picture"]], table.cell(row, "split")
    split = split_of(cell) if cell else _split_of(table.path, folder)
    entry, size = entries.get((table.path, name.strip())), table.size(row)
    if entry is None:
        entry = entries[table.path, name.strip()] = Entry(None, where, split=split, size=size)
        entry.picture = finder.find(name, entry, table.path)
    elif entry.split != split:
        entry.complain(f"{name} is in two splits", where)
    elif entry.size != size:
        entry.complain(f"{name} has another size here than in its first row", where)
    return entry


def _split_of(path: Path, folder: Folder) -> str | None:
    return split_of(path.stem) or folder.split_of(path)


def _read_shape(shape_text: str, attributes_text: str, entry: Entry, where: str) -> None:
    """Add a shape of the VGG Image Annotator, which writes JSON into the cells."""
    try:
        shape, attributes = json.loads(shape_text or "{}"), json.loads(attributes_text or "{}")
    except (ValueError, RecursionError):
        shape = attributes = None
    if not isinstance(shape, dict) or not isinstance(attributes, dict):
        return entry.complain("its region_shape_attributes or region_attributes are not JSON objects", where)
    if not shape:  # a picture without an object
        return None
    corners = _shape_corners(shape)
    if corners is None:
        return entry.complain(f"the shape {shape.get('name')!r} is no rectangle, circle, ellipse or polygon of numbers",
                              where)
    names = [name for name in map(_class_of, (attributes[key] for key in _class_attributes(attributes))) if name]
    if len(names) > 1:
        return entry.complain(f"it has several attributes ({', '.join(attributes)}); rename the attribute of the class "
                              "to 'class'", where)
    entry.boxes.append(Box(clean(names[0] if names else ""), corners, where))
    return None


def _class_attributes(attributes: dict) -> list[str]:
    """Return the attribute with a usual name for the class, such as "label"; without one, all attributes."""
    usual = [key for word in _CLASS_KEYS for key in attributes if key.strip().lower() == word]
    return usual[:1] or list(attributes)


def _class_of(value: object) -> str:
    """Return an attribute's text; for a choice, {"cat": true}, the chosen key."""
    if isinstance(value, dict):
        chosen = [key for key, yes in value.items() if yes is True]
        return chosen[0] if len(chosen) == 1 else ""
    return value if isinstance(value, str) else ""


def _shape_corners(shape: dict) -> tuple[float, float, float, float] | None:
    if shape.get("name") == "rect" and (box := numbers(shape.get(key) for key in ("x", "y", "width", "height"))):
        return box[0], box[1], box[0] + box[2], box[1] + box[3]
    xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
    if isinstance(xs, list) and isinstance(ys, list) and len(xs) == len(ys) > 2:
        points = numbers([*xs, *ys])
        return (min(points[:len(xs)]), min(points[len(xs):]), max(points[:len(xs)]), max(points[len(xs):])
                ) if points else None
    radius = shape.get("r")
    middle = numbers((shape.get("cx"), shape.get("cy"), shape.get("rx", radius), shape.get("ry", radius)))
    if middle and not shape.get("theta"):
        x, y, rx, ry = middle
        return x - rx, y - ry, x + rx, y + ry
    return None
