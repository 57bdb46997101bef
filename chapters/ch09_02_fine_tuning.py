# %% [markdown]
# # 9.2 Fine-tuning (微调)
#
# What a network has learnt on a large set serves a small one: keep its features, start the output anew, and let the
# output learn ten times as fast. Beside it the same network from scratch.

# %%
import d2lzh_cv as d2l
from d2lzh_cv import metrics
from d2lzh_cv.data.hotdog import load_hotdog
from d2lzh_cv.models.checkpoint import save_model
from d2lzh_cv.run import section

run = section.start("9.2")

# %%
from mxnet.gluon.data import DataLoader  # noqa: E402

from d2lzh_cv.finetuning import test_augs  # noqa: E402
from d2lzh_cv.metrics import figures, tables  # noqa: E402
from d2lzh_cv.run.source import source_of  # noqa: E402

train_set, test_set = load_hotdog(run.find("hotdog").path)
hotdogs = [train_set[i][0] for i in range(8)]
not_hotdogs = [train_set[-i - 1][0] for i in range(8)]
d2l.show_images(hotdogs + not_hotdogs, 2, 8, scale=1.4)
run.save_figure("pictures", "hot dogs above, others below")
print(len(train_set), "training and", len(test_set), "test pictures")
run.record(pictures={"train": len(train_set), "test": len(test_set)})

# %% [markdown]
# ## The source network
# The book takes `resnet18_v2` trained on ImageNet. Where its weights are not to be had, another network's are taken
# (`--backbone resnet18_v1` is torchvision's `resnet18`; `resnet18_v2` it has not), or a small source set is learnt
# first: the reason why fine-tuning wins is the same.

# %%
devices = d2l.try_all_gpus()
source = source_of(run, devices)
print(source.note)
print("output layer:", source.net.output)
run.record(source_network=source.name, source_trained_on=source.trained_on)

# %% [markdown]
# ## Fine-tuned and from scratch

# %%
edge_size = run.choose(quick=64 if source.trained_on == "synthetic" else 112, full=224)
batch_size = run.choose(quick=16, full=min(128, len(train_set) // 10))  # ten steps an epoch of a small set
num_epochs = run.epochs(quick=4, full=5)


def compare(series, net, learning_rate):
    print(f"{series}, learning rate {learning_rate}:")
    epochs = d2l.train_fine_tuning(net, train_set, test_set, learning_rate, devices, batch_size, num_epochs,
                                   edge_size, on_epoch=run.report(series),
                                   snapshots=run.snapshots(series, best="test_acc"))
    run.record(**{f"test_acc, {series}": epochs[-1].test_acc})
    return epochs[-1].test_acc


# %%
learning_rate = 0.01 if source.name.startswith("resnet") else 0.0003  # MobileNet's features are far larger
if source.trained_on == "synthetic":
    learning_rate = 0.003  # smaller batches than the book's
tuned = d2l.fine_tuned(source, num_classes=2, lr_mult=10)
fine_tuned = compare("fine-tuned", tuned, learning_rate)
save_model(run.folder / "model", tuned, network="model_zoo", arguments={"name": source.name},
           classes=train_set.synsets, edge_size=edge_size)  # for d2lzh-cv predict classify
scratch = compare("from scratch", d2l.from_scratch(source.name, num_classes=2), 0.1)
print(f"test accuracy: fine-tuned {fine_tuned:.3f}, from scratch {scratch:.3f}")

# %% [markdown]
# ## Where it is wrong
# What the fine-tuned network takes for what, and the test pictures it is surest of and most wrong about.

# %%
classes = train_set.synsets
judged = metrics.evaluate_classifier(tuned, DataLoader(test_set.transform_first(test_augs(edge_size)), batch_size),
                                     devices, len(classes))
print(tables.format_table(tables.per_class(judged.matrix, classes)))
run.record(per_class=tables.per_class(judged.matrix, classes),
           confusion_matrix=tables.whole_matrix(judged.matrix, classes))
figures.show_confusion(judged.matrix, classes)
run.save_figure("confusion", "fine-tuned: labels and predictions of the test pictures")
numbers = figures.best_and_worst(judged.ranked())
figures.show_classified([test_set[i][0] for i in numbers], judged, numbers, classes)
run.save_figure("best_and_worst", "above the surest, below the worst; under each label the probability given to it")

# %% [markdown]
# The exercise: the features stay as they are, only the output learns.

# %%
if run.full:
    source = source_of(run, devices)  # loaded anew: the features above have changed
    frozen = d2l.fine_tuned(source, num_classes=2, lr_mult=10)
    frozen.features.collect_params().setattr("grad_req", "null")
    compare("features frozen", frozen, learning_rate)
run.finish()
