"""A step of style transfer (section 9.11): VGG-19, five style layers, one of content, the picture trained by Adam."""
from __future__ import annotations

import time

import numpy as np

from .. import draw
from ..case import Case, Side
from ..compare import Limit
from ..sides import TRAINING

LIMITS = {"content loss": Limit("relative", 2e-2), "style loss": Limit("relative", 5e-3),
          "TV loss": Limit("relative", 5e-3), "picture": Limit("relative", 2e-3)}
# bfloat16 has 8 bits, and the content loss is the small difference of two large features: 0.3 was seen.
COARSE = {"content loss": Limit("relative", 0.6), "style loss": Limit("relative", 0.05),
          "TV loss": Limit("relative", 0.01), "picture": Limit("relative", 0.02)}
CASES = (Case("style_step", "step of section 9.11's style transfer with VGG-19", __name__,
              {"size": (150, 225), "pictures": 1, "repeat": 4}, {"size": (32, 32), "repeat": 1}, LIMITS,
              unit=("step", "size"), sides=TRAINING, coarse=COARSE, trains=True),)
CHECKED = 3  # steps whose losses are compared
WEIGHTS = (1, 1e3, 10)  # of content, style, total variation
RATE = 0.01


class _Style(Side):
    """``train(steps)`` begins anew from the content picture and gives (content, style, TV losses) a step."""

    def prepare(self) -> None:
        height, width = self.settings["size"]
        both = np.stack([draw.picture(name, height, width) for name in ("content", "style")])
        mean, std = np.array((0.485, 0.456, 0.406)), np.array((0.229, 0.224, 0.225))
        both = ((both / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
        self.content, self.style = both[:1], both[1:]

    def result(self) -> dict[str, np.ndarray]:
        losses = np.array(self.train(CHECKED))
        return {"content loss": losses[:, 0], "style loss": losses[:, 1], "TV loss": losses[:, 2],
                "picture": self.picture_now()}

    def losses(self, steps: int) -> list[float]:
        return [float(sum(parts)) for parts in self.train(steps)]


class Ours(_Style):
    """As the chapter's script: ``d2l.transfer``. What it does before its first step counts for no step."""

    def prepare(self) -> None:
        from mxnet import nd
        from mxnet.gluon import model_zoo

        import d2lzh_cv as d2l

        from .. import gluon_tools
        super().prepare()
        self.content, self.style = nd.array(self.content), nd.array(self.style)
        zoo = model_zoo.vision.vgg19()
        self.extractor = gluon_tools.fill(d2l.FeatureExtractor(zoo.features), self.content)
        self.extractor.hybridize(static_alloc=True, static_shape=True)

    def graph(self):
        """For ``benchmarks.floor``; without the Gram matrices, a twentieth more."""
        import mxnet as mx
        contents, styles = self.extractor(mx.sym.var("data"))
        return mx.sym.Group([*contents, *styles]), self.content.shape, "input gradient"

    def train(self, steps: int) -> list[tuple[float, float, float]]:
        """Its first step is number 0, which no report shows."""
        return [(step.content, step.style, step.tv) for step, _ in self._transfer(steps, 1)]

    def seconds(self) -> float:
        """From one report to the next."""
        began, ended = (moment for _, moment in self._transfer(2 * self.settings["repeat"], self.settings["repeat"]))
        return (ended - began) / self.settings["repeat"]

    def _transfer(self, steps: int, every: int) -> list:
        import d2lzh_cv as d2l
        seen = []
        self.picture = d2l.transfer(self.content, self.extractor, self.content, self.style, steps + 1, RATE,
                                    report_every=every, on_step=lambda step: seen.append((step, time.perf_counter())))
        return seen

    def picture_now(self) -> np.ndarray:
        return self.picture.asnumpy()


class _Stepwise(_Style):
    """``begin()`` gives an object whose ``step()`` does one step and returns its three losses."""

    def prepare(self) -> None:
        super().prepare()
        self.transfer = None

    def train(self, steps: int) -> list[tuple[float, float, float]]:
        self.transfer = self.begin()
        return [tuple(map(float, self.transfer.step())) for _ in range(steps + 1)][1:]

    def run(self) -> None:
        for _ in range(self.settings["repeat"]):
            self.transfer.step()

    def picture_now(self) -> np.ndarray:
        return self.transfer.picture_now()


class Book(_Stepwise):
    """Layer by layer through weights that gather gradients too, and everything waited for after each step."""

    def prepare(self) -> None:
        from mxnet import nd

        from .. import book_style, gluon_tools
        super().prepare()
        self.content, self.style = nd.array(self.content), nd.array(self.style)
        self.net = gluon_tools.fill(book_style.Layers(), self.content)

    def begin(self):
        from .. import book_style
        return book_style.Transfer(self.net.layers, self.content, self.style, RATE, WEIGHTS)


class Torch(_Stepwise):
    def prepare(self) -> None:
        import torch

        from reference.pytorch.style import VGG19

        from .. import torch_tools
        super().prepare()
        layout = torch_tools.layout(self.channels_last)
        self.content, self.style = (torch.from_numpy(x).contiguous(memory_format=layout)
                                    for x in (self.content, self.style))
        self.net = torch_tools.fill(VGG19(), self.channels_last)

    def begin(self):
        from reference.pytorch.style import Transfer

        from .. import torch_tools
        with torch_tools.precision(self.name):
            transfer = Transfer(self.net, self.content, self.style, RATE, WEIGHTS)
        transfer.losses = torch_tools.ready(transfer.losses, self.name)
        return transfer
