"""Anchors, their training targets and the boxes decoded from them: MXNet's MultiBox operators (sections 9.4, 9.5)."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mxnet import autograd, nd

from .boxes import box_scale
from .errors import InputError
from .plotting import plt, show_bboxes, to_numpy


def multibox_prior(feature_map: nd.NDArray, sizes: Sequence[float], ratios: Sequence[float] = (1,),
                   clip: bool = False) -> nd.NDArray:
    """Make anchors around every unit of a feature map, (1, H·W·(n + m - 1), 4), unit by unit in rows (section 9.4).

    An anchor is s·√r·H/W wide and s/√r high, relative, so r = 1 is square in pixels. Only the n + m - 1 pairs with the
    first size or the first ratio are made.

    Args:
        feature_map: (B, C, H, W); only H and W matter. MXNet's order is height, then width.
        sizes: n scales s, in (0, 1].
        ratios: m ratios r of width to height.
        clip: limit the corners to [0, 1]; otherwise anchors near the edge reach beyond the picture.
    """
    return nd.contrib.MultiBoxPrior(feature_map, sizes=list(sizes), ratios=list(ratios), clip=clip)


class Targets(NamedTuple):
    """Training targets of the anchors, in the order of MXNet's operator."""
    offsets: nd.NDArray  # (B, 4A), 0 for negative anchors
    mask: nd.NDArray     # (B, 4A), 1 for the four offsets of a positive anchor
    classes: nd.NDArray  # (B, A), 0 background, k + 1 for class k, -1 ignored by the loss


def multibox_target(anchors: nd.NDArray, labels: nd.NDArray, class_preds: nd.NDArray, **options) -> Targets:
    """Label every anchor with a class and offsets (section 9.4). Raises InputError if the shapes do not fit together.

    In a picture without objects every anchor is negative: class 0, mask and offsets 0. (MXNet's operator ignores them
    all, so the network would learn nothing from the picture.) With hard negative mining, such a picture keeps as many
    negatives as for one positive anchor: ``negative_mining_ratio`` rounded up, or ``minimum_negative_samples`` if that
    is more, those with the lowest background probability.

    Args:
        anchors: (1, A, 4), relative corners.
        labels: (B, M, 5), rows (class from 0, xmin, ymin, xmax, ymax), relative; a row of -1 ends a picture's objects.
        class_preds: (B, classes + 1, A), scores. Without hard negative mining, only the shape matters.
        options: of ``MultiBoxTarget``. ``overlap_threshold``: 0.5, which the IoU must exceed.
            ``negative_mining_ratio``: -1 counts all negatives; 3 counts the three hardest per positive anchor and gives
            the others class -1. ``minimum_negative_samples``: without effect on the CPU if the picture has objects.
    """
    batch, num_anchors = labels.shape[0], anchors.shape[1]
    if class_preds.shape[0] != batch or class_preds.shape[2] != num_anchors:
        raise InputError(f"class_preds {class_preds.shape} does not fit {batch} pictures and {num_anchors} anchors: "
                         "expected (pictures, classes + 1, anchors)")
    targets = Targets(*nd.contrib.MultiBoxTarget(anchors, labels, class_preds, **options))
    empty = labels.asnumpy()[:, 0, 0] == -1  # no result of the network: this does not wait for it
    if not empty.any():
        return targets
    with autograd.pause():
        negatives = nd.array(_negatives(class_preds, **options), ctx=labels.context)
        return targets._replace(classes=nd.where(nd.array(empty, ctx=labels.context), negatives, targets.classes))


def _negatives(class_preds: nd.NDArray, negative_mining_ratio: float = -1, minimum_negative_samples: int = 0,
               ignore_label: float = -1, **_) -> np.ndarray:
    """Classes (B, A) of pictures without objects, by the options of MultiBoxTarget: 0, or ``ignore_label``."""
    batch, _, num_anchors = class_preds.shape
    if negative_mining_ratio <= 0:
        return np.zeros((batch, num_anchors), "float32")
    count = max(math.ceil(negative_mining_ratio), minimum_negative_samples)
    background = class_preds.softmax(axis=1)[:, 0].asnumpy()
    hardest = background.argsort(axis=1, kind="stable")[:, :count]
    classes = np.full((batch, num_anchors), ignore_label, "float32")
    np.put_along_axis(classes, hardest, 0, axis=1)
    return classes


def multibox_detection(class_probs: nd.NDArray, offset_preds: nd.NDArray, anchors: nd.NDArray,
                       nms_threshold: float = 0.5, threshold: float = 0.01, force_suppress: bool = False,
                       nms_topk: int = -1) -> nd.NDArray:
    """Decode predictions and suppress similar boxes (section 9.4).

    Returns (B, A, 6), rows (class, score, xmin, ymin, xmax, ymax), highest score first, boxes clipped to the picture. A
    suppressed box has class -1 and keeps its score and corners. Rows of -1 fill the end.

    Args:
        class_probs: (B, classes + 1, A), class 0 the background. MXNet takes the best of the other classes even where
            the background is far more likely.
        offset_preds: (B, 4A).
        anchors: (1, A, 4), relative corners.
        nms_threshold: IoU from which a box suppresses a lower-scored box of the same class.
        threshold: lowest score of a box.
        force_suppress: suppress boxes of any class.
        nms_topk: number of best boxes that take part; -1 for all.
    """
    return nd.contrib.MultiBoxDetection(class_probs, offset_preds, anchors, nms_threshold=nms_threshold,
                                        threshold=threshold, force_suppress=force_suppress, nms_topk=nms_topk)


def kept_boxes(anchors: nd.NDArray, class_preds: nd.NDArray, offset_preds: nd.NDArray, **options) -> list[np.ndarray]:
    """Turn a detector's predictions into boxes: softmax, decoding, suppression (section 9.7).

    Returns (K, 6) per picture, rows (class, score, xmin, ymin, xmax, ymax), relative, highest score first.

    Args:
        anchors: (1, A, 4), relative corners.
        class_preds: scores (B, A, classes + 1), class 0 the background.
        offset_preds: (B, 4A).
        options: of :func:`multibox_detection`.
    """
    class_probs = class_preds.softmax(axis=-1).transpose((0, 2, 1))  # (B, classes + 1, A)
    rows = multibox_detection(class_probs, offset_preds, anchors, **options).asnumpy()
    return [picture_rows[picture_rows[:, 0] >= 0] for picture_rows in rows]


def show_anchors(picture, feature_map_height: int, feature_map_width: int, sizes: Sequence[float],
                 ratios: Sequence[float] = (1, 2, 0.5)) -> nd.NDArray:
    """Draw the anchors of a small feature map on a picture and return them, (1, A, 4), relative corners (section 9.5).

    Args:
        picture: (H, W, 3).
        feature_map_height, feature_map_width: in units. The book's cell swaps the two; its square maps hide that.
        sizes, ratios: of :func:`multibox_prior`.
    """
    anchors = multibox_prior(nd.zeros((1, 10, feature_map_height, feature_map_width)), sizes, ratios)
    axes = plt.imshow(to_numpy(picture)).axes
    show_bboxes(axes, anchors[0] * box_scale(picture))
    return anchors
