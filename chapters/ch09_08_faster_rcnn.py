# %% [markdown]
# # 9.8 Faster R-CNN, trained
#
# What is slow in Fast R-CNN is to propose. Faster R-CNN (Ren et al. 2015) lets the network do that too, in four steps:
#
# 1. a 3×3 convolution with c channels makes a feature of length c for every unit of the feature map;
# 2. anchors are made around every unit and labelled;
# 3. from the unit's feature, each anchor's binary class (object or background) and box are predicted;
# 4. non-maximum suppression removes similar boxes; the likeliest of the rest are the proposed regions.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.8-faster-rcnn")

# %%
import numpy as np  # noqa: E402
from mxnet import nd  # noqa: E402

from d2lzh_cv.data.own.packed import class_names  # noqa: E402
from d2lzh_cv.data.pikachu import load_pikachu  # noqa: E402
from d2lzh_cv.exercises.rcnn_comparison import judge  # noqa: E402
from d2lzh_cv.exercises.rcnn_figures import first_with_object, show_best_and_worst, show_prediction  # noqa: E402
from d2lzh_cv.rcnn import FasterRCNN, faster_rcnn  # noqa: E402
from d2lzh_cv.rcnn.proposals import recall  # noqa: E402
from d2lzh_cv.rcnn.targets import label_anchors  # noqa: E402
from d2lzh_cv.rcnn.train_rcnn import passes, train_new  # noqa: E402

# %% [markdown]
# ## Data
# The Pikachu set as in 9.7, except that every other picture is cropped, where TinySSD crops all, and half are mirrored.

# %%
ctx = d2l.try_gpu()
source = run.find("pikachu")
classes = class_names(source.path, ["pikachu"])
batch_size, edge_size = run.choose(quick=8, full=16), run.choose(quick=128, full=256)
train_iter, _ = load_pikachu(source.path, batch_size, edge_size, rand_crop=0.5, rand_mirror=True)
_, val_iter = load_pikachu(source.path, 1, edge_size)

# %% [markdown]
# ## Training
# Jointly: the loss of the anchors and that of the regions, added up, train the features that both share.

# %%
net = FasterRCNN(len(classes))
num_epochs = run.epochs(quick=3, full=20)
epochs = train_new(net, passes(train_iter), ctx, num_epochs, run.report("Faster R-CNN"), run.snapshots("Faster R-CNN"))
run.record(loss=epochs[-1].loss, class_err=epochs[-1].class_err, bbox_mae=epochs[-1].bbox_mae)

# %% [markdown]
# ## The four steps on a picture

# %%
batch = first_with_object(val_iter)
X, objects = (part[0].as_in_context(ctx) for part in (batch.data, batch.label))
feature = net.features(X)
objectness, offsets = net.proposal(feature)                                     # steps 1 and 3
anchors = faster_rcnn.anchors_of(nd, feature)                                        # step 2
labels, _ = label_anchors(anchors, objects, objectness, faster_rcnn.ANCHORS_SAMPLED, np.random.default_rng(run.seed))
regions = faster_rcnn.suppress(nd, anchors, objectness, offsets)                     # step 4
print("features", feature.shape, "objectness", objectness.shape, "anchors", anchors.shape, "regions", regions.shape)
likelihood = objectness.softmax(axis=-1)[0, :, 1].reshape((*feature.shape[2:], -1)).max(axis=-1)
labels = labels[0].asnumpy()
_, axes = d2l.plt.subplots(1, 3, figsize=(9, 3))
for ax, rows, color in ((axes[0], anchors[0].asnumpy()[labels == 0][::3], "gray"),
                        (axes[0], anchors[0].asnumpy()[labels == 1], "lime"), (axes[2], regions[0].asnumpy(), "c")):
    d2l.show_bboxes(ax, rows * edge_size, colors=color)
for ax in axes[[0, 2]]:
    ax.imshow(X[0].transpose((1, 2, 0)).asnumpy().clip(0, 255).astype("uint8"))
    ax.axis([0, edge_size, edge_size, 0])
axes[1].imshow(likelihood.asnumpy(), vmin=0, vmax=1)
for ax, title in zip(axes, ("sampled anchors: object, background", "object or background", "proposed regions")):
    ax.set_title(title, fontsize=9)
    ax.set(xticks=[], yticks=[])
run.save_figure("four_steps", "step 2 (of the background a third), step 3 (the likeliest anchor of every unit), step 4")

# %% [markdown]
# ## How well it proposes
# As MSER's regions in R-CNN, by their recall.

# %%
val_iter.reset()
truths, proposed = [], []
for batch in val_iter:
    truths.append(batch.label[0][0].asnumpy())
    proposed.append(net(batch.data[0].as_in_context(ctx))[0][0].asnumpy())
found = {f"recall at IoU {threshold}": recall(proposed, truths, threshold) for threshold in (0.5, 0.7)}
found["regions per picture"] = faster_rcnn.PROPOSALS
print(", ".join(f"{name} {value:.3g}" for name, value in found.items()))
run.record(proposals=found)

# %% [markdown]
# ## How good it is
# As in 9.7, every box takes part. The time is of one picture, resizing and suppression included; the
# table has the other networks whose sections were run in the same folder.

# %%
judged = judge(run, "Faster R-CNN", net, val_iter, ctx, classes, num_epochs)
show_best_and_worst(run, judged, val_iter)
show_prediction(run, net, edge_size, ctx, classes)
run.finish()
