# %% [markdown] lang="zh"
# # 9.8 训练Mask R-CNN
#
# 边界框只说目标大约在哪里。Mask R-CNN还说出框里的哪些像素属于目标，这样的像素集合叫作**掩码**。它在Faster R-CNN上做两
# 处改动（9.8.4节）：
#
# - 用**兴趣区域对齐层**代替兴趣区域池化层，因为像素级的预测容不得取整带来的偏移；
# - 增加一个小的全卷积网络，由每个区域的特征预测目标的掩码。
#
# 与9.10节的语义分割不同，这里每个目标有自己的掩码：两只挨在一起的皮卡丘会得到两个掩码。这个任务叫作**实例分割**。

# %% [markdown] lang="en"
# # 9.8 Mask R-CNN, trained
#
# A bounding box only tells roughly where an object is. Mask R-CNN (He et al. 2017) also tells which pixels in the box
# belong to the object; this set of pixels is the **mask**. It changes Faster R-CNN in two points (section 9.8.4):
#
# - **RoI align** replaces RoI pooling, because rounding shifts the features, and predictions of pixels suffer from
#   it.
# - A small fully convolutional network is added, which predicts the mask of the object from the features of each
#   region.
#
# Unlike the semantic segmentation of section 9.10, each object has a mask of its own. Two Pikachus side by side get
# two masks. This task is called **instance segmentation**.

# %%
import d2lzh_cv as d2l

d2l.start("9.8-mask-rcnn")

# %%
import mxnet as mx
from mxnet import gluon, init, nd

from d2lzh_cv import metrics
from d2lzh_cv.data import hub
from d2lzh_cv.exercises.rcnn_comparison import compare
from d2lzh_cv.exercises.rcnn_figures import show_masks

# %% tags=["parameters"]
batch_size, edge_size = 16, 256
num_epochs, num_epochs_voc, learning_rate = 20, 40, 0.001
num_drawn, num_drawn_val = 256, 64  # drawn pictures with masks

# %% tags=["quick"]
batch_size, edge_size = 8, 96
num_epochs, num_epochs_voc = 4, 2
num_drawn, num_drawn_val = 96, 12

# %% [markdown] lang="zh"
# ## 数据集
#
# 皮卡丘数据集只标注了边界框，没有掩码。幸好我们可以自己画：把一个黄色的小动物画到背景上，它的像素就是已知的。下图是画
# 出来的图像，以及它们的边界框和掩码。
#
# 训练时两种批量交替出现：皮卡丘数据集的批量训练边界框，画出来的批量既训练边界框，也训练掩码。如果皮卡丘数据集本身就是
# 画出来的，那么只用带掩码的图像就够了。

# %% [markdown] lang="en"
# ## Data set
#
# The Pikachu set has boxes but no masks. But we can draw: when a yellow creature is drawn on a background, its pixels
# are known. The figure shows such pictures with their boxes and masks.
#
# Two kinds of batches alternate in training. Those of the Pikachu set train the boxes. The drawn ones train the boxes
# and the masks. If the Pikachu set itself is a drawn one, the pictures with masks are enough.

# %%
ctx, folder = d2l.try_gpu(), d2l.data_folder("pikachu")
train_iter, _ = d2l.load_pikachu(folder, batch_size, edge_size, rand_crop=0.5, rand_mirror=True)
_, val_iter = d2l.load_pikachu(folder, 1, edge_size)
classes = train_iter.classes
drawn = d2l.draw_creatures(num_drawn, edge_size, seed=0)
drawn_val = d2l.draw_creatures(num_drawn_val, edge_size, seed=1)

# %% figure="drawn" zh="画出来的图像，它们的边界框和掩码" en="drawn creatures, their boxes and masks"
for i, ax in enumerate(d2l.plt.subplots(1, 4, figsize=(10, 2.6))[1]):
    show_masks(ax, drawn.pictures[i], drawn.rows(i), drawn.masks[i])

# %% [markdown] lang="zh"
# ## 兴趣区域对齐层
#
# 兴趣区域对齐层不取整。它把区域等分成子窗口，在每个子窗口里取$2 \times 2$个位置，再取平均。位置$(x, y)$一般不在单元
# 上，它的值由周围四个单元$(u, v)$的值$z_{uv}$双线性插值得到：
#
# $$z(x, y) = \sum_{u, v} z_{uv} \max(0, 1 - |x - u|) \max(0, 1 - |y - v|).$$
#
# 区域移动一点，输出也只变化一点。`aligned=True`把单元的值看作位于单元的中心，卷积的输出正是这样；否则采样的位置会偏移
# 半个单元，即图像上的4个像素。

