"""Losses of detection, segmentation and style, with their gradients, against PyTorch and plain loops."""
from __future__ import annotations

import numpy as np
import pytest
from kit import DTYPES, SEEDS, agree, cross_check, normal, to_mxnet, torch
from mxnet.gluon import loss as gloss
from oracles import plain_focal, plain_gram, plain_mean_square, plain_probability, plain_smooth_l1, plain_tv

from d2lzh_cv import ssd, style
from reference.pytorch import ssd as torch_ssd
from reference.pytorch import style as torch_style

pytestmark = pytest.mark.crosscheck

F = torch.nn.functional
MAPS = [(1, 3, 4, 5), (1, 1, 7, 3), (1, 8, 2, 2)]


def classes(seed: int, *shape: int, count: int, ignored: float = 0.0, dtype: str = "float32") -> np.ndarray:
    """Random classes; a share ``ignored`` of them is -1."""
    rng = np.random.default_rng((seed, 99))
    drawn = rng.integers(0, count, shape)
    return np.where(rng.uniform(size=shape) < ignored, -1, drawn).astype(dtype)


# Cross-entropy

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize("seed", SEEDS)
def test_cross_entropy(seed, scale, dtype):
    """A value a sample, where PyTorch's default is the mean of the batch; large scores do not overflow."""
    scores, labels = scale * normal(seed, 6, 5, dtype=dtype), classes(seed, 6, count=5, dtype=dtype)
    cross_check(lambda x: gloss.SoftmaxCrossEntropyLoss()(x, to_mxnet(labels)),
                lambda x: F.cross_entropy(x, torch.tensor(labels).long(), reduction="none"), [scores], seed,
                oracle=lambda x: [-np.log(plain_probability(row, k)) for row, k in zip(x.astype("float64"), labels)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_cross_entropy_of_pixels(seed, dtype):
    """Section 9.10: classes on axis 1, the mean of all pixels of a picture."""
    scores, labels = normal(seed, 2, 4, 3, 5, dtype=dtype), classes(seed, 2, 3, 5, count=4, dtype=dtype)
    cross_check(lambda x: gloss.SoftmaxCrossEntropyLoss(axis=1)(x, to_mxnet(labels)),
                lambda x: F.cross_entropy(x, torch.tensor(labels).long(), reduction="none").mean((1, 2)), [scores],
                seed)


@pytest.mark.parametrize("ignored", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_detection_loss(seed, ignored):
    """Means over all anchors and all offsets, those left out included."""
    labels, mask = classes(seed, 2, 7, count=3, ignored=ignored), np.repeat(classes(seed, 2, 7, count=2), 4, axis=1)
    offsets = normal(seed, 2, 28, part=2)

    def ours(scores, preds):
        return ssd.SSDLoss()(scores, to_mxnet(labels), preds, to_mxnet(offsets), to_mxnet(mask))

    def theirs(scores, preds):
        return torch_ssd.ssd_loss(scores, torch.tensor(labels), preds, torch.tensor(offsets), torch.tensor(mask))
    cross_check(ours, theirs, [normal(seed, 2, 7, 3), normal(seed, 2, 28, part=1)], seed)


# Focal loss

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [0, 1, 2, 5])
@pytest.mark.parametrize("ignored", [0.0, 0.3])
@pytest.mark.parametrize("seed", SEEDS)
def test_focal_loss(seed, ignored, gamma, dtype):
    scores, labels = normal(seed, 2, 6, 4, dtype=dtype), classes(seed, 2, 6, count=4, ignored=ignored, dtype=dtype)

    def by_loops(x):
        return [[0 if k < 0 else plain_focal(row, k, gamma) for row, k in zip(rows, ks)] for rows, ks in zip(x, labels)]
    cross_check(lambda x: ssd.focal_loss(x, to_mxnet(labels), gamma),
                lambda x: torch_ssd.focal_loss(x, torch.tensor(labels), gamma), [scores], seed, oracle=by_loops)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_focal_loss_without_focus_is_cross_entropy(seed, dtype):
    scores, labels = normal(seed, 2, 6, 4, dtype=dtype), classes(seed, 2, 6, count=4, dtype=dtype)
    cross_check(lambda x: ssd.focal_loss(x, to_mxnet(labels), 0),
                lambda x: F.cross_entropy(x.transpose(1, 2), torch.tensor(labels).long(), reduction="none"), [scores],
                seed)


# Smooth L1

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scalar", [0.3, 0.5, 1, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_smooth_l1(seed, scalar, dtype):
    """``scalar`` is σ."""
    x = normal(seed, 40, dtype=dtype) * 2 / scalar ** 2
    cross_check(lambda x: ssd.smooth_l1(x, scalar), lambda x: torch_ssd.smooth_l1(x, scalar), [x], seed,
                oracle=lambda x: [plain_smooth_l1(value, scalar) for value in x])
    assert (abs(x) < 1 / scalar ** 2).any() and (abs(x) > 1 / scalar ** 2).any()


@pytest.mark.parametrize("scalar", [0.5, 1, 2])
def test_smooth_l1_at_its_corners_and_in_the_middle(scalar):
    corner = 1 / scalar ** 2
    x = np.float32([0, corner, -corner, np.nextafter(np.float32(corner), np.float32(0)), 1e-20, 1e20])
    cross_check(lambda x: ssd.smooth_l1(x, scalar), lambda x: torch_ssd.smooth_l1(x, scalar), [x], seed=0)


# Style

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_gram(seed, shape, dtype):
    cross_check(style.gram, torch_style.gram, [normal(seed, *shape, dtype=dtype)], seed, oracle=plain_gram)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_content_loss(seed, shape, dtype):
    pair = normal(seed, *shape, dtype=dtype), normal(seed, *shape, dtype=dtype, part=1)
    cross_check(style.content_loss, lambda a, b: F.mse_loss(a, b).reshape(1), pair, seed,
                oracle=lambda a, b: [plain_mean_square(a, b)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_style_loss(seed, shape, dtype):
    """The Gram matrix of the style is a constant."""
    other = normal(seed, *shape, dtype=dtype, part=1)
    cross_check(lambda X: style.style_loss(X, style.gram(to_mxnet(other))),
                lambda X: torch_style.style_loss(X, torch_style.gram(torch.tensor(other))).reshape(1),
                [normal(seed, *shape, dtype=dtype)], seed,
                oracle=lambda X: [plain_mean_square(plain_gram(X), plain_gram(other))])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_total_variation(seed, shape, dtype):
    cross_check(style.tv_loss, lambda X: torch_style.tv_loss(X).reshape(1), [normal(seed, *shape, dtype=dtype)], seed,
                oracle=lambda X: [plain_tv(X)])


@pytest.mark.parametrize("weights", [(1, 1e3, 10), (2, 3, 5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_sum_of_all(seed, weights):
    """One picture stands for features and pixels."""
    content, other = normal(seed, 1, 3, 6, 7, part=1), normal(seed, 1, 3, 6, 7, part=2)

    def ours(X):
        goals = [to_mxnet(content)], [style.gram(to_mxnet(other))] * 2
        return style.compute_loss(X, [X], [X, X * X], *goals, weights)[3]

    def theirs(X):
        goals = [torch.tensor(content)], [torch_style.gram(torch.tensor(other))] * 2
        return sum(torch_style.losses(X, [X], [X, X * X], *goals, weights)).reshape(1)
    cross_check(ours, theirs, [normal(seed, 1, 3, 6, 7)], seed)


# Measures

@pytest.mark.parametrize("seed", SEEDS)
def test_measures_of_detection(seed):
    scores, labels = normal(seed, 2, 9, 3), classes(seed, 2, 9, count=3)
    assert ssd.cls_eval(to_mxnet(scores), to_mxnet(labels)) == (torch.tensor(scores).argmax(-1).numpy() == labels).sum()
    preds, goals, mask = normal(seed, 2, 36, part=1), normal(seed, 2, 36, part=2), classes(seed, 2, 36, count=2)
    expected = F.l1_loss(torch.tensor(preds * mask), torch.tensor(goals * mask), reduction="sum")
    agree(np.float32(ssd.bbox_eval(*map(to_mxnet, (preds, goals, mask)))), expected, seed)
