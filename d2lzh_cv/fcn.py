"""The fully convolutional network, started from bilinear interpolation (section 9.10)."""
from __future__ import annotations

from functools import cached_property

import mxnet as mx
import numpy as np
from mxnet import init, nd
from mxnet.gluon import nn

from .data.voc import VOC_COLORMAP
from .fcn_cells import CellClassification, CellScores, from_cells, is_plain_cross_entropy
from .training import Classification

RGB_MEAN, RGB_STD = nd.array([0.485, 0.456, 0.406]), nd.array([0.229, 0.224, 0.225])  # of ImageNet
STRIDE = 32  # by how much the features are smaller than the picture


def bilinear_kernel(in_channels: int, out_channels: int, kernel_size: int) -> nd.NDArray:
    """The weight with which a transposed convolution interpolates bilinearly (section 9.10).

    Returns:
        (in_channels, out_channels, kernel_size, kernel_size): a pyramid for each pair of equal channels, else zeros.
        With stride s, kernel 2s and padding s/2 the layer enlarges by s.
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

    For training and for the classes of pixels it has an equal form, :mod:`d2lzh_cv.fcn_cells`, which is faster.
    """

    @cached_property
    def cells(self) -> CellScores:
        """The scores by cells, of the same parameters."""
        return CellScores(list(self)[:-1], self[-1])

    def hybridize(self, active: bool = True, *args, **kwargs) -> None:
        super().hybridize(active, *args, **kwargs)
        self.cells.hybridize(active, *args, **kwargs)

    def task_for(self, loss) -> type[Classification]:
        """How :func:`d2lzh_cv.training.fit` trains it: by cells where ``loss`` is the book's cross-entropy."""
        return CellClassification if is_plain_cross_entropy(loss) else Classification

    def classify(self, X: nd.NDArray) -> nd.NDArray:
        """The class of every pixel, (B, H, W)."""
        return from_cells(self.cells(X).argmax(axis=-1), self.cells.stride, X.shape[2:])


def fcn(features: nn.HybridSequential, num_classes: int = 21, bilinear: bool = True) -> FCN:
    """Put a 1×1 convolution and a transposed one that enlarges 32 times behind ``features`` (section 9.10).

    Args:
        features: an initialised network, (B, 3, H, W) to (B, C, H/32, W/32); it becomes part of the result.
        num_classes: channels of the result.
        bilinear: start the transposed convolution from interpolation; otherwise from Xavier (the exercise).

    Returns:
        A network (B, 3, H, W) to scores (B, num_classes, H, W), initialised on the CPU; H and W multiples of 32.
    """
    net = FCN()
    net.add(features, nn.Conv2D(num_classes, kernel_size=1),
            nn.Conv2DTranspose(num_classes, kernel_size=2 * STRIDE, padding=STRIDE // 2, strides=STRIDE,
                               in_channels=num_classes))
    net[1].initialize(init.Xavier())
    start = init.Constant(bilinear_kernel(num_classes, num_classes, 2 * STRIDE)) if bilinear else init.Xavier()
    net[2].initialize(start)
    return net


def normalize_image(picture: nd.NDArray) -> nd.NDArray:
    """(H, W, 3), 0 to 255, to float32 with ImageNet's mean 0 and deviation 1 a channel."""
    return (picture.astype("float32") / 255 - RGB_MEAN) / RGB_STD


def predict(net, picture: nd.NDArray, ctx: mx.Context | None = None) -> nd.NDArray:
    """The class of every pixel of one picture (H, W, 3), 0 to 255, H and W multiples of 32: (H, W) (section 9.10)."""
    X = normalize_image(picture).transpose((2, 0, 1)).expand_dims(axis=0)
    return classes_of_pixels(net, X.as_in_context(ctx or mx.cpu()))[0].as_in_context(mx.cpu())


def classes_of_pixels(net, X: nd.NDArray) -> nd.NDArray:
    """The class of every pixel of pictures (B, 3, H, W), normalised, H and W multiples of 32: (B, H, W)."""
    return net.classify(X) if isinstance(net, FCN) else net(X).argmax(axis=1)


def label2image(labels: nd.NDArray) -> nd.NDArray:
    """Class indices (H, W) to the colours of Pascal VOC, (H, W, 3) uint8 (section 9.10)."""
    colormap = nd.array(VOC_COLORMAP, dtype="uint8", ctx=labels.context)
    return colormap[labels.astype("int32")]
