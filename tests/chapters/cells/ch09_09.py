# ruff: noqa
# %%
import d2lzh_cv as d2l
from mxnet import gluon, image, nd
from mxnet.gluon import data as gdata, utils as gutils
import os
import sys
import tarfile

# %%
voc_dir = d2l.download_voc_pascal()
train_features, train_labels = d2l.read_voc_images(voc_dir)
n = 5
imgs = train_features[0:n] + train_labels[0:n]
d2l.show_images(imgs, 2, n);

# %%
colormap2label = nd.zeros(256 ** 3)
for i, colormap in enumerate(d2l.VOC_COLORMAP):
    colormap2label[(colormap[0] * 256 + colormap[1]) * 256 + colormap[2]] = i
y = d2l.voc_label_indices(train_labels[0], colormap2label)
seen = y[4:8, 3:7], d2l.VOC_CLASSES[1]

# %%
imgs = []
for _ in range(n):
    imgs += d2l.voc_rand_crop(train_features[0], train_labels[0], 40, 60)
d2l.show_images(imgs[::2] + imgs[1::2], 2, n);

# %%
crop_size = (64, 96)
voc_train = d2l.VOCSegDataset(True, crop_size, voc_dir, colormap2label)
voc_test = d2l.VOCSegDataset(False, crop_size, voc_dir, colormap2label)

# %%
batch_size = 2
num_workers = 0 if sys.platform.startswith('win32') else 4
train_iter = gdata.DataLoader(voc_train, batch_size, shuffle=True, last_batch='discard', num_workers=num_workers)
test_iter = gdata.DataLoader(voc_test, batch_size, last_batch='discard', num_workers=num_workers)
for X, Y in train_iter:
    print(X.shape)
    print(Y.shape)
    break
