# %% [markdown]
# # 9.12 Kaggle: CIFAR-10 (实战Kaggle比赛：图像分类)
#
# From the competition's files to a submission: sort the pictures, choose on a validation set, train on all, predict.

# %%
from pathlib import Path

import d2lzh_cv as d2l
from d2lzh_cv.data import kaggle
from d2lzh_cv.data.normalization import CIFAR10_MEAN, CIFAR10_STD
from d2lzh_cv.models.checkpoint import save_model
from d2lzh_cv.run import section

run = section.start("9.12")

# %%
from mxnet import gluon, init  # noqa: E402
from mxnet.gluon import loss as gloss  # noqa: E402
from mxnet.gluon.data import DataLoader  # noqa: E402
from mxnet.gluon.data.vision import transforms  # noqa: E402

from d2lzh_cv.metrics.chance import beside_guessing  # noqa: E402

data_dir = kaggle.unpack_kaggle_cifar10(run.find("kaggle_cifar10").path)
input_dir, valid_ratio = (run.folder / "train_valid_test").resolve(), 0.1
kaggle.reorg_cifar10_data(data_dir, "trainLabels.csv", "train_tiny", "test_tiny", input_dir, valid_ratio)

# %% [markdown]
# ## Data

# %%
normalize = transforms.Normalize(CIFAR10_MEAN, CIFAR10_STD)
transform_train = transforms.Compose([
    transforms.Resize(40), transforms.RandomResizedCrop(32, scale=(0.64, 1.0), ratio=(1.0, 1.0)),
    transforms.RandomFlipLeftRight(), transforms.ToTensor(), normalize])
transform_test = transforms.Compose([transforms.ToTensor(), normalize])

classes = d2l.image_folder(input_dir / "train_valid").synsets  # a small part may lack one
sets = {part: d2l.image_folder(input_dir / part, classes=classes) for part in ("train", "valid", "train_valid")}
test_set = d2l.image_folder(input_dir / "test")
print({part: len(pictures) for part, pictures in sets.items()}, "test:", len(test_set))
run.record(pictures={part: len(pictures) for part, pictures in sets.items()}, classes=len(classes))

# %% [markdown]
# ## Training
# The book's demonstration takes one picture per batch and one epoch. Quick mode takes a few larger batches, enough for
# the loss to fall. Is that learning? On so few pictures an accuracy means little by itself: what would guessing give?

# %%
devices = d2l.try_all_gpus()
batch_size, num_epochs = run.choose(quick=10, full=1), run.epochs(quick=6, full=1)
learning_rate, lr_period, lr_decay = run.choose(quick=0.005, full=0.1), 80, 0.1


def train(series, train_set, valid_set):
    """Train ResNet-18 as the section does: SGD with momentum, the learning rate decayed every 80 epochs."""
    net = d2l.resnet18(len(classes))
    net.initialize(init.Xavier(), ctx=devices)
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd",
                            {"learning_rate": learning_rate, "momentum": 0.9, "wd": 5e-4})

    def report(epoch):
        valid = "" if epoch.test_acc is None else f"valid acc {epoch.test_acc:f}, "
        print(f"epoch {epoch.number}, loss {epoch.loss:f}, train acc {epoch.train_acc:f}, {valid}"
              f"time {epoch.seconds:.2f} sec, lr {trainer.learning_rate}")
        run.log(series=series, epoch=epoch.number, loss=epoch.loss, train_acc=epoch.train_acc,
                valid_acc=epoch.test_acc, seconds=epoch.seconds)
        if epoch.number % lr_period == 0:
            trainer.set_learning_rate(trainer.learning_rate * lr_decay)

    valid_iter = valid_set and DataLoader(valid_set.transform_first(transform_test), batch_size)
    epochs = d2l.fit(net, DataLoader(train_set.transform_first(transform_train), batch_size, shuffle=True),
                     gloss.SoftmaxCrossEntropyLoss(), trainer, devices, num_epochs, valid_iter, report,
                     run.snapshots(series, best=valid_set and "test_acc"))
    return net, epochs


# %%
_, epochs = train("train", sets["train"], sets["valid"])
seen, _ = beside_guessing(epochs[-1].train_acc, len(sets["train"]), len(classes))
unseen, line = beside_guessing(epochs[-1].test_acc, len(sets["valid"]), len(classes))
verdict = ("what was learnt holds for pictures that were not trained on" if unseen else
           f"the loss went from {epochs[0].loss:.2f} to {epochs[-1].loss:.2f}, so that the network knows its own "
           f"{len(sets['train'])} pictures, but so few cannot show more" if seen else
           f"{num_epochs} epochs on {len(sets['train'])} pictures have taught it nothing that can be told from luck")
shows = f"validation: {line}; {verdict}"
print(shows)
run.record(loss=epochs[-1].loss, train_acc=epochs[-1].train_acc, valid_acc=epochs[-1].test_acc, shows=shows)

# %% [markdown]
# ## Submission
# With all training pictures, for the competition.

# %%
net, epochs = train("train_valid", sets["train_valid"], None)
model = save_model(run.folder / "model", net, network="resnet18_cifar10", classes=classes, edge_size=32)
print(f"for other pictures: d2lzh-cv predict classify {model} IMAGE... --out found")
predictions = []
for X, _ in DataLoader(test_set.transform_first(transform_test), batch_size):
    predictions += net(X.as_in_context(devices[0])).argmax(axis=1).astype(int).asnumpy().tolist()
ids = [Path(name).stem for name, _ in test_set.items]
path = kaggle.write_submission(run.folder / "submission.csv", ids, predictions, classes)
print(f"{len(predictions)} predictions in {path.name}")
d2l.show_images([test_set[i][0] for i in range(min(5, len(test_set)))], 1, min(5, len(test_set)))
for ax, prediction in zip(d2l.plt.gcf().axes, predictions):
    ax.set_title(classes[prediction], fontsize=9)
run.save_figure("predictions", "test pictures and what the network says")
run.finish()
