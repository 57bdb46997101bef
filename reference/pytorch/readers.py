"""The sets of sections 9.6 and 9.9, read with Pillow, and that of section 9.1."""
from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

MEAN, STD = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def _read(path: Path) -> torch.Tensor:
    with Image.open(path) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


def normalize(picture: torch.Tensor) -> torch.Tensor:
    """(..., 3, H, W), 0 to 255, as the networks of ImageNet take it."""
    return (picture / 255 - MEAN) / STD


class VOCDataset(Dataset):
    """As *Dive into Deep Learning* has it: normalised pictures held, classes through a tensor of all colours.

    colors: of the classes, (K, 3) uint8.
    part: the list to read, "train" or "val".
    """

    def __init__(self, tree: Path, crop: tuple[int, int], colors: np.ndarray, part: str = "train") -> None:
        names = (tree / f"ImageSets/Segmentation/{part}.txt").read_text().split()
        self.crop = crop
        self.pictures = [normalize(_read(tree / f"JPEGImages/{name}.jpg")) for name in names]
        self.masks = [_read(tree / f"SegmentationClass/{name}.png") for name in names]
        self.table = torch.zeros(256 ** 3, dtype=torch.long)
        red, green, blue = torch.from_numpy(colors).long().T
        self.table[(red * 256 + green) * 256 + blue] = torch.arange(len(colors))

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, idx: int) -> tuple[torch.Tensor, torch.Tensor]:
        (height, width), (_, h, w) = self.crop, self.pictures[idx].shape
        x, y = random.randint(0, w - width), random.randint(0, h - height)
        place = slice(None), slice(y, y + height), slice(x, x + width)
        red, green, blue = self.masks[idx][place].long()
        return self.pictures[idx][place].contiguous(), self.table[(red * 256 + green) * 256 + blue]


class PikachuDataset(Dataset):
    """Pictures (3, edge, edge), 0 to 255, with their rows (1, 5); cropped at random around the object for training."""

    def __init__(self, folder: Path, part: str, edge: int) -> None:
        self.items = list(json.loads((folder / f"{part}.json").read_text()).items())
        self.folder, self.crops, self.edge = folder / part, part == "train", edge

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, idx: int) -> tuple[torch.Tensor, torch.Tensor]:
        name, row = self.items[idx]
        with Image.open(self.folder / name) as opened:
            picture = opened.convert("RGB")
        box = np.array(row[1:])
        if self.crops:
            picture, box = _crop(picture, box)
        if picture.size != (self.edge, self.edge):
            picture = picture.resize((self.edge, self.edge), Image.BICUBIC)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()
        return pixels, torch.tensor([[row[0], *box]], dtype=torch.float32)


class CIFAR10Dataset(Dataset):
    """Pictures (3, 32, 32), 0 to 1, with their classes, from the binary files; flipped at random for training."""

    def __init__(self, folder: Path, part: str) -> None:
        self.flips = part == "train"
        paths = sorted(folder.glob("data_batch_*.bin")) if self.flips else [folder / "test_batch.bin"]
        records = torch.from_numpy(np.concatenate([np.fromfile(path, np.uint8) for path in paths])).view(-1, 3073)
        self.labels, self.pictures = records[:, 0].long(), records[:, 1:].reshape(-1, 3, 32, 32)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, idx: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture = self.pictures[idx].float() / 255
        return picture.flip(2) if self.flips and random.random() < 0.5 else picture, self.labels[idx]


def _crop(picture: Image.Image, box: np.ndarray, attempts: int = 200) -> tuple[Image.Image, np.ndarray]:
    """A part of the picture, width over height 0.75 to 1.33, that shows 95% of the object; else all of it."""
    for _ in range(attempts):
        ratio = random.uniform(0.75, 1.33)
        height = random.uniform((0.05 / ratio) ** 0.5, min(1, 1 / ratio))
        size = np.array((height * ratio, height))
        low = np.array([random.uniform(0, 1 - side) for side in size])
        inner = (np.minimum(box[2:], low + size) - np.maximum(box[:2], low)).clip(0).prod()
        if inner >= 0.95 * (box[2:] - box[:2]).prod():
            corners = np.concatenate((low, low + size)) * (picture.size * 2)
            return picture.crop(tuple(corners.astype(int))), ((box - np.tile(low, 2)) / np.tile(size, 2)).clip(0, 1)
    return picture, box
