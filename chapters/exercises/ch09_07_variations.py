# %% [markdown]
# # 9.7 Exercise: ratio of the classes, scales, normalisation (类别比例, 尺度, 归一化)
#
# One change to TinySSD at a time: how many negatives count and how much the offsets do, which anchors on which feature
# maps, and how offsets and pictures are normalised.

# %%
from functools import partial

import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.7-variations")

# %%
import numpy as np  # noqa: E402

from d2lzh_cv.data.own.packed import describe  # noqa: E402
from d2lzh_cv.data.pikachu import load_pikachu  # noqa: E402
from d2lzh_cv.exercises.ssd_variants import (  # noqa: E402
    Variant,
    comparison,
    judge,
    show_precision,
    train_variant,
    verdict,
)
from d2lzh_cv.metrics.tables import format_table  # noqa: E402
from d2lzh_cv.ssd import RATIOS, SIZES  # noqa: E402

ctx, source = d2l.try_gpu(), run.find("pikachu")
edge_size = run.choose(quick=64, full=128)
own = describe(source.path)  # the reader's own set
classes = own.classes if own else ["pikachu"]
train_iter, val_iter = load_pikachu(source.path, min(32, own.train if own else 32), edge_size)

# %% [markdown]
# ## How large the objects are
# In the crops that the network is trained on; by them ten sizes, one for each tenth of the objects.

# %%
train_iter.reset()
labels = np.concatenate([batch.label[0].asnumpy().reshape((-1, 5)) for batch in train_iter])
boxes = labels[labels[:, 0] >= 0, 1:]
sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
tenths = np.quantile(sides, np.linspace(0.05, 0.95, 10)).round(3).reshape((5, 2)).tolist()
print("sizes by the objects:", tenths)
_, ax = d2l.plt.subplots(figsize=(7, 2.6))
ax.hist(sides, bins=40, range=(0, 1), color="0.8")
for i in range(len(SIZES)):
    for sizes, line, name in ((SIZES, "solid", "book's sizes"), (tenths, "dotted", "by the objects")):
        for k, size in enumerate(sizes[i]):
            ax.axvline(size, color=f"C{i}", linestyle=line, label=name if i == k == 0 else None)
ax.set(xlabel="root of the object's area, the picture's side being 1", ylabel="objects")
ax.legend()
run.save_figure("sizes", "objects in the training crops and the anchors' sizes, a colour per scale")
run.record(sizes_by_objects=tenths, median_side=float(np.median(sides)))

# %% [markdown]
# ## One change at a time
# To count 3 or 10 negatives for each positive anchor takes the hardest. There the class's loss is a mean over the
# anchors that count, and the offsets' over the positive ones, as in "offsets over positives" with all negatives.

# %%
counted = {"mean_over": "counted"}
finer = {"sizes": ((0.1, 0.141), *SIZES), "ratios": (RATIOS[0], *RATIOS), "base_channels": (16, 32)}
variants = [Variant("the book's"),
            Variant("offsets over positives", loss=counted),
            Variant("1 positive : 10 negatives", loss=counted, target={"negative_mining_ratio": 10}),
            Variant("1 positive : 3 negatives", loss=counted, target={"negative_mining_ratio": 3}),
            Variant("classes : offsets = 1 : 10", loss={"bbox_weight": 10}),
            Variant("sizes by the objects", net={"sizes": tenths}),
            Variant("three scales", net={"sizes": SIZES[:3]}),
            Variant("six scales, finer first", net=finer),
            Variant("offsets not divided", target={"variances": (1, 1, 1, 1)}),
            Variant("pictures normalised", normalized=True)]
if run.quick:
    variants = [variants[i] for i in (0, 3, 7, 8)]
num_epochs, judged = run.epochs(quick=2, full=8), {}
for variant in variants:
    net = train_variant(variant, train_iter, len(classes), ctx, num_epochs, run.seed,
                        partial(run.log_epoch, variant.name), run.snapshots(variant.name))
    judged[variant.name, run.seed] = judge(net, val_iter, ctx, classes)
    print(f"{variant.name}: {judged[variant.name, run.seed].boxes.scores}")

# %% [markdown]
# ## How the classes stand
# Where the anchors differ, so does the share of positive ones, and with it what class error and offset error mean.

# %%
anchors = {"columns": ["variant", "anchors", "positive", "negatives each", "error of all background, 1e-3"],
           "rows": [[name, round(one.anchors), one.positives, (one.anchors - one.positives) / max(one.positives, 1e-9),
                     1000 * one.positives / one.anchors] for (name, _), one in judged.items()]}
print(format_table(anchors))
run.record(anchors=anchors)

# %% [markdown]
# ## What they find
# The same measures for all, on the validation pictures; offsets as MXNet divides them, whatever the training did.

# %%
table = comparison(judged)
print(format_table(table))
run.record(variations=table)
show_precision(judged)
run.save_figure("precision", "one training each")
shows = verdict(judged)
if run.quick or source.kind == "synthetic":
    shows += f" {num_epochs} epochs on {source.kind} pictures of {edge_size} pixels: which is better, these cannot say."
print(shows)
run.record(shows=shows)
run.finish()
