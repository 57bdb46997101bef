"""Neural style transfer: features, losses, the picture as parameter (section 9.11).

The losses are computed in one graph with the features: memory is planned once and nothing waits for Python between the
operators, which saves a tenth of a step.
"""
from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import mxnet as mx
from mxnet import autograd, gluon, image, nd
from mxnet.gluon import model_zoo, nn

from .data.hub import folders_of
from .engine.epochs import Epochs
from .engine.snapshots import Snapshots
from .errors import InputError
from .fcn import RGB_MEAN, RGB_STD, normalize_image
from .finetuning import SourceNetwork, find_source
from .weights.pretrained import where_to_get

STYLE_LAYERS, CONTENT_LAYERS = (0, 5, 10, 19, 28), (25,)  # of VGG-19's features
CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 1, 1e3, 10


def preprocess(picture: nd.NDArray, image_shape: tuple[int, int]) -> nd.NDArray:
    """Resize a picture (H, W, 3), 0 to 255, to ``image_shape`` = (width, height) and normalise it: (1, 3, h, w)."""
    return normalize_image(image.imresize(picture, *image_shape)).transpose((2, 0, 1)).expand_dims(axis=0)


def postprocess(img: nd.NDArray) -> nd.NDArray:
    """Back from (1, 3, h, w) to a picture (h, w, 3) in [0, 1]."""
    img = img[0].as_in_context(RGB_STD.context)
    return (img.transpose((1, 2, 0)) * RGB_STD + RGB_MEAN).clip(0, 1)


class FeatureExtractor(nn.HybridBlock):
    """The outputs of some layers of a network whose weights stay as they are.

    Called with X (1, 3, h, w), it returns (content features, style features), lists of (1, C, h', w'). The book
    trains the picture through weights that gather gradients too; ``grad_req`` null saves that work.

    Args:
        features: layers in a row, for instance ``vgg19().features``.
        content_layers, style_layers: their indices.
    """

    def __init__(self, features: nn.HybridSequential, content_layers: Sequence[int] = CONTENT_LAYERS,
                 style_layers: Sequence[int] = STYLE_LAYERS, **kwargs) -> None:
        super().__init__(**kwargs)
        self.content_layers, self.style_layers = tuple(content_layers), tuple(style_layers)
        self.layers = nn.HybridSequential()
        for i in range(max(self.content_layers + self.style_layers) + 1):
            self.layers.add(features[i])
        self.layers.collect_params().setattr("grad_req", "null")

    def hybrid_forward(self, F, X):
        contents, styles = [], []
        for i, layer in enumerate(self.layers):
            X = layer(X)
            if i in self.content_layers:
                contents.append(X)
            if i in self.style_layers:
                styles.append(X * 1 if self._pooled_next(i) else X)
        return contents, styles

    def _pooled_next(self, i: int) -> bool:
        """Whether layer ``i`` goes to a max pooling, whose gradient MXNet's graphs lose when the layer, as it is, is
        reshaped too, as for a Gram matrix."""
        return i + 1 < len(self.layers) and isinstance(self.layers[i + 1], nn.MaxPool2D)


LAYERS = {"vgg19": (CONTENT_LAYERS, STYLE_LAYERS), "squeezenet1.1": ((7,), (1, 3, 4, 6, 7))}


def find_extractor(weights: Path | Sequence[Path], ctx: mx.Context,
                   names: Sequence[str] = tuple(LAYERS)) -> tuple[FeatureExtractor, SourceNetwork]:
    """Build the extractor from the first of ``names``, of ``LAYERS``, whose weights are in ``weights``, a folder or
    several in the order in which to look.

    Without any it is VGG-19 started at random: edges and colours still become features, so that the picture changes
    visibly, though not as well. Returns it with the network that its layers are of.

    Raises:
        InputError: there are none, and VGG-19 is not among ``names``.
    """
    def untrained() -> SourceNetwork:
        if "vgg19" not in names:
            places = " or ".join(map(str, folders_of(weights)))
            raise InputError(f"no weights of {names[0]} in {places}: {where_to_get(names[0])}")
        return _untrained_vgg19()

    source = find_source(weights, untrained, names)
    source.net.features.collect_params().reset_ctx(ctx)
    extractor = FeatureExtractor(source.net.features, *LAYERS[source.name])
    extractor.hybridize(static_alloc=True, static_shape=True)
    return extractor, source


def _untrained_vgg19() -> SourceNetwork:
    """VGG-19's layers at random, each keeping the scale of the one before it, which is about that of a trained one.

    At scale 1 the style loss, which grows with its fourth power, would be nothing beside the total variation.
    """
    net = model_zoo.vision.vgg19()
    for i, conv in enumerate(layer for layer in net.features if isinstance(layer, nn.Conv2D)):
        conv.weight.init = mx.init.Xavier("gaussian", "in", magnitude=2 if i else 2 * 4 ** 2)  # goes before initialize
    net.features.initialize()
    note = "source network: vgg19, not trained (no weights found): expect colours and textures, not brush work"
    return SourceNetwork("vgg19", net, note, "nothing")


def content_loss(Y_hat: nd.NDArray, Y: nd.NDArray) -> nd.NDArray:
    """Mean square difference of features."""
    return _mean_square(Y_hat - Y)


def _mean_square(X: nd.NDArray) -> nd.NDArray:
    """``X.square().mean()``, whose sum takes one thread, as a product of X with itself."""
    X = X.reshape(-1)
    return nd.dot(X, X) / X.size


