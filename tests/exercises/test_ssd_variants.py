"""Losses of the exercises of 9.7 against plain loops, and variants of TinySSD: shapes, training, judgement."""
from __future__ import annotations

import math
import random

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from oracles import SEEDS, plain_focal, plain_iou, plain_offsets, plain_prior, plain_probability, plain_smooth_l1
from tolerance import as_numpy, assert_close

from d2lzh_cv import ssd
from d2lzh_cv.engine.snapshots import Snapshots
from d2lzh_cv.errors import InputError
from d2lzh_cv.exercises import ssd_variants
from d2lzh_cv.exercises.ssd_variants import VARIANCES, Judgement, Variant, judge, train_variant
from d2lzh_cv.ssd import SSDLoss, focal_loss

ANCHORS = 6


def drawn(seed: int, left_out: bool = False):
    """Scores (2, 6, 3), classes (2, 6), offsets predicted and labelled (2, 24), their mask."""
    rng = np.random.default_rng(seed)
    scores, classes = rng.normal(0, 2, (2, ANCHORS, 3)), rng.integers(-1 if left_out else 0, 3, (2, ANCHORS))
    classes[:, 0] = 1  # at least one positive
    preds, labels = rng.normal(0, 2, (2, 2, 4 * ANCHORS))
    return [array.astype("float32") for array in (scores, classes, preds, labels, np.repeat(classes > 0, 4, axis=1))]


def plain_loss(scores, classes, preds, labels, gamma, sigma, bbox_weight, mean_over) -> float:
    """Of one picture."""
    def of_class(s, k):
        return -math.log(plain_probability(s, k)) if gamma is None else plain_focal(s, k, gamma)

    def of_offset(x):
        return abs(x) if sigma is None else plain_smooth_l1(x, sigma)
    cls = sum(of_class(s, k) for s, k in zip(scores, classes) if k >= 0)
    bbox = sum(of_offset(float(preds[4 * a + i]) - float(labels[4 * a + i]))
               for a, k in enumerate(classes) if k > 0 for i in range(4))
    counted, positive = sum(k >= 0 for k in classes), sum(k > 0 for k in classes)
    over = {"all": (len(classes),) * 2, "counted": (counted, positive), "positive": (positive, positive)}[mean_over]
    return cls / over[0] + bbox_weight * bbox / (4 * over[1])


@pytest.mark.parametrize("mean_over", ["all", "counted", "positive"])
@pytest.mark.parametrize("gamma, sigma, bbox_weight", [(None, None, 1), (None, 0.5, 10), (2, None, 0.5), (1, 3, 1)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_loss_by_plain_loops(seed, gamma, sigma, bbox_weight, mean_over):
    scores, classes, preds, labels, masks = drawn(seed, left_out=True)
    expected = [plain_loss(*picture, gamma, sigma, bbox_weight, mean_over)
                for picture in zip(scores, classes, preds, labels)]
    loss = SSDLoss(gamma, sigma, bbox_weight, mean_over)
    for _ in range(2):
        assert_close(loss(*map(nd.array, (scores, classes, preds, labels, masks))), expected)
        loss.hybridize()


@pytest.mark.parametrize("mean_over", ["all", "counted", "positive"])
@pytest.mark.parametrize("gamma", [None, 0, 2])
def test_pictures_of_which_every_anchor_is_left_out_pull_nowhere(gamma, mean_over):
    """The picture beside them counts as ever."""
    scores, classes, preds, labels, masks = map(nd.array, drawn(0))
    classes[0], masks[0] = -1, 0
    scores.attach_grad()
    preds.attach_grad()
    with autograd.record():
        value = SSDLoss(gamma, mean_over=mean_over)(scores, classes, preds, labels, masks)
    value.backward()
    assert value[0] == 0 and value[1] > 0
    for gradient in (scores.grad.asnumpy(), preds.grad.asnumpy()):
        assert not gradient[0].any() and np.isfinite(gradient[1]).all() and gradient[1].any()


@pytest.mark.parametrize("mean_over", ["all", "counted", "positive"])
@pytest.mark.parametrize("gamma", [None, 2])
@pytest.mark.parametrize("counting", [ANCHORS, 2])
def test_the_loss_of_a_picture_without_objects(counting, gamma, mean_over):
    """Of the classes alone, its anchors pulled to the background; without a positive anchor it is divided by 1."""
    scores, classes, preds, labels, masks = drawn(1)
    classes[0], masks[0] = [0] * counting + [-1] * (ANCHORS - counting), 0
    arrays = [nd.array(array) for array in (scores, classes, preds, labels, masks)]
    for array in (arrays[0], arrays[2]):
        array.attach_grad()
    loss = SSDLoss(gamma, mean_over=mean_over)
    for _ in range(2):
        with autograd.record():
            value = loss(*arrays)
        value.backward()
        over = {"all": ANCHORS, "counted": counting, "positive": 1}[mean_over]
        of_one = [-math.log(plain_probability(s, 0)) if gamma is None else plain_focal(s, 0, gamma)
                  for s in scores[0, :counting]]
        assert_close(value[:1], [sum(of_one) / over])
        pull = arrays[0].grad.asnumpy()[0]
        assert (pull[:counting, 0] < 0).all() and (pull[:counting, 1:] > 0).all() and not pull[counting:].any()
        assert not arrays[2].grad.asnumpy()[0].any() and np.isfinite(arrays[2].grad.asnumpy()).all()
        loss.hybridize()


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2])
def test_a_certain_anchor_has_a_gradient(gamma):
    """Its probability rounds to 1, where (1 - p)^γ alone has none for γ < 1."""
    scores = nd.array([[[200, 0], [0, 200], [1, 0]]])
    scores.attach_grad()
    with autograd.record():
        value = focal_loss(scores, nd.array([[0, 0, 0]]), gamma)
    value.backward()
    assert_close(value[0, :2], [0, 200])
    assert_close(scores.grad[0, 0], [0, 0])
    assert np.isfinite(scores.grad.asnumpy()).all() and scores.grad[0, 1, 0] < 0 and scores.grad[0, 2, 0] < 0


