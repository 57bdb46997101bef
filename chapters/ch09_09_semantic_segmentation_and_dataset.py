# %% [markdown] lang="zh"
# # 9.9 语义分割和数据集
#
# 前几节的目标检测只用方形的边界框标出目标。本节讨论**语义分割**（semantic segmentation）：把图像分割成属于不同语义类
# 别的区域，也就是判断每一个像素属于哪一类，例如狗、猫或背景（书中图9.10）。与边界框相比，像素一级的标签显然精细得多，
# 标注起来也费力得多。

# %% [markdown] lang="en"
# # 9.9 Semantic segmentation and its data set
#
# The detectors of the previous sections mark objects by rectangles. This section is about **semantic segmentation**:
# it divides a picture into regions that belong to different classes. In other words, it decides for each pixel to
# which class it belongs, such as dog, cat or background (figure 9.10 of the book). Labels of pixels are much finer
# than bounding boxes, and it takes much more work to make them.

# %%
import d2lzh_cv as d2l

d2l.start("9.9")

# %%
import numpy as np

# %% tags=["parameters"]
batch_size, crop_size = 64, (320, 480)

# %% [markdown] lang="zh"
# ## 9.9.1 图像分割和实例分割
#
# 计算机视觉中还有两个与语义分割相近的任务：
#
# - **图像分割**（image segmentation）把图像分成若干组成区域，通常利用像素之间的相关性。它训练时不需要像素的标签，预测
#   时也不保证分出的区域具有我们希望的语义。一只头黑身黄的狗，可能被分成头和身体两个区域。
# - **实例分割**（instance segmentation）又叫同时检测并分割。它不仅要区分语义，还要区分不同的目标。图像中有两只狗，语
#   义分割把它们的像素都标为狗，实例分割则还要说出一个像素属于两只狗中的哪一只。9.8节的Mask R-CNN做的就是实例分割。

# %% [markdown] lang="en"
# ## 9.9.1 Image segmentation and instance segmentation
#
# Two other tasks of computer vision are close to semantic segmentation:
#
# - **Image segmentation** divides a picture into its parts, usually by the correlation of pixels. Its training needs
#   no labels of pixels, but nobody can be sure that the parts mean what we want. A dog with a black head and a yellow
#   body may become two parts.
# - **Instance segmentation** is detection and segmentation at once. It distinguishes classes and also single objects.
#   If a picture shows two dogs, semantic segmentation labels the pixels of both as dog; instance segmentation also
#   tells to which of the two a pixel belongs. Mask R-CNN in section 9.8 does this.

# %% [markdown] lang="zh"
# ## 9.9.2 Pascal VOC2012语义分割数据集
#
# 语义分割的一个重要数据集是Pascal VOC2012，压缩包大小是2 GB。书中的`download_voc_pascal`函数下载并解压它：

# %% [markdown] lang="en"
# ## 9.9.2 The Pascal VOC2012 segmentation data set
#
# An important set for semantic segmentation is Pascal VOC2012. The archive has 2 GB. The book's function
# `download_voc_pascal` downloads and unpacks it:

# %%
d2l.show_code(d2l.download_voc_pascal)

# %% [markdown] lang="zh"
# 这里不下载任何东西：`data_folder`返回磁盘上的数据集；如果没有，就画一个结构相同的小数据集，其中的物体也属于VOC的类
# 别。

# %% [markdown] lang="en"
# This script downloads nothing: `data_folder` returns the set on the disk. If there is none, it draws a small set
# with the same folders, and with objects of VOC's classes.

# %%
voc_dir = d2l.data_folder("voc")

# %% [markdown] lang="zh"
# `ImageSets/Segmentation`里的文本文件列出训练样本和验证样本的名字；`JPEGImages`和`SegmentationClass`里分别是输入图像
# 和标签。标签也是图像，与它所标注的输入图像大小相同；标签里颜色相同的像素属于同一个语义类别。`read_voc_images`把图像
# 和标签都读进内存。

# %% [markdown] lang="en"
# The text files in `ImageSets/Segmentation` list the names of the training and the validation examples. `JPEGImages`
# has the pictures and `SegmentationClass` the labels. A label is a picture too, of the same size as the picture that
# it labels; pixels of the same colour belong to the same class. We also call it a mask. `read_voc_images` reads
# pictures and labels into memory.

