"""The fully convolutional network: interpolation against plain loops, shapes, labels to colours and back."""
from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import model_zoo, nn
from oracles import plain_bilinear
from tolerance import assert_close

import d2lzh_cv
from d2lzh_cv.errors import InputError
from d2lzh_cv.fcn import (
    FCN,
    OUTSIDE,
    CellScoring,
    bilinear_kernel,
    fcn,
    first_best,
    from_cells,
    label2image,
    normalize_image,
    predict,
    to_cells,
)
from d2lzh_cv.finetuning import conv_features
from d2lzh_cv.training import Epoch, Scoring, fit

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


# Interpolation

@pytest.mark.parametrize(("size", "slope"), [
    (1, [1]), (2, [0.5, 0.5]), (3, [0.5, 1, 0.5]), (4, [0.25, 0.75, 0.75, 0.25]),
    (5, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3]), (6, [1 / 6, 1 / 2, 5 / 6, 5 / 6, 1 / 2, 1 / 6]),
])
def test_the_kernel_is_a_pyramid(size, slope):
    assert_close(bilinear_kernel(1, 1, size), [[[[a * b for b in slope] for a in slope]]])


@pytest.mark.parametrize(("channels_in", "channels_out"), [(3, 3), (2, 4), (4, 2)])
def test_the_kernel_connects_equal_channels_only(channels_in, channels_out):
    kernel = bilinear_kernel(channels_in, channels_out, 4)
    assert kernel.shape == (channels_in, channels_out, 4, 4) and kernel.dtype == np.float32
    for i, j in np.ndindex(channels_in, channels_out):
        expected = bilinear_kernel(1, 1, 4)[0, 0].asnumpy() if i == j else np.zeros((4, 4))
        assert_close(kernel[i, j], expected, exact=True)


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_a_transposed_convolution_interpolates(scale):
    """Kernel 2s, stride s, padding s/2."""
    layer = nn.Conv2DTranspose(2, kernel_size=2 * scale, padding=scale // 2, strides=scale, in_channels=2)
    layer.initialize(init.Constant(bilinear_kernel(2, 2, 2 * scale)))
    picture = np.random.default_rng(0).uniform(size=(2, 3, 5))
    assert_close(layer(nd.array(picture[None])), [[plain_bilinear(channel, scale) for channel in picture]])


def test_interpolation_has_the_books_shape():
    """Printed by section 9.10 for a picture of 561 × 728."""
    layer = nn.Conv2DTranspose(3, kernel_size=4, padding=1, strides=2, in_channels=3)
    layer.initialize(init.Constant(bilinear_kernel(3, 3, 4)))
    assert layer(nd.zeros((1, 3, 561, 728))).shape == (1, 3, 1122, 1456)


# The network

def pooled_features() -> nn.HybridSequential:
    """In place of a large network: 32 times smaller, three channels as they are."""
    features = nn.HybridSequential()
    features.add(nn.AvgPool2D(32))
    features.initialize()
    return features


def test_the_books_shapes():
    """Features of resnet18_v2 and scores for a picture of 320 × 480, by section 9.10."""
    features = conv_features(model_zoo.vision.resnet18_v2())
    features.initialize()
    data = mx.sym.var("data")
    assert features(data).infer_shape(data=(1, 3, 320, 480))[1] == [(1, 512, 10, 15)]
    assert fcn(features)(data).infer_shape(data=(32, 3, 320, 480))[1] == [(32, 21, 320, 480)]


def test_the_network_is_features_then_classes_then_enlarged():
    """With class weights that pick a channel, the scores are the interpolated features."""
    features, X = pooled_features(), np.random.default_rng(0).uniform(size=(1, 3, 64, 96))
    net = fcn(features, num_classes=2)
    assert net[0] is features
    net(nd.array(X))
    net[1].weight.set_data(nd.array([[0, 0, 1], [1, 0, 0]]).reshape((2, 3, 1, 1)))
    small = [[[X[0, c, i:i + 32, j:j + 32].mean() for j in (0, 32, 64)] for i in (0, 32)] for c in (2, 0)]
    assert_close(net(nd.array(X)), [[plain_bilinear(np.array(channel), 32) for channel in small]])


def test_without_bilinear_the_start_is_random():
    X = nd.ones((1, 3, 64, 64))
    nets = [fcn(pooled_features(), num_classes=4, bilinear=bilinear) for bilinear in (True, False)]
    weights = [net[2].weight.data() for net in nets if net(X).shape == (1, 4, 64, 64)]
    assert_close(weights[0], bilinear_kernel(4, 4, 64), exact=True)
    assert (weights[1].asnumpy() != 0).all()


def test_hybridised_it_computes_the_same():
    """Not one bit of difference."""
    mx.random.seed(0)
    features = conv_features(model_zoo.vision.resnet18_v2())
    features.initialize(init.Xavier())
    net, X = fcn(features), nd.array(np.random.default_rng(0).normal(size=(1, 3, 64, 96)))
    imperative = net(X).asnumpy()
    net.hybridize(static_alloc=True, static_shape=True)
    for _ in range(2):
        assert_close(net(X), imperative, exact=True)
    assert imperative.std() > 0


# Pictures, classes and colours

@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_normalising(dtype):
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 3))
    expected = [[[(pixel[c] / 255 - MEAN[c]) / STD[c] for c in range(3)] for pixel in row] for row in picture]
    assert_close(normalize_image(nd.array(picture, dtype=dtype)), expected)


