"""VOC pictures and masks that stay on the disk until they are looked at."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mxnet as mx
import numpy as np

from ..errors import InputError
from .pixels import Header, read_header, read_indices, read_pixels
from .voc_store import Pixels, Store


@dataclass(frozen=True)
class LazyImage:
    """One picture or mask: its ``shape`` (H, W, 3) without reading it; all else as of the NDArray it is read into."""

    path: Path
    shape: tuple[int, int, int]
    is_mask: bool
    store: Store
    place: int
    upright: bool = True  # or as it is stored

    def rows(self, part: slice) -> Pixels:
        """Some rows of the picture, as bytes."""
        decode = _read_mask if self.is_mask else _read_picture if self.upright else _read_as_stored
        return self.store.rows(self.place, self.path, self.shape, part, decode)

    def read(self) -> mx.nd.NDArray:
        """The whole picture, as ``read_picture`` gives it."""
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
    headers = read_header(picture), read_header(mask)
    upright = _stands(*headers)
    shapes = _shape(headers[0].upright if upright else headers[0].stored), _shape(headers[1].upright)
    check_sizes(mask, *shapes)
    places = [store.reserve(*shape[:2]) for shape in shapes]
    return (LazyImage(picture, shapes[0], False, store, places[0], upright),
            LazyImage(mask, shapes[1], True, store, places[1]))


def pair_paths(root: Path, name: str) -> tuple[Path, Path]:
    return root / "JPEGImages" / f"{name}.jpg", root / "SegmentationClass" / f"{name}.png"


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
