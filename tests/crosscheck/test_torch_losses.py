"""Losses of detection, segmentation and style, with their gradients, against PyTorch and plain loops."""
from __future__ import annotations

import numpy as np
import pytest
from kit import DTYPES, SEEDS, agree, cross_check, normal, to_mxnet, torch
from mxnet.gluon import loss as gloss
from oracles import plain_focal, plain_gram, plain_mean_square, plain_probability, plain_smooth_l1, plain_tv

from d2lzh_cv import ssd, style

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
        entropy = F.cross_entropy(scores.transpose(1, 2), torch.tensor(labels).long(), reduction="none",
                                  ignore_index=-1)
        distance = F.l1_loss(preds * torch.tensor(mask), torch.tensor(offsets * mask), reduction="none")
        return entropy.mean(1) + distance.mean(1)
    cross_check(ours, theirs, [normal(seed, 2, 7, 3), normal(seed, 2, 28, part=1)], seed)


# Focal loss

def torch_focal(scores, labels, gamma):
    counted = labels >= 0
    log_p = -F.cross_entropy(scores.transpose(1, 2), labels.clamp(min=0).long(), reduction="none")
    return torch.where(counted, -(1 - log_p.exp()) ** gamma * log_p, torch.zeros_like(log_p))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gamma", [0, 1, 2, 5])
@pytest.mark.parametrize("ignored", [0.0, 0.3])
@pytest.mark.parametrize("seed", SEEDS)
def test_focal_loss(seed, ignored, gamma, dtype):
    scores, labels = normal(seed, 2, 6, 4, dtype=dtype), classes(seed, 2, 6, count=4, ignored=ignored, dtype=dtype)

    def by_loops(x):
        return [[0 if k < 0 else plain_focal(row, k, gamma) for row, k in zip(rows, ks)] for rows, ks in zip(x, labels)]
    cross_check(lambda x: ssd.focal_loss(x, to_mxnet(labels), gamma),
                lambda x: torch_focal(x, torch.tensor(labels), gamma), [scores], seed, oracle=by_loops)


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
    """``scalar`` is σ; PyTorch's ``beta``, where the line begins, is 1/σ²."""
    x = normal(seed, 40, dtype=dtype) * 2 / scalar ** 2
    cross_check(lambda x: ssd.smooth_l1(x, scalar),
                lambda x: F.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=1 / scalar ** 2), [x], seed,
                oracle=lambda x: [plain_smooth_l1(value, scalar) for value in x])
    assert (abs(x) < 1 / scalar ** 2).any() and (abs(x) > 1 / scalar ** 2).any()


@pytest.mark.parametrize("scalar", [0.5, 1, 2])
def test_smooth_l1_at_its_corners_and_in_the_middle(scalar):
    corner = 1 / scalar ** 2
    x = np.float32([0, corner, -corner, np.nextafter(np.float32(corner), np.float32(0)), 1e-20, 1e20])
    cross_check(lambda x: ssd.smooth_l1(x, scalar),
                lambda x: F.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=corner), [x], seed=0)


# Style

def torch_gram(X):
    rows = X.reshape(X.shape[1], -1)
    return rows @ rows.T / X.numel()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_gram(seed, shape, dtype):
    cross_check(style.gram, torch_gram, [normal(seed, *shape, dtype=dtype)], seed, oracle=plain_gram)


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
                lambda X: F.mse_loss(torch_gram(X), torch_gram(torch.tensor(other))).reshape(1),
                [normal(seed, *shape, dtype=dtype)], seed,
                oracle=lambda X: [plain_mean_square(plain_gram(X), plain_gram(other))])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", MAPS)
@pytest.mark.parametrize("seed", SEEDS)
def test_total_variation(seed, shape, dtype):
    cross_check(style.tv_loss, lambda X: (X.diff(dim=2).abs().mean() + X.diff(dim=3).abs().mean()).reshape(1) / 2,
                [normal(seed, *shape, dtype=dtype)], seed, oracle=lambda X: [plain_tv(X)])


@pytest.mark.parametrize("weights", [(1, 1e3, 10), (2, 3, 5)])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_sum_of_all(seed, weights):
    """One picture stands for features and pixels."""
    content, other = normal(seed, 1, 3, 6, 7, part=1), normal(seed, 1, 3, 6, 7, part=2)

    def ours(X):
        goals = [to_mxnet(content)], [style.gram(to_mxnet(other))] * 2
        return style.compute_loss(X, [X], [X, X * X], *goals, weights)[3]

    def theirs(X):
        goal = torch_gram(torch.tensor(other))
        styles = F.mse_loss(torch_gram(X), goal) + F.mse_loss(torch_gram(X * X), goal)
        variation = (X.diff(dim=2).abs().mean() + X.diff(dim=3).abs().mean()) / 2
        parts = F.mse_loss(X, torch.tensor(content)), styles, variation
        return sum(weight * part for weight, part in zip(weights, parts)).reshape(1)
    cross_check(ours, theirs, [normal(seed, 1, 3, 6, 7)], seed)


# Measures

@pytest.mark.parametrize("seed", SEEDS)
def test_measures_of_detection(seed):
    scores, labels = normal(seed, 2, 9, 3), classes(seed, 2, 9, count=3)
    assert ssd.cls_eval(to_mxnet(scores), to_mxnet(labels)) == (torch.tensor(scores).argmax(-1).numpy() == labels).sum()
    preds, goals, mask = normal(seed, 2, 36, part=1), normal(seed, 2, 36, part=2), classes(seed, 2, 36, count=2)
    expected = F.l1_loss(torch.tensor(preds * mask), torch.tensor(goals * mask), reduction="sum")
    agree(np.float32(ssd.bbox_eval(*map(to_mxnet, (preds, goals, mask)))), expected, seed)
