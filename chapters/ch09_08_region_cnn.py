# %% [markdown]
# # 9.8 R-CNN, trained (区域卷积神经网络)
#
# R-CNN (Girshick et al. 2014) proposes a few dozen regions of a picture, cuts each out, resizes it, and computes its
# features with a network of their own pass. From them it predicts the region's class and a better box. The paper takes
# selective search and a network trained on ImageNet; here MSER of OpenCV proposes, and all is trained from scratch.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.8-region-cnn")

# %%
import numpy as np  # noqa: E402
from mxnet import nd  # noqa: E402

from d2lzh_cv.data.own.packed import class_names  # noqa: E402
from d2lzh_cv.data.pikachu import load_pikachu  # noqa: E402
from d2lzh_cv.exercises.rcnn_comparison import judge  # noqa: E402
from d2lzh_cv.exercises.rcnn_figures import show_best_and_worst, show_prediction  # noqa: E402
from d2lzh_cv.metrics import pictures_of  # noqa: E402
from d2lzh_cv.rcnn import RCNN  # noqa: E402
from d2lzh_cv.rcnn.proposals import propose, recall  # noqa: E402
from d2lzh_cv.rcnn.region_cnn import CROP  # noqa: E402
from d2lzh_cv.rcnn.roi import crop_regions  # noqa: E402
from d2lzh_cv.rcnn.targets import sample_regions  # noqa: E402
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
# ## Regions
# A region that no box proposes is lost for good, so their recall bounds what the network can find.

# %%
truths = [batch.label[0][0].asnumpy() for batch in val_iter]
pictures = pictures_of(val_iter, range(len(truths)))
proposed = [propose(picture) for picture in pictures]
found = {f"recall at IoU {threshold}": recall(proposed, truths, threshold) for threshold in (0.5, 0.7)}
found["regions per picture"] = sum(map(len, proposed)) / len(proposed)
print(", ".join(f"{name} {value:.3g}" for name, value in found.items()))
run.record(proposals=found)
_, axes = d2l.plt.subplots(1, 3, figsize=(9, 3))
for ax, picture, boxes, rows in zip(axes, pictures, proposed, truths):
    ax.imshow(picture)
    d2l.show_bboxes(ax, boxes * edge_size, colors="c")
    d2l.show_bboxes(ax, rows[rows[:, 0] >= 0, 1:] * edge_size, colors="lime")
    ax.set(title=f"{len(boxes)} regions", xticks=[], yticks=[])
run.save_figure("regions", "proposed regions, and in green the ground-truth boxes")

# %% [markdown]
# ## What the network sees
# Of each picture 16 regions, a quarter of objects at most: IoU 0.5 and more is the object, less is background.

# %%
i = next((i for i, rows in enumerate(truths) if rows[0, 0] >= 0), 0)  # the first picture with an object
X, objects = nd.array(pictures[i]).transpose((2, 0, 1)).expand_dims(0), nd.array(truths[i:i + 1])
sample = sample_regions(proposed[i:i + 1], objects, 16, np.random.default_rng(run.seed))
crops = crop_regions(X, sample.regions, CROP).transpose((0, 2, 3, 1)).clip(0, 255).astype("uint8")
for ax, k in zip(d2l.show_images(crops, 2, 8, scale=1.1).flat, sample.classes[0].asnumpy()):
    ax.set_title({0: "background", -1: "(fills up)"}.get(k) or classes[int(k) - 1], fontsize=7)
run.save_figure("crops", f"sampled regions, {CROP[0]} × {CROP[1]} pixels each")

# %% [markdown]
# ## Training
# The loss of a picture is the mean over its regions: cross-entropy of the class, and smooth L1 of the offsets where
# there is an object.

# %%
net = RCNN(len(classes))
num_epochs = run.epochs(quick=2, full=20)
epochs = train_new(net, passes(train_iter), ctx, num_epochs, run.report("R-CNN"), run.snapshots("R-CNN"))
run.record(loss=epochs[-1].loss, class_err=epochs[-1].class_err, bbox_mae=epochs[-1].bbox_mae)

# %% [markdown]
# ## How good it is
# As in 9.7, every box takes part. The time is of one picture, resizing, proposing and suppression included; the
# table has the other networks whose sections were run in the same folder.

# %%
judged = judge(run, "R-CNN", net, val_iter, ctx, classes, num_epochs)
show_best_and_worst(run, judged, val_iter)
show_prediction(run, net, edge_size, ctx, classes)
run.finish()
