"""Sets of pictures with masks, written for ``data pack`` and read back as section 9.9 reads them."""
from __future__ import annotations

from pathlib import Path

import numpy as np
from data_kit import write_picture
from PIL import Image

from d2lzh_cv.data.voc import read_voc_images, voc_colormap2label, voc_label_indices


def blocks(i: int) -> np.ndarray:
    """Class numbers (40, 50): background with a block of class 1, 2 and VOC's border."""
    mask = np.zeros((40, 50), np.uint8)
    mask[5:15, 5:20 + i], mask[20:30, 3:9], mask[35:, 40:] = 1, 2, 255
    return mask


def indexed(mask: np.ndarray) -> Image.Image:
    """A mask whose palette says nothing."""
    picture = Image.fromarray(mask, "P")
    picture.putpalette([7, 70, 200] * 256)  # any palette: the numbers count
    return picture


def write_masks(root: Path, make=indexed, count: int = 4, folders=("images", "masks")) -> Path:
    """``count`` pictures and their masks of :func:`blocks`, each saved as ``make`` has it."""
    (root / folders[1]).mkdir(parents=True)
    for i in range(count):
        write_picture(root / folders[0] / f"a{i}.jpg", seed=i)
        make(blocks(i)).save(root / folders[1] / f"a{i}.png")
    return root


def read_back(out: Path) -> dict[str, np.ndarray]:
    """The classes of each mask, as section 9.9 reads them."""
    table, found = voc_colormap2label(), {}
    for is_train, part in ((True, "train"), (False, "val")):
        names = (out / "ImageSets" / "Segmentation" / f"{part}.txt").read_text().split()
        _, masks = read_voc_images(out, is_train)
        found.update((name, voc_label_indices(mask, table).asnumpy()) for name, mask in zip(names, masks))
    return found
