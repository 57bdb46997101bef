"""The one training loop: epochs of steps that can stop after any step and go on to the bit.

Everything random is drawn from seeds that follow from the run's seed, the series, the epoch and the batch, so that a
resumed training needs no generator's state: MXNet's cannot be read back.
"""
from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Callable

import numpy as np
from mxnet import nd
from tqdm.auto import tqdm

from ..errors import InputError
from . import distributed
from .seeds import seed_everything
from .snapshots import Snapshots
from .task import Progress, Task

TOGETHER = 1.0  # seconds within which a SIGTERM and a SIGINT are one request


class RunningSums:
    """Sums of values that devices still compute, each read a few additions late.

    Reading a value waits for it. Read at once, Python could not prepare the next batch meanwhile; never read, an
    epoch's batches would queue up in memory.
    """

    def __init__(self, lag: int = 2, start: Iterable[float] = (), on_read: Callable[[np.ndarray], None] | None = None):
        self._lag, self._pending, self._on_read = lag, deque(), on_read
        self._sums: Any = np.array(list(start)) if start else 0.0

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
        values = self._pending.popleft().asnumpy().astype("float64")
        if self._on_read:
            self._on_read(values)
        self._sums = self._sums + values


def train_task(task: Task, num_epochs: int, on_epoch: Callable[[Any], None] | None = None,
               snapshots: Snapshots | None = None) -> list[Any]:
    """Train until ``num_epochs`` are done and return them.

    Args:
        on_epoch: called with each epoch, after a resumption with those done before too, so that what it prints and
            logs is whole; it may change the learning rate.
        snapshots: keeps the state after each epoch, and after the step that Ctrl-C finds; makes every random number
            follow from its seed. Without, the generators go on as they are and Ctrl-C stops at once.

    Raises:
        InputError: a value is no longer finite (which, in which step), the data has no batch, or a snapshot cannot
            be written.
        KeyboardInterrupt: Ctrl-C, after the state was saved.
    """
    distributed.start(task.trainer)
    progress = snapshots.resume(task, on_epoch) if snapshots else Progress()
    with _asked_to_stop(snapshots is not None) as stop:
        while len(progress.epochs) < num_epochs:
            epoch = _run_epoch(task, progress, num_epochs, snapshots, stop)
            progress = Progress([*progress.epochs, epoch])
            if on_epoch:
                on_epoch(epoch)
            if snapshots:
                snapshots.save(task, progress)
    if snapshots:
        seed_everything(snapshots.seed("end"))  # what comes after does not depend on what was resumed
    return progress.epochs


def _run_epoch(task: Task, progress: Progress, num_epochs: int, snapshots: Snapshots | None, stop: threading.Event):
    number, started = len(progress.epochs) + 1, time.time() - progress.seconds
    loop = _EpochLoop(task, progress, number, snapshots)
    with tqdm(desc=f"epoch {number}/{num_epochs}", unit="img", leave=False, disable=None) as bar:
        for pictures in loop.steps():
            bar.update(pictures)
            if loop.loss is not None:
                bar.set_postfix(loss=f"{loop.loss:.3g}", refresh=False)
            if stop.is_set():
                progress.seconds = time.time() - started
                snapshots.save(task, loop.now())
                raise KeyboardInterrupt
    sums, counts = loop.end()
    return task.summary(number, sums, counts, started)


class _EpochLoop:
    """One epoch: seeds, steps, sums."""

    def __init__(self, task: Task, progress: Progress, number: int, snapshots: Snapshots | None) -> None:
        self.task, self.progress, self.number, self.snapshots = task, progress, number, snapshots
        self.sums, self.counts = RunningSums(2, progress.sums, self._look), np.array(progress.counts or 0)
        self.step, self.loss = 0, None
        self._read, self._devices, self._pictures = progress.step, 1, 1

    def steps(self) -> Iterator[int]:
        """Do all steps, those done before only by taking their batches; yields each one's number of pictures."""
        self._seed("order")
        batches = iter(self.task.batches(self.number))
        while True:
            self._seed(self.step)
            batch = next(batches, None)
            if batch is None:
                return
            self.step += 1
            self._pictures = self.task.size(batch)
            if self.step > self.progress.step:
                self._train(batch)
            yield self._pictures

    def now(self) -> Progress:
        """How far it is, in a form to go on from."""
        sums = self.sums.total()
        return Progress(self.progress.epochs, self.step, list(map(float, sums)), list(map(float, self.counts)),
                        self.progress.seconds)

    def end(self) -> tuple[np.ndarray, np.ndarray]:
        if not self.step:
            raise InputError("the data has no batch: it has fewer pictures than one batch; choose a smaller batch size")
        return distributed.total(self.sums.total()), distributed.total(np.asarray(self.counts, np.float64))

    def _train(self, batch: Any) -> None:
        values, counts = self.task.step(batch)
        self._devices, self.counts = len(values), self.counts + np.array(counts)
        for scalars in values:
            self.sums.add(*scalars)

    def _seed(self, part: Any) -> None:
        if self.snapshots and (self.task.random or part == "order"):
            rank = distributed.rank() if part not in ("order", 0) else 0  # all workers draw one order, in step 0
            seed_everything(self.snapshots.seed(self.number, part, *[rank] * (rank > 0)))

    def _look(self, values: np.ndarray) -> None:
        """Values come in the order of the steps, a set a device."""
        self._read += 1 / self._devices
        self.loss = values[0] / self._pictures
        for name, value in zip(self.task.names, values):
            if not math.isfinite(value):
                raise InputError(f"the {name} is {value} in step {math.ceil(self._read)} of epoch {self.number}: "
                                 "lower the learning rate or check the data")


@contextmanager
def _asked_to_stop(watch: bool) -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, the first time; the second one stops at once.

    Where a section has made SIGTERM mean the same it does so here. What comes together with another is one request:
    a terminal, `timeout` and the `run` that started us may all pass the same one on.
    """
    stop, asked_at = threading.Event(), 0.0
    if not watch or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number, frame) -> None:
        nonlocal asked_at
        if stop.is_set():
            if number == signal.SIGINT and time.monotonic() - asked_at > TOGETHER:
                signal.default_int_handler(number, frame)
            return
        stop.set()
        asked_at = time.monotonic() if number == signal.SIGTERM else 0.0
        print("\nfinishing the step, then saving (Ctrl-C again stops at once)", file=sys.stderr, flush=True)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    mine = [number for number in before if number == signal.SIGINT or callable(before[number])]
    for number in mine:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number in mine:
            signal.signal(number, before[number])
