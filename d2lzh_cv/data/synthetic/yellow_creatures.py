"""The detection set of sections 9.6 and 9.7: one small yellow creature per picture, with its exact box."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from mxnet import recordio
from PIL import Image

from . import backgrounds, pen
from .pen import Pen, mix, vary

SIDE = 256  # pixels
TRAIN, VAL = 160, 32
BLACK, BROWN, RED = (25, 22, 20), (125, 75, 35), (225, 60, 45)


def draw_pikachu(folder: Path, rng: np.random.Generator) -> None:
    """Write train.rec, train.idx and val.rec into ``folder``, with labels as in the book's records."""
    _write_records(folder / "train", TRAIN, rng, index=True)
    _write_records(folder / "val", VAL, rng, index=False)


def picture(rng: np.random.Generator) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """Draw a picture (256 × 256); return it and the creature's tight box (xmin, ymin, xmax, ymax) in pixels."""
    scene = backgrounds.anywhere(rng, (SIDE, SIDE))
    layer = one_creature(rng, (SIDE, SIDE), SIDE * rng.uniform(0.25, 0.7))
    layer = pen.shade(layer, rng)
    result = pen.relight(pen.lay(scene, layer, shadow=rng.uniform(0, 0.5)), rng, 0.18)
    return result, pen.box_of(pen.mask_of(layer))


def one_creature(rng: np.random.Generator, size: tuple[int, int], length: float, centre=None) -> Image.Image:
    """Return a layer with a creature whose longer side is ``length`` pixels.

    ``centre`` is (x, y); by default it is random, with the whole creature in the picture.
    """
    pose, angle, flip = rng.integers(2**32), rng.normal(0, 0.2), rng.random() < 0.5
    trial = Pen(size, 1).place(size[0] / 2, size[1] / 2, 0.3 * min(size), angle, flip)
    creature(trial, np.random.default_rng(pose))
    left, top, right, bottom = trial.image.getbbox()
    scale = length / max(right - left, bottom - top)  # from the trial's pixels to ours
    middle = scale * (np.array([left + right, top + bottom]) - size) / 2
    half = scale * np.array([right - left, bottom - top]) / 2 + 1
    centre = rng.uniform(half, size - half) if centre is None else np.asarray(centre)
    real = Pen(size, 3).place(*(centre - middle), 0.3 * min(size) * scale, angle, flip)
    creature(real, np.random.default_rng(pose))
    return real.layer()


def creature(p: Pen, rng: np.random.Generator) -> None:
    """Draw the creature: a plump yellow mouse with black-tipped ears, red cheeks and a lightning-shaped tail."""
    skin = vary(rng, (250, 212, 50), 14)
    _tail(p, rng, skin)
    for side in (-1, 1):
        _ear(p, skin, side, rng.uniform(0.05, 0.75))
        p.ellipse(0.24 * side, 0.93, 0.2, 0.1, mix(skin, BROWN, 0.12))
    p.smooth([(0, -0.1), (0.36, 0.15), (0.45, 0.6), (0.28, 0.92), (-0.28, 0.92), (-0.45, 0.6), (-0.36, 0.15)], skin)
    p.ellipse(0, 0.62, 0.27, 0.28, mix(skin, (255, 250, 200), 0.3))
    for side in (-1, 1):
        lift = rng.uniform(-0.35, 0.35)
        p.limb([(0.3 * side, 0.2), (0.45 * side, 0.3 + lift / 3), (0.52 * side, 0.32 + lift)], 0.12, 0.08,
               mix(skin, BROWN, 0.1))
    p.smooth([(0, -0.72), (0.34, -0.62), (0.5, -0.25), (0.36, 0.04), (0, 0.12),
              (-0.36, 0.04), (-0.5, -0.25), (-0.34, -0.62)], skin)
    _face(p, rng)


def _tail(p: Pen, rng: np.random.Generator, skin) -> None:
    lift = rng.uniform(-0.1, 0.25)
    p.polygon([(0.25, 0.7), (0.62, 0.62), (0.55, 0.45), (0.42, 0.55), (0.2, 0.6)], BROWN)
    p.polygon([(0.52, 0.63), (0.78, 0.5), (0.68, 0.36 - lift / 2), (1.05, 0.1 - lift), (0.9, -0.45 - lift),
               (0.55, -0.2 - lift), (0.66, 0.1 - lift / 2), (0.45, 0.25), (0.56, 0.46), (0.46, 0.5)],
              mix(skin, BROWN, 0.08))


def _ear(p: Pen, skin, side: int, lean: float) -> None:
    cos, sin = np.cos(lean * side), np.sin(lean * side)
    turn = np.array([[cos, sin], [-sin, cos]])
    root = np.array([0.27 * side, -0.55])
    outline = np.array([(-0.12, 0.05), (-0.13, -0.3), (0, -0.72), (0.13, -0.3), (0.12, 0.05)])
    tip = np.array([(-0.105, -0.42), (-0.06, -0.6), (0, -0.72), (0.06, -0.6), (0.105, -0.42), (0, -0.36)])
    p.smooth(outline @ turn + root, skin)
    p.smooth(tip @ turn + root, BLACK)


def _face(p: Pen, rng: np.random.Generator) -> None:
    open_mouth = rng.random() < 0.5
    for side in (-1, 1):
        p.ellipse(0.22 * side, -0.33, 0.085, 0.1, BLACK)
        p.ellipse(0.2 * side, -0.37, 0.032, 0.036, (255, 255, 255))
        p.ellipse(0.37 * side, -0.1, 0.105, 0.1, vary(rng, RED))
    p.polygon([(-0.035, -0.22), (0.035, -0.22), (0, -0.185)], BLACK)
    if open_mouth:
        p.smooth([(-0.12, -0.1), (0, -0.12), (0.12, -0.1), (0.07, 0.03), (-0.07, 0.03)], (120, 30, 30))
        p.ellipse(0, 0.0, 0.05, 0.03, (235, 120, 120))
    for side in (-1, 1):
        p.limb([(0, -0.11), (0.07 * side, -0.08), (0.14 * side, -0.12)], 0.014, 0.01, BLACK)


def _write_records(stem: Path, count: int, rng: np.random.Generator, index: bool) -> None:
    path = str(stem.with_suffix(".rec"))
    writer = recordio.MXIndexedRecordIO(str(stem.with_suffix(".idx")), path, "w") if index else \
        recordio.MXRecordIO(path, "w")
    try:
        for i in range(count):
            record = _pack(i, *picture(rng))
            writer.write_idx(i, record) if index else writer.write(record)
    finally:
        writer.close()


def _pack(i: int, image: Image.Image, box: tuple[int, int, int, int]) -> bytes:
    """Pack header (its width, an object's width, the picture's size), class and relative box with the picture."""
    w, h = image.size
    label = [4, 5, w, h, 0, box[0] / w, box[1] / h, box[2] / w, box[3] / h]
    return recordio.pack(recordio.IRHeader(0, label, i, 0), pen.encoded(image, "JPEG", quality=92))
