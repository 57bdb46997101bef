"""The networks that a checkpoint can hold: how to build each, and how to turn a picture into its input."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mxnet import gluon, image, nd
from mxnet.gluon import model_zoo

from ..data.normalization import CIFAR10_MEAN, CIFAR10_STD
from ..fcn import fcn, normalize_image
from ..finetuning import FrozenFeatures, conv_features, pooled_features, test_augs
from ..resnet import resnet18
from ..ssd import TinySSD

TASKS = ("detect", "segment", "classify")


@dataclass(frozen=True)
class Network:
    """The task of a network, the function that builds it, and the function that prepares a picture (H, W, 3)."""
    task: str
    build: Callable[..., gluon.Block]  # (number of classes, **arguments)
    prepare: Callable[[nd.NDArray, Sequence[int]], nd.NDArray]  # (picture, edge size) to (1, 3, h, w)


def _fcn(num_classes: int, backbone: str) -> gluon.Block:
    return fcn(conv_features(model_zoo.vision.get_model(backbone)), num_classes)


def _frozen(num_classes: int, backbone: str, num_hidden: int = 256) -> gluon.Block:
    return FrozenFeatures(pooled_features(model_zoo.vision.get_model(backbone)), num_classes, num_hidden)


def _zoo(num_classes: int, name: str) -> gluon.Block:
    return model_zoo.vision.get_model(name, classes=num_classes)


def squashed(picture: nd.NDArray, edge_size: Sequence[int]) -> nd.NDArray:
    """Return the picture resized to (height, width) regardless of its shape, 0 to 255, as for TinySSD's training."""
    height, width = edge_size
    return _batch(image.imresize(picture, width, height).astype("float32"))


def _small(picture: nd.NDArray, edge_size: Sequence[int]) -> nd.NDArray:
    return squashed(picture, edge_size) / 255  # as ToTensor does


def _normalized_small(picture: nd.NDArray, edge_size: Sequence[int]) -> nd.NDArray:
    mean, std = (nd.array(values).reshape((1, 3, 1, 1)) for values in (CIFAR10_MEAN, CIFAR10_STD))
    return (_small(picture, edge_size) - mean) / std


def _cropped(picture: nd.NDArray, edge_size: Sequence[int]) -> nd.NDArray:
    return test_augs(edge_size[0])(picture).expand_dims(axis=0)


def _normalized(picture: nd.NDArray, edge_size: Sequence[int]) -> nd.NDArray:
    return _batch(normalize_image(picture))


def _batch(picture: nd.NDArray) -> nd.NDArray:
    return picture.transpose((2, 0, 1)).expand_dims(axis=0)


NETWORKS = {
    "TinySSD": Network("detect", TinySSD, squashed),  # 9.7
    "fcn": Network("segment", _fcn, _normalized),  # 9.10
    "resnet18": Network("classify", resnet18, _small),  # 9.1
    "resnet18_cifar10": Network("classify", resnet18, _normalized_small),  # 9.12
    "model_zoo": Network("classify", _zoo, _cropped),  # 9.2
    "FrozenFeatures": Network("classify", _frozen, _cropped),  # 9.13
}


def build(network: str, num_classes: int, arguments: dict[str, Any]) -> gluon.Block:
    """Build the network without weights. Raises ValueError or TypeError for wrong arguments."""
    return NETWORKS[network].build(num_classes, **arguments)
