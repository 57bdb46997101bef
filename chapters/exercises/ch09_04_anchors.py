# %% [markdown]
# # 9.4, exercises: sizes and ratios, IoU 0.5, offsets, other anchors
#
# Each answer is computed twice: by the operator, and by the formula on paper.

# %%
import math

import numpy as np

import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.4-anchors")

# %%
from mxnet import nd  # noqa: E402

from d2lzh_cv.metrics.tables import format_table  # noqa: E402

picture = d2l.read_picture(run.find("img").path / "catdog.jpg")
height, width = picture.shape[:2]
scale = d2l.box_scale(picture)

# %% [markdown]
# ## Other sizes and ratios
# An anchor of size s and ratio r should be s·√r·H pixels wide and s/√r·H high. The shape that the anchors are cut into
# has to follow: n + m - 1 of them to a pixel.

# %%
settings = {"the book's": ([0.75, 0.5, 0.25], [1, 2, 0.5]), "small": ([0.2, 0.1, 0.05], [1, 2, 0.5]),
            "one size": ([0.5], [1, 2, 0.5, 4, 0.25]), "one ratio": ([0.75, 0.6, 0.45, 0.3, 0.15], [1])}
step = run.choose(quick=8, full=1)  # a feature map of every pixel, or of every eighth
y, x = 250 // step, 250 // step
rows, fig_axes = [], d2l.plt.subplots(1, len(settings), figsize=(14, 3))[1]
for ax, (name, (sizes, ratios)) in zip(fig_axes, settings.items()):
    a = len(sizes) + len(ratios) - 1
    anchors = d2l.multibox_prior(nd.zeros((1, 1, height // step, width // step)), sizes, ratios)
    boxes = anchors.reshape((height // step, width // step, a, 4))[y, x]
    pairs = [(s, ratios[0]) for s in sizes] + [(sizes[0], r) for r in ratios[1:]]
    map_ratio = (height // step) / (width // step)
    by_hand = np.array([(s * math.sqrt(r) * map_ratio, s / math.sqrt(r)) for s, r in pairs])
    made = d2l.corner_to_center(boxes)[:, 2:].asnumpy()
    pixels = made * np.array([width, height])
    rows.append([name, len(sizes), len(ratios), a, anchors.shape[1], float(pixels[:, 0].min()),
                 float(pixels[:, 0].max()), float(abs(made - by_hand).max())])
    ax.imshow(picture.asnumpy())
    d2l.show_bboxes(ax, boxes * scale)
    ax.set_title(f"{name}: {a} a pixel", fontsize=9)
sizes_table = {"columns": ["anchors", "sizes", "ratios", "a pixel", "in all", "narrowest, pixels", "widest, pixels",
                           "off by hand's"], "rows": rows}
print(format_table(sizes_table))
run.save_figure("sizes_and_ratios", "the anchors around one pixel")

# %% [markdown]
# ## Two boxes of IoU 0.5
# The shared area is then half of the union, which is a third (not half) of both areas added up: if A + B - S is the
# union, S = (A + B - S) / 2 gives S = (A + B) / 3.

# %%
diagonal = 1 - math.sqrt(2 / 3)  # what stays shared, (1 - t)², must be 2/3 of a box
first = np.array([0.1, 0.1, 0.5, 0.5])
size = np.tile(first[2:] - first[:2], 2)
seconds = {"moved by 1/3 of its width": first + size * [1 / 3, 0, 1 / 3, 0],
           "moved by 0.184 of both sides": first + size * diagonal,
           "its left half": first - size * [0, 0, 1 / 2, 0],
           "twice as high": first + size * [0, 0, 0, 1]}
rows, fig_axes = [], d2l.plt.subplots(1, len(seconds), figsize=(14, 3))[1]
for ax, (name, second) in zip(fig_axes, seconds.items()):
    pair = nd.array([first, second])
    overlap = d2l.iou(pair[:1], pair[1:])[0, 0].asscalar()
    areas = [float(np.prod(box[2:] - box[:2])) for box in (first, second)]
    shared = float(np.prod(np.minimum(first, second)[2:] - np.maximum(first, second)[:2]))
    rows.append([name, float(overlap), shared / sum(areas), shared / areas[0], shared / areas[1]])
    ax.imshow(picture.asnumpy())
    d2l.show_bboxes(ax, pair * scale)
    ax.set_title(name, fontsize=9)
iou_table = {"columns": ["second box", "IoU", "shared / areas added", "shared / first", "shared / second"],
             "rows": rows}
print(format_table(iou_table))
run.save_figure("iou_one_half", "four pairs of boxes with IoU 0.5")

# %% [markdown]
# ## Offsets by the formula
# ((xb - xa)/wa - μx)/σx and so on, with μ = 0, σ = 0.1 for the centre and 0.2 for the size, for every positive anchor
# of a whole grid, not of five alone.

# %%
ground_truth = nd.array([[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]])


def center(box):
    """Centre x, centre y, width and height of (xmin, ymin, xmax, ymax)."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]


def offset(anchor, box, means, deviations):
    """The four offsets from ``anchor`` to ``box``, in plain Python."""
    (xa, ya, wa, ha), (xb, yb, wb, hb) = center(anchor), center(box)
    raw = (xb - xa) / wa, (yb - ya) / ha, math.log(wb / wa), math.log(hb / ha)
    return [(value - mean) / deviation for value, mean, deviation in zip(raw, means, deviations)]


grid = d2l.multibox_prior(nd.zeros((1, 1, 16, 20)), [0.75, 0.5, 0.25], [1, 2, 0.5])
objects, rows = ground_truth[:, 1:].asnumpy().astype("float64"), []
for name, deviations in {"the default": (0.1, 0.1, 0.2, 0.2), "none": (1, 1, 1, 1)}.items():
    offsets, mask, classes = d2l.multibox_target(grid, ground_truth.expand_dims(0), nd.zeros((1, 3, grid.shape[1])),
                                                 variances=deviations)
    classes, made = classes[0].asnumpy().astype(int), offsets.reshape((-1, 4)).asnumpy()
    positive = np.flatnonzero(classes > 0)
    formula = np.array([offset(grid[0, i].asnumpy().astype("float64"), objects[classes[i] - 1], (0,) * 4, deviations)
                        for i in positive.tolist()])
    difference = abs(formula - made[positive])
    rows.append([f"{name}: {deviations[0]}, {deviations[2]}", len(classes), len(positive), float(abs(formula).max()),
                 float(difference.max()), float(abs(made[classes == 0]).max())])
offsets_table = {"columns": ["deviations", "anchors", "positive", "largest offset", "off the formula",
                             "largest of the others"], "rows": rows}
print(format_table(offsets_table))
print(f"largest difference from the formula {max(row[4] for row in rows):.1e}")

# %% [markdown]
# ## Other anchors: what becomes of their labels
# An anchor is labelled where its IoU exceeds 0.5, or where it is the best one left for an object: each object gets at
# least one anchor.

# %%
book = np.array([[0, 0.1, 0.2, 0.3], [0.15, 0.2, 0.4, 0.4], [0.63, 0.05, 0.88, 0.98], [0.66, 0.45, 0.8, 0.8],
                 [0.57, 0.3, 0.92, 0.9]])


def halved(boxes):
    """Boxes half as wide and high, about the same centres."""
    return (boxes + np.tile((boxes[:, :2] + boxes[:, 2:]) / 2, 2)) / 2


changed = {"the book's": book, "moved right by 0.1": book + [0.1, 0, 0.1, 0], "half as wide and high": halved(book),
           "anchor 0 on the dog": np.vstack([objects[0], book[1:]]), "in reverse order": book[::-1]}
fig, grid_axes = d2l.plt.subplots(2, 3, figsize=(13, 7))
grid_axes[-1, -1].axis("off")
rows = []
for ax, (name, anchors) in zip(grid_axes.flat, changed.items()):
    anchors = nd.array(anchors)
    labels = d2l.multibox_target(anchors.expand_dims(0), ground_truth.expand_dims(0), nd.zeros((1, 3, len(anchors))))
    labels = labels.classes[0].asnumpy().astype(int).tolist()
    overlaps = d2l.iou(anchors, ground_truth[:, 1:]).asnumpy()
    rows.append([name, *labels, *map(float, overlaps.max(axis=0)), int((overlaps > 0.5).any(axis=1).sum())])
    ax.imshow(picture.asnumpy())
    d2l.show_bboxes(ax, ground_truth[:, 1:] * scale, ["dog", "cat"], "k")
    d2l.show_bboxes(ax, anchors * scale, [f"{i}: {('none', 'dog', 'cat')[k]}" for i, k in enumerate(labels)],
                    ["b", "g", "r", "m", "c"])
    ax.set_title(name, fontsize=9)
labels_table = {"columns": ["anchors", "0", "1", "2", "3", "4", "best IoU, dog", "best IoU, cat", "IoU above 0.5"],
                "rows": rows}
print(format_table(labels_table))
run.save_figure("other_anchors", "objects in black, anchors with what they are labelled")

# %% [markdown]
# ## Other predicted boxes: what is suppressed

# %%
predicted = np.array([[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91],
                      [0.55, 0.2, 0.9, 0.88]])
one_moved = predicted + np.outer([0, 1, 0, 0], [0.2, 0, 0.2, 0])
scores = nd.array([[0] * 4, [0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]]).expand_dims(0)
rows = []
for name, boxes in {"the book's": predicted, "box 1 moved right by 0.2": one_moved,
                    "half as wide and high": halved(predicted)}.items():
    kept = [int((d2l.multibox_detection(scores, nd.zeros((1, 16)), nd.array([boxes]), nms_threshold=threshold)
                 [0, :, 0] >= 0).sum().asscalar()) for threshold in (0.3, 0.5, 0.7)]
    overlap = d2l.iou(nd.array(boxes[:1]), nd.array(boxes[1:3]))[0].asnumpy()
    rows.append([name, *map(float, overlap), *kept])
kept_table = {"columns": ["boxes", "IoU of 0 and 1", "of 0 and 2", "kept at 0.3", "at 0.5", "at 0.7"], "rows": rows}
print(format_table(kept_table))

# %%
by_name = {row[0]: row[1:6] for row in labels_table["rows"]}
moved = sum(a != b for a, b in zip(by_name["the book's"], by_name["moved right by 0.1"]))
thirds = [row[2] for row in iou_table["rows"]]
shows = (f"{len(thirds)} pairs of boxes with IoU 0.5 share {min(thirds):.3f} to {max(thirds):.3f} of their areas added "
         f"up; formula and operator differ by at most {max(row[4] for row in offsets_table['rows']):.1e} over "
         f"{offsets_table['rows'][0][2]} positive anchors; moving five anchors by a tenth changed {moved} of their "
         "labels.")
print(shows)
run.record(sizes_and_ratios=sizes_table, iou_one_half=iou_table, offsets=offsets_table, other_anchors=labels_table,
           other_boxes=kept_table, shows=shows)
run.finish()
