"""Hybridised, with memory planned or not, the networks and losses compute what they compute line by line."""
from __future__ import annotations

import numpy as np
import pytest
from kit import agree, agree_relative, from_above, normal, to_mxnet
from mxnet import MXNetError, autograd
from mxnet.gluon import nn
from networks import NETWORKS, flat, give_mxnet, twins

from d2lzh_cv import ssd

pytestmark = pytest.mark.crosscheck

MODES = [{}, {"static_alloc": True}, {"static_alloc": True, "static_shape": True}]
IDS = ["plain", "static_alloc", "static_shape"]


def predict_and_train(net, X):
    """Outputs in prediction, outputs in training, and the gradient of the picture."""
    x = to_mxnet(X)
    x.attach_grad()
    predicted = [output.asnumpy() for output in flat(net(x))]
    with autograd.record():
        outputs = flat(net(x))
    autograd.backward(outputs, [to_mxnet(from_above(output, seed=0)) for output in outputs])
    return predicted, [output.asnumpy() for output in outputs], x.grad.asnumpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name):
    net, _, X, weights = twins(name, seed=0)
    predicted, trained, gradient = predict_and_train(net, X)
    assert np.abs(gradient).max() > 0
    for mode in MODES:
        give_mxnet(net, weights)  # the averages of BatchNorm have moved
        net.hybridize(**mode)
        found = predict_and_train(net, X)
        for i, (mine, expected) in enumerate(zip((*found[0], *found[1]), (*predicted, *trained))):
            agree_relative(mine, expected, 0, f"output {i}, {mode}", limit=1e-5)
        agree_relative(found[2], gradient, 0, f"gradient, {mode}", limit=1e-5)


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_losses(mode):
    inputs = [normal(0, 2, 7, 3), np.random.default_rng(0).integers(-1, 3, (2, 7)).astype("float32"),
              *(normal(0, 2, 28, part=part) for part in (1, 2, 3))]
    imperative, hybrid = ssd.SSDLoss(), ssd.SSDLoss()
    hybrid.hybridize(**mode)
    expected = imperative(*map(to_mxnet, inputs))
    for _ in range(2):
        agree(hybrid(*map(to_mxnet, inputs)), expected, seed=0, exact=True)


def test_a_static_shape_needs_static_memory():
    net = nn.Dense(1, in_units=1)
    net.initialize()
    net.hybridize(static_shape=True)
    with pytest.raises(MXNetError, match="static_alloc must be True"):
        net(to_mxnet(np.ones((1, 1), "float32")))
