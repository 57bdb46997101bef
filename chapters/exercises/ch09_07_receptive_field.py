# %% [markdown] lang="zh"
# # 9.7 练习：感受野
#
# TinySSD的各个特征图上，一个单元能看到图像的多大一块？以它为中心的锚框，它都看得全吗？
#
# 一个单元的**感受野**是输入图像中能影响它的那些像素。我们先用手算的递推公式，再用一个读网络计算图的计算器，求出
# TinySSD每个块的感受野，也看看9.10节的ResNet-18和9.11节的VGG-19；然后与锚框的大小相比；最后用梯度来验证：只有感受野以
# 内的像素，梯度才可能不为零。

# %% [markdown] lang="en"
# # 9.7 Exercise: receptive fields
#
# How large a part of the picture does a unit of each feature map of TinySSD see? Does it see all of the anchors
# around it?
#
# The **receptive field** of a unit is the set of pixels of the picture that can change its value. We compute it by
# hand with a recursion, then for each block of TinySSD with a calculator that reads the graph of a network. We also
# look at ResNet-18 of section 9.10 and VGG-19 of section 9.11. Then we compare the fields with the sizes of the
# anchors. At the end gradients check the result: only pixels inside the field can have a gradient other than zero.

# %%
import d2lzh_cv as d2l

d2l.start("9.7-receptive-field")

# %%
import numpy as np
from mxnet import autograd, init, nd
from mxnet.gluon import model_zoo

from d2lzh_cv import metrics
from d2lzh_cv.exercises.receptive_field import receptive_fields, use_moving_statistics
from d2lzh_cv.ssd import SIZES

# %% tags=["parameters"]
edge_size, num_pictures = 256, 16

# %% tags=["quick"]
num_pictures = 8

# %% [markdown] lang="zh"
# ## 手算
#
# 从后往前推。设某一层的卷积核为$k$，步幅为$s$，扩张为$d$，则输出中相邻的$r$个单元，在输入中占
#
# $$(r - 1) s + d (k - 1) + 1$$
#
# 个单元。高和宽减半块是两个$3 \times 3$卷积层和一个步幅为2的$2 \times 2$池化层，从一个输出单元开始，依次是1、2、4、
# 6，与9.7节一致。

# %% [markdown] lang="en"
# ## By hand
#
# The computation goes backwards. Let a layer have kernel $k$, stride $s$ and dilation $d$. Then $r$ neighbouring
# units of its output need
#
# $$(r - 1) s + d (k - 1) + 1$$
#
# units of its input. The block that halves height and width has two $3 \times 3$ convolutions and a $2 \times 2$
# pooling of stride 2. From one output unit we get 1, 2, 4, 6, as in section 9.7.

# %%
r = 1
for kernel, stride in ((2, 2), (3, 1), (3, 1)):
    r = (r - 1) * stride + kernel
    print(f"kernel {kernel}, stride {stride}: {r}")

# %% [markdown] lang="zh"
# 计算器`receptive_fields`沿网络的计算图做同样的递推，因此允许任意的嵌套和分支。表中每行是一个块：感受野的像素数、相邻
# 单元的感受野相距多少像素、第一个单元从哪个像素看起、特征图的边长。起点为负，是说感受野伸到了填充里。

# %% [markdown] lang="en"
# The calculator `receptive_fields` does the same along the graph of a network, so blocks may nest and branch freely.
# Each row of the table is a block: the size of its field in pixels, the distance between the fields of neighbouring
# units, the first pixel that the first unit sees, and the side of the feature map. A negative first pixel means that
# the field reaches into the padding.


# %%
def table_of(fields):
    rows = [[path or "(whole)", field.size[0], float(field.stride[0]), field.start[0], field.units[0]]
            for path, field in fields.items()]
    return metrics.Table(["block", "pixels", "stride", "first pixel", "units"], rows)


block = receptive_fields(d2l.down_sample_blk(10), (1, 3, 20, 20))
block_table = table_of(block)
block_table

# %% [markdown] lang="zh"
# ## TinySSD
#
# 下面是每个块，以及每个尺度上的两个预测层。步幅每减半一次就加倍，所以越靠后的层，一个$3 \times 3$卷积层使感受野增加得
# 越多。

