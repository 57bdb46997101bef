# %% [markdown] lang="zh"
# # 9.10 练习：转置卷积层的初始化
#
# 9.10节的练习问：转置卷积层改用Xavier随机初始化，结果有什么变化？调节超参数，能进一步提升精度吗？
#
# 书中的转置卷积层从双线性插值开始：不必训练，它就能把每个类别的得分放大到图像的大小。Xavier则由层的输入和输出个数决定
# 随机权重的大小。这一层的核有$2s \times 2s$个元素（$s$是特征的步幅，ResNet是32，SqueezeNet是16），每个输入通道与每个
# 输出通道之间都有一个核，输入和输出的“个数”于是非常大，权重就非常小。得分几乎是0，传回前面各层的梯度也几乎是0。已发表
# 的一次实验中，Xavier使准确率停在0.729附近，损失却还在下降。
#
# 下面从同样的特征出发比较这两种初始化，看损失怎样下降，再看网络预测了多少背景。

# %% [markdown] lang="en"
# # 9.10 Exercise: how the transposed convolution starts
#
# Two questions of section 9.10: what changes if the transposed convolution starts with Xavier's random values? Can
# other hyperparameters raise the accuracy?
#
# In the book the layer starts as bilinear interpolation. Without any training it enlarges the scores of each class to
# the size of the picture. Xavier chooses random weights whose size depends on the number of inputs and outputs of the
# layer. This kernel has $2s \times 2s$ elements for each pair of an input and an output channel ($s$ is the stride of
# the features, 32 for a ResNet, 16 for a SqueezeNet), so these numbers are huge and the weights are tiny. The scores
# are nearly 0, and so are the gradients that reach the earlier layers. In one published run with Xavier, the accuracy
# stayed near 0.729 while the loss kept falling.
#
# We compare the two starts with the same features. See how the loss falls, and how much background the network
# predicts.

# %%
import d2lzh_cv as d2l

d2l.start("9.10-initialization")

# %%
from d2lzh_cv import metrics
from d2lzh_cv.exercises import segmentation

# %% tags=["parameters"]
crop_size, shrink = (224, 320), 1  # pictures are made `shrink` times smaller
num_epochs, learning_rate, batch_size = 8, 0.02, 8
train_features, with_other_rates = True, True  # also train the features; also try other rates and batch sizes

# %% tags=["quick"]
crop_size, shrink = (64, 96), 4
num_epochs, learning_rate, batch_size = 3, 0.1, 4
train_features, with_other_rates = False, False

# %%
data = segmentation.load_data(crop_size, shrink)
background = data.background_share()

# %% [markdown] lang="zh"
# ## 比较什么
#
# 各个网络的特征和$1 \times 1$卷积层从相同的值开始，随机数种子也相同，所以每一行只改变一处。书中的学习率0.1是对批量大
# 小32和ResNet-18而言的；这里的批量较小，特征也可能来自另一个网络，例如数值大得多的MobileNet，0.1就太大了，因此完整模
# 式以0.02为基准。第三种设置是给Xavier十倍的学习率：如果问题只是权重和梯度太小，大的步子应当有帮助。

# %% [markdown] lang="en"
# ## What is compared
#
# The features and the $1 \times 1$ convolution of all networks start from the same values, and so do the random
# numbers. Each row changes one thing. The book's rate of 0.1 belongs to batches of 32 and to ResNet-18. Our batches
# are smaller, and the features may come from another network, such as MobileNet, whose values are far larger. Then
# 0.1 is too much, so a full run takes 0.02 as the base. The third setting gives Xavier ten times the rate: if small
# weights and gradients are the only problem, larger steps should help.

# %%
settings = [("bilinear", True, learning_rate, batch_size), ("Xavier", False, learning_rate, batch_size),
            ("Xavier, tenfold rate", False, 10 * learning_rate, batch_size)]
if with_other_rates:
    settings += [("bilinear, the book's rate", True, 0.1, batch_size),
                 ("bilinear, half the rate", True, learning_rate / 2, batch_size),
                 ("bilinear, batch 4", True, learning_rate, 4), ("bilinear, batch 16", True, learning_rate, 16)]

# %%
curves, rows = {}, []
for name, bilinear, rate, size in settings:
    d2l.seed_everything(0)  # the same start for all
    net = d2l.fcn(segmentation.pretrained_features(train_features), len(data.classes), bilinear)
    curves[name] = epochs = segmentation.train(net, data, num_epochs, rate, size, name)
    judged = data.judge(net)
    called_background = judged.matrix[:, 0].sum() / judged.matrix.sum()
    rows.append([name, rate, size, epochs[0].loss, epochs[-1].loss, called_background, *judged.summary().values()])

# %% [markdown] lang="zh"
# ## 训练曲线
#
# 左图是训练损失，右图是随机裁剪的测试图像上的准确率。虚线是背景的比例：把所有像素都预测成背景，准确率大约就是它。

