"""How good masks are: intersection over union with the object's own (section 9.8)."""
from __future__ import annotations

import numpy as np

from ..metrics.average_precision import match
from .instances import MaskSet
from .mask_rcnn import MaskRCNN, paste


def mask_ious(net: MaskRCNN, data: MaskSet, score: float = 0.3) -> np.ndarray:
    """IoU of the mask of every object of ``data`` with the one found for it, (objects,); 0 for one that is missed.

    Found is what scores at least ``score``, has the object's class and overlaps its box by an IoU of 0.5.
    """
    ious = []
    for i in range(len(data)):
        batch = data.batch([i])
        rows, masks = net.detect(batch.data[0], threshold=score)
        there = data.objects[i][data.objects[i][:, 0] >= 0]
        ious += _of_one_picture(rows, masks, there, data.masks[i])
    return np.array(ious)


def given_boxes_ious(net: MaskRCNN, data: MaskSet) -> tuple[np.ndarray, np.ndarray]:
    """IoU of every object's mask in its true box, and of the box itself taken for a mask: the mask head alone."""
    found, whole = [], []
    for i in range(len(data)):
        there = data.objects[i][data.objects[i][:, 0] >= 0]
        rows = np.insert(there, 1, 1, axis=1)  # with a score
        masks = net.masks_in(data.batch([i]).data[0], rows)
        for mask, row, truth in zip(masks, there, data.masks[i]):
            found.append(mask_iou(paste(mask, row[1:], truth.shape), truth))
            whole.append(mask_iou(paste(np.ones_like(mask), row[1:], truth.shape), truth))
    return np.array(found), np.array(whole)


def mask_iou(mask: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks (H, W) of bool; 1 where both are empty."""
    union = (mask | other).sum()
    return float((mask & other).sum() / union) if union else 1.0


def _of_one_picture(rows, masks, there, truths) -> list[float]:
    best = np.zeros(len(there))
    for k in np.unique(there[:, 0]):
        mine, theirs = np.flatnonzero(rows[:, 0] == k), np.flatnonzero(there[:, 0] == k)
        for i, j in zip(mine, match(rows[mine], there[theirs], [0.5])[:, 0]):
            if j >= 0:
                truth = truths[theirs[j]]
                best[theirs[j]] = mask_iou(paste(masks[i], rows[i, 2:], truth.shape), truth)
    return best.tolist()
