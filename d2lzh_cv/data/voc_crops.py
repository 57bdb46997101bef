"""Crops of VOC pictures and masks in NumPy: as NDArray operators they take many times as long."""
from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import mxnet as mx
import numpy as np
from mxnet import nd

from .voc_files import LazyImage
from .voc_labels import VOC_CLASSES, memory_of


class CropMaker:
    """Cuts examples out of pictures and masks; keeps the table from a pixel's value to the normalised one."""

    def __init__(self) -> None:
        self._statistics, self._table = None, np.empty((3, 256), np.float32)

    def take(self, dataset, picture: LazyImage, mask: LazyImage, rng) -> tuple[nd.NDArray, nd.NDArray]:
        """Return (normalised crop, its classes) of a VOCSegDataset, its place drawn as mxnet.image.random_crop does."""
        (h, w, _), (height, width) = picture.shape, dataset.crop_size
        x, y = rng.randint(0, w - width), rng.randint(0, h - height)
        window = slice(y, y + height), slice(x, x + width)
        return (self._normalised(dataset, picture.arrays()[0][window]),
                _classes(mask.arrays(), window, memory_of(dataset.colormap2label)))

    def _normalised(self, dataset, pixels: np.ndarray) -> nd.NDArray:
        """(h, w, 3) uint8 to (3, h, w): for each channel a look-up, the bits that the data set's own method gives."""
        statistics = dataset.rgb_mean.asnumpy().tobytes() + dataset.rgb_std.asnumpy().tobytes()
        if statistics != self._statistics:
            values = nd.arange(256, dtype="uint8").reshape((256, 1)).tile((1, 3))
            self._table = np.ascontiguousarray(dataset.normalize_image(values).asnumpy().T)
            self._statistics = statistics
        crop, memory = _empty((3, *pixels.shape[:2]), np.float32)
        for channel in range(3):
            np.take(self._table[channel], pixels[:, :, channel], out=memory[channel], mode="clip")
        return crop


class Mapped(Sequence):
    """A list seen through a function that is called on access; a part of it is seen so too."""

    def __init__(self, function: Callable, items: Sequence) -> None:
        self._function, self._items = function, items

    def __getitem__(self, idx):
        if isinstance(idx, slice):
            return Mapped(self._function, self._items[idx])
        return self._function(self._items[idx])

    def __len__(self) -> int:
        return len(self._items)

    def __add__(self, other: Sequence) -> list:
        return [*self, *other]


def read(image: LazyImage | nd.NDArray) -> nd.NDArray:
    """The image as an NDArray; a reader's own filter may have made it one."""
    return image.read() if isinstance(image, LazyImage) else image


def _classes(mask: tuple[np.ndarray, ...], window: tuple[slice, slice], table: np.ndarray) -> nd.NDArray:
    """The classes in a window of a mask, in the dtype of the table from (R·256 + G)·256 + B to class."""
    pixels, *colours = mask
    part = pixels[window]
    classes, memory = _empty(part.shape[:2], table.dtype)
    if not colours:
        memory[:] = table.take(_codes(part))
        return classes
    class_of = table.take(_codes(colours[0]))  # of each colour in the palette
    if table.dtype == np.uint8 and np.array_equal(class_of, _VOC_ORDER):
        np.multiply(part, part < len(VOC_CLASSES), out=memory)
    else:
        memory[:] = class_of[part]
    return classes


_VOC_ORDER = np.arange(256) * (np.arange(256) < len(VOC_CLASSES))  # VOC's own palette; 255 is the void between objects


def _codes(colours: np.ndarray) -> np.ndarray:
    red, green, blue = (colours[..., channel].astype(np.int32) for channel in range(3))
    return (red * 256 + green) * 256 + blue


def _empty(shape: tuple[int, ...], dtype: np.dtype) -> tuple[nd.NDArray, np.ndarray]:
    """A new array in the main memory, and its memory for NumPy to write to as long as the array lives."""
    array, pointer = nd.empty(shape, mx.cpu(), dtype), ctypes.c_void_p()
    mx.base.check_call(mx.base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return array, np.frombuffer((ctypes.c_byte * size).from_address(pointer.value), dtype).reshape(shape)
