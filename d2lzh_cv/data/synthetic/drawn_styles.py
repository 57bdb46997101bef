"""Pictures with obvious styles: mosaic, waves, dots (exercises of section 9.11)."""
from __future__ import annotations

import numpy as np

SIZE = (360, 270)  # width × height
MOSAIC = ((196, 60, 44), (232, 158, 52), (244, 214, 110), (38, 110, 120), (22, 62, 96), (230, 222, 204))
WAVES = ((18, 44, 92), (34, 92, 150), (110, 168, 200), (226, 226, 206), (70, 60, 66))
DOTS = ((250, 240, 214), (214, 40, 90), (36, 120, 190), (40, 40, 48), (250, 190, 30))


def mosaic(rng: np.random.Generator, tile: int = 18) -> np.ndarray:
    """Draw irregular tiles of one colour each, with dark joints: (H, W, 3) uint8."""
    y, x = _grid()
    rows, columns = SIZE[1] // tile + 3, SIZE[0] // tile + 3
    jitter = rng.uniform(-0.35, 0.35, (2, rows, columns)) * tile
    distances, owners = [], []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            i, j = (y // tile + down + 1).astype(int), (x // tile + right + 1).astype(int)
            distances.append(np.hypot(y - (i - 0.5) * tile - jitter[0][i, j], x - (j - 0.5) * tile - jitter[1][i, j]))
            owners.append(i * columns + j)
    distances, owners = np.array(distances), np.array(owners)
    order = distances.argsort(axis=0)[:2]
    near, second = np.take_along_axis(distances, order, axis=0)
    owner = np.take_along_axis(owners, order[:1], axis=0)[0]
    colours = np.array(MOSAIC)[rng.integers(len(MOSAIC), size=rows * columns)] + rng.normal(0, 14, (rows * columns, 3))
    return _picture(np.where((second - near > 2.2)[:, :, None], colours[owner], 44))


def waves(rng: np.random.Generator, bands: int = 26) -> np.ndarray:
    """Draw bands that swing together, each with a light crest: (H, W, 3) uint8."""
    y, x = _grid()
    phase = rng.uniform(0, 2 * np.pi, 4)
    swing = sum(14 / k * np.sin(x / SIZE[0] * 2 * np.pi * k * 1.3 + phase[k - 1] + y / 60 / k) for k in range(1, 5))
    level = (y + swing) / SIZE[1] * bands
    band, within = np.floor(level).astype(int), level % 1
    colours = np.array(WAVES)[rng.integers(len(WAVES), size=bands * 3)]
    shaded = colours[band % len(colours)] * (0.75 + 0.25 * within)[:, :, None]
    return _picture(np.where((within < 0.14)[:, :, None], 240, shaded))


def dots(rng: np.random.Generator, cell: int = 12) -> np.ndarray:
    """Draw rows of large and small dots, as from a printer, with a colour per region: (H, W, 3) uint8."""
    y, x = _grid()
    row = np.floor(y / cell)
    shifted = x + (row % 2) * cell / 2
    size = 0.3 + 0.15 * np.sin(x / 55 + rng.uniform(0, 6)) * np.cos(y / 40 + rng.uniform(0, 6))
    region = np.floor(2 + 1.9 * np.sin(x / 90 + y / 130 + rng.uniform(0, 6))).astype(int).clip(0, 3) + 1
    inside = np.hypot(y % cell - cell / 2, shifted % cell - cell / 2) < size * cell
    return _picture(np.where(inside[:, :, None], np.array(DOTS)[region], DOTS[0]))


def _grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:SIZE[1], :SIZE[0]]
    return y.astype(np.float64), x.astype(np.float64)


def _picture(colours: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(colours, 0, 255)).astype(np.uint8)
