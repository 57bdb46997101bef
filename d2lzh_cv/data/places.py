"""Where each data set is looked for below a data root. Nothing is written, and MXNet is not imported.

A place is (its folder, what was seen there), or None.
"""
from __future__ import annotations

from pathlib import Path
from typing import Optional

from ..errors import InputError
from ..files import listed, read_json
from .own.packed import NAME, describe

Place = Optional["tuple[Path, str]"]
PICTURES = ("catdog.jpg", "cat1.jpg", "pikachu.jpg", "rainier.jpg", "autumn_oak.jpg")
VOC_LIST = "ImageSets/Segmentation/train.txt"
NOT_VOC2012 = "in VOC form, not VOC2012"
VOC_TRAIN, PIKACHU_TRAIN = 1464, 900  # pictures of the book's two training lists


def img(root: Path) -> Place:
    folder = root / "img"
    return (folder, "the book's pictures") if all((folder / name).is_file() for name in PICTURES) else None


def cifar10(root: Path) -> Place:
    for folder in (root / "cifar10", root / "cifar-10-batches-bin"):
        batches = listed(folder, "data_batch_*.bin")
        if batches and (folder / "test_batch.bin").is_file():
            return folder, f"{len(batches)} of 5 training files, test_batch.bin"
    return None


def hotdog(root: Path) -> Place:
    folder = root / "hotdog"
    parts = [folder / "train", folder / "test"]
    return (folder, "train, test") if all(len(_subfolders(part)) >= 2 for part in parts) else None


def pikachu(root: Path) -> Place:
    for folder in (root / "pikachu", root):  # the second: a set packed by ``data pack``
        if _has(folder, "train.rec", "train.idx", "val.rec"):
            packed = describe(folder)
            return folder, f"packed, classes: {', '.join(packed.classes)}" if packed else "train.rec"
        if _has(folder, "train.json", "val.json", "train", "val"):
            return folder, "train.json, packed on first use"
    return None


def voc(root: Path) -> Place:
    for tree in (root / "VOCdevkit" / "VOC2012", root / "VOC2012", *_subfolders(root), root):
        if _has(tree, VOC_LIST):
            return tree, "VOC2012" if tree.name == "VOC2012" else NOT_VOC2012
    return None


def kaggle_cifar10(root: Path) -> Place:
    folder = root / "kaggle_cifar10"
    if _has(folder, "train_tiny.zip", "test_tiny.zip", "trainLabels.csv.zip"):
        return folder, "train_tiny.zip"
    for train, test in (("train_tiny", "test_tiny"), ("train", "test")):
        if _has(folder, train, test, "trainLabels.csv"):
            return folder, f"{train}/"
    return None


def kaggle_dog(root: Path) -> Place:
    folder = root / "kaggle_dog"
    if _has(folder, "train_valid_test_tiny.zip"):
        return folder, "train_valid_test_tiny.zip"
    return (folder, "train/") if _has(folder, "train", "test", "labels.csv") else None


def weights(root: Path) -> Place:
    files = [path.name for path in listed(root / "weights") if path.suffix in (".params", ".pth")]
    return (root / "weights", ", ".join(files)) if files else None


def fetched(root: Path, folder: str) -> Place:
    """A folder that only :mod:`.fetch` makes."""
    return (root / folder, "") if (root / folder).is_dir() else None


def network(root: Path, name: str, others: tuple[str, ...]) -> Place:
    """The file with the weights of the network ``name``, by its own name or one of ``others``."""
    file = weights_file(root / "weights", name) or next(
        filter(Path.is_file, (root / "weights" / other for other in others)), None)
    return file and (file, "")


def weights_file(folder: Path, name: str, suffix: str = ".params", whole: bool = False) -> Path | None:
    """Find NAME.params, NAME-features.params or NAME-<hash>.params (the model zoo's form) in ``folder``.

    whole: not NAME-features.params, which holds a part of the network.
    """
    folder = Path(folder)
    files = [*listed(folder, f"{name}{suffix}"), *listed(folder, f"{name}-*{suffix}")]
    return next((file for file in files if not (whole and file.name == f"{name}-features{suffix}")), None)


def is_books_voc(path: Path) -> bool:
    """Whether the tree can be VOC2012 whole; where the folder has gone since, its name tells."""
    return path.name == "VOC2012" and _lines(path / VOC_LIST) in (None, VOC_TRAIN)


def is_books_pikachu(path: Path) -> bool:
    """Whether the records can be the book's; the reader's own, packed, have classes.json."""
    own = (path / NAME).exists()
    return not own and (_lines(path / "train.idx") or _entries(path / "train.json")) in (None, PIKACHU_TRAIN)


def _has(folder: Path, *names: str) -> bool:
    return all((folder / name).exists() for name in names)


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in listed(folder) if path.is_dir()]


def _lines(path: Path) -> int | None:
    try:
        return len(path.read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return None


def _entries(path: Path) -> int | None:
    try:
        return len(read_json(path))
    except (InputError, TypeError):
        return None
