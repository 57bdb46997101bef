# %% [markdown]
# # 9.6, exercise: every parameter of `CreateDetAugmenter` and `ImageDetIter`
#
# What each does is measured, not quoted: the picture with the dog and the cat goes through the augmenters again and
# again, with one parameter changed at a time.

# %%
import inspect
import random
from itertools import islice

import numpy as np

import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.6-augmenters")

# %%
import mxnet as mx  # noqa: E402
from PIL import Image  # noqa: E402

from d2lzh_cv.data.pikachu import load_pikachu  # noqa: E402
from d2lzh_cv.data.records import pack_record, write_records  # noqa: E402
from d2lzh_cv.metrics.tables import format_table  # noqa: E402

picture = d2l.read_picture(run.find("img").path / "catdog.jpg")
scale = np.tile(picture.shape[1::-1], 2)  # width, height, width, height
objects = np.vstack([[0, *[60, 45, 378, 516] / scale], [1, *[400, 112, 655, 493] / scale]])
picture = mx.image.imresize(picture, 364, 280)
DRAWS, SHOWN, SHAPE = run.choose(quick=6, full=200), run.choose(quick=2, full=3), (3, 200, 260)

# %% [markdown]
# ## The settings
# A parameter of crops or of padding does nothing alone, so that those stand beside `rand_crop=1` or `rand_pad=1`.

# %%
CROP, PAD, SMALL = {"rand_crop": 1}, {"rand_pad": 1}, {"resize": 40}
GROUPS = {
    "size": [{}, {"data_shape": (3, 120, 300)}, SMALL, *({**SMALL, "inter_method": i} for i in (0, 1, 2, 3, 4, 9, 10))],
    "crop": [{"rand_crop": 0.5}, CROP, {**CROP, "min_object_covered": 0.95}, {**CROP, "min_object_covered": 0},
             {**CROP, "min_object_covered": [0.1, 0.95]}, {**CROP, "min_eject_coverage": 0.9},
             {**CROP, "aspect_ratio_range": (2, 3)}, {**CROP, "area_range": (0.05, 0.2)},
             {**CROP, "min_object_covered": 0.95, "max_attempts": 1}],
    "pad": [{"rand_pad": 0.5}, PAD, {**PAD, "area_range": (0.05, 1.5)}, {**PAD, "aspect_ratio_range": (2, 3)},
            {**PAD, "pad_val": (255, 0, 0)}, {**PAD, "pad_val": 255}, {**PAD, "max_attempts": 1}],
    "mirror and colour": [{"rand_mirror": True}, {"rand_gray": 0.5}, {"brightness": 0.5}, {"contrast": 0.5},
                          {"saturation": 0.5}, {"hue": 0.5}, {"pca_noise": 0.5}],
    "mean and std": [{"mean": True}, {"std": True}, {"mean": True, "std": True}, {"mean": np.full(3, 128.0)}]}


def name_of(parameters):
    return ", ".join(f"{key}={'array' if isinstance(value, np.ndarray) else value}"
                     for key, value in parameters.items()) or "nothing"


parameters = set(inspect.signature(mx.image.CreateDetAugmenter).parameters)
left_out = parameters - {key for group in GROUPS.values() for setting in group for key in setting}
print(f"{len(parameters)} parameters, none left out" if not left_out else f"left out: {sorted(left_out)}")

# %% [markdown]
# ## One draw
# A second picture in which each object's box is filled goes through the same changes of shape: where the filling ends
# up tells whether the boxes have followed.


# %%
def augment(pixels, seed, parameters, shape_only=False):
    """One draw: the picture, its rows, and its size before the last step makes all of one size."""
    random.seed(seed)
    np.random.seed(seed)
    rows, size = objects.copy(), None
    for augmenter in mx.image.CreateDetAugmenter(**{"data_shape": SHAPE, **parameters}):
        last = isinstance(getattr(augmenter, "augmenter", None), mx.image.ForceResizeAug)
        size = pixels.shape[:2] if last else size
        pixels, rows = augmenter(pixels, rows)
        if last and shape_only:
            break
    return pixels.asnumpy(), rows, size


filled = np.zeros((*picture.shape[:2], 3), np.uint8)
for k, (left, top, right, bottom) in enumerate(np.rint(objects[:, 1:] * np.tile(filled.shape[1::-1], 2)).astype(int)):
    filled[top:bottom, left:right, k] = 255
filled = mx.nd.array(filled, dtype="uint8")


