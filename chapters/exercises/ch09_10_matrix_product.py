# %% [markdown] lang="zh"
# # 9.10 练习：用矩阵乘法做卷积
#
# 9.10节的练习问：用矩阵乘法来实现卷积运算是否高效？为什么？
#
# 9.10节把卷积写成与矩阵$\boldsymbol{W}$的乘积，$\boldsymbol{W}$的每一行对应一个输出像素，由此看清“转置”的含义。作为计
# 算方法又怎样呢？图像有$n \times n$个像素时，$\boldsymbol{W}$约有$n^2$行、$n^2$列，共$n^4$个元素，而每行只有9个
# （$3 \times 3$的核）不是0。输出的每个像素本来只需9次乘法，现在要做$n^2$次，几乎都是乘以0。
#
# 不过，矩阵乘法本身并不慢，许多库正是用它做卷积的，只是矩阵不同：把核在每个位置所覆盖的9个像素排成一列（im2col），再
# 乘以核的9个元素。乘法的次数与卷积一样多，代价是9倍于图像的内存。下面比较三种方法。

# %% [markdown] lang="en"
# # 9.10 Exercise: a convolution as a matrix product
#
# An exercise of section 9.10: is it efficient to compute a convolution by a matrix product? Why?
#
# Section 9.10 writes a convolution as the product with a matrix $\boldsymbol{W}$, which has a row for each output
# pixel. This shows what "transposed" means. Is it also a good way to compute? For $n \times n$ pixels,
# $\boldsymbol{W}$ has about $n^2$ rows and $n^2$ columns, so $n^4$ elements, and only 9 in each row are not 0 (for a
# $3 \times 3$ kernel). An output pixel needs 9 multiplications; now there are $n^2$, nearly all by 0.
#
# Matrix products themselves are not slow. Many libraries compute convolutions by them, but with another matrix: the 9
# pixels under each place of the kernel become a column (im2col), and the 9 elements of the kernel multiply it. This
# takes as many multiplications as the convolution, and nine times the memory of the picture. We compare the three
# ways.

# %%
import d2lzh_cv as d2l

d2l.start("9.10-matrix-product")

# %%
import time

import numpy as np
from mxnet import nd

from d2lzh_cv import metrics

# %% tags=["parameters"]
sizes, num_rounds = [8, 16, 32, 48, 64, 80], 51

# %% tags=["quick"]
sizes, num_rounds = [8, 16, 32, 48], 15

# %% [markdown] lang="zh"
# ## 得到同样数值的三种方法
#
# 输入是一个通道、$n \times n$像素，核是$3 \times 3$。operator是MXNet的卷积运算，matrix是乘以$\boldsymbol{W}$，windows
# 先用`im2col`收集窗口。转置卷积比较前两种，矩阵换成$\boldsymbol{W}^\top$。

# %% [markdown] lang="en"
# ## Three ways to the same numbers
#
# The input has one channel and $n \times n$ pixels, the kernel is $3 \times 3$. "operator" is MXNet's convolution,
# "matrix" multiplies by $\boldsymbol{W}$, and "windows" collects the windows by `im2col` first. For the transposed
# convolution we compare the first two, with the matrix $\boldsymbol{W}^\top$.

# %%
d2l.show_code(d2l.kernel2matrix)


# %%
def ways_for(n):
    K, X = nd.random.normal(shape=(3, 3)), nd.random.normal(shape=(n, n))
    W, X4, K4 = d2l.kernel2matrix(K, (n, n)), X.reshape((1, 1, n, n)), K.reshape((1, 1, 3, 3))
    WT, Y4 = W.T.copy(), nd.random.normal(shape=(1, 1, n - 2, n - 2))
    settings = {"kernel": (3, 3), "num_filter": 1, "no_bias": True}
    forward = {"operator": lambda: nd.Convolution(X4, K4, **settings),
               "matrix": lambda: nd.dot(W, X.reshape(-1)),
               "windows": lambda: nd.dot(K.reshape((1, -1)), nd.im2col(X4, kernel=(3, 3))[0])}
    backward = {"operator": lambda: nd.Deconvolution(Y4, K4, **settings), "matrix": lambda: nd.dot(WT, Y4.reshape(-1))}
    return W, forward, backward


def spread(ways):  # the largest difference between the results
    values = [compute().reshape(-1).asnumpy() for compute in ways.values()]
    return max(float(abs(value - values[0]).max()) for value in values)


# %% [markdown] lang="zh"
# 计时的时候，几种方法轮流进行，再取中位数：机器上别的工作若使它变慢，各种方法受到的影响相同。第一轮不计。MXNet的运算
# 是异步的，`wait_to_read`等到结果算完。

# %% [markdown] lang="en"
# For the timing the ways take turns, and we take medians: if other work slows the machine, it slows all ways. The
# first round does not count. Operators of MXNet run in the background, and `wait_to_read` waits for the result.


