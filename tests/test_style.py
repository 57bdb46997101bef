"""Style transfer: losses against plain loops, features with frozen weights, and a picture that changes."""
from __future__ import annotations

from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest
from data_kit import REAL, needs_real_data
from mxnet import autograd, init, nd
from mxnet.gluon import nn
from oracles import SEEDS, plain_gram, plain_mean_square, plain_tv
from tolerance import assert_close

from d2lzh_cv import style
from d2lzh_cv.engine import recorder
from d2lzh_cv.finetuning import load_source

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


def random_features(seed: int, shape=(1, 3, 4, 5)) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# Pictures in and out

def test_preprocessing_takes_width_before_height():
    flat = style.preprocess(nd.full((20, 30, 3), 51, dtype="uint8"), (9, 6))
    assert_close(flat, np.broadcast_to([[[[(0.2 - MEAN[c]) / STD[c]]] for c in range(3)]], (1, 3, 6, 9)))


def test_postprocessing_undoes_it():
    picture = np.random.default_rng(0).integers(0, 256, (6, 9, 3))
    there = style.preprocess(nd.array(picture, dtype="uint8"), (9, 6))
    assert_close(style.postprocess(there), picture / 255)


def test_postprocessed_colours_stay_in_range():
    assert_close(style.postprocess(nd.full((1, 3, 2, 2), 9)), np.ones((2, 2, 3)), exact=True)
    assert_close(style.postprocess(nd.full((1, 3, 2, 2), -9)), np.zeros((2, 2, 3)), exact=True)


# Losses

@pytest.mark.parametrize("seed", SEEDS)
def test_losses_by_loops(seed):
    X, Y = random_features(seed), random_features(seed + 100)
    assert_close(style.gram(nd.array(X)), plain_gram(X))
    assert_close(style.content_loss(nd.array(X), nd.array(Y)), [plain_mean_square(X, Y)])
    assert_close(style.style_loss(nd.array(X), nd.array(plain_gram(Y))),
                 [plain_mean_square(plain_gram(X), plain_gram(Y))])
    assert_close(style.tv_loss(nd.array(X)), [plain_tv(X)])


def test_losses_by_hand():
    X = nd.array([[[[1, 2]], [[3, 4]]]])  # two channels of 1 × 2: the rows [1, 2] and [3, 4]
    assert_close(style.gram(X), [[5 / 4, 11 / 4], [11 / 4, 25 / 4]], exact=True)
    steps = nd.array([[[[0, 1], [4, 5]]]])  # down 4 and 4, right 1 and 1
    assert_close(style.tv_loss(steps), [2.5], exact=True)


def test_style_does_not_know_where():
    X = random_features(0)
    shuffled = X.reshape((1, 3, 20))[:, :, np.random.default_rng(0).permutation(20)].reshape(X.shape)
    assert_close(style.style_loss(nd.array(shuffled), style.gram(nd.array(X))), [0])
    assert style.content_loss(nd.array(shuffled), nd.array(X)).asscalar() > 0.1


@pytest.mark.parametrize("weights", [(1, 1e3, 10), (2, 3, 5)])
def test_the_total_is_the_weighted_sum(weights):
    X, contents_hat, styles_hat = random_features(0), [random_features(1)], [random_features(2), random_features(3)]
    contents, styles = [random_features(4)], [random_features(5), random_features(6)]
    arrays = [[nd.array(feature) for feature in features] for features in (contents_hat, styles_hat, contents)]
    found = style.compute_loss(nd.array(X), *arrays, [nd.array(plain_gram(Y)) for Y in styles], weights)
    content = [weights[0] * plain_mean_square(contents_hat[0], contents[0])]
    by_style = [weights[1] * plain_mean_square(plain_gram(a), plain_gram(b)) for a, b in zip(styles_hat, styles)]
    tv = weights[2] * plain_tv(X)
    assert [loss.asscalar() for loss in found[0]] == pytest.approx(content, rel=1e-4)
    assert [loss.asscalar() for loss in found[1]] == pytest.approx(by_style, rel=1e-4)
    assert_close(found[2], [tv])
    assert_close(found[3], [sum(content) + sum(by_style) + tv])


# Features

def small_features() -> nn.HybridSequential:
    mx.random.seed(0)
    features = nn.HybridSequential()
    for channels in (4, 5, 6, 7):
        features.add(nn.Conv2D(channels, 3, padding=1, activation="relu"))
    features.initialize(init.Xavier())
    return features


def small_extractor() -> style.FeatureExtractor:
    return style.FeatureExtractor(small_features(), content_layers=(2,), style_layers=(0, 2))


