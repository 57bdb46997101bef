"""The device to compute on (the book's ``try_gpu`` and ``try_all_gpus``)."""
from __future__ import annotations

import mxnet as mx
from mxnet import nd


def try_gpu() -> mx.Context:
    """Return ``mx.gpu(0)`` if it works, else ``mx.cpu()``."""
    return try_all_gpus()[0]


def try_all_gpus() -> list[mx.Context]:
    """Return every GPU that works, or ``[mx.cpu()]`` when there is none."""
    return [mx.gpu(i) for i in range(_num_gpus()) if _works(mx.gpu(i))] or [mx.cpu()]


def _num_gpus() -> int:
    try:
        return mx.context.num_gpus()
    except mx.base.MXNetError:  # a CUDA build without a usable driver raises instead of saying 0
        return 0


def _works(ctx: mx.Context) -> bool:
    """Whether a small computation works: MXNet 1.9.1 may lack code for a visible GPU that is too new."""
    try:
        nd.zeros(1, ctx=ctx).wait_to_read()
    except mx.base.MXNetError:
        return False
    return True
