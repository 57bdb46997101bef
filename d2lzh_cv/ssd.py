"""Single-shot multibox detection: TinySSD, its losses and its predictions (section 9.7)."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, image, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn

from .anchors import kept_boxes, multibox_target
from .boxes import box_scale
from .engine.epochs import Epochs
from .engine.snapshots import Snapshots
from .errors import InputError
from .plotting import plt, show_bboxes

MEANS = ("all", "counted", "positive")


def smooth_l1(x, scalar: float = 1.0):
    """Return ``σ²x²/2`` where ``|x| < 1/σ²``, else ``|x| - 1/(2σ²)``: L1 without its corner at 0 (section 9.7).

    Args:
        x: array or symbol of any shape.
        scalar: σ.
    """
    F = mx.sym if isinstance(x, mx.sym.Symbol) else nd
    return F.smooth_l1(x, scalar=scalar)


def focal_loss(cls_preds, cls_labels, gamma: float = 2.0):
    """Return -(1 - p)^γ ln p of each anchor's class, (B, A), 0 for class -1 (Lin et al. 2017; exercise of section 9.7).

    Args:
        cls_preds: (B, A, K + 1), scores; their softmax gives p.
        cls_labels: (B, A), classes.
        gamma: γ; 0 gives cross-entropy.
    """
    log_p = cls_preds.log_softmax(axis=-1).pick(cls_labels, axis=-1)  # (B, A)
    rest = (1 - log_p.exp()).clip(1e-30, 1)  # where p rounds to 1, 0 ** gamma has no gradient for gamma < 1
    return -(rest ** gamma) * log_p * (cls_labels >= 0)


class SSDLoss(gloss.Loss):
    """The loss of the classes plus the loss of the positive anchors' offsets, a value per picture (section 9.7).

    Called with (cls_preds (B, A, K + 1), cls_labels (B, A), bbox_preds (B, 4A), bbox_labels (B, 4A), bbox_masks (B,
    4A)), the order of the book's ``calc_loss``; returns (B,). Anchors of class -1, which the target ignores, add
    nothing. The defaults are the book's: cross-entropy and L1, means over all anchors.

    Args:
        gamma: of the focal loss; None for cross-entropy.
        sigma: of the smooth L1 loss; None for L1.
        bbox_weight: factor of the offsets' loss.
        mean_over: the number that divides the sums. "all": of all anchors. "counted": of the anchors not ignored for
            the classes, of the positive ones for the offsets. "positive": of the positive anchors, at least 1, as in
            the papers on SSD and on the focal loss. Others raise InputError.
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
    """The mean of :func:`focal_loss` over all anchors of a picture; it knows itself which anchors count."""

    def __init__(self, gamma: float) -> None:
        super().__init__(weight=None, batch_axis=0)
        self.gamma = gamma

    def hybrid_forward(self, F, cls_preds, cls_labels, counted):
        return focal_loss(cls_preds, cls_labels, self.gamma).mean(axis=1)


class _SmoothL1(gloss.Loss):
    """The mean of :func:`smooth_l1` over all offsets of a picture."""

    def __init__(self, sigma: float) -> None:
        super().__init__(weight=None, batch_axis=0)
        self.sigma = sigma

    def hybrid_forward(self, F, bbox_preds, bbox_labels):
        return smooth_l1(bbox_preds - bbox_labels, self.sigma).mean(axis=1)


SIZES = ((0.2, 0.272), (0.37, 0.447), (0.54, 0.619), (0.71, 0.79), (0.88, 0.961))  # a pair per scale
RATIOS = ((1, 2, 0.5),) * 5
BASE_CHANNELS = (16, 32, 64)
NUM_ANCHORS = len(SIZES[0]) + len(RATIOS[0]) - 1  # per unit of a feature map


def cls_predictor(num_anchors: int, num_classes: int) -> nn.Conv2D:
    """Make the convolution that predicts classes: (B, C, H, W) to (B, num_anchors·(num_classes + 1), H, W).

    Args:
        num_anchors: per unit.
        num_classes: without the background.
    """
    return nn.Conv2D(num_anchors * (num_classes + 1), kernel_size=3, padding=1)


def bbox_predictor(num_anchors: int) -> nn.Conv2D:
    """Make the convolution that predicts offsets: (B, C, H, W) to (B, num_anchors·4, H, W) (section 9.7).

    Args:
        num_anchors: per unit.
    """
    return nn.Conv2D(num_anchors * 4, kernel_size=3, padding=1)


def flatten_pred(pred):
    """Flatten a prediction to (B, H·W·C), with the predictions of one unit together (section 9.7).

    Args:
        pred: (B, C, H, W).
    """
    return pred.transpose((0, 2, 3, 1)).flatten()


