"""VOC pictures and masks that stay on the disk until they are looked at."""
from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import mxnet as mx
import numpy as np
from PIL import Image

from ..errors import InputError
from .images import check_picture, read_picture
from .voc_store import Pixels, Store

_BROKEN = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)


@dataclass(frozen=True)
class LazyImage:
    """One picture or mask: its ``shape`` (H, W, 3) without reading it; all else as of the NDArray it is read into."""

    path: Path
    shape: tuple[int, int, int]
    is_mask: bool
    store: Store
    place: int

    def rows(self, part: slice) -> Pixels:
        """Some rows of the picture, as bytes."""
        return self.store.rows(self.place, self.path, self.shape, part, _read_mask if self.is_mask else _read_picture)

    def read(self) -> mx.nd.NDArray:
        """The whole picture, as mxnet.image.imread gives it."""
        planes, palette = self.rows(slice(None))
        return mx.nd.array(np.dstack(planes) if palette is None else palette[planes[0]], dtype="uint8")

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.read(), name)

    def __getitem__(self, key) -> mx.nd.NDArray:
        return self.read()[key]

    def __len__(self) -> int:
        return self.shape[0]


def open_pair(root: Path, name: str, store: Store) -> tuple[LazyImage, LazyImage]:
    """Return (picture, mask); of the files only the headers are read. InputError names what is missing or differs."""
    picture, mask = pair_paths(root, name)
    shapes = _shape(picture), _shape(mask)
    check_sizes(mask, *shapes)
    places = [store.reserve(*shape[:2]) for shape in shapes]
    return LazyImage(picture, shapes[0], False, store, places[0]), LazyImage(mask, shapes[1], True, store, places[1])


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


def _read_picture(path: Path) -> Pixels:
    """Pillow decodes a JPEG to the bytes MXNet does, in less time, and notices a missing end."""
    try:
        with warnings.catch_warnings(), Image.open(path) as picture:
            warnings.simplefilter("ignore")
            if (picture.format, picture.mode) == ("JPEG", "RGB"):
                return _split(np.asarray(picture))
    except _BROKEN:
        check_picture(path)  # raises the error that names what is wrong
    return _split(read_picture(path).asnumpy())


def _read_mask(path: Path) -> Pixels:
    try:
        with Image.open(path) as mask:
            if mask.mode == "P":
                colours = np.zeros((256, 3), np.uint8)
                palette = np.array(mask.getpalette(), np.uint8).reshape(-1, 3)
                colours[:len(palette)] = palette
                return Pixels([np.asarray(mask)], colours)
    except _BROKEN:
        check_picture(path)
    return _split(read_picture(path).asnumpy())


def _split(pixels: np.ndarray) -> Pixels:
    return Pixels([np.ascontiguousarray(pixels[:, :, channel]) for channel in range(3)])
