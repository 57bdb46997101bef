"""FCN-32s, FCN-16s and FCN-8s: an FCN that looks at the middle layers too (exercise of section 9.10).

Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation" (2015), figure 3. The coarse
scores are enlarged twofold, the scores of features twice as fine are added, and so on. Pictures are multiples of 32,
so that sizes fit without the paper's cropping.
"""
from __future__ import annotations

import mxnet as mx
from mxnet import init
from mxnet.gluon import nn

from ..errors import InputError
from ..fcn import bilinear_kernel

STRIDES = (32, 16, 8)


def taps(features: nn.HybridSequential) -> dict[int, int]:
    """The last layer of ``features`` whose output is 8, 16 and 32 times smaller than the picture: {stride: index}.

    Only shapes are looked at, so the network may be without weights.

    Raises:
        InputError: a stride is missing: the layers are not those of a network for pictures up to its pooling.
    """
    edge, X, found = 64, mx.sym.var("data"), {}
    for i, layer in enumerate(features):
        X = layer(X)
        found[edge // X.infer_shape(data=(1, 3, edge, edge))[1][0][2]] = i
    missing = [stride for stride in STRIDES if stride not in found]
    if missing:
        raise InputError(f"the features have strides {', '.join(map(str, sorted(found)))}, not {missing[0]}: "
                         "give the layers up to the global pooling, as conv_features does")
    return {stride: found[stride] for stride in STRIDES}


class FCNSkips(nn.HybridBlock):
    """Scores (B, num_classes, H, W) of pictures (B, 3, H, W), H and W multiples of 32.

    Args:
        features: initialised layers, (B, 3, H, W) to (B, C, H/32, W/32); they become part of the network.
        num_classes: channels of the result.
        stride: of the finest features used: 32 (none but the last), 16 or 8.

    At the start the scores of the middle layers are zero, so that FCN-16s and FCN-8s begin as interpolated FCN-32s;
    the last features' scores are at random, the enlarging layers bilinear, and all of them are trained.

    Raises:
        InputError: ``stride`` is another, or the features have no such layers.
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
                self.enlarge.add(_enlarging(num_classes, 2 if fine > stride else stride))
        self._start(num_classes)

    def hybrid_forward(self, F, X):
        maps = {}
        for i, layer in enumerate(self.features):
            X = layer(X)
            maps[i] = X
        total = None
        for stride, score, enlarge in zip(self.used, self.scores, self.enlarge):
            found = score(maps[self.taps[stride]])
            total = enlarge(found if total is None else total + found)
        return total

    def _start(self, num_classes: int) -> None:
        for i, (score, enlarge) in enumerate(zip(self.scores, self.enlarge)):
            score.initialize(init.Zero() if i else init.Xavier())
            kernel = bilinear_kernel(num_classes, num_classes, enlarge._kwargs["kernel"][0])
            enlarge.initialize(init.Constant(kernel))


def _enlarging(num_classes: int, factor: int) -> nn.Conv2DTranspose:
    return nn.Conv2DTranspose(num_classes, kernel_size=2 * factor, padding=factor // 2, strides=factor,
                              in_channels=num_classes, use_bias=False)
