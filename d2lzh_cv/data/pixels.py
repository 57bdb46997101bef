"""Picture files to pixels, in the same way for training, prediction, checks and drawing.

The pixels are equal to those of MXNet's decoder: the upper 8 of 16 bits, the colour of transparent pixels, the colours
of a palette, and OpenCV's conversion of CMYK. A faster decoder is used where it gives the same bits, and other decoders
for formats that MXNet cannot read (WebP, some TIFF, GIF, ...). A file of several pictures gives the first. The picture
is turned upright by its EXIF orientation; other metadata is ignored.
"""
from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import mxnet as mx
import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile, get_sampling
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ..errors import InputError
from .containers import Container, open_container

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm", ".pbm")
LARGEST = 1 << 28  # pixels: more than any camera takes; 0.8 GB as RGB
LONGEST = 1 << 20  # pixels per side: OpenCV's own limit
HEAD = 1 << 17  # bytes of a file that nearly always hold its size and EXIF
ON_ITS_SIDE = (5, 6, 7, 8)  # EXIF orientations that exchange width and height
# Pillow's readers find out whether a file is truncated; MXNet and OpenCV fill the missing pixels with grey silently.
_READERS = {"JPEG": JpegImageFile, "PNG": PngImageFile, "BMP": BmpImageFile, "TIFF": TiffImageFile,
            "WEBP": WebPImageFile, "GIF": GifImageFile, "PPM": PpmImageFile, "JPEG2000": Jpeg2KImageFile}
_USUAL = (0, 1, 2)  # get_sampling's 4:4:4, 4:2:2 and 4:2:0


if hasattr(cv2, "setLogLevel"):  # the oldest supported releases lack it
    cv2.setLogLevel(0)  # a file that OpenCV cannot decode raises an error here; OpenCV would print more lines


class Header(NamedTuple):
    """A picture's (width, height) as stored, and its EXIF orientation."""

    stored: tuple[int, int]
    orientation: int

    @property
    def upright(self) -> tuple[int, int]:
        """The (width, height) of the upright picture."""
        return self.stored[::-1] if self.orientation in ON_ITS_SIDE else self.stored


def read_file(path: str | Path, size: int = -1) -> bytes:
    """Return the file's first ``size`` bytes, by default all. Raises InputError naming ``path``.

    Python opens file names of any bytes; MXNet opens only names in UTF-8.
    """
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError as error:
        raise InputError(f"cannot read picture {path}: {error.strerror}; put the file there") from error


def read_picture(path: str | Path, flag: int = 1) -> mx.nd.NDArray:
    """Return the upright picture as uint8 NDArray. It differs from mxnet.image.imread only by the EXIF orientation.

    Args:
        path: the picture's file.
        flag: 1 for RGB (H, W, 3), 0 for grey (H, W, 1).

    Raises InputError naming ``path`` if it is missing, truncated, too large, or not a readable picture.
    """
    return mx.nd.array(read_pixels(path, flag=flag), dtype="uint8")


def read_pixels(path: str | Path, upright: bool = True, flag: int = 1) -> np.ndarray:
    """Return the pixels of :func:`read_picture` in NumPy; without ``upright``, the EXIF orientation is ignored."""
    content = read_file(path)
    container = open_container(content)
    pixels = _decode_usual_jpeg(container, path) if flag else None
    if pixels is None:
        _check(container, path)
        pixels = _decode(container, path, flag)
    return turned(pixels, container.orientation if upright else 1)


def decode(content: bytes, name: str | Path, upright: bool = True) -> np.ndarray:
    """Return the pixels (H, W, 3) of a file that has been checked; this is faster than :func:`read_pixels`."""
    container = open_container(content)
    pixels = _decode_usual_jpeg(container, name)
    if pixels is None:
        pixels = _decode(container, name, 1)
    return turned(pixels, container.orientation if upright else 1)


def read_indices(path: str | Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the upright palette indices (H, W) and colours (256, 3), uint8, or None for a picture without a palette.

    Raises InputError naming ``path`` if it is missing, truncated or not a picture.
    """
    container = open_container(read_file(path))
    picture = _loaded(container, path)
    if picture.mode != "P":
        return None
    indices, palette = np.asarray(picture), np.array(picture.getpalette(), np.uint8).reshape(-1, 3)
    colors = np.zeros((256, 3), np.uint8)
    colors[:len(palette)] = palette
    return turned(indices, container.orientation), colors


def open_mask(path: str | Path) -> Image.Image:
    """Return a mask as Pillow reads it, with its mode, palette and indices, but without its metadata.

    Raises InputError naming ``path`` if it is missing, truncated or not a picture.
    """
    return _loaded(open_container(read_file(path)), path)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn the pixels (H, W, ...), stored in an EXIF orientation from 1 to 8, upright."""
    if orientation in ON_ITS_SIDE:
        pixels = pixels.swapaxes(0, 1)
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[::-1 if flip_rows else 1, ::-1 if flip_columns else 1])


def check_picture(path: str | Path) -> bytes:
    """Return the file's bytes. Raises InputError naming ``path`` if it is not a complete picture."""
    content = read_file(path)
    check_picture_bytes(content, path)
    return content


def check_picture_bytes(content: bytes, name: str | Path) -> Header:
    """Return the header of the picture ``content``. Raises InputError calling it ``name`` if it is not complete."""
    container = open_container(content)
    size = _check(container, name)
    if container.kind not in ("JPEG", "PNG"):  # Pillow reads some files, such as TIFF, that OpenCV cannot read
        _decode(container, name, 1)
    return Header(size, container.orientation)


