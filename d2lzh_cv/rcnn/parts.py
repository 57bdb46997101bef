"""Parts of the four networks: features, the head of a region, the base class (section 9.8)."""
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
STRIDE = 8       # side of the picture over side of the features
POOLED = (6, 6)  # size of a region's features
SAMPLED = 16     # training regions per picture


def convolutions(num_channels: int, count: int) -> nn.HybridSequential:
    """Make ``count`` 3×3 convolutions with batch normalisation."""
    blk = nn.HybridSequential()
    for _ in range(count):
        blk.add(nn.Conv2D(num_channels, kernel_size=3, padding=1),
                nn.BatchNorm(in_channels=num_channels), nn.Activation("relu"))
    return blk


def small_features() -> nn.HybridSequential:
    """Make features (B, 3, H, W), 0 to 255, to (B, 64, H/8, W/8) with 89×89 fields, at a quarter of TinySSD's work."""
    blk = nn.HybridSequential()
    blk.add(nn.Conv2D(16, kernel_size=3, strides=2, padding=1), nn.BatchNorm(in_channels=16), nn.Activation("relu"),
            nn.MaxPool2D(2), down_sample_blk(32), convolutions(CHANNELS, 4))
    return blk


class RegionHead(nn.HybridBlock):
    """Maps a region's features (N, C, h, w) to class scores (N, K + 1), class 0 the background, and offsets (N, 4).

    All classes share the offsets; the paper on Fast R-CNN has four per class.

    Args:
        num_classes: without the background.
        hidden: units of the hidden layer.
    """

    def __init__(self, num_classes: int, hidden: int = 128, **kwargs) -> None:
        super().__init__(**kwargs)
        self.hidden = nn.Dense(hidden, activation="relu")
        self.classes, self.offsets = nn.Dense(num_classes + 1), nn.Dense(4)

    def hybrid_forward(self, F, x):
        x = self.hidden(x)
        return self.classes(x), self.offsets(x)


class Losses(NamedTuple):
    """The results of a batch that a training step needs."""
    parts: dict[str, nd.NDArray]  # (B,) each; their sum is the loss
    sample: Sample
    scores: nd.NDArray            # (B, S, K + 1)
    offsets: nd.NDArray           # (B, S, 4), predicted


class RegionDetector(gluon.Block):
    """Predicts a class and a better box for each region; subclasses define the regions and the prediction.

    Called with pictures (B, 3, H, W), 0 to 255, it returns regions (B, N, 4), class scores (B, N, K + 1) and offsets
    (B, 4N). For one picture this is TinySSD's result with regions as anchors, so :func:`~d2lzh_cv.ssd.detect` and
    :func:`~d2lzh_cv.metrics.evaluate_detector` accept these networks too.

    Args:
        num_classes: without the background.
    """
    parts: tuple[str, ...] = ("regions",)  # of the loss

    def __init__(self, num_classes: int, **kwargs) -> None:
        super().__init__(**kwargs)
        with self.name_scope():  # so the parameters' names have the same order in every network
            self.features, self.head = small_features(), RegionHead(num_classes)
        self.loss = MultiTaskLoss()

    def propose(self, X: nd.NDArray) -> list[np.ndarray]:
        """Return boxes (N, 4) per picture that may hold an object."""
        raise NotImplementedError

    def predict(self, X: nd.NDArray, regions: nd.NDArray) -> tuple[nd.NDArray, nd.NDArray]:
        """Return class scores (B, N, K + 1) and offsets (B, N, 4) of regions (B, N, 4)."""
        raise NotImplementedError

    def forward(self, X):
        regions = nd.array(stack(self.propose(X)), ctx=X.context)
        scores, offsets = self.predict(X, regions)
        return regions, scores, offsets.reshape((0, -1))

    def losses(self, X: nd.NDArray, objects: nd.NDArray, rng: np.random.Generator) -> Losses:
        """Return the losses of pictures with objects (B, M, 5); ``rng`` samples the regions."""
        with autograd.pause():
            sample = sample_regions(self.propose(X), objects, SAMPLED, rng)
        scores, offsets = self.predict(X, sample.regions)
        return Losses({"regions": self.loss(scores, sample.classes, offsets, sample.offsets)}, sample, scores, offsets)
