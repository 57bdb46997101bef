# %% [markdown] lang="zh"
# # 9.5 练习：由特征图预测类别与偏移量
#
# 9.5节的练习问：给定形状为$1 \times c \times h \times w$的特征图，能用哪些方法把它变换成锚框的类别和偏移量？输出的形
# 状各是什么？
#
# 先数一数需要多少个输出。若每个单元有$a$个锚框，目标有$q$类，共有$hwa$个锚框；每个锚框要有$q + 1$个类别的分数（包括背
# 景）和4个偏移量。只要能给出这么多数的层都可以用。我们试三种：$3 \times 3$卷积层（书中的选择）、$1 \times 1$卷积层，
# 以及作用在整个特征图上的全连接层，比较它们的输出形状、权重个数和能看到的范围。最后看TinySSD的各个尺度上，一个单元看
# 到的范围是否盖得住它的锚框。

# %% [markdown] lang="en"
# # 9.5 Exercise: from a feature map to classes and offsets
#
# The exercise of section 9.5 asks: a feature map has the shape $1 \times c \times h \times w$. Which methods turn it
# into the classes and the offsets of anchors, and which shapes do their outputs have?
#
# First count the outputs. With $a$ anchors per unit and $q$ classes of objects there are $hwa$ anchors. Each anchor
# needs $q + 1$ class scores, background included, and 4 offsets. Any layer with so many outputs will do. We try
# three: a $3 \times 3$ convolution, which the book uses, a $1 \times 1$ convolution, and a dense layer over the whole
# map. We compare their output shapes, the number of their weights, and how much of the map they see. At the end we
# ask for each scale of TinySSD whether a unit sees enough for its anchors.

# %%
import d2lzh_cv as d2l

d2l.start("9.5-multiscale")

# %%
from mxnet import image, nd
from mxnet.gluon import nn

from d2lzh_cv import metrics
from d2lzh_cv.ssd import RATIOS, SIZES

# %% tags=["parameters"]
num_anchors, num_classes, channels = 3, 2, 10
edge_size = 256

# %% [markdown] lang="zh"
# ## 三种方法
#
# 卷积层的输出是$1 \times a(q + 1) \times h \times w$和$1 \times 4a \times h \times w$：通道里放着以该单元为中心的各个
# 锚框的预测，同一个卷积核用在所有的位置，也就能用于任何大小的特征图。全连接层把整个特征图展平，一次输出一行
# $hwa(q + 1)$个和$4hwa$个数，权重的个数随特征图的大小迅速增加，换一个大小就要换一个层。`predict`函数建立两个层（类别
# 的和偏移量的），返回它们的输出形状、展平后的形状和权重的个数。

# %% [markdown] lang="en"
# ## Three ways
#
# The outputs of a convolution are $1 \times a(q + 1) \times h \times w$ and $1 \times 4a \times h \times w$. The
# channels hold the predictions for all anchors around a unit. The same kernel serves all places, so it fits a map of
# any size. The dense layer flattens the whole map and outputs one row of $hwa(q + 1)$ and one row of $4hwa$ numbers.
# Its number of weights grows fast with the size of the map, and another size needs another layer. The function
# `predict` makes two layers, one for the classes and one for the offsets. It returns the shapes of their outputs, the
# flattened shapes and the number of weights.


