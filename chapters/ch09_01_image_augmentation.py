# %% [markdown] lang="zh"
# # 9.1 图像增广
#
# 大规模的数据集是深度神经网络成功的前提，但标注好的图像总是不够用。**图像增广**（image augmentation）对训练图像做一系
# 列随机的改变，产生相似而又不同的训练样本。它有两个作用：其一，训练集变大了；其二，模型不再能依赖某些偶然的属性。把图
# 像随机裁剪，物体就出现在不同的位置，模型不能再依赖位置；改变亮度和颜色，模型就不能依赖拍摄时的光线。这样得到的模型更
# 能泛化到没见过的图像。
#
# 增广时要问的只有一个问题：**改变之后，标签还对吗？** 左右翻转的猫还是猫，翻转的数字3却不再是数字。下面每介绍一种方
# 法，都要回答这个问题。

# %% [markdown] lang="en"
# # 9.1 Image augmentation
#
# Deep networks need large data sets, and there are never enough labelled pictures. **Image augmentation** changes
# training pictures at random, so that the network sees similar but different samples. This has two effects. First,
# the training set grows. Second, the model can no longer rely on properties that are there by chance. A random crop
# puts the object in different places, so the model cannot rely on the place. A change of brightness and colour does
# the same for the light in which the picture was taken. Such a model generalises better to pictures that it has never
# seen.
#
# There is only one question to ask: **is the label still right after the change?** A mirrored cat is a cat, but a
# mirrored 3 is not a digit. We ask this question for each method below.

# %%
import d2lzh_cv as d2l

d2l.start("9.1")

# %%
import mxnet as mx
from mxnet import gluon, nd
from mxnet.gluon.data.vision import transforms

from d2lzh_cv import metrics

# %% tags=["parameters"]
batch_size, num_epochs, learning_rate = 256, 10, 0.001
num_train, num_test = 50000, 10000  # of the pictures of CIFAR-10
with_hue = True  # train a third time, with flips and random hues

# %% tags=["quick"]
batch_size, num_epochs = 16, 2
num_train, num_test, with_hue = 512, 200, False

# %% [markdown] lang="zh"
# ## 9.1.1 常用的图像增广方法
#
# 我们用一幅图像来试验。

# %% [markdown] lang="en"
# ## 9.1.1 Common methods
#
# One picture serves as the example.

# %% figure="picture" zh="改变之前的图像" en="the picture before any change"
d2l.set_figsize()
img = d2l.read_picture(d2l.data_folder("img") / "cat1.jpg")
d2l.plt.imshow(img.asnumpy());

# %% [markdown] lang="zh"
# 大部分增广方法都有随机性，只看一个结果是不够的。`show_images`把若干幅图像画成网格；`apply`对同一幅图像把同一个方法
# `aug`运行多次，并展示所有的结果。（有的变换给出浮点数或者通道在前的数组，`viewable`把它们变回可以画出来的图像。）

# %% [markdown] lang="en"
# Most methods are random, so one result does not show what a method does. `show_images` draws pictures in a grid.
# `apply` runs one method `aug` several times on the same picture and shows all results. (Some transforms return
# floating-point numbers, or put the channels first; `viewable` turns them back into a picture.)

# %%
d2l.show_code(d2l.show_images, d2l.viewable, d2l.apply)

# %% [markdown] lang="zh"
# ### 翻转和裁剪
#
# 左右翻转是最早、也最常用的方法，它通常不改变物体的类别。`RandomFlipLeftRight`以一半的概率翻转图像，所以下面大约有一
# 半是翻转过的。有方向的内容不能这样做：数字、文字、左转和右转的路标，翻转后标签就错了。

# %% [markdown] lang="en"
# ### Flips and crops
#
# A flip from left to right is one of the first and most common methods, and it rarely changes the class of an object.
# `RandomFlipLeftRight` flips with probability one half, so about half of these pictures are mirrored. Where direction
# carries the meaning this is wrong: digits, letters, and signs for left or right turns get a wrong label.

# %% figure="flip_left_right" zh="随机左右翻转" en="random flips from left to right"
d2l.apply(img, transforms.RandomFlipLeftRight());

# %% [markdown] lang="zh"
# 上下翻转没有那么通用。照片里很少有倒立的猫，用它增广等于让网络学习以后不会遇到的情形。但对没有上下之分的图像，例如卫
# 星照片和显微镜下的细胞，上下翻转与左右翻转一样合理。至少对这幅图像，翻转不妨碍我们认出它。

