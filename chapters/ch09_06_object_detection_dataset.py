# %% [markdown] lang="zh"
# # 9.6 目标检测数据集（皮卡丘）
#
# 目标检测领域没有像MNIST或Fashion-MNIST那样的小数据集：常用的数据集有上万幅图像，训练一次要很久。为了快速试验模型，书
# 的作者合成了一个小的数据集。他们用一个开源的皮卡丘3D模型生成了1000幅角度和大小不同的皮卡丘图像，又收集了一系列背景图
# 像，在每幅背景的随机位置放上一只皮卡丘。标签因此不必由人标注：皮卡丘放在哪里，边界框就在哪里。
#
# 本节说明这样的数据集怎样存放，怎样成批地读取，读出来的小批量是什么样子。

# %% [markdown] lang="en"
# # 9.6 An object detection data set (Pikachu)
#
# Object detection has no small set like MNIST or Fashion-MNIST: the usual sets have tens of thousands of pictures,
# and one training takes long. For quick experiments the authors of the book made a small set. They rendered 1,000
# pictures of Pikachu from an open 3D model, with different angles and sizes, collected background pictures, and
# placed one Pikachu at a random position on each background. So nobody had to label the pictures: the bounding box is
# where the Pikachu was placed.
#
# This section tells how such a set is stored, how it is read in batches, and what a batch looks like.

# %%
import d2lzh_cv as d2l

d2l.start("9.6")

# %% tags=["parameters"]
batch_size, edge_size = 32, 256

# %% [markdown] lang="zh"
# ## 9.6.1 获取数据集
#
# 数据集由三个文件组成：`train.rec`、`train.idx`和`val.rec`。`.rec`是MXNet的RecordIO格式，把成千上万个小文件首尾相接地
# 存进一个大文件，占用的磁盘空间小，顺序读取也快得多。一条记录依次是：
#
# 1. 一个固定的数（表示记录从这里开始）和这条记录的长度；
# 2. 头部，其中有标签的长度和图像的编号；
# 3. 标签，一串浮点数：先是标签头部的长度4、每个目标的长度5、图像的宽和高，然后每个目标5个数；
# 4. 压缩的图像，即JPEG或PNG文件的字节。
#
# `.idx`是文本文件，每行写一条记录的编号和它在`.rec`中的起点。有了它才能不按顺序读取，即打乱训练集，或只读其中的一份；
# 验证集按顺序读，不需要它。
#
# 书中用`_download_pikachu`函数下载这三个文件，但那个网址已经失效。`d2lzh-cv data fetch pikachu`会依次尝试各个镜像，并
# 核对文件的SHA-1。没有下载也可以学习本节：如果磁盘上没有这个数据集，程序就自己画一个，格式相同，并打印一行说明。

# %% [markdown] lang="en"
# ## 9.6.1 Getting the data set
#
# The set consists of three files: `train.rec`, `train.idx` and `val.rec`. A `.rec` file is in MXNet's RecordIO
# format. It holds thousands of small files one after the other in a large one, which takes less room on the disk and
# is much faster to read in sequence. A record has these parts:
#
# 1. a fixed number, which shows that a record begins here, and the length of the record;
# 2. a header with the length of the label and the number of the picture;
# 3. the label, a row of floats: first the length of the label's own header, 4, the length of an object, 5, and the
#    width and the height of the picture; then 5 numbers for each object;
# 4. the compressed picture, that is the bytes of a JPEG or PNG file.
#
# A `.idx` file is text. Each line has the number of a record and its start in the `.rec` file. With it records can be
# read in any order, to shuffle the training set or to read a part of it. The validation set is read in sequence and
# needs none.
#
# The book downloads the three files by its function `_download_pikachu`, but that address is gone. `d2lzh-cv data
# fetch pikachu` tries the mirrors one by one and checks the SHA-1 of the files. You can follow this section without a
# download: if the set is not on the disk, the package draws one in the same format and prints a line that says so.

# %% [markdown] lang="zh"
# ## 9.6.2 读取数据集
#
# 用`ImageDetIter`（Det指Detection，检测）读取数据集。它与图像分类的`ImageIter`的不同在于，随机裁剪、翻转图像时，边界
# 框要一起变换。训练集以随机顺序读取；由于数据集的格式是RecordIO，这需要索引文件`train.idx`。对训练图像作随机裁剪，并
# 要求裁剪出的图像至少覆盖皮卡丘的95%；随机裁剪不一定能满足这个要求，所以最多尝试200次，都不成功就用整幅图像。为保证评
# 测结果是确定的，验证图像不作随机裁剪，也不必打乱。

