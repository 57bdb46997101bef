"""Anchors, their targets, and suppression alone (section 9.4), at TinySSD's 5444 anchors and at 50176."""
from __future__ import annotations

import numpy as np

from .. import draw
from ..case import Case, Side
from ..compare import Limit

SIZES = ((0.2, 0.272), (0.37, 0.447), (0.54, 0.619), (0.71, 0.79), (0.88, 0.961))
RATIOS = (1, 2, 0.5)
LIMITS = {"anchors": Limit("relative", 1e-5), "offsets": Limit("apart", 1e-4), "mask": Limit("share", 1e-4),
          "classes": Limit("share", 1e-4), "boxes": Limit("rows", 0.02)}
MAPS = ((32, 32), (16, 16), (8, 8), (4, 4), (1, 1))
CASES = (
    Case("anchors_5444", "5444 anchors, their targets, suppression: no network", __name__,
         {"maps": MAPS, "batch": 8, "repeat": 1}, {"maps": ((8, 8), (2, 2)), "batch": 2}, LIMITS,
         unit=("batch", "batch")),
    Case("anchors_50000", "50176 anchors, their targets, suppression: no network", __name__,
         {"maps": ((112, 112),), "batch": 1, "repeat": 1}, {"maps": ((16, 16),)}, LIMITS, unit=("batch", "batch")),
)


class _Boxes(Side):
    """``find()`` gives anchors, offsets, mask, classes and rows per picture, as the framework's arrays."""

    def prepare(self) -> None:
        batch, maps = self.settings["batch"], self.settings["maps"]
        count = 4 * sum(height * width for height, width in maps)
        self.labels = draw.objects("objects", batch, count=3)
        self.probs = draw.trained_scores("scores", batch, count)
        self.offsets = draw.normal("offsets", batch, 4 * count) / 2

    def result(self) -> dict[str, np.ndarray]:
        anchors, offsets, mask, classes, rows = self.find()
        rows = [picture[picture[:, 0] >= 0] for picture in map(self.to_numpy, rows)]
        boxes = np.concatenate([np.insert(picture, 0, i, axis=1) for i, picture in enumerate(rows)])
        arrays = zip(("anchors", "offsets", "mask", "classes"), (anchors, offsets, mask, classes))
        return {**{name: self.to_numpy(array).reshape(-1) for name, array in arrays}, "boxes": boxes}

    def run(self) -> None:
        for _ in range(self.settings["repeat"]):
            self.find()


class _Gluon(_Boxes):
    def prepare(self) -> None:
        from mxnet import nd
        super().prepare()
        self.labels, self.probs, self.offsets = map(nd.array, (self.labels, self.probs, self.offsets))
        self.features = [nd.zeros((1, 1, *size)) for size in self.settings["maps"]]

    @staticmethod
    def to_numpy(array) -> np.ndarray:
        return array.asnumpy()

    def run(self) -> None:
        import mxnet as mx
        super().run()
        mx.nd.waitall()


class Ours(_Gluon):
    def find(self):
        from mxnet import nd

        import d2lzh_cv as d2l
        anchors = nd.concat(*[d2l.multibox_prior(X, sizes, RATIOS) for X, sizes in zip(self.features, SIZES)], dim=1)
        targets = d2l.multibox_target(anchors, self.labels, self.probs)
        return anchors, *targets, d2l.multibox_detection(self.probs, self.offsets, anchors)


class Book(_Gluon):
    def find(self):
        from mxnet import nd
        anchors = nd.concat(*[nd.contrib.MultiBoxPrior(X, sizes=sizes, ratios=RATIOS)
                              for X, sizes in zip(self.features, SIZES)], dim=1)
        targets = nd.contrib.MultiBoxTarget(anchors, self.labels, self.probs)
        return anchors, *targets, nd.contrib.MultiBoxDetection(self.probs, self.offsets, anchors)


class Torch(_Boxes):
    """The plain way: suppression among all anchors, then the low scores go."""

    def prepare(self) -> None:
        import torch
        super().prepare()
        self.labels, self.probs, self.offsets = map(torch.from_numpy, (self.labels, self.probs, self.offsets))

    @staticmethod
    def to_numpy(array) -> np.ndarray:
        return array.numpy()

    def find(self):
        import torch

        from reference.pytorch import boxes
        anchors = torch.cat([boxes.prior(*size, sizes, RATIOS) for size, sizes in zip(self.settings["maps"], SIZES)])
        targets = boxes.target(anchors, self.labels)
        rows = boxes.detection(self.probs, self.offsets, anchors, threshold=0)
        rows[rows[..., 1] < 0.01] = -1
        return anchors, *targets, rows
