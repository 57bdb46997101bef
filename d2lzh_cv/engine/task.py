"""What is trained, as the loop and the snapshots see it, and how far it is."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from mxnet import gluon, nd


class Task:
    """What is trained. A subclass says what a pass over the data is, what a step does, and what an epoch gave.

    Attributes:
        names: of the values whose sums :meth:`step` returns; the first is the loss that the progress bar shows.
        epoch_class: the dataclass that :meth:`summary` returns; it has ``number`` and ``seconds``.
        random: False where neither data nor network draw random numbers, which saves the seeding of each batch.
    """

    names: tuple[str, ...] = ("loss",)
    epoch_class: type
    random = True

    def __init__(self, net: gluon.Block, trainer: gluon.Trainer) -> None:
        self.net, self.trainer = net, trainer

    def batches(self, number: int) -> Iterable:
        """Begin epoch ``number``: a pass over the training data."""
        raise NotImplementedError

    def step(self, batch: Any) -> tuple[list[list[nd.NDArray]], list[int]]:
        """Train on one batch. Returns sums (a list a device, each a scalar for each name), and what they are over."""
        raise NotImplementedError

    def size(self, batch: Any) -> int:
        """How many pictures are in the batch."""
        return 1

    def summary(self, number: int, sums: np.ndarray, counts: np.ndarray, started: float) -> Any:
        """Return the epoch; ``started`` is when it began, by ``time.time()``."""
        raise NotImplementedError


@dataclass
class Progress:
    """How far a training is: finished epochs, and of the current one the steps, sums, counts and seconds so far."""

    epochs: list[Any] = field(default_factory=list)
    step: int = 0
    sums: list[float] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Epochs and steps done, such as 00002-000013: later ones sort after earlier ones."""
        return f"{len(self.epochs):05d}-{self.step:06d}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; floats keep all their digits."""
        return {**vars(self), "epochs": [asdict(epoch) for epoch in self.epochs]}
