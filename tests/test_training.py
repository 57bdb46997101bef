"""Training and evaluation against plain NumPy: figures, several devices, seeds, and data that cannot be trained on."""
from __future__ import annotations

import random

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn
from mxnet.gluon.data import ArrayDataset, DataLoader
from mxnet.gluon.data.vision import transforms
from tolerance import assert_close

from d2lzh_cv import training
from d2lzh_cv.engine.epochs import Sums
from d2lzh_cv.errors import InputError

CPU, TWO = [mx.cpu()], [mx.cpu(0), mx.cpu(1)]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.integers(0, 3, 12).astype("float32")
W = RNG.normal(size=(3, 4)).astype("float32")


def batches(size: int, count: int = 12) -> DataLoader:
    return DataLoader(ArrayDataset(X[:count], Y[:count]), size)


def linear(ctx=CPU, lr: float = 0.5, optimizer: str = "sgd"):
    """A linear classifier that starts from W, and its trainer."""
    net = nn.Dense(3, use_bias=False, in_units=4)
    net.initialize(mx.init.Constant(nd.array(W)), ctx=ctx)
    return net, gluon.Trainer(net.collect_params(), optimizer, {"learning_rate": lr})


def fit(batch_size: int, ctx=CPU, epochs: int = 1, lr: float = 0.5, count: int = 12, test_iter=None, loss=None):
    """Returns (the epochs, the trained weights)."""
    net, trainer = linear(ctx, lr)
    log = training.fit(net, batches(batch_size, count), loss or gloss.SoftmaxCrossEntropyLoss(), trainer, ctx, epochs,
                       test_iter)
    return log, net.weight.data(mx.cpu(0)).asnumpy()


def figures(log) -> np.ndarray:
    return np.array([(epoch.loss, epoch.train_acc) for epoch in log], "float32")


def plain_softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def plain_fit(batch_size: int, epochs: int, lr: float, count: int = 12):
    """Softmax regression by its formula: (mean loss, accuracy) of each epoch, and the weights."""
    weights, log = W.astype("float64"), []
    for _ in range(epochs):
        losses, hits = [], []
        for start in range(0, count, batch_size):
            x, y = X[start:start + batch_size][:count - start], Y[start:start + batch_size][:count - start].astype(int)
            probs = plain_softmax(x @ weights.T)
            losses += [-np.log(p[label]) for p, label in zip(probs, y)]
            hits += (probs.argmax(axis=1) == y).tolist()
            weights = weights - lr * (probs - np.eye(3)[y]).T @ x / len(x)
        log.append((np.mean(losses), np.mean(hits)))
    return log, weights


def plain_accuracy(weights: np.ndarray) -> float:
    return float(((X @ weights.T).argmax(axis=1) == Y).mean())


# fit, train

@pytest.mark.parametrize("batch_size", [12, 5])  # 5: the last batch is smaller, and its gradient a mean over 2
def test_fit_is_gradient_descent(batch_size):
    log, weights = fit(batch_size, epochs=3, test_iter=batches(7))
    expected, plain_weights = plain_fit(batch_size, 3, 0.5)
    assert_close(figures(log), np.array(expected, "float32"))
    assert_close(weights, plain_weights.astype("float32"))
    assert [epoch.number for epoch in log] == [1, 2, 3]
    assert log[-1].test_acc == pytest.approx(plain_accuracy(plain_weights))


@pytest.mark.parametrize("batch_size, count", [(4, 12), (5, 12), (3, 12), (4, 11)])
def test_two_devices_learn_what_one_does(batch_size, count):
    one, two = (fit(batch_size, ctx, epochs=2, count=count) for ctx in (CPU, TWO))
    assert_close(two[1], one[1])
    assert_close(figures(two[0]), figures(one[0]))


def test_a_device_that_gets_no_picture_adds_nothing():
    """The last batch has one picture for two devices; the other one's last gradient must not be used again."""
    _, weights = fit(4, TWO, count=9)
    assert_close(weights, plain_fit(4, 1, 0.5, count=9)[1].astype("float32"))


