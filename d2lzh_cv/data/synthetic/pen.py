"""Drawing on transparent layers in local units, shading them, and laying them on a background."""
from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Color = Sequence[float]  # red, green, blue in 0 ... 255
_CIRCLE = np.stack([f(np.linspace(0, 2 * np.pi, 49)[:-1]) for f in (np.cos, np.sin)], 1)  # (48, 2)


class Pen:
    """Draws on a transparent layer of (width, height) pixels in local units.

    ``place`` positions the local square [-1, 1] × [-1, 1] (y goes down). The pen draws ``detail`` times larger and
    reduces the layer at the end, which smooths the edges.
    """

    def __init__(self, size: tuple[int, int], detail: int = 2):
        self.detail = detail
        self.image = Image.new("RGBA", (size[0] * detail, size[1] * detail))
        self._draw = ImageDraw.Draw(self.image)
        self.place(size[0] / 2, size[1] / 2, min(size) / 2)

    def place(self, x: float, y: float, radius: float, angle: float = 0, flip: bool = False, wide: float = 1) -> Pen:
        """Put the local origin at pixel (x, y); a unit is ``radius`` pixels, turned by ``angle`` radians."""
        cos, sin = np.cos(angle), np.sin(angle)
        mirror = np.diag([-wide if flip else wide, 1])
        self._matrix = radius * self.detail * (np.array([[cos, -sin], [sin, cos]]) @ mirror)
        self._origin = np.array([x, y]) * self.detail
        self._unit = radius * self.detail
        return self

    def polygon(self, points, fill: Color) -> None:
        """Fill the polygon with corners ``points`` (N, 2)."""
        self._draw.polygon(self._pixels(points).ravel().tolist(), fill=paint(fill))

    def smooth(self, points, fill: Color) -> None:
        """Fill the closed curve through ``points`` (N, 2)."""
        self.polygon(curve(points, closed=True), fill)

    def ellipse(self, x: float, y: float, rx: float, ry: float, fill: Color, angle: float = 0) -> None:
        """Fill an ellipse with centre (x, y) and radii (rx, ry), turned by ``angle`` radians."""
        cos, sin = np.cos(angle), np.sin(angle)
        self.polygon(_CIRCLE * [rx, ry] @ np.array([[cos, sin], [-sin, cos]]) + [x, y], fill)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: Color) -> None:
        """Fill the rectangle from (x0, y0) to (x1, y1)."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill)

    def limb(self, points, start: float, end: float, fill: Color) -> None:
        """Draw a round-ended stroke along the curve through ``points``; its radius goes from ``start`` to ``end``."""
        path = self._pixels(curve(points, closed=False) if len(points) > 2 else points)
        radii, fill = np.linspace(start, end, len(path))[:, None] * self._unit, paint(fill)
        along = np.diff(path, axis=0)
        across = along[:, ::-1] * [-1, 1] / np.maximum(np.hypot(*along.T), 1e-6)[:, None]
        a, b, r, s = path[:-1], path[1:], radii[:-1] * across, radii[1:] * across
        for quad in np.concatenate([a + r, b + s, b - s, a - r], 1).tolist():
            self._draw.polygon(quad, fill=fill)
        for circle in np.concatenate([path - radii, path + radii], 1).tolist():
            self._draw.ellipse(circle, fill=fill)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Restrict drawing in this block to pixels that are already drawn on."""
        alpha = self.image.getchannel("A")
        yield
        self.image.putalpha(alpha)

    def layer(self) -> Image.Image:
        """Return the layer at its real size with smooth edges."""
        return self.image.reduce(self.detail)

    def _pixels(self, points) -> np.ndarray:
        return np.asarray(points, dtype=np.float64) @ self._matrix.T + self._origin


