"""Drawing a data set into a folder, whole or not at all; the drawings are those of :mod:`d2lzh_cv.data.synthetic`."""
from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from .. import files
from ..errors import InputError
from . import catalogue

FORMAT = 1  # raise it when the drawings change: data made by an older version is then told apart
STAMP = "synthetic.json"


def names() -> list[str]:
    """Return the names of the sets that can be drawn."""
    return [item.name for item in catalogue.data_sets() if item.draw]


def make(name: str, folder: Path, seed: int = 0) -> Path:
    """Draw the set ``name`` into ``folder`` and return ``folder``.

    ``folder`` takes its name only when the whole set is drawn; one that exists is replaced. It holds a file
    ``synthetic.json`` with the set's name, seed and format version beside the set itself.

    Args:
        name: one of :func:`names`.
        folder: where the set goes; its parents are made.
        seed: 0 or greater; the same seed gives the same bytes.

    Raises:
        InputError: the name or the seed is not known, or the folder cannot be written.
    """
    if name not in names():
        raise InputError(f"no synthetic set is called {name!r}; choose one of {', '.join(names())}")
    if seed < 0:
        raise InputError(f"seed must be 0 or greater, not {seed}")
    with files.make_folder_atomically(Path(folder)) as temporary:
        catalogue.data_set(name).draw(temporary, generator(name, seed))
        files.write_json(temporary / STAMP, {"set": name, "seed": seed, "format": FORMAT})
    return Path(folder)


def generator(name: str, seed: int) -> np.random.Generator:
    """Return the random generator of set ``name``: it leaves NumPy's global state alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, zlib.crc32(name.encode())])))