def test_a_label_map_is_averaged_over_pictures_and_pixels():
    """As in section 9.10: one loss per picture, one label per pixel."""
    net = nn.Conv2D(2, kernel_size=1, use_bias=False)
    net.initialize(mx.init.Constant(nd.array([[[[1]]], [[[-1]]]])))
    pictures = np.array([[[[3, -3], [3, -3]]], [[[3, 3], [3, 3]]]], "float32")  # class 0 where positive
    labels = np.array([[[0, 1], [0, 0]], [[0, 0], [1, 1]]], "float32")
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0})
    epoch, = training.fit(net, [(nd.array(pictures), nd.array(labels))], gloss.SoftmaxCrossEntropyLoss(axis=1), trainer,
                          CPU, 1)
    right, wrong = np.log1p(np.exp(-6)), 6 + np.log1p(np.exp(-6))
    assert epoch.loss == pytest.approx((5 * right + 3 * wrong) / 8, rel=1e-5)
    assert epoch.train_acc == 5 / 8


def test_every_epoch_is_handed_on_when_it_ends():
    net, trainer = linear()
    heard = []
    log = training.fit(net, batches(6), gloss.SoftmaxCrossEntropyLoss(), trainer, mx.cpu(), 2, on_epoch=heard.append)
    assert heard == log and log[0].test_acc is None
    assert str(training.Epoch(2, 0.12345, 0.5, None, 1.26)) == "epoch 2, loss 0.1235, train acc 0.500, time 1.3 sec"
    assert str(training.Epoch(10, 1, 1, 0.25, 0)) == (
        "epoch 10, loss 1.0000, train acc 1.000, test acc 0.250, time 0.0 sec")


def test_a_loss_that_is_not_finite_is_named_with_its_epoch():
    with pytest.raises(InputError, match="the loss is (nan|inf) in step [1-3] of epoch 2: lower the learning rate"):
        fit(12, lr=1e38, epochs=3)


def test_data_without_a_batch_is_named():
    too_few = DataLoader(ArrayDataset(X, Y), 20, last_batch="discard")
    net, trainer = linear()
    with pytest.raises(InputError, match="no batch.*choose a smaller batch size"):
        training.fit(net, too_few, gloss.SoftmaxCrossEntropyLoss(), trainer, CPU, 1)
    with pytest.raises(InputError, match="no batch"):
        training.evaluate_accuracy(too_few, net)


# train_with_decay

def test_the_rate_decays_after_every_period(capsys):
    """The book's loop: momentum 0.9, and a rate that falls to a tenth after epochs 2 and 4."""
    net, _ = linear()
    epochs = training.train_with_decay(net, batches(4), batches(5), 5, 0.5, 0.01, mx.cpu(), 2, 0.1)
    plain, trainer = linear(lr=0.5)
    trainer._optimizer.momentum, trainer._optimizer.wd = 0.9, 0.01
    for rate in (0.5, 0.5, 0.05, 0.05, 0.005):
        trainer.set_learning_rate(rate)
        for x, y in batches(4):
            with mx.autograd.record():
                loss = gloss.SoftmaxCrossEntropyLoss()(plain(x), y)
            loss.backward()
            trainer.step(4)
    assert_close(net.weight.data(), plain.weight.data())
    assert epochs[-1].valid_acc == pytest.approx(training.evaluate_accuracy(batches(5), plain))
    lines = capsys.readouterr().out.splitlines()
    assert [float(line.rsplit("lr ", 1)[1]) for line in lines] == pytest.approx([0.5, 0.5, 0.05, 0.05, 0.005])
    assert all(line.startswith(str(epoch)) for line, epoch in zip(lines, epochs))


def test_without_validation_pictures_no_accuracy_is_shown():
    epochs = training.train_with_decay(linear()[0], batches(4), None, 1, 0.5, 0, mx.cpu(), 80, 0.1)
    assert epochs[0].valid_acc is None and "valid" not in str(epochs[0])
    assert str(training.ValidatedEpoch(1, 2.5, 0.5, 0.25, 1.5)) == (
        "epoch 1, loss 2.500000, train acc 0.500000, valid acc 0.250000, time 1.50 sec")


