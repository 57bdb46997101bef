"""The C++ reader of detection sets: ImageDetIter's batches and crops, from a seed alone."""
from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from data_kit import REAL, needs_real_data, write_picture, write_pikachu
from PIL import Image, PngImagePlugin
from tolerance import assert_close

from d2lzh_cv.data import fast_detection, pikachu, records
from d2lzh_cv.errors import InputError

SIDE = 256


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def packed(tmp_path):
    return records.pack_detection(write_pikachu(tmp_path / "pikachu"), tmp_path / "packed")


def png(width: int = SIDE, height: int = SIDE, comment: bytes = b"") -> bytes:
    """Red counts the columns and green the rows, so that a crop tells where it was."""
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    picture, notes = Image.fromarray(np.stack([columns, rows, rows * 0], 2).astype(np.uint8)), PngImagePlugin.PngInfo()
    notes.add(b"teXt", comment)
    file = io.BytesIO()
    picture.save(file, "PNG", pnginfo=notes)
    return file.getvalue()


def write_set(folder: Path, boxes: list, picture: bytes) -> Path:
    """train and val of as many pictures as there are lists of rows."""
    folder.mkdir()
    for part in ("train", "val"):
        writer = mx.recordio.MXIndexedRecordIO(str(folder / f"{part}.idx"), str(folder / f"{part}.rec"), "w")
        for i, rows in enumerate(boxes):
            label = np.array([2, 5, *np.ravel(rows)], np.float32)
            writer.write_idx(i, mx.recordio.pack(mx.recordio.IRHeader(0, label, i, 0), picture))
        writer.close()
    return folder


@pytest.fixture(scope="module")
def boxes():
    rng = np.random.default_rng(0)
    corner, size = rng.uniform(0.05, 0.6, (400, 2)), rng.uniform(0.1, 0.35, (400, 2))
    return [[0, *low, *high] for low, high in zip(corner, corner + size)]


@pytest.fixture(scope="module")
def columns_and_rows(tmp_path_factory, boxes):
    return write_set(tmp_path_factory.mktemp("set") / "set", boxes, png())


def epoch(iterator) -> tuple[np.ndarray, np.ndarray]:
    iterator.reset()
    batches = [(batch.data[0].asnumpy(), batch.label[0].asnumpy()) for batch in iterator]
    return tuple(map(np.concatenate, zip(*batches)))


@pytest.fixture(scope="module")
def cropped(columns_and_rows):
    """One epoch: pictures and labels."""
    random.seed(0)
    return epoch(pikachu.load_pikachu(columns_and_rows, 50, 64)[0])


def test_what_is_not_cropped_is_what_imagedetiter_gives(packed):
    ours, theirs = (pikachu.load_pikachu(packed, 2, 32, reader=reader)[1] for reader in ("fast", "python"))
    for _ in range(2):
        ours.reset(), theirs.reset()
        for mine, other in zip(ours, theirs):
            assert (mine.pad, mine.data[0].dtype, mine.label[0].dtype) == (other.pad, np.float32, np.float32)
            assert_close(mine.data[0], other.data[0], exact=True)
            assert_close(mine.label[0], other.label[0], exact=True)
    assert isinstance(ours, fast_detection.FastDetectionIter) and isinstance(theirs, pikachu.DetectionIter)
    with pytest.raises(StopIteration):
        ours.next()


def test_every_crop_shows_its_object_and_the_label_says_where(cropped, boxes):
    pictures, labels = cropped
    assert labels.shape == (400, 1, 5)
    left, right = pictures[:, 0, 32, 0], pictures[:, 0, 32, -1] + 1
    top, bottom = pictures[:, 1, 0, 32], pictures[:, 1, -1, 32] + 1
    low = labels[:, 0, 1:3] * np.stack([right - left, bottom - top], 1) + np.stack([left, top], 1)
    high = labels[:, 0, 3:5] * np.stack([right - left, bottom - top], 1) + np.stack([left, top], 1)
    found = np.concatenate([low, high], 1) / SIDE
    distance = np.abs(found[:, None] - np.array(boxes)[None, :, 1:])
    nearest = distance.sum(2).argmin(1)
    assert len(set(nearest)) > 390  # an epoch takes each once
    objects = np.array(boxes)[nearest, 1:]
    shown = (found[:, 2:] - found[:, :2]).prod(1) / (objects[:, 2:] - objects[:, :2]).prod(1)
    assert shown.min() > 0.85  # 0.95, and a pixel or two of an object of 26 for what the corners' colours tell
    assert np.percentile(distance.min(1).max(1), 90) < 3 / SIDE
    whole = (right - left > SIDE - 3) & (bottom - top > SIDE - 3)
    assert whole.mean() < 0.05
    ratio = (right - left) / (bottom - top)
    assert ratio[~whole].min() > 0.7 and ratio[~whole].max() < 1.4 and (ratio > 1.15).any() and (ratio < 0.85).any()


