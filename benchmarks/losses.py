"""Do the quick forms learn the same? The first losses of every training case, ours beside the others'."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from d2lzh_cv.errors import InputError

from .case import Case
from .process import SideError, Workers
from .runner import Report, progress
from .sides import BOOK, CHANNELS_LAST, EAGER_GROUPS, OURS, NotHere

STEPS = 20
LIMIT = 1e-2  # of the book-style side's largest loss: what 20 steps make of the last digits


def run(cases: Sequence[Case], quick: bool, threads: int, groups: Sequence[str] = EAGER_GROUPS) -> Report:
    """20 steps of each of ``cases`` that trains, by the sides of ``groups``. Raises InputError where none does."""
    training = [case for case in cases if case.trains]
    if not training:
        raise InputError(f"{cases[0].name} trains nothing; see d2lzh-cv bench --list for the cases with _step")
    report = Report("losses", threads, quick)
    with report.ends_with_what_is_done(), Workers(threads, share=quick) as workers:
        for case in training:
            progress(case.name)
            report.rows.append(_measure(case, case.with_settings(quick, repeat=1), workers, report, groups))
    progress("")
    return report


def _measure(case: Case, settings: dict[str, Any], workers: Workers, report: Report,
             groups: Sequence[str]) -> dict[str, Any]:
    found, errors, left_out = {}, {}, {}
    for side in case.taking_part(report.torch, groups):
        if side == CHANNELS_LAST:
            continue
        try:
            workers.prepare(side, case.module, settings)
            found[side] = [float(loss) for loss in workers.ask("losses", side, STEPS)]
        except NotHere as reason:
            left_out[side] = str(reason)
        except SideError as error:
            errors[side] = str(error)
            report.traces.append(f"{case.name}, {side}:\n{error.trace}")
    workers.case_done()
    largest = {side: difference(found[OURS], found[side]) for side in found if side != OURS and OURS in found}
    return {"case": case.name, "steps": STEPS, "largest": largest, "limit": LIMIT,
            "equal": not errors and largest.get(BOOK, 0) <= LIMIT, "errors": errors, "left_out": left_out,
            "losses": found}


def difference(ours: Sequence[float], others: Sequence[float]) -> float:
    """The largest difference of a step's losses, over the other's largest loss; infinite where one is not a number.

    Over each step's own loss, the last digits of a batch that is nearly learnt would decide.
    """
    apart = [abs(mine - other) for mine, other in zip(ours, others)]
    if not all(map(math.isfinite, apart)):
        return float("inf")
    return max(apart) / max(map(abs, others))
