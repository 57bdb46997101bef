"""Pictures and boxes on matplotlib axes: the book's plotting helpers (sections 9.1, 9.3, 9.4, 9.6)."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from .fonts import fit_fonts


def use_svg_display() -> None:
    """Show figures as SVG in a notebook; outside a notebook, do nothing."""
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats  # IPython 9 has no copy of it
    except ImportError:
        return
    if get_ipython() is not None:  # in a script, the next line would start a shell, which replaces __main__
        set_matplotlib_formats("svg")


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """Set the default figure size.

    Args:
        figsize: (width, height) in inches.
    """
    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def show_code(*objects: object) -> None:
    """Show the source of functions or classes, highlighted, in a notebook; outside a notebook, do nothing.

    Args:
        objects: functions or classes of this package, such as ``d2l.bbox_to_rect``.
    """
    from inspect import getsource
    try:
        from IPython import get_ipython
        from IPython.display import Code, display
    except ImportError:
        return
    if get_ipython() is not None:
        display(*[Code(getsource(one), language="python") for one in objects])


def to_picture(pixels) -> Image.Image:
    """Return a picture of PIL, which a notebook shows pixel for pixel; ``show_images`` scales it (section 9.11).

    Args:
        pixels: an NDArray or array (H, W, 3): uint8, or float in [0, 1].
    """
    pixels = to_numpy(pixels)
    return Image.fromarray(pixels if pixels.dtype == np.uint8 else np.rint(pixels.clip(0, 1) * 255).astype(np.uint8))


def to_numpy(array) -> np.ndarray:
    """Convert an NDArray, NumPy array or nested list to a NumPy array."""
    return array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)


def bbox_to_rect(bbox: Sequence[float], color: str) -> plt.Rectangle:
    """Return the matplotlib rectangle of a box (section 9.3).

    Args:
        bbox: (xmin, ymin, xmax, ymax), in pixels.
        color: of the outline.
    """
    xmin, ymin, xmax, ymax = bbox[:4]
    return plt.Rectangle((xmin, ymin), width=xmax - xmin, height=ymax - ymin, fill=False, edgecolor=color, linewidth=2)


def show_bboxes(axes, bboxes, labels=None, colors=None) -> None:
    """Draw boxes with optional labels (section 9.4).

    Args:
        axes: matplotlib axes that hold the picture.
        bboxes: (N, 4), corners in pixels; an NDArray, an array or a list of either.
        labels: a text, or a list of texts for the first boxes.
        colors: a colour, or a list of colours to cycle through; by default blue, green, red, magenta, black.
    """
    labels, colors = _as_list(labels, []), _as_list(colors, ["b", "g", "r", "m", "k"])
    for i, bbox in enumerate(bboxes):
        color = colors[i % len(colors)]
        rect = bbox_to_rect(to_numpy(bbox), color)
        axes.add_patch(rect)
        if i < len(labels):
            text = axes.text(*rect.xy, labels[i], va="center", ha="center", fontsize=9,
                             color="k" if color == "w" else "w", bbox={"facecolor": color, "lw": 0})
            fit_fonts([text])


def show_images(imgs, num_rows: int, num_cols: int, scale: float = 2) -> np.ndarray:
    """Draw pictures in a grid without ticks and return the axes, (num_rows, num_cols) even for one row (section 9.1).

    Args:
        imgs: at least ``num_rows * num_cols`` pictures, each (H, W, 3): uint8, or float in [0, 1].
        num_rows, num_cols: of the grid.
        scale: inches per picture.
    """
    _, axes = plt.subplots(num_rows, num_cols, figsize=(num_cols * scale, num_rows * scale), squeeze=False)
    for ax, img in zip(axes.flat, imgs):
        ax.imshow(to_numpy(img))
    for ax in axes.flat:
        ax.get_xaxis().set_visible(False)
        ax.get_yaxis().set_visible(False)
    return axes


def _as_list(value, default: list) -> list:
    if value is None:
        return default
    return list(value) if isinstance(value, (list, tuple)) else [value]
