"""Picture folders of section 9.2: many source classes, and hot dogs against similar things."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ... import files
from . import backgrounds, food, pen, things
from .pen import Pen

SOURCE_TRAIN, SOURCE_TEST = 125, 17  # pictures per class
HOTDOG_TRAIN, HOTDOG_TEST = 80, 50
SOURCE_CLASSES = {"apple": food.apple, "banana": food.banana, "bottle": things.bottle, "bread": food.bread,
                  "burger": food.burger, "car": things.car, "cup": food.cup, "leaf": food.leaf, "pizza": food.pizza,
                  "plate": food.plate, "sandwich": food.sandwich, "sausage": food.sausage}
# A quarter of the negatives are parts of a hot dog: neither a sausage nor a bun may give the class away
NOT_HOTDOG = (food.sausage, food.pizza, food.apple, food.burger, food.bread, food.plate, food.banana, food.cup,
              food.sandwich, food.carrot, food.leaf, things.bottle)
NEVER_ON_A_PLATE = (food.plate, food.cup, food.leaf, things.bottle, things.car)
STANDING = (things.bottle, things.car, food.cup, food.burger, food.apple)  # slightly tilted; others turn freely
TABLES = (backgrounds.wood, backgrounds.cloth, backgrounds.texture, backgrounds.gradient, backgrounds.clutter)


def draw_source(folder: Path, rng: np.random.Generator) -> None:
    """Write train/<class>/NNN.jpg and test/<class>/NNN.jpg, 64 to 96 pixels per side."""
    for part, count in (("train", SOURCE_TRAIN), ("test", SOURCE_TEST)):
        for name, draw in SOURCE_CLASSES.items():
            _write(folder / part / name, rng, [draw] * count, (64, 96))


def draw_hotdog(folder: Path, rng: np.random.Generator) -> None:
    """Write {train,test}/{hotdog,not-hotdog}/NNN.jpg, 72 to 128 pixels per side."""
    for part, count in (("train", HOTDOG_TRAIN), ("test", HOTDOG_TEST)):
        others = [NOT_HOTDOG[i % len(NOT_HOTDOG)] for i in range(count)]
        _write(folder / part / "hotdog", rng, [food.hot_dog] * count, (72, 128))
        _write(folder / part / "not-hotdog", rng, others, (72, 128))


def picture(rng: np.random.Generator, draw, sides: tuple[int, int]) -> Image.Image:
    """Draw ``draw``'s object on a table, sometimes on a plate; ``sides`` is the range of the side lengths in pixels."""
    size = tuple(int(side) for side in rng.integers(sides[0], sides[1] + 1, 2))
    scene = backgrounds.anywhere(rng, size, TABLES, 0.2)
    x, y = (np.array(size) * (0.5 + rng.uniform(-0.08, 0.08, 2))).tolist()
    radius = min(size) * rng.uniform(0.4, 0.56)
    if rng.random() < 0.4 and draw not in NEVER_ON_A_PLATE:
        under = Pen(size, 2).place(x, y, radius * 1.4)
        food.plate(under, rng)
        scene = pen.lay(scene, under.layer(), 0.3)
    angle = rng.normal(0, 0.15) if draw in STANDING else rng.uniform(0, 2 * np.pi)
    p = Pen(size, 3).place(x, y, radius, angle, rng.random() < 0.5, rng.uniform(0.9, 1.1))
    draw(p, rng)
    layer = pen.shade(p.layer(), rng, depth=0.3 if draw is food.plate else 0.9)
    image = pen.relight(pen.lay(scene, layer, rng.uniform(0.2, 0.5)), rng, 0.25)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.9)))




def _write(folder: Path, rng: np.random.Generator, draws: list, sides: tuple[int, int]) -> None:
    files.make_folder(folder)
    for i, draw in enumerate(draws):
        picture(rng, draw, sides).save(folder / f"{i:03d}.jpg", "JPEG", quality=90)
