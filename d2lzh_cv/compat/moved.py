"""Old names of moved modules, under which readers' scripts can still import them."""
from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from types import ModuleType

PACKAGE = __package__.partition(".")[0]
PLACES = {
    "context": "devices", "sections": "contents", "section": "run.section", "distributed": "engine.distributed",
    "snapshots": "engine.snapshots", "seeds": "engine.seeds", "pretrained": "weights.pretrained",
    "checkpoint": "models.checkpoint", "prediction": "models.predictor", "drawing": "models.drawing",
    "export": "models.export", "ssd_losses": "ssd", "style_graph": "style", "fcn_cells": "fcn",
    "segmentation": "exercises.segmentation", "receptive_field": "exercises.receptive_field",
    "joint_transforms": "exercises.joint_transforms", "tiling": "exercises.tiling",
    "ssd_variants": "exercises.ssd_variants", "fcn_skips": "exercises.fcn_skips", "data.pth": "weights.pth",
    "data.torchvision": "weights.torchvision", "data.registry": "data.catalogue", "data.voc_labels": "data.voc",
    "metrics.detection": "metrics.average_precision", "rcnn.rcnn": "rcnn.region_cnn", "rcnn.fast": "rcnn.fast_rcnn",
    "rcnn.faster": "rcnn.faster_rcnn", "rcnn.mask": "rcnn.mask_rcnn", "rcnn.training": "rcnn.train_rcnn",
}


def install() -> None:
    """Let imports find the modules by these names too, after all other finders."""
    if not any(type(finder).__name__ == "_Aliases" for finder in sys.meta_path):
        sys.meta_path.append(_Aliases())


def module(name: str) -> ModuleType:
    """Return the module with the old ``name`` below the package, such as "data.pth". Other names raise KeyError."""
    return import_module(f"{PACKAGE}.{PLACES[name]}")


class _Aliases:
    """A finder and loader: the import of an old name returns the module itself, not a copy."""

    def find_spec(self, name: str, path=None, target=None):
        known = name.startswith(f"{PACKAGE}.") and name[len(PACKAGE) + 1:] in PLACES
        return importlib.util.spec_from_loader(name, self) if known else None

    def create_module(self, spec) -> None:
        return None

    def exec_module(self, new: ModuleType) -> None:
        sys.modules[new.__name__] = module(new.__name__[len(PACKAGE) + 1:])
