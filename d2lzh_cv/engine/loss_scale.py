"""Loss scaling for float16, whose smallest numbers would lose small gradients.

A backward pass starts from the scale in place of 1, and the optimizer divides by it. Where a gradient overflows, the
step is left out and the scale halved; after 2,000 good steps it is doubled. That is the rule of MXNet's AMP, computed
by its ``LossScaler``. The loss itself is not scaled, so a training loop stays as it is.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mxnet as mx
from mxnet import autograd, gluon

from . import precision

STATE = ("_loss_scale", "_next_loss_scale", "_unskipped")  # of a LossScaler


@contextmanager
def scaled(trainer: gluon.Trainer) -> Iterator[None]:
    """Scale the gradients of ``trainer`` inside a ``with`` block if the precision in use is float16."""
    if precision.in_use() != "float16":
        yield
        return
    from mxnet.contrib.amp.loss_scaler import LossScaler
    trainer._amp_loss_scaler = scaler = LossScaler()  # the trainer asks it before each update
    if not trainer._kv_initialized:
        trainer._kvstore_params["update_on_kvstore"] = False  # a kvstore would not ask
    unscaled, backward = trainer._scale, autograd.backward

    def scaled_backward(heads: Any, head_grads: Any = None, *args: Any, **kwargs: Any) -> None:
        heads = [heads] if isinstance(heads, mx.nd.NDArray) else heads
        starts = [head.ones_like() for head in heads] if head_grads is None else head_grads
        trainer._scale = unscaled / scaler.loss_scale
        backward(heads, [start * scaler.loss_scale for start in starts], *args, **kwargs)
    autograd.backward = scaled_backward
    of_array = mx.nd.NDArray.backward
    mx.nd.NDArray.backward = lambda array, out_grad=None, *args, **kwargs: scaled_backward(
        [array], None if out_grad is None else [out_grad], *args, **kwargs)
    try:
        yield
    finally:
        autograd.backward, mx.nd.NDArray.backward = backward, of_array
        trainer._scale, trainer._amp_loss_scaler = unscaled, None


def state_of(trainer: gluon.Trainer) -> dict[str, float]:
    """Return the state of the trainer's scale as plain JSON, empty if it has none."""
    scaler = getattr(trainer, "_amp_loss_scaler", None)
    return {} if scaler is None else {name: getattr(scaler, name) for name in STATE}


def restore(trainer: gluon.Trainer, state: dict[str, float]) -> None:
    """Set the trainer's scale to what :func:`state_of` returned."""
    if getattr(trainer, "_amp_loss_scaler", None) is not None:
        vars(trainer._amp_loss_scaler).update(state)