# %% [markdown] lang="en"
# ## RoI align
#
# RoI align does not round. It divides the region into equal parts, takes $2 \times 2$ positions in each part, and
# takes their mean. A position $(x, y)$ usually lies between units. Its value is a bilinear interpolation of the
# values $z_{uv}$ of the four units $(u, v)$ around it:
#
# $$z(x, y) = \sum_{u, v} z_{uv} \max(0, 1 - |x - u|) \max(0, 1 - |y - v|).$$
#
# When the region moves a little, the output changes a little. With `aligned=True`, the value of a unit lies at the
# middle of the unit, as in the output of a convolution. Otherwise the positions would be off by half a unit, that is,
# by 4 pixels of the picture.

# %%
d2l.show_code(d2l.roi_align)

# %% [markdown] lang="zh"
# ## 掩码的输出层
#
# 对每个区域，兴趣区域对齐层给出$64 \times 14 \times 14$的特征，比分类用的$6 \times 6$更细。两个卷积层之后，转置卷积层
# 把高和宽放大到28，最后的$1 \times 1$卷积层为每个类别输出一个$28 \times 28$的掩码，共$q$个（背景没有掩码）。全程都是
# 卷积，空间的排列一直保留着；全连接层会把它打乱。

# %% [markdown] lang="en"
# ## The head for masks
#
# RoI align gives features of shape $64 \times 14 \times 14$ for each region, finer than the $6 \times 6$ for the
# class. Two convolutions follow, then a transposed convolution makes height and width 28. The last $1 \times 1$
# convolution gives a mask of $28 \times 28$ for each class, $q$ masks in all; the background has none. All layers are
# convolutions, so the spatial arrangement is kept. A fully connected layer would destroy it.

# %%
d2l.show_code(d2l.MaskHead)

# %% [markdown] lang="zh"
# ## 标签和损失函数
#
# 掩码的标签由`mask_targets`得到：把目标的掩码按区域剪下，缩放到$28 \times 28$，不低于0.5的是1。只有属于目标的区域才有
# 掩码的损失。设区域$i$的类别为$c_i > 0$，它的标签是$y_i$，网络为类别$c_i$输出的分数是$s_i$，属于目标的区域为集合
# $S^+$，则
#
# $$\ell_{\textrm{掩码}} = \frac{1}{|S^+|} \sum_{i \in S^+} \frac{1}{28^2} \sum_{u, v}
# \big( -y_{iuv} \ln \sigma(s_{iuv}) - (1 - y_{iuv}) \ln (1 - \sigma(s_{iuv})) \big),$$
#
# 其中$\sigma$是sigmoid函数。每个像素是一个二元分类，并且只看区域自己类别的那个掩码，其他类别的掩码不受惩罚。语义分割
# 用softmax让各个类别互相竞争；这里类别已经由另一个输出层决定，掩码只需回答“是不是目标”。
#
# 整个模型的损失是三项之和：$\ell = \ell_{\textrm{提议}} + \ell_{\textrm{区域}} + \ell_{\textrm{掩码}}$。没有掩码的批
# 量只有前两项。

# %% [markdown] lang="en"
# ## Labels and loss
#
# `mask_targets` makes the labels of the masks: it cuts the object's mask out along the region, resizes it to
# $28 \times 28$, and values from 0.5 on become 1. Only regions of objects have a mask loss. Let $c_i > 0$ be the
# class of region $i$, $y_i$ its label, $s_i$ the scores that the network gives for class $c_i$, and $S^+$ the regions
# of objects. Then
#
# $$\ell_{\textrm{masks}} = \frac{1}{|S^+|} \sum_{i \in S^+} \frac{1}{28^2} \sum_{u, v}
# \big( -y_{iuv} \ln \sigma(s_{iuv}) - (1 - y_{iuv}) \ln (1 - \sigma(s_{iuv})) \big),$$
#
# where $\sigma$ is the sigmoid function. Each pixel is a binary classification, and only the mask of the region's own
# class counts; the masks of other classes are not punished. In semantic segmentation, softmax lets the classes
# compete. Here another head has already decided the class, and the mask only has to answer "object or not".
#
# The loss of the whole model has three terms:
# $\ell = \ell_{\textrm{proposals}} + \ell_{\textrm{regions}} + \ell_{\textrm{masks}}$. A batch without masks has the
# first two only.

# %%
d2l.show_code(d2l.mask_targets, d2l.MaskLoss)

# %% [markdown] lang="zh"
# 模型继承Faster R-CNN，换掉池化层，加上掩码。训练时，掩码由采样的区域预测；检测时（`detect`）先得到最后的框，再由这些
# 框的特征预测掩码，所以掩码用的是更准的框，而且只需计算少数几个。

