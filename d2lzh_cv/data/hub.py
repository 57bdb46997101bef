"""The place of each data set: the real set if it is on the disk, else a set that this package draws.

A section calls ``find("pikachu")`` and gets a folder to read, and one line to print about it. This module downloads
nothing and does not import MXNet, so that ``d2lzh-cv doctor`` can use it.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, as_input_error
from ..files import check_folder, read_json
from . import catalogue, drawn
from .catalogue import TWINS, Item
from .derived import one_at_a_time
from .places import Place, weights_file

WORDS = ("auto", "synthetic", "book")  # values of --data that are not a folder
_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """A data set on the disk: its folder, its kind, and one line to print about it."""

    name: str
    path: Path
    kind: str  # 'real' or 'synthetic'
    note: str
    folders: tuple[Path, ...] = ()  # for weights only: all folders to search, in this order


def data_root() -> Path:
    """Return the folder of the real sets: D2LZH_CV_DATA, else ``data/`` of the checkout, else ``./data``."""
    return Path(os.environ.get("D2LZH_CV_DATA") or _home() / "data")


def cache_root() -> Path:
    """Return the folder for derived and synthetic data: D2LZH_CV_CACHE, else ``data/cache`` of the checkout or here.

    It is never inside a data root that the reader names, which may be read-only.
    """
    return Path(os.environ.get("D2LZH_CV_CACHE") or _home() / "data" / "cache")


_finder: Callable[[str], Source] | None = None
_told: set[str] = set()


def find_with(finder: Callable[[str], Source] | None) -> None:
    """Let :func:`use` find data sets by ``finder``, a running section's, from now on; None: by :func:`find`."""
    global _finder
    _finder = finder


def use(name: str) -> Source:
    """Find the data set ``name`` as the flags of the running section say, and print its source, once per process.

    Outside a section only a set that is not the real one is announced: the book's own calls print nothing.
    """
    if _finder is not None:
        return _finder(name)
    source = find(name)
    if source.kind != "real" and source.note not in _told:
        _told.add(source.note)
        print(source.note)
    return source


def data_folder(name: str) -> Path:
    """Return the folder of the data set ``name``, such as "img" or "voc", for reading.

    The set is the real one if it is in the data root, else one that this package draws; one line says which.

    Args:
        name: as ``d2lzh-cv data list`` shows it.

    Raises:
        InputError: the name is unknown, or a named folder is missing or unreadable.
    """
    return use(name).path


def find(name: str, choice: str | Path = "auto", seed: int = 0) -> Source:
    """Find the data set ``name``, or draw it.

    Args:
        name: a data set of :mod:`.catalogue`, or "weights".
        choice: 'auto' (the real set if it is in the data root, else a synthetic one), 'synthetic', 'book' (the real
            set), or a folder that replaces the data root; for weights, the folder is searched before the data root.
        seed: the seed of a synthetic set.

    Raises:
        InputError: the name is unknown, the folder is missing or unreadable, or the choice is 'book' without the set.
    """
    item = catalogue.data_set(name)
    if name == "weights":
        return _find_weights(choice)
    if item.locate is None or str(choice) == "synthetic":
        return _synthetic(name, seed, "")
    root = _root_of(choice)
    place = locate(name, root)
    if place:
        path, seen = place
        return Source(name, path, "real", f"{name}: {_shown(path)} ({seen})")
    if str(choice) == "book":
        raise _not_in(item, root)
    return _synthetic(name, seed, f"; the book's set is not in {_shown(root)}/")


def locate(name: str, root: Path) -> Place:
    """Look for the real set ``name`` below ``root``. Return (its folder, the files seen there), or None.

    Raises InputError if a folder cannot be read.
    """
    return look_for(catalogue.data_set(name), root)


def look_for(item: Item, root: Path) -> Place:
    """Look for an item of the catalogue below ``root``, like :func:`locate`."""
    try:
        return item.locate and item.locate(Path(root))
    except OSError as error:
        raise as_input_error(error) or InputError(f"cannot look for {item.name} in {root}: {error.strerror}") from error


def weights_folders(choice: str | Path) -> tuple[Path, ...]:
    """Return the folders to search for weights: ``weights/`` of the folder that --data names, then of the data root."""
    own = () if str(choice) in WORDS else (Path(choice) / "weights",)
    root = data_root() / "weights"
    return own if own and own[0].resolve() == root.resolve() else (*own, root)


