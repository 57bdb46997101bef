# %% [markdown]
# # 9.8 Mask R-CNN, trained
#
# Mask R-CNN (He et al. 2017) adds to Faster R-CNN a mask for each region: a small fully convolutional network says
# which pixels of the box are the object's. Pixels do not forgive what rounding shifts, so region of interest align
# takes the place of pooling: it interpolates the features where a bin really lies.

# %%
import d2lzh_cv as d2l
from d2lzh_cv import metrics
from d2lzh_cv.run import section

run = section.start("9.8-mask-rcnn")

# %%
import mxnet as mx  # noqa: E402
import numpy as np  # noqa: E402
from mxnet import nd  # noqa: E402

from d2lzh_cv.data.own.packed import class_names  # noqa: E402
from d2lzh_cv.data.pikachu import load_pikachu  # noqa: E402
from d2lzh_cv.exercises.rcnn_comparison import judge  # noqa: E402
from d2lzh_cv.exercises.rcnn_figures import show_best_and_worst, show_masks  # noqa: E402
from d2lzh_cv.rcnn import MaskRCNN  # noqa: E402
from d2lzh_cv.rcnn.instances import draw_creatures, voc_objects  # noqa: E402
from d2lzh_cv.rcnn.mask_scores import given_boxes_ious, mask_ious  # noqa: E402
from d2lzh_cv.rcnn.train_rcnn import alternate, passes, train_new  # noqa: E402

# %% [markdown]
# ## Data
# The Pikachu set knows boxes, no masks. So batches of drawn creatures, whose masks are known to the pixel, alternate
# with the set's own: all batches teach the boxes, the drawn ones the masks too. Where the set is drawn itself, its
# creatures are the same, and those with masks do alone.

# %%
ctx, source = d2l.try_gpu(), run.find("pikachu")
classes = class_names(source.path, ["pikachu"])
batch_size, edge_size = run.choose(quick=8, full=16), run.choose(quick=96, full=256)
train_iter, _ = load_pikachu(source.path, batch_size, edge_size, rand_crop=0.5, rand_mirror=True)
_, val_iter = load_pikachu(source.path, 1, edge_size)
drawn = draw_creatures(run.choose(quick=96, full=256), edge_size, seed=0)
drawn_val = draw_creatures(run.choose(quick=12, full=64), edge_size, seed=1)


def show(data, number, ax, found=None):
    there = data.objects[number][data.objects[number][:, 0] >= 0]
    show_masks(ax, data.pictures[number], *(found or (np.insert(there, 1, 1, axis=1), data.masks[number])))


for i, ax in enumerate(d2l.plt.subplots(1, 4, figsize=(10, 2.6))[1]):
    show(drawn, i, ax)
run.save_figure("drawn", "drawn creatures, their boxes and masks")

# %% [markdown]
# ## Training
# The loss of a mask is the mean binary cross-entropy of 28 × 28 pixels, of the object's class alone and of regions of
# objects alone.


# %%
def trained(name, num_classes, batches, num_epochs):
    net = MaskRCNN(num_classes)
    return net, train_new(net, batches, ctx, num_epochs, run.report(name), run.snapshots(name))[-1]


num_epochs, with_masks = run.epochs(quick=4, full=20), drawn.passes(batch_size)
batches = with_masks if source.kind == "synthetic" else alternate(passes(train_iter), with_masks)
net, last = trained("Mask R-CNN", len(classes), batches, num_epochs)
run.record(loss=last.loss, class_err=last.class_err, bbox_mae=last.bbox_mae, mask_loss=last.mask_loss)

# %% [markdown]
# ## How good it is
# The boxes on the Pikachu set, as those of the others; the masks on drawn pictures it has not seen: the mean IoU over
# all objects, 0 for one that is missed. The boxes had the drawn pictures more to learn from than the others'.

# %%
ious = mask_ious(net, drawn_val)
judged = judge(run, "Mask R-CNN", net, val_iter, ctx, classes, num_epochs, mask_iou=float(ious.mean()))
show_best_and_worst(run, judged, val_iter)

# %%
_, axes = d2l.plt.subplots(2, 4, figsize=(10, 5))
for i, (ax, picture) in enumerate(zip(axes[0], metrics.pictures_of(val_iter, range(4)))):
    show_masks(ax, picture, *net.detect(nd.array(picture).transpose((2, 0, 1)).expand_dims(0)))
    show(drawn_val, i, axes[1, i], net.detect(drawn_val.batch([i]).data[0]))
run.save_figure("masks", "what scores at least 0.3: above in pictures of the validation set, whose masks nobody knows, "
                         "below in drawn ones")

# %% [markdown]
# ## Pictures with masks
# A VOC tree has masks of real pictures. Where it does not tell objects of a class apart, each connected part of the
# class is one. A hundred pictures are too few to learn twenty classes from; the masks in true boxes tell the part of
# the mask head from the detector's. It has to beat taking the whole box for the mask.

# %%
voc = run.find("voc")
objects, objects_val = (voc_objects(voc.path, is_train, edge_size) for is_train in (True, False))
voc_epochs = run.epochs(quick=2, full=40)
voc_net, last = trained("Mask R-CNN, VOC", len(d2l.VOC_CLASSES) - 1, objects.passes(batch_size), voc_epochs)
voc_iter = mx.io.NDArrayIter(objects_val.pictures.transpose(0, 3, 1, 2).astype("float32"), objects_val.objects)
scores = metrics.evaluate_detector(voc_net, voc_iter, ctx, d2l.VOC_CLASSES[1:]).scores
masked, whole = given_boxes_ious(voc_net, objects_val)
drawn_masked, drawn_whole = given_boxes_ious(net, drawn_val)
table = {"columns": ["validation objects", "number", "mask IoU"],
         "rows": [["drawn, found", len(ious), ious.mean()],
                  ["drawn, in true boxes", len(ious), drawn_masked.mean()],
                  ["drawn, the box as mask", len(ious), drawn_whole.mean()],
                  [f"{voc.name}, found", len(masked), mask_ious(voc_net, objects_val).mean()],
                  [f"{voc.name}, in true boxes", len(masked), masked.mean()],
                  [f"{voc.name}, the box as mask", len(masked), whole.mean()]]}
print(f"boxes of {voc.name}: {scores}\n{metrics.tables.format_table(table)}")
verdict = "better" if masked.mean() > whole.mean() else "no better"
print(f"in true boxes of {voc.name} the masks are {verdict} than the boxes themselves"
      + (" (few epochs)" if run.quick else ""))
run.record(masks=table, **{f"{key}, {voc.name}": value for key, value in scores.means().items()})
_, axes = d2l.plt.subplots(2, 4, figsize=(10, 5))
for i in range(min(4, len(objects_val))):
    show(objects_val, i, axes[0, i])
    there = objects_val.objects[i][objects_val.objects[i][:, 0] >= 0]
    rows = np.insert(there, 1, 1, axis=1)
    show(objects_val, i, axes[1, i], (rows, voc_net.masks_in(objects_val.batch([i]).data[0], rows)))
run.save_figure("voc_masks", "above the objects of validation pictures, below the masks found in their true boxes")
run.finish()
