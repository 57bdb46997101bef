"""Section 9.1's ResNet-18, and the model zoo's resnet18_v2 of sections 9.2 and 9.10."""
from __future__ import annotations

from torch import nn

CHANNELS = ((64, 64), (64, 128), (128, 256), (256, 512))  # of the stages


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
    """Normalises before each convolution (He et al. 2016)."""

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


def stages(block) -> list[nn.Module]:
    return [nn.Sequential(block(c_in, c_out), block(c_out, c_out)) for c_in, c_out in CHANNELS]


def resnet18(num_classes: int) -> nn.Module:
    average = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1), nn.BatchNorm2d(64), nn.ReLU(inplace=True), *stages(Residual),
                         average, nn.Linear(512, num_classes))


def features_v2() -> nn.Sequential:
    """resnet18_v2 up to, not with, its global pooling."""
    normalise = nn.BatchNorm2d(3).requires_grad_(False)  # Gluon's has neither scale nor centre to train,
    normalise.momentum = 0.0  # and MXNet moves the averages in the backward pass, which does not come that far down
    return nn.Sequential(normalise, nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
                         nn.MaxPool2d(3, 2, 1), *stages(BlockV2), nn.BatchNorm2d(512), nn.ReLU(inplace=True))


class ResNet18V2(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(*features_v2(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.output = nn.Linear(512, num_classes)

    def forward(self, X):
        return self.output(self.features(X))
