"""Functions that look for one data set each below a data root, without MXNet.

They return a ``Place``: (the set's folder, the files seen there), or None. They write nothing.
"""
from __future__ import annotations

from pathlib import Path
from typing import Optional

from ..files import listed
from . import extent
from .extent import PART, WHOLE, Extent
from .own.packed import describe

Place = Optional["tuple[Path, str]"]
PICTURES = ("catdog.jpg", "cat1.jpg", "pikachu.jpg", "rainier.jpg", "autumn_oak.jpg")
VOC_LIST = "ImageSets/Segmentation/train.txt"
NOT_VOC2012 = "in VOC form, not VOC2012"


def img(root: Path) -> Place:
    """Look for the book's pictures."""
    folder = root / "img"
    return (folder, "the book's pictures") if all((folder / name).is_file() for name in PICTURES) else None


def cifar10(root: Path) -> Place:
    """Look for CIFAR-10 in binary format."""
    for folder in (root / "cifar10", root / "cifar-10-batches-bin"):
        batches = listed(folder, "data_batch_*.bin")
        if batches and (folder / "test_batch.bin").is_file():
            found = extent.cifar10(folder)
            return folder, str(found) if found.kind == PART else f"{len(batches)} of 5 training files, test_batch.bin"
    return None


def hotdog(root: Path) -> Place:
    """Look for the hot dogs, or a set of other classes in that layout."""
    folder = root / "hotdog"
    parts = [folder / "train", folder / "test"]
    if not all(len(_subfolders(part)) >= 2 for part in parts):
        return None
    return folder, _with_part("train, test", extent.hotdog(folder))


def pikachu(root: Path) -> Place:
    """Look for the records or pictures of a detection set."""
    for folder in (root / "pikachu", root):  # ``data pack`` writes the set into the root itself
        if _has(folder, "train.rec", "train.idx", "val.rec"):
            packed = describe(folder)
            return folder, (f"packed, classes: {', '.join(packed.classes)}" if packed else
                            _with_part("train.rec", extent.pikachu(folder)))
        if _has(folder, "train.json", "val.json", "train", "val"):
            return folder, _with_part("train.json, packed on first use", extent.pikachu(folder))
    return None


def voc(root: Path) -> Place:
    """Look for a VOC tree."""
    for tree in (root / "VOCdevkit" / "VOC2012", root / "VOC2012", *_subfolders(root), root):
        if _has(tree, VOC_LIST):
            found = extent.voc(tree)
            return tree, str(found) if found.kind == PART else "VOC2012" if found.kind == WHOLE else NOT_VOC2012
    return None


def kaggle_cifar10(root: Path) -> Place:
    """Look for the Kaggle CIFAR-10 set, in zips or unpacked."""
    folder = root / "kaggle_cifar10"
    if _has(folder, "train_tiny.zip", "test_tiny.zip", "trainLabels.csv.zip"):
        return folder, "train_tiny.zip"
    for train, test in (("train_tiny", "test_tiny"), ("train", "test")):
        if _has(folder, train, test, "trainLabels.csv"):
            return folder, f"{train}/"
    return None


def kaggle_dog(root: Path) -> Place:
    """Look for the Kaggle dogs, in a zip or unpacked."""
    folder = root / "kaggle_dog"
    if _has(folder, "train_valid_test_tiny.zip"):
        return folder, "train_valid_test_tiny.zip"
    return (folder, "train/") if _has(folder, "train", "test", "labels.csv") else None


def weights(root: Path) -> Place:
    """Look for weights files of any network."""
    files = [path.name for path in listed(root / "weights") if path.suffix in (".params", ".pth")]
    return (root / "weights", ", ".join(files)) if files else None


def fetched(root: Path, folder: str) -> Place:
    """Look for a ``folder`` that only :mod:`.fetch` makes."""
    return (root / folder, "") if (root / folder).is_dir() else None


def network(root: Path, name: str, others: tuple[str, ...]) -> Place:
    """Look for the weights file of the network ``name``, by that name or the file names ``others``."""
    file = weights_file(root / "weights", name) or next(
        filter(Path.is_file, (root / "weights" / other for other in others)), None)
    return file and (file, "")


def weights_file(folder: Path, name: str, suffix: str = ".params", whole: bool = False) -> Path | None:
    """Return NAME.params, NAME-features.params or NAME-<hash>.params (the model zoo's form) in ``folder``, or None.

    Args:
        whole: skip NAME-features.params, which has only a part of the network.
    """
    folder = Path(folder)
    files = [*listed(folder, f"{name}{suffix}"), *listed(folder, f"{name}-*{suffix}")]
    return next((file for file in files if not (whole and file.name == f"{name}-features{suffix}")), None)


def is_in_voc2012s_place(tree: Path) -> bool:
    """Return whether a VOC tree has VOC2012's own folder, to which its archive would be unpacked."""
    return tree.name == "VOC2012"


def _has(folder: Path, *names: str) -> bool:
    return all((folder / name).exists() for name in names)


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if path.is_dir()]


def _with_part(seen: str, found: Extent) -> str:
    return f"{seen}; {found}" if found.kind == PART else seen
