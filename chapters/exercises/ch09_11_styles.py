# %% [markdown]
# # 9.11, exercise: one picture in three styles, and pictures of your own (替换内容图像和样式图像)
#
# Put pictures into the folder `own` beside the data's `img` pictures: one called `content`, such as content.jpg, and
# up to three others whose style it shall take. What is missing there is filled up with the book's pictures and with
# drawn styles.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.11-styles")

# %%
import numpy as np  # noqa: E402
from mxnet import nd  # noqa: E402

from d2lzh_cv.data.synthetic import drawn_styles  # noqa: E402
from d2lzh_cv.metrics import tables  # noqa: E402
from d2lzh_cv.models.predictor import read_upright  # noqa: E402
from d2lzh_cv.plotting import plt  # noqa: E402
from d2lzh_cv.style import find_extractor, style_loss  # noqa: E402

# %% [markdown]
# ## Pictures

# %%
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
pictures = run.find("img").path
own = {path.stem: path for path in sorted((pictures / "own").glob("*")) if path.suffix.lower() in ENDINGS}
content_path = own.pop("content", pictures / "rainier.jpg")
paths = {**own, "autumn oak": pictures / "autumn_oak.jpg"}
drawn = {draw.__name__: draw(np.random.default_rng(run.seed))
         for draw in (drawn_styles.mosaic, drawn_styles.waves, drawn_styles.dots)}
style_pictures = dict(list({**{name: np.asarray(read_upright(path)) for name, path in list(paths.items())[:3]},
                            **drawn}.items())[:3])
content_picture = np.asarray(read_upright(content_path))
print(f"content: {content_path.name}; styles: {', '.join(style_pictures)}; {len(own)} of the reader's own")

# %% [markdown]
# ## Three transfers

# %%
ctx, side = d2l.try_gpu(), run.choose(quick=72, full=300)
extractor, source = find_extractor(run.find("weights").folders, ctx, run.backbones)
print(source.note)
height, width = content_picture.shape[:2]
shape = tuple(max(32, round(size * side / max(height, width))) for size in (width, height))
content = d2l.preprocess(nd.array(content_picture), shape).as_in_context(ctx)


# %%
def total_style_loss(X, style):
    """The style loss of a picture with the book's weight."""
    grams = [d2l.gram(Y) for Y in extractor(style)[1]]
    return sum(1e3 * style_loss(Y_hat, G).asscalar() for Y_hat, G in zip(extractor(X)[1], grams))


num_steps, results, rows = run.epochs(quick=29, full=300), {}, []
for number, (name, picture) in enumerate(style_pictures.items(), start=1):
    style, last = d2l.preprocess(nd.array(picture), shape).as_in_context(ctx), []
    report = run.report(name)
    results[name] = d2l.transfer(content, extractor, content, style, num_steps, run.choose(quick=0.05, full=0.02),
                                 decay_every=run.choose(quick=20, full=150), report_every=max(1, (num_steps - 1) // 4),
                                 on_step=lambda step, report=report, last=last: (report(step), last.append(step)),
                                 snapshots=run.snapshots(f"style {number}"))
    rows.append([name, total_style_loss(content, style), total_style_loss(results[name], style), last[-1].content,
                 last[-1].tv])
    if run.full:
        run.save_picture(name, (d2l.postprocess(results[name]) * 255).astype("uint8"), f"in the style of {name}")

# %%
axes = d2l.show_images([content_picture, *style_pictures.values(), content_picture,
                        *[d2l.postprocess(X).asnumpy() for X in results.values()]], 2, 1 + len(results), 3)
for ax, name in zip(axes[0], ("content", *results)):
    ax.set_title(name)
axes[1][0].set_visible(False)
plt.gcf().set_size_inches(3 * (1 + len(results)), 6 * max(height / width, 0.75) + 0.5)
plt.tight_layout()
run.save_figure("styles", "above the content and the styles, below the content in each style")

# %%
table = {"columns": ["style", "style loss of the content picture", "after the transfer", "content loss", "TV loss"],
         "rows": rows}
print(tables.format_table(table))
left = ", ".join(f"{row[2] / row[1]:.0%} ({row[0]})" for row in rows)
costly, rough = (max(rows, key=lambda row, column=column: row[column])[0] for column in (3, 4))
shows = (f"After {num_steps} steps the style loss is {left} of what it was. Most content is lost to {costly}, and "
         f"{rough} leaves neighbouring pixels most different."
         + ("" if source.trained_on == "imagenet" else " The features are not trained: colours and textures only."))
print(shows)
run.record(styles=table, own_pictures=len(own), source_network=source.name, source_trained_on=source.trained_on,
           content_shape=shape, shows=shows)
run.finish()
