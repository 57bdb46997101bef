"""Tables for a terminal or a pipe that cut no text: a long cell continues in the next line.

Print them with ``crop=False``: if even the whole words are too wide, the lines are longer than the terminal.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Column, Table
from rich.text import Text


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], typed: Sequence[int] = (0,),
          words: Sequence[int] = (), right: Sequence[int] = (), **options: Any) -> Table:
    """Return a table of ``rows``, whose cells are strings (with rich's markup) or :class:`rich.text.Text`.

    Args:
        typed: columns whose cells a reader types or copies; their lines are never broken.
        words: columns whose words are never broken.
        right: right-aligned columns.
        options: further options of :class:`rich.table.Table`.
    """
    rows = [[cell if isinstance(cell, Text) else Text.from_markup(str(cell)) for cell in row] for row in rows]
    columns = [Column(name, overflow="fold", justify="right" if i in right else "left", no_wrap=i in typed,
                      min_width=_longest([row[i] for row in rows], i in typed) if i in (*typed, *words) else None)
               for i, name in enumerate(headers)]
    made = Table(*columns, **options)
    for row in rows:
        made.add_row(*row)
    return made


def _longest(cells: Sequence[Text], whole: bool) -> int:
    parts = (part for cell in cells for part in (cell.plain.splitlines() if whole else cell.plain.split()))
    return max((Text(part).cell_len for part in parts), default=1)
