"""The computation of an exported network, and instructions for its user: input, classes, output."""
from __future__ import annotations

from typing import Any

from mxnet import gluon
from mxnet.gluon import nn

from ...data.normalization import CIFAR10_MEAN, CIFAR10_STD, IMAGENET_MEAN, IMAGENET_STD
from ...fcn import STRIDE
from ..checkpoint import Description

INPUT = "data"
OUTPUTS = {"detect": "detections", "segment": "scores", "classify": "scores"}
RESIZED = "resized to height and width whatever its shape"
PIXELS = "8 bits per channel, of 16 the upper 8; without transparency; upright by EXIF's orientation"
INTERPOLATION = "bilinear"  # the default of MXNet's image.imresize and Resize; OpenCV's INTER_LINEAR
# How kinds.NETWORKS prepares a picture, without MXNet: (RGB of 0 to 255 · scale - mean) / deviation.
IMAGENET = {"scale": 1 / 255, "mean": list(IMAGENET_MEAN), "deviation": list(IMAGENET_STD)}
CROPPED = "shorter side resized to 8/7 of the height, centre cropped to height and width"
PREPARED = {
    "TinySSD": (RESIZED, {"scale": 1.0, "mean": [0.0] * 3, "deviation": [1.0] * 3}),
    "fcn": (f"any size; pad or resize to multiples of {STRIDE}", IMAGENET),
    "resnet18": (RESIZED, {"scale": 1 / 255, "mean": [0.0] * 3, "deviation": [1.0] * 3}),
    "resnet18_cifar10": (RESIZED, {"scale": 1 / 255, "mean": list(CIFAR10_MEAN), "deviation": list(CIFAR10_STD)}),
    "model_zoo": (CROPPED, IMAGENET),
    "FrozenFeatures": (CROPPED, IMAGENET),
}
MEANINGS = {
    "detect": "(batch, anchors, 6): rows (class, score, xmin, ymin, xmax, ymax), highest score first, corners from 0 "
              "to 1 in the picture's width and height; rows of class -1 are none",
    "segment": "(batch, classes, height, width): the class of a pixel is the one with the highest score",
    "classify": "(batch, classes): the class is the one with the highest score; softmax gives probabilities",
}


class Detector(nn.HybridBlock):
    """A TinySSD with the last steps of :func:`d2lzh_cv.ssd.detect`: (B, 3, H, W) to MultiBoxDetection's (B, A, 6)."""

    def __init__(self, net: gluon.HybridBlock) -> None:
        super().__init__()
        self.net = net

    def hybrid_forward(self, F, X):
        anchors, scores, offsets = self.net(X)
        probabilities = F.softmax(scores, axis=-1).transpose((0, 2, 1))
        return F.contrib.MultiBoxDetection(probabilities, offsets, anchors)


def deployed_block(net: gluon.Block, task: str) -> gluon.HybridBlock:
    """Return ``net`` as one block that hybridises; a detector includes decoding and suppression."""
    if task == "detect":
        return Detector(net)
    if isinstance(net, gluon.HybridBlock):
        return net
    whole = nn.HybridSequential()  # FrozenFeatures is no HybridBlock, but only its training needs that
    whole.add(net.features, net.output_new)
    return whole


def usage(description: Description) -> dict[str, Any]:
    """Return task, classes, and instructions for input and output, as plain JSON."""
    fit, numbers = PREPARED[description.network]
    height, width = description.edge_size
    free = description.task == "segment"
    if free:
        height, width = (-(-side // STRIDE) * STRIDE for side in (height, width))
    return {"task": description.task, "network": description.network, "classes": description.classes,
            "input": {"name": INPUT, "shape": ["batch", 3, *(("height", "width") if free else (height, width))],
                      "example": [1, 3, height, width], "dtype": "float32", "colors": "RGB", "pixels": PIXELS,
                      "picture": fit, "interpolation": INTERPOLATION,
                      "values": "(RGB of 0 to 255 * scale - mean) / deviation", **numbers},
            "output": {"name": OUTPUTS[description.task], "meaning": MEANINGS[description.task]}}
