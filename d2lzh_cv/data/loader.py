"""A DataLoader that cannot hang: its workers are threads, so nothing is forked beside MXNet's and OpenMP's threads.

A forked child has none of its parent's threads, but their locks as they were; libgomp's pool and a held lock are waited
for forever. Pillow and NumPy let other threads run while they decode and look up, which is where the time goes.
"""
from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator

from mxnet.gluon.data import BatchSampler, DataLoader, Dataset, RandomSampler, Sampler, SequentialSampler
from mxnet.gluon.data.dataloader import default_batchify_fn


def data_loader(dataset: Dataset, batch_size: int, shuffle: bool = False, last_batch: str = "keep",
                workers: int | None = None) -> DataLoader:
    """Return a gluon DataLoader over ``dataset`` whose batches depend on the seeds alone, not on ``workers``.

    workers: threads beside the caller's; on Linux half of the processors but no more than 4 by default, elsewhere 0.
    A dataset with ``example(idx, rng)``, as VOCSegDataset, gets a generator of its own for each sample, seeded once an
    epoch from Python's ``random``; one without is asked by index, and must not draw random numbers in several threads.
    The order comes from NumPy's generator. last_batch: 'keep', 'discard' or 'rollover'. Sections 9.9, 9.10.
    """
    workers = default_workers() if workers is None else workers
    sampler = RandomSampler(len(dataset)) if shuffle else SequentialSampler(len(dataset))
    batches = BatchSampler(sampler, batch_size, last_batch)
    if hasattr(dataset, "example"):
        dataset, batches = _Seeded(dataset), _SeededBatches(batches)
    return DataLoader(dataset, batch_sampler=batches, batchify_fn=default_batchify_fn, num_workers=workers,
                      thread_pool=True, prefetch=workers)


def default_workers() -> int:
    """How many threads read beside the caller."""
    return min(4, (os.cpu_count() or 1) // 2) if sys.platform == "linux" else 0


class _Seeded(Dataset):
    """Looks up (index, seed)."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def __getitem__(self, key: tuple[int, int]):
        return self._dataset.example(key[0], random.Random(key[1]))

    def __len__(self) -> int:
        return len(self._dataset)


class _SeededBatches(Sampler):
    def __init__(self, batches: BatchSampler) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = random.Random(random.getrandbits(64))
        for batch in self._batches:
            yield [(int(idx), rng.getrandbits(64)) for idx in batch]

    def __len__(self) -> int:
        return len(self._batches)