class Brightest(nn.HybridBlock):
    """Scores of three classes: which channel is the largest, of the picture as it was before normalising."""

    def hybrid_forward(self, F, X):
        return F.broadcast_add(F.broadcast_mul(X, nd.array(STD).reshape((1, 3, 1, 1))),
                               nd.array(MEAN).reshape((1, 3, 1, 1)))


@pytest.mark.parametrize("ctx", [None, mx.cpu(), mx.cpu(1)])
def test_predicting_a_class_for_every_pixel(ctx):
    picture = np.random.default_rng(0).integers(0, 256, (32, 64, 3))
    found = predict(Brightest(), nd.array(picture, dtype="uint8"), ctx)
    assert found.context == mx.cpu()
    assert_close(found, [[max(range(3), key=lambda c: pixel[c]) for pixel in row] for row in picture], exact=True)


def voc_colour(index: int) -> list[int]:
    """The colours' own rule: bits 0, 1, 2 of the class are bit 7 of red, green, blue; bits 3, 4, 5 bit 6; and so on."""
    return [sum((index >> (3 * n + c) & 1) << (7 - n) for n in range(3)) for c in range(3)]


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8"])
def test_labels_become_the_colours_of_voc(dtype):
    labels = np.arange(21).reshape((3, 7))
    image = label2image(nd.array(labels, dtype=dtype))
    assert image.dtype == np.uint8
    assert_close(image, [[voc_colour(index) for index in row] for row in labels], exact=True)


def test_the_package_offers_the_function_not_the_module_of_its_name():
    assert d2lzh_cv.fcn is fcn


# By cells, the form in which it is trained

def small_fcn(num_classes: int = 3) -> FCN:
    """Features 32 times smaller by one convolution; every weight drawn."""
    features = nn.HybridSequential()
    features.add(nn.Conv2D(4, kernel_size=3, strides=32, padding=1, in_channels=3))
    features.initialize(init.Normal(0.5))
    net = fcn(features, num_classes)
    net(nd.zeros((1, 3, 32, 32)))
    rng = np.random.default_rng(0)
    for parameter in net.collect_params().values():
        parameter.set_data(nd.array(rng.normal(size=parameter.shape)))
    return net


def pictures_and_labels(num_classes: int = 3, size: tuple[int, int] = (64, 96)):
    rng = np.random.default_rng(1)
    return (nd.array(rng.normal(size=(2, 3, *size))),
            nd.array(rng.integers(0, num_classes, (2, *size))))


@pytest.mark.parametrize("hybrid", [False, True])
def test_by_cells_the_scores_are_the_same(hybrid):
    net, (X, _) = small_fcn(), pictures_and_labels()
    scores = net(X)
    if hybrid:
        net.hybridize(static_alloc=True, static_shape=True)
    by_cells = net.cells(X)  # (2, 3 · 4 cells, 32 · 32 · 3)
    assert by_cells.shape == (2, 12, 3072)
    for k in range(3):
        assert_close(from_cells(by_cells[:, :, k::3], 32, (64, 96)), scores[:, k])
    assert_close(net.classify(X), scores.argmax(axis=1), exact=True)


def test_mxnet_s_own_subgraphs_may_be_asked_for():
    net, (X, _) = small_fcn(), pictures_and_labels()
    scores, classes = net(X), net.classify(X)
    net.optimize_for(X, backend="MKLDNN")
    assert_close(net(X), scores)
    assert_close(net.classify(X), classes, exact=True)


