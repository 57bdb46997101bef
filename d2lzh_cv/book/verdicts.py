"""When a value is the book's: exact figures to the printed digits, training figures within a band."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .facts import Exact, Training

EQUAL, IN_BAND, DIFFERS, NOT_COMPARABLE, NEEDS_DATA = "equal", "in_band", "differs", "not_comparable", "needs_data"
WORDS = {EQUAL: "equal", IN_BAND: "in band", DIFFERS: "differs", NOT_COMPARABLE: "not comparable",
         NEEDS_DATA: "needs DATA"}
WIDEN = 2  # about 95 of 100 runs like the published ones
LEAST = 0.01  # of the value: two runs on one machine differ less than two machines do
ONE_RUN = 0.1  # of the value, where only one run was published and its spread is unknown
BAND_RULE = (f"A band reaches {WIDEN} spreads to either side of the published runs' mean. The spread is the root mean "
             f"square of their differences over the epochs, but {LEAST:.0%} of the value or more ({ONE_RUN:.0%} where "
             "one run was published), and of an accuracy no less than counting so few pictures leaves to chance.")


def same(fact: Exact, value: Any) -> bool:
    """Tell whether ``value`` is the figure, shape for shape and number for number to the printed digits."""
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
    return abs(value - book) <= unit / 2 * (1 + 1e-6)  # half a unit of the last digit, give or take a float's own error


def band(fact: Training, quantity: str) -> tuple[float, float]:
    """Return (lowest, highest) value of ``quantity`` after the last epoch that counts as the book's: BAND_RULE."""
    logs = list(fact.runs.values())
    mean = _mean([log[-1][quantity] for log in logs])
    pairs = [[line[quantity] for line in lines] for lines in zip(*logs)]
    spread = max(LEAST, _rms([(max(pair) - min(pair)) / _mean(pair) for pair in pairs])) if len(logs) > 1 else ONE_RUN
    half = WIDEN * max(spread * mean, _sampling(mean, fact.pictures.get(quantity)))
    return max(0.0, mean - half), min(mean + half, 1.0 if quantity.endswith("_acc") else math.inf)


def _sampling(accuracy: float, pictures: int | None) -> float:
    return math.sqrt(accuracy * (1 - accuracy) / pictures) if pictures else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(_mean([value * value for value in values]))
