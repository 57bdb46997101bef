"""Data sets drawn from a seed, in the on-disk formats of the real ones, so that one reader serves both.

Every set is drawn with Pillow and NumPy alone: no download, no font, no time stamp. The same name and seed give the
same bytes on every run of one installation.
"""
from __future__ import annotations

import zlib
from importlib import import_module
from pathlib import Path

import numpy as np

from ... import files
from ...errors import InputError

FORMAT = 1  # raise it when the drawings change: data made by an older version is then told apart
# set -> the module that draws it; modules load when asked for, because pikachu needs MXNet for its records
_MODULE_OF = {"img": "pictures", "pikachu": "detection", "voc": "segmentation", "cifar10": "cifar",
              "source": "folders", "hotdog": "folders", "kaggle_cifar10": "cifar", "kaggle_dog": "dogs"}
SETS = tuple(_MODULE_OF)


def make(name: str, folder: Path, seed: int = 0) -> Path:
    """Draw set ``name`` into ``folder`` and return ``folder``.

    ``folder`` takes its name only when the whole set is drawn; one that exists is replaced. It holds a file
    ``synthetic.json`` with the set's name, seed and format version beside the set itself.

    Args:
        name: one of ``SETS``.
        folder: where the set goes; its parents are made.
        seed: 0 or greater; the same seed gives the same bytes.

    Raises:
        InputError: the name or the seed is not known, or the folder cannot be written.
    """
    if name not in _MODULE_OF:
        raise InputError(f"no synthetic set is called {name!r}; choose one of {', '.join(SETS)}")
    if seed < 0:
        raise InputError(f"seed must be 0 or greater, not {seed}")
    draw = getattr(import_module(f".{_MODULE_OF[name]}", __name__), f"draw_{name}")
    with files.make_folder_atomically(Path(folder)) as temporary:
        draw(temporary, generator(name, seed))
        files.write_json(temporary / "synthetic.json", {"set": name, "seed": seed, "format": FORMAT})
    return Path(folder)


def generator(name: str, seed: int) -> np.random.Generator:
    """Return the random generator of set ``name``: it leaves NumPy's global state alone."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, zlib.crc32(name.encode())])))