# %% [markdown] lang="en"
# A flip from top to bottom is less general. Photographs seldom show cats upside down, and training on such pictures
# prepares the network for cases that never come. For pictures without an up and a down, such as satellite pictures or
# cells under a microscope, it is as right as the other flip. In this picture at least, it does not prevent us from
# recognising the object.

# %% figure="flip_top_bottom" zh="随机上下翻转" en="random flips from top to bottom"
d2l.apply(img, transforms.RandomFlipTopBottom());

# %% [markdown] lang="zh"
# 这幅图像的主体在正中间，一般的图像却不一定如此。5.4节说过，池化层能降低卷积层对位置的敏感度；随机裁剪更进一步，让物
# 体以不同的比例出现在不同的位置。
#
# `RandomResizedCrop`每次随机截取一块区域，面积是原图的10%到100%，宽和高之比在0.5和2之间，再把它缩放到高和宽都是200像
# 素。本节说在$a$和$b$之间的随机数，都指在区间$[a, b]$上均匀采样得到的连续值。面积的下限要小心：只截到原图的10%，里面
# 可能只有背景，标签就不再对了。

# %% [markdown] lang="en"
# The main object of this picture is in the middle, but that is not so in general. Section 5.4 said that pooling makes
# a convolution less sensitive to the place. A random crop goes further: the object appears in different places and in
# different sizes.
#
# `RandomResizedCrop` takes a region of 10% to 100% of the area, with a ratio of width to height between 0.5 and 2,
# and resizes it to a height and a width of 200 pixels. In this section, a random number between $a$ and $b$ is a
# continuous value, drawn uniformly from $[a, b]$. Choose the smallest area with care: 10% of a picture may hold
# nothing but background, and then the label is wrong.

# %% figure="random_crop" zh="随机裁剪并缩放到同样大小" en="random crops, resized to the same size"
shape_aug = transforms.RandomResizedCrop((200, 200), scale=(0.1, 1), ratio=(0.5, 2))
d2l.apply(img, shape_aug);

# %% [markdown] lang="zh"
# ### 变化颜色
#
# 另一类方法改变颜色，有四个方面：亮度、对比度、饱和度和色调。`RandomBrightness(0.5)`把图像的亮度随机变为原来的50%
# （$1-0.5$）到150%（$1+0.5$）。这相当于同一个物体在不同的光线下拍摄，对自然图像几乎总是合理的。

# %% [markdown] lang="en"
# ### Colours
#
# Other methods change the colours. A colour has four aspects: brightness, contrast, saturation and hue.
# `RandomBrightness(0.5)` multiplies the brightness by a random number from 50% ($1-0.5$) to 150% ($1+0.5$). It acts
# as other light on the same object, and this is nearly always right for natural pictures.

# %% figure="brightness" zh="随机改变亮度" en="random brightness"
d2l.apply(img, transforms.RandomBrightness(0.5));

# %% [markdown] lang="zh"
# `RandomHue(0.5)`随机改变色调：整幅图像的颜色沿着色环一起转动。凡是类别要靠颜色来区分的地方，例如成熟的和未成熟的果
# 子、红灯和绿灯，就不该使用它。

# %% [markdown] lang="en"
# `RandomHue(0.5)` changes the hue: all colours of the picture move along the colour circle together. Do not use it
# where the colour decides the class, as for ripe and unripe fruit, or for a red and a green light.

# %% figure="hue" zh="随机改变色调" en="random hue"
d2l.apply(img, transforms.RandomHue(0.5));

# %% [markdown] lang="zh"
# `RandomColorJitter`同时随机改变亮度（`brightness`）、对比度（`contrast`）、饱和度（`saturation`）和色调（`hue`）。

# %% [markdown] lang="en"
# `RandomColorJitter` changes `brightness`, `contrast`, `saturation` and `hue` at once.

# %% figure="color_jitter" zh="同时改变四个方面的颜色" en="all four aspects of the colour at once"
color_aug = transforms.RandomColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5)
d2l.apply(img, color_aug);

# %% [markdown] lang="zh"
# ### 叠加多个图像增广方法
#
# 实际应用中会把多个方法叠加起来，`Compose`把它们依次作用在图像上。每一种改变都要对标签无害，叠加之后才无害。

