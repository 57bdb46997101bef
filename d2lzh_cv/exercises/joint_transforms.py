"""Augmentation for segmentation: what moves a picture's pixels moves its mask with them (section 9.9).

Every change of place is one map from output pixels to points of the input, read twice: bilinearly in the picture, by
the nearest pixel in the mask, because there is no class between two classes. Colours change in the picture alone.
A transform is called with (picture, mask, generator): pictures are (H, W, 3) uint8, masks (H, W) classes.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

import numpy as np

from ..errors import InputError

VOID = 255  # in a mask: belongs to no class, as VOC's borders
FILL = (124, 116, 104)  # ImageNet's mean: about 0 once it is normalised
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # how bright red, green and blue look
EDGE = 1e-9  # a point is in the picture up to this far, so that rounding empties no pixel

Pair = tuple[np.ndarray, np.ndarray]
Transform = Callable[[np.ndarray, np.ndarray, np.random.Generator], Pair]


def resample(picture: np.ndarray, mask: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> Pair:
    """Picture and mask as seen through an affine map.

    Args:
        matrix: (2, 3), maps (y, x, 1) of an output pixel's centre to (y, x) in the input; the first pixel's centre
            is (0.5, 0.5).
        size: (height, width) of the result.

    Returns:
        (picture, mask); points outside the input become FILL and VOID.

    Raises:
        InputError: picture and mask differ in size.
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
        raise InputError(f"the picture is {picture.shape[:2]}, its mask {mask.shape}: they must be as large")


def _bilinear(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, 3) colours at points (2, N) between pixels, counted from the first pixel's centre; edges are repeated."""
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
    """Left and right exchanged in both: no pixel is computed anew."""
    check_pair(picture, mask)
    return picture[:, ::-1], mask[:, ::-1]


def resized_crop(picture: np.ndarray, mask: np.ndarray, top: float, left: float, height: float, width: float,
                 size: tuple[int, int]) -> Pair:
    """The rectangle of both, in pixels, brought to ``size`` = (height, width)."""
    scale_y, scale_x = height / size[0], width / size[1]
    return resample(picture, mask, np.array([[scale_y, 0, top], [0, scale_x, left]]), size)


def rotate(picture: np.ndarray, mask: np.ndarray, degrees: float) -> Pair:
    """Both turned counterclockwise about the middle; corners that come in from outside are FILL and VOID."""
    angle, middle = np.deg2rad(degrees), np.array(mask.shape) / 2
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # of (y, x), y downwards
    return resample(picture, mask, np.column_stack([turn, middle - turn @ middle]), mask.shape)


def change_colors(picture: np.ndarray, brightness: float = 1, contrast: float = 1, saturation: float = 1) -> np.ndarray:
    """The picture with each property times a factor: 1 leaves it as it is."""
    pixels = picture.astype(np.float32) * brightness
    pixels = (pixels - (pixels @ GREY).mean()) * contrast + (pixels @ GREY).mean()
    grey = (pixels @ GREY)[:, :, None]
    return np.rint(np.clip((pixels - grey) * saturation + grey, 0, 255)).astype(np.uint8)


@dataclass(frozen=True)
class RandomFlip:
    """:func:`flip` with probability ``p``."""

    p: float = 0.5

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        return flip(picture, mask) if rng.random() < self.p else (picture, mask)


@dataclass(frozen=True)
class RandomScaleCrop:
    """A crop of random place and scale, (height, width) ``size`` at the end: objects look nearer or farther.

    ``scale`` is the range of the enlargement; it is limited from below so that the crop stays within the picture.
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
    """:func:`rotate` by up to ``degrees`` either way."""

    degrees: float = 15

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        return rotate(picture, mask, rng.uniform(-self.degrees, self.degrees))


@dataclass(frozen=True)
class RandomColors:
    """:func:`change_colors` by factors from 1 - ``strength`` to 1 + ``strength``; the mask stays as it is."""

    strength: float = 0.5

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        check_pair(picture, mask)
        return change_colors(picture, *rng.uniform(1 - self.strength, 1 + self.strength, 3)), mask


@dataclass(frozen=True)
class Compose:
    """Transforms one after the other."""

    transforms: Sequence[Transform]

    def __call__(self, picture: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Pair:
        for transform in self.transforms:
            picture, mask = transform(picture, mask, rng)
        return picture, mask
