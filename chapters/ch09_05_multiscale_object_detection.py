# %% [markdown] lang="zh"
# # 9.5 多尺度目标检测
#
# 9.4节以每个像素为中心生成了五个锚框，一幅$561 \times 728$的图像就有两百多万个，而且其中绝大多数几乎互相重叠。为每一
# 个都预测类别和偏移量，计算量太大了。
#
# 减少锚框并不难：在图像上均匀地采样一小部分像素，只以采样到的像素为中心生成锚框。此外，不同大小的锚框所需的个数也不
# 同。较小的目标比较大的目标在图像上可能出现的位置更多：形状为$1 \times 1$、$1 \times 2$和$2 \times 2$的目标，在形状为
# $2 \times 2$的图像上分别有4个、2个和1个可能的位置。因此，检测较小的目标时可以采样较多的位置，用较小的锚框；检测较大
# 的目标时采样较少的位置，用较大的锚框。这就是**多尺度目标检测**。

# %% [markdown] lang="en"
# # 9.5 Multiscale object detection
#
# Section 9.4 generated five anchors around each pixel. A picture of $561 \times 728$ has more than two million of
# them, and most of them nearly cover each other. To predict classes and offsets of all these anchors is too much
# work.
#
# It is easy to have fewer: take a small, even sample of the pixels and generate anchors around these only. Besides,
# anchors of different sizes are needed in different numbers. A small object has more possible places in a picture
# than a large one: objects of $1 \times 1$, $1 \times 2$ and $2 \times 2$ have 4, 2 and 1 possible places in a
# picture of $2 \times 2$. So we sample many places with small anchors to find small objects, and few places with
# large anchors to find large objects. This is **multiscale object detection**.

# %%
import d2lzh_cv as d2l

d2l.start("9.5")

# %% [markdown] lang="zh"
# 仍用9.4节的图像。

# %% [markdown] lang="en"
# The picture is that of section 9.4.

# %%
img = d2l.read_picture(d2l.data_folder("img") / "catdog.jpg")
img.shape[:2]

# %% [markdown] lang="zh"
# 采样的位置不必另外指定，卷积神经网络已经提供了。卷积层的输出是**特征图**；定义特征图的形状，就确定了任一图像上均匀采
# 样的中心：特征图有$h$行$w$列，就把图像平均分成$h$行$w$列的格子，每个单元对应一个格子，锚框的中心就是格子的中心。
#
# 下面的`show_anchors`函数在图像上画出这些锚框。锚框的坐标是相对的，已除以特征图的宽和高，所以同一组锚框可以画到任何大
# 小的图像上。`MultiBoxPrior`只看特征图的高和宽，批量大小和通道数可以任意取。

# %% [markdown] lang="en"
# We need not choose the sample ourselves: a convolutional network has it already. The output of a convolutional layer
# is a **feature map**, and the shape of the map determines evenly spaced centres on any picture. A map of $h$ rows
# and $w$ columns divides the picture into a grid of $h$ rows and $w$ columns. Each unit of the map belongs to a cell
# of the grid, and the centre of the cell is the centre of its anchors.
#
# The function `show_anchors` draws these anchors on a picture. Their coordinates are relative, divided by the width
# and the height of the map, so they fit pictures of any size. `MultiBoxPrior` uses only the height and the width of
# the map; the batch size and the number of channels are arbitrary.

# %%
d2l.show_code(d2l.show_anchors)

# %% [markdown] lang="zh"
# 先关注小目标的检测。特征图的高和宽都是4，锚框的大小是0.15，宽高比有三个。16个中心均匀地分布在图像上，不同中心的锚框
# 互不重合。

# %% [markdown] lang="en"
# Small objects come first. The map has height and width 4, the anchors have size 0.15 and three aspect ratios. The 16
# centres are spread evenly over the picture, and anchors of different centres do not overlap.

# %% figure="anchors_4x4" zh="4 × 4的特征图，大小0.15：48个锚框" en="feature map 4 × 4, size 0.15: 48 anchors"
d2l.set_figsize()
small = d2l.show_anchors(img, 4, 4, sizes=[0.15])

# %% [markdown] lang="zh"
# 注意，锚框的形状像这幅图像那样略宽：`MultiBoxPrior`只知道特征图的高和宽之比，这里是1，并不知道图像的。只有特征图与图
# 像的形状相同时，$r = 1$的锚框才是正方形。
#
# 然后把特征图的高和宽都减半，用更大的锚框检测更大的目标。大小是0.4时，有些锚框会重合。

