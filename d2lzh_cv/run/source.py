"""The pretrained network that gives a section its features."""
from __future__ import annotations

from typing import TYPE_CHECKING

import mxnet as mx

from ..errors import InputError
from ..finetuning import SourceNetwork, find_source, offline_source
from ..style import FeatureExtractor, find_extractor
from ..weights.pretrained import where_to_get
from . import section

if TYPE_CHECKING:
    from .section import Section


def source_network(ctx: list[mx.Context]) -> SourceNetwork:
    """Return the network whose features the running section uses, and print what it is (sections 9.2, 9.10, 9.13).

    It is the first network of the section's list whose weights are found. Without any weights, the book's resnet18_v2
    is trained on the synthetic source set, once.

    Args:
        ctx: the devices to train on.

    Raises:
        InputError: no weights are found, and ``--data book`` or ``--backbone`` asks for published ones.
    """
    source = source_of(section.current(), ctx)
    print(source.note)
    return source


def feature_extractor(ctx: mx.Context) -> FeatureExtractor:
    """Return the extractor of style and content features, and print whose features they are (section 9.11).

    See :func:`d2lzh_cv.style.find_extractor`. Raises InputError if ``--backbone`` names a network without weights.

    Args:
        ctx: the device.
    """
    run = section.current()
    extractor, source = find_extractor(run.find("weights").folders, ctx, run.backbones)
    extractor.source = source
    print(source.note)
    return extractor


def source_of(run: Section, ctx: list[mx.Context]) -> SourceNetwork:
    """Return the network for the features of section ``run``; see :func:`source_network`."""
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
