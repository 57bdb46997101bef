# %% [markdown] lang="zh"
# # 9.6 练习：`ImageDetIter`的每个参数
#
# 9.6节的练习要我们查阅文档：`image.ImageDetIter`和`image.CreateDetAugmenter`有哪些参数，各是什么意思？
#
# 文档说的未必就是实际发生的，所以这里不抄文档，而是测量：让有狗和猫的那幅图像反复通过增广，每次只改一个参数，看图像的
# 大小、边界框和颜色怎样变化。目标检测的增广还有一条要紧的：图像变了形状，边界框必须跟着变。这一点也要测量。

# %% [markdown] lang="en"
# # 9.6 Exercise: every parameter of `ImageDetIter`
#
# The exercise of section 9.6 asks us to look up the parameters of `image.ImageDetIter` and `image.CreateDetAugmenter`
# and their meaning.
#
# What a document says and what happens may differ. So we do not quote it, we measure: the picture with the dog and
# the cat passes through the augmenters again and again, with one parameter changed at a time. We watch the size of
# the picture, its boxes and its colours. Augmentation for detection has one more demand: when the picture changes its
# shape, the boxes must follow. We measure this too.

# %%
import d2lzh_cv as d2l

d2l.start("9.6-augmenters")

# %%
import inspect
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import mxnet as mx
import numpy as np

from d2lzh_cv import metrics
from d2lzh_cv.exercises.detection_files import write_detection_files

# %% tags=["parameters"]
num_draws, num_shown = 200, 3  # for the tables, for the figures
data_shape, edge_size = (3, 200, 260), 256

# %% tags=["quick"]
num_draws, num_shown = 6, 2

# %% [markdown] lang="zh"
# ## 试哪些设置
#
# `CreateDetAugmenter`返回一串增广，依次作用于(图像, 边界框)，最后一步把图像变成`data_shape`的高和宽。裁剪和填充的参数
# 单独不起作用，所以与`rand_crop=1`或`rand_pad=1`一起给出。没有一个参数被漏掉：

# %% [markdown] lang="en"
# ## The settings
#
# `CreateDetAugmenter` returns a list of augmenters. They process (picture, boxes) one after the other, and the last
# step gives the picture the height and width of `data_shape`. Parameters of crops or of padding do nothing alone, so
# they stand beside `rand_crop=1` or `rand_pad=1`. No parameter is left out:

# %%
CROP, PAD, SMALL = {"rand_crop": 1}, {"rand_pad": 1}, {"resize": 40}
GROUPS = {
    "size": [{}, {"data_shape": (3, 120, 300)}, SMALL, *({**SMALL, "inter_method": i} for i in (0, 1, 2, 3, 4, 9, 10))],
    "crop": [{"rand_crop": 0.5}, CROP, {**CROP, "min_object_covered": 0.95}, {**CROP, "min_object_covered": 0},
             {**CROP, "min_object_covered": [0.1, 0.95]}, {**CROP, "min_eject_coverage": 0.9},
             {**CROP, "aspect_ratio_range": (2, 3)}, {**CROP, "area_range": (0.05, 0.2)},
             {**CROP, "min_object_covered": 0.95, "max_attempts": 1}],
    "pad": [{"rand_pad": 0.5}, PAD, {**PAD, "area_range": (0.05, 1.5)}, {**PAD, "aspect_ratio_range": (2, 3)},
            {**PAD, "pad_val": (255, 0, 0)}, {**PAD, "pad_val": 255}, {**PAD, "max_attempts": 1}],
    "mirror and colour": [{"rand_mirror": True}, {"rand_gray": 0.5}, {"brightness": 0.5}, {"contrast": 0.5},
                          {"saturation": 0.5}, {"hue": 0.5}, {"pca_noise": 0.5}],
    "mean and std": [{"mean": True}, {"std": True}, {"mean": True, "std": True}, {"mean": np.full(3, 128.0)}]}


def name_of(parameters):
    return ", ".join(f"{key}={'array' if isinstance(value, np.ndarray) else value}"
                     for key, value in parameters.items()) or "nothing"


parameters = set(inspect.signature(mx.image.CreateDetAugmenter).parameters)
left_out = parameters - {key for group in GROUPS.values() for setting in group for key in setting}
print(f"{len(parameters)} parameters, none left out" if not left_out else f"left out: {sorted(left_out)}")