def off(seed, parameters):
    """How far, in pixels of the picture before the last step, any box lies from where its filling ends."""
    pixels, rows, size = augment(filled, seed, {**parameters, "pad_val": (0, 0, 0)}, shape_only=True)
    worst, before, after = 0.0, np.tile(size[::-1], 2), np.tile(pixels.shape[1::-1], 2)
    for kind, *box in rows:
        y, x = np.nonzero(pixels[:, :, int(kind)] > 127)
        found = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1]) / after
        worst = max(worst, abs((found - box) * before).max())
    return float(worst)


def summarize(parameters):
    """A table row: means over the draws, and extremes of the pixels."""
    draws = [augment(picture, seed, parameters) for seed in range(DRAWS)]
    sizes, counts = np.mean([size for _, _, size in draws], axis=0), [len(rows) for _, rows, _ in draws]
    boxes = np.vstack([rows[:, 1:] for _, rows, _ in draws])
    moved = np.mean([rows.shape != objects.shape or abs(rows - objects).max() > 1e-6 for _, rows, _ in draws])
    colors = np.mean([pixels.mean(axis=(0, 1), dtype="float64") for pixels, _, _ in draws], axis=0)
    return [name_of(parameters), *draws[0][0].shape[:2], *map(float, sizes), float(np.mean(counts)), min(counts),
            *map(float, (boxes[:, 2:] - boxes[:, :2]).mean(axis=0)), float(moved),
            max(off(seed, parameters) for seed in range(min(DRAWS, 20))), *map(float, colors),
            float(min(pixels.min() for pixels, _, _ in draws)), float(max(pixels.max() for pixels, _, _ in draws))]


COLUMNS = ["parameters", "height", "width", "height before", "width before", "boxes", "fewest", "box width",
           "box height", "boxes changed", "off, pixels", "red", "green", "blue", "lowest", "highest"]
tables = {name: {"columns": COLUMNS, "rows": [summarize(setting) for setting in group]}
          for name, group in GROUPS.items()}
for name, table in tables.items():
    print(f"\n{name}:\n{format_table(table)}")

# %%
for name, group in GROUPS.items():
    fig, axes = d2l.plt.subplots(SHOWN, len(group), figsize=(1.75 * len(group), 1.4 * SHOWN + 0.4), squeeze=False)
    for column, setting in zip(axes.T, group):
        column[0].set_title("\n".join(name_of({key: value}) for key, value in setting.items()) or "nothing", fontsize=7)
        for ax, seed in zip(column, range(SHOWN)):
            pixels, rows, _ = augment(picture, seed, setting)
            low, high = (0, 255) if pixels.min() > -100 and pixels.max() > 50 else (pixels.min(), pixels.max())
            ax.imshow(np.clip((pixels - low) / (high - low), 0, 1))
            d2l.show_bboxes(ax, rows[:, 1:] * np.tile(pixels.shape[1::-1], 2), colors=["b", "r"])
            ax.axis("off")
    fig.subplots_adjust(0, 0, 1, 1, wspace=0.06, hspace=0.06)
    run.save_figure(name, f"{name}: {SHOWN} draws each, dog blue and cat red")

# %% [markdown]
# `pad_val=255` pads red: a number fills the first channel alone, three are needed for a colour (the default is one).
# Padding asks for a larger area than the picture's; a range that ends at 1 is told by a warning that is itself wrong.

# %%
try:
    mx.image.CreateDetAugmenter(SHAPE, rand_pad=1, area_range=(0.05, 1.0))
    no_room = "taken as it is"
except TypeError as error:
    no_room = f"TypeError: {error}"
print("rand_pad=1, area_range=(0.05, 1.0):", no_room)

# %% [markdown]
# ## `ImageDetIter`
# Ten pictures of the set, as records and as files, read in batches of four. A picture is known by its box.

# %%
folder, edge_size = run.folder / "ten", 256
folder.mkdir(exist_ok=True)
labelled = ((batch.data[0][0], batch.label[0][0, 0].asnumpy())
            for iterator in reversed(load_pikachu(run.find("pikachu").path, 1, edge_size)) for batch in iterator)
with_object = list(islice((pair for pair in labelled if pair[1][0] >= 0), 10))
ten = [with_object[i % len(with_object)] for i in range(10)]  # a small set over and over
rows, records, listed = np.stack([row for _, row in ten]), [], []
for i, (pixels, _) in enumerate(ten):
    pixels = pixels.transpose((1, 2, 0)).asnumpy().astype("uint8")
    Image.fromarray(pixels).save(folder / f"{i}.png")
    records.append(pack_record((folder / f"{i}.png").read_bytes(), rows[i:i + 1], (edge_size, edge_size), i))
    listed.append([[2, 5, *rows[i].tolist()], f"{i}.png"])  # widths of the header and of an object, then objects
write_records(folder / "ten", records)
lines = ["\t".join(map(str, [i, *label, name])) for i, (label, name) in enumerate(listed)]
(folder / "ten.lst").write_text("\n".join(lines) + "\n", encoding="ascii")