@pytest.mark.parametrize("backbone", ["resnet18_v2", "squeezenet1.1"])
def test_arranged_once_it_gives_the_same_classes_and_can_be_trained_again(backbone):
    """With statistics far from those where BatchNorm does nothing."""
    zoo = model_zoo.vision.get_model(backbone)
    zoo.initialize(init.Xavier())
    net = fcn(conv_features(zoo), 3)
    small, large = (pictures_and_labels(size=size)[0] for size in ((64, 96), (160, 64)))
    net(small)
    rng = np.random.default_rng(0)
    for name, parameter in net.collect_params().items():
        if "running" in name:
            low = 0.5 if name.endswith("var") else -0.5
            parameter.set_data(nd.array(rng.uniform(low, low + 1, parameter.shape)))
    net[2].weight.set_data(nd.array(rng.normal(size=net[2].weight.shape)))
    plain = {X.shape: (net.cells(X), net.classify(X)) for X in (small, large)}
    assert len(np.unique(plain[large.shape][1].asnumpy())) > 1
    known = set(net._collect_params_with_prefix())

    net.arrange_once()
    for X in (small, large, small):
        scores, classes = plain[X.shape]
        scale = scores.abs().max()
        assert_close(pixels_last(net._arranged(X), X) / scale, scores / scale)  # sums of numbers of both signs
        assert (net.classify(X) == classes).mean() > 0.999  # rounding may decide between two equal scores
    assert set(net._collect_params_with_prefix()) == known, "a checkpoint would hold more"

    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1e-2})
    with autograd.record():
        loss = net.cells(small).square().mean()
    loss.backward()
    trainer.step(1)
    trained = net.cells(small)
    assert (trained - plain[small.shape][0]).abs().max() > 1e-4
    net.arrange_once()
    assert_close(pixels_last(net._arranged(small), small) / trained.abs().max(), trained / trained.abs().max())


def pixels_last(scores, X):
    """Scores (classes, s·s, B·cells) in the order of ``CellScores``: (B, cells, s·s·classes)."""
    return scores.transpose((2, 1, 0)).reshape((len(X), -1, scores.shape[0] * scores.shape[1]))


@pytest.mark.parametrize("shape", [(1, 5), (2, 3, 4), (21, 1024, 6), (256, 50), (257, 50), (300, 7)])
def test_the_first_of_the_best_as_numpy_finds_it(shape):
    """Whole numbers, so that many are equal; 257 classes need more than a byte."""
    rng = np.random.default_rng(len(shape))
    scores = rng.integers(-3, 4, shape).astype("float32")
    scores[-1].flat[:2] = 9, -np.inf
    before = nd.array(scores)
    assert_close(first_best(before), scores.argmax(axis=0), exact=True)
    assert_close(before, scores, exact=True)  # the argument stays as it was
    assert_close(first_best(nd.array(np.full(shape, -np.inf))), np.zeros(shape[1:]), exact=True)


@pytest.mark.parametrize(("stride", "size"), [(4, (8, 12)), (32, (32, 64)), (2, (2, 2))])
def test_labels_there_and_back(stride, size):
    labels = np.arange(2 * size[0] * size[1]).reshape((2, *size))
    cells = to_cells(nd.array(labels), stride)
    assert cells.shape == (2, (size[0] // stride + 1) * (size[1] // stride + 1), stride ** 2)
    assert (cells.asnumpy() == -1).sum() == cells.size - labels.size
    assert_close(from_cells(cells, stride, size), labels, exact=True)


@pytest.mark.parametrize("size", [(33, 64), (64, 48), (1, 1)])
def test_pictures_that_do_not_fit_the_network_are_named(size):
    with pytest.raises(InputError, match=f"{size[1]} × {size[0]} pixels .* multiples of 32"):
        to_cells(nd.zeros((2, *size)), 32)
    with pytest.raises(InputError, match=f"{size[1]} × {size[0]} pixels .* multiples of 32"):
        from_cells(nd.zeros((2, 9, 32 * 32)), 32, size)


@pytest.mark.parametrize("size", [(33, 95), (47, 33)])
@pytest.mark.parametrize("arrange", [False, True])
def test_pixels_of_a_picture_that_does_not_fit_are_not_classified(size, arrange):
    """33 × 95 pixels have as many cells as two pictures of 32 × 64."""
    net = small_fcn()
    if arrange:
        net.arrange_once()
    with pytest.raises(InputError, match=f"{size[1]} × {size[0]} pixels .* multiples of 32"):
        net.classify(nd.zeros((1, 3, *size)))


class Unknown(gloss.SoftmaxCrossEntropyLoss):
    """The same loss, but ``fit`` cannot know: it trains in the plain form."""


def trained(loss) -> tuple[Epoch, dict[str, np.ndarray]]:
    net, batch = small_fcn(), pictures_and_labels()
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01, "momentum": 0.9})
    epoch, = fit(net, [batch] * 3, loss, trainer, mx.cpu(), 1, [batch])
    return epoch, {name: p.data().asnumpy() for name, p in net._collect_params_with_prefix().items()}