def test_other_divisors_are_refused():
    with pytest.raises(InputError, match="'batch'.*all, counted, positive"):
        SSDLoss(mean_over="batch")


# The network with other scales

@pytest.mark.parametrize("arguments, maps, halvings", [
    ({"sizes": ssd.SIZES[:3]}, (8, 4, 1), 3), ({"sizes": ssd.SIZES[:1]}, (8,), 3),
    ({"sizes": [[0.3, 0.4], [0.5, 0.61]], "ratios": [[1], [1, 3]]}, (8, 1), 3),  # lists, as JSON has them
    ({"base_channels": (16, 32)}, (16, 8, 4, 2, 1), 2),
    ({"sizes": ((0.1, 0.141), *ssd.SIZES), "ratios": ((1, 2), *ssd.RATIOS), "base_channels": (8, 8)},
     (16, 8, 4, 2, 1, 1), 2)])
def test_the_anchors_of_other_scales(arguments, maps, halvings):
    net = ssd.TinySSD(2, **arguments)
    net.initialize()
    net(nd.zeros((2, 3, 64, 64)))
    net.hybridize()
    anchors, cls_preds, bbox_preds = net(nd.zeros((2, 3, 64, 64)))
    sizes, ratios = (arguments.get(name, getattr(ssd, name.upper())) for name in ("sizes", "ratios"))
    expected = [box for side, *pair in zip(maps, sizes, ratios) for box in plain_prior(side, side, *pair)]
    assert_close(anchors, [expected])
    assert cls_preds.shape == (2, len(expected), 3) and bbox_preds.shape == (2, 4 * len(expected))
    assert len(net.blk_0) == halvings


def test_each_scale_needs_its_ratios():
    with pytest.raises(InputError, match="6 scales and ratios of 5"):
        ssd.TinySSD(1, sizes=((0.1, 0.2), *ssd.SIZES))


# Options of the target

class Fixed(gluon.nn.HybridBlock):
    """Anchors, scores and offsets that do not depend on the picture; trainable in name only."""

    def __init__(self, anchors, scores, offsets):
        super().__init__()
        self.values = [nd.array(value) for value in (anchors, scores, offsets)]
        self.none = self.params.get("none", shape=(1,), init="zeros")
        self.initialize()

    def hybrid_forward(self, F, X, none):
        anchors, scores, offsets = self.values
        return anchors, scores.tile((len(X), 1, 1)) + none, offsets.tile((len(X), 1)) + none


class Recorded(SSDLoss):
    def __call__(self, *args):
        self.args = args
        return super().__call__(*args)


GRID = [[x / 4, y / 4, x / 4 + 0.25, y / 4 + 0.25] for y in range(4) for x in range(4)]
OBJECT = (0.26, 0.26, 0.52, 0.5)  # the anchor in row 1, column 1


def grid_net() -> Fixed:
    """16 anchors; the later, the surer of an object. Anchor 5 is the object's, and it is wrong about it."""
    scores = np.array([[[0, a / 4] for a in range(16)]], "float32")
    scores[0, 5] = 1, 0
    return Fixed([GRID], scores, np.full((1, 64), 0.5, "float32"))


def batches(box=OBJECT, count=1) -> mx.io.NDArrayIter:
    return mx.io.NDArrayIter(np.zeros((count, 3, 8, 8)), np.array([[[0, *box]]] * count), batch_size=1)


