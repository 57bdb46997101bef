# %% [markdown] lang="zh"
# # 9.7 练习：平滑L1、焦点损失与难负例
#
# 9.7节的练习问怎样改进模型的损失函数。类别的损失有一个难处：绝大多数锚框是背景，而且很容易分对，成百上千个容易的负例
# 加在一起，淹没了少数几个正例。
#
# 我们试三种办法。偏移量的损失用**平滑$L_1$**代替$L_1$，在零点附近变得光滑。类别的损失用**焦点损失**（focal loss），分
# 得好的锚框少算一些；或者仍用交叉熵，但每个正例只配三个最难的负例（难负例挖掘，hard negative mining）。先看这些函数的
# 形状，再用每一种训练一个TinySSD，算出正例在梯度中所占的份额，最后比较检测的精度。

# %% [markdown] lang="en"
# # 9.7 Exercise: smooth L1, focal loss and hard negatives
#
# The exercises of section 9.7 ask how the losses can be improved. The loss of the classes has a problem: nearly all
# anchors are background and easy to classify. Hundreds or thousands of easy negatives together drown the few
# positives.
#
# We try three ideas. The loss of the offsets becomes **smooth $L_1$** instead of $L_1$, which is smooth around zero.
# The loss of the classes becomes the **focal loss**, which counts well classified anchors less. Or it stays the
# cross-entropy, but with only the three hardest negatives for each positive (hard negative mining). We look at the
# shape of these functions, train a TinySSD with each of them, compute the share of the positives in the gradient, and
# compare the precision.

# %%
import d2lzh_cv as d2l

d2l.start("9.7-losses")

# %%
from functools import partial

from mxnet import autograd, nd

from d2lzh_cv import metrics
from d2lzh_cv.data import hub
from d2lzh_cv.exercises.ssd_variants import Variant, by_seed, comparison, judge, show_precision, train_variant, verdict

# %% tags=["parameters"]
batch_size, edge_size = 32, 128
num_epochs, num_seeds = 11, 2
all_variants = True

# %% tags=["quick"]
edge_size, num_epochs, num_seeds, all_variants = 64, 2, 1, False

# %% [markdown] lang="zh"
# ## 损失函数的形状
#
# 平滑$L_1$在零点附近是抛物线，远处是直线，$\sigma$控制抛物线的宽度：
#
# $$f(x) = (\sigma x)^2 / 2 \quad\textrm{若 } |x| < 1/\sigma^2,
# \qquad f(x) = |x| - 0.5/\sigma^2 \quad\textrm{否则}.$$
#
# 设锚框真实的类别的预测概率是$p$，交叉熵是$-\log p$，焦点损失是
#
# $$-(1 - p)^{\gamma} \log p.$$
#
# $p$接近1时，因子$(1 - p)^{\gamma}$接近0；$\gamma$越大，分得好的锚框被压得越低。$\gamma = 0$就是交叉熵。

# %% [markdown] lang="en"
# ## The shape of the losses
#
# Smooth $L_1$ is a parabola around zero and a straight line farther away; $\sigma$ controls the width of the
# parabola:
#
# $$f(x) = (\sigma x)^2 / 2 \quad\textrm{if } |x| < 1/\sigma^2,
# \qquad f(x) = |x| - 0.5/\sigma^2 \quad\textrm{otherwise}.$$
#
# Let $p$ be the predicted probability of the true class of an anchor. The cross-entropy is $-\log p$, the focal loss
# is
#
# $$-(1 - p)^{\gamma} \log p.$$
#
# Near $p = 1$ the factor $(1 - p)^{\gamma}$ is near 0. The larger $\gamma$, the less a well classified anchor counts.
# $\gamma = 0$ is the cross-entropy.

# %%
d2l.show_code(d2l.smooth_l1, d2l.focal_loss)

# %% figure="losses" zh="偏移量的损失与类别的焦点损失" en="loss of an offset, focal loss of a class"
_, (left, right) = d2l.plt.subplots(1, 2, figsize=(9, 3.2))
x, p = nd.arange(-2, 2, 0.05), nd.arange(0.01, 1, 0.01)
left.plot(x.asnumpy(), x.abs().asnumpy(), "k:", label="L1")
for line, sigma in zip(("-", "--", "-."), (10, 1, 0.5)):
    left.plot(x.asnumpy(), d2l.smooth_l1(x, sigma).asnumpy(), line, label=f"smooth L1, σ = {sigma:g}")
