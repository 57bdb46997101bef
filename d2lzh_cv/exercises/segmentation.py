"""Shared code of section 9.10's exercises: whole pictures, training, evaluation."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet import gluon, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn

from ..data.hub import data_folder
from ..data.loader import data_loader
from ..data.voc import VOC_COLORMAP, VOCSegDataset, voc_classes, voc_colormap2label, voc_label_indices
from ..data.voc_files import LazyImage
from ..data.voc_middles import BORDER, VOID, middle, void_table
from ..devices import try_all_gpus
from ..fcn import classes_of_pixels, normalize_image
from ..finetuning import conv_features
from ..metrics import SegmenterResult, score_segmentation
from ..run import section
from ..run.source import source_of
from ..training import Epoch, fit


class Crops(VOCSegDataset):
    """VOCSegDataset with pictures ``shrink`` times smaller; reduced pictures stay in memory."""

    def __init__(self, is_train: bool, crop_size: tuple[int, int], voc_dir: str | Path, table: np.ndarray,
                 shrink: int = 1) -> None:
        self.shrink = shrink
        super().__init__(is_train, crop_size, voc_dir, table)

    def filter(self, images: list) -> list:
        """Return the large enough pictures, reduced."""
        return super().filter([_smaller(image, self.shrink) for image in images] if self.shrink > 1 else images)


class WholePictures(Crops):
    """Pictures and masks of a VOC tree, read on access and not kept (unless reduced).

    An item is (picture (H, W, 3) uint8, classes (H, W) uint8 with VOID where VOC has no class), NumPy arrays.
    """
    cache_bytes = 0

    def __init__(self, is_train: bool, voc_dir: str | Path, shrink: int = 1) -> None:
        super().__init__(is_train, (1, 1), voc_dir, void_table(), shrink)

    def __getitem__(self, idx: int) -> tuple[np.ndarray, np.ndarray]:
        picture, mask = self.pair(idx)
        return picture.asnumpy(), voc_label_indices(mask, self.colormap2label).asnumpy()


def _smaller(image: LazyImage, shrink: int) -> nd.NDArray:
    """Return the mean of each cell of shrink × shrink pixels; one pixel for a mask, because classes have no mean."""
    height, width = (size // shrink for size in image.shape[:2])
    cells = image.asnumpy()[:height * shrink, :width * shrink].reshape(height, shrink, width, shrink, 3)
    pixels = cells[:, shrink // 2, :, shrink // 2] if image.is_mask else cells.mean(axis=(1, 3)).round()
    return nd.array(pixels, dtype="uint8")


def colored(classes: np.ndarray) -> np.ndarray:
    """Return classes (H, W) in VOC's colours, VOID in the borders' colour: (H, W, 3) uint8."""
    palette = np.zeros((256, 3), np.uint8)
    palette[:len(VOC_COLORMAP)], palette[VOID] = VOC_COLORMAP, BORDER
    return palette[classes]


def middles(pairs: Iterable, crop_size: tuple[int, int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the middles of the pairs (picture, classes) that are large enough."""
    for picture, classes in pairs:
        if all(have >= want for have, want in zip(classes.shape, crop_size)):
            yield middle(picture, crop_size), middle(classes, crop_size)


def near_border(classes: np.ndarray, distance: int) -> np.ndarray:
    """Mark pixels whose neighbour ``distance`` above, below, left or right has another class: (H, W) bool."""
    differs = np.zeros(classes.shape, bool)
    for plane, result in ((classes, differs), (classes.T, differs.T)):
        other = plane[distance:] != plane[:-distance]
        result[distance:] |= other
        result[:-distance] |= other
    return differs


def as_batch(picture: np.ndarray) -> nd.NDArray:
    """Normalise a picture (H, W, 3), 0 to 255, to a network's input (1, 3, H, W)."""
    return normalize_image(nd.array(picture)).transpose((2, 0, 1)).expand_dims(axis=0)


