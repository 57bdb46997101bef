"""Region of interest pooling (section 9.8), forward and backward."""
from __future__ import annotations

import numpy as np

from .. import draw
from ..case import Case, Side
from ..compare import Limit

SETTINGS = {"pictures": 2, "channels": 256, "map": (38, 50), "regions": 128, "pooled": (7, 7), "scale": 1 / 16,
            "repeat": 1}
CASES = (Case("roi_pooling", "regions pooled to 7 × 7, forward and backward", __name__, SETTINGS,
              {"channels": 4, "map": (12, 16), "regions": 6}, {"pooled": Limit("relative", 1e-6),
                                                               "gradient": Limit("relative", 1e-5)},
              unit=("call", "regions")),)


class _Regions(Side):
    """``pool()`` gives what was pooled and the gradient of the features, as the framework's arrays."""

    def prepare(self) -> None:
        height, width = self.settings["map"]
        pictures, count, rng = self.settings["pictures"], self.settings["regions"], draw.generator("regions")
        self.features = draw.normal("features", pictures, self.settings["channels"], height, width)
        low = rng.uniform(0, 0.5, (count, 2))
        corners = np.concatenate((low, low + rng.uniform(0.2, 0.5, (count, 2))), 1)
        pixels = (np.array((width, height) * 2) - 1) / self.settings["scale"]
        self.rois = np.insert(corners * pixels, 0, rng.integers(0, pictures, count), axis=1).astype(np.float32)
        self.above = draw.normal("above", count, self.settings["channels"], *self.settings["pooled"])

    def result(self) -> dict[str, np.ndarray]:
        pooled, gradient = self.pool()
        return {"pooled": self.to_numpy(pooled), "gradient": self.to_numpy(gradient)}

    def run(self) -> None:
        for _ in range(self.settings["repeat"]):
            self.pool()


class _Gluon(_Regions):
    def prepare(self) -> None:
        from mxnet import nd
        super().prepare()
        self.features, self.rois, self.above = map(nd.array, (self.features, self.rois, self.above))
        self.features.attach_grad()

    @staticmethod
    def to_numpy(array) -> np.ndarray:
        return array.asnumpy()

    def pool(self):
        import mxnet as mx
        with mx.autograd.record():
            pooled = self.operator(self.features, self.rois, self.settings["pooled"], self.settings["scale"])
        pooled.backward(self.above)
        mx.nd.waitall()
        return pooled, self.features.grad


class Ours(_Gluon):
    @staticmethod
    def operator(features, rois, size, scale):
        import d2lzh_cv as d2l
        return d2l.roi_pooling(features, rois, size, scale)


class Book(_Gluon):
    @staticmethod
    def operator(features, rois, size, scale):
        from mxnet import nd
        return nd.ROIPooling(features, rois, pooled_size=size, spatial_scale=scale)


class Torch(_Regions):
    def prepare(self) -> None:
        import torch
        super().prepare()
        self.features, self.rois, self.above = map(torch.from_numpy, (self.features, self.rois, self.above))
        self.features.requires_grad_()

    @staticmethod
    def to_numpy(array) -> np.ndarray:
        return array.detach().numpy()

    def pool(self):
        from reference.pytorch.regions import roi_pooling
        self.features.grad = None
        pooled = roi_pooling(self.features, self.rois, self.settings["pooled"], self.settings["scale"])
        pooled.backward(self.above)
        return pooled, self.features.grad
