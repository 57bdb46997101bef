"""What the Gluon sides share: drawn weights, a batch over and over, what a step did."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd

from . import draw


def fill(net: gluon.Block, X: nd.NDArray, trains: bool = True) -> gluon.Block:
    """Give ``net`` its drawn weights, and room for gradients if it ``trains``; ``X`` tells the shapes. Call it before
    ``hybridize``."""
    fixed = {name for name, parameter in net._collect_params_with_prefix().items()
             if name.endswith("gamma") and parameter.grad_req == "null"}
    if not trains:
        net.collect_params().setattr("grad_req", "null")
    if isinstance(net, gluon.HybridBlock):
        net.infer_shape(X)  # as PyTorch's side, it computes nothing before the case begins
        net.initialize(force_reinit=True)
    else:
        net.initialize(force_reinit=True)
        with autograd.predict_mode():
            net(X)
    for name, parameter in net._collect_params_with_prefix().items():
        parameter.set_data(nd.array(draw.weight(name, parameter.shape, name in fixed)))
    return net


def weights(net: gluon.Block, names: Sequence[str]) -> list[np.ndarray]:
    """The parameters ``names``, as they are now."""
    parameters = net._collect_params_with_prefix()
    return [parameters[name].data().asnumpy() for name in names]


class Batches:
    """The same batch ``count`` times an epoch: as a list of pairs, or, after ``reset``, as an ``mx.io`` iterator."""

    def __init__(self, X: np.ndarray, y: np.ndarray, count: int, as_data_batch: bool = False) -> None:
        pair = nd.from_numpy(X), nd.from_numpy(y)  # share the memory, as torch.from_numpy does
        self.count, self.batch = count, mx.io.DataBatch([pair[0]], [pair[1]], pad=0) if as_data_batch else pair

    def __iter__(self) -> Iterator:
        return iter([self.batch] * self.count)

    def reset(self) -> None:
        """Nothing to go back to."""
