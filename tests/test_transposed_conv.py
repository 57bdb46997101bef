"""Transposed convolution: the printed values, plain loops, Gluon's layer, and the sizes for every small setting."""
from __future__ import annotations

import itertools

import numpy as np
import pytest
from mxnet import init, nd
from mxnet.gluon import nn
from oracles import plain_corr2d, plain_trans_conv
from tolerance import assert_close

from d2lzh_cv import transposed_conv as tc
from d2lzh_cv.errors import InputError
from d2lzh_cv.resnet import corr2d

SQUARE = nd.array([[0, 1], [2, 3]])
SETTINGS = [(kernel, stride, padding) for kernel in ((1, 1), (2, 2), (3, 3), (2, 3), (4, 2), (5, 5))
            for stride in (1, 2, 3) for padding in (0, 1, 2) if padding < min(kernel)]


def random_pair(kernel, shape=(4, 3), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape).astype("float32"), rng.normal(size=kernel).astype("float32")


def by_gluon(X, K, stride, padding) -> nd.NDArray:
    """X (C_in, H, W), K (C_in, C_out, h, w)."""
    layer = nn.Conv2DTranspose(K.shape[1], kernel_size=K.shape[2:], strides=stride, padding=padding, use_bias=False,
                               in_channels=K.shape[0])
    layer.initialize(init.Constant(nd.array(K)))
    return layer(nd.array(X[None]))[0]


# Values

@pytest.mark.parametrize(("options", "expected"), [
    ({}, [[0, 0, 1], [0, 4, 6], [4, 12, 9]]),
    ({"padding": 1}, [[4]]),
    ({"stride": 2}, [[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]]),
])
def test_values_of_the_notes(options, expected):
    """trans_conv of [[0, 1], [2, 3]] with itself in notes 000, section 9.10."""
    assert_close(tc.trans_conv(SQUARE, SQUARE, **options), expected, exact=True)
    assert_close(tc.trans_conv_as_conv(SQUARE, SQUARE, **options), expected, exact=True)


def test_transposed_of_the_notes_convolution():
    """trans_conv(corr2d(arange(9), K), K) in notes 000, section 9.10."""
    found = tc.trans_conv(nd.array([[27, 37], [57, 67]]), nd.array([[1, 2], [3, 4]]))
    assert_close(found, [[27, 91, 74], [138, 400, 282], [171, 429, 268]], exact=True)


@pytest.mark.parametrize(("kernel", "stride", "padding"), SETTINGS)
def test_four_ways_agree(kernel, stride, padding):
    """By spreading, by loops from the output's side, by an ordinary convolution, by Gluon."""
    X, K = random_pair(kernel)
    found = tc.trans_conv(nd.array(X), nd.array(K), stride, padding)
    assert_close(found, plain_trans_conv(X, K, stride, padding))
    assert_close(tc.trans_conv_as_conv(nd.array(X), nd.array(K), stride, padding), found)
    assert_close(by_gluon(X[None], K[None, None], stride, padding)[0], found)


@pytest.mark.parametrize(("channels_in", "channels_out"), [(1, 1), (1, 3), (2, 3), (3, 1)])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_channels_add_up(channels_in, channels_out, stride, padding):
    X, K = random_pair((channels_in, channels_out, 2, 3), (channels_in, 4, 3))
    found = tc.trans_conv_multi(nd.array(X), nd.array(K), stride, padding)
    expected = [sum(plain_trans_conv(X[i], K[i, j], stride, padding) for i in range(channels_in))
                for j in range(channels_out)]
    assert_close(found, expected)
    assert_close(by_gluon(X, K, stride, padding), found)


@pytest.mark.parametrize("channels", [2, 4])
def test_channels_that_do_not_fit_are_refused(channels):
    with pytest.raises(InputError):
        tc.trans_conv_multi(nd.ones((3, 2, 2)), nd.ones((channels, 2, 2, 2)))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_zeros_between_the_inputs(stride):
    X = np.arange(1, 7).reshape((2, 3))
    expected = np.zeros((stride + 1, 2 * stride + 1))
    for i, j in np.ndindex(X.shape):
        expected[i * stride, j * stride] = X[i, j]
    assert_close(tc.insert_zeros(nd.array(X), stride), expected, exact=True)


def test_an_ordinary_convolution_cannot_have_a_negative_border():
    X, K = nd.ones((5, 5)), nd.ones((3, 2))
    assert_close(tc.trans_conv_as_conv(X, K, padding=1), tc.trans_conv(X, K, padding=1))
    with pytest.raises(InputError, match=r"padding 2 is more than kernel size - 1 of \(3, 2\)"):
        tc.trans_conv_as_conv(X, K, padding=2)
    assert tc.trans_conv(X, K, padding=2).shape == (3, 2)


