"""Variants of TinySSD, trained on the same pictures and compared by the same measures (exercises of section 9.7)."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

import mxnet as mx
import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import nn

from ..anchors import multibox_target
from ..boxes import VARIANCES
from ..engine import recorder
from ..engine.seeds import seed_everything
from ..engine.snapshots import Snapshots
from ..fcn import RGB_MEAN, RGB_STD
from ..metrics import DetectorResult, Table, evaluate_detector
from ..plotting import plt
from ..ssd import SSDLoss, TinySSD, train_ssd

MEASURES = ("class err, 1e-3", "recall", "box err, 1e-3", "positive box err", "VOC 2007", "VOC 2012", "COCO")


@dataclass(frozen=True)
class Variant:
    """The differences from the book's TinySSD; by default none.

    Attributes:
        name: unique among the compared variants.
        net: arguments of :class:`~d2lzh_cv.ssd.TinySSD`.
        loss: arguments of :class:`~d2lzh_cv.ssd.SSDLoss`.
        target: options of :func:`~d2lzh_cv.anchors.multibox_target` in training.
        normalized: give the network pictures of mean 0 and deviation 1 instead of 0 to 255.
        learning_rate: of SGD with weight decay 5e-4; the last quarter of the epochs has a tenth of it.
    """
    name: str
    net: dict[str, Any] = field(default_factory=dict)
    loss: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    normalized: bool = False
    learning_rate: float = 0.2


class Normalized(nn.HybridBlock):
    """Runs a network on pictures (B, 3, H, W) normalised with the mean and deviation of ImageNet's colours."""

    def __init__(self, net: nn.HybridBlock, **kwargs) -> None:
        super().__init__(**kwargs)
        self.net = net
        self.mean, self.std = (self.params.get_constant(name, 255 * value.reshape((1, 3, 1, 1)))
                               for name, value in (("mean", RGB_MEAN), ("std", RGB_STD)))

    def hybrid_forward(self, F, X, mean, std):
        return self.net(F.broadcast_div(F.broadcast_sub(X, mean), std))


class InMXNetsOffsets(nn.HybridBlock):
    """Converts a detector's offsets from ``variances`` to MXNet's, so that one decoder and one error measure fit."""

    def __init__(self, net: nn.HybridBlock, variances: Sequence[float], **kwargs) -> None:
        super().__init__(**kwargs)
        self.net = net
        self.scale = self.params.get_constant("scale", nd.array([[np.divide(variances, VARIANCES)]]))  # (1, 1, 4)
        self.scale.initialize()

    def hybrid_forward(self, F, X, scale):
        anchors, cls_preds, bbox_preds = self.net(X)
        return anchors, cls_preds, F.broadcast_mul(bbox_preds.reshape((0, -1, 4)), scale).flatten()


def train_variant(variant: Variant, train_iter: mx.io.DataIter, num_classes: int, ctx: mx.Context, num_epochs: int,
                  seed: int, on_epoch: Callable[[Any], None] | None = None, snapshots: Snapshots | None = None,
                  name: str | None = None) -> nn.HybridBlock:
    """Train a variant and return it, with offsets for MXNet's decoder.

    Variants with the same seed see the same crops in the same order. Those of one shape start from the same weights, so
    they differ only in what is compared.

    Args:
        variant: the differences from the book's network and training.
        train_iter, num_classes, ctx, num_epochs: as for :func:`~d2lzh_cv.ssd.train_ssd`; classes without background.
        seed: of the weights and of the crops.
        on_epoch, snapshots, name: as for :class:`~d2lzh_cv.engine.epochs.Epochs`; ``name`` is unique in a section.
    """
    if name and not snapshots and recorder.current():
        snapshots = recorder.current().snapshots(name)
    if snapshots:
        snapshots.series = f"seed {seed}"  # the random numbers follow from it, not from the variant's name
    seed_everything(seed)
    net = TinySSD(num_classes, **variant.net)
    net = Normalized(net) if variant.normalized else net
    net.initialize(init.Xavier(), ctx=ctx)
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": variant.learning_rate, "wd": 5e-4})

    def after(epoch) -> None:
        if on_epoch:
            on_epoch(epoch)
        if num_epochs - epoch.number == num_epochs // 4 > 0:
            trainer.set_learning_rate(variant.learning_rate / 10)

    train_ssd(net, train_iter, trainer, ctx, num_epochs, after, SSDLoss(**variant.loss), snapshots, name,
              **variant.target)
    variances = variant.target.get("variances", VARIANCES)
    return net if variances == VARIANCES else InMXNetsOffsets(net, variances)


