# %% [markdown] lang="zh"
# # 9.8 区域卷积神经网络（R-CNN）系列
#
# 区域卷积神经网络（region-based CNN，或regions with CNN features，R-CNN）是把深度模型用于目标检测的开创性工作之一。本
# 节介绍R-CNN和它的一系列改进：Fast R-CNN、Faster R-CNN和Mask R-CNN。它们与9.7节的SSD不同：先提出可能含有目标的区域，
# 再对每个区域分类并修正边界框，所以也叫两阶段的方法。
#
# 四个网络的每一步改进都回答了一个问题：计算浪费在哪里？读的时候不妨留意这一点。这里只讲思路，它们的小型实现可以在几分
# 钟内训练好，分别是`d2lzh-cv run 9.8-region-cnn`、`9.8-fast-rcnn`、`9.8-faster-rcnn`和`9.8-mask-rcnn`。

# %% [markdown] lang="en"
# # 9.8 Region-based CNNs (R-CNNs)
#
# The region-based CNN, or "regions with CNN features" (R-CNN), is one of the first works that brought deep models to
# object detection. This section describes R-CNN and the models that improved it: Fast R-CNN, Faster R-CNN and Mask
# R-CNN. They differ from SSD in section 9.7: they first propose regions that may contain an object, then classify
# each region and correct its box. So they are called two-stage methods.
#
# Each of the improvements answers one question: where is computation wasted? Keep it in mind while you read. This
# page explains ideas only. Small versions that train in minutes are `d2lzh-cv run 9.8-region-cnn`, `9.8-fast-rcnn`,
# `9.8-faster-rcnn` and `9.8-mask-rcnn`.

# %%
import d2lzh_cv as d2l

d2l.start("9.8")

# %%
from mxnet import nd

# %% tags=["parameters"]
short, threshold = 600, 0.5
most_proposals = 1000  # regions that a network classifies; Faster R-CNN has 300

# %% tags=["quick"]
short, most_proposals = 300, 100

# %% [markdown] lang="zh"
# ## 9.8.1 R-CNN
#
# R-CNN先在图像上选取若干提议区域（锚框也是一种选取方法），再用卷积神经网络抽取每个区域的特征，由特征预测类别和边界框
# （书中图9.5）。具体有四步：
#
# 1. 对图像使用**选择性搜索**（selective search），选取多个高质量的提议区域。它们通常取自多个尺度，有不同的形状和大
#    小。每个提议区域都标注上类别和真实边界框。
# 2. 取一个预训练的卷积神经网络，在输出层之前截断。把每个提议区域缩放成网络需要的大小，用前向计算得到它的特征。
# 3. 把每个提议区域的特征和类别作为一个样本，训练多个支持向量机，其中每一个判断样本是否属于某一类。
# 4. 把每个提议区域的特征和真实边界框作为一个样本，训练线性回归模型，预测真实边界框。
#
# R-CNN证明了预训练的卷积神经网络能为检测抽取很好的特征，缺点是慢：一幅图像可能有上千个提议区域，检测这一幅图像就要做
# 上千次前向计算。如此巨大的计算量，使它难以在实际中广泛应用。

# %% [markdown] lang="en"
# ## 9.8.1 R-CNN
#
# R-CNN first chooses regions of the picture, the proposals; anchors would be another way to choose. Then a
# convolutional network extracts features of each region, and the features predict its class and its box (figure 9.5
# of the book). There are four steps:
#
# 1. **Selective search** chooses a number of good proposals. They usually come from several scales and have different
#    shapes and sizes. Each proposal is labelled with a class and a ground-truth box.
# 2. A pretrained convolutional network is cut off before its output layer. Each proposal is resized to the input size
#    of the network, and a forward pass gives its features.
# 3. Features and class of each proposal form an example to train several support vector machines. Each of them
#    decides whether an example belongs to one class.
# 4. Features and ground-truth box of each proposal form an example to train a linear regression that predicts the
#    ground-truth box.
#
# R-CNN showed that a pretrained network extracts good features for detection. Its drawback is its speed: one picture
# may have thousands of proposals, so its detection needs thousands of forward passes. This is too much for wide use.

