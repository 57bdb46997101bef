"""Pictures and image folders: what comes out, and the one error for what is not whole."""
from __future__ import annotations

import numpy as np
import pytest
from data_kit import REAL, cut, needs_real_data, pixels, write_picture
from mxnet import gluon
from PIL import Image

from d2lzh_cv.data import images
from d2lzh_cv.errors import InputError


def test_a_picture_is_rgb_uint8(tmp_path):
    path = write_picture(tmp_path / "a.png", 7, 9, seed=3)
    picture = images.read_picture(path)
    assert (picture.shape, picture.dtype) == ((7, 9, 3), np.uint8)
    np.testing.assert_array_equal(picture.asnumpy(), pixels(7, 9, seed=3))


def test_a_palette_picture_comes_as_its_colours(tmp_path):
    """VOC's masks are stored so."""
    colours = np.zeros((4, 4, 3), np.uint8)
    colours[1:3, 1:3] = (192, 128, 64)
    Image.fromarray(colours).quantize(4).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(images.read_picture(tmp_path / "mask.png").asnumpy(), colours)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_picture_is_named(tmp_path, name, part):
    """OpenCV decodes the JPEG cut in half without a word."""
    path = cut(write_picture(tmp_path / name, 200, 200), part)
    with pytest.raises(InputError, match=f"{name} is not a whole picture"):
        images.read_picture(path)


def test_a_missing_or_strange_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.jpg: No such file"):
        images.read_picture(tmp_path / "gone.jpg")
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(InputError, match=r"text\.jpg is not a whole picture"):
        images.check_picture(tmp_path / "text.jpg")


def test_a_picture_of_a_format_that_is_not_read_is_named(tmp_path):
    Image.fromarray(pixels(8, 8)).save(tmp_path / "a.jpg", format="TGA")
    with pytest.raises(InputError, match=r"a\.jpg is not a whole picture of a known format"):
        images.read_picture(tmp_path / "a.jpg")


@pytest.fixture
def folder(tmp_path):
    for name, seed in (("dog/1.png", 1), ("cat/b.png", 2), ("cat/a.PNG", 3)):
        write_picture(tmp_path / "set" / name, seed=seed)
    (tmp_path / "set" / "cat" / "notes.txt").write_text("not a picture")
    return tmp_path / "set"


@pytest.mark.filterwarnings("ignore:Ignoring .*notes.txt:UserWarning")  # Gluon's, of a file that is no picture
def test_a_folder_reads_like_gluons(folder):
    ours, gluons = images.image_folder(folder), gluon.data.vision.ImageFolderDataset(str(folder))
    assert ours.synsets == gluons.synsets == ["cat", "dog"]
    assert ours.items == gluons.items
    assert ours.ids == ["a", "b", "1"]
    for ours_i, gluons_i in zip(ours, gluons):
        assert ours_i[1] == gluons_i[1]
        np.testing.assert_array_equal(ours_i[0].asnumpy(), gluons_i[0].asnumpy())


def test_transforms_and_loaders_work_on_a_folder(folder):
    dataset = images.image_folder(folder).transform_first(gluon.data.vision.transforms.ToTensor())
    (pictures, labels), = gluon.data.DataLoader(dataset, 3, num_workers=2)
    assert pictures.shape == (3, 3, 40, 50)
    assert labels.asnumpy().tolist() == [0, 0, 1]


def test_classes_fix_the_labels_of_a_part(folder):
    """A part of a set that lacks a class must not count the others anew."""
    dataset = images.image_folder(folder, classes=["ant", "cat", "cow", "dog"])
    assert [label for _, label in dataset.items] == [1, 1, 3]
    with pytest.raises(InputError, match="dog is not one of the 2 classes"):
        images.image_folder(folder, classes=["ant", "cat"])


def test_a_folder_without_classes(folder):
    dataset = images.image_folder(folder / "cat", needs_classes=False)
    assert [label for _, label in dataset.items] == [-1, -1]
    assert dataset[0][0].shape == (40, 50, 3)


def test_empty_folders_are_named(tmp_path, folder):
    with pytest.raises(InputError, match="no picture folder .*gone"):
        images.image_folder(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no class folders"):
        images.image_folder(tmp_path / "empty")
    with pytest.raises(InputError, match="empty holds no pictures"):
        images.image_folder(tmp_path / "empty", needs_classes=False)
    (folder / "eel").mkdir()
    with pytest.raises(InputError, match="eel holds no pictures"):
        images.image_folder(folder)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_in_a_folder_is_named(folder, workers):
    cut(folder / "dog" / "1.png")
    loader = gluon.data.DataLoader(images.image_folder(folder), 1, num_workers=workers)
    with pytest.raises(InputError, match=r"dog/1\.png is not a whole picture"):
        list(loader)


@needs_real_data
def test_the_books_pictures_read_as_imread_does():
    import mxnet as mx
    assert images.read_picture(REAL / "img" / "catdog.jpg").shape == (561, 728, 3)
    for path in sorted((REAL / "img").glob("*.jpg")):
        np.testing.assert_array_equal(images.read_picture(path).asnumpy(), mx.image.imread(str(path)).asnumpy())
