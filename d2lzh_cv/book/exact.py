"""Compute the exact figures with this package's operators: ``compute`` calls the function of each figure."""
from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from mxnet import init, nd
from mxnet.gluon import nn

from ..engine.plain import to_plain
from .facts import Exact

COMPUTE: dict[tuple[str, str], Callable[..., Any]] = {}  # by section and name; takes a folder if the figure needs data
MODULES = ("exact_boxes", "exact_pixels")  # their import fills COMPUTE


def figure(section: str, name: str):
    """Return a decorator that registers a function in :data:`COMPUTE` for the figure ``name`` of ``section``."""
    def enter(compute):
        COMPUTE[section, name] = compute
        return compute
    return enter


def compute(fact: Exact, folder: Path | None = None) -> Any:
    """Compute the figure and return it as plain JSON, or None if ``folder`` does not hold what the figure needs.

    Text that the operators print goes to standard error.

    Args:
        fact: the figure.
        folder: the book's set, or a part of it, for a figure that needs data.
    """
    for module in MODULES:
        import_module(f".{module}", __package__)
    with redirect_stdout(sys.stderr):
        value = to_plain(COMPUTE[fact.section, fact.name](*([] if folder is None else [folder])))
        nd.waitall()  # a figure that is only a shape does not wait for its operator, which may still fail
    return value


def forward(x: nd.NDArray, block: nn.Block, weight: nd.NDArray | None = None):
    """Initialise ``block``, with ``weight`` if given, and return its output for ``x``."""
    block.initialize(*([] if weight is None else [init.Constant(weight)]))
    return block(x)
