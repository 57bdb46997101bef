"""Reports as tables."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from d2lzh_cv.run.terminal import table

from .case import Case
from .runner import Report
from .sides import FLOAT32, GROUPS, LABELS, OURS, SIDES, label

NO_TORCH = "PyTorch is not installed, so its sides are missing: make venv TORCH=1 installs it"


def print_cases(cases: Sequence[Case]) -> None:
    """A line a case."""
    Console().print(table(("case", "what", "a"), [(case.name, escape(case.what), case.unit[0]) for case in cases],
                          words=(2,), box=None), crop=False)


def show(report: Report) -> None:
    """Print the table of a report, what it was measured on, and what failed."""
    console = Console()
    for printed in {"cases": _cases, "points": _points, "losses": _losses}[report.key](report.rows):
        console.print(printed, crop=False)
    for line in notes(report):
        console.print(escape(line), highlight=False, soft_wrap=True)


def show_floors(found: dict[str, Any]) -> None:
    """Print what :func:`benchmarks.floor.run` gives."""
    rows = [(row["case"], f"{row['operations'] / 1e9:.3g} G", seconds(row["by_operations_s"]),
             f"{row['bytes'] / 1e9:.3g} GB", seconds(row["by_bytes_s"])) for row in found["floors"]]
    console, machine = Console(), found["machine"]
    console.print(table(("case", "operations", "take at least", "bytes", "take"), rows, box=None), crop=False)
    console.print(f"measured here: {machine['operations'] / 1e9:.0f} G operations a second in a large product, "
                  f"{machine['bandwidth'] / 1e9:.1f} GB per second", highlight=False, soft_wrap=True)


def _cases(rows: list[dict[str, Any]]) -> list[Table]:
    cells = [(row["case"], label(row["best"]) if row["best"] else "", *ratio(row, "vs_best"),
              "" if row["memory_vs_torch"] is None else f"{row['memory_vs_torch']:.2f}", yes(row["equal"]))
             for row in rows]
    best = table(("case", "fastest other side", "×", "quartiles", "memory", "equal"), cells, words=(1,),
                 right=(2, 3, 4), box=None, pad_edge=False)
    return [_timed(rows, lambda row: f"a {row['unit']}"), best, *_bfloat16(rows)]


def _bfloat16(rows: list[dict[str, Any]]) -> list[Table]:
    """A line per case that was done in bfloat16: how many times as long the others take."""
    cells = [(row["case"], *ratio(row, "bfloat16_vs_ours"), *ratio(row, "bfloat16_vs_torch"))
             for row in rows if row["bfloat16_vs_ours"]]
    columns = ("ours bf16", "× ours", "quartiles", "× PyTorch bf16", "quartiles")
    return [table(columns, cells, right=(1, 2, 3, 4), box=None, pad_edge=False)] if cells else []


def _points(rows: list[dict[str, Any]]) -> list[Table]:
    return [_timed(rows, lambda row: f"{row['over']} {row['at']}")]


def _timed(rows: list[dict[str, Any]], second) -> Table:
    """A line per side; within 80 columns."""
    cells = []
    for row in rows:
        wrong = {SIDES[side].group for side in [*row["errors"], *(side for side, *_ in _too_far(row))]}
        groups = [group for group in GROUPS if row["shown"][group] or group in wrong]
        lines = [(LABELS[group], speed(row, group), peak(row, group), *ratio(row, f"vs_{group}"),
                  "" if group == OURS else yes(group not in wrong)) for group in groups]
        both = zip_longest((row["case"], f"  {second(row)}"), lines)
        cells += [(name or "", *(line or [""] * 6)) for name, line in both]
    return table(("case", "side", "time", "MB", "×", "quartiles", "equal"), cells, typed=(0, 1), right=range(2, 6),
                 box=None, pad_edge=False)


def _losses(rows: list[dict[str, Any]]) -> list[Table]:
    cells = []
    for row in rows:
        for number, (side, found) in enumerate(row["losses"].items()):
            apart = row["largest"].get(side)
            cells.append(("" if number else row["case"], LABELS[SIDES[side].group], str(row["steps"]),
                          f"{found[0]:.5g}", f"{found[-1]:.5g}", "" if apart is None else f"{apart:.2g}",
                          "" if number else yes(row["equal"])))
    return [table(("case", "side", "steps", "first loss", "last loss", "differs by", "equal"), cells)]


def seconds(value: float | None) -> str:
    """Three digits and a unit; nothing for None."""
    if value is None:
        return ""
    factor, unit = (1, "s") if value >= 1 else (1e3, "ms") if value >= 1e-3 else (1e6, "µs")
    return f"{value * factor:.3g} {unit}"


def speed(row: dict[str, Any], group: str) -> str:
    """The time of a unit, or how many there are in a second."""
    value = row[f"{group}_s"]
    return f"{1 / value:.3g} /s" if row["rate"] and value else seconds(value)


def ratio(row: dict[str, Any], name: str) -> tuple[str, str]:
    """A median ratio, and between what the middle half of the rounds lies."""
    if row.get(name) is None:
        return "", ""
    low, high = row["quartiles"][name]
    return f"{row[name]:.3g}", f"{low:.3g}–{high:.3g}"


def peak(row: dict[str, Any], group: str) -> str:
    """Memory of a side, in the form that is shown."""
    memory = row["memory"].get(row["shown"][group])
    return str(memory["peak_mb"]) if memory else ""


def yes(equal: bool) -> str:
    """Whether results are equal."""
    return "yes" if equal else "[bold red]no[/]"


def notes(report: Report) -> list[str]:
    """What the table needs to be understood."""
    about = report.environment
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [f"{about['processor']} ({' '.join(about['features'])}), {about['processors']} processors, "
             f"{about['threads']} threads; {versions}"]
    if about["load"]:
        lines.append(f"load when it began: {about['load'][0]:.1f}")
    if report.key != "losses":
        lines.append("×: how many times as long as ours, and the quartiles of that; MB: peak memory; memory: ours over "
                     "PyTorch's; the fastest other side is one in float32")
    if about["quick"]:
        lines.append("tiny sizes: times and memory mean nothing")
    if not report.torch:
        lines.append(NO_TORCH)
    lines += [f"{row['case']}, {side} failed: {error}" for row in report.rows for side, error in row["errors"].items()]
    lines += [f"{row['case']}, {side}: {name} differs by {value:.3g}, at most {largest:g} is equal"
              for row in report.rows for side, name, value, largest in _too_far(row)]
    left_out = [(side, reason, row["case"]) for row in report.rows for side, reason in row["left_out"].items()]
    for side, reason in dict.fromkeys((side, reason) for side, reason, _ in left_out):
        cases = ", ".join(case for *both, case in left_out if both == [side, reason])
        lines.append(f"{side} is left out: {reason} ({cases})")
    return lines + ["interrupted: this is what was done"] * report.interrupted


def _too_far(row: dict[str, Any]) -> Iterator[tuple[str, str, float, float]]:
    """(side, result, difference, limit) of what is not equal."""
    for side, found in row.get("differences", {}).items():
        limits = row["tolerances" if SIDES[side].precision == FLOAT32 else "tolerances_bfloat16"]
        for name, value in found.items():
            if not value <= limits[name]["largest"]:
                yield side, name, value, limits[name]["largest"]
