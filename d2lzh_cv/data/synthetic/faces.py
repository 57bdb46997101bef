"""Cats and dogs from the front: head, sitting figure, fur. They use ``Beast`` of ``animals``."""
from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .animals import BLACK, PINK, WHITE, Beast
from .pen import Color, Pen, mix, vary


def sitting(p: Pen, rng: np.random.Generator, b: Beast, front: Pen | None = None) -> None:
    """Draw the sitting animal from the front; it fills about [-0.75, 0.75] × [-1, 1] of the local square.

    The pen ``front``, if given, draws eyes, nose, mouth and whiskers, so that fur does not cover them.
    """
    dark, paw = mix(b.coat, BLACK, 0.16), mix(b.coat, b.light, 0.9)
    side = 1 if b.extra == "whiskers" else -1
    p.limb([(0.35 * side, 0.8), (0.72 * side, 0.7), (0.72 * side, 0.2)], 0.1, 0.06, dark)
    for s in (-1, 1):
        p.ellipse(0.38 * s, 0.68, 0.27, 0.26, dark)
        p.ellipse(0.48 * s, 0.92, 0.2, 0.08, paw)
    p.smooth([(0, -0.35), (0.3, -0.1), (0.42, 0.4), (0.34, 0.85), (-0.34, 0.85), (-0.42, 0.4), (-0.3, -0.1)], b.coat)
    with p.inside():
        p.ellipse(0, 0.18, 0.24, 0.4, mix(b.coat, b.light, 0.85))
        _markings(p, rng, b)
    for s in (-1, 1):
        p.limb([(0.17 * s, 0.25), (0.16 * s, 0.88)], 0.115, 0.09, mix(b.coat, b.light, 0.25))
        p.ellipse(0.16 * s, 0.92, 0.14, 0.085, paw)
        for toe in (-0.05, 0.03):
            p.limb([(0.16 * s + toe, 0.9), (0.16 * s + toe, 0.97)], 0.008, 0.008, mix(paw, BLACK, 0.6))
    head(p, rng, b, 0, -0.48, 0.47, front)


def head(p: Pen, rng: np.random.Generator, b: Beast, x: float, y: float, r: float, front: Pen | None = None) -> None:
    """Draw the head from the front, with centre (x, y) and half width ``r``; ``front`` as for :func:`sitting`."""
    def place(points) -> np.ndarray:
        return np.asarray(points) * r + [x, y]
    cat = b.extra == "whiskers"
    if b.ears != "flop":
        _raised_ears(p, b, place)
    tall = 0.84 if cat else 0.95 + 0.4 * b.snout
    p.smooth(place([(0, -0.85), (0.62, -0.66), (0.98, 0.05), (0.66, tall * 0.75), (0, tall), (-0.66, tall * 0.75),
                    (-0.98, 0.05), (-0.62, -0.66)]), b.coat)
    with p.inside():
        _face_marks(p, b, place)
    if b.ears == "flop":
        _hanging_ears(p, b, place)
    (_cat_muzzle if cat else _dog_muzzle)(p, b, place, r)
    (_cat_face if cat else _dog_face)(front or p, rng, b, place, r)


def _raised_ears(p: Pen, b: Beast, place) -> None:
    long = 0.2 + 1.8 * b.ear
    for s in (-1, 1):
        if b.ears == "round":
            p.ellipse(*place((0.75 * s, -0.7)), *(place((0.4, 0.4)) - place((0, 0))), mix(b.coat, BLACK, 0.15))
            continue
        p.polygon(place([(0.9 * s, -0.15), (0.82 * s, -0.62 - long), (0.18 * s, -0.7)]), mix(b.coat, BLACK, 0.1))
        p.polygon(place([(0.76 * s, -0.35), (0.75 * s, -0.5 - long * 0.85), (0.36 * s, -0.66)]), mix(PINK, b.coat, 0.4))