@dataclass(frozen=True)
class Judgement:
    """The quality of a detector on validation pictures, regardless of its training."""
    class_err: float     # share of all anchors with a wrong class
    recall: float        # share of the positive anchors with the correct class
    bbox_mae: float      # absolute errors of the positive anchors' offsets over the number of all offsets: the book's
    positive_mae: float  # the same errors over the number of positive anchors' offsets
    anchors: float       # per picture
    positives: float     # positive anchors per picture
    boxes: DetectorResult

    def row(self) -> list[float]:
        """Return its numbers in the order of ``MEASURES``; NaN if there is no object."""
        means = self.boxes.scores.means()
        precision = [means[name] for name in ("mAP_voc2007", "mAP_voc2012", "mAP_coco")]
        return [1000 * self.class_err, self.recall, 1000 * self.bbox_mae, self.positive_mae,
                *(np.nan if value is None else value for value in precision)]


def judge(net: nn.HybridBlock, val_iter: mx.io.DataIter, ctx: mx.Context, classes: Sequence[str]) -> Judgement:
    """Evaluate a detector by every anchor of every picture, all negatives included, and by average precision.

    If detectors have different anchors, their shares of positive anchors differ: only average precision compares them.
    """
    sums, pictures = np.zeros(5), 0
    val_iter.reset()
    for batch in val_iter:
        count = batch.data[0].shape[0] - (batch.pad or 0)
        pictures += count
        anchors, cls_preds, bbox_preds = net(batch.data[0].as_in_context(ctx))
        Y = batch.label[0].as_in_context(ctx)
        targets = multibox_target(anchors, Y, cls_preds.transpose((0, 2, 1)))
        sums += _sums(cls_preds.asnumpy()[:count], bbox_preds.asnumpy()[:count],
                      *(part.asnumpy()[:count] for part in targets))
    anchors, wrong, positive, hits, error = sums
    return Judgement(wrong / anchors, hits / max(positive, 1), error / (4 * anchors), error / max(4 * positive, 1),
                     anchors / pictures, positive / pictures, evaluate_detector(net, val_iter, ctx, classes))


def _sums(cls_preds, bbox_preds, bbox_labels, bbox_masks, cls_labels) -> list[float]:
    """Return the numbers of anchors, wrong ones, positive ones, correct positive ones, and the sum of offset errors."""
    hit, positive = cls_preds.argmax(axis=-1) == cls_labels, cls_labels > 0
    error = np.abs((bbox_preds - bbox_labels) * bbox_masks).astype("float64").sum()
    return [hit.size, (~hit).sum(), positive.sum(), (hit & positive).sum(), error]


Judged = dict[tuple[str, int], Judgement]  # by the variant's name and the seed


def comparison(judged: Judged) -> Table:
    """Return a table of means over the seeds, a row per variant."""
    rows = [[name, *np.mean([judgement.row() for judgement in judgements], axis=0)]
            for name, judgements in _by_name(judged).items()]
    return Table(["variant", *MEASURES], rows)


def by_seed(judged: Judged) -> Table:
    """Return a table with a row per training."""
    return Table(["variant, seed", *MEASURES],
                 [[f"{name}, {seed}", *judgement.row()] for (name, seed), judgement in judged.items()])


def verdict(judged: Judged) -> str:
    """Compare the variants' mAP (VOC 2007) with the first variant in words, and say how much may be chance."""
    values = {name: [judgement.row()[MEASURES.index("VOC 2007")] for judgement in judgements]
              for name, judgements in _by_name(judged).items()}
    means, first = {name: np.mean(precisions) for name, precisions in values.items()}, next(iter(values))
    spread = max(np.ptp(precisions) for precisions in values.values())
    chance = (f"two trainings of one variant, by seed alone, are up to {spread:.3f} apart"
              if len(judged) > len(values) else "with one seed, nothing says how much of it is chance")
    ordered = sorted(means, key=means.get, reverse=True)
    return (f"mAP (VOC 2007) of {first}: {means[first]:.3f}; best {ordered[0]}: {means[ordered[0]]:.3f}, "
            f"worst {ordered[-1]}: {means[ordered[-1]]:.3f}; {chance}.")


def show_precision(judged: Judged) -> None:
    """Draw mAP (VOC 2007) of each variant: a bar for the mean, a dot per seed."""
    names = _by_name(judged)
    _, ax = plt.subplots(figsize=(7, 0.4 * len(names) + 0.8))
    for place, judgements in enumerate(names.values()):
        values = [judgement.row()[MEASURES.index("VOC 2007")] for judgement in judgements]
        ax.barh(place, np.mean(values), color="C0" if place else "C1", alpha=0.6)
        ax.plot(values, [place] * len(values), "k.")
    ax.set(xlabel="mAP on the validation pictures, VOC 2007", xlim=(0, None))
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()


def _by_name(judged: Judged) -> dict[str, list[Judgement]]:
    names = dict.fromkeys(name for name, _ in judged)
    return {name: [judgement for (other, _), judgement in judged.items() if other == name] for name in names}
