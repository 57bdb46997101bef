# %% [markdown] lang="zh"
# # 9.10 练习：预测测试图像中所有像素的类别
#
# 书中只预测四张测试图像左上角的一块，因为网络要求高和宽是32的倍数。9.10节的练习要求预测测试图像中**所有**像素的类别，
# 而图像大小不一。
#
# 简单的办法是把图像补到32的倍数，一次算完。但特征图所占的内存随图像增大，很大的图像会放不下。另一个办法是**分块**：用
# 训练时大小的窗口盖住整张图像，逐块预测。窗口的起点都在32的倍数上，因为图像移动32的倍数时特征图只是跟着移动。块的边缘
# 看不到块外的像素，预测较差，所以让相邻的块重叠，再把重叠处合并。

# %% [markdown] lang="en"
# # 9.10 Exercise: the class of every pixel of every test picture
#
# The book predicts one part of four test pictures, because the network needs a height and a width that are multiples
# of 32. An exercise of section 9.10 asks for the classes of **all** pixels of the test pictures, which differ in
# size.
#
# The simple way is to pad a picture up to multiples of 32 and to compute it at once. But the memory of the feature
# maps grows with the picture, and a very large one does not fit. The other way is to use **tiles**: windows of the
# training size cover the whole picture, and each is predicted on its own. All windows begin at multiples of 32,
# because a shift by a multiple of 32 only shifts the feature maps. At its edge, a tile does not see the pixels
# outside and predicts worse. So neighbouring tiles overlap, and the overlaps are merged.

# %%
import d2lzh_cv as d2l

d2l.start("9.10-tiled-prediction")

# %%
import time
from functools import partial

import numpy as np

from d2lzh_cv import metrics
from d2lzh_cv.exercises import segmentation, tiling
from d2lzh_cv.exercises.fcn_skips import FCNSkips

# %% tags=["parameters"]
crop_size, shrink = (224, 320), 1  # pictures are made `shrink` times smaller
num_epochs, learning_rate, batch_size = 30, 0.02, 8
train_features = True

# %% tags=["quick"]
crop_size, shrink = (64, 96), 4
num_epochs, learning_rate, batch_size = 3, 0.05, 4
train_features = False

# %%
data = segmentation.load_data(crop_size, shrink)

# %% [markdown] lang="zh"
# ## 一个网络
#
# 这里用FCN-8s（见练习9.10-skips），像书中那样在随机裁剪的块上训练。它的特征须有步幅32、16和8，所以特征也与那个练习一
# 样选取。

# %% [markdown] lang="en"
# ## A network
#
# We take FCN-8s (exercise 9.10-skips) and train it on random crops, as in the book. It needs features with the
# strides 32, 16 and 8, so they are chosen as in that exercise.

# %%
net, device = FCNSkips(segmentation.pretrained_features(train_features), len(data.classes)), d2l.try_gpu()
segmentation.train(net, data, num_epochs, learning_rate, batch_size, "FCN-8s");

# %% [markdown] lang="zh"
# ## 几种预测方法
#
# - whole：以反射的方式把图像补到32的倍数，一次预测，内存随图像增大；
# - tiles, blended：块重叠32个像素，得分按权重平均，权重向块的边缘下降；
# - tiles, centers：块重叠，每个像素取离块的边缘最远的那一块的预测；
# - tiles side by side：块不重叠，用来看重叠的作用。

# %% [markdown] lang="en"
# ## Ways to predict
#
# - whole: the picture is padded by its reflection to multiples of 32 and predicted at once; memory grows with it;
# - tiles, blended: tiles overlap by 32 pixels; the scores are averaged with weights that fall towards the edge of a
#   tile;
# - tiles, centers: tiles overlap; each pixel comes from the tile whose edge is farthest away;
# - tiles side by side: no overlap, to see what the overlap does.

# %%
d2l.show_code(tiling.starts, tiling.predict_scores)


# %%
def score(part):
    return net(segmentation.as_batch(part).as_in_context(device))[0].asnumpy()


large = (1 << 12, 1 << 12)  # one tile, whatever the picture
settings = {"whole": {"tile": large}, "tiles, blended": {"tile": crop_size, "overlap": 32},
            "tiles, centers": {"tile": crop_size, "overlap": 32, "join": "center"},
            "tiles side by side": {"tile": crop_size, "overlap": 0, "join": "center"}}
ways = {name: partial(tiling.predict_classes, score, **setting) for name, setting in settings.items()}

# %% [markdown] lang="zh"
# 第一行“middle only”只评价每张图像正中训练大小的一块，其余各行评价所有像素。内存里每次只有一张图像。

# %% [markdown] lang="en"
# The first row, "middle only", judges the middle of each picture, a part of the training size. The other rows judge
# all pixels. One picture is in memory at a time.

