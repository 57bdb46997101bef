# %% [markdown]
# # 9.8 Region-based CNNs (区域卷积神经网络, the R-CNN family)
#
# R-CNN computes features of every proposed region; Fast R-CNN computes those of the picture once and pools each
# region out of them; Faster R-CNN proposes regions from the same features:
#
# 1. a 3×3 convolution with c channels makes a feature of length c for every unit of the feature map;
# 2. anchors are made around every unit and labelled;
# 3. from the unit's feature, each anchor's binary class (object or background) and box are predicted;
# 4. non-maximum suppression removes similar boxes of objects; the rest are the proposed regions.
#
# Mask R-CNN adds a mask for each region, and pools without rounding (region of interest align).

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.8")

# %%
from mxnet import nd  # noqa: E402

from d2lzh_cv.rcnn import GluonCVDetector  # noqa: E402

# %% [markdown]
# ## Region of interest pooling
# The map is a tenth of the picture in height and width; both regions become 2 × 2.

# %%
X = nd.arange(16).reshape((1, 1, 4, 4))
rois = nd.array([[0, 0, 0, 20, 20], [0, 0, 10, 30, 30]])
print(X)
pooled = d2l.roi_pooling(X, rois, pooled_size=(2, 2), spatial_scale=0.1)
print(pooled)
print("without rounding (RoI align):", d2l.roi_align(X, rois, pooled_size=(2, 2), spatial_scale=0.1))
run.record(roi_pooling=pooled)

# %% [markdown]
# ## Faster R-CNN and Mask R-CNN from GluonCV

# %%
path = run.find("img").path / "catdog.jpg"
weights = run.find("weights").folders
ctx = d2l.try_gpu()
for name in ("faster_rcnn_resnet50_v1b_voc", "mask_rcnn_resnet18_v1b_coco"):
    detector = GluonCVDetector(name, weights, ctx)
    print(detector.note)
    found = detector(path, short=run.choose(quick=300, full=600))
    print(f"{name}: classes {found.classes.shape}, scores {found.scores.shape}, boxes {found.boxes.shape}, "
          f"{found.seconds:.2f} sec")
    detector.show(found, threshold=0.5)
    run.save_figure(name, f"{name}: {detector.note}")
    run.record(**{f"{name}, seconds per picture": found.seconds, f"{name}, trained": detector.trained})
run.finish()
