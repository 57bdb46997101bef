"""FCN-32s, FCN-16s and FCN-8s: an FCN that also uses middle layers (exercise of section 9.10).

Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation" (2015), figure 3. The coarse
scores are enlarged twofold, the scores of features twice as fine are added, and so on. Picture sizes are multiples of
32, so no cropping as in the paper is needed.
"""
from __future__ import annotations

import mxnet as mx
from mxnet import init
from mxnet.gluon import nn

from ..errors import InputError
from ..fcn import bilinear_kernel

STRIDES = (32, 16, 8)


def taps(features: nn.HybridSequential) -> dict[int, int]:
    """Return the last layers of ``features`` with output 8, 16 and 32 times smaller than the picture: {stride: index}.

    The network may be without weights, because only shapes count. Raises InputError if a stride is missing.
    """
    edge, X, last = 64, mx.sym.var("data"), {}
    for i, layer in enumerate(features):
        X = layer(X)
        last[edge // X.infer_shape(data=(1, 3, edge, edge))[1][0][2]] = i
    missing = [stride for stride in STRIDES if stride not in last]
    if missing:
        raise InputError(f"the features have strides {', '.join(map(str, sorted(last)))}, not {missing[0]}: "
                         "give the layers up to the global pooling, as conv_features does")
    return {stride: last[stride] for stride in STRIDES}


class FCNSkips(nn.HybridBlock):
    """Computes scores (B, num_classes, H, W) of pictures (B, 3, H, W), H and W multiples of 32.

    The scores of the middle layers start at zero, so FCN-16s and FCN-8s start as an interpolated FCN-32s. The scores of
    the last features start at random, the enlarging layers bilinear; all are trained.

    Args:
        features: initialised layers, (B, 3, H, W) to (B, C, H/32, W/32); they become part of the network.
        num_classes: channels of the result.
        stride: of the finest features used: 32 (only the last), 16 or 8; others raise InputError.
    """

    def __init__(self, features: nn.HybridSequential, num_classes: int = 21, stride: int = 8, **kwargs) -> None:
        super().__init__(**kwargs)
        if stride not in STRIDES:
            raise InputError(f"there is FCN-32s, FCN-16s and FCN-8s, no FCN-{stride}s")
        self.used = STRIDES[:STRIDES.index(stride) + 1]
        self.taps = taps(features)
        with self.name_scope():
            self.features = features
            self.scores, self.enlarge = nn.HybridSequential(), nn.HybridSequential()
            for fine in self.used:
                self.scores.add(nn.Conv2D(num_classes, kernel_size=1))
                factor = 2 if fine > stride else stride
                self.enlarge.add(nn.Conv2DTranspose(num_classes, kernel_size=2 * factor, padding=factor // 2,
                                                    strides=factor, in_channels=num_classes, use_bias=False))
        self._start(num_classes)

    def hybrid_forward(self, F, X):
        maps = {}
        for i, layer in enumerate(self.features):
            X = layer(X)
            maps[i] = X
        total = None
        for stride, score, enlarge in zip(self.used, self.scores, self.enlarge):
            scores = score(maps[self.taps[stride]])
            total = enlarge(scores if total is None else total + scores)
        return total

    def _start(self, num_classes: int) -> None:
        for i, (score, enlarge) in enumerate(zip(self.scores, self.enlarge)):
            score.initialize(init.Zero() if i else init.Xavier())
            kernel = bilinear_kernel(num_classes, num_classes, enlarge._kwargs["kernel"][0])
            enlarge.initialize(init.Constant(kernel))
