"""Neural style transfer: features, losses, the picture as parameter (section 9.11).

One graph computes features and losses: MXNet plans memory once and does not wait for Python between operators, which
saves a tenth of a step.
"""
from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable

import mxnet as mx
from mxnet import autograd, gluon, image, nd
from mxnet.gluon import model_zoo, nn

from .engine.epochs import Epochs
from .engine.snapshots import Snapshots
from .fcn import RGB_MEAN, RGB_STD, normalize_image
from .finetuning import SourceNetwork
from .plotting import to_picture

STYLE_LAYERS, CONTENT_LAYERS = (0, 5, 10, 19, 28), (25,)  # of VGG-19's features
CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 1, 1e3, 10


def preprocess(picture: nd.NDArray, image_shape: tuple[int, int]) -> nd.NDArray:
    """Resize and normalise a picture: (1, 3, h, w) (section 9.11).

    Args:
        picture: (H, W, 3), 0 to 255.
        image_shape: (width, height) of the result, in pixels.
    """
    return normalize_image(image.imresize(picture, *image_shape)).transpose((2, 0, 1)).expand_dims(axis=0)


def postprocess(img: nd.NDArray) -> nd.NDArray:
    """Undo :func:`preprocess`: return a picture (h, w, 3) in [0, 1] (section 9.11).

    Args:
        img: (1, 3, h, w), normalised.
    """
    img = img[0].as_in_context(RGB_STD.context)
    return (img.transpose((1, 2, 0)) * RGB_STD + RGB_MEAN).clip(0, 1)


