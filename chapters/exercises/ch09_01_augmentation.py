# %% [markdown]
# # 9.1, exercise: does augmentation reduce overfitting?
#
# The same network, the same few pictures, other changes to them. Over-fitting is the gap between the accuracy on
# pictures it has seen and on those it has not. While training, the pictures are changed and so harder: for a fair gap
# the training pictures are judged once more at the end, unchanged.

# %%
import math

import d2lzh_cv as d2l
from d2lzh_cv.data.cifar10 import CIFAR10
from d2lzh_cv.run import section

run = section.start("9.1-augmentation")

# %%
from mxnet.gluon.data.vision import transforms  # noqa: E402

from d2lzh_cv.metrics.tables import format_table  # noqa: E402

source = run.find("cifar10")
train_set = CIFAR10(source.path, train=True).take(run.choose(quick=32, full=1024))
test_set = CIFAR10(source.path, train=False).take(run.choose(quick=20, full=1000))
print(len(train_set), "training and", len(test_set), "test pictures")

flip = transforms.RandomFlipLeftRight()
color = transforms.RandomColorJitter(brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5)
crop = transforms.RandomResizedCrop((32, 32), scale=(0.5, 1), ratio=(0.75, 4 / 3))
changes = {"none": [], "flip": [flip], "flip + colour": [flip, color], "flip + crop": [flip, crop]}
augs = {name: transforms.Compose([*steps, transforms.ToTensor()]) for name, steps in changes.items()}
if run.quick:
    del augs["flip + crop"]

# %%
fig, axes = d2l.plt.subplots(len(augs), 8, figsize=(8, 1.1 * len(augs)))
for row, (name, aug) in zip(axes, augs.items()):
    row[0].set_ylabel(name, fontsize=8, rotation=0, ha="right")
    for ax in row:
        ax.imshow(aug(train_set[4][0]).transpose((1, 2, 0)).asnumpy())
        ax.set(xticks=[], yticks=[])
run.save_figure("pictures", "one training picture as each setting shows it, eight times")

# %% [markdown]
# ## Training
# The network is kept, to be judged on the unchanged training pictures.

# %%
devices, batch_size = d2l.try_all_gpus(), run.choose(quick=16, full=128)


def train(name, aug):
    """Train on pictures changed by ``aug``; returns the epochs and the accuracy on the unchanged ones."""
    d2l.seed_everything(run.seed)  # all settings begin with the same weights
    print(f"ResNet-18, {name}:")
    net = d2l.resnet18(10)
    epochs = d2l.train_with_data_aug(train_set, test_set, aug, d2l.NO_AUG, devices, run.epochs(quick=2, full=12),
                                     batch_size, on_epoch=run.report(name), snapshots=run.snapshots(name), net=net)
    return epochs, d2l.evaluate_accuracy(d2l.load_cifar10(train_set, d2l.NO_AUG, batch_size, False), net, devices)


trained = {name: train(name, aug) for name, aug in augs.items()}

# %%
rows = []
for name, (epochs, unchanged) in trained.items():
    last = epochs[-1]
    rows.append([name, last.train_acc, unchanged, last.test_acc, unchanged - last.test_acc,
                 max(epoch.test_acc for epoch in epochs)])
table = {"columns": ["augmentation", "train acc, changed", "train acc, unchanged", "test acc", "gap", "best test acc"],
         "rows": rows}
print(format_table(table))

# %%
fig, (left, right) = d2l.plt.subplots(1, 2, figsize=(10, 3.6))
for i, (name, (epochs, _)) in enumerate(trained.items()):
    numbers = [epoch.number for epoch in epochs]
    left.plot(numbers, [epoch.train_acc for epoch in epochs], f"C{i}--")
    left.plot(numbers, [epoch.test_acc for epoch in epochs], f"C{i}", label=name)
    right.plot(numbers, [epoch.train_acc - epoch.test_acc for epoch in epochs], f"C{i}", label=name)
left.set(xlabel="epoch", ylabel="accuracy", title="training (dashed) and test")
right.set(xlabel="epoch", title="training minus test, while training")
right.axhline(0, color="k", linewidth=0.5)
left.legend(fontsize=8)
run.save_figure("gap", "accuracy and gap over the epochs")

# %% [markdown]
# ## Does it support the claim?
# Over-fitting is fought where the gap shrinks and the test accuracy does not pay for it. An accuracy is uncertain
# itself: with few test pictures by √(p(1 - p)/n), a difference of two by √2 times that; and it moves from epoch to
# epoch. What is within the greater of two deviations and the largest move of the last epochs is called chance.

# %%
gaps, tests = {row[0]: row[4] for row in rows}, {row[0]: row[3] for row in rows}
deviation = math.sqrt(2 * tests["none"] * (1 - tests["none"]) / len(test_set))
last = [[epoch.test_acc for epoch in epochs[-4:]] for epochs, _ in trained.values()]
moves = [abs(after - before) for accuracies in last for before, after in zip(accuracies, accuracies[1:])]
chance = max([2 * deviation, *moves])
others = [name for name in augs if name != "none"]
smaller = [name for name in others if gaps["none"] - gaps[name] > chance]
better = [name for name in others if tests[name] - tests["none"] > chance]
worse = [name for name in others if tests["none"] - tests[name] > chance]
if gaps["none"] < chance:
    verdict = "without augmentation the network does not overfit, so this run cannot tell"
elif smaller:
    verdict = (f"the gap shrinks with {', '.join(smaller)}, and the test accuracy rises with "
               f"{', '.join(better) or 'none'} and falls with {', '.join(worse) or 'none'} beyond chance: this "
               f"{'speaks against' if set(smaller) <= set(worse) else 'supports'} the claim")
else:
    verdict = "no gap shrinks beyond chance, which does not support the claim"
few = " (quick or drawn data: these figures say nothing)" if run.quick or source.kind == "synthetic" else ""
shows = (f"Gaps of {', '.join(f'{gaps[name]:.3f} with {name}' for name in augs)}; differences within {chance:.3f} "
         f"are chance. So {verdict}{few}.")
print(shows)
run.record(tried=table, chance=chance, pictures={"train": len(train_set), "test": len(test_set)}, shows=shows)
run.finish()