# %% [markdown] lang="en"
# Note that the anchors are a little wider, like the picture. `MultiBoxPrior` knows the ratio of height to width of
# the map, which is 1, but not that of the picture. An anchor with $r = 1$ is square only if the map has the shape of
# the picture.
#
# Now halve the height and the width of the map, and detect larger objects with larger anchors. With a size of 0.4
# some of the anchors overlap.

# %% figure="anchors_2x2" zh="2 × 2的特征图，大小0.4：12个锚框" en="feature map 2 × 2, size 0.4: 12 anchors"
medium = d2l.show_anchors(img, 2, 2, sizes=[0.4])

# %% [markdown] lang="zh"
# 最后把高和宽再减半到1，锚框的大小增加到0.8，中心就是图像的中心。

# %% [markdown] lang="en"
# Finally, height and width are halved again, to 1, and the size grows to 0.8. The only centre is the centre of the
# picture.

# %% figure="anchors_1x1" zh="1 × 1的特征图，大小0.8：3个锚框" en="feature map 1 × 1, size 0.8: 3 anchors"
large = d2l.show_anchors(img, 1, 1, sizes=[0.8])

# %% [markdown] lang="zh"
# 三个尺度总共只有63个锚框：

# %% [markdown] lang="en"
# The three scales have only 63 anchors together:

# %%
counts = {"4x4": small.shape[1], "2x2": medium.shape[1], "1x1": large.shape[1]}
counts

# %% [markdown] lang="zh"
# 在下图中拖动一个目标并改变它的大小，看三个尺度中哪一个的锚框与它最相似：小目标归大的特征图，大目标归小的特征图。

# %% [markdown] lang="en"
# In this figure, drag an object and change its size. See which of the three scales has the most similar anchor: the
# large map for small objects, the small map for large ones.

# %%
d2l.show_interactive("scales", picture=img)

# %% [markdown] lang="zh"
# 特征图不必是正方形。MXNet的数组先高后宽，所以下面的特征图有2行5列。（书中的函数把两者的次序写反了，正方形的特征图看
# 不出来。）

# %% [markdown] lang="en"
# A map need not be square. In MXNet's arrays the height comes before the width, so this map has 2 rows and 5 columns.
# (The book's function swaps the two, which its square maps hide.)

# %% figure="anchors_2x5" zh="2行5列的锚框，大小0.2" en="2 rows and 5 columns of anchors, size 0.2"
wide = d2l.show_anchors(img, 2, 5, sizes=[0.2])

# %% [markdown] lang="zh"
# 生成了锚框，还要用各个尺度上的特征来检测目标。设某个尺度的特征图有$c$个通道，高$h$宽$w$，以每个单元为中心有$a$个锚
# 框，共$hwa$个。特征图在同一空间位置上的$c$个元素，在输入图像上的**感受野**相同，表示了同一块区域的信息。因此可以把它
# 们变换为以该位置为中心的$a$个锚框的类别和偏移量：本质上，是用图像上感受野内的信息，预测与感受野位置相近的锚框。
#
# 网络越深，特征图越小，感受野越大。这正合需要：靠近输入的层，特征图大、感受野小，用许多小锚框检测小目标；靠近输出的
# 层，特征图小、感受野大，用少数大锚框检测大目标。9.7节的SSD就是这样做的。
#
# ## 小结
#
# - 特征图的形状确定了任一图像上均匀采样的锚框中心。
# - 可以在多个尺度上生成不同数量、不同大小的锚框，检测不同大小的目标。
# - 用输入图像在某个感受野内的信息，预测与该区域位置相近的锚框的类别和偏移量。

# %% [markdown] lang="en"
# With the anchors made, the features of each scale have to detect objects. Let the map of some scale have $c$
# channels, height $h$ and width $w$. With $a$ anchors around each unit there are $hwa$ anchors. The $c$ elements at
# one position of the map have the same **receptive field** in the picture: they describe the same region. So we can
# turn them into the classes and the offsets of the $a$ anchors around this position. In short, the receptive field
# predicts the anchors that lie near it.
#
# The deeper the layer, the smaller is the map and the larger the receptive field. This is what we need. Layers near
# the input have large maps and small receptive fields, and find small objects with many small anchors. Layers near
# the output have small maps and large receptive fields, and find large objects with a few large anchors. SSD in
# section 9.7 works in this way.
#
# ## Summary
#
# - The shape of a feature map determines evenly spaced centres of anchors on any picture.
# - Anchors of different numbers and sizes on several scales detect objects of different sizes.
# - The information in a receptive field of the picture predicts classes and offsets of the anchors near this region.
