"""Objects with masks for Mask R-CNN: drawn creatures, or objects from a VOC tree (section 9.8)."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from mxnet import nd

from ..data.drawn import generator
from ..data.pixels import open_mask
from ..data.synthetic import backgrounds, pen
from ..data.synthetic.yellow_creatures import one_creature
from ..data.voc import voc_colormap2label, voc_label_indices
from ..data.voc_files import read_pair
from ..errors import InputError

LENGTHS = 0.12, 0.6   # range of a drawn creature's length, relative to the picture's side
SMALLEST = 1 / 200    # area of a VOC object, relative to the picture
MOST = 8              # objects per picture
VOID = 255


class MaskBatch(NamedTuple):
    """A batch in the form of ``mx.io.DataBatch``, with masks."""
    data: list[nd.NDArray]   # one (B, 3, S, S), 0 to 255
    label: list[nd.NDArray]  # one (B, M, 5), rows (class, corners), then rows of -1
    masks: nd.NDArray        # (B, M, S, S), 0 or 1


@dataclass(frozen=True)
class MaskSet:
    """Pictures of one size, their objects and the objects' masks."""
    pictures: np.ndarray  # (N, S, S, 3) uint8
    objects: np.ndarray   # (N, M, 5) float32, rows (class, corners), then rows of -1
    masks: np.ndarray     # (N, M, S, S) bool

    def __len__(self) -> int:
        return len(self.pictures)

    def rows(self, number: int) -> np.ndarray:
        """Return the objects of the picture ``number`` in the form of detections: (K, 6), (class, score 1, corners)."""
        objects = self.objects[number]
        return np.insert(objects[objects[:, 0] >= 0], 1, 1, axis=1)

    def batch(self, numbers) -> MaskBatch:
        """Return the pictures with these indices."""
        X = nd.array(self.pictures[numbers].transpose(0, 3, 1, 2), dtype="float32")
        return MaskBatch([X], [nd.array(self.objects[numbers])], nd.array(self.masks[numbers], dtype="float32"))

    def passes(self, batch_size: int) -> Callable[[], Iterator[MaskBatch]]:
        """Return ``batches`` for :func:`~d2lzh_cv.rcnn.train_rcnn.train_rcnn`: full, shuffled, half mirrored."""
        def begin() -> Iterator[MaskBatch]:
            order = np.random.permutation(len(self))
            for first in range(0, len(order) - batch_size + 1, batch_size):
                batch = self.batch(order[first:first + batch_size])
                yield _mirrored(batch) if np.random.rand() < 0.5 else batch
        return begin


def _mirrored(batch: MaskBatch) -> MaskBatch:
    label = batch.label[0]
    classes, xmin, ymin, xmax, ymax = (label[:, :, i:i + 1] for i in range(5))
    flipped = nd.concat(classes, 1 - xmax, ymin, 1 - xmin, ymax, dim=2)
    label = nd.where((classes >= 0).broadcast_like(label), flipped, label)
    return MaskBatch([batch.data[0].flip(axis=3)], [label], batch.masks.flip(axis=3))


def draw_creatures(count: int, side: int, seed: int) -> MaskSet:
    """Draw ``count`` pictures of ``side`` × ``side`` pixels, each with one creature (class 0) and its mask."""
    rng = generator("masks", seed)
    drawn = [_creature(rng, side) for _ in range(count)]
    pictures, masks = (np.stack(part) for part in zip(*drawn))
    boxes = [np.array(pen.box_of(mask)) / side for mask in masks]
    objects = np.array([[[0, *box]] for box in boxes], "float32")
    return MaskSet(pictures, objects, masks[:, None])


def _creature(rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    scene = backgrounds.anywhere(rng, (side, side))
    layer = pen.shade(one_creature(rng, (side, side), side * rng.uniform(*LENGTHS)), rng)
    picture = pen.relight(pen.lay(scene, layer, shadow=rng.uniform(0, 0.5)), rng, 0.18)
    return np.asarray(picture.convert("RGB")), pen.mask_of(layer)


def voc_objects(root: Path, is_train: bool, side: int, most: int = 200) -> MaskSet:
    """Read the objects of a VOC tree's train or val list; class 0 is aeroplane.

    SegmentationObject gives the pixels of each object. Without it, each connected part of a class is an object:
    touching objects become one, and an object covered in the middle becomes two. A picture keeps its eight largest
    objects, and none below a 200th of its area. A picture that loses all its objects is dropped; a picture of
    background only is kept. Raises InputError if a list, picture or mask is unreadable, or no picture has an object.

    Args:
        root: of the VOC tree.
        is_train: read the train list, otherwise the val list.
        side: of the resized pictures and masks, in pixels.
        most: number of pictures, from the start of the list.
    """
    lookup, kept = voc_colormap2label(), []
    for name in _names(root / "ImageSets" / "Segmentation" / ("train.txt" if is_train else "val.txt"))[:most]:
        picture, mask = read_pair(root, name)
        classes = voc_label_indices(nd.array(mask, dtype="uint8"), lookup).asnumpy()
        path = root / "SegmentationObject" / f"{name}.png"
        instances = np.asarray(open_mask(path)) if path.is_file() else None
        objects = _resized(objects_of(classes, instances), side)
        if objects or not classes.any():
            pixels = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
            kept.append((pixels, *_as_arrays(objects, side)))
    if not any((rows[:, 0] >= 0).any() for _, rows, _ in kept):
        raise InputError(f"no picture of {root} has an object of a 200th of its area")
    return MaskSet(*(np.stack(parts) for parts in zip(*kept)))


def _names(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; give the folder of a VOC tree") from error


def objects_of(classes: np.ndarray, instances: np.ndarray | None = None) -> list[tuple[int, np.ndarray]]:
    """Return (class from 0, mask) of the objects in ``classes`` (H, W), 0 the background, the largest first.

    instances: (H, W), object numbers from 1; without it, each connected part of a class is an object.
    """
    objects = []
    for k in np.setdiff1d(classes, [0, VOID]):
        mask = classes == k
        numbers = cv2.connectedComponents(mask.astype("uint8"))[1] if instances is None else instances * mask
        objects += [(int(k) - 1, numbers == i) for i in np.setdiff1d(numbers, [0, VOID])]
    large = [item for item in objects if item[1].mean() >= SMALLEST]
    return sorted(large, key=lambda item: -item[1].sum())[:MOST]


def _resized(objects: list[tuple[int, np.ndarray]], side: int) -> list[tuple[int, np.ndarray]]:
    """Resize the masks and drop objects that become too thin."""
    resized = [(k, cv2.resize(mask.astype("float32"), (side, side), interpolation=cv2.INTER_AREA) >= 0.5)
               for k, mask in objects]
    return [(k, mask) for k, mask in resized if mask.any()]


def _as_arrays(objects: list[tuple[int, np.ndarray]], side: int) -> tuple[np.ndarray, np.ndarray]:
    rows, masks = np.full((MOST, 5), -1, "float32"), np.zeros((MOST, side, side), bool)
    for i, (k, mask) in enumerate(objects):
        rows[i], masks[i] = (k, *np.array(pen.box_of(mask)) / side), mask
    return rows, masks
