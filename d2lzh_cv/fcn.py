"""The fully convolutional network, initialised with bilinear interpolation (section 9.10), and its scores by cells.

If the kernel is twice the stride s, an input reaches only four cells of s × s pixels. The transposed convolution is
then one product: the four inputs around each cell, times a matrix with a column per class and pixel of a cell. The
classes come last, so softmax and argmax read memory in order, and only the labels, one number per pixel, are reordered.
A training step takes about two thirds of the time and gives the same numbers; see docs/performance.md. To predict, a
network whose weights do not change any more puts its classes first.
"""
from __future__ import annotations

from functools import cached_property

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn

from .data.normalization import IMAGENET_MEAN, IMAGENET_STD
from .data.voc import VOC_COLORMAP
from .errors import InputError
from .training import Scoring

OUTSIDE = -1  # label of a cell's pixels beyond the picture


class CellScores(nn.HybridBlock):
    """Computes ``enlarge(coarse(X))`` by cells.

    Called with X (B, 3, H, W), it returns (B, (H/s + 1)·(W/s + 1), s·s·classes) for the stride s of ``enlarge``: the
    cells row by row, and in each its pixels. The outer cells reach s/2 pixels beyond the picture. The last axis is not
    divided into pixels and classes, because in a graph MXNet would copy the scores and their gradient for that.

    Args:
        coarse: layers in sequence, (B, 3, H, W) to (B, C, H/s, W/s).
        enlarge: kernel 2s, padding s/2, with bias. All parameters are shared.
    """

    def __init__(self, coarse: list[gluon.HybridBlock], enlarge: nn.Conv2DTranspose, **kwargs) -> None:
        super().__init__(**kwargs)
        self.coarse = nn.HybridSequential()
        self.coarse.add(*coarse)
        self.stride = enlarge._kwargs["stride"][0]
        self.weight, self.bias = enlarge.weight, enlarge.bias  # (C, classes, 2s, 2s), (classes,)
        self.params.update(enlarge.params)
        self.outputs = self.stride ** 2 * self.bias.shape[0]  # per cell

    def hybrid_forward(self, F, X, weight, bias):
        return F.FullyConnected(self.around(F, self.coarse(X)), self.matrix(weight), F.tile(bias, self.stride ** 2),
                                num_hidden=self.outputs, flatten=False)

    def matrix(self, weight):
        """Arrange the kernel ``weight`` (C, classes, 2s, 2s) for the product: (s·s·classes, C·4)."""
        s = self.stride
        # the kernel's rows are (down, row in the cell), its columns (right, column in the cell)
        return weight.reshape((0, 0, 2, s, 2, s)).transpose((3, 5, 1, 0, 2, 4)).reshape((self.outputs, -1))

    @staticmethod
    def around(F, coarse):
        """Return the four inputs around each cell, from coarse scores (B, C, H/s, W/s): (B, cells, C·4)."""
        padded = F.pad(coarse, mode="constant", pad_width=(0, 0, 0, 0, 1, 1, 1, 1))
        around = [F.slice(padded, (None, None, 1 - down, 1 - right), (None, None, -down or None, -right or None))
                  for down in (0, 1) for right in (0, 1)]
        return F.stack(*around, axis=2).transpose((0, 3, 4, 1, 2)).reshape((0, -3, -3))


class ArrangedCellScores:
    """The same scores for prediction, the classes first, so that :func:`first_best` can compare all pixels at once.

    Called with X (B, 3, H, W), it returns (classes, s·s, B·cells). The product's matrix is arranged once, not for each
    picture.

    Args:
        cells: its weights must not change any more.
    """

    def __init__(self, cells: CellScores) -> None:
        bias = cells.bias.data()
        self._classes, area = bias.shape[0], cells.stride ** 2
        matrix = cells.matrix(cells.weight.data()).reshape((area, self._classes, -1)).swapaxes(0, 1)
        bias = bias.reshape((-1, 1, 1)).broadcast_to((self._classes, area, 1))
        self._matrix = nd.concat(matrix, bias, dim=2).reshape((-3, 0))  # (classes·s·s, C·4 + 1)
        self._coarse, self._inputs = cells.coarse, nn.HybridLambda(self._around_and_one)
        for part in (self._coarse, self._inputs):
            part.hybridize(static_alloc=True, static_shape=True)

    @staticmethod
    def _around_and_one(F, coarse):
        """Return the inputs of each cell and the 1 that the bias is multiplied by: (B·cells, C·4 + 1)."""
        around = CellScores.around(F, coarse).reshape((-3, 0))
        return F.concat(around, F.ones_like(around.slice_axis(axis=1, begin=0, end=1)), dim=1)

    def __call__(self, X: nd.NDArray) -> nd.NDArray:
        inputs = self._inputs(self._coarse(X))
        scores = nd.FullyConnected(self._matrix, inputs, num_hidden=len(inputs), no_bias=True)
        return scores.reshape((self._classes, -1, len(inputs)))


