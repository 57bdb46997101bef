# %% [markdown] lang="zh"
# # 9.11 练习：`detach`对梯度做了什么
#
# 样式迁移训练的是图像，网络固定不变。要让梯度不到达某处，有好几种写法：`detach`、`BlockGrad`、`autograd.pause`，或者
# 把`grad_req`设为`"null"`。它们看上去做的是同一件事，其实不然：前三种**剪断**计算图里的一条路，路后面的一切都得不到梯
# 度；`grad_req`只是在路的**终点**不求梯度，路本身是通的。固定样式迁移的网络应当用哪一种？
#
# 先用一个可以笔算的例子看清每一种，再看三个卷积层组成的网络。

# %% [markdown] lang="en"
# # 9.11 Exercise: what `detach` does to gradients
#
# Style transfer trains the picture and keeps the network fixed. There are several ways to keep a gradient from
# arriving somewhere: `detach`, `BlockGrad`, `autograd.pause`, or `grad_req` set to `"null"`. They seem to do the
# same, but they do not. The first three **cut** a path of the graph, and nothing behind the cut gets a gradient.
# `grad_req` only leaves out the gradient at the **end** of a path, and the path itself stays open. Which one keeps
# the network of style transfer fixed?
#
# An example that can be checked by hand shows what each of them does. Then we look at a network of three
# convolutions.

# %%
import d2lzh_cv as d2l

d2l.start("9.11-detach")

# %%
import time

import numpy as np
from mxnet import autograd, init, nd
from mxnet.gluon import nn

from d2lzh_cv import metrics

# %% tags=["parameters"]
num_steps = 10  # the quickest of them is the time of a step

# %% tags=["quick"]
num_steps = 3

# %% [markdown] lang="zh"
# ## 用笔验算
#
# 设$a = wx$，损失$l = a^2$，$x = 3$，$w = 2$。什么都不剪断时
#
# $$\frac{\partial l}{\partial x} = 2aw = 24, \qquad \frac{\partial l}{\partial w} = 2ax = 36.$$
#
# 把$a^2$写成$a \cdot a$，剪断其中一个因子，它就被当作常数，梯度只剩下一半。剪断两个，什么也到不了。若只剪断$w$，$x$的
# 梯度保持不变。

# %% [markdown] lang="en"
# ## By hand
#
# Let $a = wx$, the loss $l = a^2$, $x = 3$ and $w = 2$. With nothing cut,
#
# $$\frac{\partial l}{\partial x} = 2aw = 24, \qquad \frac{\partial l}{\partial w} = 2ax = 36.$$
#
# Write $a^2$ as $a \cdot a$ and cut one factor. It counts as a constant, and half of each gradient is left. With both
# factors cut nothing arrives. If $w$ alone is cut, the gradient of $x$ stays the same.


# %%
def gradients(loss, req_w="write"):
    x, w = nd.array([3.0]), nd.array([2.0])
    x.attach_grad()
    w.attach_grad(grad_req=req_w)
    with autograd.record():
        value = loss(w, x) + 0 * x  # the sum keeps a path to x, without which backward() is an error
    value.backward()
    return [x.grad.asscalar(), 0.0 if req_w == "null" else w.grad.asscalar()]


def paused(w, x):
    with autograd.pause():
        a = w * x
    return a * a


# %%
rows = [["nothing cut", *gradients(lambda w, x: (w * x) ** 2), 24.0, 36.0],
        ["one factor detached", *gradients(lambda w, x: (w * x) * (w * x).detach()), 12.0, 18.0],
        ["one factor through BlockGrad", *gradients(lambda w, x: (w * x) * nd.BlockGrad(w * x)), 12.0, 18.0],
        ["both detached", *gradients(lambda w, x: (w * x).detach() ** 2), 0.0, 0.0],
        ["a under autograd.pause", *gradients(paused), 0.0, 0.0],
        ["w detached", *gradients(lambda w, x: (w.detach() * x) ** 2), 24.0, 0.0],
        ["grad_req null for w", *gradients(lambda w, x: (w * x) ** 2, req_w="null"), 24.0, 0.0]]
table = metrics.Table(["what is cut", "at x", "at w", "by hand, x", "by hand, w"], rows)
table

# %% [markdown] lang="zh"
# ## 在网络中
#
# 现在$x$是一张图像（一个圆），$w$是三个卷积层的权重，看图像得到的梯度。`FeatureExtractor`用的是`grad_req = "null"`：
# 权重的梯度不求了，计算量减少，图像的梯度应当不变。把特征`detach`也像是“固定网络”，可是通往图像的路正好穿过这些特征。

