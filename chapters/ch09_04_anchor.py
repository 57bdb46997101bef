# %% [markdown]
# # 9.4 Anchor boxes (锚框)
#
# A detector samples many boxes, predicts for each what it holds and how it should move, and keeps the best.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.4")

# %%
import numpy as np  # noqa: E402
from mxnet import nd  # noqa: E402

np.set_printoptions(2)
picture = d2l.read_picture(run.find("img").path / "catdog.jpg")
height, width = picture.shape[:2]
print(height, width)
run.record(image_height_width=[height, width])

# %% [markdown]
# ## Generating anchors
# n sizes and m ratios give n + m - 1 anchors around each pixel: two million for this picture.

# %%
X = nd.random.uniform(shape=(1, 3, height, width))
anchors = d2l.multibox_prior(X, sizes=[0.75, 0.5, 0.25], ratios=[1, 2, 0.5])
print(anchors.shape)
boxes = anchors.reshape((height, width, 5, 4))  # anchors of pixel (y, x): boxes[y, x]
print(boxes[250, 250, 0, :])
run.record(multibox_prior_shape=anchors.shape, multibox_prior_box_250_250_0=boxes[250, 250, 0, :])

# %%
d2l.set_figsize()
bbox_scale = d2l.box_scale(picture)
axes = d2l.plt.imshow(picture.asnumpy()).axes
d2l.show_bboxes(axes, boxes[250, 250, :, :] * bbox_scale,
                ["s=0.75, r=1", "s=0.5, r=1", "s=0.25, r=1", "s=0.75, r=2", "s=0.75, r=0.5"])
run.save_figure("anchors", "the five anchors around pixel (250, 250)")

# %% [markdown]
# ## Intersection over union
# The overlap of two boxes: the area they share over the area they cover. Moved by a third of its width, a square
# still shares two thirds of itself: IoU (2/3) / (4/3) = 0.5, a third of the two areas added up.

# %%
square, moved = nd.array([[0, 0, 0.6, 0.6]]), nd.array([[0.2, 0, 0.8, 0.6]])
overlap = d2l.iou(square, moved)[0, 0].asscalar()
print(f"IoU {overlap:.4f}")
run.record(iou_of_a_square_moved_by_a_third=float(overlap))

# %% [markdown]
# ## Labelling anchors
# Each anchor gets the class of the object that it overlaps enough, and the offsets that would make it that object.

# %%
ground_truth = nd.array([[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]])
five_anchors = nd.array([[0, 0.1, 0.2, 0.3], [0.15, 0.2, 0.4, 0.4], [0.63, 0.05, 0.88, 0.98],
                         [0.66, 0.45, 0.8, 0.8], [0.57, 0.3, 0.92, 0.9]])
axes = d2l.plt.imshow(picture.asnumpy()).axes
d2l.show_bboxes(axes, ground_truth[:, 1:] * bbox_scale, ["dog", "cat"], "k")
d2l.show_bboxes(axes, five_anchors * bbox_scale, ["0", "1", "2", "3", "4"])
run.save_figure("ground_truth", "two objects (black) and five anchors")
print("IoU of the anchors (rows) with dog and cat:", d2l.iou(five_anchors, ground_truth[:, 1:]))

# %%
labels = d2l.multibox_target(five_anchors.expand_dims(axis=0),  # (1, 5, 4)
                             ground_truth.expand_dims(axis=0),  # (1, 2, 5)
                             nd.zeros((1, 3, 5)))               # (1, classes + 1, anchors)
print("classes", labels.classes)
print("mask", labels.mask)
print("offsets", labels.offsets)
run.record(multibox_target_class_labels=labels.classes, multibox_target_mask=labels.mask,
           multibox_target_offsets=labels.offsets)

# %% [markdown]
# The offsets by the book's formula, for the three anchors that got an object.

# %%
assigned = [1, 2, 4]
objects = ground_truth[:, 1:][nd.array([0, 1, 1])]
by_formula = d2l.encode_offsets(five_anchors[nd.array(assigned)], objects)
difference = (by_formula - labels.offsets.reshape((5, 4))[nd.array(assigned)]).abs().max().asscalar()
print(f"largest difference between formula and operator: {difference:.1e}")
run.record(offsets_formula_minus_operator=float(difference))

# %% [markdown]
# ## Predicting boxes
# Non-maximum suppression removes a box where a better one of the same class overlaps it.

# %%
predicted = nd.array([[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91],
                      [0.55, 0.2, 0.9, 0.88]])
offset_preds = nd.zeros(predicted.size)
class_probs = nd.array([[0] * 4, [0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]])  # background, dog, cat
axes = d2l.plt.imshow(picture.asnumpy()).axes
d2l.show_bboxes(axes, predicted * bbox_scale, ["dog=0.9", "dog=0.8", "dog=0.7", "cat=0.9"])
run.save_figure("predictions", "four predicted boxes")

# %%
output = d2l.multibox_detection(class_probs.expand_dims(axis=0), offset_preds.expand_dims(axis=0),
                                predicted.expand_dims(axis=0), nms_threshold=0.5)
print(output)
run.record(multibox_detection_rows=output)
axes = d2l.plt.imshow(picture.asnumpy()).axes
for row in output[0].asnumpy():
    if row[0] != -1:
        d2l.show_bboxes(axes, [row[2:] * bbox_scale.asnumpy()], ("dog=", "cat=")[int(row[0])] + str(row[1]))
run.save_figure("after_suppression", "what non-maximum suppression keeps")
run.finish()
