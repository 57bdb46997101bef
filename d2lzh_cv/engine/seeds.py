"""Seeding every generator, and seeds for parts of a run."""
from __future__ import annotations

import random
import zlib
from typing import Any

import mxnet as mx
import numpy as np


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and MXNet: ``mx.random.seed`` alone leaves DataLoader's and ImageDetIter's order random."""
    random.seed(seed)
    np.random.seed(seed)
    mx.random.seed(seed)


def derived_seed(seed: int, *parts: Any) -> int:
    """A seed, 0 to 2³¹ - 1, that follows from ``seed`` and what it is for."""
    words = [seed, *(zlib.crc32(str(part).encode()) for part in parts)]
    return int(np.random.SeedSequence(words).generate_state(1)[0] >> 1)
