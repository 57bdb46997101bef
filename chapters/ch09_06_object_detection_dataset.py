# %% [markdown]
# # 9.6 An object detection data set: Pikachu (目标检测数据集)
#
# ## What `ImageDetIter` takes
# | parameter | meaning |
# |---|---|
# | `batch_size`, `data_shape` | pictures per batch; (3, height, width) of each; the only two without a default |
# | `path_imgrec`, `path_imgidx` | record file and its index; the index is what makes shuffling and parts possible |
# | `path_imglist`, `imglist`, `path_root` | instead of records: a list file, or a list, of labels and picture paths |
# | `shuffle` | new order each epoch, drawn from Python's `random` |
# | `part_index`, `num_parts` | read only one of so many equal parts (several machines) |
# | `aug_list` | augmenters; when absent they are made by `CreateDetAugmenter` from the rest of the parameters |
# | `data_name`, `label_name` | names in `provide_data` and `provide_label` |
# | `last_batch_handle` | the incomplete batch: `pad` (from the beginning), `discard`, `roll_over` |
#
# Here `load_pikachu` gives an `ImageDetIter` that decodes each picture once and resizes with today's OpenCV: the same
# order, crops and labels, two or three times as fast; with `reader="python"`, or where colours change, the plain one.
#
# ## What `CreateDetAugmenter` adds
# | parameter | meaning |
# |---|---|
# | `resize` | shorter side to this first, if above 0 |
# | `rand_crop`, `rand_pad`, `rand_gray` | probability of a random crop, of padding around, of losing the colour |
# | `rand_mirror` | flip left-right half of the time |
# | `mean`, `std` | subtract and divide, a channel |
# | `brightness`, `contrast`, `saturation`, `hue`, `pca_noise` | how far colours may move |
# | `inter_method` | 0 nearest, 1 bilinear, 2 bicubic, 3 area (MXNet's text swaps these), 4 Lanczos, 9 by need, 10 any |
# | `min_object_covered` | a crop must show at least this part of some object |
# | `min_eject_coverage` | objects of which less than this stays are dropped |
# | `aspect_ratio_range`, `area_range` | shape and area (of the picture) that a crop may have |
# | `max_attempts` | tries for such a crop; then the whole picture is taken |
# | `pad_val` | colour of the padding |

# %%
import d2lzh_cv as d2l
from d2lzh_cv.data.pikachu import load_pikachu
from d2lzh_cv.run import section

run = section.start("9.6")

# %%
batch_size, edge_size = 32, 256
train_iter, val_iter = load_pikachu(run.find("pikachu").path, batch_size, edge_size)
batch = train_iter.next()
print(batch.data[0].shape, batch.label[0].shape)
print("read by", type(train_iter).__name__)
run.record(batch_shapes=[batch.data[0].shape, batch.label[0].shape])

# %% [markdown]
# A label row is (class, xmin, ymin, xmax, ymax), relative to the picture; this set has one row per picture. The
# training pictures are cropped at random so that at least 95 % of the object stays. In a reader's own set the label of
# a picture without objects is a row of -1, and a crop of it may lie anywhere.

# %%
pictures = batch.data[0][0:10].transpose((0, 2, 3, 1)) / 255
axes = d2l.show_images(pictures, 2, 5).flatten()
for ax, label in zip(axes, batch.label[0][0:10].asnumpy()):
    d2l.show_bboxes(ax, label[label[:, 0] >= 0, 1:5] * edge_size, colors=["w"])
run.save_figure("pictures", "ten training pictures with their boxes")

# %%
print("first label (class, xmin, ymin, xmax, ymax):", batch.label[0][0, 0].asnumpy().round(2))
run.record(objects_per_picture=batch.label[0].shape[1])
run.finish()
