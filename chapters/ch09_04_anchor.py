# %% [markdown] lang="zh"
# # 9.4 锚框
#
# 目标检测算法通常先在图像上采样大量的区域，判断每个区域里有没有我们感兴趣的目标，再调整区域的边缘，使它更准确地贴合目
# 标的**真实边界框**（ground-truth bounding box）。不同的模型采样区域的方法不同。本节介绍其中的一种：以每个像素为中
# 心，生成多个大小和宽高比（aspect ratio）不同的边界框。这些边界框叫作**锚框**（anchor box）。9.7节的模型就建立在锚框
# 之上。
#
# 本节依次回答四个问题：怎样生成锚框；怎样度量两个框的相似程度；训练时，一个锚框的标签从哪里来；预测时，怎样由大量的锚
# 框得到少数几个边界框。

# %% [markdown] lang="en"
# # 9.4 Anchor boxes
#
# A detector usually samples many regions of a picture, decides whether a region contains an object of interest, and
# then moves the region's edges until they fit the **ground-truth bounding box** of the object. Models differ in the
# way they sample. This section describes one way: around each pixel we generate several boxes of different sizes and
# aspect ratios. These boxes are called **anchor boxes**, or anchors. The model of section 9.7 is built on them.
#
# The section answers four questions. How do we generate anchors? How do we measure the similarity of two boxes? Where
# do the labels of an anchor come from in training? How does prediction turn many anchors into a few boxes?

# %%
import d2lzh_cv as d2l

d2l.start("9.4")

# %%
import numpy as np
from mxnet import nd

np.set_printoptions(2)  # NDArrays print two decimals as well

# %% tags=["parameters"]
sizes, ratios = [0.75, 0.5, 0.25], [1, 2, 0.5]
iou_threshold, nms_threshold = 0.5, 0.5

# %% [markdown] lang="zh"
# ## 9.4.1 生成多个锚框
#
# 设图像的高为$h$，宽为$w$。锚框的形状由两个数决定：大小$s \in (0, 1]$和宽高比$r > 0$。锚框的宽和高分别是
#
# $$w s \sqrt{r} \quad\textrm{和}\quad \frac{h s}{\sqrt{r}}.$$
#
# 为什么是$\sqrt{r}$？两者的乘积是$w h s^2$，与$r$无关：锚框的面积总是图像面积的$s^2$倍。于是$s$只管大小，$r$只管形
# 状；$r$增大时，锚框变宽多少倍，就变矮多少倍。
#
# 按这个公式，宽与高之比其实是$r w / h$。只要图像不是正方形，$r = 1$的锚框也不是正方形，而是与图像形状相同。MXNet的
# `MultiBoxPrior`做了一处改动：宽取$h s \sqrt{r}$个像素，除以图像的宽，相对宽度就是$s \sqrt{r} \cdot h / w$；相对高度
# 仍是$s / \sqrt{r}$。这样$r$才是以像素计的宽高比，$r = 1$的锚框是正方形。
#
# 接下来设定一组大小$s_1, \ldots, s_n$和一组宽高比$r_1, \ldots, r_m$。如果每个像素都用上所有的组合，整个图像会有$whnm$
# 个锚框，计算量容易过大。因此通常只取包含$s_1$或$r_1$的组合：
#
# $$(s_1, r_1), (s_2, r_1), \ldots, (s_n, r_1), (s_1, r_2), (s_1, r_3), \ldots, (s_1, r_m).$$
#
# 也就是说，以同一像素为中心的锚框有$n + m - 1$个，整个图像有$wh(n + m - 1)$个。

