# %% [markdown]
# # 9.10 Transposed convolution and the fully convolutional network (全卷积网络, FCN)

# %%
import d2lzh_cv as d2l
from d2lzh_cv import metrics
from d2lzh_cv.data.own.packed import class_names
from d2lzh_cv.models.checkpoint import save_model
from d2lzh_cv.run import section

run = section.start("9.10")

# %%
import numpy as np  # noqa: E402
from mxnet import autograd, gluon, image, init, nd  # noqa: E402
from mxnet.gluon import loss as gloss  # noqa: E402
from mxnet.gluon import model_zoo, nn  # noqa: E402

from d2lzh_cv.data.loader import data_loader  # noqa: E402
from d2lzh_cv.exercises.segmentation import middle, void_table  # noqa: E402
from d2lzh_cv.metrics import figures, tables  # noqa: E402
from d2lzh_cv.run.source import source_of  # noqa: E402

# %% [markdown]
# ## Transposed convolution from scratch
# Every input element spreads the kernel over the output; what falls on the same place adds up. Padding is taken off
# the output, the stride is that on the output.

# %%
X, K = nd.array([[0, 1], [2, 3]]), nd.array([[0, 1], [2, 3]])
print("stride 1:", d2l.trans_conv(X, K))
print("padding 1:", d2l.trans_conv(X, K, padding=1))
print("stride 2:", d2l.trans_conv(X, K, stride=2))
run.record(trans_conv_2x2_by_2x2=d2l.trans_conv(X, K),
           trans_conv_padding_1=d2l.trans_conv(X, K, padding=1).reshape((1, 1, 1, 1)),
           trans_conv_stride_2=d2l.trans_conv(X, K, stride=2).reshape((1, 1, 4, 4)))

# %% [markdown]
# The same layer in Gluon, and the same by an ordinary convolution: zeros between the inputs, a border of k - p - 1,
# the kernel turned over.

# %%
layer = nn.Conv2DTranspose(1, kernel_size=2, strides=2, use_bias=False)
layer.initialize(init.Constant(K.reshape((1, 1, 2, 2))))
gluon_result = layer(X.reshape((1, 1, 2, 2)))
by_convolution = d2l.trans_conv_as_conv(X, K, stride=2)
print("Gluon:", gluon_result)
print("zeros inserted:", d2l.insert_zeros(X, stride=2))
print("largest difference of the two:", (gluon_result[0, 0] - by_convolution).abs().max().asscalar())

# %% [markdown]
# ## Why it is called transposed
# A convolution is a product with a matrix W; the transposed convolution is the product with its transpose.

# %%
X, K = nd.arange(9).reshape((3, 3)), nd.array([[1, 2], [3, 4]])
Y, W = d2l.corr2d(X, K), d2l.kernel2matrix(K)
Z = d2l.trans_conv(Y, K)
print("convolution:", Y, "as product:", nd.dot(W, X.reshape(-1)).reshape((2, 2)))
print("transposed:", Z, "as product:", nd.dot(W.T, Y.reshape(-1)).reshape((3, 3)))
run.record(corr2d_arange_3x3_with_1234=Y, trans_conv_of_that=Z)

# %% [markdown]
# The book's example: a 4 × 4 input and a 3 × 3 kernel.

# %%
X, K = nd.arange(1, 17).reshape((1, 1, 4, 4)), nd.arange(1, 10).reshape((1, 1, 3, 3))
conv = nn.Conv2D(channels=1, kernel_size=3)
conv.initialize(init.Constant(K))
W = d2l.kernel2matrix(K[0, 0], (4, 4))
product = nd.dot(W, X.reshape(16)).reshape((1, 1, 2, 2))
print(conv(X), K)
print(W)
print(product)
run.record(conv_of_arange_4x4_with_arange_3x3=conv(X), conv_as_matrix_product=product, conv_matrix=W)

# %% [markdown]
# ## Sizes
# n becomes s·n + k - 2p - s: with k = 2p + s exactly s times as much. It undoes the size of the convolution with the
# same k, p and s.

# %%
conv = nn.Conv2D(10, kernel_size=4, padding=1, strides=2)
conv.initialize()
tconv = nn.Conv2DTranspose(3, kernel_size=4, padding=1, strides=2)
tconv.initialize()
small = conv(nd.random.uniform(shape=(1, 3, 64, 64)))
print(small.shape, tconv(small).shape)
print("by formula:", d2l.conv_size(64, 4, 1, 2), d2l.trans_conv_size(32, 4, 1, 2))
run.record(conv_64_k4_p1_s2_shape=small.shape, transposed_conv_k4_p1_s2_shape=tconv(small).shape)

# %%
conv, tconv = (layer(channels, kernel_size=5, padding=2, strides=3)
               for layer, channels in ((nn.Conv2D, 20), (nn.Conv2DTranspose, 10)))
conv.initialize()
tconv.initialize()
X = nd.random.uniform(shape=(1, 10, 16, 16))
print("10 channels, 16 × 16, there and back:", tconv(conv(X)).shape == X.shape)
run.record(multichannel_shape_roundtrip_10_20_k5_p2_s3_on_16x16=tconv(conv(X)).shape == X.shape)

# %% [markdown]
# ## Bilinear interpolation as a transposed convolution

# %%
conv_trans = nn.Conv2DTranspose(3, kernel_size=4, padding=1, strides=2)
conv_trans.initialize(init.Constant(d2l.bilinear_kernel(3, 3, 4)))
picture = d2l.read_picture(run.find("img").path / "catdog.jpg")
X = picture.astype("float32").transpose((2, 0, 1)).expand_dims(axis=0) / 255
larger = conv_trans(X)[0].transpose((1, 2, 0))
print("input image shape:", picture.shape)
print("output image shape:", larger.shape)
d2l.set_figsize()
d2l.plt.imshow(larger.clip(0, 1).asnumpy())
run.save_figure("bilinear", "twice as large; the axes tell")
run.record(bilinear_upsampling_shapes=[picture.shape, larger.shape])

