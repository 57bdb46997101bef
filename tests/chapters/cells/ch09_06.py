# ruff: noqa
# %%
import d2lzh_cv as d2l
from mxnet import gluon, image
from mxnet.gluon import utils as gutils
import os

# %%
batch_size, edge_size = 12, 64
train_iter, val_iter = d2l.load_data_pikachu(batch_size, edge_size)
batch = train_iter.next()
batch.data[0].shape, batch.label[0].shape

# %%
imgs = (batch.data[0][0:10].transpose((0, 2, 3, 1))) / 255
axes = d2l.show_images(imgs, 2, 5).flatten()
for ax, label in zip(axes, batch.label[0][0:10]):
    d2l.show_bboxes(ax, [label[0][1:5] * edge_size], colors=['w'])
