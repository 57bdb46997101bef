"""Training by several workers, each on its part of the data, as ``d2lzh-cv launch`` starts them.

Gradients are added up over all workers by MXNet's parameter server, and each worker then makes the same step with an
optimizer of its own; so the parameters stay equal, and are those of one worker with the same global batch, to the
rounding of float32. Two things differ: a worker's BatchNorm normalises over its own part of the batch and keeps
statistics of its own (worker 0's are saved), and random changes of pictures are drawn by each for itself. With three
workers and more the server adds in the order of arrival, so that runs differ in the last bits.

Worker 0 alone keeps results and snapshots; what the others write goes to OUT/rank-N, which no report reads.
Nothing here imports MXNet before a trainer asks for it, so that the command line can use it.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..errors import InputError

if TYPE_CHECKING:
    import numpy as np

RANK, WORKERS = "D2LZH_CV_RANK", "DMLC_NUM_WORKER"  # the environment of a worker; ps-lite draws its own ranks by lot
DIST = "dist_sync"
KVSTORES = ("local", "device", DIST)
NOT_LAUNCHED = f"{DIST} takes several processes; start them with: d2lzh-cv launch -n WORKERS -s SERVERS -- COMMAND"
_name: str | None = None
_store: Any = None
_started: WeakSet = WeakSet()  # the trainers


def launched() -> bool:
    """True in what ``d2lzh-cv launch`` has started as a worker."""
    return RANK in os.environ


def own_rank() -> int:
    """The number that this process was launched with, 0 where it was not, whatever it trains through."""
    return int(os.environ.get(RANK, 0))


def use(name: str | None) -> None:
    """Train through the kvstore ``name`` from now on; None: as ``gluon.Trainer`` does by itself.

    Raises InputError where dist_sync was not launched.
    """
    global _name
    if name == DIST and not launched():
        raise InputError(NOT_LAUNCHED)
    _name = name


def rank() -> int:
    """This worker's number, from 0; 0 where there is one process."""
    return own_rank() if _name == DIST else 0


def num_workers() -> int:
    """How many workers train together."""
    return int(os.environ[WORKERS]) if _name == DIST else 1


def kvstore() -> dict[str, Any]:
    """The options of ``gluon.Trainer`` that make it train through the kvstore in use; none where none was asked for.

    The optimizer stays in the worker, where a snapshot can read its state.
    """
    if _name is None:
        return {}
    return {"kvstore": _shared_store().keys() if _name == DIST else _name, "update_on_kvstore": False}


def start(trainer: Any) -> None:
    """Make ``trainer.step(len(X))`` a step of all workers, and give each worker 0's parameters before the first one.

    Where shapes are not known before the first step it gives them: then the seeds make them equal before.
    """
    if num_workers() == 1:
        return
    if trainer not in _started:  # gradients are added up: their mean is over the pictures of all
        _started.add(trainer)
        trainer._scale /= num_workers()
    known = all(parameter._data is not None for parameter in trainer._params)
    if known and not trainer._kv_initialized:
        trainer._init_kvstore()
        trainer._init_params()


def share(batch_size: int) -> int:
    """This worker's part of a global batch. Raises InputError where it cannot be shared evenly."""
    if batch_size % num_workers():
        raise InputError(f"{num_workers()} workers cannot share batches of {batch_size} pictures evenly; choose a "
                         f"number that divides {batch_size}")
    return batch_size // num_workers()


def part_of(sequence: Sequence) -> Sequence:
    """This worker's part, as long as any other's; what is over after an even division is nobody's."""
    length = len(sequence) // num_workers()
    return sequence[rank() * length:(rank() + 1) * length]


class Parts:
    """This worker's parts of the batches of ``batches``, for a DataLoader: each worker draws the same global batches.

    Up to ``num_workers() - 1`` pictures of a last, smaller batch are left out. The seeds must be equal on all workers.
    """

    def __init__(self, batches: Any) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Sequence[int]]:
        return iter(filter(len, map(part_of, self._batches)))

    def __len__(self) -> int:
        return len(self._batches)


def total(values: np.ndarray) -> np.ndarray:
    """The sum of ``values``, float64, over all workers; each must call it."""
    return values if num_workers() == 1 else _shared_store().gather(values).sum(axis=0)


def broadcast(content: bytes) -> bytes:
    """Worker 0's ``content``; each must call it, the others' is not looked at."""
    return content if num_workers() == 1 else _shared_store().broadcast(content)


def own_folder(out: str | Path | None) -> str | None:
    """Where this launched worker's results go when those of worker 0 go to ``out``."""
    name = f"rank-{own_rank()}"
    if own_rank() == 0 or (out is not None and Path(out).name == name):
        return out
    return str(Path(out or "runs") / name)


def _shared_store() -> Any:
    global _store
    if _store is None:
        from .shared_store import SharedStore
        _store = SharedStore(DIST, rank(), num_workers())
        _leave_at_once_on_errors()
    return _store


def _leave_at_once_on_errors() -> None:
    """A worker that fails must not wait at its exit for the others, who wait for its gradients."""
    before = sys.excepthook

    def hook(kind, error, trace) -> None:
        code: Any = 1
        try:
            before(kind, error, trace)
        except SystemExit as stop:
            code = stop.code
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
    sys.excepthook = hook