# %% [markdown] lang="zh"
# ## 9.8.2 Fast R-CNN
#
# R-CNN的瓶颈在于，每个提议区域独立地抽取特征。这些区域大量重叠，独立抽取就是大量的重复计算。Fast R-CNN的主要改进是，
# 只对整幅图像做一次前向计算（书中图9.6）：
#
# 1. 用来抽取特征的网络，输入是整幅图像，而不是各个提议区域。网络通常也参与训练，即更新参数。设输入一幅图像，网络输出
#    的形状是$1 \times c \times h_1 \times w_1$。
# 2. 设选择性搜索生成$n$个提议区域。它们在网络的输出上对应形状各异的**兴趣区域**。为了连结各个区域，要从中抽取形状相同
#    的特征，设高为$h_2$，宽为$w_2$。**兴趣区域池化层**（region of interest pooling，RoI池化层）以网络的输出和提议区域
#    为输入，输出连结后的各区域的特征，形状是$n \times c \times h_2 \times w_2$。
# 3. 全连接层把输出的形状变为$n \times d$，$d$由模型的设计决定。
# 4. 预测类别时，再变为$n \times q$并使用softmax回归，$q$是类别数；预测边界框时，变为$n \times 4$。每个提议区域就有了
#    类别和边界框。

# %% [markdown] lang="en"
# ## 9.8.2 Fast R-CNN
#
# The bottleneck of R-CNN is that features are extracted from each proposal on its own. Proposals overlap a lot, so
# the same computation is done again and again. The main improvement of Fast R-CNN is a single forward pass for the
# whole picture (figure 9.6 of the book):
#
# 1. The input of the network that extracts features is the whole picture, not a proposal. This network usually takes
#    part in training, that is, its parameters are updated. For one picture its output has the shape $1 \times c
#    \times h_1 \times w_1$.
# 2. Let selective search give $n$ proposals. They correspond to **regions of interest** of different shapes on the
#    output of the network. To concatenate the regions, features of one shape are needed for all, say of height $h_2$
#    and width $w_2$. **Region of interest pooling** (RoI pooling) takes the output of the network and the proposals,
#    and gives the concatenated features of all regions, of shape $n \times c \times h_2 \times w_2$.
# 3. A fully connected layer changes the shape to $n \times d$, where $d$ depends on the design of the model.
# 4. For the classes the shape becomes $n \times q$, with $q$ classes and softmax regression. For the boxes it becomes
#    $n \times 4$. Now each proposal has a class and a box.

# %% [markdown] lang="zh"
# ### 兴趣区域池化层
#
# 普通的池化层由窗口、填充和步幅间接地决定输出的形状；兴趣区域池化层则对每个区域直接指定输出的形状。设某个兴趣区域的窗
# 口高$h$宽$w$，要输出高$h_2$宽$w_2$，就把窗口分成$h_2 \times w_2$个子窗口，每个的大小大约是
# $(h / h_2) \times (w / w_2)$，取整后以子窗口中的最大值作为输出。所以无论兴趣区域是什么形状，抽取的特征形状都相同。
#
# 用一个例子来手算。设网络抽取的特征图`X`高和宽都是4，只有一个通道，元素是0到15：
#
# $$\begin{bmatrix} 0 & 1 & 2 & 3 \\ 4 & 5 & 6 & 7 \\ 8 & 9 & 10 & 11 \\ 12 & 13 & 14 & 15 \end{bmatrix}$$

# %% [markdown] lang="en"
# ### Region of interest pooling
#
# In a usual pooling layer, window, padding and stride determine the shape of the output indirectly. RoI pooling gets
# the shape of the output directly. Let the window of a region have height $h$ and width $w$, and let the output have
# height $h_2$ and width $w_2$. The window is divided into $h_2 \times w_2$ parts of about $(h / h_2) \times (w /
# w_2)$, rounded to whole units, and the maximum of each part is the output. So regions of any shape give features of
# the same shape.
#
# This example can be computed by hand. Let the feature map `X` have height and width 4 and a single channel, with the
# elements 0 to 15:
#
# $$\begin{bmatrix} 0 & 1 & 2 & 3 \\ 4 & 5 & 6 & 7 \\ 8 & 9 & 10 & 11 \\ 12 & 13 & 14 & 15 \end{bmatrix}$$

