"""Training of the four R-CNNs with the common training loop, snapshots included."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd

from ..engine.epochs import Epochs
from ..engine.snapshots import Snapshots
from .parts import Losses

DROP = 0.8  # share of the epochs after which the learning rate falls to a tenth


@dataclass
class RegionEpoch:
    """The results of one epoch: mean errors over the sampled regions and their offsets."""
    number: int  # from 1
    loss: float
    class_err: float
    bbox_mae: float
    seconds: float
    region_loss: float
    proposal_loss: float | None = None
    mask_loss: float | None = None

    def __str__(self) -> str:
        parts = {"proposals": self.proposal_loss, "regions": self.region_loss, "masks": self.mask_loss}
        losses = ", ".join(f"{name} {loss:.3f}" for name, loss in parts.items() if loss is not None)
        return (f"epoch {self.number:2d}, loss {self.loss:.3f} ({losses}), class err {self.class_err:.2e}, "
                f"bbox mae {self.bbox_mae:.2e}, time {self.seconds:.1f} sec")


def train_rcnn(net, train_iter: mx.io.DataIter | Callable[[], Iterable], trainer: gluon.Trainer, ctx: mx.Context,
               num_epochs: int, on_epoch: Callable[[RegionEpoch], None] | None = None,
               snapshots: Snapshots | None = None, name: str | None = None) -> list[RegionEpoch]:
    """Train a network of this package and return its epochs; the last fifth has a tenth of the learning rate.

    Args:
        net: has ``losses`` and ``parts`` as :class:`~d2lzh_cv.rcnn.parts.RegionDetector`.
        train_iter: an ``ImageDetIter``: pictures (B, 3, H, W), labels (B, M, 5); or a function that starts an epoch and
            returns its batches. :class:`~d2lzh_cv.rcnn.instances.MaskBatch`es also train the masks of a Mask R-CNN.
        trainer, ctx, num_epochs, on_epoch, snapshots, name: see :func:`d2lzh_cv.ssd.train_ssd`.
    """
    def epoch_done(epoch: RegionEpoch) -> None:
        if epoch.number == max(1, round(DROP * num_epochs)):
            trainer.set_learning_rate(trainer.learning_rate / 10)
        if on_epoch:
            on_epoch(epoch)

    batches = passes(train_iter)
    epochs = Epochs(num_epochs, net, trainer, RegionEpoch, epoch_done, snapshots, name=name)
    for epoch in epochs:
        for batch in epoch.batches(batches()):
            X, Y = batch.data[0].as_in_context(ctx), batch.label[0].as_in_context(ctx)
            masks = {} if getattr(batch, "masks", None) is None else {"masks": batch.masks.as_in_context(ctx)}
            rng = np.random.default_rng(np.random.randint(2**31 - 1))  # the loop seeds NumPy for every batch
            with autograd.record():
                losses = net.losses(X, Y, rng, **masks)
                loss = sum(losses.parts.values())
            loss.backward()
            trainer.step(len(X), ignore_stale_grad=len(losses.parts) < len(net.parts))  # a batch may lack masks
            epoch.add(loss=(loss.sum(), len(X)), **_errors(losses), **_losses_of_parts(losses, net.parts))
        loss, hit_share, bbox_mae, *parts = epoch.means()
        part_losses = {f"{part[:-1]}_loss": value for part, value in zip(net.parts, parts)}
        epoch.end(RegionEpoch(epoch.number, loss, 1 - hit_share, bbox_mae, epoch.seconds, **part_losses))
    return epochs.results


def _errors(losses: Losses) -> dict[str, tuple[nd.NDArray, float]]:
    """Sums and counts: sampled regions with the correct class, and absolute errors of the objects' offsets."""
    classes = losses.sample.classes
    foreground = (classes > 0).expand_dims(axis=2)
    hits = ((losses.scores.argmax(axis=-1) == classes) * (classes >= 0)).sum()
    error = ((losses.offsets - losses.sample.offsets).abs() * foreground).sum()
    labels = classes.asnumpy()
    return {"hits": (hits, (labels >= 0).sum()), "absolute_error": (error, 4 * (labels > 0).sum())}


def _losses_of_parts(losses: Losses, parts: tuple[str, ...]) -> dict[str, tuple[nd.NDArray, float]]:
    """Sum and count of each part's loss; zero for a part that the batch did not train."""
    batch, none = len(losses.sample.classes), nd.zeros(1, ctx=losses.scores.context)
    return {f"loss_of_{part}": (losses.parts[part].sum(), batch) if part in losses.parts else (none, 0)
            for part in parts}


def passes(train_iter: mx.io.DataIter | Callable[[], Iterable]) -> Callable[[], Iterable]:
    """Return a function that starts an epoch of ``train_iter`` and returns its batches.

    Args:
        train_iter: such as ``ImageDetIter``; a function that already does this is returned as it is.
    """
    def begin() -> mx.io.DataIter:
        train_iter.reset()
        return train_iter
    return train_iter if callable(train_iter) else begin


def alternate(*train_iters: mx.io.DataIter | Callable[[], Iterable]) -> Callable[[], Iterator]:
    """Return a ``train_iter`` for :func:`train_rcnn` that takes a batch from each of several in turn until all end.

    Args:
        train_iters: as :func:`train_rcnn` takes them.
    """
    def begin() -> Iterator:
        active = [iter(passes(one)()) for one in train_iters]
        while active:
            for batches in list(active):
                batch = next(batches, None)
                if batch is None:
                    active.remove(batches)
                else:
                    yield batch
    return begin