# %% [markdown] lang="zh"
# ## 一次抽样
#
# `augment`抽样一次，返回图像、边界框，以及最后一步之前图像的大小。怎样知道边界框跟上了没有？另画一幅图，把每个目标的
# 框涂满（狗涂红色通道，猫涂绿色通道），让它通过同样的变换：涂色的部分到了哪里，边界框就应该在哪里。`off`返回两者最大
# 的距离，以像素计。

# %% [markdown] lang="en"
# ## One draw
#
# `augment` makes one draw. It returns the picture, the boxes, and the size of the picture before the last step. How
# do we know whether the boxes have followed? We draw a second picture in which the box of each object is filled, the
# dog in the red channel and the cat in the green one. It passes through the same changes of shape: the filled part
# should be where the box is. `off` returns their largest distance in pixels.

# %%
picture = d2l.read_picture(d2l.data_folder("img") / "catdog.jpg")
scale = np.tile(picture.shape[1::-1], 2)  # width, height, width, height
objects = np.vstack([[0, *[60, 45, 378, 516] / scale], [1, *[400, 112, 655, 493] / scale]])
picture = mx.image.imresize(picture, 364, 280)
filled = np.zeros((*picture.shape[:2], 3), np.uint8)
for k, (left, top, right, bottom) in enumerate(np.rint(objects[:, 1:] * np.tile(filled.shape[1::-1], 2)).astype(int)):
    filled[top:bottom, left:right, k] = 255
filled = mx.nd.array(filled, dtype="uint8")


def augment(pixels, seed, parameters, shape_only=False):
    random.seed(seed)
    np.random.seed(seed)
    rows, size = objects.copy(), None
    for augmenter in mx.image.CreateDetAugmenter(**{"data_shape": data_shape, **parameters}):
        last = isinstance(getattr(augmenter, "augmenter", None), mx.image.ForceResizeAug)
        size = pixels.shape[:2] if last else size
        pixels, rows = augmenter(pixels, rows)
        if last and shape_only:
            break
    return pixels.asnumpy(), rows, size


def off(seed, parameters):
    pixels, rows, size = augment(filled, seed, {**parameters, "pad_val": (0, 0, 0)}, shape_only=True)
    worst, before, after = 0.0, np.tile(size[::-1], 2), np.tile(pixels.shape[1::-1], 2)
    for kind, *box in rows:
        y, x = np.nonzero(pixels[:, :, int(kind)] > 127)
        found = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) / after
        worst = max(worst, abs((found - box) * before).max())
    return float(worst)


# %% [markdown] lang="zh"
# 每种设置抽样许多次，表中一行是一种设置：输出的高和宽；最后一步之前的高和宽；边界框的平均个数和最少的个数；边界框的平
# 均宽和高；边界框改变了的比例；`off`；三个通道的均值；最小和最大的像素值。图中每列是一种设置。

# %% [markdown] lang="en"
# Each setting is drawn many times and is a row of a table: height and width of the output; the same before the last
# step; the mean and the smallest number of boxes; their mean width and height; the share of draws in which boxes
# change; `off`; the means of the three channels; the lowest and the highest value of a pixel. In a figure each column
# is a setting.


# %%
def summarize(parameters):
    draws = [augment(picture, seed, parameters) for seed in range(num_draws)]
    sizes, counts = np.mean([size for _, _, size in draws], axis=0), [len(rows) for _, rows, _ in draws]
    boxes = np.vstack([rows[:, 1:] for _, rows, _ in draws])
    moved = np.mean([rows.shape != objects.shape or abs(rows - objects).max() > 1e-6 for _, rows, _ in draws])
    colors = np.mean([pixels.mean(axis=(0, 1), dtype="float64") for pixels, _, _ in draws], axis=0)
    return [name_of(parameters), *draws[0][0].shape[:2], *map(float, sizes), float(np.mean(counts)), min(counts),
            *map(float, (boxes[:, 2:] - boxes[:, :2]).mean(axis=0)), float(moved),
            max(off(seed, parameters) for seed in range(min(num_draws, 20))), *map(float, colors),
            float(min(pixels.min() for pixels, _, _ in draws)), float(max(pixels.max() for pixels, _, _ in draws))]


COLUMNS = ["parameters", "height", "width", "height before", "width before", "boxes", "fewest", "box width",
           "box height", "boxes changed", "off, pixels", "red", "green", "blue", "lowest", "highest"]
tables = {name: metrics.Table(COLUMNS, [summarize(setting) for setting in group]) for name, group in GROUPS.items()}


