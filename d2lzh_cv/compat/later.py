"""Delay two imports of MXNet, SciPy's statistics and requests, until a function needs them; few do.

They take about a third of the time of an import, and every process of a run imports MXNet.
"""
from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

NAMES = ("scipy.stats", "requests")


class _Later(ModuleType):
    """A stand-in for a module; the first access to one of its names imports the module."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def imported_later() -> Iterator[None]:
    """During the block, import a stand-in for each module of ``NAMES`` that is installed and not imported yet."""
    stand_ins = []
    for name in NAMES:
        parent, _, child = name.rpartition(".")
        if name not in sys.modules and _is_installed(name):
            stand_ins.append(_Later(name))
            sys.modules[name] = stand_ins[-1]
            if parent:
                setattr(sys.modules[parent], child, stand_ins[-1])
    try:
        yield
    finally:
        for module in stand_ins:
            parent, _, child = module.__name__.rpartition(".")
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]
            if parent and vars(sys.modules[parent]).get(child) is module:
                delattr(sys.modules[parent], child)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:  # the parent package is not installed
        return False