class FeatureExtractor(nn.HybridBlock):
    """Returns the outputs of some layers of a network with fixed weights (section 9.11).

    Called with X (1, 3, h, w), it returns (content features, style features), lists of (1, C, h', w'). In the book the
    weights collect gradients too; here ``grad_req`` is null, which saves that work.

    Args:
        features: layers in sequence, for instance ``vgg19().features``.
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
                # MXNet's graphs lose the gradient of a max pooling if its input is also reshaped, for a Gram matrix
                pooled = i + 1 < len(self.layers) and isinstance(self.layers[i + 1], nn.MaxPool2D)
                styles.append(X * 1 if pooled else X)
        return contents, styles


LAYERS = {"vgg19": (CONTENT_LAYERS, STYLE_LAYERS), "squeezenet1.1": ((7,), (1, 3, 4, 6, 7))}


def extractor_of(source: SourceNetwork, ctx: mx.Context) -> FeatureExtractor:
    """Return the extractor with the features of ``source``, one of the networks in LAYERS.

    Args:
        source: the pretrained network.
        ctx: the device.
    """
    source.net.features.collect_params().reset_ctx(ctx)
    extractor = FeatureExtractor(source.net.features, *LAYERS[source.name])
    extractor.hybridize(static_alloc=True, static_shape=True)
    extractor.source = source
    return extractor


def untrained_vgg19() -> SourceNetwork:
    """Return VGG-19 with random layers that keep the scale of their input, about the scale of a trained network.

    At scale 1 the style loss, which grows with its fourth power, would be negligible beside the total variation.
    """
    net = model_zoo.vision.vgg19()
    for i, conv in enumerate(layer for layer in net.features if isinstance(layer, nn.Conv2D)):
        conv.weight.init = mx.init.Xavier("gaussian", "in", magnitude=2 if i else 2 * 4 ** 2)  # initialize() uses it
    net.features.initialize()
    note = "source network: vgg19, not trained (no weights found): expect colours and textures, not brush work"
    return SourceNetwork("vgg19", net, note, "nothing")


def content_loss(Y_hat: nd.NDArray, Y: nd.NDArray) -> nd.NDArray:
    """Return the mean square difference of features (section 9.11).

    Args:
        Y_hat, Y: (1, C, h, w) each.
    """
    return _mean_square(Y_hat - Y)


def _mean_square(X: nd.NDArray) -> nd.NDArray:
    """``X.square().mean()`` as a product of X with itself, because the sum uses only one thread."""
    X = X.reshape(-1)
    return nd.dot(X, X) / X.size


def gram(X: nd.NDArray) -> nd.NDArray:
    """Return the Gram matrix X·Xᵀ / (C·h·w), with a row of X per channel: (C, C) (section 9.11).

    Args:
        X: (1, C, h, w).
    """
    num_channels, size = X.shape[1], X.size
    rows = X.reshape((num_channels, -1))
    # A dense layer with these rows as weights computes nd.dot(rows, rows.T) by oneDNN in half the time.
    return nd.FullyConnected(rows, rows, num_hidden=num_channels, no_bias=True) / size


def style_loss(Y_hat: nd.NDArray, gram_Y: nd.NDArray) -> nd.NDArray:
    """Return the mean square difference of two Gram matrices (section 9.11).

    Args:
        Y_hat, gram_Y: features (1, C, h, w), and the target Gram matrix (C, C).
    """
    return _mean_square(gram(Y_hat) - gram_Y)


def tv_loss(Y_hat: nd.NDArray) -> nd.NDArray:
    """Return the total variation: half the sum of the mean absolute steps down and to the right (section 9.11).

    Args:
        Y_hat: a picture (1, 3, h, w).
    """
    return 0.5 * ((Y_hat[:, :, 1:, :] - Y_hat[:, :, :-1, :]).abs().mean()
                  + (Y_hat[:, :, :, 1:] - Y_hat[:, :, :, :-1]).abs().mean())


def compute_loss(X, contents_hat, styles_hat, contents, grams, weights=(CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT)):
    """Return (content losses, style losses, total-variation loss, their sum), each times its weight (section 9.11)."""
    content_weight, style_weight, tv_weight = weights
    contents_l = [content_loss(y_hat, y) * content_weight for y_hat, y in zip(contents_hat, contents)]
    styles_l = [style_loss(y_hat, y) * style_weight for y_hat, y in zip(styles_hat, grams)]
    tv_l = tv_loss(X) * tv_weight
    return contents_l, styles_l, tv_l, nd.add_n(*contents_l, *styles_l, tv_l)


class GeneratedImage(nn.Block):
    """A picture whose pixels are the parameters to train; called without arguments, it returns them (section 9.11).

    Args:
        img_shape: (1, 3, h, w).
    """

    def __init__(self, img_shape: Sequence[int], **kwargs) -> None:
        super().__init__(**kwargs)
        self.weight = self.params.get("weight", shape=img_shape)

    def forward(self) -> nd.NDArray:
        return self.weight.data()


def get_inits(X: nd.NDArray, learning_rate: float, styles_Y: Sequence[nd.NDArray]):
    """Return the picture as parameters, the Gram matrices to reach, and the trainer, which is Adam (section 9.11).

    Args:
        X: the first picture, (1, 3, h, w).
        learning_rate: of Adam.
        styles_Y: features of the style picture, (1, C, h', w') each.
    """
    gen_img = GeneratedImage(X.shape)
    gen_img.initialize(mx.init.Constant(X), ctx=X.context)
    trainer = gluon.Trainer(gen_img.collect_params(), "adam", {"learning_rate": learning_rate})
    return gen_img, [gram(Y) for Y in styles_Y], trainer


@dataclass
class StyleStep:
    """The weighted losses after ``number`` steps, and the seconds of that step."""
    number: int
    content: float
    style: float
    tv: float
    seconds: float

    def __str__(self) -> str:
        return (f"epoch {self.number:3d}, content loss {self.content:.2f}, style loss {self.style:.2f}, "
                f"TV loss {self.tv:.2f}, {self.seconds:.2f} sec")


class Frames:
    """The generated picture at some steps of its training, with its losses; early steps, which change most, are dense.

    Args:
        num_steps: of the training; 0 keeps nothing.
        count: the largest number of pictures.

    Attributes:
        kept: a dictionary per picture: step, picture (of PIL), and the weighted losses content, style and tv.
    """

    def __init__(self, num_steps: int, count: int = 20) -> None:
        self.steps = {round((num_steps - 1) * (i / (count - 1)) ** 2) for i in range(count)} if num_steps else set()
        self.kept: list[dict[str, Any]] = []

    def add(self, step: int, X: nd.NDArray, content: nd.NDArray, style: nd.NDArray, tv: nd.NDArray) -> None:
        """Keep the picture X (1, 3, h, w) and its losses, (1,) each, if ``step`` is one of the steps to keep."""
        if step in self.steps:
            losses = {"content": content.asscalar(), "style": style.asscalar(), "tv": tv.asscalar()}
            self.kept.append({"step": step, "picture": to_picture(postprocess(X)),
                              **{name: float(f"{value:.6g}") for name, value in losses.items()}})


def transfer(start: nd.NDArray, extractor: FeatureExtractor, content: nd.NDArray, style: nd.NDArray, num_steps: int,
             learning_rate: float = 0.01, decay_every: int = 200, report_every: int = 50,
             on_step: Callable[[StyleStep], None] | None = None,
             weights=(CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT), snapshots: Snapshots | None = None,
             name: str | None = None, on_picture: Callable[..., None] | None = None) -> nd.NDArray:
    """Train a picture to have the content of one picture and the style of another, (1, 3, h, w) (section 9.11).

    Args:
        start: the first picture, (1, 3, h, w), normalised as by :func:`preprocess`; it stays unchanged.
        extractor: computes the features.
        content, style: normalised pictures (1, 3, h, w); ``content`` has the shape of ``start``.
        num_steps, learning_rate: of Adam.
        decay_every: steps after which the learning rate falls to a tenth.
        report_every, on_step: ``on_step`` is called with a :class:`StyleStep` every ``report_every`` steps.
        weights: of content, style and total variation.
        snapshots, name: save the training state to resume from; see :class:`d2lzh_cv.engine.epochs.Epochs`.
        on_picture: called in each step as :meth:`Frames.add` is: with the step's number, the picture itself, (1, 3, h,
            w), before the step changes it, and its weighted losses of content, style and total variation, (1,) each.
    """
    contents, styles = extractor(content)
    gen_img, grams, trainer = get_inits(start, learning_rate, extractor(style)[1])
    losses = LossGraph(extractor, contents, grams, [Y.size for Y in styles], weights)  # compute_loss in one graph
    losses.hybridize(static_alloc=True, static_shape=True)
    # an epoch has the steps between two reports, counted from 0 as in the book
    num_epochs, seconds = max(1, math.ceil((num_steps - 1) / report_every)), 0.0
    epochs = Epochs(num_epochs, gen_img, trainer, StyleStep, on_step, snapshots, random_batches=False, name=name,
                    reported=lambda step: step.number > 0 and step.number % report_every == 0)
    for epoch in epochs:
        first = (epoch.number - 1) * report_every + (epoch.number > 1)
        steps = range(first, min(epoch.number * report_every, num_steps - 1) + 1)
        for step in epoch.batches(steps):
            began = time.time()
            with autograd.record():
                content_l, style_l, tv_l = losses(gen_img())
                loss = nd.add_n(content_l, style_l, tv_l)
            if on_picture:
                on_picture(step, gen_img(), content_l, style_l, tv_l)
            loss.backward()
            trainer.step(1)
            gen_img().wait_to_read()
            seconds = time.time() - began
            if step and step % decay_every == 0:
                trainer.set_learning_rate(trainer.learning_rate * 0.1)
            last = step == steps[-1]  # so an epoch's sums are the values of its last step
            epoch.add(loss=(loss, 1), content_loss=(content_l * last, 1), style_loss=(style_l * last, 1),
                      TV_loss=(tv_l * last, 1))
        _, *losses_then = epoch.sums()
        epoch.end(StyleStep(steps[-1], *losses_then, seconds))
    # A block is part of a circle of references, so the collector frees it late; until then the next transfer of the
    # process would need as much memory again.
    losses._clear_cached_op()
    return gen_img()


class LossGraph(nn.HybridBlock):
    """Computes the weighted (content, style, total-variation) losses, (1,) each, of a picture X (1, 3, h, w).

    Args:
        extractor: computes the features, as :class:`d2lzh_cv.style.FeatureExtractor` does.
        contents: the target content features, (1, C, h', w') each.
        grams: the target Gram matrices, (C, C) each.
        style_sizes: the size C·h'·w' of each style feature of X.
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
    """Return the mean absolute difference of neighbours along ``axis``."""
    later, earlier = F.slice_axis(X, axis=axis, begin=1, end=None), F.slice_axis(X, axis=axis, begin=0, end=-1)
    return (later - earlier).abs().mean()
