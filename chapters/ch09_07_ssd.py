# %% [markdown]
# # 9.7 Single-shot multibox detection (单发多框检测, SSD)
#
# One pass of a convolutional network predicts classes and offsets of anchors on five scales.

# %%
import d2lzh_cv as d2l
from d2lzh_cv import metrics
from d2lzh_cv.data.own.packed import describe
from d2lzh_cv.data.pikachu import load_pikachu
from d2lzh_cv.data.records import first_picture
from d2lzh_cv.engine import distributed
from d2lzh_cv.models.checkpoint import save_model
from d2lzh_cv.run import section

run = section.start("9.7")

# %%
from mxnet import gluon, init, nd  # noqa: E402

from d2lzh_cv.metrics import figures, tables  # noqa: E402


def forward(x, block):
    block.initialize()
    return block(x)


# %% [markdown]
# ## Predictions
# The channels of a convolution hold the classes of all anchors of a unit; another's hold their offsets.

# %%
Y1 = forward(nd.zeros((2, 8, 20, 20)), d2l.cls_predictor(5, 10))
Y2 = forward(nd.zeros((2, 16, 10, 10)), d2l.cls_predictor(3, 10))
print(Y1.shape, Y2.shape)
print(d2l.concat_preds([Y1, Y2]).shape)
run.record(class_predictor_shapes=[Y1.shape, Y2.shape], concat_preds_shape=d2l.concat_preds([Y1, Y2]).shape)

# %% [markdown]
# ## Blocks

# %%
halved = forward(nd.zeros((2, 3, 20, 20)), d2l.down_sample_blk(10))
base = forward(nd.zeros((2, 3, 256, 256)), d2l.base_net())
print(halved.shape, base.shape)
run.record(down_sample_block_shape=halved.shape, base_network_shape=base.shape)

# %% [markdown]
# ## The whole model

# %%
net = d2l.TinySSD(num_classes=1)
net.initialize()
anchors, cls_preds, bbox_preds = net(nd.zeros((32, 3, 256, 256)))
print("output anchors:", anchors.shape)
print("output class preds:", cls_preds.shape)
print("output bbox preds:", bbox_preds.shape)
run.record(output_shapes={"anchors": anchors.shape, "class_preds": cls_preds.shape, "bbox_preds": bbox_preds.shape})

# %% [markdown]
# ## Training
# Hybridised, with memory and shapes planned once, a step takes about half the time. The data may also be the reader's
# own, packed by `d2lzh-cv data pack`, with as many classes as it has. Where several workers train, each reads its part.

# %%
ctx = d2l.try_gpu()
source = run.find("pikachu")
own = describe(source.path)
classes = own.classes if own else ["pikachu"]
batch_size, edge_size = min(32, own.train if own else 32), run.choose(quick=128, full=256)
train_iter, val_iter = load_pikachu(source.path, distributed.share(batch_size), edge_size,
                                    part=(distributed.rank(), distributed.num_workers()))
net = d2l.TinySSD(num_classes=len(classes))
net.initialize(init=init.Xavier(), ctx=ctx)
net.hybridize(static_alloc=True, static_shape=True)
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.2, "wd": 5e-4}, **distributed.kvstore())


def report(epoch):
    run.log_epoch("TinySSD", epoch)
    if epoch.number % 5 == 0 or epoch.number == num_epochs:
        print(epoch)


few = source.kind == "synthetic" or (own and own.train < 300)
num_epochs = run.epochs(quick=30 if few else 8, full=20)  # few pictures: more epochs
epochs = d2l.train_ssd(net, train_iter, trainer, ctx, num_epochs, report, snapshots=run.snapshots("TinySSD"))
run.leave_to_worker_0()
model = save_model(run.folder / "model", net, network="TinySSD", classes=classes, edge_size=edge_size)
print(f"for other pictures: d2lzh-cv predict detect {model} IMAGE... --out found")
run.record(class_err=epochs[-1].class_err, bbox_mae=epochs[-1].bbox_mae)

# %% [markdown]
# ## Prediction
# The book's picture, or the first validation picture of the reader's own set.

# %%
if own:
    picture, _ = first_picture(source.path / "val.rec")
else:
    picture = d2l.read_picture(run.find("img").path / "pikachu.jpg")
found = d2l.detect(net, picture, edge_size, ctx)
d2l.set_figsize((5, 5))
d2l.show_detections(picture, found, threshold=0.3, classes=classes)
run.save_figure("prediction", "boxes that score at least 0.3")
print(f"{(found[:, 1] >= 0.3).sum()} boxes score at least 0.3; the best {found[:1, 1]}")
run.record(boxes_above_0_3=int((found[:, 1] >= 0.3).sum()), best_score=float(found[0, 1]) if len(found) else None)

# %% [markdown]
# ## How good it is
# Mean average precision on the validation pictures. VOC's rules ask a box for IoU 0.5 with its object; COCO's is the
# mean over ten thresholds up to 0.95.

# %%
judged = metrics.evaluate_detector(net, val_iter, ctx, classes)
print(judged.scores)
if len(classes) > 1:
    print(tables.format_table(judged.scores.table()))
run.record(**judged.scores.means(), average_precision=judged.scores.table())
numbers = figures.best_and_worst(judged.ranked())
figures.show_detected(metrics.pictures_of(val_iter, numbers), judged, numbers)
run.save_figure("best_and_worst", "validation pictures: above the best, below the worst; green: ground-truth boxes, "
                                  "white: up to five predictions with a score of at least 0.3; quality is 1 where all "
                                  "objects are found and nothing else, and falls with IoU, missed and wrong boxes")
run.finish()
