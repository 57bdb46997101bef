"""How good a network is: average precision of boxes, IoU of pixels, confusion of classes (9.1, 9.2, 9.7, 9.10).

Functions on NumPy arrays in :mod:`.confusion` and :mod:`.average_precision`; passes of a network over its test data in
:mod:`.evaluate`; how results are printed, recorded and drawn in :mod:`.tables` and :mod:`.figures`.
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
