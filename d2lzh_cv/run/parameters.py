"""The parameters of a chapter script: its cell tagged "parameters", the values of quick mode, and ``-p NAME=VALUE``."""
from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import contents
from ..contents import SectionInfo
from ..errors import InputError
from . import cells

EPOCHS = "num_epochs"  # --epochs N sets every parameter whose name begins like this
KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def of_section(info: SectionInfo, quick: bool) -> dict[str, Any]:
    """Return the names and default values of the parameters of a section, in the script's order.

    Args:
        quick: return the values of quick mode.
    """
    return of_script(contents.script_path(info), quick)


def of_script(path: Path, quick: bool) -> dict[str, Any]:
    """Return the parameters of the script ``path``, like :func:`of_section`."""
    values: dict[str, Any] = {}
    for cell in cells.read(path):
        if cells.PARAMETERS in cell.tags or (quick and cells.QUICK in cell.tags):
            values.update(assigned(cell.source))
    return values


def assigned(source: str) -> dict[str, Any]:
    """Return the names and values of the assignments in ``source``, all of them literals, such as ``a, b = 1, 0.5``."""
    values: dict[str, Any] = {}
    for statement in ast.parse(source).body:
        target, value = statement.targets[0], statement.value
        names = [name.id for name in target.elts] if isinstance(target, ast.Tuple) else [target.id]
        literal = ast.literal_eval(value)
        values.update(zip(names, literal if isinstance(target, ast.Tuple) else [literal]))
    return values


def in_effect(info: SectionInfo, quick: bool, namespace: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a section with the values that they have in the ``namespace`` of its script."""
    return {name: namespace.get(name, value) for name, value in of_section(info, quick).items() if namespace}


def choose(info: SectionInfo, quick: bool, texts: Sequence[str], epochs: int | None = None) -> dict[str, Any]:
    """Return the parameters that the command line sets: by ``-p NAME=VALUE`` and by ``--epochs``.

    Args:
        info, quick: the section and its mode.
        texts: the values of ``-p``; of two for one name the last counts.
        epochs: the value of ``--epochs``, if given.

    Raises:
        InputError: a text is not NAME=VALUE, the section has no such parameter, the value has another type than the
            section's own, or a number is too small or too large.
    """
    modes = [of_section(info, mode) for mode in (False, True)]
    known = modes[quick]
    chosen = {} if epochs is None else {name: epochs for name in known if name.startswith(EPOCHS)}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"-p {text}: write NAME=VALUE, such as -p learning_rate=0.1")
        if name not in known:
            raise InputError(f"-p {text}: section {info.number} has no parameter {name}{_hint(name, info, known)}")
        chosen[name] = convert(text, value, known[name])
        _check_size(text, chosen[name], [mode[name] for mode in modes])
    return chosen


def convert(text: str, value: str, default: Any) -> Any:
    """Return ``value`` in the type of ``default``; ``text`` is the whole of ``-p``, for the error.

    Raises:
        InputError: the value is not of that type.
    """
    kind = type(default)
    if kind is str:
        return value
    if kind is bool and value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        literal = ast.literal_eval(value.strip())
    except (ValueError, SyntaxError):
        literal = None
    if kind is float and type(literal) is int:
        return float(literal)
    if kind in (tuple, list) and isinstance(literal, (tuple, list)):
        literal = kind(literal)
    if type(literal) is kind and _same_form(literal, default):
        return literal
    raise InputError(f"-p {text}: {value!r} is not {KINDS.get(kind) or f'of the form of {default!r}'}")


def _same_form(literal: Any, default: Any) -> bool:
    """Return False for a tuple of another length, an empty list, or another type inside; a list may have any length."""
    if not isinstance(default, (tuple, list)):
        return True
    types = {*map(type, default)}
    if float in types:
        types.add(int)
    fits = len(literal) > 0 if isinstance(default, list) else len(literal) == len(default)
    return fits and {*map(type, literal)} <= types


def _check_size(text: str, value: Any, defaults: Sequence[Any]) -> None:
    """Raise InputError for infinity, for a number below 0, and for a count or size of 0 that is 0 in neither mode.

    Counts and sizes are whole numbers and numbers in a tuple. A single number with a fraction, such as a learning rate
    or a threshold, may be 0.

    Args:
        text: the whole of ``-p``.
        defaults: the values of both modes.
    """
    for i, number in enumerate(_members(value)):
        # of a list, whose length may differ, all members; of a tuple, the one at the same place
        usual = [one for default in defaults
                 for one in (default if isinstance(default, list) else _members(default)[i:i + 1])]
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            continue
        if number == math.inf:
            raise InputError(f"-p {text}: the number is too large")
        positive = all(usual) and not isinstance(value, float)
        if number < 0 or (positive and number == 0):
            bound = "above 0" if positive else "of at least 0"
            raise InputError(f"-p {text}: {number} is too small; give a number {bound}")


def _members(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (tuple, list)) else (value,)


def _hint(name: str, info: SectionInfo, known: dict[str, Any]) -> str:
    others = [other.number for other in contents.SECTIONS if other != info and name in of_section(other, False)]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f", did you mean {close[0]}?" if close else f"; it is one of {', '.join(others)}" if others else ""
    return f"{hint} (it has {', '.join(known)})" if known else hint
