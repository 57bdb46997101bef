"""The pictures of a run as data URIs, compressed until the page is small enough."""
from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

SMALL = 120_000  # bytes: a smaller PNG, such as a plot, stays lossless
PAGE = 14_000_000  # bytes of all data URIs of a page
LEVELS = ((1600, 88), (1200, 78), (800, 65), (500, 50))  # longest side in pixels, quality; the first level that fits


@dataclass(frozen=True)
class Picture:
    """A picture on the page; if the file is missing or damaged, ``uri`` is None and ``problem`` says why."""

    file: str
    caption: str
    uri: str | None = None
    width: int = 0  # pixels, as saved
    height: int = 0
    problem: str | None = None

    @property
    def tiny(self) -> bool:
        """True for a picture of so few pixels that the page should enlarge it with visible pixels."""
        return 0 < max(self.width, self.height) <= 128

    @property
    def shown_width(self) -> int:
        """The width on the page in pixels: tiny pictures times a whole number, plots (144 dpi) with readable text."""
        if self.tiny:
            return self.width * max(1, 224 // max(self.width, self.height))
        return self.width if self.width < 400 else round(self.width * 96 / 144)


def embed(files: Sequence[tuple[Path, str]], limit: int = PAGE) -> list[Picture]:
    """Return the pictures of ``files``, pairs (path, caption), with at most ``limit`` bytes of data URIs.

    Large photographs are compressed, at the highest quality of ``LEVELS`` that fits.
    """
    for level in LEVELS:
        pictures = [_embed_one(path, caption, *level) for path, caption in files]
        if sum(len(picture.uri or "") for picture in pictures) <= limit:
            break
    return pictures


def _embed_one(path: Path, caption: str, side: int, quality: int) -> Picture:
    try:
        with Image.open(path) as image:
            image.load()
            data, kind = path.read_bytes(), image.get_format_mimetype()
            if len(data) > SMALL:
                data, kind = min((data, kind), _shrunk(image, side, quality), key=lambda pair: len(pair[0]))
            uri = f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
            return Picture(path.name, caption, uri, *image.size)
    except FileNotFoundError:
        return Picture(path.name, caption, problem="the file is missing")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:  # Pillow's errors for damaged files
        return Picture(path.name, caption, problem=f"the file cannot be read ({' '.join(str(error).split())})")


def _shrunk(image: Image.Image, side: int, quality: int) -> tuple[bytes, str]:
    small, buffer = image.convert("RGB"), io.BytesIO()
    small.thumbnail((side, side))
    small.save(buffer, "WEBP", quality=quality)
    return buffer.getvalue(), "image/webp"
