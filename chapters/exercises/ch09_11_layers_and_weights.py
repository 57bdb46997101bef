# %% [markdown] lang="zh"
# # 9.11 练习：其他的内容层、样式层与权重
#
# 9.11节的练习问：选择不同的内容层和样式层，输出有什么变化？调整损失函数中的权重，输出能否保留更多的内容，或减少更多的
# 噪点？
#
# 靠近输入的层看到颜色和边缘，靠近输出的层看到形状。内容层越深，合成图像在像素上就越自由；样式层的深浅决定学到的是颜色
# 还是较大的结构。权重则规定为了一种损失可以让出多少另一种。已发表的一次实验换了层和权重，肉眼看不出差别。这里用小的图
# 像，每次只改变一处，并且用数来比较。

# %% [markdown] lang="en"
# # 9.11 Exercise: other layers, other weights
#
# Two questions of section 9.11: how does the output change with other content and style layers? Can other weights in
# the loss keep more of the content, or reduce more noise?
#
# Layers near the input see colours and edges, layers near the output see shapes. The deeper the content layer, the
# more freedom the pixels have. The depth of the style layers decides whether colours or larger structures are learnt.
# The weights say how much of one loss may be given up for another. One published run changed layers and weights, and
# the eye saw no difference. We take small pictures, change one thing at a time, and compare by numbers.

# %%
import d2lzh_cv as d2l

d2l.start("9.11-layers-and-weights")

# %%
from d2lzh_cv import metrics

# %% tags=["parameters"]
image_shape = (180, 120)  # (width, height)
num_epochs, learning_rate, decay_every = 300, 0.02, 150
all_settings = True

# %% tags=["quick"]
image_shape = (66, 44)
num_epochs, learning_rate, decay_every = 25, 0.05, 18
all_settings = False

# %%
pictures, ctx = d2l.data_folder("img"), d2l.try_gpu()
content, style = (d2l.preprocess(d2l.read_picture(pictures / name), image_shape).as_in_context(ctx)
                  for name in ("rainier.jpg", "autumn_oak.jpg"))
usual = d2l.feature_extractor(ctx)

# %% [markdown] lang="zh"
# ## 改变什么
#
# 第一组换层，第二组换权重（内容、样式、总变差，书中是1、1000和10）。层的编号随网络而不同；VGG-19的最后两种是那次实验
# 所选的层。

# %% [markdown] lang="en"
# ## What is varied
#
# The first group changes layers, the second one weights (of content, style and total variation; 1, 1000 and 10 in the
# book). The numbers of the layers depend on the network. The last two choices for VGG-19 are the layers of that
# published run.

# %%
book_weights, usual_styles = (1, 1e3, 10), usual.style_layers
other_layers = {"vgg19": {"content: shallow": ((5,), usual_styles), "style: two shallow": ((25,), (0, 5)),
                          "style: two deep": ((25,), (19, 28)), "content: the notes' 34": ((34,), usual_styles),
                          "the notes' eleven style layers": ((34,), (2, 7, 12, 14, 16, 21, 23, 25, 28, 30, 32))},
                "squeezenet1.1": {"content: shallow": ((3,), usual_styles), "style: two shallow": ((7,), (1, 3)),
                                  "content: the last": ((12,), usual_styles), "style: two deep": ((7,), (9, 12)),
                                  "style: nine layers": ((7,), (1, 3, 4, 6, 7, 9, 10, 11, 12))}}
other_weights = {"tenfold content": (10, 1e3, 10), "tenfold style": (1, 1e4, 10), "tenfold TV": (1, 1e3, 100),
                 "no TV": (1, 1e3, 0), "a tenth of style": (1, 1e2, 10), "no style": (1, 0, 10)}


# %%
def with_layers(content_layers, style_layers):
    extractor = d2l.FeatureExtractor(usual.source.net.features, content_layers, style_layers)
    extractor.hybridize(static_alloc=True, static_shape=True)
    return extractor


layers, weights = list(other_layers[usual.source.name].items()), list(other_weights.items())
if not all_settings:
    layers, weights = layers[:3], weights[:4]
settings = {"usual": (usual, book_weights), **{name: (with_layers(*indices), book_weights) for name, indices in layers},
            **{name: (usual, three) for name, three in weights}}

# %% [markdown] lang="zh"
# ## 同一把尺子
#
# 层和权重不同，训练时打印的损失就不能互相比较：权重乘以10，那一项的数值也就大了10倍。所以训练之后，每张合成图像都用原
# 来的层和书中的权重再量一次。

# %% [markdown] lang="en"
# ## One measure for all
#
# Losses that are printed during the training cannot be compared across layers and weights: with ten times the weight,
# a term becomes ten times as large. So after the training every picture is measured once more, by the usual layers
# and the book's weights.

# %%
contents, grams = usual(content)[0], [d2l.gram(Y) for Y in usual(style)[1]]


