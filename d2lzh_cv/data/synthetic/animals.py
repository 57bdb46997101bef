"""Animals and people, drawn with a pen in its local square; the generator varies each kind."""
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .pen import Color, Pen, mix, vary

BLACK, WHITE, PINK, HORN = (25, 22, 22), (248, 246, 240), (232, 150, 150), (120, 95, 70)


@dataclass(frozen=True)
class Beast:
    """The look of a four-legged animal; lengths in local units; from the side it looks left."""
    coat: Color
    chest: Color | None = None  # belly, muzzle and paws; None for the coat's colour
    mark: Color = BLACK  # colour of the pattern
    pattern: str = ""  # "", stripes, spots, patches, saddle, mask, blaze
    length: float = 0.5  # half the body
    depth: float = 0.22  # half the body's height
    legs: float = 0.5
    neck: tuple[float, float] = (-0.22, -0.32)  # from the shoulder to the head
    head: float = 0.2
    snout: float = 0.22
    ears: str = "point"  # point, flop, round
    ear: float = 0.2
    tail: str = "thin"  # thin, bushy, curl, stub, hair
    extra: str = ""  # antlers, mane, whiskers, beard

    @property
    def light(self) -> Color:
        """The colour of belly, muzzle and paws."""
        return self.coat if self.chest is None else self.chest


CAT = Beast((150, 140, 130), (225, 220, 212), (85, 75, 70), "stripes", 0.46, 0.19, 0.36, (-0.14, -0.26), 0.22, 0.09,
            "point", 0.2, "thin", "whiskers")
DOG = Beast((185, 130, 75), (235, 215, 185), (60, 45, 35), "", 0.48, 0.2, 0.45, (-0.18, -0.32), 0.2, 0.26,
            "flop", 0.25, "bushy")
HORSE = Beast((125, 75, 45), (115, 68, 42), (45, 30, 25), "", 0.56, 0.24, 0.66, (-0.3, -0.5), 0.15, 0.36,
              "point", 0.13, "hair", "mane")
DEER = Beast((165, 110, 65), (215, 180, 140), (240, 225, 200), "spots", 0.48, 0.19, 0.64, (-0.2, -0.52), 0.13, 0.24,
             "point", 0.17, "stub", "antlers")
CAT_COATS = ((150, 140, 130), (205, 135, 65), (60, 56, 56), (228, 222, 212), (120, 95, 75))
DOG_COATS = ((185, 130, 75), (95, 62, 42), (55, 50, 48), (225, 205, 170), (150, 120, 95))


def individual(rng: np.random.Generator, kind: Beast, coats=()) -> Beast:
    """Return one animal of ``kind`` with slightly varied colours and proportions and, if given, one of ``coats``."""
    coat = vary(rng, coats[rng.integers(len(coats))] if coats else kind.coat, 16)
    mark = mix(coat, BLACK, 0.45) if kind.pattern == "stripes" else kind.mark
    return replace(kind, coat=coat, mark=mark, length=kind.length * rng.uniform(0.9, 1.1),
                   depth=kind.depth * rng.uniform(0.9, 1.12), legs=kind.legs * rng.uniform(0.9, 1.08))


def walking(kind: Beast, coats=()):
    """Return a function of (pen, generator) that draws an individual of ``kind`` from the side."""
    return lambda p, rng: from_the_side(p, rng, individual(rng, kind, coats))


def from_the_side(p: Pen, rng: np.random.Generator, b: Beast) -> None:
    """Draw the whole animal, walking to the left."""
    foot = b.depth + b.legs
    for x in (-0.72, 0.9):
        _leg(p, b, x * b.length + rng.uniform(-0.1, 0.1), foot - 0.03, mix(b.coat, BLACK, 0.3))
    _tail(p, rng, b)
    _body(p, rng, b)
    for x in (-0.88, 0.74):
        _leg(p, b, x * b.length + rng.uniform(-0.08, 0.08), foot, b.coat)
    shoulder = np.array([-b.length * 0.8, -b.depth * 0.45])
    place = shoulder + b.neck + rng.uniform(-0.04, 0.04, 2)
    p.limb([shoulder + [0.04, 0.05], (shoulder + place) / 2 + [0.03, 0.0], place + [0.03, 0]], b.depth * 0.72,
           b.head * 0.72, b.coat)
    if b.extra == "mane":
        p.limb([shoulder + [0.16, -0.08], (shoulder + place) / 2 + [0.15, -0.06], place + [0.06, -0.14]], 0.07, 0.05,
               b.mark)
    _head_from_the_side(p, b, *place)


