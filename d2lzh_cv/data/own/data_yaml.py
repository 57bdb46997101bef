"""The data.yaml of a YOLO set: class names, and which folders or lists are training and validation pictures."""
from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ...errors import InputError
from .entries import split_of
from .folder import Folder
from .names import clean, unique

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class DataYaml:
    """What the file says; without one, nothing. ``places`` and ``lists`` map folders and lists of pictures to their
    splits.
    """

    path: Path | None = None
    names: list[str] | None = None
    places: dict[Path, str] = field(default_factory=dict)
    lists: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def split_of(self, path: Path) -> str | None:
        """The split of a picture, or of a label, by the folder it lies in."""
        return next((split for place, split in self.places.items() if _mirrors(place, path)), None)

    def within(self, paths: Iterable[Path]) -> list[Path]:
        """Those of ``paths`` that lie in the folders, or in the folders of labels beside them."""
        return [path for path in paths if self.split_of(path)]


def _mirrors(place: Path, path: Path) -> bool:
    """Whether ``path`` lies in ``place``, or in what ``place`` is called with labels in place of images."""
    if path.is_relative_to(place):
        return True
    parts = ["labels" if part.lower() in ("images", "jpegimages", "imgs", "img") else part for part in place.parts]
    return path.is_relative_to(Path(*parts))


class _Loader(yaml.SafeLoader):
    """Scalars stay text (``no``, ``1e3`` and ``007`` are names), and a key may be there once only."""

    yaml_implicit_resolvers: dict = {}

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, (at, _) in zip(keys, node.value):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", at.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(folder: Folder) -> DataYaml:
    """Read the YAML file at the root of ``folder`` that names the classes.

    Raises InputError naming a file that is not valid YAML, whose names are not clear, or that names folders elsewhere.
    """
    files = [path for path in folder.with_suffix(".yaml", ".yml") if path.parent == folder.root]
    found = {path: content for path in files
             if isinstance(content := _load(path, folder), dict) and "names" in content}
    named = {path: _names(content["names"], content.get("nc"), path) for path, content in found.items()}
    if not named:
        return DataYaml()
    (path, names), *others = named.items()
    for other, different in others:
        if different != names:
            raise InputError(f"{path} and {other} name different classes; remove the one that is not of this set")
    return _with_places(path, names, found[path], folder)


def _load(path: Path, folder: Folder):
    try:
        return yaml.load(folder.texts.read(path), _Loader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(f"{path} is not valid YAML ({reason}); mend it, or remove it and give --classes") from error


def _names(names: object, count: object, path: Path) -> list[str] | None:
    """The list or the numbered mapping ``names``."""
    if isinstance(names, dict):
        numbers = {str(key).strip(): value for key, value in names.items()}
        if sorted(numbers) != sorted(map(str, range(len(numbers)))):
            raise InputError(f"{path}: the numbers of names are not 0 to {len(numbers) - 1}; mend them")
        names = [numbers[str(i)] for i in range(len(numbers))]
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise InputError(f"{path}: names must be a list of words; mend it")
    if count is not None and str(count).strip() != str(len(names)):
        raise InputError(f"{path} says nc: {count} but names {len(names)} classes; mend it")
    return unique([clean(name) for name in names], str(path))


def _with_places(path: Path, names: list[str], content: dict, folder: Folder) -> DataYaml:
    places, lists, gone = {}, {}, []
    for key, split in SPLITS.items():
        value = content.get(key)
        for said in value if isinstance(value, list) else [value] if value else []:
            if not isinstance(said, str):
                raise InputError(f"{path}: {key} must be a folder or a list of folders; mend it")
            place = _place(said, split, content.get("path"), path, folder)
            if place is None:
                gone.append(f"{said} ({key})")
            else:
                (lists if place.is_file() else places).setdefault(place, split)
    notes = [f"{path.name} names {', '.join(gone)}, which is not below {folder.root}"] if gone else []
    return DataYaml(path, names, places, lists, notes)


def _place(said: str, split: str, base: object, path: Path, folder: Folder) -> Path | None:
    """The folder or list that ``said`` means; None where there is none below the set's folder.

    It is relative to ``path:`` or to the file. Exports have a leading ``../`` too many, or the path of another computer
    in front: what of it is there counts.
    """
    said = said.replace("\\", "/").strip()
    parts = [part for part in said.split("/") if part not in ("", ".", "..")]
    ends = [parts[i:] for i in range(1, len(parts)) if i < len(parts) - 1 or split_of(parts[i]) == split]
    foreign = said.startswith("/") or said[1:2] == ":"
    tried = [*([path.parent / base.replace("\\", "/") / said] if isinstance(base, str) else []), path.parent / said,
             path.parent.joinpath(*parts), *(path.parent.joinpath(*end) for end in ends if foreign)]
    for place in (Path(os.path.normpath(place)) for place in tried):
        if any(place.is_relative_to(root) for root in (folder.root, folder.pictures_root)) and (
                place.is_dir() or (place.suffix == ".txt" and place.is_file())):
            return place
    return None
