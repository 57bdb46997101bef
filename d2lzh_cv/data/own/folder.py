"""The folder of a set: its files, and which picture an annotation means by a name."""
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

SUFFIXES = (*READABLE, ".jpe", ".jfif", ".mpo", ".jp2", ".heic", ".avif")  # the last two to be named as unfit
MAX_LINKS = 3  # links within links that are followed: folders that link to each other would grow without end
_BESIDE = ("images", "JPEGImages", "imgs", "img", "pictures", "photos")  # where pictures lie beside a folder of tables


class Folder:
    """The files of a set, and its pictures.

    Links to folders are followed, but not into a folder that holds them. Names that begin with a dot are left out.

    Args:
        root: an absolute path.
        texts: reads the set's texts.
        pictures: the folder of the pictures, where they do not lie below ``root``.

    Raises:
        InputError: a folder cannot be read.
    """

    def __init__(self, root: Path, texts: Texts | None = None, pictures: Path | None = None) -> None:
        self.root, self.texts = root, texts or Texts()
        self.files = sorted(_walk(root))
        self.pictures_root = pictures or root
        self.pictures = _pictures(self.files if pictures is None else _walk(pictures))
        if pictures is None and not self.pictures:
            self._look_beside()

    def _look_beside(self) -> None:
        for name in _BESIDE:
            place = self.root.parent / name
            if place != self.root and place.is_dir() and (found := _pictures(_walk(place))):
                self.pictures_root, self.pictures = place, found
                return

    def remarks(self) -> list[str]:
        """Lines for the reader on what was found out about the set's texts and pictures."""
        chinese = ", ".join(map(self.shown, dict.fromkeys(self.texts.chinese)))
        lines = [f"read as Chinese (GB18030): {chinese}; --encoding names another encoding"] if chinese else []
        if self.pictures_root != self.root:
            lines.append(f"the pictures are those of {self.pictures_root}")
        return lines

    def shown(self, path: Path) -> str:
        """``path`` as seen from the set's folder."""
        return Path(os.path.relpath(path, self.root)).as_posix()

    def folders_of(self, path: Path) -> tuple[str, ...]:
        """The names of the folders between the set's folder and ``path``, from the outermost on."""
        for root in (self.root, self.pictures_root):
            if path.is_relative_to(root):
                return path.relative_to(root).parts[:-1]
        return ()

    def split_of(self, path: Path) -> str | None:
        """The split that the folders of ``path`` tell of."""
        return split_of_folders(self.folders_of(path))

    def with_suffix(self, *suffixes: str) -> list[Path]:
        """The files whose names end so, whatever the case."""
        return [path for path in self.files if path.suffix.lower() in suffixes]

    def finder(self, annotations: Iterable[tuple[Path, str | None]]) -> Finder:
        """A finder for the pictures of ``annotations``: pairs of a file and its split."""
        return Finder(self, annotations)


class Finder:
    """Finds the picture that an annotation names.

    A name is compared from its end, with all folders that it has. Of several pictures the one nearest to the
    annotation is meant: in the same sub-tree (``b/Annotations/1.xml`` means ``b/JPEGImages/1.jpg``) or in one of the
    same names (``labels/train/1.xml`` means ``images/train/1.jpg``). A picture to which another annotation file lies
    nearer is not taken, nor one in the folder of another split.
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
        """The picture that ``entry`` of the file ``annotation`` calls ``name``; if none, None and a complaint."""
        entry.named = name.strip()
        if not entry.named:
            return entry.complain("it names no picture")
        parts = _parts(name, annotation, self._folder)
        if parts is None:
            return entry.complain(f"the path {entry.named!r} leads out of the folder; the set's names are relative to "
                                  "it (--pictures DIR names another folder)")
        found = self._there(parts, annotation) or self._among(self._same_path(parts), entry, annotation)
        if found is None and not entry.problems:
            entry.missing = True
            entry.complain(f"its picture {entry.named!r} is missing")
        return found

    def find_stem(self, stem: str, entry: Entry, annotation: Path) -> Path | None:
        """The picture of the annotation's own name, without suffixes; None if there is none that is meant."""
        same = [path for path in self._named[_folded(stem)] if _folded(path.stem) == _folded(stem)]
        return self._among(same, entry, annotation)

    def _there(self, parts: tuple[str, ...], annotation: Path) -> Path | None:
        """The picture to which the path leads from the annotation's own folder."""
        path = Path(os.path.normpath(annotation.parent.joinpath(*parts)))
        return path if path in self._pictures else None

    def _same_path(self, parts: tuple[str, ...]) -> list[Path]:
        """The pictures of that name and those folders: to the letter, else but for case, else but for the suffix."""
        name = parts[-1]
        by_letter = [path for path in self._named[name] if path.name == name]
        by_case = [path for path in self._named[_folded(name)] if _folded(path.name) == _folded(name)]
        bare = Path(name).suffix.lower() not in SUFFIXES
        by_stem = [path for path in self._named[_folded(name)] if _folded(path.stem) == _folded(name)] if bare else []
        for found in (by_letter, by_case, by_stem):
            if found := [path for path in found if self._ends_with(path, parts[:-1])]:
                return found
        return []

    def _ends_with(self, path: Path, folders: tuple[str, ...]) -> bool:
        """Whether the picture lies in ``folders``, of which the first may be the set's own folder and those above."""
        below = tuple(map(_folded, self._folder.folders_of(path)))
        wanted = tuple(_folded(name) for name in folders if name != "..")
        return below[len(below) - len(wanted):] == wanted if len(wanted) <= len(below) else (
            wanted[len(wanted) - len(below):] == below)

    def _among(self, found: list[Path], entry: Entry, annotation: Path) -> Path | None:
        """The one of ``found`` that is nearest to the annotation, and to which no other annotation is nearer."""
        if not found:
            return None
        here = self._folder.folders_of(annotation)
        split = split_of_folders(here)
        found, others = [path for path in found if self._folder.split_of(path) in (split, None) or split is None], found
        if not found:
            return entry.complain(f"its picture is missing: {self._folder.shown(others[0])}, of the same name, is of "
                                  "another part of the set")
        near = {path: _nearness(here, entry.split, self._folder.folders_of(path)) for path in found}
        best = max(near.values())
        meant = [path for path in found if near[path] == best]
        if len(meant) > 1:
            names = ", ".join(self._folder.shown(path) for path in meant[:3])
            return entry.complain(f"{len(meant)} pictures are called so, {names}; name the folder too")
        if self._nearest_source(meant[0]) > best:
            return entry.complain(f"its picture is missing: {self._folder.shown(meant[0])}, of the same name, lies "
                                  "with other annotations")
        return meant[0]

    def _nearest_source(self, picture: Path) -> tuple[int, bool]:
        folders = self._folder.folders_of(picture)
        if folders not in self._nearest:
            self._nearest[folders] = max((_nearness(here, split, folders) for here, split in self._sources),
                                         default=(0, False))
        return self._nearest[folders]


def _nearness(annotation: tuple[str, ...], split: str | None, picture: tuple[str, ...]) -> tuple[int, bool]:
    """How much two folders have in common: names from the outside in and from the inside out, then the split."""
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
    """The parts of a path as an annotation has it; None where it leads out of the set."""
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
    """The files below ``root``, without names that begin with a dot."""
    def refuse(error: OSError) -> None:
        raise InputError(f"cannot read {error.filename}: {error.strerror}; make it readable or move it away") from error

    above = {str(root): (os.path.realpath(root),)}  # of each folder to come: the real folders that hold it, and links
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