# %%
def median_milliseconds(ways):
    times = {name: [] for name in ways}
    for i in range(num_rounds + 1):
        for name, compute in ways.items():
            began = time.perf_counter()
            compute().wait_to_read()
            times[name] += [time.perf_counter() - began] * (i > 0)
    return {name: 1e3 * float(np.median(values)) for name, values in times.items()}


# %%
rows, differences = [], []
for n in sizes:
    W, forward, backward = ways_for(n)
    differences += [spread(forward), spread(backward)]
    ahead, back = median_milliseconds(forward), median_milliseconds(backward)
    rows.append([f"{n} × {n}", ahead["operator"], ahead["windows"], ahead["matrix"], back["operator"], back["matrix"],
                 W.size * 4 / 2**20, 9 / W.shape[1]])
table = metrics.Table(["picture", "convolution, ms", "windows, ms", "matrix, ms", "transposed, ms",
                       "transposed by matrix, ms", "matrix, MB", "share that is not 0"], rows)
table

# %%
print(f"largest difference between the ways: {max(differences):.1e}")

# %% [markdown] lang="zh"
# ## 矩阵和时间
#
# 左图是$8 \times 8$图像的$\boldsymbol{W}$：几条斜线之外全是0。右图的两个坐标轴都是对数的。

# %% [markdown] lang="en"
# ## The matrix, and the times
#
# On the left is $\boldsymbol{W}$ for $8 \times 8$ pixels: a few diagonal lines, and zeros elsewhere. Both axes on the
# right are logarithmic.

# %% figure="matrix" zh="卷积的矩阵，各方法的时间" en="the matrix of a convolution, and how long each way takes"
_, (left, right) = d2l.plt.subplots(1, 2, figsize=(9, 4))
left.imshow(d2l.kernel2matrix(nd.arange(1, 10).reshape((3, 3)), (8, 8)).asnumpy(), cmap="viridis")
left.set(title="W of a 3 × 3 kernel on 8 × 8 pixels", xlabel="input pixel", ylabel="output pixel")
for column, name in ((1, "operator"), (2, "windows"), (3, "matrix W")):
    right.loglog(sizes, [row[column] for row in rows], "o-", label=name)
right.set(title="one convolution", xlabel="n, of n × n pixels", ylabel="milliseconds, median", xticks=sizes,
          xticklabels=sizes)
right.minorticks_off()
right.legend()
d2l.plt.tight_layout()

# %% [markdown] lang="zh"
# ## 回答
#
# 三种方法的结果相同，只有舍入误差。图像很小时，时间都花在启动运算上，看不出差别。图像变大，乘以$\boldsymbol{W}$的时间
# 和内存都按$n^4$增长，卷积运算只按$n^2$增长：$\boldsymbol{W}$的元素个数大约是乘法次数应有的$n^2 / 9$倍，其中几乎全是
# 0。所以，用$\boldsymbol{W}$做卷积不高效，它是用来理解的。
#
# 收集窗口再相乘的时间则与卷积运算同一量级。慢的不是矩阵乘法，而是这个充满0的矩阵。$\boldsymbol{W}$也只适用于一种图像
# 大小，换一个大小就要重新构造。

# %% [markdown] lang="en"
# ## The answer
#
# The three ways give the same results, up to rounding. For tiny pictures, starting an operator takes most of the
# time, and no difference shows. For larger ones, the time and the memory of the product with $\boldsymbol{W}$ grow
# like $n^4$, those of the operator like $n^2$. $\boldsymbol{W}$ has about $n^2 / 9$ times as many elements as the
# convolution needs multiplications, and nearly all are 0. So $\boldsymbol{W}$ is no efficient way to compute a
# convolution. It is a way to understand it.
#
# The product with the collected windows takes a time of the same order as the operator. So the matrix product is not
# what costs time, but this matrix full of zeros. Moreover, $\boldsymbol{W}$ fits one size of pictures only and has to
# be built again for another size.

# %%
first, last = rows[0], rows[-1]
shows = (f"At {last[0]} the product with W takes {last[3] / last[1]:.0f} times as long as the operator (at {first[0]} "
         f"{first[3] / first[1]:.1f} times), the transposed one {last[5] / last[4]:.0f} times; {1 - last[7]:.2%} of "
         f"W's {last[6]:.0f} MB are zeros. The product with the gathered windows takes {last[2] / last[1]:.1f} times "
         f"as long as the operator{': not the product costs time, but W' if last[2] < last[3] else ''}.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 把$\boldsymbol{W}$存成稀疏矩阵`W.tostype("csr")`，它只存不是0的元素，再乘以`X.reshape((-1, 1))`。时间和内存怎样变
#   化？
# - 通道数增加到64时，windows与operator相差多少？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Store $\boldsymbol{W}$ as a sparse matrix by `W.tostype("csr")` and multiply it by `X.reshape((-1, 1))`. It keeps
#   only the elements that are not 0. How do time and memory change?
# - How far are "windows" and "operator" apart with 64 channels?
