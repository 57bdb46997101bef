# %% [markdown]
# # 9.1 Image augmentation (图像增广)
#
# Random changes make similar but different training pictures: the set grows, and the model learns not to rely on
# where a thing stands or what light falls on it. Only training pictures are changed; predictions must not depend on
# chance.

# %%
import d2lzh_cv as d2l
from d2lzh_cv import metrics
from d2lzh_cv.data.cifar10 import CIFAR10, CIFAR10_CLASSES
from d2lzh_cv.models.checkpoint import save_model
from d2lzh_cv.run import section

run = section.start("9.1")

# %%
import mxnet as mx  # noqa: E402
from mxnet import gluon, nd  # noqa: E402
from mxnet.gluon.data.vision import transforms  # noqa: E402

from d2lzh_cv.augmentation import viewable  # noqa: E402
from d2lzh_cv.metrics import figures, tables  # noqa: E402

d2l.set_figsize()
picture = d2l.read_picture(run.find("img").path / "cat1.jpg")
d2l.plt.imshow(picture.asnumpy())
run.save_figure("picture", "the picture before any change")

# %% [markdown]
# ## Common methods
# Flips, crops and colours, eight results each.

# %%
shape_aug = transforms.RandomResizedCrop((200, 200), scale=(0.1, 1), ratio=(0.5, 2))
color_aug = transforms.RandomColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5)
all_augs = transforms.Compose([transforms.RandomFlipLeftRight(), color_aug, shape_aug])
for name, aug in {"flip_left_right": transforms.RandomFlipLeftRight(),
                  "flip_top_bottom": transforms.RandomFlipTopBottom(),
                  "random_crop": shape_aug,
                  "brightness": transforms.RandomBrightness(0.5),
                  "hue": transforms.RandomHue(0.5),
                  "color_jitter": color_aug,
                  "several_together": all_augs}.items():
    d2l.apply(picture, aug)
    run.save_figure(name, name.replace("_", " "))

# %% [markdown]
# All that Gluon offers, once each. `Cast`, `ToTensor` and `Normalize` change numbers more than looks.

# %%
axes = d2l.show_images([viewable(make()(picture)) for make in d2l.ALL_TRANSFORMS.values()], 3, 5)
for ax, name in zip(axes.flatten(), d2l.ALL_TRANSFORMS):
    ax.set_title(name, fontsize=8)
run.save_figure("fifteen_transforms", "the fifteen transforms of gluon.data.vision.transforms")
print(len(d2l.ALL_TRANSFORMS), "transforms:", ", ".join(d2l.ALL_TRANSFORMS))

# %% [markdown]
# ## Training with augmentation

# %%
root = run.find("cifar10").path
train_set, test_set = CIFAR10(root, train=True), CIFAR10(root, train=False)
print(len(train_set), "training and", len(test_set), "test pictures")
run.record(pictures={"train": len(train_set), "test": len(test_set)})
d2l.show_images(train_set[0:32][0], 4, 8, scale=0.8)
run.save_figure("cifar10", "the first 32 training pictures of CIFAR-10")
if run.quick:
    train_set, test_set = train_set.take(512), test_set.take(200)

# %% [markdown]
# A batch is split between the devices there are; gradients are added up over them.

# %%
devices = d2l.try_all_gpus()
halves = gluon.utils.split_and_load(nd.zeros((8, 3, 32, 32)), [mx.cpu(0), mx.cpu(1)])
print("a batch of 8 on two devices:", [(half.shape, half.context) for half in halves])

# %%
augs = {"flip": d2l.FLIP_AUG, "no augmentation": d2l.NO_AUG}
if run.full:  # the exercise: still more changes
    augs["flip + hue"] = transforms.Compose(
        [transforms.RandomFlipLeftRight(), transforms.RandomHue(0.5), transforms.ToTensor()])
nets = {series: d2l.resnet18(10) for series in augs}
for series, aug in augs.items():
    print(f"ResNet-18, {series}:")
    epochs = d2l.train_with_data_aug(train_set, test_set, aug, d2l.NO_AUG, devices,
                                     num_epochs=run.epochs(quick=2, full=10),
                                     batch_size=run.choose(quick=16, full=256), on_epoch=run.report(series),
                                     snapshots=run.snapshots(series, best="test_acc"), net=nets[series])
    run.record(**{f"test_acc, {series}": epochs[-1].test_acc})

# %% [markdown]
# ## Where it is wrong
# The network that saw flips: what it takes for what, and the test pictures it is surest of and most wrong about.

# %%
run.leave_to_worker_0()
model = save_model(run.folder / "model", nets["flip"], network="resnet18", classes=CIFAR10_CLASSES, edge_size=32)
print(f"for other pictures: d2lzh-cv predict classify {model} IMAGE... --out found")
judged = metrics.evaluate_classifier(nets["flip"], d2l.load_cifar10(test_set, d2l.NO_AUG, 256, False), devices, 10)
print(tables.format_table(tables.per_class(judged.matrix, CIFAR10_CLASSES)))
run.record(per_class=tables.per_class(judged.matrix, CIFAR10_CLASSES),
           confusion_matrix=tables.whole_matrix(judged.matrix, CIFAR10_CLASSES))
figures.show_confusion(judged.matrix, CIFAR10_CLASSES)
run.save_figure("confusion", "trained with flips: labels and predictions of the test pictures")
numbers = figures.best_and_worst(judged.ranked())
figures.show_classified([test_set[i][0] for i in numbers], judged, numbers, CIFAR10_CLASSES)
run.save_figure("best_and_worst", "above the surest, below the worst; under each label the probability given to it")

# %%
run.finish()
