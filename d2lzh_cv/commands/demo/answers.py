"""A picture in, an answer out: what a network finds, small enough to keep, and the picture drawn from it again.

A slider changes only the drawing, so the network runs once per picture. The answer keeps no pixels: the uploaded file
is read again for each drawing, and many open pages take no more memory than one.
"""
from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
from PIL import Image

from ...data.images import check_shape
from ...data.pixels import read_header
from ...errors import InputError
from ...models import drawing, predictor
from .networks import Trained
from .turns import Turns

LARGEST = 100_000_000  # pixels of a picture: 0.3 GB as RGB
SIDE = 1280  # pixels: a larger picture is drawn at this size
LOWEST_SCORE = 0.05  # of the boxes that are kept
TOP = 5  # number of classes that a classification names


@dataclass(frozen=True)
class Answer:
    """What a network finds in a picture.

    Attributes:
        path: the picture's file.
        size: its upright (width, height).
        classes: the network's classes.
        task: the network's task.
        found: a dictionary per object, class of pixels, or best class, as in
            :class:`d2lzh_cv.models.predictor.Prediction`.
        mask: for segmentation, the class of each pixel of the drawn picture, as PNG.
    """

    path: Path
    size: tuple[int, int]
    classes: list[str]
    task: str
    found: list[dict[str, Any]]
    mask: bytes = b""


def answer(network: Trained, path: Path, turns: Turns, ctx: mx.Context | None = None) -> Answer:
    """Return the answer of a network for the picture ``path``.

    Args:
        network: the network.
        path: the picture's file.
        turns: for the use of MXNet.
        ctx: the device of the network, by default the CPU.

    Raises:
        InputError: the file is no complete picture, or too large; the text calls it by its name without folders.
    """
    picture, description = opened(path, turns), network.description
    if description.task == "classify":
        check_shape(path.name, *picture.size)
    mask = b""
    predict = {"detect": predictor.detect, "segment": predictor.segment, "classify": predictor.classify}
    options = {"threshold": LOWEST_SCORE} if description.task == "detect" else {}
    result = turns.run(lambda: predict[description.task](network.net, description, predictor.as_array(picture), ctx,
                                                         **options))
    if description.task == "detect":
        found = predictor.boxes_found(result, description.classes, picture.size)
    elif description.task == "segment":
        found = predictor.shares_found(result, description.classes)
        mask = _as_png(Image.fromarray(result).resize(drawn_size(picture.size), Image.NEAREST))
    else:
        found = predictor.names_found(result, description.classes, TOP)
    return Answer(path, picture.size, description.classes, description.task, found, mask)


def kept(answer: Answer, score: float) -> list[dict[str, Any]]:
    """Return what is found with at least ``score``; for segmentation and classification, all of it."""
    return [item for item in answer.found if answer.task != "detect" or item["score"] >= score]


def draw(answer: Answer, turns: Turns, score: float = 0.3, opacity: float = 0.6) -> Image.Image:
    """Draw an answer on its picture, without the network. A side of the drawn picture has at most SIDE pixels.

    Args:
        answer: the result of :func:`answer`.
        turns: for the use of MXNet, which decodes some JPEGs.
        score: lowest score of a drawn box.
        opacity: of the classes of pixels, 0 to 1.

    Raises:
        InputError: the file is gone or has changed.
    """
    picture = opened(answer.path, turns)
    picture = picture.resize(drawn_size(picture.size), Image.BOX)
    if answer.task == "segment":
        mask = np.asarray(Image.open(io.BytesIO(answer.mask)))
        return drawing.classes(picture, mask, answer.classes, opacity)
    if answer.task == "classify":
        return drawing.caption(picture, "; ".join(f"{item['class']} {item['score']:.2f}" for item in answer.found))
    scale = np.array(picture.size * 2) / np.array(answer.size * 2)
    boxes = [{**item, "box": np.rint(item["box"] * scale).astype(int).tolist()} for item in kept(answer, score)]
    return drawing.boxes(picture, boxes, answer.classes)


def opened(path: Path, turns: Turns) -> Image.Image:
    """Read an uploaded picture, upright; of an animated picture, the first frame.

    Raises:
        InputError: it is no complete picture, or has more than LARGEST pixels, which is known before they are decoded.
    """
    try:
        width, height = read_header(path).upright
        if width * height > LARGEST:
            raise InputError(f"{path.name} has {width}×{height} pixels, more than {LARGEST // 1_000_000} million; make "
                             "it smaller")
        return turns.run(predictor.read_upright, path)
    except InputError as error:
        raise InputError(str(error).replace(str(path), path.name)) from error


def drawn_size(size: tuple[int, int], side: int = SIDE) -> tuple[int, int]:
    """Return the (width, height) of a picture of ``size`` with its longer side reduced to ``side``."""
    scale = min(1, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _as_png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()
