"""The chapter's operators on boxes in PyTorch, on whole tensors at once: not the loops of ``oracles`` over again."""
from __future__ import annotations

import math

from kit import torch

VARIANCES = (0.1, 0.1, 0.2, 0.2)


# Boxes

def corner_to_center(boxes):
    return torch.cat(((boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]), -1)


def center_to_corner(boxes):
    return torch.cat((boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2), -1)


def area(boxes):
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def iou(a, b):
    """(N, 4), (M, 4) to (N, M)."""
    a, b = a[:, None], b[None]
    inner = torch.cat((torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])), -1)
    union = area(a) + area(b) - area(inner)
    return torch.where(union > 0, area(inner) / union, torch.zeros_like(union))


def encode(anchors, boxes, variances=VARIANCES):
    a, b = corner_to_center(anchors), corner_to_center(boxes)
    offsets = torch.cat(((b[:, :2] - a[:, :2]) / a[:, 2:], (b[:, 2:] / a[:, 2:]).log()), -1)
    return offsets / torch.tensor(variances, dtype=boxes.dtype)


def decode(anchors, offsets, variances=VARIANCES):
    a, scaled = corner_to_center(anchors), offsets * torch.tensor(variances, dtype=offsets.dtype)
    return center_to_corner(torch.cat((a[:, :2] + scaled[:, :2] * a[:, 2:], a[:, 2:] * scaled[:, 2:].exp()), -1))


def nms(boxes, scores, threshold):
    """Indices kept, best first: strike out, best box by best box, the columns of its overlaps."""
    order = scores.sort(descending=True, stable=True).indices
    overlaps = iou(boxes[order], boxes[order]) >= threshold
    alive = torch.ones(len(order), dtype=torch.bool)
    for i in range(len(order)):
        if alive[i]:
            alive[i + 1:] &= ~overlaps[i, i + 1:]
    return order[alive]


# Anchors

def prior(height, width, sizes, ratios, steps=None, offsets=(0.5, 0.5), clip=False):
    """(1, H·W·(n + m - 1), 4)."""
    step_y, step_x = steps or (1 / height, 1 / width)
    y, x = torch.meshgrid((torch.arange(height) + offsets[0]) * step_y, (torch.arange(width) + offsets[1]) * step_x,
                          indexing="ij")
    scales = torch.tensor([*sizes, *[sizes[0]] * (len(ratios) - 1)])
    roots = torch.tensor([*[ratios[0]] * len(sizes), *ratios[1:]], dtype=torch.float32).sqrt()
    shapes = torch.stack((scales * roots * height / width, scales / roots), -1)
    centers = torch.stack((x, y), -1).reshape(-1, 1, 2).expand(-1, len(shapes), 2)
    boxes = center_to_corner(torch.cat((centers, shapes.expand(len(centers), -1, 2)), -1)).reshape(1, -1, 4)
    return boxes.clamp(0, 1) if clip else boxes


def assign(overlaps, threshold):
    """Object of each anchor, -1 for none, from overlaps (A, M): each object its anchor, then the anchors' own best."""
    anchor_of, left = torch.full((len(overlaps),), -1), overlaps.clone()
    for _ in range(overlaps.shape[1]):
        best = int(left.argmax())  # the first of equal ones
        a, o = divmod(best, overlaps.shape[1])
        if left[a, o] <= 1e-6:
            break
        anchor_of[a], left[a], left[:, o] = o, -1, -1
    value, nearest = overlaps.max(1)
    return torch.where((anchor_of < 0) & (value > threshold), nearest, anchor_of)


def target(anchors, labels, preds, overlap_threshold=0.5, ignore_label=-1.0, negative_mining_ratio=-1.0,
           negative_mining_thresh=0.5, variances=VARIANCES):
    """anchors (A, 4), labels (B, M, 5), preds (B, K + 1, A) to offsets (B, 4A), mask (B, 4A), classes (B, A)."""
    found = []
    for rows, scores in zip(labels, preds):
        ends = (rows[:, 0] == -1).nonzero()
        rows = rows[:int(ends[0])] if len(ends) else rows
        classes, offsets = torch.full((len(anchors),), float(ignore_label)), torch.zeros(len(anchors), 4)
        positive = torch.zeros(len(anchors), dtype=torch.bool)
        if len(rows):
            overlaps = iou(anchors, rows[:, 1:])
            matched = assign(overlaps, overlap_threshold)
            positive = matched >= 0
            classes[negatives(positive, overlaps, scores, negative_mining_ratio, negative_mining_thresh)] = 0
            classes[positive] = rows[matched[positive], 0] + 1
            offsets[positive] = encode(anchors[positive], rows[matched[positive], 1:], variances)
        else:  # background: as many hard negatives as for one positive
            hardest = scores.softmax(0)[0].sort(stable=True).indices
            classes[hardest[:math.ceil(negative_mining_ratio)] if negative_mining_ratio > 0 else hardest] = 0
        found.append((offsets.flatten(), positive.repeat_interleave(4).float(), classes))
    return tuple(torch.stack(parts) for parts in zip(*found))


