"""The hotdog set (section 9.2): two image folders, class 0 hotdog and class 1 not-hotdog."""
from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .check import Report, check_pictures
from .images import ImageFolder, image_folder


def load_hotdog(root: str | Path) -> tuple[ImageFolder, ImageFolder]:
    """Return (training set, test set) from ``root``/train/<class>/ and ``root``/test/<class>/. Section 9.2.

    ``ds[i]`` is ((H, W, 3) uint8 NDArray, label). Labels follow the sorted class names in ``ds.synsets``: in the book's
    folders, 0 is hotdog and 1 is not-hotdog.
    Raises InputError if a folder is missing or empty, or if the two parts have different classes.
    """
    train, test = (image_folder(Path(root) / part) for part in ("train", "test"))
    if train.synsets != test.synsets:
        raise InputError(f"{root}: train has the classes {train.synsets}, test {test.synsets}; they must be the same")
    return train, test


def check(path: Path, report: Report) -> None:
    """Read the training and the test part, and check every picture."""
    for part, dataset in zip(("training", "test"), report.look(load_hotdog, path) or ()):
        report.facts.append(f"{len(dataset)} {part} pictures")
    check_pictures(path, report)
