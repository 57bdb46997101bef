# %% [markdown] lang="zh"
# # 9.11 练习：一张图像的三种样式，以及你自己的图像
#
# 9.11节的练习建议：换用别的内容图像和样式图像，创作更有意思的合成图像。下面把一张内容图像变成三种样式，再比较哪一种样
# 式学得最像，哪一种让内容损失得最多。
#
# 要用自己的图像，就在数据的`img`文件夹里建一个文件夹`own`：名为`content`的一张（例如content.jpg）是内容图像，其余至多
# 三张是样式图像。缺少的由书中的图像和画出的样式补足。

# %% [markdown] lang="en"
# # 9.11 Exercise: one picture in three styles, and pictures of your own
#
# An exercise of section 9.11 suggests other content and style pictures, for more interesting results. We give three
# styles to one content picture. Which style is learnt best, and which costs most of the content?
#
# For pictures of your own, make a folder `own` inside the data's folder `img`. The picture called `content`, such as
# content.jpg, is the content picture, and up to three others are the styles. The book's pictures and drawn styles
# fill up what is missing.

# %%
import d2lzh_cv as d2l

d2l.start("9.11-styles")

# %%
import numpy as np
from mxnet import nd

from d2lzh_cv import metrics
from d2lzh_cv.data.synthetic import drawn_styles
from d2lzh_cv.models.predictor import read_upright

# %% tags=["parameters"]
longer_side = 300  # of the generated pictures, in pixels
num_epochs, learning_rate, decay_every = 300, 0.02, 150

# %% tags=["quick"]
longer_side = 72
num_epochs, learning_rate, decay_every = 29, 0.05, 20

# %% [markdown] lang="zh"
# ## 图像
#
# `read_upright`按照相机写下的方向把照片转正。画出的三种样式各有一个特点：彩色的小块、横向的波纹、圆点。

# %% [markdown] lang="en"
# ## Pictures
#
# `read_upright` turns a photograph upright, by the direction that the camera recorded. Each of the three drawn styles
# has something of its own: coloured tiles, waves across the picture, dots.

# %%
pictures, endings = d2l.data_folder("img"), (".jpg", ".jpeg", ".png", ".bmp", ".webp")
own = {path.stem: path for path in sorted((pictures / "own").glob("*")) if path.suffix.lower() in endings}
content_path = own.pop("content", pictures / "rainier.jpg")
content_picture = np.asarray(read_upright(content_path))
paths = list({**own, "autumn oak": pictures / "autumn_oak.jpg"}.items())[:3]
styles = {name: np.asarray(read_upright(path)) for name, path in paths}
for draw in (drawn_styles.mosaic, drawn_styles.waves, drawn_styles.dots)[:3 - len(styles)]:
    styles[draw.__name__] = draw(np.random.default_rng(0))
print(f"content: {content_path.name}; styles: {', '.join(styles)}; {len(own)} of the reader's own")

# %% [markdown] lang="zh"
# ## 三次样式迁移
#
# 合成图像保持内容图像的高宽比。样式图像也缩放到同样的大小：格拉姆矩阵不关心位置，图像变形却会改变纹理的粗细和方向，选
# 样式图像时要留意。
#
# 不同样式的损失不能直接比较，因为起点就不同：内容图像与每种样式原本的差别有大有小。所以要看样式损失剩下了几成。

# %% [markdown] lang="en"
# ## Three transfers
#
# The generated picture keeps the ratio of the content picture's sides. The style picture is resized to the same
# shape. A Gram matrix does not care about places, but a distorted picture has textures of another width and
# direction. Remember this when you choose a style.
#
# The losses of two styles cannot be compared directly, because they start differently: the content picture is nearer
# to one style than to another. So we look at the share of the style loss that is left.

# %%
ctx = d2l.try_gpu()
extractor = d2l.feature_extractor(ctx)
height, width = content_picture.shape[:2]
shape = tuple(max(32, round(size * longer_side / max(height, width))) for size in (width, height))
content = d2l.preprocess(nd.array(content_picture), shape).as_in_context(ctx)


