"""What the sources of chapter 9 print, read from figures.json: the one side of every comparison, never the other."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("figures.json")
NOT_FIGURES = ("epoch", "seconds")  # of a log: seconds tell about the machine


@dataclass(frozen=True)
class Exact:
    """A figure that every correct implementation prints.

    Attributes:
        shows: what it is, for a table.
        needs: the key in :data:`d2lzh_cv.book.needs.NEEDS` of the data it depends on, or None.
        source: key of :func:`sources`.
        significant, decimals: how many digits were printed, of floats.
        zero_below: values smaller than this are rounding in place of 0.
        record: the name under which the section's script records it, by default ``name``.
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
    note: str = ""


@dataclass(frozen=True)
class Training:
    """Published logs of one training.

    Attributes:
        series: the name under which the section's script logs it.
        needs: the data, keys of :data:`d2lzh_cv.book.needs.NEEDS`.
        requires: of the data and network, what it is and the values that a run on the same recorded.
        pictures: for an accuracy, of how many pictures it is.
        runs: source to log, a line per epoch.
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
        """What the last line of the logs tells, such as "test_acc"."""
        return [name for name in next(iter(self.runs.values()))[-1] if name not in NOT_FIGURES]

    @property
    def epochs(self) -> int | None:
        """The last epoch of the logs; None where only the end was published."""
        return next(iter(self.runs.values()))[-1].get("epoch")

    def curves(self) -> list[dict[str, Any]]:
        """All lines, with their series and source, in the form of a run's metrics.jsonl."""
        return [{"series": self.series, "source": source, **line} for source, log in self.runs.items() for line in log]


@cache
def _content() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def sources() -> dict[str, str]:
    """Return what each source's short name stands for."""
    return dict(_content()["sources"])


def exact() -> list[Exact]:
    """Return the exact figures in the book's order."""
    return [Exact(**entry) for entry in _content()["exact"]]


def training() -> list[Training]:
    """Return the published trainings in the book's order."""
    return [Training(**entry) for entry in _content()["training"]]
