"""What the figures compute, in a real browser, against MXNet's operators: each is moved through 20 settings or more.

Inputs aim at the decisions: an IoU equal to the threshold, equal maxima, boxes without area, boxes off the map, halves
that are rounded.
"""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from figure_kit import hold
from mxnet import nd

from d2lzh_cv import anchors, boxes, interactive, ssd, transposed_conv
from d2lzh_cv.exercises.receptive_field import receptive_fields
from d2lzh_cv.fcn import bilinear_kernel
from d2lzh_cv.rcnn import roi_align, roi_pooling

WIDTH, HEIGHT = 728, 561


def random_boxes(
    rng: np.random.Generator, count: int, width: float = 1, height: float = 1, digits: int = 2
) -> np.ndarray:
    x, y = np.sort(rng.uniform(0, width, (count, 2))), np.sort(rng.uniform(0, height, (count, 2)))
    return np.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], axis=1).round(digits)


TWO_BOXES = [
    [[0, 0, 60, 60], [20, 0, 80, 60]],  # IoU 1/2
    [[10, 10, 90, 90], [10, 10, 90, 90]],  # equal
    [[0, 0, 50, 50], [50, 0, 100, 50]],  # an edge in common
    [[0, 0, 50, 50], [400, 300, 500, 400]],  # apart
    [[0, 0, 728, 561], [300, 200, 301, 201]],  # one pixel in the whole picture
    [[30, 40, 30, 90], [20, 30, 80, 90]],  # without area
]


def test_two_boxes(show):
    figure, rng = show("iou"), np.random.default_rng(0)
    for i, (blue, red) in enumerate([*TWO_BOXES, *random_boxes(rng, 40, WIDTH, HEIGHT, 0).reshape(-1, 2, 4).tolist()]):
        figure.box("blue", blue)
        figure.box("red", red)
        way = "red" if i % 2 else "blue"
        figure.set(**{"from": way})
        shown, (a, b) = figure.values(), (nd.array([blue]), nd.array([red]))
        hold("iou", shown["iou"], boxes.iou(a, b))
        hold(
            "centre form", [*shown["center-blue"], *shown["center-red"]], boxes.corner_to_center(nd.array([blue, red]))
        )
        if blue[0] == blue[2]:
            assert np.isnan(shown["offsets"]).all()  # not defined
        else:
            hold(
                "offsets", shown["offsets"], boxes.encode_offsets(b, a) if way == "red" else boxes.encode_offsets(a, b)
            )


def test_boxes_move_by_keyboard_and_by_pointer(show):
    figure = show("iou", boxes=[[100, 100, 200, 200], [400, 300, 500, 400]])
    grips, page = figure.page.locator(".grip"), figure.page
    page.evaluate("window.keys = 0; document.addEventListener('keydown', () => { window.keys += 1; })")
    for key, expected in (("ArrowRight", [101, 100, 200, 200]), ("Shift+ArrowDown", [101, 110, 200, 200])):
        grips.nth(0).press(key)
        hold("corner by keyboard", figure.values()["center-blue"], boxes.corner_to_center(nd.array([expected])))
    for _ in range(11):  # at most onto the opposite corner
        grips.nth(0).press("Shift+ArrowRight")
    hold("corner by keyboard", figure.values()["center-blue"], [200, 155, 0, 90])
    page.locator(".box").nth(1).press("Shift+ArrowLeft")
    hold("box by keyboard", figure.values()["center-red"], [440, 350, 100, 100])
    assert page.evaluate("window.keys") == 0  # a notebook gets none of them
    page.locator("[data-key=blue-xmax]").fill("")
    page.keyboard.type("350")  # the 3 alone would lie left of xmin
    hold("typed", figure.values()["center-blue"], [275, 155, 150, 90])
    place = page.locator(".box").nth(1).bounding_box()
    middle = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + place["width"], middle[1], steps=3)  # to the right by its width
    page.mouse.move(middle[0] + 5 * place["width"], middle[1], steps=3)  # and against the picture's edge
    page.mouse.up()
    hold("box by pointer", figure.values()["center-red"], [WIDTH - 50, 350, 100, 100])