def spread(labels: np.ndarray) -> np.ndarray:
    """Area, middle and shape of boxes (N, 4): (4, N)."""
    xmin, ymin, xmax, ymax = labels.T.astype("float64")
    return np.stack([(xmax - xmin) * (ymax - ymin), xmin + xmax, ymin + ymax, (xmax - xmin) / (ymax - ymin)])


def assert_spread_alike(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Mean and deviation of each within four standard errors."""
    error = np.sqrt((ours.var(1) + theirs.var(1)) / ours.shape[1])
    assert (np.abs(ours.mean(1) - theirs.mean(1)) < 4 * error).all()
    for mine, other in zip(ours, theirs):
        fourth = ((other - other.mean()) ** 4).mean() / other.var() ** 2
        assert abs(np.log(mine.std() / other.std())) < 4 * np.sqrt((fourth - 1) / (2 * len(mine)))


def test_boxes_are_spread_as_imagedetiters(cropped, columns_and_rows):
    theirs = epoch(pikachu.load_pikachu(columns_and_rows, 50, 16, reader="python")[0])[1]
    assert_spread_alike(spread(cropped[1][:, 0, 1:]), spread(theirs[:, 0, 1:]))


def test_many_boxes_are_spread_as_imagedetiters(tmp_path, boxes):
    """Its augmenter's proposals alone, for enough of them to tell crops drawn with the scale first."""
    random.seed(0)
    crop = mx.image.DetRandomCropAug(0.95, area_range=(0.05, 3.0), max_attempts=200)
    theirs = [crop._random_crop_proposal(np.array([box]), 256, 256)[-1][0, 1:] for box in boxes * 20]
    train_iter = pikachu.load_pikachu(write_set(tmp_path / "set", boxes, png(32, 32)), 100, 8)[0]
    ours = np.concatenate([epoch(train_iter)[1] for _ in range(20)])[:, 0, 1:]
    assert_spread_alike(spread(ours), spread(np.array(theirs)))


def test_epochs_differ_and_the_seed_alone_decides(packed):
    def second_epoch(skip_first: bool):
        iterator = pikachu.load_pikachu(packed, 2, 32)[0]
        if not skip_first:
            epoch(iterator)
        random.seed(5)
        return epoch(iterator)

    (first, labels), (again, same) = second_epoch(skip_first=True), second_epoch(skip_first=False)
    assert_close(first, again, exact=True)
    assert_close(labels, same, exact=True)
    other = epoch(pikachu.load_pikachu(packed, 2, 32)[0])[1]
    crops = [np.sort(boxes[:, 0, 1]) for boxes in (labels, other)]
    assert np.abs(crops[0] - crops[1]).max() > 1e-3  # not only another order


def test_the_last_batch_is_filled_from_the_epochs_start(packed):
    train_iter = pikachu.load_pikachu(packed, 4, 32, rand_crop=0)[0]
    first, last = train_iter.next(), train_iter.next()
    assert (first.pad, last.pad) == (0, 3)
    assert_close(last.label[0][1:], first.label[0][:3], exact=True)
    assert_close(last.data[0][1:], first.data[0][:3], exact=True)
    seen = np.concatenate([first.label[0].asnumpy(), last.label[0].asnumpy()[:1]])[:, 0, 1]
    np.testing.assert_allclose(sorted(seen), np.arange(1, 6) / 100, rtol=1e-5)
    larger = pikachu.load_pikachu(packed, 12, 32, rand_crop=0)[0].next()
    assert larger.pad == 7 and len(set(larger.label[0][:5, 0, 1].asnumpy())) == 5


def test_batches_that_are_kept_stay_as_they_were(packed):
    iterator = pikachu.load_pikachu(packed, 1, 32)[0]
    first = iterator.next().data[0]
    before = first.asnumpy()
    for _ in iterator:
        pass
    assert_close(first, before, exact=True)


def test_another_shape_between_two_batches(packed):
    _, val_iter = pikachu.load_pikachu(packed, 1, 32)
    val_iter.next()
    val_iter.reshape(data_shape=(3, 16, 24), label_shape=(2, 5))
    batch = val_iter.next()
    assert (batch.data[0].shape, batch.label[0].shape) == ((1, 3, 16, 24), (1, 2, 5))
    assert batch.label[0][0, :, 1].asnumpy().tolist() == [pytest.approx(0.02), -1]


def test_mirrored_pictures_have_mirrored_boxes(columns_and_rows, boxes):
    pictures, labels = epoch(pikachu.load_pikachu(columns_and_rows, 50, 64, rand_crop=0, rand_mirror=True)[0])
    turned = pictures[:, 0, 0, 0] > 128
    assert 0.4 < turned.mean() < 0.6
    assert_close(np.sort(np.where(turned, 1 - labels[:, 0, 3], labels[:, 0, 1])),
                 np.sort(np.array(boxes, np.float32)[:, 1]))


@pytest.mark.parametrize("rows, picture", [([[[0, 0.1, 0.1, 0.5, 0.5], [1, 0.2, 0.2, 0.9, 0.9]]] * 3, png(32, 32)),
                                           ([[0, 0.1, 0.1, 0.5, 0.5]] * 3, png(40, 32))])
def test_where_crops_would_differ_imagedetiter_is_taken(tmp_path, rows, picture):
    root = write_set(tmp_path / "set", rows, picture)
    assert isinstance(pikachu.load_pikachu(root, 2, 16)[0], pikachu.DetectionIter)
    fast = pikachu.load_pikachu(root, 2, 16, reader="fast")[0]
    assert fast.next().label[0].shape == (2, np.ndim(rows[0]), 5)


def test_options_of_the_reader(packed):
    assert isinstance(pikachu.load_pikachu(packed, 2, 16, brightness=0.5)[0], pikachu.DetectionIter)
    with pytest.raises(InputError, match="the fast reader has no brightness; use reader='python'"):
        pikachu.load_pikachu(packed, 2, 16, reader="fast", brightness=0.5)
    with pytest.raises(InputError, match="reader is 'quick'; choose auto, fast or python"):
        pikachu.load_pikachu(packed, 2, 16, reader="quick")


def test_a_picture_that_looks_like_a_record_inside(tmp_path):
    magic = struct.pack("<I", records.MAGIC)
    root = write_set(tmp_path / "set", [[0, 0.1, 0.1, 0.5, 0.5]] * 5, png(32, 32, comment=magic * 3 + b"ab" + magic))
    ours, theirs = (epoch(pikachu.load_pikachu(root, 2, 16, reader=reader)[1]) for reader in ("fast", "python"))
    assert_close(ours[0], theirs[0], exact=True)


def test_a_picture_broken_inside_is_named(packed, tmp_path):
    whole = write_picture(tmp_path / "one.jpg", 64, 64).read_bytes()
    root = write_set(tmp_path / "set", [[0, 0.1, 0.1, 0.5, 0.5]] * 5, b"\xff\xd8" + bytes(len(whole)) + b"\xff\xd9")
    iterator = fast_detection.FastDetectionIter(root / "val.rec", 5, 7, batch_size=2, data_shape=(3, 16, 16))
    with pytest.raises(InputError, match=r"val\.rec holds a picture that does not decode"):
        iterator.next()


def test_nothing_stays_in_the_temporary_folder(packed, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    pikachu.load_pikachu(packed, 2, 16)[0].next()
    assert not list((tmp_path / "tmp").iterdir())


@needs_real_data
def test_the_real_set_is_read_fast():
    train_iter, val_iter = pikachu.load_pikachu(REAL / "pikachu", 100, 64)
    assert isinstance(train_iter, fast_detection.FastDetectionIter)
    theirs = pikachu.load_pikachu(REAL / "pikachu", 100, 64, reader="python")[1]
    assert_close(val_iter.next().data[0], theirs.next().data[0], exact=True)
