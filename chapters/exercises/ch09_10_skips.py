# %% [markdown] lang="zh"
# # 9.10 练习：FCN-32s、FCN-16s与FCN-8s
#
# 9.10节的练习问：提出全卷积网络的论文还使用了卷积神经网络的某些中间层的输出，试着实现它。
#
# 最后的特征只有图像高和宽的$1/32$。它的一个单元看到的范围很大，知道那里有什么，却不知道边界在这$32 \times 32$个像素的
# 哪一处。中间层的特征是图像的$1/16$或$1/8$，位置更细，语义较弱。论文把两者相加：每一层用$1 \times 1$卷积算出各类别的
# 得分，把粗的得分放大到2倍，与细一级的得分相加，最后一次放大到图像的大小。FCN-32s就是书中的网络，FCN-16s加上一个中间
# 层，FCN-8s加上两个。
#
# 如果论文是对的，加上中间层之后，物体边界附近的像素应当预测得更准。

# %% [markdown] lang="en"
# # 9.10 Exercise: FCN-32s, FCN-16s and FCN-8s
#
# An exercise of section 9.10: the paper on fully convolutional networks also uses the outputs of some middle layers.
# Implement this.
#
# The last features have only $1/32$ of the picture's height and width. One of their units sees a large part of the
# picture. It knows what is there, but not where among its $32 \times 32$ pixels the object ends. The features of
# middle layers have $1/16$ or $1/8$ of the size: their places are finer and they know less about objects. The paper
# adds the two. For each of these layers a $1 \times 1$ convolution computes scores of the classes. The coarse scores
# are enlarged twice and added to the finer ones, and at the end all is enlarged to the size of the picture. FCN-32s
# is the book's network, FCN-16s adds one middle layer, and FCN-8s adds two.
#
# If the paper is right, middle layers improve the prediction of pixels near the border of an object.

# %%
import d2lzh_cv as d2l

d2l.start("9.10-skips")

# %%
from functools import partial

import numpy as np

from d2lzh_cv import metrics
from d2lzh_cv.exercises import segmentation
from d2lzh_cv.exercises.fcn_skips import STRIDES, FCNSkips, taps

# %% tags=["parameters"]
crop_size, shrink = (224, 320), 1  # pictures are made `shrink` times smaller
num_epochs, learning_rate, batch_size = 20, 0.02, 8
train_features = True
border_width = 8  # in pixels

# %% tags=["quick"]
crop_size, shrink = (64, 96), 4
num_epochs, learning_rate, batch_size = 3, 0.05, 4
train_features, border_width = False, 2

# %%
data = segmentation.load_data(crop_size, shrink)
background, shown = data.background_share(), data.shown(4)

# %% [markdown] lang="zh"
# ## 网络
#
# `taps`找出预训练网络里步幅为32、16和8的最后一层。`FCNSkips`的中间层的得分从0开始，所以三个网络在训练之前完全相同，都
# 等于FCN-32s；之后的差别全部来自学到的东西。
#
# 这需要步幅为32的特征，所以本练习不用SqueezeNet，它的步幅是16。数据根目录里没有步幅为32的真实网络时，用在画出的图像上
# 训练的网络。

# %% [markdown] lang="en"
# ## The networks
#
# `taps` finds the last layers of the pretrained network with the strides 32, 16 and 8. In `FCNSkips` the scores of
# middle layers start at zero. So before the training all three networks are the same, an FCN-32s, and every later
# difference was learnt.
#
# This needs features with a stride of 32, so the exercise does not use SqueezeNet, whose stride is 16. If the data
# root has no real network of stride 32, it takes the one trained on drawn pictures.

# %%
d2l.show_code(taps, FCNSkips)


# %% [markdown] lang="zh"
# ## 训练
#
# 特征、数据、随机数种子和步数都相同。除了正中部分的所有像素，还单独评价边界附近的像素：上下左右相距几个像素的地方若属
# 于另一个类别，它就算在边界附近。

# %% [markdown] lang="en"
# ## Training
#
# Features, data, random numbers and the number of steps are the same for all. We judge all pixels of the middles, and
# also those near a border alone. A pixel is near a border if a pixel a little above, below, to the left or to the
# right has another class.


# %%
def borders():
    for picture, classes in segmentation.middles(data.whole, crop_size):
        yield picture, np.where(segmentation.near_border(classes, border_width), classes, segmentation.VOID)


