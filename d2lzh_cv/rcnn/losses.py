"""The multi-task loss of the R-CNN family (Girshick 2015) and the mask loss (He et al. 2017)."""
from __future__ import annotations

from mxnet.gluon import loss as gloss


class MultiTaskLoss(gloss.Loss):
    """Cross-entropy of the classes plus ``weight`` times smooth L1 of the objects' offsets.

    Called with (scores (B, N, K + 1), classes (B, N), offset predictions (B, N, 4), offsets (B, N, 4)); returns (B,):
    the mean over the regions or anchors that count. Class -1 does not count; only classes above 0 have offsets.
    """

    def __init__(self, weight: float = 1.0, **kwargs) -> None:
        super().__init__(weight=None, batch_axis=0, **kwargs)
        self.offset_weight = weight

    def hybrid_forward(self, F, scores, classes, offset_preds, offsets):
        counted, foreground = classes >= 0, (classes > 0).expand_dims(axis=2)
        log_p = F.pick(F.log_softmax(scores, axis=-1), F.maximum(classes, F.zeros_like(classes)), axis=-1)
        errors = F.smooth_l1(F.broadcast_mul(offset_preds - offsets, foreground), scalar=1.0)  # (B, N, 4)
        total = F.sum(-log_p * counted, axis=1) + self.offset_weight * F.sum(errors, axis=(1, 2))
        count = F.sum(counted, axis=1)
        return total / F.maximum(count, F.ones_like(count))


class MaskLoss(gloss.Loss):
    """Binary cross-entropy of each object's pixels, only in the mask of its own class.

    Called with (scores (B, N, K, h, w), classes (B, N), masks (B, N, h, w)); returns (B,): the mean over the pixels of
    the regions of classes 1 to K; 0 if a picture has no such region.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(weight=None, batch_axis=0, **kwargs)

    def hybrid_forward(self, F, scores, classes, masks):
        foreground = classes > 0
        own = F.broadcast_add(F.maximum(classes - 1, F.zeros_like(classes)).reshape((0, 0, 1, 1)), F.zeros_like(masks))
        x = F.pick(scores, own, axis=2)  # (B, N, h, w)
        loss = F.relu(x) - x * masks + F.Activation(-F.abs(x), act_type="softrelu")
        count = F.sum(foreground, axis=1)
        total = F.sum(F.mean(loss, axis=(2, 3)) * foreground, axis=1)
        return total / F.maximum(count, F.ones_like(count))
