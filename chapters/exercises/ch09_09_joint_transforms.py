# %% [markdown] lang="zh"
# # 9.9 练习：图像与标签的联合变换
#
# 9.9节的练习问：9.1节里的图像增广，哪些可以用在语义分割上？
#
# 改变颜色的方法可以照搬，因为标签与颜色无关。移动像素的方法（翻转、缩放、裁剪、旋转）则有三个条件。第一，标签里的像素
# 必须与图像里的一起移动。第二，标签不能插值：两个类别的编号取平均，得到的是第三个毫不相干的类别，所以只能取最近的像
# 素。第三，旋转等方法会把图像以外的部分带进来，那里没有类别，要标成不计入损失的值（VOC用255）。
#
# 下面对每种变换检验这三条，并与常见的错误做法比较：只移动图像，标签留在原处。

# %% [markdown] lang="en"
# # 9.9 Exercise: picture and mask together
#
# The exercise of section 9.9 asks: which image augmentations of section 9.1 suit semantic segmentation?
#
# Those that change colours can stay as they are, because labels do not depend on colours. Those that move pixels,
# such as flips, scaling, crops and rotations, must meet three conditions. First, the pixels of the mask move together
# with the pixels of the picture. Second, a mask must not be interpolated: the mean of two class numbers is a third
# class that has nothing to do with them. So the nearest pixel is taken. Third, a rotation brings in places from
# outside the picture. They have no class and get a value that the loss ignores; VOC uses 255.
#
# We check these conditions for each transform and compare with a common mistake: the picture is moved and its mask is
# not.

# %%
import d2lzh_cv as d2l

d2l.start("9.9-joint-transforms")

# %%
import numpy as np

from d2lzh_cv import metrics
from d2lzh_cv.exercises import joint_transforms as joint
from d2lzh_cv.exercises.segmentation import WholePictures, colored

# %% tags=["parameters"]
num_pictures = 40

# %% tags=["quick"]
num_pictures = 6

# %%
pictures = WholePictures(True, d2l.data_folder("voc"))

# %% [markdown] lang="zh"
# ## 变换
#
# 四种变换都以(图像, 标签, 随机数生成器)为输入，输出变换后的(图像, 标签)。几何变换由输出的每个像素反查它来自输入的哪一
# 点：图像在那里双线性插值，标签取最近的像素。为了逐像素比较，裁剪的结果放大到原来的大小。

# %% [markdown] lang="en"
# ## The transforms
#
# Each of the four transforms takes (picture, mask, generator of random numbers) and returns (picture, mask). A
# geometric transform computes for each pixel of the output the point of the input that it comes from. There it reads
# the picture bilinearly and the mask at the nearest pixel. Crops are enlarged to the picture's own size here, so that
# everything can be compared pixel by pixel.


# %%
def transforms(size):
    single = {"flip": joint.RandomFlip(1), "scale and crop": joint.RandomScaleCrop(size, (1.2, 2)),
              "rotation": joint.RandomRotation(20), "colours": joint.RandomColors(0.5)}
    return {**single, "all of them": joint.Compose([*single.values()])}


# %% [markdown] lang="zh"
# 从前十二幅图像里取目标所占像素最多的一幅。第一行是变换后的图像，第二行是一起变换的标签，第三行是错误的做法：把原来的
# 标签叠在变换后的图像上。

# %% [markdown] lang="en"
# Of the first twelve pictures we take the one in which objects cover the most pixels. The first row shows the
# transformed pictures, the second row the masks transformed with them. The third row is the mistake: the original
# mask over the transformed picture.

# %% figure="transforms" zh="图像、一起移动的标签、错误的做法" en="pictures, masks moved alike, and the mistake"
largest = max(range(min(12, len(pictures))), key=lambda i: (pictures[i][1] % joint.VOID > 0).mean())
picture, mask = pictures[largest]
pairs = {"original": (picture, mask)}
for name, transform in transforms(mask.shape).items():
    pairs[name] = transform(picture, mask, np.random.default_rng(0))
mistakes = [(moved * 0.5 + colored(mask) * 0.5).astype("uint8") for moved, _ in pairs.values()]
axes = d2l.show_images([p for p, _ in pairs.values()] + [colored(m) for _, m in pairs.values()] + mistakes,
                       3, len(pairs))
for ax, name in zip(axes[0], pairs):
    ax.set_title(name)
