"""Fetching VOC2012 as the book's cells do (section 9.9)."""
from __future__ import annotations

from pathlib import Path

from . import hub
from .places import VOC_LIST


def download_voc_pascal(data_dir: str | Path = "../data") -> str:
    """Return the folder of the VOC2012 tree, fetched (2 GB) and unpacked below ``data_dir`` unless it is there.

    A VOC2012 tree in the data root (hub.data_root) is used where it lies. Where VOC2012 cannot be fetched, the set
    hub.find gives takes its place, and printed lines say why. Section 9.9.
    Raises InputError naming the folder when it cannot be written to or its disk is full.
    """
    tree, what = hub.locate("voc", hub.data_root()) or (None, "")
    if what == "VOC2012" and not (Path(data_dir) / "VOCdevkit" / "VOC2012" / VOC_LIST).is_file():
        return str(tree)
    from .download import Unavailable  # here: what downloads takes longer to import, and is seldom needed
    from .fetch import fetch
    try:
        return str(fetch("voc", Path(data_dir)))
    except Unavailable as error:
        source = hub.find("voc")
        print(f"{error}\nVOC2012 was not fetched; {source.note}")
        return str(source.path)
