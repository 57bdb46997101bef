# %% [markdown]
# # 9.10, exercise: is a convolution by matrix product efficient? (用矩阵乘法做卷积是否高效)
#
# Section 9.10 writes a convolution as the product with a matrix W, a row per output pixel. It shows what "transposed"
# means. As a way to compute it, W is nearly all zeros; the products that libraries do use gather each window instead.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.10-matrix-product")

# %%
import time  # noqa: E402

import numpy as np  # noqa: E402
from mxnet import nd  # noqa: E402

from d2lzh_cv.metrics import tables  # noqa: E402
from d2lzh_cv.plotting import plt  # noqa: E402

KERNEL = 3


def median_milliseconds(ways, rounds):
    """The median time of each way, in rounds in which every way has its turn: what slows the machine slows all."""
    times = {name: [] for name in ways}
    for i in range(rounds + 1):
        for name, compute in ways.items():
            began = time.perf_counter()
            compute().wait_to_read()
            times[name] += [time.perf_counter() - began] * (i > 0)  # the first round warms up
    return {name: 1e3 * float(np.median(values)) for name, values in times.items()}


# %% [markdown]
# ## Three ways to the same numbers
# One channel, n × n pixels, a 3 × 3 kernel. "windows" gathers the 9 pixels under each place of the kernel (im2col) and
# multiplies by the 9 weights: the same multiplications as the operator, and nine times the memory of the picture.


# %%
def ways_for(n):
    K, X = nd.random.normal(shape=(KERNEL, KERNEL)), nd.random.normal(shape=(n, n))
    W, X4, K4 = d2l.kernel2matrix(K, (n, n)), X.reshape((1, 1, n, n)), K.reshape((1, 1, KERNEL, KERNEL))
    WT, Y4 = W.T.copy(), nd.random.normal(shape=(1, 1, n - KERNEL + 1, n - KERNEL + 1))
    settings = {"kernel": (KERNEL, KERNEL), "num_filter": 1, "no_bias": True}
    forward = {"operator": lambda: nd.Convolution(X4, K4, **settings),
               "matrix": lambda: nd.dot(W, X.reshape(-1)),
               "windows": lambda: nd.dot(K.reshape((1, -1)), nd.im2col(X4, kernel=(KERNEL, KERNEL))[0])}
    backward = {"operator": lambda: nd.Deconvolution(Y4, K4, **settings), "matrix": lambda: nd.dot(WT, Y4.reshape(-1))}
    return W, forward, backward


def spread(ways):
    """The largest difference between the results of all ways."""
    values = [compute().reshape(-1).asnumpy() for compute in ways.values()]
    return max(float(abs(value - values[0]).max()) for value in values)


# %%
sizes = run.choose(quick=(8, 16, 32, 48), full=(8, 16, 32, 48, 64, 80))
rows, differences = [], []
for n in sizes:
    W, forward, backward = ways_for(n)
    differences += [spread(forward), spread(backward)]
    ahead, back = (median_milliseconds(ways, run.choose(quick=15, full=51)) for ways in (forward, backward))
    rows.append([f"{n} × {n}", ahead["operator"], ahead["windows"], ahead["matrix"], back["operator"], back["matrix"],
                 W.size * 4 / 2**20, KERNEL**2 / W.shape[1]])
table = {"columns": ["picture", "convolution, ms", "windows, ms", "matrix, ms", "transposed, ms",
                     "transposed by matrix, ms", "matrix, MB", "share that is not 0"], "rows": rows}
print(tables.format_table(table))
print(f"largest difference between the ways: {max(differences):.1e}")

# %% [markdown]
# ## The matrix, and the times

# %%
_, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
left.imshow(d2l.kernel2matrix(nd.arange(1, 10).reshape((3, 3)), (8, 8)).asnumpy(), cmap="viridis")
left.set(title="W of a 3 × 3 kernel on 8 × 8 pixels", xlabel="input pixel", ylabel="output pixel")
for column, name in ((1, "operator"), (2, "windows"), (3, "matrix W")):
    right.loglog(sizes, [row[column] for row in rows], "o-", label=name)
right.set(title="one convolution", xlabel="n, of n × n pixels", ylabel="milliseconds, median", xticks=sizes,
          xticklabels=sizes)
right.minorticks_off()
right.legend()
plt.tight_layout()
run.save_figure("matrix", "the matrix of a convolution, and how long each way takes")

# %%
first, last = rows[0], rows[-1]
shows = (f"At {last[0]} the product with W takes {last[3] / last[1]:.0f} times as long as the operator (at {first[0]} "
         f"{first[3] / first[1]:.1f} times), the transposed one {last[5] / last[4]:.0f} times; {1 - last[7]:.2%} of "
         f"W's {last[6]:.0f} MB are zeros. The product with the gathered windows takes {last[2] / last[1]:.1f} times "
         f"as long as the operator{': not the product costs time, but W' if last[2] < last[3] else ''}.")
print(shows)
run.record(times=table, largest_difference=max(differences), shows=shows)
run.finish()
