# %% [markdown] lang="zh"
# # 9.7 单发多框检测（SSD）
#
# 前几节准备好了边界框、锚框、多尺度检测和数据集，本节用它们搭起一个完整的目标检测模型：**单发多框检测**（single shot
# multibox detection，SSD）。“单发”是说图像只通过网络一次，就同时得到所有尺度上所有锚框的类别和偏移量，不必先提出候选
# 区域（9.8节的R-CNN系列才那样做）。它简单、快速，思路也被后来的许多检测模型沿用。

# %% [markdown] lang="en"
# # 9.7 Single shot multibox detection (SSD)
#
# The previous sections prepared bounding boxes, anchor boxes, several scales and a data set. This section builds a
# complete detector from them: **single shot multibox detection** (SSD). "Single shot" means that a picture passes
# through the network once, and this pass predicts the classes and the offsets of all anchors on all scales. No step
# proposes regions first, as in the R-CNNs of section 9.8. The model is simple and fast, and many later detectors
# follow its idea.

# %%
import d2lzh_cv as d2l

d2l.start("9.7")

# %%
from mxnet import gluon, init, nd

from d2lzh_cv import metrics

# %% tags=["parameters"]
batch_size, edge_size = 32, 256
num_epochs, learning_rate, weight_decay = 20, 0.2, 5e-4

# %% tags=["quick"]
edge_size, num_epochs = 128, 30

# %% [markdown] lang="zh"
# ## 9.7.1 模型
#
# 模型由一个基础网络和若干个首尾相连的多尺度特征块组成。基础网络从原始图像抽取特征；这里它较小，原论文用的是截断的
# VGG。每个多尺度特征块把上一层的特征图的高和宽减半。特征图越小，图上一个单元的感受野就越大，因此越靠后的块越适合检测
# 较大的目标。在每一个尺度上，模型以每个单元为中心生成大小和宽高比不同的锚框，并预测它们的类别和偏移量。
#
# ### 类别预测层
#
# 设目标有$q$类。锚框的类别共有$q+1$种，其中0类表示锚框只包含背景。若特征图高$h$、宽$w$，每个单元有$a$个锚框，就要给
# $hwa$个锚框分类。用全连接层做输出，参数会多得不可接受；SSD改用卷积层的**通道**来输出类别：保持高和宽不变的卷积层，其
# 输出与输入的空间坐标一一对应，在坐标$(x, y)$处的$a(q+1)$个通道，恰好放得下以输入的$(x, y)$为中心的所有锚框的类别。其
# 中编号$i(q+1)+j$（$0 \le j \le q$）的通道，是对编号为$i$的锚框属于$j$类的预测。

# %% [markdown] lang="en"
# ## 9.7.1 The model
#
# The model is a base network followed by several multiscale feature blocks. The base network extracts features from
# the picture; ours is small, the paper uses a truncated VGG. Each feature block halves the height and the width of
# the feature map. On a smaller map each unit has a larger receptive field, so later blocks suit larger objects. On
# each scale the model generates anchors of several sizes and ratios around each unit and predicts their classes and
# offsets.
#
# ### The layer that predicts classes
#
# Let there be $q$ classes of objects. An anchor then has one of $q+1$ classes; class 0 is the background. A feature
# map of height $h$ and width $w$ with $a$ anchors per unit has $hwa$ anchors to classify. A fully connected output
# would need far too many parameters. SSD uses the **channels** of a convolution instead: with height and width kept,
# the output at $(x, y)$ corresponds to the input at $(x, y)$, and its $a(q+1)$ channels have room for all anchors
# around this unit. Channel $i(q+1)+j$, with $0 \le j \le q$, predicts that anchor $i$ has class $j$.

# %%
d2l.show_code(d2l.cls_predictor)

# %% [markdown] lang="zh"
# ### 边界框预测层
#
# 它与类别预测层的设计相同，只是每个锚框要预测的不是$q+1$个类别，而是4个偏移量，所以有$4a$个通道。

