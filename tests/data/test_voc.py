"""VOC segmentation: the book's calls and values, and every way a tree can be broken."""
from __future__ import annotations

import random

import mxnet as mx
import numpy as np
import pytest
from data_kit import REAL, cut, needs_real_data, pixels, write_picture, write_voc
from mxnet import gluon, nd
from PIL import Image
from tolerance import assert_close

from d2lzh_cv.data import hub, voc
from d2lzh_cv.data.voc_middles import BORDER, VOID, VOCMiddles, void_table
from d2lzh_cv.errors import InputError


@pytest.fixture
def tree(tmp_path):
    return write_voc(tmp_path / "VOC2012")


@pytest.fixture(scope="module")
def book_table():
    """The look-up as the book's cell builds it."""
    colormap2label = nd.zeros(256 ** 3)
    for i, colormap in enumerate(voc.VOC_COLORMAP):
        colormap2label[(colormap[0] * 256 + colormap[1]) * 256 + colormap[2]] = i
    return colormap2label


def test_classes_and_colours_pair_up():
    """VOC's colours are the bits of the class number spread over red, green and blue, highest bit first."""
    assert len(voc.VOC_CLASSES) == len(voc.VOC_COLORMAP) == 21
    for i, colour in enumerate(voc.VOC_COLORMAP):
        bits = [(i >> k) & 1 for k in range(6)]
        assert colour == [128 * bits[c] + 64 * bits[c + 3] for c in range(3)]
    assert [voc.VOC_CLASSES[i] for i in (0, 1, 15, 20)] == ["background", "aeroplane", "person", "tv/monitor"]


def test_pictures_and_masks_come_in_the_lists_order(tree):
    (tree / "ImageSets" / "Segmentation" / "val.txt").write_text("a2\na0\n")
    features, labels = voc.read_voc_images(str(tree), is_train=False)
    assert [feature.shape for feature in features] == [(50, 70, 3), (40, 60, 3)]
    assert [label.shape for label in labels] == [(50, 70, 3), (40, 60, 3)]
    assert features[0].dtype == labels[0].dtype == np.uint8
    assert len(voc.read_voc_images(tree)[0]) == 3


def test_the_books_table_and_ours_give_the_same_classes(tree, book_table):
    mask = voc.read_voc_images(tree)[1][0]
    books, ours = (voc.voc_label_indices(mask, table) for table in (book_table, voc.voc_colormap2label()))
    assert (books.shape, books.dtype, ours.dtype) == ((40, 60), np.float32, np.uint8)
    np.testing.assert_array_equal(books.asnumpy(), ours.asnumpy())
    expected = np.zeros((40, 60))
    expected[5:15, 5:20], expected[20:25, 3:9] = 1, 20
    np.testing.assert_array_equal(ours.asnumpy(), expected)


def test_every_colour_has_its_class_and_others_are_background(book_table):
    colours = nd.array([voc.VOC_COLORMAP + [[1, 0, 0], [224, 224, 192], [255, 255, 255]]], dtype="uint8")  # (1, 24, 3)
    for table in (book_table, voc.voc_colormap2label()):
        assert voc.voc_label_indices(colours, table).asnumpy()[0].tolist() == [*range(21), 0, 0, 0]


def test_a_table_changed_after_its_first_use_counts(book_table):
    """A copy kept for speed would go on giving the old classes."""
    table, colour = book_table.copy(), nd.array([[[128, 0, 0]]], dtype="uint8")
    assert voc.voc_label_indices(colour, table).asscalar() == 1
    table[128 * 65536] = 7
    assert voc.voc_label_indices(colour, table).asscalar() == 7
    assert voc.voc_label_indices(colour, book_table).asscalar() == 1


def test_uint8_classes_serve_the_loss():
    loss = gluon.loss.SoftmaxCrossEntropyLoss(axis=1)
    scores, classes = nd.random.uniform(shape=(2, 21, 4, 4)), nd.array(np.arange(32).reshape(2, 4, 4) % 21)
    np.testing.assert_array_equal(loss(scores, classes).asnumpy(), loss(scores, classes.astype("uint8")).asnumpy())


