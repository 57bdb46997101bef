"""The operators of the chapter once more, as plain Python loops, and inputs to run both on.

Slow and simple on purpose: nothing here uses MXNet or the package. Values are Python or NumPy float64.
"""
from __future__ import annotations

import itertools
import math

import numpy as np

SEEDS = range(5)
VARIANCES = (0.1, 0.1, 0.2, 0.2)
BOOK_ANCHORS = np.array([[0, 0.1, 0.2, 0.3], [0.15, 0.2, 0.4, 0.4], [0.63, 0.05, 0.88, 0.98],
                         [0.66, 0.45, 0.8, 0.8], [0.57, 0.3, 0.92, 0.9]], "float32")
BOOK_OBJECTS = np.array([[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]], "float32")


def random_boxes(count: int, seed: int) -> np.ndarray:
    """Boxes with an area, some beyond the picture."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(-0.2, 0.8, (count, 2))
    return np.hstack([low, low + rng.uniform(0.05, 0.6, (count, 2))]).astype("float32")


# Boxes

def plain_iou(a, b) -> float:
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    areas = sum(max(box[2] - box[0], 0) * max(box[3] - box[1], 0) for box in (a, b))
    union = areas - width * height
    return width * height / union if union > 0 else 0.0


def plain_center(box) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = map(float, box)
    return (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0


def plain_offsets(anchor, box, variances=VARIANCES) -> list[float]:
    (xa, ya, wa, ha), (xb, yb, wb, hb) = plain_center(anchor), plain_center(box)
    raw = ((xb - xa) / wa, (yb - ya) / ha, math.log(wb / wa), math.log(hb / ha))
    return [value / variance for value, variance in zip(raw, variances)]


def plain_decode(anchor, offsets, variances=VARIANCES) -> list[float]:
    (x, y, w, h), (dx, dy, dw, dh) = plain_center(anchor), (float(o) * v for o, v in zip(offsets, variances))
    x, y, w, h = x + dx * w, y + dy * h, w * math.exp(dw), h * math.exp(dh)
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def plain_nms(candidates, scores, threshold) -> list[int]:
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: -scores[i]):
        if all(plain_iou(candidates[i], candidates[k]) < threshold for k in kept):
            kept.append(i)
    return kept


# Anchors

def plain_prior(height, width, sizes, ratios, steps=None, offsets=(0.5, 0.5)) -> list[list[float]]:
    """``steps`` and ``offsets`` are (y, x)."""
    pairs = [(s, ratios[0]) for s in sizes] + [(sizes[0], r) for r in ratios[1:]]
    step_y, step_x = steps or (1 / height, 1 / width)
    found = []
    for i in range(height):
        for j in range(width):
            for s, r in pairs:
                x, y = (j + offsets[1]) * step_x, (i + offsets[0]) * step_y
                w, h = s * math.sqrt(r) * height / width, s / math.sqrt(r)
                found.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    return found


def plain_match(candidates, objects, threshold) -> dict[int, int]:
    """Anchor to object: first the best pairs, each object once; then every anchor that overlaps one enough.

    Of equal overlaps the first anchor's goes first, then the first object's.
    """
    pairs = itertools.product(range(len(candidates)), range(len(objects)))
    overlap = {(a, o): plain_iou(candidates[a], objects[o]) for a, o in pairs}
    matched = {}
    for (a, o), value in sorted(overlap.items(), key=lambda item: -item[1]):
        if value > 1e-6 and a not in matched and o not in matched.values():
            matched[a] = o
    for a in set(range(len(candidates))) - set(matched):
        best = max(range(len(objects)), key=lambda o: overlap[a, o])
        if overlap[a, best] > threshold:
            matched[a] = best
    return matched


def plain_targets(candidates, label, threshold=0.5, variances=VARIANCES):
    """Offsets, mask and classes of one picture, all negatives used."""
    matched = plain_match(candidates, label[:, 1:], threshold)
    offsets, mask, classes = [], [], []
    for a, anchor in enumerate(candidates):
        row = label[matched[a]] if a in matched else None
        offsets += [0.0] * 4 if row is None else plain_offsets(anchor, row[1:], variances)
        mask += [float(row is not None)] * 4
        classes.append(0.0 if row is None else row[0] + 1)
    return offsets, mask, classes


def plain_mined(classes, candidates, label, scores, ratio, mining_threshold=0.5, ignore=-1.0) -> list[float]:
    """``classes`` of :func:`plain_targets` with only the ``ratio`` hardest negatives of each positive left.

    Hard is a small softmax probability of the background in ``scores`` (classes + 1, anchors).
    """
    positive = [a for a, k in enumerate(classes) if k > 0]
    negative = [a for a, k in enumerate(classes) if k == 0]
    far = [a for a in negative if max(plain_iou(candidates[a], row[1:]) for row in label) < mining_threshold]
    hardest = sorted(far, key=lambda a: plain_probability(scores[:, a], 0))
    kept = {*positive, *hardest[:min(int(len(positive) * ratio), len(negative))]}
    return [k if a in kept else ignore for a, k in enumerate(classes)]


def plain_background(scores, negative_mining_ratio=-1, minimum_negative_samples=0, ignore_label=-1) -> list[float]:
    """The classes of the anchors of a picture without objects, ``scores`` (classes + 1, anchors).

    All are negatives; mined, the hardest of them, as many as one positive would have, or the minimum if that is more.
    """
    anchors = range(scores.shape[1])
    if negative_mining_ratio <= 0:
        return [0.0 for _ in anchors]
    kept = []
    while len(kept) < len(anchors) and (len(kept) < negative_mining_ratio or len(kept) < minimum_negative_samples):
        kept.append(min((a for a in anchors if a not in kept), key=lambda a: plain_probability(scores[:, a], 0)))
    return [0.0 if a in kept else float(ignore_label) for a in anchors]


def plain_detection(class_probs, offsets, candidates, nms_threshold=0.5, threshold=0.01, force=False, topk=-1):
    """One picture's rows: scores from the threshold on, best first, then rows of -1.

    With ``topk``, the rows after the best so many stay as they were before sorting, with class -1.
    """
    best, scores = class_probs[1:].argmax(axis=0), class_probs[1:].max(axis=0)
    boxes = [[min(max(x, 0), 1) for x in plain_decode(a, o)] for a, o in zip(candidates, offsets)]
    found = [a for a in range(len(candidates)) if scores[a] >= threshold]
    order = sorted(found, key=lambda a: -scores[a])
    order = order[:topk] if topk > 0 else order
    kept = set()
    for group in [order] if force else [[a for a in order if best[a] == k] for k in set(best)]:
        kept |= {group[i] for i in plain_nms([boxes[a] for a in group], [scores[a] for a in group], nms_threshold)}
    rows = [[best[a] if a in kept else -1, scores[a], *boxes[a]] for a in order]
    rows += [[-1, scores[a], *boxes[a]] for a in found[len(order):]]
    return rows + [[-1] * 6] * (len(candidates) - len(rows))


# Regions

def half_away(x: float) -> int:
    return int(math.copysign(math.floor(abs(x) + 0.5), x))


def plain_bins(low: int, high: int, count: int, limit: int) -> list[range]:
    """The cells of each bin: they may share some, and lose those off the map."""
    side = max(high - low + 1, 1) / count
    edges = [(low + math.floor(i * side), low + math.ceil((i + 1) * side)) for i in range(count)]
    return [range(min(max(a, 0), limit), min(max(b, 0), limit)) for a, b in edges]


def pooling_cells(shape, rois, size, scale):
    """Yield ((region, row, column), picture, cells (y, x)) of each bin on a map of ``shape`` (B, C, H, W)."""
    for n, roi in enumerate(rois):
        x0, y0, x1, y1 = (half_away(value * scale) for value in roi[1:])
        rows, columns = plain_bins(y0, y1, size[0], shape[2]), plain_bins(x0, x1, size[1], shape[3])
        for i, j in np.ndindex(*size):
            yield (n, i, j), int(roi[0]), [(y, x) for y in rows[i] for x in columns[j]]


def plain_roi_pooling(feature_map, rois, size, scale) -> np.ndarray:
    pooled = np.zeros((len(rois), feature_map.shape[1], *size))
    for (n, i, j), picture, cells in pooling_cells(feature_map.shape, rois, size, scale):
        for c in range(feature_map.shape[1]):
            pooled[n, c, i, j] = max((feature_map[(picture, c, *cell)] for cell in cells), default=0)
    return pooled


def plain_roi_pooling_gradient(feature_map, rois, size, scale, head) -> np.ndarray:
    """Each bin hands its part of ``head`` to its maximum."""
    gradient = np.zeros(feature_map.shape)
    for (n, i, j), picture, cells in pooling_cells(feature_map.shape, rois, size, scale):
        for c in range(feature_map.shape[1]):
            if cells:
                best = max(cells, key=lambda cell: feature_map[(picture, c, *cell)])
                gradient[(picture, c, *best)] += head[n, c, i, j]
    return gradient


def bilinear_parts(y, x, height, width) -> list[tuple[int, int, float]]:
    """Cells and their shares in a sample: none more than 1 off the map, the rim's own up to there."""
    if y < -1 or y > height or x < -1 or x > width:
        return []
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = math.floor(y), math.floor(x)
    parts = [(i, j, (1 - abs(y - i)) * (1 - abs(x - j))) for i in (top, top + 1) for j in (left, left + 1)]
    return [part for part in parts if part[2]]


