"""Crops of VOC pictures and masks in NumPy, many times faster than with NDArray operators."""
from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import mxnet as mx
import numpy as np
from mxnet import nd

from .voc_files import LazyImage, Pixels

NUM_CLASSES = 21  # of VOC


def take(dataset, picture: LazyImage, mask: LazyImage, rng) -> tuple[nd.NDArray, nd.NDArray]:
    """Return (normalised crop (3, h, w), classes (h, w)) for a VOCSegDataset.

    ``rng`` draws the crop's position in the same way as mxnet.image.random_crop.
    """
    (h, w, _), (height, width) = picture.shape, dataset.crop_size
    x, y = rng.randint(0, w - width), rng.randint(0, h - height)
    rows, columns = slice(y, y + height), slice(x, x + width)
    return (_normalised(dataset, [plane[:, columns] for plane in picture.rows(rows).planes]),
            _classes(mask.rows(rows), columns, memory_of(dataset.colormap2label)))


def _normalised(dataset, planes: list[np.ndarray]) -> nd.NDArray:
    """Normalise three planes (h, w) uint8 to (3, h, w), with the bits of the data set's ``normalize_image``."""
    mean, std = (np.broadcast_to(values.asnumpy(), (1, 1, 3)).reshape(3, 1, 1)
                 for values in (dataset.rgb_mean, dataset.rgb_std))
    crop, memory = _empty((3, *planes[0].shape), np.float32)
    for plane, out in zip(planes, memory):
        out[:] = plane
    memory /= np.float32(255)
    memory -= mean
    memory /= std
    return crop


class Mapped(Sequence):
    """A view of a list: each access applies ``function`` to an item; a slice is a view too."""

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
    """Return the image as an NDArray; a subclass's ``filter`` may have made it one already."""
    return image.read() if isinstance(image, LazyImage) else image


def _classes(mask: Pixels, columns: slice, table: np.ndarray) -> nd.NDArray:
    """Return the classes of the mask's pixels in ``columns``, in the dtype of the colour table."""
    planes = [plane[:, columns] for plane in mask.planes]
    classes, memory = _empty(planes[0].shape, table.dtype)
    if mask.palette is None:
        memory[:] = table.take(_codes(planes))
        return classes
    class_of = table.take(_codes(mask.palette.T))  # palette index to class
    if table.dtype == np.uint8 and np.array_equal(class_of, _VOC_ORDER):
        np.multiply(planes[0], planes[0] < NUM_CLASSES, out=memory)
    else:
        memory[:] = class_of[planes[0]]
    return classes


_VOC_ORDER = np.arange(256) * (np.arange(256) < NUM_CLASSES)  # VOC's own palette; 255 is the void between objects


def _codes(planes: Sequence[np.ndarray]) -> np.ndarray:
    red, green, blue = (plane.astype(np.int32) for plane in planes)
    return (red * 256 + green) * 256 + blue


def _empty(shape: tuple[int, ...], dtype: np.dtype) -> tuple[nd.NDArray, np.ndarray]:
    """Return a new array on the CPU, and its memory as NumPy, which is valid as long as the array lives."""
    array, pointer = nd.empty(shape, mx.cpu(), dtype), ctypes.c_void_p()
    mx.base.check_call(mx.base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return array, np.frombuffer((ctypes.c_byte * size).from_address(pointer.value), dtype).reshape(shape)


def memory_of(array: nd.NDArray | np.ndarray) -> np.ndarray:
    """Return an array on the CPU as NumPy without a copy, so that later changes are visible."""
    if isinstance(array, np.ndarray):
        return array
    return np.from_dlpack(_Exporter(array)) if array.context.device_type == "cpu" else array.asnumpy()


class _Exporter:
    """Adds the two DLPack methods that NumPy calls and MXNet 1.9.1 lacks."""

    def __init__(self, array: nd.NDArray) -> None:
        self._array = array

    def __dlpack__(self, **_):
        return self._array.to_dlpack_for_read()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # kDLCPU, device 0
