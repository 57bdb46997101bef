"""Food and tableware, drawn with a pen in its local square; long objects lie from left to right."""
from __future__ import annotations

import numpy as np

from .pen import Color, Pen, mix, vary

BLACK, WHITE, GREEN = (30, 22, 18), (252, 248, 240), (110, 165, 60)
MUSTARD, KETCHUP = (240, 195, 40), (190, 30, 25)


def hot_dog(p: Pen, rng: np.random.Generator) -> None:
    """Draw a sausage in a bun, usually with mustard or ketchup."""
    crust, bend = _crust(rng), rng.uniform(-0.12, 0.12)
    _half_bun(p, crust, -0.17, bend, -1)
    if rng.random() < 0.4:
        _lettuce(p, rng, -0.2)
    _one_sausage(p, rng, 0.0, bend, rng.uniform(0.86, 0.97))
    _half_bun(p, crust, 0.22, bend, 1)
    if rng.random() < 0.85:
        _sauce(p, rng, -0.04, bend)


def sausage(p: Pen, rng: np.random.Generator) -> None:
    """Draw one to three sausages without bread, sometimes with sauce."""
    places = ((0.0,), (-0.25, 0.25), (-0.4, 0.0, 0.4))[rng.integers(3)]
    for y in places:
        _one_sausage(p, rng, y, bend := rng.uniform(-0.15, 0.15), rng.uniform(0.7, 0.95))
        if rng.random() < 0.35:
            _sauce(p, rng, y - 0.04, bend)


def bread(p: Pen, rng: np.random.Generator) -> None:
    """Draw an empty bun, a baguette, or a slice."""
    crust, kind = _crust(rng), rng.integers(3)
    if kind == 0:
        bend = rng.uniform(-0.12, 0.12)
        _half_bun(p, crust, -0.15, bend, -1)
        _half_bun(p, crust, 0.15, bend, 1)
    elif kind == 1:
        p.limb([(-0.78, 0.02), (0, -0.04), (0.78, 0.02)], 0.27, 0.24, crust)
        for x in np.linspace(-0.65, 0.5, 5):
            p.limb([(x, 0.14), (x + 0.08, 0), (x + 0.22, -0.13)], 0.05, 0.03, mix(crust, WHITE, 0.5))
    else:
        shape = np.array([(-0.6, 0.7), (-0.62, 0.0), (-0.75, -0.3), (-0.45, -0.65), (0, -0.7), (0.45, -0.65),
                          (0.75, -0.3), (0.62, 0.0), (0.6, 0.7), (0, 0.74)])
        p.smooth(shape, mix(crust, BLACK, 0.15))
        p.smooth(shape * 0.88, crumb := mix(crust, WHITE, 0.65))
        for _ in range(14):
            p.ellipse(*rng.uniform(-0.5, 0.5, 2), 0.04, 0.03, mix(crumb, crust, 0.35))


def sandwich(p: Pen, rng: np.random.Generator) -> None:
    """Draw a long roll with lettuce, tomato and cheese, without sausage."""
    crust, bend = _crust(rng), rng.uniform(-0.08, 0.08)
    _half_bun(p, crust, -0.17, bend, -1)
    for _ in range(2):
        _lettuce(p, rng, rng.uniform(-0.1, 0.1))
    for x in np.linspace(-0.6, 0.6, 5):
        p.ellipse(x, rng.uniform(-0.04, 0.06), 0.17, 0.12, vary(rng, [(205, 60, 45), (245, 205, 90)][rng.integers(2)]))
    _half_bun(p, crust, 0.22, bend, 1)


def burger(p: Pen, rng: np.random.Generator) -> None:
    """Draw a layered burger from the side."""
    crust = _crust(rng)
    p.smooth([(-0.75, 0.35), (0.75, 0.35), (0.65, 0.68), (-0.65, 0.68)], crust)
    p.limb([(-0.72, 0.27), (0, 0.3), (0.72, 0.27)], 0.15, 0.15, vary(rng, (95, 55, 35)))
    p.polygon([(-0.8, 0.08), (0.8, 0.08), (0.45, 0.24), (0.2, 0.12), (-0.3, 0.3), (-0.5, 0.12)], vary(rng, MUSTARD))
    p.limb([(-0.78, 0.05), (-0.3, 0.0), (0.3, 0.08), (0.78, 0.03)], 0.075, 0.075, vary(rng, GREEN))
    p.smooth([(-0.8, -0.02), (-0.6, -0.5), (0, -0.68), (0.6, -0.5), (0.8, -0.02), (0, 0.06)], crust)
    for _ in range(12):
        p.ellipse(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, -0.2), 0.035, 0.022, mix(crust, WHITE, 0.7))