# %%
d2l.show_code(d2l.read_voc_images)

# %%
train_features, train_labels = d2l.read_voc_images(voc_dir, is_train=True)

# %% [markdown] lang="zh"
# 画出前五幅图像和它们的标签。黑色是背景，白色是物体的边缘，其他颜色各对应一个类别。边缘上的像素究竟属于谁，标注者也说
# 不准，所以单独标出。

# %% [markdown] lang="en"
# These are the first five pictures and their labels. Black is the background, the whitish lines are the borders of
# objects, and each other colour is a class. Even the people who labelled the set could not say where a pixel of the
# border belongs, so it is marked separately.

# %% figure="pictures" zh="五幅训练图像和它们的标签" en="five training pictures and their labels"
n = 5
imgs = train_features[0:n] + train_labels[0:n]
d2l.show_images(imgs, 2, n);

# %% [markdown] lang="zh"
# 列出每个类别和它在标签中的RGB颜色，就是`VOC_CLASSES`和`VOC_COLORMAP`这两个列表：
#
# | 编号 | 类别 | 颜色 | 编号 | 类别 | 颜色 | 编号 | 类别 | 颜色 |
# |---|---|---|---|---|---|---|---|---|
# | 0 | 背景 | 0, 0, 0 | 7 | 汽车 | 128, 128, 128 | 14 | 摩托车 | 64, 128, 128 |
# | 1 | 飞机 | 128, 0, 0 | 8 | 猫 | 64, 0, 0 | 15 | 人 | 192, 128, 128 |
# | 2 | 自行车 | 0, 128, 0 | 9 | 椅子 | 192, 0, 0 | 16 | 盆栽 | 0, 64, 0 |
# | 3 | 鸟 | 128, 128, 0 | 10 | 牛 | 64, 128, 0 | 17 | 羊 | 128, 64, 0 |
# | 4 | 船 | 0, 0, 128 | 11 | 餐桌 | 192, 128, 0 | 18 | 沙发 | 0, 192, 0 |
# | 5 | 瓶子 | 128, 0, 128 | 12 | 狗 | 64, 0, 128 | 19 | 火车 | 128, 192, 0 |
# | 6 | 公共汽车 | 0, 128, 128 | 13 | 马 | 192, 0, 128 | 20 | 显示器 | 0, 64, 128 |
#
# 训练需要的是类别编号，不是颜色。怎样很快地由颜色查到编号？一种颜色有红、绿、蓝三个0到255的值，把它们看作256进制的三
# 位数，
#
# $$(\textrm{红} \times 256 + \textrm{绿}) \times 256 + \textrm{蓝},$$
#
# 就得到0到$256^3 - 1$之间的一个整数，不同的颜色得到不同的整数。因此可以做一张长度为$256^3$的表，下标是颜色，元素是类
# 别编号。这张表只用做一次；查一幅标签的所有像素，只是一次按下标取值。表中没有的颜色，包括边缘的颜色，查到的是0，即背
# 景。

# %% [markdown] lang="en"
# The lists `VOC_CLASSES` and `VOC_COLORMAP` name the classes and their RGB colours in the labels:
#
# | no. | class | colour | no. | class | colour | no. | class | colour |
# |---|---|---|---|---|---|---|---|---|
# | 0 | background | 0, 0, 0 | 7 | car | 128, 128, 128 | 14 | motorbike | 64, 128, 128 |
# | 1 | aeroplane | 128, 0, 0 | 8 | cat | 64, 0, 0 | 15 | person | 192, 128, 128 |
# | 2 | bicycle | 0, 128, 0 | 9 | chair | 192, 0, 0 | 16 | potted plant | 0, 64, 0 |
# | 3 | bird | 128, 128, 0 | 10 | cow | 64, 128, 0 | 17 | sheep | 128, 64, 0 |
# | 4 | boat | 0, 0, 128 | 11 | dining table | 192, 128, 0 | 18 | sofa | 0, 192, 0 |
# | 5 | bottle | 128, 0, 128 | 12 | dog | 64, 0, 128 | 19 | train | 128, 192, 0 |
# | 6 | bus | 0, 128, 128 | 13 | horse | 192, 0, 128 | 20 | monitor | 0, 64, 128 |
#
# Training needs the numbers of the classes, not the colours. How do we find the number of a colour quickly? A colour
# has three values from 0 to 255, for red, green and blue. Read as a number of three digits in base 256,
#
# $$(\textrm{red} \times 256 + \textrm{green}) \times 256 + \textrm{blue},$$
#
# they give an integer from 0 to $256^3 - 1$, a different one for each colour. So we can make a table of length
# $256^3$ whose index is a colour and whose elements are class numbers. It is made once; to look up all pixels of a
# label is a single indexing operation. Colours that are not in the list, such as that of the borders, give 0, the
# background.

