"""Where the data is: the real sets if they are there, else the sets this package draws.

Every section asks ``find("pikachu")`` and gets a folder it can read, with one line to print about what it holds.
Nothing downloads here, and MXNet is not imported, so that ``d2lzh-cv doctor`` can ask too.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, as_input_error
from ..files import check_folder, read_json
from . import catalogue, drawn
from .catalogue import TWINS, Item
from .derived import one_at_a_time
from .places import Place, weights_file

WORDS = ("auto", "synthetic", "book")  # what --data takes beside a folder
_CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """A data set that was found: its folder, whether it is the real one, and one line that says so."""

    name: str
    path: Path
    kind: str  # 'real' or 'synthetic'
    note: str
    folders: tuple[Path, ...] = ()  # of weights: all where they are to be looked for, in this order


def data_root() -> Path:
    """The folder of the real sets: D2LZH_CV_DATA, else ``data/`` of the checkout, else ``./data``."""
    return Path(os.environ.get("D2LZH_CV_DATA") or _home() / "data")


def cache_root() -> Path:
    """The folder we write derived and synthetic data to: D2LZH_CV_CACHE, else ``data/cache`` of the checkout or here.

    Never inside a root the reader named, which may be read-only.
    """
    return Path(os.environ.get("D2LZH_CV_CACHE") or _home() / "data" / "cache")


def find(name: str, choice: str | Path = "auto", seed: int = 0) -> Source:
    """Return where the data set ``name`` is.

    name: of a data set in :mod:`.catalogue`, or "weights".
    choice: 'auto' (the data root if the set is there, else synthetic), 'synthetic', 'book' (must be there), or a
    folder that takes the data root's place, for weights comes before it. seed: which synthetic set to draw, where one
    is drawn.
    Raises InputError for an unknown name, a folder that does not exist or may not be read, and 'book' without the set.
    """
    item = catalogue.data_set(name)
    if name == "weights":
        return _find_weights(choice)
    if item.locate is None or str(choice) == "synthetic":
        return _synthetic(name, seed, "")
    root = _root_of(choice)
    found = locate(name, root)
    if found:
        path, what = found
        return Source(name, path, "real", f"{name}: {_shown(path)} ({what})")
    if str(choice) == "book":
        raise _not_in(item, root)
    return _synthetic(name, seed, f"; the book's set is not in {_shown(root)}/")


def locate(name: str, root: Path) -> Place:
    """Look for the real set ``name`` under ``root``: (its folder, what was seen there), or None. Writes nothing.

    Raises InputError where a folder on the way may not be read.
    """
    return look_for(catalogue.data_set(name), root)


def look_for(item: Item, root: Path) -> Place:
    """:func:`locate` of anything in the catalogue."""
    try:
        return item.locate and item.locate(Path(root))
    except OSError as error:
        raise as_input_error(error) or InputError(f"cannot look for {item.name} in {root}: {error.strerror}") from error


def weights_folders(choice: str | Path) -> tuple[Path, ...]:
    """Where weights are looked for: beside the set that --data names, then in the data root."""
    own = () if str(choice) in WORDS else (Path(choice) / "weights",)
    root = data_root() / "weights"
    return own if own and own[0].resolve() == root.resolve() else (*own, root)


def require_weights(name: str, choice: str | Path) -> Path:
    """Return the file with the weights of the network ``name``, Gluon's or torchvision's.

    Raises InputError where there is none: what was looked for, where, and how to get it.
    """
    folders = weights_folders(choice)
    try:
        found = next(filter(None, (weights_file(folder, stem, suffix) for folder in folders
                                   for stem, suffix in weights_names(name))), None)
    except OSError as error:
        raise as_input_error(error) or InputError(f"cannot look for {name}: {error.strerror}") from error
    if found is None:
        wanted = " or ".join(f"{stem}{suffix} or {stem}-*{suffix}" for stem, suffix in weights_names(name))
        raise InputError(f"--backbone {name}: no weights of {name} in {' or '.join(map(_shown, folders))} (looked for "
                         f"{wanted}); to get them: d2lzh-cv data fetch {name}")
    return found


def folders_of(weights: str | Path | Sequence[Path]) -> list[Path]:
    """One folder of weights, or several, as a list."""
    return [Path(folder) for folder in ([weights] if isinstance(weights, (str, Path)) else weights)]


def weights_names(name: str) -> list[tuple[str, str]]:
    """Under which names, with which suffixes, the weights of the network ``name`` are published."""
    return [(name, ".params"), *([(TWINS[name], ".pth")] if name in TWINS else [])]


def _find_weights(choice: str | Path) -> Source:
    """Pretrained parameters cannot be drawn: without them the sections train a small source network instead."""
    none = cache_root() / "synthetic" / "weights"
    if str(choice) == "synthetic":
        return Source("weights", none, "synthetic", "weights: none are used", (none,))
    root = _root_of(choice)
    folders = weights_folders(choice)
    for folder in folders:
        if found := locate("weights", folder.parent):
            return Source("weights", folder, "real", f"weights: {_shown(folder)} ({found[1]})", folders)
    if str(choice) == "book":
        raise _not_in(catalogue.data_set("weights"), root)
    note = f"weights: none are used; there are none in {' or '.join(map(_shown, folders))}"
    return Source("weights", none, "synthetic", note, folders)


def _not_in(item: Item, root: Path) -> InputError:
    return InputError(f"the data set {item.name} is not in {_shown(root)} (looked for {item.looks_for}); put it there, "
                      "or point D2LZH_CV_DATA at its folder, or use --data synthetic")


def _root_of(choice: str | Path) -> Path:
    return named_root(None if str(choice) in WORDS else Path(choice))


def named_root(folder: Path | None) -> Path:
    """The data root, ``folder`` in its place where that is given.

    Raises InputError where the reader has named one that is no folder, or may not be read.
    """
    if folder is not None:
        return check_folder(folder, "--data ")
    root = data_root()
    return check_folder(root, "D2LZH_CV_DATA=") if os.environ.get("D2LZH_CV_DATA") or root.exists() else root


def _synthetic(name: str, seed: int, why: str) -> Source:
    path = cache_root() / "synthetic" / f"{name}-seed{seed}"
    if not _drawn_by_this_version(path):
        with one_at_a_time(path.parent):
            if not _drawn_by_this_version(path):  # by another run, while we waited
                _say(f"{name}: drawing the set (once, up to half a minute)")
                drawn.make(name, path, seed)
    return Source(name, path, "synthetic", f"{name}: drawn by this package (seed {seed}){why}")


def _say(line: str) -> None:
    """Tell a reader who waits at a terminal; elsewhere it would be noise in a log."""
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


def _drawn_by_this_version(path: Path) -> bool:
    stamp = path / drawn.STAMP
    return stamp.is_file() and read_json(stamp).get("format") == drawn.FORMAT


def _home() -> Path:
    return _CHECKOUT if (_CHECKOUT / "setup.py").is_file() else Path.cwd()


def _shown(path: Path) -> str:
    """A short path for a note: relative to where the reader stands when it lies below, else as it is."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except ValueError:
        return str(path)