# %% [markdown] lang="en"
# ### Several methods together
#
# In practice several methods are combined: `Compose` applies them one after another. The result keeps the label only
# if each change keeps it.

# %% figure="several_together" zh="翻转、变色、裁剪叠加" en="flip, colour and crop together"
augs = transforms.Compose([transforms.RandomFlipLeftRight(), color_aug, shape_aug])
d2l.apply(img, augs);

# %% [markdown] lang="zh"
# Gluon的`transforms`模块一共提供十五个变换，下面每个用一次。其中`Cast`、`ToTensor`和`Normalize`不是增广，它们改变的是
# 数值的类型和范围：`ToTensor`把形状为(高, 宽, 通道)、值在0到255之间的8位整数，变成形状为(通道, 高, 宽)、值在0到1之间
# 的32位浮点数。

# %% [markdown] lang="en"
# Gluon's module `transforms` has fifteen transforms; here is each of them once. `Cast`, `ToTensor` and `Normalize`
# are no augmentation: they change the type and the range of the numbers. `ToTensor` turns 8-bit integers from 0 to
# 255 of shape (height, width, channels) into 32-bit floating-point numbers from 0 to 1 of shape (channels, height,
# width).

# %% figure="fifteen_transforms" zh="Gluon的十五个变换" en="the fifteen transforms of gluon.data.vision.transforms"
axes = d2l.show_images([d2l.viewable(make()(img)) for make in d2l.ALL_TRANSFORMS.values()], 3, 5)
for ax, name in zip(axes.flatten(), d2l.ALL_TRANSFORMS):
    ax.set_title(name, fontsize=8)
print(len(d2l.ALL_TRANSFORMS), "transforms:", ", ".join(d2l.ALL_TRANSFORMS))

# %% [markdown] lang="zh"
# ## 9.1.2 使用图像增广训练模型
#
# 现在看增广在训练中的作用。前几章一直用Fashion-MNIST，那里物体的位置和大小都已经归一化，增广用处不大；CIFAR-10的物体
# 在颜色和大小上差别更明显，所以我们改用它。下面是它的前32幅训练图像。

# %% [markdown] lang="en"
# ## 9.1.2 Training with augmentation
#
# What does augmentation do in training? Earlier chapters use Fashion-MNIST, where place and size of the objects are
# normalised, so augmentation has little to do. The objects of CIFAR-10 differ more in colour and size, so we take
# this set. These are its first 32 training pictures.

# %% figure="cifar10" zh="CIFAR-10的前32幅训练图像" en="the first 32 training pictures of CIFAR-10"
cifar10 = d2l.data_folder("cifar10")
train_set, test_set = d2l.CIFAR10(cifar10, train=True), d2l.CIFAR10(cifar10, train=False)
print(len(train_set), "training and", len(test_set), "test pictures")
d2l.show_images(train_set[0:32][0], 4, 8, scale=0.8);

# %% [markdown] lang="zh"
# 增广只用在训练样本上。预测时不能含有随机的操作，否则同一幅图像会得到不同的结果，测试准确率也要看运气。这里只用最简单
# 的左右翻转；CIFAR-10的类别都经得起它（若换成手写数字就不行）。最后用`ToTensor`把小批量变成网络需要的格式。

# %% [markdown] lang="en"
# Only training pictures are augmented. A prediction must not contain random steps: the same picture would get
# different answers, and the test accuracy would depend on luck. We take the simplest method, the flip from left to
# right. The classes of CIFAR-10 allow it, handwritten digits would not. At the end, `ToTensor` gives the batch the
# form that the network needs.

# %%
flip_aug = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.ToTensor()])
no_aug = transforms.Compose([transforms.ToTensor()])

# %% [markdown] lang="zh"
# 数据集的`transform_first`把变换作用在每个样本（图像和标签）的第一个元素，即图像上。变换在读取样本时才进行，因此每一
# 个迭代周期看到的图像都不一样。（用`d2lzh-cv launch`让几个进程一起训练时，每个进程只取每个小批量中属于自己的部分。）

# %% [markdown] lang="en"
# The method `transform_first` of a data set applies the transform to the first element of each sample (picture and
# label), which is the picture. This happens when a sample is read, so each epoch sees different pictures. (When
# `d2lzh-cv launch` trains with several processes, each process takes its own part of every batch.)

