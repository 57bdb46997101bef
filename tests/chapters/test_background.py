"""Pictures without objects: read as ImageDetIter would, learnt as background, and judged."""
from __future__ import annotations

import random

import background_kit as kit
import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, image, init, nd
from record_kit import write_records as write_any_set
from tolerance import assert_close

from d2lzh_cv import metrics, ssd
from d2lzh_cv.data import pikachu
from d2lzh_cv.data.detection_iter import DetectionIter, FastDetectionIter
from d2lzh_cv.engine.seeds import seed_everything
from d2lzh_cv.exercises.ssd_variants import judge
from d2lzh_cv.metrics import figures
from d2lzh_cv.plotting import plt
from d2lzh_cv.ssd import SSDLoss

READERS = ("fast", "python")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))


def epoch(iterator) -> list[tuple[np.ndarray, np.ndarray, int]]:
    iterator.reset()
    return [(batch.data[0].asnumpy(), batch.label[0].asnumpy(), batch.pad) for batch in iterator]


# Reading

@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("letters", ["obo", "bbo", "obb", "bobobbbo", "eob"])
def test_every_picture_is_read_in_its_place(tmp_path, letters, reader):
    """None is skipped, and none has the label of another."""
    root = kit.write_set(tmp_path / "set", letters)
    train_iter, val_iter = pikachu.load_pikachu(root, 2, kit.SIDE, reader=reader, rand_crop=0)
    batches = epoch(val_iter)
    assert [pad for _, _, pad in batches] == [0] * (len(letters) // 2) + [1] * (len(letters) % 2)
    X, Y = (np.concatenate([batch[i] for batch in batches])[:len(letters)] for i in (0, 1))
    assert Y.shape == (len(letters), 1, 5)
    for i, letter in enumerate(letters):
        picture, box = kit.square(2000 + i, {"o": kit.YELLOW, "b": kit.RED, "e": None}[letter])
        assert_close(X[i], picture.transpose(2, 0, 1).astype("float32"), exact=True)
        assert_close(Y[i, 0], np.float32([0, *box] if letter == "o" else [-1] * 5))
    seen = np.concatenate([Y for _, Y, _ in epoch(train_iter)])[:len(letters), 0, 0]
    assert sorted(seen) == sorted(0 if letter == "o" else -1 for letter in letters)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("options", [{}, {"rand_mirror": True}, {"rand_crop": 0.5, "rand_mirror": True},
                                     {"min_object_covered": [0.1, 0.9], "area_range": (0.3, 0.6), "max_attempts": 5}])
def test_a_set_without_them_draws_what_mxnets_iterator_draws(tmp_path, reader, options):
    """Held against MXNet's own class, whose order alone is the last epoch's shuffled again."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 0.6, (11, 3, 2))
    rows = np.concatenate([np.zeros((11, 3, 1)), corners, corners + rng.uniform(0.1, 0.4, (11, 3, 2))], axis=2)
    root = write_any_set(tmp_path / "set", [(60, 90)] * 11, [rows[i, :1 + i % 3] for i in range(11)])
    ours = pikachu.load_pikachu(root, 4, 48, reader=reader, **options)[0]
    theirs = image.ImageDetIter(4, (3, 48, 48), str(root / "train.rec"), path_imgidx=str(root / "train.idx"),
                                shuffle=True, **{**pikachu.BOOK_CROP, **options})
    for iterator in (ours, theirs):
        random.seed(3)
        iterator.seq.sort()
        iterator.batches = epoch(iterator)
        iterator.after = random.random()
    assert ours.after == theirs.after and len(ours.batches) == len(theirs.batches) == 3
    for (mine, labels, pad), (other, expected, their_pad) in zip(ours.batches, theirs.batches):
        assert_close(labels, expected, exact=True)
        assert pad == their_pad and np.abs(mine - other).max() <= (reader == "fast")


@pytest.mark.parametrize("reader", READERS)
def test_a_crop_of_background_may_lie_anywhere(tmp_path, reader):
    """As large as the options say, of a picture whose pixels tell where they were."""
    ramp = np.stack(np.broadcast_arrays(4 * np.arange(64)[:, None], 4 * np.arange(64)[None], 9), axis=2).astype("uint8")
    write = kit.write_records
    (tmp_path / "set").mkdir()
    for part in ("train", "val"):
        write(tmp_path / "set" / part, [kit.record(ramp, [], 0), kit.record(ramp, [[0, 0.4, 0.4, 0.6, 0.6]], 1)])
    train_iter = pikachu.load_pikachu(tmp_path / "set", 2, 64, reader=reader, area_range=(0.2, 0.4))[0]
    tops, sizes = [], []
    for seed in range(30):
        random.seed(seed)
        for X, Y, _ in epoch(train_iter):
            picture = X[Y[:, 0, 0] < 0][0]
            low, high = ((picture[channel].min() / 4, picture[channel].max() / 4 + 1) for channel in (0, 1))
            tops.append((low[0], high[0]))
            sizes.append((low[1] - low[0]) * (high[1] - high[0]) / 64 ** 2)
    assert np.quantile(sizes, [0, 1]) == pytest.approx([0.2, 0.4], abs=0.06)
    assert np.min(tops) < 6 and np.max(tops) > 25, "from rim to rim"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("options", [{"rand_mirror": True}, {"rand_pad": 1}, {"brightness": 0.5}])
def test_other_augmenters_take_background_too(tmp_path, reader, options):
    root = kit.write_set(tmp_path / "set", "obbobe")
    reader = "python" if options.keys() - {"rand_mirror"} else reader
    for _ in range(3):
        batches = epoch(pikachu.load_pikachu(root, 3, 32, reader=reader, **options)[0])
        labels = np.concatenate([Y for _, Y, _ in batches])
        assert sorted(labels[:, 0, 0]) == [-1] * 4 + [0] * 2 and (labels[labels[:, 0, 0] < 0] == -1).all()


@pytest.mark.parametrize("iterator", [FastDetectionIter, DetectionIter])
def test_a_picture_whose_objects_an_augmenter_removed_is_passed_over_still(tmp_path, iterator):
    """It is no background picture: the object may be half there."""
    class Remove(image.DetAugmenter):
        def __call__(self, src, label):
            return src, label[label[:, 1] > 0.5]

    (tmp_path / "set").mkdir()
    rows = [[[0, 0.6, 0.6, 0.9, 0.9]], [[0, 0.1, 0.1, 0.4, 0.4]], []]
    records = [kit.record(kit.square(i)[0], of_one, i) for i, of_one in enumerate(rows)]
    kit.write_records(tmp_path / "set" / "a", records)
    read = iterator(tmp_path / "set" / "a.rec", batch_size=2, data_shape=(3, kit.SIDE, kit.SIDE), aug_list=[Remove()])
    (_, labels, pad), = epoch(read)
    assert pad == 0 and labels[:, 0, 0].tolist() == [0, -1]


@pytest.mark.parametrize("reader", READERS)
def test_a_part_of_background_alone_has_a_row(tmp_path, reader):
    root = kit.write_set(tmp_path / "set", "oobb", "bbb")
    train_iter, val_iter = pikachu.load_pikachu(root, 2, 16, part=(1, 2), reader=reader)
    assert train_iter.provide_label[0][1] == val_iter.provide_label[0][1] == (2, 1, 5)
    assert all((Y == -1).all() for iterator in (train_iter, val_iter) for _, Y, _ in epoch(iterator))


def test_rows_of_several_objects_beside_none(tmp_path):
    (tmp_path / "set").mkdir()
    rows = [[], [[0, 0.1, 0.1, 0.3, 0.3], [1, 0.5, 0.5, 0.9, 0.9]], [], [[2, 0.2, 0.2, 0.4, 0.4]]]
    records = [kit.record(kit.square(i)[0], of_one, i) for i, of_one in enumerate(rows)]
    kit.write_records(tmp_path / "set" / "a", records)
    for iterator in (FastDetectionIter, DetectionIter):
        (_, labels, _), = epoch(iterator(tmp_path / "set" / "a.rec", batch_size=4, data_shape=(3, 16, 16)))
        assert labels.shape == (4, 2, 5) and labels[:, :, 0].tolist() == [[-1, -1], [0, 1], [-1, -1], [2, -1]]


# Learning

TINY = {"sizes": ssd.SIZES[:3], "base_channels": (8, 16)}
TRAININGS = {"cross-entropy": ({}, {}), "mined": ({"mean_over": "counted"}, {"negative_mining_ratio": 3})}


def trained(root, loss, options, epochs: int = 16):
    seed_everything(0)
    train_iter, _ = pikachu.load_pikachu(root, 8, kit.SIDE)
    net = ssd.TinySSD(1, **TINY)
    net.initialize(init.Xavier())
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.2, "wd": 5e-4})
    ssd.train_ssd(net, train_iter, trainer, mx.cpu(), epochs, None, SSDLoss(**loss), **options)
    return net


def best_scores(net, color) -> float:
    """The mean of the highest scores in pictures that neither training nor validation had."""
    pictures = [nd.array(kit.square(5000 + i, color)[0], dtype="uint8") for i in range(8)]
    return float(np.mean([ssd.detect(net, picture, kit.SIDE)[0, 1] for picture in pictures]))


@pytest.mark.parametrize("name", TRAININGS)
def test_what_is_no_object_is_learnt_from_background_pictures(tmp_path, monkeypatch, name):
    """A third of the pictures show a red square, which is no object: beside the same training that leaves their
    anchors out, as MXNet's operator does, it is taken for one much less."""
    root = kit.write_set(tmp_path / "set", "oob" * 8)
    learnt = trained(root, *TRAININGS[name])
    monkeypatch.setattr(ssd, "multibox_target", lambda *args, **options: nd.contrib.MultiBoxTarget(*args, **options))
    left_out = trained(root, *TRAININGS[name])
    red, red_left_out = (best_scores(net, kit.RED) for net in (learnt, left_out))
    assert red < 0.5 * red_left_out, (red, red_left_out)
    assert best_scores(learnt, kit.YELLOW) > red + 0.1


@pytest.mark.parametrize("options", [{}, {"negative_mining_ratio": 3}])
@pytest.mark.parametrize("loss", [{}, {"gamma": 2}, {"mean_over": "counted"}, {"mean_over": "positive", "sigma": 1}])
def test_a_batch_of_background_alone_trains(loss, options):
    """The background's share rises, the offsets' weights stay, nothing is infinite."""
    mx.random.seed(0)
    net = ssd.TinySSD(2, **TINY)
    net.initialize(init.Xavier())
    X = np.stack([kit.square(i, kit.RED)[0].transpose(2, 0, 1) for i in range(4)]).astype("float32")

    def background() -> float:
        with autograd.train_mode():
            return net(nd.array(X))[1].softmax()[:, :, 0].min(axis=1).mean().asscalar()  # where it is least likely

    at_first, offsets = background(), net.bbox_0.weight.data().asnumpy()
    batches = mx.io.NDArrayIter(X, np.full((4, 2, 5), -1, "float32"), batch_size=4)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1e-3})
    epochs = ssd.train_ssd(net, batches, trainer, mx.cpu(), 4, None, SSDLoss(**loss), **options)
    assert all(np.isfinite([one.class_err, one.bbox_mae]).all() and one.bbox_mae == 0 for one in epochs)
    assert_close(net.bbox_0.weight.data(), offsets, exact=True)
    assert background() > at_first