# %% [markdown] lang="en"
# ## 9.4.1 Generating anchors
#
# Let a picture have height $h$ and width $w$. Two numbers give the shape of an anchor: its size $s \in (0, 1]$ and
# its aspect ratio $r > 0$. Its width and its height are
#
# $$w s \sqrt{r} \quad\textrm{and}\quad \frac{h s}{\sqrt{r}}.$$
#
# Why $\sqrt{r}$? The product of the two is $w h s^2$ and does not depend on $r$: the area of an anchor is always
# $s^2$ times the area of the picture. So $s$ is in charge of the size, $r$ of the shape. When $r$ grows, the anchor
# becomes lower by the factor by which it becomes wider.
#
# By this formula the ratio of width to height is in fact $r w / h$. Unless the picture is square, an anchor with $r =
# 1$ is not square either; it has the shape of the picture. `MultiBoxPrior` of MXNet differs in one point: it makes
# the anchor $h s \sqrt{r}$ pixels wide. Relative to the width of the picture this is $s \sqrt{r} \cdot h / w$; the
# relative height is still $s / \sqrt{r}$. So $r$ is the aspect ratio in pixels, and $r = 1$ gives a square.
#
# Now choose sizes $s_1, \ldots, s_n$ and ratios $r_1, \ldots, r_m$. All combinations around each pixel would be
# $whnm$ anchors, which is often too much to compute. Therefore we usually take only the combinations that contain
# $s_1$ or $r_1$:
#
# $$(s_1, r_1), (s_2, r_1), \ldots, (s_n, r_1), (s_1, r_2), (s_1, r_3), \ldots, (s_1, r_m).$$
#
# This gives $n + m - 1$ anchors around one pixel and $wh(n + m - 1)$ anchors for the picture.

# %%
pairs = [(s, ratios[0]) for s in sizes] + [(sizes[0], r) for r in ratios[1:]]

# %%
d2l.show_code(d2l.multibox_prior)

# %% [markdown] lang="zh"
# `MultiBoxPrior`只看输入的高和宽，不看它的值，所以可以给它随机数。返回的锚框变量的形状是(批量大小, 锚框个数, 4)。

# %% [markdown] lang="en"
# `MultiBoxPrior` uses only the height and the width of its input, not the values, so random numbers will do. The
# shape of its result is (batch size, number of anchors, 4).

# %%
img = d2l.read_picture(d2l.data_folder("img") / "catdog.jpg")
h, w = img.shape[:2]
(h, w)

# %%
X = nd.random.uniform(shape=(1, 3, h, w))
Y = d2l.multibox_prior(X, sizes, ratios)
Y.shape

# %% [markdown] lang="zh"
# 五个锚框乘以$561 \times 728$个像素，共有两百多万个锚框。把形状变为(高, 宽, 以同一像素为中心的锚框个数, 4)后，就可以
# 按像素的位置查看锚框。下面是以第250行第250列的像素为中心的第一个锚框。它的四个元素是左上角的$x$、$y$坐标和右下角的
# $x$、$y$坐标，其中$x$和$y$分别除以了图像的宽和高，因此落在图像内的坐标都在0和1之间。

# %% [markdown] lang="en"
# Five anchors for each of $561 \times 728$ pixels are more than two million anchors. After a reshape to (height,
# width, anchors around one pixel, 4), we can look anchors up by pixel. This is the first anchor around the pixel in
# row 250 and column 250. Its four elements are $x$ and $y$ of the top left corner and $x$ and $y$ of the bottom right
# corner. $x$ is divided by the width of the picture and $y$ by its height, so coordinates inside the picture are
# between 0 and 1.

# %%
boxes = Y.reshape((h, w, len(pairs), 4))
boxes[250, 250, 0, :]

# %% [markdown] lang="zh"
# 验算一下：高是$0.822 - 0.072 = 0.75$，就是$s$；宽是$0.633 - 0.055 = 0.578$，就是$0.75 \times 561 / 728$。
#
# 为了画出以某个像素为中心的所有锚框，我们定义`show_bboxes`函数，它把多个边界框和它们的文字画在图像上。

# %% [markdown] lang="en"
# A check: the height is $0.822 - 0.072 = 0.75$, which is $s$. The width is $0.633 - 0.055 = 0.578$, which is $0.75
# \times 561 / 728$.
#
# To draw all anchors around a pixel we define the function `show_bboxes`. It draws several boxes with their texts on
# a picture.

# %%
d2l.show_code(d2l.show_bboxes)

# %% [markdown] lang="zh"
# 画图之前要把相对坐标乘以图像的宽和高，恢复成像素。请看下图：蓝、绿、红三个正方形的大小$s$依次减小；品红和黑色的锚框
# 与蓝色的面积相同，一个宽，一个窄。

