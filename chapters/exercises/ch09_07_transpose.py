# %% [markdown] lang="zh"
# # 9.7 练习：转置与变形
#
# 9.7节的`flatten_pred`先用`transpose`把通道移到最后一维，再展平（PyTorch把这一步叫作`permute`）。为什么非要转置不可？
# `reshape`也能得到$1 \times h \times w \times c$的形状，结果有什么不同？
#
# 要看清每个数到了哪里，就让每个数写明自己的位置：213表示2号通道、第1行第3列的单元。预测中每个单元有两个锚框，每个锚框
# 有两个分数，所以有四个通道；特征图高2宽4。

# %% [markdown] lang="en"
# # 9.7 Exercise: transposing and reshaping
#
# `flatten_pred` of section 9.7 moves the channels to the last axis by `transpose` (PyTorch says `permute`) and then
# flattens. Why is this step needed? `reshape` gives the shape $1 \times h \times w \times c$ as well. What is the
# difference?
#
# To see where each number goes, let each number name its place: 213 is channel 2 of the unit in row 1, column 3. Each
# unit has two anchors with two scores each, so there are four channels; the feature map is 2 units high and 4 units
# wide.

# %%
import d2lzh_cv as d2l

d2l.start("9.7-transpose")

# %%
import numpy as np
from mxnet import nd

from d2lzh_cv import metrics

# %%
d2l.show_code(d2l.flatten_pred)

# %% tags=["parameters"]
num_anchors, num_scores, height, width = 2, 2, 2, 4

# %%
channels = num_anchors * num_scores
place = np.add.outer(100 * np.arange(channels), np.add.outer(10 * np.arange(height), np.arange(width)))
X = nd.array(place).expand_dims(axis=0)
print("a prediction", X.shape, X[0], sep="\n")

# %% [markdown] lang="zh"
# ## 形状相同，内容不同
#
# `transpose`说明哪一维放到哪里，每个数都跟着自己的坐标走。`reshape`不移动任何数，只是把同一排数在别的地方切开。取出坐
# 标$(0, 1)$处的四个数：转置后，它们是这个单元的四个通道；变形后，却是0号通道里相邻的四个单元。

# %% [markdown] lang="en"
# ## The same shape, other contents
#
# `transpose` says which axis goes where, and each number moves with its coordinates. `reshape` moves nothing; it cuts
# the same row of numbers at other places. Take the four numbers at $(0, 1)$. After the transposition they are the
# four channels of this unit. After the reshape they are four neighbouring units of channel 0.

# %%
transposed, reshaped = X.transpose((0, 2, 3, 1)), X.reshape((1, height, width, channels))
assert transposed.shape == reshaped.shape
print("unit (0, 1) after transpose:", transposed[0, 0, 1].asnumpy().astype(int))
print("unit (0, 1) after reshape:  ", reshaped[0, 0, 1].asnumpy().astype(int))

# %% [markdown] lang="zh"
# ## 每个锚框分到的分数
#
# 展平后每两个数切成一段，每一段应当属于一个锚框，而锚框是按单元逐行排列的。我们试五种做法，数一数：有多少个数换了位
# 置；一段里的数最多来自几个单元；有多少个锚框分到的正是自己单元的分数。

# %% [markdown] lang="en"
# ## The scores of each anchor
#
# After flattening, every two numbers should belong to one anchor, and anchors follow the units row by row. We try
# five ways and count three things. How many numbers change their place? From how many units, at most, do the numbers
# of one anchor come? How many anchors get the scores of their own unit?

# %%
ways = {"transpose, then flatten": d2l.flatten_pred(X),
        "flatten alone": X.flatten(),
        "reshape to (B, H, W, C), then flatten": reshaped.flatten(),
        "transpose to (B, W, H, C), then flatten": X.transpose((0, 3, 2, 1)).flatten(),
        "swapaxes(1, 3), then flatten": X.swapaxes(1, 3).flatten()}