def test_picture_and_mask_are_cropped_alike():
    ramp = nd.array(np.arange(30 * 40).reshape(30, 40, 1).repeat(3, axis=2) % 256, dtype="uint8")
    random.seed(0)
    crops = [voc.voc_rand_crop(ramp, ramp, 10, 20) for _ in range(5)]
    for feature, label in crops:
        assert feature.shape == (10, 20, 3)
        np.testing.assert_array_equal(feature.asnumpy(), label.asnumpy())
    assert len({feature.asnumpy().tobytes() for feature, _ in crops}) > 1
    random.seed(0)
    np.testing.assert_array_equal(voc.voc_rand_crop(ramp, ramp, 10, 20)[0].asnumpy(), crops[0][0].asnumpy())


class BookDataset(voc.VOCSegDataset):
    """Normalises whole pictures before the crop, as the book does."""

    def normalize_image(self, data):
        return super().normalize_image(data)


def test_the_data_set_gives_the_books_values(tree, book_table, capsys):
    ours, books = (cls(True, (32, 48), tree, book_table) for cls in (voc.VOCSegDataset, BookDataset))
    assert capsys.readouterr().out == "read 2 examples\n" * 2
    assert len(ours) == len(ours.data) == len(ours.labels) == 2
    for idx in (0, 1):
        random.seed(idx)
        feature, label = ours[idx]
        random.seed(idx)
        book_feature, book_label = books[idx]
        assert (feature.shape, feature.dtype, label.shape) == ((3, 32, 48), np.float32, (32, 48))
        np.testing.assert_array_equal(feature.asnumpy(), book_feature.asnumpy())
        np.testing.assert_array_equal(label.asnumpy(), book_label.asnumpy())
    expected = (nd.array(mx.image.imread(str(tree / "JPEGImages" / "a0.jpg")).asnumpy() / 255) - ours.rgb_mean)
    np.testing.assert_allclose(ours.data[0].asnumpy(), (expected / ours.rgb_std).asnumpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ours.features[-1].asnumpy(), ours.data[1].asnumpy())
    assert [picture.shape for picture in ours.data[:1]] == [(40, 60, 3)]


def test_a_subclass_decides_what_is_kept_and_how_it_is_normalised(tree):
    class Own(voc.VOCSegDataset):
        def normalize_image(self, data):
            return data.astype("float32") - data.astype("float32").mean()  # depends on the whole picture

        def filter(self, images):
            return images[1:]

    dataset = Own(True, (32, 48), tree, voc.voc_colormap2label())
    assert [picture.shape[:2] for picture in dataset.data] == [(30, 30), (50, 70)]
    assert abs(dataset.data[1].mean().asscalar()) < 1e-2
    assert dataset[0][0].shape == (3, 32, 48)  # scaled up, as the book's would be
    random.seed(0)
    feature, _ = dataset[1]
    random.seed(0)
    crop, _ = voc.voc_rand_crop(dataset.data[1], dataset.labels[1], 32, 48)
    np.testing.assert_array_equal(feature.asnumpy(), crop.transpose((2, 0, 1)).asnumpy())


@pytest.mark.parametrize("workers", [0, 4])
def test_the_loader_works_in_this_process_and_in_workers(tree, book_table, workers):
    dataset = voc.VOCSegDataset(True, (32, 48), tree, book_table)
    for features, labels in gluon.data.DataLoader(dataset, 2, shuffle=True, last_batch="discard", num_workers=workers):
        assert (features.shape, labels.shape) == ((2, 3, 32, 48), (2, 32, 48))
        assert set(np.unique(labels.asnumpy())) <= {0, 1, 20}


