"""Whether two sides computed the same: a difference for each result, and the largest that still counts as equal."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

ROUNDING = 1e-3
SAME_SCORE, SAME_PLACE = 2e-3, 5e-3  # of two rows that are one box: score; coordinates, relative to the picture


@dataclass(frozen=True)
class Limit:
    """``kind`` is a key of ``KINDS``."""
    kind: str
    largest: float


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    """Euclidean norm of the difference over that of ``expected``: one cell of a maximum that moved does not decide."""
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    return float(np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 1e-12))


def share(found: np.ndarray, expected: np.ndarray) -> float:
    """Share of the elements that are not equal."""
    return float(np.mean(found != expected))


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """Share of the elements further apart than rounding: where two anchors are as good, either may be taken."""
    return float(np.mean(np.abs(found - expected) > ROUNDING))


def rows(found: np.ndarray, expected: np.ndarray) -> float:
    """Share of boxes that the other side has not: rows (picture, class, score, xmin, ymin, xmax, ymax) in any order.

    Where two scores are all but equal their order, and so what is suppressed, hangs on the last digit.
    """
    if not len(found) or not len(expected):
        return float(len(found) != len(expected))
    same = (found[:, None, :2] == expected[None, :, :2]).all(axis=2)
    same &= np.abs(found[:, None, 2] - expected[None, :, 2]) <= SAME_SCORE
    same &= np.abs(found[:, None, 3:] - expected[None, :, 3:]).max(axis=2) <= SAME_PLACE
    matched = same.any(axis=0).sum() + same.any(axis=1).sum()
    return float(1 - matched / (len(found) + len(expected)))


KINDS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"relative": relative, "share": share, "apart": apart,
                                                                  "rows": rows}


def differences(found: dict[str, np.ndarray], expected: dict[str, np.ndarray],
                limits: dict[str, Limit]) -> dict[str, float]:
    """The difference of each result that ``limits`` names; infinite where one is missing, not finite, or of another
    shape."""
    return {name: _difference(found.get(name), expected.get(name), limit) for name, limit in limits.items()}


def _difference(found: np.ndarray | None, expected: np.ndarray | None, limit: Limit) -> float:
    if found is None or expected is None or (limit.kind != "rows" and found.shape != expected.shape):
        return float("inf")
    if not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return float("inf")
    return KINDS[limit.kind](found, expected)


def within(values: dict[str, float], limits: dict[str, Limit]) -> bool:
    """Whether every difference is at most its limit."""
    return all(values[name] <= limit.largest for name, limit in limits.items())