def gram(X: nd.NDArray) -> nd.NDArray:
    """Correlation of the channels of X (1, C, h, w): X·Xᵀ / (C·h·w) of its rows a channel, (C, C)."""
    num_channels, size = X.shape[1], X.size
    rows = X.reshape((num_channels, -1))
    # A dense layer with the rows for weights is the product nd.dot(rows, rows.T), by oneDNN in half the time.
    return nd.FullyConnected(rows, rows, num_hidden=num_channels, no_bias=True) / size


def style_loss(Y_hat: nd.NDArray, gram_Y: nd.NDArray) -> nd.NDArray:
    """Mean square difference between the Gram matrix of ``Y_hat`` (1, C, h, w) and ``gram_Y`` (C, C)."""
    return _mean_square(gram(Y_hat) - gram_Y)


def tv_loss(Y_hat: nd.NDArray) -> nd.NDArray:
    """Total variation of (1, 3, h, w): half the mean absolute step down plus that to the right."""
    return 0.5 * ((Y_hat[:, :, 1:, :] - Y_hat[:, :, :-1, :]).abs().mean()
                  + (Y_hat[:, :, :, 1:] - Y_hat[:, :, :, :-1]).abs().mean())


def compute_loss(X, contents_hat, styles_hat, contents, grams, weights=(CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT)):
    """Return (content losses, style losses, total-variation loss, their sum), each times its weight."""
    content_weight, style_weight, tv_weight = weights
    contents_l = [content_loss(y_hat, y) * content_weight for y_hat, y in zip(contents_hat, contents)]
    styles_l = [style_loss(y_hat, y) * style_weight for y_hat, y in zip(styles_hat, grams)]
    tv_l = tv_loss(X) * tv_weight
    return contents_l, styles_l, tv_l, nd.add_n(*contents_l, *styles_l, tv_l)


class GeneratedImage(nn.Block):
    """A picture (1, 3, h, w) whose pixels are the parameters to train."""

    def __init__(self, img_shape: Sequence[int], **kwargs) -> None:
        super().__init__(**kwargs)
        self.weight = self.params.get("weight", shape=img_shape)

    def forward(self) -> nd.NDArray:
        return self.weight.data()


@dataclass
class StyleStep:
    """The weighted losses after ``number`` steps, and the seconds of the step that computed them."""
    number: int
    content: float
    style: float
    tv: float
    seconds: float

    def __str__(self) -> str:
        return (f"epoch {self.number:3d}, content loss {self.content:.2f}, style loss {self.style:.2f}, "
                f"TV loss {self.tv:.2f}, {self.seconds:.2f} sec")


def transfer(start: nd.NDArray, extractor: FeatureExtractor, content: nd.NDArray, style: nd.NDArray, num_steps: int,
             learning_rate: float = 0.01, decay_every: int = 200, report_every: int = 50,
             on_step: Callable[[StyleStep], None] | None = None,
             weights=(CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT), snapshots: Snapshots | None = None) -> nd.NDArray:
    """Change a picture until its content is that of one picture and its style that of another (section 9.11).

    Args:
        start: where to begin, (1, 3, h, w), normalised as by :func:`preprocess`; stays as it is.
        extractor: gives the features.
        content, style: normalised pictures (1, 3, h, w); ``content`` has the shape of ``start``.
        num_steps: steps of Adam.
        learning_rate: of Adam, times 0.1 every ``decay_every`` steps.
        report_every: ``on_step`` is called after each so many steps.
        weights: of content, style and total variation.
        snapshots: keep the state of the training, to resume from; see :class:`d2lzh_cv.engine.epochs.Epochs`.

    Returns:
        The picture, (1, 3, h, w), normalised.
    """
    contents, styles = extractor(content)
    grams = [gram(Y) for Y in extractor(style)[1]]  # once: they do not change
    picture = GeneratedImage(start.shape)
    picture.initialize(mx.init.Constant(start), ctx=start.context)
    trainer = gluon.Trainer(picture.collect_params(), "adam", {"learning_rate": learning_rate})
    losses = LossGraph(extractor, contents, grams, [Y.size for Y in styles], weights)  # compute_loss in one graph
    losses.hybridize(static_alloc=True, static_shape=True)

    def report(step: StyleStep) -> None:
        if on_step and step.number and step.number % report_every == 0:
            on_step(step)

    num_epochs, seconds = max(1, math.ceil((num_steps - 1) / report_every)), 0.0
    epochs = Epochs(num_epochs, picture, trainer, StyleStep, report, snapshots, random_batches=False)
    for epoch in epochs:  # the steps from one report to the next, counted from 0 as in the book
        steps = range((epoch.number - 1) * report_every + (epoch.number > 1),
                      min(epoch.number * report_every, num_steps - 1) + 1)
        for step in epoch.batches(steps):
            began = time.time()
            with autograd.record():
                content_l, style_l, tv_l = losses(picture())
                loss = nd.add_n(content_l, style_l, tv_l)
            loss.backward()
            trainer.step(1)
            picture().wait_to_read()
            seconds = time.time() - began
            if step and step % decay_every == 0:
                trainer.set_learning_rate(trainer.learning_rate * 0.1)
            reported = step % report_every == 0 and step > 0  # an epoch's sums are then the values of this step
            epoch.add(loss=(loss, 1), content_loss=(content_l * reported, 1), style_loss=(style_l * reported, 1),
                      TV_loss=(tv_l * reported, 1))
        _, *losses_then = epoch.sums()
        epoch.end(StyleStep(steps[-1], *losses_then, seconds))
    return picture()


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
