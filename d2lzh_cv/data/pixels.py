"""One way from a picture's file to its pixels, for training, prediction, checks and drawing alike.

The pixels are those of MXNet's own decoder: of 16 bits the upper 8, of transparent pixels the colour, of a palette its
colours, and CMYK as OpenCV converts it. What decodes faster to the same bits is used where there is such a thing, and
what MXNet lacks (WebP, some TIFF, GIF, ...) is read too. Of several pictures in one file the first is read. The picture
is turned as its EXIF says; other metadata is not looked at.
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
HEAD = 1 << 17  # bytes of a file in which its size and EXIF nearly always stand
ON_ITS_SIDE = (5, 6, 7, 8)  # values of EXIF's orientation that exchange width and height
# Pillow's readers, which notice what is missing of a file: MXNet and OpenCV fill it with grey and say nothing.
_JUDGES = {"JPEG": JpegImageFile, "PNG": PngImageFile, "BMP": BmpImageFile, "TIFF": TiffImageFile,
           "WEBP": WebPImageFile, "GIF": GifImageFile, "PPM": PpmImageFile, "JPEG2000": Jpeg2KImageFile}
_USUAL = (0, 1, 2)  # get_sampling's 4:4:4, 4:2:2 and 4:2:0


if hasattr(cv2, "setLogLevel"):  # as it has not in the oldest releases that are allowed
    cv2.setLogLevel(0)  # what OpenCV prints of a file that it cannot decode, an error here says in one line


class Header(NamedTuple):
    """What is known of a picture without its pixels: (width, height) as they are stored, and EXIF's orientation."""

    stored: tuple[int, int]
    orientation: int

    @property
    def upright(self) -> tuple[int, int]:
        """(width, height) of the picture turned upright."""
        return self.stored[::-1] if self.orientation in ON_ITS_SIDE else self.stored


def read_file(path: str | Path, size: int = -1) -> bytes:
    """Its first ``size`` bytes, or all. Raises InputError naming ``path``.

    Python opens names of any bytes; MXNet only opens those of UTF-8.
    """
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except OSError as error:
        raise InputError(f"cannot read picture {path}: {error.strerror}; put the file there") from error


def read_picture(path: str | Path, flag: int = 1) -> mx.nd.NDArray:
    """Return the picture as uint8 RGB NDArray (H, W, 3), upright, or (H, W, 1) grey with ``flag`` 0.

    Without EXIF's orientation it is what mxnet.image.imread gives.
    Raises InputError naming ``path`` when it is missing, truncated, too large, or not a picture that can be read.
    """
    return mx.nd.array(read_pixels(path, flag=flag), dtype="uint8")


def read_pixels(path: str | Path, upright: bool = True, flag: int = 1) -> np.ndarray:
    """As read_picture, in NumPy; without ``upright`` as it is stored, whatever its EXIF says."""
    content = read_file(path)
    container = open_container(content)
    pixels = _of_usual_jpeg(container, path) if flag else None
    if pixels is None:
        _check(container, path)
        pixels = _decode(container, path, flag)
    return turned(pixels, container.orientation if upright else 1)


def decode(content: bytes, name: str | Path, upright: bool = True) -> np.ndarray:
    """The pixels (H, W, 3) of a file that has been checked; it takes less time than to check it again."""
    container = open_container(content)
    pixels = _of_usual_jpeg(container, name)
    if pixels is None:
        pixels = _decode(container, name, 1)
    return turned(pixels, container.orientation if upright else 1)


def read_indices(path: str | Path) -> tuple[np.ndarray, np.ndarray] | None:
    """The indices (H, W) of a picture with a palette, upright, and its colours (256, 3), uint8; None of any other.

    Raises InputError naming ``path`` when it is missing, truncated or not a picture.
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
    """A picture whose values are no colours, as Pillow stores them: mode, palette, indices; without its metadata.

    Raises InputError naming ``path`` when it is missing, truncated or not a picture.
    """
    return _loaded(open_container(read_file(path)), path)


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """The pixels (H, W, ...) of a picture stored in one of EXIF's eight orientations, upright."""
    if orientation in ON_ITS_SIDE:
        pixels = pixels.swapaxes(0, 1)
    down, across = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return np.ascontiguousarray(pixels[::-1 if down else 1, ::-1 if across else 1])


def check_picture(path: str | Path) -> bytes:
    """Return the file's bytes when they are one whole picture; else raise InputError naming ``path``."""
    content = read_file(path)
    check_picture_bytes(content, path)
    return content


