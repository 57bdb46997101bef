# %% [markdown]
# # 9.7 Exercise: losses (损失函数: smooth L1, focal loss, hard negatives)
#
# Smooth L1 instead of L1 for the offsets; for the classes the focal loss, or cross-entropy of the hardest negatives
# alone. What they look like, what they weigh, and what a TinySSD trained with each finds.

# %%
from functools import partial

import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.7-losses")

# %%
from mxnet import autograd, nd  # noqa: E402

from d2lzh_cv.data.own.packed import describe  # noqa: E402
from d2lzh_cv.data.pikachu import load_pikachu  # noqa: E402
from d2lzh_cv.exercises.ssd_variants import (  # noqa: E402
    Variant,
    by_seed,
    comparison,
    judge,
    show_precision,
    train_variant,
    verdict,
)
from d2lzh_cv.metrics.tables import format_table  # noqa: E402

# %% [markdown]
# ## What they look like
# Smooth L1 is a parabola up to 1/σ²: the smaller σ, the wider. The focal loss turns down what is predicted well; it
# takes the probability p of the anchor's own class, here that of one of two.

# %%
_, (left, right) = d2l.plt.subplots(1, 2, figsize=(9, 3.2))
x, p = nd.arange(-2, 2, 0.05), nd.arange(0.01, 1, 0.01)
left.plot(x.asnumpy(), x.abs().asnumpy(), "k:", label="L1")
for line, sigma in zip(("-", "--", "-."), (10, 1, 0.5)):
    left.plot(x.asnumpy(), d2l.smooth_l1(x, sigma).asnumpy(), line, label=f"smooth L1, σ = {sigma:g}")
scores = nd.stack(nd.zeros_like(p), (p / (1 - p)).log(), axis=-1).expand_dims(axis=0)
for line, gamma in zip(("-", "--", "-."), (0, 1, 5)):
    loss = d2l.focal_loss(scores, nd.ones((1, len(p))), gamma)[0]
    right.plot(p.asnumpy(), loss.asnumpy(), line, label=f"γ = {gamma}" + ", cross-entropy" * (gamma == 0))
left.set(xlabel="predicted offset - label", ylabel="loss")
right.set(xlabel="predicted probability of the anchor's class")
for ax in (left, right):
    ax.legend()
run.save_figure("losses", "loss of an offset, focal loss of a class")

# %% [markdown]
# ## Training with each
# The same crops in the same order, the same first weights. "Positive" divides by the number of positive anchors, as
# the papers do; its gradients are about a hundred times as large, hence the rate. "Counted" divides the class's loss by
# the anchors that count, the offsets' by the positive ones: with it, mining changes the share of the negatives alone.

# %%
variants = [Variant("cross-entropy, L1 (book)"),
            Variant("smooth L1, scalar 0.5", loss={"sigma": 0.5}),
            Variant("smooth L1, scalar 1", loss={"sigma": 1}),
            Variant("focal, gamma 1", loss={"gamma": 1}),
            Variant("focal, gamma 2", loss={"gamma": 2}),
            Variant("focal, gamma 2, positive", loss={"gamma": 2, "mean_over": "positive"}, learning_rate=0.02),
            Variant("cross-entropy, counted", loss={"mean_over": "counted"}),
            Variant("3 hard negatives each", loss={"mean_over": "counted"}, target={"negative_mining_ratio": 3})]
if run.quick:
    variants = [variants[i] for i in (0, 2, 5, 7)]
ctx, source = d2l.try_gpu(), run.find("pikachu")
edge_size = run.choose(quick=64, full=128)
own = describe(source.path)  # the reader's own set
classes = own.classes if own else ["pikachu"]
train_iter, val_iter = load_pikachu(source.path, min(32, own.train if own else 32), edge_size)
num_epochs, seeds = run.epochs(quick=2, full=11), [run.seed + i for i in range(run.choose(quick=1, full=2))]
nets, judged = {}, {}
for seed in seeds:
    for variant in variants:
        series = f"{variant.name}, seed {seed}"
        nets[variant.name] = train_variant(variant, train_iter, len(classes), ctx, num_epochs, seed,
                                           partial(run.log_epoch, series), run.snapshots(series))
        judged[variant.name, seed] = judge(nets[variant.name], val_iter, ctx, classes)
        print(f"{series}: {judged[variant.name, seed].boxes.scores}")

# %% [markdown]
# ## What they weigh
# The part of the gradient of the class scores that comes from the positive anchors, for the book's network as it is
# now. The notes raised the mean cross-entropy of a picture to a focal loss: one factor for all its anchors, so nothing
# is turned down. Each anchor's own probability is what does it.

# %%
batch = next(iter(val_iter)) if not val_iter.reset() else None
anchors, cls_preds, _ = nets[variants[0].name](batch.data[0].as_in_context(ctx))
labels = batch.label[0].as_in_context(ctx)


def share_of_positives(loss, **target_options):
    """Of the sum of the absolute gradients."""
    classes = d2l.multibox_target(anchors, labels, cls_preds.transpose((0, 2, 1)), **target_options).classes
    x = cls_preds.copy()
    x.attach_grad()
    with autograd.record():
        value = loss(x, classes)
    value.backward()
    return float((x.grad.abs().sum(axis=-1) * (classes > 0)).sum().asscalar() / x.grad.abs().sum().asscalar())


def of_the_mean(x, classes):
    entropy = d2l.focal_loss(x, classes, 0).mean(axis=1)
    return (1 - (-entropy).exp()) ** 2 * entropy


weighed = {"cross-entropy": share_of_positives(partial(d2l.focal_loss, gamma=0)),
           "focal of a picture's mean (notes), gamma 2": share_of_positives(of_the_mean),
           **{f"focal, gamma {gamma}": share_of_positives(partial(d2l.focal_loss, gamma=gamma)) for gamma in (1, 2, 5)},
           "3 hard negatives each": share_of_positives(partial(d2l.focal_loss, gamma=0), negative_mining_ratio=3)}
shares = {"columns": ["loss", "share of positives"], "rows": [list(item) for item in weighed.items()]}
print(format_table(shares))
run.record(gradient_of_positives=shares)

# %% [markdown]
# ## What they find
# All are judged by the same measures on the validation pictures: every anchor's class, the positive anchors whose class
# is found, the offsets' absolute error over all anchors (the book's) and over the positive ones, average precision.

# %%
table = comparison(judged)
print(format_table(table))
run.record(losses=table)
if len(seeds) > 1:
    print(format_table(by_seed(judged)))
    run.record(by_seed=by_seed(judged))
show_precision(judged)
run.save_figure("precision", "bar: mean of the seeds; dot: each seed")

# %%
picture = d2l.read_picture(run.find("img").path / "pikachu.jpg")
best, _ = max(judged, key=lambda key: judged[key].boxes.scores.means()["mAP_voc2007"] or 0)
d2l.plt.figure(figsize=(9, 4.5))
for place, name in enumerate(dict.fromkeys((variants[0].name, best))):
    d2l.plt.subplot(1, 2, place + 1)
    d2l.show_detections(picture, d2l.detect(nets[name], picture, edge_size, ctx), classes=classes)
    d2l.plt.title(name)
run.save_figure("detections", "the book's losses, and those of the highest precision; boxes that score at least 0.3")
shows = verdict(judged)
if run.quick or source.kind == "synthetic":
    shows += f" {num_epochs} epochs on {source.kind} pictures of {edge_size} pixels: which is better, these cannot say."
print(shows)
run.record(shows=shows)
run.finish()
