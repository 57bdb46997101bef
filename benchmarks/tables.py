"""Reports as tables."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from d2lzh_cv.run.terminal import table

from .case import Case
from .runner import Report

NO_TORCH = "PyTorch is not installed, so its columns are empty: make venv TORCH=1 installs it"


def print_cases(cases: Sequence[Case]) -> None:
    """A line a case."""
    Console().print(table(("case", "what", "a"), [(case.name, escape(case.what), case.unit[0]) for case in cases],
                          words=(2,), box=None), crop=False)


def show(report: Report) -> None:
    """Print the table of a report, what it was measured on, and what failed."""
    console = Console()
    console.print({"cases": _cases, "points": _points, "losses": _losses}[report.key](report.rows), crop=False)
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


def _cases(rows: list[dict[str, Any]]) -> Table:
    return _timed(rows, lambda row: f"a {row['unit']}")


def _points(rows: list[dict[str, Any]]) -> Table:
    return _timed(rows, lambda row: f"{row['over']} {row['at']}")


def _timed(rows: list[dict[str, Any]], second) -> Table:
    """Two lines a row: medians, and under them peak memory and quartiles; within 80 columns."""
    cells = []
    for row in rows:
        times = [f"{seconds(row[f'{side}_s'])}\n{peak(row, side)}" for side in ("ours", "book", "torch")]
        ratios = [ratio(row[name], row["quartiles"][name]) for name in ("vs_book", "vs_torch")]
        cells.append((f"{row['case']}\n  {second(row)}", *times, *ratios, "yes" if row["equal"] else "[bold red]no[/]"))
    return table(("case", "ours", "book", "PyTorch", "× book", "× PyTorch", "equal"), cells, right=range(1, 6),
                 box=None, pad_edge=False)


def _losses(rows: list[dict[str, Any]]) -> Table:
    cells = []
    for row in rows:
        ours = row["losses"].get("ours") or [float("nan")]
        cells.append((row["case"], str(row["steps"]), f"{ours[0]:.5g}", f"{ours[-1]:.5g}",
                      *(f"{row['largest'][side]:.2g}" if side in row["largest"] else "" for side in ("book", "torch")),
                      "yes" if row["equal"] else "[bold red]no[/]"))
    return table(("case", "steps", "first loss", "last loss", "book differs by", "PyTorch by", "equal"), cells)


def seconds(value: float | None) -> str:
    """Three digits and a unit; nothing for None."""
    if value is None:
        return ""
    factor, unit = (1, "s") if value >= 1 else (1e3, "ms") if value >= 1e-3 else (1e6, "µs")
    return f"{value * factor:.3g} {unit}"


def ratio(value: float | None, quartiles: list[float] | None) -> str:
    """The median and, on the next line, between what the middle half of the rounds lies."""
    return "" if value is None else f"{value:.3g}\n{quartiles[0]:.3g}–{quartiles[1]:.3g}"


def peak(row: dict[str, Any], side: str) -> str:
    """Memory of a side, for PyTorch in the layout that is shown."""
    shown = "torch_channels_last" if side == "torch" and row["torch_layout"] == "channels_last" else side
    memory = row["memory"].get(shown)
    return f"{memory['peak_mb']} MB" if memory else ""


def notes(report: Report) -> list[str]:
    """What the table needs to be understood."""
    about = report.environment
    lines = [f"{about['processor']}, {about['processors']} processors, {about['threads']} threads; "
             + ", ".join(f"{name} {version}" for name, version in about["versions"].items())]
    if about["load"]:
        lines.append(f"load when it began: {about['load'][0]:.1f}")
    if report.key != "losses":
        lines.append("×: how many times as long as ours, and the quartiles of that; MB: peak memory")
    if about["quick"]:
        lines.append("tiny sizes: times and memory mean nothing")
    if not report.torch:
        lines.append(NO_TORCH)
    lines += [f"{row['case']}, {side} failed: {error}" for row in report.rows for side, error in row["errors"].items()]
    lines += [f"{row['case']}, {side}: {name} differs by {value:.3g}, at most {row['tolerances'][name]['largest']:g} "
              "is equal" for row in report.rows for side, found in row.get("differences", {}).items()
              for name, value in found.items() if not value <= row["tolerances"][name]["largest"]]
    return lines + ["interrupted: this is what was done"] * report.interrupted