def test_anchors_around_a_unit(show):
    figure, rng = show("anchors"), np.random.default_rng(1)
    for _ in range(25):
        rows, columns = rng.integers(1, 17, 2)
        sizes, ratios = rng.uniform(0.05, 1, 3).round(2), (rng.integers(4, 101, 3) * 0.05).round(2)
        row, column = int(rng.integers(rows)), int(rng.integers(columns))
        figure.set(rows=int(rows), columns=int(columns), row=row, column=column)
        figure.set(**{f"s{i + 1}": float(size) for i, size in enumerate(sizes)})
        figure.set(**{f"r{i + 1}": float(ratio) for i, ratio in enumerate(ratios)})
        shown, taken = figure.values(), figure.taken
        sizes, ratios = ([taken[f"{letter}{i}"] for i in (1, 2, 3)] for letter in "sr")
        expected = anchors.multibox_prior(nd.zeros((1, 1, rows, columns)), sizes, ratios)
        hold("anchors", shown["anchors"], expected.reshape((rows, columns, 5, 4))[row, column])
        assert shown["count"] == expected.shape[1]


DECISIONS = {  # objects, anchors, threshold
    "an IoU equal to the threshold": (
        [[0, 0, 0.75, 0.75], [0.8, 0.8, 1, 1]],
        [[0, 0, 0.75, 0.75], [0.25, 0, 1, 0.75], [0.25, 0, 0.99, 0.75], [0.8, 0.8, 1, 1], [0, 0.25, 0.75, 1]],
        0.5,
    ),
    "equal maxima": (
        [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5]],
        [[0.25, 0, 0.75, 0.5], [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0.5, 0, 1, 0.5]],
        0.5,
    ),
    "an anchor that overlaps two objects alike": (
        [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5]],
        [[0.25, 0, 0.75, 0.5]] * 5,
        0.3,
    ),
    "boxes without area": (
        [[0.1, 0.1, 0.1, 0.9], [0.4, 0.4, 0.8, 0.8]],
        [[0.1, 0.1, 0.1, 0.9], [0.4, 0.4, 0.4, 0.4], [0.4, 0.4, 0.8, 0.4], [0.4, 0.4, 0.8, 0.8], [0.3, 0.4, 0.8, 0.8]],
        0.5,
    ),
    "an object that no anchor meets": (
        [[0, 0, 0.1, 0.1], [0.6, 0.6, 0.9, 0.9]],
        [[0.6, 0.6, 0.8, 0.9], [0.6, 0.6, 0.9, 0.8], [0.5, 0.5, 0.7, 0.7], [0.2, 0.2, 0.4, 0.4], [0.3, 0, 0.5, 1]],
        0.5,
    ),
}


def test_assignment(show):
    figure, rng = show("assignment"), np.random.default_rng(2)
    cases = [
        *DECISIONS.values(),
        *((*np.split(random_boxes(rng, 7), [2]), rng.uniform(0.05, 0.6)) for _ in range(20)),
    ]
    for objects, some, threshold in cases:
        for key, those in (("object", objects), ("anchor", some)):
            for i, box in enumerate(those):
                figure.box(f"{key}{i}", box)
        figure.set(threshold=float(threshold), step=99)
        shown, some, objects = figure.values(), nd.array(some), nd.array(objects)
        labels = nd.concat(nd.array([[0], [1]]), objects, dim=1).expand_dims(0)
        targets = anchors.multibox_target(
            some.expand_dims(0), labels, nd.zeros((1, 3, 5)), overlap_threshold=figure.taken["threshold"]
        )
        hold("IoU of anchors and objects", shown["iou"], boxes.iou(some, objects))
        hold("classes", shown["class"], targets.classes)
        hold("targets", shown["offsets"], targets.offsets)
        assert figure.taken["step"] == 5  # a step for each anchor


RECORDED = json.loads(Path(interactive.__file__).with_name("suppression.json").read_text(encoding="utf-8"))["rows"]
EQUAL = [
    [0, 0.9, 0, 0, 0.75, 0.75],
    [0, 0.8, 0.25, 0, 1, 0.75],
    [1, 0.7, 0.25, 0, 1, 0.75],
    [0, 0.6, 0.25, 0.25, 0.25, 0.75],
    [1, 0.7, 0.25, 0, 1, 0.75],
]  # IoU 1/2 in a class; equal boxes and scores; a box without area


