"""The chapter's networks in PyTorch, layer by layer where Gluon has them, so that the same names mean the same weights.

Gluon and PyTorch lay out weights alike: convolution (out, in, h, w), dense (out, in), transposed convolution
(in, out, h, w). So nothing is transposed on the way; :func:`give_torch` asserts every shape.
"""
from __future__ import annotations

import numpy as np
import torch_ops
from kit import to_mxnet, torch

from d2lzh_cv.ssd import RATIOS, SIZES

nn, F = torch.nn, torch.nn.functional
NAMES = {"gamma": "weight", "beta": "bias"}  # Gluon's to PyTorch's; all others are equal


class BatchNorm(nn.BatchNorm2d):
    """Keeps, as MXNet does, the batch's own variance in its average; PyTorch keeps n/(n - 1) of it."""

    def forward(self, X):
        if not self.training:
            return super().forward(X)
        with torch.no_grad():
            self.running_mean.lerp_(X.mean((0, 2, 3)), self.momentum)
            self.running_var.lerp_(X.var((0, 2, 3), unbiased=False), self.momentum)
        return F.batch_norm(X, None, None, self.weight, self.bias, True, eps=self.eps)


# ResNet-18 of the book

class Residual(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c_out, 3, stride, 1), BatchNorm(c_out)
        self.conv2, self.bn2 = nn.Conv2d(c_out, c_out, 3, 1, 1), BatchNorm(c_out)
        self.conv3 = nn.Conv2d(c_in, c_out, 1, stride) if c_in != c_out else None

    def forward(self, X):
        Y = self.bn2(self.conv2(self.bn1(self.conv1(X)).relu()))
        return (Y + (self.conv3(X) if self.conv3 else X)).relu()


def resnet18(num_classes):
    stages = [nn.Sequential(Residual(c_in, c_out, 1 if c_in == c_out else 2), Residual(c_out, c_out))
              for c_in, c_out in ((64, 64), (64, 128), (128, 256), (256, 512))]
    average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1), BatchNorm(64), nn.ReLU(), *stages, average,
                         nn.Linear(512, num_classes))


# resnet18_v2 of the model zoo: normalisation before each convolution (He et al. 2016)

class BlockV2(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.bn1, self.conv1 = BatchNorm(c_in), nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = BatchNorm(c_out), nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.downsample = nn.Conv2d(c_in, c_out, 1, stride, bias=False) if c_in != c_out else None

    def forward(self, X):
        Y = self.bn1(X).relu()
        shortcut = self.downsample(Y) if self.downsample else X
        return self.conv2(self.bn2(self.conv1(Y)).relu()) + shortcut


def resnet18_v2_features():
    """Up to, not with, the global pooling."""
    stages = [nn.Sequential(BlockV2(c_in, c_out, 1 if c_in == c_out else 2), BlockV2(c_out, c_out))
              for c_in, c_out in ((64, 64), (64, 128), (128, 256), (256, 512))]
    normalise = BatchNorm(3).requires_grad_(False)  # Gluon's has neither scale nor centre to train,
    normalise.momentum = 0.0  # and MXNet moves the averages in the backward pass, which does not come that far down
    return nn.Sequential(normalise, nn.Conv2d(3, 64, 7, 2, 3, bias=False), BatchNorm(64), nn.ReLU(),
                         nn.MaxPool2d(3, 2, 1), *stages, BatchNorm(512), nn.ReLU())


def fcn(num_classes):
    return nn.Sequential(resnet18_v2_features(), nn.Conv2d(512, num_classes, 1),
                         nn.ConvTranspose2d(num_classes, num_classes, 64, 32, 16))


# TinySSD

def halve(c_in, c_out):
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, 1, 1), BatchNorm(c_out), nn.ReLU(),
                         nn.Conv2d(c_out, c_out, 3, 1, 1), BatchNorm(c_out), nn.ReLU(), nn.MaxPool2d(2))