# get_batch

def test_a_batch_is_divided_and_labels_get_the_pictures_type():
    Xs, ys = training.get_batch(nd.arange(20).reshape((5, 4)), nd.arange(5, dtype="int32"), TWO)
    assert [part.shape for part in Xs] == [(3, 4), (2, 4)] and [part.context for part in ys] == TWO
    assert {part.dtype for part in ys} == {np.float32} and ys[1].asnumpy().tolist() == [3, 4]
    assert len(training.get_batch(nd.ones((1, 4)), nd.ones(1), TWO)[0]) == 1


# evaluate_accuracy

@pytest.mark.parametrize("ctx", [None, mx.cpu(), CPU, TWO])
@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "int64"])
def test_accuracy_is_the_share_of_labels(ctx, dtype):
    net, _ = linear(ctx or CPU)
    data = [(nd.array(X[i:i + 5]), nd.array(Y[i:i + 5], dtype=dtype)) for i in (0, 5, 10)]
    assert training.evaluate_accuracy(data, net, ctx) == pytest.approx(plain_accuracy(W))


def test_evaluation_leaves_batch_norm_alone():
    net = nn.BatchNorm(in_channels=4)
    net.initialize()
    training.evaluate_accuracy(batches(4), net)
    assert_close(net.running_mean.data(), np.zeros(4, "float32"), exact=True)


# Sums

@pytest.mark.parametrize("lag", [0, 2, 50])
def test_sums_are_those_of_float64(lag):
    """In float32, 2**24 + 1 is 2**24 again."""
    sums = Sums(lag=lag)
    for value in (2.0 ** 24, 1, 1, 1):
        sums.add({"a": (nd.array([value]), 1), "b": (nd.array([[-value / 2]]), 2)}, "here")
    for _ in range(2):
        found, counts = sums.total()
        assert found.tolist() == [2.0 ** 24 + 3, -(2.0 ** 24 + 3) / 2] and counts.tolist() == [4, 8]


def test_sums_read_late_what_was_added_then():
    sums, value = Sums(lag=5), nd.array([1])
    sums.add({"a": (value, 1)}, "here")
    value[:] = 100
    assert sums.total()[0].tolist() == [1]


def test_sums_take_values_of_several_devices():
    sums = Sums()
    for device in TWO * 2:
        sums.add({"a": (nd.ones(1, ctx=device), 3)}, "here")
    assert [values.tolist() for values in sums.total()] == [[4], [12]]


def test_sums_begin_from_those_before():
    """A training of an earlier release kept one count for all sums."""
    sums = Sums([1.5, 2.5], [2])
    sums.add({"a": (nd.array([1]), 1), "b": (nd.array([2]), 1)}, "here")
    assert [values.tolist() for values in sums.total()] == [[2.5, 4.5], [3, 3]]


# seeds

def train_randomly(seed: int) -> tuple[list[float], np.ndarray]:
    """Everything random there is: weights, shuffling, augmentation, dropout."""
    training.seed_everything(seed)
    net = nn.Sequential()
    net.add(nn.Dense(8, activation="relu"), nn.Dropout(0.5), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    pictures = nd.array(np.random.default_rng(1).integers(0, 255, (12, 6, 6, 3)), dtype="uint8")
    augs = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.RandomBrightness(0.5),
                               transforms.ToTensor()])
    data = DataLoader(ArrayDataset(pictures, Y).transform_first(augs), 4, shuffle=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    log = training.fit(net, data, gloss.SoftmaxCrossEntropyLoss(), trainer, CPU, 2)
    return [epoch.loss for epoch in log], net[0].weight.data().asnumpy()


def test_the_same_seed_gives_the_same_training():
    first, again, other = (train_randomly(seed) for seed in (3, 3, 4))
    assert first[0] == again[0] != other[0]
    assert_close(again[1], first[1], exact=True)


def test_all_three_generators_are_seeded():
    draws = []
    for _ in range(2):
        training.seed_everything(7)
        draws.append((random.random(), np.random.rand(), nd.random.uniform().asscalar()))
    assert draws[0] == draws[1]
