"""Section 9.8: pooling of regions, and the losses of the R-CNNs."""
from __future__ import annotations

import torch
from torch.nn import functional as F


def roi_pooling(feature_map, rois, size, scale):
    """Regions (N, 5), rows (picture, xmin, ymin, xmax, ymax), to (N, C, *size): each is cut out and pooled by
    ``adaptive_max_pool2d``, whose bins are the same; a bin with no cell in the map is 0."""
    height, width = feature_map.shape[2:]
    pooled = []
    for picture, (x0, y0, x1, y1) in zip(rois[:, 0].int().tolist(), cells(rois[:, 1:] * scale)):
        cut = feature_map[picture, :, max(y0, 0):max(y1, 0), max(x0, 0):max(x1, 0)]  # (C, h, w)
        beyond = (*outside(x0, x1, width), *outside(y0, y1, height))
        if any(beyond):
            cut = F.pad(cut, beyond, value=-torch.inf)
        best = F.adaptive_max_pool2d(cut, size)
        pooled.append(best.masked_fill(best == -torch.inf, 0) if any(beyond) else best)
    return torch.stack(pooled)


def cells(corners) -> list[list[int]]:
    """Where regions begin and, exclusive, end: halves round away from zero, and each has a cell at least."""
    rounded = corners.sign() * (corners.abs() + 0.5).floor()
    return torch.cat((rounded[:, :2], torch.maximum(rounded[:, 2:], rounded[:, :2]) + 1), 1).int().tolist()


def outside(low: int, high: int, limit: int) -> tuple[int, int]:
    """How many cells of a region lie before the map, and how many behind it."""
    return min(max(-low, 0), high - low), min(max(high - limit, 0), high - low)


def roi_align(feature_map, rois, size, scale, samples=2):
    """By ``grid_sample``, which takes the same bilinear samples: all samples of a region, then the mean of each bin."""
    height, width = feature_map.shape[2:]
    aligned = []
    for roi in rois:
        x0, y0, x1, y1 = roi[1:] * scale
        y, x = (low + (torch.arange(n * samples, dtype=rois.dtype) + 0.5) * (high - low).clamp(min=1) / (n * samples)
                for low, high, n in ((y0, y1, size[0]), (x0, x1, size[1])))
        grid = torch.stack(torch.meshgrid(y / (height - 1), x / (width - 1), indexing="ij")[::-1], -1) * 2 - 1
        sampled = F.grid_sample(feature_map[int(roi[0])][None], grid[None], padding_mode="border", align_corners=True)
        near = ((y >= -1) & (y <= height))[:, None] & ((x >= -1) & (x <= width))
        aligned.append(F.avg_pool2d(sampled * near, samples)[0])
    return torch.stack(aligned)


def multi_task_loss(scores, classes, predicted, offsets):
    """(B,): cross-entropy and, of what is an object, smooth L1, per region that counts. scores (B, N, K + 1), classes
    (B, N), -1 for what does not count, both offsets (B, N, 4)."""
    y = classes.long()
    entropy = F.cross_entropy(scores.transpose(1, 2), y, ignore_index=-1, reduction="none")
    errors = F.smooth_l1_loss(predicted, offsets, reduction="none").sum(2) * (y > 0)
    return (entropy + errors).sum(1) / (y >= 0).sum(1).clamp(min=1)


def mask_loss(scores, classes, masks):
    """(B,): binary cross-entropy of each object's own class, per object. scores (B, N, K, h, w), classes (B, N), masks
    (B, N, h, w)."""
    y = classes.long()
    own = scores[torch.arange(len(y))[:, None], torch.arange(y.shape[1]), (y - 1).clamp(min=0)]  # (B, N, h, w)
    loss = F.binary_cross_entropy_with_logits(own, masks, reduction="none").mean((2, 3)) * (y > 0)
    return loss.sum(1) / (y > 0).sum(1).clamp(min=1)