# Judging

class Everywhere(gluon.nn.Block):
    """Finds one box in every picture: in its upper left quarter, likelier than not up to a brightness of 70."""

    def forward(self, X):
        scores = 1.4 - X.mean(axis=(1, 2, 3)) / 50
        cls_preds = nd.stack(nd.zeros_like(scores), scores, axis=1).expand_dims(1)  # (B, 1, 2)
        return nd.array([[[0, 0, 0.5, 0.5]]]), cls_preds, nd.zeros((len(X), 4))


@pytest.fixture
def flat(tmp_path):
    """Six flat pictures, the darker the first: 0, 2 and 5 show the object that is found, 3 another, 1 and 4 none."""
    there, elsewhere = [[0, 0, 0, 0.5, 0.5]], [[0, 0.6, 0.6, 0.9, 0.9]]
    rows = [there, [], there, elsewhere, [], there]
    (tmp_path / "set").mkdir()
    records = [kit.record(np.full((16, 16, 3), 20 * i, np.uint8), of_one, i) for i, of_one in enumerate(rows)]
    for part in ("train", "val"):
        kit.write_records(tmp_path / "set" / part, records)
    return tmp_path / "set"


def test_boxes_on_background_are_wrong_and_no_object_is_added(flat):
    """By hand: right, wrong, right, wrong, wrong, right, of four objects."""
    for batch_size in (1, 4, 6):
        val_iter = pikachu.load_pikachu(flat, batch_size, 16)[1]
        judged = metrics.evaluate_detector(Everywhere(), val_iter, mx.cpu(), ["square"])
        assert [len(rows) for rows in judged.truths] == [1, 0, 1, 1, 0, 1]
        assert judged.scores.objects.tolist() == [4]
        assert_close(judged.scores.voc2012, [(1 + 2 / 3 + 3 / 6) / 4])
        assert_close(judged.scores.coco[0], [(26 * 1 + 25 * 2 / 3 + 25 * 3 / 6) / 101])
        quality = judged.quality(score=0.5)
        assert quality[[1, 4]].tolist() == [0, 1] and quality[0] == pytest.approx(1)  # 4: the box scores less than 0.5


