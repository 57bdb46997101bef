"""FCN-32s, 16s and 8s: which layers they look at, what they add up, and that all of it learns."""
from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import model_zoo, nn
from oracles import plain_bilinear
from tolerance import assert_close

from d2lzh_cv.errors import InputError
from d2lzh_cv.exercises.fcn_skips import STRIDES, FCNSkips, taps
from d2lzh_cv.finetuning import conv_features

RNG = np.random.default_rng(0)


def pooled_features() -> nn.HybridSequential:
    """In place of a large network: the picture itself, 8, 16 and 32 times smaller."""
    features = nn.HybridSequential()
    features.add(nn.AvgPool2D(8), nn.AvgPool2D(2), nn.AvgPool2D(2))
    features.initialize()
    return features


def shrunk(channel: np.ndarray, factor: int) -> np.ndarray:
    height, width = channel.shape
    return np.array([[channel[i:i + factor, j:j + factor].mean() for j in range(0, width, factor)]
                     for i in range(0, height, factor)])


# Which layers

@pytest.mark.parametrize(("name", "channels"), [
    ("resnet18_v2", (512, 256, 128)), ("resnet18_v1", (512, 256, 128)), ("mobilenetv2_1.0", (1280, 96, 32))])
def test_the_taps_are_the_last_layers_of_their_strides(name, channels):
    """Channels by the papers' tables; the network needs no weights for it."""
    features = conv_features(model_zoo.vision.get_model(name))
    found = taps(features)
    X, shapes = mx.sym.var("data"), {}
    for i, layer in enumerate(features):
        X = layer(X)
        shapes[i] = X.infer_shape(data=(2, 3, 64, 96))[1][0]
    assert [shapes[found[stride]] for stride in STRIDES] == [
        (2, count, 64 // stride, 96 // stride) for count, stride in zip(channels, STRIDES)]
    assert found[32] == len(features) - 1
    assert all(shapes[found[stride] + 1][2] < shapes[found[stride]][2] for stride in (16, 8))


def test_layers_without_a_stride_are_refused():
    features = nn.HybridSequential()
    features.add(nn.AvgPool2D(8), nn.AvgPool2D(4))
    with pytest.raises(InputError, match="strides 8, 32, not 16"):
        taps(features)


@pytest.mark.parametrize("stride", [4, 64, 0])
def test_there_are_three_networks(stride):
    with pytest.raises(InputError, match=f"no FCN-{stride}s"):
        FCNSkips(pooled_features(), stride=stride)


# What it computes

@pytest.mark.parametrize("stride", STRIDES)
def test_the_scores_have_the_pictures_size(stride):
    net, X = FCNSkips(pooled_features(), 4, stride), nd.array(RNG.uniform(size=(2, 3, 64, 96)))
    assert net(X).shape == (2, 4, 64, 96)


@pytest.mark.parametrize("stride", STRIDES)
def test_scores_are_enlarged_and_added(stride):
    """With class weights that pick a channel, the plain way: enlarge twofold, add, ..., enlarge to full size."""
    X = RNG.uniform(size=(1, 3, 64, 96)).astype("float32")
    net = FCNSkips(pooled_features(), 1, stride)
    net(nd.array(X))
    for channel, score in enumerate(net.scores):
        score.weight.set_data(nd.one_hot(nd.array([channel]), 3).reshape((1, 3, 1, 1)))
    total = None
    for channel, fine in enumerate(net.used):
        here = shrunk(X[0, channel], fine)
        total = here if total is None else plain_bilinear(total, 2) + here
    assert_close(net(nd.array(X)), [[plain_bilinear(total, stride)]])


def test_at_the_start_the_middle_layers_do_not_count():
    X = nd.array(RNG.uniform(size=(1, 3, 64, 64)))
    net = FCNSkips(pooled_features(), 3, 8)
    expected = net(X)
    for score in list(net.scores)[1:]:
        score.weight.set_data(score.weight.data() * 5)
    assert_close(net(X), expected, exact=True)
    assert abs(expected.asnumpy()).max() > 0.01


@pytest.mark.parametrize("name", ["resnet18_v1", "mobilenetv2_1.0"])
def test_hybridised_it_computes_the_same(name):
    mx.random.seed(0)
    features = conv_features(model_zoo.vision.get_model(name))
    features.initialize(init.Xavier())
    net, X = FCNSkips(features, 5, 8), nd.array(RNG.normal(size=(1, 3, 64, 96)))
    net(X)
    for score in net.scores:
        score.initialize(init.Xavier(), force_reinit=True)
    imperative = net(X).asnumpy()
    net.hybridize(static_alloc=True, static_shape=True)
    for _ in range(2):
        assert_close(net(X), imperative, exact=True)
    assert imperative.std() > 0


def test_everything_has_a_gradient():
    """Scores that start at zero too: their gradient comes from above."""
    net = FCNSkips(pooled_features(), 3, 8)
    X, y = nd.array(RNG.uniform(size=(2, 3, 64, 64))), nd.array(RNG.integers(0, 3, (2, 64, 64)))
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss(axis=1)(net(X), y)
    loss.backward()
    assert all(abs(parameter.grad().asnumpy()).max() > 0 for parameter in net.collect_params().values()
               if parameter.name.startswith(tuple(block.name for block in [*net.scores])))


def test_features_are_part_of_it_not_a_copy():
    features = conv_features(model_zoo.vision.resnet18_v1())
    features.initialize()
    net = FCNSkips(features, 2, 16)
    assert net.features is features and set(features.collect_params()) < set(net.collect_params())


def test_its_parameters_can_be_saved_and_loaded(tmp_path):
    X, path = nd.array(RNG.uniform(size=(1, 3, 64, 64))), str(tmp_path / "net.params")
    nets = [FCNSkips(pooled_features(), 3, 8) for _ in range(2)]
    expected = nets[0](X)
    nets[1](X)
    nets[0].save_parameters(path)
    nets[1].load_parameters(path)
    assert_close(nets[1](X), expected, exact=True)


def test_finer_layers_draw_finer_borders():
    """A stripe eight pixels wide, elsewhere in each picture: only the finest features tell where in a cell it is."""
    X = np.zeros((8, 3, 32, 64), "float32")
    for i, picture in enumerate(X):
        picture[0, :, 8 * i:8 * i + 8] = 1
    losses = {stride: _loss_after_training(FCNSkips(pooled_features(), 2, stride), nd.array(X)) for stride in STRIDES}
    assert losses[8] < losses[16] < losses[32]


def _loss_after_training(net, X, steps: int = 25) -> float:
    mx.random.seed(0)
    loss, y = gluon.loss.SoftmaxCrossEntropyLoss(axis=1), X[:, 0]
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.05})
    for _ in range(steps):
        with autograd.record():
            value = loss(net(X), y).mean()
        value.backward()
        trainer.step(1)
    return value.asscalar()
