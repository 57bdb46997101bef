"""A DataLoader that cannot hang: its workers are threads, not forked processes.

A forked process copies the locks of MXNet and OpenMP but not their threads, so it may wait for a lock forever. Threads
are fast enough: most of the time is spent in Pillow and NumPy, which let other threads run.
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
    """Return a Gluon DataLoader whose batches depend on the seeds alone, not on ``workers``. Sections 9.9, 9.10.

    Args:
        dataset: if it has ``example(idx, rng)``, like VOCSegDataset, each sample gets its own generator, whose seed
            comes from Python's ``random``; else it must not draw random numbers in several threads.
        shuffle: draw the order from NumPy's global generator.
        last_batch: 'keep', 'discard' or 'rollover'.
        workers: threads beside the caller's; by default :func:`default_workers`.
    """
    workers = default_workers() if workers is None else workers
    sampler = RandomSampler(len(dataset)) if shuffle else SequentialSampler(len(dataset))
    batches = BatchSampler(sampler, batch_size, last_batch)
    if hasattr(dataset, "example"):
        dataset, batches = _Seeded(dataset), _SeededBatches(batches)
    return DataLoader(dataset, batch_sampler=batches, batchify_fn=default_batchify_fn, num_workers=workers,
                      thread_pool=True, prefetch=workers)


def default_workers() -> int:
    """Return the default number of reader threads: on Linux half of the processors, at most 4; elsewhere 0."""
    return min(4, (os.cpu_count() or 1) // 2) if sys.platform == "linux" else 0


class _Seeded(Dataset):
    """A data set whose keys are (index, seed)."""

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
