"""The chapter's networks and loops the way the book's code goes about them: blocks line by line, never hybridised.

These stay as they are when the package becomes faster. Parameters have the names they have in the package.
"""
from __future__ import annotations

import mxnet as mx
from mxnet import autograd, gluon, image, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import model_zoo, nn

SIZES = ((0.2, 0.272), (0.37, 0.447), (0.54, 0.619), (0.71, 0.79), (0.88, 0.961))
RATIOS = (1, 2, 0.5)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Residual(nn.Block):
    def __init__(self, channels: int, project: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2D(channels, kernel_size=3, padding=1, strides=2 if project else 1)
        self.conv2 = nn.Conv2D(channels, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2D(channels, kernel_size=1, strides=2) if project else None
        self.bn1, self.bn2 = nn.BatchNorm(), nn.BatchNorm()

    def forward(self, X):
        Y = nd.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        return nd.relu(Y + (self.conv3(X) if self.conv3 else X))


def resnet18() -> nn.Sequential:
    """Section 9.1's, for ten classes."""
    net = nn.Sequential()
    net.add(nn.Conv2D(64, kernel_size=3, padding=1), nn.BatchNorm(), nn.Activation("relu"))
    for channels in (64, 128, 256, 512):
        stage = nn.Sequential()
        stage.add(Residual(channels, project=channels > 64), Residual(channels))
        net.add(stage)
    net.add(nn.GlobalAvgPool2D(), nn.Dense(10))
    return net


def resnet18_v2() -> gluon.Block:
    """Section 9.2's, for two classes."""
    return model_zoo.vision.resnet18_v2(classes=2)


def fcn() -> nn.Sequential:
    """Section 9.10's: all features but the last two layers, a 1×1 convolution, a transposed one."""
    features, net = nn.Sequential(), nn.Sequential()
    features.add(*[layer for layer in model_zoo.vision.resnet18_v2().features][:-2])
    net.add(features, nn.Conv2D(21, kernel_size=1), nn.Conv2DTranspose(21, kernel_size=64, padding=16, strides=32))
    return net


def _halve(channels: int) -> nn.Sequential:
    block = nn.Sequential()
    for _ in range(2):
        block.add(nn.Conv2D(channels, kernel_size=3, padding=1), nn.BatchNorm(in_channels=channels),
                  nn.Activation("relu"))
    block.add(nn.MaxPool2D(2))
    return block


class TinySSD(nn.Block):
    """Section 9.7's, for one class."""

    def __init__(self) -> None:
        super().__init__()
        base = nn.Sequential()
        base.add(*[_halve(channels) for channels in (16, 32, 64)])
        for i, block in enumerate((base, _halve(128), _halve(128), _halve(128), nn.GlobalMaxPool2D())):
            setattr(self, f"blk_{i}", block)
            setattr(self, f"cls_{i}", nn.Conv2D(4 * 2, kernel_size=3, padding=1))
            setattr(self, f"bbox_{i}", nn.Conv2D(4 * 4, kernel_size=3, padding=1))

    def forward(self, X):
        anchors, scores, offsets = [], [], []
        for i in range(5):
            X = getattr(self, f"blk_{i}")(X)
            anchors.append(nd.contrib.MultiBoxPrior(X, sizes=SIZES[i], ratios=RATIOS))
            scores.append(getattr(self, f"cls_{i}")(X).transpose((0, 2, 3, 1)).flatten())
            offsets.append(getattr(self, f"bbox_{i}")(X).transpose((0, 2, 3, 1)).flatten())
        return (nd.concat(*anchors, dim=1), nd.concat(*scores, dim=1).reshape((0, -1, 2)), nd.concat(*offsets, dim=1))


def train(net, batches, trainer: gluon.Trainer) -> list[tuple[float, float]]:
    """Sections 9.1, 9.2, 9.10: loss and hits are read after each batch. Returns both as means, a pair per batch."""
    loss, seen = gloss.SoftmaxCrossEntropyLoss(axis=1), []
    for X, y in batches:
        y = y.astype(X.dtype, copy=False)
        Xs, ys = (gluon.utils.split_and_load(part, [mx.cpu()]) for part in (X, y))
        with autograd.record():
            scores = [net(part) for part in Xs]
            losses = [loss(score, part) for score, part in zip(scores, ys)]
        for part in losses:
            part.backward()
        trainer.step(X.shape[0])
        total = sum(part.sum().asscalar() for part in losses)
        hits = sum((score.argmax(axis=1) == part).sum().asscalar() for score, part in zip(scores, ys))
        seen.append((total / X.shape[0], hits / y.size))
    return seen


def evaluate_accuracy(batches, net) -> float:
    """Sections 9.1, 9.2, 9.10: the share of hits."""
    hits, count = nd.array([0]), 0
    for X, y in batches:
        hits += (net(X).argmax(axis=1) == y.astype("float32")).sum()
        count += y.size
        hits.wait_to_read()
    return hits.asscalar() / count


def train_ssd(net: TinySSD, batches, trainer: gluon.Trainer) -> list[tuple[float, float, float]]:
    """Section 9.7: both errors are read after each batch. Returns class error, offset error and loss, means, a batch
    each."""
    cls_loss, bbox_loss, seen = gloss.SoftmaxCrossEntropyLoss(), gloss.L1Loss(), []
    for batch in batches:
        X, Y = batch.data[0].as_in_context(mx.cpu()), batch.label[0].as_in_context(mx.cpu())
        with autograd.record():
            anchors, scores, offsets = net(X)
            goals, mask, classes = nd.contrib.MultiBoxTarget(anchors, Y, scores.transpose((0, 2, 1)))
            losses = cls_loss(scores, classes) + bbox_loss(offsets * mask, goals * mask)
        losses.backward()
        trainer.step(X.shape[0])
        hits = (scores.argmax(axis=-1) == classes).sum().asscalar()
        error = ((goals - offsets) * mask).abs().sum().asscalar()
        seen.append((1 - hits / classes.size, error / goals.size, losses))
    return [(*errors, losses.mean().asscalar()) for *errors, losses in seen]


def find_objects(net: TinySSD, picture: nd.NDArray, edge_size: int) -> nd.NDArray:
    """Section 9.7: rows (class, score, xmin, ymin, xmax, ymax); each row is asked whether it is kept."""
    X = image.imresize(picture, edge_size, edge_size).astype("float32").transpose((2, 0, 1)).expand_dims(axis=0)
    anchors, scores, offsets = net(X)
    rows = nd.contrib.MultiBoxDetection(scores.softmax().transpose((0, 2, 1)), offsets, anchors)
    kept = [i for i, row in enumerate(rows[0]) if row[0].asscalar() != -1]
    return rows[0, kept]


def classes_of_pixels(net, picture: nd.NDArray) -> nd.NDArray:
    """Section 9.10: (H, W)."""
    X = ((picture.astype("float32") / 255 - nd.array(MEAN)) / nd.array(STD)).transpose((2, 0, 1)).expand_dims(axis=0)
    classes = nd.argmax(net(X), axis=1)
    return classes.reshape((classes.shape[1], classes.shape[2]))