def test_target_options_reach_the_target():
    net, loss = grid_net(), Recorded()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0})
    ssd.train_ssd(net, batches(), trainer, mx.cpu(), 1, loss=loss, negative_mining_ratio=3, variances=(1, 1, 1, 1))
    classes, labels = loss.args[1][0].asnumpy(), loss.args[3][0].asnumpy()
    assert np.flatnonzero(classes == 1).tolist() == [5]
    assert np.flatnonzero(classes == 0).tolist() == [13, 14, 15]  # surest of an object: the hardest
    assert_close(labels[20:24], np.float32(plain_offsets(GRID[5], OBJECT, (1, 1, 1, 1))))


# Judging

def test_a_judgement_by_hand():
    """Two pictures: anchors 1 to 15 but 5 are wrong, as 0.25 > 0 and so on; anchor 0 is right; anchor 5 is missed."""
    judged = judge(grid_net(), batches(count=2), mx.cpu(), ["thing"])
    error = sum(abs(0.5 - value) for value in plain_offsets(GRID[5], OBJECT))
    assert judged.class_err == 15 / 16 and judged.recall == 0
    assert_close([judged.bbox_mae, judged.positive_mae], [np.float32(error / 64), np.float32(error / 4)])
    assert (judged.anchors, judged.positives) == (16, 1)
    row = dict(zip(ssd_variants.MEASURES, judged.row()))
    assert row["class err, 1e-3"] == 937.5 and len(row) == len(judged.row()) == 7
    assert row["VOC 2007"] == judged.boxes.scores.means()["mAP_voc2007"]


def test_pictures_that_fill_up_a_batch_are_not_judged():
    """The second picture's object is another anchor's: counted twice, it would weigh two thirds."""
    labels = np.array([[[0, *OBJECT]], [[0, 0.75, 0.75, 1, 1]]])
    whole = mx.io.NDArrayIter(np.zeros((2, 3, 8, 8)), labels, batch_size=1)
    padded = mx.io.NDArrayIter(np.zeros((2, 3, 8, 8)), labels, batch_size=3, last_batch_handle="pad")
    first, second = (judge(grid_net(), data, mx.cpu(), ["thing"]) for data in (whole, padded))
    assert first.recall == 0.5 and first.row() == second.row()


@pytest.mark.parametrize("variances", [(1, 1, 1, 1), (0.1, 0.2, 0.3, 0.4)])
def test_offsets_over_other_variances_find_the_same_boxes(variances):
    """A network that predicts the right offsets over its own variances has no error, and its box is the object."""
    offsets = np.zeros((1, 64), "float32")
    offsets[0, 20:24] = plain_offsets(GRID[5], OBJECT, variances)
    scores = np.array([[[9, 0]] * 16], "float32")
    scores[0, 5] = 0, 9
    net = ssd_variants.InMXNetsOffsets(Fixed([GRID], scores, offsets), variances)
    judged = judge(net, batches(), mx.cpu(), ["thing"])
    assert judged.bbox_mae < 1e-5 and judged.recall == 1 and judged.class_err == 0
    assert plain_iou(judged.boxes.detections[0][0, 2:], OBJECT) > 0.999
    assert judge(net.net, batches(), mx.cpu(), ["thing"]).positive_mae > 0.01


def test_normalised_pictures():
    """ImageNet's mean colour becomes 0, one deviation above it 1."""
    class Same(gluon.nn.HybridBlock):
        def hybrid_forward(self, F, X):
            return X

    net = ssd_variants.Normalized(Same())
    net.initialize(mx.init.Xavier())
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    X = 255 * np.stack([mean, mean + std])[:, :, None, None]
    for _ in range(2):
        assert_close(net(nd.array(X)), np.stack([np.zeros(3), np.ones(3)])[:, :, None, None])
        net.hybridize()


# Training

class Shuffled:
    """Batches of two, in an order drawn from Python's generator at each reset, as the chapter's reader does it."""

    def __init__(self, X, Y):
        self.X, self.Y = X, Y

    def reset(self):
        order = random.sample(range(len(self.X)), len(self.X))
        self.batches = mx.io.NDArrayIter(self.X[order], self.Y[order], batch_size=2)

    def __iter__(self):
        return iter(self.batches)


def training_data() -> Shuffled:
    """Four pictures of 64 pixels with a bright box each."""
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(0, 60, (4, 3, 64, 64)), []
    for picture, (x, y) in zip(X, [(5, 10), (30, 8), (12, 28), (26, 30)]):
        picture[:, y:y + 30, x:x + 30] = 220
        Y.append([[0, x / 64, y / 64, (x + 30) / 64, (y + 30) / 64]])
    return Shuffled(X, np.array(Y))


def trained(variant: Variant, num_epochs: int = 2, seed: int = 0, snapshots: Snapshots | None = None):
    epochs = []
    net = train_variant(variant, training_data(), 1, mx.cpu(), num_epochs, seed, epochs.append, snapshots)
    return net, epochs


