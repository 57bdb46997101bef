"""Recorded tables for the report: values {"columns": names, "rows": lists}; each row holds a name, then numbers."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_ROWS, MAX_COLUMNS = 200, 60


@dataclass(frozen=True)
class PageTable:
    """A table of strings; ``note`` says how many rows and columns are left out."""
    columns: list[str]
    rows: list[list[str]]
    note: str


def as_table(value: Any) -> PageTable | None:
    """Return a recorded table for the page, or None if ``value`` is not a table, as in a damaged run."""
    if not isinstance(value, dict) or set(value) != {"columns", "rows"}:
        return None
    columns, rows = value["columns"], value["rows"]
    if not _is_line(columns) or not columns or not isinstance(rows, list):
        return None
    if not all(_is_line(row) and len(row) == len(columns) for row in rows):
        return None
    left_out = [f"{len(items) - limit} more {name}" for items, limit, name in
                ((rows, MAX_ROWS, "rows"), (columns, MAX_COLUMNS, "columns")) if len(items) > limit]
    return PageTable([_cell(item) for item in columns[:MAX_COLUMNS]],
                     [[_cell(item) for item in row[:MAX_COLUMNS]] for row in rows[:MAX_ROWS]], ", ".join(left_out))


def _is_line(value: Any) -> bool:
    return isinstance(value, list) and all(item is None or isinstance(item, (str, int, float)) for item in value)


def _cell(item: Any) -> str:
    if item is None:
        return "–"
    return f"{item:.3f}" if isinstance(item, float) else str(item)
