"""A store for decoded pictures: each picture is decoded once, and its pixels stay in a temporary file."""
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
    """A temporary file in the cache folder. It disappears with the process; forked processes share it.

    If the folder is not writable or the disk is full, a printed line says so, and later writes do nothing.

    Args:
        then: the end of that line: what happens to pictures that are not kept.
    """

    def __init__(self, then: str) -> None:
        self._then, self._file, self.full = then, None, False
        try:
            self._file = tempfile.TemporaryFile(dir=make_folder(hub.cache_root()), buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        except (InputError, OSError) as error:
            self._stop(error)

    def read(self, size: int, place: int) -> bytes:
        """Return up to ``size`` bytes from the offset ``place`` on; no bytes if there is no file."""
        return os.pread(self._file.fileno(), size, place) if self._file else b""

    def write(self, content: bytes | memoryview, place: int) -> bool:
        """Write ``content`` at the offset ``place``. Return False if it could not be written."""
        try:
            while content and not self.full:
                count = os.pwrite(self._file.fileno(), content, place)
                content, place = content[count:], place + count
        except OSError as error:
            self._stop(error)
        return not self.full

    def _stop(self, error: Exception) -> None:
        self.full = True
        print(f"{hub.cache_root()}: {getattr(error, 'strerror', None) or error}; {self._then}", file=sys.stderr)


class DecodedPictures:
    """A cache of pixels, found by the compressed picture's content. Several threads may use it.

    Pictures beyond ``limit`` bytes of pixels, or without room in :class:`Scratch`, are decoded at each access.
    """

    def __init__(self, limit: int) -> None:
        self._room, self._end, self._scratch, self._places, self._lock = limit, 0, None, {}, threading.Lock()

    def get(self, content: bytes, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the uint8 pixels of the compressed picture ``content``; the first time ``decode()`` computes them."""
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
            self._scratch = self._scratch or Scratch("detection pictures are decoded again in each epoch")
            if self._scratch.write(np.ascontiguousarray(picture).data.cast("B"), self._end):
                self._places[key] = self._end, picture.shape
                self._end, self._room = self._end + picture.nbytes, self._room - picture.nbytes
            else:
                self._room = 0
