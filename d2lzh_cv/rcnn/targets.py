"""Training targets of regions and anchors: labels by IoU, then a sample (section 9.8)."""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from mxnet import nd

from ..anchors import multibox_target
from ..boxes import VARIANCES
from ..metrics.average_precision import box_iou
from .roi import roi_align

FOREGROUND_IOU = 0.5  # lowest IoU of a region with its object
SHARE = 0.25          # largest share of foreground among the sampled regions


class Sample(NamedTuple):
    """Training regions, S per picture: first foreground, then background, then padding."""
    regions: nd.NDArray  # (B, S, 4)
    classes: nd.NDArray  # (B, S), 0 background, k + 1 for class k, -1 padding
    offsets: nd.NDArray  # (B, S, 4), 0 for background and padding
    objects: nd.NDArray  # (B, S), index of the object that the region overlaps most


def label_regions(regions: np.ndarray, objects: np.ndarray,
                  threshold: float = FOREGROUND_IOU) -> tuple[np.ndarray, np.ndarray]:
    """Label each region with a class and with the object that it overlaps most, of equal overlaps the first.

    Returns classes (N,), 0 background, k + 1 for class k, and indices of the objects (N,), 0 if there are no objects.

    Args:
        regions: (N, 4).
        objects: (M, 5), rows (class from 0, corners); rows of class -1 are empty.
        threshold: lowest IoU of a region with its object; below it is background.
    """
    numbers = np.flatnonzero(objects[:, 0] >= 0)
    if not numbers.size:
        return np.zeros(len(regions)), np.zeros(len(regions), int)
    overlaps = box_iou(regions, objects[numbers, 1:])  # (N, M)
    matches = numbers[overlaps.argmax(axis=1)]
    return np.where(overlaps.max(axis=1) >= threshold, objects[matches, 0] + 1, 0), matches


def choose(classes: np.ndarray, count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Sample indices of up to ``count`` of ``classes`` (N,): foreground, at most ``share``·``count``, then background.

    Classes below 0 are never sampled.
    """
    foreground, background = (rng.permutation(np.flatnonzero(part)) for part in (classes > 0, classes == 0))
    foreground = foreground[:int(share * count)]
    return np.concatenate([foreground, background[:count - len(foreground)]])


def sample_regions(regions: Sequence[np.ndarray], objects: nd.NDArray, count: int, rng: np.random.Generator,
                   share: float = SHARE) -> Sample:
    """Label the regions of each picture and its objects' own boxes, and sample ``count`` of them per picture.

    Args:
        regions: (N, 4) per picture; N may differ.
        objects: (B, M, 5), as in :func:`label_regions`.
        count: regions per picture in the sample.
        rng: draws the sample.
        share: largest share of foreground in the sample.
    """
    ctx = objects.context
    parts = [_sample_picture(boxes, rows, count, rng, share) for boxes, rows in zip(regions, objects.asnumpy())]
    boxes, classes, matches = (nd.array(np.stack(part), ctx=ctx) for part in zip(*parts))
    positive = 2 * (classes > 0) - 1  # 1 foreground, -1 otherwise
    offsets, _ = nd.contrib.box_encode(positive, matches, boxes, objects[:, :, 1:], nd.zeros(4, ctx=ctx),
                                       nd.array(VARIANCES, ctx=ctx))
    return Sample(boxes, classes, offsets, matches)


def _sample_picture(boxes, rows, count, rng, share) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    boxes = np.vstack([boxes, rows[rows[:, 0] >= 0, 1:]])
    classes, matches = label_regions(boxes, rows)
    chosen = choose(classes, count, share, rng)
    filled = np.resize(chosen, count)
    return boxes[filled], np.where(np.arange(count) < len(chosen), classes[filled], -1), matches[filled]


def label_anchors(anchors: nd.NDArray, objects: nd.NDArray, objectness: nd.NDArray, count: int,
                  rng: np.random.Generator, share: float = 0.5) -> tuple[nd.NDArray, nd.NDArray]:
    """Label every anchor as object or background and sample ``count`` per picture (step 2 of Faster R-CNN).

    Returns labels (B, A), 1 object, 0 background, -1 not sampled, and offsets (B, A, 4).

    Args:
        anchors: (1, A, 4).
        objects: (B, M, 5), rows (class, corners), then a row of -1.
        objectness: (B, A, 2); only the shape matters.
        count: anchors per picture in the sample.
        rng: draws the sample.
        share: largest share of objects in the sample.
    """
    binary = nd.concat(nd.where(objects[:, :, :1] < 0, objects[:, :, :1], nd.zeros_like(objects[:, :, :1])),
                       objects[:, :, 1:], dim=2)
    offsets, _, labels = multibox_target(anchors, binary, objectness.transpose((0, 2, 1)))
    classes = labels.asnumpy()
    kept = np.full(classes.shape, -1, "float32")
    for row, labelled in zip(kept, classes):
        chosen = choose(labelled, count, share, rng)
        row[chosen] = labelled[chosen]
    return nd.array(kept, ctx=labels.context), offsets.reshape((0, -1, 4))


def mask_targets(masks: nd.NDArray, sample: Sample, count: int, size: int) -> nd.NDArray:
    """Crop the object's mask to each of the first ``count`` regions: (B, count, size, size), 0 or 1.

    Args:
        masks: (B, M, H, W), 0 or 1, of the objects.
        sample: of :func:`sample_regions`.
        count: number of regions, from the start of the sample, where those with objects are.
        size: side of the cropped masks.
    """
    batch, num_objects, height, width = masks.shape
    regions, objects = sample.regions[:, :count], sample.objects[:, :count]
    first = num_objects * nd.arange(batch, ctx=masks.context).expand_dims(1)
    numbers = nd.broadcast_add(objects, first)  # indices into all masks of the batch
    corners = regions * nd.array((width, height, width, height), ctx=masks.context).reshape((1, 1, 4))
    rois = nd.concat(numbers.expand_dims(2), corners, dim=2).reshape((-1, 5))
    parts = roi_align(masks.reshape((-1, 1, height, width)), rois, (size, size), spatial_scale=1, aligned=True)
    return (parts >= 0.5).reshape((batch, count, size, size))
