"""Section 9.10's fully convolutional network, and its bilinear kernel."""
from __future__ import annotations

import torch
from torch import nn

from .resnet import features_v2


def fcn(num_classes: int) -> nn.Module:
    """(B, 3, H, W) to scores (B, num_classes, H, W), for sides that are multiples of 32."""
    return nn.Sequential(features_v2(), nn.Conv2d(512, num_classes, 1),
                         nn.ConvTranspose2d(num_classes, num_classes, 64, 32, 16))


def interpolate(X, scale: int):
    """X ``scale`` times as large; beyond the rim the rim is repeated."""
    return nn.functional.interpolate(X, scale_factor=scale, mode="bilinear", align_corners=False)


def bilinear_kernel(channels_in: int, channels_out: int, scale: int):
    """(channels_in, channels_out, k, k): what :func:`interpolate` makes of one bright pixel, each channel of its own.

    k is 2s for an even scale s, 2s - 1 for an odd one.
    """
    size, pixel = 2 * scale - scale % 2, torch.zeros(1, 1, 5, 5)
    pixel[0, 0, 2, 2] = 1
    around = slice(2 * scale + (scale - size) // 2, 2 * scale + (scale + size) // 2)
    return torch.eye(channels_in, channels_out)[..., None, None] * interpolate(pixel, scale)[..., around, around]
