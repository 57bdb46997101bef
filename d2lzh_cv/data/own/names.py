"""Class names: their lists, duplicates, and the words for the background."""
from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import InputError
from .text import Texts

# Compared without case and punctuation: `_background_`, `[Background]` and `BACKGROUND` are equal.
_BACKGROUND = {"background", "backgrounds", "bg", "背景", "后景", "後景", "背景类", "背景類"}
_IGNORED = {"ignore", "ignored", "void", "unlabeled", "unlabelled"}


def clean(name: object) -> str:
    """Return a class name in a form to compare: composed characters (NFC), no blanks around it."""
    return unicodedata.normalize("NFC", str(name)).strip()


def is_background(name: str) -> bool:
    """Return whether ``name`` means no object: ``background``, ``_background_``, ``背景``, ``__ignore__`` ..."""
    return _word(name) in _BACKGROUND or is_ignored(name)


def is_ignored(name: str) -> bool:
    """Return whether ``name`` means pixels that do not count, such as labelme's ``__ignore__``."""
    return name.startswith(("_", "[", "<")) and _word(name) in _IGNORED


def _word(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def read_list(path: Path, texts: Texts) -> list[str]:
    """Return the class names of ``path``, one per line, in the order of their numbers.

    Raises InputError for an empty line, which makes the later numbers unclear, and for a name that occurs twice.
    """
    names = [clean(line) for line in texts.lines(path)]
    for number, name in enumerate(names, 1):
        if not name:
            raise InputError(f"{path}, line {number} is empty, so the numbers of the classes after it are not clear; "
                             "remove the line, or write the class's name")
    return unique(names, str(path), [f"line {number}" for number in range(1, len(names) + 1)])


def unique(names: Sequence[str], source: str, places: Sequence[str] | None = None) -> list[str]:
    """Return ``names``. Raises InputError naming ``source`` and both places of a name that occurs twice."""
    first: dict[str, str] = {}
    for name, place in zip(names, places or [f"number {i}" for i in range(len(names))]):
        if name in first:
            raise InputError(f"{source} names the class {name!r} twice, {first[name]} and {place}; give each class its "
                             "own name")
        first[name] = place
    return list(names)


def without_background(names: Iterable[str]) -> list[str]:
    """Return the ``names`` that do not mean the background."""
    return [name for name in names if not is_background(name)]


def background_first(names: Sequence[str], source: str) -> list[str]:
    """Return the names of a mask's values 0, 1, ...: ``background``, then the classes.

    ``names`` may begin with labelme's ``__ignore__`` (the value -1), with a word for the background, or with both.
    Raises InputError naming ``source`` if such a word is at another place, which makes the numbers unclear.
    """
    rest = list(names)
    if rest and is_ignored(rest[0]):
        rest = rest[1:]
    elif rest and _word(rest[0]) in _IGNORED:
        raise InputError(f"{source}: {rest[0]!r} can mean the value 0 or pixels that do not count; name it background "
                         "or __ignore__")
    if rest and _word(rest[0]) in _BACKGROUND:
        rest = rest[1:]
    late = [name for name in rest if is_background(name)]
    if late:
        raise InputError(f"{source}: {late[0]!r} is a word for the background, which is the value 0 of a mask; put it "
                         "first, or remove it")
    return ["background", *rest]
