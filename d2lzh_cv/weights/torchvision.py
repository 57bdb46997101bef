"""torchvision's parameter names mapped to Gluon's, for four networks that both have.

Both store convolutions as (out, in, h, w) and dense layers as (out, in), flatten channels first, and normalise with
epsilon 1e-5, so nothing is transposed. Two differences are in MobileNet V2: Gluon's first block also expands (by a
factor of one), and Gluon's output has no bias. The expansion gets weights that change nothing; the bias becomes
``output.0.bias``, for which :func:`d2lzh_cv.weights.pretrained.load_network` builds an output with a bias.
"""
from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data.catalogue import TWINS
from ..errors import InputError

EPSILON = 1e-5  # of BatchNorm, in both
_NORM = {"gamma": "weight", "beta": "bias"}  # Gluon's name to PyTorch's; others are equal


def their_names(name: str, ours: list[str]) -> dict[str, str]:
    """Map ``ours``, parameters of Gluon's network ``name``, to torchvision's names, without the added parameters."""
    layers = {our: their for their, our in _LAYERS[name]().items()}
    pairs = {}
    for parameter in ours:
        layer, kind = parameter.rsplit(".", 1)
        if layer in layers:
            pairs[parameter] = f"{layers[layer]}.{_NORM.get(kind, kind)}"
    return pairs


def to_gluon(state: dict[str, np.ndarray], name: str, shapes: dict[str, tuple[int, ...]],
             path: Path) -> dict[str, np.ndarray]:
    """Give torchvision's arrays Gluon's names; use every array of ``state`` and fill every parameter in ``shapes``.

    Raises InputError if an array is missing, unknown, of another shape or not floating point.

    Args:
        state: torchvision's ``state_dict``, as :func:`d2lzh_cv.weights.pth.read_pth` returns it.
        name: Gluon's name of the network.
        shapes: shapes of all parameters of Gluon's network.
        path: of the file, for messages.
    """
    pairs, state = their_names(name, list(shapes)), weights_of(state)
    missing, unknown = sorted(set(pairs.values()) - set(state)), sorted(set(state) - set(pairs.values()))
    if missing or unknown:
        raise InputError(f"{path} does not hold torchvision's {TWINS[name]}: " + "; ".join(
            f"{fault} {_few(keys)}" for fault, keys in (("it lacks", missing), ("unknown are", unknown)) if keys))
    arrays = {our: _fitting(state[their], shapes[our], their, path) for our, their in pairs.items()}
    if name == "mobilenetv2_1.0":
        arrays.update(_no_expansion(arrays["features.1.gamma"], arrays["features.1.beta"]))
    if {our: array.shape for our, array in arrays.items()} != shapes:
        raise AssertionError(f"parameters of {name} were left out: {set(shapes) ^ set(arrays)}")
    return arrays


def weights_of(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Remove BatchNorm's batch counters, which PyTorch 0.4.1 and later save and prediction does not use."""
    return {key: array for key, array in state.items() if not key.endswith(".num_batches_tracked")}


def _fitting(array: np.ndarray, shape: tuple[int, ...], key: str, path: Path) -> np.ndarray:
    if array.shape + (1, 1) == shape:  # MobileNet V2's output: dense in torchvision, a 1×1 convolution in Gluon
        array = array.reshape(shape)
    if array.shape != shape or array.dtype.kind != "f":
        raise InputError(f"{path}: {key} is {array.dtype} {array.shape}, expected float {shape}")
    return array.astype("float32", copy=False)


def _no_expansion(gamma: np.ndarray, beta: np.ndarray) -> dict[str, np.ndarray]:
    """Weights for the expansion that torchvision's first block lacks: it returns its input.

    In training, BatchNorm uses the statistics of the batch. For the identity to hold there too, the stored statistics
    must be the input's: those of a normal distribution of mean ``beta`` and deviation ``gamma``, clipped to [0, 6].
    """
    z = np.linspace(-5, 5, 1001)
    weight = np.exp(-z ** 2 / 2) / np.exp(-z ** 2 / 2).sum()
    values = np.clip(beta[:, None].astype("float64") + gamma[:, None] * z, 0, 6)
    mean = values @ weight
    variance = ((values - mean[:, None]) ** 2) @ weight
    arrays = {"0.weight": np.eye(len(gamma)).reshape(len(gamma), -1, 1, 1), "1.gamma": np.sqrt(variance + EPSILON),
              "1.beta": mean, "1.running_mean": mean, "1.running_var": variance}
    return {f"features.3.out.{key}": array.astype("float32") for key, array in arrays.items()}


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")


# Layers: torchvision's name to Gluon's

def _resnet18() -> dict[str, str]:
    layers = {"conv1": "features.0", "bn1": "features.1", "fc": "output"}
    for stage in range(1, 5):
        for block in range(2):
            theirs, ours = f"layer{stage}.{block}", f"features.{stage + 3}.{block}"
            layers.update({f"{theirs}.conv1": f"{ours}.body.0", f"{theirs}.bn1": f"{ours}.body.1",
                           f"{theirs}.conv2": f"{ours}.body.3", f"{theirs}.bn2": f"{ours}.body.4"})
        if stage > 1:
            layers.update({f"layer{stage}.0.downsample.{i}": f"features.{stage + 3}.0.downsample.{i}" for i in (0, 1)})
    return layers


def _vgg19() -> dict[str, str]:
    convolutions = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
    return {**{f"features.{i}": f"features.{i}" for i in convolutions},
            "classifier.0": "features.37", "classifier.3": "features.39", "classifier.6": "output"}


def _squeezenet() -> dict[str, str]:
    layers = {"features.0": "features.0", "classifier.1": "output.0"}
    for i in (3, 4, 6, 7, 9, 10, 11, 12):
        for part, place in (("squeeze", "0.0"), ("expand1x1", "1.0.0"), ("expand3x3", "1.1.0")):
            layers[f"features.{i}.{part}"] = f"features.{i}.{place}"
    return layers


def _mobilenet() -> dict[str, str]:
    layers = {"features.0.0": "features.0", "features.0.1": "features.1", "features.18.0": "features.20",
              "features.18.1": "features.21", "classifier.1": "output.0"}
    for block in range(1, 18):  # convolution and BatchNorm, three times; the first block has no expansion
        theirs = ("0.0", "0.1", "1", "2") if block == 1 else ("0.0", "0.1", "1.0", "1.1", "2", "3")
        for their, our in zip(theirs[::-1], (7, 6, 4, 3, 1, 0)):
            layers[f"features.{block}.conv.{their}"] = f"features.{block + 2}.out.{our}"
    return layers


_LAYERS = {"resnet18_v1": _resnet18, "vgg19": _vgg19, "squeezenet1.1": _squeezenet, "mobilenetv2_1.0": _mobilenet}
