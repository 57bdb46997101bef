"""R-CNN (Girshick et al. 2014; section 9.8): the network runs on every region separately."""
from __future__ import annotations

from .parts import POOLED, STRIDE, RegionDetector
from .proposals import propose_batch
from .roi import crop_regions

CROP = tuple(STRIDE * side for side in POOLED)  # pixels: gives features as large as Fast R-CNN's pooled ones


class RCNN(RegionDetector):
    """Crops each region from the picture, resizes it and runs the network on it: N times the work.

    The paper takes features from a network trained on ImageNet and trains SVMs and a ridge regression on them. Here one
    loss trains all three, so the four networks differ only in the origin of features and regions.
    """

    def propose(self, X):
        """See :class:`~d2lzh_cv.rcnn.parts.RegionDetector`."""
        return propose_batch(X)

    def predict(self, X, regions):
        """See :class:`~d2lzh_cv.rcnn.parts.RegionDetector`."""
        batch, count = regions.shape[:2]
        crops = crop_regions(X, regions, CROP)  # (B·N, 3, 48, 48)
        scores, offsets = self.head(self.features(crops))
        return scores.reshape((batch, count, -1)), offsets.reshape((batch, count, 4))
