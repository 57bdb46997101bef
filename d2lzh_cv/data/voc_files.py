"""VOC pictures and masks that stay on the disk until the first access, and are decoded once."""
from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import mxnet as mx
import numpy as np

from ..errors import InputError
from .decoded import Scratch
from .fingerprint import signature
from .pixels import Header, read_header, read_indices, read_pixels

_HEAD, _PALETTE = struct.Struct("<qqq"), 256 * 3  # size and time of the picture's file, number of planes; then colours
_PAGE = 4096


class Pixels(NamedTuple):
    """Rows of a picture: three colour planes, or one plane of indices into ``palette``, uint8 (256, 3)."""

    planes: list[np.ndarray]
    palette: np.ndarray | None = None


class Store:
    """A temporary file of decoded pictures.

    Each picture has a reserved place, and the signature of its file is written there last. So threads and forked
    processes fill and read the file without a lock. Pictures beyond ``limit`` bytes, or without room in
    :class:`~d2lzh_cv.data.decoded.Scratch`, are decoded at each access.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._end = limit, 0
        self._scratch = Scratch("VOC pictures not kept there are decoded each time they are taken") if limit else None

    def reserve(self, height: int, width: int) -> int:
        """Return the offset of a new place for up to three planes. An unwritten place takes no room on the disk."""
        place = self._end
        self._end += -(-(_PAGE + 3 * height * width) // _PAGE) * _PAGE
        return place

    def rows(self, place: int, path: Path, shape: tuple[int, ...], part: slice,
             decode: Callable[[Path], Pixels]) -> Pixels:
        """Return the rows ``part`` of the picture ``path``, which is decoded again if its size or time has changed."""
        usable = self._scratch is not None and place + _PAGE + 3 * shape[0] * shape[1] <= self._limit
        signed = signature(path) if usable else None  # None for a missing file, about which ``decode`` complains
        stored = signed and self._read(place, signed, shape, part)
        if stored:
            return stored
        pixels = decode(path)
        if pixels.planes[0].shape != tuple(shape[:2]):
            raise InputError(f"{path} changed its size while it was in use; make the data set again")
        if signed and not self._scratch.full:
            self._write(place, signed, pixels)
        return Pixels([plane[part] for plane in pixels.planes], pixels.palette)

    def _read(self, place: int, signed: tuple[int, int], shape: tuple[int, ...], part: slice) -> Pixels | None:
        height, width = shape[:2]
        head = self._scratch.read(_HEAD.size + _PALETTE, place)
        if len(head) < _HEAD.size + _PALETTE or _HEAD.unpack_from(head)[:2] != signed:
            return None
        count, (top, bottom, _) = _HEAD.unpack_from(head)[2], part.indices(height)
        first, size = place + _PAGE + top * width, (bottom - top) * width
        planes = [np.frombuffer(self._scratch.read(size, first + i * height * width), np.uint8) for i in range(count)]
        if any(plane.size != size for plane in planes):
            return None
        palette = np.frombuffer(head, np.uint8, _PALETTE, _HEAD.size).reshape(256, 3) if count == 1 else None
        return Pixels([plane.reshape(-1, width) for plane in planes], palette)

    def _write(self, place: int, signed: tuple[int, int], pixels: Pixels) -> None:
        palette = bytes(_PALETTE) if pixels.palette is None else pixels.palette.tobytes()
        self._scratch.write(bytes(_HEAD.size) + palette, place)  # unsigned while the planes are being replaced
        for i, plane in enumerate(pixels.planes):
            self._scratch.write(np.ascontiguousarray(plane).data.cast("B"), place + _PAGE + i * plane.size)
        self._scratch.write(_HEAD.pack(*signed, len(pixels.planes)), place)

    def __getstate__(self) -> dict:
        return {"_limit": self._limit, "_end": self._end}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["_limit"])
        self._end = state["_end"]


class _CountsAsNDArray(type):
    """MXNet assigns an array only if ``type(value) == NDArray``; a subclass is not enough."""

    def __eq__(cls, other: object) -> bool:
        return cls is other or other is mx.nd.NDArray

    __hash__ = type.__hash__


class LazyImage(mx.nd.NDArray, metaclass=_CountsAsNDArray):
    """A picture or mask: an NDArray (H, W, 3) uint8 whose pixels are read at the first access.

    Its shape, dtype and context need no reading. The pixels stay in memory as long as the object does, and may be
    changed, like those of any NDArray. ``fresh`` gives an unread object; ``settled`` keeps changes but no other pixels.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], is_mask: bool, store: Store, place: int,
                 upright: bool = True) -> None:
        self.path, self.is_mask, self.store, self.place, self.upright = path, is_mask, store, place, upright
        self._shape, self._whole, self.writable = shape, [], True

    def rows(self, part: slice) -> Pixels:
        """Return rows of the picture from the store, without changes that were written to this object."""
        decode = _read_mask if self.is_mask else _read_picture if self.upright else _read_as_stored
        return self.store.rows(self.place, self.path, self._shape, part, decode)

    def read(self) -> mx.nd.NDArray:
        """Return a new array of the whole picture, as ``read_picture`` gives it."""
        planes, palette = self.rows(slice(None))
        pixels = np.dstack(planes) if palette is None else palette[planes[0]]
        return mx.nd.array(pixels, ctx=mx.cpu(), dtype="uint8")

    def fresh(self) -> LazyImage:
        """Return an unread object of the same picture."""
        return LazyImage(self.path, self._shape, self.is_mask, self.store, self.place, self.upright)

    def settled(self) -> mx.nd.NDArray:
        """Return an unread object of the picture; if the pixels were changed, return an NDArray with the changes."""
        if not self._whole or np.array_equal(self._whole[0].asnumpy(), self.read().asnumpy()):
            return self.fresh()
        return self._whole[0]

    @property
    def handle(self):
        """The handle by which MXNet's functions access an NDArray; the first access reads the pixels."""
        if not self._whole:
            self._whole.append(self.read())  # if two threads read it, both use the first one's array
        return self._whole[0].handle

    @property
    def __class__(self) -> type:
        """The class with which MXNet makes views of an array."""
        return mx.nd.NDArray

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 3)."""
        return self._shape

    @property
    def dtype(self) -> type:
        """Always uint8."""
        return np.uint8

    @property
    def context(self) -> mx.Context:
        """Always the CPU."""
        return mx.cpu()

    def __reduce__(self):
        if self._whole:
            return self._whole[0].__reduce__()
        return LazyImage, (self.path, self._shape, self.is_mask, self.store, self.place, self.upright)

    def __del__(self) -> None:
        """Free nothing: the handle belongs to the array in ``_whole``, which frees it."""


class Unread(list):
    """A list of LazyImages that gives a new object at each access, so that the list keeps no pixels in memory."""

    def __iter__(self) -> Iterator[LazyImage]:
        return (image.fresh() for image in super().__iter__())

    def __getitem__(self, key):
        item = super().__getitem__(key)
        return Unread(item) if isinstance(key, slice) else item.fresh()


def open_pair(root: Path, name: str, store: Store) -> tuple[LazyImage, LazyImage]:
    """Return (picture, mask); only the headers are read.

    Raises InputError naming a missing file, or a mask of another size.
    """
    picture, mask = pair_paths(root, name)
    headers = read_header(picture), read_header(mask)
    upright = _is_upright(*headers)
    shapes = _shape(headers[0].upright if upright else headers[0].stored), _shape(headers[1].upright)
    check_sizes(mask, *shapes)
    places = [store.reserve(*shape[:2]) for shape in shapes]
    return (LazyImage(picture, shapes[0], False, store, places[0], upright),
            LazyImage(mask, shapes[1], True, store, places[1]))


def pair_paths(root: Path, name: str) -> tuple[Path, Path]:
    """Return the paths of (picture, mask) in the VOC tree ``root``."""
    return root / "JPEGImages" / f"{name}.jpg", root / "SegmentationClass" / f"{name}.png"


def check_pairs(pictures: Sequence[mx.nd.NDArray], masks: Sequence[mx.nd.NDArray]) -> None:
    """Raise InputError if the kept masks do not belong to the kept pictures."""
    if len(pictures) != len(masks):
        raise InputError(f"filter() keeps {len(pictures)} pictures and {len(masks)} masks: it is called with the "
                         "pictures, then with the masks, and must keep the same ones of both")
    for place, (picture, mask) in enumerate(zip(pictures, masks)):
        both = isinstance(picture, LazyImage) and isinstance(mask, LazyImage)
        if both and picture.path.stem != mask.path.stem:
            raise InputError(f"filter() pairs {picture.path} with {mask.path}: it must keep the same ones of the "
                             "pictures and the masks")
        if tuple(picture.shape[:2]) != tuple(mask.shape[:2]):
            raise InputError(f"filter() gives picture {place} the size {picture.shape[0]}×{picture.shape[1]}, its mask "
                             f"{mask.shape[0]}×{mask.shape[1]}; they must be the same")


def check_sizes(mask: Path, picture_shape: tuple[int, ...], mask_shape: tuple[int, ...]) -> None:
    """Raise InputError naming ``mask`` if its size is not its picture's."""
    if mask_shape != picture_shape:
        raise InputError(f"{mask} has {mask_shape[0]}×{mask_shape[1]} pixels, its picture "
                         f"{picture_shape[0]}×{picture_shape[1]}; they must be the same")


