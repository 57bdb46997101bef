"""Snapshots of a training that several workers share."""
from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from typing import Any

from . import distributed
from .snapshots import Progress, Snapshots, Training


class SharedSnapshots(Snapshots):
    """Snapshots that only worker 0 writes and all workers resume from; they need no common disk."""

    def save(self, training: Training, progress: Progress) -> Any:
        """Write the snapshot in worker 0; do nothing in the others. See :meth:`Snapshots.save`."""
        return super().save(training, progress) if distributed.rank() == 0 else self.folder

    def resume(self, training: Training, on_epoch: Callable[[Any], None] | None = None) -> Progress:
        """See :meth:`Snapshots.resume`. In an unfinished epoch every worker resumes with the sums of worker 0."""
        if distributed.rank() == 0:
            progress = super().resume(training, on_epoch)
            distributed.broadcast(self._packed(progress))
            return progress
        content = distributed.broadcast(b"")
        if content:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                archive.extractall(self.folder)
        try:
            return super().resume(training, on_epoch)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _packed(self, progress: Progress) -> bytes:
        content = io.BytesIO()
        if not progress.epochs and not progress.step:
            return b""
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.add(self.folder / progress.name, progress.name)
        return content.getvalue()
