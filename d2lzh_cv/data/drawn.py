"""Synthetic data sets, drawn into a folder by :mod:`d2lzh_cv.data.synthetic`."""
from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from .. import files
from ..errors import InputError
from . import catalogue

if TYPE_CHECKING:
    import numpy as np

FORMAT = 1  # raise it when the drawings change, so that sets of an older version are drawn again
STAMP = "synthetic.json"


def names() -> list[str]:
    """Return the names of the sets that can be drawn."""
    return [item.name for item in catalogue.data_sets() if item.draw]


def make(name: str, folder: Path, seed: int = 0) -> Path:
    """Draw the set ``name`` into ``folder`` and return ``folder``.

    ``folder`` appears only when the set is complete; an existing folder is replaced. Its file ``synthetic.json`` has
    the set's name, seed and format version.

    Args:
        name: one of :func:`names`.
        folder: the target; its parents are made.
        seed: 0 or greater; the same seed gives the same bytes.

    Raises:
        InputError: the name is unknown, the seed is negative, or the folder is not writable.
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
    """Return the random generator for the set ``name``. NumPy's global generator stays as it is."""
    import numpy as np  # here, because the command line imports this module and starts twice as fast without NumPy
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, zlib.crc32(name.encode())])))
