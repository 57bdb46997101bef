"""The result of guessing: the scale for an accuracy on few pictures."""
from __future__ import annotations

from math import exp, fsum, lgamma, log


def by_guessing(right: int, total: int, num_classes: int) -> float:
    """Return the probability that guessing evenly among ``num_classes`` >= 2 gets ``right`` or more of ``total`` right.

    It is the upper tail of the binomial distribution: with ten pictures of ten classes, guessing gets two right in one
    of four cases. Terms are added from their logarithms, so thousands of pictures do not overflow.
    """
    p = 1 / num_classes
    terms = (lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) + k * log(p) + (total - k) * log(1 - p)
             for k in range(right, total + 1))
    return min(1.0, fsum(map(exp, terms)))


def beside_guessing(accuracy: float, total: int, num_classes: int, rare: float = 0.05) -> tuple[bool, str]:
    """Return whether guessing reaches the accuracy with a probability below ``rare``, and a line that says it."""
    right = round(accuracy * total)
    luck = by_guessing(right, total, num_classes)
    return luck < rare, (f"{right} of {total} right; guessing among {num_classes} classes does as well with "
                         f"probability {luck:.2g}")
