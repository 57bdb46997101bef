# %% [markdown] lang="zh"
# # 9.3 目标检测和边界框
#
# 图像分类只回答一个问题：图像里的主体是什么。许多时候图像里有好几个主体，我们既想知道它们各是什么，也想知道它们各在哪
# 里。这样的任务叫作**目标检测**（object detection）。无人驾驶要找出路上的车辆和行人，机器人要找到该抓的零件，安防系统
# 要找出闯入的人，都是目标检测。
#
# 本节先说清楚“在哪里”怎样用数字来表示，后面几节再讲怎样把它预测出来。

# %% [markdown] lang="en"
# # 9.3 Object detection and bounding boxes
#
# Image classification answers one question: what is the main object of a picture? Often a picture shows several
# objects, and we want to know what each one is and also where it is. This task is called **object detection**. A car
# looks for vehicles and pedestrians, a robot looks for the part to grasp, a security camera looks for intruders.
#
# This section says how numbers describe a place. The next sections predict such numbers.

# %%
import d2lzh_cv as d2l

d2l.start("9.3")

# %%
from mxnet import nd

# %% [markdown] lang="zh"
# 先读入本节的示例图像：左边一只狗，右边一只猫。它们是这幅图像的两个主要目标。

# %% [markdown] lang="en"
# The example picture shows a dog on the left and a cat on the right. They are its two main objects.

# %% figure="picture" zh="一只狗和一只猫" en="a dog and a cat"
d2l.set_figsize()
img = d2l.read_picture(d2l.data_folder("img") / "catdog.jpg")
d2l.plt.imshow(img.asnumpy());  # the semicolon hides the value of the last line

# %% [markdown] lang="zh"
# 图像是形状为(高, 宽, 通道数)的数组。注意高在前、宽在后，而下面的坐标是先$x$后$y$。

# %% [markdown] lang="en"
# A picture is an array of shape (height, width, channels). The height comes first, whereas coordinates begin with
# $x$.

# %%
img.shape

# %% [markdown] lang="zh"
# ## 9.3.1 边界框
#
# 目标检测通常用**边界框**（bounding box）描述目标的位置。边界框是一个矩形，由左上角的坐标
# $(x_\textrm{min}, y_\textrm{min})$和右下角的坐标$(x_\textrm{max}, y_\textrm{max})$确定。坐标的原点在图像的左上角，
# $x$轴向右，$y$轴向下，单位是像素。下面两个边界框是看着图像量出来的。

# %% [markdown] lang="en"
# ## 9.3.1 Bounding boxes
#
# A **bounding box** describes the place of an object. It is a rectangle, given by its top left corner
# $(x_\textrm{min}, y_\textrm{min})$ and its bottom right corner $(x_\textrm{max}, y_\textrm{max})$. The origin is the
# top left corner of the picture; the $x$ axis points right, the $y$ axis points down, and the unit is the pixel. We
# measured these two boxes by eye.

# %%
dog_bbox, cat_bbox = [60, 45, 378, 516], [400, 112, 655, 493]

# %% [markdown] lang="zh"
# 把边界框画在图像上，才看得出它量得准不准。matplotlib画矩形要的是左上角的坐标、宽和高，辅助函数`bbox_to_rect`负责这一
# 步转换。

# %% [markdown] lang="en"
# A drawing shows whether the boxes are accurate. Matplotlib describes a rectangle by its top left corner, its width
# and its height; the helper `bbox_to_rect` converts a box to this form.

# %%
d2l.show_code(d2l.bbox_to_rect)

# %% figure="boxes" zh="狗（蓝）和猫（红）的边界框" en="the bounding boxes of dog (blue) and cat (red)"
fig = d2l.plt.imshow(img.asnumpy())
fig.axes.add_patch(d2l.bbox_to_rect(dog_bbox, "blue"))
fig.axes.add_patch(d2l.bbox_to_rect(cat_bbox, "red"));

# %% [markdown] lang="zh"
# 两个目标的轮廓基本都在各自的框内。
#
# 同一个边界框还有另一种写法：中心的坐标、宽和高，
#
# $$x = \frac{x_\textrm{min} + x_\textrm{max}}{2},\quad y = \frac{y_\textrm{min} + y_\textrm{max}}{2},\quad
# w = x_\textrm{max} - x_\textrm{min},\quad h = y_\textrm{max} - y_\textrm{min}.$$
#
# 9.4节计算偏移量时用的就是这种写法。两种写法可以互相转换，不丢失任何信息。

# %% [markdown] lang="en"
# The outlines of both objects are nearly inside their boxes.
#
# The same box has a second form: the coordinates of its centre, its width and its height,
#
# $$x = \frac{x_\textrm{min} + x_\textrm{max}}{2},\quad y = \frac{y_\textrm{min} + y_\textrm{max}}{2},\quad
# w = x_\textrm{max} - x_\textrm{min},\quad h = y_\textrm{max} - y_\textrm{min}.$$
#
# Section 9.4 uses this form to compute offsets. Each form converts to the other without loss.

# %%
boxes = nd.array([dog_bbox, cat_bbox])
centers = d2l.corner_to_center(boxes)
centers

# %%
d2l.center_to_corner(centers)

# %% [markdown] lang="zh"
# 在网页和笔记本里，下图的两个框可以拖动。请看两种写法怎样一起变化；交并比和偏移量是9.4节的内容，先记住它们各随什么变。

# %% [markdown] lang="en"
# On a page or in a notebook you can drag the two boxes of this figure. See how both forms change together. IoU and
# offsets belong to section 9.4; notice already which moves change which of them.

# %%
d2l.show_interactive("iou", picture=img, boxes=[dog_bbox, cat_bbox])

# %% [markdown] lang="zh"
# ## 小结
#
# - 目标检测既要认出目标是什么，也要找到它在哪里。
# - 边界框用左上角和右下角的坐标，或者用中心、宽和高，给出目标的位置。

# %% [markdown] lang="en"
# ## Summary
#
# - Object detection recognises objects and also finds their places.
# - A bounding box gives a place by its top left and bottom right corners, or by its centre, width and height.
