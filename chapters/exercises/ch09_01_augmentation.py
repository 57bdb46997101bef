# %% [markdown] lang="zh"
# # 9.1 练习：图像增广能应对过拟合吗
#
# 9.1节的练习问：不用图像增广训练模型，比较有无增广时的训练准确率和测试准确率。这个对比实验能否支持“图像增广可以应对过
# 拟合”这一论断？为什么？
#
# 过拟合的程度，是网络在见过的图像和没见过的图像上准确率之差。比较时有一个陷阱：训练时打印的训练准确率是在**改变过**的
# 图像上得到的，那些图像更难，准确率本来就低，差距看上去自然就小了。所以训练之后，要在未改变的训练图像上再评价一次，以
# 此计算差距。
#
# 另一个问题是偶然性。测试图像不多，两次训练的准确率本来就会不同。差别要大过偶然的波动，才能算是证据。

# %% [markdown] lang="en"
# # 9.1 Exercise: does augmentation reduce overfitting?
#
# An exercise of section 9.1: train without augmentation, and compare training and test accuracy with and without it.
# Does this experiment support the claim that augmentation reduces overfitting? Why?
#
# Overfitting is the gap between the accuracy on pictures that the network has seen and on those that it has not. The
# comparison has a trap. The training accuracy that is printed comes from **changed** pictures. They are harder, so
# the accuracy is lower anyway, and the gap looks smaller than it is. So after the training we judge the network once
# more on the unchanged training pictures, and take the gap from there.
#
# Chance is the other problem. There are few test pictures, and two trainings differ anyway. Only a difference larger
# than that is evidence.

# %%
import d2lzh_cv as d2l

d2l.start("9.1-augmentation")

# %%
import math

from mxnet.gluon.data.vision import transforms

from d2lzh_cv import metrics
from d2lzh_cv.data import hub

# %% tags=["parameters"]
num_train, num_test = 1024, 1000  # of the pictures of CIFAR-10
batch_size, num_epochs = 128, 12
with_crop = True

# %% tags=["quick"]
num_train, num_test = 32, 20
batch_size, num_epochs = 16, 2
with_crop = False

# %% [markdown] lang="zh"
# ## 比较的增广方法
#
# 只取CIFAR-10的一小部分来训练，图像越少越容易过拟合。比较四种设置：不改变，左右翻转，翻转加改变颜色，翻转加随机裁剪。

# %% [markdown] lang="en"
# ## The methods
#
# We train on a small part of CIFAR-10: the fewer the pictures, the sooner a network overfits. The settings are no
# change, flips, flips with changed colours, and flips with random crops.

# %%
cifar10 = hub.use("cifar10")
train_set = d2l.CIFAR10(cifar10.path, train=True).take(num_train)
test_set = d2l.CIFAR10(cifar10.path, train=False).take(num_test)
print(len(train_set), "training and", len(test_set), "test pictures")

# %%
flip = transforms.RandomFlipLeftRight()
color = transforms.RandomColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5)
crop = transforms.RandomResizedCrop((32, 32), scale=(0.5, 1), ratio=(0.75, 4 / 3))
changes = {"none": [], "flip": [flip], "flip + colour": [flip, color]}
if with_crop:
    changes["flip + crop"] = [flip, crop]
augs = {name: transforms.Compose([*steps, transforms.ToTensor()]) for name, steps in changes.items()}

# %% figure="pictures" zh="一幅训练图像在各设置下的八次结果" en="one training picture in each setting, eight times"
_, axes = d2l.plt.subplots(len(augs), 8, figsize=(8, 1.1 * len(augs)))
for row, (name, aug) in zip(axes, augs.items()):
    row[0].set_ylabel(name, fontsize=8, rotation=0, ha="right")
    for ax in row:
        ax.imshow(aug(train_set[4][0]).transpose((1, 2, 0)).asnumpy())
        ax.set(xticks=[], yticks=[])

# %% [markdown] lang="zh"
# ## 训练
#
# 各设置从相同的权重开始，网络是9.1节的ResNet-18。

# %% [markdown] lang="en"
# ## Training
#
# All settings begin with the same weights. The network is the ResNet-18 of section 9.1.

# %%
devices, trained, rows = d2l.try_all_gpus(), {}, []
for name, aug in augs.items():
    d2l.seed_everything(0)  # the same weights for all
    print(f"ResNet-18, {name}:")
    net = d2l.resnet18(10)
    trained[name] = epochs = d2l.train_with_data_aug(train_set, test_set, aug, d2l.NO_AUG, devices, num_epochs,
                                                     batch_size, net=net, name=name)
    unchanged = d2l.evaluate_accuracy(d2l.load_cifar10(train_set, d2l.NO_AUG, batch_size, False), net, devices)
    rows.append([name, epochs[-1].train_acc, unchanged, epochs[-1].test_acc, unchanged - epochs[-1].test_acc,
                 max(epoch.test_acc for epoch in epochs)])

# %%
table = metrics.Table(["augmentation", "train acc, changed", "train acc, unchanged", "test acc", "gap",
                       "best test acc"], rows)
table

