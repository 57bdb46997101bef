"""What a case is: a description for the runner, and what each side does in its own process."""
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .compare import Limit

OURS, BOOK, TORCH, CHANNELS_LAST = "ours", "book", "torch", "torch_channels_last"
CLASSES = {OURS: "Ours", BOOK: "Book", TORCH: "Torch", CHANNELS_LAST: "Torch"}  # in a case's module


@dataclass(frozen=True)
class Case:
    """One thing to time.

    Attributes:
        name: for instance ``tinyssd_step``.
        what: one line.
        module: its sides' classes are there.
        settings: what the sides are made with; ``repeat`` is how many units a run is.
        quick: settings in their place for a look whether all works.
        limits: the results to compare, and how close is equal.
        unit: what the seconds are for, and how many pictures or anchors that is, by a key of ``settings``.
        layouts: PyTorch is timed in NCHW and in channels_last; otherwise in one form.
        trains: has ``losses``.
    """

    name: str
    what: str
    module: str
    settings: dict[str, Any]
    quick: dict[str, Any]
    limits: dict[str, Limit]
    unit: tuple[str, str] = ("step", "batch")
    layouts: bool = True
    trains: bool = False

    def with_settings(self, quick: bool, **changes: Any) -> dict[str, Any]:
        """The settings of a run; ``changes`` go before all others."""
        return {**self.settings, **(self.quick if quick else {}), **changes}

    def sides(self, torch: bool) -> list[str]:
        """The names of its sides, ours first."""
        return [OURS, BOOK, *([TORCH, CHANNELS_LAST] if self.layouts else [TORCH]) * torch]


@dataclass
class Side:
    """One way of doing a case. Making it prepares weights and inputs, which no time counts for."""

    settings: dict[str, Any]
    channels_last: bool = False
    imports: ClassVar[tuple[str, ...]] = ()  # what to import before memory is looked at; by default its framework

    def __post_init__(self) -> None:
        self.prepare()

    def prepare(self) -> None:
        """Import the framework; make network and inputs."""
        raise NotImplementedError

    def result(self) -> dict[str, np.ndarray]:
        """Do it once and return what comes out, to be compared. Called once, before any run."""
        raise NotImplementedError

    def run(self) -> None:
        """Do ``settings['repeat']`` units and wait until all is computed."""
        raise NotImplementedError

    def losses(self, steps: int) -> list[float]:
        """The loss of each of the first ``steps`` steps; called in place of the others."""
        raise NotImplementedError

    def seconds(self) -> float:
        """Time a run: seconds a unit."""
        began = time.perf_counter()
        self.run()
        return (time.perf_counter() - began) / self.settings["repeat"]