@pytest.mark.parametrize("hybridise", [False, True])
def test_the_extractor_returns_the_layers_outputs(hybridise):
    """A layer may serve for both; those after the last are left out."""
    features, X = small_features(), nd.array(random_features(0, (1, 3, 8, 9)))
    first = features[0](X)
    third = features[2](features[1](first))
    extractor = style.FeatureExtractor(features, content_layers=(2,), style_layers=(0, 2))
    if hybridise:
        extractor.hybridize(static_alloc=True, static_shape=True)
    contents, styles = extractor(X)
    assert (len(contents), len(styles)) == (1, 2)
    for found, expected in zip((*contents, *styles), (third, first, third)):
        assert_close(found, expected)
    assert len(extractor.layers) == 3


def test_only_the_picture_gathers_gradients():
    extractor, X = small_extractor(), nd.array(random_features(0, (1, 3, 8, 9)))
    X.attach_grad()
    with autograd.record():
        contents, styles = extractor(X)
        loss = contents[0].sum() + styles[0].sum()
    loss.backward()
    assert X.grad.abs().sum().asscalar() > 0
    parameters = extractor.collect_params().values()
    assert len(parameters) == 6
    for parameter in parameters:
        with pytest.raises(RuntimeError, match="grad_req='null'"):
            parameter.grad()


def pooled_extractor() -> style.FeatureExtractor:
    """A style layer goes to a max pooling next, as two of SqueezeNet's do; of 32 channels, for oneDNN's own layout."""
    mx.random.seed(0)
    pooled = nn.HybridSequential()
    pooled.add(nn.Conv2D(32, 3, padding=1, activation="relu"), nn.MaxPool2D(2, 2), nn.Conv2D(32, 3, padding=1))
    pooled.initialize(init.Xavier())
    return style.FeatureExtractor(pooled, content_layers=(2,), style_layers=(0, 2))


@pytest.mark.parametrize("hybridise", [False, True])
@pytest.mark.parametrize("make", [small_extractor, pooled_extractor])
@pytest.mark.parametrize("weights", [(1, 1e3, 10), (2, 3, 5)])
def test_in_one_graph_losses_and_gradient_are_the_same(hybridise, make, weights):
    """The style picture may have another size than the content picture."""
    extractor, X = make(), nd.array(random_features(0, (1, 3, 8, 9)))
    contents = extractor(nd.array(random_features(1, (1, 3, 8, 9))))[0]
    grams = [style.gram(Y) for Y in extractor(nd.array(random_features(2, (1, 3, 7, 5))))[1]]
    graph = style.LossGraph(extractor, contents, grams, [Y.size for Y in extractor(X)[1]], weights)
    if hybridise:
        graph.hybridize(static_alloc=True, static_shape=True)
    X.attach_grad()
    with autograd.record():
        contents_l, styles_l, tv, total = style.compute_loss(X, *extractor(X), contents, grams, weights)
    total.backward()
    expected = X.grad.asnumpy()
    for _ in range(2):
        with autograd.record():
            found = graph(X)
            nd.add_n(*found).backward()
        for value, parts in zip(found, (contents_l, styles_l, [tv])):
            assert_close(value, [sum(float(part.asscalar()) for part in parts)])
        assert_close(X.grad, expected)


def test_without_weights_the_extractor_is_an_untrained_vgg19():
    source = style.untrained_vgg19()
    extractor = style.extractor_of(source, mx.cpu())
    assert (source.name, source.trained_on) == ("vgg19", "nothing") and "not trained" in source.note
    assert (extractor.content_layers, extractor.style_layers) == ((25,), (0, 5, 10, 19, 28))  # the book's
    contents, styles = extractor(nd.array(random_features(0, (1, 3, 32, 48))))
    assert [feature.shape for feature in contents] == [(1, 512, 4, 6)]
    assert [feature.shape for feature in styles] == [(1, 64, 32, 48), (1, 128, 16, 24), (1, 256, 8, 12),
                                                     (1, 512, 4, 6), (1, 512, 2, 3)]
    scales = [feature.square().mean().asscalar() ** 0.5 for feature in (*contents, *styles)]
    assert min(scales) > 2 and max(scales) < 4 * min(scales), "the features grow or vanish from layer to layer"
    assert {parameter.grad_req for parameter in extractor.collect_params().values()} == {"null"}


@needs_real_data
def test_with_squeezenets_weights_the_extractor_is_that():
    extractor = style.extractor_of(load_source(REAL / "weights" / "squeezenet1.1.params", "squeezenet1.1"), mx.cpu())
    contents, styles = extractor(nd.zeros((1, 3, 64, 64)))
    assert (len(contents), len(styles)) == (1, 5)


# The picture

