"""Training and evaluating a classifier on one or several devices (sections 9.1, 9.2, 9.10, 9.12)."""
from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Callable

import mxnet as mx
from mxnet import autograd, gluon, nd
from mxnet.gluon import loss as gloss

from .engine.epochs import Epochs
from .engine.seeds import seed_everything
from .engine.snapshots import Snapshots
from .errors import InputError

__all__ = ["Benchmark", "Epoch", "Scoring", "ValidatedEpoch", "evaluate_accuracy", "fit", "get_batch",
           "mkdir_if_not_exist", "seed_everything", "train", "train_with_decay"]


@dataclass
class Epoch:
    """The results of one epoch: means over its samples, and seconds with the evaluation."""
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
    """Train and evaluate, and print a line per epoch as the book does (section 9.1).

    Args:
        train_iter, test_iter: batches (X, y) with X (B, C, H, W); y is (B,), or (B, H, W) for section 9.10.
        net: maps X to scores with the classes on axis 1.
        loss: ``loss(scores, y)``, a value per sample.
        trainer: the ``gluon.Trainer`` of ``net``.
        ctx: a device or a list of devices; each batch is split between them.
        num_epochs: passes over ``train_iter``.
    """
    print("training on", ctx)
    fit(net, train_iter, loss, trainer, ctx, num_epochs, test_iter, on_epoch=print)


def fit(net, train_iter: Iterable, loss, trainer: gluon.Trainer, ctx, num_epochs: int, test_iter: Iterable = None,
        on_epoch: Callable[[Epoch], None] | None = None, snapshots: Snapshots | None = None,
        name: str | None = None) -> list[Epoch]:
    """Train ``net`` without printing and return the epochs. Raises InputError if the loss is not finite.

    Args:
        net, train_iter, loss, trainer, ctx, num_epochs, test_iter: see :func:`train`. A network may define
            ``scoring_for(loss)``, which returns an equal, faster :class:`Scoring`, as :class:`d2lzh_cv.fcn.FCN` does.
        on_epoch: is called with each epoch.
        snapshots, name: save the training state to resume from; see :class:`d2lzh_cv.engine.epochs.Epochs`.
    """
    devices = _as_devices(ctx)
    scoring = scoring_of(net, loss)
    best = None if test_iter is None else "test_acc"
    epochs = Epochs(num_epochs, net, trainer, Epoch, on_epoch, snapshots, name=name, best=best)
    for epoch in epochs:
        for X, y in epoch.batches(train_iter):
            Xs, ys = get_batch(X, y, devices)
            if len(Xs) < len(devices):  # devices without a picture would add their last gradient again
                net.collect_params().zero_grad()
            with autograd.record():
                answers = [scoring.answer(Xi, yi) for Xi, yi in zip(Xs, ys)]
                ls = [scoring.losses(*answer, yi.size) for answer, yi in zip(answers, ys)]
            autograd.backward(ls)
            trainer.step(X.shape[0])
            for answer, yi, li in zip(answers, ys, ls):
                epoch.add(loss=(li.sum(), li.size), hits=(scoring.hits(*answer), yi.size))
        loss_mean, train_acc = epoch.means()
        test_acc = None if test_iter is None else evaluate_accuracy(test_iter, net, devices)
        epoch.end(Epoch(epoch.number, loss_mean, train_acc, test_acc, epoch.seconds))
    return epochs.results


