# %% [markdown] lang="zh"
# # 9.8 训练R-CNN
#
# 9.8.1节讲了R-CNN的四个步骤：提议区域，抽取每个区域的特征，预测类别，预测边界框。这里把它从头训练一遍，看清每一步的输
# 入和输出，也看清它慢在哪里。
#
# 与原论文相比有两处简化。选择性搜索换成OpenCV的**最大稳定极值区域**（maximally stable extremal regions，MSER），它同
# 样把相似的像素合成区域。原论文用在ImageNet上预训练的网络抽取特征，再分别训练支持向量机和线性回归；这里网络很小，从随
# 机参数开始，由一个损失函数同时训练特征、类别和边界框。这样，它与后面的Fast R-CNN、Faster R-CNN只在特征和区域的来源上
# 不同，可以公平地比较。

# %% [markdown] lang="en"
# # 9.8 R-CNN, trained
#
# Section 9.8.1 gives the four steps of R-CNN: propose regions, extract the features of each region, predict its
# class, predict its box. This page trains an R-CNN from scratch. It shows what goes into each step and what comes
# out, and where the time goes.
#
# Two things are simpler than in the paper (Girshick et al. 2014). **Maximally stable extremal regions** (MSER) of
# OpenCV replace selective search; they too join similar pixels to regions. The paper extracts features with a network
# trained on ImageNet, then trains support vector machines and a linear regression. Here the network is small and
# starts from random weights, and one loss trains features, classes and boxes together. So R-CNN, Fast R-CNN and
# Faster R-CNN differ only in the origin of features and regions, and we can compare them fairly.

# %%
import d2lzh_cv as d2l

d2l.start("9.8-region-cnn")

# %%
import numpy as np
from mxnet import gluon, init, nd

from d2lzh_cv import metrics
from d2lzh_cv.exercises.rcnn_comparison import compare

# %% tags=["parameters"]
batch_size, edge_size = 16, 256
num_epochs, learning_rate = 20, 0.001

# %% tags=["quick"]
batch_size, edge_size, num_epochs = 8, 128, 2

# %% [markdown] lang="zh"
# ## 数据集
#
# 数据集是9.6节的皮卡丘。增广略有不同：一半的训练图像随机裁剪（9.7节是全部裁剪），一半左右翻转。验证时每个批量只有一幅
# 图像，因为各幅图像的提议区域数不同。

# %% [markdown] lang="en"
# ## Data set
#
# The data set is the Pikachu set of section 9.6. The augmentation differs a little: half of the training pictures are
# cropped at random, where section 9.7 crops all, and half are mirrored. A validation batch holds one picture, because
# the number of proposals differs from picture to picture.

# %%
ctx, folder = d2l.try_gpu(), d2l.data_folder("pikachu")
train_iter, _ = d2l.load_pikachu(folder, batch_size, edge_size, rand_crop=0.5, rand_mirror=True)
_, val_iter = d2l.load_pikachu(folder, 1, edge_size)
classes = train_iter.classes

# %% [markdown] lang="zh"
# ## 提议区域
#
# 设想一个阈值从0升到255，每次把图像中暗于阈值的像素涂黑。与周围明暗不同的物体会作为一块连通区域出现，并且阈值在很大范
# 围内移动时，它的形状几乎不变。这样的区域就叫最大稳定极值区域。`propose`在CIELAB颜色空间的三个通道上寻找它们，于是既
# 能找到明暗不同的物体，也能找到颜色不同的物体。每个区域的外接矩形就是一个提议区域；最后再加上整幅图像。这一步不需要学
# 习，也不知道什么是皮卡丘。

# %% [markdown] lang="en"
# ## Proposals
#
# Let a threshold rise from 0 to 255, and paint black all pixels that are darker. An object that is darker or brighter
# than its surroundings appears as a connected region, and this region hardly changes while the threshold moves over a
# wide range. Such a region is called maximally stable. `propose` looks for them in the three channels of the colour
# space CIELAB, so it finds objects that differ in lightness and objects that differ in colour. The rectangle around
# each region is a proposal, and the whole picture is added as the last one. This step learns nothing and knows
# nothing about Pikachus.

# %%
d2l.show_code(d2l.propose)

# %% [markdown] lang="zh"
# 如果没有一个提议区域盖住某个目标，后面的网络就再也找不回它。因此提议区域的**召回率**是整个方法的上限：
#
# $$\textrm{召回率} = \frac{\textrm{与某个提议区域的交并比不低于阈值的目标数}}{\textrm{目标总数}}.$$
#
# 阈值取0.5和0.7两个值，在验证集上计算。