# %% [markdown] lang="en"
# The model inherits from Faster R-CNN, replaces the pooling and adds the masks. In training, masks are predicted in
# the sampled regions. In detection (`detect`), the final boxes come first, and the masks are predicted from the
# features of these boxes. So the masks get more exact boxes, and only a few have to be computed.

# %%
d2l.show_code(d2l.FasterRCNN, d2l.MaskRCNN)

# %% [markdown] lang="zh"
# ## 训练
#
# `alternate`轮流从两个数据集取批量。训练函数与前三个网络相同。

# %% [markdown] lang="en"
# ## Training
#
# `alternate` takes batches from two data sets in turn. The training function is that of the other three networks.

# %%
d2l.show_code(d2l.alternate, d2l.train_rcnn)


# %%
def trained(num_classes, train_iter, num_epochs, name):
    net = d2l.MaskRCNN(num_classes)
    net.initialize(init.Xavier(), ctx=ctx)
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": learning_rate})
    return net, d2l.train_rcnn(net, train_iter, trainer, ctx, num_epochs, print, name=name)


with_masks = drawn.passes(batch_size)
batches = with_masks if hub.use("pikachu").kind == "synthetic" else d2l.alternate(train_iter, with_masks)
net, epochs = trained(len(classes), batches, num_epochs, "Mask R-CNN")

# %% [markdown] lang="zh"
# ## 检测得好不好
#
# 边界框与其他网络一样，在皮卡丘的验证集上评价。掩码在没有见过的、画出来的图像上评价，指标是预测的掩码与真实掩码的交并
# 比，对所有目标取平均，没有检测到的目标算0。比较掩码之前，`paste`把$28 \times 28$的掩码缩放到框的大小，贴回图像。

# %% [markdown] lang="en"
# ## How good is it?
#
# The boxes are measured on the Pikachu validation set, as for the other networks. The masks are measured on drawn
# pictures that the network has not seen. The measure is the IoU of the predicted mask and the true one, the mean over
# all objects; a missed object counts as 0. Before masks are compared, `paste` resizes the $28 \times 28$ mask to the
# box and puts it into the picture.

# %%
d2l.show_code(d2l.paste, d2l.mask_iou, d2l.mask_ious)

# %%
ious = d2l.mask_ious(net, drawn_val)
judged = metrics.evaluate_detector(net, val_iter, ctx, classes)
print(judged.scores)

# %% [markdown] lang="zh"
# 同一文件夹中运行过的其他网络也列在表里。在书的皮卡丘数据集上训练20个迭代周期，Mask R-CNN得到1.000（VOC 2012）和0.743
# （COCO）；后者高于Faster R-CNN的0.655。这里有两个原因分不开：兴趣区域对齐层不取整，以及画出来的图像让边界框有更多的
# 训练数据。掩码的交并比是0.825，而把整个框当作掩码只有0.537。

# %% [markdown] lang="en"
# Other networks that were run in the same folder are in the table too. On the book's Pikachu set, after 20 epochs,
# Mask R-CNN reaches 1.000 by VOC 2012 and 0.743 by COCO; the latter is above the 0.655 of Faster R-CNN. Two causes
# cannot be told apart here: RoI align does not round, and the drawn pictures give the boxes more data to learn from.
# The IoU of the masks is 0.825. The whole box, taken as the mask, would have 0.537.

# %%
compared = compare("Mask R-CNN", net, judged, val_iter, ctx, num_epochs, mask_iou=float(ious.mean()))
print(compared.shows)
compared.table

# %% figure="best_and_worst" zh="最好（上）和最差（下）的验证图像" en="best (above) and worst validation pictures"
metrics.show_best_and_worst(judged, val_iter)

# %% [markdown] lang="zh"
# 下面画出置信度不低于0.3的框和掩码：上面一行是皮卡丘的验证图像，没有人知道它们真正的掩码；下面一行是画出来的图像。

# %% [markdown] lang="en"
# The figure shows boxes with a score of at least 0.3 and their masks. Above are validation pictures of the Pikachu
# set, whose true masks nobody knows; below are drawn pictures.

# %% figure="masks" zh="检测到的掩码：上为验证集，下为画的" en="masks: validation set above, drawn pictures below"
_, axes = d2l.plt.subplots(2, 4, figsize=(10, 5))
for i, picture in enumerate(metrics.pictures_of(val_iter, range(4))):
    show_masks(axes[0, i], picture, *net.detect(nd.array(picture).transpose((2, 0, 1)).expand_dims(0)))
    show_masks(axes[1, i], drawn_val.pictures[i], *net.detect(drawn_val.batch([i]).data[0]))

