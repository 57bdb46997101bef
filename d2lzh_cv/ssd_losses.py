"""Losses of a detector: the book's, and those of its exercises (section 9.7)."""
from __future__ import annotations

import mxnet as mx
from mxnet import nd
from mxnet.gluon import loss as gloss

from .errors import InputError

MEANS = ("all", "counted", "positive")


def smooth_l1(x, scalar: float = 1.0):
    """σ²x²/2 where |x| < 1/σ², else |x| - 1/(2σ²), with σ = ``scalar``: the L1 loss without its corner at 0."""
    F = mx.sym if isinstance(x, mx.sym.Symbol) else nd
    return F.smooth_l1(x, scalar=scalar)


def focal_loss(cls_preds, cls_labels, gamma: float = 2.0):
    """-(1 - p)^γ ln p of each anchor's own class, (B, A) (Lin et al. 2017; exercise of section 9.7).

    p is the softmax over the class axis of ``cls_preds`` (B, A, K + 1); with γ = 0 this is cross-entropy. Anchors of
    class -1 are left out: 0.
    """
    log_p = cls_preds.log_softmax(axis=-1).pick(cls_labels, axis=-1)  # (B, A)
    missing = (1 - log_p.exp()).clip(1e-30, 1)  # where p rounds to 1, 0 ** gamma has no gradient for gamma < 1
    return -(missing ** gamma) * log_p * (cls_labels >= 0)


class SSDLoss(gloss.Loss):
    """The loss of the classes plus that of the offsets of positive anchors, a value a picture (section 9.7).

    Called with (cls_preds (B, A, K + 1), cls_labels (B, A), bbox_preds (B, 4A), bbox_labels (B, 4A),
    bbox_masks (B, 4A)), the order of the book's ``calc_loss``; returns (B,). Anchors of class -1, which the target
    leaves out, add nothing. The defaults are the book's: cross-entropy and L1, means over all anchors.

    Args:
        gamma: of the focal loss; None for cross-entropy.
        sigma: of the smooth L1 loss; None for L1.
        bbox_weight: what the loss of the offsets is multiplied by.
        mean_over: the anchors that sums are divided by. "all": those left out and, for the offsets, the negative ones
            too. "counted": the class's loss by those not left out, the offsets' by the positive ones. "positive":
            both by the positive ones, as the papers on SSD and on the focal loss have it; a picture without any is
            divided by 1.
    """

    def __init__(self, gamma: float | None = None, sigma: float | None = None, bbox_weight: float = 1,
                 mean_over: str = "all", **kwargs) -> None:
        super().__init__(weight=None, batch_axis=0, **kwargs)
        if mean_over not in MEANS:
            raise InputError(f"mean_over is {mean_over!r}; choose {', '.join(MEANS)}")
        self.cls_loss = gloss.SoftmaxCrossEntropyLoss() if gamma is None else _Focal(gamma)
        self.bbox_loss = gloss.L1Loss() if sigma is None else _SmoothL1(sigma)
        self.bbox_weight, self.mean_over = bbox_weight, mean_over

    def hybrid_forward(self, F, cls_preds, cls_labels, bbox_preds, bbox_labels, bbox_masks):
        counted = (cls_labels >= 0).expand_dims(axis=-1)  # (B, A, 1)
        cls = self.cls_loss(cls_preds, cls_labels, counted)
        bbox = self.bbox_loss(bbox_preds * bbox_masks, bbox_labels * bbox_masks)
        if self.bbox_weight != 1:
            bbox = bbox * self.bbox_weight
        if self.mean_over == "all":
            return cls + bbox
        positive = bbox_masks.mean(axis=1)  # shares of all anchors, (B,)
        share = positive if self.mean_over == "positive" else counted.mean(axis=(1, 2))
        one = 1 / F.sum(F.ones_like(counted), axis=(1, 2))  # anchor's share
        return cls / (share + one * (share == 0)) + bbox / (positive + one * (positive == 0))


class _Focal(gloss.Loss):
    """The mean over all anchors of a picture of :func:`focal_loss`, which sees itself which ones count."""

    def __init__(self, gamma: float) -> None:
        super().__init__(weight=None, batch_axis=0)
        self.gamma = gamma

    def hybrid_forward(self, F, cls_preds, cls_labels, counted):
        return focal_loss(cls_preds, cls_labels, self.gamma).mean(axis=1)


class _SmoothL1(gloss.Loss):
    """The mean over all offsets of a picture of :func:`smooth_l1`."""

    def __init__(self, sigma: float) -> None:
        super().__init__(weight=None, batch_axis=0)
        self.sigma = sigma

    def hybrid_forward(self, F, bbox_preds, bbox_labels):
        return smooth_l1(bbox_preds - bbox_labels, self.sigma).mean(axis=1)
