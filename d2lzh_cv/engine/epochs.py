"""The epochs and batches of a training loop: seeded, measured, and able to stop and resume bit for bit.

The loop still reads like the book's::

    epochs = Epochs(num_epochs, net, trainer, Result, on_epoch, snapshots)
    for epoch in epochs:
        for X, y in epoch.batches(train_iter):
            with autograd.record():
                l = loss(net(X), y)
            l.backward()
            trainer.step(len(X))
            epoch.add(loss=(l.sum(), l.size))
        mean_loss, = epoch.means()
        epoch.end(Result(epoch.number, mean_loss, epoch.seconds))
    return epochs.results

The seed of every random number depends on the run's seed, the series, the epoch and the batch alone. So a resumed
training needs no generator state; MXNet's cannot be read.
"""
from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Callable

import numpy as np
from mxnet import gluon, nd

from ..errors import InputError
from . import distributed, recorder
from .loss_scale import scaled
from .progress import bar as progress_bar
from .seeds import seed_everything
from .snapshots import Progress, Snapshots
from .stopping import StopRequest, stop_request


class Epochs:
    """The epochs of one training; iteration starts at the first unfinished epoch.

    Args:
        num_epochs: the total number, including epochs finished before a resumption.
        net: the network to train.
        trainer: the trainer of ``net``.
        result_class: the dataclass of an epoch's result; it has the fields ``number``, from 1, and ``seconds``.
        on_epoch: called with the result of each epoch. After a resumption it is also called for the finished epochs,
            so that its output is complete. It may change the learning rate.
        snapshots: where to save the state after each epoch and after Ctrl-C; all seeds derive from theirs. Without
            snapshots the generators continue as they are, and Ctrl-C stops at once.
        random_batches: False if neither data nor network use random numbers; this saves seeding each batch.
        name: of the training. In a section of the chapter each epoch is logged under it, and the state is saved, so
            that ``run --resume`` finds it.
        best: the field of an epoch's result whose highest value keeps a snapshot too, if ``name`` is given.
        reported: says of a result whether it is logged and passed to ``on_epoch``; by default all are.

    Attributes:
        results: the results of the finished epochs, in order.

    Raises:
        InputError: a value is not finite (the text says which, in which step), the data has no batch, or a snapshot
            cannot be written.
        KeyboardInterrupt: Ctrl-C, after the state was saved.
    """

    def __init__(self, num_epochs: int, net: gluon.Block, trainer: gluon.Trainer, result_class: type,
                 on_epoch: Callable[[Any], None] | None = None, snapshots: Snapshots | None = None,
                 random_batches: bool = True, name: str | None = None, best: str | None = None,
                 reported: Callable[[Any], bool] = lambda result: True) -> None:
        section = recorder.current() if name else None
        if section:
            snapshots = snapshots or section.snapshots(name, best)
            on_epoch = _both(partial(section.log_epoch, name), on_epoch)
        self.num_epochs, self.net, self.trainer, self.result_class = num_epochs, net, trainer, result_class
        self.on_epoch = on_epoch and _only(reported, on_epoch)
        self.snapshots, self.random_batches = snapshots, random_batches
        self.results: list[Any] = []

    def __iter__(self) -> Iterator[Epoch]:
        distributed.start(self.trainer)
        with scaled(self.trainer):
            yield from self._unfinished()

    def _unfinished(self) -> Iterator[Epoch]:
        progress = self.snapshots.resume(self, self.on_epoch) if self.snapshots else Progress()
        self.results = progress.epochs
        with stop_request(self.snapshots is not None) as stop:
            while len(self.results) < self.num_epochs:
                epoch = Epoch(self, progress, stop)
                yield epoch
                self.results = [*self.results, epoch.result]
                progress = Progress(self.results)
                if self.on_epoch:
                    self.on_epoch(epoch.result)
                if self.snapshots:
                    self.snapshots.save(self, progress)
        if self.snapshots:
            seed_everything(self.snapshots.seed("end"))  # later random numbers must not depend on a resumption


