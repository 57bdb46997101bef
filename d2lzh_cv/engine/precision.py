"""Mixed precision: ``--precision bfloat16`` or ``float16``: convolutions in 16 bits, everything else in float32.

The data, weights and bias of a convolution are cast on the way in, its result on the way out. So parameters, their
gradients, normalisation, losses and optimizer stay float32. ReLU and maxima only compare, so they are as exact in 16
bits: the cast of a result moves behind them, and before the next convolution it vanishes.

MXNet's own AMP (``mxnet.contrib.amp``) wraps some hundred operators until the process ends, and leaves additions and
BatchNorm in bfloat16, where they take longer than in float32. This module wraps three operators, for as long as asked.
It imports MXNet only when a precision other than float32 is used, so that the command line can import this module.
"""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..compat import problems, processor
from ..errors import InputError

PRECISIONS = ("float32", "bfloat16", "float16")
HELP = ("bfloat16: convolutions in bfloat16 and all else in float32, for processors with AVX512_BF16, see d2lzh-cv "
        "doctor; float16: the same on GPUs, not tested (default: float32)")
COMPARES = (("act_type", "relu"), ("pool_type", "max"), ("pooling_convention", "valid"))  # "full" is not oneDNN's
CAST_BACK = "__cast_back__"  # attribute of a graph's cast to float32, made by this module
_in_use = "float32"
_originals: dict[tuple[Any, str], Callable] = {}  # by module and name


def check(name: str) -> None:
    """Raise InputError if this machine cannot compute in the precision ``name``; print a line if it gains nothing."""
    if name == "float32":
        return
    on_gpu = _on_gpu()
    if name == "float16" and on_gpu:
        return
    if name == "float16" or on_gpu:
        raise InputError(f"--precision {name} is for {'processors' if on_gpu else 'GPUs'}, and MXNet computes on "
                         f"{'a GPU' if on_gpu else 'the processor'} here; leave the flag out")
    speed = processor.bfloat16()
    if speed == "not":
        raise InputError(f"--precision {name} needs a processor with AVX512_BF16 (with AVX-512 it works, but gains "
                         "nothing); this one has neither; leave the flag out")
    if speed == "slow":
        print(f"--precision {name} gains nothing here: without AVX512_BF16 the processor emulates it", file=sys.stderr)


def _on_gpu() -> bool:
    if not any(flavour.startswith("mxnet-cu") for flavour in problems.flavours()):
        return False  # without an import of MXNet
    from ..devices import try_gpu
    return try_gpu().device_type == "gpu"


def in_use() -> str:
    """Return the precision in use."""
    return _in_use


def use(name: str) -> None:
    """Compute convolutions in the precision ``name`` from now on.

    A hybridised network keeps the precision of its first call.

    Args:
        name: one of :data:`PRECISIONS`.
    """
    global _in_use
    if name == _in_use:
        return
    _in_use = name
    import mxnet as mx
    for module in (mx.nd, mx.sym):
        for operator, wrap in (("Convolution", _low), ("Activation", _either), ("Pooling", _either)):
            original = _originals.setdefault((module, operator), getattr(module, operator))
            setattr(module, operator, original if name == "float32" else wrap(original))


@contextmanager
def computing_in(name: str) -> Iterator[None]:
    """Compute convolutions in the precision ``name`` inside a ``with`` block."""
    before = _in_use
    use(name)
    try:
        yield
    finally:
        use(before)


def _low(operator: Callable) -> Callable:
    """Return ``operator`` with arrays cast to the precision in use, and its result cast to float32."""
    def convolution(*args, **kwargs):
        return _to_float32(operator(*map(_to_low, args), **{name: _to_low(value) for name, value in kwargs.items()}))
    return convolution


def _either(operator: Callable) -> Callable:
    """Return ``operator`` applied before the cast to float32 if its input was just cast and it only compares."""
    def comparison(data, *args, **kwargs):
        before = _before_cast(data) if all(kwargs.get(name, word) == word for name, word in COMPARES) else None
        if before is None:
            return operator(data, *args, **kwargs)
        return _to_float32(operator(before, *args, **kwargs))
    return comparison


def _to_low(value: Any) -> Any:
    import mxnet as mx
    if isinstance(value, mx.nd.NDArray):
        return mx.nd.amp_cast(value, dtype=_dtype())
    if not isinstance(value, mx.sym.Symbol):
        return value
    before = _before_cast(value)
    return mx.sym.amp_cast(value, dtype=_dtype()) if before is None else before


def _dtype() -> Any:
    """Return the precision in use as MXNet's operators take it."""
    return np.dtype([("bfloat16", np.uint16)]) if _in_use == "bfloat16" else _in_use


def _to_float32(result: Any) -> Any:
    import mxnet as mx
    if isinstance(result, mx.nd.NDArray):
        return mx.nd.amp_cast(result, dtype="float32")
    cast = mx.sym.amp_cast(result, dtype="float32")
    cast._set_attr(**{CAST_BACK: "yes"})
    return cast


def _before_cast(value: Any) -> Any:
    """Return the input of a graph's cast to float32 that this module made; None for anything else."""
    import mxnet as mx
    if isinstance(value, mx.sym.Symbol) and len(value) == 1 and value.attr(CAST_BACK):
        return value.get_children()[0]
    return None
