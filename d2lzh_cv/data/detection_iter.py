"""Iterators over a record file of detection pictures: MXNet's ImageDetIter, and a faster one (section 9.6)."""
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
           "rand_mirror"}  # the options of CreateDetAugmenter that FastDetectionIter supports
KEPT = 1 << 30  # bytes of decoded pictures on the disk
_THREADS = 2


class DetectionIter(image.ImageDetIter):
    """ImageDetIter over one record file: errors name that file, and an epoch's order depends on the seed alone.

    Labels are (batch, objects, 5), padded with -1. ImageDetIter fails on background pictures, whose label has no row;
    this class reads them (all label rows are -1) and crops them anywhere. For a set without background pictures it
    draws the same random numbers as ImageDetIter. Raises InputError if the file or its index changes during use.
    """

    def __init__(self, rec: Path, **options) -> None:
        self._rec, self.folder, self.classes = rec, rec.parent, []
        self._unchanged = Unchanged(rec, *filter(None, [options.get("path_imgidx")]))
        with self._unchanged:
            super().__init__(path_imgrec=str(rec), **options)
        self.auglist = [_for_background(augmenter) for augmenter in self.auglist]

    def reset(self) -> None:
        """Start a new epoch from the sorted order; ImageIter shuffles the last order, which a resumed run lacks."""
        if self.shuffle:
            self.seq.sort()
        with self._unchanged:
            super().reset()

    def next(self) -> mx.io.DataBatch:
        """Return the next batch. Raises InputError if a file has changed."""
        with self._unchanged:
            return super().next()

    def augmentation_transform(self, data: nd.NDArray, label: np.ndarray) -> tuple[nd.NDArray, np.ndarray]:
        """Return the augmented picture and label; a background picture gets a row of -1, which MXNet can copy."""
        data, augmented = super().augmentation_transform(data, label)
        return data, augmented if len(label) else np.full((1, label.shape[1]), -1, np.float32)

    def _estimate_label_shape(self) -> tuple[int, int]:
        objects, width = super()._estimate_label_shape()
        return max(1, objects), width  # a part of a set may have background pictures only

    def _parse_label(self, label: np.ndarray) -> np.ndarray:
        """Return the label's rows; (0, 5) for a background picture."""
        return np.zeros((0, int(label[1])), np.float32) if is_background(label) else super()._parse_label(label)

    def _check_valid_label(self, label: np.ndarray) -> None:
        if not len(label) or (label != -1).any():
            super()._check_valid_label(label)

    def imdecode(self, s: bytes) -> nd.NDArray:
        """Return the picture (H, W, 3) uint8. Raises InputError naming the record file."""
        try:
            return decode_as_stored(s, "")
        except InputError as error:  # ImageIter's own message fails on a set without an index
            raise InputError(f"{self._rec} holds a picture that cannot be decoded; fetch or pack it again") from error


class FastDetectionIter(DetectionIter):
    """A DetectionIter that decodes each picture once and resizes with OpenCV. It supports the augmenters of OPTIONS.

    It draws the same random numbers as ImageDetIter, so order, crops and labels are the same. ImageDetIter resizes
    with the older OpenCV inside MXNet, so a pixel may differ by one level of 255. A set smaller than a batch is
    repeated until the batch is full; ImageDetIter leaves black pictures there.
    """

    def __init__(self, rec: Path, **options) -> None:
        super().__init__(rec, **options)
        self._kept = DecodedPictures(KEPT)
        self._crops = [_Mirror(aug.p) if isinstance(aug, image.DetHorizontalFlipAug) else aug
                       for aug in self.auglist if not isinstance(aug, image.DetBorrowAug)]

    def _batchify(self, batch_data: nd.NDArray, batch_label: nd.NDArray, start: int = 0) -> int:
        """Fill the batch from ``start`` on and return the end. If ``start`` > 0, the batch may cross an epoch's end."""
        pictures, labels = [], []
        with ThreadPoolExecutor(_THREADS) as pool:
            while missing := self.batch_size - start - len(labels):
                samples = self._read(missing)
                decoded = pool.map(self._decode, [content for _, content in samples])
                for picture, (label, _) in zip(decoded, samples):
                    self._augment(picture, label, pictures, labels)
                if len(samples) < missing and not (start and labels):
                    break
            if not labels:
                raise StopIteration
            data = np.empty((len(labels), *self.data_shape), np.float32)
            list(pool.map(self._resize, pictures, data))
        stop = start + len(labels)
        batch_data[start:stop], batch_label[start:stop] = nd.array(data), nd.array(self._padded(labels))
        return stop

    def _read(self, count: int) -> list[tuple[np.ndarray, bytes]]:
        """Return the next ``count`` pairs of label and compressed picture; fewer at the epoch's end."""
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
        except RuntimeError:  # an invalid label: ImageDetIter skips such a picture too
            return
        pictures.append(picture)
        labels.append(rows)

    def _resize(self, picture: np.ndarray, out: np.ndarray) -> None:
        """Write ``picture`` (h, w, 3) to ``out`` (3, H, W), by ImageDetIter's default method, cubic."""
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
    """Return the augmenter with random crops that accept pictures without objects."""
    if isinstance(augmenter, image.DetRandomSelectAug):
        augmenter.aug_list = [_for_background(choice) for choice in augmenter.aug_list]
    if type(augmenter) is not image.DetRandomCropAug:
        return augmenter
    crop = _Crop.__new__(_Crop)  # its constructor would warn again
    vars(crop).update(vars(augmenter))
    return crop


class _Crop(image.DetRandomCropAug):
    """A random crop that accepts labels without rows: any crop of a background picture is valid."""

    def _check_satisfy_constraints(self, label, xmin, ymin, xmax, ymax, width, height) -> bool:
        if len(label):
            return super()._check_satisfy_constraints(label, xmin, ymin, xmax, ymax, width, height)
        return (xmax - xmin) * (ymax - ymin) >= 2  # pixels: MXNet's limit for other pictures

    def _update_labels(self, label, crop_box, height, width) -> np.ndarray | None:
        return super()._update_labels(label, crop_box, height, width) if len(label) else label


class _Mirror(image.DetHorizontalFlipAug):
    """A horizontal flip of pictures in NumPy."""

    def __call__(self, src: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if random.random() < self.p:
            src = src[:, ::-1]
            self._flip_label(label)
        return src, label
