"""A training step of a classifier, of pictures (sections 9.1, 9.2) or of pixels (9.10), with the count of hits."""
from __future__ import annotations

import numpy as np

from .. import draw
from ..case import Case, Side
from ..compare import Limit
from ..sides import TRAINING

LIMITS = {"loss": Limit("relative", 1e-3), "hits": Limit("relative", 2e-2),  # a hit more or less is rounding
          "step of the first layer": Limit("relative", 5e-2), "step of the last layer": Limit("relative", 1e-2)}
# bfloat16 has 8 bits. What each layer rounds adds up on the way back: the first layer's gradient was 0.25 to 0.6 of its
# length from that in float32; a wrong one would be further off than its own length.
COARSE = {"loss": Limit("relative", 3e-2), "hits": Limit("relative", 0.3),
          "step of the first layer": Limit("relative", 0.8), "step of the last layer": Limit("relative", 0.1)}
MODULE = __name__
CIFAR = {"network": "resnet18", "batch": 128, "size": (32, 32), "classes": 10, "watched": ("0.weight", "8.weight"),
         "sgd": {"learning_rate": 0.01, "momentum": 0.9, "wd": 5e-4}, "repeat": 2}
FINETUNE = {"network": "resnet18_v2", "batch": 32, "size": (224, 224), "classes": 2,
            "watched": ("features.1.weight", "output.weight"),
            "sgd": {"learning_rate": 0.01, "wd": 1e-3}, "repeat": 2}
FCN = {"network": "fcn", "batch": 8, "size": (320, 480), "classes": 21, "pixels": True,
       "watched": ("0.1.weight", "2.weight"), "sgd": {"learning_rate": 0.1, "wd": 1e-3}, "repeat": 2}
CASES = (
    Case("cifar_step", "training step of section 9.1's ResNet-18", MODULE, CIFAR, {"batch": 2, "repeat": 1}, LIMITS,
         sides=TRAINING, coarse=COARSE, trains=True),
    Case("finetune_step", "training step of section 9.2's resnet18_v2", MODULE, FINETUNE,
         {"batch": 2, "size": (64, 64), "repeat": 1}, LIMITS, sides=TRAINING, coarse=COARSE,
         trains=True),
    Case("fcn_step", "training step of section 9.10's FCN", MODULE, FCN, {"batch": 1, "size": (64, 96), "repeat": 1},
         LIMITS, sides=TRAINING, coarse=COARSE,
         trains=True),
)


def inputs(settings: dict) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (B, 3, H, W) and labels, (B,) or (B, H, W)."""
    batch, size = settings["batch"], settings["size"]
    shape = (batch, *size) if settings.get("pixels") else (batch,)
    return draw.normal("pictures", batch, 3, *size), draw.classes("labels", settings["classes"], *shape)


class _Step(Side):
    """What a step did, from two layers' weights before and after."""

    def result(self) -> dict[str, np.ndarray]:
        before = self.weights()
        (loss, hits), = self.train(1)
        moved = [after - old for after, old in zip(self.weights(), before)]
        return {"loss": np.array(loss), "hits": np.array(hits), "step of the first layer": moved[0],
                "step of the last layer": moved[1]}

    def run(self) -> None:
        self.train(self.settings["repeat"])

    def losses(self, steps: int) -> list[float]:
        return [self.train(1)[0][0] for _ in range(steps)]

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """What the network is made for, and trained with."""
        return inputs(self.settings)


class _Gluon(_Step):
    def prepare(self) -> None:
        from mxnet import gluon, nd

        from .. import gluon_tools
        self.tools, (self.X, self.y) = gluon_tools, self.inputs()
        self.net = gluon_tools.fill(self.make(), nd.array(self.X[:1]))
        name = "adam" if "adam" in self.settings else "sgd"
        self.trainer = gluon.Trainer(self.net.collect_params(), name, self.settings[name])

    def weights(self) -> list[np.ndarray]:
        return self.tools.weights(self.net, self.settings["watched"])

    def batches(self, steps: int):
        return self.tools.Batches(self.X, self.y, steps)


class Ours(_Gluon):
    """As the chapters' scripts: hybridised, and ``d2l.fit``."""

    def prepare(self) -> None:
        super().prepare()
        self.net.hybridize(static_alloc=True, static_shape=True)

    def make(self):
        from mxnet.gluon import model_zoo

        import d2lzh_cv as d2l
        if self.settings["network"] == "resnet18":
            return d2l.resnet18(10)
        if self.settings["network"] == "resnet18_v2":
            return d2l.from_scratch("resnet18_v2", 2)
        zoo = model_zoo.vision.resnet18_v2()
        zoo.initialize()
        return d2l.fcn(d2l.conv_features(zoo), num_classes=21)

    def graph(self):
        """For ``benchmarks.floor``."""
        import mxnet as mx
        net = self.net.cells if self.settings["network"] == "fcn" else self.net
        return net(mx.sym.var("data")), self.X.shape, "training"

    def train(self, steps: int) -> list[tuple[float, float]]:
        import mxnet as mx

        import d2lzh_cv as d2l
        loss = mx.gluon.loss.SoftmaxCrossEntropyLoss(axis=1)
        epoch, = d2l.fit(self.net, self.batches(steps), loss, self.trainer, mx.cpu(), 1, self.test_batches())
        mx.nd.waitall()
        return [(epoch.loss, epoch.train_acc)]

    def test_batches(self):
        """For an epoch."""


class Book(_Gluon):
    def make(self):
        from .. import book
        return getattr(book, self.settings["network"])()

    def train(self, steps: int) -> list[tuple[float, float]]:
        import mxnet as mx

        from .. import book
        seen = book.train(self.net, self.batches(steps), self.trainer)
        mx.nd.waitall()
        return seen


class Torch(_Step):
    def prepare(self) -> None:
        import torch

        from reference.pytorch import fcn, resnet

        from .. import torch_tools
        self.tools, (X, y) = torch_tools, self.inputs()
        made = {"resnet18": resnet.resnet18, "resnet18_v2": resnet.ResNet18V2, "fcn": fcn.fcn}
        net = made[self.settings["network"]](self.settings["classes"])
        self.net = torch_tools.fill(net, self.channels_last).train()
        self.X = torch.from_numpy(X).to(memory_format=torch_tools.layout(self.channels_last))
        self.y = torch.from_numpy(y).long()
        self.optimizer = torch_tools.optimizer(self.net, self.settings)
        self.scores_and_loss = torch_tools.ready(self._scores_and_loss, self.name)

    def _scores_and_loss(self, X, y):
        from torch.nn.functional import cross_entropy
        scores = self.net(X)
        return scores, cross_entropy(scores, y)

    def weights(self) -> list[np.ndarray]:
        return self.tools.weights(self.net, self.settings["watched"])

    def batches(self, steps: int):
        return [(self.X, self.y)] * steps

    def train(self, steps: int) -> list[tuple[float, float]]:
        seen = []
        for X, y in self.batches(steps):
            self.optimizer.zero_grad()
            scores, loss = self.scores_and_loss(X, y)
            loss.backward()
            self.optimizer.step()
            seen.append((loss.item(), (scores.argmax(1) == y).float().mean().item()))
        return seen
