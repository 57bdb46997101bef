"""Which pictures are for training and which for validation."""
from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from ...errors import InputError

T = TypeVar("T")


def split(items: Sequence[T], split_of: Callable[[T], str | None], ratio: float | None, seed: int,
          ) -> tuple[dict[str, list[T]], int]:
    """Return ({'train': ..., 'val': ...}, number left out): the set's own parts where it has both.

    Without both, or with a ``ratio`` given, so large a part of all but the 'test' ones is drawn for validation.
    Raises InputError when a part would be empty.
    """
    parts = {name: [item for item in items if split_of(item) == name] for name in ("train", "val")}
    if ratio is None and all(parts.values()):
        return parts, len(items) - sum(map(len, parts.values()))
    usable = [item for item in items if split_of(item) != "test"]
    if len(usable) < 2:
        raise InputError(f"{len(usable)} pictures are fit for use; training and validation need one each at least")
    order = list(range(len(usable)))
    random.Random(seed).shuffle(order)
    count = min(max(1, round(len(usable) * (0.1 if ratio is None else ratio))), len(usable) - 1)
    drawn = set(order[:count])
    return ({"train": [item for i, item in enumerate(usable) if i not in drawn],
             "val": [usable[i] for i in sorted(drawn)]}, len(items) - len(usable))
