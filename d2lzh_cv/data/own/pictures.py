"""A picture as it will be packed: whole, upright, and the same pixels that training and prediction see."""
from __future__ import annotations

from pathlib import Path

from PIL import Image

from ...errors import InputError
from ..pixels import check_picture_bytes, for_records, read_file, read_pixels


class Unfit(Exception):
    """Why a picture cannot be taken."""


def look(path: Path, claimed: tuple[int, int] | None = None) -> tuple[tuple[int, int], bool]:
    """Return ((width, height), whether it has to be turned upright), after reading the picture to its end.

    A camera may store a picture on its side, with a note in its EXIF that MXNet does not read. It is turned, unless
    only the size as stored is the ``claimed`` one of its annotation. Raises Unfit.
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
    """What of the picture goes into a record: its own file without metadata where MXNet reads that right, else its
    pixels as PNG."""
    return for_records(read_file(path), path, upright=turn)


def write_jpeg(path: Path, turn: bool, target: Path) -> None:
    """Write the picture as JPEG: its own file where it is one and stands as it is to be, else saved anew."""
    own = b"" if turn else content_of(path, turn)
    if own.startswith(b"\xff\xd8"):
        target.write_bytes(own)
    else:
        Image.fromarray(read_pixels(path, upright=turn)).save(target, "JPEG", quality=95)
