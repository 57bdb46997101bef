"""Section 9.11 the way the book's code goes about it."""
from __future__ import annotations

import mxnet as mx
from mxnet import autograd, gluon, nd
from mxnet.gluon import model_zoo, nn

STYLE, CONTENT = (0, 5, 10, 19, 28), (25,)


class Layers(nn.Block):
    """VGG-19's layers up to the last one needed; their weights gather gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential()
        self.layers.add(*[layer for layer in model_zoo.vision.vgg19().features][:max(STYLE + CONTENT) + 1])

    def forward(self, X):
        return self.layers(X)


class Picture(nn.Block):
    def __init__(self, shape) -> None:
        super().__init__()
        self.weight = self.params.get("weight", shape=shape)

    def forward(self):
        return self.weight.data()


class Transfer:
    """Features and Gram matrices of the two pictures are taken once; then ``step`` by ``step``."""

    def __init__(self, layers, content, style, rate: float, weights) -> None:
        self.layers, self.weights = layers, weights
        self.contents, self.grams = self._features(content)[0], [_gram(Y) for Y in self._features(style)[1]]
        self.picture = Picture(content.shape)
        self.picture.initialize(mx.init.Constant(content))
        self.trainer = gluon.Trainer(self.picture.collect_params(), "adam", {"learning_rate": rate})

    def step(self):
        """The three losses, each times its weight."""
        with autograd.record():
            X = self.picture()
            contents, styles = self._features(X)
            content = sum((a - b).square().mean() for a, b in zip(contents, self.contents)) * self.weights[0]
            style = sum((_gram(a) - b).square().mean() for a, b in zip(styles, self.grams)) * self.weights[1]
            down, right = X[:, :, 1:, :] - X[:, :, :-1, :], X[:, :, :, 1:] - X[:, :, :, :-1]
            variation = 0.5 * (down.abs().mean() + right.abs().mean()) * self.weights[2]
            total = content + style + variation
        total.backward()
        self.trainer.step(1)
        nd.waitall()
        return content.asscalar(), style.asscalar(), variation.asscalar()

    def picture_now(self):
        """(1, 3, h, w)."""
        return self.picture().asnumpy()

    def _features(self, X):
        contents, styles = [], []
        for i, layer in enumerate(self.layers):
            X = layer(X)
            if i in STYLE:
                styles.append(X)
            if i in CONTENT:
                contents.append(X)
        return contents, styles


def _gram(X):
    rows = X.reshape((X.shape[1], -1))
    return nd.dot(rows, rows.T) / X.size
