# %% [markdown]
# # 9.2, exercises: greater rates, longer from scratch, frozen features, a row reused
#
# Every answer is one training; the table at the end holds them all. Few pictures are taken, so that it takes minutes.

# %%
import math

import numpy as np

import d2lzh_cv as d2l
from d2lzh_cv.data.hotdog import load_hotdog
from d2lzh_cv.errors import InputError
from d2lzh_cv.run import section

run = section.start("9.2-fine-tuning")

# %%
from mxnet import nd  # noqa: E402
from mxnet.gluon.data import DataLoader, SimpleDataset  # noqa: E402

from d2lzh_cv.finetuning import SourceNetwork, fine_tuned, test_augs  # noqa: E402
from d2lzh_cv.metrics.tables import format_table  # noqa: E402
from d2lzh_cv.run.source import source_of  # noqa: E402
from d2lzh_cv.weights.pretrained import find_params, load_network  # noqa: E402


def spread(pictures, count):
    """``count`` pictures, evenly from all of them: the classes come one after the other."""
    return SimpleDataset([pictures[int(i)] for i in np.linspace(0, len(pictures) - 1, min(count, len(pictures)))])


found = run.find("hotdog")
train_set, test_set = load_hotdog(found.path)
classes = train_set.synsets
train_set = spread(train_set, run.choose(quick=32, full=200))
test_set = spread(test_set, run.choose(quick=20, full=200))
print(len(train_set), "training and", len(test_set), "test pictures of", classes)
devices, batch_size = d2l.try_all_gpus(), run.choose(quick=16, full=20)
edge_size, num_epochs = run.choose(quick=64, full=112), run.epochs(quick=1, full=4)
rows, curves = [], {}


def scores_of(net, pictures, edge):
    """What ``net`` gives to all pictures (N, classes), and their labels (N,)."""
    batches = DataLoader(pictures.transform_first(test_augs(edge)), batch_size)
    parts = [(net(X.as_in_context(devices[0])).asnumpy(), y.asnumpy()) for X, y in batches]
    return tuple(map(np.concatenate, zip(*parts)))


def judge(net, edge):
    """Accuracy on the test pictures, and the share of pairs of a hot dog and another that are told apart."""
    scores, labels = scores_of(net, test_set, edge)
    hot = classes.index("hotdog")
    lead = scores[:, hot] - scores[:, 1 - hot]
    order = np.sign(lead[labels == hot][:, None] - lead[labels != hot])
    return float((scores.argmax(axis=1) == labels).mean()), float((1 + order).mean() / 2)


def train(name, net, rate, count=num_epochs, edge=edge_size):
    """One training and its row of the table; a rate that is too great ends it."""
    net.collect_params().reset_ctx(devices)
    before, told_apart = judge(net, edge)
    print(f"{name}, learning rate {rate:g}:")
    log, epochs = run.report(name), []

    def on_epoch(epoch):
        log(epoch)
        epochs.append(epoch)

    try:
        d2l.train_fine_tuning(net, train_set, test_set, rate, devices, batch_size, count, edge, on_epoch,
                              run.snapshots(name))
    except InputError as error:
        if "lower the learning rate" not in str(error):
            raise
        print(error)
    curves[name] = [before, *(epoch.test_acc for epoch in epochs)]
    ended = len(epochs) == count
    accuracies = (epochs[-1].train_acc, epochs[-1].test_acc) if ended else (None, None)
    rows.append([name, 1e3 * rate, count, before, told_apart, *accuracies])
    return epochs


# %% [markdown]
# ## Greater and greater rates
# The book's rate, five and 25 times that: 0.01, 0.05, 0.25 for its ResNet. Each begins with the source's features.

# %%
source = source_of(run, devices)
print(source.note)
base = {"resnet18_v2": 0.01, "resnet18_v1": 0.01}.get(source.name, 0.0003)  # as in 9.2
base = 0.003 if source.trained_on == "synthetic" else base
factors = (1, 5, 25)
for factor in factors:
    train(f"rate × {factor}", fine_tuned(source_of(run, devices), 2), base * factor)

# %% [markdown]
# ## Longer from scratch
# The second row is what the same training was after as many epochs as the others had.

# %%
longer = 3 * num_epochs
epochs = train(f"from scratch, {longer} epochs", d2l.from_scratch(source.name, 2), 0.1, longer)
if len(epochs) >= num_epochs:
    then = epochs[num_epochs - 1]
    rows.append([f"from scratch, {num_epochs} epochs", 100.0, num_epochs, *rows[-1][3:5], then.train_acc,
                 then.test_acc])
if run.full:
    train("from scratch, rate / 10", d2l.from_scratch(source.name, 2), 0.01)

# %% [markdown]
# ## Frozen features
# `grad_req = "null"` keeps the weights. In MXNet it keeps BatchNorm's running means and variances too: they are moved
# on the way back, which ends at the output now. In training the features are still normalised by each batch's own,
# unless they are computed as in prediction (`FrozenFeatures` of 9.13 does that).

# %%
frozen = fine_tuned(source_of(run, devices), 2)
frozen.features.collect_params().setattr("grad_req", "null")
were = {name: parameter.data().asnumpy() for name, parameter in frozen.features.collect_params().items()}
train("features frozen", frozen, base)
moved = [name for name, parameter in frozen.features.collect_params().items()
         if (parameter.data().asnumpy() != were[name]).any()]
