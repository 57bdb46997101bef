"""TinySSD: shapes, order of the predictions, losses against plain loops, and that it learns."""
from __future__ import annotations

import math

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from oracles import SEEDS, plain_focal, plain_iou, plain_prior, plain_probability, plain_smooth_l1
from tolerance import as_numpy, assert_close

from d2lzh_cv import ssd
from d2lzh_cv.plotting import plt


def output(block, shape) -> nd.NDArray:
    block.initialize()
    return block(nd.zeros(shape))


# Blocks and predictions

def test_predictors_have_the_books_shapes():
    """Printed by section 9.7."""
    first, second = (output(ssd.cls_predictor(anchors, 10), shape)
                     for anchors, shape in ((5, (2, 8, 20, 20)), (3, (2, 16, 10, 10))))
    assert first.shape == (2, 55, 20, 20) and second.shape == (2, 33, 10, 10)
    assert ssd.concat_preds([first, second]).shape == (2, 25300)
    assert output(ssd.bbox_predictor(5), (2, 8, 20, 12)).shape == (2, 20, 20, 12)


def test_blocks_have_the_books_shapes():
    """Printed by section 9.7, and its text."""
    assert output(ssd.down_sample_blk(10), (2, 3, 20, 20)).shape == (2, 10, 10, 10)
    assert output(ssd.base_net(), (2, 3, 256, 256)).shape == (2, 64, 32, 32)
    shape, seen = (1, 3, 256, 256), []
    for i in range(5):
        shape = output(ssd.get_blk(i), shape).shape
        seen.append(shape[1:])
    assert seen == [(64, 32, 32), (128, 16, 16), (128, 8, 8), (128, 4, 4), (128, 1, 1)]


def plain_flatten(pred: np.ndarray) -> list[list[float]]:
    _, channels, height, width = pred.shape
    return [[image[c, i, j] for i in range(height) for j in range(width) for c in range(channels)] for image in pred]


def test_predictions_of_a_unit_stay_together():
    first, second = np.arange(2 * 6 * 2 * 3).reshape((2, 6, 2, 3)), -np.arange(2 * 4).reshape((2, 4, 1, 1))
    assert_close(ssd.flatten_pred(nd.array(first)), plain_flatten(first), exact=True)
    joined = ssd.concat_preds([nd.array(first), nd.array(second)])
    assert_close(joined, np.hstack([plain_flatten(first), plain_flatten(second)]), exact=True)


# The network

def small_net(num_classes: int = 2) -> ssd.TinySSD:
    mx.random.seed(0)
    net = ssd.TinySSD(num_classes)
    net.initialize(init.Xavier())
    return net


def random_pictures(height: int = 64, width: int = 96) -> nd.NDArray:
    return nd.array(np.random.default_rng(0).uniform(size=(2, 3, height, width)))


def test_tiny_ssd_has_the_books_shapes():
    """Printed by section 9.7 for 32 pictures of 256 × 256."""
    outputs = mx.sym.Group(ssd.TinySSD(num_classes=1)(mx.sym.var("data")))
    _, shapes, _ = outputs.infer_shape(data=(32, 3, 256, 256))
    assert shapes == [(1, 5444, 4), (32, 5444, 2), (32, 21776)]


def test_anchors_of_all_scales_of_a_picture_that_is_not_square():
    anchors, cls_preds, bbox_preds = small_net()(random_pictures())
    maps = ((8, 12), (4, 6), (2, 3), (1, 1), (1, 1))
    expected = [box for (height, width), sizes, ratios in zip(maps, ssd.SIZES, ssd.RATIOS)
                for box in plain_prior(height, width, sizes, ratios)]
    assert_close(anchors, [expected])
    assert cls_preds.shape == (2, len(expected), 3) and bbox_preds.shape == (2, 4 * len(expected))


def test_each_anchor_gets_its_own_predictions():
    """Without weights the predictions are the biases: 100 · scale + channel. An error of the notes mixed the scales."""
    net = small_net(num_classes=2)
    for i in range(5):
        for layer in (getattr(net, f"cls_{i}"), getattr(net, f"bbox_{i}")):
            layer.initialize(init.Zero(), force_reinit=True)
    net(random_pictures())
    for i in range(5):
        getattr(net, f"cls_{i}").bias.set_data(100 * i + nd.arange(12))
        getattr(net, f"bbox_{i}").bias.set_data(100 * i + nd.arange(16))
    _, cls_preds, bbox_preds = net(random_pictures())
    units = (8 * 12, 4 * 6, 2 * 3, 1, 1)
    for preds, count in ((cls_preds.reshape((2, -1)), 12), (bbox_preds, 16)):
        expected = [100 * i + c for i, unit_count in enumerate(units) for _ in range(unit_count) for c in range(count)]
        assert_close(preds, [expected] * 2, exact=True)