def align_parts(shape, rois, size, scale, samples):
    """Yield ((region, row, column), picture, parts (y, x, share)) of each bin of ROIAlign."""
    for n, roi in enumerate(rois):
        x0, y0, x1, y1 = (float(value) * scale for value in roi[1:])
        h, w = max(y1 - y0, 1) / size[0], max(x1 - x0, 1) / size[1]
        for i, j in np.ndindex(*size):
            points = [(y0 + (i + (a + 0.5) / samples) * h, x0 + (j + (b + 0.5) / samples) * w)
                      for a in range(samples) for b in range(samples)]
            parts = [part for point in points for part in bilinear_parts(*point, *shape[2:])]
            yield (n, i, j), int(roi[0]), [(y, x, share / samples ** 2) for y, x, share in parts]


def plain_roi_align(feature_map, rois, size, scale, samples=2) -> np.ndarray:
    aligned = np.zeros((len(rois), feature_map.shape[1], *size))
    for (n, i, j), picture, parts in align_parts(feature_map.shape, rois, size, scale, samples):
        for c in range(feature_map.shape[1]):
            aligned[n, c, i, j] = sum(share * feature_map[picture, c, y, x] for y, x, share in parts)
    return aligned


def plain_roi_align_gradient(feature_map, rois, size, scale, head, samples=2) -> np.ndarray:
    gradient = np.zeros(feature_map.shape)
    for (n, i, j), picture, parts in align_parts(feature_map.shape, rois, size, scale, samples):
        for c in range(feature_map.shape[1]):
            for y, x, share in parts:
                gradient[picture, c, y, x] += share * head[n, c, i, j]
    return gradient


