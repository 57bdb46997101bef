"""The competitions' folders: who goes to train and valid, what is refused, and what a submission looks like."""
from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_kit import REAL, cut, files_below, needs_real_data, write_picture

from d2lzh_cv.data import kaggle
from d2lzh_cv.data.images import image_folder
from d2lzh_cv.errors import InputError


@pytest.fixture
def cifar(tmp_path):
    """Pictures 1 to 12: even numbers are cats, odd ones frogs; two to be classified."""
    folder = tmp_path / "kaggle_cifar10"
    for i in range(1, 13):
        write_picture(folder / "train_tiny" / f"{i}.png", 8, 8, seed=i)
    for i in (1, 2):
        write_picture(folder / "test_tiny" / f"{i}.png", 8, 8, seed=50 + i)
    lines = [f"{i},{'cat' if i % 2 == 0 else 'frog'}" for i in range(1, 20)]
    (folder / "trainLabels.csv").write_text("\n".join(["id,label", *lines]) + "\n")
    return folder


@pytest.fixture
def dogs(tmp_path):
    folder = tmp_path / "kaggle_dog"
    ids = {"pug": ["0a", "1b", "2c", "3d"], "basenji": [f"{i}e" for i in range(8)]}
    for name in sum(ids.values(), []):
        write_picture(folder / "train" / f"{name}.jpg", 8, 8)
    write_picture(folder / "test" / "ff.jpg", 8, 8)
    lines = [f"{name},{breed}" for breed, names in ids.items() for name in names]
    (folder / "labels.csv").write_text("id,breed\r\n" + "\r\n".join(lines) + "\r\n")
    return folder


def names_in(folder: Path) -> dict[str, list[str]]:
    return {str(path.relative_to(folder)): sorted(file.stem for file in path.iterdir())
            for path in sorted(folder.glob("*/*"))}


def test_labels_are_read_as_the_book_does(cifar):
    n_train_per_label, idx_label = kaggle.read_label_file(cifar, "trainLabels.csv", "train_tiny", 0.25)
    assert n_train_per_label == 4  # 9 of 12 pictures, over 2 labels
    assert len(idx_label) == 19 and idx_label[2] == "cat" and idx_label[19] == "frog"


def test_cifar10_is_sorted_by_label_and_number(cifar):
    kaggle.reorg_cifar10_data(str(cifar), "trainLabels.csv", "train_tiny", "test_tiny", "sorted", 0.25)
    assert names_in(cifar / "sorted") == {
        "test/unknown": ["1", "2"],
        "train/cat": ["2", "4", "6", "8"], "train/frog": ["1", "3", "5", "7"],
        "train_valid/cat": ["10", "12", "2", "4", "6", "8"], "train_valid/frog": ["1", "11", "3", "5", "7", "9"],
        "valid/cat": ["10", "12"], "valid/frog": ["11", "9"]}
    copied = (cifar / "sorted/valid/cat/10.png").read_bytes()
    assert copied == (cifar / "train_tiny/10.png").read_bytes()
    assert image_folder(cifar / "sorted" / "valid").synsets == ["cat", "frog"]


def test_sorting_again_with_another_ratio_leaves_no_picture_in_two_parts(cifar, tmp_path):
    for ratio in (0.25, 0.5):
        kaggle.reorg_cifar10_data(cifar, "trainLabels.csv", "train_tiny", "test_tiny", tmp_path / "sorted", ratio)
    assert names_in(tmp_path / "sorted")["train/cat"] == ["2", "4", "6"]
    assert names_in(tmp_path / "sorted")["valid/cat"] == ["10", "12", "8"]