# %% [markdown] lang="en"
# If no proposal covers an object, the network cannot bring it back. So the **recall** of the proposals is an upper
# bound of the whole method:
#
# $$\textrm{recall} = \frac{\textrm{objects whose IoU with a proposal reaches the threshold}}{\textrm{all objects}}.$$
#
# We compute it on the validation set, for the thresholds 0.5 and 0.7.

# %%
d2l.show_code(d2l.recall)

# %%
truths = [batch.label[0][0].asnumpy() for batch in val_iter]
pictures = metrics.pictures_of(val_iter, range(len(truths)))
proposed = [d2l.propose(picture) for picture in pictures]
found = {f"recall at IoU {threshold}": d2l.recall(proposed, truths, threshold) for threshold in (0.5, 0.7)}
found["regions per picture"] = sum(map(len, proposed)) / len(proposed)
print(", ".join(f"{name} {value:.3g}" for name, value in found.items()))

# %% [markdown] lang="zh"
# 下图画出三幅验证图像的提议区域（青色）和真实边界框（绿色）。大多数区域是背景，它们挤在一起、互相重叠；这正是Fast
# R-CNN要解决的浪费。

# %% [markdown] lang="en"
# The figure shows the proposals of three validation pictures (cyan) and the ground-truth boxes (green). Most
# proposals are background. They crowd together and overlap, and this is the waste that Fast R-CNN removes.

# %% figure="regions" zh="提议区域（青）和真实边界框（绿）" en="proposals (cyan) and ground-truth boxes (green)"
_, axes = d2l.plt.subplots(1, 3, figsize=(9, 3))
for ax, picture, boxes, rows in zip(axes, pictures, proposed, truths):
    ax.imshow(picture)
    d2l.show_bboxes(ax, boxes * edge_size, colors="c")
    d2l.show_bboxes(ax, rows[rows[:, 0] >= 0, 1:] * edge_size, colors="lime")
    ax.set(title=f"{len(boxes)} regions", xticks=[], yticks=[])

# %% [markdown] lang="zh"
# ## 标注和采样
#
# 训练样本是区域，不是图像。`label_regions`给每个区域找到与它交并比最大的目标：交并比不低于0.5，区域就属于这个目标的类
# 别$k+1$，否则属于背景，即0类。目标的真实边界框也作为区域加入，这样即使提议区域漏掉了它，训练仍然能用上它。
#
# 背景远多于目标，全部拿来训练，网络只要总说“背景”就能得到很小的损失。`sample_regions`因此从每幅图像取16个区域，其中目
# 标至多占四分之一，其余是背景；不够16个时重复一些区域来填满，它们的类别是$-1$，不参与损失。目标区域的偏移量按9.4节的
# 公式计算，从区域指向真实边界框。

# %% [markdown] lang="en"
# ## Labels and samples
#
# The training examples are regions, not pictures. `label_regions` finds the object that overlaps each region most. If
# their IoU is at least 0.5, the region has the class $k+1$ of this object; otherwise it is background, class 0. The
# ground-truth boxes join the regions, so an object that no proposal covers can still be learned from.
#
# There is far more background than objects. If all regions took part, a network that always says "background" would
# have a small loss. So `sample_regions` takes 16 regions of each picture: at most a quarter of them objects, the rest
# background. If there are fewer than 16, repeated regions of class $-1$ fill up the sample, and they do not count in
# the loss. The offsets of an object's region lead from the region to the ground-truth box, by the formula of section
# 9.4.

# %%
d2l.show_code(d2l.label_regions, d2l.sample_regions)

# %% [markdown] lang="zh"
# 每个采样的区域从图像中剪下，缩放到$48 \times 48$像素，不管它原来的宽高比。下面就是网络看到的一切：它看不到区域之外的
# 东西。

# %% [markdown] lang="en"
# Each sampled region is cut out of the picture and resized to $48 \times 48$ pixels, whatever its aspect ratio was.
# This is all that the network sees: it knows nothing of the picture outside the region.

# %%
d2l.show_code(d2l.crop_regions)

