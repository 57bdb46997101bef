"""What the four networks are put together from: features, the head of a region, the base class (section 9.8)."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

from ..ssd import down_sample_blk
from .losses import MultiTaskLoss
from .proposals import stack
from .targets import Sample, sample_regions

CHANNELS = 64    # of the features
STRIDE = 8       # by how much the features are smaller than the picture
POOLED = (6, 6)  # of a region's features
SAMPLED = 16     # regions per picture to train on


def convolutions(num_channels: int, count: int) -> nn.HybridSequential:
    """``count`` 3×3 convolutions with batch normalisation."""
    blk = nn.HybridSequential()
    for _ in range(count):
        blk.add(nn.Conv2D(num_channels, kernel_size=3, padding=1),
                nn.BatchNorm(in_channels=num_channels), nn.Activation("relu"))
    return blk


def small_features() -> nn.HybridSequential:
    """(B, 3, H, W), 0 to 255, to (B, 64, H/8, W/8), each of 89×89 pixels; a quarter of the work of TinySSD's base."""
    blk = nn.HybridSequential()
    blk.add(nn.Conv2D(16, kernel_size=3, strides=2, padding=1), nn.BatchNorm(in_channels=16), nn.Activation("relu"),
            nn.MaxPool2D(2), down_sample_blk(32), convolutions(CHANNELS, 4))
    return blk


class RegionHead(nn.HybridBlock):
    """A region's features (N, C, h, w) to its class scores (N, K + 1), class 0 the background, and offsets (N, 4).

    The offsets are the same for all classes: Fast R-CNN has four for each.
    """

    def __init__(self, num_classes: int, hidden: int = 128, **kwargs) -> None:
        super().__init__(**kwargs)
        self.hidden = nn.Dense(hidden, activation="relu")
        self.classes, self.offsets = nn.Dense(num_classes + 1), nn.Dense(4)

    def hybrid_forward(self, F, x):
        x = self.hidden(x)
        return self.classes(x), self.offsets(x)


class Losses(NamedTuple):
    """What a training step needs of one batch."""
    parts: dict[str, nd.NDArray]  # (B,) each; their sum is the loss
    sample: Sample
    scores: nd.NDArray            # (B, S, K + 1)
    offsets: nd.NDArray           # (B, S, 4), predicted


class RegionDetector(gluon.Block):
    """Regions of any origin, then a class and a better box for each.

    Called with pictures (B, 3, H, W), 0 to 255, it returns regions (B, N, 4), class scores (B, N, K + 1) and offsets
    (B, 4N): for one picture just what TinySSD returns, with regions for anchors, so that what detects with and
    evaluates that (:func:`~d2lzh_cv.ssd.detect`, :func:`~d2lzh_cv.metrics.evaluate_detector`) takes these too. A
    subclass says where regions come from and what is predicted from them.
    """

    parts: tuple[str, ...] = ("regions",)  # of the loss

    def __init__(self, num_classes: int, **kwargs) -> None:
        super().__init__(**kwargs)
        with self.name_scope():  # the order of the parameters' names is that of any other such network's
            self.features, self.head = small_features(), RegionHead(num_classes)
        self.loss = MultiTaskLoss()

    def propose(self, X: nd.NDArray) -> list[np.ndarray]:
        """Boxes (N, 4) that may hold an object, a picture each."""
        raise NotImplementedError

    def predict(self, X: nd.NDArray, regions: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
        """Class scores (B, N, K + 1) and offsets (B, N, 4) of regions (B, N, 4)."""
        raise NotImplementedError

    def forward(self, X):
        regions = nd.array(stack(self.propose(X)), ctx=X.context)
        scores, offsets = self.predict(X, regions)
        return regions, scores, offsets.reshape((0, -1))

    def losses(self, X: nd.NDArray, objects: nd.NDArray, rng: np.random.Generator) -> Losses:
        """The losses of pictures with objects (B, M, 5); regions to train on are drawn from ``rng``."""
        with autograd.pause():
            sample = sample_regions(self.propose(X), objects, SAMPLED, rng)
        scores, offsets = self.predict(X, sample.regions)
        return Losses({"regions": self.loss(scores, sample.classes, offsets, sample.offsets)}, sample, scores, offsets)
