"""VOC pictures and masks that stay on the disk until they are looked at."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import mxnet as mx
import numpy as np

from ..errors import InputError
from .pixels import Header, read_header, read_indices, read_pixels
from .voc_store import Pixels, Store


class _CountsAsNDArray(type):
    """MXNet assigns an array only where ``type(value) == NDArray``: isinstance is not enough for it."""

    def __eq__(cls, other: object) -> bool:
        return cls is other or other is mx.nd.NDArray

    __hash__ = type.__hash__


class LazyImage(mx.nd.NDArray, metaclass=_CountsAsNDArray):
    """One picture or mask: an NDArray (H, W, 3) uint8 whose pixels are read when something asks for them.

    Its shape, dtype and context are known without. What was read stays as long as the object does, and may be written
    to, as in any NDArray: ``fresh`` gives another object of the same file, ``settled`` what is worth keeping of one.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int], is_mask: bool, store: Store, place: int,
                 upright: bool = True) -> None:
        self.path, self.is_mask, self.store, self.place, self.upright = path, is_mask, store, place, upright
        self._shape, self._whole, self.writable = shape, [], True

    def rows(self, part: slice) -> Pixels:
        """Some rows of the picture as its file has them, as bytes."""
        decode = _read_mask if self.is_mask else _read_picture if self.upright else _read_as_stored
        return self.store.rows(self.place, self.path, self._shape, part, decode)

    def read(self) -> mx.nd.NDArray:
        """The whole picture, as ``read_picture`` gives it: an array of the caller's own."""
        planes, palette = self.rows(slice(None))
        pixels = np.dstack(planes) if palette is None else palette[planes[0]]
        return mx.nd.array(pixels, ctx=mx.cpu(), dtype="uint8")

    def fresh(self) -> LazyImage:
        """The same picture, not read."""
        return LazyImage(self.path, self._shape, self.is_mask, self.store, self.place, self.upright)

    def settled(self) -> mx.nd.NDArray:
        """The picture, not read, unless something has been written to it: then an NDArray with that."""
        if not self._whole or np.array_equal(self._whole[0].asnumpy(), self.read().asnumpy()):
            return self.fresh()
        return self._whole[0]

    @property
    def handle(self):
        """What all of MXNet's functions take an NDArray by."""
        if not self._whole:
            self._whole.append(self.read())  # two threads may both read it: the first one's stays in its place
        return self._whole[0].handle

    @property
    def __class__(self) -> type:
        """What MXNet makes views of an array with."""
        return mx.nd.NDArray

    @property
    def shape(self) -> tuple[int, int, int]:
        return self._shape

    @property
    def dtype(self) -> type:
        return np.uint8

    @property
    def context(self) -> mx.Context:
        return mx.cpu()

    def __reduce__(self):
        if self._whole:
            return self._whole[0].__reduce__()
        return LazyImage, (self.path, self._shape, self.is_mask, self.store, self.place, self.upright)

    def __del__(self) -> None:
        """The handle belongs to the array that was read, which frees it."""


class Unread(list):
    """A list of LazyImages that gives a new one at each access: what a caller has read and let go is not kept."""

    def __iter__(self) -> Iterator[LazyImage]:
        return (image.fresh() for image in super().__iter__())

    def __getitem__(self, key):
        found = super().__getitem__(key)
        return Unread(found) if isinstance(key, slice) else found.fresh()


def open_pair(root: Path, name: str, store: Store) -> tuple[LazyImage, LazyImage]:
    """Return (picture, mask); of the files only the headers are read. InputError names what is missing or differs."""
    picture, mask = pair_paths(root, name)
    headers = read_header(picture), read_header(mask)
    upright = _stands(*headers)
    shapes = _shape(headers[0].upright if upright else headers[0].stored), _shape(headers[1].upright)
    check_sizes(mask, *shapes)
    places = [store.reserve(*shape[:2]) for shape in shapes]
    return (LazyImage(picture, shapes[0], False, store, places[0], upright),
            LazyImage(mask, shapes[1], True, store, places[1]))


def pair_paths(root: Path, name: str) -> tuple[Path, Path]:
    return root / "JPEGImages" / f"{name}.jpg", root / "SegmentationClass" / f"{name}.png"


def check_pairs(pictures: Sequence[mx.nd.NDArray], masks: Sequence[mx.nd.NDArray]) -> None:
    """Raise InputError when what a filter kept of the masks does not belong to what it kept of the pictures."""
    if len(pictures) != len(masks):
        raise InputError(f"filter() keeps {len(pictures)} pictures and {len(masks)} masks: it is called with the "
                         "pictures, then with the masks, and must keep the same ones of both")
    for place, (picture, mask) in enumerate(zip(pictures, masks)):
        both = isinstance(picture, LazyImage) and isinstance(mask, LazyImage)
        if both and picture.path.stem != mask.path.stem:
            raise InputError(f"filter() keeps {picture.path} where it keeps {mask.path}: it must keep the same ones of "
                             "the pictures and the masks")
        if tuple(picture.shape[:2]) != tuple(mask.shape[:2]):
            raise InputError(f"filter() gives picture {place} the size {picture.shape[0]}×{picture.shape[1]}, its mask "
                             f"{mask.shape[0]}×{mask.shape[1]}; they must be the same")


def check_sizes(mask: Path, picture_shape: tuple[int, ...], mask_shape: tuple[int, ...]) -> None:
    """Raise InputError naming ``mask`` when it is not as large as its picture."""
    if mask_shape != picture_shape:
        raise InputError(f"{mask} has {mask_shape[0]}×{mask_shape[1]} pixels, its picture "
                         f"{picture_shape[0]}×{picture_shape[1]}; they must be the same")


def read_pair(root: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (picture, mask), both (H, W, 3) uint8. InputError names what is missing, not whole, or differs in size."""
    picture, mask = pair_paths(root, name)
    upright = _stands(read_header(picture), read_header(mask))
    pixels = read_pixels(picture, upright), read_pixels(mask)
    check_sizes(mask, pixels[0].shape, pixels[1].shape)
    return pixels


def _stands(picture: Header, mask: Header) -> bool:
    """Whether the picture is to be turned upright: not where its mask fits it only as it is stored."""
    return mask.upright == picture.upright or mask.upright != picture.stored


def _shape(size: tuple[int, int]) -> tuple[int, int, int]:
    return size[1], size[0], 3


def _read_picture(path: Path) -> Pixels:
    return _split(read_pixels(path))


def _read_as_stored(path: Path) -> Pixels:
    return _split(read_pixels(path, upright=False))


def _read_mask(path: Path) -> Pixels:
    """A mask of a palette as indices, which take a third of its colours' room."""
    found = read_indices(path)
    return _split(read_pixels(path)) if found is None else Pixels([found[0]], found[1])


def _split(pixels: np.ndarray) -> Pixels:
    return Pixels([np.ascontiguousarray(pixels[:, :, channel]) for channel in range(3)])
