"""Sets to read, of real sizes: drawn once, below the package's cache. A few pictures differ, the others are links."""
from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

from d2lzh_cv.data.derived import one_at_a_time
from d2lzh_cv.data.hub import cache_root
from d2lzh_cv.files import make_folder_atomically

from . import draw

DIFFERENT = 40


def palette() -> np.ndarray:
    """VOC's colours of 256 classes, (256, 3) uint8: the bits of the class, dealt to red, green and blue in turn."""
    numbers, colors = np.arange(256), np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colors[:, channel] |= ((numbers >> (3 * bit + channel) & 1) << (7 - bit)).astype(np.uint8)
    return colors


def voc(pictures: int) -> Path:
    """A VOC tree of 500 × 375, JPEG and PNG with VOC's colours, both lists naming all."""
    return _once(f"voc-{pictures}", lambda folder: _draw_voc(folder, pictures))


def pikachu(pictures: int) -> Path:
    """train.json, train/, val.json and val/ as the Pikachu set has them: 256 × 256 JPEG, an object each; 32 in val."""
    return _once(f"pikachu-{pictures}", lambda folder: _draw_pikachu(folder, pictures))


def cifar10(pictures: int, tested: int) -> Path:
    """data_batch_1.bin and test_batch.bin as CIFAR-10 has them."""
    return _once(f"cifar10-{pictures}-{tested}", lambda folder: _draw_cifar10(folder, pictures, tested))


def _once(name: str, make) -> Path:
    place = cache_root() / "bench" / name
    with one_at_a_time(place.parent):
        if not place.is_dir():
            with make_folder_atomically(place) as folder:
                make(folder)
    return place


def _draw_voc(folder: Path, pictures: int) -> None:
    names = [f"2007_{i:06}" for i in range(pictures)]
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / name).mkdir(parents=True)
    for i in range(pictures):
        paths = [folder / f"JPEGImages/{names[i]}.jpg", folder / f"SegmentationClass/{names[i]}.png"]
        if not _linked(paths, names, i):
            Image.fromarray(draw.picture(names[i], 375, 500)).save(paths[0], quality=85)
            _mask(names[i]).save(paths[1])
    for part in ("train", "val"):
        (folder / f"ImageSets/Segmentation/{part}.txt").write_text("\n".join(names))


def _linked(paths: list[Path], names: list[str], i: int) -> bool:
    if i < DIFFERENT:
        return False
    for path in paths:
        os.link(path.with_name(names[i % DIFFERENT] + path.suffix), path)
    return True


def _mask(name: str) -> Image.Image:
    """Blocks of classes with some of VOC's border, 255, between."""
    rng = draw.generator(f"mask {name}")
    blocks = Image.fromarray(rng.integers(0, 21, (6, 8), dtype=np.uint8)).resize((500, 375), Image.NEAREST)
    classes = np.asarray(blocks).copy()
    classes[rng.random(classes.shape) < 0.01] = 255
    mask = Image.fromarray(classes, "P")
    mask.putpalette(palette().ravel().tolist())
    return mask


def _draw_pikachu(folder: Path, pictures: int) -> None:
    for part, count in (("train", pictures), ("val", 32)):
        names = [f"{part}_{i}" for i in range(count)]
        boxes = draw.objects(part, count)[:, 0]
        (folder / part).mkdir()
        for i, name in enumerate(names):
            if not _linked([folder / part / f"{name}.jpg"], names, i):
                Image.fromarray(draw.picture(name, 256, 256)).save(folder / part / f"{name}.jpg", quality=90)
        labels = {f"{name}.jpg": [0, *map(float, row[1:])] for name, row in zip(names, boxes)}
        (folder / f"{part}.json").write_text(json.dumps(labels))


def _draw_cifar10(folder: Path, pictures: int, tested: int) -> None:
    for name, count in (("data_batch_1", pictures), ("test_batch", tested)):
        different = [draw.picture(f"{name} {i}", 32, 32).transpose(2, 0, 1).tobytes() for i in range(DIFFERENT)]
        labels = draw.classes(name, 10, count).astype(np.uint8)
        records = [bytes([label]) + different[i % DIFFERENT] for i, label in enumerate(labels.tolist())]
        (folder / f"{name}.bin").write_bytes(b"".join(records))
