"""Region proposals without a network, for R-CNN and Fast R-CNN: maximally stable extremal regions (section 9.8).

Selective search, which the papers use, groups pixels of like colour. So does OpenCV's MSER (Matas et al. 2002): a
connected region darker or brighter than all around it that stays the same while the threshold moves. In the three
channels of CIELAB it finds objects that differ in lightness or in colour. Pictures are reduced to 128 pixels before:
that takes a third of the time of 256 and finds as many.
"""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from mxnet import nd

from ..metrics.average_precision import box_iou

LONGEST = 128          # pixels of the longer side, reduced to it
DELTA = 5              # levels by which the threshold moves
SMALLEST = 1 / 512     # area of a region, as a part of the picture
GRID = 64              # two boxes whose corners lie in the same cells of such a grid count as one


def propose(picture: np.ndarray) -> np.ndarray:
    """Boxes around what may be an object in a picture (H, W, 3), RGB, 0 to 255: (N, 4) float32, relative.

    No two are nearly the same; the whole picture is the last, so that there is one. Which there are depends on the
    picture alone.
    """
    pixels = _reduced(np.ascontiguousarray(picture, dtype=np.uint8))
    height, width = pixels.shape[:2]
    area = height * width
    finder = cv2.MSER_create(DELTA, max(4, int(area * SMALLEST)), area)
    boxes = [finder.detectRegions(np.ascontiguousarray(channel))[1]
             for channel in np.moveaxis(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB), 2, 0)]
    found = np.concatenate([np.reshape(b, (-1, 4)) for b in boxes]).astype("float32")  # xmin, ymin, width, height
    corners = np.hstack([found[:, :2], found[:, :2] + found[:, 2:]]) / [width, height, width, height]
    return np.vstack([_distinct(corners), [0, 0, 1, 1]]).astype("float32")


def propose_batch(X: nd.NDArray) -> list[np.ndarray]:
    """:func:`propose` for pictures (B, 3, H, W), 0 to 255: an array of boxes for each."""
    pictures = X.asnumpy().transpose(0, 2, 3, 1).round().clip(0, 255)
    with ThreadPoolExecutor() as pool:  # OpenCV works outside Python's lock
        return list(pool.map(propose, pictures))


def stack(boxes: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays of boxes as one (B, N, 4): the shorter are filled up with their own boxes, which change no result."""
    longest = max(map(len, boxes))
    return np.stack([rows[np.arange(longest) % len(rows)] for rows in boxes])


def recall(boxes: Sequence[np.ndarray], truths: Sequence[np.ndarray], iou_threshold: float = 0.5) -> float:
    """Share of the objects that some box overlaps by at least the threshold; NaN where there is no object.

    boxes: (N, 4) a picture. truths: (M, 5) rows (class, corners) a picture, as
    :class:`~d2lzh_cv.metrics.DetectorResult` has them; those of a negative class hold nothing.
    """
    best = [box_iou(rows, there[there[:, 0] >= 0, 1:]).max(axis=0, initial=0) for rows, there in zip(boxes, truths)]
    best = np.concatenate(best or [np.zeros(0)])
    return float((best >= iou_threshold).mean()) if best.size else float("nan")


def _reduced(pixels: np.ndarray) -> np.ndarray:
    scale = LONGEST / max(pixels.shape[:2])
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels


def _distinct(boxes: np.ndarray) -> np.ndarray:
    _, first = np.unique((boxes * GRID).round(), axis=0, return_index=True)
    return boxes[np.sort(first)]