# %%
X = nd.arange(16).reshape((1, 1, 4, 4))
X

# %% [markdown] lang="zh"
# 设图像的高和宽都是40像素，选择性搜索在图像上生成了两个提议区域。每个区域由五个元素表示：区域所属图像的编号，左上角的
# $x$、$y$坐标和右下角的$x$、$y$坐标。

# %% [markdown] lang="en"
# Let the picture have a height and a width of 40 pixels, and let selective search give two proposals. Five elements
# describe a proposal: the number of its picture, $x$ and $y$ of its top left corner, and $x$ and $y$ of its bottom
# right corner.

# %%
rois = nd.array([[0, 0, 0, 20, 20], [0, 0, 10, 30, 30]])

# %% [markdown] lang="zh"
# `X`的高和宽是图像的$1/10$，所以区域的坐标先乘以`spatial_scale`，即0.1，再四舍五入取整，并且两端的单元都包括在内：
#
# - 第一个区域变成从$(0, 0)$到$(2, 2)$，是`X[:, :, 0:3, 0:3]`，高3宽3；
# - 第二个区域变成从$(0, 1)$到$(3, 3)$，是`X[:, :, 1:4, 0:4]`，高3宽4。注意坐标是先$x$后$y$，数组的下标是先行后列。
#
# 再把它们都池化成$2 \times 2$。3行分成2份，每份1.5行：起点向下取整，终点向上取整，于是第一份是第0、1行，第二份是第1、
# 2行，中间的一行两份都有。第一个区域的四个最大值是5、6、9、10，比如左上角的子窗口是0、1、4、5。第二个区域的行是1、2和
# 2、3，列是0、1和2、3，最大值是9、11、13、15。（书中图9.7把3行分成不重叠的2行和1行，最大值相同。）
#
# 用`roi_pooling`验证，它调用MXNet的`ROIPooling`：

# %% [markdown] lang="en"
# The height and the width of `X` are $1/10$ of the picture's. So the coordinates of a region are multiplied by
# `spatial_scale`, which is 0.1, and rounded; the units at both ends belong to the region:
#
# - The first region goes from $(0, 0)$ to $(2, 2)$. It is `X[:, :, 0:3, 0:3]`, of height 3 and width 3.
# - The second region goes from $(0, 1)$ to $(3, 3)$. It is `X[:, :, 1:4, 0:4]`, of height 3 and width 4. Note that
#   coordinates begin with $x$, whereas an array's first index is the row.
#
# Both are now pooled to $2 \times 2$. 3 rows in 2 parts are 1.5 rows each: starts are rounded down and ends are
# rounded up. So the first part has rows 0 and 1, the second one rows 1 and 2, and the middle row is in both. The
# maxima of the first region are 5, 6, 9 and 10; its upper left part, for example, has 0, 1, 4 and 5. The second
# region has rows 1, 2 and 2, 3 and columns 0, 1 and 2, 3; its maxima are 9, 11, 13 and 15. (Figure 9.7 of the book
# divides 3 rows into 2 and 1 without overlap; the maxima are the same.)
#
# `roi_pooling` calls `ROIPooling` of MXNet and agrees:

# %%
d2l.show_code(d2l.roi_pooling)

# %%
pooled = d2l.roi_pooling(X, rois, pooled_size=(2, 2), spatial_scale=0.1)
pooled

# %% [markdown] lang="zh"
# 下图中的区域可以拖动。每次移动1像素，看结果何时不变、何时突然变化；再换成9.8.4节的对齐层，看结果怎样平滑地变。

# %% [markdown] lang="en"
# The region of this figure can be dragged. Move it pixel by pixel and see when the result stays and when it jumps;
# then choose the align layer of section 9.8.4, whose result changes smoothly.

# %%
d2l.show_interactive("roi_pooling")