# %% [markdown] lang="en"
# Before drawing, relative coordinates are multiplied by the width and the height of the picture, which gives pixels.
# Look at the figure: the blue, green and red squares have decreasing sizes $s$. The magenta and the black anchor have
# the area of the blue one, but the magenta one is wide and the black one is narrow.

# %% figure="anchors" zh="以像素(250, 250)为中心的五个锚框" en="the five anchors around pixel (250, 250)"
d2l.set_figsize()
bbox_scale = nd.array((w, h, w, h))
axes = d2l.plt.imshow(img.asnumpy()).axes
d2l.show_bboxes(axes, boxes[250, 250, :, :] * bbox_scale, [f"s={s}, r={r}" for s, r in pairs])

# %% [markdown] lang="zh"
# 下图可以动手：改变特征图、大小和宽高比，看哪个数改变面积，哪个只改变形状，以及特征图的形状怎样把锚框拉宽。

# %% [markdown] lang="en"
# This figure moves: change the map, the sizes and the ratios. See which number changes the area and which one only
# the shape, and how the shape of the map stretches the anchors.

# %%
d2l.show_interactive("anchors", picture=img)

# %% [markdown] lang="zh"
# ## 9.4.2 交并比
#
# 上图中有的锚框较好地覆盖了狗。“较好”怎样用数字来表示？如果知道狗的真实边界框，就可以度量它与锚框的相似程度。杰卡德系
# 数（Jaccard index）度量两个集合的相似程度：交集的大小除以并集的大小，
#
# $$J(\mathcal{A}, \mathcal{B}) = \frac{|\mathcal{A} \cap \mathcal{B}|}{|\mathcal{A} \cup \mathcal{B}|}.$$
#
# 把边界框看作它所含的像素的集合，就可以用杰卡德系数比较两个边界框。这时它叫作**交并比**（intersection over union，
# IoU），即两个边界框相交的面积与相并的面积之比（书中图9.2）。它的取值在0和1之间：0表示没有重合的像素，1表示完全相等。
#
# 计算很简单。相交的部分仍是矩形：它的左上角取两个左上角坐标中较大的，右下角取两个右下角坐标中较小的；如果算出的宽或高
# 是负数，两个框就不相交。相并的面积等于两个面积之和减去相交的面积。

# %% [markdown] lang="en"
# ## 9.4.2 Intersection over union
#
# Some anchors in the figure cover the dog well. Which number tells how well? If we know the ground-truth box of the
# dog, we can measure how similar it is to an anchor. The **Jaccard index** measures the similarity of two sets. It is
# the size of their intersection over the size of their union,
#
# $$J(\mathcal{A}, \mathcal{B}) = \frac{|\mathcal{A} \cap \mathcal{B}|}{|\mathcal{A} \cup \mathcal{B}|}.$$
#
# A box is the set of its pixels, so the Jaccard index compares boxes too. Then it is called **intersection over
# union** (IoU): the area that two boxes share, over the area that they cover together (figure 9.2 of the book). It is
# between 0 and 1. 0 means that no pixel is shared, and 1 means that the boxes are equal.
#
# The computation is simple. The intersection is again a rectangle. Its top left corner has the larger of the two left
# and top coordinates, its bottom right corner has the smaller of the two right and bottom coordinates. If its width
# or height is negative, the boxes do not meet. The area of the union is the sum of both areas minus the intersection.

# %%
d2l.show_code(d2l.iou)

# %% [markdown] lang="zh"
# 看一个能手算的例子：把一个正方形向右平移自身宽度的三分之一。相交的部分是正方形的$2/3$，相并的部分是$4/3$，交并比是
# $0.5$。可见0.5并不是很低的要求：两个框看上去已经相当接近了。

# %% [markdown] lang="en"
# This example can be computed by hand: a square moves to the right by a third of its width. The intersection is $2/3$
# of the square, the union is $4/3$, and the IoU is $0.5$. So 0.5 is not a low demand: the two boxes look quite alike.

