"""The book's single pictures, redrawn: a dog and a cat (9.3, 9.4), a cat (9.1), creatures (9.7), two for style."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from . import animals, backgrounds, faces, painting, pen, yellow_creatures
from .pen import Pen

CATDOG_SIZE, DOG_BOX, CAT_BOX = (728, 561), (60, 45, 378, 516), (400, 112, 655, 493)  # the book's boxes, in pixels


def draw_img(folder: Path, rng: np.random.Generator) -> None:
    """Write the five pictures into ``folder``."""
    draws = {"catdog": catdog, "cat1": cat_portrait, "pikachu": creatures, "rainier": painting.landscape,
             "autumn_oak": painting.autumn}
    for name, draw in draws.items():
        draw(rng).save(folder / f"{name}.jpg", "JPEG", quality=92)


def catdog(rng: np.random.Generator) -> Image.Image:
    """Draw a dog on the left and a cat on the right; each fills its box to the pixel."""
    y, x = np.mgrid[0:1:CATDOG_SIZE[1] * 1j, 0:1:CATDOG_SIZE[0] * 1j]
    light = np.hypot(x - 0.5, y - 0.45) * 0.7 + 0.02 * backgrounds.noise(rng, CATDOG_SIZE)
    image = backgrounds.to_image(backgrounds.blend((250, 248, 244), (176, 178, 182), light))
    dog = replace(animals.DOG, coat=(196, 140, 82), ear=0.27)
    for beast, box in ((dog, DOG_BOX), (animals.CAT, CAT_BOX)):
        image = pen.lay(image, fitted(rng, beast, CATDOG_SIZE, box), shadow=0.4)
    return image


def fitted(rng: np.random.Generator, beast: animals.Beast, size, box) -> Image.Image:
    """Return a layer of ``size`` with the sitting ``beast``, whose pixels fill ``box`` exactly."""
    p, front = (Pen((640, 640), 2).place(320, 330, 280) for _ in range(2))
    faces.sitting(p, rng, beast, front)
    layer = faces.fur(pen.shade(p.layer(), rng, depth=1.1), rng, 26000, 13)
    layer.alpha_composite(front.layer())
    figure = layer.crop(pen.box_of(pen.mask_of(layer)))
    result = Image.new("RGBA", size)
    result.paste(figure.resize((box[2] - box[0], box[3] - box[1]), Image.LANCZOS), box[:2])
    return result


def cat_portrait(rng: np.random.Generator) -> Image.Image:
    """Draw a ginger cat's head and shoulders before a room out of focus."""
    size = (500, 400)
    image = backgrounds.room(rng, size).filter(ImageFilter.GaussianBlur(7))
    ginger = replace(animals.CAT, coat=(212, 142, 74), chest=(245, 228, 205), mark=(166, 92, 38))
    p, front = (Pen(size, 2).place(245, 225, 190, 0.06) for _ in range(2))
    p.smooth([(0, -0.1), (0.6, 0.3), (0.85, 1.2), (-0.85, 1.2), (-0.6, 0.3)], ginger.coat)
    p.smooth([(0, 0.45), (0.34, 0.6), (0.2, 1.1), (-0.2, 1.1), (-0.34, 0.6)], ginger.light)
    faces.head(p, rng, ginger, 0, -0.05, 0.75, front)
    layer = faces.fur(pen.shade(p.layer(), rng, depth=1.1), rng, 22000, 11)
    layer.alpha_composite(front.layer())
    return pen.lay(image, layer)


def creatures(rng: np.random.Generator) -> Image.Image:
    """Draw a road with four creatures of the detection set, of the same relative size as there."""
    size = (640, 640)
    image = backgrounds.road(rng, size)
    for x, y, length in ((0.2, 0.24, 0.27), (0.76, 0.2, 0.3), (0.3, 0.7, 0.38), (0.78, 0.68, 0.33)):
        layer = yellow_creatures.one_creature(rng, size, 640 * length, 640 * np.array([x, y]))
        image = pen.lay(image, pen.shade(layer, rng))
    return image