def _leg(p: Pen, b: Beast, x: float, foot: float, fill: Color) -> None:
    thick = 0.3 * b.depth + 0.012
    p.limb([(x, b.depth * 0.3), (x + 0.03, (foot + b.depth) / 2), (x, foot - 0.04)], thick * 1.5, thick * 0.75, fill)
    p.ellipse(x - 0.03, foot - 0.03, thick * 1.15, 0.045, b.mark if b.extra in ("mane", "antlers") else b.light)


def _tail(p: Pen, rng: np.random.Generator, b: Beast) -> None:
    x, y, up = b.length * 0.95, -b.depth * 0.45, rng.uniform(-0.3, 0.1)
    if b.tail == "stub":
        p.ellipse(x + 0.04, y, 0.09, 0.06, b.light, -0.5)
    elif b.tail == "hair":
        p.limb([(x, y), (x + 0.16, y + 0.15), (x + 0.14, y + 0.6)], 0.06, 0.09, b.mark)
    elif b.tail == "curl":
        p.limb([(x, y), (x + 0.15, y - 0.25), (x - 0.08, y - 0.33), (x - 0.1, y - 0.18)], 0.08, 0.05, b.coat)
    else:
        thick = 0.09 if b.tail == "bushy" else 0.045
        p.limb([(x - 0.05, y), (x + 0.2, y + up / 2), (x + 0.33, y - 0.3 + up)], 0.06, thick, b.coat)


def _body(p: Pen, rng: np.random.Generator, b: Beast) -> None:
    u, v = b.length, b.depth
    p.smooth([(-u * 1.05, -v * 0.2), (-u * 0.7, -v), (0, -v * 0.82), (u * 0.7, -v * 0.98), (u * 1.05, -v * 0.2),
              (u * 0.8, v * 0.7), (0, v * 0.85), (-u * 0.75, v)], b.coat)
    with p.inside():
        if b.chest is not None and b.extra != "mane":
            p.ellipse(-u * 0.1, v * 1.15, u, v * 0.55, mix(b.coat, b.light, 0.8))
        _pattern(p, rng, b, u, v)


def _pattern(p: Pen, rng: np.random.Generator, b: Beast, u: float, v: float) -> None:
    if b.pattern == "stripes":
        for x in np.linspace(-u, u, 8):
            p.limb([(x, -v * 1.1), (x + 0.03, -v * 0.3), (x - 0.02, v * rng.uniform(0.1, 0.5))], 0.028, 0.008, b.mark)
    elif b.pattern in ("spots", "patches"):
        big = 0.16 if b.pattern == "patches" else 0.045
        for _ in range(6 if b.pattern == "patches" else 26):
            p.ellipse(rng.uniform(-u, u), rng.uniform(-v, v * 0.6), big * rng.uniform(0.6, 1.3), big * 0.8, b.mark,
                      rng.uniform(0, 3))
    elif b.pattern == "saddle":
        p.ellipse(u * 0.15, -v * 0.9, u * 0.9, v * 1.15, b.mark)


