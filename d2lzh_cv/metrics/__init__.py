"""Quality of a network: average precision of boxes, IoU of pixels, confusion of classes (9.1, 9.2, 9.7, 9.10).

:mod:`.average_precision` and :mod:`.confusion` work on NumPy arrays; :mod:`.evaluate` runs a network over its test
data; :mod:`.tables` and :mod:`.figures` print, record and draw the results.
"""
from __future__ import annotations

from .average_precision import DetectionScores, coco_average_precision, score_detections, voc_average_precision
from .confusion import accuracy, class_iou, confusion_matrix, mean_of_defined, precision_recall
from .evaluate import (
    ClassifierResult,
    DetectorResult,
    SegmenterResult,
    evaluate_classifier,
    evaluate_detector,
    evaluate_segmenter,
    pictures_of,
    score_segmentation,
)

__all__ = ["ClassifierResult", "DetectionScores", "DetectorResult", "SegmenterResult", "accuracy", "class_iou",
           "coco_average_precision", "confusion_matrix", "evaluate_classifier", "evaluate_detector",
           "evaluate_segmenter", "mean_of_defined", "pictures_of", "precision_recall", "score_detections",
           "score_segmentation", "voc_average_precision"]
