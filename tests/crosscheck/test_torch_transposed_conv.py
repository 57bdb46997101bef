"""Transposed convolution in all its forms against plain loops and ``torch.nn.ConvTranspose2d``; sizes as properties."""
from __future__ import annotations

import itertools

import numpy as np
import pytest
from kit import DTYPES, SEEDS, agree, by_mxnet, by_torch, cross_check, from_above, normal, to_mxnet, torch
from mxnet import autograd, gluon, init, nd
from oracles import plain_corr2d, plain_trans_conv

from d2lzh_cv import transposed_conv as tc
from d2lzh_cv.resnet import corr2d

pytestmark = pytest.mark.crosscheck

F = torch.nn.functional
KERNELS, STRIDES = range(1, 8), range(1, 5)
PADDED = [(k, s, p) for k in KERNELS for s in STRIDES for p in (0, 1, 2) if p < k]
RECTANGLES = [((1, 3), 1, 0), ((4, 2), 2, 1), ((3, 5), 3, 2), ((7, 2), 4, 1)]
ADJUSTED = [(kernel, stride, adj) for kernel in (2, 3, 5) for stride in (2, 3, 4) for adj in range(1, stride)]


def square(setting):
    kernel, stride, padding = setting
    return ((kernel, kernel), stride, padding) if isinstance(kernel, int) else setting


ONE_CHANNEL = [square(setting) for setting in [*PADDED, *RECTANGLES]]


# From scratch, as a convolution of what zeros were inserted into, as Gluon's layer

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kernel", "stride", "padding"), ONE_CHANNEL)
def test_forms_of_one_channel(kernel, stride, padding, dtype):
    X, K = normal(0, 3, 3, dtype=dtype), normal(0, *kernel, dtype=dtype, part=1)
    expected = F.conv_transpose2d(torch.tensor(X[None, None]), torch.tensor(K[None, None]), stride=stride,
                                  padding=padding)[0, 0]
    found = tc.trans_conv(to_mxnet(X), to_mxnet(K), stride, padding)
    agree(found, expected, seed=0)
    agree(found, plain_trans_conv(X, K, stride, padding).astype(dtype), seed=0)
    agree(tc.trans_conv_as_conv(to_mxnet(X), to_mxnet(K), stride, padding), expected, seed=0)
    assert found.shape == tuple(tc.trans_conv_size(n, k, padding, stride) for n, k in zip(X.shape, kernel))


@pytest.mark.parametrize(("kernel", "stride", "padding"),
                         [((2, 2), 1, 0), ((3, 2), 2, 1), ((4, 4), 2, 1), ((3, 3), 3, 0)])
@pytest.mark.parametrize("seed", SEEDS)
def test_gradients_of_the_form_from_scratch(seed, kernel, stride, padding):
    """It writes in place, which autograd refuses; but it is linear in each argument: unit arrays give the gradient."""
    X, K = normal(seed, 2, 3), normal(seed, *kernel, part=1)
    options = {"stride": stride, "padding": padding}
    theirs = by_torch(lambda x, k: F.conv_transpose2d(x[None, None], k[None, None], **options)[0, 0], (X, K), seed)
    above = from_above(theirs.value, seed)
    for i, shape in enumerate((X.shape, K.shape)):
        slopes = []
        for unit in np.eye(np.prod(shape), dtype="float32"):
            pair = [X, K]
            pair[i] = unit.reshape(shape)
            slopes.append((tc.trans_conv(*map(to_mxnet, pair), stride, padding).asnumpy() * above).sum())
        agree(np.float32(slopes).reshape(shape), theirs.gradients[i], seed, f"gradient of input {i}")


@pytest.mark.parametrize(("channels_in", "channels_out"), [(1, 2), (3, 1), (2, 3)])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 1)])
@pytest.mark.parametrize("seed", SEEDS)
def test_channels(seed, stride, padding, channels_in, channels_out):
    X, K = normal(seed, channels_in, 4, 3), normal(seed, channels_in, channels_out, 3, 2, part=1)
    expected = F.conv_transpose2d(torch.tensor(X[None]), torch.tensor(K), stride=stride, padding=padding)[0]
    agree(tc.trans_conv_multi(to_mxnet(X), to_mxnet(K), stride, padding), expected, seed)


