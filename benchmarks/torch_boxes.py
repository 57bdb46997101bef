"""Anchors, targets and suppression in plain PyTorch, as *Dive into Deep Learning* goes about them: whole tensors where
there are formulas, a loop over pictures, and one over boxes in the suppression."""
from __future__ import annotations

import torch

VARIANCES = torch.tensor((0.1, 0.1, 0.2, 0.2))


def prior(height: int, width: int, sizes, ratios) -> torch.Tensor:
    """Anchors (height · width · (n + m - 1), 4)."""
    y, x = ((torch.arange(n) + 0.5) / n for n in (height, width))
    y, x = torch.meshgrid(y, x, indexing="ij")
    scales = torch.tensor([*sizes, *[sizes[0]] * (len(ratios) - 1)])
    roots = torch.tensor([*[ratios[0]] * len(sizes), *ratios[1:]], dtype=torch.float32).sqrt()
    half = torch.stack((scales * roots * height / width, scales / roots), 1) / 2  # (shapes, 2)
    centers = torch.stack((x, y), 2).reshape(-1, 1, 2)
    return torch.cat((centers - half, centers + half), 2).reshape(-1, 4)


def iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(N, 4), (M, 4) to (N, M)."""
    low, high = torch.maximum(a[:, None, :2], b[:, :2]), torch.minimum(a[:, None, 2:], b[:, 2:])
    inner = (high - low).clamp(min=0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (a, b)]
    return inner / (areas[0][:, None] + areas[1] - inner)


def assign(objects: torch.Tensor, anchors: torch.Tensor, threshold: float = 0.5) -> torch.Tensor:
    """The object (index) of each anchor, -1 for none: those above the threshold, then each object's best anchor."""
    overlaps = iou(anchors, objects)
    best, nearest = overlaps.max(1)
    assigned = torch.where(best > threshold, nearest, -1)
    for _ in range(len(objects)):
        anchor, thing = divmod(int(overlaps.argmax()), len(objects))
        assigned[anchor] = thing
        overlaps[:, thing], overlaps[anchor] = -1, -1
    return assigned


def target(anchors: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Offsets (B, 4A), mask (B, 4A), classes (B, A) for labels (B, M, 5), every row an object."""
    found = []
    for rows in labels:
        assigned = assign(rows[:, 1:], anchors)
        positive = assigned >= 0
        mask = positive.float().unsqueeze(1).repeat(1, 4)
        classes = torch.where(positive, rows[assigned, 0] + 1, 0.0)
        found.append(((_encode(anchors, rows[assigned, 1:]) * mask).flatten(), mask.flatten(), classes))
    return tuple(torch.stack(parts) for parts in zip(*found))


def _centered(boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


def _encode(anchors: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    (a, a_size), (b, b_size) = _centered(anchors), _centered(boxes)
    return torch.cat(((b - a) / a_size, (b_size / a_size).log()), 1) / VARIANCES


def decode(anchors: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Boxes (A, 4) within the picture out of offsets (A, 4)."""
    (center, size), scaled = _centered(anchors), offsets * VARIANCES
    center, half = center + scaled[:, :2] * size, size * scaled[:, 2:].exp() / 2
    return torch.cat((center - half, center + half), 1).clamp(0, 1)


def nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    """Indices kept, best first: take the best, drop what overlaps it, repeat with the rest."""
    order, kept = scores.argsort(descending=True, stable=True), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        if len(order):
            order = order[iou(boxes[best:best + 1], boxes[order])[0] < threshold]
    return torch.stack(kept) if kept else order


def detect(probs: torch.Tensor, offsets: torch.Tensor, anchors: torch.Tensor, threshold: float = 0.01,
           first: bool = True) -> torch.Tensor:
    """Rows (class, score, xmin, ymin, xmax, ymax) of one picture, best first: probs (2, A), offsets (4A).

    first: low scores go before the suppression, as one who knows its cost does it; *Dive into Deep Learning* suppresses
    among all anchors and drops them afterwards.
    """
    scores, boxes = probs[1], decode(anchors, offsets.view(-1, 4))
    if first:
        scores, boxes = scores[scores >= threshold], boxes[scores >= threshold]
    kept = nms(boxes, scores, 0.5)
    kept = kept[scores[kept] >= threshold]
    return torch.cat((torch.zeros(len(kept), 1), scores[kept, None], boxes[kept]), 1)
