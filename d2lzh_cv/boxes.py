"""Bounding boxes: formats, overlap and offsets (sections 9.3, 9.4), written as the book's formulas.

MXNet's MultiBox operators compute the same; this is the readable version, on NDArrays. A box is (xmin, ymin, xmax,
ymax), relative to the picture unless a name says pixels.
"""
from __future__ import annotations

import numpy as np
from mxnet import nd

from .plotting import to_numpy

VARIANCES = (0.1, 0.1, 0.2, 0.2)  # the sigmas of section 9.4; its mu are 0


def box_scale(picture) -> nd.NDArray:
    """Return (W, H, W, H), the factor from relative to pixel boxes (section 9.3).

    Args:
        picture: (H, W, ...).
    """
    height, width = picture.shape[:2]
    return nd.array((width, height, width, height))


def corner_to_center(boxes: nd.NDArray) -> nd.NDArray:
    """Convert (xmin, ymin, xmax, ymax) to (centre x, centre y, width, height), in the same shape (section 9.4).

    Args:
        boxes: (..., 4), corners.
    """
    low, high = _halves(boxes)
    return nd.concat((low + high) / 2, high - low, dim=-1)


def center_to_corner(boxes: nd.NDArray) -> nd.NDArray:
    """Convert (centre x, centre y, width, height) to (xmin, ymin, xmax, ymax), in the same shape (section 9.4).

    Args:
        boxes: (..., 4), centres and sizes.
    """
    center, size = _halves(boxes)
    return nd.concat(center - size / 2, center + size / 2, dim=-1)


def clip_boxes(boxes: nd.NDArray) -> nd.NDArray:
    """Limit every coordinate to the picture, [0, 1], in the same shape.

    Args:
        boxes: (..., 4), relative corners.
    """
    return boxes.clip(0, 1)


def box_area(boxes: nd.NDArray) -> nd.NDArray:
    """Return the areas of boxes, (N,); 0 for a box that is empty or inverted.

    Args:
        boxes: (N, 4), corners.
    """
    low, high = _halves(boxes)
    size = nd.maximum(high - low, 0)
    return size[:, 0] * size[:, 1]


def iou(boxes1: nd.NDArray, boxes2: nd.NDArray) -> nd.NDArray:
    """Return the intersection over union (Jaccard index) of every pair, (N, M) in [0, 1] (section 9.4).

    Args:
        boxes1: (N, 4), corners.
        boxes2: (M, 4), corners. A pair whose union has no area gets 0.
    """
    low1, high1 = _halves(boxes1.expand_dims(1))  # (N, 1, 2)
    low2, high2 = _halves(boxes2.expand_dims(0))  # (1, M, 2)
    overlap = nd.maximum(nd.broadcast_minimum(high1, high2) - nd.broadcast_maximum(low1, low2), 0)
    intersection = overlap[:, :, 0] * overlap[:, :, 1]  # (N, M)
    area = nd.broadcast_add(box_area(boxes1).expand_dims(1), box_area(boxes2).expand_dims(0))
    union = area - intersection
    return nd.where(union > 0, intersection / nd.where(union > 0, union, nd.ones_like(union)), nd.zeros_like(union))


def encode_offsets(anchors: nd.NDArray, boxes: nd.NDArray, variances=VARIANCES) -> nd.NDArray:
    """Return the offsets from anchors to boxes, (N, 4): ((Δx/w)/σx, (Δy/h)/σy, ln(w'/w)/σw, ln(h'/h)/σh) (section 9.4).

    Args:
        anchors, boxes: (N, 4), corners; each must have an area.
        variances: (σx, σy, σw, σh).
    """
    (center_a, size_a), (center_b, size_b) = (_halves(corner_to_center(x)) for x in (anchors, boxes))
    offsets = nd.concat((center_b - center_a) / size_a, nd.log(size_b / size_a), dim=-1)
    return nd.broadcast_div(offsets, _row(variances, offsets))


def decode_offsets(anchors: nd.NDArray, offsets: nd.NDArray, variances=VARIANCES) -> nd.NDArray:
    """Return the boxes (N, 4), corners, that offsets encode: the inverse of :func:`encode_offsets` (section 9.4).

    Args:
        anchors, offsets: (N, 4).
        variances: (σx, σy, σw, σh).
    """
    center_a, size_a = _halves(corner_to_center(anchors))
    shift, scale = _halves(nd.broadcast_mul(offsets, _row(variances, offsets)))
    return center_to_corner(nd.concat(center_a + shift * size_a, size_a * nd.exp(scale), dim=-1))


def nms(boxes: nd.NDArray, scores: nd.NDArray, threshold: float = 0.5) -> np.ndarray:
    """Non-maximum suppression: keep a box unless a better one overlaps it (section 9.4).

    Returns the indices of the kept boxes, (K,) int64, highest score first. Equal scores keep their order.

    Args:
        boxes: (N, 4), corners.
        scores: (N,).
        threshold: IoU with a kept, higher-scored box from which a box is removed, as in MultiBoxDetection.
    """
    overlaps, order, keep = iou(boxes, boxes).asnumpy(), np.argsort(-to_numpy(scores), kind="stable"), []
    while order.size:
        best, rest = order[0], order[1:]
        keep.append(best)
        order = rest[overlaps[best, rest] < threshold]
    return np.array(keep, dtype="int64")


def _row(values, like: nd.NDArray) -> nd.NDArray:
    return nd.array(values, dtype=like.dtype).reshape((1, 4))


def _halves(boxes: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
    return boxes.slice_axis(-1, 0, 2), boxes.slice_axis(-1, 2, 4)
