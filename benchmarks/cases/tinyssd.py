"""A training step of section 9.7's TinySSD, with its targets and both errors."""
from __future__ import annotations

import numpy as np

from .. import draw
from ..case import Case, Side
from ..compare import Limit
from ..sides import TRAINING

LIMITS = {"class error": Limit("relative", 1e-2), "offset error": Limit("relative", 1e-3),
          "step of the first layer": Limit("relative", 5e-2), "step of the last layer": Limit("relative", 1e-2)}
# bfloat16 has 8 bits. What each layer rounds adds up on the way back: the first layer's gradient was 0.25 to 0.6 of its
# length from that in float32; a wrong one would be further off than its own length.
COARSE = {"class error": Limit("relative", 5e-2), "offset error": Limit("relative", 5e-2),
          "step of the first layer": Limit("relative", 0.8), "step of the last layer": Limit("relative", 0.4)}
SETTINGS = {"batch": 32, "edge": 256, "watched": ("blk_0.0.0.weight", "bbox_0.weight"), "repeat": 2,
            "sgd": {"learning_rate": 0.2, "wd": 5e-4}}
CASES = (Case("tinyssd_step", "training step of section 9.7's TinySSD, with targets", __name__, SETTINGS,
              {"batch": 2, "edge": 64, "repeat": 1}, LIMITS, sides=TRAINING, coarse=COARSE, trains=True),)


def inputs(settings: dict) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (B, 3, edge, edge), 0 to 255 as the reader gives them, and labels (B, 1, 5)."""
    pictures = [draw.picture(f"picture {i}", settings["edge"], settings["edge"]) for i in range(settings["batch"])]
    X = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)
    return np.ascontiguousarray(X), draw.objects("objects", settings["batch"])


class _Step(Side):
    def result(self) -> dict[str, np.ndarray]:
        before = self.weights()
        class_error, offset_error = self.train(1)[0][:2]
        moved = [after - old for after, old in zip(self.weights(), before)]
        return {"class error": np.array(class_error), "offset error": np.array(offset_error),
                "step of the first layer": moved[0], "step of the last layer": moved[1]}

    def run(self) -> None:
        self.train(self.settings["repeat"])

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """What the network is made for, and trained with."""
        return inputs(self.settings)


class _Gluon(_Step):
    def prepare(self) -> None:
        from mxnet import gluon, nd

        from .. import gluon_tools
        self.tools, (self.X, self.y) = gluon_tools, self.inputs()
        self.net = gluon_tools.fill(self.make(), nd.array(self.X[:1]))
        self.trainer = gluon.Trainer(self.net.collect_params(), "sgd", self.settings["sgd"])

    def weights(self) -> list[np.ndarray]:
        return self.tools.weights(self.net, self.settings["watched"])

    def batches(self, steps: int):
        return self.tools.Batches(self.X, self.y, steps, as_data_batch=True)


class Ours(_Gluon):
    """As the chapter's script: hybridised, and ``d2l.train_ssd``."""

    def prepare(self) -> None:
        super().prepare()
        self.net.hybridize(static_alloc=True, static_shape=True)

    def make(self):
        import d2lzh_cv as d2l
        return d2l.TinySSD(num_classes=1)

    def graph(self):
        """For ``benchmarks.floor``."""
        import mxnet as mx
        return mx.sym.Group(list(self.net(mx.sym.var("data")))), self.X.shape, "training"

    def train(self, steps: int, **options) -> list[tuple[float, float]]:
        import mxnet as mx

        import d2lzh_cv as d2l
        epoch, = d2l.train_ssd(self.net, self.batches(steps), self.trainer, mx.cpu(), 1, **options)
        mx.nd.waitall()
        return [(epoch.class_err, epoch.bbox_mae)]

    def losses(self, steps: int) -> list[float]:
        import d2lzh_cv as d2l

        class Kept(d2l.SSDLoss):
            values: list = []

            def __call__(self, *args):
                self.values.append(super().__call__(*args))
                return self.values[-1]
        self.train(steps, loss=Kept())
        return [float(value.mean().asscalar()) for value in Kept.values]


class Book(_Gluon):
    def make(self):
        from .. import book
        return book.TinySSD()

    def train(self, steps: int) -> list[tuple[float, float, float]]:
        import mxnet as mx

        from .. import book
        seen = book.train_ssd(self.net, self.batches(steps), self.trainer)
        mx.nd.waitall()
        return seen

    def losses(self, steps: int) -> list[float]:
        return [float(loss) for _, _, loss in self.train(steps)]


class Torch(_Step):
    def prepare(self) -> None:
        import torch

        from reference.pytorch.ssd import TinySSD, ssd_loss

        from .. import torch_tools
        self.tools, (X, y) = torch_tools, self.inputs()
        self.net = torch_tools.fill(TinySSD(num_classes=1), self.channels_last).train()
        self.forward = torch_tools.ready(self.net, self.name)
        self.loss = torch_tools.ready(lambda *arrays: ssd_loss(*arrays).mean(), self.name)
        self.X = torch.from_numpy(X).to(memory_format=torch_tools.layout(self.channels_last))
        self.y = torch.from_numpy(y)
        self.optimizer = torch_tools.optimizer(self.net, self.settings)

    def weights(self) -> list[np.ndarray]:
        return self.tools.weights(self.net, self.settings["watched"])

    def batches(self, steps: int):
        return [(self.X, self.y)] * steps

    def train(self, steps: int) -> list[tuple[float, float, float]]:
        import torch

        from reference.pytorch.boxes import target
        seen = []
        for X, y in self.batches(steps):
            self.optimizer.zero_grad()
            anchors, scores, offsets = self.forward(X)
            with torch.no_grad():
                goals, mask, classes = target(anchors, y)
            loss = self.loss(scores, classes, offsets, goals, mask)
            loss.backward()
            self.optimizer.step()
            with torch.no_grad():
                wrong = (scores.argmax(2) != classes).float().mean().item()
                seen.append((wrong, ((goals - offsets) * mask).abs().mean().item(), loss.item()))
        return seen

    def losses(self, steps: int) -> list[float]:
        return [loss for _, _, loss in self.train(steps)]