# %%
square, moved = nd.array([[0, 0, 0.6, 0.6]]), nd.array([[0.2, 0, 0.8, 0.6]])
overlap = d2l.iou(square, moved)
overlap

# %% [markdown] lang="zh"
# 本节其余的部分都用交并比来度量锚框与真实边界框之间、锚框与锚框之间的相似程度。
#
# ## 9.4.3 标注训练集的锚框
#
# 训练时，每个锚框都是一个训练样本。它需要两种标签：锚框所含目标的**类别**，以及真实边界框相对锚框的**偏移量**
# （offset）。预测时，模型为每个锚框预测类别和偏移量，按偏移量移动锚框，就得到预测边界框。
#
# 训练集已给出真实边界框的位置和目标的类别，剩下的问题是：哪个锚框该由哪个真实边界框来标注？设图像中有锚框
# $A_1, \ldots, A_{n_a}$和真实边界框$B_1, \ldots, B_{n_b}$，且$n_a \ge n_b$。把$A_i$与$B_j$的交并比$x_{ij}$排成矩阵
# $\boldsymbol{X} \in \mathbb{R}^{n_a \times n_b}$，每个锚框一行，每个真实边界框一列。然后：
#
# 1. 找出$\boldsymbol{X}$中最大的元素，记作$x_{i_1 j_1}$，把$B_{j_1}$分配给$A_{i_1}$。它们是所有配对中最相似的一对。丢
#    弃第$i_1$行和第$j_1$列。
# 2. 在剩下的元素中再找最大的，照样分配，再丢弃一行一列。重复到$n_b$列都被丢弃为止。这时有$n_b$个锚框各分到了一个真实
#    边界框。
# 3. 对其余的$n_a - n_b$个锚框，逐行找出与该锚框交并比最大的真实边界框；只有当这个交并比大于预先设定的阈值（默认是
#    0.5）时，才分配给它。
#
# 前两步保证每个目标至少有一个锚框负责，哪怕它们的交并比很小；第三步让其他足够相似的锚框也参与学习。书中图9.3用
# $9 \times 4$的矩阵演示了这个过程。
#
# 如果锚框$A$分到了真实边界框$B$，$A$的类别就是$B$的类别，它叫作**正类锚框**；其余锚框的类别是背景，叫作**负类锚框**。
#
# 设$A$和$B$的中心分别是$(x_a, y_a)$和$(x_b, y_b)$，宽分别是$w_a$和$w_b$，高分别是$h_a$和$h_b$。$A$的偏移量标注为
#
# $$\left(\frac{\frac{x_b - x_a}{w_a} - \mu_x}{\sigma_x}, \frac{\frac{y_b - y_a}{h_a} - \mu_y}{\sigma_y},
# \frac{\log\frac{w_b}{w_a} - \mu_w}{\sigma_w}, \frac{\log\frac{h_b}{h_a} - \mu_h}{\sigma_h}\right),$$
#
# 其中的常数默认为$\mu_x = \mu_y = \mu_w = \mu_h = 0$，$\sigma_x = \sigma_y = 0.1$，$\sigma_w = \sigma_h = 0.2$。位移
# 除以锚框的宽和高，于是大框和小框的偏移量可以相比；宽高之比取对数，于是变大一倍和缩小一半只差一个符号，而且由任意的预
# 测值都能恢复出正的宽和高。正类锚框与$B$本来就相近，这四个数都很小，除以$\sigma$后分布得更均匀，更容易拟合。

