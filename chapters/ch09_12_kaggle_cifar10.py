# %% [markdown] lang="zh"
# # 9.12 实战Kaggle比赛：图像分类（CIFAR-10）
#
# 到目前为止，我们一直用Gluon的`data`包直接得到数组形式的图像数据集。实际得到的往往是图像文件。本节从原始的图像文件开
# 始，一步步完成一次Kaggle比赛：整理文件、读取、增广、训练，直到写出要提交的结果。
#
# 比赛的数据是计算机视觉领域的重要数据集[CIFAR-10](https://www.kaggle.com/c/cifar-10)，9.1节已经用过。训练集有5万幅图
# 像；测试集有30万幅，其中只有1万幅用来评分，其余29万幅是为了防止人工标注测试集而混入的。图像都是png格式，高和宽均为32
# 像素，有RGB三个通道，分飞机、汽车、鸟、猫、鹿、狗、青蛙、马、船和卡车十个类别。

# %% [markdown] lang="en"
# # 9.12 Kaggle in practice: image classification (CIFAR-10)
#
# So far Gluon's `data` package has given us pictures as arrays. In practice we often get picture files. This section
# starts from the files and goes through a whole Kaggle competition: sort the files, read them, augment, train, and
# write the result to submit.
#
# The data are [CIFAR-10](https://www.kaggle.com/c/cifar-10), an important set of computer vision, known from section
# 9.1. The training set has 50,000 pictures. The test set has 300,000, but only 10,000 of them count; the other
# 290,000 are there so that nobody labels the test set by hand. All pictures are PNG files with a height and a width
# of 32 pixels and three channels (RGB). There are ten classes: airplanes, cars, birds, cats, deer, dogs, frogs,
# horses, ships and trucks.

# %%
import d2lzh_cv as d2l

d2l.start("9.12")

# %%
from mxnet import init
from mxnet.gluon.data import DataLoader
from mxnet.gluon.data.vision import transforms

from d2lzh_cv import metrics

# %% tags=["parameters"]
label_file, train_dir, test_dir, valid_ratio = "trainLabels.csv", "train_tiny", "test_tiny", 0.1
batch_size, num_epochs, lr, wd, lr_period, lr_decay = 1, 1, 0.1, 5e-4, 80, 0.1

# %% tags=["quick"]
batch_size, num_epochs, lr = 10, 6, 0.005

# %% [markdown] lang="zh"
# ## 9.12.1 获取和整理数据集
#
# 从比赛的网页下载`train.7z`、`test.7z`和`trainLabels.csv`需要注册。为了便于试运行，书中给了一个小规模的样本：
# `train_tiny.zip`、`test_tiny.zip`和`trainLabels.csv.zip`，训练图像只有100幅。
#
# ### 解压数据集
#
# 下载的文件是压缩的，先把它们解压。这件事只做一次；原来的文件夹可能不可写，所以解压到缓存里。

# %% [markdown] lang="en"
# ## 9.12.1 Getting and sorting the data
#
# The web page of the competition offers `train.7z`, `test.7z` and `trainLabels.csv` to registered users. For a quick
# trial the book has a small sample: `train_tiny.zip`, `test_tiny.zip` and `trainLabels.csv.zip`, with only 100
# training pictures.
#
# ### Unpacking
#
# The files come in archives, so unpack them first. This happens once. The original folder may be read-only, so they
# go to the cache.

# %%
d2l.show_code(d2l.unpack_kaggle_cifar10)

# %%
data_dir = d2l.unpack_kaggle_cifar10(d2l.data_folder("kaggle_cifar10"))

# %% [markdown] lang="zh"
# ### 整理数据集
#
# 所有训练图像都在一个文件夹里，文件名是编号，标签在另一个CSV文件里。下面的函数读取标签文件，返回每个编号的标签，以及
# 每个类别用于训练的图像数。参数`valid_ratio`是验证集图像数与原始训练集图像数之比：若原始训练集有$n$幅图像、十个类别，
# 则每类有$\lfloor n \times (1 - \textrm{valid\_ratio}) / 10 \rfloor$幅用来训练，其余的用来验证。

# %% [markdown] lang="en"
# ### Sorting
#
# All training pictures are in one folder, with numbers as file names; the labels are in a CSV file. The function
# below reads this file and returns the label of each number, and how many pictures of each class are for training.
# `valid_ratio` is the share of the original training set that validation takes: with $n$ pictures and ten classes,
# $\lfloor n \times (1 - \textrm{valid\_ratio}) / 10 \rfloor$ pictures of each class are for training, the others for
# validation.

