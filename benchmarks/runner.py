"""Cases one after the other: sides prepared, compared, timed in turn."""
from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import compare, environment, spread
from .case import BOOK, CHANNELS_LAST, OURS, TORCH, Case
from .process import SideError, Workers

TORCH_SIDES = (TORCH, CHANNELS_LAST)
WARM_UP = 1  # runs that do not count, beside the one whose result is compared; none in a quick look


class Report:
    """What was measured so far: ``rows``, which the JSON has under ``key``."""

    def __init__(self, key: str, threads: int, quick: bool) -> None:
        self.key, self.rows, self.traces, self.interrupted = key, [], [], False
        self.environment = {**environment.describe(threads), "quick": quick}

    @property
    def ok(self) -> bool:
        """Whether every side of every case gave equal results."""
        return all(row["equal"] for row in self.rows)

    @property
    def torch(self) -> bool:
        """Whether PyTorch takes part."""
        return "torch" in self.environment["versions"]

    def json(self) -> dict[str, Any]:
        return {"environment": self.environment, "interrupted": self.interrupted, self.key: self.rows}

    @contextmanager
    def ends_with_what_is_done(self) -> Iterator[None]:
        """Ctrl-C in here ends the measuring, not the report."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True


def run(cases: Sequence[Case], rounds: int, quick: bool, threads: int) -> Report:
    """Measure ``cases``; Ctrl-C ends it with what is done, a case's full rounds included."""
    report = Report("cases", threads, quick)
    with report.ends_with_what_is_done(), Workers(threads, share=quick) as workers:
        for number, case in enumerate(cases, 1):
            progress(f"{number}/{len(cases)} {case.name}")
            measure(report, Measurement(case, case.with_settings(quick), workers, case.sides(report.torch)), rounds)
    progress("")
    return report


def measure(report: Report, measurement: Measurement, rounds: int, **more: Any) -> None:
    """Do ``measurement`` and put it into the report, ``more`` with it; interrupted, with the rounds that it has."""
    try:
        measurement.run(rounds)
    except KeyboardInterrupt:
        if measurement.done:
            report.rows.append({**more, **measurement.json()})
        raise
    report.rows.append({**more, **measurement.json()})
    report.traces += [f"{measurement.case.name}, {side}:\n{trace}" for side, trace in measurement.traces.items()]


def progress(text: str) -> None:
    """Say at a terminal what is under way."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


class Measurement:
    """One case on all sides. A side that fails is left out from then on, and the case does not count as equal."""

    def __init__(self, case: Case, settings: dict[str, Any], workers: Workers, sides: Sequence[str]) -> None:
        self.case, self.settings, self.workers, self.sides = case, settings, workers, list(sides)
        self.warm_up = 0 if workers.share else WARM_UP
        self.errors: dict[str, str] = {}
        self.traces: dict[str, str] = {}
        self.differences: dict[str, dict[str, float]] = {}
        self.times: dict[str, list[float]] = {side: [] for side in sides}
        self.memory: dict[str, Any] = {}

    def run(self, rounds: int) -> None:
        """Prepare, compare, warm up, time ``rounds`` rounds, ask for memory."""
        try:
            self._prepare()
            self._compare()
            self._each("seconds", self.warm_up)
            for number in range(rounds):
                self._round(number)
            self.memory = self._each("memory")
        finally:
            self.workers.case_done()

    @property
    def done(self) -> int:
        """Rounds that all sides finished."""
        return min((len(times) for side, times in self.times.items() if side not in self.errors), default=0)

    def _prepare(self) -> None:
        for side in list(self._alive()):
            self._ask("prepare", side, self.case.module, self.settings)

    def _compare(self) -> None:
        results = self._each("result")
        for side, found in results.items():
            if side != OURS and OURS in results:
                self.differences[side] = compare.differences(found, results[OURS], self.case.limits)

    def _round(self, number: int) -> None:
        times = {side: self._ask("seconds", side) for side in spread.turn(self._alive(), number)}
        for side in self._alive():  # a round counts for all or, when it is interrupted, for none
            self.times[side].append(times[side])

    def _each(self, command: str, times: int = 1) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for _ in range(times):
            answers = {side: self._ask(command, side) for side in self._alive()}
        return {side: answers[side] for side in self._alive() if side in answers}

    def _ask(self, command: str, side: str, *rest: Any) -> Any:
        try:
            return self.workers.ask(command, side, *rest)
        except SideError as error:
            self.errors[side], self.traces[side] = str(error), error.trace
            return None

    def _alive(self) -> list[str]:
        return [side for side in self.sides if side not in self.errors]

    @property
    def equal(self) -> bool:
        """No side failed, and every side's results are within their limits of ours."""
        return not self.errors and all(compare.within(self.differences.get(side, {}), self.case.limits)
                                       for side in self.sides if side != OURS)

    def json(self) -> dict[str, Any]:
        """The case as the report has it: seconds are medians a unit, ratios medians of the rounds' ratios."""
        times = {side: self.times[side][:self.done] for side in self._alive() if self.done}
        torch = spread.best(times, TORCH_SIDES)
        shown = {"ours": OURS, "book": BOOK, "torch": torch}
        row: dict[str, Any] = {
            "case": self.case.name, "what": self.case.what, "equal": self.equal, "rounds": self.done,
            "unit": self.case.unit[0], "unit_holds": {self.case.unit[1]: self.settings[self.case.unit[1]]},
            "torch_layout": {TORCH: "NCHW", CHANNELS_LAST: "channels_last"}.get(torch) if self.case.layouts else None,
            **{f"{name}_s": _median(times.get(side)) for name, side in shown.items()},
            **{f"vs_{name}": _median(_ratios(times, side)) for name, side in shown.items() if name != "ours"}}
        row["quartiles"] = {**{f"{name}_s": _quartiles(times.get(side)) for name, side in shown.items()},
                            **{f"vs_{name}": _quartiles(_ratios(times, side))
                               for name, side in shown.items() if name != "ours"}}
        return {**row, "memory": self.memory, "differences": self.differences, "errors": self.errors,
                "tolerances": {name: vars(limit) for name, limit in self.case.limits.items()},
                "settings": self.settings, "seconds": times}


def _ratios(times: dict[str, list[float]], side: str | None) -> list[float]:
    return spread.ratios(times[side], times[OURS]) if side in times and OURS in times else []


def _median(values: Sequence[float] | None) -> float | None:
    return statistics.median(values) if values else None


def _quartiles(values: Sequence[float] | None) -> list[float] | None:
    return spread.quartiles(values) if values else None