@dataclass(frozen=True)
class SegmentationData:
    """A VOC tree: random crops to train and test, and whole pictures to evaluate."""
    train: Crops
    test: Crops
    whole: WholePictures
    classes: list[str]
    crop_size: tuple[int, int]

    def shown(self, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the first ``count`` middles, for a figure."""
        return [pair for pair, _ in zip(middles(self.whole, self.crop_size), range(count))]

    def judge(self, net: gluon.HybridBlock) -> SegmenterResult:
        """Return pixel accuracy and IoU of ``net`` on the middles of the test pictures."""
        pairs = middles(self.whole, self.crop_size)
        return judge(lambda picture: classes_of(net, picture), pairs, len(self.classes))

    def background_share(self) -> float:
        """Return the background's share of the middles: the pixel accuracy of predicting only background."""
        labels = np.concatenate([classes.ravel() for _, classes in middles(self.whole, self.crop_size)])
        return float((labels == 0).sum() / (labels != VOID).sum())


def load_data(crop_size: tuple[int, int], shrink: int = 1) -> SegmentationData:
    """Load the VOC tree of the running section.

    Args:
        crop_size: (height, width) of the crops, multiples of 32.
        shrink: make pictures and masks this many times smaller.
    """
    voc_dir, table = data_folder("voc"), voc_colormap2label()
    train, test = (Crops(is_train, crop_size, voc_dir, table, shrink) for is_train in (True, False))
    whole = WholePictures(False, voc_dir, shrink)
    return SegmentationData(train, test, whole, voc_classes(voc_dir), crop_size)


def pretrained_features(trainable: bool = True) -> nn.HybridSequential:
    """Return the layers of section 9.10's source network before its global pooling: (B, 3, H, W) to (B, C, H/s, W/s).

    They are loaded again by every call, so that every compared network starts from the same weights.

    Args:
        trainable: False computes no gradients for them, which saves two thirds of a training step.
    """
    features = conv_features(source_of(section.current(), try_all_gpus()).net)
    if not trainable:
        features.collect_params().setattr("grad_req", "null")
    return features


def train(net: gluon.HybridBlock, data: SegmentationData, num_epochs: int, learning_rate: float, batch_size: int,
          name: str) -> list[Epoch]:
    """Train all of ``net`` as section 9.10 does, print a line per epoch and return the epochs.

    The last quarter of the epochs has a tenth of the learning rate. As in the book, the border of an object counts as
    background.

    Args:
        net: maps (B, 3, H, W) to scores (B, classes, H, W).
        data: random crops of its pictures train and test the network.
        num_epochs, batch_size: passes over the pictures, pictures per batch.
        learning_rate: of SGD.
        name: of the training, printed before each line; see :class:`d2lzh_cv.engine.epochs.Epochs`.
    """
    devices = try_all_gpus()
    net.collect_params().reset_ctx(devices)
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": learning_rate, "wd": 1e-3})

    def after_epoch(epoch: Epoch) -> None:
        print(f"{name}: {epoch}")
        if epoch.number == num_epochs - max(1, num_epochs // 4):
            trainer.set_learning_rate(learning_rate / 10)

    train_iter = data_loader(data.train, batch_size, shuffle=True, last_batch="discard")
    return fit(net, train_iter, gloss.SoftmaxCrossEntropyLoss(axis=1), trainer, devices, num_epochs,
               data_loader(data.test, batch_size), after_epoch, name=name)


def judge(classify: Callable[[np.ndarray], np.ndarray], pairs: Iterable[tuple[np.ndarray, np.ndarray]],
          num_classes: int) -> SegmenterResult:
    """Compare ``classify(picture)`` (H, W) with the classes of each pair (picture, classes), one pair at a time."""
    return score_segmentation(((classes, classify(picture)) for picture, classes in pairs), num_classes)


def classes_of(net: gluon.HybridBlock, picture: np.ndarray, ctx: mx.Context | None = None) -> np.ndarray:
    """Return the class of each pixel of a picture (H, W, 3), H and W multiples of 32: (H, W) uint8."""
    X = as_batch(picture).as_in_context(ctx or try_all_gpus()[0])
    return classes_of_pixels(net, X)[0].asnumpy().astype(np.uint8)
