"""What regions and anchors should predict: labelled by IoU, then a few of them sampled (section 9.8)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mxnet import nd

from ..anchors import multibox_target
from ..boxes import VARIANCES
from ..metrics.average_precision import box_iou
from .roi import roi_align

FOREGROUND_IOU = 0.5  # at least: a region of an object
SHARE = 0.25          # of the sampled regions that are of objects, at most


class Sample(NamedTuple):
    """Regions to train on, S a picture: those of objects first, then background, then what fills up."""
    regions: nd.NDArray  # (B, S, 4)
    classes: nd.NDArray  # (B, S), 0 background, k + 1 for class k, -1 for what only fills up
    offsets: nd.NDArray  # (B, S, 4), 0 where there is no object
    objects: nd.NDArray  # (B, S), the number of the object that the region overlaps most


def label_regions(regions: np.ndarray, objects: np.ndarray,
                  threshold: float = FOREGROUND_IOU) -> tuple[np.ndarray, np.ndarray]:
    """Class of each region, and its object: the one it overlaps most, of equal overlaps the first.

    Args:
        regions: (N, 4).
        objects: (M, 5), rows (class from 0, corners); rows of class -1 hold nothing.
        threshold: the IoU from which a region is of its object; below it is background.

    Returns:
        classes (N,), 0 background, k + 1 for class k; numbers of objects (N,), 0 where there is none at all.
    """
    there = np.flatnonzero(objects[:, 0] >= 0)
    if not there.size:
        return np.zeros(len(regions)), np.zeros(len(regions), int)
    overlaps = box_iou(regions, objects[there, 1:])  # (N, M)
    matches = there[overlaps.argmax(axis=1)]
    return np.where(overlaps.max(axis=1) >= threshold, objects[matches, 0] + 1, 0), matches


def choose(classes: np.ndarray, count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Numbers of up to ``count`` of the labelled (N,), at random: first those of objects, at most ``share``·``count``,
    then background until there are ``count``. Labels below 0 are never chosen."""
    foreground, background = (rng.permutation(np.flatnonzero(part)) for part in (classes > 0, classes == 0))
    foreground = foreground[:int(share * count)]
    return np.concatenate([foreground, background[:count - len(foreground)]])


def sample_regions(regions: Sequence[np.ndarray], objects: nd.NDArray, count: int, rng: np.random.Generator,
                   share: float = SHARE) -> Sample:
    """Label the regions of each picture, and its objects' own boxes, and choose ``count`` to train on.

    Args:
        regions: (N, 4) a picture, N may differ.
        objects: (B, M, 5), as :func:`label_regions` takes them.
    """
    ctx = objects.context
    parts = [_sample_of_one(boxes, rows, count, rng, share) for boxes, rows in zip(regions, objects.asnumpy())]
    boxes, classes, matches = (nd.array(np.stack(part), ctx=ctx) for part in zip(*parts))
    positive = 2 * (classes > 0) - 1  # 1 of an object, -1 not
    offsets, _ = nd.contrib.box_encode(positive, matches, boxes, objects[:, :, 1:], nd.zeros(4, ctx=ctx),
                                       nd.array(VARIANCES, ctx=ctx))
    return Sample(boxes, classes, offsets, matches)


def _sample_of_one(boxes, rows, count, rng, share) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    boxes = np.vstack([boxes, rows[rows[:, 0] >= 0, 1:]])
    classes, matches = label_regions(boxes, rows)
    chosen = choose(classes, count, share, rng)
    filled = np.resize(chosen, count)
    return boxes[filled], np.where(np.arange(count) < len(chosen), classes[filled], -1), matches[filled]


def label_anchors(anchors: nd.NDArray, objects: nd.NDArray, objectness: nd.NDArray, count: int,
                  rng: np.random.Generator, share: float = 0.5) -> tuple[nd.NDArray, nd.NDArray]:
    """Binary label and offsets of every anchor, ``count`` of them chosen a picture (step 2 of Faster R-CNN).

    Args:
        anchors: (1, A, 4).
        objects: (B, M, 5), rows (class, corners), ended by a row of -1.
        objectness: (B, A, 2), of which only the shape matters.

    Returns:
        labels (B, A): 1 object, 0 background, -1 not chosen; offsets (B, A, 4).
    """
    binary = nd.concat(nd.where(objects[:, :, :1] < 0, objects[:, :, :1], nd.zeros_like(objects[:, :, :1])),
                       objects[:, :, 1:], dim=2)
    offsets, _, labels = multibox_target(anchors, binary, objectness.transpose((0, 2, 1)))
    classes = labels.asnumpy()
    kept = np.full(classes.shape, -1, "float32")
    for row, of_one in zip(kept, classes):
        chosen = choose(of_one, count, share, rng)
        row[chosen] = of_one[chosen]
    return nd.array(kept, ctx=labels.context), offsets.reshape((0, -1, 4))


def mask_targets(masks: nd.NDArray, sample: Sample, count: int, size: int) -> nd.NDArray:
    """Each region's part of its object's mask, for the first ``count`` regions: (B, count, size, size), 0 or 1.

    Args:
        masks: (B, M, H, W), 0 or 1, of the objects.
    """
    batch, num_objects, height, width = masks.shape
    regions, objects = sample.regions[:, :count], sample.objects[:, :count]
    first = num_objects * nd.arange(batch, ctx=masks.context).expand_dims(1)
    numbers = nd.broadcast_add(objects, first)  # of all the batch's masks
    corners = regions * nd.array((width, height, width, height), ctx=masks.context).reshape((1, 1, 4))
    rois = nd.concat(numbers.expand_dims(2), corners, dim=2).reshape((-1, 5))
    parts = roi_align(masks.reshape((-1, 1, height, width)), rois, (size, size), spatial_scale=1, aligned=True)
    return (parts >= 0.5).reshape((batch, count, size, size))
