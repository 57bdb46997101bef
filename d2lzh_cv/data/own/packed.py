"""The file classes.json of a packed set: its classes and numbers of pictures."""
from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ... import locks
from ...errors import InputError
from ...files import make_folder_atomically, read_json

NAME = "classes.json"


def check_free(out: Path) -> None:
    """Raise InputError if ``out`` exists and is not an empty folder, so that no file is overwritten."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} already exists; name a new folder, or remove it first")


@contextmanager
def new_set(out: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``out`` after the block. Raises InputError if another process packs there."""
    path = Path(os.path.abspath(out))
    with locks.alone(path.parent / f".{path.name}.lock", f"a set is being packed into {out}"):
        check_free(out)
        with make_folder_atomically(out) as temporary:
            yield temporary


@dataclass(frozen=True)
class Packed:
    """A packed set: its class names in the order of their numbers, and the number of pictures of each part."""

    classes: list[str]
    train: int
    val: int


def describe(folder: str | Path) -> Packed | None:
    """Read classes.json in ``folder``; return None if there is none. Raises InputError if it is damaged."""
    path = Path(folder) / NAME
    if not path.is_file():
        return None
    content = read_json(path)
    try:
        classes, pictures = content["classes"], content["pictures"]
        packed = Packed([str(name) for name in classes], int(pictures["train"]), int(pictures["val"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} lacks the classes or pictures of a packed set; pack it again") from error
    if not packed.classes or packed.train < 1 or packed.val < 1:
        raise InputError(f"{path} names no classes or no pictures; pack the set again")
    return packed


def class_names(folder: str | Path, default: Sequence[str]) -> list[str]:
    """Return the class names of a packed set in ``folder``; ``default`` for another set."""
    packed = describe(folder)
    return packed.classes if packed else list(default)
