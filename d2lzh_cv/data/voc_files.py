"""VOC pictures and masks that stay on the disk until they are looked at, and a cache of bounded size for what was."""
from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mxnet as mx
import numpy as np
from PIL import Image

from ..errors import InputError
from .images import check_picture, read_picture

_BROKEN = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


class Cache:
    """Arrays by name until ``limit`` bytes are reached; later ones are not kept.

    An epoch takes each picture once, in another order: to throw out the oldest would throw out what comes next.
    """

    def __init__(self, limit: int) -> None:
        self._left, self._arrays, self._lock = limit, {}, threading.Lock()

    def get(self, path: Path, read: Callable[[Path], tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
        """Return ``read(path)``, from memory if it is there."""
        if path in self._arrays:
            return self._arrays[path]
        arrays = read(path)
        size = sum(array.nbytes for array in arrays)
        with self._lock:
            if size <= self._left and path not in self._arrays:
                self._arrays[path], self._left = arrays, self._left - size
        return arrays

    def __getstate__(self) -> dict:
        return {"_left": self._left + sum(a.nbytes for arrays in self._arrays.values() for a in arrays)}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["_left"])


@dataclass(frozen=True)
class LazyImage:
    """One picture or mask: its ``shape`` (H, W, 3) without reading it; all else as of the NDArray it is read into."""

    path: Path
    shape: tuple[int, int, int]
    is_mask: bool
    cache: Cache

    def arrays(self) -> tuple[np.ndarray, ...]:
        """A picture's (pixels,), uint8 (H, W, 3); a mask's (indices, colours), uint8 (H, W) and (256, 3), if it has a
        palette, else its (pixels,)."""
        arrays = self.cache.get(self.path, _read_mask if self.is_mask else _read_picture)
        if arrays[0].shape[:2] != self.shape[:2]:
            raise InputError(f"{self.path} changed its size while it was in use; make the data set again")
        return arrays

    def read(self) -> mx.nd.NDArray:
        """The whole picture, as mxnet.image.imread gives it."""
        pixels, *colours = self.arrays()
        return mx.nd.array(colours[0][pixels] if colours else pixels, dtype="uint8")

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.read(), name)

    def __getitem__(self, key) -> mx.nd.NDArray:
        return self.read()[key]

    def __len__(self) -> int:
        return self.shape[0]


def open_pair(root: Path, name: str, cache: Cache) -> tuple[LazyImage, LazyImage]:
    """Return (picture, mask); of the files only the headers are read. InputError names what is missing or differs."""
    picture, mask = pair_paths(root, name)
    shapes = _shape(picture), _shape(mask)
    check_sizes(mask, *shapes)
    return LazyImage(picture, shapes[0], False, cache), LazyImage(mask, shapes[1], True, cache)


def pair_paths(root: Path, name: str) -> tuple[Path, Path]:
    return root / "JPEGImages" / f"{name}.jpg", root / "SegmentationClass" / f"{name}.png"


def check_sizes(mask: Path, picture_shape: tuple[int, ...], mask_shape: tuple[int, ...]) -> None:
    """Raise InputError naming ``mask`` when it is not as large as its picture."""
    if mask_shape != picture_shape:
        raise InputError(f"{mask} has {mask_shape[0]}×{mask_shape[1]} pixels, its picture "
                         f"{picture_shape[0]}×{picture_shape[1]}; they must be the same")


def _shape(path: Path) -> tuple[int, int, int]:
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")  # of a large picture
            return picture.height, picture.width, 3
    except _BROKEN:
        return read_picture(path).shape  # its error says what is wrong


def _read_picture(path: Path) -> tuple[np.ndarray]:
    """Pillow decodes a JPEG to the bytes MXNet does, in less time, and notices a missing end."""
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            if (picture.format, picture.mode) == ("JPEG", "RGB"):
                return np.asarray(picture),
    except _BROKEN:
        check_picture(path)  # raises the error that names what is wrong
    return read_picture(path).asnumpy(),


def _read_mask(path: Path) -> tuple[np.ndarray, ...]:
    try:
        with Image.open(path) as mask:
            if mask.mode == "P":
                colours = np.zeros((256, 3), np.uint8)
                palette = np.array(mask.getpalette(), np.uint8).reshape(-1, 3)
                colours[:len(palette)] = palette
                return np.asarray(mask), colours
    except _BROKEN:
        check_picture(path)
    return read_picture(path).asnumpy(),