def read_pair(root: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (picture, mask), both (H, W, 3) uint8.

    Raises InputError naming a missing or damaged file, or a mask of another size.
    """
    picture, mask = pair_paths(root, name)
    upright = _is_upright(read_header(picture), read_header(mask))
    pixels = read_pixels(picture, upright), read_pixels(mask)
    check_sizes(mask, pixels[0].shape, pixels[1].shape)
    return pixels


def _is_upright(picture: Header, mask: Header) -> bool:
    """Return whether the picture has to be turned upright: not if the mask fits only the stored size."""
    return mask.upright == picture.upright or mask.upright != picture.stored


def _shape(size: tuple[int, int]) -> tuple[int, int, int]:
    return size[1], size[0], 3


def _read_picture(path: Path) -> Pixels:
    return _split(read_pixels(path))


def _read_as_stored(path: Path) -> Pixels:
    return _split(read_pixels(path, upright=False))


def _read_mask(path: Path) -> Pixels:
    """Read a mask; one with a palette stays indices, which take a third of the room."""
    indexed = read_indices(path)
    return _split(read_pixels(path)) if indexed is None else Pixels([indexed[0]], indexed[1])


def _split(pixels: np.ndarray) -> Pixels:
    return Pixels([np.ascontiguousarray(pixels[:, :, channel]) for channel in range(3)])
