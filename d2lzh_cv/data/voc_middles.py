"""The middles of VOC pictures, on which a network is evaluated, and the borders of objects, which have no class."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from mxnet import nd

from .voc import VOCSegDataset, voc_colormap2label, voc_label_indices

VOID = 255  # mask value without a class
BORDER = (224, 224, 192)  # VOC's colour of VOID


def void_table() -> np.ndarray:
    """Return ``voc_colormap2label`` with VOID for the borders around objects, which have no class."""
    table = voc_colormap2label()
    table[(BORDER[0] * 256 + BORDER[1]) * 256 + BORDER[2]] = VOID
    return table


def middle(pixels: np.ndarray | nd.NDArray, crop_size: tuple[int, int]) -> np.ndarray | nd.NDArray:
    """Return the middle (h, w) of pixels (H, W, ...)."""
    top, left = ((size - crop) // 2 for size, crop in zip(pixels.shape, crop_size))
    return pixels[top:top + crop_size[0], left:left + crop_size[1]]


class VOCMiddles(Sequence):
    """The middle of each picture of a data set and of its mask: (picture, coloured mask), (h, w, 3) uint8 (9.10).

    They are read on access. Random crops would give another result each time; these are always the same.

    Args:
        dataset: its ``crop_size`` is (h, w).
    """

    def __init__(self, dataset: VOCSegDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, idx: int) -> tuple[nd.NDArray, nd.NDArray]:
        picture, mask = (middle(pixels, self.dataset.crop_size) for pixels in self.dataset.pair(idx))
        return picture, mask

    def batches(self) -> Iterator[tuple[nd.NDArray, nd.NDArray]]:
        """Yield a batch of one per picture: normalised (1, 3, h, w), and classes (1, h, w) with VOID at the borders."""
        table = void_table()
        for picture, mask in self:
            X = self.dataset.normalize_image(picture).transpose((2, 0, 1))
            yield X.expand_dims(axis=0), voc_label_indices(mask, table).expand_dims(axis=0)
