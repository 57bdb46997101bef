# %% [markdown] lang="zh"
# # 9.7 练习：类别比例、尺度与归一化
#
# 9.7节的练习还问：除了损失函数，还可以从哪里改进模型？这里每次只改TinySSD的一处，其余都与书中相同：
#
# - 比例：负例和正例各算多少，偏移量的损失占多大分量；
# - 尺度：锚框的大小照训练集里目标的大小来定，或者增减特征图；
# - 归一化：偏移量除不除以$\sigma$，图像是否先归一化。
#
# 先看目标有多大，再逐个训练，最后用同样的指标比较。

# %% [markdown] lang="en"
# # 9.7 Exercise: ratio of the classes, scales, normalisation
#
# The exercises of section 9.7 also ask what else could improve the model, apart from the losses. Here each variant
# changes one point of TinySSD and keeps the rest as in the book:
#
# - the ratio: how many negatives count for each positive, and how much the offsets count;
# - the scales: anchor sizes that follow the objects of the training set, or fewer or more feature maps;
# - normalisation: offsets that are not divided by $\sigma$, or pictures that are normalised first.
#
# We look at the sizes of the objects, train one variant after the other, and compare them by the same measures.

# %%
import d2lzh_cv as d2l

d2l.start("9.7-variations")

# %%
import numpy as np

from d2lzh_cv import metrics
from d2lzh_cv.data import hub
from d2lzh_cv.exercises.ssd_variants import Variant, comparison, judge, show_precision, train_variant, verdict
from d2lzh_cv.ssd import RATIOS, SIZES

# %% tags=["parameters"]
batch_size, edge_size = 32, 128
num_epochs, seed = 8, 0
all_variants = True

# %% tags=["quick"]
edge_size, num_epochs, all_variants = 64, 2, False

# %% [markdown] lang="zh"
# ## 目标有多大
#
# 网络看到的是随机裁剪后的图像，所以统计裁剪后的目标：面积的平方根，以图像的边长为1。把它们从小到大分成十份，每份取中
# 间的大小，两个一组，正好是五个尺度的十个大小。图中的实线是书中的大小，虚线是由目标得到的大小，每个尺度一种颜色。

# %% [markdown] lang="en"
# ## How large the objects are
#
# The network sees random crops of the pictures, so we measure the objects in the crops: the square root of their
# area, with the side of the picture as 1. We sort them, divide them into ten parts and take the middle size of each
# part. Two at a time, these are ten sizes for five scales. In the figure, solid lines are the sizes of the book and
# dotted lines the sizes by the objects, a colour per scale.

# %% figure="sizes" zh="裁剪后的目标与锚框的大小" en="objects in the training crops and the anchors' sizes"
ctx, kind = d2l.try_gpu(), hub.use("pikachu").kind
train_iter, val_iter = d2l.load_data_pikachu(batch_size, edge_size)
classes = train_iter.classes
train_iter.reset()
labels = np.concatenate([batch.label[0].asnumpy().reshape((-1, 5)) for batch in train_iter])
boxes = labels[labels[:, 0] >= 0, 1:]
sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
tenths = np.quantile(sides, np.linspace(0.05, 0.95, 10)).round(3).reshape((5, 2)).tolist()
print("sizes by the objects:", tenths)
_, ax = d2l.plt.subplots(figsize=(7, 2.6))
ax.hist(sides, bins=40, range=(0, 1), color="0.8")
for i in range(len(SIZES)):
    for sizes, line, name in ((SIZES, "solid", "book's sizes"), (tenths, "dotted", "by the objects")):
        for k, size in enumerate(sizes[i]):
            ax.axvline(size, color=f"C{i}", linestyle=line, label=name if i == k == 0 else None)
ax.set(xlabel="root of the object's area, the picture's side being 1", ylabel="objects")
ax.legend();

# %% [markdown] lang="zh"
# ## 每次改一处
#
# 每个正例只算3个或10个负例时，取最难的那些。这时类别的损失是对计入的锚框取平均，偏移量的损失是对正类锚框取平均；变体
# “offsets over positives”的平均方法与此相同，但负例全部计入，用来分清是哪一处起了作用。“six scales, finer first”少一
# 个减半块，在更细的特征图上多一个尺度。所有变体用同一个种子，看到同样的裁剪。

# %% [markdown] lang="en"
# ## One change at a time
#
# If only 3 or 10 negatives count for each positive, the hardest ones are taken. Then the loss of the classes is a
# mean over the anchors that count, and the loss of the offsets a mean over the positive ones. The variant "offsets
# over positives" takes the same means, but all negatives count; it tells which of the two changes matters. "Six
# scales, finer first" has one halving block less in front and one more scale, on a finer map. All variants have the
# same seed and see the same crops.

