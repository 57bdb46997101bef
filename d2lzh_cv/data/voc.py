"""Pascal VOC segmentation (section 9.9): pictures, coloured masks, random crops."""
from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ..errors import InputError
from . import extent, hub
from .check import Report, open_all
from .normalization import IMAGENET_MEAN, IMAGENET_STD
from .own.packed import class_names
from .places import NOT_VOC2012, VOC_LIST, is_in_voc2012s_place
from .voc_crops import Mapped, memory_of, read, take
from .voc_files import LazyImage, Store, Unread, check_pairs, open_pair, read_pair

__all__ = ["VOCSegDataset", "VOC_CLASSES", "VOC_COLORMAP", "download_voc_pascal", "read_voc_images", "voc_classes",
           "voc_colormap2label", "voc_label_indices", "voc_rand_crop"]

BOOK_ROOT = "../data/VOCdevkit/VOC2012"
VOC_CLASSES = ["background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
               "diningtable", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train",
               "tv/monitor"]
# VOC_COLORMAP[i] is the colour of VOC_CLASSES[i].
VOC_COLORMAP = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [128, 0, 128], [0, 128, 128],
                [128, 128, 128], [64, 0, 0], [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128],
                [64, 128, 128], [192, 128, 128], [0, 64, 0], [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128]]


def download_voc_pascal(data_dir: str | Path = "../data") -> str:
    """Return the folder of VOC2012, which is downloaded (2 GB) unless it is on the disk. Section 9.9.

    A VOC2012 tree in hub.data_root() is used there. If the download fails, hub.find gives another set, and printed
    lines say why.

    Args:
        data_dir: the folder to unpack to, as ``data_dir``/VOCdevkit/VOC2012.

    Raises InputError naming the folder if it is not writable or its disk is full.
    """
    tree, _ = hub.locate("voc", hub.data_root()) or (None, "")
    if tree and is_in_voc2012s_place(tree) and not (Path(data_dir) / "VOCdevkit" / "VOC2012" / VOC_LIST).is_file():
        return str(tree)
    from .download import Unavailable  # here, because the import is slow and seldom needed
    from .fetch import fetch
    try:
        return str(fetch("voc", Path(data_dir)))
    except Unavailable as error:
        source = hub.find("voc")
        print(f"{error}\nVOC2012 was not fetched; {source.note}")
        return str(source.path)


def voc_classes(voc_dir: str | Path) -> list[str]:
    """Return the names of classes 0, 1, ... of a VOC tree: VOC_CLASSES, or those of a packed set. Section 9.10.

    Args:
        voc_dir: a VOC tree, or the folder that ``d2lzh-cv data pack`` made.
    """
    return class_names(voc_dir, VOC_CLASSES)


def read_voc_images(root: str | Path = BOOK_ROOT,
                    is_train: bool = True) -> tuple[list[nd.NDArray], list[nd.NDArray]]:
    """Return (pictures, coloured masks), two lists of (H, W, 3) uint8 NDArrays. Section 9.9.

    Args:
        root: a VOC tree; if the book's default does not exist, hub.find gives a set, and a printed line says so.
        is_train: read the train list; else the val list.

    Raises InputError naming a list, picture or mask that is missing, truncated, or of another size.
    """
    root, names = _names(root, is_train)
    pairs = [[nd.array(pixels, dtype="uint8") for pixels in read_pair(root, name)] for name in names]
    return [picture for picture, _ in pairs], [mask for _, mask in pairs]


def _names(root: str | Path, is_train: bool) -> tuple[Path, list[str]]:
    """Return the tree, and the names in its train or val list."""
    root = _tree(root)
    return root, _read_list(root / "ImageSets" / "Segmentation" / ("train.txt" if is_train else "val.txt"))


def _tree(root: str | Path) -> Path:
    if str(root) != BOOK_ROOT or Path(root).exists():
        return Path(root)
    source = hub.find("voc")
    print(source.note)
    return source.path


def _read_list(path: Path) -> list[str]:
    try:
        names = path.read_text(encoding="utf-8", errors="replace").split()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; give the folder of a VOC tree") from error
    if not names:
        raise InputError(f"{path} names no pictures")
    return names


