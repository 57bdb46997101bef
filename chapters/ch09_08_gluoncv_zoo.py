# %% [markdown]
# # 9.8 SSD and FCN of GluonCV (GluonCV的SSD和FCN)
#
# The notes load four networks of GluonCV. Faster and Mask R-CNN are in 9.8; here are a single-shot detector and a fully
# convolutional network. Their weights are looked for in the data root, below weights/. Without them the networks run
# untrained: shapes and seconds are real, boxes and classes mean nothing.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.8-gluoncv-zoo")

# %%
import numpy as np  # noqa: E402
from gluoncv.utils import viz  # noqa: E402

from d2lzh_cv.metrics.tables import format_table  # noqa: E402
from d2lzh_cv.rcnn.zoo import GluonCVDetector, GluonCVSegmenter, with_weights  # noqa: E402

path, weights, ctx = run.find("img").path / "catdog.jpg", run.find("weights").folders, d2l.try_gpu()
rows, notes = [], []

# %% [markdown]
# ## SSD
# Anchors of several scales as in 9.7, 512 pixels, the 20 classes of VOC.

# %%
name = with_weights(["ssd_512_resnet50_v1_voc", "ssd_512_mobilenet1.0_voc"], weights)
detector = GluonCVDetector(name, weights, ctx)
for _ in range(2):  # the first pass also allocates
    found = detector(path, short=run.choose(quick=256, full=512))
kept = int((found.scores >= 0.5).sum().asscalar())
print(f"{detector.note}\nclasses {found.classes.shape}, scores {found.scores.shape}, boxes {found.boxes.shape}, "
      f"{kept} of them score at least 0.5")
detector.show(found, threshold=0.5)
run.save_figure(name, f"{detector.note}; {kept} boxes score at least 0.5")
rows.append([name, int(detector.trained), *found.picture.shape[:2], found.seconds])
notes.append(detector.note)

# %% [markdown]
# ## FCN
# Dilated convolutions keep the features of the residual network at an eighth of the picture, where that of 9.10 has a
# 32nd; interpolation makes them full size.

# %%
name = with_weights(["fcn_resnet101_voc", "fcn_resnet50_ade"], weights)
segmenter = GluonCVSegmenter(name, weights, ctx)
for _ in range(2):
    picture, classes, seconds = segmenter(path, short=run.choose(quick=96, full=480))
print(f"{segmenter.note}\npicture {picture.shape}, classes {classes.shape}, "
      f"{len(np.unique(classes))} different ones among them")
colors = np.asarray(viz.get_color_pallete(classes, "pascal_voc" if name.endswith("voc") else "ade20k").convert("RGB"))
for ax, shown in zip(d2l.plt.subplots(1, 2, figsize=(8, 4))[1], (picture, colors)):
    ax.imshow(shown)
    ax.set(xticks=[], yticks=[])
run.save_figure(name, segmenter.note)
rows.append([name, int(segmenter.trained), *picture.shape[:2], seconds])
notes.append(segmenter.note)

# %% [markdown]
# ## What was run

# %%
table = {"columns": ["network", "trained", "height", "width", "sec per picture"], "rows": rows}
shows = (f"{rows[1][0]} takes {rows[1][-1] / rows[0][-1]:.1f} times as long as {rows[0][0]}, on a picture of "
         f"{rows[1][2] * rows[1][3] / rows[0][2] / rows[0][3]:.2f} times as many pixels; {'; '.join(notes)}")
print(f"{format_table(table)}\n{shows}")
run.record(networks=table, shows=shows)
run.finish()