# %%
d2l.show_code(d2l.read_label_file)

# %% [markdown] lang="zh"
# 书中的整理函数用`mkdir_if_not_exist`建立还不存在的文件夹。下面的整理函数用库内部的同类函数，它在出错时还会说明原因。

# %% [markdown] lang="en"
# The book's functions make folders by `mkdir_if_not_exist`, which does nothing if the folder is there. The functions
# below use a similar one inside the library, which also says why a folder cannot be made.

# %%
d2l.show_code(d2l.mkdir_if_not_exist)

# %% [markdown] lang="zh"
# 整理之后每个类别有一个文件夹，Gluon的`ImageFolderDataset`就能由文件夹的名字得知标签。四个文件夹各有用处：
#
# | 文件夹 | 内容 | 用途 |
# |---|---|---|
# | `train` | 各类的一部分训练图像 | 调参时训练模型 |
# | `valid` | 其余的训练图像 | 调参时评价模型 |
# | `train_valid` | 全部训练图像 | 定下超参数后，最后一次训练 |
# | `test` | 测试图像 | 预测，并提交结果 |
#
# 不能用测试集来调参（这里它的标签也不公开），所以要从训练集中切分出验证集。而最后提交的模型应当用上所有带标签的图像。

# %% [markdown] lang="en"
# After sorting, each class has a folder, and Gluon's `ImageFolderDataset` learns the label from the folder's name.
# There are four folders for four uses:
#
# | folder | content | use |
# |---|---|---|
# | `train` | a part of the training pictures of each class | training while hyperparameters are chosen |
# | `valid` | the other training pictures | judging while hyperparameters are chosen |
# | `train_valid` | all training pictures | the last training, with the chosen hyperparameters |
# | `test` | the test pictures | prediction and submission |
#
# The test set must not serve to choose hyperparameters (here its labels are not even public), so a validation set is
# split off the training set. But the model for the submission should learn from all labelled pictures.

# %%
d2l.show_code(d2l.reorg_train_valid)

# %% [markdown] lang="zh"
# 测试图像没有标签，都放在`test/unknown`里，以便用同样的方法读取。

# %% [markdown] lang="en"
# Test pictures have no labels. They all go to `test/unknown`, so that they are read in the same way.

# %%
d2l.show_code(d2l.reorg_test)

# %% [markdown] lang="zh"
# `reorg_cifar10_data`依次读取标签、整理训练图像和测试图像。我们把整理好的文件夹放在本次运行的输出里。书中的小样本有
# 100幅训练图像，`valid_ratio`为0.1，每类9幅用于训练。

# %% [markdown] lang="en"
# `reorg_cifar10_data` reads the labels and sorts training and test pictures. The sorted folders go to the output of
# this run. The book's small sample has 100 training pictures; with a `valid_ratio` of 0.1, each class has 9 for
# training.

# %%
d2l.show_code(d2l.reorg_cifar10_data)

# %%
input_dir = d2l.output_folder() / "train_valid_test"
d2l.reorg_cifar10_data(data_dir, label_file, train_dir, test_dir, input_dir, valid_ratio)

# %% [markdown] lang="zh"
# ## 9.12.2 图像增广
#
# 为应对过拟合，我们使用增广。先把图像的高和宽放大到40像素，再随机裁出面积为其0.64到1倍的正方形，缩放回32像素；因为
# $0.64 \times 40^2 = 32^2$，最小的裁剪恰好与原图一样大，物体却已移动了位置。然后随机左右翻转，并对三个通道做标准化。
# 测试时只做标准化。

# %% [markdown] lang="en"
# ## 9.12.2 Image augmentation
#
# Augmentation reduces overfitting. The picture is enlarged to a height and a width of 40 pixels. Then a random square
# of 0.64 to 1 of its area is resized to 32 pixels. As $0.64 \times 40^2 = 32^2$, the smallest crop is as large as the
# original picture, with the object in another place. A random flip follows, and each of the three channels is
# normalised. In testing there is only the normalisation.

# %%
normalize = transforms.Normalize(d2l.CIFAR10_MEAN, d2l.CIFAR10_STD)
transform_train = transforms.Compose([
    transforms.Resize(40), transforms.RandomResizedCrop(32, scale=(0.64, 1.0), ratio=(1.0, 1.0)),
    transforms.RandomFlipLeftRight(), transforms.ToTensor(), normalize])