def voc_rand_crop(feature: nd.NDArray, label: nd.NDArray, height: int, width: int) -> tuple[nd.NDArray, nd.NDArray]:
    """Return the same random crop of a picture and its mask, both (height, width, 3). Section 9.9.

    Its position comes from Python's ``random``. MXNet enlarges a picture smaller than the crop and mixes the mask's
    colours; VOCSegDataset leaves such pictures out.

    Args:
        feature: (H, W, 3), the picture.
        label: (H, W, 3), the coloured mask.
        height: of the crop, in pixels.
        width: of the crop, in pixels.
    """
    return _crop_at(random, feature, label, height, width)


def _crop_at(rng, feature: nd.NDArray, label: nd.NDArray, height: int, width: int) -> tuple[nd.NDArray, nd.NDArray]:
    """Crop like mxnet.image.random_crop, at a position drawn from ``rng``."""
    h, w = feature.shape[:2]
    crop_w, crop_h = mx.image.scale_down((w, h), (width, height))
    rect = rng.randint(0, w - crop_w), rng.randint(0, h - crop_h), crop_w, crop_h
    return mx.image.fixed_crop(feature, *rect, (width, height)), mx.image.fixed_crop(label, *rect)


def voc_colormap2label() -> np.ndarray:
    """Return the table from colour (R·256 + G)·256 + B to class: (256**3,) uint8, 0 for other colours. Section 9.9."""
    table = np.zeros(256 ** 3, dtype=np.uint8)
    for i, (red, green, blue) in enumerate(VOC_COLORMAP):
        table[(red * 256 + green) * 256 + blue] = i
    return table


def voc_label_indices(colormap: nd.NDArray, colormap2label: nd.NDArray | np.ndarray) -> nd.NDArray:
    """Return the class of each pixel of a coloured mask: (H, W), in the table's dtype. Section 9.9.

    The look-up runs in NumPy on the arrays' memory, several times faster than with NDArray operators.

    Args:
        colormap: (H, W, 3), the mask's colours, 0 to 255.
        colormap2label: (256**3,), the table of :func:`voc_colormap2label`, or the book's NDArray.
    """
    if isinstance(colormap2label, nd.NDArray) and colormap2label.context.device_type != "cpu":
        colormap = colormap.astype("int32").as_in_context(colormap2label.context)
        return colormap2label[(colormap[:, :, 0] * 256 + colormap[:, :, 1]) * 256 + colormap[:, :, 2]]
    red, green, blue = (channel.astype(np.int32) for channel in np.moveaxis(memory_of(colormap), 2, 0))
    classes = memory_of(colormap2label).take((red * 256 + green) * 256 + blue)
    return nd.array(classes, dtype=classes.dtype)


