"""Vehicles and household objects, drawn with a pen in its local square, facing left."""
from __future__ import annotations

import numpy as np

from .pen import Color, Pen, mix, vary

BLACK, WHITE, GLASS = (28, 28, 30), (245, 245, 245), (150, 190, 215)


def livery(rng: np.random.Generator) -> Color:
    """Return a paint colour: strong, or white, silver, black."""
    colors = (200, 40, 40), (40, 80, 180), (240, 240, 240), (60, 60, 65), (170, 175, 180), (40, 140, 80), (235, 170, 40)
    return vary(rng, colors[rng.integers(len(colors))])


def wheel(p: Pen, x: float, y: float, r: float) -> None:
    """Draw a wheel with centre (x, y) and radius ``r``."""
    p.ellipse(x, y, r, r, BLACK)
    p.ellipse(x, y, r * 0.55, r * 0.55, (175, 175, 180))
    p.ellipse(x, y, r * 0.2, r * 0.2, (90, 90, 95))


def aeroplane(p: Pen, rng: np.random.Generator) -> None:
    """Draw an airliner from the side, one wing towards the viewer."""
    hull, accent = mix(livery(rng), WHITE, 0.55), livery(rng)
    p.polygon([(-0.05, -0.06), (0.2, -0.06), (0.45, -0.42), (0.32, -0.42)], mix(hull, BLACK, 0.35))
    p.polygon([(0.58, -0.1), (0.8, -0.52), (0.97, -0.52), (0.88, -0.05)], accent)
    p.smooth([(-0.97, 0.06), (-0.8, -0.08), (-0.4, -0.14), (0.5, -0.12), (0.95, -0.06), (0.6, 0.08), (-0.4, 0.16),
              (-0.85, 0.14)], hull)
    with p.inside():
        p.box(-1, 0.07, 1, 0.3, mix(accent, hull, 0.3))
    p.polygon([(-0.93, 0.0), (-0.82, -0.06), (-0.76, -0.06), (-0.78, 0.01)], (60, 80, 100))
    for x in np.arange(-0.6, 0.55, 0.11):
        p.ellipse(x, -0.03, 0.025, 0.03, (60, 80, 100))
    p.polygon([(0.62, -0.04), (0.8, -0.04), (0.98, 0.1), (0.88, 0.1)], mix(hull, BLACK, 0.2))
    p.ellipse(-0.02, 0.27, 0.15, 0.07, mix(accent, BLACK, 0.2))
    p.polygon([(-0.2, 0.06), (0.2, 0.06), (0.6, 0.52), (0.42, 0.52)], mix(hull, BLACK, 0.22))


def car(p: Pen, rng: np.random.Generator) -> None:
    """Draw a car from the side."""
    body, roof = livery(rng), rng.uniform(-0.46, -0.34)
    back = rng.uniform(0.45, 0.8)
    p.polygon([(-0.55, -0.05), (-0.28, roof), (back - 0.2, roof), (back, -0.05)], body)
    p.polygon([(-0.44, -0.06), (-0.23, roof + 0.06), (0.03, roof + 0.06), (0.03, -0.06)], mix(GLASS, BLACK, 0.2))
    p.polygon([(0.08, -0.06), (0.08, roof + 0.06), (back - 0.22, roof + 0.06), (back - 0.08, -0.06)],
              mix(GLASS, BLACK, 0.3))
    p.smooth([(-0.97, 0.12), (-0.9, -0.02), (-0.5, -0.1), (0.6, -0.1), (0.93, -0.03), (0.97, 0.2), (0.9, 0.27),
              (-0.93, 0.27)], body)
    p.box(-0.96, 0.2, 0.96, 0.27, mix(body, BLACK, 0.5))
    p.ellipse(-0.9, 0.06, 0.06, 0.05, (250, 240, 180))
    p.ellipse(0.92, 0.05, 0.04, 0.06, (200, 30, 30))
    p.limb([(0.05, -0.08), (0.05, 0.2)], 0.008, 0.008, mix(body, BLACK, 0.4))
    wheel(p, -0.58, 0.26, 0.19)
    wheel(p, 0.58, 0.26, 0.19)


def truck(p: Pen, rng: np.random.Generator) -> None:
    """Draw a lorry from the side: cab, box, three wheels."""
    cab, load = livery(rng), mix(livery(rng), WHITE, 0.35)
    top = rng.uniform(-0.68, -0.5)
    p.box(-0.95, 0.3, 0.95, 0.4, (60, 60, 62))
    p.box(-0.4, top, 0.97, 0.32, load)
    if rng.random() < 0.6:
        p.box(-0.4, top + 0.25, 0.97, top + 0.4, livery(rng))
    p.polygon([(-0.97, 0.38), (-0.97, 0.0), (-0.86, -0.36), (-0.46, -0.36), (-0.46, 0.38)], cab)
    p.polygon([(-0.91, -0.02), (-0.82, -0.28), (-0.56, -0.28), (-0.56, -0.02)], GLASS)
    p.ellipse(-0.95, 0.22, 0.04, 0.05, (250, 240, 180))
    for x in (-0.7, 0.35, 0.72):
        wheel(p, x, 0.42, 0.17)


