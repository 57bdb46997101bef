"""What the PyTorch sides share: drawn weights, the layout, what a step did."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from reference.pytorch import convert

from . import draw


def fill(net: torch.nn.Module, channels_last: bool) -> torch.nn.Module:
    """Give ``net`` its drawn weights, and the layout."""
    drawn = {}
    for name, value in convert.named(net).items():
        fixed = name.endswith("gamma") and not value.requires_grad
        drawn[name] = draw.weight(name, tuple(value.shape), fixed)
    return convert.give(net, drawn).to(memory_format=layout(channels_last))


def weights(net: torch.nn.Module, names: Sequence[str]) -> list[np.ndarray]:
    """The parameters ``names``, as they are now."""
    return list(convert.taken(net, names).values())


def layout(channels_last: bool) -> torch.memory_format:
    """PyTorch's name for it."""
    return torch.channels_last if channels_last else torch.contiguous_format
