"""MXNet's parameter server as a sum over all workers, for ``gluon.Trainer`` and for the workers' other exchanges."""
from __future__ import annotations

from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.kvstore import KVStoreBase

KEYS = 2_000  # per trainer; small, because MXNet multiplies keys by 9973 in 32 bits to choose a server
OTHERS = 200_000  # the first key of the other exchanges; each array length has its own key


class SharedStore:
    """The connection of this process to the servers; a process has only one.

    Args:
        kind: the kvstore, such as "dist_sync".
    """

    def __init__(self, kind: str, rank: int, num_workers: int) -> None:
        self.kind, self.rank, self.num_workers = kind, rank, num_workers
        self._store, self._known, self._trainers = mx.kv.create(kind), set(), 0
        self._lengths: dict[int, int] = {}

    def keys(self) -> TrainerStore:
        """Return a store for one trainer, with keys that no other trainer uses."""
        self._trainers += 1
        return TrainerStore(self, (self._trainers - 1) * KEYS)

    def sum(self, key: int, value: Any, out: Any = None, priority: int = 0) -> None:
        """Sum ``value``, one array or one per device, over all workers and devices; write it to ``out``, or back."""
        if key not in self._known:
            first = value[0] if isinstance(value, (list, tuple)) else value
            self._store.init(key, nd.zeros_like(first))
            self._known.add(key)
        self._store.pushpull(key, value, out=out, priority=priority)

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Return the ``values``, float64 (N,), of all workers as (workers, N), bit for bit."""
        halves = np.ascontiguousarray(values, np.float64).view(np.uint16)  # float32 represents every uint16 exactly
        rows = np.zeros((self.num_workers, halves.size), np.float32)
        rows[self.rank] = halves
        return self._exchange(rows).astype(np.uint16).view(np.float64)

    def broadcast(self, content: bytes) -> bytes:
        """Return the ``content`` of worker 0."""
        length = int(self.gather(np.array([len(content)], np.float64))[0, 0])
        numbers = np.zeros(-(-length // 2), np.uint16)
        if self.rank == 0:
            numbers.view(np.uint8)[:length] = np.frombuffer(content, np.uint8)
        sent = self._exchange(numbers.astype(np.float32)) if length else numbers
        return sent.astype(np.uint16).tobytes()[:length]

    def _exchange(self, array: np.ndarray) -> np.ndarray:
        value = nd.array(array.ravel(), dtype="float32")
        self.sum(OTHERS + self._lengths.setdefault(value.size, len(self._lengths)), value)
        return value.asnumpy().reshape(array.shape)


class TrainerStore(KVStoreBase):
    """A kvstore for one ``gluon.Trainer``; the trainer runs the optimizer, the store only sums."""

    def __init__(self, shared: SharedStore, first_key: int) -> None:
        self._shared, self._first_key = shared, first_key

    def broadcast(self, key: int, value: nd.NDArray, out: Any, priority: int = 0) -> None:
        """Copy the ``value`` of worker 0 to ``out``, one array or one per device."""
        own = value if self._shared.rank == 0 else nd.zeros_like(value)
        self._shared.sum(self._first_key + key, own, out, priority)
        for array in out if isinstance(out, (list, tuple)) else [out]:
            array.wait_to_read()  # MXNet orders exchanges by array, not by key: the gradient could overtake this one

    def pushpull(self, key: int, value: Any, out: Any = None, priority: int = 0) -> None:
        """See :meth:`SharedStore.sum`."""
        self._shared.sum(self._first_key + key, value, out, priority)

    def is_capable(self, capability: str) -> bool:
        """Return False: this store runs no optimizer."""
        return False

    @property
    def type(self) -> str:
        """The name of the kvstore."""
        return self._shared.kind

    @property
    def rank(self) -> int:
        """The number of this worker, from 0."""
        return self._shared.rank

    @property
    def num_workers(self) -> int:
        """The number of workers."""
        return self._shared.num_workers
