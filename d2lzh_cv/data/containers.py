"""The file of a picture, taken apart: which format, which of its bytes make the pixels, which turn its EXIF asks for.

Metadata is what breaks in a picture that phones, editors and converters have passed around: EXIF of wrong types, colour
profiles cut short, text of many megabytes. No decoder gets to see it; none can stop at it, or turn by it on its own.
"""
from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_MAGIC = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"),
          (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"), (b"GIF8", "GIF"), (b"BM", "BMP"), (b"P1", "PPM"), (b"P2", "PPM"),
          (b"P3", "PPM"), (b"P4", "PPM"), (b"P5", "PPM"), (b"P6", "PPM"), (b"\xff\x4f\xff\x51", "JPEG2000"),
          (b"\0\0\0\x0cjP  ", "JPEG2000"))
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"}  # of the ISO container; all others that phones write are HEIC
ORIENTATION = 0x112
# The tags of TIFF without which the pixels cannot be read; the turn is not among them: it is done here.
_TIFF_PIXELS = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332,
                338, 339, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532}


class Container(NamedTuple):
    """A picture's file.

    Attributes:
        kind: the format by its first bytes, as Pillow names it; "" for none that is known.
        orientation: EXIF's, 1 (upright) to 8; 1 where there is none or it is none of these.
        pixels: the file without its metadata.
    """

    kind: str
    orientation: int
    pixels: bytes


def open_container(content: bytes) -> Container:
    """Take a file apart. Nothing is raised: what cannot be taken apart stays as it is, for the decoder to judge."""
    kind = _kind(content)
    split = {"JPEG": _split_jpeg, "PNG": _split_png, "WEBP": _split_webp, "TIFF": _split_tiff}.get(kind)
    pixels, orientation = split(content) if split else (content, 1)
    return Container(kind, orientation, pixels)


def _kind(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "HEIC" if content[8:10] in (b"he", b"mi") else "")
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), "")


def _split_jpeg(content: bytes) -> tuple[bytes, int]:
    """Of the segments up to the first scan all go that are for applications (APPn) or comments.

    But two, which say how the colours are stored: JFIF's and Adobe's. An MPO's note of further pictures is among those
    that go, so that what stays is the JPEG of its first.
    """
    kept, orientation, at = [content[:2]], 1, 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 4 <= len(content):
        marker = content[at + 1]
        if marker == 0xFF:  # a byte that fills
            at += 1
            continue
        end = at + 2 + int.from_bytes(content[at + 2:at + 4], "big")
        if marker == 0xDA or end > len(content):
            break
        body = content[at + 4:end]
        if marker == 0xE1 and body.startswith(b"Exif\0") and orientation == 1:
            orientation = _orientation(body[6:])
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or _says_colors(marker, body):
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[max(at, 0):]]) if at >= 0 else content, orientation


def _says_colors(marker: int, body: bytes) -> bool:
    return (marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14) or (
        marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12)


def _split_png(content: bytes) -> tuple[bytes, int]:
    """The critical chunks stay, whose names begin with a capital letter; with the others goes transparency."""
    kept, orientation, at = [content[:8]], 1, 8
    while at + 12 <= len(content):
        end, name = at + 12 + int.from_bytes(content[at:at + 4], "big"), content[at + 4:at + 8]
        if end > len(content):
            break
        if name == b"eXIf":
            orientation = _orientation(content[at + 8:end - 4])
        if name[:1].isupper():
            kept.append(content[at:end])
        at = end
        if name == b"IEND":
            return b"".join(kept), orientation
    return b"".join([*kept, content[at:]]), orientation


def _split_webp(content: bytes) -> tuple[bytes, int]:
    kept, orientation, at = [], 1, 12
    while at + 8 <= len(content):
        name, size = content[at:at + 4], int.from_bytes(content[at + 4:at + 8], "little")
        end = at + 8 + size + size % 2
        if name == b"EXIF":
            orientation = _orientation(content[at + 8:at + 8 + size])
        if name == b"VP8X" and at + 8 < len(content):  # its flags tell of ICC, EXIF and XMP, which go
            kept.append(content[at:at + 8] + bytes([content[at + 8] & ~0x2C]) + content[at + 9:end])
        elif name not in (b"EXIF", b"XMP ", b"ICCP"):
            kept.append(content[at:end])
        at = end
    if len(content) < 8 + int.from_bytes(content[4:8], "little"):  # cut off: a new size would hide it
        return content, orientation
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body, orientation


def _split_tiff(content: bytes) -> tuple[bytes, int]:
    """The first picture's directory without the entries that are not for its pixels; and no further picture."""
    directory = _directory(content)
    if directory is None or not directory.whole:
        return content, 1
    start, order, count, offset, entries, _ = directory
    kept = [entry for entry in entries if struct.unpack_from(f"{order}H", entry)[0] in _TIFF_PIXELS]
    changed = struct.pack(f"{order}{count}", len(kept)) + b"".join(kept) + bytes(struct.calcsize(f"{order}{offset}"))
    return content[:start] + changed + content[start + len(changed):], _orientation(content)


class _Directory(NamedTuple):
    """TIFF's first: where it starts, the byte order, the types of its count and offsets, its entries' bytes; and
    whether all that it counts are there."""

    start: int
    order: str
    count: str
    offset: str
    entries: list[bytes]
    whole: bool


def _directory(tiff: bytes) -> _Directory | None:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return None
    big = tiff[2:4] in (b"+\0", b"\0+")
    count, offset, size = ("Q", "Q", 20) if big else ("H", "I", 12)
    try:
        start, = struct.unpack_from(f"{order}{offset}", tiff, 8 if big else 4)
        number, = struct.unpack_from(f"{order}{count}", tiff, start)
    except struct.error:
        return None
    first = start + struct.calcsize(count)
    there = min(number, (len(tiff) - first) // size)
    entries = [tiff[at:at + size] for at in range(first, first + there * size, size)]
    return _Directory(start, order, count, offset, entries, there == number)


def _orientation(exif: bytes) -> int:
    """The orientation of a block of EXIF, which is a TIFF without pixels; with or without its own heading."""
    directory = _directory(exif[6:] if exif.startswith(b"Exif\0") else exif)
    return next(_orientations(directory), 1) if directory else 1


def _orientations(directory: _Directory) -> Iterator[int]:
    """Valid ones: whole numbers of one, two or four bytes from 1 to 8."""
    for entry in directory.entries:
        tag, kind = struct.unpack_from(f"{directory.order}HH", entry)
        code = {1: "B", 3: "H", 4: "I"}.get(kind)
        if tag == ORIENTATION and code:
            value, = struct.unpack_from(f"{directory.order}{code}", entry, len(entry) - (8 if len(entry) == 20 else 4))
            if 1 <= value <= 8:
                yield value
