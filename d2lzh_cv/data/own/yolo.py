"""YOLO: a text file a picture with lines ``class x y width height``, centre and size relative to the picture."""
from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from .entries import Box, Entry, Folder, Reading, names_in, numbers, read_lines, split_of

NAME_FILES = ("classes.txt", "obj.names", "classes.names", "labels/classes.txt", "obj_train_data/classes.txt")
LISTS = {"train.txt": "train", "val.txt": "val", "valid.txt": "val"}
_NO_LABELS = {"classes.txt", "test.txt", "labels.txt", "notes.txt", "requirements.txt", *LISTS}


def labels_of(folder: Folder) -> list[Path]:
    """The label files: those in folders called labels, or, where there are none, those that lie beside pictures."""
    texts = [path for path in folder.files if path.suffix == ".txt" and path.name not in _NO_LABELS
             and "ImageSets" not in path.parts and not path.name.lower().startswith("readme")]
    inside = [path for path in texts if "labels" in path.relative_to(folder.root).parts[:-1]]
    places = {picture.parent for picture in folder.pictures}
    return inside or [path for path in texts if path.parent in places]


def read(folder: Folder, names: list[str] | None = None) -> Reading:
    """Read every picture below ``folder`` with its labels. Raises InputError where no file names the classes."""
    names = names or _names(folder)
    entries, labels = [], {path: False for path in labels_of(folder)}
    for picture in folder.pictures:
        label = _label_of(picture, folder)
        entry = Entry(picture, folder.shown(label if label in labels else picture),
                      split=split_of(folder.shown(picture.parent)))
        if labels.get(label):
            entry.complain(f"is of two pictures, {folder.shown(picture)} the second")
        if label in labels:
            labels[label] = True
            _read_labels(label, entry, names)
        entries.append(entry)
    for label in (path for path, used in labels.items() if not used):
        entries.append(Entry(None, folder.shown(label)))
        entries[-1].complain("its picture is missing")
    return Reading("YOLO", entries + _split_by_lists(entries, folder), names, relative=True)


def _label_of(picture: Path, folder: Folder) -> Path:
    """images/a.jpg has labels/a.txt; elsewhere a.txt lies beside."""
    parts = list(picture.relative_to(folder.root).with_suffix(".txt").parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return folder.root.joinpath(*parts)


def _read_labels(path: Path, entry: Entry, names: list[str]) -> None:
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for i, line in enumerate(text.splitlines(), 1):
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


def _names(folder: Folder) -> list[str]:
    for path in sorted([*folder.root.glob("*.yaml"), *folder.root.glob("*.yml")]):
        names = _yaml_names(path)
        if names:
            return names
    names = names_in(folder.root, *NAME_FILES)
    if not names:
        raise InputError(f"no file names the classes of {folder.root}: it needs data.yaml with names, classes.txt or "
                         "obj.names; or give them with --classes")
    return names


def _yaml_names(path: Path) -> list[str] | None:
    """The list or the numbered mapping ``names``; the paths in the file are not followed."""
    import yaml
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"{path} is not valid YAML; mend it, or remove it and give --classes") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, dict):
        if sorted(map(str, names)) != sorted(map(str, range(len(names)))):
            raise InputError(f"{path}: the numbers of names are not 0 to {len(names) - 1}; mend them")
        names = [names.get(i, names.get(str(i))) for i in range(len(names))]
    if not isinstance(names, list):
        return None
    if not all(isinstance(name, (str, int, float)) for name in names):  # aliases within aliases grow without end
        raise InputError(f"{path}: names must be a list of words; mend it")
    return [str(name) for name in names]


def _split_by_lists(entries: list[Entry], folder: Folder) -> list[Entry]:
    """Take the splits of train.txt and val.txt, lists of pictures, by file name; complain of names there are not."""
    by_name = {entry.picture.name: entry for entry in entries if entry.picture}
    orphans = []
    for name, split in LISTS.items():
        path = folder.root / name
        for line in read_lines(path) if path.is_file() else []:
            entry = by_name.get(line.replace("\\", "/").rsplit("/", 1)[-1])
            if entry is None or ".." in line:
                orphans.append(Entry(None, name))
                orphans[-1].complain(f"the path {line!r} leads out of the folder" if ".." in line
                                     else f"names {line!r}, which is not there")
            elif entry.split not in (None, split) and split == "val" and (folder.root / "train.txt").is_file():
                entry.complain("is in both lists, of training and of validation")
            else:
                entry.split = split
    return orphans