# %% [markdown] lang="en"
# ### The layer that predicts bounding boxes
#
# Its design is the same, but each anchor needs 4 offsets instead of $q+1$ classes. So it has $4a$ channels.

# %%
d2l.show_code(d2l.bbox_predictor)

# %% [markdown] lang="zh"
# ### 连结多尺度的预测
#
# 各尺度的特征图形状不同，每个单元的锚框数也可能不同，因此预测的形状也不同。设批量里有2个样本，第一个特征图的每个单元
# 有5个锚框，第二个特征图高宽减半，每个单元有3个锚框，目标有10类：

# %% [markdown] lang="en"
# ### Concatenating the predictions of several scales
#
# Feature maps differ in shape, and their units may differ in the number of anchors, so the predictions differ in
# shape as well. Take a batch of 2 pictures and 10 classes; the first map has 5 anchors per unit, the second one is
# half as high and wide and has 3 anchors per unit:


# %%
def forward(x, block):
    block.initialize()
    return block(x)


Y1 = forward(nd.zeros((2, 8, 20, 20)), d2l.cls_predictor(5, 10))
Y2 = forward(nd.zeros((2, 16, 10, 10)), d2l.cls_predictor(3, 10))
(Y1.shape, Y2.shape)

# %% [markdown] lang="zh"
# 通道数分别是$5 \times 11 = 55$和$3 \times 11 = 33$。除批量大小外各维都不同，要先变成一致的形式才能连结。通道维存放着
# 同一中心的各个锚框的预测，我们把它移到最后一维，再把每个样本的预测展平成一行；这样就可以在第1维上连结了。

# %% [markdown] lang="en"
# They have $5 \times 11 = 55$ and $3 \times 11 = 33$ channels. Only the batch size is the same, so the predictions
# need a common form before they can be concatenated. The channels hold the predictions of all anchors around one
# unit. We move the channels to the last axis and flatten the predictions of each picture into one row; rows can be
# concatenated along axis 1.

# %%
d2l.show_code(d2l.flatten_pred, d2l.concat_preds)

# %%
d2l.concat_preds([Y1, Y2]).shape

# %% [markdown] lang="zh"
# $20 \times 20 \times 55 + 10 \times 10 \times 33 = 25\,300$，一个样本的所有预测排成了一行。
#
# ### 高和宽减半块
#
# 这个块串联两个填充为1的$3 \times 3$卷积层和一个步幅为2的$2 \times 2$最大池化层。卷积层不改变高和宽，池化层将它们减
# 半。输出的一个单元，在输入上的感受野是$6 \times 6$：池化看$2 \times 2$，每个卷积再向四周扩1，$2 + 2 + 2 = 6$。

# %% [markdown] lang="en"
# $20 \times 20 \times 55 + 10 \times 10 \times 33 = 25\,300$: one row holds all predictions for a picture.
#
# ### The block that halves height and width
#
# The block has two $3 \times 3$ convolutions with padding 1 and a $2 \times 2$ max pooling with stride 2. The
# convolutions keep height and width, the pooling halves them. A unit of the output sees $6 \times 6$ units of the
# input: the pooling sees $2 \times 2$, and each convolution adds 1 on every side, so $2 + 2 + 2 = 6$.

# %%
d2l.show_code(d2l.down_sample_blk)

# %%
forward(nd.zeros((2, 3, 20, 20)), d2l.down_sample_blk(10)).shape

# %% [markdown] lang="zh"
# ### 基础网络块
#
# 基础网络串联三个高和宽减半块，并逐步增加通道数。输入图像的形状为$256 \times 256$时，它输出的特征图是$32 \times 32$。

# %% [markdown] lang="en"
# ### The base network
#
# The base network chains three of these blocks with an increasing number of channels. A picture of $256 \times 256$
# gives a feature map of $32 \times 32$.

# %%
d2l.show_code(d2l.base_net)

# %%
forward(nd.zeros((2, 3, 256, 256)), d2l.base_net()).shape

