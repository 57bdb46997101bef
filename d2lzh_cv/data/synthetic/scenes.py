"""The VOC tree of sections 9.9 and 9.10: drawn objects of eight VOC classes with exact masks."""
from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ... import files
from . import animals, backgrounds, pen, things
from .pen import Pen

TRAIN, VAL = 48, 16
SIZES = ((500, 375), (500, 333), (500, 375), (480, 360))  # width × height; the book crops 480 × 320
VOID = 255  # VOC's borders without a class


# VOC's class number: drawing function, scenes, height of the feet in the pen's square (None: in the air)
KINDS = {
    1: (things.aeroplane, (backgrounds.sky, backgrounds.sky, backgrounds.meadow), None),
    3: (partial(animals.bird, flying=True), (backgrounds.sky, backgrounds.meadow, backgrounds.sea), None),
    4: (things.ship, (backgrounds.sea,), 0.58),
    7: (things.car, (backgrounds.road, backgrounds.street), 0.45),
    8: (animals.walking(animals.CAT, animals.CAT_COATS),
        (backgrounds.room, backgrounds.meadow, backgrounds.street), 0.56),
    15: (animals.person, (backgrounds.street, backgrounds.road, backgrounds.meadow, backgrounds.room), 0.97),
    16: (things.potted_plant, (backgrounds.room, backgrounds.street), 0.95),
    20: (things.television, (backgrounds.room,), 0.8),
}


def draw_voc(folder: Path, rng: np.random.Generator) -> None:
    """Write JPEGImages, SegmentationClass (palette PNG as in VOC) and ImageSets/Segmentation into ``folder``."""
    images, masks = (files.make_folder(folder / name) for name in ("JPEGImages", "SegmentationClass"))
    names = [f"{2000 + i // 100}_{i + 1:06d}" for i in range(TRAIN + VAL)]
    for i, name in enumerate(names):
        image, classes = picture(rng, first=list(KINDS)[i % len(KINDS)])
        image.save(images / f"{name}.jpg", "JPEG", quality=90)
        palette_image(classes).save(masks / f"{name}.png", "PNG")
    lists = {"train": names[:TRAIN], "val": names[TRAIN:], "trainval": names}
    for part, members in lists.items():
        files.write_text(folder / "ImageSets" / "Segmentation" / f"{part}.txt", "\n".join(members) + "\n")


def picture(rng: np.random.Generator, first: int) -> tuple[Image.Image, np.ndarray]:
    """Draw one to three objects, one of class ``first``, and return the picture and its classes (H, W), uint8."""
    size = SIZES[rng.integers(len(SIZES))]
    scene = KINDS[first][1][rng.integers(len(KINDS[first][1]))]
    guests = [k for k, (_, scenes, _) in KINDS.items() if scene in scenes]
    kinds = [first, *rng.choice(guests, rng.choice(3, p=[0.4, 0.4, 0.2]))]
    image = scene(rng, size)
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(1, 4)))
    classes = np.zeros((size[1], size[0]), np.uint8)
    slots = rng.permutation(len(kinds))
    for kind, slot in zip(kinds[::-1], slots):
        layer = _object(rng, size, int(kind), (slot + 0.5) / len(kinds), len(kinds))
        image = pen.lay(image, layer)
        classes[pen.mask_of(layer)] = kind
    return pen.relight(image, rng, 0.12), with_border(classes)


def _object(rng: np.random.Generator, size, kind: int, across: float, company: int) -> Image.Image:
    draw, _, feet = KINDS[kind]
    w, h = size
    radius = h * rng.uniform(0.3, 0.47) / (1, 1.15, 1.4)[company - 1]
    x = w * (across + rng.uniform(-0.1, 0.1))
    y = h * rng.uniform(0.35, 0.6) if feet is None else h * rng.uniform(0.84, 0.98) - radius * feet
    tilt = rng.normal(0, 0.15 if feet is None else 0.03)
    p = Pen(size, 2).place(x, y, radius, tilt, flip=rng.random() < 0.5)
    draw(p, rng)
    return pen.shade(p.layer(), rng)


def with_border(classes: np.ndarray) -> np.ndarray:
    """Return ``classes`` with VOC's void border, two pixels wide, between classes."""
    edge = np.zeros(classes.shape, bool)
    for upper, lower in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differs = classes[upper] != classes[lower]
        edge[upper] |= differs
        edge[lower] |= differs
    return np.where(edge, VOID, classes).astype(np.uint8)


def palette_image(classes: np.ndarray) -> Image.Image:
    """Return ``classes`` (H, W) as an 8-bit palette picture in VOC's colours."""
    image = Image.fromarray(classes)
    image.putpalette(voc_palette().ravel().tolist())
    return image


def voc_palette() -> np.ndarray:
    """Return VOC's colours (256, 3): bits 0, 3, 6 of the class number make red, 1, 4, 7 green, 2, 5 blue."""
    number = np.arange(256)
    bits = (number[:, None] >> np.arange(9)) & 1  # (256, 9), the ninth always 0
    return np.stack([bits[:, c::3] @ (128 >> np.arange(3)) for c in range(3)], 1).astype(np.uint8)
