# %% [markdown] lang="zh"
# # 9.3 练习：在笔记本之外显示图像
#
# 在笔记本里，画好的图像会自动出现在单元格的下面。把同样的代码放进脚本运行，却什么也看不到：要调用`plt.show()`才会弹出
# 窗口，程序也停在那里，直到窗口被关闭。在没有屏幕的机器（例如服务器）上，连窗口也没有。怎样在脚本里得到9.3节的图像？
# 保存图像时又有哪些容易出错的地方？
#
# 下面把这幅图像反复画出来，做五个试验：没有屏幕时`plt.show()`做什么；文件的格式和分辨率有什么影响；先保存还是先关闭；
# 一直不关闭会怎样；由谁来决定使用哪个后端（backend）。

# %% [markdown] lang="en"
# # 9.3 Exercise: figures outside a notebook
#
# In a notebook, a figure appears below its cell by itself. The same code in a script shows nothing. `plt.show()`
# opens a window, and the program waits until the window is closed. A machine without a screen, such as a server, has
# no window at all. How does a script produce the figure of section 9.3? Which mistakes are easy to make when a figure
# is saved?
#
# We draw this figure again and again in five experiments. What does `plt.show()` do without a screen? What do the
# format and the resolution of a file change? Should a figure be saved or closed first? What happens if no figure is
# ever closed? What decides which backend is used?

# %%
import d2lzh_cv as d2l

d2l.start("9.3-figures")

# %%
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib
import numpy as np
from PIL import Image

from d2lzh_cv import metrics

# %% [markdown] lang="zh"
# ## `plt.show()`在这里做什么
#
# 函数`draw`画出9.3节的图像，每次都画一幅新的。后端是matplotlib中真正画图的部分：Agg只在内存里画像素，不需要屏幕；
# TkAgg等后端会打开窗口。脚本里用的是Agg，于是`plt.show()`立即返回，什么也不显示，图像只能从文件里看到；笔记本则有自己
# 的后端，把图像画在单元格下面。

# %% [markdown] lang="en"
# ## What `plt.show()` does here
#
# The function `draw` draws the figure of section 9.3, each time as a new figure. A backend is the part of matplotlib
# that does the drawing. Agg only computes pixels in memory and needs no screen; backends such as TkAgg open windows.
# A script here uses Agg, so `plt.show()` returns at once and shows nothing, and only a file makes the figure visible.
# A notebook has a backend of its own, which draws below the cell.

# %% figure="figure" zh="9.3节的图像；脚本只能把它存入文件" en="the figure of 9.3; a script shows it only by a file"
plt, picture = d2l.plt, d2l.read_picture(d2l.data_folder("img") / "catdog.jpg").asnumpy()
boxes = {"dog": [60, 45, 378, 516], "cat": [400, 112, 655, 493]}


def draw():
    fig = plt.figure(figsize=(3.5, 2.5))
    axes = plt.imshow(picture).axes
    d2l.show_bboxes(axes, list(boxes.values()), list(boxes))
    return fig


draw()
print("backend:", matplotlib.get_backend(), "- interactive:", matplotlib.is_interactive())
if matplotlib.get_backend().lower() == "agg":
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        start = time.perf_counter()
        plt.show()
        waited = time.perf_counter() - start
    said = str(told[0].message) if told else "nothing"
    print(f"plt.show() came back after {waited:.4f} s and said: {said}")

# %% [markdown] lang="zh"
# ## 格式和分辨率
#
# 图像的大小以英寸计，`dpi`是每英寸的像素数，两者的乘积就是文件的像素数：$3.5 \times 72 = 252$。`bbox_inches="tight"`
# 裁掉四周的空白，所以像素数不再恰好是这个乘积。SVG和PDF把线条和文字作为图形来存，怎样放大都清晰，因此没有像素数；但其
# 中的照片仍是像素。

# %% [markdown] lang="en"
# ## Format and resolution
#
# The size of a figure is given in inches, and `dpi` is the number of pixels per inch. Their product is the size of
# the file in pixels: $3.5 \times 72 = 252$. `bbox_inches="tight"` cuts off the empty border, so the size is no longer
# exactly this product. SVG and PDF store lines and letters as shapes, which stay sharp at any size, so they have no
# number of pixels. A photo in them still consists of pixels.

# %%
kept = TemporaryDirectory()
files, rows = Path(kept.name), []
for name, options in {"dpi72.png": {"dpi": 72}, "dpi144.png": {"dpi": 144},
                      "tight.png": {"dpi": 144, "bbox_inches": "tight"}, "small.jpg": {"dpi": 72},
                      "lines.svg": {}, "lines.pdf": {}}.items():
    figure, start = draw(), time.perf_counter()
    plt.savefig(files / name, **options)
    seconds = time.perf_counter() - start
    plt.close(figure)
    width, height = Image.open(files / name).size if name.endswith(("png", "jpg")) else (None, None)
    rows.append([name, (files / name).stat().st_size / 1000, width, height, seconds])
saved = metrics.Table(["file", "kilobytes", "width", "height", "seconds"], rows)
saved

# %% [markdown] lang="zh"
# ## 先保存，后关闭
#
# `plt.savefig`保存的是当前图像。图像关闭之后，就没有当前图像了，`plt.savefig`会悄悄新建一幅空白的并保存它，不会报错。
# `plt.show()`的窗口关闭以后也是这样。下表统计文件中非白色像素的比例。

# %% [markdown] lang="en"
# ## Save first, then close
#
# `plt.savefig` saves the current figure. After a figure is closed there is no current figure. `plt.savefig` then
# makes a new, empty one without a word and saves that. The same happens after the window of `plt.show()` is closed.
# The table shows the share of pixels in a file that are not white.


