"""YOLO: a text file per picture with lines ``class x y width height``, relative centre and size."""
from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from .data_yaml import DataYaml, read_yaml
from .entries import Box, Entry, Problem, Reading, numbers
from .folder import Folder
from .names import read_list

NAME_FILES = ("classes.txt", "obj.names", "classes.names", "class_names.txt", "labels/classes.txt",
              "obj_train_data/classes.txt")
_LIST_NAMES = {Path(name).name for name in NAME_FILES}
LISTS = {"train.txt": "train", "val.txt": "val", "valid.txt": "val", "test.txt": "test"}  # at the root of the set
_ABSOLUTE = re.compile("^([A-Za-z]:)?/+")  # lists may have the absolute paths of another computer


def labels_of(folder: Folder) -> list[Path]:
    """Return the label files: in folders named labels; without such folders, beside pictures.

    A file with the name of a class list counts if its first line is a label, or if it is empty and has a picture.
    """
    pictures = {picture.with_suffix("") for picture in folder.pictures}
    stems, places = {picture.name for picture in pictures}, {picture.parent for picture in pictures}

    def begins_like_a_label(path: Path) -> bool:
        words = next((line.split() for line in folder.texts.lines(path) if line), None)
        return path.stem in stems if words is None else len(words) >= 5 and numbers(words) is not None

    texts = [path for path in folder.with_suffix(".txt") if "ImageSets" not in path.parts
             and (path.name not in _LIST_NAMES or begins_like_a_label(path))]
    inside = [path for path in texts if any(part.lower() == "labels" for part in folder.folders_of(path))]
    return inside or [path for path in texts if path.parent in places and
                      (path.with_suffix("") in pictures or begins_like_a_label(path))]


def read(folder: Folder, names: Sequence[str] | None = None) -> Reading:
    """Read the pictures and labels below ``folder``; if data.yaml names folders, only those.

    Raises InputError if no file names the classes, or if two files differ.
    """
    described = read_yaml(folder)
    pictures, labels = folder.pictures, labels_of(folder)
    names, source = (list(names), "--classes") if names else _names(folder, described, labels)
    notes = list(described.notes)
    if described.places:
        pictures, labels = described.within(pictures), described.within(labels)
        notes += _pictures_elsewhere(folder, pictures)
    entries = _labelled(labels, folder, names, described)
    known = {os.path.realpath(entry.picture) for entry in entries if entry.picture}
    for picture in pictures:
        if os.path.realpath(picture) not in known:
            entries.append(Entry(picture, folder.shown(picture), split=_split(picture, folder, described)))
            entries[-1].complain("has no label file; an empty one says that the picture shows no object")
    return Reading("YOLO", entries + _split_by_lists(entries, folder, described), names, relative=True, source=source,
                   notes=notes)


def _labelled(labels: list[Path], folder: Folder, names: list[str], described: DataYaml) -> list[Entry]:
    """Return an entry per label file."""
    finder = folder.finder((label, _split(label, folder, described)) for label in labels)
    entries = []
    for label in labels:
        entry = Entry(None, folder.shown(label), split=_split(label, folder, described), named=label.stem)
        entry.picture = finder.find_stem(label.stem, entry, label)
        if entry.picture is None and not entry.problems:
            entry.missing = True
            entry.complain("its picture is missing")
        _read_labels(label, entry, names, folder)
        entries.append(entry)
    return entries


def _split(path: Path, folder: Folder, described: DataYaml) -> str | None:
    return described.split_of(path) or folder.split_of(path)


def _pictures_elsewhere(folder: Folder, taken: list[Path]) -> list[str]:
    """Return a line about pictures outside the folders of data.yaml."""
    left = sorted(set(folder.pictures) - set(taken))
    if not left:
        return []
    places = sorted({folder.shown(picture.parent) for picture in left})
    return [f"{len(left)} pictures in {', '.join(places[:4])}{' and other folders' * (len(places) > 4)} are not taken: "
            "data.yaml does not name their folder"]


def _read_labels(path: Path, entry: Entry, names: list[str], folder: Folder) -> None:
    for i, line in enumerate(folder.texts.lines(path), 1):
        words, where = line.split(), f"{entry.where}, line {i}"
        values = numbers(words)
        if not words:
            continue
        if values is None or len(values) != 5:
            entry.complain(f"needs 5 numbers, class x y width height; it has {len(words)} words", where)
            continue
        index, x, y, width, height = values
        known = index == int(index) and 0 <= index < len(names)
        entry.boxes.append(Box(names[int(index)] if known else f"number {words[0]}",
                               (x - width / 2, y - height / 2, x + width / 2, y + height / 2), where))


def _names(folder: Folder, described: DataYaml, labels: list[Path]) -> tuple[list[str], str]:
    """Return the class names and their file: data.yaml or a list. Raises InputError if two lists differ."""
    if described.names:
        return described.names, str(described.path)
    lists = {path: read_list(path, folder.texts) for path in (folder.root / name for name in NAME_FILES)
             if path.is_file() and path not in labels}
    if not lists:
        raise InputError(f"no file names the classes of {folder.root}: it needs data.yaml with names, classes.txt or "
                         "obj.names; or give them with --classes")
    (first, names), *others = lists.items()
    for path, other in others:
        if other != names:
            raise InputError(f"{first} and {path} name different classes; remove the one that is not of these labels, "
                             "or give them with --classes")
    return names, str(first)


def _split_by_lists(entries: list[Entry], folder: Folder, described: DataYaml) -> list[Entry]:
    """Set the splits by lists of pictures such as train.txt; return an entry with a problem for each unknown name."""
    by_picture = {entry.picture: entry for entry in entries if entry.picture}
    lists = {**{folder.root / name: split for name, split in LISTS.items()}, **described.lists}
    finder = folder.finder((path, None) for path in lists)
    orphans, listed = [], {}
    for path, split in lists.items():
        if path.with_suffix("") in {picture.with_suffix("") for picture in by_picture}:
            continue  # this is the label file of a picture named train or val
        for line in filter(None, folder.texts.lines(path) if path.is_file() else []):
            orphan = Entry(None, folder.shown(path))
            entry = by_picture.get(finder.find(_ABSOLUTE.sub("", line.replace("\\", "/")), orphan, path))
            if entry is None:
                if orphan.missing or not orphan.problems:
                    orphan.problems = [Problem(orphan.where, f"names {line!r}, which does not exist")]
                orphans.append(orphan)
            elif {split, listed.setdefault(entry.picture, split)} == {"train", "val"}:
                entry.complain("is in both lists, training and validation")
            else:
                entry.split = listed[entry.picture]
    return orphans
