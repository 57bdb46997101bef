"""The result of guessing: the scale for an accuracy on few pictures."""
from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, lgamma, log
from typing import Any


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


def against_guessing(epochs: Sequence[Any], num_train: int, num_valid: int, num_classes: int) -> str:
    """Return a line that says whether validation shows more than luck after a training on few pictures.

    Args:
        epochs: of the training, with ``loss``, ``train_acc`` and ``valid_acc``.
        num_train, num_valid, num_classes: numbers of training pictures, validation pictures and classes.
    """
    first, last = epochs[0], epochs[-1]
    seen, _ = beside_guessing(last.train_acc, num_train, num_classes)
    unseen, line = beside_guessing(last.valid_acc, num_valid, num_classes)
    if unseen:
        verdict = "what was learnt holds for pictures that were not trained on"
    elif seen:
        verdict = (f"the loss went from {first.loss:.2f} to {last.loss:.2f}, so that the network knows its own "
                   f"{num_train} pictures, but so few cannot show more")
    else:
        verdict = f"{len(epochs)} epochs on {num_train} pictures have taught it nothing that can be told from luck"
    return f"validation: {line}; {verdict}"