# %% figure="crops" zh="采样的区域，每个缩放到48 × 48像素" en="sampled regions, resized to 48 × 48 pixels each"
i = next((i for i, rows in enumerate(truths) if rows[0, 0] >= 0), 0)  # the first picture with an object
X, objects = nd.array(pictures[i]).transpose((2, 0, 1)).expand_dims(0), nd.array(truths[i:i + 1])
sample = d2l.sample_regions(proposed[i:i + 1], objects, 16, np.random.default_rng(0))
crops = d2l.crop_regions(X, sample.regions, (48, 48)).transpose((0, 2, 3, 1)).clip(0, 255).astype("uint8")
names = {-1: "(fills up)", 0: "background", **dict(enumerate(classes, start=1))}
for ax, k in zip(d2l.show_images(crops, 2, 8, scale=1.1).flat, sample.classes[0].asnumpy()):
    ax.set_title(names[int(k)], fontsize=7)

# %% [markdown] lang="zh"
# ## 模型
#
# 模型由两部分组成。`small_features`把高和宽缩小到$1/8$，输出64个通道，所以一个$48 \times 48$的区域变成
# $64 \times 6 \times 6$的特征。`RegionHead`是一个隐藏层和两个输出层：一个输出$q+1$个类别的分数，一个输出4个偏移量。

# %% [markdown] lang="en"
# ## The model
#
# The model has two parts. `small_features` reduces height and width to $1/8$ and has 64 output channels, so a region
# of $48 \times 48$ pixels becomes features of shape $64 \times 6 \times 6$. `RegionHead` has a hidden layer and two
# output layers: one for the scores of $q+1$ classes, one for 4 offsets.

# %%
d2l.show_code(d2l.small_features, d2l.RegionHead)

# %% [markdown] lang="zh"
# `RegionDetector`是R-CNN和Fast R-CNN共同的骨架：`propose`提出区域，`predict`预测每个区域的类别和偏移量，`losses`采样
# 并计算损失。输入图像时，它返回区域、类别的分数和偏移量。这与9.7节的TinySSD返回的三样东西形式相同，只是锚框换成了区
# 域，所以`detect`、非极大值抑制和评价都可以直接使用。

# %% [markdown] lang="en"
# `RegionDetector` is the frame of both R-CNN and Fast R-CNN. `propose` proposes regions, `predict` predicts their
# classes and offsets, and `losses` samples regions and computes the loss. Given a picture, it returns regions, class
# scores and offsets. TinySSD in section 9.7 returns the same three things, with anchors in place of regions. So
# `detect`, non-maximum suppression and evaluation work here as they are.

# %%
d2l.show_code(d2l.RegionDetector)

# %% [markdown] lang="zh"
# R-CNN只需要补上两个方法。请看`predict`：批量里有$B$幅图像、每幅$N$个区域，就剪出$BN$幅小图像，网络要对每一幅做一次前
# 向计算。

# %% [markdown] lang="en"
# R-CNN only adds two methods. Look at `predict`: for $B$ pictures with $N$ regions each, it cuts out $BN$ small
# pictures, and the network runs on every one of them.

# %%
d2l.show_code(d2l.RCNN)

# %% [markdown] lang="zh"
# ## 损失函数
#
# 设一幅图像采样的、参与损失的区域为集合$S$。区域$i$的类别是$c_i$，网络预测它属于这一类的概率是$p_i(c_i)$，偏移量的预
# 测是$\hat t_i$，标签是$t_i$。损失是两项之和，第二项只计算目标：
#
# $$\ell = \frac{1}{|S|} \sum_{i \in S}
# \left( -\ln p_i(c_i) + [c_i > 0] \sum_{m=1}^{4} f(\hat t_{im} - t_{im}) \right).$$
#
# 其中$f$是平滑$L_1$：$|x| < 1$时$f(x) = x^2/2$，否则$f(x) = |x| - 1/2$。误差大时它的梯度不会超过1，训练开始时较稳定；
# 误差小时梯度趋于0，边界框不会在正确位置附近来回跳动。这就是Fast R-CNN提出的多任务损失。

# %% [markdown] lang="en"
# ## The loss
#
# Let $S$ be the sampled regions of a picture that count. Region $i$ has class $c_i$, and the network gives this class
# the probability $p_i(c_i)$. Its predicted offsets are $\hat t_i$, the labels are $t_i$. The loss has two terms, and
# the second counts objects only:
#
# $$\ell = \frac{1}{|S|} \sum_{i \in S}
# \left( -\ln p_i(c_i) + [c_i > 0] \sum_{m=1}^{4} f(\hat t_{im} - t_{im}) \right).$$
#
# Here $f$ is smooth $L_1$: $f(x) = x^2/2$ for $|x| < 1$, and $f(x) = |x| - 1/2$ otherwise. For large errors its
# gradient never exceeds 1, so the start of the training is stable. For small errors the gradient goes to 0, so boxes
# do not jump around the right place. This is the multi-task loss of Fast R-CNN.

