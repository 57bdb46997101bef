"""Whole networks with one set of weights in MXNet and in PyTorch: outputs, gradients and a step of training."""
from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from kit import DTYPES, agree_relative, normal, plain, to_mxnet, torch, uniform
from mxnet import autograd, gluon
from networks import NETWORKS, flat, parameters, twins
from oracles import random_boxes

from d2lzh_cv import ssd, style
from d2lzh_cv.training import fit
from reference.pytorch import convert
from reference.pytorch import ssd as torch_ssd
from reference.pytorch import style as torch_style
from reference.pytorch.boxes import target

pytestmark = pytest.mark.crosscheck

F = torch.nn.functional


def check_all(actual, desired, seed, what, **options) -> None:
    actual, desired = flat(actual), flat(desired)
    assert len(actual) == len(desired)
    for i, (found, expected) in enumerate(zip(actual, desired)):
        agree_relative(found, expected.reshape(found.shape), seed, f"{what} {i}", **options)


# Prediction

@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", range(2))
def test_outputs(seed, name):
    mine, other, X, _ = twins(name, seed)
    with torch.no_grad():
        expected = other(torch.tensor(X))
    found = mine(to_mxnet(X))
    check_all(found, expected, seed, "output")
    assert all(np.ptp(plain(output)) > 0 for output in flat(found))


@pytest.mark.parametrize("name", ["resnet18", "resnet18_v2", "fcn", "vgg19"])
def test_outputs_in_float64(name):
    """To nine digits: what is left in float32 is rounding. (MXNet's anchors are float32 only.)"""
    mine, other, X, _ = twins(name, seed=0, dtype="float64", batch=1)
    with torch.no_grad():
        expected = other(torch.tensor(X))
    check_all(mine(to_mxnet(X)), expected, 0, "output", limit=1e-9)


def test_tiny_ssd_at_the_books_size():
    mine, other, _, _ = twins("tiny_ssd", seed=0)
    X = uniform(1, 1, 3, 256, 256)
    with torch.no_grad():
        expected = other(torch.tensor(X))
    found = mine(to_mxnet(X))
    assert [output.shape for output in found] == [(1, 5444, 4), (1, 5444, 3), (1, 21776)]
    check_all(found, expected, 0, "output")


# Training

def check_step(mine, other, weights, seed) -> None:
    """Weights and BatchNorm's averages after a step; and how far the step moved them, which is the gradient.

    PyTorch computes in float64 here: in float32 now and then a maximum moves to a cell of nearly the same value, in
    PyTorch as in MXNet, and a gradient moves by a hundredth.
    """
    expected = convert.taken(other, weights)
    for name, parameter in parameters(mine).items():
        found = parameter.data().asnumpy()
        agree_relative(found, expected[name], seed, name)
        agree_relative(found - weights[name], expected[name] - weights[name], seed, f"step of {name}", 1e-2, floor=1e-3)


def torch_step(other, loss, learning_rate, wd) -> None:
    trained = [parameter for parameter in other.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=learning_rate, weight_decay=wd)
    loss.backward()
    optimizer.step()


@pytest.mark.parametrize("name", ["resnet18", "fcn"])
@pytest.mark.parametrize("seed", (1, 2, 5))  # with 0, 3, 4 a ReLU's input is 0 to rounding, on some processors
def test_a_step_of_classification(seed, name):
    """By the package's own loop; of pictures, and of pixels."""
    mine, other, X, weights = twins(name, seed, batch=4)
    shape, classes = ((4,), 10) if name == "resnet18" else ((4, *X.shape[2:]), 21)
    labels = np.random.default_rng(seed).integers(0, classes, shape).astype("float32")
    trainer = gluon.Trainer(mine.collect_params(), "sgd", {"learning_rate": 0.1, "wd": 1e-3})
    batches, loss = [(to_mxnet(X), to_mxnet(labels))], gluon.loss.SoftmaxCrossEntropyLoss(axis=1)
    epoch, = fit(mine, batches, loss, trainer, mx.cpu(), 1)
    scores = other.double().train()(torch.tensor(X).double())
    loss = F.cross_entropy(scores, torch.tensor(labels).long())
    torch_step(other, loss, 0.1, 1e-3)
    agree_relative(np.array(epoch.loss), loss, seed, "loss")
    assert epoch.train_acc == pytest.approx((scores.argmax(1).numpy() == labels).mean(), abs=1e-3)
    check_step(mine, other, weights, seed)


class Recorded(ssd.SSDLoss):
    """Keeps the values of its last call."""

    def __call__(self, *args):
        self.values = super().__call__(*args)
        return self.values


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("seed", (0, 1, 6))  # with 2 to 5 a maximum moves, on some processors
def test_a_step_of_detection(seed, hybrid):
    """One batch of section 9.7, with a picture of two objects, one of one, one of none."""
    mine, other, X, weights = twins("tiny_ssd", seed, batch=3)
    labels = np.full((3, 2, 5), -1, "float32")
    labels[0] = (0, *random_boxes(1, seed)[0].clip(0, 1)), (1, 0.1, 0.2, 0.6, 0.9)
    labels[1, 0] = 1, 0.3, 0.3, 0.8, 0.7
    if hybrid:
        mine.hybridize(static_alloc=True, static_shape=True)
    trainer, loss = gluon.Trainer(mine.collect_params(), "sgd", {"learning_rate": 0.2, "wd": 5e-4}), Recorded()
    epoch, = ssd.train_ssd(mine, mx.io.NDArrayIter(X, labels, batch_size=3), trainer, mx.cpu(), 1, loss=loss)

    anchors, scores, offsets = other.double().train()(torch.tensor(X).double())
    with torch.no_grad():
        goals, mask, classes = target(anchors, torch.tensor(labels), scores.transpose(1, 2))
    values = torch_ssd.ssd_loss(scores, classes, offsets, goals, mask)
    torch_step(other, values.mean(), 0.2, 5e-4)
    agree_relative(loss.values, values, seed, "loss")
    assert epoch.class_err == pytest.approx((scores.argmax(-1) != classes).float().mean().item(), abs=1e-3)
    assert epoch.bbox_mae == pytest.approx(((goals - offsets) * mask).abs().mean().item(), rel=1e-4)
    assert (classes > 0).any() and (classes[2] == 0).all()
    check_step(mine, other, weights, seed)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_pull_of_all_style_losses_on_the_picture(dtype):
    """Section 9.11: the gradient with respect to the pixels, through all of the VGG-19 slice."""
    mine, other, X, _ = twins("vgg19", seed=0, dtype=dtype, batch=1)
    goal = normal(1, *X.shape, dtype=dtype)
    x, contents, grams = to_mxnet(X), mine(to_mxnet(goal))[0], [style.gram(y) for y in mine(to_mxnet(goal))[1]]
    x.attach_grad()
    with autograd.record():
        total = style.compute_loss(x, *mine(x), contents, grams)[3]
    total.backward()
    tensor = torch.tensor(X, requires_grad=True)
    with torch.no_grad():
        contents, styles = other(torch.tensor(goal))
    goals = contents, [torch_style.gram(Y) for Y in styles]
    expected = sum(torch_style.losses(tensor, *other(tensor), *goals, (1, 1e3, 10)))
    expected.backward()
    limit = 1e-4 if dtype == "float32" else 1e-9
    check_all(total, expected.reshape(1), 0, "loss", limit=limit)
    check_all(x.grad, tensor.grad, 0, "gradient", limit=limit)
