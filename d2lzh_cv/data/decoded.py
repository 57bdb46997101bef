"""Pictures that are decoded once: their pixels in a file that goes with the process, so that they take no memory."""
from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import numpy as np

from .scratch import Scratch


class DecodedPictures:
    """Pixels by the content of the compressed picture; threads may ask at the same time.

    Past ``limit`` bytes, and where :class:`~d2lzh_cv.data.scratch.Scratch` has no room, they are decoded each time.
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
