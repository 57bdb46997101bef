"""Mean average precision: GluonCV's for Pascal VOC's two rules, our own for COCO's.

A picture's detections are rows (class, score, xmin, ymin, xmax, ymax); its ground-truth boxes, the truths, are rows
(class, xmin, ymin, xmax, ymax). Both use the same unit; rows of a negative class are empty. The three rules differ:

- A box finds an object if their IoU reaches the threshold. VOC matches each box with the object that it overlaps most;
  if a better-scored box has found that object, the box is wrong. COCO matches it with the best object still free.
- The precision is averaged over 11 recalls (VOC 2007), over 101 recalls (COCO), or as the area under the curve (VOC
  2012). The precision at a recall is the best at that recall or a higher one.
- COCO takes the 100 best boxes of a class per picture, and the mean over thresholds from 0.5 to 0.95.

Boxes of equal score keep their order, picture by picture, so results do not depend on a sorting routine.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .confusion import mean_of_defined
from .tables import Table

Rows = Sequence[np.ndarray]  # an array of rows per picture
COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0, 1, 101)


def voc_average_precision(detections: Rows, truths: Rows, num_classes: int, year: int = 2012,
                          iou_threshold: float = 0.5) -> np.ndarray:
    """Return the average precision of each class by the rule of VOC 2007 or 2012, (num_classes,); NaN without objects.

    GluonCV's metric computes it, with three corrections. It adds 1 to xmax and ymax, for whole pixels, which is wrong
    for relative boxes: we subtract 1 first. It sorts equal scores in no certain order: we give it ranks. Three of its
    eleven recalls, 0.3, 0.6 and 0.7, are too large by rounding, so 3 of 10 objects do not reach 0.3: we add 1e-9 to
    ours.
    """
    detections, truths = _checked(detections, truths, num_classes)
    if not any(map(len, truths)):
        return np.full(num_classes, np.nan)
    metric = _gluoncv_metric(year)(iou_threshold, [str(k) for k in range(num_classes)])
    inclusive = np.array([0, 0, 1, 1])
    for rows, rank, objects in zip(detections, _ranks(detections), truths):
        parts = rows[:, 2:] - inclusive, rows[:, 0], -rank, objects[:, 1:] - inclusive, objects[:, 0]
        metric.update(*(part[None] for part in parts))  # a batch of one
    return np.array(metric.get()[1][:num_classes], dtype=float)


def _gluoncv_metric(year: int) -> type:
    from gluoncv.utils.metrics import voc_detection  # imported here: it takes seconds

    class EvenRecalls(voc_detection.VOC07MApMetric):
        def _average_precision(self, rec, prec):
            return super()._average_precision(None if rec is None else rec + 1e-9, prec)

    return EvenRecalls if year == 2007 else voc_detection.VOCMApMetric


def coco_average_precision(detections: Rows, truths: Rows, num_classes: int, thresholds=COCO_THRESHOLDS,
                           max_detections: int = 100) -> np.ndarray:
    """Return the average precision of each class at each IoU threshold by COCO's rule, (T, num_classes).

    A class without objects gets NaN. COCO's own figure is the mean. ``max_detections`` is per class and picture.
    """
    detections, truths = _checked(detections, truths, num_classes)
    columns = []
    for k in range(num_classes):
        boxes = [rows[rows[:, 0] == k][:max_detections] for rows in detections]
        objects = [rows[rows[:, 0] == k] for rows in truths]
        hits = np.concatenate([match(*pair, thresholds) >= 0 for pair in zip(boxes, objects)]
                              or [np.zeros((0, len(thresholds)), bool)])
        order = np.argsort(-_scores(boxes), kind="stable")
        columns.append(_average_over_recalls(hits[order], sum(map(len, objects))))
    return np.stack(columns, axis=1)


def match(rows: np.ndarray, objects: np.ndarray, thresholds) -> np.ndarray:
    """Match each detection of one class, best score first, with the free object that it overlaps most, as COCO does.

    Returns the object's index at each IoU threshold or -1, (N, T); of equal overlaps, as in COCO's code, the last.
    """
    matched = np.full((len(rows), len(thresholds)), -1)
    if not len(objects):
        return matched
    limits = np.minimum(thresholds, 1 - 1e-10)[:, None]
    free = np.ones((len(thresholds), len(objects)), bool)
    for i, overlaps in enumerate(box_iou(rows[:, 2:], objects[:, 1:])):
        possible = np.where(free & (overlaps >= limits), overlaps, -1.0)  # (T, M)
        best = possible.shape[1] - 1 - possible[:, ::-1].argmax(axis=1)
        hit = possible.max(axis=1) >= 0
        matched[i, hit] = best[hit]
        free[hit, best[hit]] = False
    return matched


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the intersection over union in float64 of boxes (N, 4) and others (M, 4), which have an area: (N, M)."""
    size = np.minimum(boxes[:, None, 2:], others[:, 2:]) - np.maximum(boxes[:, None, :2], others[:, :2])
    intersection = size.clip(min=0).prod(axis=2)
    areas, other_areas = ((x[:, 2:] - x[:, :2]).prod(axis=1) for x in (boxes, others))
    return intersection / (areas[:, None] + other_areas - intersection)


