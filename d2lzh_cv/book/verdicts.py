"""Does a value agree with the book? Exact figures must agree to the printed digits, training figures within a band."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .facts import Exact, Training

EQUAL, IN_BAND, DIFFERS, NOT_COMPARABLE, NEEDS_DATA = "equal", "in_band", "differs", "not_comparable", "needs_data"
WORDS = {EQUAL: "equal", IN_BAND: "in band", DIFFERS: "differs", NOT_COMPARABLE: "not comparable",
         NEEDS_DATA: "needs DATA"}
WIDEN = 2  # two spreads hold about 95 of 100 runs
LEAST = 0.01  # of the value: two published runs on one machine differ less than runs on two machines
ONE_RUN = 0.1  # of the value: one published run does not show the spread
BAND_RULE = (f"A band reaches {WIDEN} spreads to either side of the published runs' mean. The spread is the root mean "
             f"square of their differences over the epochs, but at least {LEAST:.0%} of the value ({ONE_RUN:.0%} if "
             "only one run was published). The spread of an accuracy is also at least its standard error, from the "
             "number of pictures.")


def same(fact: Exact, value: Any) -> bool:
    """Return whether ``value`` equals the figure: the same shape, and every number to the printed digits."""
    return _same(fact, fact.value, value)


def _same(fact: Exact, book: Any, value: Any) -> bool:
    if isinstance(book, dict):
        return isinstance(value, dict) and book.keys() == value.keys() and all(
            _same(fact, item, value[key]) for key, item in book.items())
    if isinstance(book, list):
        return isinstance(value, list) and len(book) == len(value) and all(
            _same(fact, *pair) for pair in zip(book, value))
    if isinstance(book, bool) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return value is book
    return _same_number(fact, book, value)


def _same_number(fact: Exact, book: float, value: float) -> bool:
    if abs(book) < fact.zero_below:
        return abs(value) < fact.zero_below
    if fact.decimals is not None:
        unit = 10.0 ** -fact.decimals
    elif fact.significant is not None and book:
        unit = 10.0 ** (math.floor(math.log10(abs(book))) + 1 - fact.significant)
    else:
        unit = 0.0
    return abs(value - book) <= unit / 2 * (1 + 1e-6)  # half a unit of the last digit, plus a float's rounding error


def band(fact: Training, quantity: str) -> tuple[float, float]:
    """Return the band (lowest, highest) for ``quantity`` after the last epoch, see BAND_RULE."""
    logs = list(fact.runs.values())
    mean = _mean([log[-1][quantity] for log in logs])
    spread = ONE_RUN
    if len(logs) > 1:
        epochs = [[line[quantity] for line in lines] for lines in zip(*logs)]
        differences = [(max(values) - min(values)) / _mean(values) for values in epochs]
        spread = max(LEAST, math.sqrt(_mean([difference * difference for difference in differences])))
    pictures = fact.pictures.get(quantity)
    standard_error = math.sqrt(mean * (1 - mean) / pictures) if pictures else 0.0
    half = WIDEN * max(spread * mean, standard_error)
    return max(0.0, mean - half), min(mean + half, 1.0 if quantity.endswith("_acc") else math.inf)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