# %%
d2l.show_code(d2l.voc_colormap2label, d2l.voc_label_indices)

# %% [markdown] lang="zh"
# 看一个例子：第一幅标签的一小块。在VOC2012的第一幅图像中，飞机头部的区域正好经过这里，飞机的编号是1，其余是背景0。
# （画出来的数据集在这里可能只有背景。）

# %% [markdown] lang="en"
# An example is a small part of the first label. In the first picture of VOC2012 the front of an aeroplane passes
# through it: aeroplane is class 1, and the rest is background, 0. (In a drawn set there may be only background here.)

# %%
colormap2label = d2l.voc_colormap2label()
y = d2l.voc_label_indices(train_labels[0], colormap2label)
(y[105:115, 130:140], d2l.VOC_CLASSES[1])

# %% [markdown] lang="zh"
# 前五幅标签中出现的类别是：

# %% [markdown] lang="en"
# These classes occur in the first five labels:

# %%
indices = [d2l.voc_label_indices(label, colormap2label).asnumpy().ravel() for label in train_labels[0:n]]
[d2l.VOC_CLASSES[i] for i in np.unique(np.concatenate(indices))]

# %% [markdown] lang="zh"
# ### 预处理数据
#
# 图像分类中，我们把图像缩放到模型需要的大小。语义分割如果也这样做，就要把预测的像素类别再映射回原来大小的图像，这在不
# 同语义的区域相接的地方难以精确。标签的缩放还有一个问题：插值会把相邻的两种颜色混成第三种颜色，它可能不属于任何类别，
# 甚至恰好属于另一个类别。因此，我们把图像**裁剪**成固定的大小，而不是缩放。
#
# 标签与图像的像素一一对应，所以必须裁剪出图像和标签的同一块区域。`voc_rand_crop`先随机选定图像上的区域，再用同一个区
# 域裁剪标签。

# %% [markdown] lang="en"
# ### Preprocessing
#
# For classification we resized pictures to the size that the model needs. In semantic segmentation, the predicted
# classes would then have to be mapped back to the original size, and this is not exact where regions of different
# classes meet. Resizing a label has another problem: interpolation mixes two neighbouring colours into a third one,
# which may belong to no class, or even happen to belong to another class. Therefore we **crop** pictures to a fixed
# size instead of resizing them.
#
# The pixels of label and picture correspond one to one, so the same region has to be cropped from both.
# `voc_rand_crop` first chooses a random region of the picture and then crops this region from the label.

# %%
d2l.show_code(d2l.voc_rand_crop)

# %% figure="crops" zh="同一幅图像和标签的五次随机裁剪，200 × 300" en="five crops of picture and label, 200 × 300"
imgs = []
for _ in range(n):
    imgs += d2l.voc_rand_crop(train_features[0], train_labels[0], 200, 300)
d2l.show_images(imgs[::2] + imgs[1::2], 2, n);

# %% [markdown] lang="zh"
# 9.1节的图像增广，哪些也能用于语义分割？
#
# - 左右翻转和裁剪：可以，只要对图像和标签做完全相同的变换，随机数只取一次。
# - 改变亮度、对比度、饱和度、色调：只对图像做。标签的颜色是类别的代号，改变了就不再是那个类别。
# - 缩放和旋转：可以，但标签要用最近邻插值，它不产生新的颜色；图像仍可用双线性插值。

# %% [markdown] lang="en"
# Which augmentations of section 9.1 suit semantic segmentation?
#
# - Flips and crops do, if picture and label are transformed alike, with random numbers that are drawn once for both.
# - Changes of brightness, contrast, saturation and hue are for the picture only. The colours of a label stand for
#   classes; a changed colour is no longer that class.
# - Resizing and rotation are possible, but the label needs nearest-neighbour interpolation, which makes no new
#   colours. The picture can still use bilinear interpolation.

