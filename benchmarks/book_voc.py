"""Section 9.9 the way the book's code goes about it."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx
from mxnet import gluon, nd

from .drawn_sets import palette


class BookDataset(gluon.data.Dataset):
    """Whole normalised pictures held as float32; classes through an NDArray of all colours."""

    def __init__(self, tree: Path, crop: tuple[int, int], part: str = "train") -> None:
        self.crop, mean, std = crop, nd.array([0.485, 0.456, 0.406]), nd.array([0.229, 0.224, 0.225])
        names = (tree / f"ImageSets/Segmentation/{part}.txt").read_text().split()
        pictures = [mx.image.imread(str(tree / f"JPEGImages/{name}.jpg")) for name in names]
        self.masks = [mx.image.imread(str(tree / f"SegmentationClass/{name}.png")) for name in names]
        self.pictures = [(picture.astype("float32") / 255 - mean) / std for picture in pictures]
        self.table = nd.zeros(256 ** 3)
        for i, (red, green, blue) in enumerate(palette()[:21].tolist()):
            self.table[(red * 256 + green) * 256 + blue] = i
        nd.waitall()

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, idx: int) -> tuple[nd.NDArray, nd.NDArray]:
        picture, place = mx.image.random_crop(self.pictures[idx], self.crop[::-1])
        mask = mx.image.fixed_crop(self.masks[idx], *place).astype("int32")
        return picture.transpose((2, 0, 1)), self.table[(mask[:, :, 0] * 256 + mask[:, :, 1]) * 256 + mask[:, :, 2]]