def test_a_generated_image_is_its_own_parameter():
    start = nd.array(random_features(0))
    picture = style.GeneratedImage(start.shape)
    picture.initialize(init.Constant(start))
    assert_close(picture(), start, exact=True)
    assert [parameter.shape for parameter in picture.collect_params().values()] == [(1, 3, 4, 5)]


def random_pictures() -> tuple[nd.NDArray, nd.NDArray]:
    return tuple(nd.array(random_features(seed, (1, 3, 12, 16))) for seed in (0, 1))


def test_transfer_changes_the_picture_and_lowers_the_losses():
    extractor, (content, image) = small_extractor(), random_pictures()
    before, steps = content.asnumpy(), []
    result = style.transfer(content, extractor, content, image, 41, learning_rate=0.05, report_every=10,
                            on_step=steps.append, weights=(1, 1e4, 0.1))
    assert [step.number for step in steps] == [10, 20, 30, 40]
    assert_close(content, before, exact=True)
    assert result.shape == content.shape and not np.allclose(result.asnumpy(), before)
    totals = [step.content + step.style + step.tv for step in steps]
    assert totals == sorted(totals, reverse=True)
    grams = [style.gram(feature) for feature in extractor(image)[1]]
    losses = [sum(style.style_loss(*pair).asscalar() for pair in zip(extractor(X)[1], grams))
              for X in (content, result)]
    assert losses[1] < 0.1 * losses[0]


def test_a_transfer_keeps_no_memory(monkeypatch):
    graphs, made = [], style.LossGraph.__init__
    monkeypatch.setattr(style.LossGraph, "__init__", lambda self, *args: (graphs.append(self), made(self, *args))[1])
    extractor, (content, image) = small_extractor(), random_pictures()
    extractor.hybridize(static_alloc=True, static_shape=True)
    style.transfer(content, extractor, content, image, 3)
    assert [graph._cached_op for graph in graphs] == [None]


def test_the_losses_are_logged_and_reported_every_so_many_steps(monkeypatch):
    """The steps after the last report are trained too, but neither logged nor reported."""
    extractor, (content, image), logged, reported = small_extractor(), random_pictures(), [], []
    section = SimpleNamespace(snapshots=lambda series, best: None, log_epoch=lambda *line: logged.append(line))
    monkeypatch.setattr(recorder, "_recorder", section)
    style.transfer(content, extractor, content, image, 26, report_every=10, on_step=reported.append, name="small")
    assert [step.number for step in reported] == [10, 20]
    assert logged == [("small", step) for step in reported]


def test_frames_keep_the_picture_and_its_losses_before_a_step():
    extractor, (content, image), frames = small_extractor(), random_pictures(), style.Frames(26, count=6)
    style.transfer(content, extractor, content, image, 26, report_every=10, on_picture=frames.add)
    assert [frame["step"] for frame in frames.kept] == [0, 1, 4, 9, 16, 25]
    pixels = np.rint(style.postprocess(content).asnumpy() * 255).astype("uint8")
    assert_close(np.asarray(frames.kept[0]["picture"]), pixels)
    contents, styles = extractor(content)
    grams = [style.gram(feature) for feature in extractor(image)[1]]
    content_l, style_l, tv_l, _ = style.compute_loss(content, contents, styles, contents, grams)
    assert frames.kept[0]["content"] == content_l[0].asscalar() == 0
    assert_close(np.float32(frames.kept[0]["style"]), np.float32(nd.add_n(*style_l).asscalar()))
    assert_close(np.float32(frames.kept[0]["tv"]), np.float32(tv_l.asscalar()))
    without = style.Frames(0)
    without.add(0, content, content_l[0], style_l[0], tv_l)
    assert not without.kept


def test_the_weights_decide_what_counts():
    """Without style and total variation, a picture that starts as the content stays."""
    extractor, (content, image) = small_extractor(), random_pictures()
    result = style.transfer(content, extractor, content, image, 5, weights=(1, 0, 0))
    assert_close(result, content)
    smooth = style.transfer(content, extractor, content, image, 5, learning_rate=0.05, weights=(0, 0, 1))
    assert style.tv_loss(smooth).asscalar() < 0.95 * style.tv_loss(content).asscalar()


def test_the_learning_rate_falls_to_a_tenth():
    """A step of Adam moves a pixel by at most about the learning rate: .1 and .1, then .01 and .001."""
    extractor, (content, image) = small_extractor(), random_pictures()
    result = style.transfer(content, extractor, content, image, 4, learning_rate=0.1, decay_every=1)
    moved = (result - content).abs().max().asscalar()
    assert 0.15 < moved < 0.23


def test_a_step_prints_the_books_line():
    step = style.StyleStep(50, 10.1, 29.4, 3.456, 0.034)
    assert str(step) == "epoch  50, content loss 10.10, style loss 29.40, TV loss 3.46, 0.03 sec"
