"""Boxes, anchors, targets and suppression: whole tensors where there are formulas, a loop over pictures, and one over
boxes in the suppression."""
from __future__ import annotations

import math

import torch
from torch.nn import functional as F

VARIANCES = (0.1, 0.1, 0.2, 0.2)
NO_OVERLAP = 1e-6  # from here down MultiBoxTarget gives an object no anchor


# Boxes

def corner_to_center(boxes):
    return torch.cat(((boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]), -1)


def center_to_corner(boxes):
    return torch.cat((boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2), -1)


def area(boxes):
    """0 for a box that is inside out."""
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)


def iou(a, b):
    """(N, 4), (M, 4) to (N, M); what has no area, or is not a number, overlaps nothing."""
    low, high = torch.maximum(a[:, None, :2], b[:, :2]), torch.minimum(a[:, None, 2:], b[:, 2:])  # (N, M, 2)
    inner = (high - low).clamp(min=0).prod(2)
    return (inner / (area(a)[:, None] + area(b) - inner)).nan_to_num(0.0)


def encode(anchors, boxes, variances=VARIANCES):
    """Offsets (N, 4) from anchors (N, 4) to boxes (N, 4)."""
    a, b = corner_to_center(anchors), corner_to_center(boxes)
    offsets = torch.cat(((b[:, :2] - a[:, :2]) / a[:, 2:], (b[:, 2:] / a[:, 2:]).log()), 1)
    return offsets / torch.tensor(variances, dtype=boxes.dtype)


def decode(anchors, offsets, variances=VARIANCES):
    """Boxes (N, 4) out of anchors (N, 4) and offsets (N, 4)."""
    a, scaled = corner_to_center(anchors), offsets * torch.tensor(variances, dtype=offsets.dtype)
    return center_to_corner(torch.cat((a[:, :2] + scaled[:, :2] * a[:, 2:], a[:, 2:] * scaled[:, 2:].exp()), 1))


# Anchors

def prior(height, width, sizes, ratios, steps=None, offsets=(0.5, 0.5), clip=False):
    """Anchors (H·W·(n + m - 1), 4) of n sizes and m ratios per cell; ``steps`` and ``offsets`` are (y, x)."""
    lines = [(torch.arange(count) + offset) * step
             for count, offset, step in zip((height, width), offsets, steps or (1 / height, 1 / width))]
    y, x = torch.meshgrid(*lines, indexing="ij")
    scales = torch.tensor([*sizes, *[sizes[0]] * (len(ratios) - 1)])
    roots = torch.tensor([*[ratios[0]] * len(sizes), *ratios[1:]], dtype=torch.float32).sqrt()
    half = torch.stack((scales * roots * height / width, scales / roots), 1) / 2  # (n + m - 1, 2)
    centers = torch.stack((x, y), 2).reshape(-1, 1, 2)
    anchors = torch.cat((centers - half, centers + half), 2).reshape(-1, 4)
    return anchors.clamp(0, 1) if clip else anchors


def assign(overlaps, threshold):
    """The object of each anchor, -1 for none, from overlaps (A, M): its own best above the threshold, unless it is some
    object's best anchor. The best pair of all goes first, and of equal ones the first."""
    if not overlaps.numel():
        return torch.full((len(overlaps),), -1)
    best, nearest = overlaps.max(1)
    assigned, left = torch.where(best > threshold, nearest, -1), overlaps.clone()
    for _ in range(overlaps.shape[1]):
        anchor, thing = divmod(int(left.argmax()), overlaps.shape[1])
        if left[anchor, thing] <= NO_OVERLAP:
            break
        assigned[anchor], left[anchor], left[:, thing] = thing, -1, -1
    return assigned


def target(anchors, labels, scores=None, overlap_threshold=0.5, ignore_label=-1.0, negative_mining_ratio=-1.0,
           negative_mining_thresh=0.5, variances=VARIANCES):
    """MultiBoxTarget's offsets (B, 4A), mask (B, 4A), classes (B, A), from anchors (A, 4) and labels (B, M, 5).

    labels: a picture's end at the first class of -1.
    scores: (B, K + 1, A), for mining alone.
    """
    found = []
    for i, rows in enumerate(labels):
        rows = rows[:int((rows[:, 0] != -1).cumprod(0).sum())]
        overlaps = iou(anchors, rows[:, 1:])  # (A, M)
        assigned = assign(overlaps, overlap_threshold)
        positive = assigned >= 0
        negative = ~positive if negative_mining_ratio <= 0 else hard_negatives(
            positive, overlaps, scores[i], negative_mining_ratio, negative_mining_thresh)
        classes, offsets = torch.full((len(anchors),), float(ignore_label)), torch.zeros(len(anchors), 4)
        classes[negative] = 0
        classes[positive] = rows[assigned[positive], 0] + 1
        offsets[positive] = encode(anchors[positive], rows[assigned[positive], 1:], variances)
        found.append((offsets.flatten(), positive.repeat_interleave(4).float(), classes))
    return tuple(torch.stack(parts) for parts in zip(*found))


def hard_negatives(positive, overlaps, scores, ratio, threshold):
    """Indices of the anchors that count as background: those least taken for it, ``ratio`` per positive one.

    A picture without objects has as many as for one.
    """
    candidates = (~positive & (overlaps < threshold).all(1)).nonzero()[:, 0]
    count = min(int(positive.sum() * ratio), int((~positive).sum())) if overlaps.shape[1] else math.ceil(ratio)
    return candidates[scores.softmax(0)[0, candidates].argsort(stable=True)[:count]]


# Predicted boxes

def nms(boxes, scores, threshold):
    """Indices kept, best first."""
    order = scores.argsort(descending=True, stable=True)
    return order[suppress(boxes[order], threshold)]


def suppress(boxes, threshold):
    """Indices kept of boxes whose best come first: take the best, drop what overlaps it, repeat with the rest."""
    left, kept = torch.arange(len(boxes)), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        left = left[iou(boxes[best:best + 1], boxes[left])[0] < threshold]
    return torch.stack(kept) if kept else left


def detection(probs, offsets, anchors, nms_threshold=0.5, threshold=0.01, force_suppress=False, nms_topk=-1):
    """MultiBoxDetection's rows (B, A, 6) from probs (B, K + 1, A), offsets (B, 4A), anchors (A, 4).

    A row is (class, score, box), the best come first. The class of a suppressed row, and of one after the first
    ``nms_topk``, is -1. A score below ``threshold`` takes no part: all six numbers of its row are -1.
    """
    found = []
    for p, o in zip(probs, offsets):
        scores, classes = p[1:].max(0)
        rows = torch.cat((classes[:, None], scores[:, None], decode(anchors, o.view(-1, 4)).clamp(0, 1)), 1)  # (A, 6)
        rows = rows[scores >= threshold]
        first = rows[rows[:, 1].argsort(descending=True, stable=True)[:nms_topk if nms_topk > 0 else None]]
        rows = torch.cat((first, rows[len(first):]))  # MXNet leaves the places after nms_topk as they were
        apart = 0 if force_suppress else first[:, :1] * 10  # classes far from each other never overlap
        gone = torch.ones(len(rows), dtype=torch.bool)
        gone[suppress(first[:, 2:] + apart, nms_threshold)] = False
        rows[gone, 0] = -1
        found.append(F.pad(rows, (0, 0, 0, len(anchors) - len(rows)), value=-1.0))
    return torch.stack(found)
