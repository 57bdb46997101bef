"""R-CNN (Girshick et al. 2014; section 9.8): every region through the network by itself."""
from __future__ import annotations

from .parts import POOLED, STRIDE, RegionDetector
from .proposals import propose_batch
from .roi import crop_regions

CROP = tuple(STRIDE * side for side in POOLED)  # pixels: the features are then as large as Fast R-CNN pools them


class RCNN(RegionDetector):
    """Each region is cut out of the picture, resized and run through the network: N times the work.

    The paper takes features of a network trained on ImageNet, and trains SVMs and a ridge regression on them; here one
    loss trains all three, so that the four networks differ only in where features and regions come from.
    """

    def propose(self, X):
        return propose_batch(X)

    def predict(self, X, regions):
        batch, count = regions.shape[:2]
        crops = crop_regions(X, regions, CROP)  # (B·N, 3, 48, 48)
        scores, offsets = self.head(self.features(crops))
        return scores.reshape((batch, count, -1)), offsets.reshape((batch, count, 4))
