"""The comparison as tables for a terminal."""
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import contents
from . import needs, verdicts
from .compare import Comparison, Row

STYLES = {verdicts.EQUAL: "green", verdicts.IN_BAND: "green", verdicts.DIFFERS: "bold red",
          verdicts.NOT_COMPARABLE: "dim", verdicts.NEEDS_DATA: "yellow"}
WORDS = {**verdicts.WORDS, verdicts.DIFFERS: "differ", verdicts.NEEDS_DATA: "need DATA"}  # after a number
LONG = 48  # shown characters of a value
FEW = 2  # published runs that are named one by one in a table


def print_tables(comparison: Comparison, console: Console | None = None) -> None:
    """Print a table per section, how to get missing data, and the counts."""
    console = console or Console()
    for number in dict.fromkeys(row.section for row in comparison.rows):
        rows = [row for row in comparison.rows if row.section == number]
        console.print(_table(number, rows))
        for note, figures in notes(rows).items():
            console.print(Text(f"  {', '.join(figures)}: {note}", "dim"))
    needed = [f"needs DATA: {needs.how_to_get(need)}" for need in
              dict.fromkeys(row.needs for row in comparison.rows if row.needs)]
    rule = [verdicts.BAND_RULE] if any(row.band for row in comparison.rows) else []
    totals = [f"{kind}: {counted(counts)}" for kind, counts in comparison.counts().items()
              if kind == "exact" or any(counts.values())]
    for line in (*rule, *needed, *totals):
        console.print(Text(line), soft_wrap=True)


def counted(counts: dict[str, int]) -> str:
    """Return the counts of a kind as text, such as "29 equal, 0 differ, 5 need DATA"."""
    return ", ".join(f"{count} {WORDS[verdict]}" for verdict, count in counts.items())


def brief(value: Any, digits: int = 6) -> str:
    """Return a value on one line: floats with up to ``digits`` significant digits, None as a dash."""
    return "–" if value is None else _brief(value, digits)


def printed(row: Row) -> list[str]:
    """Return what the sources printed, as lines of text.

    Of a training, this is one line per published run; of more than a few runs, their number, mean, lowest and highest
    value. The names of all runs are in the JSON.

    Args:
        row: a row of the comparison.
    """
    if row.kind == "exact":
        return [brief(row.book)]
    if len(row.book) <= FEW:
        return [f"{source} {brief(value, 4)}" for source, value in row.book.items()]
    values = list(row.book.values())
    mean, low, high = (brief(value, 4) for value in (sum(values) / len(values), min(values), max(values)))
    return [f"mean of {len(values)}: {mean}", f"{low}–{high}"]


def reason(row: Row) -> str | None:
    """Return in a word or two why a figure has no verdict: the missing data, or "a part"; None if its note says it.

    Args:
        row: a row of the comparison.
    """
    is_part = row.verdict == verdicts.NOT_COMPARABLE and row.note.startswith("a part")
    return row.needs or ("a part" if is_part else None)


def figure_of(row: Row) -> str:
    """Return the figure's description in a few words."""
    return row.shows if row.kind == "exact" else row.name


def notes(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return each note with the figures or trainings that share it, without the notes on missing data."""
    names: dict[str, list[str]] = {}
    for row in rows:
        name = row.name.split(":")[0] if row.kind == "training" else row.shows
        if row.note and not row.needs and name not in names.setdefault(row.note, []):
            names[row.note].append(name)
    return names


def _brief(value: Any, digits: int) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_brief(item, digits)}" for key, item in value.items())
    if isinstance(value, list):
        return f"[{', '.join(_brief(item, digits) for item in value)}]"
    return f"{value:.{digits}g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def _table(number: str, rows: list[Row]) -> Table:
    titles = {info.number: f"{info.english} {info.chinese}" for info in contents.SECTIONS}
    table = Table(title=f"\n{number} {titles.get(number, 'before chapter 9')}", title_justify="left",
                  title_style="bold", box=box.SIMPLE_HEAD, expand=True)
    for name, ratio in (("figure", 6), ("printed", 5), ("here", 5), ("verdict", 5)):
        table.add_column(name, ratio=ratio, overflow="fold")
    for row in rows:
        values = [", ".join(printed(row)), brief(row.value, 6 if row.kind == "exact" else 4)]
        values = [text if len(text) <= LONG else f"{text[:LONG - 1]}…" for text in values]
        table.add_row(*map(Text, (figure_of(row), *values)), _verdict(row))
    return table


def _verdict(row: Row) -> Text:
    text = Text(verdicts.WORDS[row.verdict], STYLES[row.verdict])
    if row.band:
        text.append(f", {brief(row.band[0], 3)} to {brief(row.band[1], 3)}", "dim")
    if reason(row):
        text.append(f": {reason(row)}", "dim")
    return text