def _hanging_ears(p: Pen, b: Beast, place) -> None:
    long, tone = 0.3 + 3.2 * b.ear, mix(b.coat, BLACK, 0.32) if b.pattern != "saddle" else b.mark
    for s in (-1, 1):
        p.smooth(place([(0.42 * s, -0.78), (0.95 * s, -0.7), (1.22 * s, -0.3 + long * 0.4), (1.12 * s, -0.5 + long),
                        (0.85 * s, -0.62 + long), (0.72 * s, -0.2)]), tone)


def _face_marks(p: Pen, b: Beast, place) -> None:
    r = (place((1, 1)) - place((0, 0)))[0]
    if b.pattern == "stripes":
        for u in (-0.3, 0, 0.3):
            p.limb(place([(u * 1.2, -0.9), (u, -0.62), (u * 0.75, -0.35)]), 0.06 * r, 0.025 * r, b.mark)
        for s in (-1, 1):
            for v in (0.05, 0.28):
                p.limb(place([(1.05 * s, v - 0.1), (0.8 * s, v), (0.62 * s, v - 0.02)]), 0.05 * r, 0.02 * r, b.mark)
    elif b.pattern in ("patches", "saddle"):
        p.ellipse(*place((-0.45, -0.25)), 0.42 * r, 0.5 * r, b.mark)
        if b.pattern == "saddle":
            p.ellipse(*place((0.45, -0.25)), 0.42 * r, 0.5 * r, b.mark)
    elif b.pattern == "spots":
        for u, v in ((-0.6, -0.4), (0.3, -0.6), (0.7, 0.1), (-0.3, -0.75), (-0.75, 0.3), (0.55, -0.35)):
            p.ellipse(*place((u, v)), 0.11 * r, 0.1 * r, b.mark)
    elif b.pattern == "mask":
        p.ellipse(*place((0, 0.55)), 0.62 * r, 0.62 * r, b.mark)
    elif b.pattern == "blaze":
        p.smooth(place([(0, -0.95), (0.16, -0.3), (0.3, 0.5), (-0.3, 0.5), (-0.16, -0.3)]), b.light)


def _eyes(p: Pen, place, r: float, dx: float, y: float, size: float, iris: Color, pupil: float) -> None:
    for s in (-1, 1):
        p.ellipse(*place((dx * s, y)), size * 1.12 * r, size * 1.1 * r, BLACK)
        p.ellipse(*place((dx * s, y)), size * r, size * 0.98 * r, iris)
        p.ellipse(*place((dx * s, y)), size * pupil * r, size * 0.85 * r, BLACK)
        p.ellipse(*place((dx * s - size * 0.35, y - size * 0.4)), size * 0.25 * r, size * 0.25 * r, WHITE)


def _cat_muzzle(p: Pen, b: Beast, place, r: float) -> None:
    for s in (-1, 1):
        p.ellipse(*place((0.17 * s, 0.42)), 0.26 * r, 0.21 * r, mix(b.coat, b.light, 0.9))


def _cat_face(p: Pen, rng: np.random.Generator, b: Beast, place, r: float) -> None:
    iris = vary(rng, [(150, 190, 70), (225, 175, 60), (110, 170, 205)][rng.integers(3)])
    _eyes(p, place, r, 0.42, -0.1, 0.17, iris, 0.5)
    for s in (-1, 1):
        for v in (0.33, 0.43, 0.53):
            hair = place([(0.25 * s, 0.43), (0.65 * s, v - 0.03), (1.12 * s, v * 1.9 - 0.5)])
            p.limb(hair, 0.012 * r, 0.006 * r, WHITE)
    p.smooth(place([(-0.12, 0.22), (0.12, 0.22), (0.05, 0.34), (-0.05, 0.34)]), PINK)
    for s in (-1, 1):
        p.limb(place([(0, 0.34), (0.05 * s, 0.48), (0.2 * s, 0.52)]), 0.02 * r, 0.014 * r, mix(b.coat, BLACK, 0.75))