# %% [markdown] lang="en"
# ## Curves
#
# On the left is the training loss, on the right the accuracy on random crops of the test pictures. The dotted line is
# the share of the background: a network that predicts nothing else has about this accuracy.

# %% figure="curves" zh="各设置的损失和准确率，虚线是背景的比例" en="loss and accuracy; dotted: the share of background"
_, (left, right) = d2l.plt.subplots(1, 2, figsize=(10, 4))
for name, epochs in curves.items():
    numbers = [epoch.number for epoch in epochs]
    line = left.plot(numbers, [epoch.loss for epoch in epochs], "o-", label=name)[0]
    right.plot(numbers, [epoch.test_acc for epoch in epochs], "o-", color=line.get_color())
right.axhline(background, color="black", linestyle=":")
left.set(xlabel="epoch", ylabel="training loss", xticks=numbers)
right.set(xlabel="epoch", ylabel="test accuracy", xticks=numbers)
left.legend(fontsize=8)
d2l.plt.tight_layout()

# %% [markdown] lang="zh"
# 表中最后三列在测试图像的正中部分上求得，每次评价的都是同样的像素。

# %% [markdown] lang="en"
# The last three columns of the table come from the middles of the test pictures, so each network is judged by the
# same pixels.

# %%
table = metrics.Table(["setting", "rate", "batch", "first loss", "last loss", "background predicted",
                       "pixel accuracy", "mean IoU"], rows)
table

# %% [markdown] lang="zh"
# ## 回答
#
# 先看“background predicted”一列。若它是1，网络就还没有离开“全是背景”这个答案，它的像素准确率不过是背景的比例。损失可
# 以同时下降：网络对背景越来越有把握，预测的类别却一个也没有变。这就解释了为什么准确率停住不动而损失还在下降。
#
# 在一部分COCO图像上完整地训练8个周期，Xavier的损失从3.01降到2.55，全部像素仍是背景；双线性插值的损失从2.27降到0.79，
# 平均交并比是0.069。十倍的学习率使Xavier的损失减半，预测仍全是背景。学习率减半、批量大小加倍也都不差，差别却小到只有
# 20张测试图像分不出来；用批量4或者书中的学习率0.1，结果较差。在VOC2012的411幅图像上，高和宽缩小为三分之一，结果与已发表
# 的实验相同：从第2个周期起，Xavier的训练准确率停在0.712附近，损失却从2.40降到1.40。快速模式的特征不训练，步数又少，不能
# 用来排名次。

# %% [markdown] lang="en"
# ## The answer
#
# Look at the column "background predicted" first. If it is 1, the network has not left the answer "all background",
# and its pixel accuracy is only the share of the background. The loss can fall meanwhile: the network becomes more
# certain of the background, and no predicted class changes. This explains an accuracy that stands still under a
# falling loss.
#
# In a full run of 8 epochs on a part of COCO, Xavier's loss fell from 3.01 to 2.55, and all pixels were still
# background. With bilinear weights it fell from 2.27 to 0.79, and the mean IoU was 0.069. Ten times the rate halved
# Xavier's loss, but the prediction was still all background. Half the rate and twice the batch size did no harm; 20
# test pictures cannot tell such small differences apart. A batch of 4 and the book's rate of 0.1 were worse. 411
# pictures of VOC2012, a third as high and wide, gave what the published run had: from the second epoch on, Xavier's
# training accuracy stayed near 0.712, while the loss fell from 2.40 to 1.40. Quick mode does not train the features
# and has few steps, so it cannot rank the settings.

# %%
row_of = {row[0]: row for row in rows}
one, other, best = row_of["bilinear"], row_of["Xavier"], max(rows, key=lambda row: row[-1])
stuck = "stands still on the all-background answer" if other[5] > 0.99 else "has left the all-background answer"
shows = (f"After {num_epochs} epochs Xavier calls {other[5]:.1%} of the pixels background, bilinear {one[5]:.1%}; "
         f"{background:.1%} are. Xavier's loss fell from {other[3]:.2f} to {other[4]:.2f} and its accuracy, "
         f"{other[6]:.3f}, {stuck}. Mean IoU: Xavier {other[7]:.3f}, bilinear {one[7]:.3f}, the best is "
         f"{best[0]} with {best[7]:.3f}.")
if not train_features:
    shows += " Small pictures, frozen features and few steps: only the full run compares the settings."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 固定双线性插值的权重，不再训练转置卷积层（它的参数占了网络的不少），结果会变差吗？
# - Xavier训练更多的周期，最终会离开“全是背景”的答案吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Keep the bilinear weights fixed, so that the transposed convolution is not trained. It holds many of the network's
#   parameters. Does the result become worse?
# - Train Xavier for more epochs. Does it leave the answer "all background" in the end?