def test_dogs_are_sorted_by_breed(dogs):
    kaggle.reorg_dog_data(dogs, "labels.csv", "train", "test", "sorted", 0.5)
    parts = names_in(dogs / "sorted")
    assert parts["valid/pug"] == ["0a", "1b"] and parts["train/pug"] == ["2c", "3d"]  # half of the rarest breed's 4
    assert parts["valid/basenji"] == ["0e", "1e"] and len(parts["train/basenji"]) == 6
    assert len(parts["train_valid/basenji"]) == 8 and parts["test/unknown"] == ["ff"]


@pytest.mark.parametrize("ratio", [0, 1, -0.5, 2])
def test_a_ratio_that_leaves_nothing_is_named(cifar, ratio):
    with pytest.raises(InputError, match=f"valid_ratio {ratio}"):
        kaggle.read_label_file(cifar, "trainLabels.csv", "train_tiny", ratio)


def test_a_picture_without_a_label_is_named_and_nothing_stays(cifar, dogs):
    write_picture(cifar / "train_tiny" / "77.png", 8, 8)
    with pytest.raises(InputError, match=r"train_tiny/77\.png is not in the label file"):
        kaggle.reorg_cifar10_data(cifar, "trainLabels.csv", "train_tiny", "test_tiny", "sorted", 0.25)
    write_picture(dogs / "train" / "zz.jpg", 8, 8)
    with pytest.raises(InputError, match=r"train/zz\.jpg is not in the label file"):
        kaggle.reorg_dog_data(dogs, "labels.csv", "train", "test", "sorted", 0.5)
    assert {path.name for path in dogs.iterdir()} == {"train", "test", "labels.csv"}
    assert {path.name for path in cifar.iterdir()} == {"train_tiny", "test_tiny", "trainLabels.csv"}


@pytest.mark.parametrize("content, message", [
    ("", "must hold lines of id,label"), ("id,label\n", "must hold lines of id,label"),
    ("id,label\n1,frog,extra\n", "not '1,frog,extra'"), ("id,label\nfrog,1\n", "'frog' is not a picture's number"),
    ("id,label\n" + "\n".join(f"{i},../up" for i in range(1, 13)), "cannot name a folder"),
    ("id,label\n1,frog\n2,cat\n01,dog\n", "gives 01 two labels, frog and dog")])
