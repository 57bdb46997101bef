# %% [markdown]
# # 9.11, aside: what `detach` does to gradients
#
# In style transfer the picture learns and the network does not. There are several ways to keep a gradient from
# arriving somewhere, and they are not the same: some cut the path, some only leave the end out.

# %%
import time

import numpy as np

import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.11-detach")

# %%
from mxnet import autograd, init, nd  # noqa: E402
from mxnet.gluon import nn  # noqa: E402

from d2lzh_cv.metrics.tables import format_table  # noqa: E402

# %% [markdown]
# ## By hand
# a = w·x and loss = a², at x = 3, w = 2. With nothing cut, dloss/dx = 2aw = 24 and dloss/dw = 2ax = 36. Where one of
# the two factors of a·a is cut, half of each arrives.

# %%
x0, w0 = 3.0, 2.0


def paused(w, x):
    with autograd.pause():
        a = w * x
    return a * a


def marked(reqs, loss):
    """The gradients of ``loss(w, x)`` at x0 and w0, 0 where none was asked for."""
    x, w = nd.array([x0]), nd.array([w0])
    for variable, req in zip((x, w), reqs):
        variable.attach_grad(grad_req=req)
    with autograd.record():
        value = loss(w, x) + 0 * x  # the sum keeps a path to x, without which backward() is an error
    value.backward()
    return [0.0 if req == "null" else v.grad.asscalar() for v, req in zip((x, w), reqs)]


half, whole = (w0 * w0 * x0, w0 * x0 * x0), (2 * w0 * w0 * x0, 2 * w0 * x0 * x0)
cases = {"nothing cut": (("write", "write"), lambda w, x: (w * x) ** 2, whole),
         "one factor detached": (("write", "write"), lambda w, x: (w * x) * (w * x).detach(), half),
         "one factor through BlockGrad": (("write", "write"), lambda w, x: (w * x) * nd.BlockGrad(w * x), half),
         "both detached": (("write", "write"), lambda w, x: (w * x).detach() ** 2, (0, 0)),
         "a under autograd.pause": (("write", "write"), paused, (0, 0)),
         "w detached": (("write", "write"), lambda w, x: (w.detach() * x) ** 2, (whole[0], 0)),
         "grad_req null for w": (("write", "null"), lambda w, x: (w * x) ** 2, (whole[0], 0))}
rows = [[name, *marked(reqs, loss), *map(float, by_hand)] for name, (reqs, loss, by_hand) in cases.items()]
table = {"columns": ["what is cut", "at x", "at w", "by hand, x", "by hand, w"], "rows": rows}
print(format_table(table))
error = max(abs(got - wanted) for row in rows for got, wanted in zip(row[1:3], row[3:]))

# %% [markdown]
# ## In a network
# The picture's gradient through three convolutions. `grad_req = "null"` (what `FeatureExtractor` sets) leaves out the
# weights' gradients, so that less is computed and the picture's gradient is the same. Detached features look like a
# way to freeze a network too, but the path to the picture goes through them.

# %%
yy, xx = np.mgrid[-1:1:96j, -1:1:96j]
disc = nd.array(((xx ** 2 + yy ** 2) < 0.4).astype("float32")).reshape((1, 1, 96, 96))
net = nn.HybridSequential()
net.add(*[nn.Conv2D(32, 3, padding=1, activation="relu") for _ in range(3)])
net.initialize(init.Xavier())
steps = run.choose(quick=3, full=10)


def gradient(features):
    """Of the squared features with respect to the picture; the quickest of a few steps, in seconds."""
    X, seconds = disc.copy(), []
    X.attach_grad()
    for _ in range(steps):
        nd.waitall()
        start = time.perf_counter()
        with autograd.record():
            loss = (features(X) ** 2).mean() + 0 * X.sum()
        loss.backward()
        nd.waitall()
        seconds.append(time.perf_counter() - start)
    return X.grad[0, 0].asnumpy(), min(seconds)


arrived = {"all recorded": gradient(net)}
net.collect_params().setattr("grad_req", "null")
arrived["weights with grad_req null"] = gradient(net)
arrived["features detached"] = gradient(lambda X: net(X).detach())
first, rest = net[0], net[1:]
arrived["first layer detached"] = gradient(lambda X: rest(first(X).detach()))
original = arrived["all recorded"][0]
in_network = {"columns": ["what is cut", "largest gradient × 1e3", "difference × 1e3", "milliseconds a step"],
              "rows": [[name, 1e3 * float(abs(grad).max()), 1e3 * float(abs(grad - original).max()), 1e3 * seconds]
                       for name, (grad, seconds) in arrived.items()]}
print(format_table(in_network))

# %%
fig, axes = d2l.plt.subplots(1, 1 + len(arrived), figsize=(12, 2.8))
axes[0].imshow(disc[0, 0].asnumpy(), cmap="gray")
axes[0].set_title("picture", fontsize=9)
limit = abs(original).max()
for ax, (name, (grad, _)) in zip(axes[1:], arrived.items()):
    ax.imshow(grad, cmap="RdBu", vmin=-limit, vmax=limit)
    ax.set_title(name, fontsize=9)
for ax in axes:
    ax.axis("off")
run.save_figure("gradients", "the picture, and the gradient that arrives at its pixels: red below, blue above zero")

# %%
kept = [row[0] for row in in_network["rows"][1:] if row[2] <= 1e-4 * in_network["rows"][0][1]]
lost = [row[0] for row in in_network["rows"][1:] if row[1] == 0]
shows = (f"Hand and autograd agree to {error:.1g}. The picture's gradient is the same with "
         f"{', '.join(kept) or 'none'}; nothing arrives with {', '.join(lost) or 'none'}.")
print(shows)
run.record(tried=table, in_a_network=in_network, shows=shows)
run.finish()
