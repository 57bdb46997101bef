"""One NumPy array to MXNet and to PyTorch, forward and backward, and what either returns compared.

Every module here imports PyTorch from this one, so that all of them are skipped where it is not installed.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, NamedTuple

import numpy as np
import pytest
from mxnet import autograd, nd
from tolerance import as_numpy, assert_close

torch = pytest.importorskip("torch", reason="PyTorch is the second opinion: make test TORCH=1 installs it")

SEEDS = range(3)
DTYPES = ("float32", "float64")
RELATIVE = 1e-4  # of whole networks in float32


class Outcome(NamedTuple):
    """What a function returned, and the gradient with respect to each input."""
    value: np.ndarray
    gradients: list[np.ndarray]


def by_mxnet(function: Callable, inputs: Sequence[np.ndarray], seed: int, backward: bool = True) -> Outcome:
    """Run ``function`` on NDArrays; the gradient that comes from above is drawn from ``seed``."""
    arrays = [to_mxnet(array) for array in inputs]
    if not backward:
        return Outcome(function(*arrays).asnumpy(), [])
    for array in arrays:
        array.attach_grad()
    with autograd.record():
        value = function(*arrays)
    value.backward(to_mxnet(from_above(value, seed)))
    return Outcome(value.asnumpy(), [array.grad.asnumpy() for array in arrays])


def by_torch(function: Callable, inputs: Sequence[np.ndarray], seed: int, backward: bool = True) -> Outcome:
    """Run ``function`` on tensors, as :func:`by_mxnet` on NDArrays."""
    tensors = [torch.tensor(array, requires_grad=backward) for array in inputs]
    value = function(*tensors)
    if backward:
        value.backward(torch.tensor(from_above(value, seed)))
    return Outcome(value.detach().numpy(), [tensor.grad.numpy() for tensor in tensors] if backward else [])


def from_above(value, seed: int) -> np.ndarray:
    """A gradient for ``value``, the same for both sides."""
    dtype = str(value.dtype).replace("torch.", "") if isinstance(value, torch.Tensor) else value.dtype
    return np.random.default_rng(seed + 1000).normal(size=tuple(value.shape)).astype(dtype)


def cross_check(ours: Callable, theirs: Callable, inputs: Sequence[np.ndarray], seed: int, oracle: Callable = None,
                backward: bool = True) -> None:
    """Compare ``ours`` on NDArrays with ``theirs`` on tensors: values, and with ``backward`` all gradients.

    ``oracle`` takes the NumPy arrays and returns the values alone.
    """
    mine, other = by_mxnet(ours, inputs, seed, backward), by_torch(theirs, inputs, seed, backward)
    assert mine.value.dtype == inputs[0].dtype, f"{mine.value.dtype} out of {inputs[0].dtype}"
    agree(mine.value, other.value, seed, "value, from PyTorch's")
    if oracle:
        agree(mine.value, np.asarray(oracle(*inputs), mine.value.dtype), seed, "value, from the loops'")
    for i, (found, expected) in enumerate(zip(mine.gradients, other.gradients)):
        agree(found, expected, seed, f"gradient of input {i}")


def agree(actual, desired, seed: int, what: str = "value", exact: bool = False) -> None:
    """:func:`assert_close`, saying which seed made the inputs and ``what`` differs."""
    try:
        assert_close(plain(actual), plain(desired), exact)
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, {what}: {error}") from None


def agree_relative(actual, desired, seed: int, what: str, limit: float = RELATIVE, floor: float = 0.0) -> None:
    """Assert that the largest difference is at most ``limit`` of the largest value, or of ``floor`` if that is larger.

    For whole networks.
    """
    actual, desired = plain(actual), plain(desired)
    assert actual.shape == desired.shape, f"seed {seed}, {what}: shape {actual.shape}, expected {desired.shape}"
    difference, scale = np.abs(actual - desired).max(), max(np.abs(desired).max(), floor)
    assert difference <= limit * scale, (f"seed {seed}, {what}: the largest difference {difference:.3g} is "
                                         f"more than {limit:g} of {scale:.3g}")


def plain(array) -> np.ndarray:
    """An NDArray, tensor, NumPy array or nested list as NumPy array."""
    return array.detach().numpy() if isinstance(array, torch.Tensor) else as_numpy(array)


def to_mxnet(array: np.ndarray) -> nd.NDArray:
    """Keep the dtype, which ``nd.array`` would not."""
    return nd.array(array, dtype=array.dtype)


def normal(seed: int, *shape: int, dtype: str = "float32", part: int = 0) -> np.ndarray:
    """Normal numbers; ``part`` tells apart arrays of one seed."""
    return np.random.default_rng((seed, part)).normal(size=shape).astype(dtype)


def uniform(seed: int, *shape: int, dtype: str = "float32", part: int = 0) -> np.ndarray:
    """Numbers in [0, 1)."""
    return np.random.default_rng((seed, part)).uniform(size=shape).astype(dtype)
