"""How times grow: with the batch, the size of the picture, the number of anchors, the threads."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from d2lzh_cv.errors import InputError

from . import environment
from .case import Case
from .process import Workers
from .runner import Measurement, Report, measure, progress
from .sides import EAGER_GROUPS


@dataclass(frozen=True)
class Curve:
    """What changes in a case, from point to point. ``setting`` is a key of its settings, or ``threads``."""
    over: str
    case: str
    setting: str
    points: tuple
    quick: tuple
    fixed: dict[str, Any] = field(default_factory=dict)  # settings of all points


def _square(edge: int) -> tuple:
    return ((edge, edge),)


CURVES = (
    Curve("batch", "tinyssd_step", "batch", (4, 8, 16, 32), (1, 2)),
    Curve("picture", "tinyssd_step", "edge", (128, 192, 256, 384), (64, 96), {"batch": 8}),
    Curve("picture", "fcn_predict", "size", ((160, 224), (320, 480), (480, 640)), ((32, 64), (64, 64))),
    Curve("anchors", "anchors_50000", "maps", tuple(map(_square, (16, 32, 64, 112))), tuple(map(_square, (4, 8)))),
    Curve("threads", "tinyssd_step", "threads", (1, 2, 4, 8, 16, 32), (1, 2), {"batch": 8}),
    Curve("threads", "style_step", "threads", (1, 2, 4, 8, 16, 32), (1, 2)),
)


def run(cases: Sequence[Case], rounds: int, quick: bool, threads: int,
        groups: Sequence[str] = EAGER_GROUPS) -> Report:
    """Measure the curves of ``cases`` by the sides of ``groups``. Raises InputError where they have none."""
    by_name = {case.name: case for case in cases}
    curves = [curve for curve in CURVES if curve.case in by_name]
    if not curves:
        raise InputError(f"{cases[0].name} has no curve; those with one: "
                         f"{', '.join(dict.fromkeys(curve.case for curve in CURVES))}")
    report = Report("points", threads, quick)
    with report.ends_with_what_is_done():
        for curve in curves:
            _follow(report, curve, by_name[curve.case], rounds, quick, threads, groups)
    progress("")
    return report


def _follow(report: Report, curve: Curve, case: Case, rounds: int, quick: bool, threads: int,
            groups: Sequence[str]) -> None:
    for point in curve.quick if quick else curve.points:
        if curve.setting == "threads" and point > environment.available():
            continue
        progress(f"{curve.case}, {curve.setting} {point}")
        own = point if curve.setting == "threads" else threads
        settings = case.with_settings(quick, **{**({} if quick else curve.fixed), curve.setting: point})
        with Workers(own, share=quick) as workers:
            measure(report, Measurement(case, settings, workers, case.taking_part(report.torch, groups)), rounds,
                    over=curve.over, at=label(curve, point))


def label(curve: Curve, point: Any) -> str:
    """A point as the table has it."""
    if curve.setting == "maps":
        return str(4 * sum(height * width for height, width in point))
    return "×".join(map(str, point)) if isinstance(point, tuple) else str(point)
