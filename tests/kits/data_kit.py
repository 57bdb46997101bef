"""Tiny data sets for the tests of the data readers, written with Pillow and NumPy alone."""
from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason="needs the real data in ../shared/data")


def pixels(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Random uint8 (height, width, 3): noise, so that a JPEG of it is long enough to cut."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def write_picture(path: Path, height: int = 40, width: int = 50, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(height, width, seed)).save(path)
    return path


def opened(path: str | Path) -> Image.Image:
    """The picture, read whole, its file closed."""
    with Image.open(path) as picture:
        picture.load()
    return picture


def cut(path: Path, part: float = 0.5) -> Path:
    """Leave only the first ``part`` of a file."""
    content = path.read_bytes()
    path.write_bytes(content[:int(len(content) * part)])
    return path


def write_cifar10(root: Path, batches: int = 2, pictures: int = 20) -> Path:
    """CIFAR-10 files whose picture k holds label k % 10, and in each colour plane c the value 10·c + k everywhere."""
    root.mkdir(parents=True, exist_ok=True)
    for name in [*(f"data_batch_{i + 1}" for i in range(batches)), "test_batch"]:
        records = [bytes([k % 10]) + b"".join(bytes([10 * c + k]) * 1024 for c in range(3)) for k in range(pictures)]
        (root / f"{name}.bin").write_bytes(b"".join(records))
    return root


def write_voc(root: Path, sizes=((40, 60), (30, 30), (50, 70)), mask=None) -> Path:
    """A VOC tree of pictures a0, a1, ... with one rectangle of class 1 (aeroplane) and one of class 20 in each mask."""
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (root / "SegmentationClass").mkdir()
    for i, (height, width) in enumerate(sizes):
        write_picture(root / "JPEGImages" / f"a{i}.jpg", height, width, seed=i)
        mask = np.zeros((height, width, 3), np.uint8)
        mask[5:15, 5:20], mask[20:25, 3:9] = (128, 0, 0), (0, 64, 128)
        Image.fromarray(mask).save(root / "SegmentationClass" / f"a{i}.png")
    for part in ("train", "val"):
        (lists / f"{part}.txt").write_text("".join(f"a{i}\n" for i in range(len(sizes))))
    return root


def write_pikachu(root: Path, train: int = 5, val: int = 3, size: int = 48) -> Path:
    """The JSON + JPEG form: picture k has one object of class 0 whose box begins at x = y = (k + 1) / 100."""
    for part, count in (("train", train), ("val", val)):
        boxes = {f"{k}.jpg": [0, (k + 1) / 100, (k + 1) / 100, 0.5, 0.6] for k in range(count)}
        for k, name in enumerate(boxes):
            write_picture(root / part / name, size, size, seed=k)
        (root / f"{part}.json").write_text(json.dumps(boxes))
    return root


def no_space(*_, **__) -> None:
    """Stands in for a system call on a full disk."""
    raise OSError(errno.ENOSPC, "No space left on device")


def files_below(folder: Path) -> set[str]:
    """Every file below ``folder`` but the lock that serialises runs."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