def read_header(path: str | Path) -> Header:
    """Return the picture's header; its pixels are not read.

    Raises InputError naming ``path`` if it is missing or not a readable picture.
    """
    head = read_file(path, HEAD)
    if len(head) == HEAD and not _has_header(head):
        head = read_file(path)
    container = open_container(head)
    return Header(_open(container, path).size, container.orientation)


def _has_header(head: bytes) -> bool:
    """Return whether size and EXIF are in ``head``; only a JPEG always has both before its pixels."""
    container = open_container(head)
    try:
        return container.kind == "JPEG" and _open(container, "").size is not None
    except InputError:
        return False


def for_records(content: bytes, name: str | Path, upright: bool = True) -> bytes:
    """Return a file from which MXNet's decoder, which ignores EXIF, gets the same pixels as ``decode`` gives.

    It is ``content`` without metadata, if MXNet decodes that correctly. Else it is a lossless PNG: for a picture that
    has to be turned, and for a format that MXNet cannot read.
    """
    container = open_container(content)
    if container.orientation > 1 and upright:
        return to_png(decode(content, name))
    if _is_usual_jpeg(_open(container, name)):
        return container.pixels
    pixels = _decode(container, name, 1)
    return container.pixels if _decodes_to(container.pixels, pixels) else to_png(pixels)


def to_png(pixels: np.ndarray) -> bytes:
    """Return RGB pixels (H, W, 3) uint8 as the bytes of a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


def _open(container: Container, name: str | Path) -> Image.Image:
    """Open the picture with Pillow, which reads only the header, and check its size."""
    reader = _READERS.get(container.kind)
    if container.kind and reader is None:
        raise InputError(f"{name} is {container.kind}, which is not supported; save it as JPEG or PNG")
    if reader is None:
        raise InputError(f"{name} is not a whole picture of a known format (JPEG, PNG, TIFF, BMP, WebP, GIF); replace "
                         "or remove it")
    with _errors_name(name):
        picture = reader(io.BytesIO(container.pixels))
    width, height = picture.size
    if width < 1 or height < 1:
        raise InputError(f"{name} is empty: it has {width}×{height} pixels; replace or remove it")
    if width * height > LARGEST or max(width, height) > LONGEST:
        raise InputError(f"{name} has {width}×{height} pixels, too many: the limit is {LARGEST:,}, and {LONGEST:,} per "
                         "side; make it smaller")
    if picture.mode in ("F", "I") and container.kind == "TIFF":
        raise InputError(f"{name} has 32-bit or signed pixels; save it with 8 or 16 bits per channel")
    return picture


def _loaded(container: Container, name: str | Path) -> Image.Image:
    picture = _open(container, name)
    with _errors_name(name):
        picture.load()
    return picture


def _check(container: Container, name: str | Path) -> tuple[int, int]:
    """Read the picture to its end and return its (width, height)."""
    picture = _open(container, name)
    size = picture.size
    with _errors_name(name):
        picture.draft(picture.mode, (1, 1))  # saves time: a JPEG is read to its end, but at an eighth of its size
        picture.load()
    return size


@contextmanager
def _errors_name(name: str | Path) -> Iterator[None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MemoryError as error:
        raise InputError(f"{name} is too large for the memory here; make it smaller") from error
    except Exception as error:  # Pillow's readers raise many kinds of errors
        reason = "truncated" if "truncated" in str(error).lower() else "damaged or of another format"
        raise InputError(f"{name} is not a whole picture ({reason}); replace or remove it") from error


def _is_usual_jpeg(picture: Image.Image) -> bool:
    """Return whether Pillow and MXNet decode the JPEG to the same bits; else they upsample its colours differently."""
    return isinstance(picture, JpegImageFile) and picture.mode == "RGB" and get_sampling(picture) in _USUAL


def _decode_usual_jpeg(container: Container, name: str | Path) -> np.ndarray | None:
    """Check and decode a usual JPEG in one pass by Pillow, to (H, W, 3); return None for any other file."""
    if container.kind != "JPEG":
        return None
    picture = _open(container, name)
    if not _is_usual_jpeg(picture):
        return None
    with _errors_name(name):
        return np.asarray(picture)


def _decode(container: Container, name: str | Path, flag: int) -> np.ndarray:
    if container.kind == "GIF":
        with _errors_name(name):
            pixels = np.asarray(_open(container, name).convert("RGB"))
        return pixels if flag else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[:, :, None]
    try:
        if container.kind == "JPEG":
            return mx.image.imdecode(container.pixels, flag=flag).asnumpy()
        return _by_opencv(container.pixels, flag)
    except (mx.base.MXNetError, cv2.error) as error:
        raise InputError(f"{name} is a picture that neither MXNet nor OpenCV can decode; save it as JPEG or PNG"
                         ) from error


def _by_opencv(content: bytes, flag: int) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR if flag else cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise cv2.error("nothing decoded")  # the error that OpenCV raises in other cases
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if flag else pixels[:, :, None]


def _decodes_to(content: bytes, pixels: np.ndarray) -> bool:
    """Return whether MXNet's decoder gives ``pixels``."""
    try:
        return np.array_equal(mx.image.imdecode(content).asnumpy(), pixels)
    except mx.base.MXNetError:
        return False
