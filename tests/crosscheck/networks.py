"""The chapter's networks in Gluon and in PyTorch, with one set of drawn weights."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from kit import normal, to_mxnet
from mxnet import autograd
from mxnet.gluon import model_zoo

from d2lzh_cv import finetuning, ssd, style
from d2lzh_cv.fcn import fcn
from d2lzh_cv.resnet import resnet18
from reference.pytorch import convert, resnet
from reference.pytorch import fcn as torch_fcn
from reference.pytorch import ssd as torch_ssd
from reference.pytorch.style import VGG19


def zoo_features():
    return finetuning.conv_features(model_zoo.vision.resnet18_v2())


def make_fcn():
    features = zoo_features()
    features.initialize()
    return fcn(features, num_classes=21)


def make_slice():
    return style.FeatureExtractor(model_zoo.vision.vgg19().features)


NETWORKS = {  # Gluon's, PyTorch's, a picture's size
    "resnet18": (lambda: resnet18(10), lambda: resnet.resnet18(10), (32, 24)),
    "resnet18_v2": (zoo_features, resnet.features_v2, (64, 96)),
    "fcn": (make_fcn, lambda: torch_fcn.fcn(21), (64, 96)),
    "vgg19": (make_slice, lambda: VGG19(style.CONTENT_LAYERS, style.STYLE_LAYERS), (32, 48)),
    "tiny_ssd": (lambda: ssd.TinySSD(2), lambda: torch_ssd.TinySSD(2), (64, 96)),
}


def twins(name: str, seed: int, dtype: str = "float32", batch: int = 2):
    """A network in Gluon and in PyTorch with the same weights, pictures for both, and the weights."""
    make, make_torch, size = NETWORKS[name]
    mine, X = make(), normal(seed, batch, 3, *size, dtype=dtype)
    mine.cast(dtype)
    mine.initialize(force_reinit=True)  # an FCN comes with weights; all are given below
    with autograd.predict_mode():
        mine(to_mxnet(X))  # shapes
    weights = draw_weights(mine, seed, dtype)
    give_mxnet(mine, weights)
    return mine, convert.average_as_mxnet(convert.give(make_torch(), weights)).eval(), X, weights


def flat(outputs) -> list:
    """All arrays of nested outputs."""
    return [x for part in outputs for x in flat(part)] if isinstance(outputs, Sequence) else [outputs]


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
