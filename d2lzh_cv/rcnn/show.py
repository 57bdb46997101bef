"""Masks drawn on pictures (section 9.8)."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colors

from ..plotting import show_bboxes, to_numpy
from .mask import paste

MOST = 5  # a picture


def show_masks(axes, picture, rows: np.ndarray, masks: np.ndarray, score: float = 0.3,
               classes: Sequence[str] | None = None) -> None:
    """Draw the best boxes that score at least ``score``, five at most, and their masks on a picture.

    Args:
        axes: matplotlib axes.
        picture: (H, W, 3), 0 to 255.
        rows, masks: what :meth:`~d2lzh_cv.rcnn.MaskRCNN.detect` returns; a mask (H, W) of bool is drawn as it is.
        classes: names to write beside the scores.
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
        text = None if masks[i].dtype == bool else [f"{name}{rows[i, 1]:.2f}"]  # what is there has no score
        show_bboxes(axes, [rows[i, 2:] * (width, height, width, height)], text, f"C{i % 10}")
    axes.set(xticks=[], yticks=[])