# %% figure="gap" zh="准确率和它们的差距" en="accuracy and gap over the epochs"
_, (left, right) = d2l.plt.subplots(1, 2, figsize=(10, 3.6))
for i, (name, epochs) in enumerate(trained.items()):
    numbers = [epoch.number for epoch in epochs]
    left.plot(numbers, [epoch.train_acc for epoch in epochs], f"C{i}--")
    left.plot(numbers, [epoch.test_acc for epoch in epochs], f"C{i}", label=name)
    right.plot(numbers, [epoch.train_acc - epoch.test_acc for epoch in epochs], f"C{i}", label=name)
left.set(xlabel="epoch", ylabel="accuracy", title="training (dashed) and test")
right.set(xlabel="epoch", title="training minus test, while training")
right.axhline(0, color="k", linewidth=0.5)
left.legend(fontsize=8);

# %% [markdown] lang="zh"
# ## 偶然的差别有多大
#
# 在$n$幅测试图像上，准确率$p$的标准差是$\sqrt{p(1-p)/n}$，两个准确率之差的标准差是它的$\sqrt{2}$倍。此外，准确率在相
# 邻的迭代周期之间也会跳动。我们取两倍的标准差和最后几个周期里最大的跳动中较大的一个，不超过它的差别都算作偶然。
#
# 支持论断的证据是：差距的缩小超出偶然，而测试准确率没有因此下降。

# %% [markdown] lang="en"
# ## How much is chance?
#
# On $n$ test pictures an accuracy $p$ has the standard deviation $\sqrt{p(1-p)/n}$, and the difference of two
# accuracies has $\sqrt{2}$ times that. An accuracy also moves from epoch to epoch. We compare twice this deviation
# with the largest move among the last epochs and take the greater one. A difference within it counts as chance.
#
# The claim is supported if the gap shrinks by more than chance, and the test accuracy does not pay for it.

# %%
gaps, tests = {row[0]: row[4] for row in rows}, {row[0]: row[3] for row in rows}
deviation = math.sqrt(2 * tests["none"] * (1 - tests["none"]) / len(test_set))
last = [[epoch.test_acc for epoch in epochs[-4:]] for epochs in trained.values()]
chance = max([2 * deviation, *(abs(b - a) for accuracies in last for a, b in zip(accuracies, accuracies[1:]))])
others = [name for name in augs if name != "none"]
smaller = [name for name in others if gaps["none"] - gaps[name] > chance]
better = [name for name in others if tests[name] - tests["none"] > chance]
worse = [name for name in others if tests["none"] - tests[name] > chance]

# %% [markdown] lang="zh"
# ## 回答
#
# 在CIFAR-10的1024幅图像上训练12个周期，不用增广时差距是0.479，只翻转时0.275，翻转加改变颜色时0.151，翻转加裁剪时
# 0.128。差距都缩小了0.20以上，测试准确率（0.367、0.329、0.399、0.281）的变化则都在偶然的范围之内：最后几个周期之间它
# 就会跳动0.105。所以这次实验支持论断，网络不再死记训练图像；至于测试准确率能否提高，要更多的图像或更长的训练才看得出
# 来。
#
# 为什么只看“训练准确率高、测试准确率低”还不够？两次训练的差别可能只是偶然，所以书中的对比若只做一次，证据是弱的。快速
# 模式只有几十幅图像，判断的方法相同，得到的数没有意义。

# %% [markdown] lang="en"
# ## The answer
#
# On 1,024 pictures of CIFAR-10 and in 12 epochs the gap was 0.479 without augmentation, 0.275 with flips, 0.151 with
# flips and colours, and 0.128 with flips and crops. It shrank by at least 0.20. The test accuracies (0.367, 0.329,
# 0.399 and 0.281) differed within chance, which is large: between two of the last epochs it moved by up to 0.105. So
# this experiment supports the claim, because the network no longer memorises its training pictures. Whether the test
# accuracy rises needs more pictures or a longer training.
#
# Why is it not enough that the training accuracy is high and the test accuracy low? Two trainings may differ by
# chance alone, so a single comparison is weak evidence. Quick mode has a few dozen pictures. Its method is the same,
# but its numbers mean nothing.

# %%
if gaps["none"] < chance:
    verdict = "without augmentation the network does not overfit, so this run cannot tell"
elif smaller:
    verdict = (f"the gap shrinks with {', '.join(smaller)}, and the test accuracy rises with "
               f"{', '.join(better) or 'none'} and falls with {', '.join(worse) or 'none'} beyond chance: this "
               f"{'speaks against' if set(smaller) <= set(worse) else 'supports'} the claim")
else:
    verdict = "no gap shrinks beyond chance, which does not support the claim"
few = " (quick or drawn data: these figures say nothing)" if num_train < 1000 or cifar10.kind == "synthetic" else ""
shows = (f"Gaps of {', '.join(f'{gaps[name]:.3f} with {name}' for name in augs)}; differences within {chance:.3f} "
         f"are chance. So {verdict}{few}.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 换几个随机数种子（`--seed`）各训练一次，差距的平均值和波动是多少？
# - 训练图像增加到8倍，增广还能使差距缩小这么多吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Train with several seeds (`--seed`). What are the mean of the gap and its spread?
# - Take eight times as many training pictures. Does augmentation still reduce the gap by so much?