def first_best(scores: nd.NDArray) -> np.ndarray:
    """Return the index of the largest score along the first axis, of equal ones the first, as ``argmax(axis=0)``.

    It compares whole arrays, one index at a time, in less than a third of the time of MXNet's operator. The result is
    of the smallest unsigned type that holds K - 1, its shape is ``scores.shape[1:]``.

    Args:
        scores: (K, ...), without NaN.
    """
    best = scores[0].asnumpy()
    kind = np.min_scalar_type(len(scores) - 1)
    index = np.zeros(best.shape, kind)
    for i in range(1, len(scores)):
        score = scores[i].asnumpy()
        larger = (score > best).view(np.uint8)
        np.maximum(index, larger * kind.type(i), out=index)
        np.maximum(best, score, out=best)
    return index


def to_cells(labels: nd.NDArray, stride: int) -> nd.NDArray:
    """Reorder labels (B, H, W) as in :class:`CellScores`, with OUTSIDE beyond the picture: (B, cells, s·s)."""
    _check_fits(labels.shape[1:], stride)
    rim = stride // 2
    padded = nd.pad(labels.expand_dims(axis=1), mode="constant", constant_value=OUTSIDE,
                    pad_width=(0, 0, 0, 0, rim, rim, rim, rim))
    batch, _, height, width = padded.shape
    cells = padded.reshape((batch, height // stride, stride, width // stride, stride)).transpose((0, 1, 3, 2, 4))
    return cells.reshape((batch, -1, stride * stride))


def from_cells(values: nd.NDArray | np.ndarray, stride: int, size: tuple[int, int]) -> nd.NDArray | np.ndarray:
    """Reorder (B, cells, s·s) or (B·cells, s·s) to (B, H, W), without the pixels beyond the ``size`` (H, W)."""
    _check_fits(size, stride)
    rim, (rows, columns) = stride // 2, (n // stride + 1 for n in size)
    cells = values.reshape((-1, rows, columns, stride, stride)).transpose((0, 1, 3, 2, 4))
    return cells.reshape((-1, rows * stride, columns * stride))[:, rim:-rim, rim:-rim]


def _check_fits(size: tuple[int, int], stride: int) -> None:
    """Raise InputError if height or width is not a multiple of the stride."""
    height, width = size
    if height % stride or width % stride:
        raise InputError(f"pictures of {width} × {height} pixels do not fit the network: their width and height must "
                         f"be multiples of {stride}")


class CellScoring(Scoring):
    """:class:`~d2lzh_cv.training.Scoring` of pixels by cells; the loss is cross-entropy."""
    class_axis = -1

    def answer(self, X, y):
        """Scores (B, cells, s·s·classes) and labels (B, cells, s·s)."""
        return self.net.cells(X), to_cells(y, self.net.cells.stride)

    def losses(self, scores, labels, count):
        """The loss of each sample, a mean over the pixels inside the picture; the batch has ``count`` of them."""
        return nd.Custom(scores, labels, op_type=_SUMS) * (len(labels) / count)

    def hits(self, scores, labels):
        """Count the labels that have the highest score.

        On the CPU NumPy does it, and in training the way back is computed meanwhile.
        """
        if scores.context.device_type != "cpu":
            return super().hits(scores.reshape((*labels.shape, -1)), labels)
        return nd.array([sum(np.count_nonzero(best_of_cells(picture, wanted.shape[1]) == wanted.asnumpy())
                             for picture, wanted in zip(scores, labels))])


def best_of_cells(scores: nd.NDArray, num_pixels: int) -> np.ndarray:
    """Return the class with the best score of each pixel, of equal ones the first: (cells, s·s).

    On the CPU NumPy finds it faster than MXNet's operator.

    Args:
        scores: of a picture by cells, (cells, s·s·classes), where ``num_pixels`` is s·s.
    """
    return scores.asnumpy().reshape((len(scores), num_pixels, -1)).argmax(axis=-1)


_SUMS = "d2lzh_cv_cross_entropy_sums"


@mx.operator.register(_SUMS)
class _CrossEntropySumsProp(mx.operator.CustomOpProp):
    """The scores and labels of :class:`CellScoring` to sums of cross-entropy over the pixels inside, (B,)."""

    def list_arguments(self):
        return ["scores", "labels"]

    def infer_shape(self, in_shape):
        return in_shape, [in_shape[0][:1]], []

    def create_operator(self, ctx, shapes, dtypes):
        return _CrossEntropySums()


class _CrossEntropySums(mx.operator.CustomOp):
    """Keeps nothing for the way back, where it computes again. It waits for each picture, so that one picture's softmax
    is there at a time: those of a batch and their gradients are as large as the scores, 121 MB each for 8 pictures of
    320 × 480.
    """

    def forward(self, is_train, req, in_data, out_data, aux):
        for scores, labels, total in zip(*in_data, out_data[0]):
            self.assign(total, req[0], self._sum(scores.reshape((*labels.shape, -1)), labels))
            total.wait_to_read()

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        for scores, labels, factor, gradient in zip(*in_data, out_grad[0], in_grad[0]):
            scores, gradient = (array.reshape((*labels.shape, -1)) for array in (scores, gradient))
            autograd.mark_variables([scores], [gradient], req[0])
            with autograd.record():
                total = self._sum(scores, labels)
            total.backward(factor)
            gradient.wait_to_read()

    @staticmethod
    def _sum(scores: nd.NDArray, labels: nd.NDArray) -> nd.NDArray:
        """Of one picture: scores (cells, s·s, classes) and labels (cells, s·s)."""
        return -(scores.log_softmax(axis=-1).pick(labels, axis=-1) * (labels != OUTSIDE)).sum()


def is_plain_cross_entropy(loss) -> bool:
    """Whether ``loss`` is the book's ``SoftmaxCrossEntropyLoss(axis=1)`` without other options."""
    return type(loss) is gloss.SoftmaxCrossEntropyLoss and (
        loss._axis, loss._sparse_label, loss._from_logits, loss._weight) == (1, True, False, None)


RGB_MEAN, RGB_STD = nd.array(IMAGENET_MEAN), nd.array(IMAGENET_STD)
STRIDE = 32  # sides of pictures are multiples of it, which suits the features of every network here


def bilinear_kernel(in_channels: int, out_channels: int, kernel_size: int) -> nd.NDArray:
    """Return the weight with which a transposed convolution interpolates bilinearly (section 9.10).

    It is (in_channels, out_channels, kernel_size, kernel_size): a pyramid for equal channels, zeros for others. With
    stride s, kernel 2s and padding s/2 the layer enlarges by s.

    Args:
        in_channels, out_channels: of the layer.
        kernel_size: side of the kernel.
    """
    factor = (kernel_size + 1) // 2
    center = factor - 1 if kernel_size % 2 == 1 else factor - 0.5
    slope = 1 - np.abs(np.arange(kernel_size) - center) / factor
    weight = np.zeros((in_channels, out_channels, kernel_size, kernel_size), dtype="float32")
    channels = np.arange(min(in_channels, out_channels))
    weight[channels, channels] = np.outer(slope, slope)
    return nd.array(weight)


class FCN(nn.HybridSequential):
    """Features, a 1×1 convolution and a transposed one, made by :func:`fcn`: (B, 3, H, W) to (B, classes, H, W).

    Training and classifying pixels use an equal, faster form: :class:`CellScores`.
    """
    _arranged: ArrangedCellScores | None = None

    @cached_property
    def cells(self) -> CellScores:
        """The scores by cells, with the same parameters."""
        return CellScores(list(self)[:-1], self[-1])

    def hybridize(self, active: bool = True, *args, **kwargs) -> None:
        """Hybridise both forms, and undo :meth:`arrange_once`."""
        self._arranged = None
        super().hybridize(active, *args, **kwargs)
        self.cells.hybridize(active, *args, **kwargs)

    def arrange_once(self) -> None:
        """Arrange the matrix of :meth:`classify` for all pictures to come, as long as no weight changes."""
        self._arranged = ArrangedCellScores(self.cells)

    def scoring_for(self, loss) -> Scoring:
        """Return the scoring for :func:`d2lzh_cv.training.fit`: by cells for the book's cross-entropy or no loss."""
        return CellScoring(self) if loss is None or is_plain_cross_entropy(loss) else Scoring(self, loss)

    def classify(self, X: nd.NDArray) -> nd.NDArray:
        """Return the class of every pixel of X (B, 3, H, W): (B, H, W).

        Raises InputError if H or W is not a multiple of the features' stride.
        """
        s = self.cells.stride
        if self._arranged is not None:
            best = first_best(self._arranged(X)).T
        elif X.context.device_type == "cpu":
            best = np.stack([best_of_cells(scores, s * s) for scores in self.cells(X)])
        else:
            best = self.cells(X).reshape((0, 0, s * s, -1)).argmax(axis=-1)
        return nd.array(from_cells(best, s, X.shape[2:]), ctx=X.context)


def fcn(features: nn.HybridSequential, num_classes: int = 21, bilinear: bool = True) -> FCN:
    """Append to ``features`` a 1×1 convolution and a transposed one that enlarges to the picture's size (section 9.10).

    The network maps (B, 3, H, W) to scores (B, num_classes, H, W), H and W multiples of 32, and starts on the CPU. With
    the stride s of the features, 32 for a ResNet, the transposed convolution has kernel 2s, stride s and padding s/2.

    Args:
        features: an initialised network, (B, 3, H, W) to (B, C, H/s, W/s); it becomes part of the result.
        num_classes: channels of the result.
        bilinear: initialise the transposed convolution with interpolation, otherwise with Xavier (the exercise).
    """
    stride, has_rim = stride_of(features)
    net = FCN()
    net.add(features if has_rim else _with_rim(features, stride), nn.Conv2D(num_classes, kernel_size=1),
            nn.Conv2DTranspose(num_classes, kernel_size=2 * stride, padding=stride // 2, strides=stride,
                               in_channels=num_classes))
    net[1].initialize(init.Xavier())
    start = init.Constant(bilinear_kernel(num_classes, num_classes, 2 * stride)) if bilinear else init.Xavier()
    net[2].initialize(start)
    return net


def stride_of(features: nn.HybridSequential) -> tuple[int, bool]:
    """Return the side of a picture over the side of its features, and whether the features reach the picture's rim.

    A SqueezeNet's convolutions have no padding at the rim, so its features of 320 pixels are 19 wide, not 320/16 = 20.
    Only shapes are computed.
    """
    small, large = 256, 512
    widths = [features(mx.sym.var("data")).infer_shape(data=(1, 3, side, side))[1][0][3] for side in (small, large)]
    stride = (large - small) // (widths[1] - widths[0])
    return stride, widths[0] * stride == small


def _with_rim(features: nn.HybridSequential, stride: int) -> nn.HybridSequential:
    """Return ``features`` of a picture that its own reflection makes half a stride wider at each edge."""
    wider = nn.HybridSequential()
    wider.add(nn.ReflectionPad2D(stride // 2), *features)
    return wider


def normalize_image(picture: nd.NDArray) -> nd.NDArray:
    """Return a picture as float32 with ImageNet's mean 0 and deviation 1 per channel, (H, W, 3) (section 9.9).

    Args:
        picture: (H, W, 3), 0 to 255.
    """
    return (picture.astype("float32") / 255 - RGB_MEAN) / RGB_STD


def predict(net, picture: nd.NDArray, ctx: mx.Context | None = None) -> nd.NDArray:
    """Return the class of every pixel of one picture, (H, W) (section 9.10).

    Args:
        net: maps (B, 3, H, W) to scores (B, classes, H, W).
        picture: (H, W, 3), 0 to 255, H and W multiples of 32.
        ctx: the device of ``net``, by default the CPU.
    """
    X = normalize_image(picture).transpose((2, 0, 1)).expand_dims(axis=0)
    return classes_of_pixels(net, X.as_in_context(ctx or mx.cpu()))[0].as_in_context(mx.cpu())


def classes_of_pixels(net, X: nd.NDArray) -> nd.NDArray:
    """Return the class of every pixel, (B, H, W), of normalised pictures (B, 3, H, W), H and W multiples of 32."""
    return net.classify(X) if isinstance(net, FCN) else net(X).argmax(axis=1)


def label2image(labels: nd.NDArray) -> nd.NDArray:
    """Return class indices in the colours of Pascal VOC, (H, W, 3) uint8 (section 9.10).

    Args:
        labels: (H, W), classes.
    """
    colormap = nd.array(VOC_COLORMAP, dtype="uint8", ctx=labels.context)
    return colormap[labels.astype("int32")]