statistics = [name for name in moved if name.endswith(("running_mean", "running_var"))]
print(f"{len(moved)} of {len(were)} arrays of the features have changed, {len(statistics)} of them running statistics")

# %% [markdown]
# ## The row of the hot dog
# ImageNet has a class for hot dogs, and the source's output a row for it, a better start than chance. The book takes
# row 713. In ImageNet's order (by WordNet's numbers) that is the photocopier, and the hot dog is 934. What do the
# weights say? The row whose probability is higher on hot dogs than on other pictures by most.

# %%
candidates = [(name, find_params(folder, name)) for folder in run.find("weights").folders
              for name in (*run.backbones, "squeezenet1.1")]
whole = [(name, path) for name, path in candidates if path is not None and not path.stem.endswith("-features")]
BOOKS_ROW, HOT_DOG = 713, 934
best_row, edge = None, 224  # SqueezeNet's last pooling takes no smaller ones


def load_head():
    """A network of ImageNet's 1000 classes, anew."""
    name, path = whole[0]
    return SourceNetwork(name, load_network(path, name, devices), f"{name}, weights from {path.name}", "imagenet")


def reuse_row(net, head, row):
    """Start the output for hot dogs with ``row`` of ``head``, the one for the rest with the mean of all others."""
    for new, old in zip(net.output.collect_params().values(), head.output.collect_params().values()):
        values = old.data()  # (1000, ...)
        own = values.slice_axis(axis=0, begin=row, end=row + 1)
        others = (values.sum(axis=0, keepdims=True) - own) / (len(values) - 1)
        new.set_data(nd.concat(*([own, others] if classes[0] == "hotdog" else [others, own]), dim=0))


def start_from(row):
    """A new network on the features of the head, with ``row`` reused."""
    head = load_head()
    net = fine_tuned(head, 2)
    reuse_row(net, head.net, row)
    return net


if not whole:
    print("no weights of a whole ImageNet network are here: a source of features or of drawn pictures has no row for "
          "hot dogs, so that this part is left out")
else:
    head = load_head()
    print(head.note)
    scores, labels = scores_of(head.net, train_set, edge)
    probabilities, is_hot_dog = nd.array(scores).softmax().asnumpy(), labels == classes.index("hotdog")
    means = probabilities[is_hot_dog].mean(axis=0), probabilities[~is_hot_dog].mean(axis=0)
    best_row = int((means[0] - means[1]).argmax())
    heads = {"columns": ["row", "probability × 1e3, hot dogs", "others"],
             "rows": [[str(row), *(1e3 * float(mean[row]) for mean in means)]
                      for row in dict.fromkeys((BOOKS_ROW, HOT_DOG, best_row))]}
    print(format_table(heads))
    print("highest on hot dogs compared with others: row", best_row)
    run.record(imagenet_rows=heads, best_row=best_row, head=head.note)
    rate = 0.001 if head.name.startswith("squeezenet") else 0.01  # SqueezeNet has no BatchNorm
    train(f"{head.name}, output from Xavier", fine_tuned(head, 2), rate, edge=edge)
    for row in (BOOKS_ROW, HOT_DOG):
        train(f"{head.name}, row {row}", start_from(row), rate, edge=edge)

# %%
table = {"columns": ["training", "rate × 1e3", "epochs", "test acc before", "told apart before", "train acc",
                     "test acc"], "rows": rows}
print(format_table(table))
for name, curve in curves.items():
    d2l.plt.plot(curve, marker=".", label=name)
d2l.plt.gcf().set_size_inches(8, 4)
d2l.plt.xlabel("epochs done")
d2l.plt.ylabel("test accuracy")
d2l.plt.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
run.save_figure("test_accuracy", "test accuracy from before the first epoch on")

# %%
test = {row[0]: row[6] for row in rows}
told = {name: "diverged" if value is None else f"{value:.3f}" for name, value in test.items()}
by_rate = ", ".join(told[f"rate × {factor}"] for factor in factors)
noise = 2 * math.sqrt(0.5 / len(test_set))  # two deviations of the difference of two accuracies near 1/2, at the most
best = max(test[f"rate × {factor}"] or 0 for factor in factors)
scratch = test[f"from scratch, {longer} epochs"] or 0
shows = (f"Test accuracy at {base:g} × 1, 5, 25: {by_rate}. From scratch {told[f'from scratch, {longer} epochs']} "
         f"after {longer} epochs, {'still below' if best - scratch > noise else 'not beyond chance below'} the best of "
         f"these; frozen features {told['features frozen']}.")
if best_row is not None:
    before = {row[0]: row[4] for row in rows}
    by_row = [before[f"{head.name}, {start}"] for start in ("output from Xavier", f"row {BOOKS_ROW}", f"row {HOT_DOG}")]
    shows += (f" Before any training the output from Xavier tells {by_row[0]:.0%} of the pairs of a hot dog and "
              f"another apart, row {BOOKS_ROW} {by_row[1]:.0%}, row {HOT_DOG} {by_row[2]:.0%}; of all 1000 rows "
              f"hot dogs raise {best_row} most.")
shows += f" Accuracies that differ by less than {noise:.2f} differ by chance."
shows += " Quick or drawn: these figures say nothing." if run.quick or found.kind == "synthetic" else ""
print(shows)
run.record(tried=table, shows=shows, source_network=source.name, source_trained_on=source.trained_on,
           frozen_arrays_changed={"all": len(moved), "running statistics": len(statistics), "of": len(were)})
run.finish()
