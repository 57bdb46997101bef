"""What the cases of whole epochs share: a step's side that goes through a set, and is compared by counts and a loss.

Order, crops and flips are drawn by each side's own generator. So the losses of an epoch are only near each other, while
the numbers of pictures are equal.
"""
from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from .compare import Limit

EQUAL, NEAR = Limit("relative", 0.0), Limit("relative", 0.3)


class Counted:
    """The batches of ``data``, and how many pictures the last pass had, without those that fill a batch."""

    def __init__(self, data: Any) -> None:
        self.data, self.pictures = data, 0

    def __iter__(self) -> Iterator[Any]:
        self.pictures = 0
        for batch in self.data:
            self.pictures += batch.data[0].shape[0] - batch.pad if hasattr(batch, "pad") else len(batch[0])
            yield batch

    def reset(self) -> None:
        """Go back to the start, where ``data`` does not do so by itself."""
        self.data.reset()


class Epoch:
    """To be mixed into a side of a step. ``load`` gives the batches to train with and to test with, if any."""

    def prepare(self) -> None:
        super().prepare()
        trained, tested = self.load()
        self.trained, self.tested = Counted(trained), Counted(tested)

    def batches(self, steps: int) -> Any:
        """One pass, however many steps that is."""
        return self.trained

    def result(self) -> dict[str, np.ndarray]:
        random.seed(0)
        np.random.seed(0)
        self.seed()
        means = np.mean(self.train(1), axis=0)
        return {"pictures trained": np.array(self.trained.pictures), "pictures tested": np.array(self.tested.pictures),
                **{name: np.array(mean) for name, mean in zip(self.compared, means)}}

    def run(self) -> None:
        self.train(1)


class Gluon(Epoch):
    def seed(self) -> None:
        import mxnet as mx
        mx.random.seed(0)


class Torch(Epoch):
    """With as many processes that read as there are processors."""

    def seed(self) -> None:
        import torch
        torch.manual_seed(0)

    def batches(self, steps: int) -> Iterator[tuple]:
        layout = self.tools.layout(self.channels_last)
        for X, y in self.trained:
            yield X.to(memory_format=layout), y

    def loader(self, dataset, shuffle: bool):
        from torch.utils.data import DataLoader

        from .environment import available
        return DataLoader(dataset, self.settings["batch"], shuffle, num_workers=available(), drop_last=shuffle)