def show_draws(group):
    fig, axes = d2l.plt.subplots(num_shown, len(group), figsize=(1.75 * len(group), 1.4 * num_shown + 0.4),
                                 squeeze=False)
    for column, setting in zip(axes.T, group):
        column[0].set_title("\n".join(name_of({key: value}) for key, value in setting.items()) or "nothing", fontsize=7)
        for seed, ax in enumerate(column):
            pixels, rows, _ = augment(picture, seed, setting)
            low, high = (0, 255) if pixels.min() > -100 and pixels.max() > 50 else (pixels.min(), pixels.max())
            ax.imshow(np.clip((pixels - low) / (high - low), 0, 1))
            d2l.show_bboxes(ax, rows[:, 1:] * np.tile(pixels.shape[1::-1], 2), colors=["b", "r"])
            ax.axis("off")
    fig.subplots_adjust(0, 0, 1, 1, wspace=0.06, hspace=0.06)


# %% [markdown] lang="zh"
# ## 大小
#
# `data_shape`规定输出的通道数、高和宽，不管原来的宽高比。`resize`先把短边缩到这个长度，再变成`data_shape`，这里先缩到
# 40个像素，所以模糊。`inter_method`是插值的方法：0取最近的像素，1双线性，2双三次（默认），3按面积，4是Lanczos，9按放
# 大还是缩小来选，10随机选一种。

# %% [markdown] lang="en"
# ## Size
#
# `data_shape` gives channels, height and width of the output, whatever the aspect ratio was. `resize` first scales
# the shorter side to this length, here to 40 pixels, and then the picture gets `data_shape`; therefore it is blurred.
# `inter_method` is the interpolation: 0 takes the nearest pixel, 1 is bilinear, 2 bicubic (the default), 3 takes the
# mean of an area, 4 is Lanczos, 9 depends on whether the picture is enlarged or reduced, 10 chooses at random.

# %% figure="size" zh="大小：每列一种设置" en="size: a setting per column, dog blue, cat red"
show_draws(GROUPS["size"])
tables["size"]

# %% [markdown] lang="zh"
# ## 裁剪
#
# `rand_crop`是裁剪的概率。裁剪必须盖住某个目标的至少`min_object_covered`；给出一个列表时，每次随机取其中一个值。目标
# 留在裁剪里的部分少于`min_eject_coverage`时，它的框就被丢掉，所以框的个数会减少。`aspect_ratio_range`和`area_range`限
# 定裁剪的宽高比和面积的比例。试了`max_attempts`次还不满足，就保持原样。

# %% [markdown] lang="en"
# ## Crops
#
# `rand_crop` is the probability of a crop. A crop must cover at least `min_object_covered` of some object; from a
# list, one value is chosen at random each time. If less than `min_eject_coverage` of an object is inside the crop,
# its box is dropped, so the number of boxes falls. `aspect_ratio_range` and `area_range` limit the aspect ratio and
# the area of a crop. After `max_attempts` failures the picture stays as it is.

# %% figure="crop" zh="裁剪：每列一种设置" en="crops: a setting per column, dog blue, cat red"
show_draws(GROUPS["crop"])
tables["crop"]

# %% [markdown] lang="zh"
# ## 填充
#
# `rand_pad`是填充的概率：把图像放进一块更大的画布里，目标就变小了。`area_range`的上限是画布面积的倍数，
# `aspect_ratio_range`是画布的宽高比，`pad_val`是填充的颜色。注意`pad_val=255`填出红色：一个数只填第一个通道，另外两个
# 通道取内存里碰巧有的值，多半是0；颜色要给三个数。

# %% [markdown] lang="en"
# ## Padding
#
# `rand_pad` is the probability of padding: the picture is put on a larger canvas, so objects become smaller. The
# upper end of `area_range` limits the area of the canvas, as a multiple of the picture's; `aspect_ratio_range` limits
# its ratio; `pad_val` is its colour. Note that `pad_val=255` gives red: a number fills the first channel only, and
# the other two get what happens to be in memory, mostly 0. A colour needs three numbers.

# %% figure="pad" zh="填充：每列一种设置" en="padding: a setting per column, dog blue, cat red"
show_draws(GROUPS["pad"])
tables["pad"]

# %% [markdown] lang="zh"
# ## 翻转和颜色
#
# `rand_mirror`以一半的概率左右翻转，只有它改变边界框。`rand_gray`是变成灰度的概率；`brightness`、`contrast`、
# `saturation`和`hue`是变化的幅度；`pca_noise`按ImageNet颜色的主成分加噪声。看最后两列：像素值会越出0到255，因为增广之
# 后并不截断。

