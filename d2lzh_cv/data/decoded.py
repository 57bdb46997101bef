"""Pictures are decoded once: their pixels go to a temporary file, so that they take no memory."""
from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable

import numpy as np

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


class DecodedPictures:
    """Pixels by the content of the compressed picture; threads may ask at the same time.

    Past ``limit`` bytes, and where :class:`Scratch` has no room, they are decoded each time.
    """

    def __init__(self, limit: int) -> None:
        self._room, self._end, self._scratch, self._places, self._lock = limit, 0, None, {}, threading.Lock()

    def get(self, content: bytes, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the pixels of the compressed picture ``content``, from ``decode()`` the first time; uint8."""
        key = hashlib.blake2b(content, digest_size=16).digest()
        if key in self._places:
            place, shape = self._places[key]
            return np.frombuffer(self._scratch.read(int(np.prod(shape)), place), np.uint8).reshape(shape)
        picture = decode()
        self._keep(key, picture)
        return picture

    def _keep(self, key: bytes, picture: np.ndarray) -> None:
        with self._lock:
            if picture.nbytes > self._room:
                return
            self._scratch = self._scratch or Scratch("detection pictures are decoded anew in each epoch")
            if self._scratch.write(np.ascontiguousarray(picture).data.cast("B"), self._end):
                self._places[key] = self._end, picture.shape
                self._end, self._room = self._end + picture.nbytes, self._room - picture.nbytes
            else:
                self._room = 0