def curve(points, closed: bool, steps: int = 8) -> np.ndarray:
    """Return the Catmull-Rom curve through ``points`` (N, 2), with ``steps`` points per piece."""
    points = np.asarray(points, dtype=np.float64)
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    p = np.concatenate([ends[0], points, ends[1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    a, b, c, d = (p[i:len(p) - 3 + i, None] for i in range(4))  # each (pieces, 1, 2)
    path = (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3) / 2
    path = path.reshape(-1, 2)
    return path if closed else np.concatenate([path, points[-1:]])


def paint(color: Color) -> tuple[int, int, int, int]:
    """Return ``color`` for Pillow: opaque, cut to 0 ... 255."""
    r, g, b = (int(min(max(c, 0), 255)) for c in color)
    return r, g, b, 255


def mix(a: Color, b: Color, t: float) -> tuple[float, ...]:
    """Return the colour ``t`` of the way from ``a`` to ``b``; mix(a, black, .2) darkens by a fifth."""
    return tuple(x + (y - x) * t for x, y in zip(a, b))


def vary(rng: np.random.Generator, color: Color, amount: float = 18) -> tuple[float, ...]:
    """Return ``color`` with brightness and each channel changed at random by about ``amount``."""
    change = rng.uniform(-amount, amount) + rng.uniform(-amount, amount, 3) / 2
    return tuple(np.clip(np.asarray(color) + change, 0, 255))


def shade(layer: Image.Image, rng: np.random.Generator, depth: float = 0.9, grain: float = 0.02) -> Image.Image:
    """Give a flat drawing volume: brighter towards the light, darker away from it, with a little grain."""
    box = _padded(layer.getchannel("A").getbbox(), layer.size)
    if box is None:
        return layer
    radius = max(1.0, 0.06 * max(box[2] - box[0], box[3] - box[1]))
    part = layer.crop(box)
    alpha = np.asarray(part.getchannel("A").filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255
    down, right = np.gradient(alpha)
    light = rng.uniform(-0.5, 0.9)
    tone = 1 + depth * radius * (down * np.cos(light) + right * np.sin(light))
    tone += grain * rng.standard_normal(tone.shape, dtype=np.float32)
    rgba = np.array(part)
    rgba[..., :3] = np.clip(rgba[..., :3] * tone[..., None], 0, 255)
    result = layer.copy()
    result.paste(Image.fromarray(rgba), box[:2])
    return result


def _padded(box, size):
    """Return ``box`` with a margin of a tenth of its longer side, cut at the picture's edge; None stays None."""
    if box is None:
        return None
    more = 1 + max(box[2] - box[0], box[3] - box[1]) // 10
    return max(0, box[0] - more), max(0, box[1] - more), min(size[0], box[2] + more), min(size[1], box[3] + more)


def lay(background: Image.Image, layer: Image.Image, shadow: float = 0.35) -> Image.Image:
    """Return ``background`` with ``layer`` of the same size on it and a soft shadow of strength ``shadow``."""
    alpha = layer.getchannel("A")
    reach = max(1, round(0.015 * max(layer.size)))
    soft = alpha.filter(ImageFilter.GaussianBlur(2 * reach)).point(lambda a: int(a * shadow))
    result = background.copy()
    result.paste((10, 10, 15), (reach, 2 * reach), soft)
    result.paste(layer, (0, 0), layer)
    return result


def relight(picture: Image.Image, rng: np.random.Generator, amount: float = 0.2) -> Image.Image:
    """Change brightness, contrast and colour cast of a picture by up to ``amount``."""
    pixels = np.asarray(picture, np.float32)
    gain = 1 + rng.uniform(-amount, amount) + rng.uniform(-amount, amount, 3) / 4
    contrast = 1 + rng.uniform(-amount, amount)
    middle = pixels.mean()
    pixels = ((pixels - middle) * contrast + middle) * gain
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(picture: Image.Image, kind: str, **options) -> bytes:
    """Return the content of a picture file of format ``kind``, with Pillow's ``options``."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def mask_of(layer: Image.Image) -> np.ndarray:
    """Return the mask (H, W) of the drawing: True where it covers at least half of a pixel."""
    return np.asarray(layer.getchannel("A")) > 127


def box_of(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return the tight box (xmin, ymin, xmax, ymax) of the True pixels; xmax and ymax are one past the last."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