def check_picture_bytes(content: bytes, name: str | Path) -> Header:
    """What ``content`` tells of its picture; raises InputError calling it ``name`` when it is not whole."""
    container = open_container(content)
    size = _check(container, name)
    if container.kind not in ("JPEG", "PNG"):  # there are TIFFs and the like that Pillow reads and OpenCV does not
        _decode(container, name, 1)
    return Header(size, container.orientation)


def read_header(path: str | Path) -> Header:
    """What the file's beginning tells of the picture, whose pixels are not read.

    Raises InputError naming ``path`` when it is missing or not a picture that can be read.
    """
    head = read_file(path, HEAD)
    if len(head) == HEAD and not _ends_its_header(head):
        head = read_file(path)
    container = open_container(head)
    return Header(_open(container, path).size, container.orientation)


def _ends_its_header(head: bytes) -> bool:
    """Whether size and EXIF are in ``head``; only a JPEG must have both before its pixels."""
    container = open_container(head)
    try:
        return container.kind == "JPEG" and _open(container, "").size is not None
    except InputError:
        return False


def for_records(content: bytes, name: str | Path, upright: bool = True) -> bytes:
    """A file from which MXNet's own decoder, which knows nothing of EXIF, gets the pixels that ``decode`` gives.

    It is ``content`` without its metadata, which takes nothing from the picture, wherever MXNet reads that right; else
    the pixels as PNG, which loses nothing: of what is to be turned, and of formats that MXNet lacks.
    """
    container = open_container(content)
    if container.orientation > 1 and upright:
        return to_png(decode(content, name))
    if _is_usual_jpeg(_open(container, name)):
        return container.pixels
    pixels = _decode(container, name, 1)
    return container.pixels if _gives(container.pixels, pixels) else to_png(pixels)


def to_png(pixels: np.ndarray) -> bytes:
    """Pixels (H, W, 3) as the bytes of a PNG."""
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


def _open(container: Container, name: str | Path) -> Image.Image:
    """The picture in Pillow, of which only the header has been read, after a look at its size."""
    judge = _JUDGES.get(container.kind)
    if container.kind and judge is None:
        raise InputError(f"{name} is {container.kind}, which is not read here; save it as JPEG or PNG")
    if judge is None:
        raise InputError(f"{name} is not a whole picture of a known format (JPEG, PNG, TIFF, BMP, WebP, GIF); replace "
                         "or remove it")
    with _errors_name(name):
        picture = judge(io.BytesIO(container.pixels))
    width, height = picture.size
    if width < 1 or height < 1:
        raise InputError(f"{name} has {width}×{height} pixels, none at all; replace or remove it")
    if width * height > LARGEST or max(width, height) > LONGEST:
        raise InputError(f"{name} has {width}×{height} pixels, too many: {LARGEST:,} can be read, {LONGEST:,} per "
                         "side; make it smaller")
    if picture.mode in ("F", "I") and container.kind == "TIFF":
        raise InputError(f"{name} has pixels of 32 bits or with a sign; save it with 8 or 16 bits per channel")
    return picture


def _loaded(container: Container, name: str | Path) -> Image.Image:
    picture = _open(container, name)
    with _errors_name(name):
        picture.load()
    return picture


def _check(container: Container, name: str | Path) -> tuple[int, int]:
    """(width, height) of the whole picture. Its pixels decide, not its metadata."""
    picture = _open(container, name)
    size = picture.size
    with _errors_name(name):
        picture.draft(picture.mode, (1, 1))  # a JPEG is read to its end, but only at an eighth of its size
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
    except Exception as error:  # Pillow's readers raise whatever their parsing trips over
        reason = "truncated" if "truncated" in str(error).lower() else "damaged or of another format"
        raise InputError(f"{name} is not a whole picture ({reason}); replace or remove it") from error


def _is_usual_jpeg(picture: Image.Image) -> bool:
    """Of such a JPEG Pillow and MXNet read the same bits; the colours of others they enlarge in other ways."""
    return isinstance(picture, JpegImageFile) and picture.mode == "RGB" and get_sampling(picture) in _USUAL


def _of_usual_jpeg(container: Container, name: str | Path) -> np.ndarray | None:
    """The pixels (H, W, 3) of a usual JPEG, checked and decoded in one pass by Pillow; None of any other file."""
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
        raise cv2.error("nothing decoded")  # as it raises in other cases
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if flag else pixels[:, :, None]


def _gives(content: bytes, pixels: np.ndarray) -> bool:
    """Whether MXNet's decoder makes ``pixels`` of a file."""
    try:
        return np.array_equal(mx.image.imdecode(content).asnumpy(), pixels)
    except mx.base.MXNetError:
        return False
