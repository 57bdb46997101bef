"""ImageDetIter over one record file: MXNet's own, and a faster one that gives the same crops (section 9.6)."""
from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from mxnet import image, nd

from ..errors import InputError
from .decoded import DecodedPictures
from .records import decode_as_stored

OPTIONS = {"rand_crop", "min_object_covered", "aspect_ratio_range", "area_range", "min_eject_coverage", "max_attempts",
           "rand_mirror"}  # of CreateDetAugmenter, that FastDetectionIter takes
KEPT = 1 << 30  # bytes of decoded pictures on the disk
_THREADS = 2


class DetectionIter(image.ImageDetIter):
    """ImageDetIter over one record file: errors name that file, and an epoch's order depends on the seed alone.

    Labels are (batch, objects, 5), padded with -1.
    """

    def __init__(self, rec: Path, **options) -> None:
        self._rec = rec
        super().__init__(path_imgrec=str(rec), **options)

    def reset(self) -> None:
        """Start over; ImageIter would shuffle the last epoch's order, which a resumed run does not have."""
        if self.shuffle:
            self.seq.sort()
        super().reset()

    def imdecode(self, s: bytes) -> nd.NDArray:
        try:
            return decode_as_stored(s, "")
        except InputError as error:  # ImageIter's own message fails on a set without an index
            raise InputError(f"{self._rec} holds a picture that does not decode; fetch or pack it again") from error


class FastDetectionIter(DetectionIter):
    """A DetectionIter that decodes each picture once, and resizes with OpenCV; it takes the augmenters of OPTIONS.

    It draws the same random numbers as ImageDetIter, hence the same order, crops and labels. ImageDetIter resizes with
    the older OpenCV inside MXNet: a pixel may differ by one level of 255. A set smaller than a batch fills it, over
    and over, where ImageDetIter leaves black pictures.
    """

    def __init__(self, rec: Path, **options) -> None:
        super().__init__(rec, **options)
        self._kept = DecodedPictures(KEPT)
        self._crops = [_Mirror(aug.p) if isinstance(aug, image.DetHorizontalFlipAug) else aug
                       for aug in self.auglist if not isinstance(aug, image.DetBorrowAug)]

    def _batchify(self, batch_data: nd.NDArray, batch_label: nd.NDArray, start: int = 0) -> int:
        """Fill the batch from ``start`` on and return up to where; past an epoch's end only where it began before."""
        pictures, labels = [], []
        with ThreadPoolExecutor(_THREADS) as pool:
            while wanted := self.batch_size - start - len(labels):
                samples = self._read(wanted)
                whole = pool.map(self._decode, [content for _, content in samples])
                for picture, (label, _) in zip(whole, samples):
                    self._augment(picture, label, pictures, labels)
                if len(samples) < wanted and not (start and labels):
                    break
            if not labels:
                raise StopIteration
            data = np.empty((len(labels), *self.data_shape), np.float32)
            list(pool.map(self._resize, pictures, data))
        stop = start + len(labels)
        batch_data[start:stop], batch_label[start:stop] = nd.array(data), nd.array(self._padded(labels))
        return stop

    def _read(self, count: int) -> list[tuple[np.ndarray, bytes]]:
        """The next labels and pictures, fewer at the epoch's end."""
        samples = []
        try:
            while len(samples) < count:
                samples.append(self.next_sample())
        except StopIteration:
            pass
        return samples

    def _decode(self, content: bytes) -> np.ndarray:
        return self._kept.get(content, lambda: self.imdecode(content).asnumpy())

    def _augment(self, picture: np.ndarray, label: np.ndarray, pictures: list, labels: list) -> None:
        try:
            label = self._parse_label(label)
            for crop in self._crops:
                picture, label = crop(picture, label)
            self._check_valid_label(label)
        except RuntimeError:  # no class: ImageDetIter passes over such a picture too
            return
        pictures.append(picture)
        labels.append(label)

    def _resize(self, picture: np.ndarray, out: np.ndarray) -> None:
        """Write ``picture`` (h, w, 3) to ``out`` (3, H, W); cubic, which is ImageDetIter's method by default."""
        size = out.shape[:0:-1]
        if picture.shape[1::-1] != size:
            picture = cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_CUBIC)
        out[:] = picture.transpose(2, 0, 1)

    def _padded(self, labels: Sequence[np.ndarray]) -> np.ndarray:
        rows = np.full((len(labels), *self.label_shape), -1, np.float32)
        for row, label in zip(rows, labels):
            row[:len(label)] = label
        return rows


class _Mirror(image.DetHorizontalFlipAug):
    """For pictures in NumPy."""

    def __call__(self, src: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if random.random() < self.p:
            src = src[:, ::-1]
            self._flip_label(label)
        return src, label
