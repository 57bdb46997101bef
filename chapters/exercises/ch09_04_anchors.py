# %% [markdown] lang="zh"
# # 9.4 练习：锚框的大小、交并比与偏移量
#
# 9.4节的练习有四个问题。改变`sizes`和`ratios`，锚框怎样变化？怎样构造交并比恰为0.5的两个边界框？按公式算出的偏移量与
# `MultiBoxTarget`给出的一致吗？改变用来标注和用来输出的锚框，结果怎样变化？
#
# 每个问题都用两种方法来回答：一次用MXNet的算子，一次照纸上的公式用NumPy计算，再比较两个结果。

# %% [markdown] lang="en"
# # 9.4 Exercise: sizes and ratios, IoU and offsets of anchors
#
# The exercises of section 9.4 ask four questions. How do anchors change with `sizes` and `ratios`? How can we build
# two boxes whose IoU is exactly 0.5? Do the offsets of `MultiBoxTarget` agree with the formula? What changes if other
# anchors are labelled, or other boxes are suppressed?
#
# We answer each question in two ways: by the operators of MXNet, and by the formulas on paper, in NumPy. Then we
# compare the results.

# %%
import d2lzh_cv as d2l

d2l.start("9.4-anchors")

# %%
import math

import numpy as np
from mxnet import nd

from d2lzh_cv import metrics

# %% tags=["parameters"]
step = 1  # the feature map has a unit for each pixel; with 8, for each block of 8 × 8 pixels

# %% tags=["quick"]
step = 8

# %%
picture = d2l.read_picture(d2l.data_folder("img") / "catdog.jpg")
height, width = picture.shape[:2]
scale = d2l.box_scale(picture)

# %% [markdown] lang="zh"
# ## 改变大小和宽高比
#
# 大小为$s$、宽高比为$r$的锚框，应当宽$s\sqrt{r}H$个像素，高$sH/\sqrt{r}$个像素，其中$H$是图像的高。$n$个大小和$m$个宽
# 高比在每个像素处给出$n + m - 1$个锚框，所以变形时的个数也要跟着改。下面试四组取值：书中的，小的，一个大小配五个宽高
# 比，五个大小配一个宽高比。表中最后一列是算子与手算的最大差异。

# %% [markdown] lang="en"
# ## Other sizes and ratios
#
# An anchor of size $s$ and ratio $r$ should be $s\sqrt{r}H$ pixels wide and $sH/\sqrt{r}$ pixels high, where $H$ is
# the height of the picture. $n$ sizes and $m$ ratios give $n + m - 1$ anchors around each pixel, so the number in the
# reshape has to change as well. We try four settings: those of the book, small ones, one size with five ratios, and
# five sizes with one ratio. The last column of the table is the largest difference between the operator and our own
# computation.

# %%
settings = {"the book's": ([0.75, 0.5, 0.25], [1, 2, 0.5]), "small": ([0.2, 0.1, 0.05], [1, 2, 0.5]),
            "one size": ([0.5], [1, 2, 0.5, 4, 0.25]), "one ratio": ([0.75, 0.6, 0.45, 0.3, 0.15], [1])}
