"""Reading pictures, and folders of pictures by class, with one clear error for a file that is not whole.

MXNet decodes with OpenCV, which fills what is missing of a truncated JPEG with grey and says nothing; Pillow tells.
"""
from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import mxnet as mx
from mxnet import gluon
from PIL import Image

from ..errors import InputError
from .fingerprint import Unchanged

SUFFIXES = (".jpg", ".jpeg", ".png")


def read_picture(path: str | Path, flag: int = 1) -> mx.nd.NDArray:
    """Return the picture as uint8 RGB NDArray (H, W, 3), or (H, W, 1) grey with ``flag`` 0, as mxnet.image.imread does.

    Raises InputError naming ``path`` when it is missing, truncated or not a picture.
    """
    return _decode(check_picture(path), path, flag)


def check_picture(path: str | Path) -> bytes:
    """Return the file's bytes when they are one whole picture; else raise InputError naming ``path``."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read picture {path}: {error.strerror}; put the file there") from error
    check_picture_bytes(content, path)
    return content


def check_picture_bytes(content: bytes, name: str | Path) -> None:
    """Raise InputError calling the picture ``name`` when ``content`` is not one whole picture."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content)) as picture:
            warnings.simplefilter("ignore")  # of a large picture: MXNet decides what it can decode
            picture.draft(picture.mode, (1, 1))  # a JPEG is read to its end, but only at an eighth of its size
            picture.load()
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(f"{name} is not a whole picture ({_reason(error)}); replace or remove it") from error


def image_folder(root: str | Path, needs_classes: bool = True, transform: Callable | None = None,
                 classes: Sequence[str] | None = None) -> ImageFolder:
    """Return a dataset of ((H, W, 3) uint8 NDArray, int label) over the .jpg, .jpeg and .png files of ``root``.

    With classes the pictures lie in ``root/<class>/`` and labels follow the sorted class names, as in
    gluon.data.vision.ImageFolderDataset; without, they lie in ``root`` itself and every label is -1.
    classes: the names labels are counted from, for a part of a set in which a class may be absent.
    Raises InputError when the folder is missing or empty, a class holds no picture, or is not in ``classes``; a broken
    picture raises InputError naming its file when it is read, and so does one that changed since it was first read.
    Sections 9.2, 9.12, 9.13.
    """
    return ImageFolder(root, needs_classes, transform, classes)


class ImageFolder(gluon.data.vision.ImageFolderDataset):
    """See ``image_folder``. ``synsets`` holds the class names, ``items`` the (file name, label) pairs."""

    def __init__(self, root: str | Path, needs_classes: bool = True, transform: Callable | None = None,
                 classes: Sequence[str] | None = None) -> None:
        if not Path(root).is_dir():
            raise InputError(f"no picture folder {root}; give a folder that exists")
        self._needs_classes, self._classes = needs_classes, classes
        self._checked: dict[int, Unchanged] = {}
        super().__init__(str(root), flag=1, transform=transform)

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
        return (picture, label) if self._transform is None else self._transform(picture, label)

    def _read(self, idx: int, name: str) -> mx.nd.NDArray:
        """One look at the whole picture is enough while its file stays: later epochs pay for one decoding only."""
        if idx in self._checked:
            with self._checked[idx]:
                content = Path(name).read_bytes()
            return _decode(content, name, flag=1)
        unchanged = Unchanged(name)
        with unchanged:
            picture = read_picture(name)
        self._checked[idx] = unchanged
        return picture


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


def _decode(content: bytes, name: str | Path, flag: int) -> mx.nd.NDArray:
    try:
        return mx.image.imdecode(content, flag=flag)
    except mx.base.MXNetError as error:
        raise InputError(f"{name} is a picture MXNet cannot decode; save it as JPEG or PNG") from error


def _reason(error: Exception) -> str:
    return "truncated" if "truncated" in str(error).lower() else "damaged or of another format"
