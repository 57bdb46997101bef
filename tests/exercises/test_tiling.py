"""Tiled prediction against the prediction of the whole picture, and what the exercises of 9.10 read and count."""
from __future__ import annotations

import random

import mxnet as mx
import numpy as np
import pytest
from data_kit import opened, write_voc
from mxnet import init, nd
from mxnet.gluon import nn
from tolerance import assert_close

from d2lzh_cv.data.voc import voc_colormap2label
from d2lzh_cv.errors import InputError
from d2lzh_cv.exercises import segmentation, tiling
from d2lzh_cv.exercises.segmentation import VOID, WholePictures
from d2lzh_cv.fcn import fcn

SIZES = [(96, 128), (70, 45), (160, 160), (33, 200), (129, 97), (1, 1), (31, 3)]


def picture_of(size, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def pixelwise(part: np.ndarray) -> np.ndarray:
    """Scores that depend on the pixel alone."""
    return np.stack([part[:, :, 0], 255.0 - part[:, :, 1], part.mean(axis=2)]).astype(np.float32)


def small_net(layers: int = 2) -> nn.HybridSequential:
    """Sees ``layers`` pixels to every side."""
    mx.random.seed(0)
    net = nn.HybridSequential()
    net.add(*[nn.Conv2D(4, kernel_size=3, padding=1) for _ in range(layers)])
    net.initialize(init.Xavier())
    return net


def score_of(net):
    return lambda part: net(nd.array(part.transpose(2, 0, 1)[None] / 255))[0].asnumpy()


# Where tiles lie

@pytest.mark.parametrize(("length", "tile", "overlap", "expected"), [
    (64, 96, 32, [0]), (96, 96, 32, [0]), (128, 96, 32, [0, 32]), (160, 96, 32, [0, 64]), (224, 96, 32, [0, 64, 128]),
    (224, 96, 0, [0, 96, 128]), (64, 64, 64, [0])])
def test_where_tiles_begin(length, tile, overlap, expected):
    assert tiling.starts(length, tile, overlap) == expected


@pytest.mark.parametrize("overlap", [0, 32, 64])
@pytest.mark.parametrize("length", range(32, 500, 32))
def test_tiles_cover_everything_and_overlap(length, overlap):
    tile = 96
    found = tiling.starts(length, tile, overlap)
    assert found[0] == 0 and found[-1] + min(tile, length) == length
    assert all(b <= a + tile - overlap and b % 32 == 0 for a, b in zip(found, found[1:]))


@pytest.mark.parametrize("size", SIZES)
def test_reflection_up_to_multiples(size):
    picture = picture_of(size)
    padded = tiling.pad_by_reflection(picture)
    assert padded.shape[0] % 32 == padded.shape[1] % 32 == 0
    assert all(have < want + 32 for have, want in zip(padded.shape, size))
    assert_close(padded[:size[0], :size[1]], picture)
    if 1 < size[0] < padded.shape[0]:
        assert_close(padded[size[0], :size[1]], picture[-2])


# What is predicted

@pytest.mark.parametrize("join", tiling.JOINS)
@pytest.mark.parametrize("overlap", [0, 32])
@pytest.mark.parametrize("size", SIZES)
def test_pixels_that_see_only_themselves_are_as_in_the_whole(size, overlap, join):
    picture = picture_of(size)
    found = tiling.predict_scores(pixelwise, picture, (64, 96), overlap, join)
    assert found.dtype == np.float32
    assert_close(found, pixelwise(picture))
    assert_close(tiling.predict_classes(pixelwise, picture, tile=(64, 96), overlap=overlap, join=join),
                 pixelwise(picture).argmax(axis=0))


def test_one_tile_is_the_whole_picture_whatever_the_network_sees():
    picture, score = picture_of((70, 90)), score_of(small_net(12))
    whole = score(tiling.pad_by_reflection(picture))[:, :70, :90]
    for join in tiling.JOINS:
        assert_close(tiling.predict_scores(score, picture, (96, 96), 32, join), whole)


def test_centers_equal_the_whole_picture_where_the_view_stays_in_the_tile():
    """The network sees 2 pixels to each side, a cut is 16 pixels from a tile's border."""
    picture, score = picture_of((160, 192)), score_of(small_net())
    assert_close(tiling.predict_scores(score, picture, (64, 96), 32, "center"), score(picture))


def test_blending_equals_the_whole_picture_but_for_the_tiles_border():
    picture, score = picture_of((160, 64)), score_of(small_net())
    wrong = abs(tiling.predict_scores(score, picture, (96, 64), 32, "blend") - score(picture)).max(axis=(0, 2)) > 1e-4
    assert set(np.flatnonzero(wrong)) <= {64, 65, 94, 95} and wrong.any()


def test_without_overlap_borders_show():
    """The equality above can fail."""
    picture, score = picture_of((128, 64)), score_of(small_net())
    wrong = abs(tiling.predict_scores(score, picture, (64, 64), 0, "center") - score(picture)).max(axis=(0, 2)) > 1e-4
    assert set(np.flatnonzero(wrong)) == {62, 63, 64, 65}


@pytest.mark.parametrize("join", tiling.JOINS)
def test_an_fcn_gives_the_whole_pictures_scores_inside(join):
    """Strides of 32 make the grid matter, and tiles lie on it."""
    mx.random.seed(0)
    features = nn.HybridSequential()
    features.add(nn.Conv2D(3, kernel_size=3, padding=1, strides=2), nn.AvgPool2D(16))
    features.initialize(init.Xavier())
    score, picture = score_of(fcn(features, 3)), picture_of((384, 160))
    found = tiling.predict_scores(score, picture, (256, 160), 128, join)
    assert_close(found[:, :64], score(picture)[:, :64])
    assert_close(found[:, -64:], score(picture)[:, -64:])
    assert found.shape == (3, 384, 160)


def test_blending_is_a_mean_that_favours_the_middle():
    """Two tiles that say 0 and 1: from 0 to 1 in equal steps where they overlap."""
    calls = iter([0.0, 1.0])
    found = tiling.predict_scores(lambda part: np.full((1, *part.shape[:2]), next(calls)), picture_of((32, 96)),
                                  (64, 64), 32)
    assert_close(found[0, 5, :32], np.zeros(32))
    assert_close(found[0, 5, 64:], np.ones(32))
    assert_close(found[0, 5, 32:64], np.arange(1, 33) / 33)


def test_no_part_is_larger_than_a_tile():
    seen = []
    tiling.predict_scores(lambda x: seen.append(x.shape) or pixelwise(x), picture_of((300, 500)), (96, 128), 32)
    assert set(seen) == {(96, 128, 3)} and len(seen) == 5 * 5


@pytest.mark.parametrize(("settings", "text"), [
    ({"tile": (100, 96)}, "100 × 96"), ({"overlap": 30}, "multiples of 32"),
    ({"overlap": 320}, "smaller than the tile"), ({"overlap": -32}, "smaller"), ({"join": "mean"}, "blend, center")])
def test_settings_that_cannot_be(settings, text):
    with pytest.raises(InputError, match=text):
        tiling.predict_scores(pixelwise, picture_of((64, 64)), **settings)


# Reading and counting

@pytest.fixture
def tree(tmp_path):
    return write_voc(tmp_path / "VOC2012", sizes=((40, 60), (31, 30), (50, 70)))


def test_whole_pictures_are_those_of_the_files(tree):
    pictures = WholePictures(True, tree)
    assert len(pictures) == 3
    for i, size in enumerate(((40, 60), (31, 30), (50, 70))):
        picture, classes = pictures[i]
        mask = np.asarray(opened(tree / "SegmentationClass" / f"a{i}.png").convert("RGB")).astype(int)
        codes = (mask[..., 0] * 256 + mask[..., 1]) * 256 + mask[..., 2]
        assert_close(picture, np.asarray(opened(tree / "JPEGImages" / f"a{i}.jpg")))
        assert_close(classes, voc_colormap2label()[codes])
        assert picture.dtype == classes.dtype == np.uint8 and classes.shape == size


def test_whole_pictures_are_read_when_they_are_taken(tree):
    pictures = WholePictures(True, tree)
    (tree / "JPEGImages" / "a1.jpg").unlink()
    assert pictures[0][0].shape == (40, 60, 3)
    with pytest.raises(InputError, match="a1.jpg"):
        pictures[1]


def test_borders_are_void():
    assert segmentation.void_table()[(224 * 256 + 224) * 256 + 192] == VOID
    assert (segmentation.void_table() != voc_colormap2label()).sum() == 1


def test_colours_are_those_of_the_masks(tree):
    mask = np.asarray(opened(tree / "SegmentationClass" / "a0.png").convert("RGB"))
    assert_close(segmentation.colored(WholePictures(True, tree)[0][1]), mask)
    assert_close(segmentation.colored(np.array([[VOID, 0]], np.uint8)), [[[224, 224, 192], [0, 0, 0]]])


def test_smaller_pictures_keep_picture_and_mask_together(tree):
    whole, half = WholePictures(True, tree), WholePictures(True, tree, shrink=2)
    for (picture, classes), (smaller, fewer) in zip(whole, half):
        height, width = (size // 2 for size in classes.shape)
        assert smaller.shape == (height, width, 3) and fewer.shape == (height, width)
        assert_close(fewer, classes[1::2, 1::2][:height, :width])
        means = picture[:height * 2, :width * 2].reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
        assert abs(smaller - means).max() <= 1


def test_small_crops_are_normalised_and_have_their_classes(tree):
    crops = segmentation.Crops(True, (16, 16), tree, voc_colormap2label(), shrink=2)
    assert len(crops) == 2, "the second picture is 15 × 15 then"
    X, y = crops.example(0, random.Random(0))
    assert X.shape == (3, 16, 16) and y.shape == (16, 16) and abs(X.asnumpy()).max() < 3


@pytest.mark.parametrize("size", [(20, 30), (21, 33), (40, 60)])
def test_the_middle(size):
    pixels = np.arange(40 * 60).reshape(40, 60)
    found = segmentation.middle(pixels, size)
    assert found.shape == size
    assert abs(found.mean() - pixels.mean()) <= 0.5 * 61


def test_middles_leave_out_what_is_too_small():
    pairs = [(picture_of(size), np.zeros(size, np.uint8)) for size in ((40, 60), (39, 60), (40, 59), (50, 70))]
    assert [(p.shape, c.shape) for p, c in segmentation.middles(pairs, (40, 60))] == [((40, 60, 3), (40, 60))] * 2


@pytest.mark.parametrize("distance", [1, 3])
def test_what_is_near_a_border(distance):
    classes = np.zeros((12, 15), np.uint8)
    classes[4:8, 5:11] = 3
    near = [[any(classes[y + a, x + b] != classes[y, x] for a, b in
                 ((distance, 0), (-distance, 0), (0, distance), (0, -distance))
                 if 0 <= y + a < 12 and 0 <= x + b < 15) for x in range(15)] for y in range(12)]
    assert_close(segmentation.near_border(classes, distance), near)


def test_judging_counts_pixels_with_a_class():
    """3 of 4 counted pixels are right: IoU of class 0 is 1/2, of class 1 2/3."""
    classes = np.array([[0, 0, 1, 1, VOID]])
    result = segmentation.judge(lambda picture: np.array([[0, 1, 1, 1, 0]]), [(picture_of((1, 5)), classes)] * 3, 2)
    assert_close(result.matrix, [[3, 3], [0, 6]])
    assert_close(result.picture_iou, [7 / 12] * 3)
    assert result.summary() == {"pixel_acc": 0.75, "mean_iou": pytest.approx(7 / 12)}


def test_the_class_of_each_pixel_is_the_highest_score():
    picture, net = picture_of((32, 64)), small_net()
    scores = net(segmentation.as_batch(picture))[0].asnumpy()
    found = segmentation.classes_of(net, picture)
    assert_close(found, scores.argmax(axis=0))
    assert found.dtype == np.uint8 and len(np.unique(found)) > 1