# %% [markdown] lang="en"
# ## In a network
#
# Now $x$ is a picture, a disc, and $w$ are the weights of three convolutions. We look at the gradient of the picture.
# `FeatureExtractor` sets `grad_req = "null"`: the gradients of the weights are not computed, which saves work, and
# the gradient of the picture should stay the same. To detach the features looks like a way to fix a network, too. But
# the path to the picture goes through these features.


# %%
def gradient(features):  # of the mean square of the features with respect to the picture, and the seconds of a step
    X, seconds = disc.copy(), []
    X.attach_grad()
    for _ in range(num_steps):
        nd.waitall()
        start = time.perf_counter()
        with autograd.record():
            loss = (features(X) ** 2).mean() + 0 * X.sum()
        loss.backward()
        nd.waitall()
        seconds.append(time.perf_counter() - start)
    return X.grad[0, 0].asnumpy(), min(seconds)


# %%
yy, xx = np.mgrid[-1:1:96j, -1:1:96j]
disc = nd.array(((xx ** 2 + yy ** 2) < 0.4).astype("float32")).reshape((1, 1, 96, 96))
net = nn.HybridSequential()
net.add(*[nn.Conv2D(32, 3, padding=1, activation="relu") for _ in range(3)])
net.initialize(init.Xavier())
first, rest = net[0], net[1:]

arrived = {"all recorded": gradient(net)}
net.collect_params().setattr("grad_req", "null")
arrived["weights with grad_req null"] = gradient(net)
arrived["features detached"] = gradient(lambda X: net(X).detach())
arrived["first layer detached"] = gradient(lambda X: rest(first(X).detach()))

# %%
original = arrived["all recorded"][0]
in_network = metrics.Table(["what is cut", "largest gradient × 1e3", "difference × 1e3", "milliseconds a step"],
                           [[name, 1e3 * float(abs(grad).max()), 1e3 * float(abs(grad - original).max()),
                             1e3 * seconds] for name, (grad, seconds) in arrived.items()])
in_network

# %% figure="gradients" zh="图像及其梯度，红为负，蓝为正" en="the picture, and its gradient: red below, blue above zero"
_, axes = d2l.plt.subplots(1, 1 + len(arrived), figsize=(12, 2.8))
axes[0].imshow(disc[0, 0].asnumpy(), cmap="gray")
axes[0].set_title("picture", fontsize=9)
limit = abs(original).max()
for ax, (name, (grad, _)) in zip(axes[1:], arrived.items()):
    ax.imshow(grad, cmap="RdBu", vmin=-limit, vmax=limit)
    ax.set_title(name, fontsize=9)
for ax in axes:
    ax.axis("off")

# %% [markdown] lang="zh"
# ## 回答
#
# 固定样式迁移的网络要用`grad_req = "null"`：图像的梯度与全部记录时相同，每一步还更快，因为权重的梯度不必计算。只要在
# 图像与损失之间的任何一处`detach`，哪怕只是第一层，图像的梯度就全是0，合成图像永远不会改变。
#
# 反过来，想让损失的某个部分当作常数时，才该用`detach`。例如样式图像的格拉姆矩阵是目标，不该得到梯度；本节在`record`之
# 外算好它们，效果相同。

# %% [markdown] lang="en"
# ## The answer
#
# The network of style transfer is fixed by `grad_req = "null"`. The picture's gradient is the same as with everything
# recorded, and a step takes less time, because no gradients of weights are computed. A `detach` anywhere between the
# picture and the loss, even after the first layer, makes the whole gradient of the picture 0. The generated picture
# would never change.
#
# `detach` is right where a part of the loss has to count as a constant. The Gram matrices of the style picture, for
# instance, are the target and should get no gradient. Section 9.11 computes them outside `record`, which has the same
# effect.

# %%
error = max(abs(got - wanted) for row in rows for got, wanted in zip(row[1:3], row[3:]))
kept = [row[0] for row in in_network["rows"][1:] if row[2] <= 1e-4 * in_network["rows"][0][1]]
lost = [row[0] for row in in_network["rows"][1:] if row[1] == 0]
shows = (f"Hand and autograd agree to {error:.1g}. The picture's gradient is the same with "
         f"{', '.join(kept) or 'none'}; nothing arrives with {', '.join(lost) or 'none'}.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 去掉`0 * x`一项，再剪断两个因子，会出现什么错误？为什么？
# - 微调（9.2节）时只固定网络的前几层，用`grad_req`还是`detach`？哪一种更省时间？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Remove the term `0 * x` and cut both factors. Which error do you get, and why?
# - In fine-tuning (section 9.2), fix the first layers of the network only. Should it be `grad_req` or `detach`? Which
#   saves more time?
