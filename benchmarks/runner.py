"""Cases one after the other: sides prepared, compared, timed in turn."""
from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from . import compare, environment, spread
from .case import Case
from .process import SideError, Workers
from .sides import BFLOAT16, FLOAT32, GROUPS, OURS, OURS_BFLOAT16, SIDES, NotHere

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


def run(cases: Sequence[Case], rounds: int, quick: bool, threads: int, groups: Sequence[str] = tuple(GROUPS)) -> Report:
    """Measure ``cases`` by the sides of ``groups``; Ctrl-C ends it with what is done, a case's full rounds included."""
    report = Report("cases", threads, quick)
    with report.ends_with_what_is_done(), Workers(threads, share=quick) as workers:
        for number, case in enumerate(cases, 1):
            progress(f"{number}/{len(cases)} {case.name}")
            sides = case.taking_part(report.torch, groups)
            measure(report, Measurement(case, case.with_settings(quick), workers, sides), rounds)
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
    """One case on all sides. A side that fails is left out from then on, and the case does not count as equal; one that
    this machine cannot do is left out too."""

    def __init__(self, case: Case, settings: dict[str, Any], workers: Workers, sides: Sequence[str]) -> None:
        self.case, self.settings, self.workers, self.sides = case, settings, workers, list(sides)
        self.warm_up = 0 if workers.share else WARM_UP
        self.errors: dict[str, str] = {}
        self.traces: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
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
        return min((len(self.times[side]) for side in self._alive()), default=0)

    def _prepare(self) -> None:
        for side in self._alive():
            self._try(side, self.workers.prepare, side, self.case.module, self.settings)

    def _compare(self) -> None:
        results = self._each("result")
        for side, found in results.items():
            if side != OURS and OURS in results:
                self.differences[side] = compare.differences(found, results[OURS], self.case.limits_of(side))

    def _round(self, number: int) -> None:
        times = {side: self._ask("seconds", side) for side in spread.turn(self._alive(), number)}
        for side in self._alive():  # a round counts for all or, when it is interrupted, for none
            self.times[side].append(times[side])

    def _each(self, command: str, times: int = 1) -> dict[str, Any]:
        answers: dict[str, Any] = {}
        for _ in range(times):
            answers = {side: self._ask(command, side) for side in self._alive()}
        return {side: answers[side] for side in self._alive() if side in answers}

    def _ask(self, command: str, side: str) -> Any:
        return self._try(side, self.workers.ask, command, side)

    def _try(self, side: str, ask: Callable, *arguments: Any) -> Any:
        try:
            return ask(*arguments)
        except NotHere as reason:
            self.left_out[side] = str(reason)
        except SideError as error:
            self.errors[side], self.traces[side] = str(error), error.trace

    def _alive(self) -> list[str]:
        return [side for side in self.sides if side not in self.errors and side not in self.left_out]

    @property
    def equal(self) -> bool:
        """No side failed, and every side's results are within their limits of ours."""
        return not self.errors and all(compare.within(self.differences.get(side, {}), self.case.limits_of(side))
                                       for side in self._alive() if side != OURS)

    def json(self) -> dict[str, Any]:
        """The case as the report has it: seconds are medians a unit, ratios medians of the rounds' ratios."""
        times = {side: self.times[side][:self.done] for side in self._alive() if self.done}
        shown = {group: spread.best(times, sides) for group, sides in GROUPS.items()}
        peers = [side for side in times if side != OURS and SIDES[side].precision == FLOAT32]
        best = spread.best(times, peers)
        ratios = {**{f"vs_{group}": _ratios(times, shown[group]) for group in GROUPS if group != OURS},
                  "vs_best": _ratios(times, best),
                  "bfloat16_vs_ours": _ratios(times, OURS, OURS_BFLOAT16),
                  "bfloat16_vs_torch": _ratios(times, BFLOAT16, OURS_BFLOAT16)}
        row: dict[str, Any] = {
            "case": self.case.name, "what": self.case.what, "equal": self.equal, "rounds": self.done,
            "unit": self.case.unit[0], "unit_holds": {self.case.unit[1]: self.settings[self.case.unit[1]]},
            "rate": self.case.rate, "shown": shown, "torch_layout": _form(self.case, shown["torch"]),
            "onnxruntime_export": _form(self.case, shown["onnxruntime"]), "best": best,
            **{f"{group}_s": _median(times.get(side)) for group, side in shown.items()},
            **{name: _median(values) for name, values in ratios.items()}}
        row["quartiles"] = {**{f"{group}_s": _quartiles(times.get(side)) for group, side in shown.items()},
                            **{name: _quartiles(values) for name, values in ratios.items()}}
        return {**row, "memory": self.memory, "memory_vs_torch": self._memory_ratio(shown["torch"]),
                "differences": self.differences, "errors": self.errors, "left_out": self.left_out,
                "tolerances": {name: vars(limit) for name, limit in self.case.limits.items()},
                "tolerances_bfloat16": {name: vars(limit) for name, limit in self.case.coarse.items()},
                "settings": self.settings, "seconds": times}

    def _memory_ratio(self, torch: str | None) -> float | None:
        """Our peak memory over that of PyTorch, which computes step by step."""
        ours, other = self.memory.get(OURS), self.memory.get(torch)
        return ours["peak_mb"] / other["peak_mb"] if ours and other else None


def _form(case: Case, side: str | None) -> str | None:
    """The form of a side, where its case has several."""
    several = side and sum(other in case.sides for other in GROUPS[SIDES[side].group]) > 1
    return SIDES[side].form if several else None


def _ratios(times: dict[str, list[float]], side: str | None, base: str = OURS) -> list[float]:
    """The seconds of ``side`` over those of ``base``, by round; none where one of the two is not there."""
    return spread.ratios(times[side], times[base]) if side in times and base in times else []


def _median(values: Sequence[float] | None) -> float | None:
    return statistics.median(values) if values else None


def _quartiles(values: Sequence[float] | None) -> list[float] | None:
    return spread.quartiles(values) if values else None