# %%
rows, results = [], {}
for name, classify in {"middle only": None, **ways}.items():
    began = time.perf_counter()
    results[name] = data.judge(net) if classify is None else segmentation.judge(classify, data.whole, len(data.classes))
    count = len(results[name].picture_iou)
    rows.append([name, count, int(results[name].matrix.sum()), *results[name].summary().values(),
                 (time.perf_counter() - began) / count])
table = metrics.Table(["prediction", "pictures", "pixels judged", "pixel accuracy", "mean IoU", "seconds per picture"],
                      rows)
table

# %%
per_class = metrics.per_class_iou(results["tiles, blended"].matrix, data.classes)
per_class

# %% [markdown] lang="zh"
# ## 分块与整张的预测在哪里不同
#
# 网络的感受野比重叠的部分大得多，分块的预测不可能与整张的完全相同。下面数出相同的像素的比例，并从前四张图像里画出不重
# 叠时差别最大的一张：差别沿着块的边缘。

# %% [markdown] lang="en"
# ## Where tiles differ from the whole
#
# The receptive field of the network is much larger than the overlap, so tiles cannot give quite the same result. We
# count the pixels that agree. Of the first four pictures we show the one in which tiles side by side differ most: the
# differences lie along the edges of tiles.

# %% figure="ways" zh="一张图像的四种预测" en="one picture, predicted in four ways"
first, agreement = [data.whole[i] for i in range(min(4, len(data.whole)))], {}
for name, classify in ways.items():
    same = [(classify(picture) == ways["whole"](picture)).mean() for picture, _ in first]
    agreement[name] = float(np.mean(same))
    print(f"{name}: {agreement[name]:.1%} of the pixels as predicted from the whole picture")
picture, label = first[int(np.argmin(same))]
shown = {"picture": picture, **{name: segmentation.colored(classify(picture)) for name, classify in ways.items()},
         "label": segmentation.colored(label)}
for ax, name in zip(d2l.show_images(list(shown.values()), 2, 3, 3).flat, shown):
    ax.set_title(name)
d2l.plt.tight_layout()

# %% figure="best_and_worst" zh="整张图像：三张最好，三张最差" en="whole pictures in tiles: three best, three worst"
blended, classify = results["tiles, blended"], ways["tiles, blended"]
numbers = metrics.best_and_worst(blended.ranked(), 3)
columns = [(picture, segmentation.colored(classify(picture)), segmentation.colored(label))
           for picture, label in (data.whole[i] for i in numbers)]
metrics.show_segmented(columns, blended.picture_iou[numbers])

# %% [markdown] lang="zh"
# ## 回答
#
# 分块可以预测任意大小的图像的每一个像素，所需的内存只取决于块的大小。代价是重叠的部分要算不止一次。
#
# 用一部分COCO图像完整地训练后，20张图像共评价5,244,260个像素，是正中部分的3.7倍。整张预测的像素准确率是0.826，三种分
# 块是0.813到0.815，与整张的预测相同的像素在95.3%到95.9%之间，重叠时略好。正中部分的准确率只有0.708，因为物体多在正
# 中，四周多是背景：只评价裁剪的一块，会给人偏差的印象。块越大，边缘所占的比例越小，分块与整张就越接近。快速模式的网络
# 几乎没学到什么，那里只看方法。

# %% [markdown] lang="en"
# ## The answer
#
# Tiles predict every pixel of a picture of any size, and the memory depends on the size of a tile alone. The price is
# that overlaps are computed more than once.
#
# After a full training on a part of COCO, 5,244,260 pixels of 20 pictures were judged, 3.7 times those of the
# middles. The whole pictures gave a pixel accuracy of 0.826, the three kinds of tiles 0.813 to 0.815. Between 95.3
# and 95.9% of the pixels were the same as in the prediction of the whole, with overlaps slightly more than without.
# On the middles alone the accuracy was 0.708: objects are mostly in the middle, and around them is background. So an
# evaluation on crops gives a biased impression. The larger the tiles, the smaller is the share of their edges, and
# the closer they are to the whole. In quick mode the network has learnt next to nothing; there only the method
# counts.

# %%
middle, tiled = rows[0], rows[2]
shows = (f"All {tiled[1]} pictures in tiles: {tiled[2]:,} pixels judged, {tiled[2] / middle[2]:.1f} times those "
         f"of the middles; pixel accuracy {tiled[3]:.3f} and mean IoU {tiled[4]:.3f} (middles {middle[3]:.3f} and "
         f"{middle[4]:.3f}). {agreement['tiles, blended']:.1%} of the pixels are as in the whole picture's prediction, "
         f"side by side {agreement['tiles side by side']:.1%}.")
if not train_features:
    shows += " With fixed features the network has learnt little: only the full run's figures mean something."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 把重叠增加到64或128个像素，与整张的预测相同的像素会增加多少？时间呢？
# - 把图像放大或左右翻转后再预测一次，将各次的得分平均，准确率能提高吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Let tiles overlap by 64 or 128 pixels. How many more pixels agree with the whole, and how much longer does it
#   take?
# - Predict each picture once more, enlarged or mirrored, and average the scores. Does the accuracy rise?
