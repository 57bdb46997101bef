"""COCO: one JSON file for all pictures, or one a split, with boxes [x, y, width, height] in pixels."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import InputError
from .entries import Box, Entry, Folder, Reading, numbers, split_of

KEYS = ("images", "annotations", "categories")


def files_of(folder: Folder) -> list[Path]:
    """The JSON files that can be COCO's; of COCO's own download only the boxes, not captions or key points."""
    found = [path for path in folder.files if path.suffix.lower() == ".json" and _looks_like_coco(path)]
    instances = [path for path in found if "instances" in path.name]
    return instances or found


def read(folder: Folder, files: list[Path]) -> Reading:
    """Read the COCO ``files``. Raises InputError naming the file that is not COCO at all."""
    entries, classes, crowds = [], {}, 0
    for path in files:
        content = _load(path, folder)
        names = _names(content["categories"], folder.shown(path))
        classes.update((name, None) for _, name in sorted(names.items(), key=lambda pair: str(pair[0]).zfill(12)))
        by_id, images = _images(content["images"], path, folder)
        orphans, skipped = _annotate(content["annotations"], names, by_id, folder.shown(path))
        entries += images + orphans
        crowds += skipped
    notes = [f"{crowds} boxes of crowds (iscrowd) are left out: they hold no single object"] if crowds else []
    return Reading("COCO JSON", entries, list(classes), notes=notes)


def _looks_like_coco(path: Path) -> bool:
    """By the keys' names in the text: to parse every JSON file of a folder could take minutes."""
    content = path.read_bytes()
    return all(f'"{key}"'.encode() in content for key in KEYS[:2])


def _load(path: Path, folder: Folder) -> dict[str, Any]:
    shown = folder.shown(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{shown} is not valid JSON ({error}); export it again") from error
    for key in KEYS:
        rows = content.get(key) if isinstance(content, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{shown} is not COCO: it needs a list {key!r} of objects; export it again")
    return content


def _names(categories: list[dict], shown: str) -> dict[Any, str]:
    try:
        return {_key(row["id"]): str(row["name"]).strip() for row in categories}
    except KeyError as error:
        raise InputError(f"{shown}: a category lacks {error}; export it again") from error


def _images(rows: list[dict], path: Path, folder: Folder) -> tuple[dict[Any, Entry], list[Entry]]:
    by_id: dict[Any, Entry] = {}
    entries = []
    for i, row in enumerate(rows):
        name = row.get("file_name")
        entry = Entry(None, f"{folder.shown(path)}, image {name or row.get('id', i)}", split=_split(path, folder))
        entry.picture = folder.find(str(name or ""), entry, path.parent)
        size = numbers((row.get("width"), row.get("height")))
        entry.size = (int(size[0]), int(size[1])) if size and min(size) > 0 else None
        if "id" not in row or _key(row["id"]) in by_id:
            entry.complain(f"its id {row.get('id')!r} is missing or another image's too")
        else:
            by_id[_key(row["id"])] = entry
        entries.append(entry)
    return by_id, entries


def _split(path: Path, folder: Folder) -> str | None:
    return split_of(path.stem) or split_of(folder.shown(path.parent))


def _annotate(rows: list[dict], names: dict[Any, str], by_id: dict[Any, Entry],
              shown: str) -> tuple[list[Entry], int]:
    """Give each picture its boxes; returns entries for the annotations of no picture, and the number of crowds."""
    orphans, crowds = [], 0
    for i, row in enumerate(rows):
        where = f"{shown}, annotation {row.get('id', i)}"
        entry = by_id.get(_key(row.get("image_id")))
        if entry is None:
            orphans.append(Entry(None, where))
            orphans[-1].complain(f"is of image {row.get('image_id')!r}, which is not in the file")
        elif row.get("iscrowd") == 1:
            crowds += 1
        else:
            _add_box(entry, row, names, where)
    return orphans, crowds


def _add_box(entry: Entry, row: dict, names: dict[Any, str], where: str) -> None:
    box = row.get("bbox")
    values = numbers(box) if isinstance(box, list) and len(box) == 4 else None
    if values is None:
        return entry.complain("its bbox is not four numbers [x, y, width, height]", where)
    x, y, width, height = values
    category = row.get("category_id")
    name = names.get(_key(category), f"category_id {category!r}")
    entry.boxes.append(Box(name, (x, y, x + width, y + height), f"{where} ({entry.where.rsplit(', ')[-1]})"))


def _key(value: Any) -> Any:
    """Something a dictionary takes: a list for an id is as unknown as any other wrong one."""
    return value if isinstance(value, (int, str)) else repr(value)
