"""The data that figures depend on: whether it is the book's, where it is, and how to get it."""
from __future__ import annotations

import os
from pathlib import Path

from ..data import catalogue, hub
from ..errors import InputError

NEEDS = {"voc2012" if item.name == "voc" else item.name: item  # as figures.json names them
         for item in catalogue.data_sets() if item.by_hand}


def locate(need: str) -> Path | None:
    """Return the folder of the book's set in the data root, or None. Raises InputError for a root that is not there."""
    root = hub.data_root()
    if os.environ.get("D2LZH_CV_DATA") and not root.is_dir():
        raise InputError(f"D2LZH_CV_DATA={root}: no such folder; set it to a folder that exists, or unset it")
    found = hub.look_for(NEEDS[need], root)
    return found[0] if found and NEEDS[need].is_books(found[0]) else None


def how_to_get(need: str) -> str:
    """One line: what is missing and what to do."""
    item, root = NEEDS[need], hub.data_root()
    return f"{item.what}: {item.by_hand.format(root=root)}, or set D2LZH_CV_DATA to a folder that holds them so"
