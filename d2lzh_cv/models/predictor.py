"""A trained checkpoint applied to pictures of any size: boxes, classes of pixels, or one class, and a drawn picture.

``d2lzh_cv.predict`` is the book's function of section 9.10; this module has another name.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import gluon, image, nd
from PIL import Image

from ..anchors import kept_boxes
from ..data.images import check_shape
from ..data.pixels import read_pixels
from ..engine import precision
from ..errors import InputError
from ..fcn import FCN, classes_of_pixels
from . import drawing
from .checkpoint import Description, load_model
from .kinds import NETWORKS

MAX_SIDE = 1024  # pixels: a larger picture is reduced to this size, and its classes are enlarged
STRIDE = 32  # an FCN's input sizes are multiples of it
TOP = 3  # number of classes that a classification names


@dataclass(frozen=True)
class Prediction:
    """The prediction for one picture.

    Attributes:
        found: a dictionary per object, per class of pixels, or per best class; boxes and counts in pixels.
        text: the same in words.
        drawn: the picture with the prediction.
        size: (width, height) of the upright picture.
        mask: for segmentation, the class of each pixel, (H, W) uint8.
    """
    found: list[dict[str, Any]]
    text: str
    drawn: Image.Image
    size: tuple[int, int]
    mask: np.ndarray | None = None


class Predictor:
    """A trained network; called with a picture's path, it returns a :class:`Prediction`.

    Args:
        net, description: of a checkpoint.
        threshold: lowest score of a box.
        ctx: the device of ``net``, by default the CPU.
    """

    def __init__(self, net: gluon.Block, description: Description, threshold: float = 0.3,
                 ctx: mx.Context | None = None):
        self.net, self.description = net, description
        self.ctx, self.threshold = ctx or mx.cpu(), threshold
        if description.task in ("detect", "segment"):
            fold(self.net, nd.zeros((1, 3, *description.edge_size), ctx=self.ctx))
        self._predict = {"detect": self._detect, "segment": self._segment,
                         "classify": self._classify}[description.task]

    @classmethod
    def of_checkpoint(cls, checkpoint: str | Path, task: str, threshold: float = 0.3,
                      ctx: mx.Context | None = None) -> Predictor:
        """Return the predictor of a checkpoint.

        Args:
            checkpoint: its folder, or the folder of a section's run.
            task: the required task: 'detect', 'segment' or 'classify'.
            threshold, ctx: see :class:`Predictor`.

        Raises:
            InputError: the checkpoint is missing, damaged, or for another task.
        """
        net, description = load_model(checkpoint, ctx or mx.cpu())
        if description.task != task:
            raise InputError(f"{checkpoint} was trained to {description.task}; use: d2lzh-cv predict "
                             f"{description.task} {checkpoint}")
        return cls(net, description, threshold, ctx)

    def __call__(self, path: str | Path) -> Prediction:
        picture = read_upright(path)
        if self.description.task == "classify":
            check_shape(path, *picture.size)
        return self._predict(picture)

    def _detect(self, picture: Image.Image) -> Prediction:
        rows = detect(self.net, self.description, as_array(picture), self.ctx, self.threshold)
        classes = self.description.classes
        found = boxes_found(rows, classes, picture.size)
        text = "; ".join(f"{item['class']} {item['score']:.2f} at ({', '.join(map(str, item['box']))})"
                         for item in found)
        return Prediction(found, text or f"nothing that scores {self.threshold:g} or more",
                          drawing.boxes(picture, found, classes), picture.size)

    def _segment(self, picture: Image.Image) -> Prediction:
        mask = segment(self.net, self.description, as_array(picture), self.ctx)
        found = shares_found(mask, self.description.classes)
        text = "; ".join(f"{item['class']} {item['pixels']} pixels ({item['share']:.0%})" for item in found)
        return Prediction(found, text, drawing.classes(picture, mask, self.description.classes), picture.size, mask)

    def _classify(self, picture: Image.Image) -> Prediction:
        probabilities = classify(self.net, self.description, as_array(picture), self.ctx)
        found = names_found(probabilities, self.description.classes, TOP)
        text = "; ".join(f"{item['class']} {item['score']:.2f}" for item in found)
        return Prediction(found, text, drawing.caption(picture, text), picture.size)


def fold(net: gluon.HybridBlock, X: nd.NDArray) -> None:
    """Make a detector or an FCN predict faster; ``net.hybridize()`` makes it trainable again.

    In a detector oneDNN fuses BatchNorm and ReLU with the convolutions before them, on the CPU only: a TinySSD predicts
    in five sixths of the time, equal to rounding. In bfloat16 a cast stands between convolution and BatchNorm, so
    nothing is fused. An FCN arranges its transposed convolution once for all pictures.

    Args:
        net: its weights must not change any more.
        X: (B, 3, H, W), like the pictures to come.
    """
    if precision.in_use() != "float32":
        net.hybridize(static_alloc=True, static_shape=True)
    elif isinstance(net, FCN):
        net.arrange_once()
    elif X.context.device_type == "cpu" and mx.runtime.Features().is_enabled("MKLDNN"):
        net.optimize_for(X, backend="MKLDNN", static_alloc=True, static_shape=True)


def detect(net: gluon.Block, description: Description, picture: nd.NDArray, ctx: mx.Context | None = None,
           threshold: float = 0.3) -> np.ndarray:
    """Return the objects in a picture (H, W, 3), rows (class, score, xmin, ymin, xmax, ymax), relative, best first.

    ``threshold`` is the lowest score; ``net`` and ``description`` come from :func:`.load_model`.
    """
    X = NETWORKS[description.network].prepare(picture, description.edge_size)
    anchors, scores, offsets = net(X.as_in_context(ctx or mx.cpu()))
    rows = kept_boxes(anchors, scores, offsets)[0]
    return rows[rows[:, 1] >= threshold]


def segment(net: gluon.Block, description: Description, picture: nd.NDArray,
            ctx: mx.Context | None = None) -> np.ndarray:
    """Return the class of each pixel of a picture (H, W, 3) of any size: uint8 (H, W).

    The right and lower edges are repeated up to multiples of 32; a picture with a side above MAX_SIDE is reduced first.
    """
    height, width = picture.shape[:2]
    scale = min(1, MAX_SIDE / max(height, width))
    h, w = max(1, round(height * scale)), max(1, round(width * scale))
    small = (image.imresize(picture, w, h) if scale < 1 else picture).asnumpy()
    padded = np.pad(small, ((0, -h % STRIDE), (0, -w % STRIDE), (0, 0)), mode="edge")
    X = NETWORKS[description.network].prepare(nd.array(padded), description.edge_size)
    mask = classes_of_pixels(net, X.as_in_context(ctx or mx.cpu()))[0, :h, :w].asnumpy().astype(np.uint8)
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.NEAREST)) if scale < 1 else mask


def classify(net: gluon.Block, description: Description, picture: nd.NDArray,
             ctx: mx.Context | None = None) -> np.ndarray:
    """Return the probability of each class for a picture (H, W, 3) of any size: (classes,)."""
    X = NETWORKS[description.network].prepare(picture, description.edge_size)
    return net(X.as_in_context(ctx or mx.cpu())).softmax()[0].asnumpy()


def boxes_found(rows: np.ndarray, classes: Sequence[str], size: tuple[int, int]) -> list[dict[str, Any]]:
    """Return a dictionary per row of :func:`detect`: class, score, box in pixels of a picture of ``size`` (w, h)."""
    corners = np.array(size * 2)
    return [{"class": classes[int(row[0])], "score": round(float(row[1]), 4),
             "box": [int(round(x)) for x in (row[2:] * corners).tolist()]} for row in rows]


def shares_found(mask: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return a dictionary per class in the result of :func:`segment`, the most frequent first: class, pixels, share."""
    counts = np.bincount(mask.ravel(), minlength=len(classes))
    return [{"class": classes[i], "pixels": int(counts[i]), "share": round(counts[i] / mask.size, 4)}
            for i in np.argsort(-counts, kind="stable") if counts[i]]


def names_found(probabilities: np.ndarray, classes: Sequence[str], top: int) -> list[dict[str, Any]]:
    """Return a dictionary for each of the ``top`` best results of :func:`classify`, the best first: class, score."""
    best = np.argsort(-probabilities, kind="stable")[:top]
    return [{"class": classes[i], "score": round(float(probabilities[i]), 4)} for i in best]


def read_upright(path: str | Path) -> Image.Image:
    """Read the picture to draw on, as for training. Raises InputError naming a damaged file."""
    return Image.fromarray(read_pixels(path))


def as_array(picture: Image.Image) -> nd.NDArray:
    """Return a picture's pixels (H, W, 3), uint8, as :func:`detect`, :func:`segment` and :func:`classify` take them."""
    return nd.array(np.asarray(picture), dtype="uint8")
