# %% [markdown] lang="zh"
# # 9.8 GluonCV的SSD和FCN
#
# 本章从头搭起了小的SSD（9.7节）和全卷积网络（9.10节）。GluonCV的模型库里有它们完整的版本，在大数据集上训练过，骨干网
# 络也深得多。9.8节已经用过其中的Faster R-CNN和Mask R-CNN，这里运行另外两个，看看它们与我们的小网络有哪些不同，以及输
# 出什么、用时多少。
#
# 网络的参数在数据文件夹的`weights/`里寻找，优先选用有参数的网络。如果没有，网络就没有训练过：形状和用时是真实的，框和
# 类别没有意义。

# %% [markdown] lang="en"
# # 9.8 SSD and FCN of GluonCV
#
# The chapter builds a small SSD (section 9.7) and a fully convolutional network (section 9.10) from scratch. The
# model zoo of GluonCV has full versions of them, trained on large data sets, with much deeper backbones. Section 9.8
# uses its Faster R-CNN and Mask R-CNN. This page runs the other two: how do they differ from our small networks, what
# do they return, and how long do they take?
#
# The weights are looked for in `weights/` of the data folder, and a network that has weights is preferred. Without
# weights a network is untrained: shapes and seconds are real, but boxes and classes mean nothing.

# %%
import d2lzh_cv as d2l

d2l.start("9.8-gluoncv-zoo")

# %%
import numpy as np

from d2lzh_cv import metrics

# %% tags=["parameters"]
short_ssd, short_fcn = 512, 480
threshold = 0.5

# %% tags=["quick"]
short_ssd, short_fcn = 256, 96

# %% [markdown] lang="zh"
# ## SSD
#
# 与TinySSD一样，它在几个尺度的特征图上预测每个锚框的类别和偏移量，图像只通过网络一次。不同的是：骨干网络是ResNet-50或
# MobileNet，类别是VOC的20类，训练时图像的边长是512像素。返回的三个数组是类别、置信度和边界框，按置信度从高到低排列，
# 类别为−1的行是空的。第一次运行还要分配内存，所以用时取第二次的。

# %% [markdown] lang="en"
# ## SSD
#
# Like TinySSD, it predicts classes and offsets of anchors on feature maps of several scales, in one pass through the
# network. The differences: its backbone is a ResNet-50 or a MobileNet, it knows the 20 classes of VOC, and it was
# trained on pictures of 512 pixels a side. It returns three arrays, classes, scores and boxes, with the best score
# first; rows of class −1 are empty. The first run also allocates memory, so the time is that of the second.

# %%
d2l.show_code(d2l.GluonCVDetector)

# %%
path = d2l.data_folder("img") / "catdog.jpg"
detector = d2l.GluonCVDetector(["ssd_512_resnet50_v1_voc", "ssd_512_mobilenet1.0_voc"])
for _ in range(2):
    found = detector(path, short_ssd)
kept = int((found.scores >= threshold).sum().asscalar())
print(f"{detector.note}\nclasses {found.classes.shape}, scores {found.scores.shape}, boxes {found.boxes.shape}, "
      f"{kept} of them score at least {threshold}")

# %% figure="ssd" zh="置信度不低于0.5的边界框" en="boxes with a score of at least 0.5"
detector.show(found, threshold)
d2l.plt.title(detector.note, fontsize=9);

# %% [markdown] lang="zh"
# ## FCN
#
# 9.10节的网络把图像缩小到$1/32$，再用转置卷积层放大32倍，细节丢失很多。GluonCV的全卷积网络用**空洞卷积**（dilated
# convolution）：卷积核的元素之间隔开几个单元，于是不必缩小特征图，感受野也能增大。它的特征图是图像的$1/8$，最后用双线
# 性插值放大到原来的大小。代价是计算量：后几层的特征图在高和宽上各大4倍。

# %% [markdown] lang="en"
# ## FCN
#
# The network of section 9.10 reduces the picture to $1/32$ and enlarges it 32 times with a transposed convolution;
# many details are lost. The fully convolutional network of GluonCV uses **dilated convolutions**. The elements of
# their kernels are some units apart, so the receptive field grows although the feature map does not shrink. Its map
# has $1/8$ of the picture's size, and bilinear interpolation enlarges it at the end. The price is work: in the last
# layers the maps are 4 times as high and as wide.

# %%
d2l.show_code(d2l.GluonCVSegmenter)

# %%
segmenter = d2l.GluonCVSegmenter(["fcn_resnet101_voc", "fcn_resnet50_ade"])
for _ in range(2):
    picture, classes, seconds = segmenter(path, short_fcn)
print(f"{segmenter.note}\npicture {picture.shape}, classes {classes.shape}, "
      f"{len(np.unique(classes))} different ones among them")

# %% figure="fcn" zh="图像和每个像素的类别" en="the picture, and the class of each pixel"
segmenter.show(picture, classes)

# %% [markdown] lang="zh"
# ## 用时
#
# 比较两个网络的用时，要同时看图像的大小：卷积的计算量与像素数成正比。语义分割对每个像素都要给出类别，特征图又没有缩
# 小，所以同样多的像素，它要慢得多。

# %% [markdown] lang="en"
# ## Time
#
# To compare the times of two networks, look at the sizes of the pictures too: the work of a convolution grows with
# the number of pixels. Segmentation must give a class to every pixel, and its feature maps stay large. So it takes
# much longer for the same number of pixels.

# %%
networks = metrics.Table(["network", "trained", "height", "width", "sec per picture"], [
    [detector.name, int(detector.trained), *found.picture.shape[:2], found.seconds],
    [segmenter.name, int(segmenter.trained), *picture.shape[:2], seconds]])
pixels = picture.shape[0] * picture.shape[1] / (found.picture.shape[0] * found.picture.shape[1])
shows = (f"{segmenter.name} takes {seconds / found.seconds:.1f} times as long as {detector.name}, on a picture of "
         f"{pixels:.2f} times as many pixels; {detector.note}; {segmenter.note}")
print(shows)
networks

# %% [markdown] lang="zh"
# ## 小结
#
# - GluonCV的SSD与9.7节的原理相同，骨干网络更深，类别更多。
# - 空洞卷积让特征图保持在图像的$1/8$，像素级的预测更细，计算量也更大。

# %% [markdown] lang="en"
# ## Summary
#
# - The SSD of GluonCV works like that of section 9.7, with a deeper backbone and more classes.
# - Dilated convolutions keep the feature map at $1/8$ of the picture; predictions of pixels get finer, and the work
#   grows.
