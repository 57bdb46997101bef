"""The part of the training data that this process reads: all of it, unless several workers train together."""
from __future__ import annotations

from ..errors import InputError

_part = (0, 1)


def use(number: int, count: int) -> None:
    """Read only part ``number``, from 0, of ``count`` equal parts from now on."""
    global _part
    _part = (number, count)


def current() -> tuple[int, int]:
    """Return (number, count) of the part in use."""
    return _part


def share(batch_size: int) -> int:
    """Return the size of this worker's part of a global batch. Raises InputError if the parts would differ in size."""
    count = _part[1]
    if batch_size % count:
        raise InputError(f"{count} workers cannot share batches of {batch_size} pictures evenly; choose a number that "
                         f"divides {batch_size}")
    return batch_size // count