# %% [markdown] lang="en"
# The rest of the section uses IoU to measure the similarity of anchors and ground-truth boxes, and of anchors with
# each other.
#
# ## 9.4.3 Labelling the anchors of a training set
#
# In training, each anchor is one example. It needs two labels: the **class** of the object in it, and the **offsets**
# from the anchor to the ground-truth box. In prediction, a model predicts class and offsets of each anchor; moving
# the anchor by its offsets gives the predicted box.
#
# A training set tells the places of the ground-truth boxes and the classes of their objects. The question is which
# ground-truth box labels which anchor. Let a picture have anchors $A_1, \ldots, A_{n_a}$ and ground-truth boxes $B_1,
# \ldots, B_{n_b}$, with $n_a \ge n_b$. Let the matrix $\boldsymbol{X} \in \mathbb{R}^{n_a \times n_b}$ hold the IoU
# $x_{ij}$ of $A_i$ and $B_j$: a row for each anchor, a column for each ground-truth box. Then:
#
# 1. Find the largest element of $\boldsymbol{X}$, say $x_{i_1 j_1}$, and assign $B_{j_1}$ to $A_{i_1}$. No other pair
#    is more similar. Delete row $i_1$ and column $j_1$.
# 2. Find the largest of the remaining elements, assign in the same way, and delete its row and its column. Repeat
#    this until all $n_b$ columns are deleted. Now $n_b$ anchors have one ground-truth box each.
# 3. Go through the rows of the other $n_a - n_b$ anchors. Find the ground-truth box that has the largest IoU with the
#    anchor, and assign it only if this IoU is above a threshold, by default 0.5.
#
# Steps 1 and 2 give each object at least one anchor, even if their IoU is small. Step 3 lets other anchors learn as
# well if they are similar enough. Figure 9.3 of the book shows the procedure on a $9 \times 4$ matrix.
#
# If the anchor $A$ gets the ground-truth box $B$, the class of $A$ is the class of $B$, and $A$ is a **positive
# anchor**. An anchor without a box has the class background and is a **negative anchor**.
#
# Let $(x_a, y_a)$ and $(x_b, y_b)$ be the centres of $A$ and $B$, $w_a$ and $w_b$ their widths, $h_a$ and $h_b$ their
# heights. The offsets of $A$ are
#
# $$\left(\frac{\frac{x_b - x_a}{w_a} - \mu_x}{\sigma_x}, \frac{\frac{y_b - y_a}{h_a} - \mu_y}{\sigma_y},
# \frac{\log\frac{w_b}{w_a} - \mu_w}{\sigma_w}, \frac{\log\frac{h_b}{h_a} - \mu_h}{\sigma_h}\right),$$
#
# where the defaults of the constants are $\mu_x = \mu_y = \mu_w = \mu_h = 0$, $\sigma_x = \sigma_y = 0.1$ and
# $\sigma_w = \sigma_h = 0.2$. The shift is divided by the width and the height of the anchor, so that offsets of
# large and small anchors can be compared. The logarithm makes "twice as wide" and "half as wide" differ only in sign,
# and any predicted number gives a positive width and height back. A positive anchor is close to its $B$, so these
# numbers are small; after the division by $\sigma$ they spread more evenly and are easier to fit.

# %%
d2l.show_code(d2l.encode_offsets)

# %% [markdown] lang="zh"
# 下面是一个具体的例子。真实边界框有两个，第一个元素是类别（0为狗，1为猫），其余四个元素是左上角和右下角的相对坐标。五
# 个锚框由它们左上角和右下角的坐标构造，编号是0到4。

# %% [markdown] lang="en"
# Here is an example. There are two ground-truth boxes: the first element is the class, 0 for dog and 1 for cat, and
# the others are the relative coordinates of the corners. Five anchors with the numbers 0 to 4 are given by their
# corners.

# %% figure="ground_truth" zh="真实边界框（黑）和五个锚框" en="two ground-truth boxes (black) and five anchors"
ground_truth = nd.array([[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]])
anchors = nd.array([[0, 0.1, 0.2, 0.3], [0.15, 0.2, 0.4, 0.4], [0.63, 0.05, 0.88, 0.98],
                    [0.66, 0.45, 0.8, 0.8], [0.57, 0.3, 0.92, 0.9]])
axes = d2l.plt.imshow(img.asnumpy()).axes
d2l.show_bboxes(axes, ground_truth[:, 1:] * bbox_scale, ["dog", "cat"], "k")
d2l.show_bboxes(axes, anchors * bbox_scale, ["0", "1", "2", "3", "4"])

# %% [markdown] lang="zh"
# 先看矩阵$\boldsymbol{X}$，行是锚框，列是狗和猫：

# %% [markdown] lang="en"
# This is the matrix $\boldsymbol{X}$. Rows are anchors, columns are dog and cat:

