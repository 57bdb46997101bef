"""Two pictures for style transfer (9.11): a mountain lake as content, an autumn wood in brush strokes as style."""
from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from . import backgrounds
from .backgrounds import blend, noise, to_image
from .pen import Pen, mix, paint, vary

SIZE = (900, 600)  # width × height
BLACK, SNOW = (0, 0, 0), (246, 247, 252)


def landscape(rng: np.random.Generator) -> Image.Image:
    """Draw a snowy mountain over a lake, with woods on the shore and firs in front."""
    w, h = SIZE
    image = backgrounds.below(_sky(rng), _rock(rng), _mountain_line(rng))
    for level, tone in ((0.42, (122, 146, 160)), (0.47, (98, 134, 116)), (0.515, (82, 122, 74))):
        hills = to_image(blend(tone, mix(tone, BLACK, 0.45), noise(rng, SIZE, 24, 5)))
        image = backgrounds.below(image, hills, backgrounds.ridge(rng, SIZE, level, 0.12))
    _trees(image, rng, 150, 0.53, (18, 40), (44, 78, 52))
    image = _lake(image, rng, round(h * 0.56))
    shore = to_image(blend((112, 132, 60), (52, 76, 38), noise(rng, SIZE, 20, 5)))
    x = np.arange(w) / w
    image = backgrounds.below(image, shore, h * (0.87 - 0.28 * np.abs(x - 0.55)**1.5)
                              + backgrounds.ridge(rng, SIZE, 0, 0.07))
    _cabin(image)
    _trees(image, rng, 34, None, (90, 250), (26, 52, 36))
    return image


def _sky(rng: np.random.Generator) -> Image.Image:
    height = np.linspace(0, 1, SIZE[1])[:, None] * np.ones((1, SIZE[0]))
    sky = blend((62, 118, 196), (244, 214, 186), height * 1.9)
    clouds = 0.6 * noise(rng, SIZE, 3, 5) + 0.4 * backgrounds.streaks(rng, SIZE, 14, 4)
    return to_image(blend(sky, (252, 246, 240), (clouds - 0.52) * 3))


def _mountain_line(rng: np.random.Generator) -> np.ndarray:
    x = np.arange(SIZE[0]) / SIZE[0]
    peak = 0.36 * np.exp(-np.abs(x - 0.56) / 0.17) + 0.16 * np.exp(-np.abs(x - 0.16) / 0.1)
    return SIZE[1] * (0.47 - peak) + backgrounds.ridge(rng, SIZE, 0.0, 0.13)


def _rock(rng: np.random.Generator) -> Image.Image:
    """Draw snow above and rock below, both lit from the left, with folds that run downhill."""
    folds = noise(rng, (SIZE[0], SIZE[1]), 9, 6) + 0.5 * noise(rng, SIZE, 28, 4)
    slope = np.gradient(folds, axis=1) + 0.5 * np.gradient(folds, axis=0)
    light = np.clip(0.85 + 7 * slope, 0.5, 1.12)[..., None]
    height = np.linspace(0, 1, SIZE[1])[:, None]
    snow = (0.36 + 0.28 * (noise(rng, SIZE, 16, 5) - 0.5) - height) * 12
    return to_image(blend((112, 104, 110), SNOW, snow) * light * (0.92, 0.96, 1.05))


def _lake(image: Image.Image, rng: np.random.Generator, shore: int) -> Image.Image:
    """Mirror the part above row ``shore`` below it, with ripples that grow towards the viewer."""
    pixels = np.asarray(image, np.float32).copy()
    rows = np.arange(SIZE[1] - shore)
    swing = (noise(rng, (SIZE[0], len(rows)), 40, 2) - 0.5) * (2 + rows[:, None] * 0.12)
    source = np.clip(shore - 1 - rows[:, None] * 1.15 + swing * 3, 0, shore - 1).astype(int)
    glitter = backgrounds.streaks(rng, (SIZE[0], len(rows)), 90, 20)
    mirrored = pixels[source, np.arange(SIZE[0])[None]]
    pixels[shore:] = blend(mirrored * 0.8, (58, 100, 128), 0.25 + 0.3 * glitter)
    return to_image(pixels)


def _trees(image: Image.Image, rng: np.random.Generator, count: int, level, heights, tone) -> None:
    """Draw firs: a far row at ``level`` of the height, or, for level None, near ones in both lower corners."""
    w, h = SIZE
    places = rng.uniform(0, 1, count)
    if level is None:
        places = np.sort(np.where(rng.random(count) < 0.55, 0.36 * places, 1 - 0.27 * places))
    for x in places:
        tall = rng.uniform(*heights) * (1.15 - 1.6 * abs(x - round(x)) if level is None else 1)
        foot = h * (level + rng.uniform(0, 0.02) if level else 1.02 - 0.3 * abs(x - round(x)) * rng.uniform(0.4, 1))
        _fir(image, rng, x * w, foot, tall, vary(rng, tone, 12))


def _fir(image: Image.Image, rng: np.random.Generator, x: float, foot: float, tall: float, tone) -> None:
    draw, layers = ImageDraw.Draw(image), 5 if tall < 60 else 13
    draw.rectangle([x - tall / 50, foot - tall * 0.15, x + tall / 50, foot], fill=(60, 44, 34))
    for i in range(layers):
        t = 1 - i / layers  # 1 at the ground
        y, half = foot - tall * (0.08 + 0.92 * (1 - t)), tall * 0.24 * t * rng.uniform(0.75, 1.1)
        lit = paint(mix(tone, (150, 170, 90), 0.3 * (1 - t) * rng.random()))[:3]
        draw.polygon([(x, y - tall * 0.17), (x - half, y), (x - half * 0.35, y - tall * 0.03), (x, y + tall * 0.01),
                      (x + half * 0.35, y - tall * 0.03), (x + half, y)], fill=lit)
        draw.polygon([(x, y - tall * 0.17), (x, y + tall * 0.01), (x + half * 0.35, y - tall * 0.03), (x + half, y)],
                     fill=paint(mix(tone, BLACK, 0.35))[:3])


