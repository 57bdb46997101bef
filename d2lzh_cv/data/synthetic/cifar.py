"""A small CIFAR-10: 32 × 32 drawings of its ten classes, as binary batches (9.1) and Kaggle archives (9.12)."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ... import files
from . import animals, backgrounds, pen, things
from .pen import Pen
from .zips import write_zip

SIDE = 32  # pixels
BATCHES, BATCH_SIZE, TEST = 2, 1000, 500
TINY, TINY_TEST, LABELLED = 100, 10, 500  # Kaggle: training pictures, test pictures, labels
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_DEER_COATS = ((165, 110, 65), (140, 100, 75), (185, 135, 90))
_HORSE_COATS = ((125, 75, 45), (70, 50, 42), (200, 190, 180), (165, 110, 65))
_DRAW = (things.aeroplane, things.car, animals.bird, animals.walking(animals.CAT, animals.CAT_COATS),
         animals.walking(animals.DEER, _DEER_COATS), animals.walking(animals.DOG, animals.DOG_COATS), animals.frog,
         animals.walking(animals.HORSE, _HORSE_COATS), things.ship, things.truck)
# usual scenes of each class; two of five pictures have another scene, so the scene does not give the class away
_USUAL = ((backgrounds.sky,), (backgrounds.road, backgrounds.street), (backgrounds.sky, backgrounds.texture),
          (backgrounds.room, backgrounds.texture), (backgrounds.meadow, backgrounds.texture),
          (backgrounds.meadow, backgrounds.room), (backgrounds.texture, backgrounds.sea),
          (backgrounds.meadow,), (backgrounds.sea,), (backgrounds.road, backgrounds.street))


def draw_cifar10(folder: Path, rng: np.random.Generator) -> None:
    """Write data_batch_1.bin ..., test_batch.bin and batches.meta.txt, with records of 3073 bytes as in the book's."""
    for i in range(BATCHES):
        _write_batch(folder / f"data_batch_{i + 1}.bin", rng, BATCH_SIZE)
    _write_batch(folder / "test_batch.bin", rng, TEST)
    files.write_text(folder / "batches.meta.txt", "\n".join(CLASSES) + "\n")


def draw_kaggle_cifar10(folder: Path, rng: np.random.Generator) -> None:
    """Write train_tiny.zip, test_tiny.zip and trainLabels.csv.zip in the layout of the book's archives."""
    labels = rng.integers(len(CLASSES), size=LABELLED)
    labels[:TINY] = rng.permutation(np.arange(TINY) % len(CLASSES))  # every class has pictures
    for part, kinds in (("train_tiny", labels[:TINY]), ("test_tiny", rng.integers(len(CLASSES), size=TINY_TEST))):
        write_zip(folder / f"{part}.zip", {f"{part}/{i + 1}.png": pen.encoded(picture(rng, k), "PNG")
                                           for i, k in enumerate(kinds)})
    rows = "".join(f"{i + 1},{CLASSES[label]}\n" for i, label in enumerate(labels))
    write_zip(folder / "trainLabels.csv.zip", {"trainLabels.csv": f"id,label\n{rows}".encode()})


def picture(rng: np.random.Generator, label: int) -> Image.Image:
    """Draw a picture (32 × 32) of class ``label`` with random place, size, tilt, side, colours and light."""
    size = (SIDE, SIDE)
    scene = backgrounds.anywhere(rng, size, _USUAL[label] if rng.random() < 0.6 else backgrounds.ALL, 0)
    radius = SIDE * rng.uniform(0.36, 0.52)
    x, y = SIDE * (0.5 + rng.uniform(-0.1, 0.1, 2))
    p = Pen(size, 4).place(x, y, radius, rng.normal(0, 0.12), rng.random() < 0.5, rng.uniform(0.85, 1.1))
    _DRAW[label](p, rng)
    layer = pen.shade(p.layer(), rng, depth=0.6)
    result = pen.relight(pen.lay(scene, layer, shadow=0.3), rng, 0.25)
    return result.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.8)))


def _write_batch(path: Path, rng: np.random.Generator, count: int) -> None:
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    with files.write_atomically(path) as file:
        for label in labels:
            file.write(bytes([label]) + np.asarray(picture(rng, label)).transpose(2, 0, 1).tobytes())
