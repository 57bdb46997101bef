"""Convert the values that a section records to plain JSON."""
from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np


def to_plain(value: Any) -> Any:
    """Return ``value`` as plain JSON: numbers, strings, lists and dictionaries.

    NDArrays, NumPy arrays, tuples and sets become lists; NumPy scalars become numbers; NaN and infinity become None;
    paths become strings; a dtype or a class becomes its name.

    Raises:
        TypeError: ``value`` has another type or contains a value of another type.
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.generic, np.ndarray)) or hasattr(value, "asnumpy"):
        return _plain_number(value)
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return _plain_name(value)


def _plain_number(value: Any) -> Any:
    if hasattr(value, "asnumpy"):
        value = value.asnumpy()
    if isinstance(value, (np.generic, np.ndarray)):
        return to_plain(value.tolist())
    return float(value) if math.isfinite(value) else None


def _plain_name(value: Any) -> str:
    if isinstance(value, (Path, np.dtype)):
        return str(value)
    if isinstance(value, type):
        return value.__name__
    raise TypeError(f"cannot record a {type(value).__name__}; give numbers, strings, arrays, lists or dictionaries")