REC, IDX = {"path_imgrec": str(folder / "ten.rec")}, {"path_imgidx": str(folder / "ten.idx")}
FOLDER = {"path_root": str(folder)}
SOURCES = {"path_imgrec": REC, "path_imgrec, path_imgidx": {**REC, **IDX},
           "imglist, path_root": {"imglist": listed, **FOLDER},
           "path_imglist, path_root": {"path_imglist": str(folder / "ten.lst"), **FOLDER},
           "shuffle=True": {**REC, **IDX, "shuffle": True},
           "num_parts=2, part_index=0": {**REC, **IDX, "num_parts": 2, "part_index": 0},
           "num_parts=2, part_index=1": {**REC, **IDX, "num_parts": 2, "part_index": 1},
           "last_batch_handle='discard'": {**REC, "last_batch_handle": "discard"},
           "last_batch_handle='roll_over'": {**REC, "last_batch_handle": "roll_over"},
           "batch_size=5": {**REC, "batch_size": 5},
           "data_shape=(3, 64, 96)": {**REC, "data_shape": (3, 64, 96)},
           "rand_mirror=True": {**REC, "rand_mirror": True},
           "aug_list of a mirror": {**REC, "aug_list": mx.image.CreateDetAugmenter((3, 64, 64), rand_mirror=True)},
           "data_name='x', label_name='y'": {**REC, "data_name": "x", "label_name": "y"}}


def epoch(iterator):
    """Numbers of the pictures in the order of an epoch, a list per batch, and how many were filled up."""
    batches, padded = [], 0
    for batch in iterator:
        found = batch.label[0][:, 0].asnumpy()
        heights = rows[:, [2, 4]]  # no mirror changes these
        batches.append([int(abs(heights - label[[2, 4]]).sum(axis=1).argmin()) for label in found])
        padded += batch.pad
    return batches, padded


read, orders = [], {}
for name, options in SOURCES.items():
    random.seed(run.seed)
    iterator = mx.image.ImageDetIter(**{"batch_size": 4, "data_shape": (3, 64, 64), **options})
    epochs = []
    for _ in range(2):
        iterator.reset()
        epochs.append(epoch(iterator))
    (first, padded), (second, _) = epochs
    orders[name] = [first, second]
    described = iterator.provide_data[0]
    read.append([name, *described[1][2:], len(first), sum(map(len, first)) - padded, padded, len(second),
                 len({i for numbers in first + second for i in numbers})])
    print(f"{name}: {described[0]} {described[1]}, epochs {first} and {second}")
iterators = {"columns": ["ImageDetIter", "height", "width", "batches", "pictures", "filled up", "batches, epoch 2",
                         "different pictures"], "rows": read}
print(format_table(iterators))
try:
    mx.image.ImageDetIter(4, (3, 64, 64), shuffle=True, **REC)
    without_index = "possible"
except AssertionError:
    without_index = "an AssertionError without a text"
print("shuffle=True without path_imgidx:", without_index)

# %%
taken = set(inspect.signature(mx.image.ImageDetIter.__init__).parameters) - {"self", "kwargs"}
shown = {"batch_size", "data_shape", *(key for options in SOURCES.values() for key in options)}
print("left out of ImageDetIter:", sorted(taken - shown) or "none")
axes = d2l.show_images([pixels.transpose((1, 2, 0)) / 255 for pixels, _ in ten], 1, 10, scale=1.3)
for i, ax in enumerate(axes.flat):
    d2l.show_bboxes(ax, [rows[i, 1:] * edge_size], colors=["w"])
    ax.set_title(str(i), fontsize=9)
run.save_figure("ten", "the ten pictures that ImageDetIter reads, by number")

# %%
everything = [row for table in tables.values() for row in table["rows"]]
worst, moving = max(row[10] for row in everything), [row[0] for row in everything if row[9] > 0]
fewest, colored = min(row[6] for row in everything), tables["mirror and colour"]["rows"][1:]
shows = (f"{len(parameters)} parameters in {len(everything)} settings, {DRAWS} draws each: {len(moving)} settings "
         f"change boxes, and everywhere the boxes stay within {worst:.1f} pixels of what they frame. The fewest boxes "
         f"of a draw: {fewest}. Values leave 0 to 255 in "
         f"{sum(row[14] < -0.5 or row[15] > 255.5 for row in colored)} of the {len(colored)} settings of colour.")
print(shows)
run.record(**{f"table_{name.replace(' ', '_')}": table for name, table in tables.items()}, iterators=iterators,
           orders=orders, left_out=sorted(left_out | (taken - shown)), padding_without_room=no_room,
           shuffle_without_index=without_index, shows=shows)
run.finish()