# %% [markdown] lang="zh"
# ### 完整的模型
#
# TinySSD有五个模块，每个模块输出的特征图既用来生成锚框，也用来预测这些锚框的类别和偏移量。第0个模块是基础网络，第1至3
# 个模块是高和宽减半块，第4个模块是全局最大池化层，把高和宽都降到1。于是五个特征图的边长是32、16、8、4、1。

# %% [markdown] lang="en"
# ### The complete model
#
# TinySSD has five blocks. The feature map of each block generates anchors and predicts the classes and offsets of
# these anchors. Block 0 is the base network, blocks 1 to 3 halve height and width, and block 4 is a global max
# pooling, which reduces height and width to 1. So the feature maps have sides of 32, 16, 8, 4 and 1.

# %%
d2l.show_code(d2l.get_blk)

# %% [markdown] lang="zh"
# 接下来要决定每个尺度的锚框大小。把0.2到1.05平均分成5段，段的起点0.2、0.37、0.54、0.71、0.88是五个尺度上较小的那个大
# 小；较大的那个取相邻两个起点的几何平均：$\sqrt{0.2 \times 0.37} = 0.272$，$\sqrt{0.37 \times 0.54} = 0.447$，一直到
# $\sqrt{0.88 \times 1.05} = 0.961$。这样大小从0.2到0.961平滑地铺开，小的锚框在大的特征图上，大的锚框在小的特征图上。
# 每个尺度有2个大小和3个宽高比，所以每个单元有$2 + 3 - 1 = 4$个锚框。

# %% [markdown] lang="en"
# The next choice is the size of the anchors on each scale. Divide the range from 0.2 to 1.05 into five equal parts.
# Their starts, 0.2, 0.37, 0.54, 0.71 and 0.88, are the smaller sizes of the five scales. The larger size is the
# geometric mean of two neighbouring starts: $\sqrt{0.2 \times 0.37} = 0.272$, $\sqrt{0.37 \times 0.54} = 0.447$, up
# to $\sqrt{0.88 \times 1.05} = 0.961$. So the sizes cover 0.2 to 0.961 evenly, small anchors on large maps and large
# anchors on small maps. With 2 sizes and 3 ratios, each unit has $2 + 3 - 1 = 4$ anchors.

# %%
d2l.show_code(d2l.TinySSD)

# %% [markdown] lang="zh"
# `hybrid_forward`依次通过五个模块，在每个尺度上做三件事：生成锚框，预测类别，预测偏移量。最后把五个尺度的结果连结起
# 来。锚框的总数是$(32^2 + 16^2 + 8^2 + 4^2 + 1) \times 4 = 5\,444$。

# %% [markdown] lang="en"
# `hybrid_forward` passes through the five blocks and does three things on each scale: it generates anchors, predicts
# classes and predicts offsets. At the end it concatenates the results of all scales. The number of anchors is $(32^2
# + 16^2 + 8^2 + 4^2 + 1) \times 4 = 5\,444$.

# %%
net = d2l.TinySSD(num_classes=1)
net.initialize()
anchors, cls_preds, bbox_preds = net(nd.zeros((32, 3, 256, 256)))
print("output anchors:", anchors.shape)
print("output class preds:", cls_preds.shape)
print("output bbox preds:", bbox_preds.shape)

# %% [markdown] lang="zh"
# ## 9.7.2 训练模型
#
# ### 读取数据和初始化
#
# 数据集是9.6节的皮卡丘，只有一个类别。用`d2lzh-cv data pack`打包的读者自己的数据集也可以放在这里，类别数由它决定。
# `hybridize`把网络编译成静态图，内存和形状只规划一次，一步的时间大约减半。

# %% [markdown] lang="en"
# ## 9.7.2 Training
#
# ### Reading the data and initialising the network
#
# The data set is the Pikachu set of section 9.6 with a single class. Your own set, packed by `d2lzh-cv data pack`,
# can take its place and brings its own classes. `hybridize` compiles the network into a static graph: memory and
# shapes are planned once, and a step takes about half the time.

