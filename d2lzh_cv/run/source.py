"""The pretrained network that gives a section its features."""
from __future__ import annotations

from typing import TYPE_CHECKING

import mxnet as mx

from ..errors import InputError
from ..finetuning import SourceNetwork, find_source, offline_source
from ..weights.pretrained import where_to_get

if TYPE_CHECKING:
    from .section import Section


def source_of(run: Section, ctx: list[mx.Context]) -> SourceNetwork:
    """Return the network for the features of section ``run``: the first of its backbones whose weights are found.

    Without any weights, train the book's resnet18_v2 on the synthetic source set.

    Raises:
        InputError: no weights are found, and ``--data book`` or ``--backbone`` asks for published ones.
    """
    weights, name = run.find("weights"), run.backbone or "resnet18_v2"
    folders = weights.folders or (weights.path,)
    missing = f"no weights of {name} in {' or '.join(map(str, folders))}: {where_to_get(name)}"

    def own() -> SourceNetwork:
        if run.options.data == "book" or run.backbone:
            raise InputError(missing)
        if weights.kind == "real":
            print(missing)
        return offline_source(run.find("source").path, ctx, name=name)

    return find_source(folders, own, run.backbones)
