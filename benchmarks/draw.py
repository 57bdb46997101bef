"""Weights and inputs, the same for every side: an array follows from its name and shape alone."""
from __future__ import annotations

import zlib

import numpy as np
from PIL import Image


def weight(name: str, shape: tuple[int, ...], fixed: bool = False) -> np.ndarray:
    """A network's parameter under Gluon's name, such as ``0.conv1.weight``, at a scale that keeps that of the features.

    fixed: a scale (``gamma``) that is not trained is 1.
    """
    kind, rng = name.rpartition(".")[2], generator(name)
    if kind == "weight":
        array = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / _inputs(shape)))
    elif kind in ("gamma", "running_var"):
        array = np.ones(shape) if fixed else rng.uniform(0.5, 1.5, shape)
    else:
        array = 0.1 * rng.normal(size=shape)
    return array.astype(np.float32, copy=False)


def _inputs(shape: tuple[int, ...]) -> int:
    """How many numbers make one output: of the FCN's transposed convolution, with stride 32, four of each channel."""
    return 4 * shape[1] if shape[2:] == (64, 64) else int(np.prod(shape[1:]))


def generator(name: str) -> np.random.Generator:
    """Random numbers that follow from ``name``."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def normal(name: str, *shape: int) -> np.ndarray:
    """Normal numbers, float32: a normalised batch of pictures, say."""
    return generator(name).standard_normal(shape, np.float32)


def classes(name: str, count: int, *shape: int) -> np.ndarray:
    """Class numbers below ``count``, float32, as MXNet takes labels."""
    return generator(name).integers(0, count, shape).astype(np.float32)


def picture(name: str, height: int, width: int) -> np.ndarray:
    """A picture (H, W, 3) uint8: smooth colours with grain, so that no two places look the same."""
    rng = generator(name)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
    grain = np.asarray(smooth, np.int16) + rng.integers(-12, 13, (height, width, 3))
    return grain.clip(0, 255).astype(np.uint8)


def objects(name: str, batch: int, count: int = 1, num_classes: int = 1) -> np.ndarray:
    """Labels (batch, count, 5), rows (class, xmin, ymin, xmax, ymax), relative; sides of 0.15 to 0.5."""
    rng = generator(name)
    low = rng.uniform(0.02, 0.48, (batch, count, 2))
    high = low + rng.uniform(0.15, 0.5, (batch, count, 2))
    kinds = rng.integers(0, num_classes, (batch, count, 1))
    return np.concatenate((kinds, low, high), axis=2).astype(np.float32)


def trained_scores(name: str, batch: int, num_anchors: int) -> np.ndarray:
    """Probabilities (batch, 2, anchors) such as a trained TinySSD's: on a picture with an object it gave 200 to 340 of
    5444 anchors a score of 0.01 or more, 6%."""
    score = 1 / (1 + np.exp(-generator(name).normal(-9.4, 3, (batch, num_anchors))))
    return np.stack((1 - score, score), axis=1).astype(np.float32)
