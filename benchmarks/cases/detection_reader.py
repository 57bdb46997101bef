"""Reading Pikachu (section 9.6): an epoch of training batches, cropped at random; pictures per second, and memory."""
from __future__ import annotations

import numpy as np

from ..case import Case, Side
from ..compare import Limit

CASES = (Case("pikachu_reader", "an epoch of Pikachu: 900 pictures of 256 × 256, cropped at random", __name__,
              {"pictures": 900, "repeat": 900, "batch": 32, "edge": 256},
              {"pictures": 12, "repeat": 12, "batch": 4, "edge": 64},
              # one or two levels of 255 between decoders; where there is a change of size, between its methods
              {"pictures": Limit("relative", 5e-2), "labels": Limit("relative", 1e-5)}, unit=("picture", "pictures")),)


class _Reader(Side):
    """``make(folder)`` gives what to train on and what to validate with; random crops differ, so the latter are
    compared."""

    def prepare(self) -> None:
        from ..drawn_sets import pikachu
        self.training, self.validation = self.make(pikachu(self.settings["pictures"]))
        self.epoch(self.training)  # what is kept for the next is kept now

    def result(self) -> dict[str, np.ndarray]:
        pictures, labels = map(self.to_numpy, self.epoch(self.validation, at_most=1))
        return {"pictures": pictures, "labels": labels.reshape(len(labels), -1)[:, :5]}

    def run(self) -> None:
        self.epoch(self.training)


class _Gluon(_Reader):
    def epoch(self, iterator, at_most: int | None = None) -> tuple:
        """Go through the batches as a training does, waiting for each; the last one's arrays."""
        iterator.reset()
        for number, batch in enumerate(iterator, 1):
            arrays = batch.data[0], batch.label[0]
            for array in arrays:
                array.wait_to_read()
            if number == at_most:
                break
        return arrays

    @staticmethod
    def to_numpy(array) -> np.ndarray:
        return array.asnumpy()


class Ours(_Gluon):
    def make(self, folder):
        return ours(folder, self.settings)


class Book(_Gluon):
    def make(self, folder):
        return books(folder, self.settings)


def ours(folder, settings: dict) -> tuple:
    """What to train on, and what to validate with."""
    from d2lzh_cv.data.pikachu import load_pikachu
    return load_pikachu(folder, settings["batch"], settings["edge"])


def books(folder, settings: dict) -> tuple:
    """``ImageDetIter`` as the book makes it."""
    from mxnet import image

    from d2lzh_cv.data.pikachu import pack_detection
    packed = pack_detection(folder, folder.with_name(f"{folder.name}-packed"))
    shared = {"batch_size": settings["batch"], "data_shape": (3, settings["edge"], settings["edge"])}
    return (image.ImageDetIter(path_imgrec=str(packed / "train.rec"), path_imgidx=str(packed / "train.idx"),
                               shuffle=True, rand_crop=1, min_object_covered=0.95, max_attempts=200, **shared),
            image.ImageDetIter(path_imgrec=str(packed / "val.rec"), shuffle=False, **shared))


class Torch(_Reader):
    def make(self, folder):
        from torch.utils.data import DataLoader

        from reference.pytorch.readers import PikachuDataset
        sets = [PikachuDataset(folder, part, self.settings["edge"]) for part in ("train", "val")]
        return [DataLoader(part, self.settings["batch"], shuffle=part is sets[0]) for part in sets]

    def epoch(self, loader, at_most: int | None = None) -> tuple:
        for number, batch in enumerate(loader, 1):
            arrays = tuple(batch)
            if number == at_most:
                break
        return arrays

    @staticmethod
    def to_numpy(array) -> np.ndarray:
        return array.numpy()
