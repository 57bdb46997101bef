"""Backgrounds: skies, meadows, roads, rooms, streets, tables, textures, clutter.

Every scene is an RGB picture of (width, height) pixels.
"""
from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .pen import Pen, mix, paint, vary

Rng = np.random.Generator
Size = tuple  # (width, height)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def noise(rng: Rng, size: Size, cells: float = 4, octaves: int = 4) -> np.ndarray:
    """Return cloudy noise (height, width) with mean about 0.5, mostly in [0, 1]."""
    total, weight = np.zeros((size[1], size[0]), np.float32), 0.0
    for octave in range(octaves):
        count = max(2, round(cells * 2**octave))
        if count > 2 * max(size):
            break
        grid = Image.fromarray(rng.random((count, count), dtype=np.float32))
        total += np.asarray(grid.resize(size, Image.BICUBIC)) / 2**octave
        weight += 1 / 2**octave
    return (total / weight - 0.5) * 1.8 + 0.5


def streaks(rng: Rng, size: Size, rows: int, columns: int) -> np.ndarray:
    """Return noise (height, width) in [0, 1] on a grid of ``rows`` × ``columns``; few columns give level streaks."""
    grid = rng.random((max(2, rows), columns), dtype=np.float32)
    return np.asarray(Image.fromarray(grid).resize(size, Image.BICUBIC))


def blend(a, b, t: np.ndarray) -> np.ndarray:
    """Blend from colour (or pixels) ``a`` to ``b`` as ``t`` (H, W) goes from 0 to 1: pixels (H, W, 3)."""
    a, b, t = np.asarray(a, np.float32), np.asarray(b, np.float32), np.clip(t, 0, 1)[..., None]
    return a + (b - a) * t


def to_image(pixels: np.ndarray) -> Image.Image:
    """Return pixels (H, W, 3), cut to 0 ... 255, as a picture."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def color(rng: Rng) -> tuple[float, ...]:
    """Return a random colour."""
    return tuple(rng.uniform(20, 240, 3))


def texture(rng: Rng, size: Size, a=None, b=None) -> Image.Image:
    """Draw two colours in cloudy patches: grass, stone, cloth."""
    a = color(rng) if a is None else vary(rng, a)
    b = mix(a, color(rng), 0.5) if b is None else vary(rng, b)
    return to_image(blend(a, b, noise(rng, size, rng.uniform(2, 12), 5)))


def gradient(rng: Rng, size: Size) -> Image.Image:
    """Draw a gradient between two colours in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:1:size[1] * 1j, 0:1:size[0] * 1j]
    return to_image(blend(color(rng), color(rng), (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle) + 0.5))


def sky(rng: Rng, size: Size) -> Image.Image:
    """Draw a sky with clouds."""
    tops = (70, 130, 210), (110, 160, 225), (150, 165, 185), (225, 150, 110)
    top = vary(rng, tops[rng.choice(4, p=[0.4, 0.3, 0.2, 0.1])])
    low = mix(top, (240, 240, 245), rng.uniform(0.3, 0.8))
    height = np.linspace(0, 1, size[1])[:, None] * np.ones((1, size[0]))
    clouds = (noise(rng, size, rng.uniform(1.5, 4)) - rng.uniform(0.5, 0.75)) * 2.5
    return to_image(blend(blend(top, low, height), (250, 250, 252), clouds))


def below(picture: Image.Image, ground: Image.Image, line: np.ndarray) -> Image.Image:
    """Put ``ground`` below ``line``, an array (width,) of y in pixels."""
    y = np.arange(picture.height)[:, None]
    mask = np.clip(y - line[None] + 0.5, 0, 1) * 255
    return Image.composite(ground, picture, Image.fromarray(mask.astype(np.uint8)))