# %% [markdown] lang="zh"
# ## 9.8.3 Faster R-CNN
#
# Fast R-CNN要得到精确的检测结果，通常需要选择性搜索生成较多的提议区域，而选择性搜索本身并不快。Faster R-CNN用一个网
# 络，即**区域提议网络**（region proposal network），代替它，从而减少提议区域的数量，又保证精度（书中图9.8）。其余部分
# 与Fast R-CNN相同。区域提议网络的计算步骤是：
#
# 1. 用填充为1的$3 \times 3$卷积层变换卷积神经网络的输出，设输出通道数为$c$。这样，特征图的每个单元都得到一个长度为$c$
#    的新特征。
# 2. 以特征图的每个单元为中心，生成多个大小和宽高比不同的锚框，并标注它们（9.4节）。
# 3. 用锚框的中心单元的长度为$c$的特征，分别预测该锚框的二元类别（目标还是背景）和边界框。
# 4. 用非极大值抑制，从预测类别为目标的预测边界框中移除相似的结果。最后输出的边界框，就是兴趣区域池化层所需的提议区
#    域。
#
# 区域提议网络是Faster R-CNN的一部分，与整个模型一起训练。目标函数既包括目标检测中类别和边界框的预测，也包括区域提议网
# 络中锚框的二元类别和边界框的预测。于是网络能学到怎样提出高质量的区域，用较少的区域也能保证检测的精度。
#
# 书的练习是了解GluonCV中这些模型的实现。下面用它的Faster R-CNN检测狗和猫。网络先把图像的短边缩放到`short`个像素，并对
# 至多`most_proposals`个提议区域分类；返回的类别、置信度和边界框按置信度从高到低排列，类别为−1的行是空的。如果没有找到
# 公开的参数，网络就没有训练过：形状和用时是真实的，框和类别没有意义。

# %% [markdown] lang="en"
# ## 9.8.3 Faster R-CNN
#
# For exact results, Fast R-CNN usually needs many proposals of selective search, and selective search itself is not
# fast. Faster R-CNN replaces it by a **region proposal network**. There are fewer proposals then, and detection stays
# exact (figure 9.8 of the book). The rest is Fast R-CNN. The steps of the region proposal network are:
#
# 1. A $3 \times 3$ convolution with padding 1 and $c$ output channels transforms the output of the convolutional
#    network. So each unit of the feature map gets a new feature of length $c$.
# 2. Around each unit of the map, anchors of several sizes and aspect ratios are generated and labelled (section 9.4).
# 3. The feature of length $c$ at the centre of an anchor predicts the binary class of the anchor, object or
#    background, and its box.
# 4. Non-maximum suppression removes similar boxes among those predicted as objects. The boxes that remain are the
#    proposals for RoI pooling.
#
# The region proposal network is a part of Faster R-CNN and is trained with the whole model. The loss has the classes
# and boxes of detection, and also the binary classes and boxes of the anchors in the region proposal network. So the
# network learns to propose good regions, and a few of them are enough for exact detection.
#
# An exercise of the book is to look at these models in GluonCV. Its Faster R-CNN now detects the dog and the cat. It
# first resizes the shorter side of the picture to `short` pixels, and it classifies at most `most_proposals` regions.
# Classes, scores and boxes come with the best score first; rows of class −1 are empty. Without published weights the
# network is untrained: shapes and time are real, but boxes and classes mean nothing.

# %%
def detect(detector):
    found = detector(d2l.data_folder("img") / "catdog.jpg", short)
    print(f"{detector.note}\nclasses {found.classes.shape}, scores {found.scores.shape}, boxes {found.boxes.shape}, "
          f"{found.seconds:.2f} sec")
    detector.show(found, threshold)
    d2l.plt.title(detector.note, fontsize=9)
    return found


# %% figure="faster_rcnn_resnet50_v1b_voc" zh="Faster R-CNN的预测" en="what Faster R-CNN of GluonCV predicts"
faster = d2l.GluonCVDetector("faster_rcnn_resnet50_v1b_voc", most_proposals=most_proposals)
faster_found = detect(faster)