transform_test = transforms.Compose([transforms.ToTensor(), normalize])

# %% [markdown] lang="zh"
# ## 9.12.3 读取数据集
#
# 由整理好的文件夹创建数据集，其中每个样本是一幅图像和它的标签。很小的样本可能在某一部分里缺少一个类别，所以各部分都用
# `train_valid`的类别次序，免得标签的编号错开。

# %% [markdown] lang="en"
# ## 9.12.3 Reading the data
#
# The folders become data sets, in which each sample is a picture and its label. A part of a very small sample may
# lack a class. So the order of the classes is that of `train_valid` in all parts; otherwise the numbers of the labels
# would shift.

# %%
classes = d2l.image_folder(input_dir / "train_valid").synsets
train_ds, valid_ds, train_valid_ds = (d2l.image_folder(input_dir / part, classes=classes)
                                      for part in ("train", "valid", "train_valid"))
test_ds = d2l.image_folder(input_dir / "test")
print({"train": len(train_ds), "valid": len(valid_ds), "train_valid": len(train_valid_ds)}, "test:", len(test_ds))

# %% [markdown] lang="zh"
# 训练用的两个数据集打乱次序并使用增广；验证和测试不增广，测试更要保持次序，因为预测要与文件的编号对应。

# %% [markdown] lang="en"
# The two sets for training are shuffled and augmented. Validation and test are not augmented, and the test set keeps
# its order, because each prediction belongs to the number of a file.

# %%
train_iter = DataLoader(train_ds.transform_first(transform_train), batch_size, shuffle=True)
valid_iter = DataLoader(valid_ds.transform_first(transform_test), batch_size)
train_valid_iter = DataLoader(train_valid_ds.transform_first(transform_train), batch_size, shuffle=True)
test_iter = DataLoader(test_ds.transform_first(transform_test), batch_size)

# %% [markdown] lang="zh"
# ## 9.12.4 定义模型
#
# 与5.11节的ResNet-18相同，但残差块是`HybridBlock`的子类，`hybrid_forward`的参数`F`在命令式计算时是`nd`，在符号式计算
# 时是`sym`。用`hybridize`把网络编译成静态图，可以提升执行效率（见8.1节）。`_relu`与`F.relu`的结果相同，只是算得快。

# %% [markdown] lang="en"
# ## 9.12.4 Defining the model
#
# The model is the ResNet-18 of section 5.11, but the residual block is a `HybridBlock`. The argument `F` of
# `hybrid_forward` is `nd` in imperative and `sym` in symbolic computation. `hybridize` compiles the network into a
# static graph, which runs faster (section 8.1). `_relu` gives the same as `F.relu` in less time.

# %%
d2l.show_code(d2l.Residual)

# %% [markdown] lang="zh"
# 输入只有$32 \times 32$，所以第一层是步幅为1的$3 \times 3$卷积，紧接着也没有最大池化层；四个阶段的特征图边长是32、
# 16、8和4。

# %% [markdown] lang="en"
# The input is only $32 \times 32$, so the first layer is a $3 \times 3$ convolution with stride 1, and no max pooling
# follows it. The feature maps of the four stages have sides of 32, 16, 8 and 4.

# %%
d2l.show_code(d2l.resnet18)

# %% [markdown] lang="zh"
# 训练开始前对模型做Xavier随机初始化。

# %% [markdown] lang="en"
# Before training the model is initialised at random by Xavier.


# %%
def get_net(ctx):
    net = d2l.resnet18(len(classes))
    net.initialize(init.Xavier(), ctx=ctx)
    net.hybridize(static_alloc=True, static_shape=True)
    return net

# %% [markdown] lang="zh"
# ## 9.12.5 定义训练函数
#
# 我们根据模型在验证集上的表现选择模型和调节超参数。训练函数使用带动量的随机梯度下降，并记录每个周期的训练时间，以便比
# 较不同模型的时间开销。学习率每过`lr_period`个周期乘以`lr_decay`：开始时步子大，损失下降得快；后来大步子使参数在最优
# 解附近来回跳动，减小学习率才能继续下降。`valid_iter`为`None`时不做验证。

