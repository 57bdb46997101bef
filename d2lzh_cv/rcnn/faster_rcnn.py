"""Faster R-CNN (Ren et al. 2015; section 9.8): a network proposes the regions from shared features.

The book's four steps are :meth:`RegionProposal.hybrid_forward` (1 and 3), :func:`anchors_of` with
:func:`~d2lzh_cv.rcnn.targets.label_anchors` (2) and :func:`suppress` (4).
"""
from __future__ import annotations

from mxnet import autograd, gluon, nd
from mxnet.gluon import nn

from ..boxes import VARIANCES
from ..ssd import flatten_pred
from .losses import MultiTaskLoss
from .parts import POOLED, SAMPLED, STRIDE, Losses, RegionHead, small_features
from .roi import pixel_rois
from .targets import label_anchors, sample_regions

SIZES, RATIOS = (0.12, 0.08, 0.2, 0.35, 0.6), (0.7, 1.4)  # of the anchors
NUM_ANCHORS = len(SIZES) + len(RATIOS) - 1                # per unit of the feature map
PROPOSALS = 48                                            # regions per picture
CANDIDATES, SIMILAR = 300, 0.7                            # anchors before suppression, and its IoU threshold
ANCHORS_SAMPLED = 64                                      # training anchors per picture


class RegionProposal(nn.HybridBlock):
    """Steps 1 and 3: computes objectness (B, A, 2) and offsets (B, A, 4) of all anchors from features (B, C, H, W).

    Args:
        channels: the book's c, the feature length of each unit.
    """

    def __init__(self, channels: int = 64, **kwargs) -> None:
        super().__init__(**kwargs)
        self.conv = nn.Conv2D(channels, kernel_size=3, padding=1, activation="relu")
        self.binary = nn.Conv2D(NUM_ANCHORS * 2, kernel_size=1)
        self.boxes = nn.Conv2D(NUM_ANCHORS * 4, kernel_size=1)

    def hybrid_forward(self, F, feature):
        unit = self.conv(feature)                                             # step 1
        objectness, offsets = self.binary(unit), self.boxes(unit)             # step 3
        return flatten_pred(objectness).reshape((0, -1, 2)), flatten_pred(offsets).reshape((0, -1, 4))


def anchors_of(F, feature):
    """Step 2: make the anchors around every unit of a feature map: (1, A, 4).

    Args:
        F: ``mx.nd`` or ``mx.sym``.
        feature: (B, C, H, W); only H and W matter.
    """
    return F.contrib.MultiBoxPrior(feature, sizes=SIZES, ratios=RATIOS)


def suppress(F, anchors, objectness, offsets, count: int = PROPOSALS, candidates: int = CANDIDATES,
             threshold: float = SIMILAR):
    """Step 4: suppress similar boxes and return the ``count`` best per picture, (B, count, 4), clipped to the picture.

    Copies of the best box fill the missing places.

    Args:
        F: ``mx.nd`` or ``mx.sym``.
        anchors: (1, A, 4).
        objectness, offsets: of :class:`RegionProposal`, (B, A, 2) and (B, A, 4).
        count: number of returned boxes.
        candidates: number of boxes, those with the highest scores, that take part.
        threshold: a box is removed if its IoU with a kept, better box exceeds this.
    """
    sigmas = {f"std{i}": sigma for i, sigma in enumerate(VARIANCES)}
    boxes = F.contrib.box_decode(offsets, anchors, format="corner", **sigmas).clip(0, 1)
    likelihood = F.softmax(objectness, axis=-1).slice_axis(axis=2, begin=1, end=2)
    rows = F.contrib.box_nms(F.concat(likelihood, boxes, dim=2), overlap_thresh=threshold, valid_thresh=0,
                             topk=candidates, coord_start=1, score_index=0, id_index=-1)
    rows = rows.slice_axis(axis=1, begin=0, end=count)
    best = F.broadcast_like(rows.slice_axis(axis=1, begin=0, end=1), rows, lhs_axes=(1,), rhs_axes=(1,))
    kept = F.broadcast_like(rows.slice_axis(axis=2, begin=0, end=1) >= 0, rows, lhs_axes=(2,), rhs_axes=(2,))
    return F.BlockGrad(F.where(kept, rows, best).slice_axis(axis=2, begin=1, end=5))


class FasterRCNN(gluon.HybridBlock):
    """A proposal network and Fast R-CNN's head on the same features, trained jointly.

    It is called like :class:`~d2lzh_cv.rcnn.parts.RegionDetector`; hybridised, it is one graph from picture to offsets.

    Args:
        num_classes: without the background.
    """
    parts = ("proposals", "regions")

    def __init__(self, num_classes: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.num_classes = num_classes
        with self.name_scope():  # see RegionDetector
            self.features, self.proposal, self.head = small_features(), RegionProposal(), RegionHead(num_classes)
        self.loss = MultiTaskLoss()

    def hybrid_forward(self, F, X):
        return self.detect_in(F, self.features(X), X)

    def detect_in(self, F, feature, X):
        """Return regions (B, N, 4), class scores (B, N, K + 1) and offsets (B, 4N) from the features of ``X``."""
        regions = suppress(F, anchors_of(F, feature), *self.proposal(feature))
        scores, offsets = self.predict(F, feature, pixel_rois(F, regions, X), PROPOSALS)
        return regions, scores, offsets.reshape((0, -1))

    def predict(self, F, feature, rois, count):
        """Return class scores (B, count, K + 1) and offsets (B, count, 4) of ``rois`` (B·count, 5)."""
        scores, offsets = self.head(self.pool(F, feature, rois, POOLED))
        return scores.reshape((-1, count, self.num_classes + 1)), offsets.reshape((-1, count, 4))

    def pool(self, F, feature, rois, size):
        """Return the features of each region, (B·N, C, h, w)."""
        return F.ROIPooling(feature, rois, pooled_size=size, spatial_scale=1 / STRIDE)

    def losses(self, X: nd.NDArray, objects: nd.NDArray, rng) -> Losses:
        """Return the losses of pictures with objects (B, M, 5); ``rng`` samples anchors and regions."""
        return self.losses_in(self.features(X), X, objects, rng)

    def losses_in(self, feature, X, objects, rng) -> Losses:
        """Return :meth:`losses`, computed from the features of ``X``."""
        objectness, anchor_offsets = self.proposal(feature)
        with autograd.pause():
            anchors = anchors_of(nd, feature)
            labels, targets = label_anchors(anchors, objects, objectness, ANCHORS_SAMPLED, rng)
            regions = suppress(nd, anchors, objectness, anchor_offsets)
            sample = sample_regions(regions.asnumpy(), objects, SAMPLED, rng)
        scores, offsets = self.predict(nd, feature, pixel_rois(nd, sample.regions, X), SAMPLED)
        return Losses({"proposals": self.loss(objectness, labels, anchor_offsets, targets),
                       "regions": self.loss(scores, sample.classes, offsets, sample.offsets)}, sample, scores, offsets)