scores = nd.stack(nd.zeros_like(p), (p / (1 - p)).log(), axis=-1).expand_dims(axis=0)
for line, gamma in zip(("-", "--", "-."), (0, 1, 5)):
    loss = d2l.focal_loss(scores, nd.ones((1, len(p))), gamma)[0]
    right.plot(p.asnumpy(), loss.asnumpy(), line, label=f"γ = {gamma}" + ", cross-entropy" * (gamma == 0))
left.set(xlabel="predicted offset - label", ylabel="loss")
right.set(xlabel="predicted probability of the anchor's class")
for ax in (left, right):
    ax.legend()

# %% [markdown] lang="zh"
# ## 用每一种来训练
#
# 为了公平，同一个种子的各次训练从同样的权重开始，按同样的次序看到同样的裁剪；学习率在最后四分之一的迭代周期降为十分之
# 一。变体与书中只有损失不同。名字的意思是这样的：书中的损失对所有锚框取平均；“positive”像论文那样除以正类锚框的个数，
# 梯度大约大一百倍，因此它的学习率小得多；“counted”把类别的损失除以计入的锚框数，把偏移量的损失除以正类锚框数，这样挖
# 掘难负例时改变的只是负例的份额。

# %% [markdown] lang="en"
# ## Training with each
#
# To be fair, all trainings of one seed start from the same weights and see the same crops in the same order; the last
# quarter of the epochs has a tenth of the learning rate. A variant differs from the book in its loss only. Some names
# need an explanation. The losses of the book are means over all anchors. "Positive" divides by the number of positive
# anchors, as the papers do; its gradients are about a hundred times as large, so its learning rate is much smaller.
# "Counted" divides the loss of the classes by the anchors that count, and the loss of the offsets by the positive
# anchors; with it, mining changes the share of the negatives alone.

# %%
d2l.show_code(d2l.SSDLoss)

# %%
variants = [Variant("cross-entropy, L1 (book)"),
            Variant("smooth L1, scalar 0.5", loss={"sigma": 0.5}),
            Variant("smooth L1, scalar 1", loss={"sigma": 1}),
            Variant("focal, gamma 1", loss={"gamma": 1}),
            Variant("focal, gamma 2", loss={"gamma": 2}),
            Variant("focal, gamma 2, positive", loss={"gamma": 2, "mean_over": "positive"}, learning_rate=0.02),
            Variant("cross-entropy, counted", loss={"mean_over": "counted"}),
            Variant("3 hard negatives each", loss={"mean_over": "counted"}, target={"negative_mining_ratio": 3})]
if not all_variants:
    variants = [variants[i] for i in (0, 2, 5, 7)]

# %%
ctx, kind = d2l.try_gpu(), hub.use("pikachu").kind
train_iter, val_iter = d2l.load_data_pikachu(batch_size, edge_size)
classes = train_iter.classes
nets, judged = {}, {}
for seed in range(num_seeds):
    for variant in variants:
        series = f"{variant.name}, seed {seed}"
        net = train_variant(variant, train_iter, len(classes), ctx, num_epochs, seed, name=series)
        nets[variant.name], judged[variant.name, seed] = net, judge(net, val_iter, ctx, classes)
        print(f"{series}: {judged[variant.name, seed].boxes.scores}")

# %% [markdown] lang="zh"
# ## 正例在梯度中的份额
#
# 用书中的网络（训练过的）算一个批量：类别分数的梯度中，有多少来自正类锚框？焦点损失必须用每个锚框自己的概率。有一种常
# 见的写法先对一幅图像的交叉熵求平均，再变成焦点损失，那么同一幅图像的所有锚框乘的是同一个因子，什么也没有压低；表中第
# 二行就是它。

# %% [markdown] lang="en"
# ## The share of the positives in the gradient
#
# We compute one batch with the book's network as it is after training. Which part of the gradient of the class scores
# comes from the positive anchors? A focal loss must use each anchor's own probability. A common way of writing it
# takes the mean cross-entropy of a picture first and turns this mean into a focal loss. Then one factor multiplies
# all anchors of a picture, and no anchor counts less than another. It is the second row of the table.


# %%
def share_of_positives(loss, **target_options):
    labels_of = d2l.multibox_target(anchors, labels, cls_preds.transpose((0, 2, 1)), **target_options).classes
    x = cls_preds.copy()
    x.attach_grad()
    with autograd.record():
        value = loss(x, labels_of)
    value.backward()
    return float((x.grad.abs().sum(axis=-1) * (labels_of > 0)).sum().asscalar() / x.grad.abs().sum().asscalar())


def of_the_mean(x, labels_of):
    entropy = d2l.focal_loss(x, labels_of, 0).mean(axis=1)
    return (1 - (-entropy).exp()) ** 2 * entropy


