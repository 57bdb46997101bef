"""Fast R-CNN (Girshick 2015; section 9.8): features of the whole picture, pooled for each region."""
from __future__ import annotations

from mxnet import nd

from .parts import POOLED, STRIDE, RegionDetector
from .proposals import propose_batch
from .roi import pixel_rois, roi_pooling


class FastRCNN(RegionDetector):
    """Uses R-CNN's regions, runs the features once per picture, and puts RoI pooling between features and head."""

    def propose(self, X):
        """See :class:`~d2lzh_cv.rcnn.parts.RegionDetector`."""
        return propose_batch(X)

    def predict(self, X, regions):
        """See :class:`~d2lzh_cv.rcnn.parts.RegionDetector`."""
        batch, count = regions.shape[:2]
        pooled = roi_pooling(self.features(X), pixel_rois(nd, regions, X), POOLED, 1 / STRIDE)
        scores, offsets = self.head(pooled)
        return scores.reshape((batch, count, -1)), offsets.reshape((batch, count, 4))