# %%
d2l.show_code(d2l.load_cifar10)

# %% [markdown] lang="zh"
# ### 使用多GPU训练模型
#
# 我们在CIFAR-10上训练5.11节的ResNet-18，并使用8.5节的方法：有几块GPU就用几块，没有就用CPU。先找出所有可用的设备。

# %% [markdown] lang="en"
# ### Training on several devices
#
# We train the ResNet-18 of section 5.11 on CIFAR-10 in the way of section 8.5: on all GPUs that there are, else on
# the CPU. The first step is to find the devices.

# %%
d2l.show_code(d2l.try_all_gpus)

# %%
devices = d2l.try_all_gpus()
devices

# %% [markdown] lang="zh"
# 数据并行的做法是：每个设备有一份相同的参数，小批量被平均分给各个设备；各设备用自己的那一份计算梯度，`trainer.step`把
# 所有设备的梯度相加，再用相同的结果更新每一份参数。所以每份参数始终相同。与在一个设备上训练只有一处不同：批量归一化在
# 每个设备上用自己那一份样本求均值和方差。`get_batch`（书中的`_get_batch`）用`split_and_load`划分小批量并把各部分复制
# 到设备上。下面用两个CPU设备看8个样本怎样划分，即使机器上没有GPU也看得到。

# %% [markdown] lang="en"
# In data parallelism each device has its own copy of the parameters, and a batch is divided equally between the
# devices. Each device computes the gradients of its part. `trainer.step` adds up the gradients of all devices and
# updates every copy with the same sum, so the copies stay equal. There is one difference from training on one device:
# batch normalisation takes mean and variance from the samples of its own device. `get_batch` (`_get_batch` in the
# book) divides a batch by `split_and_load` and copies the parts to the devices. Two CPU devices show how it divides 8
# samples, even on a machine without a GPU.

# %%
d2l.show_code(d2l.get_batch)

# %%
halves = gluon.utils.split_and_load(nd.zeros((8, 3, 32, 32)), [mx.cpu(0), mx.cpu(1)])
print("a batch of 8 on two devices:", [(half.shape, half.context) for half in halves])

# %% [markdown] lang="zh"
# `evaluate_accuracy`评价模型的分类准确率：各设备数出自己那一部分里预测正确的个数，再相加。注意它先让所有设备开始计
# 算，然后才用`asscalar`等待结果；如果算一个等一个，设备就不能同时工作了。怎样由网络的输出算损失、数正确的个数，由
# `Scoring`规定；9.10节对每个像素分类，会换成更快的做法。

# %% [markdown] lang="en"
# `evaluate_accuracy` measures the accuracy: each device counts the correct labels of its part, and the counts are
# added. Note that all devices start to compute before `asscalar` waits for the first one; if each had to wait for the
# one before, they would not work at the same time. `Scoring` says how to compute losses from the scores and how to
# count correct labels; section 9.10, which classifies every pixel, has a faster one.

# %%
d2l.show_code(d2l.evaluate_accuracy, d2l.Scoring)

# %% [markdown] lang="zh"
# 训练函数`train`按书中的格式打印每个迭代周期的结果，它的循环在`fit`里：划分小批量，在`record`之下对每个设备做前向计
# 算，反向传播，更新参数。`Epochs`产生各个迭代周期，并使训练可以中断后继续。

# %% [markdown] lang="en"
# The function `train` prints the results of each epoch in the book's form. Its loop is in `fit`: divide the batch,
# run the network on each device under `record`, compute the gradients, update the parameters. `Epochs` yields the
# epochs and makes the training resumable.

# %%
d2l.show_code(d2l.train, d2l.fit)

# %% [markdown] lang="zh"
# `train_with_data_aug`把这些合在一起：初始化ResNet-18，以Adam算法和学习率0.001训练，训练图像用`train_augs`变换，测试
# 图像用`test_augs`变换。

# %% [markdown] lang="en"
# `train_with_data_aug` puts the parts together: it initialises ResNet-18 and trains it by Adam with a learning rate
# of 0.001. It changes training pictures by `train_augs` and test pictures by `test_augs`.

# %%
d2l.show_code(d2l.train_with_data_aug)


