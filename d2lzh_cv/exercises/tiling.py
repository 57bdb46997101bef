"""Segmentation of pictures of any size by overlapping tiles, with memory for one tile's features (exercise of 9.10).

The network takes only multiples of 32, and a shift of the picture by a multiple of 32 only shifts its features. So the
picture is padded by reflection to such a size, and tiles start at multiples of 32.
"""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..errors import InputError

STRIDE = 32  # of the network
JOINS = ("blend", "center")


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Return the starts of tiles that cover 0 to ``length``; neighbours share at least ``overlap``.

    One tile suffices if ``length`` <= ``tile``. Multiples of 32 give multiples of 32.
    """
    if length <= tile:
        return [0]
    return [*range(0, length - tile, tile - overlap), length - tile]


def pad_by_reflection(picture: np.ndarray, multiple: int = STRIDE) -> np.ndarray:
    """Pad a picture (H, W, ...) at the bottom and right by reflection to multiples of ``multiple``."""
    border = [(0, -size % multiple) for size in picture.shape[:2]]
    return np.pad(picture, border + [(0, 0)] * (picture.ndim - 2), mode="reflect")


def predict_scores(score: Callable[[np.ndarray], np.ndarray], picture: np.ndarray, tile: tuple[int, int] = (320, 480),
                   overlap: int = 64, join: str = "blend") -> np.ndarray:
    """Return the scores of each pixel of a picture of any size, (classes, H, W) float32: 4 bytes per class and pixel.

    Raises InputError for a wrong tile, overlap or join.

    Args:
        score: maps a part (h, w, 3) of the picture, h and w multiples of 32, to scores (classes, h, w).
        picture: (H, W, 3).
        tile: largest (height, width) of a tile, multiples of 32.
        overlap: least number of pixels that neighbouring tiles share, a multiple of 32 below the tile's sides.
        join: "blend" averages tiles with weights that fall towards their borders; "center" takes every pixel from the
            tile in which it is farthest from the border.
    """
    _check(tile, overlap, join)
    padded = pad_by_reflection(picture)
    height, width = padded.shape[:2]
    total, weights = None, np.zeros((height, width), np.float32)
    rows, columns = (_spans(n, size, overlap, join) for n, size in zip((height, width), tile))
    for (y, down), (x, right) in ((row, column) for row in rows for column in columns):
        part = np.s_[y:y + len(down), x:x + len(right)]
        scores, weight = score(padded[part]), np.outer(down, right)
        total = np.zeros((len(scores), height, width), np.float32) if total is None else total
        total[(slice(None), *part)] += scores * weight
        weights[part] += weight
    return (total / weights)[:, :picture.shape[0], :picture.shape[1]]


def predict_classes(score: Callable[[np.ndarray], np.ndarray], picture: np.ndarray, **settings) -> np.ndarray:
    """Return the class with the highest score per pixel, (H, W) uint8; ``settings`` of :func:`predict_scores`."""
    return predict_scores(score, picture, **settings).argmax(axis=0).astype(np.uint8)


def _spans(length: int, tile: int, overlap: int, join: str) -> list[tuple[int, np.ndarray]]:
    """Return each tile's start along one direction, and the weight of its pixels."""
    tile = min(tile, length)
    first = starts(length, tile, overlap)
    if join == "blend":
        ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).clip(max=max(1, overlap))
        return [(start, ramp.astype(np.float32)) for start in first]
    cuts = [0, *((a + tile + b) // 2 for a, b in zip(first, first[1:])), length]  # in the middle of each overlap
    return [(start, ((places >= low) & (places < high)).astype(np.float32))
            for start, low, high in zip(first, cuts, cuts[1:])
            for places in [np.arange(start, start + tile)]]


def _check(tile: tuple[int, int], overlap: int, join: str) -> None:
    if any(size % STRIDE for size in (*tile, overlap)):
        raise InputError(f"tile {tile[0]} × {tile[1]} and overlap {overlap} must be multiples of {STRIDE}")
    if not 0 <= overlap < min(tile):
        raise InputError(f"the overlap {overlap} must be smaller than the tile, {tile[0]} × {tile[1]}")
    if join not in JOINS:
        raise InputError(f"join is {join!r}, not one of {', '.join(JOINS)}")