# The matrix

def test_matrix_of_the_book():
    """Printed by section 9.10 for a 4 × 4 input and the kernel 1 to 9."""
    K, X = nd.arange(1, 10).reshape((3, 3)), nd.arange(1, 17)
    W = tc.kernel2matrix(K, (4, 4))
    assert_close(W, [[1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0, 0],
                     [0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0, 0, 0, 0],
                     [0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0],
                     [0, 0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9]], exact=True)
    assert_close(nd.dot(W, X), [348, 393, 528, 573], exact=True)
    assert_close(corr2d(X.reshape((4, 4)), K), [[348, 393], [528, 573]], exact=True)


@pytest.mark.parametrize(("shape", "kernel"), [((3, 3), (2, 2)), ((4, 6), (3, 2)), ((5, 3), (1, 3)), ((2, 2), (2, 2))])
def test_the_matrix_convolves_and_its_transpose_transposes(shape, kernel):
    X, K = random_pair(kernel, shape)
    W = tc.kernel2matrix(nd.array(K), shape)
    Y = plain_corr2d(X, K)
    assert W.shape == (Y.size, X.size)
    assert_close(nd.dot(W, nd.array(X.reshape(-1))), Y.reshape(-1))
    back = nd.dot(W.T, nd.array(Y.reshape(-1)))
    assert_close(back.reshape(shape), plain_trans_conv(Y, K, 1, 0))


def test_the_matrix_is_of_a_3x3_input_by_default():
    assert_close(tc.kernel2matrix(nd.array([[1, 2], [3, 4]])), [
        [1, 2, 0, 3, 4, 0, 0, 0, 0], [0, 1, 2, 0, 3, 4, 0, 0, 0],
        [0, 0, 0, 1, 2, 0, 3, 4, 0], [0, 0, 0, 0, 1, 2, 0, 3, 4]], exact=True)


# Sizes

GRID = [(n, k, p, s) for n, k, p, s in itertools.product(range(1, 9), range(1, 6), range(3), range(1, 4))
        if n + 2 * p >= k and s * (n - 1) + k > 2 * p]


def test_sizes_are_those_of_gluon():
    for n, k, p, s in GRID:
        for formula, layer in ((tc.conv_size, nn.Conv2D), (tc.trans_conv_size, nn.Conv2DTranspose)):
            made = layer(1, kernel_size=k, padding=p, strides=s, in_channels=1)
            made.initialize()
            assert formula(n, k, p, s) == made(nd.zeros((1, 1, n, n + 2))).shape[2], (layer, n, k, p, s)


def test_sizes_of_the_book():
    """64 with kernel 4, padding 1 and stride 2 becomes 32, and 64 again; 10 to 20 channels and back in notes 000."""
    assert (tc.conv_size(64, 4, 1, 2), tc.trans_conv_size(32, 4, 1, 2)) == (32, 64)
    conv = nn.Conv2D(20, kernel_size=5, padding=2, strides=3)
    tconv = nn.Conv2DTranspose(10, kernel_size=5, padding=2, strides=3)
    X = nd.zeros((1, 10, 16, 16))
    for layer in (conv, tconv):
        layer.initialize()
    assert tconv(conv(X)).shape == X.shape


def test_transposing_undoes_the_size_unless_the_stride_leaves_a_rest():
    for n, k, p, s in GRID:
        back = tc.trans_conv_size(tc.conv_size(n, k, p, s), k, p, s)
        assert back == n - (n + 2 * p - k) % s, (n, k, p, s)
        assert tc.conv_size(tc.trans_conv_size(n, k, p, s), k, p, s) == n, (n, k, p, s)


def test_exactly_stride_times_as_large():
    for n, k, p, s in GRID:
        assert (tc.trans_conv_size(n, k, p, s) == s * n) == (k == 2 * p + s), (n, k, p, s)


@pytest.mark.parametrize(("kernel", "stride", "padding"), SETTINGS)
def test_the_convolution_of_that_size_is_the_adjoint(kernel, stride, padding):
    """<conv(X), Y> = <X, trans_conv(Y)>: what makes it the transpose."""
    Y, K = random_pair(kernel)
    transposed = tc.trans_conv(nd.array(Y), nd.array(K), stride, padding)
    X = nd.array(np.random.default_rng(1).normal(size=transposed.shape))
    convolved = nd.Convolution(X.reshape((1, 1, *X.shape)), nd.array(K[None, None]), kernel=kernel, num_filter=1,
                               stride=(stride, stride), pad=(padding, padding), no_bias=True)[0, 0]
    assert_close((convolved * nd.array(Y)).sum(), (X * transposed).sum())