def concat_preds(preds):
    """Join the predictions of several scales into one, (B, Σ H_i·W_i·C_i) (section 9.7).

    Args:
        preds: (B, C_i, H_i, W_i) each.
    """
    F = mx.sym if isinstance(preds[0], mx.sym.Symbol) else nd
    return F.concat(*[flatten_pred(pred) for pred in preds], dim=1)


def down_sample_blk(num_channels: int) -> nn.HybridSequential:
    """Make two 3×3 convolutions with batch normalisation, then halve height and width: a 6×6 field (section 9.7).

    Args:
        num_channels: of the output.
    """
    blk = nn.HybridSequential()
    for _ in range(2):
        blk.add(nn.Conv2D(num_channels, kernel_size=3, padding=1),
                nn.BatchNorm(in_channels=num_channels), nn.Activation("relu"))
    blk.add(nn.MaxPool2D(2))
    return blk


def base_net(channels: Sequence[int] = BASE_CHANNELS) -> nn.HybridSequential:
    """Make the base network, by default (B, 3, 256, 256) to (B, 64, 32, 32) (section 9.7).

    Args:
        channels: of its blocks, each of which halves height and width.
    """
    blk = nn.HybridSequential()
    for num_channels in channels:
        blk.add(down_sample_blk(num_channels))
    return blk


def get_blk(i: int, last: int = 4, base_channels: Sequence[int] = BASE_CHANNELS) -> nn.HybridBlock:
    """Make block ``i`` of TinySSD: the base network, halvings with 128 channels, or a global maximum (section 9.7).

    Args:
        i, last: index from 0, and index of the global maximum.
        base_channels: of the base network.
    """
    if i == 0:
        return base_net(base_channels)
    return nn.GlobalMaxPool2D() if i == last else down_sample_blk(128)


