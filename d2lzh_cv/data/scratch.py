"""A temporary file for decoded pictures, so that they take no memory and are decoded once."""
from __future__ import annotations

import os
import sys
import tempfile
import weakref

from ..errors import InputError
from ..files import make_folder
from . import hub


class Scratch:
    """A file below the cache without a name, which goes with the process; forked processes share it.

    Without a folder to write to, or with a full disk, nothing more is written, and one line says so.

    Args:
        then: what happens to pictures that are not kept, for that line.
    """

    def __init__(self, then: str) -> None:
        self._then, self._file, self.full = then, None, False
        try:
            self._file = tempfile.TemporaryFile(dir=make_folder(hub.cache_root()), buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        except (InputError, OSError) as error:
            self._stop(error)

    def read(self, size: int, place: int) -> bytes:
        """Return up to ``size`` bytes from ``place`` on; none where there is no file."""
        return os.pread(self._file.fileno(), size, place) if self._file else b""

    def write(self, content: bytes | memoryview, place: int) -> bool:
        """Write ``content`` at ``place``; False where it is not kept."""
        try:
            while content and not self.full:
                done = os.pwrite(self._file.fileno(), content, place)
                content, place = content[done:], place + done
        except OSError as error:
            self._stop(error)
        return not self.full

    def _stop(self, error: Exception) -> None:
        self.full = True
        print(f"{hub.cache_root()}: {getattr(error, 'strerror', None) or error}; {self._then}", file=sys.stderr)
