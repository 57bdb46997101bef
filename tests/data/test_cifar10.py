"""CIFAR-10's binary files: order of planes, indexing as in Gluon, and files that are not whole."""
from __future__ import annotations

import numpy as np
import pytest
from data_kit import REAL, cut, needs_real_data, write_cifar10
from mxnet import gluon

from d2lzh_cv.data.cifar10 import CIFAR10, CIFAR10_CLASSES
from d2lzh_cv.errors import InputError


def test_pictures_are_height_width_channel(tmp_path):
    write_cifar10(tmp_path, batches=1, pictures=1)
    record = np.arange(3072, dtype=np.int64) % 251
    (tmp_path / "data_batch_1.bin").write_bytes(bytes([7]) + record.astype(np.uint8).tobytes())
    picture, label = CIFAR10(tmp_path)[0]
    assert (picture.shape, picture.dtype, label) == ((32, 32, 3), np.uint8, 7)
    np.testing.assert_array_equal(picture.asnumpy(), record.reshape(3, 32, 32).transpose(1, 2, 0))


def test_indexing_slicing_and_length_are_gluons(tmp_path):
    """Gluon's own reader gets the same bytes through its private loader."""
    write_cifar10(tmp_path, batches=3)
    ours, gluons = CIFAR10(tmp_path), object.__new__(gluon.data.vision.CIFAR10)
    assert len(ours) == 60
    data, labels = gluons._read_batch(str(tmp_path / "data_batch_1.bin"))
    np.testing.assert_array_equal(ours[0:20][0].asnumpy(), data)
    np.testing.assert_array_equal(ours[0:20][1], labels)
    assert ours[0:32][0].shape == (32, 32, 32, 3)
    assert ours[0][1].dtype == labels.dtype == np.int32
    assert ours[-1][1] == 9
    with pytest.raises(IndexError):
        ours[60]


def test_parts_and_their_order(tmp_path):
    write_cifar10(tmp_path, batches=2, pictures=4)
    (tmp_path / "data_batch_10.bin").write_bytes(bytes([5]) * 3073)  # after 2, not after 1
    train = CIFAR10(str(tmp_path))
    assert [int(label) for label in train[:][1]] == [0, 1, 2, 3, 0, 1, 2, 3, 5]
    assert len(CIFAR10(tmp_path, train=False)) == 4


def test_transforms_and_loaders(tmp_path):
    dataset = CIFAR10(write_cifar10(tmp_path)).transform_first(gluon.data.vision.transforms.ToTensor())
    pictures, labels = next(iter(gluon.data.DataLoader(dataset, 8, num_workers=2)))
    assert pictures.shape == (8, 3, 32, 32)
    np.testing.assert_allclose(pictures[3, :, 0, 0].asnumpy(), np.array([3, 13, 23]) / 255, rtol=1e-6)
    assert labels.dtype == np.int32
    doubled = CIFAR10(tmp_path, transform=lambda picture, label: (picture, label * 2))
    assert doubled[3][1] == 6


@pytest.mark.parametrize("size", [0, 1, 3072, 3074, 20 * 3073 - 1])
def test_a_file_cut_off_is_named(tmp_path, size):
    path = write_cifar10(tmp_path) / "data_batch_2.bin"
    cut(path, 0)
    path.write_bytes(bytes(size))
    with pytest.raises(InputError, match=rf"data_batch_2\.bin is cut off: {size} bytes"):
        CIFAR10(tmp_path)


def test_missing_files_and_strange_labels_are_named(tmp_path):
    with pytest.raises(InputError, match="holds no data_batch"):
        CIFAR10(tmp_path)
    with pytest.raises(InputError, match=r"test_batch\.bin: No such file"):
        CIFAR10(tmp_path, train=False)
    (tmp_path / "test_batch.bin").write_bytes(bytes([10]) + bytes(3072))
    with pytest.raises(InputError, match=r"test_batch\.bin holds label 10"):
        CIFAR10(tmp_path, train=False)


@needs_real_data
def test_the_real_part():
    train, test = CIFAR10(REAL / "cifar10"), CIFAR10(REAL / "cifar10", train=False)
    assert (len(train), len(test)) == (4000, 1000)
    assert [CIFAR10_CLASSES[k] for k in train[:5][1]] == ["frog", "truck", "truck", "deer", "automobile"]
    assert train[0][0].asnumpy()[0, 0].tolist() == [59, 62, 63]
