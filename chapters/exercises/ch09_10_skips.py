# %% [markdown]
# # 9.10, exercise: FCN-32s, FCN-16s and FCN-8s (使用中间层的全卷积网络)
#
# The paper adds the scores of middle layers: features 16 and 8 times smaller than the picture know less of what an
# object is, and more of where it ends. The same features, data, seed and number of steps for all three.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.exercises import segmentation
from d2lzh_cv.run import section

run = section.start("9.10-skips")

# %%
from functools import partial  # noqa: E402

import numpy as np  # noqa: E402

from d2lzh_cv.exercises.fcn_skips import STRIDES, FCNSkips, taps  # noqa: E402
from d2lzh_cv.exercises.segmentation import VOID, classes_of, colored, near_border  # noqa: E402
from d2lzh_cv.metrics import tables  # noqa: E402
from d2lzh_cv.plotting import plt  # noqa: E402

data = segmentation.load_data(run, run.choose(quick=(64, 96), full=(224, 320)), run.choose(quick=4, full=1))
background, shown = data.background_share(), data.shown(4)

# %% [markdown]
# ## Training
# Scores of middle layers begin at zero: every one of the three begins as FCN-32s. What they add should show where one
# class ends and another begins, so these pixels are judged by themselves too.


# %%
def borders():
    """The middles with the classes of pixels near a border only."""
    for picture, classes in segmentation.middles(data.whole, data.crop_size):
        yield picture, np.where(near_border(classes, run.choose(quick=2, full=8)), classes, VOID)


# %%
num_epochs, learning_rate = run.epochs(quick=3, full=20), run.choose(quick=0.05, full=0.02)
results, predictions = {}, {}
for stride in STRIDES:
    d2l.seed_everything(run.seed)
    features, name = segmentation.features_of(run), f"FCN-{stride}s"
    print(f"{name} looks at layers {', '.join(str(layer) for s, layer in taps(features).items() if s >= stride)}")
    net = FCNSkips(features, len(data.classes), stride)
    epochs = segmentation.train(net, data, run, name, num_epochs, learning_rate, run.choose(quick=4, full=8))
    results[name] = epochs, data.judge(net), segmentation.judge(partial(classes_of, net), borders(), len(data.classes))
    predictions[name] = [classes_of(net, picture) for picture, _ in shown]

# %% [markdown]
# ## The same pictures, seen by each

# %%
rows = {"picture": [picture for picture, _ in shown],
        **{name: [colored(found) for found in classes] for name, classes in predictions.items()},
        "label": [colored(classes) for _, classes in shown]}
axes = d2l.show_images([image for column in zip(*rows.values()) for image in column], len(shown), len(rows))
height, width = data.crop_size
plt.gcf().set_size_inches(2.2 * len(rows), 2.2 * len(shown) * height / width + 0.4)
for ax, name in zip(axes[0], rows):
    ax.set_title(name)
plt.tight_layout()
run.save_figure("predictions", "test pictures, what each network sees in them, and the label")

# %%
for name, (epochs, *_) in results.items():
    plt.plot([epoch.number for epoch in epochs], [epoch.loss for epoch in epochs], label=name)
plt.xlabel("epoch")
plt.ylabel("training loss")
plt.legend()
run.save_figure("losses", "training loss")

# %%
table = {"columns": ["network", "last loss", "train accuracy", "pixel accuracy", "mean IoU", "accuracy near borders",
                     "seconds an epoch"],
         "rows": [[name, epochs[-1].loss, epochs[-1].train_acc, *judged.summary().values(),
                   at_borders.summary()["pixel_acc"], np.mean([epoch.seconds for epoch in epochs])]
                  for name, (epochs, judged, at_borders) in results.items()]}
print(tables.format_table(table))
order = sorted(table["rows"], key=lambda row: -row[4])
shows = (f"Mean IoU after {num_epochs} epochs: {', '.join(f'{row[0]} {row[4]:.3f}' for row in order)}; pixel accuracy "
         f"{', '.join(f'{row[3]:.3f}' for row in order)}, where all background would be {background:.3f}. Near borders "
         f"{', '.join(f'{row[5]:.3f}' for row in order)} are right."
         + run.choose(quick=" Small pictures, frozen features and few steps: only the full run tells which is best.",
                      full=""))
print(shows)
run.record(networks=table, background_share=background, shows=shows)
run.finish()