# %% [markdown] lang="zh"
# ### 自定义语义分割数据集类
#
# 继承Gluon的`Dataset`类，自定义一个语义分割数据集类`VOCSegDataset`。它做四件事：
#
# - `filter`：有些图像比指定的裁剪大小还小，放不下一块裁剪区域，把它们去掉；
# - `normalize_image`：按ImageNet的均值和标准差，把输入图像的RGB三个通道分别标准化，因为9.10节的模型用的是在ImageNet上
#   预训练的参数；
# - `__getitem__`：随机裁剪索引为`idx`的图像和标签，把图像变成通道在前，把标签的颜色变成类别编号；
# - `__len__`：返回样本数。
#
# 书中的数据集在构造时就把所有图像标准化成32位浮点数，放在内存里，VOC2012需要4.6 GB。这里的图像留在磁盘上，取样本时才
# 读，裁剪之后才标准化，结果相同。

# %% [markdown] lang="en"
# ### A data set class of our own
#
# `VOCSegDataset` inherits from Gluon's `Dataset`. It does four things:
#
# - `filter` leaves out pictures that are smaller than a crop;
# - `normalize_image` normalises the three RGB channels of a picture by the mean and the standard deviation of
#   ImageNet, because the model of section 9.10 starts from parameters trained on ImageNet;
# - `__getitem__` crops picture and label number `idx` at random, moves the channels of the picture to the front and
#   turns the colours of the label into class numbers;
# - `__len__` returns the number of examples.
#
# The book's class normalises all pictures when it is constructed and keeps them in memory as 32-bit floats, 4.6 GB
# for VOC2012. Here the pictures stay on the disk. They are read when an example is taken, and normalised after the
# crop, with the same result.

# %%
d2l.show_code(d2l.VOCSegDataset)

# %% [markdown] lang="zh"
# ### 读取数据集
#
# 用这个类创建训练集和测试集的实例，裁剪的大小是$320 \times 480$。由于小图像已被去掉，每个集合剩下的样本数会打印出来；
# 在完整的VOC2012上是1114和1078。

# %% [markdown] lang="en"
# ### Reading the data set
#
# We make a training set and a test set of this class with crops of $320 \times 480$. Small pictures are left out, and
# the number of the examples that stay is printed; in the whole VOC2012 these are 1,114 and 1,078.

# %%
voc_train = d2l.VOCSegDataset(True, crop_size, voc_dir, colormap2label)
voc_test = d2l.VOCSegDataset(False, crop_size, voc_dir, colormap2label)

# %% [markdown] lang="zh"
# 批量大小设为64（数据集更小时，就取全部样本），定义训练集的迭代器并打印第一个小批量的形状。图像的形状是(批量大小, 3,
# 高, 宽)。与图像分类、目标检测不同，标签是一个三维数组，形状是(批量大小, 高, 宽)：每个像素一个类别编号。

# %% [markdown] lang="en"
# With a batch size of 64, or all examples of a smaller set, we define an iterator over the training set and print the
# shapes of the first batch. Pictures have the shape (batch size, 3, height, width). The labels, unlike those of
# classification and detection, are an array of shape (batch size, height, width): a class number for each pixel.

# %%
train_iter = d2l.data_loader(voc_train, min(batch_size, len(voc_train)), shuffle=True, last_batch="discard")
for X, Y in train_iter:
    print(X.shape, Y.shape)
    break

# %% [markdown] lang="zh"
# ## 小结
#
# - 语义分割关注如何把图像分割成属于不同语义类别的区域，它的标签细到像素。
# - 语义分割的一个重要数据集是Pascal VOC2012；标签的颜色经过查表变成类别编号。
# - 语义分割的输入图像与标签在像素上一一对应，所以把它们的同一区域随机裁剪成固定的大小，而不是缩放。

# %% [markdown] lang="en"
# ## Summary
#
# - Semantic segmentation divides a picture into regions of different classes; its labels are as fine as the pixels.
# - An important set for it is Pascal VOC2012; a table turns the colours of its labels into class numbers.
# - Pictures and labels correspond pixel by pixel. So the same random region of fixed size is cropped from both, and
#   nothing is resized.