def measured(picture):
    contents_l, styles_l, tv_l, _ = d2l.compute_loss(picture, *usual(picture), contents, grams, book_weights)
    return [sum(loss.asscalar() for loss in losses) for losses in (contents_l, styles_l, [tv_l])]


# %%
results, rows = {}, [["the content picture itself", *measured(content)]]
for name, (extractor, three) in settings.items():
    print(f"{name}: content layers {extractor.content_layers}, style layers {extractor.style_layers}, weights {three}")
    results[name] = d2l.transfer(content, extractor, content, style, num_epochs, learning_rate, decay_every,
                                 max(1, (num_epochs - 1) // 3), on_step=print, weights=three, name=name)
    rows.append([name, *measured(results[name])])

# %% figure="settings" zh="内容、样式和各设置的结果" en="content and style, and what each setting makes of them"
shown = {name: d2l.postprocess(X).asnumpy() for name, X in {"content": content, "style": style, **results}.items()}
num_cols = 4 if len(shown) > 9 else 3
axes = d2l.show_images(shown.values(), -(-len(shown) // num_cols), num_cols, 3)
for ax, name in zip(axes.flat, shown):
    ax.set_title(name, fontsize=9)
for ax in axes.flat[len(shown):]:
    ax.set_visible(False)
d2l.plt.gcf().set_size_inches(3 * num_cols, (2 + 0.3) * len(axes))
d2l.plt.tight_layout()

# %%
table = metrics.Table(["setting", "content loss", "style loss", "TV loss"], rows)
table

# %% [markdown] lang="zh"
# ## 回答
#
# 差别是有的，只是损失之间总在交换：内容损失小了，样式损失就大，反之亦然。
#
# 用SqueezeNet的特征训练300步时，原来的设置得到内容损失103、样式损失26。内容的权重乘以10或者样式的权重除以10，内容损失
# 都降到27左右，样式损失则升到340上下，合成图像的确保留了更多的内容。样式的权重乘以10，方向正好相反（162和8.4）。总变
# 差的权重乘以10，相邻像素的差别减少约四分之一（4.6到3.4），样式损失只略有增加，所以要减少噪点，调它最合算。
#
# 层的影响更大。样式只取最浅的两层时，样式损失在总的损失里所占的分量极小，图像几乎只是被平滑了（样式损失仍有991）；只
# 取最深的两层，颜色就学不到位（333）。换了内容层，按原来的层量的内容损失升高，样式损失降低，因为原来的那一层不再受约
# 束。没有预训练的网络看到的是另外的东西，那里的数值不能与上面的比较。

# %% [markdown] lang="en"
# ## The answer
#
# There are differences, but the losses trade with each other: less content loss means more style loss, and the other
# way round.
#
# In 300 steps with the features of SqueezeNet, the usual setting reached a content loss of 103 and a style loss of
# 26. Ten times the weight of the content, or a tenth of the weight of the style, lowered the content loss to about 27
# and raised the style loss to about 340. So the picture does keep more of its content. Ten times the weight of the
# style worked the opposite way (162 and 8.4). Ten times the weight of the total variation reduced the differences of
# neighbouring pixels by about a quarter (4.6 to 3.4), and the style loss rose only a little. To reduce noise, this
# weight is the best choice.
#
# Layers matter more. With the two shallowest style layers, the style has so little weight in the total loss that the
# picture is hardly more than smoothed (its style loss is still 991). With the two deepest, the colours are not learnt
# well (333). With another content layer, the content loss by the usual layer rises and the style loss falls, because
# the usual layer is no longer held. A network without training sees other things, and its numbers cannot be compared
# with these.

# %%
row_of = {row[0]: row for row in rows}


def change(name, column):
    return f"{row_of[name][column] / row_of['usual'][column] - 1:+.0%}"


lowest = {what: min(rows[1:], key=lambda row: row[column])[0]
          for column, what in enumerate(("content", "style", "TV"), start=1)}
shows = (f"By the usual layers' measure, against the usual setting: tenfold content changes the content loss by "
         f"{change('tenfold content', 1)} and the style loss by {change('tenfold content', 2)}; tenfold style "
         f"{change('tenfold style', 1)} and {change('tenfold style', 2)}; tenfold TV changes the total variation by "
         f"{change('tenfold TV', 3)}, no TV loss by {change('no TV', 3)}. Lowest content loss: {lowest['content']}; "
         f"lowest style loss: {lowest['style']}; smoothest: {lowest['TV']}.")
if usual.source.trained_on != "imagenet":
    shows += " The features are not trained: trained ones see other things."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 给每个样式层不同的权重，例如只加重浅的几层，颜色与笔触哪个变化更大？
# - 从随机噪声而不是内容图像开始训练，最后的三个损失相同吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Give each style layer a weight of its own, and raise that of the shallow ones. Do colours change more, or brush
#   strokes?
# - Start from random noise in place of the content picture. Do the three losses end at the same values?
