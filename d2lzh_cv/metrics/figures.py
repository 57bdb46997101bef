"""Results as figures: the confusion matrix, and a network's best and worst pictures."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..plotting import plt, show_bboxes, show_images, to_numpy
from .evaluate import ClassifierResult, DetectorResult, pictures_of
from .tables import MANY

TRUTH, FOUND, WRONG = "lime", "w", "red"  # show_bboxes writes black on "w"
MAX_BOXES = 5  # per picture: a poorly trained network finds dozens


def show_confusion(matrix: np.ndarray, classes: Sequence[str]) -> None:
    """Draw a confusion matrix with a row per label, coloured by the share of that label."""
    few = len(classes) <= MANY
    side = min(9.0, 1.6 + 0.55 * len(classes)) if few else 9.0
    _, ax = plt.subplots(figsize=(side, side))
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ax.set(xlabel="predicted", ylabel="label")
    if not few:
        return
    ax.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(classes)), classes)
    for (row, column), count in np.ndenumerate(matrix):
        ax.text(column, row, str(count), ha="center", va="center", fontsize=8,
                color="white" if shares[row, column] > 0.5 else "black")


def best_and_worst(ranked: np.ndarray, count: int = 4) -> list[int]:
    """Return the indices of the ``count`` best pictures, best first, then of the worst, worst first.

    A small set gives fewer, so that no picture appears twice.
    """
    count = min(count, len(ranked) // 2) or 1
    return [*ranked[::-1][:count].tolist(), *ranked[:count].tolist()]


def show_best_and_worst(result: ClassifierResult | DetectorResult, data, classes: Sequence[str] = ()) -> None:
    """Draw a network's best test pictures above, its worst ones below.

    Args:
        result: of :func:`~.evaluate.evaluate_classifier` or :func:`~.evaluate.evaluate_detector`.
        data: a classifier's test set, pairs (picture, label); a detector's iterator.
        classes: names, for a classifier.
    """
    numbers = best_and_worst(result.ranked())
    if isinstance(result, DetectorResult):
        show_detected(pictures_of(data, numbers), result, numbers)
    else:
        show_classified([data[i][0] for i in numbers], result, numbers, classes)


def show_classified(pictures: Sequence, result: ClassifierResult, numbers: Sequence[int],
                    classes: Sequence[str]) -> None:
    """Draw pictures (H, W, 3) in two equal rows, with label, wrong prediction, and the label's probability."""
    axes = _two_rows(pictures, scale=2)
    for ax, i in zip(axes.flat, numbers):
        label, predicted = (classes[k] for k in (result.labels[i], result.predictions[i]))
        text = label if label == predicted else f"{label} taken for {predicted}"
        ax.set_title(f"{text}\n{result.certainty[i]:.3f}", fontsize=7, color="black" if label == predicted else WRONG)
    plt.tight_layout()  # keeps titles off the pictures above them


def show_detected(pictures: Sequence, result: DetectorResult, numbers: Sequence[int], score: float = 0.3) -> None:
    """Draw pictures in two equal rows, with ground-truth boxes (green) and the five best boxes from ``score`` on.

    The title has the quality of all these boxes and the best score. With several classes, the boxes are named.
    """
    names = result.scores.classes
    axes, quality = _two_rows(pictures, scale=2.4), result.quality(score)
    for ax, picture, i in zip(axes.flat, pictures, numbers):
        scale = np.array([picture.shape[1], picture.shape[0]] * 2)
        rows = result.detections[i][result.detections[i][:, 1] >= score][:MAX_BOXES]
        show_bboxes(ax, result.truths[i][:, 1:] * scale, colors=TRUTH)
        show_bboxes(ax, rows[:, 2:] * scale, [names[int(k)] for k in rows[:, 0]] if len(names) > 1 else None, FOUND)
        score_of_best = f"best score {result.detections[i][0, 1]:.2f}" if len(result.detections[i]) else "no box"
        ax.set_title(f"quality {quality[i]:.2f}, {score_of_best}", fontsize=8)


def show_segmented(columns: Sequence[tuple], scores: Sequence[float]) -> None:
    """Draw columns (picture, prediction, label), each (H, W, 3), with a score above each."""
    axes = show_images([row for part in zip(*columns) for row in part], 3, len(columns))
    height, width = columns[0][0].shape[:2]
    plt.gcf().set_size_inches(1.8 * len(columns), 1.8 * 3 * height / width + 0.3)
    for ax, score in zip(axes[0], scores):
        ax.set_title(f"IoU {score:.2f}", fontsize=8)


def _two_rows(pictures: Sequence, scale: float) -> np.ndarray:
    return show_images([to_numpy(picture) for picture in pictures], 2, -(-len(pictures) // 2), scale)