# %% [markdown] lang="en"
# ## 9.6.2 Reading the data set
#
# `ImageDetIter` reads the set; "Det" stands for detection. It differs from `ImageIter` for classification in one
# point: when a picture is cropped or flipped at random, its boxes have to change in the same way. The training set is
# read in random order. Because it is in RecordIO format, this needs the index file `train.idx`. Training pictures are
# cropped at random so that at least 95% of the Pikachu stays. A random crop may fail to do so; after 200 attempts
# without success the whole picture is used. The validation pictures are neither cropped nor shuffled, so that the
# evaluation is always the same.

# %%
d2l.show_code(d2l.load_data_pikachu, d2l.load_pikachu)

# %% [markdown] lang="zh"
# 这里的迭代器继承`ImageDetIter`，顺序、裁剪和标签都与它相同。它把每幅图像只解码一次，用较新的OpenCV缩放，快两三倍；会
# 改变颜色的增广由原来的迭代器完成，即`reader="python"`。`ImageDetIter`的参数有：
#
# | 参数 | 含义 |
# |---|---|
# | `batch_size`, `data_shape` | 批量大小；每幅图像的形状(3, 高, 宽)。只有这两个没有默认值 |
# | `path_imgrec`, `path_imgidx` | 记录文件和它的索引；有索引才能打乱和分份 |
# | `path_imglist`, `imglist`, `path_root` | 不用记录文件时：标签和图像路径的列表文件，或列表 |
# | `shuffle` | 每个周期用新的随机次序，由Python的`random`产生 |
# | `part_index`, `num_parts` | 只读等分的若干份中的一份（用于多台机器） |
# | `aug_list` | 图像增广的列表；没有给出时，由`CreateDetAugmenter`用其余的参数生成 |
# | `data_name`, `label_name` | `provide_data`和`provide_label`中的名字 |
# | `last_batch_handle` | 最后不完整的批量：`pad`（从头补足）、`discard`（丢弃）、`roll_over`（留到下个周期） |
#
# 其余的参数都交给`CreateDetAugmenter`：
#
# | 参数 | 含义 |
# |---|---|
# | `resize` | 大于0时，先把短边缩放到这个长度 |
# | `rand_crop`, `rand_pad`, `rand_gray` | 随机裁剪、随机在四周填充、随机变成灰度图的概率 |
# | `rand_mirror` | 以一半的概率左右翻转 |
# | `mean`, `std` | 每个通道减去的均值和除以的标准差 |
# | `brightness`, `contrast`, `saturation`, `hue`, `pca_noise` | 颜色变化的最大幅度 |
# | `inter_method` | 插值：0最近邻、1双线性、2双三次、3面积（MXNet的说明写反了后两者）、4 Lanczos、9按需选择、10随机 |
# | `min_object_covered` | 裁剪区域至少碰到一个目标，碰到的目标都要保留超过这一比例 |
# | `min_eject_coverage` | 目标剩下的部分少于这一比例时，丢弃这个目标 |
# | `aspect_ratio_range`, `area_range` | 裁剪区域的宽高比，和它占图像面积之比的范围 |
# | `max_attempts` | 最多尝试裁剪的次数，之后使用整幅图像 |
# | `pad_val` | 填充的颜色 |

# %% [markdown] lang="en"
# The iterator used here inherits from `ImageDetIter` and has the same order, crops and labels. It decodes each
# picture once and resizes with today's OpenCV, two or three times as fast. If augmentation changes colours, the
# original iterator does the work, as with `reader="python"`. These are the parameters of `ImageDetIter`:
#
# | parameter | meaning |
# |---|---|
# | `batch_size`, `data_shape` | pictures per batch; (3, height, width) of each; the only two without a default |
# | `path_imgrec`, `path_imgidx` | record file and its index; only an index allows shuffling and parts |
# | `path_imglist`, `imglist`, `path_root` | instead of records: a list file, or a list, of labels and picture paths |
# | `shuffle` | a new order in each epoch, drawn from Python's `random` |
# | `part_index`, `num_parts` | read one of `num_parts` equal parts (for several machines) |
# | `aug_list` | augmenters; by default `CreateDetAugmenter` makes them from the other parameters |
# | `data_name`, `label_name` | names in `provide_data` and `provide_label` |
# | `last_batch_handle` | the incomplete batch: `pad` (from the beginning), `discard`, `roll_over` (to the next epoch) |
#
# All other parameters go to `CreateDetAugmenter`:
#
# | parameter | meaning |
# |---|---|
# | `resize` | resize the shorter side to this first, if above 0 |
# | `rand_crop`, `rand_pad`, `rand_gray` | probability of a random crop, of padding around, of losing the colour |
# | `rand_mirror` | flip left-right half of the time |
# | `mean`, `std` | numbers to subtract and to divide by, for each channel |
# | `brightness`, `contrast`, `saturation`, `hue`, `pca_noise` | how far colours may change |
# | `inter_method` | 0 nearest, 1 bilinear, 2 bicubic, 3 area (MXNet's text swaps them), 4 Lanczos, 9 by need, 10 any |
# | `min_object_covered` | a crop must touch an object, and more than this part of each touched object must stay |
# | `min_eject_coverage` | objects of which less than this stays are dropped |
# | `aspect_ratio_range`, `area_range` | shape of a crop, and its area relative to the picture |
# | `max_attempts` | attempts to find such a crop; then the whole picture is used |
# | `pad_val` | colour of the padding |

