"""Pictures of a run as data URIs, made as small as the page needs."""
from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

SMALL = 120_000  # bytes: a PNG up to this stays as it is, plots are crisp and small
PAGE = 14_000_000  # bytes of all data URIs of a page
LEVELS = ((1600, 88), (1200, 78), (800, 65), (500, 50))  # longest side in pixels, quality; the first that fits is taken


@dataclass(frozen=True)
class Picture:
    """A picture on the page; ``uri`` is None where the file is missing or damaged, and ``problem`` says so."""

    file: str
    caption: str
    uri: str | None = None
    width: int = 0  # pixels, as saved
    height: int = 0
    problem: str | None = None

    @property
    def tiny(self) -> bool:
        """True for a picture of so few pixels that it should be shown enlarged, with its pixels visible."""
        return 0 < max(self.width, self.height) <= 128

    @property
    def shown_width(self) -> int:
        """Width on the page: tiny ones whole times enlarged, plots (144 dpi) so that their text is of reading size."""
        if self.tiny:
            return self.width * max(1, 224 // max(self.width, self.height))
        return self.width if self.width < 400 else round(self.width * 96 / 144)


def embed(wanted: Sequence[tuple[Path, str]], limit: int = PAGE) -> list[Picture]:
    """Return the pictures (path, caption) ready for a page that stays under ``limit`` bytes.

    Large photographs become lossy, at the highest quality of ``LEVELS`` that fits.
    """
    for level in LEVELS:
        pictures = [_embed_one(path, caption, *level) for path, caption in wanted]
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
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:  # Pillow's ways to say damaged
        return Picture(path.name, caption, problem=f"the file cannot be read ({' '.join(str(error).split())})")


def _shrunk(image: Image.Image, side: int, quality: int) -> tuple[bytes, str]:
    small, buffer = image.convert("RGB"), io.BytesIO()
    small.thumbnail((side, side))
    small.save(buffer, "WEBP", quality=quality)
    return buffer.getvalue(), "image/webp"
