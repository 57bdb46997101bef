"""Section 9.7's TinySSD and the losses of detection."""
from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .boxes import prior

SIZES = ((0.2, 0.272), (0.37, 0.447), (0.54, 0.619), (0.71, 0.79), (0.88, 0.961))
RATIOS = (1, 2, 0.5)


def halve(c_in: int, c_out: int) -> nn.Module:
    layers = [layer for c in (c_in, c_out)
              for layer in (nn.Conv2d(c, c_out, 3, 1, 1), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True))]
    return nn.Sequential(*layers, nn.MaxPool2d(2))


class TinySSD(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        base = nn.Sequential(halve(3, 16), halve(16, 32), halve(32, 64))
        blocks = (base, halve(64, 128), halve(128, 128), halve(128, 128), nn.AdaptiveMaxPool2d(1))
        for i, (block, channels) in enumerate(zip(blocks, (64, 128, 128, 128, 128))):
            setattr(self, f"blk_{i}", block)
            setattr(self, f"cls_{i}", nn.Conv2d(channels, 4 * (num_classes + 1), 3, 1, 1))
            setattr(self, f"bbox_{i}", nn.Conv2d(channels, 4 * 4, 3, 1, 1))

    def forward(self, X):
        """Anchors (A, 4), scores (B, A, num_classes + 1), offsets (B, 4A)."""
        anchors, scores, offsets = [], [], []
        for i in range(5):
            X = getattr(self, f"blk_{i}")(X)
            anchors.append(prior(*X.shape[2:], SIZES[i], RATIOS))
            scores.append(getattr(self, f"cls_{i}")(X).permute(0, 2, 3, 1).flatten(1))
            offsets.append(getattr(self, f"bbox_{i}")(X).permute(0, 2, 3, 1).flatten(1))
        scores = torch.cat(scores, 1).unflatten(1, (-1, self.num_classes + 1))
        return torch.cat(anchors), scores, torch.cat(offsets, 1)


def ssd_loss(scores, classes, offsets, goals, mask):
    """(B,): the mean over all anchors and the mean over all offsets, those left out included."""
    entropy = F.cross_entropy(scores.flatten(0, 1), classes.flatten().long(), reduction="none", ignore_index=-1)
    distance = F.l1_loss(offsets * mask, goals * mask, reduction="none")
    return entropy.view(classes.shape).mean(1) + distance.mean(1)


def focal_loss(scores, classes, gamma):
    """(B, A) for scores (B, A, K); 0 where the class is -1."""
    log_p = -F.cross_entropy(scores.transpose(1, 2), classes.clamp(min=0).long(), reduction="none")
    return torch.where(classes >= 0, -(1 - log_p.exp()) ** gamma * log_p, 0.0)


def smooth_l1(x, sigma):
    """A parabola up to 1/σ² on either side of 0, lines beyond."""
    return F.smooth_l1_loss(x, torch.zeros_like(x), reduction="none", beta=1 / sigma ** 2)
