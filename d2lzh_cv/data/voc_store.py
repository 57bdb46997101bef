"""Decoded pictures on the disk: ``pread`` brings the rows of a crop, and what the disk holds is no memory of ours."""
from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .fingerprint import signature
from .scratch import Scratch

_HEAD, _PALETTE = struct.Struct("<qqq"), 256 * 3  # size and time of the picture's file, how many planes; then colours
_PAGE = 4096


class Pixels(NamedTuple):
    """Rows of a picture: three planes of colour, or one of indices into ``palette``, uint8 (256, 3)."""

    planes: list[np.ndarray]
    palette: np.ndarray | None = None


class Store:
    """Planes of bytes in a temporary file.

    A place is reserved for each picture before anything is read, and what it holds is signed last, so that threads and
    forked processes fill and use the one file without a lock. Places past ``limit`` bytes are not used; such pictures,
    and all where :class:`~d2lzh_cv.data.scratch.Scratch` has no room, are decoded each time.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._end = limit, 0
        self._scratch = Scratch("VOC pictures not kept there are decoded each time they are taken") if limit else None

    def reserve(self, height: int, width: int) -> int:
        """Return a new place, for up to three planes; what stays unwritten takes nothing of the disk."""
        place = self._end
        self._end += -(-(_PAGE + 3 * height * width) // _PAGE) * _PAGE
        return place

    def rows(self, place: int, path: Path, shape: tuple[int, ...], part: slice,
             decode: Callable[[Path], Pixels]) -> Pixels:
        """Return the rows ``part`` of the picture ``path``, decoded anew when its file's size or time has changed."""
        usable = self._scratch is not None and place + _PAGE + 3 * shape[0] * shape[1] <= self._limit
        signed = signature(path) if usable else None  # None for a file that is gone: to decode it tells why
        kept = signed and self._read(place, signed, shape, part)
        if kept:
            return kept
        pixels = decode(path)
        if pixels.planes[0].shape != tuple(shape[:2]):
            raise InputError(f"{path} changed its size while it was in use; make the data set again")
        if signed and not self._scratch.full:
            self._write(place, signed, pixels)
        return Pixels([plane[part] for plane in pixels.planes], pixels.palette)

    def _read(self, place: int, signed: tuple[int, int], shape: tuple[int, ...], part: slice) -> Pixels | None:
        height, width = shape[:2]
        head = self._scratch.read(_HEAD.size + _PALETTE, place)
        if len(head) < _HEAD.size + _PALETTE or _HEAD.unpack_from(head)[:2] != signed:
            return None
        count, (top, bottom, _) = _HEAD.unpack_from(head)[2], part.indices(height)
        first, size = place + _PAGE + top * width, (bottom - top) * width
        planes = [np.frombuffer(self._scratch.read(size, first + i * height * width), np.uint8) for i in range(count)]
        if any(plane.size != size for plane in planes):
            return None
        palette = np.frombuffer(head, np.uint8, _PALETTE, _HEAD.size).reshape(256, 3) if count == 1 else None
        return Pixels([plane.reshape(-1, width) for plane in planes], palette)

    def _write(self, place: int, signed: tuple[int, int], pixels: Pixels) -> None:
        palette = bytes(_PALETTE) if pixels.palette is None else pixels.palette.tobytes()
        self._scratch.write(bytes(_HEAD.size) + palette, place)  # unsigned while the planes are being replaced
        for i, plane in enumerate(pixels.planes):
            self._scratch.write(np.ascontiguousarray(plane).data.cast("B"), place + _PAGE + i * plane.size)
        self._scratch.write(_HEAD.pack(*signed, len(pixels.planes)), place)

    def __getstate__(self) -> dict:
        return {"_limit": self._limit, "_end": self._end}

    def __setstate__(self, state: dict) -> None:
        self.__init__(state["_limit"])
        self._end = state["_end"]