# %%
d2l.show_code(d2l.MultiTaskLoss)

# %% [markdown] lang="zh"
# ## 训练
#
# `train_rcnn`训练这四个网络。一步仍然是前向计算、损失、反向传播、更新参数；`net.losses`里发生了提议、标注、采样和预
# 测。最后五分之一的迭代周期，学习率降到十分之一。打印的类别错误率和偏移量误差只在采样的区域上计算，采样中目标占到四分
# 之一，所以它们比9.7节的数字大，不能与之比较。

# %% [markdown] lang="en"
# ## Training
#
# `train_rcnn` trains all four networks. A step is still forward pass, loss, backward pass and update; `net.losses`
# proposes, labels, samples and predicts. In the last fifth of the epochs the learning rate is a tenth. The printed
# class error and offset error are means over the sampled regions only. Up to a quarter of them are objects, so the
# figures are larger than those of section 9.7 and cannot be compared with them.

# %%
d2l.show_code(d2l.train_rcnn)

# %%
net = d2l.RCNN(len(classes))
net.initialize(init.Xavier(), ctx=ctx)
net.hybridize(static_alloc=True)
trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": learning_rate})
epochs = d2l.train_rcnn(net, train_iter, trainer, ctx, num_epochs, print, name="R-CNN")

# %% [markdown] lang="zh"
# ## 检测得好不好
#
# 与9.7节一样，用验证集上的平均精度均值来评价，所有预测边界框都参与。

# %% [markdown] lang="en"
# ## How good is it?
#
# As in section 9.7, the measure is the mean average precision on the validation set, and all predicted boxes take
# part.

# %%
judged = metrics.evaluate_detector(net, val_iter, ctx, classes)
print(judged.scores)

# %% [markdown] lang="zh"
# 表中还有每幅图像的用时，包括缩放、提议区域和非极大值抑制。同一文件夹中运行过的其他网络也列在里面，因此可以依次运行这
# 四个网络（以及9.7节）来比较。在书的皮卡丘数据集上训练20个迭代周期，我们的R-CNN得到0.990（VOC 2012）和0.809（COCO）。
# 在四个网络中，它的边界框最准，因为它直接看像素，而其他网络看的是缩小到$1/8$的特征；它也最慢。

# %% [markdown] lang="en"
# The table also has the time per picture, with resizing, proposals and non-maximum suppression. Other networks that
# were run in the same folder are listed too, so run the four networks (and section 9.7) one after another to compare
# them. On the book's Pikachu set, our R-CNN reached 0.990 (VOC 2012) and 0.809 (COCO) after 20 epochs. Of the four
# networks it has the most exact boxes, because it sees pixels where the others see features at $1/8$ of the size. It
# is also the slowest.

# %%
compared = compare("R-CNN", net, judged, val_iter, ctx, num_epochs)
print(compared.shows)
compared.table

# %% figure="best_and_worst" zh="最好（上）和最差（下）的验证图像" en="best (above) and worst validation pictures"
metrics.show_best_and_worst(judged, val_iter)

# %% [markdown] lang="zh"
# 最后检测9.7节的那幅图像。画出置信度不低于0.3的框。

# %% [markdown] lang="en"
# Finally, we detect in the picture of section 9.7. The figure shows the boxes with a score of at least 0.3.

# %% figure="prediction" zh="置信度不低于0.3的边界框" en="boxes with a score of at least 0.3"
img = d2l.example_picture(val_iter)
d2l.set_figsize((5, 5))
d2l.show_detections(img, d2l.detect(net, img, edge_size, ctx), threshold=0.3, classes=classes)

# %% [markdown] lang="zh"
# ## 小结
#
# - R-CNN的训练样本是区域：由交并比标注类别，目标至多占四分之一。
# - 损失是类别的交叉熵加上目标的偏移量的平滑$L_1$。
# - 提议区域的召回率是检测的上限；对每个区域做一次前向计算，是R-CNN慢的原因。

# %% [markdown] lang="en"
# ## Summary
#
# - The training examples of R-CNN are regions: IoU gives their labels, and at most a quarter are objects.
# - The loss is the cross-entropy of the classes plus the smooth $L_1$ loss of the objects' offsets.
# - The recall of the proposals limits what can be detected. One forward pass for each region makes R-CNN slow.