# %%
def total_style_loss(X, style):
    grams = [d2l.gram(Y) for Y in extractor(style)[1]]
    return sum(1e3 * d2l.style_loss(Y_hat, G).asscalar() for Y_hat, G in zip(extractor(X)[1], grams))


def report(step):
    print(step)
    steps.append(step)


# %%
num_epochs = max(2, num_epochs)  # losses are reported after the second step at the earliest
results, rows = {}, []
for name, picture in styles.items():
    style, steps = d2l.preprocess(nd.array(picture), shape).as_in_context(ctx), []
    results[name] = d2l.transfer(content, extractor, content, style, num_epochs, learning_rate, decay_every,
                                 max(1, (num_epochs - 1) // 4), on_step=report, name=name)
    rows.append([name, total_style_loss(content, style), total_style_loss(results[name], style), steps[-1].content,
                 steps[-1].tv])

# %% figure="styles" zh="上为内容和样式，下为合成图像" en="content and styles above, generated pictures below"
generated = [d2l.postprocess(X).asnumpy() for X in results.values()]
axes = d2l.show_images([content_picture, *styles.values(), content_picture, *generated], 2, 1 + len(results), 3)
for ax, name in zip(axes[0], ("content", *results)):
    ax.set_title(name)
axes[1][0].set_visible(False)
d2l.plt.gcf().set_size_inches(3 * (1 + len(results)), 6 * max(height / width, 0.75) + 0.5)
d2l.plt.tight_layout()

# %% [markdown] lang="zh"
# 合成图像也按原来的大小存放在结果的文件夹里。

# %% [markdown] lang="en"
# The folder of the results also gets the generated pictures, in their own size.

# %%
for name, picture in zip(results, generated):
    d2l.to_picture(picture).save(d2l.output_folder() / f"in the style of {name}.png")
table = metrics.Table(["style", "style loss of the content picture", "after the transfer", "content loss", "TV loss"],
                      rows)
table

# %% [markdown] lang="zh"
# ## 回答
#
# 用SqueezeNet的特征训练300步后，油画、彩色小块和波纹的样式损失分别剩下3%、1%和5%。起点的样式损失最大的是彩色小块
# （1747），它离内容图像最远，也让内容损失得最多（235，油画是93）。样式与内容离得越远，要改变的就越多，保留下来的也就
# 越少。
#
# 挑选样式图像时，纹理在整张图上重复的效果最好，因为样式的特征是对所有位置求和得到的；只有一个主体、背景空旷的照片，没
# 有多少样式可学。快速模式的图像很小，只训练几十步，看不出笔触。

# %% [markdown] lang="en"
# ## The answer
#
# After 300 steps with the features of SqueezeNet, 3% of the style loss were left with the oil painting, 1% with the
# mosaic and 5% with the waves. The mosaic had the largest style loss at the start (1747): it is farthest from the
# content picture, and it cost most of the content (235, against 93 with the painting). The farther a style is from
# the content, the more has to change, and the less remains.
#
# The best style pictures have textures that repeat over the whole picture, because the features of a style are summed
# over all places. A photograph of a single object before an empty background has little style to learn. Quick mode
# has small pictures and a few dozen steps, too few for brush strokes.

# %%
left = ", ".join(f"{row[2] / row[1]:.0%} ({row[0]})" for row in rows)
costly, rough = (max(rows, key=lambda row, column=column: row[column])[0] for column in (3, 4))
shows = (f"After {num_epochs} steps the style loss is {left} of what it was. Most content is lost to {costly}, and "
         f"{rough} leaves neighbouring pixels most different.")
if extractor.source.trained_on != "imagenet":
    shows += " The features are not trained: colours and textures only."
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 样式图像不缩放到内容图像的大小，而是按不同的大小使用，笔触的粗细怎样变化？
# - 把两张样式图像的格拉姆矩阵平均，会得到介于两者之间的样式吗？

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Use the style picture in several sizes, not that of the content picture. How does the width of the strokes change?
# - Average the Gram matrices of two style pictures. Is the result a style between the two?