class TinySSD(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.num_classes = num_classes
        blocks = [nn.Sequential(halve(3, 16), halve(16, 32), halve(32, 64)), halve(64, 128), halve(128, 128),
                  halve(128, 128), nn.AdaptiveMaxPool2d(1)]
        for i, (block, channels) in enumerate(zip(blocks, (64, 128, 128, 128, 128))):
            setattr(self, f"blk_{i}", block)
            setattr(self, f"cls_{i}", nn.Conv2d(channels, 4 * (num_classes + 1), 3, 1, 1))
            setattr(self, f"bbox_{i}", nn.Conv2d(channels, 4 * 4, 3, 1, 1))

    def forward(self, X):
        anchors, scores, offsets = [], [], []
        for i in range(5):
            X = getattr(self, f"blk_{i}")(X)
            anchors.append(torch_ops.prior(*X.shape[2:], SIZES[i], RATIOS[i])[0])
            for found, name in ((scores, "cls"), (offsets, "bbox")):
                found.append(getattr(self, f"{name}_{i}")(X).permute(0, 2, 3, 1).flatten(1))
        return (torch.cat(anchors), torch.cat(scores, 1).unflatten(1, (-1, self.num_classes + 1)),
                torch.cat(offsets, 1))


def ssd_loss(scores, classes, offsets, goals, mask):
    """A value a picture."""
    return (F.cross_entropy(scores.transpose(1, 2), classes.long(), reduction="none", ignore_index=-1).mean(1)
            + F.l1_loss(offsets * mask, goals * mask, reduction="none").mean(1))


# VGG-19 up to its last style layer

class VGG19Slice(nn.Module):
    def __init__(self, content_layers, style_layers):
        super().__init__()
        self.content_layers, self.style_layers = content_layers, style_layers
        layers, c_in = [], 3
        for repeats, c_out in ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)):
            for _ in range(repeats):
                layers += [nn.Conv2d(c_in, c_out, 3, 1, 1), nn.ReLU()]
                c_in = c_out
            layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers[:max(*content_layers, *style_layers) + 1])

    def forward(self, X):
        outputs = [X := layer(X) for layer in self.layers]
        return [outputs[i] for i in self.content_layers], [outputs[i] for i in self.style_layers]


# Weights

def draw_weights(net, seed: int, dtype: str = "float32") -> dict[str, np.ndarray]:
    """Weights for a Gluon network whose shapes are known: by name, at a scale that keeps that of the features."""
    rng, drawn = np.random.default_rng(seed), {}
    for name, parameter in parameters(net).items():
        kind, shape = name.rsplit(".", 1)[-1], parameter.shape
        if kind == "weight":
            array = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        elif kind in ("gamma", "running_var"):
            fixed = kind == "gamma" and parameter.grad_req == "null"  # BatchNorm(scale=False) multiplies by 1
            array = np.ones(shape) if fixed else rng.uniform(0.5, 1.5, shape)
        else:
            array = 0.1 * rng.normal(size=shape)
        drawn[name] = array.astype(dtype)
    return drawn


def parameters(net) -> dict:
    """A Gluon network's parameters under the names that ``save_parameters`` uses."""
    return net._collect_params_with_prefix()


def give_mxnet(net, weights: dict[str, np.ndarray]) -> None:
    for name, parameter in parameters(net).items():
        parameter.set_data(to_mxnet(weights[name]))


def torch_name(name: str) -> str:
    place, _, kind = name.rpartition(".")
    return f"{place}.{NAMES.get(kind, kind)}"


def give_torch(net, weights: dict[str, np.ndarray]) -> None:
    """Fill ``net``: every weight has a place of its shape, and every place gets a weight."""
    places = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    given = {torch_name(name): array for name, array in weights.items()}
    assert len(given) == len(weights) == len(places)
    assert given.keys() == places.keys(), given.keys() ^ places.keys()
    for name, array in given.items():
        assert tuple(places[name].shape) == array.shape, (name, tuple(places[name].shape), array.shape)
    net.to(next(iter(map(torch.tensor, weights.values()))).dtype)
    missing, unexpected = net.load_state_dict({name: torch.tensor(x) for name, x in given.items()}, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing)


def torch_weights(net, names) -> dict[str, np.ndarray]:
    """A PyTorch network's weights under Gluon's ``names``."""
    state = net.state_dict()
    return {name: state[torch_name(name)].numpy() for name in names}