def ridge(rng: Rng, size: Size, level: float, rough: float) -> np.ndarray:
    """Return a skyline (width,) in pixels around ``level``, varied by ``rough``, both relative to the height."""
    return size[1] * (level + rough * (noise(rng, (size[0], 2), rng.uniform(2, 6), 4)[0] - 0.5))


def meadow(rng: Rng, size: Size) -> Image.Image:
    """Draw sky, far hills and grass."""
    picture, level = sky(rng, size), rng.uniform(0.35, 0.6)
    if rng.random() < 0.7:
        hills = texture(rng, size, (90, 120, 130), (70, 100, 90))
        picture = below(picture, hills, ridge(rng, size, level - 0.06, 0.25))
    grass = texture(rng, size, *[((70, 130, 50), (120, 160, 70)), ((150, 140, 80), (110, 110, 60))][rng.integers(2)])
    return below(picture, grass, ridge(rng, size, level, 0.06))


def sea(rng: Rng, size: Size) -> Image.Image:
    """Draw sky and water with waves."""
    level = rng.uniform(0.4, 0.6)
    waves = 0.4 * noise(rng, size, 3, 3) + 0.6 * streaks(rng, size, size[1] // 3, 6)
    deep = vary(rng, (30, 90, 140))
    return below(sky(rng, size), to_image(blend(deep, mix(deep, WHITE, 0.4), waves)), np.full(size[0], size[1] * level))


def road(rng: Rng, size: Size) -> Image.Image:
    """Draw a meadow with a road into the distance."""
    picture, horizon = meadow(rng, size), rng.uniform(0.5, 0.62)
    pen, grey = Pen(size, 1), vary(rng, (105, 105, 110))
    w, h = size
    pen.place(w * rng.uniform(0.35, 0.65), h * horizon, h * (1 - horizon))
    pen.polygon([(-0.06, 0), (0.06, 0), (1.6, 1.02), (-1.6, 1.02)], grey)
    for i in range(5):
        y0, y1 = (i / 5)**1.5, ((i + 0.5) / 5)**1.5 + 0.02
        pen.polygon([(-0.05 * y0, y0), (0.05 * y0, y0), (0.05 * y1, y1), (-0.05 * y1, y1)], (230, 220, 120))
    picture.paste(pen.image, (0, 0), pen.image)
    return picture


def room(rng: Rng, size: Size) -> Image.Image:
    """Draw a wall with frames or windows, and a floor."""
    w, h = size
    picture = texture(rng, size, wall := mix(color(rng), (205, 198, 185), 0.55), mix(wall, WHITE, 0.2))
    pen, level = Pen(size, 1).place(0, 0, max(w, h)), rng.uniform(0.6, 0.8) * h / max(w, h)
    for _ in range(rng.integers(0, 3)):
        x, y, a, b = rng.uniform(0, 0.8), rng.uniform(0, 0.35), *rng.uniform(0.1, 0.3, 2)
        pen.box(x, y, x + a, y + b, vary(rng, (90, 60, 40)))
        pen.box(x + 0.015, y + 0.015, x + a - 0.015, y + b - 0.015, color(rng))
    picture.paste(pen.image, (0, 0), pen.image)
    return below(picture, wood(rng, size), np.full(w, level * max(w, h)))


def street(rng: Rng, size: Size) -> Image.Image:
    """Draw houses with windows under the sky, and a pavement."""
    w, h = size
    picture, pen, x = sky(rng, size), Pen(size, 1).place(0, 0, h), 0.0
    while x < w / h:
        width, top = rng.uniform(0.2, 0.5), rng.uniform(0.05, 0.4)
        wall = vary(rng, [(150, 100, 80), (170, 165, 155), (120, 130, 145)][rng.integers(3)])
        pane = mix(color(rng), (110, 130, 150), 0.7)
        pen.box(x, top, x + width, 1, wall)
        step = rng.uniform(0.08, 0.14)
        for u in np.arange(x + step / 2, x + width - step, step):
            for v in np.arange(top + step / 2, 0.75, step):
                pen.box(u, v, u + step * 0.5, v + step * 0.6, mix(pane, BLACK, rng.uniform(0.3, 0.7)))
        x += width
    picture.paste(pen.image, (0, 0), pen.image)
    return below(picture, texture(rng, size, (120, 118, 115), (95, 95, 95)), np.full(w, h * rng.uniform(0.72, 0.85)))


def wood(rng: Rng, size: Size) -> Image.Image:
    """Draw planks with a grain."""
    w, h = size
    base = vary(rng, [(150, 100, 60), (185, 145, 100), (95, 65, 45), (205, 185, 160)][rng.integers(4)])
    grain = streaks(rng, size, h // 2, 5)
    picture = to_image(blend(mix(base, BLACK, 0.15), mix(base, WHITE, 0.12), 0.6 * grain + 0.4 * noise(rng, size)))
    draw = ImageDraw.Draw(picture)
    for y in np.arange(rng.uniform(0, 0.2), 1, rng.uniform(0.12, 0.3)):
        draw.line([0, y * h, w, y * h], fill=paint(mix(base, BLACK, 0.5))[:3], width=max(1, h // 120))
    return picture


def cloth(rng: Rng, size: Size) -> Image.Image:
    """Draw stripes or checks."""
    a = color(rng)
    b, step = mix(a, WHITE if rng.random() < 0.6 else color(rng), rng.uniform(0.3, 0.9)), rng.uniform(0.06, 0.2)
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[0:size[1], 0:size[0]] / max(size)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    stripes = [(f / step % 1 < 0.5).astype(np.float32) for f in (u, v)]
    amount = stripes[0] if rng.random() < 0.5 else (stripes[0] + stripes[1]) / 2
    return to_image(blend(a, b, amount) * (0.9 + 0.2 * noise(rng, size))[..., None])


def bokeh(rng: Rng, size: Size) -> Image.Image:
    """Draw lights out of focus."""
    picture = gradient(rng, size).convert("RGB").point(lambda v: v // 2)
    pen, reach = Pen(size, 1), max(size)
    for _ in range(25):
        pen.place(*rng.uniform(0, 1, 2) * size, reach * rng.uniform(0.02, 0.09)).ellipse(0, 0, 1, 1, color(rng))
    picture.paste(pen.image, (0, 0), pen.image.getchannel("A").point(lambda a: a // 2))
    return picture.filter(ImageFilter.GaussianBlur(reach / 70))


def clutter(rng: Rng, size: Size) -> Image.Image:
    """Draw shapes of all colours on a texture, yellow and round ones among them."""
    picture, pen = texture(rng, size), Pen(size, 1)
    for _ in range(rng.integers(8, 22)):
        pen.place(*rng.uniform(0, 1, 2) * size, max(size) * rng.uniform(0.03, 0.16), rng.uniform(0, 6.3))
        fill = color(rng) if rng.random() < 0.8 else vary(rng, (245, 210, 50))
        corners = rng.integers(3, 9)
        ring = np.linspace(0, 2 * np.pi, corners, endpoint=False)
        points = np.stack([np.cos(ring), np.sin(ring)], 1) * rng.uniform(0.5, 1, (corners, 1))
        (pen.polygon if rng.random() < 0.5 else pen.smooth)(points, fill)
    picture.paste(pen.image, (0, 0), pen.image)
    return picture


ALL = (texture, gradient, meadow, sea, road, room, street, wood, cloth, bokeh, clutter)


def anywhere(rng: Rng, size: Size, kinds=ALL, blur: float = 0.3) -> Image.Image:
    """Return one of ``kinds``, out of focus with probability ``blur``."""
    picture = kinds[rng.integers(len(kinds))](rng, size)
    if rng.random() < blur:
        picture = picture.filter(ImageFilter.GaussianBlur(max(size) * rng.uniform(0.005, 0.02)))
    return picture
