"""Where trainings are logged and saved while a section runs: the section sets it, training loops use it."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .snapshots import Snapshots


class Recorder(Protocol):
    """A running section, as training loops use it."""

    def snapshots(self, series: str, best: str | None = None) -> Snapshots:
        """Return the snapshots of the training ``series``; ``best`` as in :class:`~.snapshots.Snapshots`."""

    def log_epoch(self, series: str, epoch: Any) -> None:
        """Log the result of an epoch of the training ``series``."""


_recorder: Recorder | None = None


def use(recorder: Recorder | None) -> None:
    """Log and save trainings with ``recorder`` from now on; None: not at all."""
    global _recorder
    _recorder = recorder


def current() -> Recorder | None:
    """Return the recorder in use."""
    return _recorder
