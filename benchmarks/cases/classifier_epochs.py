"""An epoch of section 9.10 and one of section 9.1: read, augmented, a step for each batch, tested."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import epoch
from ..case import Case
from ..sides import EPOCH
from . import training

BOOK_WORKERS = 4  # the book's number of processes that read
LIMITS = {"pictures trained": epoch.EQUAL, "pictures tested": epoch.EQUAL, "loss": epoch.NEAR}
VOC = {**training.FCN, "set": "voc", "pictures": 24, "repeat": 24}
CIFAR = {**training.CIFAR, "set": "cifar10", "adam": {"learning_rate": 0.001}, "pictures": 512, "tested": 128,
         "repeat": 512}
CASES = (
    Case("voc_epoch", "epoch of section 9.10: read, crop at random, train, test; each picture was read before",
         __name__, VOC, {"pictures": 4, "repeat": 4, "batch": 4, "size": (64, 96)}, LIMITS,
         unit=("picture", "pictures"), sides=EPOCH, rate=True),
    Case("cifar_epoch", "epoch of section 9.1: read, flip at random, train, test", __name__, CIFAR,
         {"pictures": 8, "tested": 4, "repeat": 8, "batch": 8}, LIMITS, unit=("picture", "pictures"), sides=EPOCH,
         rate=True),
)


class _Classifier:
    """``voc`` and ``cifar10`` give the batches of a folder, to train with and to test with."""

    compared = ("loss",)

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        return training.inputs({**self.settings, "batch": 1})

    def load(self):
        from .. import drawn_sets
        if self.settings["set"] == "voc":
            return self.voc(drawn_sets.voc(self.settings["pictures"]))
        return self.cifar10(drawn_sets.cifar10(self.settings["pictures"], self.settings["tested"]))


class Ours(_Classifier, epoch.Gluon, training.Ours):
    graph = None  # an epoch is more than its network

    def test_batches(self):
        return self.tested

    def voc(self, tree: Path) -> tuple:
        import d2lzh_cv as d2l
        train_set, test_set = (d2l.VOCSegDataset(is_train, self.settings["size"], tree, d2l.voc_colormap2label())
                               for is_train in (True, False))
        return (d2l.data_loader(train_set, self.settings["batch"], shuffle=True, last_batch="discard"),
                d2l.data_loader(test_set, self.settings["batch"]))

    def cifar10(self, folder: Path) -> tuple:
        import d2lzh_cv as d2l
        from d2lzh_cv.augmentation import FLIP_AUG, NO_AUG
        return (d2l.load_cifar10(d2l.CIFAR10(folder, train=True), FLIP_AUG, self.settings["batch"], True),
                d2l.load_cifar10(d2l.CIFAR10(folder, train=False), NO_AUG, self.settings["batch"], False))


class Book(_Classifier, epoch.Gluon, training.Book):
    def train(self, steps: int) -> list[tuple[float, float]]:
        from .. import book
        seen = super().train(steps)
        book.evaluate_accuracy(self.tested, self.net)
        return seen

    def voc(self, tree: Path) -> tuple:
        from ..book_voc import BookDataset
        return self._loaders(*(BookDataset(tree, self.settings["size"], part) for part in ("train", "val")), "discard")

    def cifar10(self, folder: Path) -> tuple:
        from mxnet import gluon, nd
        from mxnet.gluon.data.vision import transforms

        from d2lzh_cv.data.cifar10 import read_cifar10
        flip = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.ToTensor()])
        read = [read_cifar10(folder, train) for train in (True, False)]
        sets = [gluon.data.ArrayDataset(nd.array(pixels, dtype="uint8"), labels) for pixels, labels in read]
        return self._loaders(sets[0].transform_first(flip), sets[1].transform_first(transforms.ToTensor()), "keep")

    def _loaders(self, train_set, test_set, last_batch: str) -> tuple:
        from mxnet.gluon.data import DataLoader
        return (DataLoader(train_set, self.settings["batch"], shuffle=True, last_batch=last_batch,
                           num_workers=BOOK_WORKERS),
                DataLoader(test_set, self.settings["batch"], num_workers=BOOK_WORKERS))


class Torch(_Classifier, epoch.Torch, training.Torch):
    def train(self, steps: int) -> list[tuple[float, float]]:
        seen = super().train(steps)
        self._test()
        return seen

    def _test(self) -> float:
        import torch
        layout, hits, count = self.tools.layout(self.channels_last), 0, 0
        self.net.eval()
        with torch.inference_mode():
            for X, y in self.tested:
                hits += (self.net(X.to(memory_format=layout)).argmax(1) == y).sum().item()
                count += y.numel()
        self.net.train()
        return hits / count

    def voc(self, tree: Path) -> tuple:
        from reference.pytorch.readers import VOCDataset

        from ..drawn_sets import palette
        train_set, test_set = (VOCDataset(tree, self.settings["size"], palette()[:21], part)
                               for part in ("train", "val"))
        return self.loader(train_set, shuffle=True), self.loader(test_set, shuffle=False)

    def cifar10(self, folder: Path) -> tuple:
        from reference.pytorch.readers import CIFAR10Dataset
        return (self.loader(CIFAR10Dataset(folder, "train"), shuffle=True),
                self.loader(CIFAR10Dataset(folder, "test"), shuffle=False))
