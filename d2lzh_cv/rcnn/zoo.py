"""GluonCV's large detectors, with their published weights if present (section 9.8)."""
from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet import nd

from ..data.hub import folders_of, use
from ..data.pixels import read_picture
from ..data.places import weights_file
from ..devices import try_gpu
from ..errors import InputError
from ..plotting import plt, show_images
from ..weights.pretrained import load_weights


@dataclass
class Found:
    """The detections in one picture, best first; rows of class -1 are empty."""
    picture: object       # (H, W, 3) uint8, as the network sees it
    classes: nd.NDArray   # (N, 1)
    scores: nd.NDArray    # (N, 1)
    boxes: nd.NDArray     # (N, 4), pixels of ``picture``
    masks: nd.NDArray | None  # (N, h, w) in [0, 1] within each box
    seconds: float        # of the network only


class GluonCVNetwork:
    """A network of GluonCV with published weights if present; otherwise it is untrained and its results mean nothing.

    Args:
        name: in ``gluoncv.model_zoo``; of several names the first with weights counts, else the last.
        weights: a folder with NAME.params or NAME-<hash>.params, or folders in search order; by default those of the
            running section, and one line says which they are.
        ctx: the device; by default that of :func:`~d2lzh_cv.devices.try_gpu`.
    """

    def __init__(self, name: str | Sequence[str], weights: Path | Sequence[Path] | None = None,
                 ctx: mx.Context | None = None) -> None:
        from gluoncv import model_zoo  # imported here: it takes seconds, and only this section needs it
        self.ctx = ctx = try_gpu() if ctx is None else ctx
        folders = use("weights").folders if weights is None else weights
        self.name = name = with_weights([name] if isinstance(name, str) else name, folders)
        path = _file_of(name, folders)
        with warnings.catch_warnings():  # of MXNet's SymbolBlock, about its own input
            warnings.filterwarnings("ignore", message="Cannot decide type", category=UserWarning)
            self.net = model_zoo.get_model(name, pretrained=False, pretrained_base=False)
        self.trained = path is not None
        self.note = f"{name}: weights from {path.name}" if path else f"{name}: untrained, no weights found"
        if path:
            load_weights(self.net, path, name, ctx)
        else:
            _initialize(self.net, ctx)


class GluonCVDetector(GluonCVNetwork):
    """An R-CNN or an SSD, called with the path of a picture.

    Args:
        name, weights, ctx: of :class:`GluonCVNetwork`.
        most_proposals: an R-CNN classifies at most so many regions, at least 1; by default as many as GluonCV chose,
            300 or 1,000. An SSD has no proposals and ignores it.

    Raises:
        InputError: ``most_proposals`` is less than 1.
    """

    def __init__(self, name: str | Sequence[str], weights: Path | Sequence[Path] | None = None,
                 ctx: mx.Context | None = None, most_proposals: int | None = None) -> None:
        if most_proposals is not None and most_proposals < 1:
            raise InputError(f"most_proposals is {most_proposals}; choose at least 1")
        super().__init__(name, weights, ctx)
        if most_proposals is not None:
            rpn = getattr(self.net, "rpn", None)
            for part, attribute in ((self.net, "_rpn_test_post_nms"), (rpn, "_test_post_nms"),
                                    (self.net, "_rcnn_max_dets")):  # GluonCV's functions take no other number
                if hasattr(part, attribute):
                    setattr(part, attribute, min(most_proposals, getattr(part, attribute)))

    def __call__(self, path: Path, short: int = 600) -> Found:
        """Detect objects in the picture ``path`` after its shorter side is resized to ``short`` pixels."""
        from gluoncv.data.transforms.presets import rcnn
        X, picture = rcnn.transform_test(read_picture(path), short=short)
        began = time.time()
        classes, scores, boxes, *masks = (result[0] for result in self.net(X.as_in_context(self.ctx)))
        nd.waitall()
        return Found(picture, classes, scores, boxes, masks[0] if masks else None, time.time() - began)

    def show(self, found: Found, threshold: float = 0.5) -> None:
        """Draw masks and boxes that score at least ``threshold``."""
        from gluoncv.utils import viz
        picture = found.picture
        if found.masks is not None:
            height, width = picture.shape[:2]
            masks, _ = viz.expand_mask(found.masks, found.boxes, (width, height), found.scores, threshold)
            picture = viz.plot_mask(picture, masks)
        viz.plot_bbox(picture, found.boxes, found.scores, found.classes, thresh=threshold,
                      class_names=self.net.classes, ax=plt.gca())


class GluonCVSegmenter(GluonCVNetwork):
    """A fully convolutional network, called with the path of a picture."""

    def __call__(self, path: Path, short: int = 480) -> tuple[np.ndarray, np.ndarray, float]:
        """Classify the pixels of the picture ``path`` after its shorter side is resized to ``short`` pixels.

        Returns the picture (H, W, 3) uint8, the classes of its pixels (H, W), and the seconds of the network only.
        """
        from gluoncv.data.transforms.presets.segmentation import test_transform
        picture = mx.image.resize_short(read_picture(path), short)
        X = test_transform(picture, self.ctx)
        began = time.time()
        classes = self.net.predict(X)[0].argmax(axis=0).asnumpy()
        return picture.asnumpy(), classes.astype(int), time.time() - began

    def show(self, picture: np.ndarray, classes: np.ndarray) -> None:
        """Draw a picture and, beside it, the classes of its pixels in the colours of their data set.

        Args:
            picture, classes: results of the call.
        """
        from gluoncv.utils import viz
        palette = "pascal_voc" if self.name.endswith("voc") else "ade20k"
        axes = show_images([picture, viz.get_color_pallete(classes, palette).convert("RGB")], 1, 2, scale=4)
        axes[0, 0].set_title(self.note, fontsize=9)


def _initialize(net, ctx: mx.Context) -> None:
    """Initialise with Xavier, except gamma, beta and the like: GluonCV's SSD gives them Xavier, which fails."""
    for names, start in ((".*(gamma|var)$", mx.init.One()), (".*(beta|mean|bias)$", mx.init.Zero())):
        for parameter in net.collect_params(names).values():
            parameter.init = start
    net.initialize(mx.init.Xavier(), ctx=ctx, force_reinit=True)  # GluonCV has initialised some parameters


def with_weights(names: Sequence[str], weights: Path | Sequence[Path]) -> str:
    """Return the first of ``names`` whose weights are in ``weights``, a folder or several; else the last name."""
    return next((name for name in names if _file_of(name, weights)), names[-1])


def _file_of(name: str, weights: Path | Sequence[Path]) -> Path | None:
    return next(filter(None, (weights_file(folder, name) for folder in folders_of(weights))), None)
