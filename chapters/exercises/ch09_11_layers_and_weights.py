# %% [markdown]
# # 9.11, exercise: other layers, other weights (不同的内容层、样式层与权重)
#
# Shallow layers see colours and edges, deep ones shapes. The weights say what the picture gives up for what. The notes
# changed both and saw no difference; small pictures and one change at a time show it.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.11-layers-and-weights")

# %%
from dataclasses import dataclass  # noqa: E402

from d2lzh_cv.metrics import tables  # noqa: E402
from d2lzh_cv.plotting import plt  # noqa: E402
from d2lzh_cv.style import (  # noqa: E402
    CONTENT_WEIGHT,
    STYLE_WEIGHT,
    TV_WEIGHT,
    FeatureExtractor,
    compute_loss,
    find_extractor,
)

pictures, ctx, shape = run.find("img").path, d2l.try_gpu(), run.choose(quick=(66, 44), full=(180, 120))
picture_of = {"content": "rainier.jpg", "style": "autumn_oak.jpg"}
content, style = (d2l.preprocess(d2l.read_picture(pictures / name), shape).as_in_context(ctx)
                  for name in picture_of.values())
usual, source = find_extractor(run.find("weights").folders, ctx, run.backbones)
print(source.note)

# %% [markdown]
# ## What is varied
# One thing at a time. The last two choices of VGG-19's layers are the notes' own.

# %%
BOOK_WEIGHTS = (CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT)
OTHER_LAYERS = {"vgg19": {"content: shallow": ((5,), usual.style_layers), "style: two shallow": ((25,), (0, 5)),
                          "style: two deep": ((25,), (19, 28)), "content: the notes' 34": ((34,), usual.style_layers),
                          "the notes' eleven style layers": ((34,), (2, 7, 12, 14, 16, 21, 23, 25, 28, 30, 32))},
                "squeezenet1.1": {"content: shallow": ((3,), usual.style_layers), "style: two shallow": ((7,), (1, 3)),
                                  "content: the last": ((12,), usual.style_layers), "style: two deep": ((7,), (9, 12)),
                                  "style: nine layers": ((7,), (1, 3, 4, 6, 7, 9, 10, 11, 12))}}


@dataclass(frozen=True)
class Setting:
    extractor: FeatureExtractor = usual
    weights: tuple = BOOK_WEIGHTS


def with_layers(layers):
    extractor = FeatureExtractor(source.net.features, *layers)
    extractor.hybridize(static_alloc=True, static_shape=True)
    return Setting(extractor)


layers = list(OTHER_LAYERS[source.name].items())[:run.choose(quick=3, full=None)]
settings = {"usual": Setting(), **{name: with_layers(indices) for name, indices in layers},
            "tenfold content": Setting(weights=(10, 1e3, 10)), "tenfold style": Setting(weights=(1, 1e4, 10)),
            "tenfold TV": Setting(weights=(1, 1e3, 100)), "no TV": Setting(weights=(1, 1e3, 0))}
if run.full:
    settings |= {"a tenth of style": Setting(weights=(1, 1e2, 10)), "no style": Setting(weights=(1, 0, 10))}

# %% [markdown]
# ## One measure for all
# Losses of different layers and weights cannot be compared. So every result is measured by the usual layers and the
# book's weights, whatever it was made with.


# %%
contents, grams = usual(content)[0], [d2l.gram(Y) for Y in usual(style)[1]]


def measured(picture):
    content_losses, style_losses, tv, _ = compute_loss(picture, *usual(picture), contents, grams, BOOK_WEIGHTS)
    return [sum(loss.asscalar() for loss in losses) for losses in (content_losses, style_losses, [tv])]


# %%
num_steps, learning_rate = run.epochs(quick=25, full=300), run.choose(quick=0.05, full=0.02)
results, rows = {}, [["the content picture itself", *measured(content)]]
for name, setting in settings.items():
    print(f"{name}: content layers {setting.extractor.content_layers}, style layers {setting.extractor.style_layers}, "
          f"weights {setting.weights}")
    results[name] = d2l.transfer(content, setting.extractor, content, style, num_steps, learning_rate,
                                 decay_every=run.choose(quick=18, full=150), report_every=max(1, (num_steps - 1) // 3),
                                 on_step=run.report(name), weights=setting.weights, snapshots=run.snapshots(name))
    rows.append([name, *measured(results[name])])

# %%
shown = {**{name: d2l.postprocess(X) for name, X in (("content", content), ("style", style))},
         **{name: d2l.postprocess(X) for name, X in results.items()}}
columns = 4 if len(shown) > 9 else 3
axes = d2l.show_images([X.asnumpy() for X in shown.values()], -(-len(shown) // columns), columns, 3)
for ax, name in zip(axes.flat, shown):
    ax.set_title(name, fontsize=9)
for ax in axes.flat[len(shown):]:
    ax.set_visible(False)
plt.gcf().set_size_inches(3 * columns, (2 + 0.3) * len(axes))
plt.tight_layout()
run.save_figure("settings", f"content and style, and what each setting makes of them in {num_steps} steps")

# %%
table = {"columns": ["setting", "content loss", "style loss", "TV loss"], "rows": rows}
print(tables.format_table(table))
row_of = {row[0]: row for row in rows}
base = row_of["usual"]


def change(name, column):
    return f"{row_of[name][column] / base[column] - 1:+.0%}"


lowest = {what: min(rows[1:], key=lambda row: row[column])[0]
          for column, what in enumerate(("content", "style", "TV"), start=1)}
shows = (f"By the usual layers' measure, against the usual setting: tenfold content changes the content loss by "
         f"{change('tenfold content', 1)} and the style loss by {change('tenfold content', 2)}; tenfold style "
         f"{change('tenfold style', 1)} and {change('tenfold style', 2)}; tenfold TV changes the total variation by "
         f"{change('tenfold TV', 3)}, no TV loss by {change('no TV', 3)}. Lowest content loss: {lowest['content']}; "
         f"lowest style loss: {lowest['style']}; smoothest: {lowest['TV']}."
         + ("" if source.trained_on == "imagenet" else " The features are not trained: trained ones see other things."))
print(shows)
run.record(settings=table, source_network=source.name, source_trained_on=source.trained_on, shows=shows)
run.finish()