# %% [markdown] lang="zh"
# 下面读取一个小批量，看看图像和标签的形状。图像的形状是(批量大小, 通道数, 高, 宽)，与图像分类时一样。标签的形状是(批
# 量大小, $m$, 5)，其中$m$是数据集里单幅图像所含边界框个数的最大值。
#
# 为什么要有$m$？小批量计算要求每幅图像的标签形状相同，而各幅图像的目标个数可以不同。目标少于$m$个的图像，就用非法的边
# 界框补足，它们的类别是−1。皮卡丘数据集的每幅图像只有一个目标，所以$m = 1$。

# %% [markdown] lang="en"
# Now read one batch and look at the shapes. Pictures have the shape (batch size, channels, height, width), as in
# classification. Labels have the shape (batch size, $m$, 5), where $m$ is the largest number of boxes of one picture
# in the set.
#
# Why is there an $m$? In a batch all labels need the same shape, but pictures may have different numbers of objects.
# A picture with fewer than $m$ objects is filled up with invalid boxes of class −1. In the Pikachu set each picture
# has a single object, so $m = 1$.

# %%
train_iter, val_iter = d2l.load_data_pikachu(batch_size, edge_size)
batch = train_iter.next()
(batch.data[0].shape, batch.label[0].shape)

# %% [markdown] lang="zh"
# 标签的一行有5个元素：第一个是目标的类别，这里只有皮卡丘，即0；后四个是边界框左上角的$x$、$y$坐标和右下角的$x$、$y$坐
# 标，都是0到1之间的相对值。批量中第一幅图像的标签是：

# %% [markdown] lang="en"
# A row of a label has 5 elements. The first one is the class of the object: there is only Pikachu, which is 0. The
# other four are $x$ and $y$ of the top left corner and $x$ and $y$ of the bottom right corner, relative, between 0
# and 1. The label of the first picture is:

# %%
batch.label[0][0, 0].asnumpy().round(2)

# %% [markdown] lang="zh"
# ## 9.6.3 图示数据
#
# 画出十幅训练图像和其中的边界框。像素在0到255之间，通道在第1维；画图要求在0到1之间，通道在最后一维。可以看到，皮卡丘
# 的角度、大小和位置各不相同，而且由于随机裁剪，有的只露出大部分身体。这是一个简单的人工数据集，实际的数据要复杂得多。

# %% [markdown] lang="en"
# ## 9.6.3 A look at the data
#
# These are ten training pictures with their boxes. Pixels are between 0 and 255 with channels on axis 1; for drawing
# they have to be between 0 and 1 with channels on the last axis. Angle, size and position of the Pikachu differ from
# picture to picture, and random crops cut some of them at the edge. This is a simple, artificial set; real data are
# much more difficult.

# %% figure="pictures" zh="十幅训练图像和它们的边界框" en="ten training pictures with their boxes"
imgs = batch.data[0][0:10].transpose((0, 2, 3, 1)) / 255
axes = d2l.show_images(imgs, 2, 5).flatten()
for ax, label in zip(axes, batch.label[0][0:10].asnumpy()):
    d2l.show_bboxes(ax, label[label[:, 0] >= 0, 1:5] * edge_size, colors=["w"])

# %% [markdown] lang="zh"
# 读者也可以用`d2lzh-cv data pack`把自己的图像打包成这种格式，在9.7节训练。那样的数据集可以有没有目标的图像，它们的标
# 签每行都是−1，裁剪可以在任何位置。
#
# ## 小结
#
# - 合成的皮卡丘数据集可以用来快速地试验目标检测模型。
# - 目标检测的数据读取与图像分类的类似，但标签的形状和图像增广（例如随机裁剪）因边界框而不同。

# %% [markdown] lang="en"
# You can pack your own pictures into this format by `d2lzh-cv data pack` and train on them in section 9.7. Such a set
# may have pictures without objects: all rows of their labels are −1, and they are cropped anywhere.
#
# ## Summary
#
# - The artificial Pikachu set serves for quick experiments with detectors.
# - Data for detection are read much as for classification, but because of the boxes the shape of the labels and the
#   augmentation, such as random crops, differ.