# %% [markdown] lang="zh"
# ## 真实的掩码
#
# 9.9节的Pascal VOC数据集有真实图像的掩码，共20类。如果其中没有区分同类的目标，就把一个类别的每个连通部分当作一个目
# 标。一两百幅图像远不足以学会20个类别，检测几乎一定不好；但掩码的输出层可以单独评价：给它真实边界框，看掩码的交并比。
# 这时应当与“把整个框当作掩码”比较，不如它的掩码就没有用处。

# %% [markdown] lang="en"
# ## Real masks
#
# The Pascal VOC set of section 9.9 has masks of real pictures, in 20 classes. If it does not tell objects of a class
# apart, each connected part of the class is taken as an object. One or two hundred pictures are far too few to learn
# 20 classes, so detection will be poor. But the mask head can be measured alone: it gets the ground-truth boxes, and
# we look at the IoU of its masks. They should be compared with the whole box taken as the mask. Masks that do not
# beat it are of no use.

# %%
d2l.show_code(d2l.given_boxes_ious)

# %%
objects, objects_val = (d2l.voc_objects(d2l.data_folder("voc"), is_train, edge_size) for is_train in (True, False))
voc_net, voc_epochs = trained(len(d2l.VOC_CLASSES) - 1, objects.passes(batch_size), num_epochs_voc, "Mask R-CNN, VOC")

# %%
voc_iter = mx.io.NDArrayIter(objects_val.pictures.transpose(0, 3, 1, 2).astype("float32"), objects_val.objects)
voc_judged = metrics.evaluate_detector(voc_net, voc_iter, ctx, d2l.VOC_CLASSES[1:])
print("boxes of voc:", voc_judged.scores)
drawn_masked, drawn_whole = d2l.given_boxes_ious(net, drawn_val)
masked, whole = d2l.given_boxes_ious(voc_net, objects_val)
verdict = "better" if masked.mean() > whole.mean() else "no better"
print(f"in true boxes of voc the masks are {verdict} than the boxes themselves (epochs: {num_epochs_voc})")
masks = metrics.Table(["validation objects", "number", "mask IoU"], [
    ["drawn, found", len(ious), ious.mean()],
    ["drawn, in true boxes", len(ious), drawn_masked.mean()],
    ["drawn, the box as mask", len(ious), drawn_whole.mean()],
    ["voc, found", len(masked), d2l.mask_ious(voc_net, objects_val).mean()],
    ["voc, in true boxes", len(masked), masked.mean()],
    ["voc, the box as mask", len(masked), whole.mean()]])
masks

# %% [markdown] lang="zh"
# 我们在COCO128的20个类别上（每类只有几幅图像）训练过：真实边界框里的掩码得到0.51，而框本身是0.59。在VOC2012的195幅训练
# 图像上训练40个周期，得到0.53，框是0.56。这个网络没有预训练，图像又少，所以学不会；原论文用了十多万幅图像和预训练的特
# 征。下图上面是验证图像的目标，下面是在真实边界框里预测的掩码。

# %% [markdown] lang="en"
# We trained on 20 classes of COCO128, with a few pictures per class: the masks in true boxes got 0.51, the boxes
# themselves 0.59. With 195 training pictures of VOC2012, it was 0.53 and 0.56 after 40 epochs. The network is not
# pretrained and the pictures are few, so it cannot learn this. The paper used more than a hundred thousand pictures
# and pretrained features. The figure shows the objects of validation pictures above, and the masks predicted in their
# true boxes below.

# %% figure="voc_masks" zh="上为目标，下为真实边界框里的掩码" en="objects above, masks found in their true boxes below"
_, axes = d2l.plt.subplots(2, 4, figsize=(10, 5))
for i in range(min(4, len(objects_val))):
    picture, rows = objects_val.pictures[i], objects_val.rows(i)
    show_masks(axes[0, i], picture, rows, objects_val.masks[i])
    show_masks(axes[1, i], picture, rows, voc_net.masks_in(objects_val.batch([i]).data[0], rows))

# %% [markdown] lang="zh"
# ## 小结
#
# - Mask R-CNN在Faster R-CNN上增加一个全卷积网络，为每个区域的每个类别预测一个掩码。
# - 兴趣区域对齐层用双线性插值代替取整，像素级的预测才能对准。
# - 掩码的损失是逐像素的二元交叉熵，只算目标的区域和它自己的类别。
# - 没有掩码的图像仍然可以训练边界框。

# %% [markdown] lang="en"
# ## Summary
#
# - Mask R-CNN adds a fully convolutional network to Faster R-CNN, which predicts a mask for each region and class.
# - RoI align interpolates instead of rounding, so that predicted pixels are in the right place.
# - The mask loss is a binary cross-entropy of pixels, for regions of objects and their own class only.
# - Pictures without masks can still train the boxes.
