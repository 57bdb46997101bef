"""Does a value agree with the book? Exact figures must agree to the printed digits, training figures within a band."""
from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from .facts import Exact, Training

EQUAL, IN_BAND, DIFFERS, NOT_COMPARABLE, NEEDS_DATA = "equal", "in_band", "differs", "not_comparable", "needs_data"
WORDS = {EQUAL: "equal", IN_BAND: "in band", DIFFERS: "differs", NOT_COMPARABLE: "not comparable",
         NEEDS_DATA: "needs DATA"}
WIDEN = 2  # spreads to either side, where the spread is known: they hold about 95 of 100 runs
LEAST = 0.01  # of the value: a spread is no smaller, because the published runs share their kind of machine
ONE_RUN = 0.1  # of the value: one published run does not show the spread
ENOUGH = 3  # runs whose standard deviation is used: of two runs, Student's factor is 15 and the band says nothing
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
           2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)
# STUDENT[n - 1] is the quantile 0.975 of Student's distribution with n degrees of freedom.
BAND_RULE = ("A band is the interval in which 95 of 100 further runs are expected: the mean of the published runs' "
             "last values, plus and minus t·s·√(1 + 1/n). Here n is the number of runs, s their standard deviation, "
             f"and t Student's factor. Of two runs, the band reaches {WIDEN} spreads to either side; the spread is the "
             "root mean square of their differences over the epochs. A spread is at least "
             f"{LEAST:.0%} of the value ({ONE_RUN:.0%} if only one run was published), and for an accuracy also at "
             "least its standard error, from the number of pictures. No published run is left out, however far off it "
             "ended.")


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
    """Return the band (lowest, highest) for ``quantity`` after the last epoch, see BAND_RULE.

    This is the prediction interval for one more run of the same distribution. It stays plain on purpose. A median and
    robust spread would leave out runs that ended far off, such as one of six fine-tunings with a test accuracy of
    0.786: but such a run did happen on the book's data with the book's settings, so that another one is no sign of an
    error. The earlier epochs of several runs are not used either: their spread is another one than that of the last.

    Args:
        fact: a published training.
        quantity: one of its quantities.
    """
    values = list(fact.at_end(quantity).values())
    mean, pictures = _mean(values), fact.pictures.get(quantity)
    standard_error = math.sqrt(mean * (1 - mean) / pictures) if pictures else 0.0
    half = max(_reach(fact, quantity, values), WIDEN * LEAST * mean, WIDEN * standard_error)
    return max(0.0, mean - half), min(mean + half, 1.0 if quantity.endswith("_acc") else math.inf)


def _reach(fact: Training, quantity: str, values: Sequence[float]) -> float:
    """Return half the width of the band, as the last values of the published runs give it."""
    count, mean = len(values), _mean(values)
    if count == 1:
        return WIDEN * ONE_RUN * mean
    if count < ENOUGH:
        return WIDEN * _difference(fact, quantity) * mean
    student = STUDENT[count - 2] if count - 2 < len(STUDENT) else WIDEN
    return student * statistics.stdev(values) * math.sqrt(1 + 1 / count)


def _difference(fact: Training, quantity: str) -> float:
    """Return the root mean square of two runs' relative differences over the epochs that both logs list."""
    one, other = ({line.get("epoch"): line[quantity] for line in log if quantity in line}
                  for log in fact.runs.values())
    relative = [(one[epoch] - other[epoch]) / _mean([one[epoch], other[epoch]]) for epoch in one.keys() & other.keys()]
    return math.sqrt(_mean([difference * difference for difference in relative]))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