def pizza(p: Pen, rng: np.random.Generator) -> None:
    """Draw a pizza, or a slice of it, from above."""
    cut = rng.uniform(0.7, 1.1) if rng.random() < 0.5 else None
    ring = np.linspace(0, 2 * np.pi, 40) if cut is None else np.linspace(np.pi / 2 - cut / 2, np.pi / 2 + cut / 2, 12)
    scale, middle = (0.85, (0, 0)) if cut is None else (1.7, (0, -0.85))
    disc = np.stack([np.cos(ring), np.sin(ring)], 1) * scale
    tip = np.zeros((0 if cut is None else 1, 2))
    p.polygon(np.concatenate([disc, tip]) + middle, _crust(rng))
    with p.inside():
        p.polygon(np.concatenate([disc * 0.87, tip]) + middle, vary(rng, (235, 185, 80)))
        for _ in range(22):
            x, y = rng.uniform(-0.75, 0.75, 2)
            if np.hypot(x - middle[0], y - middle[1]) < scale * 0.8:
                p.ellipse(x, y, 0.1, 0.1, vary(rng, [(185, 45, 35), (70, 120, 50), (250, 240, 210)][rng.integers(3)]))


def banana(p: Pen, rng: np.random.Generator) -> None:
    """Draw one banana or two."""
    skin = vary(rng, (238, 205, 60))
    for lift in (0.0, 0.28)[:rng.integers(1, 3)]:
        path = np.array([(-0.85, -0.35), (-0.45, 0.12), (0.1, 0.25), (0.6, 0.05), (0.85, -0.3)]) + [0, lift]
        p.limb(path[1:4], 0.18, 0.18, skin)
        p.limb(path[:3], 0.06, 0.18, skin)
        p.limb(path[2:], 0.18, 0.05, skin)
        p.limb([(-0.6, 0.0 + lift), (0.1, 0.2 + lift), (0.7, -0.08 + lift)], 0.015, 0.015, mix(skin, BLACK, 0.35))
        for end in (path[0], path[-1]):
            p.ellipse(*end, 0.06, 0.06, (85, 60, 30))


def carrot(p: Pen, rng: np.random.Generator) -> None:
    """Draw one to three carrots."""
    for y in ((0.0,), (-0.22, 0.22), (-0.4, 0.0, 0.4))[rng.integers(3)]:
        skin = vary(rng, (235, 125, 40))
        for tilt in (-0.16, 0, 0.16):
            p.limb([(0.6, y), (0.78, y + tilt / 2), (0.97, y + tilt)], 0.035, 0.02, vary(rng, (70, 140, 50)))
        p.limb([(0.62, y), (0, y + 0.02), (-0.88, y)], 0.19, 0.02, skin)
        for x in (-0.3, 0.0, 0.3, 0.5):
            p.limb([(x, y - 0.08), (x, y + 0.02)], 0.012, 0.008, mix(skin, BLACK, 0.3))


def apple(p: Pen, rng: np.random.Generator) -> None:
    """Draw a red to green apple with a leaf."""
    skin = vary(rng, [(200, 40, 40), (130, 180, 50), (230, 190, 60), (240, 140, 40)][rng.integers(4)])
    p.smooth([(0, -0.48), (0.4, -0.62), (0.75, -0.25), (0.62, 0.4), (0.25, 0.75), (0, 0.68), (-0.25, 0.75),
              (-0.62, 0.4), (-0.75, -0.25), (-0.4, -0.62)], skin)
    with p.inside():
        p.ellipse(-0.3, -0.2, 0.22, 0.3, mix(skin, WHITE, 0.35))
    p.limb([(0, -0.45), (0.03, -0.7), (0.1, -0.9)], 0.04, 0.03, (90, 60, 35))
    p.smooth([(0.06, -0.68), (0.3, -0.92), (0.55, -0.8), (0.3, -0.65)], (80, 150, 50))


def leaf(p: Pen, rng: np.random.Generator) -> None:
    """Draw a green to red leaf with veins."""
    blade = vary(rng, [(70, 140, 50), (120, 160, 60), (200, 120, 40), (180, 60, 40)][rng.integers(4)])
    wide = rng.uniform(0.3, 0.6)
    p.smooth([(-0.85, 0), (-0.4, -wide), (0.3, -wide * 0.8), (0.85, 0), (0.3, wide * 0.8), (-0.4, wide)], blade)
    vein = mix(blade, WHITE, 0.4)
    for x in (-0.5, -0.2, 0.1, 0.4):
        for s in (-1, 1):
            p.limb([(x, 0), (x + 0.22, s * wide * 0.6)], 0.018, 0.008, vein)
    p.limb([(-1.0, 0.05), (-0.5, 0), (0.8, 0)], 0.035, 0.012, vein)