# %% [markdown] lang="en"
# ## TinySSD
#
# These are all blocks, and the two predictors of each scale. The stride doubles whenever the map is halved, so a
# $3 \times 3$ convolution adds more to the field in a later layer.

# %%
net = d2l.TinySSD(num_classes=1)
ssd = receptive_fields(net, (1, 3, edge_size, edge_size))
ssd_table = table_of(ssd)
ssd_table

# %% [markdown] lang="zh"
# ## ResNet-18、FCN和VGG-19
#
# 残差块有两条支路，感受野取较大的那条。FCN在ResNet-18的特征上加一个步幅为32的转置卷积层，输出又是每个像素一个单元，所
# 以相邻单元的距离回到1。VGG-19只列出9.11节用到的层。

# %% [markdown] lang="en"
# ## ResNet-18, FCN and VGG-19
#
# A residual block has two branches; the larger field counts. FCN adds a transposed convolution of stride 32 to the
# features of ResNet-18. Its output has a unit for each pixel again, so the distance between units is 1. Of VGG-19 we
# list the layers that section 9.11 uses.

# %%
resnet = model_zoo.vision.resnet18_v2().features[:-2]
resnet_table = table_of({path: field for path, field in receptive_fields(resnet, (1, 3, 320, 320)).items()
                         if path.count(".") <= 1})
resnet_table

# %%
fcn_table = table_of({path: field for path, field in receptive_fields(d2l.fcn(resnet, 21), (1, 3, 320, 320)).items()
                      if "." not in path})
fcn_table

# %%
vgg = model_zoo.vision.vgg19().features[:29]
vgg_table = table_of({path: field for path, field in receptive_fields(vgg, (1, 3, 320, 320)).items() if path})
vgg_table

# %% [markdown] lang="zh"
# ## 看得全锚框吗
#
# 锚框的类别和偏移量由预测层在感受野里看到的内容决定。每个尺度上最宽的锚框，宽度是第一个大小的$\sqrt{2}$倍（宽高比为
# 2），或者是第二个大小。感受野不小于它，才看得到整个目标；比它小，目标的两端就只能猜。表中最后一列是两者之比。

# %% [markdown] lang="en"
# ## Is it enough for the anchors?
#
# The class and the offsets of an anchor depend on what the predictor sees in its field. The widest anchor of a scale
# is $\sqrt{2}$ times the first size (ratio 2), or the second size. A field of at least this width sees the whole
# object. A smaller field has to guess the ends of the object. The last column of the table is the ratio of the two.

# %%
rows = []
for i, (small, large) in enumerate(SIZES):
    seen = ssd[f"cls_{i}"]
    widest = edge_size * max(small * 2 ** 0.5, large)
    rows.append([f"scale {i}", seen.units[0], ssd[f"blk_{i}"].size[0], seen.size[0], edge_size * small,
                 edge_size * large, widest, seen.size[0] / widest])
fields_table = metrics.Table(["", "units", "block sees", "predictor sees", "size 1", "size 2", "widest",
                              "sees / widest"], rows)
fields_table

# %% [markdown] lang="zh"
# ## 用梯度验证
#
# 求预测层中间那个单元对图像的梯度：感受野以外必须是零。网络没有训练过；最大池化只把梯度传给一个像素，所以对几幅噪声图
# 像求和。训练模式下的批量归一化用整个批量的均值，会让每个像素都影响每个单元，因此用`use_moving_statistics`让它使用移
# 动平均。图中的颜色是梯度的对数，跨四个数量级；白框是算出的感受野，青框是第一个大小的锚框。注意看：梯度集中在感受野的
# 中部，越到边上越小。真正起作用的部分比感受野小（Luo等，2016）。

