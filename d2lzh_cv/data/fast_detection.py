"""A detection reader whose pictures are decoded, cropped and resized by MXNet's C++ (mxnet.io.ImageDetRecordIter).

ImageDetRecordIter alone draws the same crops in every run whatever its seed, shuffles only within 8 MB of the file, and
keeps five such chunks decoded, a gigabyte. So each epoch's records are first written down, in that epoch's order.
"""
from __future__ import annotations

import math
import os
import random
import struct
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import mxnet as mx
import numpy as np
from PIL import Image

from ..errors import InputError
from .records import MAGIC

OPTIONS = {"rand_crop", "min_object_covered", "rand_mirror"}
ATTEMPTS = 200
ASPECT, SMALLEST_AREA = (0.75, 1.33), 0.05  # of a crop: width / height, and the part of the picture (ImageDetIter's)
_LANES = 2  # C++ readers side by side, each on one thread, so that what they read is the same on any machine
_CHUNK, _DECODED = 8 << 20, 32 << 20  # C++ decodes 8 MB of file at a time, five times ahead; to what size that may grow


class FastDetectionIter(mx.image.ImageDetIter):
    """ImageDetIter whose batches C++ makes.

    rec: record file, of which ``count`` pictures are read; a label has up to ``label_width`` numbers, header included.
    rand_crop, rand_mirror: how often a picture is cropped and flipped. min_object_covered: what part of its object
    a crop must show. Order and crops come from Python's ``random`` at each reset; an epoch needs none before it.
    """

    def __init__(self, rec: Path, count: int, label_width: int, rand_crop: float = 0, min_object_covered: float = 0.95,
                 rand_mirror: bool = False, **options) -> None:
        self._rec, self._count, self._label_width = rec, count, label_width
        self._rand_crop, self._covered, self._rand_mirror = rand_crop, min_object_covered, rand_mirror
        self._lane = _LANES * options.get("part_index", 0)  # workers draw other crops
        super().__init__(path_imgrec=str(rec), aug_list=[], **options)

    def reset(self) -> None:
        """Start an epoch; its order and crops depend on Python's ``random`` alone."""
        if self.shuffle:
            self.seq.sort()
        super().reset()
        self._seed, self._served, self._lanes = random.getrandbits(32) + self._lane, 0, None

    def reshape(self, data_shape: tuple[int, ...] | None = None, label_shape: tuple[int, int] | None = None) -> None:
        """See ImageDetIter; pictures already on their way are read again."""
        super().reshape(data_shape, label_shape)
        if data_shape is not None:
            self._lanes = None

    def next(self) -> mx.io.DataBatch:
        batches = math.ceil(self._count / self.batch_size)
        if self._served == batches:
            raise StopIteration
        try:
            self._lanes = self._lanes or self._open_lanes(batches - self._served)
            batch = next(self._lanes[0])
        except (mx.base.MXNetError, StopIteration) as error:
            raise InputError(f"{self._rec} holds a picture that does not decode; fetch or pack it again") from error
        self._lanes.append(self._lanes.pop(0))
        self._served += 1
        pad = self._served * self.batch_size - self._count if self._served == batches else 0
        picture = batch.data[0].copy()  # C++ writes the next batches into the same memory
        return mx.io.DataBatch([picture], [mx.nd.array(self._labels(batch.label[0].asnumpy()))], pad=pad)

    def _open_lanes(self, batches: int) -> list[mx.io.MXDataIter]:
        with tempfile.TemporaryDirectory(prefix="d2lzh_cv-") as folder:  # once open, the files need no names
            files = self._write_lanes(Path(folder), min(_LANES, batches), batches)
            with ThreadPoolExecutor(len(files)) as pool:  # each opens by decoding its first pictures
                return list(pool.map(self._open, files, range(len(files))))

    def _open(self, file: Path, lane: int) -> mx.io.MXDataIter:
        return mx.io.ImageDetRecordIter(
            path_imgrec=str(file), data_shape=self.data_shape, batch_size=self.batch_size, shuffle=False,
            label_pad_width=self._label_width, preprocess_threads=1, prefetch_buffer=1, verbose=False, ctx="cpu",
            inter_method=2, rand_mirror_prob=0.5 * self._rand_mirror, rand_crop_prob=self._rand_crop,
            min_crop_object_coverages=self._covered, **_crops(random.Random(self._seed + lane)))

    def _write_lanes(self, folder: Path, lanes: int, batches: int) -> list[Path]:
        """Write what is left of the epoch, filled up from its start: batch after batch to the lanes in turn."""
        paths = [folder / f"{lane}.rec" for lane in range(lanes)]
        files = [path.open("wb") for path in paths]
        contents, room = self._contents(), min(4 * math.prod(self.data_shape) * _CHUNK // _DECODED, _CHUNK // 32)
        try:
            for i in range(-self._served * self.batch_size, batches * self.batch_size):
                content = next(contents)
                if i >= 0:
                    _write_record(files[i // self.batch_size % lanes], content, room)
        except OSError as error:
            raise InputError(f"cannot write to {folder.parent}: {error.strerror}; free some space there, or set TMPDIR "
                             "to another folder") from error
        finally:
            for file in files:
                file.close()
        return paths

    def _contents(self) -> Iterator[bytes]:
        """The records in the epoch's order, over and over."""
        while True:
            self.imgrec.reset()
            yield from iter(self.imgrec.read, None) if self.seq is None else map(self.imgrec.read_idx, self.seq)

    def _labels(self, rows: np.ndarray) -> np.ndarray:
        """From C++'s rows (channels, height, width, n, then the record's n numbers) to (batch, objects, width)."""
        labels = np.full((len(rows), *self.label_shape), -1, np.float32)
        for label, row in zip(labels, rows):
            header, width = row[4:6].astype(int)
            objects = row[4 + header:4 + int(row[3])].reshape(-1, width)
            label[:len(objects)] = objects
        return labels


def survey(rec: Path) -> tuple[int, bool]:
    """Return (most numbers in a label, whether C++ crops this set as ImageDetIter: square pictures of one object)."""
    reader, widths, alike = mx.recordio.MXRecordIO(str(rec), "r"), [], True
    for content in iter(reader.read, None):
        header, picture = mx.recordio.unpack(content)
        widths.append(len(header.label))
        alike = alike and widths[-1] == header.label[0] + header.label[1]
        if alike:
            with Image.open(BytesIO(picture)) as opened:
                alike = opened.width == opened.height
    return max(widths), alike


def _write_record(file: BinaryIO, content: bytes, room: int) -> None:
    """Write one record with a hole after it that makes it ``room`` bytes long; decoders stop at the picture's end."""
    magic = struct.pack("<I", MAGIC)
    parts = content.split(magic)  # the format's way with content that looks like a record's beginning
    hole = max(0, room - len(content))
    for k, part in enumerate(parts):
        last = k == len(parts) - 1
        length = len(part) + hole * last
        flag = 0 if len(parts) == 1 else 1 if k == 0 else 3 if last else 2
        file.write(magic + struct.pack("<I", flag << 29 | length) + part)
        file.seek(-(-length // 4) * 4 - len(part), os.SEEK_CUR)
    file.truncate()


def _crops(rng: random.Random) -> dict[str, object]:
    """ImageDetRecordIter's options for ATTEMPTS crop samplers of one attempt each; it tries them in random order.

    Its random numbers are the same in each new reader, hence the samplers in another order.
    """
    samplers = rng.sample(_samplers(), ATTEMPTS)
    names = ("min_crop_scales", "max_crop_scales", "min_crop_aspect_ratios", "max_crop_aspect_ratios")
    return {"num_crop_sampler": ATTEMPTS, "max_crop_trials": (1,) * ATTEMPTS, "crop_emit_mode": "overlap",
            "emit_overlap_thresh": 0.3, **dict(zip(names, zip(*samplers)))}


@lru_cache(maxsize=1)
def _samplers() -> list[tuple[float, float, float, float]]:
    """(least scale, most, least aspect ratio, most) of samplers that together draw crops as ImageDetIter does.

    ImageDetIter draws the aspect ratio r first, then the height: the scale (root of the area) is even from the least
    to the largest that fits, min(√r, 1/√r). ImageDetRecordIter draws the scale first, and would draw large crops more
    often. So each sampler has a cell of ImageDetIter's: a tenth of the ratios, a twentieth of their scales.
    """
    ratios, samplers = np.linspace(*ASPECT, 11), []
    for low, high in zip(ratios, ratios[1:]):
        ratio = (low + high) / 2
        scales = np.linspace(math.sqrt(SMALLEST_AREA), math.sqrt(min(ratio, 1 / ratio)), ATTEMPTS // 10 + 1)
        samplers += [(*map(float, scales[k:k + 2]), float(low), float(high)) for k in range(ATTEMPTS // 10)]
    return samplers
