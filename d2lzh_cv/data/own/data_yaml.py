"""The data.yaml of a YOLO set: class names, and the folders or lists of each split."""
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
    """The content of data.yaml; empty if there is none. ``places`` (folders) and ``lists`` (files) map to splits."""

    path: Path | None = None
    names: list[str] | None = None
    places: dict[Path, str] = field(default_factory=dict)
    lists: dict[Path, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def split_of(self, path: Path) -> str | None:
        """Return the split of a picture or label file by its folder, or None."""
        return next((split for place, split in self.places.items() if _mirrors(place, path)), None)

    def within(self, paths: Iterable[Path]) -> list[Path]:
        """Return the ``paths`` in the folders of data.yaml, or in the label folders beside them."""
        return [path for path in paths if self.split_of(path)]


def _mirrors(place: Path, path: Path) -> bool:
    """Return whether ``path`` lies in ``place``, or in the folder ``labels`` that replaces ``images`` in its path."""
    if path.is_relative_to(place):
        return True
    parts = ["labels" if part.lower() in ("images", "jpegimages", "imgs", "img") else part for part in place.parts]
    return path.is_relative_to(Path(*parts))


class _Loader(yaml.SafeLoader):
    """A loader that keeps scalars as text (``no``, ``1e3`` and ``007`` are names) and refuses a repeated key."""

    yaml_implicit_resolvers: dict = {}

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, (at, _) in zip(keys, node.value):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} occurs twice", at.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(folder: Folder) -> DataYaml:
    """Read the YAML file at the root of ``folder`` that names the classes.

    Raises InputError naming a file that is not valid YAML, has invalid entries, or differs from another such file.
    """
    files = [path for path in folder.with_suffix(".yaml", ".yml") if path.parent == folder.root]
    contents = {path: content for path in files
                if isinstance(content := _load(path, folder), dict) and "names" in content}
    named = {path: _names(content["names"], content.get("nc"), path) for path, content in contents.items()}
    if not named:
        return DataYaml()
    (path, names), *others = named.items()
    for other, other_names in others:
        if other_names != names:
            raise InputError(f"{path} and {other} name different classes; remove the one that is not of this set")
    return _with_places(path, names, contents[path], folder)


def _load(path: Path, folder: Folder):
    try:
        return yaml.load(folder.texts.read(path), _Loader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(getattr(error, "problem", None) or error).split())
        raise InputError(f"{path} is not valid YAML ({reason}); correct it, or remove it and give --classes") from error


def _names(names: object, count: object, path: Path) -> list[str] | None:
    """Return the class names of the list or numbered mapping ``names``."""
    if isinstance(names, dict):
        numbers = {str(key).strip(): value for key, value in names.items()}
        if sorted(numbers) != sorted(map(str, range(len(numbers)))):
            raise InputError(f"{path}: the numbers of names are not 0 to {len(numbers) - 1}; correct them")
        names = [numbers[str(i)] for i in range(len(numbers))]
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise InputError(f"{path}: names must be a list of words; correct it")
    if count is not None and str(count).strip() != str(len(names)):
        raise InputError(f"{path} says nc: {count} but names {len(names)} classes; correct it")
    return unique([clean(name) for name in names], str(path))


def _with_places(path: Path, names: list[str], content: dict, folder: Folder) -> DataYaml:
    places, lists, missing = {}, {}, []
    for key, split in SPLITS.items():
        value = content.get(key)
        for text in value if isinstance(value, list) else [value] if value else []:
            if not isinstance(text, str):
                raise InputError(f"{path}: {key} must be a folder or a list of folders; correct it")
            place = _place(text, split, content.get("path"), path, folder)
            if place is None:
                missing.append(f"{text} ({key})")
            else:
                (lists if place.is_file() else places).setdefault(place, split)
    notes = [f"{path.name} names {', '.join(missing)}, which is not below {folder.root}"] if missing else []
    return DataYaml(path, names, places, lists, notes)


def _place(text: str, split: str, base: object, path: Path, folder: Folder) -> Path | None:
    """Return the folder or list that ``text`` names, or None if it is not below the set's folder.

    ``text`` is relative to ``path:`` or to the YAML file. Exports may begin with a wrong ``../``, or with a path of
    another computer; then the end of the path is looked up.
    """
    text = text.replace("\\", "/").strip()
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    ends = [parts[i:] for i in range(1, len(parts)) if i < len(parts) - 1 or split_of(parts[i]) == split]
    foreign = text.startswith("/") or text[1:2] == ":"
    candidates = [*([path.parent / base.replace("\\", "/") / text] if isinstance(base, str) else []),
                  path.parent / text, path.parent.joinpath(*parts),
                  *(path.parent.joinpath(*end) for end in ends if foreign)]
    for place in (Path(os.path.normpath(candidate)) for candidate in candidates):
        if any(place.is_relative_to(root) for root in (folder.root, folder.pictures_root)) and (
                place.is_dir() or (place.suffix == ".txt" and place.is_file())):
            return place
    return None
