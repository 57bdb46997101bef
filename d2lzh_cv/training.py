"""Training and evaluating a classifier on one or several devices (sections 9.1, 9.2, 9.10)."""
from __future__ import annotations

import os
import random
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Callable

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd
from tqdm.auto import tqdm

from .errors import InputError


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and MXNet: ``mx.random.seed`` alone leaves DataLoader's and ImageDetIter's order random."""
    random.seed(seed)
    np.random.seed(seed)
    mx.random.seed(seed)


def progress(batches: Iterable, title: str) -> Iterable:
    """Show a progress bar over ``batches`` on a terminal; elsewhere nothing."""
    return tqdm(batches, desc=title, leave=False, disable=None)


class RunningSums:
    """Sums of values that devices still compute, each read a few additions late.

    Reading a value waits for it. Read at once, Python could not prepare the next batch meanwhile; never read, an
    epoch's batches would queue up in memory.
    """

    def __init__(self, lag: int = 2) -> None:
        self._lag, self._pending, self._sums = lag, deque(), 0.0

    def add(self, *values: nd.NDArray) -> None:
        """Add one scalar to each sum."""
        self._pending.append(nd.concat(*[value.reshape(1) for value in values], dim=0))
        if len(self._pending) > self._lag:
            self._read()

    def total(self) -> np.ndarray:
        """Return all sums, float64, one for each value that :meth:`add` takes."""
        while self._pending:
            self._read()
        return self._sums

    def _read(self) -> None:
        self._sums = self._sums + self._pending.popleft().asnumpy().astype("float64")


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
        on_epoch: Callable[[Epoch], None] | None = None) -> list[Epoch]:
    """Train ``net`` as :func:`train` does, without printing; returns the epochs and hands each to ``on_epoch``.

    Raises InputError naming the epoch when the loss is no longer a finite number.
    """
    devices, epochs = _as_devices(ctx), []
    for number in range(1, num_epochs + 1):
        start = time.time()
        mean_loss, train_acc = _train_epoch(net, train_iter, loss, trainer, devices, f"epoch {number}/{num_epochs}")
        if not np.isfinite(mean_loss):
            raise InputError(f"the training loss is {mean_loss} in epoch {number}: lower the learning rate "
                             "or check the data")
        test_acc = None if test_iter is None else evaluate_accuracy(test_iter, net, devices)
        epochs.append(Epoch(number, mean_loss, train_acc, test_acc, time.time() - start))
        if on_epoch:
            on_epoch(epochs[-1])
    return epochs


def evaluate_accuracy(data_iter: Iterable, net, ctx=None) -> float:
    """Return the share of labels in ``data_iter`` that ``net`` predicts (highest score on axis 1); 0 to 1.

    ``ctx`` is a device or a list of devices, the CPU by default.
    """
    devices, correct, count = _as_devices(ctx), 0.0, 0
    for X, y in data_iter:
        Xs, ys = _split(X, devices), _split(y, devices)
        hits = [_correct(net(Xi), yi) for Xi, yi in zip(Xs, ys)]  # all devices work before the first answer is read
        correct += sum(hit.asscalar() for hit in hits)
        count += y.size
    return correct / _not_empty(count)


def _train_epoch(net, train_iter, loss, trainer, devices, title) -> tuple[float, float]:
    """Return (mean loss, accuracy)."""
    sums, losses, labels = RunningSums(), 0, 0
    for X, y in progress(train_iter, title):
        Xs, ys = _split(X, devices), _split(y.astype(X.dtype, copy=False), devices)
        if len(Xs) < len(devices):
            net.collect_params().zero_grad()  # the devices without a picture would add their last gradient once more
        with autograd.record():
            scores = [net(Xi) for Xi in Xs]
            ls = [loss(score, yi) for score, yi in zip(scores, ys)]
        autograd.backward(ls)
        trainer.step(X.shape[0])
        for score, li, yi in zip(scores, ls, ys):
            sums.add(li.sum(), _correct(score, yi))
        losses, labels = losses + sum(li.size for li in ls), labels + y.size
    loss_sum, correct = sums.total() if losses else (0.0, 0.0)
    return loss_sum / _not_empty(losses), correct / labels


def _correct(scores: nd.NDArray, labels: nd.NDArray) -> nd.NDArray:
    return (scores.argmax(axis=1) == labels.astype("float32")).sum()


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