@pytest.mark.parametrize(
    "rows, thresholds",
    [(RECORDED, np.linspace(0.05, 1, 20)), (EQUAL, [0.49, 0.5, 0.51, 1])],
    ids=["of a TinySSD", "IoU equal to the threshold"],
)
def test_suppression(show, rows, thresholds):
    figure = show("suppression", rows=rows)
    table = nd.array(rows)
    scores = nd.zeros((1, 3, len(rows)))  # background and two classes
    for i, row in enumerate(rows):
        scores[0, int(row[0]) + 1, i] = row[1]
    for i, threshold in enumerate(thresholds):
        figure.set(threshold=round(float(threshold), 2), lowest=[0.05, 0.3, 0.6][i % 3])
        shown = figure.values()
        threshold, lowest = figure.taken["threshold"], figure.taken["lowest"]
        expected = anchors.multibox_detection(
            scores, nd.zeros((1, 4 * len(rows))), table[:, 2:].expand_dims(0), threshold, lowest
        )[0].asnumpy()
        kept = expected[expected[:, 0] >= 0]
        places = [i for i, by in enumerate(shown["by"]) if by < 0]
        assert shown["kept"] == len(kept) == len(places)
        hold("scores", shown["score"][places], kept[:, 1])
        hold("kept boxes", np.concatenate([shown[f"box{place}"] for place in places]), kept[:, 2:])
        corners = np.array([shown[f"box{place}"] for place in range(len(shown["by"]))])
        removed = [i for i, by in enumerate(shown["by"]) if by >= 0]
        if removed:
            pairs = boxes.iou(nd.array(corners), nd.array(corners)).asnumpy()[removed, shown["by"][removed].astype(int)]
            hold("IoU of suppressed boxes", shown["overlap"][removed], pairs)


def test_scales(show):
    figure, rng = show("scales"), np.random.default_rng(3)
    for box in [[0.3, 0.3, 0.3, 0.8], [0, 0, 1, 1], *random_boxes(rng, 20).tolist()]:
        figure.box("object", box)
        sides, sizes = (4, 2, 1), (rng.uniform(0.05, 0.5), rng.uniform(0.1, 0.8), rng.uniform(0.3, 1))
        figure.set(**{f"s{i}": size for i, size in enumerate(sizes)})
        shown, sizes = figure.values(), [figure.taken[f"s{i}"] for i in range(3)]
        maps = [
            anchors.multibox_prior(nd.zeros((1, 1, side, side)), [size], [1, 2, 0.5])[0]
            for side, size in zip(sides, sizes)
        ]
        overlaps = [boxes.iou(one, nd.array([box])).asnumpy() for one in maps]
        hold("best IoU per scale", shown["best"], [one.max() for one in overlaps])
        assert shown["positive"].tolist() == [(one > 0.5).sum() for one in overlaps]
        assert shown["count"].tolist() == [48, 12, 3]


def test_receptive_fields(show):
    figure, rng, net = show("receptive_field"), np.random.default_rng(4), ssd.TinySSD(1)
    net.initialize()
    fields = receptive_fields(net, (1, 3, 256, 256))
    for scale, (predictor, path) in product(range(5), [("map", "blk"), ("prediction", "cls")]):
        side = (32, 16, 8, 4, 1)[scale]
        sizes, ratios = net.anchors[scale]
        field = fields[f"{path}_{scale}"]
        for _ in range(3):
            figure.set(scale=scale, predictor=predictor)
            unit = int(rng.integers(side)), int(rng.integers(side))
            figure.set(row=unit[0], column=unit[1])
            shown, (x0, y0, x1, y1) = figure.values(), field.box(unit)
            assert shown["size"] == field.size[0]
            if side > 1:
                assert shown["stride"] == field.stride[0]
            hold("field", [*shown["start"], *shown["end"]], [x0, y0, x1 - 1, y1 - 1])
            box = anchors.multibox_prior(nd.zeros((1, 1, side, side)), sizes, ratios).reshape((side, side, 4, 4))[
                unit[0], unit[1]
            ]
            box = box.asnumpy() * 256
            hold("anchors' width", shown["width"], box[:, 2] - box[:, 0])
            hold("anchors' height", shown["height"], box[:, 3] - box[:, 1])
            low, high = np.maximum(box[:, :2], [x0, y0]), np.minimum(box[:, 2:], [x1, y1])
            hold(
                "share in the field",
                shown["inside"],
                np.maximum(high - low, 0).prod(1) / (box[:, 2:] - box[:, :2]).prod(1),
            )


REGIONS = [
    [0, 0, 20, 20],
    [0, 10, 30, 30],
    [5, 15, 25, 35],
    [4.9, 14.9, 24.9, 24.9],
    [-10, -10, -6, -6],
    [-5, -5, 3, 3],
    [35, 35, 50, 50],
    [-10, -10, 50, 50],
    [20, 20, 20, 20],
]  # halves, off the map, a point


