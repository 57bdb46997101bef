"""Pictures as people have them: every depth, palette, transparency, turn and broken note; written by hand or Pillow."""
from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

HEIGHT, WIDTH = 30, 44
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
COLORS = np.dstack([COLUMNS * 5, ROWS * 8, (ROWS + COLUMNS) * 3]).astype(np.uint8)  # no two corners alike
COLORS[3:12, 4:18] = (220, 30, 30)
GREY = COLORS[:, :, 1]
DEEP = GREY.astype(np.uint16) * 256 + COLUMNS.astype(np.uint16)  # 16 bits whose upper 8 are GREY
ALPHA = (COLUMNS * 5).astype(np.uint8)
FEW = (COLORS // 100 * 100).astype(np.uint8)  # colours that a palette holds
BLACK_OR_WHITE = np.where(GREY > 100, 255, 0).astype(np.uint8)


def grey(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[:, :, None], 3, axis=2)


def encoded(picture: Image.Image | np.ndarray, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


def by_opencv(suffix: str, pixels: np.ndarray, *options: int) -> bytes:
    """Pixels (H, W) or (H, W, 3 or 4) of any depth; Pillow has no 16 bits of colour."""
    order = [2, 1, 0, 3][:pixels.shape[2]] if pixels.ndim == 3 else slice(None)
    return cv2.imencode(suffix, pixels[:, :, order] if pixels.ndim == 3 else pixels, options)[1].tobytes()


def palette(**options) -> bytes:
    return encoded(Image.fromarray(FEW).quantize(256, dither=Image.Dither.NONE), "PNG", **options)


def with_alpha(pixels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(pixels)
    picture.putalpha(Image.fromarray(ALPHA))
    return picture


DEEP_COLORS = COLORS.astype(np.uint16) * 257
# name: the file, and the pixels it is to be read as; none loses anything, so these are known to the bit
LOSSLESS = {
    "grey of 16 bits.png": (by_opencv(".png", DEEP), grey(GREY)),
    "grey of 16 bits.tif": (by_opencv(".tif", DEEP), grey(GREY)),
    "colours of 16 bits.png": (by_opencv(".png", DEEP_COLORS), COLORS),
    "colours of 16 bits.tif": (by_opencv(".tif", DEEP_COLORS), COLORS),
    "16 bits and alpha.png": (by_opencv(".png", np.dstack([DEEP_COLORS, DEEP])), COLORS),
    "palette.png": (palette(), FEW),
    "palette with one transparent.png": (palette(transparency=1), FEW),
    "palette with many transparent.png": (palette(transparency=bytes(range(0, 250, 10))), FEW),
    "alpha.png": (encoded(with_alpha(COLORS), "PNG"), COLORS),
    "grey and alpha.png": (encoded(with_alpha(GREY), "PNG"), grey(GREY)),
    "transparent colour.png": (encoded(COLORS, "PNG", transparency=(220, 30, 30)), COLORS),
    "one bit.png": (encoded(Image.fromarray(BLACK_OR_WHITE).convert("1"), "PNG"), grey(BLACK_OR_WHITE)),
    "one bit.tif": (encoded(Image.fromarray(BLACK_OR_WHITE).convert("1"), "TIFF"), grey(BLACK_OR_WHITE)),
    "plain.png": (encoded(COLORS, "PNG"), COLORS),
    "plain.bmp": (encoded(COLORS, "BMP"), COLORS),
    "plain.tif": (encoded(COLORS, "TIFF"), COLORS),
    "lzw.tif": (encoded(COLORS, "TIFF", compression="tiff_lzw"), COLORS),
    "deflated.tif": (encoded(COLORS, "TIFF", compression="tiff_deflate"), COLORS),
    "two pages.tif": (encoded(COLORS, "TIFF", save_all=True, append_images=[Image.new("RGB", (5, 5))]), COLORS),
    "plain.webp": (encoded(COLORS, "WEBP", lossless=True), COLORS),
    "alpha.webp": (encoded(with_alpha(COLORS), "WEBP", lossless=True, exact=True), COLORS),
    "moving.webp": (encoded(COLORS, "WEBP", lossless=True, save_all=True,
                            append_images=[Image.fromarray(255 - COLORS)]), COLORS),
    "moving.png": (encoded(COLORS, "PNG", save_all=True, append_images=[Image.fromarray(255 - COLORS)]), COLORS),
    "palette.gif": (encoded(Image.fromarray(FEW).quantize(256, dither=Image.Dither.NONE), "GIF"), FEW),
    "moving.gif": (encoded(Image.fromarray(FEW).quantize(256, dither=Image.Dither.NONE), "GIF", save_all=True,
                           append_images=[Image.new("P", (WIDTH, HEIGHT))]), FEW),
    "traffic sign.ppm": (encoded(COLORS, "PPM"), COLORS),
}
_JPEG = encoded(COLORS, "JPEG", quality=95)
# name: a file that MXNet reads as it is; its colours are those of its own decoder
JPEGS = {
    "plain.jpg": _JPEG,
    "grey.jpg": encoded(GREY, "JPEG", quality=95),
    "progressive.jpg": encoded(COLORS, "JPEG", progressive=True),
    "cmyk.jpg": encoded(Image.fromarray(COLORS).convert("CMYK"), "JPEG", quality=95),
    "whole colours.jpg": encoded(COLORS, "JPEG", subsampling=0),
    "colours of half the rows.jpg": by_opencv(".jpg", COLORS, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
                                              cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440),
    "colours of a quarter.jpg": by_opencv(".jpg", COLORS, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
                                          cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411),
    "of a phone.jpg": encoded(COLORS, "MPO", save_all=True, append_images=[Image.new("RGB", (9, 9))]),
}


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# Notes beside the pixels

def directory(*entries: tuple[int, int, int, bytes], order: str = "<", after: bytes = b"") -> bytes:
    """TIFF's list of (tag, type, count, four bytes of value), which EXIF is too."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(entries))
    return head + b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries) + bytes(4) + after


def turn(orientation: int, order: str = "<") -> bytes:
    """EXIF that says in which of the eight ways a picture is stored."""
    return directory((0x112, 3, 1, struct.pack(f"{order}HH", orientation, 0)), order=order)


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*segments: bytes, of: bytes = _JPEG) -> bytes:
    return of[:2] + b"".join(segments) + of[2:]


def jpeg_without_list(content: bytes) -> bytes:
    """An MPO without its list of pictures, the only segment of this kind."""
    at = content.index(b"\xff\xe2")
    return content[:at] + content[at + 2 + struct.unpack(">H", content[at + 2:at + 4])[0]:]


def exif(content: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + content)


def chunk(name: bytes, body: bytes, crc: int | None = None) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) if crc is None
                                                                    else crc)


def png(*chunks: bytes, after: bytes = b"", of: bytes = LOSSLESS["plain.png"][0]) -> bytes:
    """With chunks between its head and its pixels, and ``after`` them."""
    return of[:33] + b"".join(chunks) + of[33:-12] + after + of[-12:]


def turned_file(suffix: str, orientation: int) -> bytes:
    """COLORS as they are, and a note that they are stored in this orientation."""
    if suffix == ".jpg":
        return jpeg(exif(turn(orientation, "<>"[orientation % 2])))
    if suffix == "cmyk.jpg":
        return jpeg(exif(turn(orientation)), of=JPEGS["cmyk.jpg"])
    if suffix == ".png":
        return png(after=chunk(b"eXIf", turn(orientation, ">")))
    if suffix == ".webp":
        return encoded(COLORS, "WEBP", lossless=True, exif=turn(orientation))
    return encoded(COLORS, "TIFF", tiffinfo={0x112: orientation})


LONG = zlib.compress(bytes(70_000_000))
GPS_AS_TEXT = directory((0x112, 3, 1, b"\6\0\0\0"), (0x8825, 4, 1, struct.pack("<I", 38)),
                        after=struct.pack("<HHHII", 1, 31, 2, 5, 56) + bytes(4) + b"65/1\0")
RATIONAL_BY_ZERO = directory((0x112, 3, 1, b"\6\0\0\0"), (0x11A, 5, 1, struct.pack("<I", 38)), after=bytes(8))
# name: (a picture whose pixels are whole, the orientation that can still be read)
BROKEN_NOTES = {
    "GPS of another type.jpg": (jpeg(exif(GPS_AS_TEXT)), 6),
    "resolution by zero.jpg": (jpeg(exif(RATIONAL_BY_ZERO)), 6),
    "EXIF of junk.jpg": (jpeg(exif(b"junk and more")), 1),
    "EXIF cut off.jpg": (jpeg(exif(b"II*\0\x08")), 1),
    "EXIF that points away.jpg": (jpeg(exif(b"II*\0\xff\xff\xff\xff")), 1),
    "EXIF that counts too far.jpg": (jpeg(exif(b"II*\0\x08\0\0\0\xff\xff\x12\1\3\0\1\0\0\0\x08\0\0\0")), 8),
    "orientation as text.jpg": (jpeg(exif(directory((0x112, 2, 2, b"6\0\0\0")))), 1),
    "orientation 0.jpg": (jpeg(exif(turn(0))), 1),
    "orientation 77.jpg": (jpeg(exif(turn(77))), 1),
    "profile cut off.jpg": (jpeg(segment(0xE2, b"ICC_PROFILE\0")), 1),
    "profile of five parts.jpg": (jpeg(segment(0xE2, b"ICC_PROFILE\0\5\1x")), 1),
    "list of pictures cut off.jpg": (jpeg(segment(0xE2, b"MPF\0II*\0\x08\0\0\0\x01\0\0\xb0\x07\0\4\0\0\0")), 1),
    "JFIF cut off.jpg": (jpeg(segment(0xE0, b"JFIF\0")), 1),
    "Adobe cut off.jpg": (jpeg(segment(0xEE, b"Adobe")), 1),
    "Photoshop cut off.jpg": (jpeg(segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x02ab")), 1),
    "XMP of junk.jpg": (jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<<<&&&")), 1),
    "comments of a megabyte.jpg": (jpeg(*[segment(0xFE, b"\xff\xd9" * 30000)] * 20), 1),
    "a film behind it.jpg": (_JPEG + b"ftypmp42" * 1000, 1),
    "text that unpacks to 70 MB.png": (png(chunk(b"zTXt", b"k\0\0" + LONG)), 1),
    "text of the world that does.png": (png(chunk(b"iTXt", b"k\0\1\0\0\0" + LONG)), 1),
    "such a text at its end.png": (png(after=chunk(b"zTXt", b"k\0\0" + LONG)), 1),
    "such a profile.png": (png(chunk(b"iCCP", b"p\0\0" + LONG)), 1),
    "profile of another packing.png": (png(chunk(b"iCCP", b"p\0\7x")), 1),
    "text of another packing.png": (png(chunk(b"zTXt", b"k\0\7x")), 1),
    "text with a wrong sum.png": (png(chunk(b"tEXt", b"k\0v", crc=1)), 1),
    "EXIF of junk.png": (png(chunk(b"eXIf", b"junk")), 1),
    "GPS of another type.png": (png(chunk(b"eXIf", GPS_AS_TEXT)), 6),
    "chunks without content.png": (png(*(chunk(name, b"") for name in (b"pHYs", b"gAMA", b"cHRM", b"sRGB"))), 1),
    "a film of no frames.png": (png(chunk(b"acTL", bytes(8))), 1),
    "a frame cut off.png": (png(chunk(b"fcTL", bytes(3))), 1),
    "transparency cut off.png": (png(chunk(b"tRNS", b"\0")), 1),
    "brightness to another power.png": (png(chunk(b"gAMA", struct.pack(">I", 10000))), 1),
    "EXIF of junk.webp": (encoded(COLORS, "WEBP", lossless=True, exif=b"Exif\0\0junk"), 1),
    "GPS of another type.webp": (encoded(COLORS, "WEBP", lossless=True, exif=GPS_AS_TEXT), 6),
    "profile of junk.webp": (encoded(COLORS, "WEBP", lossless=True, icc_profile=b"junk" * 30), 1),
    "tags of no type.tif": (encoded(COLORS, "TIFF", software="x" * 20, tiffinfo={0x112: 6}).replace(
        struct.pack("<HH", 305, 2), struct.pack("<HH", 305, 99)), 6),
}
