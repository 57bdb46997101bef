"""Picture files without their metadata: the format, the bytes that make the pixels, and the EXIF orientation.

Metadata is often broken: EXIF values of wrong types, truncated colour profiles, megabytes of text. The decoders never
see it, so they cannot fail on it, and no decoder turns a picture on its own.
"""
from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_MAGIC = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"),
          (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"), (b"GIF8", "GIF"), (b"BM", "BMP"), (b"P1", "PPM"), (b"P2", "PPM"),
          (b"P3", "PPM"), (b"P4", "PPM"), (b"P5", "PPM"), (b"P6", "PPM"), (b"\xff\x4f\xff\x51", "JPEG2000"),
          (b"\0\0\0\x0cjP  ", "JPEG2000"))
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"}  # of the ISO container; the other brands of phones are HEIC
ORIENTATION = 0x112
# The TIFF tags that a decoder needs for the pixels; the orientation is left out, because this package applies it.
_TIFF_PIXELS = {254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332,
                338, 339, 347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532}


class Container(NamedTuple):
    """A picture file.

    Attributes:
        kind: Pillow's name of the format, found by the first bytes; "" for an unknown format.
        orientation: of EXIF, 1 (upright) to 8; 1 if it is missing or invalid.
        pixels: the file without its metadata.
    """

    kind: str
    orientation: int
    pixels: bytes


def open_container(content: bytes) -> Container:
    """Return the parts of a picture file. A damaged file raises no error here: it stays as it is for the decoder."""
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
    """Remove the application segments (APPn) and the comments before the first scan.

    JFIF's and Adobe's segments stay, because they tell how the colours are stored. Without its list of further
    pictures, an MPO file becomes the JPEG of its first picture.
    """
    kept, orientation, at = [content[:2]], 1, 2
    while (at := content.find(b"\xff", at)) >= 0 and at + 4 <= len(content):
        marker = content[at + 1]
        if marker == 0xFF:  # padding
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
    """Keep the critical chunks, whose names begin with a capital letter. Transparency is not one of them."""
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
        if name == b"VP8X" and at + 8 < len(content):  # clear its flags of ICC, EXIF and XMP, which are removed
            kept.append(content[at:at + 8] + bytes([content[at + 8] & ~0x2C]) + content[at + 9:end])
        elif name not in (b"EXIF", b"XMP ", b"ICCP"):
            kept.append(content[at:end])
        at = end
    if len(content) < 8 + int.from_bytes(content[4:8], "little"):  # truncated: a new size would hide that
        return content, orientation
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body, orientation


def _split_tiff(content: bytes) -> tuple[bytes, int]:
    """Keep the pixel entries of the first picture's directory, and remove the link to further pictures."""
    directory = _directory(content)
    if directory is None or not directory.complete:
        return content, 1
    start, order, count, offset, entries, _ = directory
    kept = [entry for entry in entries if struct.unpack_from(f"{order}H", entry)[0] in _TIFF_PIXELS]
    changed = struct.pack(f"{order}{count}", len(kept)) + b"".join(kept) + bytes(struct.calcsize(f"{order}{offset}"))
    return content[:start] + changed + content[start + len(changed):], _orientation(content)


class _Directory(NamedTuple):
    """The first directory of a TIFF: its start, the ``struct`` codes of its byte order, count and offset, and its
    entries. ``complete`` is False if the file has fewer entries than the count."""

    start: int
    order: str
    count: str
    offset: str
    entries: list[bytes]
    complete: bool


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
    present = min(number, (len(tiff) - first) // size)
    entries = [tiff[at:at + size] for at in range(first, first + present * size, size)]
    return _Directory(start, order, count, offset, entries, present == number)


def _orientation(exif: bytes) -> int:
    """Return the orientation in EXIF data, which is a TIFF without pixels; the heading "Exif" may be missing."""
    directory = _directory(exif[6:] if exif.startswith(b"Exif\0") else exif)
    return next(_orientations(directory), 1) if directory else 1


def _orientations(directory: _Directory) -> Iterator[int]:
    """Yield the valid orientations: integers of one, two or four bytes, from 1 to 8."""
    for entry in directory.entries:
        tag, kind = struct.unpack_from(f"{directory.order}HH", entry)
        code = {1: "B", 3: "H", 4: "I"}.get(kind)
        if tag == ORIENTATION and code:
            value, = struct.unpack_from(f"{directory.order}{code}", entry, len(entry) - (8 if len(entry) == 20 else 4))
            if 1 <= value <= 8:
                yield value