# %%
d2l.iou(anchors, ground_truth[:, 1:])

# %% [markdown] lang="zh"
# 照步骤做一遍。最大的元素是锚框4与猫的0.75，把猫分配给锚框4，丢弃这一行和猫这一列。剩下的最大元素是锚框1与狗的0.14，
# 把狗分配给锚框1，两列都已丢弃。其余三个锚框逐行看：锚框0最大的交并比是0.05，不到阈值，是背景；锚框2与猫的0.57大于
# 0.5，类别是猫；锚框3与猫只有0.21，是背景。
#
# MXNet的`MultiBoxTarget`完成同样的工作，`d2l.multibox_target`调用它。它要求输入带有批量那一维，用`expand_dims`添加。
# 第三个输入是类别的预测，形状为(批量大小, 包含背景的类别数, 锚框个数)；不做难负例挖掘时，只用到它的形状，所以可以全是
# 0。

# %% [markdown] lang="en"
# Let us go through the steps. The largest element is 0.75, of anchor 4 and the cat. Anchor 4 gets the cat; its row
# and the column of the cat are deleted. The largest remaining element is 0.14, of anchor 1 and the dog. Anchor 1 gets
# the dog, and no column is left. Now the rows of the other three anchors: the largest IoU of anchor 0 is 0.05, below
# the threshold, so it is background. Anchor 2 has an IoU of 0.57 with the cat, above 0.5, so its class is cat. Anchor
# 3 reaches only 0.21 and is background.
#
# `MultiBoxTarget` of MXNet does the same; `d2l.multibox_target` calls it. Its inputs need a batch axis, which
# `expand_dims` adds. The third input is the predicted scores of the classes, of shape (batch size, classes with
# background, anchors). Without hard negative mining only the shape matters, so zeros will do.

# %%
labels = d2l.multibox_target(anchors.expand_dims(axis=0),       # (1, 5, 4)
                             ground_truth.expand_dims(axis=0),  # (1, 2, 5)
                             nd.zeros((1, 3, 5)), overlap_threshold=iou_threshold)

# %% [markdown] lang="zh"
# 返回的结果有三项，都是NDArray。最后一项是锚框的类别。背景是0，所以狗和猫的编号各加1，变成1和2。它与我们手算的一致：

# %% [markdown] lang="en"
# The result has three NDArrays. The last one holds the classes of the anchors. Background is 0, so dog and cat move
# to 1 and 2. The classes agree with ours:

# %%
labels.classes

# %% [markdown] lang="zh"
# 中间一项是**掩码**（mask）变量，形状为(批量大小, 锚框个数的四倍)，每四个元素对应一个锚框的四个偏移量。为什么需要它？
# 负类锚框没有真实边界框，它的偏移量没有意义，不应影响目标函数。掩码在负类锚框处是0，与偏移量按元素相乘，就在计算目标
# 函数之前过滤掉了这些偏移量。

# %% [markdown] lang="en"
# The middle one is the **mask** of shape (batch size, four times the number of anchors). Every four elements stand
# for the four offsets of one anchor. Why do we need it? A negative anchor has no ground-truth box, so its offsets
# mean nothing and must not change the loss. The mask is 0 at negative anchors; multiplied by the offsets, element by
# element, it removes them before the loss is computed.

# %%
labels.mask

# %% [markdown] lang="zh"
# 第一项是每个锚框的四个偏移量，负类锚框的偏移量标注为0。锚框1比狗小得多，因此它的偏移量最大。

# %% [markdown] lang="en"
# The first one holds the four offsets of each anchor, 0 for negative anchors. Anchor 1 is much smaller than the dog,
# so its offsets are the largest.

# %%
labels.offsets

# %% [markdown] lang="zh"
# 用上面的公式为三个正类锚框再算一遍，两种结果的最大差异是：

# %% [markdown] lang="en"
# The formula gives offsets for the three positive anchors as well. The largest difference between the two results is:

# %%
positive, boxes_of_positive = nd.array([1, 2, 4]), ground_truth[:, 1:][nd.array([0, 1, 1])]
by_formula = d2l.encode_offsets(anchors[positive], boxes_of_positive)
difference = (by_formula - labels.offsets.reshape((5, 4))[positive]).abs().max()
difference

