# %% [markdown]
# # 9.7, aside: transposing and reshaping
#
# `flatten_pred` transposes before it flattens (PyTorch says `permute`). Both `transpose` and `reshape` can give the
# shape that is wanted; only one of them keeps each value with its unit. Here every value names its own place, so that
# the moves can be read off: 213 is channel 2 of the unit in row 1, column 3.

# %%
import numpy as np

import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.7-transpose")

# %%
from mxnet import nd  # noqa: E402

from d2lzh_cv.metrics.tables import format_table  # noqa: E402

num_anchors, num_scores, height, width = 2, 2, 2, 4
channels = num_anchors * num_scores
place = np.add.outer(100 * np.arange(channels), np.add.outer(10 * np.arange(height), np.arange(width)))
X = nd.array(place).expand_dims(axis=0)
print("a prediction", X.shape, X[0], sep="\n")

# %% [markdown]
# ## The same shape, other values
# `transpose` says which axis comes where. `reshape` only cuts the same row of numbers at other places.

# %%
transposed, reshaped = X.transpose((0, 2, 3, 1)), X.reshape((1, height, width, channels))
assert transposed.shape == reshaped.shape
print("unit (0, 1) after transpose:", transposed[0, 0, 1].asnumpy().astype(int))
print("unit (0, 1) after reshape:  ", reshaped[0, 0, 1].asnumpy().astype(int))

# %% [markdown]
# ## What an anchor gets
# Cut into rows of two scores, one row should be one anchor: two neighbouring channels of one unit.


# %%
def units_of(rows):
    """For each row of values, how many different units they come from."""
    return [len({int(value) % 100 for value in row}) for row in rows]


ways = {"transpose, then flatten": d2l.flatten_pred(X),
        "flatten alone": X.flatten(),
        "reshape to (B, H, W, C), then flatten": reshaped.flatten(),
        "transpose to (B, W, H, C), then flatten": X.transpose((0, 3, 2, 1)).flatten(),
        "swapaxes(1, 3), then flatten": X.swapaxes(1, 3).flatten()}
anchors = d2l.multibox_prior(X, sizes=[0.4], ratios=[1, 2])  # in the order of the units, row by row
wanted = [10 * (i // num_anchors // width) + i // num_anchors % width for i in range(anchors.shape[1])]
rows = []
for name, flat in ways.items():
    scores = flat.reshape((-1, num_scores)).asnumpy()  # (anchors, scores)
    own = [all(int(value) % 100 == unit for value in row) for row, unit in zip(scores, wanted)]
    moved = int((flat.asnumpy() != X.flatten().asnumpy()).sum())
    rows.append([name, moved, max(units_of(scores)), sum(own), len(own)])
table = {"columns": ["way", "values moved", "units in a row", "anchors with their own scores", "anchors"], "rows": rows}
print(format_table(table))

# %%
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
run.save_figure("memory", "values in the order of memory, a colour per unit, a frame per anchor: only in the first row "
                          "is each frame of one colour, in the order of the anchors")

# %% [markdown]
# ## What is copied
# NumPy's transpose is another view of the same memory: only the strides change. MXNet has no strides, its transpose
# moves the values; its reshape shares them.

# %%
view = place.transpose((1, 2, 0))
shared = {"NumPy transpose": np.shares_memory(place, view), "NumPy reshape": np.shares_memory(place, place.ravel())}
print("strides, in bytes:", place.strides, "and transposed", view.strides)
for name, derive in {"MXNet transpose": lambda x: x.transpose((0, 2, 3, 1)),
                     "MXNet reshape": lambda x: x.reshape((1, -1))}.items():
    original = X.copy()
    derive(original)[:] = -1
    shared[name] = bool((original == -1).asnumpy().all())
copies = {"columns": ["operation", "shares memory"], "rows": [[name, int(value)] for name, value in shared.items()]}
print(format_table(copies))

# %%
right = [row[0] for row in rows if row[3] == row[4]]
shows = (f"Of {len(rows)} ways to the same number of values, {len(right)} gives every anchor its own scores: "
         f"{', '.join(right)}. Without the transposition {rows[1][3]} of {rows[1][4]} anchors have them.")
print(shows)
run.record(tried=table, memory=copies, strides={"as made": place.strides, "transposed": view.strides}, shows=shows)
run.finish()
