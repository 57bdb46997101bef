# %% [markdown]
# # 9.3, aside: figures outside a notebook
#
# In a notebook a figure appears by itself. In a script nothing is seen until `plt.show()`, which waits until the window
# is closed; where there is no screen (a server, CI) there is no window at all, and the figure goes to a file.
#
# - `matplotlib.use("Agg")`, or `MPLBACKEND=Agg` in the environment, draws without a screen. Say it before the first
#   figure.
# - `plt.savefig` comes before `plt.show()` or `plt.close()`: after them the current figure is a new, empty one.
# - `plt.show(block=False)` and `plt.pause(0.1)` continue with the window open; it closes at the end of the script.
# - Figures stay in memory until they are closed.

# %%
import os
import subprocess
import sys
import time
import warnings

import matplotlib
import numpy as np

import d2lzh_cv as d2l
from d2lzh_cv.run import section

run = section.start("9.3-figures")

# %%
from PIL import Image  # noqa: E402

from d2lzh_cv.metrics.tables import format_table  # noqa: E402

plt, picture = d2l.plt, d2l.read_picture(run.find("img").path / "catdog.jpg").asnumpy()
boxes = {"dog": [60, 45, 378, 516], "cat": [400, 112, 655, 493]}


def draw():
    """The figure of section 9.3, as a new one."""
    fig = plt.figure(figsize=(3.5, 2.5))
    axes = plt.imshow(picture).axes
    d2l.show_bboxes(axes, list(boxes.values()), list(boxes))
    return fig


# %% [markdown]
# ## What `show` does here

# %%
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
    run.record(show_seconds=waited, show_said=said)
run.save_figure("figure", "the figure of 9.3; a script sees it by this file alone")

# %% [markdown]
# ## Saved how
# Pixels are inches times dots an inch. `bbox_inches="tight"` cuts the rim off, so that the size is no longer exactly
# that. SVG and PDF keep lines and letters as such; the picture in them stays pixels.

# %%
files, rows = run.folder / "saved", []
files.mkdir(exist_ok=True)
for name, options in {"dpi72.png": {"dpi": 72}, "dpi144.png": {"dpi": 144},
                      "tight.png": {"dpi": 144, "bbox_inches": "tight"}, "small.jpg": {"dpi": 72},
                      "lines.svg": {}, "lines.pdf": {}}.items():
    figure, start = draw(), time.perf_counter()
    plt.savefig(files / name, **options)
    seconds = time.perf_counter() - start
    plt.close(figure)
    with_pixels = name.endswith(("png", "jpg"))
    width, height = Image.open(files / name).size if with_pixels else (None, None)
    rows.append([name, (files / name).stat().st_size / 1000, width, height, seconds])
saved = {"columns": ["file", "kilobytes", "width", "height", "seconds"], "rows": rows}
print(format_table(saved))

# %% [markdown]
# ## In which order


# %%
def drawn(path):
    """Share of the pixels of a file that are not white."""
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
orders = {"columns": ["order", "share of the file that is drawn"], "rows": rows}
print(format_table(orders))

# %%
names = ["dpi72.png", "dpi144.png", "tight.png", "close, then savefig.png"]
for ax, name in zip(d2l.show_images([plt.imread(files / name) for name in names], 1, 4, scale=3).flat, names):
    ax.set_title(name, fontsize=9)
run.save_figure("files", "four of the files; the one that was saved too late is empty")

# %% [markdown]
# ## Not closed
# A loop that saves twenty figures and closes none keeps twenty; matplotlib warns at the twenty-first.

# %%
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    for _ in range(22):
        plt.figure(figsize=(1, 1))
left = len(plt.get_fignums())
plt.close("all")
print(f"{left} figures open, {len(plt.get_fignums())} after plt.close('all'); warned {len(told)} times")

# %% [markdown]
# ## In a program of its own
# Without a screen and without a word about the backend, matplotlib takes Agg by itself. A window system named in the
# environment is a wish; asked for in the program, it is an error where there is no screen.

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

# %%
sizes = {row[0]: row[1] for row in saved["rows"]}
shows = (f"Saved after closing, {orders['rows'][1][1]:.0%} of the file is drawn instead of {orders['rows'][0][1]:.0%}. "
         f"Twice the dots an inch make the file {sizes['dpi144.png'] / sizes['dpi72.png']:.1f} times as large; "
         f"{left} figures were still open after {left} that nobody closed.")
print(shows)
run.record(saved=saved, order=orders, open_figures=left, shows=shows)
run.finish()
