# ruff: noqa
# %%
import d2lzh_cv as d2l
from mxnet import autograd, gluon, init
from mxnet.gluon import data as gdata, loss as gloss
import os
import shutil
import time

# %%
data_dir, input_dir, label = '../data/kaggle_cifar10', 'train_valid_test', 'frog'
d2l.mkdir_if_not_exist([data_dir, input_dir, 'train', label])
shutil.copy('../img/cat1.jpg', os.path.join(data_dir, input_dir, 'train', label))

# %%
train_ds = gdata.vision.ImageFolderDataset(os.path.join(data_dir, input_dir, 'train'), flag=1)
transform = gdata.vision.transforms.Compose([gdata.vision.transforms.Resize(32), gdata.vision.transforms.ToTensor()])
train_iter = gdata.DataLoader(train_ds.transform_first(transform), 1, shuffle=True, last_batch='keep')

# %%
ctx, num_classes = d2l.try_gpu(), 1
net = d2l.resnet18(num_classes)
net.initialize(ctx=ctx, init=init.Xavier())
net.hybridize()
loss = gloss.SoftmaxCrossEntropyLoss()
trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.01, 'momentum': 0.9, 'wd': 5e-4})
trainer.set_learning_rate(trainer.learning_rate * 0.1)
with d2l.Benchmark('one pass.'):
    for X, y in train_iter:
        y = y.astype('float32').as_in_context(ctx)
        with autograd.record():
            l = loss(net(X.as_in_context(ctx)), y).mean()
        l.backward()
        trainer.step(1)
valid_acc = d2l.evaluate_accuracy(train_iter, net, ctx)
print("epoch %d, valid acc %f, " % (1, valid_acc) + "time %.2f sec" % 0 + ', lr ' + str(trainer.learning_rate))