class TinySSD(nn.HybridBlock):
    """A detector of several scales, five in the book; it hybridises, anchors included (section 9.7).

    Called with pictures (B, 3, H, W), it returns anchors (1, A, 4), class scores (B, A, num_classes + 1) with class 0
    the background, and offsets (B, 4A); by default A = 5444 for 256×256.

    Args:
        num_classes: without the background.
        sizes, ratios: of the anchors, per scale; ``sizes`` sets the number of scales. Fewer ratios raise InputError.
        base_channels: of the base network's blocks, which halve height and width; fewer make the first scale finer.
    """

    def __init__(self, num_classes: int, sizes: Sequence[Sequence[float]] = SIZES,
                 ratios: Sequence[Sequence[float]] = RATIOS, base_channels: Sequence[int] = BASE_CHANNELS,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if len(ratios) < len(sizes):
            raise InputError(f"sizes of {len(sizes)} scales and ratios of {len(ratios)}: give each scale its ratios")
        self.num_classes, self.anchors = num_classes, list(zip(sizes, ratios))
        for i, (size, ratio) in enumerate(self.anchors):
            num_anchors = len(size) + len(ratio) - 1
            setattr(self, f"blk_{i}", get_blk(i, len(self.anchors) - 1, base_channels))
            setattr(self, f"cls_{i}", cls_predictor(num_anchors, num_classes))
            setattr(self, f"bbox_{i}", bbox_predictor(num_anchors))

    def hybrid_forward(self, F, X):
        anchors, cls_preds, bbox_preds = [], [], []
        for i, (sizes, ratios) in enumerate(self.anchors):
            X = getattr(self, f"blk_{i}")(X)
            anchors.append(F.contrib.MultiBoxPrior(X, sizes=sizes, ratios=ratios))
            cls_preds.append(getattr(self, f"cls_{i}")(X))
            bbox_preds.append(getattr(self, f"bbox_{i}")(X))
        return (F.concat(*anchors, dim=1),
                concat_preds(cls_preds).reshape((0, -1, self.num_classes + 1)),
                concat_preds(bbox_preds))


def cls_eval(cls_preds: nd.NDArray, cls_labels: nd.NDArray) -> float:
    """Count the anchors whose class is predicted correctly (section 9.7).

    Args:
        cls_preds: (B, A, K + 1), scores.
        cls_labels: (B, A), classes.
    """
    return _hits(cls_preds, cls_labels).asscalar()


def bbox_eval(bbox_preds: nd.NDArray, bbox_labels: nd.NDArray, bbox_masks: nd.NDArray) -> float:
    """Sum the absolute offset errors of the positive anchors (section 9.7).

    Args:
        bbox_preds, bbox_labels, bbox_masks: (B, 4A) each.
    """
    return _absolute_error(bbox_preds, bbox_labels, bbox_masks).asscalar()


def _hits(cls_preds, cls_labels):
    return (cls_preds.argmax(axis=-1) == cls_labels).sum()


def _absolute_error(bbox_preds, bbox_labels, bbox_masks):
    return ((bbox_labels - bbox_preds) * bbox_masks).abs().sum()


@dataclass
class DetectionEpoch:
    """The results of one epoch: mean errors over anchors and over offsets."""
    number: int  # from 1
    class_err: float
    bbox_mae: float
    seconds: float

    def __str__(self) -> str:
        return (f"epoch {self.number:2d}, class err {self.class_err:.2e}, bbox mae {self.bbox_mae:.2e}, "
                f"time {self.seconds:.1f} sec")


def train_ssd(net: TinySSD, train_iter: mx.io.DataIter, trainer: gluon.Trainer, ctx: mx.Context, num_epochs: int,
              on_epoch: Callable[[DetectionEpoch], None] | None = None, loss=None,
              snapshots: Snapshots | None = None, name: str | None = None, **target_options) -> list[DetectionEpoch]:
    """Train a detector and return its epochs (section 9.7).

    Args:
        net: returns (anchors, class scores, offsets) as :class:`TinySSD` does.
        train_iter: an ``ImageDetIter``: pictures (B, 3, H, W), labels (B, M, 5).
        trainer, ctx, num_epochs: the ``gluon.Trainer`` of ``net``, the device, passes over ``train_iter``.
        on_epoch: is called with each epoch; ``print`` prints the book's line.
        loss: takes the arguments of :class:`SSDLoss`, the default.
        snapshots, name: save the training state to resume from; see :class:`d2lzh_cv.engine.epochs.Epochs`.
        target_options: of :func:`~d2lzh_cv.anchors.multibox_target`, such as ``negative_mining_ratio``.
    """
    loss = loss or SSDLoss()
    loss.hybridize()
    epochs = Epochs(num_epochs, net, trainer, DetectionEpoch, on_epoch, snapshots, name=name)
    for epoch in epochs:
        train_iter.reset()
        for batch in epoch.batches(train_iter):
            X, Y = batch.data[0].as_in_context(ctx), batch.label[0].as_in_context(ctx)
            with autograd.record():
                anchors, cls_preds, bbox_preds = net(X)
                with autograd.pause():
                    bbox_labels, bbox_masks, cls_labels = multibox_target(
                        anchors, Y, cls_preds.transpose((0, 2, 1)), **target_options)
                ls = loss(cls_preds, cls_labels, bbox_preds, bbox_labels, bbox_masks)
            ls.backward()
            trainer.step(X.shape[0])
            epoch.add(loss=(ls.sum(), 1), hits=(_hits(cls_preds, cls_labels), cls_labels.size),
                      absolute_error=(_absolute_error(bbox_preds, bbox_labels, bbox_masks), bbox_labels.size))
        _, hit_share, bbox_mae = epoch.means()
        epoch.end(DetectionEpoch(epoch.number, 1 - hit_share, bbox_mae, epoch.seconds))
    return epochs.results


def detect(net: TinySSD, picture: nd.NDArray, edge_size: int = 256, ctx: mx.Context | None = None,
           **options) -> np.ndarray:
    """Find the objects in one picture: (K, 6), rows (class, score, xmin, ymin, xmax, ymax), relative, best first.

    Args:
        net, ctx: a trained detector and its device, by default the CPU.
        picture: (H, W, 3), 0 to 255, of any size.
        edge_size: side in pixels of the square that the network sees, as in training.
        options: of :func:`~d2lzh_cv.anchors.multibox_detection`.
    """
    X = image.imresize(picture, edge_size, edge_size).astype("float32").transpose((2, 0, 1)).expand_dims(axis=0)
    anchors, cls_preds, bbox_preds = net(X.as_in_context(ctx or mx.cpu()))
    return kept_boxes(anchors, cls_preds, bbox_preds, **options)[0]


def show_detections(picture: nd.NDArray, rows: np.ndarray, threshold: float = 0.3,
                    classes: Sequence[str] | None = None) -> None:
    """Draw detected boxes on a picture (section 9.7).

    Args:
        picture: (H, W, 3), 0 to 255.
        rows: the result of :func:`detect`.
        threshold: lowest score of a drawn box.
        classes: names by class number; several classes get colours, and their names stand before the scores.
    """
    axes = plt.imshow(picture.asnumpy().astype("uint8")).axes
    scale = box_scale(picture).asnumpy()
    several = classes is not None and len(classes) > 1
    for row in rows[rows[:, 1] >= threshold]:
        name, color = (f"{classes[int(row[0])]} ", f"C{int(row[0]) % 10}") if several else ("", "w")
        show_bboxes(axes, [row[2:] * scale], f"{name}{row[1]:.2f}", color)
