# %% [markdown]
# # 9.11 Neural style transfer (样式迁移)
#
# The picture itself is trained: its features should be those of the content picture, the correlations of its features
# those of the style picture, and neighbouring pixels alike. The network stays as it is.

# %%
import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.11")

# %%
from d2lzh_cv.style import find_extractor  # noqa: E402

pictures = run.find("img").path
content_picture = d2l.read_picture(pictures / "rainier.jpg")
style_picture = d2l.read_picture(pictures / "autumn_oak.jpg")
for name, picture in (("content", content_picture), ("style", style_picture)):
    d2l.set_figsize()
    d2l.plt.imshow(picture.asnumpy())
    run.save_figure(name, f"{name} picture")

# %% [markdown]
# ## Features
# The book takes five style layers and one content layer of VGG-19 trained on ImageNet (torchvision's file will do).

# %%
ctx = d2l.try_gpu()
extractor, source = find_extractor(run.find("weights").folders, ctx, run.backbones)
print(source.note)
print("content layers", extractor.content_layers, "style layers", extractor.style_layers)
run.record(source_network=source.name, source_trained_on=source.trained_on)


# %% [markdown]
# ## Two sizes
# A small picture first; enlarged, it is a good start for a larger one.

# %%
def transfer(start, shape, num_steps, decay_every, series):
    content, style = (d2l.preprocess(picture, shape).as_in_context(ctx)
                      for picture in (content_picture, style_picture))
    print(f"training on {ctx}, {shape[1]} × {shape[0]} (height × width)")
    start = content if start is None else d2l.preprocess(start, shape).as_in_context(ctx)
    img = d2l.transfer(start, extractor, content, style, num_steps, learning_rate, decay_every,
                       report_every=run.choose(quick=10, full=50), on_step=run.report(series),
                       snapshots=run.snapshots(series))
    return (d2l.postprocess(img) * 255).astype("uint8")


# %%
learning_rate = run.choose(quick=0.05, full=0.01)  # quick mode: fewer, larger steps
small_shape, large_shape = run.choose(quick=((120, 80), (240, 160)), full=((225, 150), (450, 300)))
num_steps = run.epochs(quick=61, full=500)
small = transfer(None, small_shape, num_steps, 200, "small")
run.save_picture("small", small, f"after {num_steps} steps")

# %%
num_steps = run.epochs(quick=21, full=300)
large = transfer(small, large_shape, num_steps, 100, "large")
run.save_picture("large", large, f"enlarged, and {num_steps} more steps")
run.record(small_shape=small.shape, large_shape=large.shape)
run.finish()
