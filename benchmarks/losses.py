"""Do the quick forms learn the same? The first losses of every training case, ours beside the others'."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from d2lzh_cv.errors import InputError

from .case import BOOK, CHANNELS_LAST, OURS, Case
from .process import SideError, Workers
from .runner import Report, progress

STEPS = 20
LIMIT = 1e-2  # of the book-style side's largest loss: what 20 steps make of the last digits


def run(cases: Sequence[Case], quick: bool, threads: int) -> Report:
    """20 steps of each of ``cases`` that trains. Raises InputError where none does."""
    training = [case for case in cases if case.trains]
    if not training:
        raise InputError(f"{cases[0].name} trains nothing; see d2lzh-cv bench --list for the cases with _step")
    report = Report("losses", threads, quick)
    with report.ends_with_what_is_done(), Workers(threads, share=quick) as workers:
        for case in training:
            progress(case.name)
            report.rows.append(_measure(case, case.with_settings(quick, repeat=1), workers, report))
    progress("")
    return report


def _measure(case: Case, settings: dict[str, Any], workers: Workers, report: Report) -> dict[str, Any]:
    found, errors = {}, {}
    for side in case.sides(report.torch):
        if side == CHANNELS_LAST:
            continue
        try:
            workers.ask("prepare", side, case.module, settings)
            found[side] = [float(loss) for loss in workers.ask("losses", side, STEPS)]
        except SideError as error:
            errors[side] = str(error)
            report.traces.append(f"{case.name}, {side}:\n{error.trace}")
    workers.case_done()
    largest = {side: difference(found[OURS], found[side]) for side in found if side != OURS and OURS in found}
    return {"case": case.name, "steps": STEPS, "largest": largest, "limit": LIMIT,
            "equal": not errors and largest[BOOK] <= LIMIT, "errors": errors, "losses": found}


def difference(ours: Sequence[float], others: Sequence[float]) -> float:
    """The largest difference of a step's losses, over the other's largest loss; infinite where one is not a number.

    Over each step's own loss, the last digits of a batch that is nearly learnt would decide.
    """
    apart = [abs(mine - other) for mine, other in zip(ours, others)]
    if not all(map(math.isfinite, apart)):
        return float("inf")
    return max(apart) / max(map(abs, others))
