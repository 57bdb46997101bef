# %% [markdown]
# # 9.10, exercise: Xavier instead of bilinear interpolation, other rates and batches (转置卷积层的初始化)
#
# The transposed convolution starts from interpolation in the book. From Xavier it starts with tiny random weights: a
# channel's fan is its 64 × 64 kernel times the classes. The notes saw the accuracy stand still near 0.729.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.exercises import segmentation
from d2lzh_cv.run import section

run = section.start("9.10-initialization")

# %%
from dataclasses import dataclass  # noqa: E402

from d2lzh_cv.metrics import tables  # noqa: E402
from d2lzh_cv.plotting import plt  # noqa: E402

data = segmentation.load_data(run, run.choose(quick=(64, 96), full=(224, 320)), run.choose(quick=4, full=1))
background = data.background_share()


# %% [markdown]
# ## What is varied
# All start from the same features and the same output convolution, which learns at the network's rate. The book's 0.1
# is for batches of 32: with 8 pictures per batch and MobileNet's features, far larger than ResNet's, it overshoots.


# %%
rate = run.choose(quick=0.1, full=0.02)


@dataclass(frozen=True)
class Setting:
    name: str
    bilinear: bool = True
    learning_rate: float = rate
    batch_size: int = run.choose(quick=4, full=8)


plain, xavier = Setting("bilinear"), Setting("Xavier", bilinear=False)
settings = [plain, xavier, Setting("Xavier, tenfold rate", bilinear=False, learning_rate=10 * rate)]
if run.full:
    settings += [Setting("bilinear, the book's rate", learning_rate=0.1),
                 Setting("bilinear, half the rate", learning_rate=0.01),
                 Setting("bilinear, batch 4", batch_size=4), Setting("bilinear, batch 16", batch_size=16)]

# %%
num_epochs, curves, rows = run.epochs(quick=3, full=8), {}, []
for setting in settings:
    d2l.seed_everything(run.seed)
    net = d2l.fcn(segmentation.features_of(run), len(data.classes), setting.bilinear)
    epochs = segmentation.train(net, data, run, setting.name, num_epochs, setting.learning_rate, setting.batch_size)
    judged = data.judge(net)
    called_background = judged.matrix[:, 0].sum() / judged.matrix.sum()
    curves[setting.name] = epochs
    rows.append([setting.name, setting.learning_rate, setting.batch_size, epochs[0].loss, epochs[-1].loss,
                 called_background, *judged.summary().values()])

# %% [markdown]
# ## Curves
# Whoever calls every pixel background comes about to the dotted line.

# %%
_, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
for name, epochs in curves.items():
    numbers = [epoch.number for epoch in epochs]
    line = left.plot(numbers, [epoch.loss for epoch in epochs], "o-", label=name)[0]
    right.plot(numbers, [epoch.test_acc for epoch in epochs], "o-", color=line.get_color())
right.axhline(background, color="black", linestyle=":")
left.set(xlabel="epoch", ylabel="training loss", xticks=numbers)
right.set(xlabel="epoch", ylabel="test accuracy", xticks=numbers)
left.legend(fontsize=8)
plt.tight_layout()
run.save_figure("curves", f"loss, and accuracy on random crops, of every setting; dotted: the share of "
                          f"background in the middles, {background:.3f}")

# %%
table = {"columns": ["setting", "rate", "batch", "first loss", "last loss", "background predicted", "pixel accuracy",
                     "mean IoU"], "rows": rows}
print(tables.format_table(table))
row_of = {row[0]: row for row in rows}
one, other, best = row_of[plain.name], row_of[xavier.name], max(rows, key=lambda row: row[-1])
stuck = "stands still on the all-background answer" if other[5] > 0.99 else "has left the all-background answer"
shows = (f"After {num_epochs} epochs Xavier calls {other[5]:.1%} of the pixels background, bilinear {one[5]:.1%}; "
         f"{background:.1%} are. Xavier's loss fell from {other[3]:.2f} to {other[4]:.2f} and its accuracy, "
         f"{other[6]:.3f}, {stuck}. Mean IoU: Xavier {other[7]:.3f}, bilinear {one[7]:.3f}, the best is "
         f"{best[0]} with {best[7]:.3f}."
         + run.choose(quick=" Small pictures, frozen features and few steps: only the full run compares the settings.",
                      full=""))
print(shows)
run.record(settings=table, background_share=background, shows=shows)
run.finish()
