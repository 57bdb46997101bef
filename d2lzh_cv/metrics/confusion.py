"""The confusion matrix of pictures or of pixels, and the measures that follow from it."""
from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..plotting import to_numpy


def confusion_matrix(labels, predictions, num_classes: int) -> np.ndarray:
    """Count how often each class is predicted for each label: (num_classes, num_classes) int64, a row per label.

    Args:
        labels: classes, of any shape. Labels outside 0 to ``num_classes`` - 1, such as -1 and 255, are ignored.
        predictions: as many, within 0 to ``num_classes`` - 1 where the label counts; otherwise InputError is raised.
        num_classes: number of classes.
    """
    labels, predictions = (to_numpy(x).ravel().astype(np.int64) for x in (labels, predictions))
    if labels.shape != predictions.shape:
        raise InputError(f"{labels.size} labels and {predictions.size} predictions: give as many of both")
    counted = (labels >= 0) & (labels < num_classes)
    labels, predictions = labels[counted], predictions[counted]
    if predictions.size and not 0 <= predictions.min() <= predictions.max() < num_classes:
        raise InputError(f"a prediction is outside 0 to {num_classes - 1}: the network has other classes")
    cells = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def accuracy(matrix: np.ndarray) -> float:
    """Return the share of correct predictions; NaN for an empty matrix."""
    return float(_share(np.trace(matrix), matrix.sum()))


def precision_recall(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (precision, recall) of each class: hits among its predictions, and among its labels; NaN without any."""
    hits = np.diag(matrix)
    return _share(hits, matrix.sum(axis=0)), _share(hits, matrix.sum(axis=1))


def class_iou(matrix: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each class: hits / (labels + predictions - hits).

    A class in neither the labels nor the predictions gets NaN. A class that is predicted but never a label gets 0.
    """
    hits = np.diag(matrix)
    return _share(hits, matrix.sum(axis=0) + matrix.sum(axis=1) - hits)


def mean_of_defined(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN, so absent classes do not count; NaN if all are NaN."""
    defined = np.asarray(values)[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _share(part, whole) -> np.ndarray:
    """Return part / whole, NaN where whole is 0."""
    whole = np.asarray(whole)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
