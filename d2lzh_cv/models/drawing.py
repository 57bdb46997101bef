"""Predictions drawn on a picture pixel by pixel, with names in any script for which a font is installed."""
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..data.voc import VOC_COLORMAP
from ..fonts import font_of

COLORS = ((230, 25, 75), (0, 110, 230), (30, 150, 60), (245, 130, 48), (145, 30, 180), (0, 140, 140), (200, 0, 160),
          (128, 90, 0), (90, 90, 90), (120, 150, 0))


def boxes(picture: Image.Image, found: Sequence[dict[str, Any]], classes: Sequence[str]) -> Image.Image:
    """Draw a box and a label for each of ``found``: class, score, box (xmin, ymin, xmax, ymax) in pixels."""
    drawn = picture.copy()
    pen, width = ImageDraw.Draw(drawn), max(1, round(min(picture.size) / 150))
    for item in reversed(found):  # draws the best on top
        color = COLORS[classes.index(item["class"]) % len(COLORS)]
        xmin, ymin, xmax, ymax = item["box"]
        pen.rectangle((xmin, ymin, max(xmin, xmax - 1), max(ymin, ymax - 1)), outline=color, width=width)
        _label(pen, (xmin, ymin), f"{item['class']} {item['score']:.2f}", color, picture.size)
    return drawn


def classes(picture: Image.Image, mask: np.ndarray, names: Sequence[str], opacity: float = 0.6) -> Image.Image:
    """Blend each pixel's class into the picture in VOC's colours, with names; the background stays unchanged.

    Args:
        picture: the picture, (W, H) pixels.
        mask: the class of each pixel, (H, W).
        names: of the classes, by number.
        opacity: the colours' share of the result, 0 to 1.
    """
    pixels = np.asarray(picture).astype(np.float32)
    colors = np.array(VOC_COLORMAP, np.float32)[mask % len(VOC_COLORMAP)]
    mixed = np.where((mask > 0)[:, :, None], (1 - opacity) * pixels + opacity * colors, pixels)
    drawn = Image.fromarray(mixed.round().astype(np.uint8))
    pen, top = ImageDraw.Draw(drawn), 0
    for i in np.unique(mask[mask > 0]).tolist():
        top = _label(pen, (0, top), names[i], tuple(VOC_COLORMAP[i % len(VOC_COLORMAP)]), picture.size, above=False)
    return drawn


def caption(picture: Image.Image, text: str) -> Image.Image:
    """Return the picture with ``text`` in a strip below it."""
    font = _font(_points((max(picture.width, 160), picture.height)), text)
    lines = text.split("; ")
    left, top, right, bottom = font.getbbox("Ág")
    height = round((bottom - top) * 1.3)
    width = max([picture.width, *(round(font.getlength(line)) + 4 for line in lines)])
    drawn = Image.new("RGB", (width, picture.height + height * len(lines) + 4), "white")
    drawn.paste(picture, (0, 0))
    for i, line in enumerate(lines):
        ImageDraw.Draw(drawn).text((2, picture.height + 2 + i * height - top // 2), line, fill="black", font=font)
    return drawn


def _label(pen: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, color: tuple[int, ...],
           size: tuple[int, int], above: bool = True) -> int:
    """Write ``text`` on its colour at the upper left corner of a box, inside the picture; return the y below it."""
    font = _font(_points(size), text)
    left, top, right, bottom = font.getbbox(text)
    width, height = right - left + 4, bottom - top + 4
    x = max(0, min(corner[0], size[0] - width))
    y = corner[1] - height if above and corner[1] >= height else corner[1]
    pen.rectangle((x, y, x + width, y + height), fill=color)
    pen.text((x + 2 - left, y + 2 - top), text, fill="black" if sum(color) > 450 else "white", font=font)
    return y + height + 1


def _points(size: tuple[int, int]) -> int:
    return max(9, round(min(size) / 28))


def _font(points: int, text: str) -> ImageFont.FreeTypeFont:
    return _loaded(str(font_of(text)), points)


@lru_cache(maxsize=32)
def _loaded(path: str, points: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, points)
