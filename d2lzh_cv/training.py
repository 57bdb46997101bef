"""Training and evaluating a classifier on one or several devices (sections 9.1, 9.2, 9.10)."""
from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Callable

import mxnet as mx
from mxnet import autograd, gluon, nd

from .engine import distributed
from .engine.loop import train_task
from .engine.seeds import seed_everything
from .engine.snapshots import Snapshots
from .engine.task import Task
from .errors import InputError

__all__ = ["Benchmark", "Epoch", "evaluate_accuracy", "fit", "mkdir_if_not_exist", "seed_everything", "train"]


@dataclass
class Epoch:
    """What one pass over the training data gave: means over its samples, and seconds with the evaluation."""
    number: int  # from 1
    loss: float
    train_acc: float
    test_acc: float | None
    seconds: float

    def __str__(self) -> str:
        test = "" if self.test_acc is None else f"test acc {self.test_acc:.3f}, "
        return (f"epoch {self.number}, loss {self.loss:.4f}, train acc {self.train_acc:.3f}, {test}"
                f"time {self.seconds:.1f} sec")


def train(train_iter, test_iter, net, loss, trainer, ctx, num_epochs: int) -> None:
    """Train and evaluate, printing a line an epoch as the book does (section 9.1).

    Args:
        train_iter, test_iter: batches (X, y) with X (B, C, H, W); y is (B,), or (B, H, W) for section 9.10.
        net: maps X to scores with the classes on axis 1.
        loss: ``loss(scores, y)``, a value a sample.
        trainer: the ``gluon.Trainer`` of ``net``.
        ctx: a device or a list of devices; each batch is split between them.
        num_epochs: passes over ``train_iter``.
    """
    print("training on", ctx)
    fit(net, train_iter, loss, trainer, ctx, num_epochs, test_iter, on_epoch=print)


def fit(net, train_iter: Iterable, loss, trainer: gluon.Trainer, ctx, num_epochs: int, test_iter: Iterable = None,
        on_epoch: Callable[[Epoch], None] | None = None, snapshots: Snapshots | None = None) -> list[Epoch]:
    """Train ``net`` as :func:`train` does, without printing; returns the epochs and hands each to ``on_epoch``.

    ``snapshots`` keep the state of the training, to go on from; see :func:`d2lzh_cv.engine.loop.train_task`.
    A network may bring an equal, faster form of the step, as :class:`d2lzh_cv.fcn.FCN` does: its ``task_for``.

    Raises InputError naming the epoch and the step when the loss is no longer a finite number.
    """
    make = net.task_for(loss) if hasattr(net, "task_for") else Classification
    task = make(net, train_iter, loss, trainer, _as_devices(ctx), test_iter)
    return train_task(task, num_epochs, on_epoch, snapshots)


class Classification(Task):
    """Training a network to give the right label, of a picture or of each pixel, the highest score on axis 1."""

    names, epoch_class, class_axis = ("loss", "hits"), Epoch, 1

    def __init__(self, net, train_iter, loss, trainer, devices, test_iter=None) -> None:
        super().__init__(net, trainer)
        self.train_iter, self.loss, self.devices, self.test_iter = train_iter, loss, devices, test_iter

    def batches(self, number) -> Iterable:
        return self.train_iter

    def size(self, batch) -> int:
        return batch[0].shape[0]

    def step(self, batch):
        X, y = batch
        Xs, ys = _split(X, self.devices), _split(y.astype(X.dtype, copy=False), self.devices)
        if len(Xs) < len(self.devices):  # the devices without a picture would add their last gradient once more
            self.net.collect_params().zero_grad()
        with autograd.record():
            answers = [self.answer(Xi, yi) for Xi, yi in zip(Xs, ys)]
            ls = [self.losses(*answer, yi.size) for answer, yi in zip(answers, ys)]
        autograd.backward(ls)
        self.trainer.step(X.shape[0] * distributed.num_workers())
        sums = [[li.sum(), self.hits(*answer)] for li, answer in zip(ls, answers)]
        return sums, [sum(li.size for li in ls), y.size]

    def answer(self, X, y) -> tuple[nd.NDArray, nd.NDArray]:
        """Scores, and the labels in the same order."""
        return self.net(X), y

    def losses(self, scores, labels, count: int) -> nd.NDArray:
        """The loss of each sample; the batch has ``count`` labels."""
        return self.loss(scores, labels)

    def hits(self, scores, labels) -> nd.NDArray:
        """How many labels have the highest score."""
        return _correct(scores, labels, self.class_axis)

    def summary(self, number, sums, counts, started) -> Epoch:
        mean_loss, train_acc = (sums / counts).tolist()
        test_acc = None if self.test_iter is None else _accuracy(
            self.test_iter, self.devices, lambda X, y: self.hits(*self.answer(X, y)))
        return Epoch(number, mean_loss, train_acc, test_acc, time.time() - started)


def evaluate_accuracy(data_iter: Iterable, net, ctx=None) -> float:
    """Return the share of labels in ``data_iter`` that ``net`` predicts (highest score on axis 1); 0 to 1.

    ``ctx`` is a device or a list of devices, the CPU by default.
    """
    return _accuracy(data_iter, _as_devices(ctx), lambda X, y: _correct(net(X), y))


def _accuracy(data_iter: Iterable, devices: Sequence[mx.Context], hits_of: Callable) -> float:
    correct, count = 0.0, 0
    for X, y in data_iter:
        Xs, ys = _split(X, devices), _split(y.astype("float32"), devices)
        hits = [hits_of(Xi, yi) for Xi, yi in zip(Xs, ys)]  # all devices work before the first answer is read
        correct += sum(hit.asscalar() for hit in hits)
        count += y.size
    return correct / _not_empty(count)


def _correct(scores: nd.NDArray, labels: nd.NDArray, axis: int = 1) -> nd.NDArray:
    return (scores.argmax(axis=axis) == labels.astype("float32")).sum()


def _split(batch: nd.NDArray, devices: Sequence[mx.Context]) -> list[nd.NDArray]:
    return gluon.utils.split_and_load(batch, devices[:batch.shape[0]], even_split=False)


def _as_devices(ctx) -> list[mx.Context]:
    if ctx is None:
        return [mx.cpu()]
    return [ctx] if isinstance(ctx, mx.Context) else list(ctx)


def _not_empty(count: int) -> int:
    if count == 0:
        raise InputError("the data has no batch: it has fewer pictures than one batch; choose a smaller batch size")
    return count


class Benchmark:
    """Print how long a ``with`` block takes, with an optional prefix; the clock is ``time.time``."""

    def __init__(self, prefix: str | None = None) -> None:
        self.prefix = f"{prefix} " if prefix else ""

    def __enter__(self) -> None:
        self.start = time.time()

    def __exit__(self, *exc_info) -> None:
        print(f"{self.prefix}time: {time.time() - self.start:.4f} sec")


def mkdir_if_not_exist(path: Sequence[str]) -> None:
    """Make the folder whose path has the parts ``path``, for instance ``['data', 'train', 'cat']``."""
    os.makedirs(os.path.join(*path), exist_ok=True)