val_iter.reset()
batch = next(iter(val_iter))
anchors, cls_preds, _ = nets[variants[0].name](batch.data[0].as_in_context(ctx))
labels = batch.label[0].as_in_context(ctx)
weighed = {"cross-entropy": share_of_positives(partial(d2l.focal_loss, gamma=0)),
           "focal of a picture's mean (notes), gamma 2": share_of_positives(of_the_mean),
           **{f"focal, gamma {gamma}": share_of_positives(partial(d2l.focal_loss, gamma=gamma)) for gamma in (1, 2, 5)},
           "3 hard negatives each": share_of_positives(partial(d2l.focal_loss, gamma=0), negative_mining_ratio=3)}
shares = metrics.Table(["loss", "share of positives"], list(weighed.items()))
shares

# %% [markdown] lang="zh"
# ## 检测的结果
#
# 各个变体用同样的指标在验证集上评价：所有锚框的类别错误率；正类锚框中类别分对的比例；偏移量的误差，分别除以所有锚框
# （书中的）和正类锚框；三种规则的平均精度均值。训练时的损失各不相同，不能拿来比较。

# %% [markdown] lang="en"
# ## What they find
#
# The same measures judge all variants on the validation pictures: the class error of all anchors; the share of
# positive anchors whose class is found; the error of the offsets over all anchors, as in the book, and over the
# positive ones; the mean average precision by three rules. The training losses differ in kind and cannot be compared.

# %%
table = comparison(judged)
table

# %% [markdown] lang="zh"
# 多于一个种子时，逐次训练的结果说明偶然的差异有多大：

# %% [markdown] lang="en"
# With more than one seed, the results of each training show how much is chance:

# %%
seeds = by_seed(judged) if num_seeds > 1 else None
seeds

# %% figure="precision" zh="横条：各种子的平均；点：每个种子" en="bar: mean of the seeds; dot: each seed"
show_precision(judged)

# %% figure="detections" zh="书中的损失与精度最高的损失" en="the book's losses, and those of the highest precision"
picture = d2l.read_picture(d2l.data_folder("img") / "pikachu.jpg")
best, _ = max(judged, key=lambda key: judged[key].boxes.scores.means()["mAP_voc2007"] or 0)
d2l.plt.figure(figsize=(9, 4.5))
for place, name in enumerate(dict.fromkeys((variants[0].name, best)), start=1):
    d2l.plt.subplot(1, 2, place)
    d2l.show_detections(picture, d2l.detect(nets[name], picture, edge_size, ctx), classes=classes)
    d2l.plt.title(name)

# %% [markdown] lang="zh"
# ## 回答
#
# 份额的表说明，用每个锚框自己的概率，$\gamma$越大，正例在梯度中的份额越大；用图像的平均值来算，份额几乎不变。份额大不
# 等于检测得好：完整设置、真实图像上的一次运行（`docs/results.md`）里，平滑$L_1$和焦点损失带来的变化，不超过换一个种子
# 带来的变化。起决定作用的是让少数正例有足够的分量：偏移量的损失除以正类锚框数，误差降到三分之一；再加上每个正例三个难
# 负例，VOC 2007的平均精度均值由0.20升到0.93。快速模式只训练很少的迭代周期，不能判断哪一种更好。

# %% [markdown] lang="en"
# ## The answer
#
# The table of shares says: with each anchor's own probability, a larger $\gamma$ gives the positives a larger share
# of the gradient. With the mean of a picture the share hardly changes. A larger share is not yet a better detector.
# In a run with the full settings on real pictures (`docs/results.md`), smooth $L_1$ and focal loss change the
# precision no more than another seed does. What decides is enough weight for the few positives. With the loss of the
# offsets divided by the number of positive anchors, their error falls to a third. With three hard negatives for each
# positive in addition, the VOC 2007 precision rises from 0.20 to 0.93. Quick mode trains for very few epochs and
# cannot say which loss is better.

# %%
shows = verdict(judged)
if num_epochs < 5 or kind == "synthetic":
    shows += f" {num_epochs} epochs on {kind} pictures of {edge_size} pixels: which is better, these cannot say."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - “positive”的焦点损失几乎什么也没有找到。换几个学习率，多训练一些迭代周期，它能赶上吗？
# - 把难负例挖掘与平滑$L_1$合在一个变体里。

# %% [markdown] lang="en"
# ## Worth trying next
#
# - The focal loss over positives finds almost nothing. Does it catch up with other learning rates and more epochs?
# - Combine hard negatives and smooth $L_1$ in one variant.
