"""Receptive fields against what really reaches a unit: the gradient of the input, and single lines that are lit.

All weights are positive, so that nothing cancels: a unit sees a pixel where its gradient is not zero. A maximum hands
its gradient to one pixel only; there a black picture has one white line, and a unit sees the line where it is not zero.
"""
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from mxnet import autograd, init, nd
from mxnet.gluon import model_zoo, nn

from d2lzh_cv import resnet, ssd
from d2lzh_cv.errors import InputError
from d2lzh_cv.exercises.receptive_field import Field, receptive_fields, use_moving_statistics
from d2lzh_cv.fcn import fcn


class Mean(init.Initializer):
    """Every weight 1 / channels: positive, and values neither vanish nor overflow in a deep network."""

    def _init_weight(self, name, arr):
        arr[:] = 1 / arr.shape[1]


class Branches(nn.HybridBlock):
    """The sum of two branches, or their maps side by side along an axis."""

    def __init__(self, first, second, side_by_side=0):
        super().__init__()
        self.first, self.second, self.side_by_side = first, second, side_by_side

    def hybrid_forward(self, F, X):
        Y, Z = self.first(X), self.second(X)
        return F.concat(Y, Z, dim=self.side_by_side) if self.side_by_side else 2 * F.relu(Y + Z)


def chain(*layers) -> nn.HybridSequential:
    net = nn.HybridSequential()
    net.add(*layers)
    return net


def conv(kernel, strides=1, padding=0, dilation=1) -> nn.Conv2D:
    return nn.Conv2D(2, kernel, strides, padding, dilation)


# Oracles: (first, last) pixel that each unit sees, {unit: (first, last)}, along the height or the width

def by_gradient(net, shape, axis) -> dict[int, tuple[int, int]]:
    net.initialize(Mean(), force_reinit=True)
    x, seen = nd.random.uniform(1, 2, shape), {}
    x.attach_grad()
    for unit in range(net(x).shape[2 + axis]):
        with autograd.record(train_mode=False):
            y = net(x).slice_axis(axis=2 + axis, begin=unit, end=unit + 1).sum()
        y.backward(train_mode=False)  # else BatchNorm hands gradient to all pixels
        seen[unit] = ends(x.grad.asnumpy().any(axis=(0, 1, 3 - axis)))
    return {unit: pair for unit, pair in seen.items() if pair}


def by_lines(net, shape, axis) -> dict[int, tuple[int, int]]:
    net.initialize(Mean(), force_reinit=True)
    lit = np.zeros((shape[2 + axis], *shape[1:]), "float32")
    for line, picture in enumerate(lit):
        picture[(slice(None), line) if axis == 0 else (slice(None), slice(None), line)] = 1
    maps = net(nd.array(lit)).asnumpy().any(axis=(1, 3 - axis))  # (line, unit)
    seen = {unit: ends(column) for unit, column in enumerate(maps.T)}
    return {unit: pair for unit, pair in seen.items() if pair}


def ends(mask) -> tuple[int, int] | None:
    places = np.flatnonzero(mask)
    return (int(places[0]), int(places[-1])) if len(places) else None


def predicted(field: Field, axis: int, pixels: int) -> dict[int, tuple[int, int]]:
    """What the calculator says, without what is in the padding."""
    pairs = {}
    for unit in range(field.units[axis]):
        first = field.start[axis] + field.stride[axis] * unit
        last = min(first + field.size[axis], pixels) - 1
        if max(0, first) <= last:
            pairs[unit] = (int(max(0, first)), int(last))
    return pairs


def check(net, shape, oracle, path="", rim=True) -> None:
    """Every unit, along both sides; without ``rim`` those whose field is within the picture. At the rim a dilated
    kernel may skip the picture's first pixels."""
    for axis in (0, 1):
        field, pixels = receptive_fields(net, shape)[path], shape[2 + axis]
        found, expected = predicted(field, axis, pixels), oracle(net, shape, axis)
        whole = [unit for unit, (first, last) in found.items() if rim or last - first + 1 == field.size[axis]]
        assert whole and [found[unit] for unit in whole] == [expected[unit] for unit in whole]
        assert not rim or found == expected


# Layers by hand

@pytest.mark.parametrize("layer, size, stride, start", [
    (lambda: conv(3), 3, 1, 0), (lambda: conv(3, padding=1), 3, 1, -1), (lambda: conv(7, 2, 3), 7, 2, -3),
    (lambda: conv(3, 1, 2, 2), 5, 1, -2), (lambda: conv(1, 2), 1, 2, 0), (lambda: nn.MaxPool2D(2), 2, 2, 0),
    (lambda: nn.AvgPool2D(3, 2, 1), 3, 2, -1), (lambda: nn.Activation("relu"), 1, 1, 0),
    (lambda: nn.Conv2DTranspose(2, 4, 2, 1), 2, Fraction(1, 2), -1), (lambda: nn.GlobalAvgPool2D(), 12, 0, 0)])
