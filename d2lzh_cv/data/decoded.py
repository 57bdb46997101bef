"""Pictures that are decoded once: their pixels in a file that goes with the process, so that they take no memory."""
from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable

import numpy as np

from ..errors import InputError
from ..files import make_folder
from . import hub


class DecodedPictures:
    """Pixels by the content of the compressed picture; threads may ask at the same time.

    Past ``limit`` bytes, without a folder to write to or with a full disk, pictures are decoded each time; the latter
    two are said in one line.
    """

    def __init__(self, limit: int) -> None:
        self._room, self._end, self._file, self._places, self._lock = limit, 0, None, {}, threading.Lock()

    def get(self, content: bytes, decode: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the pixels of the compressed picture ``content``, from ``decode()`` the first time; uint8."""
        key = hashlib.blake2b(content, digest_size=16).digest()
        if key in self._places:
            place, shape = self._places[key]
            pixels = os.pread(self._file.fileno(), int(np.prod(shape)), place)
            return np.frombuffer(pixels, np.uint8).reshape(shape)
        picture = decode()
        self._keep(key, picture)
        return picture

    def _keep(self, key: bytes, picture: np.ndarray) -> None:
        with self._lock:
            if picture.nbytes > self._room:
                return
            try:
                self._file = self._file or tempfile.TemporaryFile(  # noqa: SIM115
                    dir=make_folder(hub.cache_root()), buffering=0)
                if os.pwrite(self._file.fileno(), np.ascontiguousarray(picture).data, self._end) == picture.nbytes:
                    self._places[key] = self._end, picture.shape
                    self._end, self._room = self._end + picture.nbytes, self._room - picture.nbytes
            except (InputError, OSError) as error:
                self._room = 0
                print(f"{hub.cache_root()}: {getattr(error, 'strerror', None) or error}; detection pictures are "
                      "decoded anew in each epoch", file=sys.stderr)