def test_hybridised_it_computes_the_same():
    """Not one bit of difference, in prediction and in training."""
    net, X = small_net(), random_pictures()
    predicted = outputs(net, X)
    net.hybridize(static_alloc=True, static_shape=True)
    for hybrid, imperative in zip(outputs(net, X) + outputs(net, X), predicted * 2):
        assert_close(hybrid, imperative, exact=True)
    with autograd.record():  # with the batch's statistics
        hybrid_trained = outputs(net, X)
    net.hybridize(False)
    with autograd.record():
        trained = outputs(net, X)
    for hybrid, imperative in zip(hybrid_trained, trained):
        assert_close(hybrid, imperative, exact=True)


def outputs(net, X) -> list[np.ndarray]:
    return [as_numpy(result) for result in net(X)]


# Losses and measures

def random_predictions(seed: int, batch: int = 2, anchors: int = 5, classes: int = 3):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(batch, anchors, classes)).astype("float32"),
            rng.integers(0, classes, (batch, anchors)).astype("float32"))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_loss_is_cross_entropy_plus_masked_l1(seed):
    scores, classes = random_predictions(seed)
    rng = np.random.default_rng(seed)
    preds, labels = rng.normal(size=(2, 2, 20)).astype("float32")
    masks = np.repeat(rng.integers(0, 2, (2, 5)), 4, axis=1).astype("float32")
    expected = []
    for b in range(2):
        entropy = [-math.log(plain_probability(scores[b, a], classes[b, a])) for a in range(5)]
        errors = [abs(preds[b, i] - labels[b, i]) if masks[b, i] else 0 for i in range(20)]
        expected.append(sum(entropy) / 5 + sum(errors) / 20)
    loss = ssd.SSDLoss()(*(nd.array(array) for array in (scores, classes, preds, labels, masks)))
    assert_close(loss, expected)


@pytest.mark.parametrize("scalar", [0.5, 1, 2])
def test_smooth_l1_is_a_parabola_then_a_line(scalar):
    corner = 1 / scalar ** 2
    xs = [0, -0.1, 0.1, corner - 1e-3, corner, -corner, corner + 1e-3, 5 * corner, -5 * corner]
    assert_close(ssd.smooth_l1(nd.array(xs), scalar), [plain_smooth_l1(x, scalar) for x in xs])


@pytest.mark.parametrize("gamma", [0, 0.5, 2, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_focal_loss_and_its_gradient_anchor_by_anchor(seed, gamma):
    """Each anchor has its own probability, so its gradient depends on its own scores only (central differences)."""
    scores, classes = random_predictions(seed)
    x, step = nd.array(scores), 1e-5
    x.attach_grad()
    with autograd.record():
        loss = ssd.focal_loss(x, nd.array(classes), gamma)
    loss.backward()
    assert_close(loss, [[plain_focal(s, k, gamma) for s, k in zip(*image)] for image in zip(scores, classes)])
    gradient = np.empty(scores.shape)
    for b, a, k in np.ndindex(scores.shape):
        up, down = scores[b, a].astype("float64"), scores[b, a].astype("float64")
        up[k], down[k] = up[k] + step, down[k] - step
        gradient[b, a, k] = (plain_focal(up, classes[b, a], gamma) - plain_focal(down, classes[b, a], gamma))/(2 * step)
    assert_close(x.grad, gradient)


def test_focal_loss_of_an_anchor_that_is_sure():
    """Right, it counts next to nothing; wrong, as much as in cross-entropy, and nothing overflows."""
    loss = ssd.focal_loss(nd.array([[[100, 0], [100, 0]]]), nd.array([[0, 1]]))
    assert_close(loss, [[0, 100]])


@pytest.mark.parametrize("left_out", [[0, 1, -1], [-1, -1, -1]])
def test_anchors_of_class_minus_one_are_left_out_of_the_losses(left_out):
    """They get no gradient: whatever the network says of them, they pull it nowhere."""
    classes, offsets = nd.array([left_out]), nd.zeros((1, 12))
    for loss in (lambda x: ssd.SSDLoss()(x, classes, offsets, offsets, offsets),
                 lambda x: ssd.focal_loss(x, classes)):
        x = nd.array([[[1, 2], [3, 5], [7, 4]]])
        x.attach_grad()
        with autograd.record():
            value = loss(x)
        value.backward()
        pulled = (x.grad.asnumpy() != 0).any(axis=-1)[0]
        assert pulled.tolist() == [k != -1 for k in left_out]


def test_measures_by_hand():
    scores = nd.array([[[2, 1, 0], [0, 1, 2]], [[0, 3, 1], [1, 0, 0]]])  # classes 0, 2; 1, 0
    assert ssd.cls_eval(scores, nd.array([[0, 1], [1, 2]])) == 2
    preds, labels, masks = nd.array([[1, 2, 3, 4]]), nd.array([[0, 4, 9, 4.5]]), nd.array([[1, 1, 0, 1]])
    assert ssd.bbox_eval(preds, labels, masks) == 1 + 2 + 0.5


# Training and detecting

BOX = (20 / 64, 16 / 64, 52 / 64, 48 / 64)


def picture_with_a_box() -> np.ndarray:
    picture = np.full((64, 64, 3), 50, "uint8")
    picture[16:48, 20:52] = (250, 200, 30)
    return picture


@pytest.fixture(scope="module")
def trained():
    """A network trained on one picture, four times in a batch; with its epochs, and what ``on_epoch`` saw."""
    net, seen = small_net(num_classes=1), []
    net.hybridize(static_alloc=True, static_shape=True)
    X = np.stack([picture_with_a_box().transpose((2, 0, 1))] * 4).astype("float32")
    batches = mx.io.NDArrayIter(X, np.array([[[0, *BOX]]] * 4, "float32"), batch_size=4)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.2, "wd": 5e-4})
    epochs = ssd.train_ssd(net, batches, trainer, mx.cpu(), 50, seen.append)
    return net, epochs, seen


