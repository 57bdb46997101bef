# %% [markdown] lang="zh"
# # 9.8 训练Faster R-CNN
#
# Fast R-CNN剩下的时间主要花在提议区域上，而且提议区域的算法不会学习：它不知道要找的是什么，漏掉的目标再也找不回来。
# Faster R-CNN让网络自己提出区域。**区域提议网络**与检测共用同一个特征图，所以几乎不增加计算量，并且与整个模型一起训
# 练。
#
# 9.8.3节给出它的四个步骤：
#
# 1. 一个$3 \times 3$卷积层，把特征图的每个单元变成长度为$c$的特征；
# 2. 以每个单元为中心生成锚框，并标注它们；
# 3. 由单元的特征预测每个锚框的二元类别（目标还是背景）和偏移量；
# 4. 用非极大值抑制移除相似的框，剩下的最像目标的框就是提议区域。
#
# 下面逐步看它们的代码，训练之后再在一幅图像上看它们的结果。

# %% [markdown] lang="en"
# # 9.8 Faster R-CNN, trained
#
# Fast R-CNN spends most of its remaining time on proposals. And its proposals do not learn: they do not know what to
# look for, and an object that they miss is lost. Faster R-CNN (Ren et al. 2015) lets the network propose. A **region
# proposal network** works on the same feature map as detection, so it adds very little work, and it is trained with
# the whole model.
#
# Section 9.8.3 gives its four steps:
#
# 1. A $3 \times 3$ convolution makes a feature of length $c$ for each unit of the feature map.
# 2. Anchors are generated around each unit and labelled.
# 3. From the feature of the unit, the network predicts the binary class of each anchor, object or background, and its
#    offsets.
# 4. Non-maximum suppression removes similar boxes. Those of the rest that look most like objects are the proposals.
#
# We read the code step by step, and after training we look at the results of each step on a picture.

# %%
import d2lzh_cv as d2l

d2l.start("9.8-faster-rcnn")

# %%
import numpy as np
from mxnet import gluon, init, nd

from d2lzh_cv import metrics
from d2lzh_cv.exercises.rcnn_comparison import compare
from d2lzh_cv.exercises.rcnn_figures import first_with_object

# %% tags=["parameters"]
batch_size, edge_size = 16, 256
num_epochs, learning_rate = 20, 0.001

# %% tags=["quick"]
batch_size, edge_size, num_epochs = 8, 128, 3

# %% [markdown] lang="zh"
# ## 数据集
#
# 数据集和增广与前两个网络相同：皮卡丘，一半的训练图像随机裁剪，一半左右翻转。

# %% [markdown] lang="en"
# ## Data set
#
# Data and augmentation are those of the two networks before: the Pikachu set, half of the training pictures cropped
# at random and half mirrored.

# %%
ctx, folder = d2l.try_gpu(), d2l.data_folder("pikachu")
train_iter, _ = d2l.load_pikachu(folder, batch_size, edge_size, rand_crop=0.5, rand_mirror=True)
_, val_iter = d2l.load_pikachu(folder, 1, edge_size)
classes = train_iter.classes

# %% [markdown] lang="zh"
# ## 区域提议网络
#
# ### 第1步和第3步：每个单元的预测
#
# 区域提议网络很像只有一个尺度、只有一个类别的SSD。特征图的每个单元有$a$个锚框，这里$a = 6$。卷积层`conv`给出长度
# $c = 64$的特征；两个$1 \times 1$卷积层由它预测$2a$个分数和$4a$个偏移量。与9.7节一样，通道里放着同一单元的各个锚框的
# 预测，`flatten_pred`把它们移到最后一维。

# %% [markdown] lang="en"
# ## The region proposal network
#
# ### Steps 1 and 3: predictions at each unit
#
# A region proposal network resembles an SSD with one scale and one class. Each unit of the feature map has $a$
# anchors; here $a = 6$. The convolution `conv` gives a feature of length $c = 64$, and two $1 \times 1$ convolutions
# predict $2a$ scores and $4a$ offsets from it. As in section 9.7, the channels hold the predictions for all anchors
# of a unit, and `flatten_pred` moves them to the last axis.

