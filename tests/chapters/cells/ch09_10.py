# ruff: noqa
# %%
import d2lzh_cv as d2l
from mxnet import gluon, image, init, nd
from mxnet.gluon import data as gdata, loss as gloss, model_zoo, nn
import numpy as np
import sys

# %%
source = model_zoo.vision.resnet18_v2()
source.initialize(init.Xavier())
num_classes, net = 21, nn.HybridSequential()
for layer in source.features[:-2]:
    net.add(layer)
shape = net(nd.random.uniform(shape=(1, 3, 64, 96))).shape
net.add(nn.Conv2D(num_classes, kernel_size=1),
        nn.Conv2DTranspose(num_classes, kernel_size=64, padding=16, strides=32))

# %%
def upsampler(channels, size):
    at = np.abs(np.arange(size) - (size - 1) / 2)
    line = 1 - at / (size / 2)
    weight = np.zeros((channels, channels, size, size), dtype='float32')
    weight[range(channels), range(channels)] = np.outer(line, line)
    return nd.array(weight)

conv_trans = nn.Conv2DTranspose(3, kernel_size=4, padding=1, strides=2)
conv_trans.initialize(init.Constant(upsampler(3, 4)))
img = image.imread('../img/cat1.jpg')
X = img.astype('float32').transpose((2, 0, 1)).expand_dims(axis=0) / 255
out_img = conv_trans(X)[0].transpose((1, 2, 0))
d2l.set_figsize()
print('input image shape:', img.shape)
d2l.plt.imshow(img.asnumpy());
print('output image shape:', out_img.shape)
d2l.plt.imshow(out_img.asnumpy());

# %%
net[-1].initialize(init.Constant(upsampler(num_classes, 64)))
net[-2].initialize(init=init.Xavier())

# %%
crop_size, batch_size, colormap2label = (64, 96), 2, nd.zeros(256**3)
for i, cm in enumerate(d2l.VOC_COLORMAP):
    colormap2label[(cm[0] * 256 + cm[1]) * 256 + cm[2]] = i
voc_dir = d2l.download_voc_pascal(data_dir='../data')
num_workers = 0 if sys.platform.startswith('win32') else 2
train_iter = gdata.DataLoader(d2l.VOCSegDataset(True, crop_size, voc_dir, colormap2label), batch_size,
                              shuffle=True, last_batch='discard', num_workers=num_workers)
test_iter = gdata.DataLoader(d2l.VOCSegDataset(False, crop_size, voc_dir, colormap2label), batch_size,
                             last_batch='discard', num_workers=num_workers)

# %%
ctx = d2l.try_all_gpus()
loss = gloss.SoftmaxCrossEntropyLoss(axis=1)
net.collect_params().reset_ctx(ctx)
trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.01, 'wd': 1e-3})
d2l.train(train_iter, test_iter, net, loss, trainer, ctx, num_epochs=1)

# %%
def classes_of(img):
    X = test_iter._dataset.normalize_image(img).transpose((2, 0, 1)).expand_dims(axis=0)
    return net(X.as_in_context(ctx[0])).argmax(axis=1)[0]

def colours_of(classes):
    return nd.array(d2l.VOC_COLORMAP, ctx=ctx[0], dtype='uint8')[classes.astype('int32'), :]

# %%
test_images, test_labels = d2l.read_voc_images(is_train=False)
n, imgs, rect = 4, [], (0, 0, 96, 64)
for i in range(n):
    X = image.fixed_crop(test_images[i], *rect)
    imgs += [X, colours_of(classes_of(X)), image.fixed_crop(test_labels[i], *rect)]
d2l.show_images(imgs[::3] + imgs[1::3] + imgs[2::3], 3, n);
