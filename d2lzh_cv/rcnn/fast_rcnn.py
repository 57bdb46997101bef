"""Fast R-CNN (Girshick 2015; section 9.8): the features of the picture once, each region pooled out of them."""
from __future__ import annotations

from mxnet import nd

from .parts import POOLED, STRIDE, RegionDetector
from .proposals import propose_batch
from .roi import pixel_rois, roi_pooling


class FastRCNN(RegionDetector):
    """The regions of R-CNN, the network over the whole picture, RoI pooling between it and the head."""

    def propose(self, X):
        return propose_batch(X)

    def predict(self, X, regions):
        batch, count = regions.shape[:2]
        pooled = roi_pooling(self.features(X), pixel_rois(nd, regions, X), POOLED, 1 / STRIDE)
        scores, offsets = self.head(pooled)
        return scores.reshape((batch, count, -1)), offsets.reshape((batch, count, 4))