def test_the_middles_are_those_of_the_pictures_that_are_large_enough(tree):
    pictures, masks = voc.read_voc_images(tree, is_train=False)
    kept = [i for i, picture in enumerate(pictures) if picture.shape[0] >= 8 and picture.shape[1] >= 10]
    middles = VOCMiddles(voc.VOCSegDataset(False, (8, 10), tree, voc.voc_colormap2label()))
    assert len(middles) == len(kept) > 0
    for i, (picture, mask), (X, y) in zip(kept, middles, middles.batches()):
        top, left = (pictures[i].shape[0] - 8) // 2, (pictures[i].shape[1] - 10) // 2
        for found, whole in ((picture, pictures[i]), (mask, masks[i])):
            assert_close(found, whole[top:top + 8, left:left + 10], exact=True)
        assert_close(X[0].transpose((1, 2, 0)), middles.dataset.normalize_image(picture), exact=True)
        assert_close(y[0], voc.voc_label_indices(mask, void_table()), exact=True)


def test_borders_of_objects_have_no_class():
    border = nd.array([[BORDER, voc.VOC_COLORMAP[3]]], dtype="uint8")
    assert voc.voc_label_indices(border, void_table()).asnumpy().tolist() == [[VOID, 3]]


def test_a_packed_set_brings_its_classes(tree):
    assert voc.voc_classes(tree) == voc.VOC_CLASSES
    (tree / "classes.json").write_text('{"classes": ["background", "leaf"], "pictures": {"train": 1, "val": 1}}')
    assert voc.voc_classes(tree) == ["background", "leaf"]


def test_no_picture_large_enough_is_an_error(tree):
    with pytest.raises(InputError, match="no picture of .*VOC2012 is 320×480 or larger; choose a smaller crop_size"):
        voc.VOCSegDataset(True, (320, 480), tree, voc.voc_colormap2label())


def write_palette_masks(tree, sizes=((40, 60), (30, 30), (50, 70))):
    """Masks as VOC has them: indices and VOC's palette, 255 between the objects."""
    rng, palette = np.random.default_rng(0), np.zeros((256, 3), np.uint8)
    palette[:21], palette[255] = voc.VOC_COLORMAP, (224, 224, 192)
    indices = [rng.choice([*range(21), 255], size).astype(np.uint8) for size in sizes]
    for i, index in enumerate(indices):
        mask = Image.fromarray(index, "P")
        mask.putpalette(palette.ravel().tolist())
        mask.save(tree / "SegmentationClass" / f"a{i}.png")
    return indices


@pytest.mark.parametrize("kind", ["bytes", "book", "other"])
def test_a_mask_with_a_palette_gives_the_same_as_its_colours(tree, book_table, kind):
    indices = write_palette_masks(tree)
    table = {"bytes": voc.voc_colormap2label(), "book": book_table, "other": voc.voc_colormap2label()}[kind]
    if kind == "other":
        table[128 << 16], table[(224 << 16) + (224 << 8) + 192] = 9, 30
    ours, books = (cls(True, (32, 48), tree, table) for cls in (voc.VOCSegDataset, BookDataset))
    random.seed(3)
    y = ours[0][1]
    random.seed(3)
    assert_close(y, books[0][1], exact=True)
    random.seed(3)
    left, top = random.randint(0, 60 - 48), random.randint(0, 40 - 32)
    class_of = {255: 30, 1: 9} if kind == "other" else {255: 0}
    expected = np.vectorize(lambda i: class_of.get(i, i))(indices[0][top:top + 32, left:left + 48])
    assert y.dtype == table.dtype
    assert_close(y, expected.astype(table.dtype), exact=True)
    assert_close(ours.labels[1], mx.image.imread(str(tree / "SegmentationClass/a2.png")), exact=True)


def test_other_statistics_count_in_the_next_crop(tree):
    dataset = voc.VOCSegDataset(True, (32, 48), tree, voc.voc_colormap2label())
    before = dataset[0][0].mean().asscalar()
    dataset.rgb_mean[:] = 0
    dataset.rgb_std = nd.ones(3)
    crop = dataset[0][0].asnumpy()
    assert before < 0.3 and crop.min() >= 0 and 0.3 < crop.mean() < 0.7 and crop.max() <= 1


