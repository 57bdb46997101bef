"""Small tables, a class per row: as text, and as a section records them for results.json and the report.

A table is {"columns": names, "rows": lists}: a name first, then numbers, NaN where a number is not defined.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len  # a Chinese character is two columns wide

from .confusion import class_iou, precision_recall

MANY = 25  # classes: a matrix of more is neither printed nor written on in a figure


def per_class(matrix: np.ndarray, classes: Sequence[str]) -> dict:
    """Precision, recall and number of labels of each class of a confusion matrix."""
    precision, recall = precision_recall(matrix)
    return {"columns": ["class", "precision", "recall", "labels"],
            "rows": [list(row) for row in zip(classes, precision, recall, matrix.sum(axis=1))]}


def per_class_iou(matrix: np.ndarray, classes: Sequence[str]) -> dict:
    """IoU, recall (the class's pixel accuracy) and share of the pixels of each class that occurs."""
    _, recall = precision_recall(matrix)
    rows = zip(classes, class_iou(matrix), recall, matrix.sum(axis=1) / max(1, matrix.sum()))
    return {"columns": ["class", "IoU", "pixel accuracy", "share of pixels"],
            "rows": [list(row) for row in rows if not np.isnan(row[1])]}


def whole_matrix(matrix: np.ndarray, classes: Sequence[str]) -> dict:
    """The confusion matrix itself: a row per label, a column per prediction."""
    return {"columns": ["label, predicted as", *classes],
            "rows": [[name, *row] for name, row in zip(classes, matrix)]}


def format_table(table: dict) -> str:
    """The table as lines of text, columns in line."""
    lines = [table["columns"], *([row[0], *map(_cell, row[1:])] for row in table["rows"])]
    widths = [max(map(cell_len, column)) for column in zip(*lines)]
    return "\n".join("  ".join([_pad(line[0], widths[0], left=True), *map(_pad, line[1:], widths[1:])])
                     for line in lines)


def _cell(value: float) -> str:
    if isinstance(value, (int, np.integer)):
        return str(value)
    return "-" if value is None or np.isnan(value) else f"{value:.3f}"


def _pad(text: str, width: int, left: bool = False) -> str:
    space = " " * (width - cell_len(text))
    return text + space if left else space + text