# %% [markdown] lang="en"
# ## Mirror and colours
#
# `rand_mirror` mirrors half of the pictures; of these parameters it alone changes boxes. `rand_gray` is the
# probability of grey; `brightness`, `contrast`, `saturation` and `hue` give the range of a change; `pca_noise` adds
# noise along the principal components of ImageNet's colours. The last two columns show that pixels leave the range
# from 0 to 255, because they are not clipped afterwards.

# %% figure="mirror_and_colour" zh="翻转和颜色：每列一种设置" en="mirror and colour: a setting per column"
show_draws(GROUPS["mirror and colour"])
tables["mirror and colour"]

# %% [markdown] lang="zh"
# ## 均值和标准差
#
# `mean`被减去，`std`用来除。`True`表示ImageNet的值，也可以给三个数。

# %% [markdown] lang="en"
# ## Mean and standard deviation
#
# `mean` is subtracted, and the result is divided by `std`. `True` stands for the values of ImageNet; three numbers of
# your own are possible as well.

# %% figure="mean_and_std" zh="均值和标准差：每列一种设置" en="mean and std: a setting per column"
show_draws(GROUPS["mean and std"])
tables["mean and std"]

# %% [markdown] lang="zh"
# 填充需要比图像大的面积。如果`area_range`的上限是1，MXNet 1.9.1本来要给出一个警告，可是这个警告本身写错了，于是成了
# `TypeError`：

# %% [markdown] lang="en"
# Padding needs a larger area than the picture's. If `area_range` ends at 1, MXNet 1.9.1 wants to give a warning, but
# this warning itself is written wrongly and becomes a `TypeError`:

# %%
try:
    mx.image.CreateDetAugmenter(data_shape, rand_pad=1, area_range=(0.05, 1.0))
    no_room = "taken as it is"
except TypeError as error:
    no_room = f"TypeError: {error}"
print("rand_pad=1, area_range=(0.05, 1.0):", no_room)

# %% [markdown] lang="zh"
# ## `ImageDetIter`
#
# 把数据集里的十幅图像写成三种形式：记录文件及其索引，图像文件，列表文件；然后用各种参数读取，每个批量四幅。图像由它的
# 边界框来辨认，于是可以打印每个迭代周期读到的编号。

# %% [markdown] lang="en"
# ## `ImageDetIter`
#
# Ten pictures of the data set are written in three forms: a record file with its index, picture files, and a list
# file. We read them with various parameters, four in a batch. A picture is recognised by its box, so we can print the
# numbers that each epoch reads.

# %% figure="ten" zh="读取的十幅图像和编号" en="the ten pictures that ImageDetIter reads, by number"
kept = TemporaryDirectory()
ten = write_detection_files(Path(kept.name), edge_size)
axes = d2l.show_images(ten.pictures, 1, 10, scale=1.3)
for i, ax in enumerate(axes.flat):
    d2l.show_bboxes(ax, [ten.rows[i, 1:] * edge_size], colors=["w"])
    ax.set_title(str(i), fontsize=9)

# %%
INDEXED = {**ten.rec, **ten.idx}
SOURCES = {"path_imgrec": ten.rec, "path_imgrec, path_imgidx": INDEXED,
           "imglist, path_root": {"imglist": ten.imglist, **ten.root},
           "path_imglist, path_root": {**ten.lst, **ten.root},
           "shuffle=True": {**INDEXED, "shuffle": True},
           "num_parts=2, part_index=0": {**INDEXED, "num_parts": 2, "part_index": 0},
           "num_parts=2, part_index=1": {**INDEXED, "num_parts": 2, "part_index": 1},
           "last_batch_handle='discard'": {**ten.rec, "last_batch_handle": "discard"},
           "last_batch_handle='roll_over'": {**ten.rec, "last_batch_handle": "roll_over"},
           "batch_size=5": {**ten.rec, "batch_size": 5},
           "data_shape=(3, 64, 96)": {**ten.rec, "data_shape": (3, 64, 96)},
           "rand_mirror=True": {**ten.rec, "rand_mirror": True},
           "aug_list of a mirror": {**ten.rec, "aug_list": mx.image.CreateDetAugmenter((3, 64, 64), rand_mirror=True)},
           "data_name='x', label_name='y'": {**ten.rec, "data_name": "x", "label_name": "y"}}


