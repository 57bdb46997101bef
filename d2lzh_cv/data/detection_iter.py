"""ImageDetIter over one record file: MXNet's own, and a faster one that gives the same crops (section 9.6)."""
from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
from mxnet import image, nd

from ..errors import InputError
from .decoded import DecodedPictures
from .fingerprint import Unchanged
from .records import decode_as_stored, is_background

OPTIONS = {"rand_crop", "min_object_covered", "aspect_ratio_range", "area_range", "min_eject_coverage", "max_attempts",
           "rand_mirror"}  # of CreateDetAugmenter, that FastDetectionIter takes
KEPT = 1 << 30  # bytes of decoded pictures on the disk
_THREADS = 2


class DetectionIter(image.ImageDetIter):
    """ImageDetIter over one record file: errors name that file, and an epoch's order depends on the seed alone.

    Labels are (batch, objects, 5), padded with -1. Background pictures, whose label has no row, are read too (all of
    theirs is -1), where ImageDetIter fails on one: a random crop of them may lie anywhere. A set without them draws the
    same random numbers as ImageDetIter. Raises InputError when the file or its index changes while it is in use.
    """

    def __init__(self, rec: Path, **options) -> None:
        self._rec = rec
        self._unchanged = Unchanged(rec, *filter(None, [options.get("path_imgidx")]))
        with self._unchanged:
            super().__init__(path_imgrec=str(rec), **options)
        self.auglist = [_for_background(augmenter) for augmenter in self.auglist]

    def reset(self) -> None:
        """Start over; ImageIter would shuffle the last epoch's order, which a resumed run does not have."""
        if self.shuffle:
            self.seq.sort()
        with self._unchanged:
            super().reset()

    def next(self) -> mx.io.DataBatch:
        """The next batch, from files that are what they were when the iterator was made."""
        with self._unchanged:
            return super().next()

    def augmentation_transform(self, data: nd.NDArray, label: np.ndarray) -> tuple[nd.NDArray, np.ndarray]:
        """The augmenters' picture and label; the one of a background picture is a row of -1, which MXNet can copy."""
        data, augmented = super().augmentation_transform(data, label)
        return data, augmented if len(label) else np.full((1, label.shape[1]), -1, np.float32)

    def _estimate_label_shape(self) -> tuple[int, int]:
        objects, width = super()._estimate_label_shape()
        return max(1, objects), width  # a part of a set may hold background alone

    def _parse_label(self, label: np.ndarray) -> np.ndarray:
        """The rows; none, (0, 5), of a background picture."""
        return np.zeros((0, int(label[1])), np.float32) if is_background(label) else super()._parse_label(label)

    def _check_valid_label(self, label: np.ndarray) -> None:
        if not len(label) or (label != -1).any():
            super()._check_valid_label(label)

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
            rows = self._parse_label(label)
            background = not len(rows)
            for crop in self._crops:
                picture, rows = crop(picture, rows)
            if not background:
                self._check_valid_label(rows)
        except RuntimeError:  # no class: ImageDetIter passes over such a picture too
            return
        pictures.append(picture)
        labels.append(rows)

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


def _for_background(augmenter: image.DetAugmenter) -> image.DetAugmenter:
    """The same augmenter, whose random crop takes pictures without objects too."""
    if isinstance(augmenter, image.DetRandomSelectAug):
        augmenter.aug_list = [_for_background(choice) for choice in augmenter.aug_list]
    if type(augmenter) is not image.DetRandomCropAug:
        return augmenter
    crop = _Crop.__new__(_Crop)  # its constructor would warn again
    vars(crop).update(vars(augmenter))
    return crop


class _Crop(image.DetRandomCropAug):
    """For labels without rows too: a crop of a background picture covers no object, so that any will do."""

    def _check_satisfy_constraints(self, label, xmin, ymin, xmax, ymax, width, height) -> bool:
        if len(label):
            return super()._check_satisfy_constraints(label, xmin, ymin, xmax, ymax, width, height)
        return (xmax - xmin) * (ymax - ymin) >= 2  # pixels, as for others

    def _update_labels(self, label, crop_box, height, width) -> np.ndarray | None:
        return super()._update_labels(label, crop_box, height, width) if len(label) else label


class _Mirror(image.DetHorizontalFlipAug):
    """For pictures in NumPy."""

    def __call__(self, src: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if random.random() < self.p:
            src = src[:, ::-1]
            self._flip_label(label)
        return src, label