# %%
def conv(kernel):
    return lambda height, width, count: nn.Conv2D(count, kernel, padding=kernel // 2)


def dense(height, width, count):
    return nn.Dense(height * width * count)


def predict(way, height, width):
    shapes, flat, weights = [], [], 0
    for count in (num_anchors * (num_classes + 1), num_anchors * 4):  # classes, offsets
        layer = way(height, width, count)
        layer.initialize()
        Y = layer(nd.zeros((1, channels, height, width)))
        shapes.append(Y.shape)
        flat.append((d2l.flatten_pred(Y) if Y.ndim == 4 else Y).shape)
        weights += sum(parameter.data().size for parameter in layer.collect_params().values())
    return shapes, flat, weights


# %%
ways = {"3 × 3 convolution": conv(3), "1 × 1 convolution": conv(1), "dense": dense}
rows, shapes = [], {}
for side in (4, 2, 1):
    for name, way in ways.items():
        layers, flat, weights = predict(way, side, side)
        shapes[f"{side} × {side}, {name}"] = {"classes": layers[0], "offsets": layers[1], "flattened": flat}
        print(f"map {(1, channels, side, side)}, {name}: classes {layers[0]}, offsets {layers[1]}, flattened {flat}")
        seen = side * side if name == "dense" else min(side, 3 if name.startswith("3") else 1) ** 2
        rows.append([f"{side} × {side}, {name}", side * side * num_anchors, flat[0][1], flat[1][1], weights, seen])
for row in rows:
    assert row[2:4] == [row[1] * (num_classes + 1), row[1] * 4], row
table = metrics.Table(["map, way", "anchors", "class scores", "offsets", "weights", "units seen"], rows)
table

# %% [markdown] lang="zh"
# 三种方法给出同样多的数，展平后的形状也一样。差别在权重和所见的范围：$1 \times 1$卷积层只看锚框所在的那一个单元，
# $3 \times 3$卷积层还看它的邻居，全连接层看整个特征图，为此要付出几十倍的权重。特征图缩到$1 \times 1$时，全连接层与
# $1 \times 1$卷积层就是一回事了，$3 \times 3$的卷积核则有九分之八落在填充上。
#
# 特征图不必是正方形。下面是2行5列的特征图，用的是同样的$3 \times 3$卷积层：

# %% [markdown] lang="en"
# All three give the same number of values, and the same shapes after flattening. They differ in their weights and in
# what they see. The $1 \times 1$ convolution sees only the unit of the anchor; the $3 \times 3$ convolution sees its
# neighbours too; the dense layer sees the whole map and needs dozens of times as many weights. On a map of
# $1 \times 1$ the dense layer and the $1 \times 1$ convolution are the same, and eight ninths of a $3 \times 3$
# kernel lie on the padding.
#
# A map need not be square. This one has 2 rows and 5 columns and goes through the same $3 \times 3$ convolution:

# %%
wide = predict(ways["3 × 3 convolution"], 2, 5)
print("map", (1, channels, 2, 5), "classes", wide[0][0], "offsets", wide[0][1], "flattened", wide[1])

# %% [markdown] lang="zh"
# ## 每个尺度的锚框，和中间的单元看到的范围
#
# 单元由它的感受野里的像素来预测锚框。设前面各层的步幅之积是$j$，卷积核为$k$的层使感受野增加$(k - 1)j$个像素。TinySSD
# 的高和宽减半块是两个$3 \times 3$卷积层和一个$2 \times 2$池化层，预测层又是一个$3 \times 3$卷积层。图中黄色的部分是中
# 间那个单元的感受野；锚框比它大得多时，网络只能由目标的一部分来猜测整个边界框。

# %% [markdown] lang="en"
# ## The anchors of each scale, and what the middle unit sees
#
# A unit predicts its anchors from the pixels in its receptive field. Let $j$ be the product of the strides of all
# layers before. A layer with kernel $k$ adds $(k - 1)j$ pixels to the field. The block of TinySSD that halves height
# and width has two $3 \times 3$ convolutions and a $2 \times 2$ pooling; its predictor is one more $3 \times 3$
# convolution. In the figure the field of the middle unit is yellow. If an anchor is much larger than the field, the
# network sees a part of the object and has to guess the rest of the box.

# %%
HALVING = ((3, 1), (3, 1), (2, 2))  # (kernel, stride) of the block's layers


def receptive_field(layers):
    field, jump = 1, 1
    for kernel, stride in layers:
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field


scales = []
for i, (sizes, ratios) in enumerate(zip(SIZES[:4], RATIOS)):
    side = edge_size // 2 ** (3 + i)
    field = receptive_field(HALVING * (3 + i) + ((3, 1),))
    anchors = d2l.multibox_prior(nd.zeros((1, 1, side, side)), sizes, ratios)
    scales.append((side, field, sizes, anchors.reshape((side, side, -1, 4))[side // 2, side // 2]))
anchors = d2l.multibox_prior(nd.zeros((1, 1, 1, 1)), SIZES[4], RATIOS[4])[0]
scales.append((1, edge_size, SIZES[4], anchors))  # the global maximum sees the whole picture

# %% figure="scales" zh="中间单元的锚框和感受野（黄）" en="anchors of the middle unit; its field is yellow"
picture = image.imresize(d2l.read_picture(d2l.data_folder("img") / "catdog.jpg"), edge_size, edge_size)
for ax, (side, field, sizes, anchors) in zip(d2l.plt.subplots(1, len(scales), figsize=(15, 3.2))[1], scales):
    ax.imshow(picture.asnumpy())
    d2l.show_bboxes(ax, anchors * edge_size, colors=["b", "g", "r", "m"])
    low, high = (max(0, min(edge_size, (side // 2 + 0.5) * edge_size / side + way * field / 2)) for way in (-1, 1))
    ax.add_patch(d2l.plt.Rectangle((low, low), high - low, high - low, color="yellow", alpha=0.35, zorder=0.5))
    ax.set_title(f"{side} × {side}, sizes {sizes[0]}, {sizes[1]}", fontsize=9)
    ax.set(xlim=(-20, edge_size + 20), ylim=(edge_size + 20, -20))
    ax.axis("off")

# %%
fields = metrics.Table(["map", "anchors", "smaller anchor, pixels", "larger anchor", "receptive field",
                        "larger anchor / field"],
                       [[f"{side} × {side}", side * side * len(anchors), sizes[0] * edge_size, sizes[1] * edge_size,
                         field, sizes[1] * edge_size / field] for side, field, sizes, anchors in scales])
fields

# %% [markdown] lang="zh"
# ## 回答
#
# 凡是能输出$hwa(q + 1)$个分数和$4hwa$个偏移量的层都可以用：卷积层的输出形状是$(1, a(q + 1), h, w)$和$(1, 4a, h, w)$，
# 全连接层的是$(1, hwa(q + 1))$和$(1, 4hwa)$，展平后相同。书中选$3 \times 3$卷积层，因为它的权重少，适用于任何大小的特
# 征图，又能看到邻近的单元。表中最后一列大于1的尺度上，较大的锚框超出了单元的感受野：TinySSD最前面的两个尺度正是这样，
# 它们的锚框偏大，或者说基础网络偏浅。

# %% [markdown] lang="en"
# ## The answer
#
# Any layer with $hwa(q + 1)$ scores and $4hwa$ offsets will do. The outputs of a convolution are
# $(1, a(q + 1), h, w)$ and $(1, 4a, h, w)$, those of a dense layer $(1, hwa(q + 1))$ and $(1, 4hwa)$; after
# flattening they are the same. The book takes the $3 \times 3$ convolution: it has few weights, fits a map of any
# size, and sees the neighbours of a unit. Where the last column of the table is above 1, the larger anchor exceeds
# the receptive field of its unit. This is so on the first two scales of TinySSD: their anchors are rather large, or
# the base network is rather shallow.

# %%
weights = {row[0]: row[4] for row in rows}
beyond = [row[0] for row in fields["rows"] if row[5] > 1]
shows = (f"On the 4 × 4 map the three ways give {rows[0][2]} scores and {rows[0][3]} offsets each, with "
         f"{weights['4 × 4, 3 × 3 convolution']}, {weights['4 × 4, 1 × 1 convolution']} and {weights['4 × 4, dense']} "
         f"weights. Of TinySSD's five maps {len(beyond)} have an anchor larger than what its unit sees"
         f"{': ' + ', '.join(beyond) if beyond else ''}.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 先用$1 \times 1$卷积层减少通道，再用$3 \times 3$卷积层预测，权重能减少多少？
# - 用`9.7-receptive-field`的计算器核对这里手算的感受野，再给基础网络加一块，看前两个尺度的比值。

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Reduce the channels by a $1 \times 1$ convolution first, then predict by a $3 \times 3$ convolution. How many
#   weights does this save?
# - Check the fields computed here with the calculator of `9.7-receptive-field`. Then add a block to the base network
#   and look at the ratios of the first two scales.
