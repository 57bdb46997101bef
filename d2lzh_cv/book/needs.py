"""The data sets that figures need: find the book's data or a part of it, or say how to get it."""
from __future__ import annotations

import os
from pathlib import Path

from ..data import catalogue, hub
from ..data.extent import OTHER, Extent
from ..errors import InputError

NEEDS = {"voc2012" if item.name == "voc" else item.name: item  # the names in figures.json
         for item in catalogue.data_sets() if item.by_hand}


def locate(need: str) -> tuple[Path, Extent] | None:
    """Return the folder of the book's set ``need``, or of a part of it, in the data root, and how much it holds.

    Return None if there is neither. Raises InputError for a missing root.

    Args:
        need: a key of :data:`NEEDS`.
    """
    root = hub.data_root()
    if os.environ.get("D2LZH_CV_DATA") and not root.is_dir():
        raise InputError(f"D2LZH_CV_DATA={root}: no such folder; set it to a folder that exists, or unset it")
    place = hub.look_for(NEEDS[need], root)
    extent = NEEDS[need].extent(place[0]) if place else None
    return (place[0], extent) if extent and extent.kind != OTHER else None


def how_to_get(need: str) -> str:
    """Return one line: which data is missing and how to get it."""
    item, root = NEEDS[need], hub.data_root()
    return f"{item.what}: {item.by_hand.format(root=root)}, or set D2LZH_CV_DATA to a folder with this content"