# Convolution

def plain_corr2d(X: np.ndarray, K: np.ndarray) -> np.ndarray:
    (height, width), (h, w) = X.shape, K.shape
    Y = np.zeros((height - h + 1, width - w + 1))
    for i, j in np.ndindex(Y.shape):
        Y[i, j] = sum(X[i + a, j + b] * K[a, b] for a in range(h) for b in range(w))
    return Y


def plain_trans_conv(X, K, stride, padding, dilation=1, adj=0) -> np.ndarray:
    """Seen from the output: the inputs whose kernel reaches an element."""
    height, width = (stride * (n - 1) + dilation * (k - 1) + 1 - 2 * padding + adj for n, k in zip(X.shape, K.shape))
    Y = np.zeros((height, width))
    for y, x in np.ndindex(height, width):
        for i, j in np.ndindex(X.shape):
            (a, rest_y), (b, rest_x) = (divmod(v, dilation)
                                        for v in (y + padding - i * stride, x + padding - j * stride))
            if not (rest_y or rest_x) and 0 <= a < K.shape[0] and 0 <= b < K.shape[1]:
                Y[y, x] += X[i, j] * K[a, b]
    return Y


def plain_bilinear(picture: np.ndarray, scale: int) -> np.ndarray:
    """Each new pixel's middle, seen on the old picture, between its four neighbours; black beyond the rim."""
    height, width = picture.shape
    larger = np.zeros((height * scale, width * scale))
    for y, x in np.ndindex(larger.shape):
        v, u = (y + 0.5) / scale - 0.5, (x + 0.5) / scale - 0.5
        for i in (math.floor(v), math.floor(v) + 1):
            for j in (math.floor(u), math.floor(u) + 1):
                if 0 <= i < height and 0 <= j < width:
                    larger[y, x] += picture[i, j] * (1 - abs(v - i)) * (1 - abs(u - j))
    return larger


# Losses

def plain_probability(scores, label) -> float:
    highest = max(scores)
    return math.exp(scores[int(label)] - highest) / sum(math.exp(score - highest) for score in scores)


def plain_focal(scores, label, gamma) -> float:
    p = plain_probability(scores, label)
    return -(1 - p) ** gamma * math.log(p)


def plain_smooth_l1(x, scalar) -> float:
    corner = 1 / scalar ** 2
    return (scalar * x) ** 2 / 2 if abs(x) < corner else abs(x) - corner / 2


def plain_gram(X: np.ndarray) -> list[list[float]]:
    _, channels, height, width = X.shape
    return [[sum(float(X[0, a, i, j]) * X[0, b, i, j] for i in range(height) for j in range(width))
             / (channels * height * width) for b in range(channels)] for a in range(channels)]


def plain_mean_square(A, B) -> float:
    A, B = np.asarray(A, "float64"), np.asarray(B, "float64")
    return sum((A[index] - B[index]) ** 2 for index in np.ndindex(A.shape)) / A.size


def plain_tv(X: np.ndarray) -> float:
    _, channels, height, width = X.shape
    down = [abs(X[0, c, i + 1, j] - X[0, c, i, j]) for c in range(channels) for i in range(height - 1)
            for j in range(width)]
    right = [abs(X[0, c, i, j + 1] - X[0, c, i, j]) for c in range(channels) for i in range(height)
             for j in range(width - 1)]
    return (sum(down) / len(down) + sum(right) / len(right)) / 2
