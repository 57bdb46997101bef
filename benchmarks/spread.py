"""Medians and quartiles of times and of their ratios."""
from __future__ import annotations

import statistics
from collections.abc import Sequence


def quartiles(values: Sequence[float]) -> list[float]:
    """[lower quartile, upper quartile], by linear interpolation between the sorted values."""
    if len(values) == 1:
        return [values[0], values[0]]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return [low, high]


def ratios(times: Sequence[float], ours: Sequence[float]) -> list[float]:
    """How many times as long as ours, round by round: what slows a round down slows both."""
    return [other / mine for other, mine in zip(times, ours)]


def best(times: dict[str, list[float]], sides: Sequence[str]) -> str | None:
    """The one of ``sides`` with the lowest median; None where none was timed."""
    timed = [side for side in sides if times.get(side)]
    return min(timed, key=lambda side: statistics.median(times[side])) if timed else None


def turn(sides: Sequence[str], number: int) -> list[str]:
    """The order of round ``number``: each side is first as often as the others, and every second round goes backwards.

    Otherwise a side would always come after the same one, which leaves it a warm cache or a cold one: a side that
    shares a library with the one before it gained some ten per cent in the short cases.
    """
    start = number // 2 % max(1, len(sides))  # there may be none left
    order = [*sides[start:], *sides[:start]]
    return order[::-1] if number % 2 else order
