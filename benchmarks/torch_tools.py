"""What the PyTorch sides share: drawn weights, the layout, the optimizer, compiling, bfloat16, what a step did."""
from __future__ import annotations

import contextlib
import os
import shutil
import sysconfig
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch

from reference.pytorch import convert

from . import draw
from .sides import BFLOAT16, COMPILED, NO_BFLOAT16, NotHere


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


def optimizer(net: torch.nn.Module, settings: dict) -> torch.optim.Optimizer:
    """By ``settings``' "sgd" or "adam", with Gluon's names."""
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    if "adam" in settings:
        return torch.optim.Adam(trained, settings["adam"]["learning_rate"])
    sgd = settings["sgd"]
    return torch.optim.SGD(trained, sgd["learning_rate"], sgd.get("momentum", 0), weight_decay=sgd["wd"])


def ready(function: Callable, side: str) -> Callable:
    """``function`` as ``side`` calls it: compiled, under autocast, or as it is. Raises NotHere."""
    if side == COMPILED:
        _need_compiler()
        return torch.compile(function)
    if side == BFLOAT16:
        _need_bfloat16()

        def cast(*arguments):
            with precision(side):
                return function(*arguments)
        return cast
    return function


def precision(side: str) -> AbstractContextManager:
    """Autocast to bfloat16 for the side in bfloat16."""
    return torch.autocast("cpu", torch.bfloat16) if side == BFLOAT16 else contextlib.nullcontext()


def _need_compiler() -> None:
    compiler = os.environ.get("CXX", "g++")
    if not (shutil.which(compiler) or shutil.which("clang++")):
        raise NotHere(f"there is no C++ compiler {compiler}")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        raise NotHere("there is no Python.h, which the compiled code includes")


def _need_bfloat16() -> None:
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise NotHere(NO_BFLOAT16)
