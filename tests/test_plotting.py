"""Pictures and boxes: what is on the axes, in which colours, and that SVG is asked for in notebooks only."""
from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from data_kit import pixels
from matplotlib.colors import to_rgba
from mxnet import nd

from d2lzh_cv import plotting
from d2lzh_cv.plotting import plt


@pytest.fixture(autouse=True)
def fresh_figures():
    with plt.rc_context():
        yield
    plt.close("all")


@pytest.fixture
def axes():
    return plt.imshow(pixels(60, 80)).axes


# boxes

@pytest.mark.parametrize("form", [list, tuple, np.array])
def test_a_box_becomes_a_rectangle(form):
    rectangle = plotting.bbox_to_rect(form([60, 45, 378.5, 516]), "blue")
    assert rectangle.get_bbox().bounds == (60, 45, 318.5, 471)
    assert rectangle.get_edgecolor() == to_rgba("blue") and rectangle.get_linewidth() == 2
    assert not rectangle.get_fill()


def test_only_the_first_four_numbers_of_a_row_are_the_box():
    """The book indexes the row, so a score behind the box does not matter."""
    assert plotting.bbox_to_rect([1, 2, 3, 5, 0.9], "r").get_bbox().bounds == (1, 2, 2, 3)


BOXES = np.array([[k, k, k + 10, k + 20] for k in range(7)], "float32")


@pytest.mark.parametrize("boxes", [nd.array(BOXES), BOXES, list(BOXES), [nd.array(box) for box in BOXES],
                                   BOXES.tolist()], ids=["NDArray", "array", "arrays", "NDArrays", "lists"])
def test_boxes_of_every_form_are_drawn_in_the_books_colours(axes, boxes):
    plotting.show_bboxes(axes, boxes)
    assert [patch.get_bbox().bounds for patch in axes.patches] == [(k, k, 10, 20) for k in range(7)]
    assert [patch.get_edgecolor() for patch in axes.patches] == [to_rgba(color) for color in "bgrmkbg"]
    assert not axes.texts


def test_labels_stand_at_the_corner_of_their_box(axes):
    plotting.show_bboxes(axes, nd.array(BOXES[:3]), ["dog", "cat"], ["w", "k"])
    assert [(text.get_text(), text.get_position()) for text in axes.texts] == [("dog", (0, 0)), ("cat", (1, 1))]
    assert [text.get_color() for text in axes.texts] == ["k", "w"]
    assert [text.get_bbox_patch().get_facecolor() for text in axes.texts] == [to_rgba("w"), to_rgba("k")]
    assert [patch.get_edgecolor() for patch in axes.patches] == [to_rgba(color) for color in "wkw"]
    assert {(text.get_ha(), text.get_va(), text.get_fontsize()) for text in axes.texts} == {("center", "center", 9)}


@pytest.mark.parametrize("labels, colors", [("dog", "w"), (["dog"], ["w"]), (("dog",), ("w",))])
def test_one_label_and_one_colour_need_no_list(axes, labels, colors):
    plotting.show_bboxes(axes, nd.array(BOXES[:2]), labels=labels, colors=colors)
    assert [text.get_text() for text in axes.texts] == ["dog"]
    assert [patch.get_edgecolor() for patch in axes.patches] == [to_rgba("w")] * 2


def test_no_boxes_no_patches(axes):
    plotting.show_bboxes(axes, [], "dog")
    assert not axes.patches and not axes.texts


# pictures

PICTURES = np.stack([pixels(8, 9, seed) for seed in range(6)])


@pytest.mark.parametrize("imgs", [nd.array(PICTURES, dtype="uint8"), PICTURES, list(PICTURES),
                                  [nd.array(picture, dtype="uint8") for picture in PICTURES]],
                         ids=["NDArray", "array", "arrays", "NDArrays"])
def test_pictures_fill_the_grid_row_by_row(imgs):
    axes = plotting.show_images(imgs, 2, 3)
    assert axes.shape == (2, 3)
    for ax, picture in zip(axes.flatten(), PICTURES):
        np.testing.assert_array_equal(ax.images[0].get_array(), picture)
        assert not ax.get_xaxis().get_visible() and not ax.get_yaxis().get_visible()
    assert axes[1][2].figure.get_size_inches().tolist() == [6, 4]


@pytest.mark.parametrize("rows, cols", [(1, 3), (3, 1), (1, 1)])
def test_one_row_and_one_column_are_grids_too(rows, cols):
    """The book's function fails on them: matplotlib squeezes the axes."""
    axes = plotting.show_images(PICTURES, rows, cols, scale=0.5)
    assert axes.shape == (rows, cols)
    assert axes[rows - 1][cols - 1].images
    assert axes[0][0].figure.get_size_inches().tolist() == [cols * 0.5, rows * 0.5]


def test_floats_are_shown_as_they_are():
    picture = nd.array(PICTURES[0]) / 255
    axes = plotting.show_images([picture], 1, 1)
    np.testing.assert_array_equal(axes[0][0].images[0].get_array(), picture.asnumpy())


def test_a_picture_keeps_its_pixels():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10
    for form in (pixels, nd.array(pixels, dtype="uint8"), pixels / 255, nd.array(pixels) / 255):
        picture = plotting.to_picture(form)
        assert picture.size == (4, 2)
        np.testing.assert_array_equal(np.asarray(picture), pixels)


# figures

@pytest.mark.parametrize("args, size", [((), (3.5, 2.5)), (((5, 5),), (5, 5))])
def test_the_size_holds_for_the_figures_that_follow(args, size):
    plotting.set_figsize(*args)
    assert tuple(plt.figure().get_size_inches()) == size


def notebook(monkeypatch, shell):
    """Pretend IPython is there, with ``shell`` as what get_ipython() gives; returns the formats that are set."""
    formats = []
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    ipython.display = types.ModuleType("IPython.display")  # as in IPython 9: no set_matplotlib_formats
    backend = types.ModuleType("matplotlib_inline.backend_inline")
    backend.set_matplotlib_formats = lambda *names: formats.extend(names)
    inline = types.ModuleType("matplotlib_inline")
    inline.backend_inline = backend
    for module in (ipython, ipython.display, inline, backend):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return formats


def test_a_notebook_is_asked_for_svg(monkeypatch):
    formats = notebook(monkeypatch, shell=object())
    plotting.set_figsize()
    plotting.use_svg_display()
    assert formats == ["svg", "svg"]


def test_outside_a_notebook_ipython_is_left_alone(monkeypatch):
    """matplotlib_inline would make a shell: another __main__, a history thread and ~/.ipython."""
    formats = notebook(monkeypatch, shell=None)
    plotting.use_svg_display()
    assert formats == []


@pytest.mark.parametrize("missing", ["IPython", "matplotlib_inline"])
def test_without_ipython_there_is_nothing_to_set(monkeypatch, missing):
    formats = notebook(monkeypatch, shell=object())
    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    plotting.set_figsize((1, 2))
    assert formats == [] and plt.rcParams["figure.figsize"] == [1, 2]