# %%
train_iter, val_iter = d2l.load_data_pikachu(batch_size, edge_size)
classes = train_iter.classes
ctx, net = d2l.try_gpu(), d2l.TinySSD(num_classes=len(classes))
net.initialize(init=init.Xavier(), ctx=ctx)
net.hybridize(static_alloc=True, static_shape=True)
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": learning_rate, "wd": weight_decay})

# %% [markdown] lang="zh"
# ### 定义损失函数和评价函数
#
# 目标检测有两个损失。类别的损失是9.4节标注的类别上的交叉熵；偏移量的损失只算正类锚框，用$L_1$范数，即预测与标签之差的
# 绝对值。掩码变量`bbox_masks`把负类锚框和填充的锚框的偏移量都变成0。两者相加：
#
# $$\ell = \textrm{交叉熵}(\textrm{类别的预测}, \textrm{类别的标签}) +
# \left|\textrm{掩码} \odot (\textrm{偏移量的预测} - \textrm{偏移量的标签})\right|.$$
#
# 练习里会把$L_1$换成平滑$L_1$，把交叉熵换成焦点损失，所以`SSDLoss`也带有这些选项；默认值与书中相同。

# %% [markdown] lang="en"
# ### Losses and measures
#
# Detection has two losses. The loss of the classes is the cross-entropy with the classes that section 9.4 assigns.
# The loss of the offsets counts positive anchors only and is an $L_1$ loss, the absolute difference between
# prediction and label; the mask `bbox_masks` sets the offsets of negative and padded anchors to 0. Their sum is
#
# $$\ell = \textrm{cross-entropy}(\textrm{predicted classes}, \textrm{class labels}) +
# \left|\textrm{mask} \odot (\textrm{predicted offsets} - \textrm{offset labels})\right|.$$
#
# An exercise replaces $L_1$ by smooth $L_1$ and cross-entropy by focal loss, so `SSDLoss` has these options; its
# defaults are the book's.

# %%
d2l.show_code(d2l.SSDLoss)

# %% [markdown] lang="zh"
# 类别用错误率来评价，即预测错的锚框的比例。由于绝大多数锚框是背景，这个数字很小并不说明检测得好。偏移量用平均绝对误差
# 来评价。

# %% [markdown] lang="en"
# The measure of the classes is the error rate: the share of anchors whose class is wrong. Most anchors are
# background, so a small number alone does not prove a good detector. The measure of the offsets is the mean absolute
# error.

# %%
d2l.show_code(d2l.cls_eval, d2l.bbox_eval)

# %% [markdown] lang="zh"
# ### 训练
#
# 每一步先在前向计算中生成多尺度的锚框`anchors`，并预测类别`cls_preds`和偏移量`bbox_preds`；再用`MultiBoxTarget`按标签
# `Y`给每个锚框标注类别`cls_labels`和偏移量`bbox_labels`；最后由预测和标注计算损失，反向传播。标注不需要梯度。

# %% [markdown] lang="en"
# ### The training loop
#
# Each step generates the anchors `anchors` and predicts `cls_preds` and `bbox_preds`. Then `MultiBoxTarget` gives
# each anchor its class `cls_labels` and its offsets `bbox_labels` from the labels `Y`; this needs no gradient. The
# loss compares predictions with these labels and is propagated back.

# %%
d2l.show_code(d2l.train_ssd)

# %%
def print_some(epoch):
    if epoch.number % 5 == 0 or epoch.number == num_epochs:
        print(epoch)


epochs = d2l.train_ssd(net, train_iter, trainer, ctx, num_epochs, print_some, name="TinySSD")

# %% [markdown] lang="zh"
# ## 9.7.3 预测目标
#
# 预测时要检测出图像里所有感兴趣的目标。先把图像变成网络需要的大小和四维的形状；网络给出锚框、类别和偏移量；
# `MultiBoxDetection`由锚框和偏移量算出预测边界框，再用非极大值抑制移除相似的框（见9.4节）。

