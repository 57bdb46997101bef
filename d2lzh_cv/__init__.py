"""Chapter 9 (computer vision) of 动手学深度学习 v1 on Apache MXNet 1.9.1, on today's machines.

Write ``import d2lzh_cv as d2l`` where the chapter writes ``import d2lzh as d2l``. A name loads on first use, so the
command line can report what is wrong with an installation in which MXNet does not import.
"""
from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from .compat import hook, moved, versions
from .compat.d2l_names import EXPORTS, MODULE_OF

__version__ = versions.OURS

__all__ = sorted(MODULE_OF)


class _Package(ModuleType):
    """Keeps ``fcn`` the function: importing the module ``d2lzh_cv.fcn`` would bind the name to the module."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in MODULE_OF and name in EXPORTS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def _answer_downloads() -> None:
    from .weights import gluon_downloads  # imported here: only MXNet's users need it
    gluon_downloads.install()


hook.install(then=_answer_downloads)
moved.install()


def __getattr__(name: str):
    if name in moved.PLACES:
        return moved.module(name)
    if name not in MODULE_OF:
        raise AttributeError(f"module 'd2lzh_cv' has no attribute {name!r}")
    value = getattr(import_module(f".{MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