# %% [markdown] lang="zh"
# 下图一步步走过同一个矩阵。把锚框4拖离猫，看猫改由谁负责；把一个锚框缩成一条线，看它的交并比和标签。

# %% [markdown] lang="en"
# This figure goes through the same matrix step by step. Drag anchor 4 away from the cat and see which anchor gets the
# cat then; shrink an anchor to a line and see its IoU and its label.

# %%
d2l.show_interactive("assignment", picture=img, objects=ground_truth, anchors=anchors)

# %% [markdown] lang="zh"
# ## 9.4.4 输出预测边界框
#
# 预测时，模型为图像生成许多锚框，预测它们的类别和偏移量，由此得到预测边界框。锚框很多，同一个目标周围就可能有许多相似
# 的预测边界框。为了使结果简洁，要移除其中相似的框，常用的方法叫作**非极大值抑制**（non-maximum suppression，NMS）。
#
# 对一个预测边界框$B$，模型会给出它属于各个类别的概率。概率最大的类别是$B$的预测类别，这个概率$p$是$B$的**置信度**。把
# 同一图像上预测类别不是背景的边界框，按置信度从高到低排成列表$L$。然后：
#
# 1. 取$L$中置信度最高的$B_1$作为基准，把所有与$B_1$的交并比大于某阈值的非基准边界框从$L$中移除。阈值是预先设定的超参
#    数。这时$L$保留了置信度最高的框，并移除了与它相似的框。
# 2. 取$L$中置信度第二高的$B_2$作为基准，同样移除与它相似的非基准边界框。
# 3. 重复下去，直到$L$中所有的框都当过基准。这时$L$中任意两个框的交并比都不超过阈值，输出$L$中的所有边界框。

# %% [markdown] lang="en"
# ## 9.4.4 Predicted bounding boxes
#
# In prediction, a model generates many anchors, predicts their classes and offsets, and so obtains boxes. With many
# anchors, one object may have many similar boxes around it. To keep the result short we remove similar boxes. The
# usual method is **non-maximum suppression** (NMS).
#
# For a predicted box $B$ the model gives a probability for each class. The class with the largest probability is the
# predicted class of $B$, and this probability $p$ is its **confidence**, or score. Sort all boxes of a picture whose
# predicted class is not background by their confidence, highest first; call this list $L$. Then:
#
# 1. Take the box $B_1$ with the highest confidence in $L$ as the reference. Remove from $L$ all other boxes whose IoU
#    with $B_1$ is above a threshold, a hyperparameter. $L$ now has the best box, and boxes similar to it are gone.
# 2. Take the box $B_2$ with the second highest confidence in $L$ as the reference, and remove the boxes similar to it
#    in the same way.
# 3. Continue until each box in $L$ has been the reference. Now no two boxes of $L$ have an IoU above the threshold.
#    Output all boxes of $L$.

# %%
d2l.show_code(d2l.nms)

# %% [markdown] lang="zh"
# 看一个例子。先构造四个锚框；简单起见，设预测的偏移量都是0，于是预测边界框就是锚框。再给出每个锚框是背景、狗和猫的概
# 率。

# %% [markdown] lang="en"
# Here is an example with four anchors. For simplicity all predicted offsets are 0, so the predicted boxes are the
# anchors. The probabilities tell how likely each anchor is background, dog or cat.

# %% figure="predictions" zh="四个预测边界框和它们的置信度" en="four predicted boxes and their confidence"
anchors = nd.array([[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91], [0.55, 0.2, 0.9, 0.88]])
offset_preds = nd.zeros(anchors.size)
cls_probs = nd.array([[0] * 4,               # background
                      [0.9, 0.8, 0.7, 0.1],  # dog
                      [0.1, 0.2, 0.3, 0.9]])  # cat
axes = d2l.plt.imshow(img.asnumpy()).axes
d2l.show_bboxes(axes, anchors * bbox_scale, ["dog=0.9", "dog=0.8", "dog=0.7", "cat=0.9"])