def test_a_layer_by_hand(layer, size, stride, start):
    """A transposed convolution of 4, stride 2, padding 1: output 0 is reached by inputs -1 (in the padding) and 0."""
    field = receptive_fields(layer(), (1, 3, 12, 12))[""]
    assert (field.size, field.stride, field.start) == ((size,) * 2, (stride,) * 2, (start,) * 2)


def test_the_books_block_sees_6_by_6():
    """Printed by section 9.7."""
    assert receptive_fields(ssd.down_sample_blk(10), (2, 3, 20, 20))[""] == Field((6, 6), (2, 2), (-2, -2), (10, 10))


def test_fields_that_others_publish():
    """Araujo et al. 2019, "Computing Receptive Fields of Convolutional Neural Networks", table 1."""
    for name, size in {"alexnet": 195, "vgg16": 212, "mobilenet1.0": 315}.items():
        fields = receptive_fields(model_zoo.vision.get_model(name).features, (1, 3, 224, 224))
        assert max(field.size[0] for field in fields.values() if field.units[0] > 1) == size


def test_middle_and_box():
    field = Field(size=(5, 3), stride=(Fraction(4), Fraction(2)), start=(-2, -1), units=(9, 9))
    assert field.center((0, 0)) == (0, 0) and field.center((1, 3)) == (4, 6)
    assert field.box((1, 3)) == (5, 2, 8, 7)  # columns 5, 6, 7 and rows 2 to 6


# Against the oracles

