"""The files of the two Kaggle competitions (sections 9.12, 9.13): archives, class folders, submissions.

A CSV file has the labels. The training pictures go to ``input_dir``/{train,valid,train_valid}/<label>/, the test
pictures to ``input_dir``/test/unknown/; an image folder data set reads them there.
"""
from __future__ import annotations

import csv
import math
import os
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable

import numpy as np

from ..errors import InputError
from ..files import listed, make_folder, make_folder_atomically, write_atomically
from . import hub
from .archives import unpack
from .check import Report, check_pictures
from .derived import make_once, place_for
from .pixels import SUFFIXES

_CIFAR10_ARCHIVES = ("train_tiny.zip", "test_tiny.zip", "trainLabels.csv.zip")
_DOG_ARCHIVES = ("train_valid_test_tiny.zip",)
_PARTS = {"train", "valid", "train_valid", "test"}


def unpack_kaggle_cifar10(root: str | Path, out: str | Path | None = None) -> Path:
    """Return a folder with train_tiny/, test_tiny/ and trainLabels.csv. Section 9.12.

    Args:
        root: has these files, or their zips, which are unpacked once.
        out: the folder to unpack to; by default a folder in the cache, because ``root`` may be read-only.

    Raises InputError naming a zip that is missing, damaged or unsafe.
    """
    return _unpack_once(Path(root), _CIFAR10_ARCHIVES, out)


def unpack_kaggle_dog(root: str | Path, out: str | Path | None = None) -> Path:
    """Return a folder with train_valid_test_tiny/, or with train/, test/, labels.csv, as unpack_kaggle_cifar10 does.

    The pictures of the small archive are sorted already, so it needs no reorg_dog_data. Section 9.13.
    """
    return _unpack_once(Path(root), _DOG_ARCHIVES, out)


def _unpack_once(root: Path, names: Sequence[str], out: str | Path | None) -> Path:
    archives = [root / name for name in names]
    if not any(archive.is_file() for archive in archives):
        if not root.is_dir():
            raise InputError(f"no folder {root}; put the competition's files there")
        return root

    def unpack_all(folder: Path) -> None:
        for archive in archives:
            unpack(archive, folder)
    return make_once(Path(out) if out else place_for(root, hub.cache_root()), archives, unpack_all)


def read_label_file(data_dir: str | Path, label_file: str, train_dir: str,
                    valid_ratio: float) -> tuple[int, dict[int, str]]:
    """Return (number of training pictures per label, {picture number: label}) of CIFAR-10. Section 9.12.

    Args:
        label_file: a CSV file in ``data_dir`` with a header and lines ``number,label``.
        train_dir: the folder in ``data_dir`` with the training pictures.
        valid_ratio: the part of these pictures that validation takes.

    Raises InputError if the file is missing, if a line is not ``number,label``, if a picture has two labels, or if
    ``valid_ratio`` leaves no picture for training or for validation.
    """
    path = Path(data_dir, label_file)
    idx_label = _read_labels(path, lambda name: _number(name, path))
    n_train_valid = len(_pictures(Path(data_dir, train_dir)))
    n_train = int(n_train_valid * (1 - valid_ratio))
    if not 0 < n_train < n_train_valid:
        raise InputError(f"valid_ratio {valid_ratio} leaves {n_train} of {n_train_valid} pictures in {train_dir} for "
                         "training; choose one between 0 and 1 that leaves some for both")
    return n_train // len(set(idx_label.values())), idx_label


def reorg_train_valid(data_dir: str | Path, train_dir: str, input_dir: str | Path, n_train_per_label: int,
                      idx_label: dict[int, str]) -> None:
    """Copy CIFAR-10's training pictures to train_valid/ and also to train/ or valid/. Section 9.12.

    By their numbers, the first ``n_train_per_label`` pictures of a label go to train/, the others to valid/.
    """
    count = Counter()
    for file in sorted(_pictures(Path(data_dir, train_dir)), key=lambda file: (len(file.name), file.name)):
        label = _label_of(_number(file.stem, file), idx_label, file)
        part = "train" if count[label] < max(1, n_train_per_label) else "valid"
        count[label] += 1
        _copy(file, Path(data_dir, input_dir), "train_valid", label)
        _copy(file, Path(data_dir, input_dir), part, label)


def reorg_dog_train_valid(data_dir: str | Path, train_dir: str, input_dir: str | Path, valid_ratio: float,
                          idx_label: dict[str, str]) -> None:
    """Copy the dogs' training pictures to train_valid/ and also to train/ or valid/. Section 9.13.

    The first pictures of each breed go to valid/, the others to train/. Each breed gives valid/ the same number:
    ``valid_ratio`` of the rarest breed's pictures, at least one.
    """
    n_valid_per_label = max(1, math.floor(min(Counter(idx_label.values()).values()) * valid_ratio))
    count = Counter()
    for file in sorted(_pictures(Path(data_dir, train_dir))):
        label = _label_of(file.stem, idx_label, file)
        part = "valid" if count[label] < n_valid_per_label else "train"
        count[label] += 1
        _copy(file, Path(data_dir, input_dir), "train_valid", label)
        _copy(file, Path(data_dir, input_dir), part, label)


def reorg_test(data_dir: str | Path, test_dir: str, input_dir: str | Path) -> None:
    """Copy the test pictures, which have no labels, to test/unknown/. Sections 9.12, 9.13."""
    for file in _pictures(Path(data_dir, test_dir)):
        _copy(file, Path(data_dir, input_dir), "test", "unknown")


