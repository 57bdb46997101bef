# ruff: noqa
# %%
import d2lzh_cv as d2l
import mxnet as mx
from mxnet import autograd, gluon, image, init, nd
from mxnet.gluon import data as gdata, loss as gloss, utils as gutils
import sys
import time

# %%
d2l.set_figsize()
img = image.imread('../img/cat1.jpg')
d2l.plt.imshow(img.asnumpy())

# %%
def try_out(img, aug, num_rows=2, num_cols=4, scale=1.5):
    d2l.show_images([aug(img) for _ in range(num_rows * num_cols)], num_rows, num_cols, scale)

tf = gdata.vision.transforms
try_out(img, tf.RandomFlipLeftRight())
try_out(img, tf.RandomResizedCrop((200, 200), scale=(0.1, 1), ratio=(0.5, 2)))
try_out(img, tf.Compose([tf.RandomFlipTopBottom(), tf.RandomColorJitter(hue=0.5)]))

# %%
d2l.show_images(gdata.vision.CIFAR10(train=True)[0:32][0], 4, 8, scale=0.8);

# %%
flipped = tf.Compose([tf.RandomFlipLeftRight(), tf.ToTensor()])
plain = tf.Compose([tf.ToTensor()])
num_workers = 0 if sys.platform.startswith('win32') else 2

def read(is_train, augs, batch_size):
    return gdata.DataLoader(gdata.vision.CIFAR10(train=is_train).transform_first(augs),
                            batch_size=batch_size, shuffle=is_train, num_workers=num_workers)

# %%
def split(batch, ctx):
    features, labels = batch
    if labels.dtype != features.dtype:
        labels = labels.astype(features.dtype)
    return gutils.split_and_load(features, ctx), gutils.split_and_load(labels, ctx)

def accuracy_of(data_iter, net, ctx=[mx.cpu()]):
    hits, n = 0.0, 0
    for batch in data_iter:
        for X, y in zip(*split(batch, ctx)):
            hits += (net(X).argmax(axis=1) == y).sum().asscalar()
            n += y.size
    return hits / n

# %%
def learn(train_augs, test_augs, lr=0.001):
    batch_size, ctx, net = 16, d2l.try_all_gpus(), d2l.resnet18(10)
    net.initialize(ctx=ctx, init=init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), 'adam', {'learning_rate': lr})
    loss = gloss.SoftmaxCrossEntropyLoss()
    train_iter = read(True, train_augs, batch_size)
    test_iter = read(False, test_augs, batch_size)
    d2l.train(train_iter, test_iter, net, loss, trainer, ctx, num_epochs=1)
    return net, test_iter, ctx

net, test_iter, ctx = learn(flipped, plain)
ours, theirs = accuracy_of(test_iter, net, ctx), d2l.evaluate_accuracy(test_iter, net, ctx)
