"""One pass of a trained network over its test data, with results per picture, to find the worst pictures."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ..anchors import kept_boxes
from ..errors import InputError
from . import confusion
from .average_precision import DetectionScores, picture_quality, score_detections

MAX_DETECTIONS = 200  # per picture


@dataclass(frozen=True)
class ClassifierResult:
    """A classifier's results, a value per picture in the order of the data."""
    matrix: np.ndarray       # (K, K), row the label, column the prediction
    labels: np.ndarray       # (N,)
    predictions: np.ndarray  # (N,)
    certainty: np.ndarray    # (N,), the probability of the label

    def ranked(self) -> np.ndarray:
        """Return the indices of the pictures, the worst first."""
        return np.argsort(self.certainty, kind="stable")


def evaluate_classifier(net, batches: Iterable, ctx, num_classes: int) -> ClassifierResult:
    """Classify every picture of ``batches``, pairs (X (B, 3, H, W), y (B,)), on a device or a list of devices."""
    labels, predictions, certainty = [], [], []
    for scores, y in _scores(net, batches, ctx):
        probs = scores.softmax(axis=1)
        y = y.astype("float32")
        labels.append(y.asnumpy())
        predictions.append(probs.argmax(axis=1).asnumpy())
        certainty.append(probs.pick(y, axis=1).asnumpy())
    labels, predictions = (_joined(x).astype(int) for x in (labels, predictions))
    matrix = confusion.confusion_matrix(labels, predictions, num_classes)
    return ClassifierResult(matrix, labels, predictions, _joined(certainty))


@dataclass(frozen=True)
class SegmenterResult:
    """A segmenter's results, and the mean IoU of each picture over its classes."""
    matrix: np.ndarray       # (K, K), counts of pixels
    picture_iou: np.ndarray  # (N,)

    def ranked(self) -> np.ndarray:
        """Return the indices of the pictures, the worst first."""
        return np.argsort(self.picture_iou, kind="stable")

    def summary(self) -> dict[str, float]:
        """Return pixel accuracy, and mean IoU over the classes that occur in labels or predictions."""
        return {"pixel_acc": confusion.accuracy(self.matrix),
                "mean_iou": confusion.mean_of_defined(confusion.class_iou(self.matrix))}

    def __str__(self) -> str:
        occur = int((~np.isnan(confusion.class_iou(self.matrix))).sum())
        values = self.summary()
        return (f"pixel accuracy {values['pixel_acc']:.3f}, mean IoU {values['mean_iou']:.3f} "
                f"over the {occur} of {len(self.matrix)} classes that occur")


def evaluate_segmenter(net, batches: Iterable, ctx, num_classes: int) -> SegmenterResult:
    """Classify every pixel of ``batches``, pairs (X (B, 3, H, W), y (B, H, W)), on a device or a list of devices."""
    return score_segmentation((pair for scores, y in _scores(net, batches, ctx)
                               for pair in zip(y.asnumpy(), scores.argmax(axis=1).asnumpy())), num_classes)


def score_segmentation(pairs: Iterable[tuple[np.ndarray, np.ndarray]], num_classes: int) -> SegmenterResult:
    """Compare (classes (H, W), predicted classes (H, W)), a pair per picture, one at a time.

    Classes outside 0 to ``num_classes`` - 1, such as 255, are ignored.
    """
    total, per_picture = np.zeros((num_classes, num_classes), dtype=np.int64), []
    for label, predicted in pairs:
        matrix = confusion.confusion_matrix(label, predicted, num_classes)
        total += matrix
        per_picture.append(confusion.mean_of_defined(confusion.class_iou(matrix)))
    return SegmenterResult(total, np.array(per_picture))


@dataclass(frozen=True)
class DetectorResult:
    """A detector's boxes and the ground-truth boxes of each picture, with the scores."""
    detections: list[np.ndarray]  # (at most 200, 6) rows (class, score, xmin, ymin, xmax, ymax), best first
    truths: list[np.ndarray]      # (M, 5) ground-truth boxes, rows (class, xmin, ymin, xmax, ymax)
    scores: DetectionScores

    def quality(self, score: float = 0.3) -> np.ndarray:
        """Return the quality of each picture's boxes that score at least ``score``, (N,) from 0 to 1."""
        return np.array([picture_quality(*pair, score) for pair in zip(self.detections, self.truths)])

    def ranked(self, score: float = 0.3) -> np.ndarray:
        """Return the indices of the pictures, the worst first."""
        return np.argsort(self.quality(score), kind="stable")


def evaluate_detector(net, val_iter: mx.io.DataIter, ctx: mx.Context, classes: Sequence[str],
                      nms_threshold: float = 0.5) -> DetectorResult:
    """Detect in every picture of ``val_iter`` and score the boxes by the rules of VOC and COCO.

    Boxes of any score count, because a limit such as ``detect``'s 0.01 can only lower the recall. A picture keeps its
    200 best boxes. Pictures that pad the last batch are ignored.

    Args:
        net: returns (anchors, class scores, offsets) as :class:`~d2lzh_cv.ssd.TinySSD` does.
        val_iter: pictures (B, 3, H, W), labels (B, M, 5 or more); it is reset first.
        classes: names of classes 0, 1, ...
    """
    detections, truths = [], []
    val_iter.reset()
    for batch in val_iter:
        count = batch.data[0].shape[0] - (batch.pad or 0)
        kept = kept_boxes(*net(batch.data[0].as_in_context(ctx)), nms_threshold=nms_threshold, threshold=0)
        detections += [rows[:MAX_DETECTIONS] for rows in kept[:count]]
        truths += [label[label[:, 0] >= 0, :5] for label in batch.label[0].asnumpy()[:count]]
    return DetectorResult(detections, truths, score_detections(detections, truths, classes))


def pictures_of(val_iter: mx.io.DataIter, numbers: Sequence[int]) -> list[np.ndarray]:
    """Read the pictures of ``val_iter`` with these indices, (H, W, 3) uint8. Raises InputError for a wrong index."""
    wanted, pictures, first = set(map(int, numbers)), {}, 0
    val_iter.reset()
    for batch in val_iter:
        in_batch = range(first, first + batch.data[0].shape[0] - (batch.pad or 0))
        for number in wanted.intersection(in_batch):
            picture = batch.data[0][number - first].asnumpy().transpose(1, 2, 0)
            pictures[number] = picture.round().clip(0, 255).astype(np.uint8)
        first = in_batch.stop
    if wanted - pictures.keys():
        raise InputError(f"the data has {first} pictures; there is no number {max(wanted)}")
    return [pictures[int(number)] for number in numbers]


def _scores(net, batches: Iterable, ctx) -> Iterator[tuple[nd.NDArray, nd.NDArray]]:
    """Yield (scores, labels) of each device's part of each batch, in the order of the data."""
    devices = [ctx] if isinstance(ctx, mx.Context) else list(ctx)
    for X, y in batches:
        Xs, ys = (gluon.utils.split_and_load(part, devices[:len(X)], even_split=False) for part in (X, y))
        yield from zip([net(Xi) for Xi in Xs], ys)  # starts all devices before the caller waits for one


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    if not parts:
        raise InputError("the data has no picture to evaluate")
    return np.concatenate(parts)
