"""COCO: one JSON file for all pictures, or one per split, with boxes [x, y, width, height] in pixels."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import InputError
from .entries import Box, Entry, Reading, numbers, size_of, split_of
from .folder import Finder, Folder
from .names import clean, unique

KEYS = ("images", "annotations", "categories")


def files_of(folder: Folder) -> list[Path]:
    """Return the JSON files that can be COCO; of COCO's own files only the boxes, not captions or key points."""
    candidates = [path for path in folder.with_suffix(".json") if looks_like(path, *KEYS[:2])]
    instances = [path for path in candidates if "instances" in path.name]
    return instances or candidates


def looks_like(path: Path, *keys: str) -> bool:
    """Return whether the file's text contains all ``keys`` in quotes; to parse every file could take minutes."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; make it readable or remove it") from error
    content = content.replace(b"\0", b"")  # UTF-16 has zeros
    return all(f'"{key}"'.encode() in content for key in keys)


def read(folder: Folder, files: list[Path]) -> Reading:
    """Read the COCO ``files``. Raises InputError naming a file that is not COCO."""
    entries, classes, crowds = [], {}, 0
    finder = folder.finder((path, _split(path, folder)) for path in files)
    for path in files:
        content = _load(path, folder)
        names = _names(content["categories"], folder.shown(path))
        classes.update((name, None) for _, name in sorted(names.items(), key=lambda pair: pair[0].zfill(12)))
        by_id, images = _images(content["images"], path, folder, finder)
        orphans, skipped = _annotate(content["annotations"], names, by_id, folder.shown(path))
        entries += images + orphans
        crowds += skipped
    notes = [f"{crowds} boxes of crowds (iscrowd) are left out: each covers several objects"] if crowds else []
    return Reading("COCO JSON", entries, list(classes), source="the categories of the JSON file", notes=notes)


def _load(path: Path, folder: Folder) -> dict[str, Any]:
    shown = folder.shown(path)
    try:
        content = json.loads(folder.texts.read(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{shown} is not valid JSON ({error}); export it again") from error
    for key in KEYS:
        rows = content.get(key) if isinstance(content, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{shown} is not COCO: it needs a list {key!r} of objects; export it again")
    return content


def _names(categories: list[dict], shown: str) -> dict[str, str]:
    """Return the classes by id. Raises InputError for an id or a name that occurs twice."""
    names: dict[str, str] = {}
    for row in categories:
        try:
            key, name = _key(row["id"]), clean(row["name"])
        except KeyError as error:
            raise InputError(f"{shown}: a category lacks {error}; export it again") from error
        if key in names:
            raise InputError(f"{shown}: the categories {names[key]!r} and {name!r} have the same id {key}; give each "
                             "its own id")
        names[key] = name
    unique(list(names.values()), shown, [f"category {key}" for key in names])
    return names


def _images(rows: list[dict], path: Path, folder: Folder, finder: Finder) -> tuple[dict[str, Entry], list[Entry]]:
    by_id: dict[str, Entry] = {}
    entries = []
    for i, row in enumerate(rows):
        name = row.get("file_name")
        entry = Entry(None, f"{folder.shown(path)}, image {name or row.get('id', i)}", split=_split(path, folder))
        entry.picture = finder.find(str(name or ""), entry, path)
        entry.size = size_of(row.get("width"), row.get("height"))
        if "id" not in row or _key(row["id"]) in by_id:
            entry.complain(f"its id {row.get('id')!r} is missing, or another image has it too")
        else:
            by_id[_key(row["id"])] = entry
        entries.append(entry)
    return by_id, entries


def _split(path: Path, folder: Folder) -> str | None:
    return split_of(path.stem) or folder.split_of(path)


def _annotate(rows: list[dict], names: dict[str, str], by_id: dict[str, Entry],
              shown: str) -> tuple[list[Entry], int]:
    """Add the boxes to their pictures; return entries for annotations without a picture, and the number of crowds."""
    orphans, crowds = [], []
    for i, row in enumerate(rows):
        where = f"{shown}, annotation {row.get('id', i)}"
        entry = by_id.get(_key(row.get("image_id")))
        if entry is None:
            orphans.append(Entry(None, where))
            orphans[-1].complain(f"belongs to image {row.get('image_id')!r}, which is not in the file")
        elif row.get("iscrowd") in (1, True, "1"):
            crowds.append(entry)
        else:
            _add_box(entry, row, names, where)
    for entry in crowds:
        if not entry.boxes and not entry.problems:
            entry.complain("has only a crowd (iscrowd), which is neither an object nor background")
    return orphans, len(crowds)


def _add_box(entry: Entry, row: dict, names: dict[str, str], where: str) -> None:
    box = row.get("bbox")
    values = numbers(box) if isinstance(box, list) and len(box) == 4 else None
    if values is None:
        return entry.complain("its bbox is not four numbers [x, y, width, height]", where)
    x, y, width, height = values
    category = row.get("category_id")
    name = names.get(_key(category), f"category_id {category!r}")
    entry.boxes.append(Box(name, (x, y, x + width, y + height), f"{where} ({entry.where.rsplit(', ')[-1]})"))


def _key(value: Any) -> str:
    """Return an id in a form to compare: 7, 7.0 and "7" are equal."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value.strip() if isinstance(value, str) else repr(value)