def numbers_of(iterator):
    batches, padded = [], 0
    for batch in iterator:
        found = batch.label[0][:, 0].asnumpy()
        heights = ten.rows[:, [2, 4]]  # no mirror changes these
        batches.append([int(abs(heights - label[[2, 4]]).sum(axis=1).argmin()) for label in found])
        padded += batch.pad
    return batches, padded


read, orders = [], {}
for name, options in SOURCES.items():
    random.seed(0)
    iterator = mx.image.ImageDetIter(**{"batch_size": 4, "data_shape": (3, 64, 64), **options})
    epochs = []
    for _ in range(2):
        iterator.reset()
        epochs.append(numbers_of(iterator))
    (first, padded), (second, _) = epochs
    orders[name] = [first, second]
    described = iterator.provide_data[0]
    read.append([name, *described[1][2:], len(first), sum(map(len, first)) - padded, padded, len(second),
                 len({i for numbers in first + second for i in numbers})])
    print(f"{name}: {described[0]} {described[1]}, epochs {first} and {second}")
iterators = metrics.Table(["ImageDetIter", "height", "width", "batches", "pictures", "filled up", "batches, epoch 2",
                           "different pictures"], read)
iterators

# %% [markdown] lang="zh"
# 没有索引就不能打乱次序：`shuffle=True`要有`path_imgidx`，否则只得到一个没有文字的`AssertionError`。

# %% [markdown] lang="en"
# Without an index the order cannot be shuffled: `shuffle=True` needs `path_imgidx`, else there is an `AssertionError`
# without a text.

# %%
try:
    mx.image.ImageDetIter(4, (3, 64, 64), shuffle=True, **ten.rec)
    without_index = "possible"
except AssertionError:
    without_index = "an AssertionError without a text"
print("shuffle=True without path_imgidx:", without_index)
taken = set(inspect.signature(mx.image.ImageDetIter.__init__).parameters) - {"self", "kwargs"}
given = {"batch_size", "data_shape", *(key for options in SOURCES.values() for key in options)}
print("left out of ImageDetIter:", sorted(taken - given) or "none")

# %% [markdown] lang="zh"
# ## 回答
#
# 增广的参数分五类：大小、裁剪、填充、翻转和颜色、均值和标准差。凡是改变形状的，边界框都跟着变，误差在几个像素以内；裁
# 剪会丢掉露出太少的目标，但至少留下一个。`ImageDetIter`的参数说明从哪里读（记录文件或图像文件加列表）、怎样读（批量大
# 小、打乱、只读几分之一）和最后一个不满的批量怎么办：默认用开头的图像补足并记入`pad`，`discard`丢弃，`roll_over`留到
# 下一个迭代周期。其余的参数原样交给`CreateDetAugmenter`，除非已给出`aug_list`。

# %% [markdown] lang="en"
# ## The answer
#
# The parameters of the augmenters fall into five groups: size, crops, padding, mirror and colours, mean and standard
# deviation. Boxes follow every change of shape, within a few pixels. A crop drops objects of which too little is
# left, but it keeps at least one. The parameters of `ImageDetIter` say where to read (a record file, or picture files
# with a list), how to read (batch size, shuffled, only a part), and what to do with the last batch if it is not full.
# By default it is filled up from the beginning, and `pad` counts the added pictures; `discard` leaves it out;
# `roll_over` keeps it for the next epoch. All other parameters go to `CreateDetAugmenter`, unless `aug_list` is
# given.

# %%
everything = [row for table in tables.values() for row in table["rows"]]
worst, moving = max(row[10] for row in everything), [row[0] for row in everything if row[9] > 0]
fewest, colored = min(row[6] for row in everything), tables["mirror and colour"]["rows"][1:]
shows = (f"{len(parameters)} parameters in {len(everything)} settings, {num_draws} draws each: {len(moving)} settings "
         f"change boxes, and everywhere the boxes stay within {worst:.1f} pixels of what they frame. The fewest boxes "
         f"of a draw: {fewest}. Values leave 0 to 255 in "
         f"{sum(row[14] < -0.5 or row[15] > 255.5 for row in colored)} of the {len(colored)} settings of colour.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 哪些增广适合皮卡丘数据集？用`load_pikachu`的`rand_mirror=True`训练9.7节的模型，与书中只裁剪的做法比较。
# - 把`min_eject_coverage`调到0.05，看露出一点点的目标，网络还学得会吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Which augmentations suit the Pikachu set? Train the model of section 9.7 with `rand_mirror=True` in
#   `load_pikachu`, and compare with the crops of the book alone.
# - Set `min_eject_coverage` to 0.05. Can a network still learn from objects of which so little is left?
