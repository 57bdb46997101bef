"""CIFAR-10 in its binary format (section 9.1): 3073 bytes per picture, one label and 3×32×32 pixels."""
from __future__ import annotations

from pathlib import Path
from typing import Callable

import numpy as np
from mxnet import gluon, nd

from ..errors import InputError
from .check import Report

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_RECORD = 1 + 3 * 32 * 32


class CIFAR10(gluon.data.Dataset):
    """The pictures and labels of CIFAR-10, with the interface of gluon.data.vision.CIFAR10. Section 9.1.

    ``ds[i]`` is ((32, 32, 3) uint8 NDArray, int32 label); ``ds[0:32][0]`` is a (32, 32, 32, 3) batch.

    Args:
        root: the folder of the .bin files.
        train: read all data_batch_*.bin, in the order of their numbers; else test_batch.bin.
        transform: called with (picture, label).

    Raises InputError naming a file that is missing, cut off, or holds a label above 9.
    """

    def __init__(self, root: str | Path, train: bool = True,
                 transform: Callable | None = None) -> None:
        self._data, self._label = read_cifar10(root, train)
        self._transform = transform

    def __getitem__(self, idx):
        picture = nd.array(self._data[idx], dtype="uint8")
        label = self._label[idx]
        return (picture, label) if self._transform is None else self._transform(picture, label)

    def __len__(self) -> int:
        return len(self._label)


def read_cifar10(root: str | Path, train: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures (N, 32, 32, 3) uint8 and labels (N,) int32. Arguments and errors: see :class:`CIFAR10`."""
    parts = [_read_batch(path) for path in _batch_files(Path(root), train)]
    return np.concatenate([pixels for pixels, _ in parts]), np.concatenate([labels for _, labels in parts])


def _batch_files(root: Path, train: bool) -> list[Path]:
    if not train:
        return [root / "test_batch.bin"]
    files = sorted(root.glob("data_batch_*.bin"), key=lambda path: (len(path.name), path.name))
    if not files:
        raise InputError(f"{root} holds no data_batch_*.bin; put CIFAR-10's binary files there")
    return files


def _read_batch(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        raw = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; put CIFAR-10's binary files there") from error
    if raw.size == 0 or raw.size % _RECORD:
        raise InputError(f"{path} is cut off: {raw.size} bytes are no multiple of {_RECORD}; fetch it again")
    raw = raw.reshape(-1, _RECORD)
    if raw[:, 0].max() >= len(CIFAR10_CLASSES):
        raise InputError(f"{path} holds label {raw[:, 0].max()}, above 9: it is not CIFAR-10 in binary format")
    pixels = raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)  # the files store (channel, row, column)
    return np.ascontiguousarray(pixels), raw[:, 0].astype(np.int32)


def check(path: Path, report: Report) -> None:
    """Read the training and the test part."""
    for part, train in (("training", True), ("test", False)):
        dataset = report.look(CIFAR10, path, train=train)
        report.facts.append(f"{len(dataset) if dataset else 0} {part} pictures")
