# %% [markdown]
# # 9.3 Object detection and bounding boxes (目标检测和边界框)
#
# A classifier says what is in a picture, a detector also where. The place is told by a bounding box: the corners
# (xmin, ymin) and (xmax, ymax), with the origin at the top left, x to the right and y downwards.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.3")

# %%
from mxnet import nd  # noqa: E402  (after d2lzh_cv, which makes it importable)

d2l.set_figsize()
picture = d2l.read_picture(run.find("img").path / "catdog.jpg")
d2l.plt.imshow(picture.asnumpy())
run.save_figure("picture", "a dog and a cat")
print("picture (height, width, channels):", picture.shape)
run.record(image_height_width=picture.shape[:2])

# %% [markdown]
# The boxes were drawn by hand, in pixels.

# %%
dog_bbox, cat_bbox = [60, 45, 378, 516], [400, 112, 655, 493]
axes = d2l.plt.imshow(picture.asnumpy()).axes
axes.add_patch(d2l.bbox_to_rect(dog_bbox, "blue"))
axes.add_patch(d2l.bbox_to_rect(cat_bbox, "red"))
run.save_figure("boxes", "their bounding boxes, dog blue and cat red")

# %% [markdown]
# The same box can be told by its centre and size. One form turns into the other and back without loss.

# %%
boxes = nd.array([dog_bbox, cat_bbox])
centers = d2l.corner_to_center(boxes)
print("centre x, centre y, width, height in pixels:", centers.asnumpy().tolist())
print("back again:", d2l.center_to_corner(centers).asnumpy().tolist())
run.record(dog_and_cat_centers=centers, area_in_pixels=d2l.box_area(boxes))
run.finish()