# %% [markdown] lang="zh"
# 三个框都说自己是那只狗。MXNet的`MultiBoxDetection`由锚框和偏移量算出预测边界框，再执行非极大值抑制；
# `d2l.multibox_detection`调用它。返回结果的形状是(批量大小, 锚框个数, 6)，每一行是一个预测边界框，六个元素依次是类
# 别、置信度和左上角、右下角的坐标。这里的类别从0开始，0是狗，1是猫；−1表示背景，或者在非极大值抑制中被移除。

# %% [markdown] lang="en"
# Three boxes claim to be the dog. `MultiBoxDetection` of MXNet computes boxes from anchors and offsets and suppresses
# non-maxima; `d2l.multibox_detection` calls it. Its result has the shape (batch size, anchors, 6). Each row is a box:
# class, confidence, and the coordinates of the top left and the bottom right corner. Classes begin at 0 here: 0 is
# dog, 1 is cat. −1 means background, or that non-maximum suppression has removed the box.

# %%
output = d2l.multibox_detection(cls_probs.expand_dims(axis=0), offset_preds.expand_dims(axis=0),
                                anchors.expand_dims(axis=0), nms_threshold)
output

# %% [markdown] lang="zh"
# 置信度为0.8和0.7的两个框与0.9的狗太相似，被移除了；猫与狗类别不同，也不重合，保留下来。`MultiBoxDetection`只在类别相
# 同的框之间抑制，并且交并比等于阈值时也移除。去掉类别为−1的行，画出最后的结果：

# %% [markdown] lang="en"
# The boxes with a confidence of 0.8 and 0.7 are too similar to the dog of 0.9 and are removed. The cat has another
# class and does not overlap the dog; it stays. `MultiBoxDetection` suppresses only boxes of the same class, and also
# at an IoU equal to the threshold. We leave out the rows of class −1 and draw what remains:

# %% figure="after_suppression" zh="非极大值抑制保留的边界框" en="the boxes that non-maximum suppression keeps"
axes = d2l.plt.imshow(img.asnumpy()).axes
for row in output[0].asnumpy():
    if row[0] != -1:
        label = ("dog=", "cat=")[int(row[0])] + str(row[1])
        d2l.show_bboxes(axes, [nd.array(row[2:]) * bbox_scale], label)

# %% [markdown] lang="zh"
# 四个框还看不出阈值的作用。下图是9.7节的TinySSD在抑制之前给出的框：图像里有四个目标，阈值取0.5却留下五个框。阈值要降到
# 多少，才正好每个目标一个？升到0.8又会怎样？

# %% [markdown] lang="en"
# Four boxes hardly show what the threshold does. These are the boxes of a TinySSD of section 9.7 before suppression.
# The picture has four objects, but five boxes stay at a threshold of 0.5. Which threshold leaves one box per object,
# and what does 0.8 do?

# %%
d2l.show_interactive("suppression")

# %% [markdown] lang="zh"
# 实践中，可以在非极大值抑制之前先移除置信度较低的预测边界框，以减少计算量；也可以筛选它的输出，例如只保留置信度较高的
# 结果。
#
# ## 小结
#
# - 以每个像素为中心，生成多个大小和宽高比不同的锚框；$n$个大小和$m$个宽高比给出$n + m - 1$个锚框。
# - 交并比是两个边界框相交的面积与相并的面积之比。
# - 训练时，为每个锚框标注两种标签：锚框所含目标的类别，真实边界框相对锚框的偏移量。
# - 预测时，用非极大值抑制移除相似的预测边界框，使结果简洁。

# %% [markdown] lang="en"
# In practice we can remove boxes of low confidence before non-maximum suppression to save time. We can also filter
# its output, for example to keep confident boxes only.
#
# ## Summary
#
# - Around each pixel we generate anchors of different sizes and aspect ratios; $n$ sizes and $m$ ratios give $n + m -
#   1$ anchors.
# - Intersection over union is the area that two boxes share over the area that they cover together.
# - In training, each anchor has two labels: the class of its object, and the offsets from the anchor to the
#   ground-truth box.
# - In prediction, non-maximum suppression removes similar boxes and keeps the result short.
