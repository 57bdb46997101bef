"""Pascal VOC segmentation (section 9.9): pictures, coloured masks, class indices, random crops.

A mask is a picture whose colours stand for classes: VOC_COLORMAP[i] is the colour of VOC_CLASSES[i].
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ..errors import InputError
from . import hub
from .images import read_picture
from .voc_download import download_voc_pascal

__all__ = ["VOCSegDataset", "VOC_CLASSES", "VOC_COLORMAP", "download_voc_pascal", "read_voc_images",
           "voc_colormap2label", "voc_label_indices", "voc_rand_crop"]

VOC_CLASSES = ["background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
               "diningtable", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train",
               "tv/monitor"]
VOC_COLORMAP = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [128, 0, 128], [0, 128, 128],
                [128, 128, 128], [64, 0, 0], [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128],
                [64, 128, 128], [192, 128, 128], [0, 64, 0], [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128]]
BOOK_ROOT = "../data/VOCdevkit/VOC2012"


def read_voc_images(root: str | Path = BOOK_ROOT,
                    is_train: bool = True) -> tuple[list[nd.NDArray], list[nd.NDArray]]:
    """Return (pictures, coloured masks) of the train or val list: two lists of (H, W, 3) uint8 NDArrays.

    Where the book's default root does not exist, the set hub.find gives is read, and one printed line says so.
    Raises InputError naming the list, picture or mask that is missing, truncated, or of another size. Section 9.9.
    """
    root = _tree(root)
    names = _read_list(root / "ImageSets" / "Segmentation" / ("train.txt" if is_train else "val.txt"))
    pairs = [_read_pair(root, name) for name in names]
    return [picture for picture, _ in pairs], [mask for _, mask in pairs]


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


def _read_pair(root: Path, name: str) -> tuple[nd.NDArray, nd.NDArray]:
    picture = read_picture(root / "JPEGImages" / f"{name}.jpg")
    mask_path = root / "SegmentationClass" / f"{name}.png"
    mask = read_picture(mask_path)
    if mask.shape != picture.shape:
        raise InputError(f"{mask_path} has {mask.shape[0]}×{mask.shape[1]} pixels, its picture "
                         f"{picture.shape[0]}×{picture.shape[1]}; they must be the same")
    return picture, mask


def voc_colormap2label() -> np.ndarray:
    """Return the table from colour to class: uint8 (256**3,), indexed by (R·256 + G)·256 + B; others are 0."""
    table = np.zeros(256 ** 3, dtype=np.uint8)
    for i, (red, green, blue) in enumerate(VOC_COLORMAP):
        table[(red * 256 + green) * 256 + blue] = i
    return table


def voc_label_indices(colormap: nd.NDArray, colormap2label: nd.NDArray | np.ndarray) -> nd.NDArray:
    """Return the class of each pixel of a coloured mask: (H, W), in the dtype of the table ``colormap2label``.

    colormap: (H, W, 3), 0 to 255. colormap2label: of voc_colormap2label, or the book's NDArray of 256**3.
    The look-up runs in NumPy on the arrays' own memory: as NDArray operators it takes several times as long.
    """
    if isinstance(colormap2label, nd.NDArray) and colormap2label.context.device_type != "cpu":
        colormap = colormap.astype("int32").as_in_context(colormap2label.context)
        return colormap2label[(colormap[:, :, 0] * 256 + colormap[:, :, 1]) * 256 + colormap[:, :, 2]]
    red, green, blue = (channel.astype(np.int32) for channel in np.moveaxis(_memory_of(colormap), 2, 0))
    classes = _memory_of(colormap2label).take((red * 256 + green) * 256 + blue)
    return nd.array(classes, dtype=classes.dtype)


def _memory_of(array: nd.NDArray | np.ndarray) -> np.ndarray:
    """The array as NumPy without copying it, so that what is written to it later is seen too."""
    if isinstance(array, np.ndarray):
        return array
    return np.from_dlpack(_Exporter(array)) if array.context.device_type == "cpu" else array.asnumpy()


class _Exporter:
    """MXNet 1.9.1 hands out DLPack capsules but lacks the two methods NumPy asks for."""

    def __init__(self, array: nd.NDArray) -> None:
        self._array = array

    def __dlpack__(self, **_):
        return self._array.to_dlpack_for_read()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # kDLCPU, device 0


def voc_rand_crop(feature: nd.NDArray, label: nd.NDArray, height: int, width: int) -> tuple[nd.NDArray, nd.NDArray]:
    """Return the same random crop of a picture and its mask, both (height, width, 3).

    Where it lies is drawn from Python's ``random``. A picture smaller than the crop is scaled up by MXNet, mask
    colours mixed: VOCSegDataset leaves such pictures out. Section 9.9.
    """
    feature, rect = mx.image.random_crop(feature, (width, height))
    return feature, mx.image.fixed_crop(label, *rect)


class VOCSegDataset(gluon.data.Dataset):
    """Random crops for segmentation: ((3, h, w) float32 normalised picture, (h, w) class indices).

    is_train: the train list, else val. crop_size: (h, w); pictures smaller than that are left out.
    voc_dir: a VOC tree. colormap2label: see voc_label_indices. Prints how many pictures are kept.
    Pictures stay in memory as uint8 and each crop is normalised when it is taken: the same values at a quarter of the
    memory. ``data`` holds the normalised pictures, made on access; ``labels`` the coloured masks. Crops come from
    Python's ``random``, in DataLoader's workers from each worker's copy of it.
    Raises InputError as read_voc_images does, and when no picture is as large as ``crop_size``. Section 9.9.
    """

    _assigned: Sequence[nd.NDArray] | None = None

    def __init__(self, is_train: bool, crop_size: tuple[int, int], voc_dir: str | Path,
                 colormap2label: nd.NDArray | np.ndarray) -> None:
        self.rgb_mean = nd.array([0.485, 0.456, 0.406])
        self.rgb_std = nd.array([0.229, 0.224, 0.225])
        self.crop_size = crop_size
        pictures, masks = read_voc_images(root=voc_dir, is_train=is_train)
        self._pictures = self.filter(pictures)
        self.labels = self.filter(masks)
        self.colormap2label = colormap2label
        if not self._pictures:
            raise InputError(f"no picture of {voc_dir} is {crop_size[0]}×{crop_size[1]} or larger; "
                             "choose a smaller crop_size")
        print(f"read {len(self._pictures)} examples")

    @property
    def data(self) -> Sequence[nd.NDArray]:
        """The kept pictures, normalised: (H, W, 3) float32 each. What is assigned takes their place."""
        return _Mapped(self.normalize_image, self._pictures) if self._assigned is None else self._assigned

    @data.setter
    def data(self, pictures: Sequence[nd.NDArray]) -> None:
        self._assigned = pictures

    features = data  # the name in the book's text

    def normalize_image(self, data: nd.NDArray) -> nd.NDArray:
        """Return a picture of 0 to 255 with mean 0 and deviation 1 per channel, as ImageNet's statistics have it."""
        return (data.astype("float32") / 255 - self.rgb_mean) / self.rgb_std

    def filter(self, images: list[nd.NDArray]) -> list[nd.NDArray]:
        """Return the pictures that are at least ``crop_size`` in both directions."""
        return [image for image in images
                if image.shape[0] >= self.crop_size[0] and image.shape[1] >= self.crop_size[1]]

    def __getitem__(self, idx: int) -> tuple[nd.NDArray, nd.NDArray]:
        if self._assigned is None and self._crop_commutes(self._pictures[idx]):
            picture, mask = voc_rand_crop(self._pictures[idx], self.labels[idx], *self.crop_size)
            picture = self.normalize_image(picture)
        else:
            picture, mask = voc_rand_crop(self.data[idx], self.labels[idx], *self.crop_size)
        return picture.transpose((2, 0, 1)), voc_label_indices(mask, self.colormap2label)

    def __len__(self) -> int:
        return len(self.data)

    def _crop_commutes(self, picture: nd.NDArray) -> bool:
        """Whether to crop first gives the same: not where a subclass normalises its own way or keeps small pictures."""
        own_way = type(self).normalize_image is not VOCSegDataset.normalize_image
        return not own_way and all(have >= want for have, want in zip(picture.shape, self.crop_size))


class _Mapped(Sequence):
    """A list seen through a function that is called on access."""

    def __init__(self, function: Callable, items: Sequence) -> None:
        self._function, self._items = function, items

    def __getitem__(self, idx):
        if isinstance(idx, slice):
            return [self._function(item) for item in self._items[idx]]
        return self._function(self._items[idx])

    def __len__(self) -> int:
        return len(self._items)
