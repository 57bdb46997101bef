"""The confusion matrix, of pictures or of pixels, and what follows from it."""
from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..plotting import to_numpy


def confusion_matrix(labels, predictions, num_classes: int) -> np.ndarray:
    """Count how often each class was predicted for each.

    Args:
        labels: classes, of any shape. Those outside 0 to ``num_classes`` - 1 are left out: -1 and 255 mark what has
            no class.
        predictions: as many, all within 0 to ``num_classes`` - 1 where the label counts.

    Returns:
        (num_classes, num_classes) int64: row the label, column the prediction.
    """
    labels, predictions = (to_numpy(x).ravel().astype(np.int64) for x in (labels, predictions))
    if labels.shape != predictions.shape:
        raise InputError(f"{labels.size} labels and {predictions.size} predictions: there must be as many of both")
    counted = (labels >= 0) & (labels < num_classes)
    labels, predictions = labels[counted], predictions[counted]
    if predictions.size and not 0 <= predictions.min() <= predictions.max() < num_classes:
        raise InputError(f"a prediction is outside 0 to {num_classes - 1}: the network has other classes")
    cells = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def accuracy(matrix: np.ndarray) -> float:
    """Share of what was predicted right; NaN for an empty matrix."""
    return float(_share(np.trace(matrix), matrix.sum()))


def precision_recall(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(precision, recall) of each class: its hits among its predictions, and among its labels. NaN where there is
    no prediction, or no label."""
    hits = np.diag(matrix)
    return _share(hits, matrix.sum(axis=0)), _share(hits, matrix.sum(axis=1))


def class_iou(matrix: np.ndarray) -> np.ndarray:
    """Intersection over union of each class: hits / (labels + predictions - hits).

    NaN for a class that is in neither the labels nor the predictions. One that is predicted but never there has 0:
    every such prediction is wrong.
    """
    hits = np.diag(matrix)
    return _share(hits, matrix.sum(axis=0) + matrix.sum(axis=1) - hits)


def mean_of_defined(values: np.ndarray) -> float:
    """Mean of the values that are not NaN, so that classes that never occur do not count; NaN where none is left."""
    defined = np.asarray(values)[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _share(part, whole) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    whole = np.asarray(whole)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