def plate(p: Pen, rng: np.random.Generator) -> None:
    """Draw a plate from above, sometimes with a fork and a knife."""
    glaze, rim = mix(vary(rng, (240, 238, 232)), rng.uniform(60, 250, 3), rng.uniform(0, 0.35)), rng.uniform(30, 220, 3)
    p.ellipse(0, 0, 0.72, 0.72, glaze)
    p.ellipse(0, 0, 0.66, 0.66, mix(glaze, rim, 0.5 if rng.random() < 0.6 else 0.05))
    p.ellipse(0, 0, 0.62, 0.62, glaze)
    p.ellipse(0, 0, 0.48, 0.48, mix(glaze, BLACK, 0.1))
    p.ellipse(0.01, 0.015, 0.46, 0.46, mix(glaze, WHITE, 0.3))
    if rng.random() < 0.6:
        for x in (-0.88, 0.88):
            p.limb([(x, -0.1), (x, 0.7)], 0.04, 0.045, (170, 172, 178))
        p.limb([(0.88, -0.7), (0.9, -0.3), (0.88, -0.1)], 0.04, 0.06, (190, 192, 198))
        for x in (-0.95, -0.88, -0.81):
            p.limb([(x, -0.65), (x, -0.3), (-0.88, -0.1)], 0.022, 0.03, (170, 172, 178))


def cup(p: Pen, rng: np.random.Generator) -> None:
    """Draw a cup from the side."""
    glaze = vary(rng, [(235, 232, 225), (60, 100, 160), (190, 60, 60), (80, 140, 110)][rng.integers(4)])
    p.limb([(0.45, -0.3), (0.88, -0.2), (0.82, 0.2), (0.42, 0.35)], 0.075, 0.075, mix(glaze, BLACK, 0.12))
    p.smooth([(-0.6, -0.5), (0, -0.55), (0.6, -0.5), (0.5, 0.5), (0.2, 0.75), (-0.2, 0.75), (-0.5, 0.5)], glaze)
    p.ellipse(0, -0.5, 0.6, 0.15, mix(glaze, WHITE, 0.4))
    p.ellipse(0, -0.48, 0.52, 0.11, (80, 50, 30))


def _crust(rng: np.random.Generator) -> Color:
    return vary(rng, [(205, 145, 80), (225, 175, 110), (180, 115, 60)][rng.integers(3)], 14)


def _half_bun(p: Pen, crust: Color, y: float, bend: float, side: int) -> None:
    """Draw half of a long bun with its soft inside towards the middle (side -1: the far half, 1: the near half)."""
    inner = y - 0.11 * side
    p.limb([(-0.68, inner), (0, inner + bend), (0.68, inner)], 0.16, 0.16, mix(crust, WHITE, 0.6))
    p.limb([(-0.68, y), (0, y + bend), (0.68, y)], 0.17, 0.17, crust)
    p.limb([(-0.6, y + 0.02), (0, y + bend - 0.02), (0.6, y + 0.02)], 0.03, 0.03, mix(crust, WHITE, 0.25))


def _one_sausage(p: Pen, rng: np.random.Generator, y: float, bend: float, half: float) -> None:
    skin = vary(rng, [(165, 75, 45), (190, 90, 60), (130, 60, 40)][rng.integers(3)], 14)
    path = [(-half + 0.14, y), (0, y + bend), (half - 0.14, y)]
    p.limb(path, 0.15, 0.15, skin)
    p.limb([(x, v - 0.06) for x, v in path], 0.025, 0.025, mix(skin, WHITE, 0.3))
    if rng.random() < 0.5:
        for x in np.linspace(-half * 0.6, half * 0.6, 5):
            v = y + bend * (1 - (x / half)**2)
            p.limb([(x - 0.04, v - 0.09), (x + 0.05, v + 0.1)], 0.018, 0.018, mix(skin, BLACK, 0.45))


def _sauce(p: Pen, rng: np.random.Generator, y: float, bend: float) -> None:
    sauce, waves = vary(rng, [MUSTARD, MUSTARD, KETCHUP][rng.integers(3)], 12), rng.integers(4, 9)
    x = np.linspace(-0.68, 0.68, 6 * waves)
    wiggle = y + bend * (1 - x**2) + rng.uniform(0.03, 0.08) * np.sin((x + 1) * waves * np.pi)
    p.limb(np.stack([x, wiggle], 1), 0.032, 0.032, sauce)


def _lettuce(p: Pen, rng: np.random.Generator, y: float) -> None:
    green = vary(rng, GREEN)
    for x in np.linspace(-0.72, 0.72, 9):
        tone, turn = mix(green, WHITE, rng.uniform(0, 0.3)), rng.uniform(0, 3)
        p.ellipse(x, y + rng.uniform(-0.06, 0.06), 0.12, 0.09, tone, turn)
