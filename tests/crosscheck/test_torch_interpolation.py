"""The bilinear kernel against ``F.interpolate``: inside the picture as it is, everywhere with the rim repeated."""
from __future__ import annotations

import numpy as np
import pytest
from kit import SEEDS, agree, cross_check, normal, torch
from mxnet import nd
from oracles import plain_bilinear

from d2lzh_cv import bilinear_kernel
from reference.pytorch import fcn
from reference.pytorch.fcn import interpolate

pytestmark = pytest.mark.crosscheck

SCALES = [2, 3, 4, 5, 8, 32]
SETTINGS = [(scale, "float32") for scale in SCALES] + [(scale, "float64") for scale in (2, 4, 8)]  # kernels are float32


def enlarge(X, scale: int):
    """The layer of section 9.10: kernel 2s (2s - 1 for odd s), stride s, s times as large."""
    channels, kernel = X.shape[1], 2 * scale - scale % 2
    return nd.Deconvolution(X, bilinear_kernel(channels, channels, kernel).astype(X.dtype), kernel=(kernel, kernel),
                            stride=(scale, scale), pad=((kernel - scale) // 2,) * 2, num_filter=channels, no_bias=True)


def cut(X, margin: int):
    return X[:, :, margin:-margin, margin:-margin]


@pytest.mark.parametrize(("scale", "dtype"), SETTINGS)
@pytest.mark.parametrize("seed", SEEDS)
def test_inside_the_picture(seed, scale, dtype):
    picture = normal(seed, 2, 3, 4, 5, dtype=dtype)
    cross_check(lambda X: cut(enlarge(X, scale), scale // 2), lambda X: cut(interpolate(X, scale), scale // 2),
                [picture], seed)


@pytest.mark.parametrize(("scale", "dtype"), SETTINGS)
@pytest.mark.parametrize("seed", SEEDS)
def test_everywhere_with_the_rim_repeated(seed, scale, dtype):
    def ours(X):
        return cut(enlarge(nd.pad(X, mode="edge", pad_width=(0, 0, 0, 0, 1, 1, 1, 1)), scale), scale)
    cross_check(ours, lambda X: interpolate(X, scale), [normal(seed, 1, 2, 3, 4, dtype=dtype)], seed)


@pytest.mark.parametrize("scale", SCALES[:-1])
@pytest.mark.parametrize("seed", SEEDS)
def test_beyond_the_rim_is_black(seed, scale):
    """Where ``F.interpolate`` repeats the rim."""
    picture = np.abs(normal(seed, 1, 2, 3, 4)) + 1
    found = enlarge(nd.array(picture), scale)
    agree(found, np.float32([[plain_bilinear(channel, scale) for channel in picture[0]]]), seed)
    brighter = interpolate(torch.tensor(picture), scale).numpy()[:, :, 0] > found.asnumpy()[:, :, 0]
    assert brighter.all()


@pytest.mark.parametrize(("scale", "dtype"), SETTINGS)
@pytest.mark.parametrize("seed", SEEDS)
def test_corner_to_corner(seed, scale, dtype):
    """Kernel 2s - 1 and padding s - 1 put s - 1 pixels between two: ``align_corners`` of PyTorch."""
    def ours(X):
        return nd.Deconvolution(X, bilinear_kernel(2, 2, 2 * scale - 1).astype(dtype), kernel=(2 * scale - 1,) * 2,
                                stride=(scale, scale), pad=(scale - 1,) * 2, num_filter=2, no_bias=True)

    def theirs(X):
        size = [scale * (n - 1) + 1 for n in X.shape[2:]]
        return torch.nn.functional.interpolate(X, size=size, mode="bilinear", align_corners=True)
    cross_check(ours, theirs, [normal(seed, 1, 2, 3, 4, dtype=dtype)], seed)


@pytest.mark.parametrize("scale", range(1, 9))
@pytest.mark.parametrize(("channels_in", "channels_out"), [(1, 1), (3, 3), (2, 4), (4, 2)])
def test_the_kernel_is_what_pytorch_makes_of_one_pixel(scale, channels_in, channels_out):
    """Interpolate a single bright pixel, and take the part around it."""
    kernel = bilinear_kernel(channels_in, channels_out, 2 * scale - scale % 2)
    agree(kernel, fcn.bilinear_kernel(channels_in, channels_out, scale), seed=0)
