"""The hotdog set (section 9.2): two image folders, class 0 hotdog and class 1 not-hotdog."""
from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .check import Report, check_pictures
from .images import ImageFolder, image_folder


def load_hotdog(root: str | Path) -> tuple[ImageFolder, ImageFolder]:
    """Return (training set, test set) of ``root``/train/<class>/ and ``root``/test/<class>/.

    ``ds[i]`` is ((H, W, 3) uint8 NDArray, label); labels follow the sorted class names in ``ds.synsets``, so the
    book's folders give 0 for hotdog and 1 for not-hotdog. Section 9.2.
    Raises InputError naming the folder that is missing or holds no pictures, or that test's classes differ.
    """
    train, test = (image_folder(Path(root) / part) for part in ("train", "test"))
    if train.synsets != test.synsets:
        raise InputError(f"{root}: train has the classes {train.synsets}, test {test.synsets}; they must be the same")
    return train, test


def check(path: Path, report: Report) -> None:
    """Both parts, read; every picture opens."""
    for part, found in zip(("training", "test"), report.look(load_hotdog, path) or ()):
        report.facts.append(f"{len(found)} {part} pictures")
    check_pictures(path, report)
