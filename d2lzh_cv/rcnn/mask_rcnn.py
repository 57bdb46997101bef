"""Mask R-CNN (He et al. 2017; section 9.8): Faster R-CNN with RoI align and a mask per region."""
from __future__ import annotations

import cv2
import numpy as np
from mxnet import autograd, nd
from mxnet.gluon import nn

from ..anchors import kept_boxes
from .faster_rcnn import FasterRCNN
from .losses import MaskLoss
from .parts import CHANNELS, SAMPLED, STRIDE, Losses
from .roi import pixel_rois
from .targets import SHARE, mask_targets

ALIGNED = (14, 14)             # size of a region's features for its mask
SIDE = 2 * ALIGNED[0]          # of the mask
MASKED = int(SAMPLED * SHARE)  # regions at the start of a sample, which hold all objects


class MaskHead(nn.HybridBlock):
    """A fully convolutional network: features (N, C, 14, 14) to pixel scores (N, K, 28, 28), a mask per class.

    Args:
        num_classes: K, without the background.
        channels: C, of the features and of the layers between.
    """

    def __init__(self, num_classes: int, channels: int = CHANNELS, **kwargs) -> None:
        super().__init__(**kwargs)
        self.body, shape = nn.HybridSequential(), {"in_channels": channels}  # the first batches may have no masks
        for _ in range(2):
            self.body.add(nn.Conv2D(channels, kernel_size=3, padding=1, activation="relu", **shape))
        self.body.add(nn.Conv2DTranspose(channels, kernel_size=2, strides=2, activation="relu", **shape),
                      nn.Conv2D(num_classes, kernel_size=1, **shape))

    def hybrid_forward(self, F, x):
        return self.body(x)


class MaskRCNN(FasterRCNN):
    """Faster R-CNN that pools without rounding and predicts a mask for each region.

    Args:
        num_classes: without the background.
    """
    parts = ("proposals", "regions", "masks")

    def __init__(self, num_classes: int, **kwargs) -> None:
        super().__init__(num_classes, **kwargs)
        with self.name_scope():
            self.mask_head = MaskHead(num_classes)
        self.mask_loss = MaskLoss()

    def hybridize(self, active: bool = True, **options) -> None:
        """Hybridise only the children: the call for boxes does not use the mask head, and MXNet would warn."""
        for child in self._children.values():
            child.hybridize(active, **options)

    def pool(self, F, feature, rois, size):
        """Return the features of each region by RoI align, (B·N, C, h, w)."""
        return F.contrib.ROIAlign(feature, rois, pooled_size=size, spatial_scale=1 / STRIDE, sample_ratio=2,
                                  aligned=True)

    def losses(self, X: nd.NDArray, objects: nd.NDArray, rng, masks: nd.NDArray | None = None) -> Losses:
        """Return the losses of :class:`FasterRCNN`, and the mask loss if ``masks`` (B, M, H, W) are given."""
        feature = self.features(X)
        losses = self.losses_in(feature, X, objects, rng)
        if masks is None:
            return losses
        regions, classes = losses.sample.regions[:, :MASKED], losses.sample.classes[:, :MASKED]
        scores = self.mask_scores(feature, X, regions).reshape((len(X), MASKED, -1, SIDE, SIDE))
        with autograd.pause():
            targets = mask_targets(masks, losses.sample, MASKED, SIDE)
        return losses._replace(parts={**losses.parts, "masks": self.mask_loss(scores, classes, targets)})

    def mask_scores(self, feature, X, regions):
        """Return the pixel scores of regions (B, N, 4): (B·N, K, 28, 28)."""
        return self.mask_head(self.pool(nd, feature, pixel_rois(nd, regions, X), ALIGNED))

    def masks_in(self, X: nd.NDArray, rows: np.ndarray) -> np.ndarray:
        """Return the pixel probabilities (N, 28, 28) of boxes in one picture (1, 3, H, W), for the class of each box.

        rows: (N, 6), (class, score, corners), as :func:`~d2lzh_cv.ssd.detect` returns them.
        """
        X = self._on_device(X)
        return self._masks_of(self.features(X), X, rows)

    def detect(self, X: nd.NDArray, threshold: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes of one picture (1, 3, H, W), rows (K, 6), best first, and their masks (K, 28, 28)."""
        X = self._on_device(X)
        feature = self.features(X)
        regions, scores, offsets = self.detect_in(nd, feature, X)
        rows = kept_boxes(regions, scores, offsets, threshold=threshold)[0]
        return rows, self._masks_of(feature, X, rows)

    def _on_device(self, X: nd.NDArray) -> nd.NDArray:
        return X.as_in_context(self.mask_head.body[0].weight.list_ctx()[0])

    def _masks_of(self, feature, X, rows):
        if not len(rows):
            return np.zeros((0, SIDE, SIDE), "float32")
        scores = self.mask_scores(feature, X, nd.array(rows[None, :, 2:], ctx=X.context))
        return scores.sigmoid().asnumpy()[np.arange(len(rows)), rows[:, 0].astype(int)]


def paste(mask: np.ndarray, box: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Paste the mask (h, w), in [0, 1], of a relative box into a picture of ``size`` (height, width): bool.

    It interpolates bilinearly and keeps values from 0.5: the inverse of :func:`~d2lzh_cv.rcnn.targets.mask_targets`.

    Args:
        mask: probabilities of the box's pixels.
        box: (xmin, ymin, xmax, ymax), relative.
        size: of the picture.
    """
    height, width = size
    xmin, ymin, xmax, ymax = np.asarray(box, float) * (width, height, width, height)
    scale_x, scale_y = (max(high - low, 1e-6) / side for low, high, side in
                        ((xmin, xmax, mask.shape[1]), (ymin, ymax, mask.shape[0])))
    to_picture = np.array([[scale_x, 0, xmin + scale_x / 2 - 0.5], [0, scale_y, ymin + scale_y / 2 - 0.5]])
    return cv2.warpAffine(mask.astype("float32"), to_picture, (width, height), flags=cv2.INTER_LINEAR) >= 0.5