class Scoring:
    """Compares the scores of ``net`` with labels of pictures or of pixels; the classes are on axis 1.

    Args:
        net: maps X (B, C, H, W) to scores.
        loss: ``loss(scores, y)``, a value per sample; an evaluation needs none.
    """
    class_axis = 1

    def __init__(self, net, loss=None) -> None:
        self.net, self.loss = net, loss

    def answer(self, X: nd.NDArray, y: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
        """Return the scores, and the labels in the same order."""
        return self.net(X), y

    def losses(self, scores: nd.NDArray, labels: nd.NDArray, count: int) -> nd.NDArray:
        """Return the loss of each sample; the batch has ``count`` labels."""
        return self.loss(scores, labels)

    def hits(self, scores: nd.NDArray, labels: nd.NDArray) -> nd.NDArray:
        """Count the labels that have the highest score."""
        return (scores.argmax(axis=self.class_axis) == labels.astype("float32")).sum()


def scoring_of(net, loss=None) -> Scoring:
    """Return the network's own scoring, see :func:`fit`, or else a :class:`Scoring`; an evaluation needs no loss."""
    return net.scoring_for(loss) if hasattr(net, "scoring_for") else Scoring(net, loss)


def evaluate_accuracy(data_iter: Iterable, net, ctx=None) -> float:
    """Return the share of labels that ``net`` predicts, 0 to 1 (section 9.1). Raises InputError if there is no batch.

    Args:
        data_iter: batches (X, y), as for :func:`train`.
        net: maps X to scores with the classes on axis 1.
        ctx: a device or a list of devices, by default the CPU.
    """
    devices, scoring = _as_devices(ctx), scoring_of(net)
    correct, count = 0.0, 0
    for X, y in data_iter:
        Xs, ys = get_batch(X, y, devices)
        hits = [scoring.hits(*scoring.answer(Xi, yi)) for Xi, yi in zip(Xs, ys)]  # starts all devices
        correct += sum(hit.asscalar() for hit in hits)  # waits for them
        count += y.size
    if count == 0:
        raise InputError("the data has no batch: it has fewer pictures than one batch; choose a smaller batch size")
    return correct / count


def get_batch(X: nd.NDArray, y: nd.NDArray, devices: Sequence[mx.Context]) -> tuple[list[nd.NDArray], list[nd.NDArray]]:
    """Divide a batch evenly, copy a part to each device, and return the parts of X and of y (section 9.1).

    A batch with fewer samples than devices uses the first devices only.

    Args:
        X, y: samples and labels; the labels get the type of X.
        devices: at least one.
    """
    devices = devices[:X.shape[0]]
    return (gluon.utils.split_and_load(X, devices, even_split=False),
            gluon.utils.split_and_load(y.astype(X.dtype, copy=False), devices, even_split=False))


@dataclass
class ValidatedEpoch:
    """The results of one epoch of :func:`train_with_decay`: means over its samples, and seconds."""
    number: int  # from 1
    loss: float
    train_acc: float
    valid_acc: float | None
    seconds: float

    def __str__(self) -> str:
        valid = "" if self.valid_acc is None else f"valid acc {self.valid_acc:f}, "
        return (f"epoch {self.number}, loss {self.loss:f}, train acc {self.train_acc:f}, {valid}"
                f"time {self.seconds:.2f} sec")


def train_with_decay(net, train_iter: Iterable, valid_iter: Iterable | None, num_epochs: int, lr: float, wd: float,
                     ctx: mx.Context, lr_period: int, lr_decay: float, name: str | None = None) -> list[ValidatedEpoch]:
    """Train with SGD and a learning rate that decays, print a line per epoch, and return the epochs (section 9.12).

    Args:
        net: maps X (B, C, H, W) to scores (B, classes).
        train_iter, valid_iter: batches (X, y); without ``valid_iter`` there is no validation.
        num_epochs: passes over ``train_iter``.
        lr, wd: learning rate of the first epoch, weight decay.
        ctx: the device.
        lr_period, lr_decay: after every ``lr_period`` epochs the learning rate is multiplied by ``lr_decay``.
        name: of the training, see :class:`d2lzh_cv.engine.epochs.Epochs`.
    """
    def rate(number: int) -> float:  # depends on the epoch alone, so a resumed training has the right one
        return lr * lr_decay ** ((number - 1) // lr_period)

    loss = gloss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr, "momentum": 0.9, "wd": wd})
    epochs = Epochs(num_epochs, net, trainer, ValidatedEpoch, lambda epoch: print(f"{epoch}, lr {rate(epoch.number)}"),
                    name=name, best=None if valid_iter is None else "valid_acc")
    for epoch in epochs:
        trainer.set_learning_rate(rate(epoch.number))
        for X, y in epoch.batches(train_iter):
            X, y = X.as_in_context(ctx), y.astype("float32").as_in_context(ctx)
            with autograd.record():
                y_hat = net(X)
                ls = loss(y_hat, y)
            ls.backward()
            trainer.step(X.shape[0])
            epoch.add(loss=(ls.sum(), ls.size), hits=((y_hat.argmax(axis=1) == y).sum(), y.size))
        mean_loss, train_acc = epoch.means()
        valid_acc = None if valid_iter is None else evaluate_accuracy(valid_iter, net, ctx)
        epoch.end(ValidatedEpoch(epoch.number, mean_loss, train_acc, valid_acc, epoch.seconds))
    return epochs.results


def _as_devices(ctx) -> list[mx.Context]:
    if ctx is None:
        return [mx.cpu()]
    return [ctx] if isinstance(ctx, mx.Context) else list(ctx)


class Benchmark:
    """Prints how long a ``with`` block takes, by ``time.time``.

    Args:
        prefix: a word before the time.
    """

    def __init__(self, prefix: str | None = None) -> None:
        self.prefix = f"{prefix} " if prefix else ""

    def __enter__(self) -> None:
        self.start = time.time()

    def __exit__(self, *exc_info) -> None:
        print(f"{self.prefix}time: {time.time() - self.start:.4f} sec")


def mkdir_if_not_exist(path: Sequence[str]) -> None:
    """Create a folder if it does not exist.

    Args:
        path: parts of the path, for instance ``['data', 'train', 'cat']``.
    """
    os.makedirs(os.path.join(*path), exist_ok=True)
