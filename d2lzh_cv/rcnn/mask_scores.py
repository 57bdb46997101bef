"""Quality of masks: intersection over union with the ground-truth masks (section 9.8)."""
from __future__ import annotations

import numpy as np

from ..metrics.average_precision import match
from .instances import MaskSet
from .mask_rcnn import MaskRCNN, paste


def mask_ious(net: MaskRCNN, data: MaskSet, score: float = 0.3) -> np.ndarray:
    """Return the IoU of every object's mask with the detected mask, (objects,); 0 for a missed object.

    A detection counts if it scores at least ``score``, has the object's class and overlaps its box with an IoU of 0.5.

    Args:
        net: a trained network.
        data: pictures with the objects and their masks.
        score: lowest score of a detection.
    """
    ious = []
    for i in range(len(data)):
        batch = data.batch([i])
        rows, masks = net.detect(batch.data[0], threshold=score)
        objects = data.objects[i][data.objects[i][:, 0] >= 0]
        ious += _picture_ious(rows, masks, objects, data.masks[i])
    return np.array(ious)


def given_boxes_ious(net: MaskRCNN, data: MaskSet) -> tuple[np.ndarray, np.ndarray]:
    """Score the mask head alone: IoU of every object with its mask in the ground-truth box, and with the filled box.

    Args:
        net: a trained network.
        data: pictures with the objects and their masks.
    """
    predicted, filled = [], []
    for i in range(len(data)):
        rows = data.rows(i)
        masks = net.masks_in(data.batch([i]).data[0], rows)
        for mask, row, truth in zip(masks, rows, data.masks[i]):
            predicted.append(mask_iou(paste(mask, row[2:], truth.shape), truth))
            filled.append(mask_iou(paste(np.ones_like(mask), row[2:], truth.shape), truth))
    return np.array(predicted), np.array(filled)


def mask_iou(mask: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two masks; 1 if both are empty.

    Args:
        mask, other: (H, W) of bool.
    """
    union = (mask | other).sum()
    return float((mask & other).sum() / union) if union else 1.0


def _picture_ious(rows, masks, objects, truths) -> list[float]:
    ious = np.zeros(len(objects))
    for k in np.unique(objects[:, 0]):
        detected, labelled = np.flatnonzero(rows[:, 0] == k), np.flatnonzero(objects[:, 0] == k)
        for i, j in zip(detected, match(rows[detected], objects[labelled], [0.5])[:, 0]):
            if j >= 0:
                truth = truths[labelled[j]]
                ious[labelled[j]] = mask_iou(paste(masks[i], rows[i, 2:], truth.shape), truth)
    return ious.tolist()
