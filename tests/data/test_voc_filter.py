"""Readers' variations of VOCSegDataset: their own filter, normalize_image, __getitem__, __init__."""
from __future__ import annotations

import copy
import pickle
import random

import mxnet as mx
import numpy as np
import pytest
from data_kit import write_voc
from mxnet import gluon, image, nd
from tolerance import assert_close

import d2lzh_cv as d2l
from d2lzh_cv.data import voc_files
from d2lzh_cv.errors import InputError

CROP = (32, 48)
tf = gluon.data.vision.transforms


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    return write_voc(tmp_path / "VOC2012")  # 40×60, 30×30, 50×70


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that were decoded, in order."""
    names = []
    for reader in ("_read_picture", "_read_mask"):
        read = getattr(voc_files, reader)
        monkeypatch.setattr(voc_files, reader, lambda path, read=read: names.append(path.name) or read(path))
    return names


def make(cls, tree, crop=CROP):
    return cls(True, crop, str(tree), d2l.voc_colormap2label())


def files(tree, i: int) -> tuple[nd.NDArray, nd.NDArray]:
    return (image.imread(str(tree / f"JPEGImages/a{i}.jpg")), image.imread(str(tree / f"SegmentationClass/a{i}.png")))


def with_filter(function):
    return type("Own", (d2l.VOCSegDataset,), {"filter": function})


@pytest.fixture
def unread(tree):
    """A picture as filter() gets it, and the same read by MXNet."""
    handed = []
    make(with_filter(lambda self, images: handed.append(images) or [image for image in images]), tree)
    return handed[0][0], files(tree, 0)[0]


def filled(shape: tuple[int, ...], fill) -> nd.NDArray:
    """A byte array of zeros that ``fill`` has written to."""
    buffer = nd.zeros(shape, dtype="uint8")
    fill(buffer)
    return buffer


FUNCTIONS = {
    "imresize": lambda x: image.imresize(x, 96, 64, interp=2),
    "resize_short": lambda x: image.resize_short(x, 33),
    "fixed_crop": lambda x: image.fixed_crop(x, 3, 4, 20, 10, (40, 20)),
    "center_crop": lambda x: image.center_crop(x, (20, 30))[0],
    "color_normalize": lambda x: image.color_normalize(x.astype("float32"), nd.array([1, 2, 3]), nd.array([2, 2, 2])),
    "copyMakeBorder": lambda x: image.copyMakeBorder(x, 1, 2, 3, 4),
    "augmenter": lambda x: image.ResizeAug(20)(x),
    "CreateAugmenter": lambda x: [x := augmenter(x) for augmenter in image.CreateAugmenter((3, 20, 20))][-1],
    "ToTensor": lambda x: tf.ToTensor()(x),
    "Resize": lambda x: tf.Resize((20, 30))(x),
    "Compose": lambda x: tf.Compose([tf.CenterCrop(20), tf.ToTensor(), tf.Normalize(0.5, 0.2)])(x),
    "astype": lambda x: x.astype("float32") / 255,
    "arithmetic": lambda x: 255 - x / 2 + x % 3 * 2 - -x,
    "comparison": lambda x: (x > 100) * 255,
    "both sides": lambda x: nd.maximum(x, 255 - x) + x * nd.ones_like(x) + nd.ones_like(x) * x,
    "slices": lambda x: x[5:20, ::2, :1],
    "one channel": lambda x: x[:, :, 1],
    "negative": lambda x: x[-1, -1],
    "fancy": lambda x: x[nd.array([0, 3], dtype="int32")],
    "stack": lambda x: nd.stack(x, x, axis=0),
    "concat": lambda x: nd.concat(x, nd.ones_like(x), dim=1),
    "flip": lambda x: nd.flip(x, axis=1),
    "transpose": lambda x: x.transpose((2, 0, 1)).expand_dims(axis=0),
    "T": lambda x: x.T,
    "where": lambda x: nd.where(x > 9, x, nd.zeros_like(x)),
    "mean": lambda x: x.astype("float32").mean(axis=(0, 1)),
    "pad": lambda x: nd.pad(x.astype("float32").reshape((1, 1, *x.shape[:2], 3)), mode="constant",
                            pad_width=(0, 0, 0, 0, 1, 1, 1, 1, 0, 0)),
    "nd.array": lambda x: nd.array(x),
    "copy": lambda x: x.copy(),
    "copyto": lambda x: x.copyto(mx.cpu()),
    "as_in_context": lambda x: x.as_in_context(mx.cpu()) * 1,
    "filled in": lambda x: filled((50, 60, 3), lambda buffer: buffer.__setitem__(slice(10, 50), x)),
    "row of a batch": lambda x: filled((2, 40, 60, 3), lambda buffer: buffer.__setitem__(1, x)),
    "copied to": lambda x: filled(x.shape, x.copyto),
    "batch": lambda x: gluon.data.dataloader.default_batchify_fn([x, x]),
    "split": lambda x: gluon.utils.split_and_load(x, [mx.cpu(0), mx.cpu(1)])[1] * 1,
    "out=": lambda x: nd.elemwise_add(x, x, out=nd.zeros(x.shape, dtype="uint8")),
    "written to": lambda x: nd.elemwise_add(x, x, out=x) * 1,
    "reshape": lambda x: x.reshape((-1, 3)),
    "views": lambda x: x[2][1:4].reshape((0, 1, -1)),
    "mx.np": lambda x: (x.as_np_ndarray() + 1).as_nd_ndarray(),
    "broadcast": lambda x: nd.broadcast_add(x, nd.ones((1, 1, 3), dtype="uint8")),
    "contrib": lambda x: nd.image.flip_left_right(x),
    "convolution": lambda x: nd.Pooling(x.astype("float32").transpose((2, 0, 1)).expand_dims(0), kernel=(2, 2)),
    "pickle": lambda x: pickle.loads(pickle.dumps(x)) * 1,
    "deepcopy": lambda x: copy.deepcopy(x) * 1,
    "numpy": lambda x: nd.array(np.asarray(x.asnumpy())),
    "in place": lambda x: x.__iadd__(1) * 1,
    "assigned": lambda x: (x.__setitem__(slice(0, 5), 7), x * 1)[1],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_mxnets_functions_take_it(unread, name):
    ours, theirs = (FUNCTIONS[name](picture) for picture in unread)
    assert type(ours) is nd.NDArray and ours.dtype == theirs.dtype and ours.shape == theirs.shape
    assert_close(ours, theirs, exact=True)


def test_it_is_an_ndarray(unread, tmp_path):
    ours, theirs = unread
    assert isinstance(ours, nd.NDArray) and len(ours) == len(theirs) == 40
    for name in ("shape", "dtype", "size", "ndim", "context", "ctx", "stype"):
        assert getattr(ours, name) == getattr(theirs, name), name
    nd.save(str(tmp_path / "a.params"), {"a": ours})
    assert_close(nd.load(str(tmp_path / "a.params"))["a"], theirs, exact=True)
    ours.attach_grad()
    with mx.autograd.record():
        ours.astype("float32").sum().backward()
    assert (ours.grad.asnumpy() == 1).all()


def test_sizes_are_known_without_reading(tree, decoded):
    def small(self, images):
        return [image for image in images if image.shape[0] * image.size * image.ndim > 0 and image.dtype == np.uint8
                and image.context == mx.cpu() and len(image) >= 40]
    dataset = make(with_filter(small), tree)
    assert len(dataset) == 2 and not decoded
    assert len(make(d2l.VOCSegDataset, tree)) == 2 and not decoded


class Enlarged(d2l.VOCSegDataset):
    """Scales small pictures up instead of leaving them out."""

    def filter(self, imgs):
        return [img if img.shape[0] >= self.crop_size[0] and img.shape[1] >= self.crop_size[1]
                else image.imresize(img, self.crop_size[1], self.crop_size[0], interp=0) for img in imgs]


def test_a_filter_that_enlarges(tree, decoded, capsys):
    dataset = make(Enlarged, tree)
    assert capsys.readouterr().out == "read 3 examples\n"
    assert decoded == ["a1.jpg", "a1.png"]  # the small one
    picture, mask = (image.imresize(x, 48, 32, interp=0) for x in files(tree, 1))
    feature, label = dataset[1]
    assert_close(feature, dataset.normalize_image(picture).transpose((2, 0, 1)), exact=True)
    assert_close(label, d2l.voc_label_indices(mask, dataset.colormap2label), exact=True)
    loader = gluon.data.DataLoader(dataset, 3, num_workers=2)
    assert [batch[0].shape for batch in loader] == [(3, 3, 32, 48)]


def test_a_filter_that_changes_pictures_in_place(tree):
    """What was written to is kept; what was only looked at is not held in memory."""
    def own(self, imgs):
        kept = [img for img in imgs if img.shape[0] >= 40 and img.mean().asscalar() >= 0]
        kept[0][:10] = 0
        kept[0] += 1
        return kept
    dataset = make(with_filter(own), tree)
    changed, looked_at = dataset._pictures
    assert type(changed) is nd.NDArray and isinstance(looked_at, voc_files.LazyImage) and not looked_at._whole
    picture = files(tree, 0)[0]
    picture[:10] = 0
    assert_close(dataset.data[0], dataset.normalize_image(picture + 1), exact=True)
    assert dataset[0][0].shape == (3, 32, 48)


def test_a_filter_that_makes_float_pictures(tree):
    class Own(d2l.VOCSegDataset):
        def filter(self, imgs):
            return [img.astype("float32") for img in super().filter(imgs)]
    dataset = make(Own, tree)
    assert_close(dataset.data[1], dataset.normalize_image(files(tree, 2)[0]), exact=True)
    feature, label = dataset[0]
    assert feature.dtype == np.float32 and set(np.unique(label.asnumpy())) <= {0, 1, 20}


@pytest.mark.parametrize("own", [lambda self, images: (image for image in images),
                                 lambda self, images: tuple(images), lambda self, images: images,
                                 lambda self, images: images[:], lambda self, images: list(reversed(images))[::-1],
                                 lambda self, images: images + [], lambda self, images: list(filter(len, images))])
def test_what_a_filter_may_return(tree, own):
    assert [picture.shape for picture in make(with_filter(own), tree).data] == [(40, 60, 3), (30, 30, 3), (50, 70, 3)]


@pytest.mark.parametrize("own, said", [
    (lambda self, images: images[:2] if images[0].is_mask else images, r"filter\(\) keeps 3 pictures and 2 masks"),
    (lambda self, images: images[1:] if images[0].is_mask else images[:2], r"pairs .*a0\.jpg with .*a1\.png"),
    (lambda self, images: [image.imresize(x, 48, 32) if not x.is_mask else x * 1 for x in images],
     "gives picture 0 the size 32×48, its mask 40×60")])
def test_a_filter_that_parts_pictures_and_masks(tree, own, said):
    with pytest.raises(InputError, match=said):
        make(with_filter(own), tree)


def test_what_is_read_and_let_go_is_not_kept(tree):
    """A filter that reads one picture after the other never holds two."""
    alive = []

    def own(self, images):
        for picture in images:
            picture.wait_to_read()
            alive.append(sum(bool(kept._whole) for kept in list.__iter__(images)))
        return images
    make(with_filter(own), tree)
    assert alive == [0] * 6


def test_the_other_methods_get_arrays_too(tree):
    seen = []

    class Own(d2l.VOCSegDataset):
        def normalize_image(self, img):
            seen.append(type(img))
            return img.astype("float32") / 255

        def __getitem__(self, idx):
            feature, label = d2l.voc_rand_crop(self.features[idx], self.labels[idx], *self.crop_size)
            seen.extend([type(self.features[idx]), type(self.labels[idx])])
            return feature.transpose((2, 0, 1)), d2l.voc_label_indices(label, self.colormap2label)
    dataset = make(Own, tree)
    random.seed(0)
    feature, label = dataset[1]
    random.seed(0)
    crop, _ = d2l.voc_rand_crop(files(tree, 2)[0].astype("float32") / 255, files(tree, 2)[1], *CROP)
    assert_close(feature, crop.transpose((2, 0, 1)), exact=True)
    assert label.shape == CROP and set(seen) == {nd.NDArray}


def test_a_subclass_with_the_books_own_init(tree):
    class Own(d2l.VOCSegDataset):
        def __init__(self, is_train, crop_size, voc_dir, colormap2label):
            self.rgb_mean, self.rgb_std = nd.zeros(3), nd.ones(3)
            self.crop_size = crop_size
            features, labels = d2l.read_voc_images(root=voc_dir, is_train=is_train)
            self.features = [self.normalize_image(feature) for feature in self.filter(features)]
            self.labels = self.filter(labels)
            self.colormap2label = colormap2label
    dataset = make(Own, tree)
    assert len(dataset) == 2 and dataset[1][0].shape == (3, 32, 48)


def test_a_broken_picture_is_named_by_a_filter_that_reads_it(tree):
    (tree / "JPEGImages" / "a2.jpg").write_bytes((tree / "JPEGImages" / "a2.jpg").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"a2\.jpg is not a whole picture"):
        make(with_filter(lambda self, images: [image * 1 for image in images]), tree)