def negatives(positive, overlaps, scores, ratio, threshold):
    """Indices of the anchors that count as background."""
    if ratio <= 0:
        return (~positive).nonzero()[:, 0]
    candidates = (~positive & (overlaps.max(1).values < threshold)).nonzero()[:, 0]
    count = min(int(positive.sum() * ratio), int((~positive).sum()))
    return candidates[scores.softmax(0)[0, candidates].sort(stable=True).indices[:count]]


def detection(probs, offsets, anchors, nms_threshold=0.5, threshold=0.01, force_suppress=False, nms_topk=-1):
    """probs (B, K + 1, A), offsets (B, 4A), anchors (A, 4) to rows (B, A, 6)."""
    found = []
    for p, o in zip(probs, offsets):
        scores, classes = p[1:].max(0)
        rows = torch.cat((classes[:, None], scores[:, None], decode(anchors, o.view(-1, 4)).clamp(0, 1)), 1)
        rows = rows[scores >= threshold]
        order = rows[:, 1].sort(descending=True, stable=True).indices[:nms_topk if nms_topk > 0 else None]
        stale = rows[len(order):].clone()
        rows, stale[:, 0] = rows[order], -1
        apart = 0 if force_suppress else rows[:, :1] * 10  # classes far from each other never overlap
        kept = nms(rows[:, 2:] + apart, rows[:, 1], nms_threshold)
        rows[~torch.isin(torch.arange(len(rows)), kept), 0] = -1
        empty = torch.full((len(anchors) - len(rows) - len(stale), 6), -1.0)
        found.append(torch.cat((rows, stale, empty)))
    return torch.stack(found)


# Regions

def half_away(x):
    return torch.sign(x) * torch.floor(x.abs() + 0.5)


def roi_pooling(feature_map, rois, size, scale):
    height, width = feature_map.shape[2:]
    pooled = []
    for roi in rois:
        x0, y0, x1, y1 = (int(value) for value in half_away(roi[1:] * scale))
        ys, xs = bins(y0, y1, size[0], height), bins(x0, x1, size[1], width)
        picture = feature_map[int(roi[0])]
        pooled.append(torch.stack([torch.stack([highest(picture[:, y, x]) for x in xs], -1) for y in ys], -2))
    return torch.stack(pooled)


def bins(low, high, count, limit):
    side = max(high - low + 1, 1) / count
    steps = torch.arange(count, dtype=torch.float64)
    starts, ends = (steps * side).floor() + low, ((steps + 1) * side).ceil() + low
    return [slice(int(a), int(b)) for a, b in zip(starts.clamp(0, limit), ends.clamp(0, limit))]


def highest(cells):
    """(C, h, w) to (C,); 0 where there is no cell."""
    return cells.flatten(1).max(1).values if cells[0].numel() else cells.sum((1, 2))


def roi_align(feature_map, rois, size, scale, samples=2):
    """By ``grid_sample``, which takes the same bilinear samples: all samples of a region, then the mean of each bin."""
    height, width = feature_map.shape[2:]
    aligned = []
    for roi in rois:
        x0, y0, x1, y1 = roi[1:] * scale
        y, x = (low + (torch.arange(n * samples, dtype=rois.dtype) + 0.5) * (high - low).clamp(min=1) / (n * samples)
                for low, high, n in ((y0, y1, size[0]), (x0, x1, size[1])))
        grid = torch.stack(torch.meshgrid(y / (height - 1), x / (width - 1), indexing="ij")[::-1], -1) * 2 - 1
        sampled = torch.nn.functional.grid_sample(feature_map[int(roi[0])][None], grid[None], padding_mode="border",
                                                  align_corners=True)
        near = ((y >= -1) & (y <= height))[:, None] & ((x >= -1) & (x <= width))
        aligned.append(torch.nn.functional.avg_pool2d(sampled * near, samples)[0])
    return torch.stack(aligned)
