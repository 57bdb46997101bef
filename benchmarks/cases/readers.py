"""Reading VOC (section 9.9): pictures per second, and memory with the size of VOC2012's list. For Pikachu see
``detection_reader``."""
from __future__ import annotations

import random

import numpy as np

from ..case import Case, Side
from ..compare import Limit

CROP, CHECKED = (320, 480), 3
LIMITS = {"pictures": Limit("relative", 1e-2), "classes": Limit("share", 0.0)}
CASES = (
    Case("voc_reader", "random crops of VOC, after the first epoch; memory with 1,464 pictures", __name__,
         {"pictures": 1464, "sample": 64, "repeat": 64}, {"pictures": 6, "sample": 4, "repeat": 4}, LIMITS,
         unit=("picture", "pictures")),
    Case("voc_first_epoch", "VOC, the data set made and each picture read once", __name__,
         {"pictures": 40, "repeat": 40, "anew": True}, {"pictures": 3, "repeat": 3}, LIMITS,
         unit=("picture", "pictures")),
)


class _VOC(Side):
    """``make(tree)`` gives a data set of pairs of arrays."""

    def prepare(self) -> None:
        from ..drawn_sets import voc
        self.tree = voc(self.settings["pictures"])
        self.dataset = self.make(self.tree)
        if not self.settings.get("anew"):  # a later epoch is timed: each picture has been read
            for index in range(len(self.dataset)):
                self.take(index)

    def take(self, index: int) -> tuple:
        """A pair, computed."""
        return self.dataset[index]

    def result(self) -> dict[str, np.ndarray]:
        random.seed(0)
        pictures, classes = zip(*(map(self.to_numpy, self.take(index)) for index in range(CHECKED)))
        return {"pictures": np.stack(pictures), "classes": np.stack(classes).astype(int)}

    def run(self) -> None:
        if self.settings.get("anew"):
            self.dataset = self.make(self.tree)
            order = list(range(len(self.dataset)))
        else:
            order = random.sample(range(len(self.dataset)), self.settings["sample"])
        for index in order:
            self.take(index)


class _Gluon(_VOC):
    def take(self, index: int) -> tuple:
        """Waited for, not copied: PyTorch's tensors are not either."""
        pair = super().take(index)
        for array in pair:
            array.wait_to_read()
        return pair

    @staticmethod
    def to_numpy(array) -> np.ndarray:
        return array.asnumpy()


class Ours(_Gluon):
    def make(self, tree):
        import d2lzh_cv as d2l
        return d2l.VOCSegDataset(True, CROP, tree, d2l.voc_colormap2label())


class Book(_Gluon):
    def make(self, tree):
        from ..book_voc import BookDataset
        return BookDataset(tree, CROP)


class Torch(_VOC):
    def make(self, tree):
        from reference.pytorch.readers import VOCDataset

        from ..drawn_sets import palette
        return VOCDataset(tree, CROP, palette()[:21])

    @staticmethod
    def to_numpy(array) -> np.ndarray:
        return array.numpy()
