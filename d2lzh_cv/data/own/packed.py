"""What a packed set says of itself, in classes.json beside its records."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...files import read_json

NAME = "classes.json"


@dataclass(frozen=True)
class Packed:
    """A packed set: its class names in the order of their numbers, and how many pictures each part has."""

    classes: list[str]
    train: int
    val: int


def describe(folder: str | Path) -> Packed | None:
    """Read the classes.json of a packed set; None where there is none. Raises InputError when it is damaged."""
    path = Path(folder) / NAME
    if not path.is_file():
        return None
    content = read_json(path)
    try:
        classes, pictures = content["classes"], content["pictures"]
        packed = Packed([str(name) for name in classes], int(pictures["train"]), int(pictures["val"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} does not say the classes and pictures of a packed set; pack it again") from error
    if not packed.classes or packed.train < 1 or packed.val < 1:
        raise InputError(f"{path} names no classes or no pictures; pack the set again")
    return packed


def class_names(folder: str | Path, default: Sequence[str]) -> list[str]:
    """The class names of the set in ``folder``: its own where it was packed here, else ``default``."""
    packed = describe(folder)
    return packed.classes if packed else list(default)