def _head_from_the_side(p: Pen, b: Beast, x: float, y: float) -> None:
    r, tip = b.head, (x - b.head * 0.75 - b.snout, y + 0.1 + b.snout * 0.3)
    if b.extra == "antlers":
        for u in (x, x + 0.1):
            p.limb([(u, y - r * 0.7), (u + 0.07, y - 0.35), (u - 0.05, y - 0.58)], 0.022, 0.014, HORN)
            p.limb([(u + 0.05, y - 0.3), (u + 0.2, y - 0.5)], 0.018, 0.012, HORN)
    _side_ear(p, b, x + r * 0.75, y - r * 0.6, mix(b.coat, BLACK, 0.25))
    p.limb([(x, y), (x - r * 0.6, y + 0.06), tip], r, max(0.4 * r, 0.06), b.coat)
    p.ellipse(tip[0], tip[1], max(0.5 * r, 0.07), max(0.42 * r, 0.06), mix(b.coat, b.light, 0.7))
    if b.pattern == "mask":
        p.ellipse(x - r * 0.5, y - r * 0.1, r * 0.5, r * 0.45, b.mark)
    p.ellipse(tip[0] - 0.05, tip[1] - 0.03, 0.04, 0.035, PINK if b.extra == "whiskers" else BLACK)
    p.ellipse(x - r * 0.42, y - r * 0.15, 0.038, 0.042, BLACK)
    p.ellipse(x - r * 0.46, y - r * 0.2, 0.014, 0.014, WHITE)
    _side_ear(p, b, x + r * 0.35, y - r * 0.75, b.mark if b.pattern == "saddle" else mix(b.coat, BLACK, 0.12))


def _side_ear(p: Pen, b: Beast, x: float, y: float, fill: Color) -> None:
    e = b.ear
    if b.ears == "flop":
        outline = np.array([(-0.35, 0), (0.3, -0.1), (0.55, 0.7), (0.2, 1.4), (-0.15, 0.8)])
        p.smooth(outline * e + [x, y], fill)
    elif b.ears == "round":
        p.ellipse(x + e * 0.4, y, e, e * 0.55, fill, -0.3)
    else:
        p.polygon([(x - e * 0.5, y + e * 0.25), (x + e * 0.15, y - e * 1.1), (x + e * 0.5, y + e * 0.4)], fill)


def bird(p: Pen, rng: np.random.Generator, coat: Color | None = None, flying: bool | None = None) -> None:
    """Draw a bird that looks left, standing or flying."""
    coats = (70, 110, 190), (190, 60, 50), (90, 80, 70), (225, 180, 50), (60, 130, 90), (235, 235, 235)
    coat = vary(rng, coats[rng.integers(len(coats))]) if coat is None else coat
    flying = rng.random() < 0.4 if flying is None else flying
    dark, beak = mix(coat, BLACK, 0.35), (235, 150, 40)
    p.polygon([(0.35, 0.0), (0.95, 0.1 if flying else 0.35), (0.9, 0.25 if flying else 0.5), (0.3, 0.25)], dark)
    if flying:
        p.smooth([(-0.2, -0.05), (0.1, -0.75), (0.45, -0.95), (0.4, -0.5), (0.3, 0.0)], mix(coat, BLACK, 0.5))
    else:
        for x in (-0.05, 0.12):
            p.limb([(x, 0.4), (x - 0.02, 0.85)], 0.025, 0.02, beak)
            p.limb([(x - 0.14, 0.87), (x + 0.06, 0.87)], 0.022, 0.02, beak)
    p.smooth([(-0.5, -0.1), (-0.3, -0.25), (0.2, -0.2), (0.5, 0.08), (0.25, 0.42), (-0.2, 0.45), (-0.48, 0.2)], coat)
    with p.inside():
        p.ellipse(-0.25, 0.35, 0.35, 0.25, mix(coat, WHITE, 0.6))
    p.polygon([(-0.68, -0.32), (-0.95, -0.2), (-0.66, -0.15)], beak)
    p.ellipse(-0.48, -0.27, 0.25, 0.24, coat)
    p.ellipse(-0.56, -0.32, 0.045, 0.05, BLACK)
    p.ellipse(-0.575, -0.34, 0.017, 0.017, WHITE)
    wing = [(-0.15, 0.0), (0.3, -0.75), (0.75, -0.85), (0.6, -0.35), (0.35, 0.1)] if flying else \
        [(-0.2, 0.0), (0.2, -0.05), (0.65, 0.3), (0.2, 0.35), (-0.1, 0.25)]
    p.smooth(wing, dark)


