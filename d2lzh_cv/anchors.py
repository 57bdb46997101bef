"""Anchors, their targets and the boxes predicted from them: MXNet's MultiBox operators (sections 9.4, 9.5)."""
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
    """Anchors around every unit of a feature map (section 9.4).

    Args:
        feature_map: (B, C, H, W); only H and W matter. MXNet's order is height, then width.
        sizes: scales s in (0, 1]; ratios: width over height r. Only the n + m - 1 pairs with the first size or the
            first ratio are made. An anchor is s·√r·H/W wide and s/√r high, relative, so r = 1 is square in pixels.
        clip: limit the corners to [0, 1]; otherwise anchors at the rim reach beyond the picture.

    Returns:
        (1, H·W·(n + m - 1), 4), row by row, all anchors of a unit together.
    """
    return nd.contrib.MultiBoxPrior(feature_map, sizes=list(sizes), ratios=list(ratios), clip=clip)


class Targets(NamedTuple):
    """What an anchor should predict; unpacks as MXNet's operator returns it."""
    offsets: nd.NDArray  # (B, 4A), 0 for negative anchors
    mask: nd.NDArray     # (B, 4A), 1 for the four offsets of a positive anchor
    classes: nd.NDArray  # (B, A), 0 background, k + 1 for class k, -1 left out of the loss


def multibox_target(anchors: nd.NDArray, labels: nd.NDArray, class_preds: nd.NDArray, **options) -> Targets:
    """Label every anchor with a class and offsets (section 9.4).

    Args:
        anchors: (1, A, 4).
        labels: (B, M, 5), rows (class from 0, xmin, ymin, xmax, ymax), relative. The rows of a picture end at the
            first that is all -1.
        class_preds: (B, classes + 1, A), needed for its shape, and for its values with hard negative mining.
        options: of ``MultiBoxTarget``. ``overlap_threshold`` 0.5, which the IoU must exceed.
            ``negative_mining_ratio`` -1: all negatives count; 3: the three hardest for each positive do, the others
            get class -1. ``minimum_negative_samples`` has no effect on the CPU on a picture with an object.

    Of a picture without any object every anchor is a negative: class 0, mask and offsets 0. MXNet's operator leaves
    all of them out instead (class -1), so that nothing is learnt from the picture. With hard negative mining those
    count that one positive anchor would have, ``negative_mining_ratio`` rounded up, or ``minimum_negative_samples``
    if that is more: the ones whose background is least likely, of equal ones the first.

    Raises:
        InputError: shapes that do not belong together.
    """
    batch, num_anchors = labels.shape[0], anchors.shape[1]
    if class_preds.shape[0] != batch or class_preds.shape[2] != num_anchors:
        raise InputError(f"class_preds {class_preds.shape} does not fit {batch} pictures and {num_anchors} anchors: "
                         "expected (pictures, classes + 1, anchors)")
    targets = Targets(*nd.contrib.MultiBoxTarget(anchors, labels, class_preds, **options))
    empty = labels.asnumpy()[:, 0, 0] == -1  # labels are there already: this does not wait for the network
    if not empty.any():
        return targets
    with autograd.pause():
        negatives = nd.array(_negatives(class_preds, **options), ctx=labels.context)
        return targets._replace(classes=nd.where(nd.array(empty, ctx=labels.context), negatives, targets.classes))


def _negatives(class_preds: nd.NDArray, negative_mining_ratio: float = -1, minimum_negative_samples: int = 0,
               ignore_label: float = -1, **_) -> np.ndarray:
    """The classes (B, A) of pictures without objects, by the options of MultiBoxTarget: 0, or ``ignore_label``."""
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
    """Decode predictions and suppress the similar ones (section 9.4).

    Args:
        class_probs: (B, classes + 1, A), class 0 the background. MXNet takes the best of the other classes even
            where the background is far more likely.
        offset_preds: (B, 4A).
        anchors: (1, A, 4).
        nms_threshold: IoU from which the lower-scored box of the same class (of any, with ``force_suppress``) goes.
        threshold: scores below are dropped.
        nms_topk: only the best so many boxes take part.

    Returns:
        (B, A, 6), rows (class, score, xmin, ymin, xmax, ymax), highest score first, boxes clipped to the picture;
        class -1 is suppressed (its score and box stay as they were). Rows of -1 fill the end.
    """
    return nd.contrib.MultiBoxDetection(class_probs, offset_preds, anchors, nms_threshold=nms_threshold,
                                        threshold=threshold, force_suppress=force_suppress, nms_topk=nms_topk)


def kept_boxes(anchors: nd.NDArray, class_preds: nd.NDArray, offset_preds: nd.NDArray,
               **options) -> list[np.ndarray]:
    """Turn what a detector predicts into boxes: softmax, decoding, suppression; the kept ones alone (section 9.7).

    Args:
        anchors: (1, A, 4).
        class_preds: scores (B, A, classes + 1), class 0 the background.
        offset_preds: (B, 4A).
        options: of :func:`multibox_detection`.

    Returns:
        For each picture (K, 6), rows (class, score, xmin, ymin, xmax, ymax), relative, highest score first.
    """
    class_probs = class_preds.softmax(axis=-1).transpose((0, 2, 1))  # (B, classes + 1, A)
    rows = multibox_detection(class_probs, offset_preds, anchors, **options).asnumpy()
    return [of_one[of_one[:, 0] >= 0] for of_one in rows]


def show_anchors(picture, feature_map_height: int, feature_map_width: int, sizes: Sequence[float],
                 ratios: Sequence[float] = (1, 2, 0.5)) -> nd.NDArray:
    """Draw the anchors of a small feature map on a picture (H, W, 3) and return them, (1, A, 4) (section 9.5).

    The feature map is made (height, width), MXNet's layout; the book's cell has the two exchanged, which only its
    square maps hide.
    """
    anchors = multibox_prior(nd.zeros((1, 10, feature_map_height, feature_map_width)), sizes, ratios)
    axes = plt.imshow(to_numpy(picture)).axes
    show_bboxes(axes, anchors[0] * box_scale(picture))
    return anchors