NETWORKS = {
    "dilated": lambda: chain(conv((3, 5), 1, 1), conv(3, (2, 1), 2, 2), conv((2, 1), (1, 3))),
    "stride beyond the kernel": lambda: chain(conv(2, 3), conv(2)),
    "pooling rounded up": lambda: chain(conv(3), nn.AvgPool2D(3, 2, 1, ceil_mode=True), conv(2, padding=1)),
    "residual": lambda: chain(conv(3, 2, 1), Branches(chain(conv(3, padding=1), conv(5, padding=2)), conv(1))),
    "side by side": lambda: Branches(conv((1, 5), padding=(0, 2)), conv((3, 1), padding=(1, 0)), side_by_side=1),
    "off centre": lambda: Branches(conv(2, 3), chain(conv(3, 3, 1), nn.BatchNorm())),
    "nested": lambda: chain(chain(chain(conv(3)), nn.LeakyReLU(0.1)), chain(conv(3, 2)), nn.Dropout(0.5)),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("oracle", [by_gradient, by_lines])
def test_every_unit_of_a_network(name, oracle):
    check(NETWORKS[name](), (1, 3, 21, 18), oracle)


@pytest.mark.parametrize("seed", range(8))
def test_networks_drawn_at_random(seed):
    rng = np.random.default_rng(seed)
    layers = []
    for _ in range(rng.integers(2, 5)):
        k, s, p, d = (tuple(map(int, rng.integers(low, high, 2))) for low, high in ((1, 4), (1, 3), (0, 2), (1, 3)))
        layers.append(conv(k, s, p, d) if rng.uniform() < 0.6 else nn.MaxPool2D(2, s))
    check(chain(*layers), (1, 2, 48, 43), by_lines, rim=False)


@pytest.mark.parametrize("build, height", [(lambda: ssd.base_net(), 72), (lambda: resnet.resnet18(10)[:5], 56),
                                           (lambda: model_zoo.vision.vgg11().features[:11], 48)])
def test_networks_of_the_chapter(build, height):
    """At the rim and in the middle: every unit of the last map."""
    net = build()
    check(net, (1, 3, height, 40), by_lines, next(reversed(receptive_fields(net, (1, 3, height, 40)))))


class Scale(nn.HybridBlock):
    """One scale of TinySSD's predictions."""

    def __init__(self, net, number):
        super().__init__()
        self.blocks = chain(*(getattr(net, f"blk_{i}") for i in range(number + 1)))
        self.predictor = getattr(net, f"cls_{number}")

    def hybrid_forward(self, F, X):
        return self.predictor(self.blocks(X))


@pytest.mark.parametrize("number", [0, 1])
def test_predictions_of_tiny_ssd(number):
    net = ssd.TinySSD(1)
    shape = (1, 3, 72, 88)
    of_whole, part = receptive_fields(net, shape), Scale(net, number)
    assert of_whole[f"cls_{number}"] == of_whole[f"bbox_{number}"] == receptive_fields(part, shape)[""]
    check(part, shape, by_lines)


@pytest.mark.parametrize("kernel, stride, padding, dilation", [
    (4, 2, 1, 1), (3, 2, 1, 1), (5, 3, 0, 1), (2, 2, 0, 1), (1, 2, 0, 1), (3, 2, 2, 2), (3, 3, 0, 2), (8, 4, 2, 1)])
@pytest.mark.parametrize("after", [None, lambda: conv(3, padding=1), lambda: conv(2, 2)])
def test_transposed_convolution(kernel, stride, padding, dilation, after):
    """Neighbours see more or less; the calculator names the most, and how far fields move on average."""
    layers = [conv(3, padding=1), nn.Conv2DTranspose(2, kernel, stride, padding, dilation=dilation)]
    net, shape = chain(*layers, *([after()] if after else [])), (1, 2, 24, 24)
    field = receptive_fields(net, shape)[""]
    for oracle in (by_gradient, by_lines):
        inside = {unit: pair for unit, pair in oracle(net, shape, 0).items() if pair[0] > 0 and pair[1] < 23}
        assert max(last - first + 1 for first, last in inside.values()) == field.size[0]
        period = stride
        moved = {(inside[unit + period][0] - inside[unit][0]) for unit in inside if unit + period in inside}
        assert moved == {field.stride[0] * period}


def test_a_fully_convolutional_network():
    """Each pixel of the prediction sees two units a side, or what two fields of the features, 32 pixels apart, see."""
    features = model_zoo.vision.resnet18_v2().features[:-2]
    fields = receptive_fields(fcn(features, 21), (1, 3, 320, 480))
    assert fields["0"].size == (435, 435) and fields["0"].stride == (32, 32)
    assert fields[""].size == (467, 467) and fields[""].stride == (1, 1) and fields[""].units == (320, 480)


def test_what_a_map_of_one_unit_gives_to_all():
    """Its one unit sees the whole picture, and so does every unit that it is added to."""
    class Gate(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.conv, self.pool = conv(3), nn.GlobalAvgPool2D()

        def hybrid_forward(self, F, X):
            Y = self.conv(X)
            return F.broadcast_add(Y, self.pool(Y))

    fields = receptive_fields(Gate(), (1, 3, 10, 10))
    assert fields["conv"].size == (3, 3) and fields["pool"] == Field((10, 10), (0, 0), (0, 0), (1, 1))
    assert fields[""].size == (10, 10)
    check(Gate(), (1, 3, 10, 10), by_lines)


def test_enlarging_by_the_nearest():
    class Enlarge(nn.HybridBlock):
        def hybrid_forward(self, F, X):
            return F.UpSampling(X, scale=3, sample_type="nearest")

    field = receptive_fields(chain(conv(3, padding=1), Enlarge(), conv(2)), (1, 2, 9, 9))[""]
    assert field.size == (4, 4) and field.stride == (Fraction(1, 3),) * 2


# Blocks and their names

def test_every_block_has_its_field_and_its_path():
    net = chain(conv(3), chain(conv(3, 2), nn.BatchNorm()), nn.Flatten(), nn.Dense(3))
    fields = receptive_fields(net, (2, 3, 20, 20))
    assert list(fields) == ["0", "1.0", "1.1", "1"]  # a dense layer gives no map
    assert [field.size[0] for field in fields.values()] == [3, 5, 5, 5]


def test_a_block_called_again_has_a_number():
    class Twice(nn.HybridBlock):
        def __init__(self):
            super().__init__()
            self.conv = conv(3)

        def hybrid_forward(self, F, X):
            return self.conv(self.conv(X))

    net = Twice()
    fields = receptive_fields(net, (1, 2, 20, 20))
    assert {path: (field.size[0], field.units[0]) for path, field in fields.items()} == {
        "conv": (3, 18), "conv 2": (5, 16), "": (5, 16)}


def test_the_network_stays_as_it_was():
    """No weight is drawn, no hook is left, and it still computes."""
    net = chain(conv(3), nn.MaxPool2D(2))
    net.hybridize()
    receptive_fields(net, (1, 3, 8, 8))
    assert not any(block._forward_hooks for block in (net, *net))
    net.initialize()
    assert net(nd.ones((1, 3, 8, 8))).shape == (1, 2, 3, 3)


def test_a_layer_that_is_not_known_is_named():
    class Shuffle(nn.HybridBlock):
        def hybrid_forward(self, F, X):
            return F.depth_to_space(X, 2)

    with pytest.raises(InputError, match="depth_to_space"):
        receptive_fields(Shuffle(), (1, 4, 8, 8))
    with pytest.raises(InputError, match="Concat"):
        receptive_fields(Branches(conv(1), conv(1), side_by_side=2), (1, 4, 8, 8))
    with pytest.raises(InputError, match="conv.* no layer of maps"):
        receptive_fields(chain(nn.Conv2D(2, 3, layout="NHWC")), (1, 8, 8, 2))


# Gradients of the exercise

@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_behind_a_normalisation_goes_to_the_maxima(seed):
    """Before the first step the moving statistics are 0 and 1, so BatchNorm divides by sqrt(1 + eps) only."""
    x = nd.array(np.random.default_rng(seed).uniform(size=(2, 3, 8, 8)))
    x.attach_grad()
    net = chain(nn.BatchNorm(), nn.MaxPool2D(2))
    net.initialize()
    use_moving_statistics(net)
    with autograd.record():
        y = net(x)
    y.backward()
    highest = y.asnumpy().repeat(2, axis=2).repeat(2, axis=3) * np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(x.grad.asnumpy(), np.isclose(x.asnumpy(), highest, rtol=1e-6) / np.sqrt(1 + 1e-5), 1e-5)
