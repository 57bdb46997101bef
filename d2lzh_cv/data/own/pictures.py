"""Pictures for packing: complete and upright, with the same pixels as in training and prediction."""
from __future__ import annotations

from pathlib import Path

from PIL import Image

from ...errors import InputError
from ..pixels import check_picture_bytes, for_records, read_file, read_pixels


class Unfit(Exception):
    """The reason why a picture cannot be packed."""


def look(path: Path, claimed: tuple[int, int] | None = None) -> tuple[tuple[int, int], bool]:
    """Read the picture to its end and return ((width, height), whether it has to be turned upright). Raises Unfit.

    A camera may store a picture on its side, with an EXIF orientation that MXNet ignores. It is turned, unless the
    annotation's size ``claimed`` is the stored size.
    """
    try:
        header = check_picture_bytes(read_file(path), path)
    except InputError as error:
        raise Unfit(str(error).replace(f"{path} ", "", 1)) from error
    size = header.stored if claimed == header.stored else header.upright
    if claimed and claimed != size:
        raise Unfit(f"has {size[0]}×{size[1]} pixels, its annotation is for {claimed[0]}×{claimed[1]}")
    return size, header.orientation > 1 and size == header.upright


def content_of(path: Path, turn: bool) -> bytes:
    """Return the picture's file for a record, see :func:`d2lzh_cv.data.pixels.for_records`."""
    return for_records(read_file(path), path, upright=turn)


def write_jpeg(path: Path, turn: bool, target: Path) -> None:
    """Write the picture as JPEG: a copy if it is a JPEG that need not be turned, else a newly encoded file."""
    own = b"" if turn else content_of(path, turn)
    if own.startswith(b"\xff\xd8"):
        target.write_bytes(own)
    else:
        Image.fromarray(read_pixels(path, upright=turn)).save(target, "JPEG", quality=95)