def ship(p: Pen, rng: np.random.Generator) -> None:
    """Draw a steamer or a sailing boat from the side."""
    hull = livery(rng)
    if rng.random() < 0.5:
        p.limb([(0, 0.3), (0, -0.95)], 0.025, 0.02, (110, 80, 50))
        sail = mix(livery(rng), WHITE, 0.65)
        p.smooth([(0.05, -0.9), (0.4, -0.4), (0.62, 0.2), (0.3, 0.2), (0.05, 0.2)], sail)
        p.polygon([(-0.05, -0.85), (-0.05, 0.18), (-0.6, 0.2)], mix(sail, BLACK, 0.12))
    else:
        p.box(-0.5, -0.15, 0.6, 0.3, WHITE)
        p.box(-0.35, -0.42, 0.4, -0.12, (228, 228, 228))
        for x in (-0.12, 0.2):
            p.box(x, -0.8, x + 0.16, -0.4, funnel := mix(hull, (200, 60, 40), 0.6))
            p.box(x, -0.8, x + 0.16, -0.7, mix(funnel, BLACK, 0.7))
        for x in np.arange(-0.4, 0.55, 0.16):
            p.ellipse(x, 0.06, 0.045, 0.045, (70, 100, 130))
    p.polygon([(-0.98, 0.15), (0.95, 0.2), (0.78, 0.58), (-0.68, 0.58)], hull)
    with p.inside():
        p.box(-1, 0.46, 1, 0.6, mix(hull, (150, 40, 30), 0.7))
    p.limb([(-0.95, 0.2), (0.92, 0.25)], 0.02, 0.02, mix(hull, WHITE, 0.7))


def television(p: Pen, rng: np.random.Generator) -> None:
    """Draw a screen with a picture, on its foot."""
    case = vary(rng, (40, 40, 44), 12)
    p.box(-0.07, 0.5, 0.07, 0.72, mix(case, WHITE, 0.15))
    p.ellipse(0, 0.75, 0.4, 0.07, mix(case, WHITE, 0.1))
    p.box(-0.95, -0.6, 0.95, 0.56, case)
    upper, lower = rng.uniform(60, 230, 3), rng.uniform(40, 200, 3)
    p.box(-0.87, -0.52, 0.87, 0.44, upper)
    p.box(-0.87, rng.uniform(-0.1, 0.15), 0.87, 0.44, lower)
    p.ellipse(rng.uniform(-0.5, 0.5), rng.uniform(-0.3, -0.2), 0.15, 0.15, mix(upper, WHITE, 0.7))
    p.polygon([(-0.87, -0.52), (-0.45, -0.52), (-0.7, 0.44), (-0.87, 0.44)], mix(upper, WHITE, 0.25))


def potted_plant(p: Pen, rng: np.random.Generator) -> None:
    """Draw a plant in a pot."""
    green, pot = vary(rng, (55, 130, 50)), vary(rng, [(180, 90, 55), (220, 215, 205), (70, 90, 120)][rng.integers(3)])
    for angle in np.concatenate([np.linspace(-1.25, 1.25, 7), rng.uniform(-0.9, 0.9, 6)]):
        reach, tone = rng.uniform(0.75, 1.2), mix(green, (160, 200, 90), rng.uniform(0, 0.5))
        tip = np.array([np.sin(angle), -np.cos(angle)]) * reach + [0, 0.25]
        middle = (tip + [0, 0.25]) / 2 + [0, -0.06]
        across = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(0.09, 0.16)
        p.smooth([(0, 0.3), middle + across, tip, middle - across], tone)
        p.limb([(0, 0.3), tip * 0.85 + [0, 0.04]], 0.012, 0.005, mix(tone, BLACK, 0.3))
    p.polygon([(-0.36, 0.3), (0.36, 0.3), (0.26, 0.95), (-0.26, 0.95)], pot)
    p.box(-0.41, 0.24, 0.41, 0.4, mix(pot, WHITE, 0.12))


def bottle(p: Pen, rng: np.random.Generator) -> None:
    """Draw a bottle with a label."""
    glass = vary(rng, [(45, 95, 55), (95, 60, 35), (150, 200, 215), (180, 50, 50)][rng.integers(4)])
    p.smooth([(-0.1, -0.9), (0.1, -0.9), (0.1, -0.5), (0.27, -0.25), (0.28, 0.85), (0, 0.93), (-0.28, 0.85),
              (-0.27, -0.25), (-0.1, -0.5)], glass)
    p.box(-0.12, -0.98, 0.12, -0.82, vary(rng, (200, 170, 60)))
    p.box(-0.27, 0.0, 0.27, 0.5, label := mix(livery(rng), WHITE, 0.5))
    p.box(-0.27, 0.12, 0.27, 0.2, mix(label, BLACK, 0.5))
    p.limb([(-0.18, -0.2), (-0.19, 0.75)], 0.022, 0.022, mix(glass, WHITE, 0.5))
