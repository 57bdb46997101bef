"""Small tables with a row per class: as text, and as a section records them for results.json and the report.

A table is {"columns": names, "rows": lists}: first a name, then numbers, NaN for an undefined number.
"""
from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from rich.cells import cell_len  # counts two columns for a Chinese character

from .confusion import class_iou, precision_recall

MANY = 25  # classes: a larger matrix is not printed, and its figure shows no numbers


class Table(dict):
    """A table that a script or a notebook shows as its last line.

    Args:
        columns: names.
        rows: lists, each of a name and numbers.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence]) -> None:
        super().__init__(columns=list(columns), rows=[list(row) for row in rows])

    def __repr__(self) -> str:
        return format_table(self)

    def _repr_html_(self) -> str:
        head, *body = ([escape(str(cell)) for cell in line] for line in _lines(self))
        rows = "".join(f"<tr><th>{row[0]}</th>{''.join(f'<td>{cell}</td>' for cell in row[1:])}</tr>" for row in body)
        return f"<table><thead><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr></thead>{rows}</table>"


def per_class(matrix: np.ndarray, classes: Sequence[str]) -> Table:
    """Return a table of each class's precision, recall and number of labels."""
    precision, recall = precision_recall(matrix)
    return Table(["class", "precision", "recall", "labels"],
                 list(zip(classes, precision, recall, matrix.sum(axis=1))))


def per_class_iou(matrix: np.ndarray, classes: Sequence[str]) -> Table:
    """Return a table of IoU, recall (the class's pixel accuracy) and share of the pixels of each class that occurs."""
    _, recall = precision_recall(matrix)
    rows = zip(classes, class_iou(matrix), recall, matrix.sum(axis=1) / max(1, matrix.sum()))
    return Table(["class", "IoU", "pixel accuracy", "share of pixels"], [row for row in rows if not np.isnan(row[1])])


def whole_matrix(matrix: np.ndarray, classes: Sequence[str]) -> Table:
    """Return the confusion matrix as a table: a row per label, a column per prediction."""
    return Table(["label, predicted as", *classes], [[name, *row] for name, row in zip(classes, matrix)])


def format_table(table: dict) -> str:
    """Return the table as text with aligned columns."""
    lines = _lines(table)
    widths = [max(map(cell_len, column)) for column in zip(*lines)]
    return "\n".join("  ".join([_pad(line[0], widths[0], left=True), *map(_pad, line[1:], widths[1:])])
                     for line in lines)


def _lines(table: dict) -> list[list[str]]:
    return [table["columns"], *([str(row[0]), *map(_cell, row[1:])] for row in table["rows"])]


def _cell(value: float) -> str:
    if isinstance(value, (int, np.integer)):
        return str(value)
    return "-" if value is None or np.isnan(value) else f"{value:.3f}"


def _pad(text: str, width: int, left: bool = False) -> str:
    space = " " * (width - cell_len(text))
    return text + space if left else space + text
