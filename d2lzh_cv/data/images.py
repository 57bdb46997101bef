"""Data sets of picture folders, with or without a subfolder per class."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import mxnet as mx
from mxnet import gluon

from ..errors import InputError
from .fingerprint import Unchanged
from .pixels import SUFFIXES, check_picture, check_picture_bytes, decode, read_file, read_picture

__all__ = ["SUFFIXES", "ImageFolder", "check_picture", "check_picture_bytes", "image_folder", "read_picture"]

MOST_OBLONG = 4096  # largest ratio of the longer to the shorter side


def image_folder(root: str | Path, needs_classes: bool = True, transform: Callable | None = None,
                 classes: Sequence[str] | None = None) -> ImageFolder:
    """Return a data set of ((H, W, 3) uint8 NDArray, int label). Sections 9.2, 9.12, 9.13.

    Args:
        root: a folder of pictures with the suffixes SUFFIXES.
        needs_classes: the pictures are in ``root/<class>/``, and labels follow the sorted class names, as in
            gluon.data.vision.ImageFolderDataset; else the pictures are in ``root``, and every label is -1.
        transform: called with (picture, label).
        classes: the class names in the order of their labels, for a part of a set that may lack a class.

    Raises InputError if the folder is missing or empty, or if a class has no picture or is not in ``classes``. Reading
    a picture raises InputError naming the file if it is broken, or if it has changed since it was first read.
    """
    return ImageFolder(root, needs_classes, transform, classes)


class ImageFolder(gluon.data.vision.ImageFolderDataset):
    """The data set of :func:`image_folder`; ``synsets`` are the class names, ``items`` the (file name, label) pairs."""

    def __init__(self, root: str | Path, needs_classes: bool = True, transform: Callable | None = None,
                 classes: Sequence[str] | None = None) -> None:
        if not Path(root).is_dir():
            raise InputError(f"no picture folder {root}; give a folder that exists")
        self._needs_classes, self._classes = needs_classes, classes
        self._checked: dict[int, Unchanged] = {}
        super().__init__(str(root), flag=1, transform=transform)

    @property
    def ids(self) -> list[str]:
        """The ids of the pictures in a competition: their file names without suffix."""
        return [Path(name).stem for name, _ in self.items]

    def _list_images(self, root: str) -> None:
        if not self._needs_classes:
            self.synsets, self.items = [], [(str(file), -1) for file in _pictures(Path(root))]
            return
        folders = _class_folders(Path(root))
        self.synsets = list(self._classes or [folder.name for folder in folders])
        self.items = [(str(file), _index(folder, self.synsets)) for folder in folders for file in _pictures(folder)]

    def __getitem__(self, idx: int):
        name, label = self.items[idx]
        picture = self._read(idx, name)
        check_shape(name, *picture.shape[1::-1])
        return (picture, label) if self._transform is None else self._transform(picture, label)

    def _read(self, idx: int, name: str) -> mx.nd.NDArray:
        """Check the complete picture once; while its file is unchanged, later epochs only decode it."""
        if idx in self._checked:
            with self._checked[idx]:
                content = read_file(name)
            return mx.nd.array(decode(content, name), dtype="uint8")
        unchanged = Unchanged(name)
        with unchanged:
            picture = read_picture(name)
        self._checked[idx] = unchanged
        return picture


def check_shape(name: str | Path, width: int, height: int) -> None:
    """Raise InputError if a picture is almost a line: with its shorter side scaled to 256, it would fill the memory."""
    if max(width, height) > MOST_OBLONG * min(width, height):
        raise InputError(f"{name} has {width}×{height} pixels, too long for its width to be classified; crop it or "
                         "remove it")


def _class_folders(root: Path) -> list[Path]:
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise InputError(f"{root} holds no class folders; put the pictures in {root}/<class>/")
    return folders


def _index(folder: Path, classes: list[str]) -> int:
    if folder.name not in classes:
        raise InputError(f"{folder} is not one of the {len(classes)} classes; remove the folder or rename it")
    return classes.index(folder.name)


def _pictures(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"{folder} holds no pictures; put .jpg or .png files there or remove the folder")
    return files
