"""The data that figures depend on: whether it is the book's, where it is, and how to get it."""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..data import hub
from ..errors import InputError

VOC_TRAIN, PIKACHU_TRAIN = 1464, 900  # pictures of the two training lists


@dataclass(frozen=True)
class Need:
    """A data set: its name for :mod:`d2lzh_cv.data.hub`, what it is, and how a reader gets it below ``{root}``."""

    hub_name: str
    what: str
    how: str


NEEDS = {
    "img": Need("img", "the book's pictures", "copy img/ of d2l-ai/d2l-zh, branch v1, to {root}/img"),
    "pikachu": Need("pikachu", "the Pikachu records",
                    "put train.rec, train.idx, val.rec (or the same as JSON and pictures) into {root}/pikachu"),
    "voc2012": Need("voc", "VOC2012", "python -c \"import d2lzh_cv as d2l; d2l.download_voc_pascal('{root}')\" (2 GB)"),
    "cifar10": Need("cifar10", "CIFAR-10", "put the five data_batch_*.bin and test_batch.bin into {root}/cifar10"),
    "hotdog": Need("hotdog", "the book's hot dogs", "put train/ and test/ into {root}/hotdog"),
    "kaggle_cifar10": Need("kaggle_cifar10", "the tiny Kaggle CIFAR-10",
                           "put train_tiny.zip, test_tiny.zip, trainLabels.csv.zip into {root}/kaggle_cifar10"),
    "kaggle_dog": Need("kaggle_dog", "the tiny Kaggle dogs",
                       "put train_valid_test_tiny.zip into {root}/kaggle_dog"),
}


def locate(need: str) -> Path | None:
    """Return the folder of the book's set in the data root, or None. Raises InputError for a root that is not there."""
    root = hub.data_root()
    if os.environ.get("D2LZH_CV_DATA") and not root.is_dir():
        raise InputError(f"D2LZH_CV_DATA={root}: no such folder; set it to a folder that exists, or unset it")
    found = hub.locate(NEEDS[need].hub_name, root)
    return found[0] if found and is_books(need, found[0]) else None


def is_books(need: str, path: Path) -> bool:
    """Tell whether the real set in ``path`` can be the book's own; where the folder has gone since, its name tells."""
    if need == "voc2012":
        return path.name == "VOC2012" and _lines(path / hub.VOC_LIST) in (None, VOC_TRAIN)
    if need == "pikachu":
        own = (path / "classes.json").exists()  # as `d2lzh-cv data pack` writes
        return not own and (_lines(path / "train.idx") or _entries(path / "train.json")) in (None, PIKACHU_TRAIN)
    return True


def how_to_get(name: str) -> str:
    """One line: what is missing and what to do."""
    need = NEEDS[name]
    return f"{need.what}: {need.how.format(root=hub.data_root())}, or set D2LZH_CV_DATA to a folder that holds them so"


def _lines(path: Path) -> int | None:
    try:
        return len(path.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return None


def _entries(path: Path) -> int | None:
    try:
        return len(files.read_json(path))
    except (InputError, TypeError):
        return None
