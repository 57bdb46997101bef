"""Training by several workers, each on its part of the data, as ``d2lzh-cv launch`` starts them.

MXNet's parameter server sums the gradients over all workers. Each worker then makes the same step with its own
optimizer. So all workers keep equal parameters, and one worker with the same global batch would get them too, up to the
rounding of float32. Two things differ: BatchNorm normalises over each worker's part of the batch and keeps separate
statistics (worker 0 saves its own), and each worker draws its own random augmentations. With three or more workers the
server adds in the order of arrival, so runs differ in the last bits.

Only worker 0 keeps results and snapshots. The other workers write to OUT/rank-N, which no report reads.
This module imports MXNet only when a trainer needs it, so that the command line can import this module.
"""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from ..data import worker_part
from ..errors import InputError

if TYPE_CHECKING:
    import numpy as np

RANK, WORKERS = "D2LZH_CV_RANK", "DMLC_NUM_WORKER"  # in a worker's environment; ps-lite's own ranks are random
DIST = "dist_sync"
KVSTORES = ("local", "device", DIST)
NOT_LAUNCHED = f"{DIST} takes several processes; start them with: d2lzh-cv launch -n WORKERS -s SERVERS -- COMMAND"
_name: str | None = None
_store: Any = None
_started: WeakSet = WeakSet()  # trainers whose step is already scaled


def launched() -> bool:
    """Return True if ``d2lzh-cv launch`` started this process as a worker."""
    return RANK in os.environ


def own_rank() -> int:
    """Return the number that ``launch`` gave this process, else 0; the kvstore does not matter."""
    return int(os.environ.get(RANK, 0))


def use(name: str | None) -> None:
    """Train through the kvstore ``name`` from now on; None leaves the choice to ``gluon.Trainer``.

    Raises:
        InputError: ``name`` is dist_sync, but ``launch`` did not start this process.
    """
    global _name
    if name == DIST and not launched():
        raise InputError(NOT_LAUNCHED)
    _name = name
    worker_part.use(rank(), num_workers())


def rank() -> int:
    """Return the number of this worker, from 0; 0 if only one process trains."""
    return own_rank() if _name == DIST else 0


def num_workers() -> int:
    """Return the number of workers that train together."""
    return int(os.environ[WORKERS]) if _name == DIST else 1


def kvstore() -> dict[str, Any]:
    """Return the options of ``gluon.Trainer`` for the kvstore in use; empty if :func:`use` chose none.

    The optimizer runs in the worker, where a snapshot can read its state.
    """
    if _name is None:
        return {}
    return {"kvstore": _shared_store().keys() if _name == DIST else _name, "update_on_kvstore": False}


def start(trainer: Any) -> None:
    """Let ``trainer`` use the kvstore in use; make ``trainer.step(len(X))`` a step of all workers.

    The parameters of worker 0 are copied to all workers.

    If shapes are unknown before the first step, the first step copies them; until then equal seeds keep them equal.
    """
    if _name is not None and not trainer._kv_initialized:
        trainer._kvstore_params.update(kvstore())
    if num_workers() == 1:
        return
    if trainer not in _started:  # the server sums gradients; divided by num_workers, the step uses their mean
        _started.add(trainer)
        trainer._scale /= num_workers()
    known = all(parameter._data is not None for parameter in trainer._params)
    if known and not trainer._kv_initialized:
        trainer._init_kvstore()
        trainer._init_params()


def part_of(sequence: Sequence) -> Sequence:
    """Return this worker's part of ``sequence``. All parts have the same length; a remainder is left out."""
    length = len(sequence) // num_workers()
    return sequence[rank() * length:(rank() + 1) * length]


class Parts:
    """A batch sampler for a DataLoader: this worker's part of each batch of the sampler ``batches``.

    All workers need equal seeds, so that they draw the same global batches. Up to ``num_workers() - 1`` pictures of a
    smaller last batch are left out.
    """

    def __init__(self, batches: Any) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[Sequence[int]]:
        return iter(filter(len, map(part_of, self._batches)))

    def __len__(self) -> int:
        return len(self._batches)


def total(values: np.ndarray) -> np.ndarray:
    """Return the sum of ``values``, float64 (N,), over all workers; every worker must call it."""
    return values if num_workers() == 1 else _shared_store().gather(values).sum(axis=0)


def broadcast(content: bytes) -> bytes:
    """Return the ``content`` of worker 0; every worker must call it, and the ``content`` of the others is ignored."""
    return content if num_workers() == 1 else _shared_store().broadcast(content)


def own_folder(out: str | Path | None) -> str | None:
    """Return the results folder of this worker, if worker 0 writes its results to ``out``."""
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
    """End a failed worker at once: a normal exit waits for the other workers, and they wait for its gradients."""
    previous = sys.excepthook

    def hook(kind, error, trace) -> None:
        code: Any = 1
        try:
            previous(kind, error, trace)
        except SystemExit as stop:
            code = stop.code
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)
    sys.excepthook = hook