# %%
results, predictions = {}, {}
for stride in STRIDES:
    d2l.seed_everything(0)  # the same start for all
    features, name = segmentation.pretrained_features(train_features), f"FCN-{stride}s"
    print(f"{name} looks at layers {', '.join(str(layer) for s, layer in taps(features).items() if s >= stride)}")
    net = FCNSkips(features, len(data.classes), stride)
    epochs = segmentation.train(net, data, num_epochs, learning_rate, batch_size, name)
    classify = partial(segmentation.classes_of, net)
    results[name] = epochs, data.judge(net), segmentation.judge(classify, borders(), len(data.classes))
    predictions[name] = [classify(picture) for picture, _ in shown]

# %% [markdown] lang="zh"
# ## 同样的图像，各自的预测
#
# 请看轮廓：FCN-32s的轮廓是圆滑的大块，更细的网络可以跟随物体的形状。

# %% [markdown] lang="en"
# ## The same pictures, seen by each
#
# Look at the outlines: those of FCN-32s are large and round, the finer networks can follow the shape of an object.

# %% figure="predictions" zh="测试图像、各网络的预测、标签" en="test pictures, each network's prediction, label"
columns = {"picture": [picture for picture, _ in shown],
           **{name: [segmentation.colored(found) for found in classes] for name, classes in predictions.items()},
           "label": [segmentation.colored(classes) for _, classes in shown]}
axes = d2l.show_images([img for row in zip(*columns.values()) for img in row], len(shown), len(columns))
d2l.plt.gcf().set_size_inches(2.2 * len(columns), 2.2 * len(shown) * crop_size[0] / crop_size[1] + 0.4)
for ax, name in zip(axes[0], columns):
    ax.set_title(name)
d2l.plt.tight_layout()

# %% figure="losses" zh="训练损失" en="training loss"
for name, (epochs, *_) in results.items():
    d2l.plt.plot([epoch.number for epoch in epochs], [epoch.loss for epoch in epochs], label=name)
d2l.plt.xlabel("epoch")
d2l.plt.ylabel("training loss")
d2l.plt.legend();

# %%
table = metrics.Table(["network", "last loss", "train accuracy", "pixel accuracy", "mean IoU", "accuracy near borders",
                       "seconds an epoch"],
                      [[name, epochs[-1].loss, epochs[-1].train_acc, *judged.summary().values(),
                        at_borders.summary()["pixel_acc"], np.mean([epoch.seconds for epoch in epochs])]
                       for name, (epochs, judged, at_borders) in results.items()])
table

# %% [markdown] lang="zh"
# ## 回答
#
# 中间层的得分只需要几个$1 \times 1$卷积，训练几乎不变慢。要看的是“accuracy near borders”一列，中间层的好处应当出现在
# 那里。
#
# 在一部分COCO图像上完整地训练20个周期，特征越细，训练损失越低（0.502、0.458、0.405），边界附近FCN-8s最准（0.491，
# FCN-32s是0.467），与论文一致。平均交并比却是0.129、0.112、0.108，次序正好相反：测试图像只有20张，每个类别只有几张训
# 练图像，0.02的差别分不出好坏。快速模式的图像小、特征不训练、步数少，更不能排名次。

# %% [markdown] lang="en"
# ## The answer
#
# The scores of middle layers cost only a few $1 \times 1$ convolutions, so training hardly becomes slower. The column
# to look at is "accuracy near borders": this is where middle layers should help.
#
# In a full run of 20 epochs on a part of COCO, the loss was lower with finer features (0.502, 0.458, 0.405). Near
# borders FCN-8s was best, with 0.491 against 0.467 for FCN-32s, as in the paper. The mean IoU had the opposite order:
# 0.129, 0.112 and 0.108. But there were only 20 test pictures and a few training pictures per class, which cannot
# tell networks apart that differ by 0.02. Quick mode has small pictures, fixed features and few steps, and it can
# rank the networks even less.

# %%
order = sorted(table["rows"], key=lambda row: -row[4])
shows = (f"Mean IoU after {num_epochs} epochs: {', '.join(f'{row[0]} {row[4]:.3f}' for row in order)}; pixel accuracy "
         f"{', '.join(f'{row[3]:.3f}' for row in order)}, where all background would be {background:.3f}. Near borders "
         f"{', '.join(f'{row[5]:.3f}' for row in order)} are right.")
if not train_features:
    shows += " Small pictures, frozen features and few steps: only the full run tells which is best."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 论文分阶段训练：先训练FCN-32s，再以它为起点训练FCN-16s，最后是FCN-8s。这样做更好吗？
# - 再加上步幅为4的特征，边界附近还会更准吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - The paper trains in stages: first FCN-32s, from there FCN-16s, and at last FCN-8s. Is this better?
# - Add the features of stride 4, too. Are pixels near borders predicted still better?
