"""Segmentation of pictures of any size by overlapping tiles: memory for one tile's features (exercise of 9.10).

The network sees multiples of 32 only, and shifts of the picture by multiples of 32 merely shift its features. So the
picture is continued by its reflection up to such a size, and tiles lie at multiples of 32.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..errors import InputError

STRIDE = 32  # of the network
JOINS = ("blend", "center")


def starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin that cover 0 to ``length``, neighbours sharing at least ``overlap``; the last ends there.

    One tile where ``length`` is no more than ``tile``. Multiples of 32 give multiples of 32.
    """
    if length <= tile:
        return [0]
    return [*range(0, length - tile, tile - overlap), length - tile]


def pad_by_reflection(picture: np.ndarray, multiple: int = STRIDE) -> np.ndarray:
    """A picture (H, W, ...) continued below and on the right by its reflection, up to multiples of ``multiple``."""
    border = [(0, -size % multiple) for size in picture.shape[:2]]
    return np.pad(picture, border + [(0, 0)] * (picture.ndim - 2), mode="reflect")


def predict_scores(score: Callable[[np.ndarray], np.ndarray], picture: np.ndarray, tile: tuple[int, int] = (320, 480),
                   overlap: int = 64, join: str = "blend") -> np.ndarray:
    """The scores of each pixel of a picture of any size.

    Args:
        score: of a part (h, w, 3) of the picture, h and w multiples of 32, the scores (classes, h, w).
        picture: (H, W, 3).
        tile: (height, width) of a tile at the most.
        overlap: how many pixels neighbouring tiles share at least.
        join: "blend" averages tiles, each counting less towards its border; "center" takes every pixel from the one
            tile in which it is farthest from the border.

    Returns:
        (classes, H, W) float32: 4 bytes a class and pixel.

    Raises:
        InputError: tile or overlap is no multiple of 32, or the overlap is not smaller than the tile.
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
    """The class with the highest score of each pixel, (H, W) uint8; ``settings`` of :func:`predict_scores`."""
    return predict_scores(score, picture, **settings).argmax(axis=0).astype(np.uint8)


def _spans(length: int, tile: int, overlap: int, join: str) -> list[tuple[int, np.ndarray]]:
    """Each tile's start along one direction, and the weight of its pixels."""
    tile = min(tile, length)
    first = starts(length, tile, overlap)
    if join == "blend":
        ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).clip(max=max(1, overlap))
        return [(start, ramp.astype(np.float32)) for start in first]
    return [(start, ((places >= low) & (places < high)).astype(np.float32))
            for start, (low, high) in zip(first, _cuts(first, tile, length))
            for places in [np.arange(start, start + tile)]]


def _cuts(first: list[int], tile: int, length: int) -> Iterator[tuple[int, int]]:
    """From where to where each tile counts: up to the middle of what it shares with the next."""
    cuts = [0, *((a + tile + b) // 2 for a, b in zip(first, first[1:])), length]
    yield from zip(cuts, cuts[1:])


def _check(tile: tuple[int, int], overlap: int, join: str) -> None:
    if any(size % STRIDE for size in (*tile, overlap)):
        raise InputError(f"tile {tile[0]} × {tile[1]} and overlap {overlap} must be multiples of {STRIDE}")
    if not 0 <= overlap < min(tile):
        raise InputError(f"the overlap {overlap} must be smaller than the tile, {tile[0]} × {tile[1]}")
    if join not in JOINS:
        raise InputError(f"join is {join!r}, not one of {', '.join(JOINS)}")
