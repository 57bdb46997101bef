# %% [markdown]
# # 9.5 Multiscale object detection (多尺度目标检测)
#
# Anchors around every pixel are too many. A small feature map spreads its units evenly over the picture: few large
# anchors on a coarse map find large objects, many small ones on a fine map find small objects.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.5")

# %%
picture = d2l.read_picture(run.find("img").path / "catdog.jpg")
print(*picture.shape[:2])
run.record(image_height_width=picture.shape[:2])
d2l.set_figsize()

# %%
counts = {}
for side, size in ((4, 0.15), (2, 0.4), (1, 0.8)):
    anchors = d2l.show_anchors(picture, side, side, sizes=[size])
    run.save_figure(f"anchors_{side}x{side}", f"feature map {side} × {side}, size {size}: {anchors.shape[1]} anchors")
    counts[f"{side}x{side}"] = anchors.shape[1]
print("anchors by feature map:", counts)

# %% [markdown]
# Maps need not be square. MXNet's layout is (height, width): this one has 2 rows and 5 columns.

# %%
anchors = d2l.show_anchors(picture, 2, 5, sizes=[0.2])
run.save_figure("anchors_2x5", "2 rows and 5 columns of anchors, size 0.2")
run.record(anchors_by_feature_map=counts, anchors_2_rows_5_columns=anchors.shape)
run.finish()
