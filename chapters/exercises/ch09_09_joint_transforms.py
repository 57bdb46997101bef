# %% [markdown]
# # 9.9, exercise: which augmentations suit segmentation (哪些图像增广适合语义分割)
#
# Those of 9.1 that change colours can stay as they are. Those that move pixels must move the mask's pixels alike, and
# may not compute new ones: there is no class between two classes. What comes in from outside has no class at all.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.9-joint-transforms")

# %%
import numpy as np  # noqa: E402

from d2lzh_cv.exercises import joint_transforms as joint  # noqa: E402
from d2lzh_cv.exercises.segmentation import WholePictures, colored  # noqa: E402
from d2lzh_cv.metrics import tables  # noqa: E402
from d2lzh_cv.plotting import plt  # noqa: E402

pictures = WholePictures(True, run.find("voc").path)

# %% [markdown]
# ## The transforms
# The crop is enlarged to the picture's own size here, so that all can be compared pixel by pixel.


# %%
def transforms(size):
    crop = joint.RandomScaleCrop(size, (1.2, 2))
    single = {"flip": joint.RandomFlip(1), "scale and crop": crop, "rotation": joint.RandomRotation(20),
              "colours": joint.RandomColors(0.5)}
    return {**single, "all of them": joint.Compose([*single.values()])}


# %%
largest = max(range(min(12, len(pictures))), key=lambda i: (pictures[i][1] % joint.VOID > 0).mean())  # most objects
picture, mask = pictures[largest]
pairs = {"original": (picture, mask)}
for name, transform in transforms(mask.shape).items():
    pairs[name] = transform(picture, mask, np.random.default_rng(run.seed))
mistakes = [(moved * 0.5 + colored(mask) * 0.5).astype("uint8") for moved, _ in pairs.values()]
axes = d2l.show_images([p for p, _ in pairs.values()] + [colored(m) for _, m in pairs.values()] + mistakes,
                       3, len(pairs))
for ax, name in zip(axes[0], pairs):
    ax.set_title(name)
plt.gcf().set_size_inches(2.6 * len(pairs), 7.8 * mask.shape[0] / mask.shape[1] + 0.5)
plt.tight_layout()
run.save_figure("transforms", "each transform: the picture, its mask moved alike, and below the mistake: the picture "
                              "moved, its mask left where it was")

# %% [markdown]
# ## What each does to picture and mask
# A mask of numbers tells where each pixel of the result comes from. An object's label fits where the picture shows
# that class.


# %%
def examine(transform, picture, mask, seed):
    """Shares: pixels moved; object labels that fit, both moved and the picture alone; void; classes invented."""
    numbers = np.arange(mask.size).reshape(mask.shape) + 256  # above VOID
    (_, origin), (_, moved) = (transform(picture, m, np.random.default_rng(seed)) for m in (numbers, mask))
    known = origin > joint.VOID
    shown = mask.ravel()[(origin - 256) * known]
    fits = [(labels == shown)[known & (labels % joint.VOID > 0)].mean() for labels in (moved, mask)]
    classes = moved if (origin == numbers).all() else transform(
        np.repeat(mask[:, :, None], 3, axis=2), mask, np.random.default_rng(seed))[0][:, :, 0]  # as pictures are
    return (origin != numbers).mean(), *fits, 1 - known.mean(), (~np.isin(classes[known], mask)).mean()


# %%
seen, rows = [pair for pair, _ in zip(pictures, range(run.choose(quick=6, full=40)))], []
for name in list(transforms(mask.shape))[:-1]:
    found = [examine(transforms(pair[1].shape)[name], *pair, run.seed + i) for i, pair in enumerate(seen)]
    rows.append([name, *np.mean(found, axis=0).tolist()])
table = {"columns": ["transform", "pixels moved", "object labels that fit: both moved", "picture moved alone", "void",
                     "classes invented by interpolating"], "rows": rows}
print(tables.format_table(table))
moving, void = [row for row in rows if row[1] > 0], [row[0] for row in rows if row[4] > 0]
shows = (f"{', '.join(row[0] for row in moving)} move pixels. With the mask left behind only "
         f"{min(row[3] for row in moving):.0%} to {max(row[3] for row in moving):.0%} of the object labels still fit, "
         f"moved alike {min(row[2] for row in moving):.0%}. Interpolated as a picture is, up to "
         f"{max(row[5] for row in moving):.1%} of a mask would be classes that it does not have. "
         f"Void comes in by {', '.join(void)}.")
print(shows)
run.record(pictures=len(seen), transforms=table, shows=shows)
run.finish()