# %% [markdown]
# ## The model
# Features 32 times smaller than the picture, a 1×1 convolution to the classes, a transposed one back to full size.

# %%
untrained = model_zoo.vision.resnet18_v2()
untrained.initialize(init.Xavier())
shape = d2l.conv_features(untrained)(nd.zeros((1, 3, 320, 480))).shape
print("features of resnet18_v2 for 320 × 480:", shape)
run.record(resnet18_v2_features_shape_320x480=shape)

# %%
devices = d2l.try_all_gpus()
source = source_of(run, devices)
print(source.note)
run.record(source_network=source.name, source_trained_on=source.trained_on)
classes = class_names(run.find("voc").path, d2l.VOC_CLASSES)
net = d2l.fcn(d2l.conv_features(source.net), num_classes=len(classes))
net.collect_params().reset_ctx(devices)
net.hybridize(static_alloc=True, static_shape=True)

# %% [markdown]
# ## Data

# %%
voc_dir, crop_size = run.find("voc").path, run.choose(quick=(160, 224), full=(320, 480))
colormap2label = d2l.voc_colormap2label()
voc_train = d2l.VOCSegDataset(True, crop_size, voc_dir, colormap2label)
voc_test = d2l.VOCSegDataset(False, crop_size, voc_dir, colormap2label)
batch_size = run.choose(quick=8, full=min(32, max(1, len(voc_train) // 8)))  # eight steps an epoch of a small set
train_iter = data_loader(voc_train, batch_size, shuffle=True, last_batch="discard")
test_iter = data_loader(voc_test, batch_size)

# %% [markdown]
# ## Training
# The classes are on axis 1, and every pixel is a prediction.


# %%
def report(epoch):
    print(epoch)
    run.log_epoch("FCN", epoch)
    if run.quick and epoch.number == num_epochs - 3:  # a few pictures per batch: smaller steps let the result settle
        trainer.set_learning_rate(trainer.learning_rate / 10)


num_epochs = run.epochs(quick=12, full=5)
learning_rate = run.choose(quick=0.05, full=0.1 * batch_size / 32)  # the book's, for its batch of 32
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": learning_rate, "wd": 1e-3})
print("training on", devices)
epochs = d2l.fit(net, train_iter, gloss.SoftmaxCrossEntropyLoss(axis=1), trainer, devices,
                 num_epochs, test_iter, on_epoch=report, snapshots=run.snapshots("FCN", best="test_acc"))
background_share = float(np.mean([(y.asnumpy() == 0).mean() for _, y in voc_test]))
print(f"test acc {epochs[-1].test_acc:.3f}; all background would be {background_share:.3f}")
save_model(run.folder / "model", net, network="fcn", arguments={"backbone": source.name}, classes=classes,
           edge_size=crop_size)  # for d2lzh-cv predict segment
run.record(loss=epochs[-1].loss, train_acc=epochs[-1].train_acc, test_acc=epochs[-1].test_acc,
           background_share=background_share)

# %% [markdown]
# ## Prediction
# A crop of the training size out of each picture: what the network says, and what the label says.

# %%
assert not autograd.is_training()
test_pictures, test_labels = d2l.read_voc_images(voc_dir, is_train=False)
n, shown = 4, []
height, width = crop_size
large_enough = [i for i, picture in enumerate(test_pictures)
                if picture.shape[0] >= height and picture.shape[1] >= width]
for i in large_enough[:n]:
    h, w = test_pictures[i].shape[:2]
    corner = run.choose(quick=((w - width) // 2, (h - height) // 2), full=(0, 0))  # the book's is the first one
    X, label = (image.fixed_crop(picture, *corner, width, height) for picture in (test_pictures[i], test_labels[i]))
    shown += [X, d2l.label2image(d2l.predict(net, X, devices[0])), label]
d2l.show_images(shown[::3] + shown[1::3] + shown[2::3], 3, len(shown) // 3)
run.save_figure("predictions", "pictures, predictions, labels")

# %% [markdown]
# ## How good it is
# The middle of every test picture. A class's IoU is what prediction and label share over what either covers; the mean
# leaves out classes that occur in neither. VOC's borders around the objects, which belong to no class, do not count
# either: in the training they were background.


# %%
with_border = void_table()
middles = {i: (middle(test_pictures[i], crop_size), middle(test_labels[i], crop_size)) for i in large_enough}


def test_batches():
    for picture, label in middles.values():
        X, y = d2l.normalize_image(picture).transpose((2, 0, 1)), d2l.voc_label_indices(label, with_border)
        yield X.expand_dims(axis=0), y.expand_dims(axis=0)


judged = metrics.evaluate_segmenter(net, test_batches(), devices, len(classes))
print(judged)
print(tables.format_table(tables.per_class_iou(judged.matrix, classes)))
run.record(background_share_of_middles=judged.matrix[0].sum() / judged.matrix.sum())
run.record(**judged.summary(), per_class=tables.per_class_iou(judged.matrix, classes))
numbers = figures.best_and_worst(judged.ranked())
columns = [(picture, d2l.label2image(d2l.predict(net, picture, devices[0])), label)
           for picture, label in (middles[large_enough[number]] for number in numbers)]
figures.show_segmented(columns, judged.picture_iou[numbers])
run.save_figure("best_and_worst", "pictures, predictions, labels: on the left the best by mean IoU, on the right the "
                                  "worst, the worst first")
run.finish()