# %%
def drawn(path):
    return float((np.asarray(Image.open(path).convert("RGB")).min(axis=2) < 250).mean())


def save_first(path):
    plt.savefig(path)
    plt.close()


def close_first(path):
    plt.close()
    plt.savefig(path)
    plt.close()


rows = []
for name, order in {"savefig, then close": save_first, "close, then savefig": close_first}.items():
    draw()
    order(files / f"{name}.png")
    rows.append([name, drawn(files / f"{name}.png")])
orders = metrics.Table(["order", "share of the file that is drawn"], rows)
orders

# %% [markdown] lang="zh"
# 四个文件并排：像素多的更清晰，裁掉空白的更紧凑，保存得太晚的是空白。

# %% [markdown] lang="en"
# Four of the files side by side: more pixels are sharper, the tight one has no border, and the one that was saved too
# late is empty.

# %% figure="files" zh="四个文件；保存得太晚的那个是空白" en="four of the files; the one saved too late is empty"
names = ["dpi72.png", "dpi144.png", "tight.png", "close, then savefig.png"]
for ax, name in zip(d2l.show_images([plt.imread(files / name) for name in names], 1, 4, scale=3).flat, names):
    ax.set_title(name, fontsize=9)

# %% [markdown] lang="zh"
# ## 不关闭图像
#
# 用`plt.figure`建立的图像一直留在内存里，直到被关闭。循环里画图而不关闭，图像就越积越多；到第21幅时matplotlib发出警
# 告。

# %% [markdown] lang="en"
# ## Figures that stay open
#
# A figure made by `plt.figure` stays in memory until it is closed. A loop that draws and never closes collects more
# and more of them. At the 21st figure matplotlib gives a warning.

# %%
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for _ in range(22):
        plt.figure(figsize=(1, 1))
left = len(plt.get_fignums())
plt.close("all")
print(f"{left} figures open, {len(plt.get_fignums())} after plt.close('all'); warned {len(told)} times")

# %% [markdown] lang="zh"
# ## 由谁来决定后端
#
# 另外启动三个没有屏幕的程序。什么也不说时，matplotlib自己选用Agg。环境变量`MPLBACKEND`里写的窗口后端只是一个愿望，办
# 不到就退回Agg；在程序里指名要它，办不到就是错误。

# %% [markdown] lang="en"
# ## What decides the backend
#
# We start three more programs without a screen. If nothing is said, matplotlib chooses Agg by itself. A window
# backend in the environment variable `MPLBACKEND` is only a wish; if it is impossible, Agg is used. If the program
# itself asks for it, this is an error.

# %%
PROGRAM = """
import time
from matplotlib import pyplot as plt
{switch}
plt.plot([0, 1])
start = time.perf_counter()
plt.show()
print(plt.get_backend(), "- show took %.3f s" % (time.perf_counter() - start))
"""
no_screen = {name: value for name, value in os.environ.items()
             if name not in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")}
if sys.platform == "linux":  # elsewhere a window would open
    for name, environment, switch in (("nothing said", {}, ""), ("MPLBACKEND=TkAgg", {"MPLBACKEND": "TkAgg"}, ""),
                                      ("plt.switch_backend('TkAgg')", {}, "plt.switch_backend('TkAgg')")):
        child = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM.format(switch=switch)], text=True,
                               env={**no_screen, **environment}, capture_output=True, timeout=60)
        print(f"{name}: exit code {child.returncode},", (child.stdout or child.stderr).strip().splitlines()[-1])

# %% [markdown] lang="zh"
# ## 回答
#
# 在脚本里，画完就用`plt.savefig`保存，再用`plt.close`关闭；顺序反过来，文件是空白的，而且没有任何提示。要在屏幕上看，
# 就在最后调用`plt.show()`；用`plt.show(block=False)`再加`plt.pause(0.1)`，程序不等窗口关闭就继续。没有屏幕时，在画第
# 一幅图像之前写上`matplotlib.use("Agg")`，或设环境变量`MPLBACKEND=Agg`，结果就不再取决于机器。像素数由英寸和`dpi`决
# 定，`dpi`加倍，像素是原来的四倍，文件也大得多。

# %% [markdown] lang="en"
# ## The answer
#
# In a script, draw, save with `plt.savefig`, and then close with `plt.close`. In the other order the file is empty,
# and nothing says so. To see figures on a screen, call `plt.show()` at the end. With `plt.show(block=False)` and
# `plt.pause(0.1)` the program continues while the window is open. Without a screen, write `matplotlib.use("Agg")`
# before the first figure, or set `MPLBACKEND=Agg` in the environment; then the result does not depend on the machine.
# Inches times `dpi` are the pixels. Twice the `dpi` gives four times the pixels and a much larger file.

# %%
sizes = {row[0]: row[1] for row in saved["rows"]}
shows = (f"Saved after closing, {orders['rows'][1][1]:.0%} of the file is drawn instead of {orders['rows'][0][1]:.0%}. "
         f"Twice the dots an inch make the file {sizes['dpi144.png'] / sizes['dpi72.png']:.1f} times as large; "
         f"{left} figures were still open after {left} that nobody closed.")
print(shows)

# %% [markdown] lang="zh"
# ## 还可以试试
#
# - 把`dpi72.png`和`lines.svg`都放大十倍，比较边界框的线条和其中的照片。
# - 用不同的`quality`保存JPEG文件（例如`pil_kwargs={"quality": 30}`），看边界框的边缘有什么变化。

# %% [markdown] lang="en"
# ## Worth trying next
#
# - Enlarge `dpi72.png` and `lines.svg` ten times, and compare the lines of the boxes and the photo inside.
# - Save JPEG files of different quality, for example with `pil_kwargs={"quality": 30}`. What happens at the edges of
#   the boxes?
