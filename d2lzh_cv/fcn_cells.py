"""An FCN's scores by cells of 32 × 32 pixels, the classes last: the same numbers in an order that costs less (9.10).

A kernel twice as large as the stride lets an input reach four cells and no more. The transposed convolution is then one
product: the four inputs around each cell, times a matrix with a column for each class of each pixel of a cell. With the
classes last, softmax and argmax read memory in a row, and what is put in another order is the labels, one number a
pixel, not the scores. A training step takes about two thirds of the time; docs/performance.md has the figures.
"""
from __future__ import annotations

from mxnet import gluon, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn

from .training import Classification

OUTSIDE = -1  # the label of what a cell has beyond the picture


class CellScores(nn.HybridBlock):
    """What ``enlarge(coarse(X))`` computes, by cells.

    Called with X (B, 3, H, W), it returns (B, (H/s + 1)·(W/s + 1), s·s, classes) for the stride s of ``enlarge``: the
    cells row by row, of which those at the rim reach s/2 pixels beyond the picture.

    Args:
        coarse: layers one after the other, (B, 3, H, W) to (B, C, H/s, W/s).
        enlarge: kernel 2s, padding s/2, with bias. All parameters are shared.
    """

    def __init__(self, coarse: list[gluon.HybridBlock], enlarge: nn.Conv2DTranspose, **kwargs) -> None:
        super().__init__(**kwargs)
        self.coarse = nn.HybridSequential()
        self.coarse.add(*coarse)
        self.stride = enlarge._kwargs["stride"][0]
        self.weight, self.bias = enlarge.weight, enlarge.bias  # (C, classes, 2s, 2s), (classes,)
        self.params.update(enlarge.params)

    def hybrid_forward(self, F, X, weight, bias):
        s, classes = self.stride, self.bias.shape[0]
        padded = F.pad(self.coarse(X), mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 1, 1))
        around = [F.slice(padded, (None, None, 1 - down, 1 - right), (None, None, -down or None, -right or None))
                  for down in (0, 1) for right in (0, 1)]
        inputs = F.stack(*around, axis=2).transpose((0, 3, 4, 1, 2)).reshape((0, -3, -3))  # (B, cells, C·4)
        # the kernel's rows are (down, row in the cell), its columns (right, column in the cell)
        kernel = weight.reshape((0, 0, 2, s, 2, s)).transpose((3, 5, 1, 0, 2, 4)).reshape((s * s * classes, -1))
        scores = F.FullyConnected(inputs, kernel, F.tile(bias, s * s), num_hidden=s * s * classes, flatten=False)
        return scores.reshape((0, 0, s * s, classes))


def to_cells(labels: nd.NDArray, stride: int) -> nd.NDArray:
    """Labels (B, H, W) in the order of :class:`CellScores`, OUTSIDE beyond the picture: (B, cells, s·s)."""
    rim = stride // 2
    padded = nd.pad(labels.expand_dims(axis=1), mode="constant", constant_value=OUTSIDE,
                    pad_width=(0, 0, 0, 0, rim, rim, rim, rim))
    batch, _, height, width = padded.shape
    cells = padded.reshape((batch, height // stride, stride, width // stride, stride)).transpose((0, 1, 3, 2, 4))
    return cells.reshape((batch, -1, stride * stride))


def from_cells(values: nd.NDArray, stride: int, size: tuple[int, int]) -> nd.NDArray:
    """Back from (B, cells, s·s) to (B, H, W), without what is beyond a picture of ``size`` (H, W)."""
    rim, (rows, columns) = stride // 2, (n // stride + 1 for n in size)
    cells = values.reshape((-1, rows, columns, stride, stride)).transpose((0, 1, 3, 2, 4))
    return cells.reshape((-1, rows * stride, columns * stride))[:, rim:-rim, rim:-rim]


class CellClassification(Classification):
    """:class:`~d2lzh_cv.training.Classification` of pixels whose scores come by cells; the loss is cross-entropy."""

    class_axis = -1

    def __init__(self, net, *args) -> None:
        super().__init__(net, *args)
        self.loss = gloss.SoftmaxCrossEntropyLoss()

    def answer(self, X, y):
        return self.net.cells(X), to_cells(y, self.net.cells.stride)

    def losses(self, scores, labels, count):
        inside = (labels != OUTSIDE).expand_dims(axis=-1)
        return self.loss(scores, labels, inside) * (labels.size / count)  # the mean over what is inside


def is_plain_cross_entropy(loss) -> bool:
    """Whether ``loss`` is the book's ``SoftmaxCrossEntropyLoss(axis=1)`` with nothing more."""
    return type(loss) is gloss.SoftmaxCrossEntropyLoss and (
        loss._axis, loss._sparse_label, loss._from_logits, loss._weight) == (1, True, False, None)