def test_validation_pictures_without_any_object_are_judged_as_not_defined(flat, tmp_path):
    root = kit.write_set(tmp_path / "other", "ob", "bb")
    judged = metrics.evaluate_detector(Everywhere(), pikachu.load_pikachu(root, 2, 16)[1], mx.cpu(), ["square"])
    assert set(judged.scores.means().values()) == {None} and judged.scores.objects.tolist() == [0]
    assert len(judged.detections) == 2 and all(len(rows) for rows in judged.detections)


def test_every_anchor_of_background_is_judged(flat):
    """One anchor a picture: 0 and 2 are taken for the object that they are, 1 and 3 wrongly, 5 is missed."""
    judged = judge(Everywhere(), pikachu.load_pikachu(flat, 4, 16)[1], mx.cpu(), ["square"])
    assert (judged.anchors, judged.positives) == (1, 3 / 6)
    assert (judged.class_err, judged.recall) == (pytest.approx(3 / 6), pytest.approx(2 / 3))


def test_pictures_without_objects_are_drawn(flat):
    val_iter = pikachu.load_pikachu(flat, 3, 16)[1]
    judged = metrics.evaluate_detector(Everywhere(), val_iter, mx.cpu(), ["square"])
    numbers = figures.best_and_worst(judged.ranked())
    figures.show_detected(metrics.pictures_of(val_iter, numbers), judged, numbers)
    drawn = dict(zip(numbers, plt.gcf().axes))
    plt.close()
    lime = {i: [patch for patch in ax.patches if patch.get_edgecolor()[1] == 1 and patch.get_edgecolor()[0] == 0]
            for i, ax in drawn.items()}
    assert {i: len(patches) for i, patches in lime.items()} == {i: int(i not in (1, 4)) for i in numbers}
