# %% [markdown] lang="zh"
# # 9.8 训练Fast R-CNN
#
# R-CNN对每个提议区域做一次前向计算，而这些区域大量重叠，同一个像素的特征被反复计算。Fast R-CNN对整幅图像只做一次前向
# 计算，再用**兴趣区域池化层**从特征图里取出每个区域的特征（9.8.2节）。
#
# 节省了多少可以估算。卷积的计算量与像素数成正比。R-CNN把每个区域缩放成$48 \times 48$，设有72个区域（书的皮卡丘数据集
# 上的平均数），与一幅$256 \times 256$的图像相比，
#
# $$\frac{72 \times 48^2}{256^2} \approx 2.5,$$
#
# 即抽取特征的计算量约是2.5倍。原论文的图像更大，区域有两千个，每个缩放成$224 \times 224$左右，差距达到上百倍。

# %% [markdown] lang="en"
# # 9.8 Fast R-CNN, trained
#
# R-CNN runs its network on each proposal. The proposals overlap a lot, so the features of one pixel are computed
# again and again. Fast R-CNN (Girshick 2015) runs the network once for the whole picture. Then **RoI pooling** takes
# the features of each region out of the feature map (section 9.8.2).
#
# We can estimate what this saves. The work of a convolution grows with the number of pixels. R-CNN resizes each
# region to $48 \times 48$. Take 72 regions, the mean on the book's Pikachu set, and compare with a picture of
# $256 \times 256$:
#
# $$\frac{72 \times 48^2}{256^2} \approx 2.5.$$
#
# So the features of R-CNN take about 2.5 times the work. In the paper the pictures are larger, there are two thousand
# regions, and each is resized to about $224 \times 224$; there the factor is above a hundred.

# %%
import d2lzh_cv as d2l

d2l.start("9.8-fast-rcnn")

# %%
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
# 数据集和增广与训练R-CNN时相同：皮卡丘，一半的训练图像随机裁剪，一半左右翻转。

# %% [markdown] lang="en"
# ## Data set
#
# Data and augmentation are those of R-CNN: the Pikachu set, half of the training pictures cropped at random and half
# mirrored.

# %%
ctx, folder = d2l.try_gpu(), d2l.data_folder("pikachu")
train_iter, _ = d2l.load_pikachu(folder, batch_size, edge_size, rand_crop=0.5, rand_mirror=True)
_, val_iter = d2l.load_pikachu(folder, 1, edge_size)
classes = train_iter.classes

# %% [markdown] lang="zh"
# ## 模型
#
# 提议区域仍由`propose`给出（最大稳定极值区域，见R-CNN一页），抽取特征的网络`small_features`和区域的输出层`RegionHead`
# 也相同。设批量里有$B$幅图像，每幅$N$个区域，计算分为三步：
#
# 1. 整幅图像的前向计算，得到形状为$B \times 64 \times h/8 \times w/8$的特征图；
# 2. 兴趣区域池化层从中取出形状都是$64 \times 6 \times 6$的特征，连结为$BN \times 64 \times 6 \times 6$；
# 3. `RegionHead`由它们预测$BN$个区域的类别和偏移量。
#
# 兴趣区域池化层的输入用像素坐标表示区域，并以图像的编号开头，所以先用`pixel_rois`把相对坐标变成这种形式。比例
# `spatial_scale`是$1/8$。

# %% [markdown] lang="en"
# ## The model
#
# `propose` still gives the regions (maximally stable extremal regions, see the page on R-CNN). The features come from
# the same `small_features`, and `RegionHead` is the same too. For $B$ pictures with $N$ regions each there are three
# steps:
#
# 1. A forward pass of whole pictures gives a feature map of shape $B \times 64 \times h/8 \times w/8$.
# 2. RoI pooling takes features of one shape, $64 \times 6 \times 6$, out of the map for every region. Concatenated,
#    they are $BN \times 64 \times 6 \times 6$.
# 3. `RegionHead` predicts classes and offsets of the $BN$ regions from these features.
#
# RoI pooling expects regions in pixels, with the number of their picture in front. So `pixel_rois` first converts the
# relative coordinates. The factor `spatial_scale` is $1/8$.