def test_trained_by_cells_or_as_it_is_the_network_is_the_same():
    (mine, weights), (plain, expected) = (trained(loss(axis=1)) for loss in (gloss.SoftmaxCrossEntropyLoss, Unknown))
    assert [type(small_fcn().scoring_for(loss(axis=1))) for loss in (gloss.SoftmaxCrossEntropyLoss, Unknown)] \
        == [CellScoring, Scoring]
    assert_close(*(np.array([e.loss, e.train_acc, e.test_acc], np.float32) for e in (mine, plain)))
    for name, weight in weights.items():
        assert_close(weight, expected[name])


@pytest.mark.parametrize("grad_req", ["write", "add"])
def test_the_loss_of_cells_and_its_gradient(grad_req):
    """Against softmax in NumPy: pixels beyond the picture add nothing, and each picture has its own factor."""
    rng = np.random.default_rng(2)
    scores, factors = rng.normal(0, 3, (2, 6, 4 * 5)).astype(np.float32), np.array([0.5, -2], np.float32)
    labels = rng.integers(-1, 5, (2, 6, 4)).astype(np.float32)
    p = np.exp(scores.reshape(2, 6, 4, 5))
    p /= p.sum(axis=-1, keepdims=True)
    wanted, inside = np.eye(5)[labels.astype(int)], labels >= 0
    sums = -(np.log((p * wanted).sum(axis=-1)) * inside).sum(axis=(1, 2))
    gradient = (p - wanted) * inside[..., None] * factors[:, None, None, None]
    X, scoring = nd.array(scores), CellScoring(small_fcn())
    X.attach_grad(grad_req)
    for _ in range(2):
        with autograd.record():
            losses = scoring.losses(X, nd.array(labels), count=48)
        losses.backward(nd.array(factors))
    assert_close(losses, (sums * 2 / 48).astype(np.float32))
    times = 2 if grad_req == "add" else 1
    assert_close(X.grad, (gradient * times * 2 / 48).reshape(scores.shape).astype(np.float32))


def test_hits_are_pixels_whose_first_best_class_is_the_label():
    """Of equal scores the first counts, and a pixel beyond the picture has no class."""
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 3, (2, 3, 16, 21)).astype(np.float32)  # 2 pictures of 3 cells, with ties
    labels = rng.integers(0, 21, (2, 3, 16)).astype(np.float32)
    first = scores.argmax(axis=-1)
    labels[0], labels[1, 0, :8] = first[0], OUTSIDE
    last = 20 - scores[..., ::-1].argmax(axis=-1)
    assert (first != last).any()
    hits = CellScoring(small_fcn()).hits(nd.array(scores.reshape((2, 3, -1))), nd.array(labels))
    assert hits.asscalar() == (first == labels).sum() > 48


@pytest.mark.parametrize("loss", [
    gloss.SoftmaxCrossEntropyLoss(), gloss.SoftmaxCrossEntropyLoss(axis=1, weight=0.5), gloss.L2Loss(),
    gloss.SoftmaxCrossEntropyLoss(axis=1, from_logits=True), gloss.SoftmaxCrossEntropyLoss(axis=1, sparse_label=False)])
def test_another_loss_is_left_as_it_is(loss):
    assert type(small_fcn().scoring_for(loss)) is Scoring


def test_the_cells_add_nothing_to_the_network():
    """Neither parameters nor files know of them."""
    net = small_fcn()
    names = list(net._collect_params_with_prefix())
    net.hybridize()
    net.classify(pictures_and_labels()[0])
    assert list(net._collect_params_with_prefix()) == names == [
        "0.0.weight", "0.0.bias", "1.weight", "1.bias", "2.weight", "2.bias"]
