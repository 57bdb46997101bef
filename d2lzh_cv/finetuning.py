"""Fine-tuning: keep the features of a network trained on much data, train a new output (sections 9.2, 9.13)."""
from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

import mxnet as mx
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import model_zoo, nn
from mxnet.gluon.data import DataLoader, Dataset
from mxnet.gluon.data.vision import transforms

from .data.derived import one_at_a_time, place_for
from .data.hub import cache_root, folders_of
from .data.images import image_folder
from .data.normalization import IMAGENET_MEAN, IMAGENET_STD
from .engine import precision
from .engine.arrays import parameters, save_arrays
from .engine.epochs import Epochs
from .engine.seeds import seed_everything
from .engine.snapshots import Snapshots
from .files import make_folder_atomically
from .training import Epoch, fit
from .weights.pretrained import find_params, load_network, load_weights, shipped_params

NORMALIZE = transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)  # as for the source data


def train_augs(edge_size: int = 224) -> transforms.Compose:
    """Random crop of varied area and shape, random flip, normalisation: (3, edge_size, edge_size)."""
    return transforms.Compose([transforms.RandomResizedCrop(edge_size), transforms.RandomFlipLeftRight(),
                               transforms.ToTensor(), NORMALIZE])


def test_augs(edge_size: int = 224) -> transforms.Compose:
    """Shorter side to 8/7 of ``edge_size`` (256 for 224), centre crop, normalisation; nothing random."""
    return transforms.Compose([transforms.Resize(edge_size * 8 // 7, keep_ratio=True),
                               transforms.CenterCrop(edge_size), transforms.ToTensor(), NORMALIZE])


@dataclass(frozen=True)
class RateFactors:
    """Factors of the book's learning rates, which suit resnet18_v2: its features end in BatchNorm."""
    fine_tuning: float = 1  # section 9.2
    fcn: float = 1  # section 9.10
    output: float = 1  # section 9.13


RATE_FACTORS = {  # found by the sweeps in docs/results.md
    "resnet18_v1": RateFactors(fine_tuning=0.2, fcn=0.3),
    "mobilenetv2_1.0": RateFactors(fine_tuning=0.03),
    "squeezenet1.1": RateFactors(fine_tuning=0.5, output=0.3),
}


@dataclass(frozen=True)
class SourceNetwork:
    """A network that provides features, and a line that names the origin of its weights."""
    name: str  # in Gluon's model zoo
    net: gluon.HybridBlock
    note: str
    trained_on: str  # 'imagenet', 'synthetic' or 'nothing'
    edge_size: int = 224  # side in pixels of the pictures that it was trained on

    @property
    def rate_factors(self) -> RateFactors:
        """What to multiply the book's learning rates by."""
        if self.trained_on == "synthetic":
            return RateFactors(fine_tuning=0.3)  # the drawn target set is small, and so are its batches
        return RATE_FACTORS.get(self.name, RateFactors())

    @property
    def name_from_scratch(self) -> str:
        """The network to train from scratch for comparison: the same, but the book's in place of a SqueezeNet.

        Without BatchNorm a SqueezeNet stays at the loss of guessing for the few epochs of section 9.2.
        """
        return "resnet18_v2" if self.name.startswith("squeezenet") else self.name

    def edge_size_for(self, edge_size: int) -> int:
        """Return the side in pixels to train on: at most that of the source pictures.

        A SqueezeNet's output pools 13 × 13 features, so it takes no other side than 224.
        """
        return self.edge_size if self.name.startswith("squeezenet") else min(edge_size, self.edge_size)


def load_source(path: Path, name: str) -> SourceNetwork:
    """Build model-zoo network ``name`` with the weights in ``path``; a NAME-features file fills only the features.

    Raises InputError naming the file if it is damaged or holds another network's weights.
    """
    if path.stem.endswith("-features"):
        net = model_zoo.vision.get_model(name)
        load_weights(net.features, path, name)
    else:
        net = load_network(path, name)
    return SourceNetwork(name, net, f"source network: {name}, weights from {path.name}", "imagenet")


def find_source(weights: Path | Sequence[Path], make_own: Callable[[], SourceNetwork | None],
                names: Sequence[str] = ("resnet18_v2", "resnet18_v1", "mobilenetv2_1.0", "squeezenet1.1"),
                with_shipped: bool = True, whole: bool = False) -> SourceNetwork:
    """Return the best network whose weights exist: in a folder, else shipped with ndf, else made by ``make_own``.

    In a folder the first of ``names`` wins, and the first folder with any of them. torchvision's files count too (see
    :mod:`d2lzh_cv.weights.pretrained`), but torchvision has no ``resnet18_v2``, the book's network.

    Args:
        weights: a folder, or folders in search order.
        make_own: makes a network where no weights exist.
        names: in Gluon's model zoo, the best first; the book's network is the first.
        with_shipped: whether the network counts that the package ndf ships, if it is one of ``names``.
        whole: ignore files that hold only the features.
    """
    for folder in folders_of(weights):
        for name in names:
            path = find_params(folder, name, whole)
            if path:
                return load_source(path, name)
    for name in names if with_shipped else ():
        path = shipped_params(name)
        if path:
            note = (f"source network: {name}, trained on ImageNet, from the package ndf (the data root has no weights "
                    f"of {names[0]} or another network that would do)")
            return replace(load_source(path, name), note=note)
    return make_own()


def pretrain_source(dataset: Dataset, num_classes: int, folder: Path, edge_size: int, num_epochs: int, ctx,
                    batch_size: int = 64, learning_rate: float = 0.1, name: str = "resnet18_v2") -> SourceNetwork:
    """Train ``name`` with SGD as a substitute for published weights and keep the weights in ``folder``.

    Args:
        dataset: pictures (H, W, 3) uint8 with labels.
        num_classes: number of classes.
        folder: gets its name only when the training is complete. If it exists, its weights are loaded.
        edge_size: side in pixels of the network's input.
        num_epochs, ctx: see :func:`d2lzh_cv.training.fit`.
        batch_size, learning_rate: pictures per batch, learning rate of SGD.
        name: in Gluon's model zoo.
    """
    net, path = model_zoo.vision.get_model(name, classes=num_classes), folder / f"{name}.params"
    if not path.exists():
        net.initialize(init.Xavier(), ctx=ctx)
        print(f"pretraining {name} on {len(dataset)} pictures of {num_classes} classes (kept for next time)")
        train_fine_tuning(net, dataset, None, learning_rate, ctx, batch_size, num_epochs, edge_size)
        with make_folder_atomically(folder) as temporary:
            save_arrays(temporary / path.name, parameters(net))
    load_weights(net, path, name)
    note = f"source network: {name}, trained here on the synthetic source set (no published weights found)"
    return SourceNetwork(name, net, note, "synthetic", edge_size)


def offline_source(root: Path, ctx, edge_size: int = 64, num_epochs: int = 5, name: str | None = None) -> SourceNetwork:
    """Call :func:`pretrain_source` on the image folder ``root``/train and keep the weights in the cache."""
    dataset, name = image_folder(Path(root) / "train"), name or "resnet18_v2"
    place = place_for(Path(root), cache_root() / "weights")
    suffix = "" if name == "resnet18_v2" else f"-{name}"
    folder = place.parent / f"{place.name}-{edge_size}px-{num_epochs}epochs{suffix}"
    after = random.getrandbits(31)
    with one_at_a_time(folder.parent), precision.computing_in("float32"):
        seed_everything(0)  # the same weights, whichever run trains them, and in whichever precision
        source = pretrain_source(dataset, len(dataset.synsets), folder, edge_size, num_epochs, ctx, name=name)
    seed_everything(after)  # the caller's random numbers must not depend on whether the weights existed
    return source


def fine_tuned(source: SourceNetwork, num_classes: int, lr_mult: float = 10) -> gluon.HybridBlock:
    """Return a network with the features of ``source`` (shared, not copied) and a new output (section 9.2).

    Args:
        source: the pretrained network.
        num_classes: of the new output.
        lr_mult: factor of the output's learning rate; the output starts from Xavier.
    """
    net = model_zoo.vision.get_model(source.name, classes=num_classes)
    net.features = source.net.features
    net.output.initialize(init.Xavier())
    net.output.collect_params().setattr("lr_mult", lr_mult)
    return net


def from_scratch(name: str, num_classes: int) -> gluon.HybridBlock:
    """Return a network of Gluon's model zoo, initialised with Xavier (section 9.2).

    Args:
        name, num_classes: of the network.
    """
    net = model_zoo.vision.get_model(name, classes=num_classes)
    net.initialize(init.Xavier())
    return net


def conv_features(net: gluon.HybridBlock) -> nn.HybridSequential:
    """Return the layers that keep height and width, (B, 3, H, W) to (B, C, H/s, W/s) (section 9.10).

    The stride s is 32 for a ResNet, MobileNet or VGG, 16 for a SqueezeNet. If no BatchNorm keeps the features in scale,
    as in a SqueezeNet or VGG, one is put at their end: without it an FCN learns next to nothing by the book's SGD.

    Args:
        net: a network of Gluon's model zoo.
    """
    layers, blocks = _conv_layers(net), []
    features = nn.HybridSequential()
    features.add(*layers)
    features.apply(blocks.append)
    if not any(isinstance(block, nn.BatchNorm) for block in blocks):
        norm = nn.BatchNorm()
        norm.initialize()
        features.add(norm)
    return features


def pooled_features(net: gluon.HybridBlock) -> nn.HybridSequential:
    """Return layers that give a vector of features per picture, (B, 3, H, W) to (B, C) (section 9.13).

    A ResNet's features end with a global pooling; a SqueezeNet's do not, so it is added.

    Args:
        net: a network of Gluon's model zoo.
    """
    if any(isinstance(layer, nn.GlobalAvgPool2D) for layer in net.features):
        return net.features
    features = nn.HybridSequential()
    features.add(*_conv_layers(net), nn.GlobalAvgPool2D(), nn.Flatten())
    return features


def _conv_layers(net: gluon.HybridBlock) -> list[gluon.HybridBlock]:
    """The layers of the features up to the first that does not keep height and width, or only serves training."""
    ends = (nn.GlobalAvgPool2D, nn.Flatten, nn.Dense, nn.Dropout)
    return list(itertools.takewhile(lambda layer: not isinstance(layer, ends), net.features))


class FrozenFeatures(nn.Block):
    """A trained network whose features stay fixed under a new, small output (section 9.13).

    Called with X (B, 3, H, W), it returns scores (B, num_classes). It computes features in prediction mode without
    recording, so it neither computes their gradients nor updates BatchNorm's statistics.
    """

    def __init__(self, features: gluon.HybridBlock, num_classes: int, num_hidden: int = 256, **kwargs) -> None:
        super().__init__(**kwargs)
        self.features = features
        self.output_new = nn.HybridSequential()
        self.output_new.add(nn.Dense(num_hidden, activation="relu"), nn.Dense(num_classes))
        self.output_new.initialize(init.Xavier())

    def forward(self, X):
        with autograd.pause():
            features = self.features(X)
        return self.output_new(features)


def train_fine_tuning(net: gluon.HybridBlock, train_set: Dataset, test_set: Dataset, learning_rate: float, ctx,
                      batch_size: int = 128, num_epochs: int = 5, edge_size: int = 224,
                      on_epoch: Callable[[Epoch], None] | None = print,
                      snapshots: Snapshots | None = None, name: str | None = None) -> list[Epoch]:
    """Train with SGD and weight decay 0.001, print the book's lines and return the epochs (section 9.2).

    Args:
        net: a network of Gluon's model zoo.
        train_set, test_set: pictures (H, W, 3) uint8 with labels.
        learning_rate: of SGD.
        batch_size: pictures per batch.
        edge_size: side in pixels of the network's input.
        ctx, num_epochs, on_epoch, snapshots, name: see :func:`d2lzh_cv.training.fit`.
    """
    net.collect_params().reset_ctx(ctx)
    net.hybridize(static_alloc=True, static_shape=True)
    train_iter = DataLoader(train_set.transform_first(train_augs(edge_size)), batch_size, shuffle=True)
    test_iter = test_set and DataLoader(test_set.transform_first(test_augs(edge_size)), batch_size)
    loss = gloss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": learning_rate, "wd": 0.001})
    print("training on", ctx)
    return fit(net, train_iter, loss, trainer, ctx, num_epochs, test_iter, on_epoch, snapshots, name)


@dataclass
class OutputEpoch:
    """The results of one epoch of :func:`train_output`: mean losses, and seconds."""
    number: int  # from 1
    train_loss: float
    valid_loss: float | None
    seconds: float

    def __str__(self) -> str:
        valid = "" if self.valid_loss is None else f"valid loss {self.valid_loss:f}, "
        return f"epoch {self.number}, train loss {self.train_loss:f}, {valid}time {self.seconds:.2f} sec"


def evaluate_loss(data_iter: Iterable, net: FrozenFeatures, ctx: mx.Context) -> float:
    """Return the mean cross-entropy of ``net`` (section 9.13).

    Args:
        data_iter: batches (X, y).
        net: maps X to scores.
        ctx: the device of ``net``.
    """
    loss = gloss.SoftmaxCrossEntropyLoss()
    ls = [loss(net(X.as_in_context(ctx)), y.as_in_context(ctx)) for X, y in data_iter]
    return float(nd.concat(*ls, dim=0).mean().asscalar())


def train_output(net: FrozenFeatures, train_iter: Iterable, valid_iter: Iterable | None, num_epochs: int, lr: float,
                 wd: float, ctx: mx.Context, lr_period: int, lr_decay: float,
                 name: str | None = None) -> list[OutputEpoch]:
    """Train the small output, print a line per epoch, and return the epochs (section 9.13).

    Args:
        net: its features stay as they are.
        train_iter, valid_iter: batches (X, y); without ``valid_iter`` there is no validation.
        num_epochs, lr, wd, ctx, lr_period, lr_decay, name: see :func:`d2lzh_cv.training.train_with_decay`.
    """
    def rate(number: int) -> float:  # depends on the epoch alone, so a resumed training has the right one
        return lr * lr_decay ** ((number - 1) // lr_period)

    loss = gloss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.output_new.collect_params(), "sgd", {"learning_rate": lr, "momentum": 0.9, "wd": wd})
    epochs = Epochs(num_epochs, net, trainer, OutputEpoch, lambda epoch: print(f"{epoch}, lr {rate(epoch.number)}"),
                    name=name)
    for epoch in epochs:
        trainer.set_learning_rate(rate(epoch.number))
        for X, y in epoch.batches(train_iter):
            X, y = X.as_in_context(ctx), y.as_in_context(ctx)
            with autograd.record():
                ls = loss(net(X), y)
            ls.backward()
            trainer.step(X.shape[0])
            epoch.add(loss=(ls.sum(), ls.size))
        (train_loss,) = epoch.means()
        valid_loss = None if valid_iter is None else evaluate_loss(valid_iter, net, ctx)
        epoch.end(OutputEpoch(epoch.number, train_loss, valid_loss, epoch.seconds))
    return epochs.results
