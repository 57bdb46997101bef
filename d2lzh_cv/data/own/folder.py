"""The folder of a set: its files, and the search for the picture that an annotation names."""
from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...errors import InputError
from ..pixels import SUFFIXES as READABLE
from .entries import Entry, split_of_folders
from .text import Texts

SUFFIXES = (*READABLE, ".jpe", ".jfif", ".mpo", ".jp2", ".heic", ".avif")  # the last two give a clear message only
MAX_LINKS = 3  # nested links to follow: folders that link to each other would never end
_BESIDE = ("images", "JPEGImages", "imgs", "img", "pictures", "photos")  # picture folders beside the annotations'


class Folder:
    """The files of a set, and its pictures.

    Links to folders are followed, except links to a parent folder. Names that begin with a dot are left out.

    Args:
        root: the folder's absolute path.
        texts: reads the set's text files.
        pictures: the folder of the pictures, if they are not below ``root``.

    Raises:
        InputError: a folder cannot be read.
    """

    def __init__(self, root: Path, texts: Texts | None = None, pictures: Path | None = None) -> None:
        self.root, self.texts = root, texts or Texts()
        self.files = sorted(_walk(root))
        self.pictures_root = pictures or root
        self.pictures = _pictures(self.files if pictures is None else _walk(pictures))
        if pictures is None and not self.pictures:
            self._find_pictures_beside()

    def _find_pictures_beside(self) -> None:
        for name in _BESIDE:
            place = self.root.parent / name
            if place != self.root and place.is_dir() and (pictures := _pictures(_walk(place))):
                self.pictures_root, self.pictures = place, pictures
                return

    def remarks(self) -> list[str]:
        """Return lines to print about the set's encoding and its folder of pictures."""
        chinese = ", ".join(map(self.shown, dict.fromkeys(self.texts.chinese)))
        lines = [f"read as Chinese (GB18030): {chinese}; --encoding names another encoding"] if chinese else []
        if self.pictures_root != self.root:
            lines.append(f"the pictures are in {self.pictures_root}")
        return lines

    def shown(self, path: Path) -> str:
        """Return ``path`` relative to the set's folder, for messages."""
        return Path(os.path.relpath(path, self.root)).as_posix()

    def folders_of(self, path: Path) -> tuple[str, ...]:
        """Return the names of the folders between the set's folder and ``path``, from the outermost on."""
        for root in (self.root, self.pictures_root):
            if path.is_relative_to(root):
                return path.relative_to(root).parts[:-1]
        return ()

    def split_of(self, path: Path) -> str | None:
        """Return the split in the names of the folders of ``path``, or None."""
        return split_of_folders(self.folders_of(path))

    def with_suffix(self, *suffixes: str) -> list[Path]:
        """Return the files with these suffixes, in upper or lower case."""
        return [path for path in self.files if path.suffix.lower() in suffixes]

    def finder(self, annotations: Iterable[tuple[Path, str | None]]) -> Finder:
        """Return a finder for the pictures of ``annotations``, which are (file, split) pairs."""
        return Finder(self, annotations)


