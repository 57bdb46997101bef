"""The data sets of chapter 9: how they are found and read, and the synthetic sets that this package draws.

Names load on first use, so that ``data.hub`` works where MXNet does not import.
"""
from __future__ import annotations

from importlib import import_module

_EXPORTS = {
    "cifar10": "CIFAR10 CIFAR10_CLASSES",
    "hotdog": "load_hotdog",
    "hub": "Source cache_root data_root find",
    "images": "image_folder",
    "kaggle": "reorg_cifar10_data reorg_dog_data unpack_kaggle_cifar10 unpack_kaggle_dog write_submission",
    "pikachu": "check_records load_data_pikachu load_pikachu pack_detection",
    "pixels": "check_picture read_picture",
    "voc": "VOCSegDataset VOC_CLASSES VOC_COLORMAP download_voc_pascal read_voc_images voc_colormap2label "
           "voc_label_indices voc_rand_crop",
}
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
