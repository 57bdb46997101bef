"""An epoch of section 9.7: Pikachu read and cropped at random, a step for each batch, and both errors."""
from __future__ import annotations

import numpy as np

from .. import epoch
from ..case import Case
from ..compare import Limit
from ..sides import EPOCH
from . import detection_reader, tinyssd

# How large the objects are hangs on the crops, and the offset error on that.
CROPPED = Limit("relative", 0.5)
CASES = (Case("pikachu_epoch", "epoch of section 9.7: read, crop at random, train, both errors", __name__,
              {**tinyssd.SETTINGS, "pictures": 160, "repeat": 160},
              {"pictures": 16, "repeat": 16, "batch": 4, "edge": 64},
              {"pictures trained": epoch.EQUAL, "class error": epoch.NEAR, "offset error": CROPPED},
              unit=("picture", "pictures"), sides=EPOCH, rate=True),)


class _Pikachu:
    compared = "class error", "offset error"

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        return tinyssd.inputs({**self.settings, "batch": 1})

    def load(self):
        from ..drawn_sets import pikachu
        return self.read(pikachu(self.settings["pictures"])), ()


class Ours(_Pikachu, epoch.Gluon, tinyssd.Ours):
    graph = None  # an epoch is more than its network

    def read(self, folder):
        return detection_reader.ours(folder, self.settings)[0]


class Book(_Pikachu, epoch.Gluon, tinyssd.Book):
    def batches(self, steps: int):
        self.trained.reset()
        return self.trained

    def read(self, folder):
        return detection_reader.books(folder, self.settings)[0]


class Torch(_Pikachu, epoch.Torch, tinyssd.Torch):
    def read(self, folder):
        from reference.pytorch.readers import PikachuDataset
        return self.loader(PikachuDataset(folder, "train", self.settings["edge"]), shuffle=True)
