# %% [markdown]
# # 9.13 Kaggle: dog breeds (实战Kaggle比赛：狗的品种识别)
#
# The pictures are a part of ImageNet: a network trained on it gives the features, only a small output is trained.

# %%
from pathlib import Path

import d2lzh_cv as d2l
from d2lzh_cv.data import kaggle
from d2lzh_cv.models.checkpoint import save_model
from d2lzh_cv.run import section

run = section.start("9.13")

# %%
from mxnet import gluon, nd  # noqa: E402
from mxnet.gluon import loss as gloss  # noqa: E402
from mxnet.gluon.data import DataLoader  # noqa: E402
from mxnet.gluon.data.vision import transforms  # noqa: E402

from d2lzh_cv.finetuning import NORMALIZE, FrozenFeatures, test_augs  # noqa: E402
from d2lzh_cv.run.source import source_of  # noqa: E402

data_dir = kaggle.unpack_kaggle_dog(run.find("kaggle_dog").path)
input_dir = data_dir / "train_valid_test_tiny"
if not input_dir.is_dir():  # the competition's own files, not sorted yet
    input_dir = (run.folder / "train_valid_test").resolve()
    kaggle.reorg_dog_data(data_dir, "labels.csv", "train", "test", input_dir, valid_ratio=0.1)

# %% [markdown]
# ## Data

# %%
devices = d2l.try_all_gpus()
source = source_of(run, devices)  # the book's is resnet34_v2
print(source.note)
run.record(source_network=source.name, source_trained_on=source.trained_on)
edge_size = run.choose(quick=64 if source.trained_on == "synthetic" else 112, full=224)
transform_train = transforms.Compose([
    transforms.RandomResizedCrop(edge_size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)),
    transforms.RandomFlipLeftRight(), transforms.RandomColorJitter(brightness=0.4, contrast=0.4, saturation=0.4),
    transforms.RandomLighting(0.1), transforms.ToTensor(), NORMALIZE])
breeds = d2l.image_folder(input_dir / "train_valid").synsets  # a small part may lack one
sets = {part: d2l.image_folder(input_dir / part, classes=breeds) for part in ("train", "valid", "train_valid")}
test_set = d2l.image_folder(input_dir / "test")
print({part: len(pictures) for part, pictures in sets.items()}, "test:", len(test_set), "breeds:", len(breeds))
run.record(pictures={part: len(pictures) for part, pictures in sets.items()}, breeds=len(breeds),
           input_folder=input_dir.name)

# %% [markdown]
# ## Training
# What counts in this competition is the cross-entropy, so that is what is watched.

# %%
loss = gloss.SoftmaxCrossEntropyLoss()
batch_size, num_epochs = run.choose(quick=16, full=1), run.epochs(quick=8, full=1)
learning_rate, lr_period, lr_decay = run.choose(quick=0.05, full=0.01), 10, 0.1


def evaluate_loss(data_iter, net):
    """Return the mean loss of ``net`` on the batches of ``data_iter``."""
    ls = [loss(net(X.as_in_context(devices[0])), y.as_in_context(devices[0])) for X, y in data_iter]
    return nd.concat(*ls, dim=0).mean().asscalar()


def train(series, train_set, valid_set):
    """Train the small output: SGD with momentum, the learning rate decayed every ten epochs."""
    net = FrozenFeatures(source.net.features, len(breeds))
    net.collect_params().reset_ctx(devices)
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.output_new.collect_params(), "sgd",
                            {"learning_rate": learning_rate, "momentum": 0.9, "wd": 1e-4})
    valid_iter = valid_set and DataLoader(valid_set.transform_first(test_augs(edge_size)), batch_size)

    def report(epoch):
        values = {"train_loss": epoch.loss}
        if valid_iter:
            values["valid_loss"] = float(evaluate_loss(valid_iter, net))
        text = ", ".join(f"{name.replace('_', ' ')} {value:f}" for name, value in values.items())
        print(f"epoch {epoch.number}, {text}, time {epoch.seconds:.2f} sec, lr {trainer.learning_rate}")
        run.log(series=series, epoch=epoch.number, **values, seconds=epoch.seconds)
        if epoch.number % lr_period == 0:
            trainer.set_learning_rate(trainer.learning_rate * lr_decay)
        last.update(values)

    last = {}
    d2l.fit(net, DataLoader(train_set.transform_first(transform_train), batch_size, shuffle=True), loss, trainer,
            devices, num_epochs, on_epoch=report, snapshots=run.snapshots(series))
    return net, last


# %%
_, last = train("train", sets["train"], sets["valid"])
run.record(**last)

# %% [markdown]
# ## Submission
# A probability for every breed.

# %%
net, last = train("train_valid", sets["train_valid"], None)
run.record(train_loss_all_pictures=last["train_loss"])
model = save_model(run.folder / "model", net, network="FrozenFeatures", arguments={"backbone": source.name},
                   classes=breeds, edge_size=edge_size)
print(f"for other pictures: d2lzh-cv predict classify {model} IMAGE... --out found")
batches = [net(X.as_in_context(devices[0])).softmax() for X, _ in
           DataLoader(test_set.transform_first(test_augs(edge_size)), batch_size)]
probabilities = nd.concat(*batches, dim=0).asnumpy()
ids = [Path(name).stem for name, _ in test_set.items]
path = kaggle.write_submission(run.folder / "submission.csv", ids, probabilities, breeds)
print(f"{len(ids)} rows of {len(breeds)} probabilities in {path.name}")

# %%
n = min(5, len(test_set))
axes = d2l.show_images([test_set[i][0] for i in range(n)], 1, n)
for ax, row in zip(axes.flatten(), probabilities):
    ax.set_title(f"{breeds[row.argmax()]} {row.max():.2f}", fontsize=8)
run.save_figure("predictions", "test pictures, the likeliest breed and its probability")
run.finish()
