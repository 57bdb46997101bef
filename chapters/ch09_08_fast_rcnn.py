# %% [markdown]
# # 9.8 Fast R-CNN, trained
#
# R-CNN computes overlapping regions over and over. Fast R-CNN (Girshick 2015) computes the features of the whole
# picture once and pools those of every region out of them: region of interest pooling makes any region 6 × 6.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.8-fast-rcnn")

# %%
from mxnet import nd  # noqa: E402

from d2lzh_cv.data.own.packed import class_names  # noqa: E402
from d2lzh_cv.data.pikachu import load_pikachu  # noqa: E402
from d2lzh_cv.exercises.rcnn_comparison import judge  # noqa: E402
from d2lzh_cv.exercises.rcnn_figures import first_with_object, show_best_and_worst, show_prediction  # noqa: E402
from d2lzh_cv.rcnn import FastRCNN, roi_pooling  # noqa: E402
from d2lzh_cv.rcnn.parts import POOLED, STRIDE  # noqa: E402
from d2lzh_cv.rcnn.roi import pixel_rois  # noqa: E402
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
# The regions are R-CNN's, and so is the multi-task loss; a step differs only in where their features come from.

# %%
net = FastRCNN(len(classes))
num_epochs = run.epochs(quick=3, full=20)
epochs = train_new(net, passes(train_iter), ctx, num_epochs, run.report("Fast R-CNN"), run.snapshots("Fast R-CNN"))
run.record(loss=epochs[-1].loss, class_err=epochs[-1].class_err, bbox_mae=epochs[-1].bbox_mae)

# %% [markdown]
# ## Pooling
# The channel that is strongest in the object, and what is left of the object in it: its corners are rounded to whole
# units of the map, eight pixels each.

# %%
batch = first_with_object(val_iter)
X, box = batch.data[0].as_in_context(ctx), batch.label[0][:, :1, 1:].as_in_context(ctx)
feature = net.features(X)
pooled = roi_pooling(feature, pixel_rois(nd, box, X), POOLED, 1 / STRIDE)
channel = int((pooled[0].mean(axis=(1, 2)) - feature[0].mean(axis=(1, 2))).argmax(axis=0).asscalar())
_, axes = d2l.plt.subplots(1, 3, figsize=(9, 3))
axes[0].imshow(X[0].transpose((1, 2, 0)).asnumpy().clip(0, 255).astype("uint8"))
axes[1].imshow(feature[0, channel].asnumpy())
axes[2].imshow(pooled[0, channel].asnumpy())
for ax, scale in zip(axes, (edge_size, edge_size / STRIDE)):
    d2l.show_bboxes(ax, box[0].asnumpy() * scale - 0.5, colors="lime")
for ax, title in zip(axes, ("picture", f"features, channel {channel}", "pooled")):
    ax.set(title=title, xticks=[], yticks=[])
run.save_figure("pooling", "a region in the picture, in the features, and pooled")

# %% [markdown]
# ## How good it is
# As in 9.7, every box takes part. The time is of one picture, resizing, proposing and suppression included; the
# table has the other networks whose sections were run in the same folder.

# %%
judged = judge(run, "Fast R-CNN", net, val_iter, ctx, classes, num_epochs)
show_best_and_worst(run, judged, val_iter)
show_prediction(run, net, edge_size, ctx, classes)
run.finish()