# Gluon's layer

def by_gluon(X, K, bias, head, **options):
    """Value and gradients (X, weight, bias) of ``Conv2DTranspose``."""
    layer = gluon.nn.Conv2DTranspose(K.shape[1], kernel_size=K.shape[2:], in_channels=K.shape[0], **options)
    layer.cast(K.dtype)
    layer.initialize()
    layer.weight.set_data(to_mxnet(K))
    layer.bias.set_data(to_mxnet(bias))
    x = to_mxnet(X)
    x.attach_grad()
    with autograd.record():
        value = layer(x)
    value.backward(to_mxnet(head))
    return value, x.grad, layer.weight.grad(), layer.bias.grad()


def by_pytorch(X, K, bias, head, strides, padding, output_padding, dilation):
    layer = torch.nn.ConvTranspose2d(*K.shape[:2], K.shape[2:], stride=strides, padding=padding,
                                     output_padding=output_padding, dilation=dilation)
    layer.weight.data, layer.bias.data = torch.tensor(K), torch.tensor(bias)
    x = torch.tensor(X, requires_grad=True)
    value = layer(x)
    value.backward(torch.tensor(head))
    return value, x.grad, layer.weight.grad, layer.bias.grad


def check_layer(dtype, seed, kernel, stride, padding, adj=0, dilation=1, channels=(2, 3)) -> None:
    X, K = normal(seed, 2, channels[0], 3, 4, dtype=dtype), normal(seed, *channels, *kernel, dtype=dtype, part=1)
    bias = normal(seed, channels[1], dtype=dtype, part=2)
    sizes = [tc.trans_conv_size(n, dilation * (k - 1) + 1, padding, stride) + adj for n, k in zip((3, 4), kernel)]
    head = normal(seed, 2, channels[1], *sizes, dtype=dtype, part=3)
    options = {"strides": stride, "padding": padding, "output_padding": adj, "dilation": dilation}
    mine, other = by_gluon(X, K, bias, head, **options), by_pytorch(X, K, bias, head, **options)
    for what, found, expected in zip(("value", "gradient of X", "of the weight", "of the bias"), mine, other):
        agree(found, expected, seed, what)
    loops = sum(plain_trans_conv(X[0, c], K[c, 0], stride, padding, dilation, adj) for c in range(channels[0]))
    agree(mine[0][0, 0], (loops + bias[0]).astype(dtype), seed, "value, from the loops'")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kernel", "stride", "padding"), ONE_CHANNEL)
def test_layer(kernel, stride, padding, dtype):
    check_layer(dtype, 0, kernel, stride, padding)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("kernel", "stride", "adj"), ADJUSTED)
def test_layer_with_output_padding(kernel, stride, adj, dtype):
    for padding in (0, 1):
        check_layer(dtype, adj, (kernel, kernel), stride, padding, adj)


# In float64 MXNet computes without oneDNN, and there wrong values where dilation and stride are both more than 1.
@pytest.mark.parametrize(("dtype", "strides"), [("float32", (1, 2, 3)), ("float64", (1,))])
@pytest.mark.parametrize("dilation", [2, 3])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 3), (2, 4), (5, 5)])
def test_dilated_layer(kernel, dilation, dtype, strides):
    for stride, padding in itertools.product(strides, (0, 1)):
        check_layer(dtype, dilation, kernel, stride, padding, adj=stride - 1, dilation=dilation)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [(1, 1), (1, 4), (4, 1), (3, 5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_layer_of_many_channels(seed, channels, dtype):
    check_layer(dtype, seed, (3, 4), 2, 1, adj=1, channels=channels)


# As matrix product

MATRICES = [((3, 3), (2, 2)), ((4, 6), (3, 2)), ((5, 3), (1, 3)), ((2, 2), (2, 2)), ((7, 7), (7, 7)), ((6, 5), (4, 5)),
            ((4, 4), (1, 1))]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "kernel"), MATRICES)
