"""What a case is: a description for the runner, and what each side does in its own process."""
from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .compare import Limit
from .sides import BFLOAT16, CHANNELS_LAST, COMPILED, EAGER, FLOAT32, GROUPS, OURS, SIDES


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
        sides: the names of its sides, ours first.
        coarse: the limits of the sides in bfloat16.
        trains: has ``losses``.
        rate: a table shows units per second, not seconds.
    """

    name: str
    what: str
    module: str
    settings: dict[str, Any]
    quick: dict[str, Any]
    limits: dict[str, Limit]
    unit: tuple[str, str] = ("step", "batch")
    sides: tuple[str, ...] = EAGER
    coarse: dict[str, Limit] = field(default_factory=dict)
    trains: bool = False
    rate: bool = False

    def with_settings(self, quick: bool, **changes: Any) -> dict[str, Any]:
        """The settings of a run; ``changes`` go before all others."""
        return {**self.settings, **(self.quick if quick else {}), **changes}

    def taking_part(self, torch: bool, groups: Collection[str] = tuple(GROUPS)) -> list[str]:
        """Its sides in ``groups``; ``torch``: whether PyTorch is installed."""
        return [side for side in self.sides if SIDES[side].group in groups and (torch or not SIDES[side].needs_torch)]

    def limits_of(self, side: str) -> dict[str, Limit]:
        """How close the results of ``side`` have to be to ours."""
        return self.limits if SIDES[side].precision == FLOAT32 else self.coarse


@dataclass
class Side:
    """One way of doing a case. Making it prepares weights and inputs, which no time counts for."""

    settings: dict[str, Any]
    name: str = OURS
    imports: ClassVar[tuple[str, ...]] = ()  # what to import before memory is looked at; by default its framework
    has_memory: ClassVar[bool] = True  # the work is done in this process

    def __post_init__(self) -> None:
        self.prepare()

    @property
    def channels_last(self) -> bool:
        """PyTorch's layout; compiled and in bfloat16, only this one is timed, which is the faster of the two."""
        return self.name in (CHANNELS_LAST, COMPILED, BFLOAT16)

    def prepare(self) -> None:
        """Import the framework; make network and inputs. Raises NotHere where this machine cannot do it."""
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

    def onnx(self) -> bytes:
        """Its network as an ONNX file; of a prediction."""
        raise NotImplementedError

    def seconds(self) -> float:
        """Time a run: seconds a unit."""
        began = time.perf_counter()
        self.run()
        return (time.perf_counter() - began) / self.settings["repeat"]
