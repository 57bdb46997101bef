"""The book's convolution and ResNet-18 against plain loops and against their own layers."""
from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, init, nd
from mxnet.gluon import nn
from oracles import SEEDS, plain_corr2d
from tolerance import assert_close

from d2lzh_cv import resnet


def test_convolution_of_the_notes():
    """corr2d(arange(9), [[1, 2], [3, 4]]) in notes 000, section 9.10."""
    assert_close(resnet.corr2d(nd.arange(9).reshape((3, 3)), nd.array([[1, 2], [3, 4]])), [[27, 37], [57, 67]],
                 exact=True)


@pytest.mark.parametrize(("shape", "kernel"), [((5, 7), (2, 3)), ((7, 4), (3, 1)), ((3, 3), (3, 3)), ((4, 4), (1, 1))])
@pytest.mark.parametrize("seed", SEEDS)
def test_convolution_by_loops_and_by_gluon(seed, shape, kernel):
    rng = np.random.default_rng(seed)
    X, K = rng.normal(size=shape).astype("float32"), rng.normal(size=kernel).astype("float32")
    found = resnet.corr2d(nd.array(X), nd.array(K))
    assert_close(found, plain_corr2d(X, K))
    by_operator = nd.Convolution(nd.array(X[None, None]), nd.array(K[None, None]), kernel=kernel, num_filter=1,
                                 no_bias=True)
    assert_close(found, by_operator[0, 0])


def test_a_kernel_larger_than_its_input_raises():
    with pytest.raises(mx.MXNetError):
        resnet.corr2d(nd.ones((2, 2)), nd.ones((4, 4))).wait_to_read()


@pytest.mark.parametrize(("channels", "options", "expected"), [
    (3, {}, (4, 3, 6, 6)),
    (6, {"use_1x1conv": True}, (4, 6, 6, 6)),
    (6, {"use_1x1conv": True, "strides": 2}, (4, 6, 3, 3)),
])
def test_a_residual_block_has_the_books_shapes(channels, options, expected):
    block = resnet.Residual(channels, **options)
    block.initialize()
    assert block(nd.ones((4, 3, 6, 6))).shape == expected


@pytest.mark.parametrize("options", [{}, {"use_1x1conv": True}, {"use_1x1conv": True, "strides": 2}])
def test_a_residual_block_adds_its_input(options):
    """relu(bn(conv(relu(bn(conv(x))))) + x), or + conv(x), in prediction and in training."""
    mx.random.seed(0)
    block, X = resnet.Residual(3, **options), nd.array(np.random.default_rng(0).normal(size=(2, 3, 6, 6)))
    block.initialize(init.Xavier())
    for mode in (autograd.predict_mode, autograd.train_mode):
        with mode():
            inner = nd.maximum(block.bn1(block.conv1(X)), 0)
            shortcut = block.conv3(X) if options else X
            expected = nd.maximum(block.bn2(block.conv2(inner)) + shortcut, 0)
            assert_close(block(X), expected)


def test_a_block_of_zero_weights_passes_its_input():
    block, X = resnet.Residual(3), nd.array(np.random.default_rng(0).normal(size=(2, 3, 6, 6)))
    block.initialize(init.Zero())
    assert_close(block(X), X.asnumpy().clip(0, None), exact=True)


def layers(net, kind) -> list:
    found = []
    net.apply(lambda block: found.append(block) if isinstance(block, kind) else None)
    return found


def test_resnet18_is_the_books():
    """Seventeen 3×3 convolutions, three 1×1 ones where a stage changes shape, one dense layer; scores a class."""
    net = resnet.resnet18(10)
    net.initialize()
    assert net(nd.zeros((2, 3, 32, 32))).shape == (2, 10)
    weights = [layer.weight.shape for layer in layers(net, nn.Conv2D)]
    assert [shape[2:] for shape in weights].count((3, 3)) == 17
    assert sorted(shape for shape in weights if shape[2:] == (1, 1)) == [(128, 64, 1, 1), (256, 128, 1, 1),
                                                                         (512, 256, 1, 1)]
    assert [layer.weight.shape for layer in layers(net, nn.Dense)] == [(10, 512)]
    assert len(layers(net, resnet.Residual)) == 8


def test_stages_halve_the_picture_but_the_first():
    net, X, shapes = resnet.resnet18(10), nd.zeros((1, 3, 32, 48)), []
    net.initialize()
    for layer in net:
        X = layer(X)
        shapes.append(X.shape[1:])
    assert shapes == [(64, 32, 48)] * 4 + [(128, 16, 24), (256, 8, 12), (512, 4, 6), (512, 1, 1), (10,)]


def test_resnet18_hybridised_computes_the_same():
    mx.random.seed(0)
    net, X = resnet.resnet18(3), nd.array(np.random.default_rng(0).uniform(size=(2, 3, 16, 24)))
    net.initialize(init.Xavier())
    imperative = net(X).asnumpy()
    net.hybridize(static_alloc=True, static_shape=True)
    assert_close(net(X), imperative)
    assert not np.allclose(imperative[0], imperative[1]), "the scores do not depend on the picture"