def require_weights(name: str, choice: str | Path) -> Path:
    """Return the weights file of the network ``name``, in Gluon's or torchvision's format.

    Raises InputError if there is none; the message says where it was looked for, and how to get it.
    """
    folders = weights_folders(choice)
    try:
        file = next(filter(None, (weights_file(folder, stem, suffix) for folder in folders
                                  for stem, suffix in weights_names(name))), None)
    except OSError as error:
        raise as_input_error(error) or InputError(f"cannot look for {name}: {error.strerror}") from error
    if file is None:
        patterns = " or ".join(f"{stem}{suffix} or {stem}-*{suffix}" for stem, suffix in weights_names(name))
        raise InputError(f"--backbone {name}: no weights of {name} in {' or '.join(map(_shown, folders))} (looked for "
                         f"{patterns}); to get them: d2lzh-cv data fetch {name}")
    return file


def folders_of(weights: str | Path | Sequence[Path]) -> list[Path]:
    """Return one or several folders of weights as a list."""
    return [Path(folder) for folder in ([weights] if isinstance(weights, (str, Path)) else weights)]


def weights_names(name: str) -> list[tuple[str, str]]:
    """Return the (stem, suffix) pairs of the published weights files of the network ``name``."""
    return [(name, ".params"), *([(TWINS[name], ".pth")] if name in TWINS else [])]


def _find_weights(choice: str | Path) -> Source:
    """Find the weights. There are no synthetic ones; see :func:`d2lzh_cv.run.source.source_network`."""
    empty = cache_root() / "synthetic" / "weights"
    if str(choice) == "synthetic":
        return Source("weights", empty, "synthetic", "weights: none are used", (empty,))
    root = _root_of(choice)
    folders = weights_folders(choice)
    for folder in folders:
        if place := locate("weights", folder.parent):
            return Source("weights", folder, "real", f"weights: {_shown(folder)} ({place[1]})", folders)
    if str(choice) == "book":
        raise _not_in(catalogue.data_set("weights"), root)
    note = f"weights: there are none in {' or '.join(map(_shown, folders))}"
    return Source("weights", empty, "synthetic", note, folders)


def _not_in(item: Item, root: Path) -> InputError:
    return InputError(f"the data set {item.name} is not in {_shown(root)} (looked for {item.looks_for}); put it there, "
                      "or point D2LZH_CV_DATA at its folder, or use --data synthetic")


def _root_of(choice: str | Path) -> Path:
    return named_root(None if str(choice) in WORDS else Path(choice))


def named_root(folder: Path | None) -> Path:
    """Return ``folder``, or the data root if it is None.

    Raises InputError if a folder that the reader names is missing or unreadable.
    """
    if folder is not None:
        return check_folder(folder, "--data ")
    root = data_root()
    return check_folder(root, "D2LZH_CV_DATA=") if os.environ.get("D2LZH_CV_DATA") or root.exists() else root


def _synthetic(name: str, seed: int, why: str) -> Source:
    path = cache_root() / "synthetic" / f"{name}-seed{seed}"
    if not _drawn_by_this_version(path):
        with one_at_a_time(path.parent):
            if not _drawn_by_this_version(path):  # another process may have drawn it during the wait
                if sys.stderr.isatty():  # in a log, the line would be noise
                    print(f"{name}: drawing the set (once, up to half a minute)", file=sys.stderr, flush=True)
                drawn.make(name, path, seed)
    return Source(name, path, "synthetic", f"{name}: drawn by this package (seed {seed}){why}")


def _drawn_by_this_version(path: Path) -> bool:
    stamp = path / drawn.STAMP
    return stamp.is_file() and read_json(stamp).get("format") == drawn.FORMAT


def _home() -> Path:
    return _CHECKOUT if (_CHECKOUT / "setup.py").is_file() else Path.cwd()


def _shown(path: Path) -> str:
    """Shorten a path for a message: make it relative to the current folder or the checkout if it lies below that."""
    for folder in (Path.cwd(), _home()):
        if path.resolve().is_relative_to(folder.resolve()):
            return str(path.resolve().relative_to(folder.resolve()))
    return str(path)