def picture_quality(rows: np.ndarray, objects: np.ndarray, score: float = 0.3, iou_threshold: float = 0.5) -> float:
    """Return the quality of one picture's boxes that score at least ``score``; 1 is perfect.

    It is Σ IoU of found objects / (found + wrong / 2 + missed / 2): panoptic quality (Kirillov et al. 2019) for boxes;
    1 without objects and boxes.
    """
    rows, objects = _clean_detections(rows), _clean_truths(objects)
    rows, total = rows[rows[:, 1] >= score], 0.0
    for k in np.unique(objects[:, 0]):
        boxes, truths = rows[rows[:, 0] == k], objects[objects[:, 0] == k]
        matched = match(boxes, truths, [iou_threshold])[:, 0]
        overlaps = box_iou(boxes[:, 2:], truths[:, 1:])
        total += sum(overlaps[i, j] for i, j in enumerate(matched) if j >= 0)
    count = len(rows) + len(objects)  # 2 · found + wrong + missed
    return 2 * total / count if count else 1.0


@dataclass(frozen=True)
class DetectionScores:
    """Average precisions by all three rules; NaN for a class without objects, which the means ignore."""
    classes: Sequence[str]
    objects: np.ndarray   # (K,), number of objects
    voc2007: np.ndarray   # (K,)
    voc2012: np.ndarray   # (K,)
    coco: np.ndarray      # (10, K), for IoU 0.5, 0.55, ... 0.95

    def means(self) -> dict[str, float | None]:
        """Return the means over the classes, under the names that a run records; None without objects."""
        values = {"mAP_voc2007": self.voc2007, "mAP_voc2012": self.voc2012, "mAP_coco": self.coco.mean(axis=0),
                  "mAP_coco_50": self.coco[0], "mAP_coco_75": self.coco[5]}
        means = {name: mean_of_defined(value) for name, value in values.items()}
        return {name: None if np.isnan(mean) else mean for name, mean in means.items()}

    def table(self) -> Table:
        """Return a table (see :mod:`.tables`) with a row per class."""
        columns = ["class", "objects", "VOC 2007", "VOC 2012", "COCO", "COCO at 0.5", "COCO at 0.75"]
        per_class = zip(self.objects, self.voc2007, self.voc2012, self.coco.mean(axis=0), self.coco[0], self.coco[5])
        return Table(columns, [[name, *values] for name, values in zip(self.classes, per_class)])

    def __str__(self) -> str:
        voc2007, voc2012, coco, coco_50, coco_75 = ("-" if x is None else f"{x:.3f}" for x in self.means().values())
        return f"mAP: VOC 2007 {voc2007}, VOC 2012 {voc2012}, COCO {coco} (at IoU 0.5 {coco_50}, at 0.75 {coco_75})"


def score_detections(detections: Rows, truths: Rows, classes: Sequence[str]) -> DetectionScores:
    """Score detections by all three rules; ``classes`` are the names of classes 0, 1, ..."""
    _, cleaned = _checked(detections, truths, len(classes))
    labels = np.concatenate([rows[:, 0] for rows in cleaned] or [np.zeros(0)]).astype(int)
    voc2007, voc2012 = (voc_average_precision(detections, truths, len(classes), year) for year in (2007, 2012))
    return DetectionScores(list(classes), np.bincount(labels, minlength=len(classes)), voc2007, voc2012,
                           coco_average_precision(detections, truths, len(classes)))


def _average_over_recalls(hits: np.ndarray, num_objects: int) -> np.ndarray:
    """Average the best precision from each of 101 recalls on: (T,). ``hits`` (N, T) has the best score first."""
    if num_objects == 0:
        return np.full(hits.shape[1], np.nan)
    found = np.cumsum(hits, axis=0)
    precision = found / np.arange(1, len(hits) + 1)[:, None]
    best = np.maximum.accumulate(precision[::-1])[::-1]
    best = np.concatenate([best, np.zeros((1, hits.shape[1]))])  # a recall never reached
    return np.array([best[np.searchsorted(found[:, t] / num_objects, _RECALLS), t].mean()
                     for t in range(hits.shape[1])])


def _checked(detections: Rows, truths: Rows, num_classes: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    if len(detections) != len(truths):
        raise InputError(f"detections of {len(detections)} pictures, but truths of {len(truths)}: give both for each")
    detections, truths = [_clean_detections(rows) for rows in detections], [_clean_truths(rows) for rows in truths]
    for rows in (*detections, *truths):
        if not np.isfinite(rows).all():
            raise InputError("a detection or a truth holds a value that is not a number")
        if len(rows) and rows[:, 0].max() >= num_classes:
            raise InputError(f"class {rows[:, 0].max():g} is not one of {num_classes}, which are numbered from 0")
    return detections, truths


def _clean_detections(rows) -> np.ndarray:
    """Return detections as float64 without empty rows, best first."""
    rows = _clean(rows, 6)
    return rows[np.argsort(-rows[:, 1], kind="stable")]


def _clean_truths(rows) -> np.ndarray:
    """Return truths as float64 without empty rows and, as in ImageDetIter, without boxes that have no area."""
    rows = _clean(rows, 5)
    return rows[~((rows[:, 3:] <= rows[:, 1:3]).any(axis=1))]


def _clean(rows, width: int) -> np.ndarray:
    rows = np.asarray(rows, dtype=float).reshape(-1, width)
    return rows[~(rows[:, 0] < 0)]  # keeps NaN, which _checked reports


def _ranks(detections: list[np.ndarray]) -> list[np.ndarray]:
    """Rank each detection among those of all pictures, 0 the best."""
    ranks = np.empty(sum(map(len, detections)))
    ranks[np.argsort(-_scores(detections), kind="stable")] = np.arange(len(ranks))
    return np.split(ranks, np.cumsum([len(rows) for rows in detections])[:-1])


def _scores(detections: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([rows[:, 1] for rows in detections] or [np.zeros(0)])
