# ruff: noqa
# %%
import d2lzh_cv as d2l
from mxnet import autograd, contrib, gluon, image, init, nd
from mxnet.gluon import loss as gloss, nn
import time

# %%
def scores_of(num_anchors, num_classes):
    return nn.Conv2D(num_anchors * (num_classes + 1), kernel_size=3, padding=1)

def offsets_of(num_anchors):
    return nn.Conv2D(num_anchors * 4, kernel_size=3, padding=1)

def join(preds):
    return nd.concat(*[p.transpose((0, 2, 3, 1)).flatten() for p in preds], dim=1)

def halve(num_channels):
    blk = nn.Sequential()
    blk.add(nn.Conv2D(num_channels, kernel_size=3, padding=1), nn.BatchNorm(in_channels=num_channels),
            nn.Activation('relu'), nn.MaxPool2D(2))
    return blk

# %%
sizes, ratios = [[0.2, 0.272], [0.71, 0.79]], [[1, 2, 0.5]] * 2
num_anchors = len(sizes[0]) + len(ratios[0]) - 1

class TwoScales(nn.Block):
    def __init__(self, num_classes, **kwargs):
        super(TwoScales, self).__init__(**kwargs)
        self.num_classes = num_classes
        for i, blk in enumerate([halve(8), nn.GlobalMaxPool2D()]):
            setattr(self, 'blk_%d' % i, blk)
            setattr(self, 'cls_%d' % i, scores_of(num_anchors, num_classes))
            setattr(self, 'bbox_%d' % i, offsets_of(num_anchors))

    def forward(self, X):
        anchors, cls_preds, bbox_preds = [None] * 2, [None] * 2, [None] * 2
        for i in range(2):
            X = getattr(self, 'blk_%d' % i)(X)
            anchors[i] = contrib.ndarray.MultiBoxPrior(X, sizes=sizes[i], ratios=ratios[i])
            cls_preds[i] = getattr(self, 'cls_%d' % i)(X)
            bbox_preds[i] = getattr(self, 'bbox_%d' % i)(X)
        return (nd.concat(*anchors, dim=1), join(cls_preds).reshape((0, -1, self.num_classes + 1)), join(bbox_preds))

# %%
batch_size = 4
train_iter, _ = d2l.load_data_pikachu(batch_size, 32)
train_iter.reshape(label_shape=(3, 5))
ctx, net = d2l.try_gpu(), TwoScales(num_classes=1)
net.initialize(init=init.Xavier(), ctx=ctx)
trainer = gluon.Trainer(net.collect_params(), 'sgd', {'learning_rate': 0.1, 'wd': 5e-4})

# %%
cls_loss, bbox_loss = gloss.SoftmaxCrossEntropyLoss(), gloss.L1Loss()

def calc_loss(cls_preds, cls_labels, bbox_preds, bbox_labels, bbox_masks):
    return cls_loss(cls_preds, cls_labels) + bbox_loss(bbox_preds * bbox_masks, bbox_labels * bbox_masks)

# %%
for epoch in range(2):
    acc_sum, mae_sum, n, m = 0.0, 0.0, 0, 0
    train_iter.reset()
    start = time.time()
    for batch in train_iter:
        X, Y = batch.data[0].as_in_context(ctx), batch.label[0].as_in_context(ctx)
        with autograd.record():
            anchors, cls_preds, bbox_preds = net(X)
            bbox_labels, bbox_masks, cls_labels = contrib.nd.MultiBoxTarget(
                anchors, Y, cls_preds.transpose((0, 2, 1)))
            l = calc_loss(cls_preds, cls_labels, bbox_preds, bbox_labels, bbox_masks)
        l.backward()
        trainer.step(batch_size)
        acc_sum += (cls_preds.argmax(axis=-1) == cls_labels).sum().asscalar()
        n += cls_labels.size
        mae_sum += ((bbox_labels - bbox_preds) * bbox_masks).abs().sum().asscalar()
        m += bbox_labels.size
    print('epoch %2d, class err %.2e, bbox mae %.2e, time %.1f sec' % (
        epoch + 1, 1 - acc_sum / n, mae_sum / m, time.time() - start))

# %%
img = image.imread('../img/pikachu.jpg')
X = image.imresize(img, 32, 32).astype('float32').transpose((2, 0, 1)).expand_dims(axis=0)

def find(X):
    anchors, scores, offsets = net(X.as_in_context(ctx))
    found = contrib.nd.MultiBoxDetection(scores.softmax().transpose((0, 2, 1)), offsets, anchors)[0]
    return found[[i for i, row in enumerate(found) if row[0].asscalar() != -1]]

output = find(X)

# %%
d2l.set_figsize((5, 5))

def display(img, rows, threshold):
    axes = d2l.plt.imshow(img.asnumpy()).axes
    height, width = img.shape[0:2]
    scale = nd.array((width, height, width, height), ctx=rows.context)
    for row in rows:
        if row[1].asscalar() >= threshold:
            d2l.show_bboxes(axes, [row[2:6] * scale], '%.2f' % row[1].asscalar(), 'w')

display(img, output[0:3], threshold=0)
