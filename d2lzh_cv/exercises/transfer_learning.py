"""Shared code of section 9.2's exercises: sources loaded anew, trainings that may diverge, a row of the output."""
from __future__ import annotations

import mxnet as mx
import numpy as np
from mxnet import gluon, nd
from mxnet.gluon.data import DataLoader, Dataset, SimpleDataset

from ..errors import InputError
from ..finetuning import SourceNetwork, find_source, test_augs, train_fine_tuning
from ..run import section
from ..run.source import may_be_shipped, source_of
from ..training import Epoch


def spread(pictures: Dataset, count: int) -> SimpleDataset:
    """Return ``count`` pictures, evenly from all of them, because the classes come one after the other."""
    return SimpleDataset([pictures[int(i)] for i in np.linspace(0, len(pictures) - 1, min(count, len(pictures)))])


def source_anew(ctx: list[mx.Context]) -> SourceNetwork:
    """Return section 9.2's source network with its own weights, silently: a training changes those it was given.

    Args:
        ctx: the devices to train on if there are no weights.
    """
    return source_of(section.current(), ctx)


def imagenet_network(ctx: list[mx.Context]) -> SourceNetwork | None:
    """Return the first source network whose weights include ImageNet's 1000 outputs; None without any.

    Args:
        ctx: the devices.
    """
    run = section.current()
    found = find_source(run.find("weights").folders, lambda: None, run.backbones, may_be_shipped(run), whole=True)
    if found is not None:
        found.net.collect_params().reset_ctx(ctx)
    return found


def scores_of(net: gluon.HybridBlock, pictures: Dataset, edge_size: int, batch_size: int,
              ctx: mx.Context) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores (N, classes) of all pictures, and their labels (N,).

    Args:
        net: maps (B, 3, edge_size, edge_size) to scores.
        pictures: (H, W, 3) uint8 with labels.
        edge_size, batch_size: side of the network's input in pixels, pictures per batch.
        ctx: the device of ``net``.
    """
    batches = DataLoader(pictures.transform_first(test_augs(edge_size)), batch_size)
    parts = [(net(X.as_in_context(ctx)).asnumpy(), y.asnumpy()) for X, y in batches]
    return tuple(map(np.concatenate, zip(*parts)))


def share_told_apart(scores: np.ndarray, labels: np.ndarray, positive: int) -> float:
    """Return the share of pairs, one picture of each of two classes, whose scores are in the right order.

    Unlike the accuracy it does not depend on where the border between the classes lies. A tie counts one half.

    Args:
        scores, labels: (N, 2) and (N,).
        positive: the index of one class.
    """
    lead = scores[:, positive] - scores[:, 1 - positive]
    order = np.sign(lead[labels == positive][:, None] - lead[labels != positive])
    return float((1 + order).mean() / 2)


def train_or_diverge(net: gluon.HybridBlock, train_set: Dataset, test_set: Dataset, learning_rate: float,
                     ctx: list[mx.Context], batch_size: int, num_epochs: int, edge_size: int, name: str) -> list[Epoch]:
    """Train as :func:`d2lzh_cv.finetuning.train_fine_tuning` and return the epochs.

    A learning rate that is too large ends the training: why is printed, and the finished epochs are returned.
    """
    epochs = []

    def after_epoch(epoch: Epoch) -> None:
        print(epoch)
        epochs.append(epoch)

    try:
        train_fine_tuning(net, train_set, test_set, learning_rate, ctx, batch_size, num_epochs, edge_size,
                          after_epoch, name=name)
    except InputError as error:
        if "lower the learning rate" not in str(error):
            raise
        print(error)
    return epochs


def reuse_row(net: gluon.HybridBlock, head: gluon.HybridBlock, row: int, positive: int) -> None:
    """Start one output of ``net`` with a row of the output of ``head``, the other one with the mean of all other rows.

    Args:
        net: has two outputs.
        head: the network whose output has that row.
        row, positive: the row, and the index of the output that gets it.
    """
    for new, old in zip(net.output.collect_params().values(), head.output.collect_params().values()):
        values = old.data()  # (1000, ...)
        own = values.slice_axis(axis=0, begin=row, end=row + 1)
        others = (values.sum(axis=0, keepdims=True) - own) / (len(values) - 1)
        new.set_data(nd.concat(*([own, others] if positive == 0 else [others, own]), dim=0))