# %%
d2l.show_code(d2l.RegionProposal)

# %% [markdown] lang="zh"
# ### 第2步：锚框和它们的标签
#
# 锚框由`MultiBoxPrior`生成：5个大小、2个宽高比，每个单元$5 + 2 - 1 = 6$个。边长256的图像有$32 \times 32$个单元，共
# $6\,144$个锚框。
#
# 标注与9.4节相同，只是所有的目标都算作一类：与目标的交并比大于0.5的锚框、以及与某个目标最接近的锚框是1类，其余是0类。
# 6千多个锚框中只有几个是目标，所以`label_anchors`从每幅图像抽取64个：目标至多占一半，其余是背景，没有抽到的标为$-1$，
# 不参与损失。

# %% [markdown] lang="en"
# ### Step 2: anchors and their labels
#
# `MultiBoxPrior` generates the anchors: 5 sizes and 2 aspect ratios make $5 + 2 - 1 = 6$ per unit. A picture with a
# side of 256 has $32 \times 32$ units, so there are $6\,144$ anchors.
#
# They are labelled as in section 9.4, but all objects count as one class. Anchors whose IoU with an object is above
# 0.5 have class 1, and so has the anchor nearest to each object; the others have class 0. Only a few of the six
# thousand anchors are objects. So `label_anchors` samples 64 per picture: at most half of them objects, the rest
# background. Anchors outside the sample get $-1$ and do not count in the loss.

# %%
d2l.show_code(d2l.anchors_of, d2l.label_anchors)

# %% [markdown] lang="zh"
# ### 第4步：抑制
#
# `suppress`把偏移量解码成框，剪到图像之内，取最像目标的300个，再用非极大值抑制移除与更好的框交并比超过0.7的框，保留48
# 个。阈值0.7较高：提议区域宁可多一些，最后的检测还会再抑制一次。`BlockGrad`表示提议区域当作常数，它们的坐标不接收后面
# 的梯度；区域提议网络的三个卷积层只由锚框的损失训练。

# %% [markdown] lang="en"
# ### Step 4: suppression
#
# `suppress` decodes the offsets to boxes, clips them to the picture and takes the 300 that look most like objects.
# Non-maximum suppression then removes boxes whose IoU with a better one exceeds 0.7, and 48 boxes remain. The
# threshold of 0.7 is high: a few proposals too many do no harm, since detection suppresses once more at the end.
# `BlockGrad` makes the proposals constants. Their coordinates get no gradient from what follows, and only the loss of
# the anchors trains the three convolutions of the region proposal network.

# %%
d2l.show_code(d2l.suppress)

# %% [markdown] lang="zh"
# ## 模型和损失函数
#
# 其余部分就是Fast R-CNN：兴趣区域池化层从同一个特征图取出提议区域的特征，`RegionHead`预测它们的类别和偏移量。整个计算
# 都由MXNet的运算组成，所以可以混合式编程，从图像到偏移量是一张静态图。
#
# 目标函数是两个多任务损失之和。锚框的损失$\ell_{\textrm{提议}}$中类别是二元的，区域的损失$\ell_{\textrm{区域}}$中有
# $q+1$个类别：
#
# $$\ell = \ell_{\textrm{提议}}(\textrm{二元类别}, \textrm{锚框的偏移量})
# + \ell_{\textrm{区域}}(\textrm{类别}, \textrm{区域的偏移量}).$$
#
# 每一个都是采样上的平均值，即交叉熵加上目标的偏移量的平滑$L_1$。两者都训练共用的特征；这就是“联合训练”。边界框实际上
# 被修正了两次：先从锚框到提议区域，再从提议区域到最后的框。