d2l.plt.gcf().set_size_inches(2.6 * len(pairs), 7.8 * mask.shape[0] / mask.shape[1] + 0.5)
d2l.plt.tight_layout()

# %% [markdown] lang="zh"
# ## 图像与标签各变了多少
#
# 怎样知道一个像素从哪里来？把每个像素的编号当作“标签”一起变换，结果里的编号就是来处。由此得到图像中这一处实际显示的类
# 别，与标签相比。对每种变换统计五个比例：移动了的像素；一起变换时，目标的标签有多少是对的；只变换图像时又有多少；没有
# 类别的像素；像图像那样插值的话，会凭空出现多少不存在的类别。

# %% [markdown] lang="en"
# ## What each does to picture and mask
#
# How do we know where a pixel comes from? We transform a "mask" of pixel numbers as well: a number in the result
# tells the origin. This gives the class that the picture really shows at that place, and we compare it with the
# label. For each transform we compute five shares: pixels that have moved; labels of objects that fit if both are
# moved; the same if the picture alone is moved; pixels without a class; and pixels that would get a class not in the
# mask at all if a mask were interpolated like a picture.


# %%
def examine(transform, picture, mask, seed):
    numbers = np.arange(mask.size).reshape(mask.shape) + 256  # above VOID
    (_, origin), (_, moved) = (transform(picture, m, np.random.default_rng(seed)) for m in (numbers, mask))
    known = origin > joint.VOID
    shown = mask.ravel()[(origin - 256) * known]
    fits = [(labels == shown)[known & (labels % joint.VOID > 0)].mean() for labels in (moved, mask)]
    classes = moved if (origin == numbers).all() else transform(
        np.repeat(mask[:, :, None], 3, axis=2), mask, np.random.default_rng(seed))[0][:, :, 0]  # as pictures are
    return (origin != numbers).mean(), *fits, 1 - known.mean(), (~np.isin(classes[known], mask)).mean()


# %%
seen, rows = [pair for pair, _ in zip(pictures, range(num_pictures))], []
for name in list(transforms(mask.shape))[:-1]:
    found = [examine(transforms(pair[1].shape)[name], *pair, seed) for seed, pair in enumerate(seen)]
    rows.append([name, *np.mean(found, axis=0).tolist()])
table = metrics.Table(["transform", "pixels moved", "object labels that fit: both moved", "picture moved alone", "void",
                       "classes invented by interpolating"], rows)
table

# %% [markdown] lang="zh"
# ## 回答
#
# 四种变换都可以用，条件是标签一起变换。颜色变换不移动像素，标签原样保留。翻转、裁剪和旋转几乎移动每一个像素：一起变换
# 时目标的标签全部正确；只变换图像时，大量的标签落在别的东西上，这样训练，网络学到的是错误的位置。翻转不需要插值，因此
# 不会产生新的类别；裁剪和旋转若对标签插值，目标的边缘就会出现图中没有的类别。只有旋转会带进没有类别的像素，损失函数要
# 能忽略它们。

# %% [markdown] lang="en"
# ## The answer
#
# All four transforms are suitable, as long as the mask is transformed too. Colours move no pixel, so the mask stays
# as it is. Flips, crops and rotations move nearly every pixel. If both are moved, all labels of objects fit. If the
# picture alone is moved, many labels lie on something else, and a network trained on them learns wrong places. A flip
# needs no interpolation, so it makes no new class. Crops and rotations would make classes that the mask does not
# have, at the edges of objects, if masks were interpolated. Only the rotation brings in pixels without a class; the
# loss has to ignore them.

# %%
moving, void = [row for row in rows if row[1] > 0], [row[0] for row in rows if row[4] > 0]
shows = (f"{', '.join(row[0] for row in moving)} move pixels. With the mask left behind only "
         f"{min(row[3] for row in moving):.0%} to {max(row[3] for row in moving):.0%} of the object labels still fit, "
         f"moved alike {min(row[2] for row in moving):.0%}. Interpolated as a picture is, up to "
         f"{max(row[5] for row in moving):.1%} of a mask would be classes that it does not have. "
         f"Void comes in by {', '.join(void)}.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 用这些变换训练9.10节的FCN，测试集的像素精度和交并比能提高多少？
# - 训练集里有文字或左右有别的物体（例如右手和左手）时，还应该左右翻转吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Train the FCN of section 9.10 with these transforms. How much do the pixel accuracy and the IoU on the test set
#   rise?
# - Should pictures still be flipped if they contain text, or classes such as "left hand" and "right hand"?