# %%
def train_with(train_augs, name):
    net = d2l.resnet18(10)
    print(f"ResNet-18, {name}:")
    epochs = d2l.train_with_data_aug(train_set.take(num_train), test_set.take(num_test), train_augs, no_aug, devices,
                                     num_epochs, batch_size, learning_rate, net=net, name=name)
    return net, epochs


# %% [markdown] lang="zh"
# ### 有和没有图像增广
#
# 先用随机左右翻转来训练。

# %% [markdown] lang="en"
# ### With and without augmentation
#
# The first training uses random flips.

# %%
trained = {}
flip_net, trained["flip"] = train_with(flip_aug, "flip")

# %% [markdown] lang="zh"
# 再不用增广训练同样的网络。比较时要看训练准确率与测试准确率之差，它是过拟合的程度。在完整的CIFAR-10上训练10个周期，已
# 发表的结果是：有翻转时测试准确率约为0.85；不用增广时，训练准确率升得更快，测试准确率却停在0.81左右。快速模式只用很少
# 的图像训练两个周期，看不出这样的差别。

# %% [markdown] lang="en"
# The second training uses the same network without augmentation. Compare the gap between training and test accuracy,
# which tells how strong the overfitting is. Published runs of ten epochs on the whole of CIFAR-10 reached a test
# accuracy of about 0.85 with flips. Without augmentation the training accuracy rose faster, but the test accuracy
# stayed at about 0.81. Quick mode trains on few pictures for two epochs, which is too little to show the difference.

# %%
_, trained["no augmentation"] = train_with(no_aug, "no augmentation")

# %% [markdown] lang="zh"
# 书中的一个练习是再加入别的方法，例如随机改变色调。

# %% [markdown] lang="en"
# An exercise of the book adds another method, such as random hues.

# %%
if with_hue:
    hue_aug = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.RandomHue(0.5), transforms.ToTensor()])
    _, trained["flip + hue"] = train_with(hue_aug, "flip + hue")

# %% [markdown] lang="zh"
# ## 网络错在哪里
#
# 书中到这里为止，下面再看用翻转训练的网络错在哪里。查准率（precision）是被认作某一类的图像中真正属于它的比例，查全率
# （recall）是某一类的图像中被认出来的比例。

# %% [markdown] lang="en"
# ## Where the network is wrong
#
# The book ends here. What does the network that saw flips get wrong? The precision of a class is the share of right
# answers among the pictures that got this class as the answer. Its recall is the share of its pictures that were
# recognised.

# %% tags=["after-training"]
test_part = test_set.take(num_test)
judged = metrics.evaluate_classifier(flip_net, d2l.load_cifar10(test_part, no_aug, 256, False), devices, 10)
metrics.per_class(judged.matrix, d2l.CIFAR10_CLASSES)

# %% [markdown] lang="zh"
# 混淆矩阵的每一行是一个标签，每一列是一个预测。对角线之外颜色深的地方，就是网络常常混淆的两类。

# %% [markdown] lang="en"
# In the confusion matrix each row is a label and each column is a prediction. A dark cell off the diagonal marks two
# classes that the network confuses.

# %% figure="confusion" zh="测试图像的标签和预测" en="labels and predictions of the test pictures"
metrics.show_confusion(judged.matrix, d2l.CIFAR10_CLASSES)

# %% [markdown] lang="zh"
# 最后是网络最有把握的和错得最厉害的测试图像，标签下面的数是网络给它的概率。

# %% [markdown] lang="en"
# Last come the test pictures that the network is surest of and those that it gets most wrong. Under each label is the
# probability that the network gives to it.

# %% figure="best_and_worst" zh="最有把握的（上）和错得最厉害的（下）" en="the surest (above) and the worst (below)"
metrics.show_best_and_worst(judged, test_part, d2l.CIFAR10_CLASSES)

# %% [markdown] lang="zh"
# ## 小结
#
# - 图像增广由现有的训练图像产生随机变化的图像，以应对过拟合。
# - 一种方法是否适用，要看改变之后标签是否仍然正确。
# - 预测时不使用含随机操作的增广。
# - 多设备训练时，小批量被划分到各个设备上，各设备的梯度相加。

# %% [markdown] lang="en"
# ## Summary
#
# - Image augmentation makes randomly changed pictures from the training pictures, to reduce overfitting.
# - A method is right if the label is still right after the change.
# - Predictions use no random augmentation.
# - Training on several devices divides each batch between them and adds up their gradients.