def test_training_falls(trained):
    _, epochs, seen = trained
    assert epochs == seen and [epoch.number for epoch in epochs] == list(range(1, 51))
    assert epochs[0].class_err > 0.1 and epochs[9].class_err < 0.02
    assert epochs[-1].bbox_mae < 0.3 * epochs[0].bbox_mae


def test_the_trained_network_finds_its_object(trained):
    rows = ssd.detect(trained[0], nd.array(picture_with_a_box()).astype("uint8"), edge_size=64)
    assert rows[0, 0] == 0 and rows[0, 1] > 0.6
    assert plain_iou(rows[0, 2:], BOX) > 0.6


class FixedNet(gluon.nn.Block):
    """Three anchors with fixed predictions of one class; trainable in name only."""

    def __init__(self):
        super().__init__()
        self.anchors = nd.array([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], [0, 0, 0.5, 0.45]]])
        self.none = self.params.get("none", shape=(1,), init="zeros")
        self.seen = None

    def forward(self, X):
        self.seen = X
        scores = nd.log(nd.array([[[0.4, 0.6], [0.1, 0.9], [0.6, 0.4]]]))
        offsets = nd.array([[0.5, 0, 0, 0] + [0] * 8])
        return self.anchors, scores + self.none.data(), offsets + self.none.data()


def test_an_epoch_reports_means_over_anchors_and_offsets():
    """The first and the third anchor are the object's. Class: the second and third are wrong. Offsets: the first is
    off by .5 in x; the third should move down by .025 of its .45 and grow by .5/.45."""
    net = FixedNet()
    net.initialize()
    batches = mx.io.NDArrayIter(np.zeros((1, 3, 8, 8)), np.array([[[0, 0, 0, 0.5, 0.5]]]), batch_size=1)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0})
    epoch, = ssd.train_ssd(net, batches, trainer, mx.cpu(), 1)
    errors = 0.5 + 0.025 / 0.45 / 0.1 + math.log(0.5 / 0.45) / 0.2
    assert_close(np.float32([epoch.class_err, epoch.bbox_mae]), [2 / 3, errors / 12])


def test_an_epoch_prints_the_books_line():
    epoch = ssd.DetectionEpoch(5, 0.00261, 0.00301, 39.94)
    assert str(epoch) == "epoch  5, class err 2.61e-03, bbox mae 3.01e-03, time 39.9 sec"


def test_detecting_resizes_and_returns_kept_boxes_only():
    net = FixedNet()
    net.initialize()
    rows = ssd.detect(net, nd.full((20, 30, 3), 7, dtype="uint8"), edge_size=16)
    assert_close(net.seen, np.full((1, 3, 16, 16), 7.0), exact=True)
    assert_close(rows, [[0, 0.9, 0.5, 0.5, 1, 1], [0, 0.6, 0.025, 0, 0.525, 0.5]])  # the third box is suppressed
    assert_close(ssd.detect(net, nd.zeros((9, 9, 3)), 16, threshold=0.7), rows[:1])
    assert ssd.detect(net, nd.zeros((9, 9, 3)), 16, threshold=0.95).shape == (0, 6)


def test_shown_detections_score_enough_and_are_in_pixels():
    rows = np.array([[0, 0.9, 0.1, 0.2, 0.5, 0.6], [0, 0.3, 0, 0, 1, 1], [0, 0.29, 0, 0, 1, 1]])
    ssd.show_detections(nd.zeros((10, 20, 3)), rows, threshold=0.3)
    axes = plt.gca()
    plt.close()
    first, second = axes.patches
    assert_close([*first.get_xy(), first.get_width(), first.get_height()], [2, 2, 8, 4])
    assert_close([*second.get_xy(), second.get_width(), second.get_height()], [0, 0, 20, 10])
    assert [text.get_text() for text in axes.texts] == ["0.90", "0.30"]