# %% [markdown] lang="en"
# ## Checked by gradients
#
# We compute the gradient of the middle unit of a predictor with respect to the picture. Outside the field it must be
# zero. The network is untrained. A maximum passes its gradient to one pixel only, so we sum over several pictures of
# noise. In training mode, batch normalisation uses the mean of the whole batch, and then each pixel changes each
# unit; `use_moving_statistics` makes it use moving averages. The colour is the logarithm of the gradient, over four
# powers of ten. The white frame is the computed field, the cyan frame an anchor of the first size. Note that the
# gradient is strong in the middle of the field and weak near its edges: the part that really counts is smaller
# than the field (Luo et al. 2016).

# %% figure="gradients" zh="梯度；白框为感受野，青框为锚框" en="gradients; white: the computed field, cyan: an anchor"
net.initialize(init.Xavier())
use_moving_statistics(net)
pictures = nd.random.uniform(0, 255, (num_pictures, 3, edge_size, edge_size))  # in a single one, a maximum may be dead
pictures.attach_grad()
inside, measured = [], []
for i, ax in enumerate(d2l.plt.subplots(1, 5, figsize=(13, 2.9))[1]):
    seen, middle, scores = ssd[f"cls_{i}"], ssd[f"cls_{i}"].units[0] // 2, pictures
    with autograd.record():
        for k in range(i + 1):
            scores = getattr(net, f"blk_{k}")(scores)
        unit = getattr(net, f"cls_{i}")(scores)[:, :, middle, middle].abs().sum()
    unit.backward()
    gradient = pictures.grad.abs().sum(axis=(0, 1)).asnumpy()
    x0, y0, x1, y1 = np.clip(seen.box((middle, middle)), 0, edge_size).astype(int)
    inside.append(float(gradient[y0:y1, x0:x1].sum() / gradient.sum()))
    lines = np.flatnonzero(gradient.any(axis=1))
    measured.append([f"scale {i}", y0, y1 - 1, lines[0], lines[-1]])
    ax.imshow(np.log10(gradient / gradient.max() + 1e-6), cmap="magma", vmin=-4, vmax=0)
    d2l.show_bboxes(ax, [(x0, y0, x1 - 1, y1 - 1)], colors="w")
    center_y, center_x = seen.center((middle, middle)) if seen.units[0] > 1 else [(edge_size - 1) / 2] * 2
    half = edge_size * SIZES[i][0] / 2
    d2l.show_bboxes(ax, [(center_x - half, center_y - half, center_x + half, center_y + half)], colors="c")
    ax.set(title=f"scale {i}", xticks=[], yticks=[], xlim=(0, edge_size), ylim=(edge_size, 0))

# %%
measured_table = metrics.Table(["", "first calculated", "last calculated", "first measured", "last measured"],
                               measured)
measured_table

# %% [markdown] lang="zh"
# ## 回答
#
# 图像边长为256时，五个尺度的预测层依次看到52、108、220、444、508个像素。前两个尺度小于最宽的锚框：网络看不全较大的目
# 标，只能由中间的部分推测它的边缘。后三个尺度的感受野比锚框大，最后两个已经超出了图像。非零梯度的第一行和最后一行，与
# 算出的完全一致。

# %% [markdown] lang="en"
# ## The answer
#
# In a picture with a side of 256, the predictors of the five scales see 52, 108, 220, 444 and 508 pixels. On the
# first two scales this is less than the widest anchor. The network does not see larger objects completely and has to
# infer their edges from the middle part. On the other three scales the field is larger than the anchors; the last two
# exceed the picture. The first and the last line with a gradient are exactly the computed ones.

# %%
short = [row[0] for row in rows if row[-1] < 1]
shows = (f"From scale to scale the predictor sees {', '.join(str(row[3]) for row in rows)} pixels of a picture of "
         f"{edge_size}. Of {len(short)} of {len(rows)} scales{' (' + ', '.join(short) + ')' if short else ''} the "
         f"field is smaller than the widest anchor. The share of the gradient within the calculated fields is "
         f"{min(inside):.3f} or more.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 给每个高和宽减半块再加一个$3 \times 3$卷积层，前两个尺度够不够看全最宽的锚框？
# - 用训练过的网络画同样的梯度图，起作用的范围变大了吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Add one more $3 \times 3$ convolution to each halving block. Do the first two scales now see the widest anchor?
# - Draw the same gradients for a trained network. Has the part that counts become larger?
