"""The chapter's networks in PyTorch as its users write them; layers have Gluon's places, so weights are drawn alike."""
from __future__ import annotations

import torch
from torch import nn

from . import draw
from .torch_boxes import prior

SIZES = ((0.2, 0.272), (0.37, 0.447), (0.54, 0.619), (0.71, 0.79), (0.88, 0.961))
RATIOS = (1, 2, 0.5)


class Residual(nn.Module):
    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c_out, 3, 1 if c_in == c_out else 2, 1), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = nn.Conv2d(c_out, c_out, 3, 1, 1), nn.BatchNorm2d(c_out)
        self.conv3 = nn.Conv2d(c_in, c_out, 1, 2) if c_in != c_out else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, X):
        Y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(X)))))
        Y += self.conv3(X) if self.conv3 else X
        return self.relu(Y)


class BlockV2(nn.Module):
    """Normalisation before each convolution."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        stride = 1 if c_in == c_out else 2
        self.bn1, self.conv1 = nn.BatchNorm2d(c_in), nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(c_out), nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.downsample = nn.Conv2d(c_in, c_out, 1, stride, bias=False) if c_in != c_out else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, X):
        Y = self.relu(self.bn1(X))
        shortcut = self.downsample(Y) if self.downsample else X
        return self.conv2(self.relu(self.bn2(self.conv1(Y)))) + shortcut


def _stages(block) -> list[nn.Module]:
    return [nn.Sequential(block(c_in, c_out), block(c_out, c_out))
            for c_in, c_out in ((64, 64), (64, 128), (128, 256), (256, 512))]


def resnet18() -> nn.Module:
    average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU(inplace=True), *_stages(Residual),
                         average, nn.Linear(512, 10))


def _features_v2() -> list[nn.Module]:
    normalise = nn.BatchNorm2d(3).requires_grad_(False)  # Gluon's has neither scale nor centre to train
    return [normalise, nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1), *_stages(BlockV2), nn.BatchNorm2d(512), nn.ReLU(inplace=True)]


class ResNet18V2(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*_features_v2(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.output = nn.Linear(512, 2)

    def forward(self, X):
        return self.output(self.features(X))


def fcn() -> nn.Module:
    return nn.Sequential(nn.Sequential(*_features_v2()), nn.Conv2d(512, 21, 1), nn.ConvTranspose2d(21, 21, 64, 32, 16))


def _halve(c_in: int, c_out: int) -> nn.Module:
    layers = [layer for c in (c_in, c_out)
              for layer in (nn.Conv2d(c, c_out, 3, 1, 1), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))]
    return nn.Sequential(*layers, nn.MaxPool2d(2))


class TinySSD(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        base = nn.Sequential(_halve(3, 16), _halve(16, 32), _halve(32, 64))
        blocks = (base, _halve(64, 128), _halve(128, 128), _halve(128, 128), nn.AdaptiveMaxPool2d(1))
        for i, (block, channels) in enumerate(zip(blocks, (64, 128, 128, 128, 128))):
            setattr(self, f"blk_{i}", block)
            setattr(self, f"cls_{i}", nn.Conv2d(channels, 4 * 2, 3, 1, 1))
            setattr(self, f"bbox_{i}", nn.Conv2d(channels, 4 * 4, 3, 1, 1))

    def forward(self, X):
        """Anchors (A, 4), scores (B, A, 2), offsets (B, 4A)."""
        anchors, scores, offsets = [], [], []
        for i in range(5):
            X = getattr(self, f"blk_{i}")(X)
            anchors.append(prior(*X.shape[2:], SIZES[i], RATIOS))
            scores.append(getattr(self, f"cls_{i}")(X).permute(0, 2, 3, 1).flatten(1))
            offsets.append(getattr(self, f"bbox_{i}")(X).permute(0, 2, 3, 1).flatten(1))
        return torch.cat(anchors), torch.cat(scores, 1).unflatten(1, (-1, 2)), torch.cat(offsets, 1)


class VGG19(nn.Module):
    """Up to the last style layer; returns (content features, style features)."""

    def __init__(self, content_layers=(25,), style_layers=(0, 5, 10, 19, 28)) -> None:
        super().__init__()
        self.content_layers, self.style_layers, layers, c_in = content_layers, style_layers, [], 3
        for repeats, c_out in ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)):
            for _ in range(repeats):
                layers += [nn.Conv2d(c_in, c_out, 3, 1, 1), nn.ReLU()]
                c_in = c_out
            layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers[:max(*content_layers, *style_layers) + 1])
        self.requires_grad_(False)

    def forward(self, X):
        outputs = [X := layer(X) for layer in self.layers]
        return [outputs[i] for i in self.content_layers], [outputs[i] for i in self.style_layers]


NORMS = {"weight": "gamma", "bias": "beta"}  # a BatchNorm's parameters as Gluon calls them


def named(net: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and averages under Gluon's names."""
    found = {}
    for place, module in net.named_modules():
        norm = isinstance(module, nn.BatchNorm2d)
        for kind, value in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            if kind != "num_batches_tracked":
                found[f"{place}.{NORMS.get(kind, kind) if norm else kind}".lstrip(".")] = value
    return found


def fill(net: nn.Module, channels_last: bool) -> nn.Module:
    """Give ``net`` its drawn weights, and the layout."""
    vgg = isinstance(net, VGG19)
    with torch.no_grad():
        for name, value in named(net).items():
            fixed = name.endswith("gamma") and not value.requires_grad and not vgg
            value.copy_(torch.from_numpy(draw.weight(name, tuple(value.shape), fixed)))
    return net.to(memory_format=layout(channels_last))


def layout(channels_last: bool) -> torch.memory_format:
    """PyTorch's name for it."""
    return torch.channels_last if channels_last else torch.contiguous_format
