"""A picture as it will be packed: whole, JPEG or PNG, and upright."""
from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageOps

from ...errors import InputError
from ..images import check_picture

FORMATS = {"JPEG", "PNG"}  # MXNet's decoder is built without WebP and GIF
_TURNED = (2, 3, 4, 5, 6, 7, 8)  # values of EXIF's orientation other than upright
_ON_ITS_SIDE = (5, 6, 7, 8)


class Unfit(Exception):
    """Why a picture cannot be taken."""


def look(path: Path, claimed: tuple[int, int] | None = None) -> tuple[tuple[int, int], bool]:
    """Return ((width, height), whether it has to be turned upright), after reading the picture to its end.

    A camera may store a picture on its side with a note that MXNet does not read. It is turned, unless only the size
    as stored is the ``claimed`` one of its annotation. Raises Unfit.
    """
    try:
        check_picture(path)
        with Image.open(path) as picture:
            kind, stored, orientation = picture.format, picture.size, picture.getexif().get(0x112)
    except InputError as error:
        raise Unfit(str(error).replace(f"{path} ", "", 1)) from error
    if kind not in FORMATS:
        raise Unfit(f"is {kind}; save it as JPEG or PNG")
    seen = stored[::-1] if orientation in _ON_ITS_SIDE else stored
    size = stored if claimed == stored else seen
    if claimed and claimed != size:
        raise Unfit(f"has {size[0]}×{size[1]} pixels, its annotation is for {claimed[0]}×{claimed[1]}")
    return size, orientation in _TURNED and size == seen


def content_of(path: Path, turn: bool) -> bytes:
    """The picture's bytes as they are or, with ``turn``, saved anew upright."""
    if not turn:
        return path.read_bytes()
    buffer = io.BytesIO()
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        upright.convert("RGB").save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def write_jpeg(path: Path, turn: bool, target: Path) -> None:
    """Write the picture as JPEG: its own bytes where it is one and stands upright."""
    with Image.open(path) as picture:
        if picture.format == "JPEG" and not turn:
            target.write_bytes(path.read_bytes())
            return
        upright = ImageOps.exif_transpose(picture) if turn else picture
        upright.convert("RGB").save(target, "JPEG", quality=95)
