"""Packed sets of drawn pictures, some of them without objects."""
from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from d2lzh_cv.data.records import pack_record, write_records

SIDE = 64
YELLOW, RED = (250, 200, 30), (200, 30, 40)  # of what is an object, and of what only looks like one


def square(seed: int, color: tuple[int, int, int] | None = YELLOW) -> tuple[np.ndarray, tuple[float, ...]]:
    """Grey noise with one square of this colour, and its relative box."""
    rng = np.random.default_rng(seed)
    picture = np.repeat(rng.integers(80, 120, (SIDE, SIDE, 1)), 3, axis=2).astype(np.uint8)
    size = int(rng.integers(20, 32))
    x, y = rng.integers(0, SIDE - size, 2).tolist()
    if color:
        picture[y:y + size, x:x + size] = color
    return picture, tuple(value / SIDE for value in (x, y, x + size, y + size))


def record(picture: np.ndarray, rows: Sequence[Sequence[float]], i: int) -> bytes:
    """As PNG: what is read is what was drawn."""
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG")
    return pack_record(content.getvalue(), rows, picture.shape[1::-1], i)


def write_set(root: Path, train: str, val: str | None = None) -> Path:
    """A packed set, a letter a picture: o with an object (a yellow square), b without one (a red square), e empty."""
    root.mkdir(parents=True, exist_ok=True)
    for first, (part, letters) in ((1000, ("train", train)), (2000, ("val", val or train))):
        records = []
        for i, letter in enumerate(letters):
            picture, box = square(first + i, {"o": YELLOW, "b": RED, "e": None}[letter])
            records.append(record(picture, [[0, *box]] if letter == "o" else [], i))
        write_records(root / part, records, needs_object=part == "train")
    return root
