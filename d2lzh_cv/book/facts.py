"""The figures that the book and its other sources print, from figures.json; this package's figures are never in it."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("figures.json")
ALL, BATCH = "all pictures", "a batch"  # how much of a set a figure depends on
NOT_FIGURES = ("epoch", "seconds")  # columns of a log that are not compared


@dataclass(frozen=True)
class Exact:
    """A figure that every correct implementation prints.

    Attributes:
        shows: a description for a table.
        needs: the data it depends on, a key of :data:`d2lzh_cv.book.needs.NEEDS`, or None.
        enough: how much of this data it depends on: ALL, a BATCH of any pictures, or the name of one picture.
        source: a key of :func:`sources`.
        significant, decimals: the number of printed digits of a float.
        zero_below: smaller values are rounding errors of 0.
        record: the name under which the section's script records it; None: ``name``.
        depends: the parameters of the section that change it.
    """

    section: str
    name: str
    shows: str
    value: Any
    needs: str | None
    source: str
    significant: int | None = None
    decimals: int | None = None
    zero_below: float = 0.0
    record: str | None = None
    enough: str | None = None
    depends: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Training:
    """Published logs of one training.

    Attributes:
        series: the name under which the section's script logs it.
        needs: the data, keys of :data:`d2lzh_cv.book.needs.NEEDS`.
        requires: a dictionary from a condition on data or network to the values that a run must have recorded.
        pictures: for each accuracy, the number of its pictures.
        runs: a dictionary from source to log; a log has one line per epoch.
    """

    section: str
    series: str
    setting: str
    needs: list[str]
    requires: dict[str, dict[str, Any]]
    pictures: dict[str, int]
    runs: dict[str, list[dict[str, float]]] = field(repr=False)

    @property
    def quantities(self) -> list[str]:
        """The figures in the last line of the first log, such as "test_acc"."""
        return [name for name in next(iter(self.runs.values()))[-1] if name not in NOT_FIGURES]

    @property
    def epochs(self) -> int | None:
        """The last epoch of the first log; None if it was not published."""
        return next(iter(self.runs.values()))[-1].get("epoch")

    def at_end(self, quantity: str) -> dict[str, float]:
        """Return the dictionary from source to the value after the last epoch, of the logs that reach this epoch.

        Args:
            quantity: one of :attr:`quantities`.
        """
        return {source: line[quantity] for source, log in self.runs.items() for line in log
                if line.get("epoch") == self.epochs and quantity in line}

    def curves(self) -> list[dict[str, Any]]:
        """Return all lines in the format of a run's metrics.jsonl, with series and source."""
        return [{"series": self.series, "source": source, **line} for source, log in self.runs.items() for line in log]


@cache
def _content() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def sources() -> dict[str, str]:
    """Return the dictionary from a source's short name to its description."""
    return dict(_content()["sources"])


def exact() -> list[Exact]:
    """Return the exact figures in the book's order."""
    return [Exact(**entry) for entry in _content()["exact"]]


def training() -> list[Training]:
    """Return the published trainings in the book's order."""
    return [Training(**entry) for entry in _content()["training"]]
