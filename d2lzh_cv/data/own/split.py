"""The split of a set into training and validation."""
from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from ...errors import InputError
from .summary import counted

T = TypeVar("T")


def split(items: Sequence[T], split_of: Callable[[T], str | None], ratio: float | None, seed: int,
          counts: Callable[[T], bool] = lambda item: True) -> tuple[dict[str, list[T]], list[str]]:
    """Return ({'train': ..., 'val': ...}, lines about pictures that are left out).

    The set's own parts are taken if it has both and ``ratio`` is None. Else a part ``ratio`` is drawn for validation;
    the test part is used only if there is nothing else. Items that do not count, such as pictures without objects, are
    drawn separately, so that both parts get items that count. Raises InputError if fewer than two items count.
    """
    parts = {name: [item for item in items if split_of(item) == name] for name in ("train", "val", "test")}
    test = parts.pop("test")
    if ratio is None and all(parts.values()):
        others = len(items) - len(test) - sum(map(len, parts.values()))
        return parts, _left_out(len(test)) + [f"left out {counted(others, 'picture')} that the set puts neither into "
                                              "training nor into validation"] * bool(others)
    usable = [item for item in items if split_of(item) != "test"] or test
    drawn = _draw([counts(item) for item in usable], 0.1 if ratio is None else ratio, seed)
    lines = [f"all {len(test)} pictures are the set's test part, so training and validation are drawn from it"
             ] if usable is test else _left_out(len(test))
    return {"train": [item for i, item in enumerate(usable) if i not in drawn],
            "val": [usable[i] for i in sorted(drawn)]}, lines


def _draw(counting: list[bool], ratio: float, seed: int) -> set[int]:
    """Return the indices of the items for validation. Both parts get at least one item that counts."""
    groups = [[i for i, counts in enumerate(counting) if counts is kind] for kind in (True, False)]
    fit = len(groups[0])
    if fit < 2:
        raise InputError(f"{counted(fit, 'picture')} {'is' if fit == 1 else 'are'} fit for use; training and "
                         "validation need at least one each")
    rng = random.Random(seed)
    for group in groups:
        rng.shuffle(group)
    return {*groups[0][:min(max(1, round(fit * ratio)), fit - 1)], *groups[1][:round(len(groups[1]) * ratio)]}


def _left_out(test: int) -> list[str]:
    return [f"left out {counted(test, 'picture')} of the set's test part"] if test else []