@pytest.mark.parametrize("seed", SEEDS)
def test_convolution_as_matrix_product(seed, shape, kernel, dtype):
    """W · X, and its gradient W.T · dY, which is the transposed convolution of dY."""
    X, K = normal(seed, *shape, dtype=dtype), normal(seed, *kernel, dtype=dtype, part=1)
    W = tc.kernel2matrix(to_mxnet(K), shape)
    mine = by_mxnet(lambda x: nd.dot(W, x.reshape(-1)).reshape([n - k + 1 for n, k in zip(shape, kernel)]), [X], seed)
    other = by_torch(lambda x: F.conv2d(x[None, None], torch.tensor(K)[None, None])[0, 0], [X], seed)
    agree(mine.value, other.value, seed)
    agree(mine.value, plain_corr2d(X, K).astype(dtype), seed, "value, from the loops'")
    agree(corr2d(to_mxnet(X), to_mxnet(K)), other.value, seed, "corr2d")
    agree(mine.gradients[0], other.gradients[0], seed, "gradient")
    agree(tc.trans_conv(to_mxnet(from_above(other.value, seed)), to_mxnet(K)), other.gradients[0], seed, "trans_conv")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "kernel"), MATRICES)
@pytest.mark.parametrize("seed", SEEDS)
def test_transposed_convolution_as_matrix_product(seed, shape, kernel, dtype):
    """W.T · Y, and its gradient W · dX, which is the convolution of dX."""
    K = normal(seed, *kernel, dtype=dtype, part=1)
    Y = normal(seed, *(n - k + 1 for n, k in zip(shape, kernel)), dtype=dtype)
    W = tc.kernel2matrix(to_mxnet(K), shape)
    cross_check(lambda y: nd.dot(W.T, y.reshape(-1)).reshape(shape),
                lambda y: F.conv_transpose2d(y[None, None], torch.tensor(K)[None, None])[0, 0], [Y], seed,
                oracle=lambda y: plain_trans_conv(y, K, 1, 0))


# Sizes, on PyTorch's layers without data

GRID = [(n, k, p, s) for n, k, p, s in itertools.product((1, 2, 5, 8), KERNELS, range(4), STRIDES)
        if s * (n - 1) + k > 2 * p]


def torch_size(function, n: int, kernel: int, **options) -> int:
    X, K = torch.empty((1, 1, n, n), device="meta"), torch.empty((1, 1, kernel, kernel), device="meta")
    return function(X, K, **options).shape[2]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("stride", STRIDES)
def test_sizes(stride, kernel):
    """s·n + k - 2p - s, plus what ``output_padding`` adds; n - k + 2p + s over s for the convolution."""
    grid = [(n, p) for n, k, p, s in GRID if (k, s) == (kernel, stride)]
    assert grid
    for n, p in grid:
        for adj in range(stride):
            larger = torch_size(F.conv_transpose2d, n, kernel, stride=stride, padding=p, output_padding=adj)
            assert tc.trans_conv_size(n, kernel, p, stride) + adj == larger, (n, p, adj)
        if n + 2 * p >= kernel:
            smaller = torch_size(F.conv2d, n, kernel, stride=stride, padding=p)
            assert tc.conv_size(n, kernel, p, stride) == smaller, (n, p)


@pytest.mark.parametrize("stride", STRIDES)
def test_stride_times_as_large_exactly_where_the_kernel_is_twice_the_padding_plus_the_stride(stride):
    for n, k, p, s in GRID:
        if s == stride:
            size = torch_size(F.conv_transpose2d, n, k, stride=s, padding=p)
            assert (size == s * n) == (k == 2 * p + s) == (tc.trans_conv_size(n, k, p, s) == s * n), (n, k, p)


@pytest.mark.parametrize(("kernel", "padding"), [(k, p) for k in range(2, 8) for p in range(3) if k == 2 * p + 2])
def test_doubled(kernel, padding):
    layer = gluon.nn.Conv2DTranspose(1, kernel, strides=2, padding=padding, in_channels=1)
    layer.initialize(init.One())
    for n in (1, 3, 8):
        assert layer(nd.zeros((1, 1, n, n + 1))).shape == (1, 1, 2 * n, 2 * n + 2)
        assert tc.trans_conv(nd.ones((n, n)), nd.ones((kernel, kernel)), 2, padding).shape == (2 * n, 2 * n)