# %%
d2l.show_code(d2l.pixel_rois, d2l.roi_pooling)

# %% [markdown] lang="zh"
# 与R-CNN比较，`predict`里只是次序变了：R-CNN先剪下区域再抽取特征，这里先抽取特征再剪下区域。骨架`RegionDetector`和输
# 出层没有改变。

# %% [markdown] lang="en"
# Compared with R-CNN, only the order in `predict` changes. R-CNN cuts out regions, then extracts features; here we
# extract features, then cut out regions. The frame `RegionDetector` and the head stay as they are.

# %%
d2l.show_code(d2l.small_features, d2l.RegionHead, d2l.RegionDetector, d2l.FastRCNN)

# %% [markdown] lang="zh"
# 次序的改变还有一个好处：一个单元的感受野是$89 \times 89$像素，超出了小的区域，因此区域的特征里含有周围的信息。R-CNN
# 剪下区域之后，周围就看不到了。
#
# ## 损失函数和训练
#
# 损失仍是多任务损失，即采样的区域$S$上的平均值：
#
# $$\ell = \frac{1}{|S|} \sum_{i \in S}
# \left( -\ln p_i(c_i) + [c_i > 0] \sum_{m=1}^{4} f(\hat t_{im} - t_{im}) \right),$$
#
# 其中$c_i$是类别，$t_i$是偏移量，$f$是平滑$L_1$。类别和边界框由一个网络同时学习，正是Fast R-CNN的第二个贡献：R-CNN的
# 三个模型要分三次训练。
#
# 梯度怎样穿过兴趣区域池化层？与最大池化层一样，输出的梯度传给取得最大值的那个单元。不同的是，一个单元可以属于许多区
# 域，它得到的是各个区域的梯度之和。于是所有区域的误差都传回同一个特征图，特征也就得到训练。

# %% [markdown] lang="en"
# The new order has one more advantage. A unit of the map has a receptive field of $89 \times 89$ pixels. This is more
# than a small region, so the features of a region hold information about its surroundings. R-CNN cuts the region out
# and loses the surroundings.
#
# ## Loss and training
#
# The loss is again the multi-task loss, the mean over the sampled regions $S$:
#
# $$\ell = \frac{1}{|S|} \sum_{i \in S}
# \left( -\ln p_i(c_i) + [c_i > 0] \sum_{m=1}^{4} f(\hat t_{im} - t_{im}) \right),$$
#
# where $c_i$ is the class, $t_i$ are the offsets, and $f$ is smooth $L_1$. One network learns classes and boxes at
# the same time. This is the second contribution of Fast R-CNN; the three models of R-CNN need three trainings.
#
# How does a gradient pass RoI pooling? As in max pooling, the gradient of an output goes to the unit that has the
# maximum. But a unit may belong to many regions, and it gets the sum of their gradients. So the errors of all regions
# come back to one feature map, and the features are trained as well.

# %%
d2l.show_code(d2l.MultiTaskLoss, d2l.train_rcnn)

# %%
net = d2l.FastRCNN(len(classes))
net.initialize(init.Xavier(), ctx=ctx)
net.hybridize(static_alloc=True)
trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": learning_rate})
epochs = d2l.train_rcnn(net, train_iter, trainer, ctx, num_epochs, print, name="Fast R-CNN")

# %% [markdown] lang="zh"
# ## 看一看池化
#
# 取一幅含有目标的验证图像，把目标的真实边界框当作区域。下图从左到右是图像、特征图的一个通道和池化的结果；我们选的通
# 道，在目标内部的平均值比在整幅图像上的平均值高得最多。特征图的一个单元相当于图像的8个像素，而区域的角要取整到单元，
# 所以最多偏离4个像素。中间的绿框画在未取整的位置。这个误差对分类影响不大，却限制了边界框的精度，对像素级的预测则更有
# 害，Mask R-CNN会改进它。

