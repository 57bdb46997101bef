"""Seed all random generators, and derive the seeds for the parts of a run."""
from __future__ import annotations

import random
import zlib
from typing import Any

import mxnet as mx
import numpy as np


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and MXNet; ``mx.random.seed`` alone leaves the order of DataLoader and ImageDetIter random.

    Args:
        seed: 0 to 2³² - 1.
    """
    random.seed(seed)
    np.random.seed(seed)
    mx.random.seed(seed)


def derived_seed(seed: int, *parts: Any) -> int:
    """Return a seed, 0 to 2³¹ - 1, that depends on ``seed`` and on ``parts``, such as a series and an epoch, alone."""
    words = [seed, *(zlib.crc32(str(part).encode()) for part in parts)]
    return int(np.random.SeedSequence(words).generate_state(1)[0] >> 1)