rows, around = [], {}
for name, (sizes, ratios) in settings.items():
    a = len(sizes) + len(ratios) - 1
    anchors = d2l.multibox_prior(nd.zeros((1, 1, height // step, width // step)), sizes, ratios)
    boxes = anchors.reshape((height // step, width // step, a, 4))[250 // step, 250 // step]
    pairs = [(s, ratios[0]) for s in sizes] + [(sizes[0], r) for r in ratios[1:]]
    map_ratio = (height // step) / (width // step)
    by_hand = np.array([(s * math.sqrt(r) * map_ratio, s / math.sqrt(r)) for s, r in pairs])
    made = d2l.corner_to_center(boxes)[:, 2:].asnumpy()  # widths and heights
    pixels = made * np.array([width, height])
    rows.append([name, len(sizes), len(ratios), a, anchors.shape[1], float(pixels[:, 0].min()),
                 float(pixels[:, 0].max()), float(abs(made - by_hand).max())])
    around[f"{name}: {a} a pixel"] = boxes
sizes_table = metrics.Table(["anchors", "sizes", "ratios", "a pixel", "in all", "narrowest, pixels", "widest, pixels",
                             "off the formula"], rows)
sizes_table

# %% figure="sizes_and_ratios" zh="以同一像素为中心的锚框" en="the anchors around one pixel"
for ax, (name, boxes) in zip(d2l.plt.subplots(1, len(around), figsize=(14, 3))[1], around.items()):
    ax.imshow(picture.asnumpy())
    d2l.show_bboxes(ax, boxes * scale)
    ax.set_title(name, fontsize=9)

# %% [markdown] lang="zh"
# 四组都是每个像素五个锚框，手算与算子一致，只差浮点数的舍入误差。改变大小，锚框按比例放大或缩小；改变宽高比，面积
# $s^2H^2$不变，锚框或变宽变矮，或变窄变高。
#
# ## 交并比为0.5的两个边界框
#
# 设两个框的面积是$A$和$B$，相交的面积是$S$，则相并的面积是$A + B - S$。交并比为0.5就是$S = (A + B - S)/2$，解得
# $S = (A + B)/3$：相交的部分是两个面积之和的三分之一，而不是一半。按这个条件可以构造许多对框。两个框相同大小时，横向
# 移动要保留$2/3$的宽，即移动$1/3$；沿对角线移动$t$，要$(1 - t)^2 = 2/3$，即$t = 1 - \sqrt{2/3} \approx 0.184$。一个框
# 在另一个框里时，小框的面积是大框的一半。

# %% [markdown] lang="en"
# All four settings have five anchors around a pixel, and the operator agrees with our computation up to rounding.
# Another size makes an anchor larger or smaller. Another ratio leaves its area, $s^2H^2$, as it is: the anchor
# becomes wider and lower, or narrower and higher.
#
# ## Two boxes of IoU 0.5
#
# Let $A$ and $B$ be the areas of two boxes and $S$ the area that they share. Their union has the area $A + B - S$. An
# IoU of 0.5 means $S = (A + B - S)/2$, so $S = (A + B)/3$: the shared area is a third of both areas added up, not
# half of it. Many pairs satisfy this condition. If both boxes have the same size, a horizontal move must leave $2/3$
# of the width, so the move is $1/3$. A move by $t$ of both sides needs $(1 - t)^2 = 2/3$, so
# $t = 1 - \sqrt{2/3} \approx 0.184$. If one box lies inside the other, its area is half of the larger one.

# %%
first = np.array([0.1, 0.1, 0.5, 0.5])
size, diagonal = np.tile(first[2:] - first[:2], 2), 1 - math.sqrt(2 / 3)
seconds = {"moved by 1/3 of its width": first + size * [1 / 3, 0, 1 / 3, 0],
           "moved by 0.184 of both sides": first + size * diagonal,
           "its left half": first - size * [0, 0, 1 / 2, 0],
           "twice as high": first + size * [0, 0, 0, 1]}
rows = []
for name, second in seconds.items():
    overlap = d2l.iou(nd.array([first]), nd.array([second]))[0, 0].asscalar()
    areas = [float(np.prod(box[2:] - box[:2])) for box in (first, second)]
    shared = float(np.prod(np.minimum(first, second)[2:] - np.maximum(first, second)[:2]))
    rows.append([name, float(overlap), shared / sum(areas), shared / areas[0], shared / areas[1]])
iou_table = metrics.Table(["second box", "IoU", "shared / areas added", "shared / first", "shared / second"], rows)
iou_table

# %% figure="iou_one_half" zh="四对交并比为0.5的边界框" en="four pairs of boxes with IoU 0.5"
for ax, (name, second) in zip(d2l.plt.subplots(1, len(seconds), figsize=(14, 3))[1], seconds.items()):
    ax.imshow(picture.asnumpy())
    d2l.show_bboxes(ax, nd.array([first, second]) * scale)
    ax.set_title(name, fontsize=9)

# %% [markdown] lang="zh"
# ## 用公式验证偏移量
#
# 偏移量的公式是$((x_b - x_a)/w_a - \mu_x)/\sigma_x$等四项，其中$\mu = 0$，中心的$\sigma = 0.1$，宽和高的
# $\sigma = 0.2$。9.4节只有五个锚框，这里检查一整个网格的所有正类锚框。`MultiBoxTarget`的参数`variances`就是四个
# $\sigma$；第二次全部设为1，看不除以$\sigma$时偏移量有多大。

# %% [markdown] lang="en"
# ## Offsets by the formula
#
# The offsets are $((x_b - x_a)/w_a - \mu_x)/\sigma_x$ and three more terms, with $\mu = 0$, $\sigma = 0.1$ for the
# centre and $\sigma = 0.2$ for width and height. Section 9.4 has five anchors; here we check all positive anchors of
# a whole grid. The argument `variances` of `MultiBoxTarget` holds the four $\sigma$. The second time all of them are
# 1. This shows how large the offsets are without the division by $\sigma$.


# %%
def center(box):
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]


def offset(anchor, box, means, deviations):
    (xa, ya, wa, ha), (xb, yb, wb, hb) = center(anchor), center(box)
    raw = (xb - xa) / wa, (yb - ya) / ha, math.log(wb / wa), math.log(hb / ha)
    return [(value - mean) / deviation for value, mean, deviation in zip(raw, means, deviations)]


ground_truth = nd.array([[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]])
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
print(f"largest difference from the formula {max(row[4] for row in rows):.1e}")
offsets_table = metrics.Table(["deviations", "anchors", "positive", "largest offset", "off the formula",
                               "largest of the others"], rows)
offsets_table

# %% [markdown] lang="zh"
# 公式与算子只差舍入误差，负类锚框的偏移量都是0。除以$\sigma$把偏移量放大到五至十倍，网络学起来更容易。
#
# ## 改变要标注的锚框
#
# 锚框得到目标的类别有两条途径：它是某个目标还没分配出去的最佳锚框，或者交并比大于0.5。下面平移、缩小或重排9.4节的五个
# 锚框，看标签怎样变化。表中的0至4列是各锚框的标签：0为背景，1为狗，2为猫。

# %% [markdown] lang="en"
# Formula and operator differ by rounding alone, and the offsets of negative anchors are 0. The division by $\sigma$
# makes the offsets five to ten times as large, which a network learns more easily.
#
# ## Other anchors to label
#
# An anchor can get the class of an object in two ways: it is the best anchor left for this object, or their IoU is
# above 0.5. We move, shrink and reorder the five anchors of section 9.4 and see how their labels change. Columns 0 to
# 4 of the table hold the labels of the anchors: 0 is background, 1 is dog, 2 is cat.


# %%
def halved(boxes):
    return (boxes + np.tile((boxes[:, :2] + boxes[:, 2:]) / 2, 2)) / 2


book = np.array([[0, 0.1, 0.2, 0.3], [0.15, 0.2, 0.4, 0.4], [0.63, 0.05, 0.88, 0.98], [0.66, 0.45, 0.8, 0.8],
                 [0.57, 0.3, 0.92, 0.9]])
changed = {"the book's": book, "moved right by 0.1": book + [0.1, 0, 0.1, 0], "half as wide and high": halved(book),
           "anchor 0 on the dog": np.vstack([objects[0], book[1:]]), "in reverse order": book[::-1]}
rows = []
for name, anchors in changed.items():
    anchors = nd.array(anchors)
    target = d2l.multibox_target(anchors.expand_dims(0), ground_truth.expand_dims(0), nd.zeros((1, 3, len(anchors))))
    overlaps = d2l.iou(anchors, ground_truth[:, 1:]).asnumpy()
    rows.append([name, *target.classes[0].asnumpy().astype(int).tolist(), *map(float, overlaps.max(axis=0)),
                 int((overlaps > 0.5).any(axis=1).sum())])
labels_table = metrics.Table(["anchors", "0", "1", "2", "3", "4", "best IoU, dog", "best IoU, cat", "IoU above 0.5"],
                             rows)
labels_table

# %% figure="other_anchors" zh="目标（黑）和标注后的锚框" en="objects in black, anchors with their labels"
grid_axes = d2l.plt.subplots(2, 3, figsize=(13, 7))[1]
grid_axes[-1, -1].axis("off")
for ax, row in zip(grid_axes.flat, labels_table["rows"]):
    ax.imshow(picture.asnumpy())
    d2l.show_bboxes(ax, ground_truth[:, 1:] * scale, ["dog", "cat"], "k")
    d2l.show_bboxes(ax, nd.array(changed[row[0]]) * scale,
                    [f"{i}: {('none', 'dog', 'cat')[k]}" for i, k in enumerate(row[1:6])], ["b", "g", "r", "m", "c"])
    ax.set_title(row[0], fontsize=9)

# %% [markdown] lang="zh"
# 全部右移0.1后，没有一个交并比大于0.5，可是狗和猫仍各有一个锚框：这是第一条途径的作用；锚框2则失去了标签。缩小一半后
# 也是如此，只是猫的最佳锚框由4换成了2。把锚框0放在狗上，它取代了锚框1。次序颠倒，标签也只是颠倒，结果与次序无关。
#
# ## 改变要输出的边界框
#
# 非极大值抑制的阈值越高，保留的框越多。下面移动一个框，或把所有的框缩小一半，再用三个阈值各抑制一次。

# %% [markdown] lang="en"
# After the move by 0.1 no IoU is above 0.5, yet dog and cat still have one anchor each: this is the first way. Anchor
# 2 loses its label. The same holds for the smaller anchors, but the best anchor of the cat is now 2 instead of 4.
# Anchor 0, placed on the dog, replaces anchor 1. In reverse order the labels are reversed and nothing else: the
# result does not depend on the order.
#
# ## Other boxes to suppress
#
# The higher the threshold of non-maximum suppression, the more boxes stay. We move one box, or make all boxes half as
# wide and high, and then suppress with three thresholds.

# %%
predicted = np.array([[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91],
                      [0.55, 0.2, 0.9, 0.88]])
one_moved = predicted + np.outer([0, 1, 0, 0], [0.2, 0, 0.2, 0])
scores = nd.array([[0] * 4, [0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]]).expand_dims(0)
rows = []
for name, boxes in {"the book's": predicted, "box 1 moved right by 0.2": one_moved,
                    "half as wide and high": halved(predicted)}.items():
    found = [d2l.multibox_detection(scores, nd.zeros((1, 16)), nd.array([boxes]), nms_threshold=threshold)
             for threshold in (0.3, 0.5, 0.7)]
    overlap = d2l.iou(nd.array(boxes[:1]), nd.array(boxes[1:3]))[0].asnumpy()
    rows.append([name, *map(float, overlap), *(int((one[0, :, 0] >= 0).sum().asscalar()) for one in found)])
kept_table = metrics.Table(["boxes", "IoU of 0 and 1", "of 0 and 2", "kept at 0.3", "at 0.5", "at 0.7"], rows)
kept_table

# %% [markdown] lang="zh"
# ## 回答
#
# 大小决定锚框的面积，宽高比只决定形状，锚框的个数是$n + m - 1$。交并比为0.5，意味着相交的部分占两个面积之和的三分之
# 一。偏移量与公式一致。锚框变动后，每个目标仍至少有一个锚框，而其余锚框的标签取决于交并比是否越过0.5。抑制时，只要两
# 个框的交并比低于阈值，两个都会留下：书中的三只“狗”，在阈值0.5时只剩一只，在0.7时剩两只；移动或缩小之后，0.7就一只也
# 不移除了。

# %% [markdown] lang="en"
# ## The answer
#
# The size gives the area of an anchor, the ratio only its shape, and there are $n + m - 1$ anchors around a pixel. An
# IoU of 0.5 means that a third of both areas added up is shared. The offsets agree with the formula. When anchors
# change, each object still has at least one of them; the labels of the others depend on whether their IoU passes 0.5.
# In suppression, two boxes both stay if their IoU is below the threshold. Of the three "dogs" of the book one is left
# at the threshold 0.5, and two at 0.7. After the move, or with smaller boxes, the threshold 0.7 removes none.

# %%
by_name = {row[0]: row[1:6] for row in labels_table["rows"]}
moved = sum(a != b for a, b in zip(by_name["the book's"], by_name["moved right by 0.1"]))
thirds = [row[2] for row in iou_table["rows"]]
shows = (f"{len(thirds)} pairs of boxes with IoU 0.5 share {min(thirds):.3f} to {max(thirds):.3f} of their areas added "
         f"up; formula and operator differ by at most {max(row[4] for row in offsets_table['rows']):.1e} over "
         f"{offsets_table['rows'][0][2]} positive anchors; moving five anchors by a tenth changed {moved} of their "
         "labels.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 构造三个框，使任意两个的交并比都是0.5。
# - 把标注的阈值`overlap_threshold`改为0.3或0.7，网格上的正类锚框各有多少？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Build three boxes such that any two of them have an IoU of 0.5.
# - Set `overlap_threshold` to 0.3 or 0.7. How many anchors of the grid are positive?
