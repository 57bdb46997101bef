"""Chapter 9 (computer vision) of 动手学深度学习 v1 on Apache MXNet 1.9.1, on today's machines.

``import d2lzh_cv as d2l`` stands where the chapter says ``import d2lzh as d2l``. Names load on first use, so that the
command line can tell what is wrong with an installation in which MXNet does not import.
"""
from __future__ import annotations

from importlib import import_module

from . import _compat

__version__ = "0.1.0"

_EXPORTS = {
    "errors": "InputError",
    "context": "try_gpu try_all_gpus",
    "plotting": "bbox_to_rect plt set_figsize show_bboxes show_images use_svg_display",
    "training": "Benchmark evaluate_accuracy fit mkdir_if_not_exist seed_everything train",
}
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)

_compat.install()


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'd2lzh_cv' has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