def reorg_cifar10_data(data_dir: str | Path, label_file: str, train_dir: str, test_dir: str, input_dir: str | Path,
                       valid_ratio: float) -> None:
    """Sort the CIFAR-10 competition's pictures into class folders. Section 9.12.

    Args:
        data_dir: the folder of the competition's files; the other paths are relative to it.
        label_file: the CSV file with the labels of the training pictures.
        train_dir: the folder of the training pictures.
        test_dir: the folder of the test pictures.
        input_dir: the target, which may be absolute. It appears only when it is complete, and replaces an old one: a
            new ``valid_ratio`` leaves no picture in two parts.
        valid_ratio: the part of the training pictures that validation takes.

    Raises InputError naming a picture that is not in ``label_file``, and as :func:`read_label_file` does.
    """
    n_train_per_label, idx_label = read_label_file(data_dir, label_file, train_dir, valid_ratio)
    with _new_input_folder(Path(data_dir, input_dir)) as folder:
        reorg_train_valid(data_dir, train_dir, folder, n_train_per_label, idx_label)
        reorg_test(data_dir, test_dir, folder)


def reorg_dog_data(data_dir: str | Path, label_file: str, train_dir: str, test_dir: str, input_dir: str | Path,
                   valid_ratio: float) -> None:
    """Sort the dog competition's pictures into class folders, as :func:`reorg_cifar10_data` does. Section 9.13."""
    idx_label = _read_labels(Path(data_dir, label_file))
    with _new_input_folder(Path(data_dir, input_dir)) as folder:
        reorg_dog_train_valid(data_dir, train_dir, folder, valid_ratio, idx_label)
        reorg_test(data_dir, test_dir, folder)


def write_submission(path: str | Path, ids: Sequence[int | str], predictions: Sequence, classes: Sequence[str]) -> Path:
    """Write a competition's CSV file, ``id,label`` or ``id`` and one probability per class, and return ``path``.

    Args:
        ids: (N,) the pictures' ids.
        predictions: (N,) indices into ``classes`` (section 9.12), or (N, classes) probabilities (section 9.13).

    Raises:
        ValueError: the lengths differ.
        InputError: ``path`` cannot be written.
    """
    table = np.asarray(predictions)
    if len(table) != len(ids) or table.ndim == 2 and table.shape[1] != len(classes):
        raise ValueError(f"{len(ids)} ids and {len(classes)} classes do not fit predictions of shape {table.shape}")
    if table.ndim == 2:
        lines = [["id", *classes], *([i, *(f"{p:.9g}" for p in row)] for i, row in zip(ids, table))]
    else:
        lines = [["id", "label"], *([i, classes[int(k)]] for i, k in zip(ids, table))]
    with write_atomically(Path(path)) as file:
        file.write("".join(",".join(map(str, line)) + "\n" for line in lines).encode("utf-8"))
    return Path(path)


def _read_labels(path: Path, id_of: Callable[[str], Any] = str) -> dict[Any, str]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row][1:]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; put the competition's label file there") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a CSV file of id,label ({error})") from error
    wrong = next((row for row in rows if len(row) != 2), None)
    if wrong or not rows:
        raise InputError(f"{path} must hold lines of id,label after a header, not {','.join(wrong or ['nothing'])!r}")
    labels: dict[Any, str] = {}
    for name, label in rows:
        idx = id_of(name)
        if labels.setdefault(idx, label) != label:
            raise InputError(f"{path} gives {name} two labels, {labels[idx]} and {label}; remove one of these lines")
    return labels


def _number(name: str, path: Path) -> int:
    try:
        return int(name)
    except ValueError as error:
        raise InputError(f"{path}: {name!r} is not a picture's number, as CIFAR-10's pictures have") from error


def _label_of(idx: int | str, idx_label: dict, file: Path) -> str:
    """Return the label of ``idx``. Raises InputError if the label cannot be a folder's name."""
    if idx not in idx_label:
        raise InputError(f"{file} is not in the label file; add its line {idx},<label> or remove the picture")
    label = idx_label[idx]
    if label in ("", ".", "..") or os.sep in label:
        raise InputError(f"the label file gives {file.name} the label {label!r}, which cannot name a folder")
    return label


def _pictures(folder: Path) -> list[Path]:
    try:
        files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}; put the competition's pictures there") from error
    if not files:
        raise InputError(f"{folder} holds no pictures")
    return files


def _copy(file: Path, *folder: str | Path) -> None:
    target = make_folder(Path(*folder)) / file.name
    try:
        shutil.copyfile(file, target)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise InputError(f"cannot copy {file} to {target.parent}: {error.strerror}; free some space or choose another "
                         "folder") from error


@contextmanager
def _new_input_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder that replaces ``folder`` after the block. A folder with other files is never replaced."""
    others = {path.name for path in folder.iterdir()} - _PARTS if folder.is_dir() else set()
    if others:
        raise InputError(f"{folder} holds other files ({sorted(others)[0]}); choose another input_dir")
    with make_folder_atomically(folder) as temporary:
        yield temporary.resolve()


def check(path: Path, report: Report) -> None:
    """Check the archives, which are unpacked on first use, and every picture."""
    for archive in listed(path, "*.zip"):
        try:
            with zipfile.ZipFile(archive) as opened:
                broken = opened.testzip()
                report.facts.append(f"{len(opened.namelist())} files in {archive.name}")
        except zipfile.BadZipFile:
            broken = "all of it"
        if broken:
            report.problems.append(f"{archive} is damaged ({broken}); fetch it again")
    check_pictures(path, report)
