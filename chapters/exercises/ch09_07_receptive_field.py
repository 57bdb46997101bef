# %% [markdown]
# # 9.7 Exercise: receptive fields (感受野)
#
# What part of the picture does a unit of each feature map see, and is that enough for the anchors around it?

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.7-receptive-field")

# %%
import numpy as np  # noqa: E402
from mxnet import autograd, init, nd  # noqa: E402
from mxnet.gluon import model_zoo  # noqa: E402

from d2lzh_cv.exercises.receptive_field import receptive_fields  # noqa: E402
from d2lzh_cv.metrics.tables import format_table  # noqa: E402
from d2lzh_cv.ssd import SIZES  # noqa: E402

EDGE = 256


def table_of(fields):
    """Of square fields: a row for each path."""
    rows = [[path or "(whole)", field.size[0], float(field.stride[0]), field.start[0], field.units[0]]
            for path, field in fields.items()]
    return {"columns": ["block", "pixels", "stride", "first pixel", "units"], "rows": rows}


def show(name, fields):
    table = table_of(fields)
    print(f"\n{name}\n{format_table(table)}")
    run.record(**{name: table})


# %% [markdown]
# ## By hand, and by the calculator
# From the top down: r units of a layer's output are (r - 1)·s + d·(k - 1) + 1 units of its input. The book's block of
# two 3×3 convolutions and a halving: 1, 2, 4, 6.

# %%
r = 1
for kernel, stride in ((2, 2), (3, 1), (3, 1)):
    r = (r - 1) * stride + kernel
    print(f"kernel {kernel}, stride {stride}: {r}")
block = receptive_fields(d2l.down_sample_blk(10), (1, 3, 20, 20))
show("down_sample_blk", block)
run.record(by_formula=r, by_calculator=block[""].size[0])

# %% [markdown]
# ## TinySSD, every block and its two predictors
# A field that begins at a negative pixel reaches that far into the padding.

# %%
net = d2l.TinySSD(num_classes=1)
ssd = receptive_fields(net, (1, 3, EDGE, EDGE))
show("TinySSD", ssd)

# %% [markdown]
# ## ResNet-18 and VGG-19
# The features of 9.10, with the residual branches (the larger one counts) and, as FCN, a transposed convolution of
# stride 32: its outputs are one pixel apart. VGG-19's layers that 9.11 takes.

# %%
resnet = model_zoo.vision.resnet18_v2().features[:-2]
show("ResNet-18", {path: field for path, field in receptive_fields(resnet, (1, 3, 320, 320)).items()
                   if path.count(".") <= 1})
show("FCN-32s", {path: field for path, field in receptive_fields(d2l.fcn(resnet, 21), (1, 3, 320, 320)).items()
                 if "." not in path})
vgg = model_zoo.vision.vgg19().features[:29]
show("VGG-19", {path: field for path, field in receptive_fields(vgg, (1, 3, 320, 320)).items() if path})

# %% [markdown]
# ## Is it enough for the anchors?
# An anchor's class and offsets are told from the field of its predictor. Of the widest anchor of a scale, √2 times the
# first size or the second size, a field as large sees all; a smaller one has to guess its ends.

# %%
rows = []
for i, (small, large) in enumerate(SIZES):
    seen = ssd[f"cls_{i}"]
    widest = EDGE * max(small * 2 ** 0.5, large)
    rows.append([f"scale {i}", seen.units[0], ssd[f"blk_{i}"].size[0], seen.size[0], EDGE * small, EDGE * large, widest,
                 seen.size[0] / widest])
table = {"columns": ["", "units", "block sees", "predictor sees", "size 1", "size 2", "widest", "sees / widest"],
         "rows": rows}
print(format_table(table))
run.record(fields_and_anchors=table)

# %% [markdown]
# ## In the picture
# The gradient of a predictor's middle unit with respect to the picture, of the untrained network, summed over a few
# pictures of noise, as a maximum hands it to one pixel only. It is zero outside the field, and strong only in the
# middle of it (Luo et al. 2016).

# %%
net.initialize(init.Xavier())
pictures = nd.random.uniform(0, 255, (run.choose(quick=8, full=16), 3, EDGE, EDGE))  # of one, a maximum may be dead
pictures.attach_grad()
_, axes = d2l.plt.subplots(1, 5, figsize=(13, 2.9))
inside, measured = [], []
for i, ax in enumerate(axes):
    seen, middle, scores = ssd[f"cls_{i}"], ssd[f"cls_{i}"].units[0] // 2, pictures
    with autograd.record(train_mode=False):
        for k in range(i + 1):
            scores = getattr(net, f"blk_{k}")(scores)
        unit = getattr(net, f"cls_{i}")(scores)[:, :, middle, middle].abs().sum()
    unit.backward(train_mode=False)
    gradient = pictures.grad.abs().sum(axis=(0, 1)).asnumpy()
    x0, y0, x1, y1 = np.clip(seen.box((middle, middle)), 0, EDGE).astype(int)
    inside.append(float(gradient[y0:y1, x0:x1].sum() / gradient.sum()))
    lines = np.flatnonzero(gradient.any(axis=1))
    measured.append([f"scale {i}", y0, y1 - 1, lines[0], lines[-1]])
    ax.imshow(np.log10(gradient / gradient.max() + 1e-6), cmap="magma", vmin=-4, vmax=0)
    d2l.show_bboxes(ax, [(x0, y0, x1 - 1, y1 - 1)], colors="w")
    center_y, center_x = seen.center((middle, middle)) if seen.units[0] > 1 else [(EDGE - 1) / 2] * 2
    half = EDGE * SIZES[i][0] / 2
    d2l.show_bboxes(ax, [(center_x - half, center_y - half, center_x + half, center_y + half)], colors="c")
    ax.set(title=f"scale {i}", xticks=[], yticks=[], xlim=(0, EDGE), ylim=(EDGE, 0))
run.save_figure("gradients", "gradient of a middle unit, four powers of ten; white: the field as calculated; cyan: an "
                             "anchor of the first size")
table = {"columns": ["", "first calculated", "last calculated", "first measured", "last measured"], "rows": measured}
print(format_table(table))
run.record(calculated_and_measured=table, share_of_gradient_inside=inside)

# %%
short = [row[0] for row in rows if row[-1] < 1]
shows = (f"From scale to scale the predictor sees {', '.join(str(row[3]) for row in rows)} pixels of a picture of "
         f"{EDGE}. Of {len(short)} of {len(rows)} scales{' (' + ', '.join(short) + ')' if short else ''} the field is "
         f"smaller than the widest anchor. The share of the gradient within the calculated fields is {min(inside):.3f} "
         "or more.")
print(shows)
run.record(shows=shows)
run.finish()