# %% [markdown] lang="en"
# ## 9.7.3 Prediction
#
# Prediction finds all objects of interest in a picture. The picture is resized and gets the four axes that the
# network expects. The network returns anchors, classes and offsets. `MultiBoxDetection` computes boxes from anchors
# and offsets and removes similar ones by non-maximum suppression (section 9.4).

# %%
d2l.show_code(d2l.detect, d2l.show_detections)

# %% tags=["after-training"] figure="prediction" zh="置信度不低于0.3的边界框" en="boxes with a score of at least 0.3"
img = d2l.example_picture(val_iter)
found = d2l.detect(net, img, edge_size, ctx)
d2l.set_figsize((5, 5))
d2l.show_detections(img, found, threshold=0.3, classes=classes)
print(f"{(found[:, 1] >= 0.3).sum()} boxes score at least 0.3; the best {found[:1, 1]}")

# %% [markdown] lang="zh"
# 一个单元凭什么预测？下图画出各个尺度上一个单元的感受野和它的锚框（图像为$256 \times 256$）。请比较：哪些锚框比感受野还
# 大，单元只能看到它的一部分？

# %% [markdown] lang="en"
# What does a unit base its prediction on? This figure shows the receptive field and the anchors of a unit on each
# scale, for a picture of $256 \times 256$. Which anchors are larger than the field, so that the unit sees only a part
# of them?

# %%
d2l.show_interactive("receptive_field", picture=img)

# %% [markdown] lang="zh"
# ## 检测得好不好
#
# 书中到这里为止。但类别的错误率和偏移量的误差说不清检测的好坏，通行的指标是验证集上的**平均精度均值**（mean average
# precision，mAP）。按Pascal VOC的规则，预测框与真实边界框的交并比不低于0.5就算找到；COCO则取0.5到0.95共十个阈值的平
# 均，对框的位置要求更高。

# %% [markdown] lang="en"
# ## How good is it?
#
# The book ends here. But error rate and offset error do not tell how good a detector is. The usual measure is the
# **mean average precision** (mAP) on the validation set. By the rules of Pascal VOC a box counts as correct if its
# IoU with a ground-truth box is at least 0.5. COCO takes the mean over ten thresholds from 0.5 to 0.95 and so demands
# more exact places.

# %%
judged = metrics.evaluate_detector(net, val_iter, ctx, classes)
print(judged.scores)
judged.scores.table()

# %% [markdown] lang="zh"
# 再看检测得最好和最差的验证图像：绿框是真实边界框，白框是置信度不低于0.3的前五个预测。标题中的质量在所有目标都找到且
# 没有多余的框时等于1，并随交并比的下降、漏检和误检而减小。

# %% [markdown] lang="en"
# These are the validation pictures with the best and the worst detections. Green boxes are ground truth; white boxes
# are up to five predictions with a score of at least 0.3. The quality in a title is 1 if all objects are found and
# nothing else; it falls with IoU, missed objects and wrong boxes.

# %% figure="best_and_worst" zh="最好（上）和最差（下）的验证图像" en="best (above) and worst validation pictures"
metrics.show_best_and_worst(judged, val_iter)

# %% [markdown] lang="zh"
# ## 小结
#
# - 单发多框检测是一个多尺度的目标检测模型：它由基础网络和多尺度特征块产生大小不同的锚框，并预测它们的类别和偏移量，从
#   而检测大小不同的目标。
# - 卷积层的通道可以用来输出每个单元的所有锚框的类别和偏移量。
# - 训练时，损失由类别的交叉熵和正类锚框的偏移量误差相加得到。

# %% [markdown] lang="en"
# ## Summary
#
# - Single shot multibox detection works on several scales: its base network and its feature blocks give anchors of
#   different sizes, and it predicts their classes and offsets to detect objects of different sizes.
# - The channels of a convolution can hold the classes and the offsets of all anchors of a unit.
# - The training loss is the sum of the cross-entropy of the classes and the error of the positive anchors' offsets.
