"""The exact figures, computed anew by this package's operators: ``compute`` finds each one's small function."""
from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib import import_module
from typing import Any

from mxnet import init, nd
from mxnet.gluon import nn

from ..engine.plain import to_plain
from . import needs
from .facts import Exact

COMPUTE: dict[tuple[str, str], Callable[..., Any]] = {}  # by section and name; takes a folder where data is needed
MODULES = ("exact_boxes", "exact_pixels")  # they fill it


def figure(section: str, name: str):
    """Enter a function in :data:`COMPUTE` as the one that computes the figure ``name`` of ``section``."""
    def enter(compute):
        COMPUTE[section, name] = compute
        return compute
    return enter


def compute(fact: Exact) -> Any:
    """Compute the figure, as plain JSON; None where the book's data is not there.

    What the operators print goes to standard error.
    """
    for module in MODULES:
        import_module(f".{module}", __package__)
    data = [] if fact.needs is None else [needs.locate(fact.needs)]
    if None in data:
        return None
    with redirect_stdout(sys.stderr):
        value = to_plain(COMPUTE[fact.section, fact.name](*data))
        nd.waitall()  # a shape is known before its operator has run
    return value


def forward(x: nd.NDArray, block: nn.Block, weight: nd.NDArray | None = None):
    """Initialise ``block``, with ``weight`` if given, and return what it makes of ``x``."""
    block.initialize(*([] if weight is None else [init.Constant(weight)]))
    return block(x)