class Epoch:
    """One pass over the training data.

    Attributes:
        number: the number of the epoch, from 1.
        result: the argument of :meth:`end`.
    """

    def __init__(self, epochs: Epochs, progress: Progress, stop: StopRequest) -> None:
        self._epochs, self._progress, self._stop = epochs, progress, stop
        self.number, self._step, self._pictures = len(progress.epochs) + 1, 0, 1
        self._sums = Sums(progress.sums, progress.counts)
        self._started = time.time() - progress.seconds
        self._seed("order")

    @property
    def seconds(self) -> float:
        """Seconds since the epoch began, without the time between a stop and its resumption."""
        return time.time() - self._started

    def batches(self, data: Iterable) -> Iterator[Any]:
        """Yield the batches of ``data``, with a progress bar; batches trained before a resumption are skipped."""
        batches, done = iter(data), self._progress.step
        desc = f"epoch {self.number}/{self._epochs.num_epochs}"
        with progress_bar(desc=desc, unit="img", leave=False) as bar:
            while True:
                self._seed(self._step)
                batch = next(batches, None)
                if batch is None:
                    break
                self._step, self._pictures = self._step + 1, _num_pictures(batch)
                if self._step > done:
                    yield batch
                bar.update(self._pictures)
                if self._sums.newest is not None:
                    bar.set_postfix(loss=f"{self._sums.newest[0] / self._pictures:.3g}", refresh=False)
                if self._stop.is_set():
                    self._epochs.snapshots.save(self._epochs, self._now())
                    raise KeyboardInterrupt
        if not self._step:
            raise InputError("the data has no batch: it has fewer pictures than one batch; choose a smaller batch size")

    def add(self, **values: tuple[nd.NDArray, float]) -> None:
        """Add to the epoch's sums; values are read two additions late.

        Args:
            values: for each name a pair: the sum over a batch, or over a device's part of it, as an NDArray (1,); and
                the number of values in that sum. The progress bar shows the first pair as the loss.
        """
        self._sums.add(values, f"in step {self._step} of epoch {self.number}")

    def sums(self) -> list[float]:
        """Return the sums over all workers, in the order of :meth:`add`."""
        return distributed.total(self._sums.total()[0]).tolist()

    def means(self) -> list[float]:
        """Return the sums divided by their counts, over all workers, in the order of :meth:`add`."""
        sums, counts = (distributed.total(values) for values in self._sums.total())
        return (sums / np.maximum(counts, 1)).tolist()

    def end(self, result: Any) -> None:
        """End the epoch with ``result``, an instance of ``result_class``."""
        self.result = result

    def _now(self) -> Progress:
        """Return the progress of this training, to resume from."""
        sums, counts = (values.tolist() for values in self._sums.total())
        return Progress(self._epochs.results, self._step, sums, counts, self.seconds)

    def _seed(self, part: Any) -> None:
        snapshots = self._epochs.snapshots
        if snapshots and (self._epochs.random_batches or part == "order"):
            rank = distributed.rank() if part not in ("order", 0) else 0  # all workers draw the same order, in step 0
            seed_everything(snapshots.seed(self.number, part, *[rank] * (rank > 0)))


class Sums:
    """Sums, float64, of values that the devices may still be computing; each value is read a few additions late.

    Reading a value waits for it. If Python read each value at once, it could not prepare the next batch meanwhile; if
    it never read one, all batches of an epoch would queue up in memory.

    Args:
        sums, counts: the sums and counts to start from.
        lag: how many additions late a value is read.

    Attributes:
        newest: the values read last, one per sum.
    """

    def __init__(self, sums: Iterable[float] = (), counts: Iterable[float] = (), lag: int = 2) -> None:
        self._sums, self._counts = (np.array(list(start) or 0.0, np.float64) for start in (sums, counts))
        self._lag, self._pending, self.newest = lag, deque(), None

    def add(self, values: dict[str, tuple[nd.NDArray, float]], where: str) -> None:
        """Add a pair (value, count) per name; ``where``, such as "in step 2 of epoch 1", is for the error.

        Raises:
            InputError: a value of this addition or of an earlier one is not finite.
        """
        names, pairs = list(values), list(values.values())
        self._pending.append((names, nd.concat(*[value.reshape(1) for value, _ in pairs], dim=0), where))
        self._counts = self._counts + np.array([count for _, count in pairs], np.float64)
        if len(self._pending) > self._lag:
            self._read()

    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all sums and all counts, each float64 (number of names,)."""
        while self._pending:
            self._read()
        return self._sums, self._counts

    def _read(self) -> None:
        names, values, where = self._pending.popleft()
        self.newest = values.asnumpy().astype(np.float64)
        for name, value in zip(names, self.newest):
            if not math.isfinite(value):
                raise InputError(f"the {name.replace('_', ' ')} is {value} {where}: lower the learning rate or check "
                                 "the data")
        self._sums = self._sums + self.newest


def _both(first: Callable[[Any], None], then: Callable[[Any], None] | None) -> Callable[[Any], None]:
    def on_epoch(result: Any) -> None:
        first(result)
        if then:
            then(result)
    return on_epoch


def _only(reported: Callable[[Any], bool], on_epoch: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda result: on_epoch(result) if reported(result) else None


def _num_pictures(batch: Any) -> int:
    """Return the batch size of a pair (X, y) or of an ``mx.io.DataBatch``; 1 for a step without a batch."""
    X = batch.data[0] if hasattr(batch, "data") else batch[0] if isinstance(batch, (list, tuple)) else None
    return 1 if X is None else X.shape[0]