def _cabin(image: Image.Image) -> None:
    p = Pen(SIZE, 2).place(640, 500, 44)
    p.polygon([(-1, 0), (0.5, 0), (0.5, 0.7), (-1, 0.7)], (124, 76, 48))
    p.polygon([(0.5, 0), (1, -0.1), (1, 0.55), (0.5, 0.7)], (84, 52, 36))
    p.polygon([(-1.15, 0.05), (-0.8, -0.65), (0.45, -0.7), (0.65, 0.02)], (172, 62, 42))
    p.polygon([(0.45, -0.7), (0.65, 0.02), (1.1, -0.08)], (120, 44, 34))
    p.box(-0.35, 0.2, 0.0, 0.7, (60, 40, 32))
    for x in (-0.8, 0.12):
        p.box(x, 0.15, x + 0.27, 0.42, (250, 220, 140))
    image.paste(layer := p.layer(), (0, 0), layer)


def autumn(rng: np.random.Generator) -> Image.Image:
    """Paint an autumn oak: first broad strokes, then finer ones."""
    motif, angles = _motif(rng), noise(rng, SIZE, 5, 3) * 2 * np.pi
    canvas = Image.new("RGB", SIZE, (150, 90, 60))
    for count, length, width in ((2600, 60, 17), (7000, 34, 10), (9000, 20, 5)):
        _strokes(canvas, rng, motif, angles, count, length, width)
    weave = 0.94 + 0.12 * rng.random((SIZE[1], SIZE[0]), dtype=np.float32)
    return to_image(np.asarray(canvas, np.float32) * weave[..., None])


def _motif(rng: np.random.Generator) -> np.ndarray:
    """Return the picture to paint, (H, W, 3): sky, a far wood, fallen leaves, oaks."""
    w, h = SIZE
    image = to_image(blend((64, 106, 206), (150, 140, 226), noise(rng, SIZE, 5, 3)))
    for level, a, b in ((0.5, (196, 48, 96), (140, 70, 160)), (0.62, (236, 112, 34), (250, 186, 44)),
                        (0.82, (206, 58, 30), (110, 70, 150))):
        ground = to_image(blend(a, b, noise(rng, SIZE, 9, 4) * 1.6 - 0.3))
        image = backgrounds.below(image, ground, backgrounds.ridge(rng, SIZE, level, 0.12))
    p = Pen(SIZE, 1)
    for x, y, scale in ((0.2, 0.66, 130), (0.64, 0.78, 235)):
        _oak(p.place(w * x, h * y, scale), rng)
    image.paste(p.image, (0, 0), p.image)
    return np.asarray(image)


def _oak(p: Pen, rng: np.random.Generator) -> None:
    bark = (92, 56, 64)
    branches = []
    for angle in np.linspace(-1.3, 1.3, 8):
        tip = np.array([np.sin(angle) * 1.35, -1.0 - np.cos(angle) * 1.25])
        branches.append(([(0, -0.7), tip * [0.45, 0.62] + rng.uniform(-0.1, 0.1, 2), tip], tip))
    p.limb([(0.03, 0.1), (-0.04, -0.4), (0, -0.9)], 0.2, 0.12, bark)
    for path, _ in branches:
        p.limb(path, 0.085, 0.02, bark)
    leaves = (244, 132, 22), (222, 62, 24), (252, 196, 40), (178, 30, 40), (250, 160, 30)
    for _ in range(260):
        tip = branches[rng.integers(len(branches))][1]
        spot = tip * rng.uniform(0.5, 1.12) + rng.normal(0, 0.17, 2)
        p.ellipse(*spot, *rng.uniform(0.04, 0.13, 2), vary(rng, leaves[rng.integers(5)], 20), rng.uniform(0, 3))
    p.limb([(-0.08, 0.1), (-0.12, -0.4), (-0.06, -0.8)], 0.04, 0.02, (214, 168, 130))


def _strokes(canvas: Image.Image, rng: np.random.Generator, motif, angles, count: int, length: float, width: int):
    """Paint ``count`` strokes in varied colours of the motif, each with three bristles of different brightness."""
    draw = ImageDraw.Draw(canvas)
    places = (rng.uniform(0, 1, (count, 2)) * SIZE).astype(int)
    for x, y in places:
        tone = vary(rng, motif[y, x], 26)
        angle, reach = angles[y, x] + rng.normal(0, 0.3), length * rng.uniform(0.5, 1.1) / 2
        along = np.array([np.cos(angle), np.sin(angle) * 0.8]) * reach
        across = np.array([-along[1], along[0]]) / reach * width / 3
        for side, light in ((0, 0), (-1, 0.22), (1, -0.2)):
            a, b = np.array([x, y]) + across * side - along, np.array([x, y]) + across * side + along
            shade = mix(tone, (255, 250, 225) if light > 0 else (40, 10, 40), abs(light))
            draw.line([*a, *b], fill=paint(shade)[:3], width=width if side == 0 else max(1, width // 4))
