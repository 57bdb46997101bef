"""The fast reader of detection sets: ImageDetIter's batches, its crops from the same random numbers."""
from __future__ import annotations

import random
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from data_kit import REAL, needs_real_data, write_pikachu
from record_kit import write_records
from tolerance import assert_close

from d2lzh_cv.data import decoded, detection_iter, pikachu, records
from d2lzh_cv.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def packed(tmp_path):
    return records.pack_detection(write_pikachu(tmp_path / "pikachu"), tmp_path / "packed")


@pytest.fixture
def mixed(tmp_path):
    """Wide and tall pictures of one to three objects, 23 of them."""
    rng = np.random.default_rng(0)
    sizes = [(int(h), int(w)) for h, w in rng.integers(60, 200, (23, 2))]
    classes, corners = np.arange(23 * 3).reshape(23, 3, 1) % 2, rng.uniform(0, 0.6, (23, 3, 2))
    rows = np.concatenate([classes, corners, corners + rng.uniform(0.1, 0.4, (23, 3, 2))], axis=2)
    return write_records(tmp_path / "set", sizes, [rows[i, :1 + i % 3] for i in range(23)])


def epoch(iterator) -> list:
    iterator.reset()
    return [(batch.data[0].asnumpy(), batch.label[0].asnumpy(), batch.pad) for batch in iterator]


def both(root: Path, batch_size: int, edge_size: int, which: int = 0, epochs: int = 2, **options):
    """The last of so many epochs by each reader, from one seed."""
    for reader in ("fast", "python"):
        iterator = pikachu.load_pikachu(root, batch_size, edge_size, reader=reader, **options)[which]
        random.seed(7)
        yield [epoch(iterator) for _ in range(epochs)][-1]


@pytest.mark.parametrize("options", [
    {}, {"rand_mirror": True}, {"rand_crop": 0.5, "rand_mirror": True}, {"rand_crop": 0},
    {"min_object_covered": [0.1, 0.9], "area_range": (0.3, 0.6), "aspect_ratio_range": (0.5, 2), "max_attempts": 5}])
def test_crops_are_those_of_imagedetiter(mixed, options):
    ours, theirs = both(mixed, 5, 48, **options)
    assert len(ours) == len(theirs) == 5
    for (mine, boxes, pad), (other, expected, their_pad) in zip(ours, theirs):
        assert_close(boxes, expected, exact=True)
        assert pad == their_pad
        assert np.abs(mine - other).max() <= 1, np.abs(mine - other).max()  # of 255: two versions of OpenCV


def test_what_is_not_resized_is_the_same_to_the_bit(tmp_path):
    root = write_records(tmp_path / "set", [(32, 32)] * 5, [[[0, 0.1, 0.1, 0.5, 0.5]]] * 5)
    for mine, other in zip(*both(root, 2, 32, which=1)):
        assert_close(mine[0], other[0], exact=True)
        assert mine[0].dtype == np.float32 and mine[0].std() > 5


def test_each_picture_is_decoded_once(mixed, monkeypatch):
    counted, decode = [], mx.image.imdecode
    monkeypatch.setattr(mx.image, "imdecode", lambda content: counted.append(1) or decode(content))
    train_iter = pikachu.load_pikachu(mixed, 5, 16, reader="fast")[0]
    first, second = epoch(train_iter), epoch(train_iter)
    assert len(counted) == 23 and len(first) == len(second) == 5


@pytest.mark.parametrize("limit", [0, 100_000])
def test_beyond_the_limit_pictures_are_decoded_each_time(mixed, monkeypatch, limit):
    monkeypatch.setattr(detection_iter, "KEPT", limit)
    ours, theirs = both(mixed, 5, 48)
    for mine, other in zip(ours, theirs):
        assert_close(mine[1], other[1], exact=True)
        assert np.abs(mine[0] - other[0]).max() <= 1


def test_without_a_place_for_pixels_it_goes_on_and_says_so(mixed, tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "file" / "cache"))
    iterator = pikachu.load_pikachu(mixed, 5, 16, reader="fast")[0]
    assert len(epoch(iterator)) == len(epoch(iterator)) == 5
    assert capfd.readouterr().err.count("detection pictures are decoded again in each epoch") == 1


def test_the_same_pixels_for_the_same_content_alone():
    pictures = decoded.DecodedPictures(1000)
    one, other = (np.full((2, 3, 3), value, np.uint8) for value in (1, 2))
    for content, picture in ((b"one", one), (b"other", other), (b"one", one)):
        assert_close(pictures.get(content, lambda picture=picture: picture), picture, exact=True)