# %% [markdown] lang="en"
# ## Model and loss
#
# The rest is Fast R-CNN: RoI pooling takes the features of the proposals out of the same map, and `RegionHead`
# predicts their classes and offsets. All of this consists of MXNet's operators, so it can be hybridised: one static
# graph leads from the picture to the offsets.
#
# The loss is the sum of two multi-task losses. The classes of the anchors are binary in $\ell_{\textrm{proposals}}$;
# $\ell_{\textrm{regions}}$ has $q+1$ classes:
#
# $$\ell = \ell_{\textrm{proposals}}(\textrm{binary classes}, \textrm{offsets of anchors})
# + \ell_{\textrm{regions}}(\textrm{classes}, \textrm{offsets of regions}).$$
#
# Each of them is a mean over its sample: cross-entropy plus the smooth $L_1$ loss of the objects' offsets. Both train
# the features that they share; this is joint training. Each box is corrected twice, first from an anchor to a
# proposal, then from the proposal to the final box.

# %%
d2l.show_code(d2l.MultiTaskLoss, d2l.FasterRCNN)

# %% [markdown] lang="zh"
# ## 训练
#
# 打印的损失分为提议（proposals）和区域（regions）两部分。训练开始时提议区域很差，采样中的目标几乎只有真实边界框自己；
# 随着提议区域变好，区域的分类面对的是更难、也更真实的样本。

# %% [markdown] lang="en"
# ## Training
#
# The printed loss has two parts, of the proposals and of the regions. At the start the proposals are bad, and almost
# the only objects in the sample are the ground-truth boxes themselves. When the proposals improve, the regions to
# classify become harder, and more like those of detection.

# %%
d2l.show_code(d2l.train_rcnn)

# %%
net = d2l.FasterRCNN(len(classes))
net.initialize(init.Xavier(), ctx=ctx)
net.hybridize(static_alloc=True)
trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": learning_rate})
epochs = d2l.train_rcnn(net, train_iter, trainer, ctx, num_epochs, print, name="Faster R-CNN")

# %% [markdown] lang="zh"
# ## 一幅图像上的四个步骤
#
# 现在用训练好的网络，在一幅验证图像上执行这四个步骤，并看看各步结果的形状。

# %% [markdown] lang="en"
# ## The four steps on a picture
#
# Now we run the four steps of the trained network on a validation picture and look at the shapes of the results.

# %%
batch = first_with_object(val_iter)
X, objects = batch.data[0].as_in_context(ctx), batch.label[0].as_in_context(ctx)
feature = net.features(X)
objectness, offsets = net.proposal(feature)                                       # steps 1 and 3
anchors = d2l.anchors_of(nd, feature)                                             # step 2
labels, _ = d2l.label_anchors(anchors, objects, objectness, 64, np.random.default_rng(0))
regions = d2l.suppress(nd, anchors, objectness, offsets)                          # step 4
print("features", feature.shape, "objectness", objectness.shape, "anchors", anchors.shape, "regions", regions.shape)

# %% [markdown] lang="zh"
# 左图是抽取的锚框，绿色是目标，灰色是背景（只画三分之一）。中图是每个单元的六个锚框中“是目标”的最大概率，越黄越像目
# 标。右图是提议区域。训练得越久，它们就越集中在目标上。

# %% [markdown] lang="en"
# On the left are the sampled anchors: objects in green, background in grey (a third of it). In the middle is the
# highest probability of "object" among the six anchors of each unit; yellow is high. On the right are the proposals.
# The longer the training, the more they gather around the object.

# %% figure="four_steps" zh="采样的锚框、目标的概率、提议区域" en="sampled anchors, probability, proposals"
likelihood = objectness.softmax(axis=-1)[0, :, 1].reshape((*feature.shape[2:], -1)).max(axis=-1)
boxes, labels = anchors[0].asnumpy() * edge_size, labels[0].asnumpy()
_, axes = d2l.plt.subplots(1, 3, figsize=(9, 3))
d2l.show_bboxes(axes[0], boxes[labels == 0][::3], colors="gray")
d2l.show_bboxes(axes[0], boxes[labels == 1], colors="lime")
d2l.show_bboxes(axes[2], regions[0].asnumpy() * edge_size, colors="c")
for ax in axes[[0, 2]]:
    ax.imshow(X[0].transpose((1, 2, 0)).asnumpy().clip(0, 255).astype("uint8"))
    ax.axis([0, edge_size, edge_size, 0])
