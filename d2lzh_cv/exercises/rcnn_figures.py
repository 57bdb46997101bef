"""Figures of a network's detections (section 9.8)."""
from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import mxnet as mx
import numpy as np
from matplotlib import colors

from ..plotting import show_bboxes, to_numpy
from ..rcnn.mask_rcnn import paste

MOST = 5  # boxes per picture


def first_with_object(val_iter: mx.io.DataIter) -> mx.io.DataBatch:
    """Return the first batch of ``val_iter`` whose first picture has an object; if there is none, the first batch."""
    val_iter.reset()
    first = val_iter.next()
    batches = chain([first], val_iter)
    return next((batch for batch in batches if batch.label[0][0, 0, 0].asscalar() >= 0), first)


def show_masks(axes, picture, rows: np.ndarray, masks: np.ndarray, score: float = 0.3,
               classes: Sequence[str] | None = None) -> None:
    """Draw the five best boxes that score at least ``score``, and their masks, on a picture (H, W, 3), 0 to 255.

    Args:
        rows, masks: the result of :meth:`~d2lzh_cv.rcnn.MaskRCNN.detect`; masks (H, W) of bool are drawn unchanged.
        classes: names to write before the scores.
    """
    pixels = to_numpy(picture).astype("float32")
    height, width = pixels.shape[:2]
    kept = np.flatnonzero(rows[:, 1] >= score)[:MOST]
    for i in kept[::-1]:
        mask = masks[i] if masks[i].dtype == bool else paste(masks[i], rows[i, 2:], (height, width))
        pixels[mask] = 0.45 * pixels[mask] + 0.55 * 255 * np.array(colors.to_rgb(f"C{i % 10}"))
    axes.imshow(pixels.clip(0, 255).astype("uint8"))
    for i in kept:
        name = f"{classes[int(rows[i, 0])]} " if classes else ""
        text = None if masks[i].dtype == bool else [f"{name}{rows[i, 1]:.2f}"]  # a ground-truth mask has no score
        show_bboxes(axes, [rows[i, 2:] * (width, height, width, height)], text, f"C{i % 10}")
    axes.set(xticks=[], yticks=[])