def test_a_damaged_label_file_is_named(cifar, content, message):
    (cifar / "trainLabels.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        kaggle.reorg_cifar10_data(cifar, "trainLabels.csv", "train_tiny", "test_tiny", "sorted", 0.25)


def test_spaces_and_equal_lines_in_a_label_file_do_no_harm(cifar):
    (cifar / "trainLabels.csv").write_text("id, label\n1, frog\n2,cat \n\n1,frog\n")
    assert kaggle.read_label_file(cifar, "trainLabels.csv", "train_tiny", 0.25) == (4, {1: "frog", 2: "cat"})


def test_missing_files_are_named(cifar):
    with pytest.raises(InputError, match=r"labels\.csv: No such file"):
        kaggle.read_label_file(cifar, "labels.csv", "train_tiny", 0.1)
    with pytest.raises(InputError, match="gone: No such file"):
        kaggle.read_label_file(cifar, "trainLabels.csv", "gone", 0.1)
    (cifar / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no pictures"):
        kaggle.reorg_test(cifar, "empty", "sorted")


def test_a_folder_with_other_files_is_not_replaced(cifar):
    with pytest.raises(InputError, match="holds other files .*; choose another input_dir"):
        kaggle.reorg_cifar10_data(cifar, "trainLabels.csv", "train_tiny", "test_tiny", ".", 0.25)
    assert len(list((cifar / "train_tiny").iterdir())) == 12


def test_a_disk_that_fills_while_copying_leaves_nothing(cifar, monkeypatch):
    def full(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kaggle.shutil, "copyfile", full)
    before = files_below(cifar)
    with pytest.raises(InputError, match=r"cannot copy .*1\.png.*No space left"):
        kaggle.reorg_cifar10_data(cifar, "trainLabels.csv", "train_tiny", "test_tiny", "sorted", 0.25)
    assert files_below(cifar) == before


@pytest.fixture
def zipped(cifar, tmp_path, monkeypatch):
    """The set as Kaggle's small archives, in a folder that must not be written to."""
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "zips"
    root.mkdir()
    for name in ("train_tiny", "test_tiny", "trainLabels.csv"):
        with zipfile.ZipFile(root / f"{name}.zip", "w") as archive:
            for path in sorted((cifar / name).glob("*")) or [cifar / name]:
                archive.write(path, path.relative_to(cifar))
    return root


def test_archives_are_unpacked_once_beside_the_root(zipped, cifar, tmp_path):
    before = files_below(zipped)
    folders = {kaggle.unpack_kaggle_cifar10(zipped) for _ in range(2)}
    folder, = folders
    assert folder.is_relative_to(tmp_path / "cache")
    assert files_below(folder) - {"source.json"} == files_below(cifar)
    assert files_below(zipped) == before
    assert kaggle.unpack_kaggle_cifar10(zipped, tmp_path / "mine") == tmp_path / "mine"


def test_what_is_unpacked_already_serves_as_it_is(cifar, dogs, tmp_path):
    assert kaggle.unpack_kaggle_cifar10(cifar) == cifar
    assert kaggle.unpack_kaggle_dog(dogs) == dogs
    with pytest.raises(InputError, match="no folder .*gone"):
        kaggle.unpack_kaggle_dog(tmp_path / "gone")


def test_a_broken_or_missing_archive_is_named(zipped, tmp_path):
    cut(zipped / "train_tiny.zip")
    with pytest.raises(InputError, match=r"train_tiny\.zip is damaged"):
        kaggle.unpack_kaggle_cifar10(zipped)
    (zipped / "train_tiny.zip").unlink()
    with pytest.raises(InputError, match=r"train_tiny\.zip: No such file"):
        kaggle.unpack_kaggle_cifar10(zipped)
    assert files_below(tmp_path / "cache") == set()


def test_a_submission_of_labels(tmp_path):
    path = kaggle.write_submission(tmp_path / "s.csv", [1, 10, 2], np.array([1, 0, 1]), ["cat", "frog"])
    assert path.read_text() == "id,label\n1,frog\n10,cat\n2,frog\n"


def test_a_submission_of_probabilities(tmp_path):
    probabilities = np.array([[0.25, 0.75], [1e-9, 1]], dtype=np.float32)
    path = kaggle.write_submission(tmp_path / "s.csv", ["0a", "1b"], probabilities, ["basenji", "pug"])
    header, first, second = path.read_text().splitlines()
    assert (header, first) == ("id,basenji,pug", "0a,0.25,0.75")
    assert [float(p) for p in second.split(",")[1:]] == pytest.approx([1e-9, 1])


def test_a_submission_that_does_not_fit_is_refused(tmp_path):
    for ids, predictions in (([1], [0, 1]), ([1, 2], np.zeros((2, 3)))):
        with pytest.raises(ValueError, match="do not fit"):
            kaggle.write_submission(tmp_path / "s.csv", ids, predictions, ["a", "b"])
    assert not list(tmp_path.iterdir())


@needs_real_data
def test_the_books_small_archives(tmp_path):
    folder = kaggle.unpack_kaggle_cifar10(REAL / "kaggle_cifar10", tmp_path / "unpacked")
    assert kaggle.read_label_file(folder, "trainLabels.csv", "train_tiny", 0.1)[0] == 9
    kaggle.reorg_cifar10_data(folder, "trainLabels.csv", "train_tiny", "test_tiny", "train_valid_test", 0.1)
    sizes = {part: len(image_folder(folder / "train_valid_test" / part)) for part in kaggle._PARTS}
    assert sizes == {"train": 90, "valid": 10, "train_valid": 100, "test": 1}
    assert image_folder(folder / "train_valid_test" / "valid").synsets[0] == "airplane"