def test_a_picture_that_its_camera_turned_is_as_mxnet_reads_it(tree):
    exif = Image.Exif()
    exif[274] = 6  # a quarter turn
    Image.fromarray(pixels(40, 60)).save(tree / "JPEGImages" / "a0.jpg", exif=exif)
    dataset = voc.VOCSegDataset(True, (40, 60), tree, voc.voc_colormap2label())
    whole = dataset.normalize_image(mx.image.imread(str(tree / "JPEGImages" / "a0.jpg")))
    assert_close(dataset[0][0], whole.transpose((2, 0, 1)), exact=True)


def break_list(tree):
    (tree / "ImageSets/Segmentation/train.txt").unlink()


def break_list_empty(tree):
    (tree / "ImageSets/Segmentation/train.txt").write_text("\n")


def break_name(tree):
    (tree / "ImageSets/Segmentation/train.txt").write_text("a0\na9\n")


def break_mask(tree):
    (tree / "SegmentationClass/a1.png").unlink()


def break_picture(tree):
    cut(tree / "JPEGImages/a1.jpg")


def break_mask_size(tree):
    write_picture(tree / "SegmentationClass/a2.png", 50, 71)


@pytest.mark.parametrize("break_it, message", [
    (break_list, r"train\.txt: No such file"), (break_list_empty, r"train\.txt names no pictures"),
    (break_name, r"JPEGImages/a9\.jpg: No such file"), (break_mask, r"SegmentationClass/a1\.png: No such file"),
    (break_picture, r"JPEGImages/a1\.jpg is not a whole picture"),
    (break_mask_size, r"SegmentationClass/a2\.png has 50×71 pixels, its picture 50×70")])
def test_a_broken_tree_names_the_file(tree, break_it, message):
    break_it(tree)
    with pytest.raises(InputError, match=message):
        voc.read_voc_images(tree)


@pytest.mark.parametrize("break_it, message, at_once", [
    (break_name, r"JPEGImages/a9\.jpg: No such file", True),
    (break_mask, r"SegmentationClass/a1\.png: No such file", True),
    (break_mask_size, r"SegmentationClass/a2\.png has 50×71 pixels, its picture 50×70", True),
    (break_picture, r"JPEGImages/a1\.jpg is not a whole picture \(truncated\)", False)])
def test_the_data_set_names_the_file_too(tmp_path, break_it, message, at_once):
    tree = write_voc(tmp_path / "VOC2012", sizes=[(40, 60), (40, 60), (50, 70)])
    break_it(tree)
    if not at_once:
        dataset = voc.VOCSegDataset(True, (32, 48), tree, voc.voc_colormap2label())
        assert dataset[0][0].shape == (3, 32, 48)
    with pytest.raises(InputError, match=message):
        voc.VOCSegDataset(True, (32, 48), tree, voc.voc_colormap2label()) if at_once else dataset[1]


def test_the_books_default_root_falls_back_and_says_so(tmp_path, tree, monkeypatch, capsys):
    (tmp_path / "chapters").mkdir()
    monkeypatch.chdir(tmp_path / "chapters")
    monkeypatch.setattr(hub, "find", lambda name: hub.Source(name, tree, "synthetic", "voc: drawn"))
    assert len(voc.read_voc_images(is_train=False)[0]) == 3
    assert capsys.readouterr().out == "voc: drawn\n"
    write_voc(tmp_path / "data" / "VOCdevkit" / "VOC2012", sizes=[(9, 9)])
    assert len(voc.read_voc_images(is_train=False)[0]) == 1
    assert capsys.readouterr().out == ""
    with pytest.raises(InputError, match=r"gone.*train\.txt: No such file"):
        voc.read_voc_images(tmp_path / "gone")


@needs_real_data
def test_the_real_tree(book_table, capsys):
    root = REAL / "coco128_voc"
    features, labels = voc.read_voc_images(root, is_train=False)
    assert len(features) == len(labels) == 20
    dataset = voc.VOCSegDataset(False, (320, 480), root, book_table)
    assert capsys.readouterr().out == f"read {len(dataset)} examples\n"
    assert 0 < len(dataset) < 20
    classes = set(np.unique(np.concatenate([dataset[i][1].asnumpy().ravel() for i in range(len(dataset))])))
    assert classes <= set(range(21)) and len(classes) > 5