class Finder:
    """Finds the picture that an annotation names.

    A picture must have the name and all folders that the annotation gives. Of several pictures, the nearest to the
    annotation is taken: in the same subtree (``b/Annotations/1.xml`` means ``b/JPEGImages/1.jpg``) or in folders of the
    same names (``labels/train/1.xml`` means ``images/train/1.jpg``). A picture is not taken if another annotation file
    is nearer to it, or if it is in the folder of another split.
    """

    def __init__(self, folder: Folder, annotations: Iterable[tuple[Path, str | None]]) -> None:
        self._folder = folder
        self._sources = {(folder.folders_of(path), split) for path, split in annotations}
        self._named: defaultdict[str, list[Path]] = defaultdict(list)
        for path in folder.pictures:
            for key in {path.name, _folded(path.name), _folded(path.stem)}:
                self._named[key].append(path)
        self._pictures = set(folder.pictures)
        self._nearest: dict[tuple[str, ...], tuple] = {}

    def find(self, name: str, entry: Entry, annotation: Path) -> Path | None:
        """Return the picture that ``entry`` of the file ``annotation`` calls ``name``, or complain and return None."""
        entry.named = name.strip()
        if not entry.named:
            return entry.complain("it names no picture")
        parts = _parts(name, annotation, self._folder)
        if parts is None:
            return entry.complain(f"the path {entry.named!r} leads out of the folder; the set's names are relative to "
                                  "it (--pictures DIR names another folder)")
        path = Path(os.path.normpath(annotation.parent.joinpath(*parts)))
        picture = path if path in self._pictures else self._nearest_of(self._same_path(parts), entry, annotation)
        if picture is None and not entry.problems:
            entry.missing = True
            entry.complain(f"its picture {entry.named!r} is missing")
        return picture

    def find_stem(self, stem: str, entry: Entry, annotation: Path) -> Path | None:
        """Return the picture named ``stem`` without its suffix; None if there is none or another entry's is nearer."""
        same = [path for path in self._named[_folded(stem)] if _folded(path.stem) == _folded(stem)]
        return self._nearest_of(same, entry, annotation)

    def _same_path(self, parts: tuple[str, ...]) -> list[Path]:
        """Return the pictures with these folders and this name: exact, else in any case, else with any suffix."""
        name = parts[-1]
        exact = [path for path in self._named[name] if path.name == name]
        by_case = [path for path in self._named[_folded(name)] if _folded(path.name) == _folded(name)]
        bare = Path(name).suffix.lower() not in SUFFIXES
        by_stem = [path for path in self._named[_folded(name)] if _folded(path.stem) == _folded(name)] if bare else []
        for paths in (exact, by_case, by_stem):
            if matching := [path for path in paths if self._ends_with(path, parts[:-1])]:
                return matching
        return []

    def _ends_with(self, path: Path, folders: tuple[str, ...]) -> bool:
        """Return whether the picture is in ``folders``, which may begin with the set's own folder and its parents."""
        below = tuple(map(_folded, self._folder.folders_of(path)))
        given = tuple(_folded(name) for name in folders if name != "..")
        return below[len(below) - len(given):] == given if len(given) <= len(below) else (
            given[len(given) - len(below):] == below)

    def _nearest_of(self, paths: list[Path], entry: Entry, annotation: Path) -> Path | None:
        """Return the picture that is nearest to the annotation, unless another annotation is nearer to it."""
        if not paths:
            return None
        here = self._folder.folders_of(annotation)
        split = split_of_folders(here)
        same = [path for path in paths if self._folder.split_of(path) in (split, None) or split is None]
        if not same:
            return entry.complain(f"its picture is missing: {self._folder.shown(paths[0])}, of the same name, belongs "
                                  "to another part of the set")
        near = {path: _nearness(here, entry.split, self._folder.folders_of(path)) for path in same}
        best = max(near.values())
        nearest = [path for path in same if near[path] == best]
        if len(nearest) > 1:
            names = ", ".join(self._folder.shown(path) for path in nearest[:3])
            return entry.complain(f"{len(nearest)} pictures have this name: {names}; name the folder too")
        if self._nearest_source(nearest[0]) > best:
            return entry.complain(f"its picture is missing: {self._folder.shown(nearest[0])}, of the same name, "
                                  "belongs to other annotations")
        return nearest[0]

    def _nearest_source(self, picture: Path) -> tuple[int, bool]:
        folders = self._folder.folders_of(picture)
        if folders not in self._nearest:
            self._nearest[folders] = max((_nearness(here, split, folders) for here, split in self._sources),
                                         default=(0, False))
        return self._nearest[folders]


def _nearness(annotation: tuple[str, ...], split: str | None, picture: tuple[str, ...]) -> tuple[int, bool]:
    """Return how near two folders are: the number of common outer and inner names, then whether the split is equal."""
    outer = _common(annotation, picture)
    inner = _common(annotation[outer:][::-1], picture[outer:][::-1])
    return outer + inner, split is not None and split == split_of_folders(picture)


def _common(first: Iterable[str], second: Iterable[str]) -> int:
    count = 0
    for a, b in zip(first, second):
        if a != b:
            break
        count += 1
    return count


def _parts(name: str, annotation: Path, folder: Folder) -> tuple[str, ...] | None:
    """Return the parts of a path in an annotation; None if it leads out of the set."""
    text = name.replace("\\", "/")
    if not (annotation.parent / text).is_file():
        text = text.strip()
    if text.startswith("/") or re.match("[A-Za-z]:", text):
        return None
    path = os.path.normpath(annotation.parent / text)
    if not any(Path(path).is_relative_to(root) for root in (folder.root, folder.pictures_root)):
        return None
    return tuple(part for part in text.split("/") if part not in ("", ".")) or None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _pictures(files: Iterable[Path]) -> list[Path]:
    return sorted(path for path in files if path.suffix.lower() in SUFFIXES)


def _walk(root: Path) -> Iterator[Path]:
    """Yield the files below ``root``, without names that begin with a dot."""
    def refuse(error: OSError) -> None:
        raise InputError(f"cannot read {error.filename}: {error.strerror}; make it readable or move it away") from error

    above = {str(root): (os.path.realpath(root),)}  # for each folder: the real paths of its parents, and its links
    for place, folders, files in os.walk(root, followlinks=True, onerror=refuse):
        holders, folders[:] = above.pop(place), [name for name in folders
                                                 if not name.startswith(".") and name != "__MACOSX"]
        for name in list(folders):
            path = os.path.join(place, name)
            real = os.path.realpath(path)
            linked = os.path.islink(path)
            if linked and (real in holders or holders.count("link") == MAX_LINKS):
                folders.remove(name)
            else:
                above[path] = (*holders, real, *["link"] * linked)
        yield from (Path(place, name) for name in files
                    if not name.startswith(".") and os.path.isfile(os.path.join(place, name)))