def outputs(net) -> list[np.ndarray]:
    return [as_numpy(value) for value in net(nd.full((1, 3, 64, 64), 100))]


@pytest.mark.parametrize("variant", [
    Variant("mined", loss={"mean_over": "counted"}, target={"negative_mining_ratio": 3}),
    Variant("focal", loss={"gamma": 2, "mean_over": "positive"}, learning_rate=0.02),
    Variant("scales", net={"sizes": ssd.SIZES[:3]}),
    Variant("variances", target={"variances": (1, 1, 1, 1)}), Variant("pictures", normalized=True)],
    ids=lambda variant: variant.name)
def test_every_kind_of_variant_trains(variant):
    net, epochs = trained(variant)
    assert [epoch.number for epoch in epochs] == [1, 2]
    assert np.isfinite(judge(net, training_data(), mx.cpu(), ["thing"]).row()).all()


def test_the_plain_variant_is_the_books():
    """The same network, loss and steps as train_ssd's, but for the last quarter's rate."""
    mine, epochs = trained(Variant("book"), num_epochs=2)
    ssd_variants.seed_everything(0)
    net, theirs = ssd.TinySSD(1), []
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.2, "wd": 5e-4})
    ssd.train_ssd(net, training_data(), trainer, mx.cpu(), 2, theirs.append)
    assert [epoch.class_err for epoch in epochs] == [epoch.class_err for epoch in theirs]
    for ours, book in zip(outputs(mine), outputs(net)):
        assert_close(ours, book, exact=True)


def test_the_rate_falls_in_the_last_quarter(monkeypatch):
    rates = []
    step = gluon.Trainer.step
    monkeypatch.setattr(gluon.Trainer, "step", lambda self, *a: (rates.append(self.learning_rate), step(self, *a))[1])
    trained(Variant("book", learning_rate=0.1), num_epochs=4)
    assert_close(np.array(rates), [0.1] * 6 + [0.01] * 2)


def test_variants_of_one_seed_see_the_same_and_other_seeds_another_order(tmp_path):
    """The variant's name plays no part, though each has its own folder."""
    def run(folder, name, seed):
        snapshots = Snapshots(tmp_path / folder, 0, f"{name}, seed {seed}", {})
        net, epochs = trained(Variant(name), 2, seed, snapshots)
        return outputs(net), [epoch.class_err for epoch in epochs]

    first, same, other = run("a", "one", 0), run("b", "two", 0), run("c", "one", 1)
    assert first[1] == same[1] and first[1] != other[1]
    for expected, actual in zip(first[0], same[0]):
        assert_close(actual, expected, exact=True)


def test_a_stopped_variant_goes_on_to_the_bit(tmp_path):
    """Stopped after the rate has fallen."""
    def run(folder, resume, on_epoch=lambda epoch: None):
        snapshots = Snapshots(tmp_path / folder, 0, "book, seed 0", {}, resume)
        return outputs(train_variant(Variant("book"), training_data(), 1, mx.cpu(), 4, 0, on_epoch, snapshots))

    def stop(epoch):
        if epoch.number == 4:
            raise KeyboardInterrupt

    expected = run("whole", False)
    with pytest.raises(KeyboardInterrupt):
        run("stopped", False, stop)
    for actual, value in zip(run("stopped", True), expected):
        assert_close(actual, value, exact=True)


# Tables

def judgement(precision: float) -> Judgement:
    judged = judge(grid_net(), batches(), mx.cpu(), ["thing"])
    judged.boxes.scores.voc2007[:] = precision
    return judged


def test_tables_and_what_they_say():
    judged = {("book", 0): judgement(0.2), ("other", 0): judgement(0.5), ("book", 1): judgement(0.3),
              ("other", 1): judgement(0.9)}
    place = 1 + ssd_variants.MEASURES.index("VOC 2007")
    means = {row[0]: row[place] for row in ssd_variants.comparison(judged)["rows"]}
    assert list(means) == ["book", "other"] and means == pytest.approx({"book": 0.25, "other": 0.7})
    assert [row[0] for row in ssd_variants.by_seed(judged)["rows"]] == ["book, 0", "other, 0", "book, 1", "other, 1"]
    text = ssd_variants.verdict(judged)
    assert "of book: 0.250; best other: 0.700, worst book: 0.250" in text and "up to 0.400 apart" in text
    assert "one seed" in ssd_variants.verdict({("book", 0): judged["book", 0]})


def test_bars_and_dots():
    ssd_variants.show_precision({("book", 0): judgement(0.2), ("book", 1): judgement(0.4)})
    axes = ssd_variants.plt.gca()
    ssd_variants.plt.close()
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.3])
    assert axes.lines[0].get_xdata() == pytest.approx([0.2, 0.4])
    assert VARIANCES == (0.1, 0.1, 0.2, 0.2)
