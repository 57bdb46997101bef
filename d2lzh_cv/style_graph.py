"""The losses of style transfer in one graph with the features (section 9.11).

What a reader sees, and what is computed, is :func:`d2lzh_cv.style.compute_loss`. In one graph memory is planned once
and nothing waits for Python between the operators, which saves a tenth of a step.
"""
from __future__ import annotations

from collections.abc import Sequence

from mxnet import gluon, nd
from mxnet.gluon import nn


class LossGraph(nn.HybridBlock):
    """Called with a picture X (1, 3, h, w), it returns the (content, style, total-variation loss), weighted, (1,) each.

    Args:
        extractor: gives the features, as :class:`d2lzh_cv.style.FeatureExtractor` does.
        contents: the wanted content features, (1, C, h', w') each.
        grams: the wanted Gram matrices, (C, C) each.
        style_sizes: how many numbers C·h'·w' the style features of X have, for each of ``grams``.
        weights: of content, style and total variation.
    """

    def __init__(self, extractor: gluon.HybridBlock, contents: Sequence[nd.NDArray], grams: Sequence[nd.NDArray],
                 style_sizes: Sequence[int], weights: Sequence[float], **kwargs) -> None:
        super().__init__(**kwargs)
        self.extractor, self.weights, self.wanted = extractor, weights, [*contents, *grams]
        self.content_sizes, self.channels = [Y.size for Y in contents], [len(gram) for gram in grams]
        self.style_sizes = list(style_sizes)

    def forward(self, X, *wanted):
        return super().forward(X, *(wanted or self.wanted))

    def hybrid_forward(self, F, X, *wanted):
        contents, grams = wanted[:len(self.content_sizes)], wanted[len(self.content_sizes):]
        content_weight, style_weight, tv_weight = self.weights
        contents_hat, styles_hat = self.extractor(X)
        content = [_square_sum(F, Y_hat - Y) / size
                   for Y_hat, Y, size in zip(contents_hat, contents, self.content_sizes)]
        style = [_square_sum(F, _gram(F, Y_hat, channels, size) - gram) / channels ** 2
                 for Y_hat, gram, channels, size in zip(styles_hat, grams, self.channels, self.style_sizes)]
        return (F.add_n(*content) * content_weight, F.add_n(*style) * style_weight,
                (_step(F, X, axis=2) + _step(F, X, axis=3)) * (0.5 * tv_weight))


def _square_sum(F, X):
    X = X.reshape((-1,))
    return F.dot(X, X)


def _gram(F, X, channels: int, size: int):
    rows = X.reshape((channels, -1))
    return F.FullyConnected(rows, rows, num_hidden=channels, no_bias=True) / size


def _step(F, X, axis: int):
    """The mean absolute difference of neighbours along ``axis``."""
    later, earlier = F.slice_axis(X, axis=axis, begin=1, end=None), F.slice_axis(X, axis=axis, begin=0, end=-1)
    return (later - earlier).abs().mean()
