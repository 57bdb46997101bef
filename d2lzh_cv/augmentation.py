"""Image augmentation: Gluon's transforms, shown and used in training (section 9.1)."""
from __future__ import annotations

from typing import Callable

import numpy as np
from mxnet import gluon, init, nd
from mxnet.gluon import HybridBlock
from mxnet.gluon import loss as gloss
from mxnet.gluon.data import BatchSampler, DataLoader, Dataset, RandomSampler
from mxnet.gluon.data.vision import transforms

from .data import worker_part
from .data.normalization import IMAGENET_MEAN, IMAGENET_STD
from .engine import distributed
from .engine.snapshots import Snapshots
from .plotting import show_images
from .resnet import resnet18
from .training import Epoch, fit

FLIP_AUG = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.ToTensor()])
NO_AUG = transforms.Compose([transforms.ToTensor()])  # for tests: a prediction must not depend on chance

ALL_TRANSFORMS: dict[str, Callable[[], gluon.Block]] = {
    "Compose": lambda: transforms.Compose([transforms.RandomFlipLeftRight(), transforms.RandomHue(0.5)]),
    "Cast": lambda: transforms.Cast("float32"),
    "ToTensor": transforms.ToTensor,
    "Normalize": lambda: transforms.Compose([transforms.ToTensor(), transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)]),
    "RandomResizedCrop": lambda: transforms.RandomResizedCrop((200, 200), scale=(0.1, 1), ratio=(0.5, 2)),
    "CenterCrop": lambda: transforms.CenterCrop((200, 200)),
    "Resize": lambda: transforms.Resize((200, 100)),
    "RandomFlipLeftRight": transforms.RandomFlipLeftRight,
    "RandomFlipTopBottom": transforms.RandomFlipTopBottom,
    "RandomBrightness": lambda: transforms.RandomBrightness(0.5),
    "RandomContrast": lambda: transforms.RandomContrast(0.5),
    "RandomSaturation": lambda: transforms.RandomSaturation(0.5),
    "RandomHue": lambda: transforms.RandomHue(0.5),
    "RandomColorJitter": lambda: transforms.RandomColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5),
    "RandomLighting": lambda: transforms.RandomLighting(0.5),
}  # all fifteen transforms of Gluon, by name


def apply(img: nd.NDArray, aug: Callable, num_rows: int = 2, num_cols: int = 4, scale: float = 1.5):
    """Show ``num_rows`` × ``num_cols`` results of a random transform of one picture and return the axes (section 9.1).

    Args:
        img: (H, W, 3).
        aug: the transform.
        num_rows, num_cols, scale: of :func:`~d2lzh_cv.plotting.show_images`.
    """
    return show_images([viewable(aug(img)) for _ in range(num_rows * num_cols)], num_rows, num_cols, scale)


def viewable(img: nd.NDArray) -> nd.NDArray:
    """Turn a transform's result into a picture to show, (H, W, 3): uint8, or float32 stretched to [0, 1].

    Matplotlib cannot show (3, H, W), which ToTensor gives, nor floats up to 255, which Cast gives.
    """
    if img.shape[0] == 3 and img.shape[2] != 3:
        img = img.transpose((1, 2, 0))
    if img.dtype == np.uint8:
        return img
    low, high = min(img.min().asscalar(), 0.0), max(img.max().asscalar(), 1.0)
    return (img - low) / (high - low)


def load_cifar10(dataset: Dataset, augs: Callable, batch_size: int, is_train: bool) -> DataLoader:
    """Return the batches (B, 3, 32, 32) of a data set (section 9.1).

    Args:
        dataset: pictures (32, 32, 3) uint8 with labels.
        augs: transforms a picture.
        batch_size: pictures per batch, of all workers together: each worker gets its part of every training batch.
        is_train: shuffle.
    """
    if is_train and distributed.num_workers() > 1:
        worker_part.share(batch_size)
        shared = distributed.Parts(BatchSampler(RandomSampler(len(dataset)), batch_size, "keep"))
        return DataLoader(dataset.transform_first(augs), batch_sampler=shared)
    return DataLoader(dataset.transform_first(augs), batch_size=batch_size, shuffle=is_train)


def train_with_data_aug(train_set: Dataset, test_set: Dataset, train_augs: Callable, test_augs: Callable, ctx,
                        num_epochs: int = 10, batch_size: int = 256, lr: float = 0.001,
                        on_epoch: Callable[[Epoch], None] | None = print, snapshots: Snapshots | None = None,
                        net: HybridBlock | None = None, name: str | None = None) -> list[Epoch]:
    """Train the book's ResNet-18 on CIFAR-10 with Adam and return the epochs (section 9.1).

    Args:
        train_set, test_set: pictures (32, 32, 3) uint8 with labels 0 to 9.
        train_augs, test_augs: transform a picture of each set.
        ctx, num_epochs, snapshots: see :func:`d2lzh_cv.training.fit`.
        batch_size, lr: pictures per batch, learning rate.
        on_epoch: is called with each epoch; by default it prints the book's line. Only the first worker tests.
        net: the network to train from Xavier's weights; by default a new ResNet-18.
        name: of the training, see :class:`d2lzh_cv.engine.epochs.Epochs`.
    """
    net = net or resnet18(10)
    net.initialize(init.Xavier(), ctx=ctx)
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": lr})
    print("training on", ctx)
    test_iter = None if distributed.rank() else load_cifar10(test_set, test_augs, batch_size, False)
    return fit(net, load_cifar10(train_set, train_augs, batch_size, True), gloss.SoftmaxCrossEntropyLoss(), trainer,
               ctx, num_epochs, test_iter, on_epoch, snapshots, name)