def test_regions(show):
    figure, rng = show("roi_pooling"), np.random.default_rng(5)
    more = [
        (random_boxes(rng, 1, side * 10 + 20, side * 10 + 20, 0)[0] - 10).tolist() for side in (4, 8) for _ in range(8)
    ]
    for i, region in enumerate([*REGIONS, *more]):
        side = 4 if i < 17 else 8
        figure.set(side=side)
        figure.values()  # the map is drawn anew
        figure.box("region", region)
        for out, name in ((2, "pooling"), (7, "pooling"), ((1, 3, 5)[i % 3], "pooling"), ((2, 5, 7)[i % 3], "align")):
            figure.set(layer=name, out=out)
            shown = figure.values()
            feature = nd.array(shown["map"]).reshape((1, 1, side, side))
            roi = nd.array([[0, *region]])
            if name == "pooling":
                hold("RoI pooling", shown["output"], roi_pooling(feature, roi, (out, out), 0.1))
            else:
                hold("RoI align", shown["output"], roi_align(feature, roi, (out, out), 0.1))


def test_transposed_convolution(show):
    figure = show("transposed_conv")
    for n, k, stride in [(n, k, s) for n, k, s in product((2, 3), (1, 2, 3, 4), (1, 2, 3)) if (n + k + s) % 2 == 0]:
        figure.set(n=n, k=k, stride=stride, padding=(3, 0, 1)[(n + stride) % 3])
        figure.values()
        padding = int(figure.taken["padding"])
        X = nd.arange(n * n).reshape((n, n))
        K = nd.arange(k * k).reshape((k, k)) + (k != 2)
        four = {
            "kernel": (k, k),
            "stride": (stride, stride),
            "pad": (padding, padding),
            "num_filter": 1,
            "no_bias": True,
        }
        Y = nd.Deconvolution(X.reshape((1, 1, n, n)), K.reshape((1, 1, k, k)), **four)
        size = Y.shape[2]
        figure.set(way="spread", step=99)
        shown = figure.values()
        hold("transposed convolution", shown["Y"], Y)
        hold("spread, before the cut", shown["partial"], transposed_conv.trans_conv(X, K, stride))
        figure.set(way="zeros", step=99)
        shown, border = figure.values(), k - padding - 1
        hold("inserted zeros", shown["Z"], np.pad(transposed_conv.insert_zeros(X, stride).asnumpy(), border))
        hold("by convolution", shown["partial"], Y)
        hold("rotated kernel", shown["K"], K.asnumpy()[::-1, ::-1])
        figure.set(way="matrix", step=99)
        shown = figure.values()
        basis = nd.eye(size * size).reshape(
            (-1, 1, size, size)
        )  # W's columns: what the convolution makes of each pixel
        W = nd.Convolution(basis, K.reshape((1, 1, k, k)), **four).reshape((size * size, n * n)).T
        hold("the matrix W", shown["W"], W)
        hold("by the matrix", shown["partial"], Y)


def test_bilinear_kernel(show):
    figure = show("bilinear")
    for stride, k in product((1, 2, 3, 4), (1, 2, 3, 4, 5, 8)):
        figure.set(stride=stride, k=k, padding=k % 3, input="ones" if k == 5 else "picture")
        shown, kernel = figure.values(), bilinear_kernel(1, 1, k)
        padding = int(figure.taken["padding"])
        X = nd.array(shown["X"]).reshape((1, 1, 4, 4))
        Y = nd.Deconvolution(
            X, kernel, kernel=(k, k), stride=(stride, stride), pad=(padding, padding), num_filter=1, no_bias=True
        )
        hold("bilinear kernel", shown["K"], kernel)
        hold("enlarged", shown["Y"], Y)
        assert shown["size"] == Y.shape[2]


def test_style_frames(show):
    frames = [
        {
            "step": 7 * i,
            "content": 0.01 * i,
            "style": 30 / (i + 1),
            "tv": 0.5,
            "picture": np.full((4, 6, 3), 10 * i, "uint8"),
        }
        for i in range(24)
    ]
    figure = show("style", frames=frames)
    for i, frame in enumerate(frames):
        figure.set(frame=i)
        shown = figure.values()
        for name in ("step", "content", "style", "tv"):
            hold("losses", shown[name], [frame[name]])
    assert show("style", frames=[]).call("(root) => root.textContent").count("No pictures were kept") == 1