axes[1].imshow(likelihood.asnumpy(), vmin=0, vmax=1)
for ax, title in zip(axes, ("sampled anchors: object, background", "object or background", "proposed regions")):
    ax.set_title(title, fontsize=9)
    ax.set(xticks=[], yticks=[])

# %% [markdown] lang="zh"
# ## 提议区域好不好
#
# 与R-CNN的提议区域一样用召回率来评价，即与某个提议区域的交并比不低于阈值的目标的比例。在书的皮卡丘数据集上，最大稳定
# 极值区域平均72个，每一百个目标漏掉一个；训练20个迭代周期的区域提议网络只用48个区域，一个也不漏（阈值0.5）。

# %% [markdown] lang="en"
# ## How good are the proposals?
#
# Their measure is the recall, as for R-CNN: the share of objects whose IoU with a proposal reaches the threshold. On
# the book's Pikachu set, MSER gives 72 regions per picture and misses one object in a hundred. After 20 epochs the
# region proposal network needs 48 regions and misses none (threshold 0.5).

# %%
val_iter.reset()
truths, proposed = [], []
for batch in val_iter:
    truths.append(batch.label[0][0].asnumpy())
    proposed.append(net(batch.data[0].as_in_context(ctx))[0][0].asnumpy())
found = {f"recall at IoU {threshold}": d2l.recall(proposed, truths, threshold) for threshold in (0.5, 0.7)}
found["regions per picture"] = len(proposed[0])
print(", ".join(f"{name} {value:.3g}" for name, value in found.items()))

# %% [markdown] lang="zh"
# ## 检测得好不好

# %% [markdown] lang="en"
# ## How good is it?

# %%
judged = metrics.evaluate_detector(net, val_iter, ctx, classes)
print(judged.scores)

# %% [markdown] lang="zh"
# 表中的用时是每幅图像的，包括缩放和非极大值抑制；同一文件夹中运行过的其他网络也列在里面。在书的皮卡丘数据集上，Faster
# R-CNN得到0.999（VOC 2012），高于R-CNN和Fast R-CNN的0.990，因为没有漏掉的目标；COCO是0.655，与Fast R-CNN相同，两者的
# 池化都要取整。每幅图像7毫秒，不到Fast R-CNN的一半。

# %% [markdown] lang="en"
# The time in the table is per picture, with resizing and non-maximum suppression; other networks that were run in the
# same folder are listed too. On the book's Pikachu set, Faster R-CNN reaches 0.999 by VOC 2012, above the 0.990 of
# R-CNN and Fast R-CNN, because no object is missed. By COCO it has 0.655, like Fast R-CNN: both pool with rounding.
# It takes 7 milliseconds per picture, less than half the time of Fast R-CNN.

# %%
compared = compare("Faster R-CNN", net, judged, val_iter, ctx, num_epochs)
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
# - 区域提议网络在共用的特征图上预测每个锚框是不是目标，并修正它的位置；非极大值抑制之后就得到提议区域。
# - 锚框的损失与区域的损失相加，整个模型联合训练。
# - 学到的提议区域更少，却漏得更少，而且几乎不花时间。

# %% [markdown] lang="en"
# ## Summary
#
# - The region proposal network uses the shared feature map to predict whether each anchor is an object, and to
#   correct its place. After non-maximum suppression, the best boxes are the proposals.
# - The loss of the anchors and the loss of the regions are added, and the whole model is trained jointly.
# - Learned proposals are fewer, miss fewer objects, and take almost no time.
