"""A table of boxes: a header, then a row an object; corners, or a corner and width and height."""
from __future__ import annotations

import csv
from pathlib import Path

from ...errors import InputError
from .entries import Box, Entry, Folder, Reading, names_in, numbers, split_of

COLUMNS = {
    "picture": ("filename", "file_name", "file", "image", "img", "img_name", "image_name", "image_path", "path",
                "picture", "image_id", "imageid"),
    "name": ("class", "label", "name", "class_name", "category", "labelname"),
    "xmin": ("xmin", "x_min", "x1", "left"), "ymin": ("ymin", "y_min", "y1", "top"),
    "xmax": ("xmax", "x_max", "x2", "right"), "ymax": ("ymax", "y_max", "y2", "bottom"),
    "x": ("x", "bbox_x"), "y": ("y", "bbox_y"), "w": ("w", "bbox_width", "box_width", "width"),
    "h": ("h", "bbox_height", "box_height", "height"),
    "split": ("split", "set", "subset"),
}
CORNERS, SIZED = ("xmin", "ymin", "xmax", "ymax"), ("x", "y", "w", "h")


def files_of(folder: Folder) -> list[Path]:
    """The CSV files with columns for a picture, a class and a box."""
    return [path for path in folder.files if path.suffix.lower() == ".csv" and _columns(_rows(path)[:1])]


def read(folder: Folder, files: list[Path]) -> Reading:
    """Read the tables ``files``. Raises InputError for one without the columns that are needed."""
    entries: dict[tuple[Path, str], Entry] = {}
    for path in files:
        rows = _rows(path)
        columns = _columns(rows[:1])
        if not columns:
            raise InputError(f"{folder.shown(path)} needs columns filename, class, xmin, ymin, xmax, ymax "
                             "(or x, y, w, h) in its first line")
        for line, row in enumerate(rows[1:], 2):
            _read_row(row, len(rows[0]), f"{folder.shown(path)}, line {line}", path, columns, entries, folder)
    return Reading("CSV", list(entries.values()), names_in(folder.root, "classes.txt", "labels.txt"))


def _rows(path: Path) -> list[list[str]]:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter)]
    except csv.Error as error:
        raise InputError(f"{path} is not a table ({error}); export it again") from error


def _columns(header: list[list[str]]) -> dict[str, int] | None:
    """Where each meaning's column is, or None when one that is needed is absent."""
    names = [name.lower().replace(" ", "_") for name in header[0]] if header else []
    columns = {meaning: names.index(name) for meaning, aliases in COLUMNS.items()
               for name in reversed(aliases) if name in names}
    complete = {"picture", "name"} <= set(columns)
    return columns if complete and any(set(box) <= set(columns) for box in (CORNERS, SIZED)) else None


def _read_row(row: list[str], width: int, where: str, path: Path, columns: dict[str, int],
              entries: dict[tuple[Path, str], Entry], folder: Folder) -> None:
    if not any(row):
        return
    if len(row) != width:
        entry = entries.setdefault((path, where), Entry(None, where))
        return entry.complain(f"has {len(row)} cells where the header has {width}")
    entry = _entry(row, where, path, columns, entries, folder)
    cornered = set(CORNERS) <= set(columns)
    cells = [row[columns[name]] for name in (CORNERS if cornered else SIZED)]
    if not any(cells):  # a picture without an object
        return
    values = numbers(cells)
    if values is None:
        return entry.complain(f"the box ({', '.join(cells)}) is not four numbers", where)
    if not cornered:
        values[2:] = values[0] + values[2], values[1] + values[3]
    entry.boxes.append(Box(row[columns["name"]], tuple(values), f"{where} ({row[columns['picture']]})"))


def _entry(row: list[str], where: str, path: Path, columns: dict[str, int],
           entries: dict[tuple[Path, str], Entry], folder: Folder) -> Entry:
    """The entry of the row's picture, made when its first row comes."""
    name = row[columns["picture"]]
    split = split_of(row[columns["split"]] if "split" in columns else f"{folder.shown(path.parent)} {path.stem}")
    entry = entries.get((path, name))
    if entry is None:
        entry = entries[path, name] = Entry(None, where, split=split)
        entry.picture = folder.find(name, entry, path.parent)
    elif entry.split != split:
        entry.complain(f"{name} is in two splits", where)
    return entry