# %% [markdown] lang="zh"
# ## 9.8.4 Mask R-CNN
#
# 如果训练数据还标注了每个目标在图像上的像素级位置，Mask R-CNN能利用这些详尽的标注，进一步提高检测的精度（书中图
# 9.9）。它在Faster R-CNN上做了两处改动：
#
# - 把兴趣区域池化层替换成**兴趣区域对齐层**（RoI align），用双线性插值来保留特征图上的空间信息，更适合像素级的预测；
# - 对所有兴趣区域形状相同的特征图，除了预测类别和边界框，还用一个全卷积网络（9.10节）预测目标的像素级位置，即掩码。
#
# 为什么取整对像素级的预测不利？上面的例子中，一个单元等于图像上的10个像素。右下角在24像素处的区域，与第一个区域一样取
# 整到2，池化的结果是5、6、9、10；只要移到25像素，就取整到3，结果变成5、7、13、15。移动了1个像素，特征却变了一个单元。
# 兴趣区域对齐层不取整：它把区域等分成子窗口，在每个子窗口里取几个位置，用双线性插值算出这些位置的值，再取平均。第一个
# 区域的左上角子窗口是从0到1的正方形，`X`的值随坐标线性变化，所以平均值就是中心$(0.5, 0.5)$处的值，
# $0.5 \times 4 + 0.5 = 2.5$：

# %% [markdown] lang="en"
# ## 9.8.4 Mask R-CNN
#
# If the training set also tells which pixels belong to each object, Mask R-CNN can use these detailed labels to
# detect still more exactly (figure 9.9 of the book). It changes Faster R-CNN in two points:
#
# - **RoI align** replaces RoI pooling. It uses bilinear interpolation to keep the spatial information of the feature
#   map, which suits predictions of pixels better.
# - From the features of the regions, all of the same shape, it predicts classes and boxes, and a fully convolutional
#   network (section 9.10) also predicts which pixels belong to the object, the mask.
#
# Why is rounding bad for pixels? In the example above, one unit is 10 pixels of the picture. A region with its bottom
# right corner at pixel 24 is rounded to 2 like the first region, and pooling gives 5, 6, 9 and 10. At pixel 25 it is
# rounded to 3, and the result is 5, 7, 13 and 15. A move by 1 pixel changes the features by a whole unit. RoI align
# does not round. It divides the region into equal parts, takes several positions in each part, computes their values
# by bilinear interpolation, and takes the mean. The upper left part of the first region is the square from 0 to 1.
# The values of `X` are linear in the coordinates, so the mean is the value at the centre $(0.5, 0.5)$, which is $0.5
# \times 4 + 0.5 = 2.5$:

# %%
d2l.roi_align(X, rois, pooled_size=(2, 2), spatial_scale=0.1)

# %% [markdown] lang="zh"
# GluonCV的Mask R-CNN，它的类别是COCO的80类。预测的掩码会涂在目标上。

# %% [markdown] lang="en"
# This is Mask R-CNN of GluonCV, with the 80 classes of COCO. Its masks are painted over the objects.

# %% figure="mask_rcnn_resnet18_v1b_coco" zh="Mask R-CNN的预测" en="what Mask R-CNN of GluonCV predicts"
mask = d2l.GluonCVDetector("mask_rcnn_resnet18_v1b_coco", most_proposals=most_proposals)
mask_found = detect(mask)

# %% [markdown] lang="zh"
# ## 小结
#
# - R-CNN在图像上选取若干提议区域，用卷积神经网络对每个区域做前向计算、抽取特征，再用特征预测类别和边界框。
# - Fast R-CNN只对整幅图像做一次前向计算，并用兴趣区域池化层从各个兴趣区域得到形状相同的特征。
# - Faster R-CNN用区域提议网络代替选择性搜索，减少了提议区域的数量，也保证了精度。
# - Mask R-CNN在Faster R-CNN上引入全卷积网络，借助目标的像素级位置进一步提高精度。

# %% [markdown] lang="en"
# ## Summary
#
# - R-CNN chooses proposals in a picture, extracts the features of each by a forward pass of a convolutional network,
#   and predicts class and box from the features.
# - Fast R-CNN needs one forward pass for the whole picture; RoI pooling gives features of one shape for all regions.
# - Faster R-CNN replaces selective search by a region proposal network: fewer proposals, and still exact.
# - Mask R-CNN adds a fully convolutional network to Faster R-CNN and uses the pixels of the objects to detect more
#   exactly.