anchors = d2l.multibox_prior(X, sizes=[0.4], ratios=[1, 2])
wanted = [10 * (i // num_anchors // width) + i // num_anchors % width for i in range(anchors.shape[1])]
rows = []
for name, flat in ways.items():
    units = flat.reshape((-1, num_scores)).asnumpy().astype(int) % 100  # (anchors, scores)
    own = [set(row) == {unit} for row, unit in zip(units.tolist(), wanted)]
    moved = int((flat.asnumpy() != X.flatten().asnumpy()).sum())
    rows.append([name, moved, max(len(set(row)) for row in units.tolist()), sum(own), len(own)])
table = metrics.Table(["way", "values moved", "units in a row", "anchors with their own scores", "anchors"], rows)
table

# %% [markdown] lang="zh"
# 把其中三种结果按内存中的次序画出来：每种颜色是一个单元，每个黑框是一个锚框。只有第一行里，每个框是同一种颜色，颜色的
# 次序也与锚框一致；第三行的框虽然颜色单一，次序却是逐列的。

# %% [markdown] lang="en"
# The figure shows three of the results in the order of memory. A colour is a unit, a black frame is an anchor. Only
# in the first row does each frame have one colour, in the order of the anchors. In the third row each frame has one
# colour too, but the order goes column by column.

# %% figure="memory" zh="内存中的次序，颜色是单元" en="the order in memory; a colour per unit, a frame per anchor"
fig, axes = d2l.plt.subplots(3, 1, figsize=(11, 4.2))
for ax, name in zip(axes, list(ways)[:2] + list(ways)[3:4]):
    values = ways[name].asnumpy().ravel().astype(int)
    unit = values % 100 // 10 * width + values % 10
    ax.imshow(unit[None], cmap="tab10", vmin=0, vmax=9, aspect="auto")
    for i, value in enumerate(values):
        ax.text(i, 0, f"{value:03d}", ha="center", va="center", fontsize=6.5, color="w")
    for i in range(num_scores, len(values), num_scores):
        ax.axvline(i - 0.5, color="k", linewidth=1)
    ax.set_title(name, fontsize=9, loc="left")
    ax.axis("off")
fig.tight_layout()

# %% [markdown] lang="zh"
# ## 复制了什么
#
# NumPy的转置是同一块内存的另一种看法，改变的只有步幅（strides），即沿每一维走一步要跨过的字节数。MXNet的数组没有步
# 幅，它的转置真的移动了每个数；它的`reshape`则与原来的数组共享内存。下面改写结果，看原来的数组有没有跟着改变，1表示共
# 享内存。

# %% [markdown] lang="en"
# ## What is copied
#
# A transposition in NumPy is another view of the same memory. Only the strides change: the number of bytes to the
# next element along each axis. Arrays of MXNet have no strides, so its transposition moves every number; its
# `reshape` shares memory with the original array. Below we overwrite a result and see whether the original changes
# too. 1 means that both share memory.

# %%
view = place.transpose((1, 2, 0))
shared = {"NumPy transpose": np.shares_memory(place, view), "NumPy reshape": np.shares_memory(place, place.ravel())}
print("strides, in bytes:", place.strides, "and transposed", view.strides)
for name, derive in {"MXNet transpose": lambda x: x.transpose((0, 2, 3, 1)),
                     "MXNet reshape": lambda x: x.reshape((1, -1))}.items():
    original = X.copy()
    derive(original)[:] = -1
    shared[name] = bool((original == -1).asnumpy().all())
copies = metrics.Table(["operation", "shares memory"], [[name, int(value)] for name, value in shared.items()])
copies

# %% [markdown] lang="zh"
# ## 回答
#
# 形状对了并不说明内容对。只有先把通道移到最后、再展平的做法，让每个锚框都得到自己的分数；不转置时，一个锚框的两个分数
# 来自两个单元。高和宽颠倒的转置更隐蔽：每个锚框的分数确实来自同一个单元，但多数是别的单元。这样的错误不会报错，训练也
# 能进行，只是网络学不好。

# %% [markdown] lang="en"
# ## The answer
#
# The right shape does not prove the right contents. Only the way that moves the channels to the end and then flattens
# gives each anchor its own scores. Without the transposition the two scores of an anchor come from two units. A
# transposition that also swaps height and width is harder to notice: the scores of an anchor come from one unit, but
# mostly from another one. Such a mistake raises no error. The training runs, only the network learns badly.

# %%
right = [row[0] for row in rows if row[3] == row[4]]
shows = (f"Of {len(rows)} ways to the same number of values, {len(right)} gives every anchor its own scores: "
         f"{', '.join(right)}. Without the transposition {rows[1][3]} of {rows[1][4]} anchors have them.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 在`9.7`里把`flatten_pred`换成不转置的做法，训练几个迭代周期，看类别误差还能不能降下来。
# - 特征图是正方形时，高和宽颠倒的做法有多少个锚框是对的？先猜，再用`-p height=4`验证。

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Replace `flatten_pred` of section 9.7 by a version without the transposition and train for a few epochs. Does the
#   class error still fall?
# - On a square map, how many anchors are right if height and width are swapped? Guess first, then check with `-p
#   height=4`.
