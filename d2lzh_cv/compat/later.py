"""What an import of MXNet loads for functions that hardly anybody calls: SciPy's statistics and requests.

They take two fifths of the import's time, and every process of a run pays it.
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
    """Stands for a module until something asks it for one of its names."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def imported_later() -> Iterator[None]:
    """In the block an import of ``NAMES`` that are installed and not imported yet gives a stand-in."""
    standing_in = []
    for name in NAMES:
        parent, _, child = name.rpartition(".")
        if name not in sys.modules and _is_installed(name):
            standing_in.append(_Later(name))
            sys.modules[name] = standing_in[-1]
            if parent:
                setattr(sys.modules[parent], child, standing_in[-1])
    try:
        yield
    finally:
        for module in standing_in:
            parent, _, child = module.__name__.rpartition(".")
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]
            if parent and vars(sys.modules[parent]).get(child) is module:
                delattr(sys.modules[parent], child)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:  # its package is not
        return False