def frog(p: Pen, rng: np.random.Generator) -> None:
    """Draw a sitting frog from the front."""
    skin = vary(rng, [(80, 150, 50), (115, 140, 60), (60, 120, 80), (150, 120, 60)][rng.integers(4)])
    dark, light = mix(skin, BLACK, 0.25), mix(skin, (240, 240, 190), 0.6)
    for side in (-1, 1):
        p.ellipse(0.62 * side, 0.42, 0.32, 0.25, dark, 0.4 * side)
        p.ellipse(0.75 * side, 0.68, 0.24, 0.07, dark)
    p.smooth([(0, -0.4), (0.5, -0.15), (0.62, 0.35), (0.35, 0.68), (-0.35, 0.68), (-0.62, 0.35), (-0.5, -0.15)], skin)
    with p.inside():
        for _ in range(8):
            p.ellipse(rng.uniform(-0.6, 0.6), rng.uniform(-0.4, 0.5), 0.06, 0.05, dark)
    p.ellipse(0, 0.42, 0.34, 0.24, light)
    p.limb([(-0.42, 0.02), (0, 0.16), (0.42, 0.02)], 0.022, 0.022, mix(skin, BLACK, 0.7))
    for side in (-1, 1):
        p.ellipse(0.3 * side, -0.38, 0.19, 0.19, skin)
        p.ellipse(0.3 * side, -0.4, 0.12, 0.12, (240, 220, 110))
        p.ellipse(0.3 * side, -0.4, 0.05, 0.09, BLACK)
        p.limb([(0.28 * side, 0.4), (0.34 * side, 0.72)], 0.09, 0.07, skin)
        p.ellipse(0.37 * side, 0.74, 0.15, 0.06, skin)


def person(p: Pen, rng: np.random.Generator) -> None:
    """Draw a standing person from the front."""
    skin = vary(rng, [(235, 190, 160), (190, 140, 105), (120, 80, 55)][rng.integers(3)], 10)
    shirt, trousers = rng.uniform(30, 235, 3), mix(rng.uniform(20, 160, 3), (50, 60, 100), 0.4)
    hair = vary(rng, [(40, 30, 25), (110, 70, 40), (210, 175, 100), (150, 150, 150)][rng.integers(4)], 10)
    stance, long_hair = rng.uniform(0.08, 0.2), rng.random() < 0.5
    if long_hair:
        p.smooth([(-0.19, -0.75), (0, -0.98), (0.19, -0.75), (0.2, -0.4), (-0.2, -0.4)], hair)
    for side in (-1, 1):
        p.limb([(0.11 * side, 0.1), (stance * side, 0.88)], 0.115, 0.075, trousers)
        p.ellipse((stance + 0.03) * side, 0.93, 0.12, 0.055, mix(trousers, BLACK, 0.7))
        lift = rng.uniform(-0.6, 0.25) if rng.random() < 0.4 else 0.2
        hand = (0.46 * side, -0.08 + lift)
        p.limb([(0.24 * side, -0.4), (0.38 * side, -0.18 + lift / 4), hand], 0.085, 0.06, mix(shirt, BLACK, 0.12))
        p.ellipse(*hand, 0.07, 0.075, skin)
    p.smooth([(-0.28, -0.45), (0, -0.52), (0.28, -0.45), (0.24, 0.18), (-0.24, 0.18)], shirt)
    p.limb([(0, -0.6), (0, -0.48)], 0.075, 0.08, mix(skin, BLACK, 0.12))
    p.ellipse(0, -0.75, 0.155, 0.19, skin)
    p.smooth([(-0.17, -0.75), (-0.12, -0.92), (0.05, -0.97), (0.17, -0.87), (0.17, -0.74), (0.06, -0.86),
              (-0.1, -0.84)], hair)
    for side in (-1, 1):
        p.ellipse(0.06 * side, -0.76, 0.02, 0.022, BLACK)
    p.limb([(-0.045, -0.655), (0, -0.64), (0.045, -0.655)], 0.012, 0.012, (150, 60, 60))
