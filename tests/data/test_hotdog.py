"""The hotdog set as section 9.2 reads it."""
from __future__ import annotations

import pytest
from data_kit import REAL, cut, needs_real_data, write_picture

from d2lzh_cv.data.hotdog import load_hotdog
from d2lzh_cv.errors import InputError


@pytest.fixture
def root(tmp_path):
    for name in ("train/hotdog/1.jpg", "train/hotdog/2.jpg", "train/not-hotdog/1.jpg",
                 "test/hotdog/1.jpg", "test/not-hotdog/1.jpg"):
        write_picture(tmp_path / name)
    return tmp_path


def test_hotdog_is_class_0(root):
    train, test = load_hotdog(root)
    assert train.synsets == test.synsets == ["hotdog", "not-hotdog"]
    assert [label for _, label in train.items] == [0, 0, 1]
    assert train[0][0].shape == (40, 50, 3)


def test_test_classes_must_be_trains(root):
    write_picture(root / "test" / "burger" / "1.jpg")
    with pytest.raises(InputError, match="they must be the same"):
        load_hotdog(root)


def test_what_is_missing_or_broken_is_named(root, tmp_path):
    cut(root / "test" / "hotdog" / "1.jpg")
    train, test = load_hotdog(root)
    assert train[0][1] == 0
    with pytest.raises(InputError, match=r"test/hotdog/1\.jpg is not a whole picture"):
        test[0]
    (root / "test" / "hotdog" / "1.jpg").unlink()
    with pytest.raises(InputError, match="test/hotdog holds no pictures"):
        load_hotdog(root)
    with pytest.raises(InputError, match="no picture folder .*gone/train"):
        load_hotdog(tmp_path / "gone")


@needs_real_data
def test_the_real_pictures_are_whole():
    train, test = load_hotdog(REAL / "hotdog")
    assert (len(train), len(test)) == (200, 50)
    assert sum(label for _, label in train.items) == 100
    assert all(picture.shape[2] == 3 for picture, _ in test)