# %% [markdown] lang="en"
# ## 9.12.5 Defining the training function
#
# We choose models and hyperparameters by the results on the validation set. The training function uses stochastic
# gradient descent with momentum. It prints the time of each epoch, to compare the cost of models. After every
# `lr_period` epochs the learning rate is multiplied by `lr_decay`. At first large steps reduce the loss quickly;
# later they make the parameters jump around the optimum, and only smaller steps lead on. With `None` as `valid_iter`
# there is no validation.

# %%
d2l.show_code(d2l.train_with_decay)

# %% [markdown] lang="zh"
# ## 9.12.6 训练模型
#
# 下面的超参数都可以调节。书中演示时每个小批量只有1幅图像，只训练1个周期；对完整的数据集，批量大小可取128，周期数可取
# 100，学习率就会在第80个周期之后衰减到0.01。快速模式用10幅图像的小批量训练几个周期，足以看到损失下降。

# %% [markdown] lang="en"
# ## 9.12.6 Training the model
#
# All these hyperparameters can be changed. The book's demonstration has one picture per batch and one epoch. For the
# complete data, batches of 128 and 100 epochs are suitable; after epoch 80 the learning rate is 0.01. Quick mode
# trains a few epochs with batches of 10 pictures, enough to see the loss fall.

# %%
ctx = d2l.try_gpu()
epochs = d2l.train_with_decay(get_net(ctx), train_iter, valid_iter, num_epochs, lr, wd, ctx, lr_period, lr_decay,
                              name="train")

# %% [markdown] lang="zh"
# 这算学到了什么吗？验证集很小时，准确率本身说明不了多少，要与随机猜测相比：十幅图像、十个类别，随机猜测也有大约四分之
# 一的机会猜对两幅以上（含两幅）。

# %% [markdown] lang="en"
# Is that learning? On a very small validation set an accuracy means little by itself. Compare it with guessing: with
# ten pictures of ten classes, guessing gets at least two right in about one of four cases.

# %%
shows = metrics.against_guessing(epochs, len(train_ds), len(valid_ds), len(classes))
print(shows)

# %% [markdown] lang="zh"
# ## 9.12.7 对测试集分类并在Kaggle提交结果
#
# 得到满意的模型设计和超参数以后，用全部训练图像（包括验证集）重新训练模型，再对测试集分类。

# %% [markdown] lang="en"
# ## 9.12.7 Classifying the test set and submitting to Kaggle
#
# When model and hyperparameters are good, train again with all training pictures, also those of the validation set.
# Then classify the test set.

# %%
net = get_net(ctx)
d2l.train_with_decay(net, train_valid_iter, None, num_epochs, lr, wd, ctx, lr_period, lr_decay, name="train_valid");

# %% [markdown] lang="zh"
# 每幅测试图像取得分最高的类别，写入`submission.csv`：第一行是`id,label`，以下每行是编号和类别的名字，与比赛要求的格式
# 一致。

# %% [markdown] lang="en"
# Each test picture gets the class with the highest score. They go to `submission.csv`: its first line is `id,label`,
# each further line has a number and the name of a class, as the competition demands.

# %%
preds = []
for X, _ in test_iter:
    y_hat = net(X.as_in_context(ctx))
    preds.extend(y_hat.argmax(axis=1).astype(int).asnumpy().tolist())
path = d2l.write_submission(d2l.output_folder() / "submission.csv", test_ds.ids, preds, classes)
print(f"{len(preds)} predictions in {path.name}")

# %% figure="predictions" zh="测试图像和网络的预测" en="test pictures and what the network says"
n = min(5, len(test_ds))
axes = d2l.show_images([test_ds[i][0] for i in range(n)], 1, n)
for ax, pred in zip(axes.flatten(), preds):
    ax.set_title(classes[pred], fontsize=9)

# %% [markdown] lang="zh"
# ## 小结
#
# - 把图像文件按类别整理到文件夹里，就可以用`ImageFolderDataset`读取它们。
# - 从训练集中切分出验证集来选择超参数，最后用全部训练图像训练要提交的模型。
# - 学习率先大后小：损失先快速下降，再逐步逼近最优。

# %% [markdown] lang="en"
# ## Summary
#
# - Picture files that are sorted into class folders can be read by `ImageFolderDataset`.
# - A validation set, split off the training set, serves to choose hyperparameters; the model to submit is trained on
#   all training pictures.
# - The learning rate decays: the loss falls quickly at first and then approaches the optimum in small steps.