def test_a_picture_without_a_class_is_passed_over(tmp_path):
    rows = [[[0, 0.1, 0.1, 0.5, 0.5]], [[-1, 0.5, 0.5, 0.6, 0.6]], [[0, 0.2, 0.2, 0.6, 0.6]]]
    root = write_records(tmp_path / "set", [(32, 32)] * 3, rows)
    ours, theirs = ([], [])
    for batches, iterator in ((ours, detection_iter.FastDetectionIter), (theirs, detection_iter.DetectionIter)):
        batches += epoch(iterator(root / "val.rec", batch_size=2, data_shape=(3, 32, 32)))
    assert [batch[1][:, 0, 1].tolist() for batch in ours] == [[pytest.approx(0.1), pytest.approx(0.2)]]
    assert_close(ours[0][0], theirs[0][0], exact=True)


def test_epochs_differ_and_the_seed_alone_decides(packed):
    def second_epoch(skip_first: bool):
        iterator = pikachu.load_pikachu(packed, 2, 32)[0]
        if not skip_first:
            epoch(iterator)
        random.seed(5)
        return epoch(iterator)

    first, again = second_epoch(skip_first=True), second_epoch(skip_first=False)
    for (picture, label, _), (same, same_label, _) in zip(first, again):
        assert_close(picture, same, exact=True)
        assert_close(label, same_label, exact=True)
    other = epoch(pikachu.load_pikachu(packed, 2, 32)[0])
    crops = [np.sort(np.concatenate([label[:, 0, 1] for _, label, _ in batches])) for batches in (first, other)]
    assert np.abs(crops[0] - crops[1]).max() > 1e-3  # not only another order


def test_the_last_batch_is_filled_from_the_epochs_start(packed):
    train_iter = pikachu.load_pikachu(packed, 4, 32, rand_crop=0)[0]
    first, last = train_iter.next(), train_iter.next()
    assert (first.pad, last.pad) == (0, 3)
    assert_close(last.label[0][1:], first.label[0][:3], exact=True)
    assert_close(last.data[0][1:], first.data[0][:3], exact=True)
    with pytest.raises(StopIteration):
        train_iter.next()
    seen = np.concatenate([first.label[0].asnumpy(), last.label[0].asnumpy()[:1]])[:, 0, 1]
    np.testing.assert_allclose(sorted(seen), np.arange(1, 6) / 100, rtol=1e-5)
    larger = pikachu.load_pikachu(packed, 12, 32, rand_crop=0)[0].next()
    assert larger.pad == 7 and len(set(larger.label[0][:5, 0, 1].asnumpy())) == 5
    assert_close(larger.data[0][5:10], larger.data[0][:5], exact=True)  # over and over


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


def test_options_of_the_reader(packed):
    fast = detection_iter.FastDetectionIter
    assert isinstance(pikachu.load_pikachu(packed, 2, 16)[0], fast)
    assert not isinstance(pikachu.load_pikachu(packed, 2, 16, brightness=0.5)[0], fast)
    with pytest.raises(InputError, match="the fast reader does not support brightness; use reader='python'"):
        pikachu.load_pikachu(packed, 2, 16, reader="fast", brightness=0.5)
    with pytest.raises(InputError, match="reader is 'quick'; choose auto, fast or python"):
        pikachu.load_pikachu(packed, 2, 16, reader="quick")


def test_a_picture_broken_inside_is_named(mixed):
    content = b"\xff\xd8" + bytes(300) + b"\xff\xd9"
    writer = mx.recordio.MXRecordIO(str(mixed / "val.rec"), "w")
    writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, np.array([2, 5, 0, 0.1, 0.1, 0.5, 0.5]), 0, 0), content))
    writer.close()
    iterator = detection_iter.FastDetectionIter(mixed / "val.rec", batch_size=2, data_shape=(3, 16, 16))
    with pytest.raises(InputError, match=r"val\.rec holds a picture that cannot be decoded"):
        iterator.next()


def test_no_file_stays(packed, tmp_path):
    iterator = pikachu.load_pikachu(packed, 2, 16)[0]
    epoch(iterator)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.name != ".lock"]


@needs_real_data
def test_the_real_set_is_read_fast():
    ours, theirs = both(REAL / "pikachu", 100, 64, epochs=1)
    assert all((mine[1] == other[1]).all() and np.abs(mine[0] - other[0]).max() <= 1
               for mine, other in zip(ours, theirs))
