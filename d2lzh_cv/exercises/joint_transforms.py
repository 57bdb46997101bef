"""Augmentation for segmentation: a transform moves the pixels of picture and mask together (section 9.9).

Each geometric transform maps output pixels to points of the input. It reads the picture bilinearly and the mask at the
nearest pixel, because nothing lies between two classes. Colour transforms change only the picture. A transform is
called with (picture, mask, generator): pictures are (H, W, 3) uint8, masks (H, W) classes.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

import numpy as np

from ..errors import InputError

VOID = 255  # mask value without a class, as in VOC's borders
FILL = (124, 116, 104)  # ImageNet's mean: about 0 after normalisation
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # brightness of red, green and blue
EDGE = 1e-9  # tolerance at the picture's edge, so that rounding empties no pixel

Pair = tuple[np.ndarray, np.ndarray]
Transform = Callable[[np.ndarray, np.ndarray, np.random.Generator], Pair]


def resample(picture: np.ndarray, mask: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> Pair:
    """Return picture (H, W, 3) and mask (H, W) seen through an affine map; points outside become FILL and VOID.

    Raises InputError if picture and mask differ in size.

    Args:
        matrix: (2, 3), maps (y, x, 1) of an output pixel's centre, the first (0.5, 0.5), to (y, x) in the input.
        size: (height, width) of the result.
    """
    check_pair(picture, mask)
    grid = np.mgrid[:size[0], :size[1]].reshape(2, -1) + 0.5
    points = matrix[:, :2] @ grid + matrix[:, 2:]
    limits = np.array(mask.shape)[:, None]
    inside = ((points > -EDGE) & (points < limits + EDGE)).all(axis=0)
    y, x = np.clip(np.floor(points), 0, limits - 1).astype(int)
    classes = np.where(inside, mask[y, x], VOID).astype(mask.dtype)
    pixels = np.where(inside[:, None], _bilinear(picture, points - 0.5), np.array(FILL, np.float32))
    return np.rint(pixels).astype(np.uint8).reshape(*size, 3), classes.reshape(size)


def check_pair(picture: np.ndarray, mask: np.ndarray) -> None:
    """Raise InputError unless ``picture`` is (H, W, 3) uint8 and ``mask`` (H, W)."""
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise InputError(f"the picture is {picture.shape} {picture.dtype}, not (height, width, 3) uint8")
    if picture.shape[:2] != mask.shape:
        raise InputError(f"the picture is {picture.shape[:2]}, its mask {mask.shape}: give both the same size")


def _bilinear(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return colours (N, 3) at points (2, N) relative to the first pixel's centre; edge pixels are repeated."""
    limits = np.array(picture.shape[:2])[:, None] - 1
    points = np.clip(points, 0, limits)
    low = np.floor(points).astype(int)
    high = np.minimum(low + 1, limits)
    down, right = ((points - low).astype(np.float32))[..., None]
    (top, left), (bottom, far) = low, high
    upper = picture[top, left] * (1 - right) + picture[top, far] * right
    lower = picture[bottom, left] * (1 - right) + picture[bottom, far] * right
    return upper * (1 - down) + lower * down


def flip(picture: np.ndarray, mask: np.ndarray) -> Pair:
    """Mirror both left to right; no pixel is interpolated."""
    check_pair(picture, mask)
    return picture[:, ::-1], mask[:, ::-1]


def resized_crop(picture: np.ndarray, mask: np.ndarray, top: float, left: float, height: float, width: float,
                 size: tuple[int, int]) -> Pair:
    """Crop a rectangle, in pixels, from both and resize it to ``size`` = (height, width)."""
    scale_y, scale_x = height / size[0], width / size[1]
    return resample(picture, mask, np.array([[scale_y, 0, top], [0, scale_x, left]]), size)


def rotate(picture: np.ndarray, mask: np.ndarray, degrees: float) -> Pair:
    """Rotate both counterclockwise about the middle; corners from outside become FILL and VOID."""
    angle, middle = np.deg2rad(degrees), np.array(mask.shape) / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # of (y, x), y downwards
    return resample(picture, mask, np.column_stack([turn, middle - turn @ middle]), mask.shape)


def change_colors(picture: np.ndarray, brightness: float = 1, contrast: float = 1, saturation: float = 1) -> np.ndarray:
    """Multiply each property of the picture by a factor; 1 changes nothing."""
    pixels = picture.astype(np.float32) * brightness
    pixels = (pixels - (pixels @ GREY).mean()) * contrast + (pixels @ GREY).mean()
    grey = (pixels @ GREY)[:, :, None]
    return np.rint(np.clip((pixels - grey) * saturation + grey, 0, 255)).astype(np.uint8)


@dataclass(frozen=True)
class RandomFlip:
    """Calls :func:`flip` with probability ``p``."""
    p: float = 0.5

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        return flip(picture, mask) if rng.random() < self.p else (picture, mask)


@dataclass(frozen=True)
class RandomScaleCrop:
    """Crops at a random place and scale to ``size`` = (height, width), so objects look nearer or farther.

    ``scale`` is the range of the enlargement, limited from below so that the crop stays inside the picture.
    """
    size: tuple[int, int]
    scale: tuple[float, float] = (0.5, 2.0)

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        smallest = max(want / have for want, have in zip(self.size, mask.shape))
        scale = max(rng.uniform(*self.scale), smallest)
        height, width = (want / scale for want in self.size)
        top, left = (rng.uniform(0, max(0, have - part)) for have, part in zip(mask.shape, (height, width)))
        return resized_crop(picture, mask, top, left, height, width, self.size)


@dataclass(frozen=True)
class RandomRotation:
    """Calls :func:`rotate` with up to ``degrees`` in either direction."""
    degrees: float = 15

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        return rotate(picture, mask, rng.uniform(-self.degrees, self.degrees))


@dataclass(frozen=True)
class RandomColors:
    """Calls :func:`change_colors` with factors from 1 - ``strength`` to 1 + ``strength``; the mask stays unchanged."""
    strength: float = 0.5

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        check_pair(picture, mask)
        return change_colors(picture, *rng.uniform(1 - self.strength, 1 + self.strength, 3)), mask


@dataclass(frozen=True)
class Compose:
    """Applies transforms in sequence."""
    transforms: Sequence[Transform]

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        for transform in self.transforms:
            picture, mask = transform(picture, mask, rng)
        return picture, mask
