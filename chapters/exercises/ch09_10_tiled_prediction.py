# %% [markdown]
# # 9.10, exercise: the class of every pixel of every test picture (预测测试图像中所有像素的类别)
#
# The book predicts one crop of four pictures. Here every validation picture is predicted to its last pixel, whatever
# its size: in tiles that overlap. One picture is in memory at a time.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.exercises import segmentation
from d2lzh_cv.run import section

run = section.start("9.10-tiled-prediction")

# %%
import time  # noqa: E402
from functools import partial  # noqa: E402

import numpy as np  # noqa: E402

from d2lzh_cv.exercises import tiling  # noqa: E402
from d2lzh_cv.exercises.fcn_skips import FCNSkips  # noqa: E402
from d2lzh_cv.exercises.segmentation import as_batch, colored  # noqa: E402
from d2lzh_cv.metrics import figures, tables  # noqa: E402
from d2lzh_cv.plotting import plt  # noqa: E402

data = segmentation.load_data(run, run.choose(quick=(64, 96), full=(224, 320)), run.choose(quick=4, full=1))

# %% [markdown]
# ## A network
# FCN-8s (9.10-skips), trained on crops as in the book.

# %%
d2l.seed_everything(run.seed)
net, device = FCNSkips(segmentation.features_of(run), len(data.classes)), d2l.try_gpu()
segmentation.train(net, data, run, "FCN-8s", run.epochs(quick=3, full=30),
                   run.choose(quick=0.05, full=0.02), run.choose(quick=4, full=8))


# %% [markdown]
# ## Ways to predict
# The middle alone is what a crop of the training size shows. "Whole" continues the picture by its reflection up to
# multiples of 32 and predicts it at once: memory grows with the picture. Tiles of the training size need the same
# memory for any picture; their borders are blended, or each pixel is taken from the tile whose border is farthest away.
# Without overlap, every tile's border shows.


# %%
def score(part):
    return net(as_batch(part).as_in_context(device))[0].asnumpy()


large = (1 << 12, 1 << 12)  # one tile, whatever the picture
settings = {"whole": {"tile": large}, "tiles, blended": {"overlap": 32},
            "tiles, centers": {"overlap": 32, "join": "center"}, "tiles side by side": {"overlap": 0, "join": "center"}}
ways = {name: partial(tiling.predict_classes, score, **{"tile": data.crop_size, **setting})
        for name, setting in settings.items()}

# %%
rows, results, agreement = [], {}, {}
for name, classify in {"middle only": None, **ways}.items():
    began = time.perf_counter()
    result = data.judge(net) if classify is None else segmentation.judge(classify, data.whole, len(data.classes))
    seconds = (time.perf_counter() - began) / len(result.picture_iou)
    results[name] = result
    rows.append([name, len(result.picture_iou), int(result.matrix.sum()), *result.summary().values(), seconds])
table = {"columns": ["prediction", "pictures", "pixels judged", "pixel accuracy", "mean IoU", "seconds per picture"],
         "rows": rows}
print(tables.format_table(table))
print(tables.format_table(tables.per_class_iou(results["tiles, blended"].matrix, data.classes)))

# %% [markdown]
# ## Where tiles differ from the whole
# A network sees farther than any overlap, so tiles cannot give quite the same. Of four pictures the one is shown where
# tiles side by side differ most.

# %%
first = [data.whole[i] for i in range(min(4, len(data.whole)))]
for name, classify in ways.items():
    same = [(classify(picture) == ways["whole"](picture)).mean() for picture, _ in first]
    agreement[name] = float(np.mean(same))
    print(f"{name}: {agreement[name]:.1%} of the pixels as predicted from the whole picture")
picture, label = first[int(np.argmin(same))]
shown = {"picture": picture, **{name: colored(classify(picture)) for name, classify in ways.items()},
         "label": colored(label)}
axes = d2l.show_images(list(shown.values()), 2, 3, 3)
for ax, name in zip(axes.flat, shown):
    ax.set_title(name)
plt.tight_layout()
run.save_figure("ways", "one picture, predicted four ways")

# %%
numbers = figures.best_and_worst(results["tiles, blended"].ranked(), 3)
columns = [(picture, colored(ways["tiles, blended"](picture)), colored(label))
           for picture, label in (data.whole[i] for i in numbers)]
figures.show_segmented(columns, results["tiles, blended"].picture_iou[numbers])
run.save_figure("best_and_worst", "whole pictures, tiled predictions, labels: the three best, and the three worst")

# %%
middle, blended = rows[0], rows[2]
shows = (f"All {blended[1]} pictures in tiles: {blended[2]:,} pixels judged, {blended[2] / middle[2]:.1f} times those "
         f"of the middles; pixel accuracy {blended[3]:.3f} and mean IoU {blended[4]:.3f} (middles {middle[3]:.3f} and "
         f"{middle[4]:.3f}). {agreement['tiles, blended']:.1%} of the pixels are as in the whole picture's prediction, "
         f"side by side {agreement['tiles side by side']:.1%}."
         + run.choose(quick=" The network has learnt little in quick mode: only the full run's figures mean something.",
                      full=""))
print(shows)
run.record(predictions=table, agreement=agreement, shows=shows,
           per_class=tables.per_class_iou(results["tiles, blended"].matrix, data.classes))
run.finish()