class VOCSegDataset(gluon.data.Dataset):
    """Random crops for segmentation: ((3, h, w) float32 normalised picture, (h, w) class indices). Section 9.9.

    Pictures and masks stay on the disk. The first access decodes them into a temporary file in hub.cache_root(), which
    disappears with the process: 0.75 MB for a picture of 500×375 with its mask, at most ``cache_bytes`` for all.
    A subclass may change ``filter``, which gets the pictures, then the masks, as (H, W, 3) uint8 NDArrays that are read
    on access. Images that it changes are kept in memory; the others are read again.
    Crops come from Python's ``random``. DataLoader's workers have copies of it; :func:`.loader.data_loader` gives the
    same crops with any number of workers.

    Args:
        is_train: read the train list; else the val list.
        crop_size: (h, w) in pixels; smaller pictures are left out, and a printed line says how many are kept.
        voc_dir: a VOC tree.
        colormap2label: see :func:`voc_label_indices`.

    Raises InputError for a missing file, a mask of another size, no picture as large as ``crop_size``, or a ``filter``
    that keeps different pictures and masks. A damaged file raises InputError when it is read.
    """

    cache_bytes = 4 << 30  # 0: no temporary file; set it on the class or a subclass before making a data set

    _assigned: Sequence[nd.NDArray] | None = None
    _assigned_labels: Sequence[nd.NDArray] | None = None

    def __init__(self, is_train: bool, crop_size: tuple[int, int], voc_dir: str | Path,
                 colormap2label: nd.NDArray | np.ndarray) -> None:
        self.rgb_mean = nd.array(IMAGENET_MEAN)
        self.rgb_std = nd.array(IMAGENET_STD)
        self.crop_size = crop_size
        root, names = _names(voc_dir, is_train)
        store = Store(self.cache_bytes)
        pictures, masks = zip(*(open_pair(root, name, store) for name in names))
        self._pictures, self._masks = self._kept(pictures), self._kept(masks)
        check_pairs(self._pictures, self._masks)
        self.colormap2label = colormap2label
        if not self._pictures:
            raise InputError(f"no picture of {voc_dir} is {crop_size[0]}×{crop_size[1]} or larger; "
                             "choose a smaller crop_size")
        print(f"read {len(self._pictures)} examples")

    def _kept(self, images: Sequence[LazyImage]) -> list[nd.NDArray]:
        """Return the images that ``filter`` keeps; a subclass's ``filter`` may read, change or replace images."""
        return [image.settled() if isinstance(image, LazyImage) else image for image in self.filter(Unread(images))]

    @property
    def data(self) -> Sequence[nd.NDArray]:
        """The kept pictures, normalised: (H, W, 3) float32 each. A sequence that is assigned replaces them."""
        if self._assigned is not None:
            return self._assigned
        return Mapped(lambda image: self.normalize_image(read(image)), self._pictures)

    @data.setter
    def data(self, pictures: Sequence[nd.NDArray]) -> None:
        self._assigned = pictures

    features = data  # the name in the book's text

    @property
    def labels(self) -> Sequence[nd.NDArray]:
        """The kept masks: (H, W, 3) uint8 each. A sequence that is assigned replaces them."""
        return Mapped(read, self._masks) if self._assigned_labels is None else self._assigned_labels

    @labels.setter
    def labels(self, masks: Sequence[nd.NDArray]) -> None:
        self._assigned_labels = masks

    def normalize_image(self, data: nd.NDArray) -> nd.NDArray:
        """Normalise a picture (H, W, 3), 0 to 255, by ImageNet's mean and standard deviation per channel."""
        return (data.astype("float32") / 255 - self.rgb_mean) / self.rgb_std

    def filter(self, images: list[nd.NDArray]) -> list[nd.NDArray]:
        """Return the pictures that are at least ``crop_size`` in both directions."""
        return [image for image in images
                if image.shape[0] >= self.crop_size[0] and image.shape[1] >= self.crop_size[1]]

    def __getitem__(self, idx: int) -> tuple[nd.NDArray, nd.NDArray]:
        return self.example(idx, random)

    def example(self, idx: int, rng) -> tuple[nd.NDArray, nd.NDArray]:
        """Return example ``idx``; ``rng.randint`` draws the crop's position."""
        if self._crop_commutes(idx):
            return take(self, self._pictures[idx], self._masks[idx], rng)
        picture, mask = _crop_at(rng, self.data[idx], self.labels[idx], *self.crop_size)
        return picture.transpose((2, 0, 1)), voc_label_indices(mask, self.colormap2label)

    def pair(self, idx: int) -> tuple[nd.NDArray, nd.NDArray]:
        """Return picture and coloured mask ``idx``, uncropped, both (H, W, 3) uint8."""
        return read(self._pictures[idx]), self.labels[idx]

    def __len__(self) -> int:
        return len(self.data)

    def _crop_commutes(self, idx: int) -> bool:
        """Return whether cropping before normalising gives the same: not if a subclass or an assignment changes it."""
        changed = (type(self).normalize_image is not VOCSegDataset.normalize_image
                   or self._assigned is not None or self._assigned_labels is not None
                   or isinstance(self.colormap2label, nd.NDArray) and self.colormap2label.context.device_type != "cpu")
        return not changed and all(isinstance(image, LazyImage)
                                   and all(side >= crop for side, crop in zip(image.shape, self.crop_size))
                                   for image in (self._pictures[idx], self._masks[idx]))


def check(path: Path, report: Report) -> None:
    """Check the pictures and masks that the two lists name."""
    if extent.voc(path).kind == extent.OTHER:
        report.facts.append(NOT_VOC2012)
    named: dict[str, None] = {}  # a name in both lists counts once
    for part in ("train", "val"):
        file = path / "ImageSets" / "Segmentation" / f"{part}.txt"
        names = file.read_text(encoding="utf-8", errors="replace").split() if file.exists() else []
        report.facts.append(f"{len(names)} in {part}.txt")
        named.update(dict.fromkeys(names))
    folders = ("JPEGImages", ".jpg"), ("SegmentationClass", ".png")
    open_all((path / folder / (name + suffix) for name in named for folder, suffix in folders), report)