# %%
counted = {"mean_over": "counted"}
finer = {"sizes": ((0.1, 0.141), *SIZES), "ratios": (RATIOS[0], *RATIOS), "base_channels": (16, 32)}
variants = [Variant("the book's"),
            Variant("offsets over positives", loss=counted),
            Variant("1 positive : 10 negatives", loss=counted, target={"negative_mining_ratio": 10}),
            Variant("1 positive : 3 negatives", loss=counted, target={"negative_mining_ratio": 3}),
            Variant("classes : offsets = 1 : 10", loss={"bbox_weight": 10}),
            Variant("sizes by the objects", net={"sizes": tenths}),
            Variant("three scales", net={"sizes": SIZES[:3]}),
            Variant("six scales, finer first", net=finer),
            Variant("offsets not divided", target={"variances": (1, 1, 1, 1)}),
            Variant("pictures normalised", normalized=True)]
if not all_variants:
    variants = [variants[i] for i in (0, 3, 7, 8)]

# %%
judged = {}
for variant in variants:
    net = train_variant(variant, train_iter, len(classes), ctx, num_epochs, seed, name=variant.name)
    judged[variant.name, seed] = judge(net, val_iter, ctx, classes)
    print(f"{variant.name}: {judged[variant.name, seed].boxes.scores}")

# %% [markdown] lang="zh"
# ## 类别的比例
#
# 每幅图像平均有多少正类锚框，每个正例对多少负例？最后一列是把所有锚框都说成背景时的错误率。锚框不同，这些数就不同，类
# 别错误率和偏移量误差的含义也就不同，不能跨锚框比较；平均精度则可以。

# %% [markdown] lang="en"
# ## The ratio of the classes
#
# How many anchors of a picture are positive on average, and how many negatives are there for each? The last column is
# the error rate of a network that calls all anchors background. With other anchors these numbers change, and so does
# the meaning of class error and offset error. Only average precision compares variants with different anchors.

# %%
anchors = metrics.Table(
    ["variant", "anchors", "positive", "negatives each", "error of all background, 1e-3"],
    [[name, round(one.anchors), one.positives, (one.anchors - one.positives) / max(one.positives, 1e-9),
      1000 * one.positives / one.anchors] for (name, _), one in judged.items()])
anchors

# %% [markdown] lang="zh"
# ## 检测的结果
#
# 所有变体用同样的指标在验证集上评价；偏移量一律换算成除以MXNet的$\sigma$以后的值，与训练时怎样除无关。

# %% [markdown] lang="en"
# ## What they find
#
# The same measures judge all variants on the validation pictures. Offsets are always converted to those divided by
# MXNet's $\sigma$, whatever the training did.

# %%
table = comparison(judged)
table

# %% figure="precision" zh="每个变体训练一次" en="one training each"
show_precision(judged)

# %% [markdown] lang="zh"
# ## 回答
#
# 正例太少是主要的难处：每个正例对着几百到上千个负例。完整设置、真实图像上的一次运行（`docs/results.md`）里，每个正例
# 只算3个或10个负例，或者把偏移量的损失放大十倍，VOC 2007的平均精度均值由0.17升到0.77以上。只改偏移量的平均方法还不
# 够。偏移量必须除以$\sigma$，不除时精度几乎是零。增减尺度和归一化图像只带来0.05至0.17的变化，只有一个种子，可能出于偶
# 然。快速模式训练的迭代周期太少，不能判断哪个变体更好。

# %% [markdown] lang="en"
# ## The answer
#
# Too few positives are the main problem: each of them stands against hundreds of negatives, or more than a thousand.
# In a run with the full settings on real pictures (`docs/results.md`), 3 or 10 negatives for each positive, or ten
# times the weight of the offsets, raise the VOC 2007 precision from 0.17 to 0.77 and more. The other mean of the
# offsets alone is not enough. The offsets must be divided by $\sigma$; without this the precision is nearly zero.
# Other scales and normalised pictures change it by 0.05 to 0.17, which may be chance with one seed. Quick mode trains
# for too few epochs to say which variant is better.

# %%
shows = verdict(judged)
if num_epochs < 5 or kind == "synthetic":
    shows += f" {num_epochs} epochs on {kind} pictures of {edge_size} pixels: which is better, these cannot say."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 换几个种子（`-p seed=1`），哪些差别还在？
# - 把有效的几处合在一个变体里：10个负例，加上由目标得到的大小。

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Try other seeds, for example `-p seed=1`. Which differences remain?
# - Combine what helps in one variant: 10 negatives and the sizes by the objects.