# %% [markdown] lang="en"
# ## A look at the pooling
#
# We take a validation picture with an object, and its ground-truth box as the region. The figure shows the picture,
# one channel of the feature map, and what pooling makes of it. We choose the channel whose mean in the object exceeds
# its mean in the whole picture most. One unit of the map corresponds to 8 pixels. Pooling rounds the corners of the
# region to whole units, so they may be off by 4 pixels. The green box in the middle is drawn where the corners really
# are. Such an error does little harm to the class, but it limits how exact a box can be. It hurts predictions of
# pixels more, and Mask R-CNN will remove it.

# %% figure="pooling" zh="区域在图像里、在特征图里和池化之后" en="a region in the picture, in the features, and pooled"
batch = first_with_object(val_iter)
X, box = batch.data[0].as_in_context(ctx), batch.label[0][:, :1, 1:].as_in_context(ctx)
feature = net.features(X)
pooled = d2l.roi_pooling(feature, d2l.pixel_rois(nd, box, X), pooled_size=(6, 6), spatial_scale=1 / 8)
channel = int((pooled[0].mean(axis=(1, 2)) - feature[0].mean(axis=(1, 2))).argmax(axis=0).asscalar())
_, axes = d2l.plt.subplots(1, 3, figsize=(9, 3))
axes[0].imshow(X[0].transpose((1, 2, 0)).asnumpy().clip(0, 255).astype("uint8"))
axes[1].imshow(feature[0, channel].asnumpy())
axes[2].imshow(pooled[0, channel].asnumpy())
for ax, scale in zip(axes, (edge_size, edge_size / 8)):
    d2l.show_bboxes(ax, box[0].asnumpy() * scale - 0.5, colors="lime")
for ax, title in zip(axes, ("picture", f"features, channel {channel}", "pooled")):
    ax.set(title=title, xticks=[], yticks=[])

# %% [markdown] lang="zh"
# ## 检测得好不好

# %% [markdown] lang="en"
# ## How good is it?

# %%
judged = metrics.evaluate_detector(net, val_iter, ctx, classes)
print(judged.scores)

# %% [markdown] lang="zh"
# 表中的用时是每幅图像的，包括缩放、提议区域和非极大值抑制；同一文件夹中运行过的其他网络也列在里面。在书的皮卡丘数据集
# 上训练20个迭代周期，Fast R-CNN的VOC 2012平均精度与R-CNN相同，都是0.990，因为它们的提议区域相同，漏掉的目标也相同；
# COCO从0.809降到0.655，框不那么准了，这是取整和较粗的特征图的代价。每幅图像的用时从24毫秒降到16毫秒。剩下的时间主要花
# 在提议区域上，Faster R-CNN就从这里入手。

# %% [markdown] lang="en"
# The time in the table is per picture, with resizing, proposals and non-maximum suppression; other networks that were
# run in the same folder are listed too. On the book's Pikachu set, after 20 epochs, Fast R-CNN has the same average
# precision by VOC 2012 as R-CNN, 0.990: the proposals are the same, so the missed objects are the same. By COCO it
# falls from 0.809 to 0.655. The boxes are less exact; this is the price of rounding and of a coarser feature map. The
# time per picture falls from 24 to 16 milliseconds. Most of the rest is spent on proposals, and this is where Faster
# R-CNN begins.

# %%
compared = compare("Fast R-CNN", net, judged, val_iter, ctx, num_epochs)
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
# - Fast R-CNN只对整幅图像做一次前向计算，兴趣区域池化层从特征图中取出每个区域的特征。
# - 类别和边界框由一个多任务损失同时训练，梯度穿过池化层，也训练特征。
# - 区域的角被取整到特征图的单元，边界框的精度因此受到限制；提议区域成为新的瓶颈。

# %% [markdown] lang="en"
# ## Summary
#
# - Fast R-CNN runs the network once for the whole picture; RoI pooling takes the features of each region out of the
#   map.
# - One multi-task loss trains classes and boxes together. Its gradients pass the pooling and train the features too.
# - The corners of regions are rounded to units of the map, which limits how exact boxes are. The proposals are the
#   new bottleneck.
