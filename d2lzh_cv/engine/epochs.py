"""What a training loop goes through: epochs and batches that are seeded, measured, and can stop and resume to the bit.

With them a loop reads like the book's::

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

Everything random is drawn from seeds that follow from the run's seed, the series, the epoch and the batch. A resumed
training needs no generator's state, then: MXNet's cannot be read back.
"""
from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Callable

import numpy as np
from mxnet import gluon, nd
from tqdm.auto import tqdm

from ..errors import InputError
from . import distributed
from .seeds import seed_everything
from .snapshots import Progress, Snapshots
from .stopping import StopRequest, stop_request


class Epochs:
    """The epochs of one training, from the first one that is not done yet.

    Args:
        num_epochs: how many there are, with those done before.
        net: what is trained.
        trainer: of ``net``.
        result_class: the dataclass of what an epoch gave; it has ``number``, from 1, and ``seconds``.
        on_epoch: called with each epoch's result, after a resumption with those done before too, so that what it
            prints and logs is whole; it may change the learning rate.
        snapshots: keep the state after each epoch, and after the step in which Ctrl-C comes; make every random number
            follow from their seed. Without them the generators continue as they are and Ctrl-C stops at once.
        random_batches: False where neither data nor network draw random numbers, which saves the seeding of each batch.

    Attributes:
        results: of the epochs done, in their order.

    Raises, in the loop:
        InputError: a value is no longer finite (which, in which step), the data has no batch, or a snapshot cannot
            be written.
        KeyboardInterrupt: Ctrl-C, after the state was saved.
    """

    def __init__(self, num_epochs: int, net: gluon.Block, trainer: gluon.Trainer, result_class: type,
                 on_epoch: Callable[[Any], None] | None = None, snapshots: Snapshots | None = None,
                 random_batches: bool = True) -> None:
        self.num_epochs, self.net, self.trainer, self.result_class = num_epochs, net, trainer, result_class
        self.on_epoch, self.snapshots, self.random_batches = on_epoch, snapshots, random_batches
        self.results: list[Any] = []

    def __iter__(self) -> Iterator[Epoch]:
        distributed.start(self.trainer)
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
            seed_everything(self.snapshots.seed("end"))  # what comes after does not depend on what was resumed


class Epoch:
    """One pass over the training data.

    Attributes:
        number: from 1.
        result: what :meth:`end` was given.
    """

    def __init__(self, epochs: Epochs, progress: Progress, stop: StopRequest) -> None:
        self._epochs, self._progress, self._stop = epochs, progress, stop
        self.number, self._step, self._pictures = len(progress.epochs) + 1, 0, 1
        self._sums = Sums(progress.sums, progress.counts)
        self._started = time.time() - progress.seconds
        self._seed("order")

    @property
    def seconds(self) -> float:
        """Since the epoch began, without those between a stop and its resumption."""
        return time.time() - self._started

    def batches(self, data: Iterable) -> Iterator[Any]:
        """Yield the batches of ``data``, with a progress bar; those trained on before a resumption are only taken."""
        batches, done = iter(data), self._progress.step
        with tqdm(desc=f"epoch {self.number}/{self._epochs.num_epochs}", unit="img", leave=False, disable=None) as bar:
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
        """Add to the epoch's sums: for each name a pair of a sum over a batch, or a device's part, and its count.

        The first one is the loss that the progress bar shows. Values are read two additions late.
        """
        self._sums.add(values, f"in step {self._step} of epoch {self.number}")

    def sums(self) -> list[float]:
        """Return each sum, over all workers, in the order of :meth:`add`."""
        return distributed.total(self._sums.total()[0]).tolist()

    def means(self) -> list[float]:
        """Return each sum divided by its count, over all workers, in the order of :meth:`add`."""
        sums, counts = (distributed.total(values) for values in self._sums.total())
        return (sums / np.maximum(counts, 1)).tolist()

    def end(self, result: Any) -> None:
        """End the epoch, which gave ``result``."""
        self.result = result

    def _now(self) -> Progress:
        """How far it is, in a form to resume from."""
        sums, counts = (values.tolist() for values in self._sums.total())
        return Progress(self._epochs.results, self._step, sums, counts, self.seconds)

    def _seed(self, part: Any) -> None:
        snapshots = self._epochs.snapshots
        if snapshots and (self._epochs.random_batches or part == "order"):
            rank = distributed.rank() if part not in ("order", 0) else 0  # all workers draw one order, in step 0
            seed_everything(snapshots.seed(self.number, part, *[rank] * (rank > 0)))


class Sums:
    """Sums, float64, of values that devices still compute, each read a few additions late.

    Reading a value waits for it. Read at once, Python could not prepare the next batch meanwhile; never read, an
    epoch's batches would queue up in memory.

    Attributes:
        newest: the values read last, one for each sum.
    """

    def __init__(self, sums: Iterable[float] = (), counts: Iterable[float] = (), lag: int = 2) -> None:
        self._sums, self._counts = (np.array(list(start) or 0.0, np.float64) for start in (sums, counts))
        self._lag, self._pending, self.newest = lag, deque(), None

    def add(self, values: dict[str, tuple[nd.NDArray, float]], where: str) -> None:
        """Add for each name a value, one number, and what it is the sum of; ``where`` is for the error.

        Raises InputError where a value, of this addition or an earlier one, is not finite.
        """
        names, pairs = list(values), list(values.values())
        self._pending.append((names, nd.concat(*[value.reshape(1) for value, _ in pairs], dim=0), where))
        self._counts = self._counts + np.array([count for _, count in pairs], np.float64)
        if len(self._pending) > self._lag:
            self._read()

    def total(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all sums and all counts, float64."""
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


def _num_pictures(batch: Any) -> int:
    """Of a pair (X, y), of an ``mx.io.DataBatch``, or of a step without a batch."""
    X = batch.data[0] if hasattr(batch, "data") else batch[0] if isinstance(batch, (list, tuple)) else None
    return 1 if X is None else X.shape[0]
