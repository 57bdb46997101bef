"""Small tables with a row per class: as text, and as a section records them for results.json and the report.

A table is {"columns": names, "rows": lists}: first a name, then numbers, NaN for an undefined number.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len  # counts two columns for a Chinese character

from .confusion import class_iou, precision_recall

MANY = 25  # classes: a larger matrix is not printed, and its figure shows no numbers


def per_class(matrix: np.ndarray, classes: Sequence[str]) -> dict:
    """Return a table of each class's precision, recall and number of labels."""
    precision, recall = precision_recall(matrix)
    return {"columns": ["class", "precision", "recall", "labels"],
            "rows": [list(row) for row in zip(classes, precision, recall, matrix.sum(axis=1))]}


def per_class_iou(matrix: np.ndarray, classes: Sequence[str]) -> dict:
    """Return a table of IoU, recall (the class's pixel accuracy) and share of the pixels of each class that occurs."""
    _, recall = precision_recall(matrix)
    rows = zip(classes, class_iou(matrix), recall, matrix.sum(axis=1) / max(1, matrix.sum()))
    return {"columns": ["class", "IoU", "pixel accuracy", "share of pixels"],
            "rows": [list(row) for row in rows if not np.isnan(row[1])]}


def whole_matrix(matrix: np.ndarray, classes: Sequence[str]) -> dict:
    """Return the confusion matrix as a table: a row per label, a column per prediction."""
    return {"columns": ["label, predicted as", *classes], "rows": [[name, *row] for name, row in zip(classes, matrix)]}


def format_table(table: dict) -> str:
    """Return the table as text with aligned columns."""
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
