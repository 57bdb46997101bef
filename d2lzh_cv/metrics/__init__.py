"""Quality of a network: average precision of boxes, IoU of pixels, confusion of classes (9.1, 9.2, 9.7, 9.10).

:mod:`.average_precision` and :mod:`.confusion` work on NumPy arrays; :mod:`.evaluate` runs a network over its test
data; :mod:`.tables` and :mod:`.figures` print, record and draw the results.
"""
from __future__ import annotations

from .average_precision import DetectionScores, coco_average_precision, score_detections, voc_average_precision
from .chance import against_guessing
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
from .figures import best_and_worst, show_best_and_worst, show_confusion, show_segmented
from .tables import Table, per_class, per_class_iou, whole_matrix

__all__ = ["ClassifierResult", "DetectionScores", "DetectorResult", "SegmenterResult", "Table", "accuracy",
           "against_guessing", "best_and_worst", "class_iou", "coco_average_precision", "confusion_matrix",
           "evaluate_classifier",
           "evaluate_detector", "evaluate_segmenter", "mean_of_defined", "per_class", "per_class_iou", "pictures_of",
           "precision_recall", "score_detections", "score_segmentation", "show_best_and_worst", "show_confusion",
           "show_segmented", "voc_average_precision", "whole_matrix"]