def _dog_muzzle(p: Pen, b: Beast, place, r: float) -> None:
    wide = _muzzle_width(b)
    p.smooth(place([(0, -0.12), (wide * 0.8, 0.2), (wide * 1.15, 0.6), (0, 0.98), (-wide * 1.15, 0.6),
                    (-wide * 0.8, 0.2)]), _muzzle_color(b))
    if b.extra == "beard":
        for s in (-1, 1):
            p.smooth(place([(0.05 * s, 0.45), (0.5 * s, 0.6), (0.55 * s, 1.1), (0.15 * s, 1.0)]), b.light)
            p.limb(place([(0.15 * s, -0.42), (0.42 * s, -0.5), (0.65 * s, -0.35)]), 0.09 * r, 0.05 * r, b.light)


def _dog_face(p: Pen, rng: np.random.Generator, b: Beast, place, r: float) -> None:
    wide, line = _muzzle_width(b), mix(_muzzle_color(b), BLACK, 0.8)
    _eyes(p, place, r, 0.42, -0.2, 0.15, (95, 60, 35), 0.6)
    if rng.random() < 0.6:
        p.smooth(place([(-0.16, 0.72), (0.16, 0.72), (0.14, 1.08), (0, 1.16), (-0.14, 1.08)]), (225, 105, 115))
    for s in (-1, 1):
        p.limb(place([(0, 0.5), (0.03 * s, 0.66), (0.22 * s, 0.74), (wide * s, 0.66)]), 0.03 * r, 0.02 * r, line)
    p.smooth(place([(-0.22, 0.26), (0, 0.2), (0.22, 0.26), (0.12, 0.46), (0, 0.52), (-0.12, 0.46)]), BLACK)
    p.ellipse(*place((-0.06, 0.29)), 0.06 * r, 0.03 * r, (120, 120, 125))


def _muzzle_width(b: Beast) -> float:
    return 0.36 + 0.25 * b.snout


def _muzzle_color(b: Beast) -> Color:
    return b.mark if b.pattern == "mask" else mix(b.coat, b.light, 0.85)


def _markings(p: Pen, rng: np.random.Generator, b: Beast) -> None:
    if b.pattern == "stripes":
        for y in (-0.05, 0.15, 0.35, 0.55):
            for s in (-1, 1):
                p.limb([(0.48 * s, y - 0.05), (0.34 * s, y), (0.22 * s, y - 0.02)], 0.035, 0.012, b.mark)
    elif b.pattern in ("spots", "patches"):
        big = 0.15 if b.pattern == "patches" else 0.045
        for _ in range(4 if b.pattern == "patches" else 14):
            p.ellipse(rng.uniform(-0.4, 0.4), rng.uniform(-0.2, 0.8), big, big * 0.9, b.mark)
    elif b.pattern == "saddle":
        for s in (-1, 1):
            p.ellipse(0.4 * s, 0.3, 0.2, 0.5, b.mark)


def fur(layer: Image.Image, rng: np.random.Generator, count: int, length: float) -> Image.Image:
    """Return ``layer`` with ``count`` short hairs, each in the colour below it, a little brighter or darker."""
    pixels, result = np.asarray(layer), layer.copy()
    rows, columns = np.nonzero(pixels[..., 3] > 200)
    chosen = rng.integers(len(rows), size=count)
    x, y = columns[chosen], rows[chosen]
    tones = np.clip(pixels[y, x, :3] * rng.uniform(0.86, 1.12, (count, 1)), 0, 255)
    lean = 0.9 * (x - columns.mean()) / layer.width + rng.normal(0, 0.25, count)
    reach = length * rng.uniform(0.5, 1.2, count)
    ends = np.stack([x, y, x + reach * np.sin(lean), y + reach * np.cos(lean)], 1)
    draw = ImageDraw.Draw(result)
    for end, tone in zip(ends.tolist(), tones.astype(int).tolist()):
        draw.line(end, fill=(*tone, 255), width=1)
    return result
