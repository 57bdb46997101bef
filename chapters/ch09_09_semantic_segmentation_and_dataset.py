# %% [markdown]
# # 9.9 Semantic segmentation and its data set (语义分割和数据集)
#
# Every pixel gets a class. Pictures are cropped, not resized: resizing would blur the classes at the edges.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.9")

# %%
from d2lzh_cv.data.loader import data_loader  # noqa: E402

voc_dir = run.find("voc").path
train_features, train_labels = d2l.read_voc_images(voc_dir, is_train=True)
n = 5
d2l.show_images(train_features[0:n] + train_labels[0:n], 2, n)
run.save_figure("pictures", "five training pictures and their labels")

# %% [markdown]
# ## From colours to classes

# %%
colormap2label = d2l.voc_colormap2label()
y = d2l.voc_label_indices(train_labels[0], colormap2label)
print(y[105:115, 130:140], d2l.VOC_CLASSES[1])
run.record(label_patch_105_115_130_140=y[105:115, 130:140])
present = sorted({int(i) for label in train_labels[0:n]
                  for i in set(d2l.voc_label_indices(label, colormap2label).asnumpy().ravel().tolist())})
print("classes in these five:", [d2l.VOC_CLASSES[i] for i in present])

# %% [markdown]
# ## Cropping picture and label alike

# %%
pairs = []
for _ in range(n):
    pairs += d2l.voc_rand_crop(train_features[0], train_labels[0], 200, 300)
d2l.show_images(pairs[::2] + pairs[1::2], 2, n)
run.save_figure("crops", "random crops of 200 × 300, picture and label from the same place")

# %% [markdown]
# ## The data set
# Pictures smaller than the crop are left out. They are read when they are taken, and each crop is normalised then: in
# the book all of them wait in memory as float32, 4.6 GB of VOC2012.

# %%
crop_size = (320, 480)
voc_train = d2l.VOCSegDataset(True, crop_size, voc_dir, colormap2label)
voc_test = d2l.VOCSegDataset(False, crop_size, voc_dir, colormap2label)
run.record(examples_kept_by_crop_320x480={"train": len(voc_train), "val": len(voc_test)})

# %%
batch_size = min(64, len(voc_train))
for X, Y in data_loader(voc_train, batch_size, shuffle=True, last_batch="discard"):
    print(X.shape, Y.shape)
    run.record(batch_shapes=[X.shape, Y.shape])
    break
run.finish()
