"""A Gluon network's numbers in its twin, by Gluon's names and as NumPy arrays, and its way of averaging.

Layers have Gluon's places, and both lay out weights alike: convolution (out, in, h, w), dense (out, in), transposed
convolution (in, out, h, w). So nothing is transposed on the way.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import nn

NORMS = {"weight": "gamma", "bias": "beta"}  # a BatchNorm's parameters as Gluon calls them


def named(net: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and averages under Gluon's names."""
    found = {}
    for place, module in net.named_modules():
        names = NORMS if isinstance(module, nn.BatchNorm2d) else {}
        for kind, value in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if kind != "num_batches_tracked":
                found[f"{place}.{names.get(kind, kind)}".lstrip(".")] = value
    return found


def give(net: nn.Module, arrays: dict[str, np.ndarray]) -> nn.Module:
    """Fill ``net``, and take on the arrays' dtype: each has a place of its shape, and each place gets one."""
    places = named(net.to(torch.from_numpy(next(iter(arrays.values()))).dtype))
    assert arrays.keys() == places.keys(), arrays.keys() ^ places.keys()
    with torch.no_grad():
        for name, array in arrays.items():
            assert tuple(places[name].shape) == array.shape, (name, tuple(places[name].shape), array.shape)
            places[name].copy_(torch.from_numpy(array))
    return net


def taken(net: nn.Module, names) -> dict[str, np.ndarray]:
    """Copies of what ``net`` has under ``names``."""
    places = named(net)
    return {name: places[name].detach().numpy().copy() for name in names}


class BatchNorm(nn.BatchNorm2d):
    """Keeps, as MXNet does, the batch's own variance in its average; PyTorch keeps n/(n - 1) of it."""

    def forward(self, X):
        if not self.training:
            return super().forward(X)
        with torch.no_grad():
            self.running_mean.lerp_(X.mean((0, 2, 3)), self.momentum)
            self.running_var.lerp_(X.var((0, 2, 3), unbiased=False), self.momentum)
        return nn.functional.batch_norm(X, None, None, self.weight, self.bias, True, eps=self.eps)


def average_as_mxnet(net: nn.Module) -> nn.Module:
    """Make every BatchNorm one of these: for comparing averages, not for timing, as it goes over the batch twice."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = BatchNorm
    return net
