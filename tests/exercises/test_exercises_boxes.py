"""What the exercises of 9.4 to 9.7 and the topics beside them record, against plain loops and figures by hand.

Each script runs once, in quick mode on drawn data.
"""
from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from oracles import BOOK_ANCHORS, BOOK_OBJECTS, plain_detection, plain_iou, plain_match, plain_prior, plain_targets
from tolerance import assert_close

from d2lzh_cv import contents

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A function of a section's name that runs its script and returns what it recorded."""
    folder = tmp_path_factory.mktemp("exercises")

    @lru_cache
    def run(number: str) -> dict:
        script = contents.script_path(contents.find(number))
        child = subprocess.run([sys.executable, str(script), "--quick", "--data", "synthetic", "--out", str(folder)],
                               cwd=ROOT, capture_output=True, encoding="utf-8", timeout=900,
                               env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        assert child.returncode == 0, child.stderr[-2000:]
        return json.loads((folder / number / "results.json").read_text(encoding="utf-8"))["results"]
    return run


def by_name(table: dict) -> dict[str, dict]:
    """The rows of a table by their first cell, each as column to value."""
    return {row[0]: dict(zip(table["columns"], row)) for row in table["rows"]}


# -- 9.4 --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "sizes", "ratios"), [
    ("the book's", [0.75, 0.5, 0.25], [1, 2, 0.5]), ("small", [0.2, 0.1, 0.05], [1, 2, 0.5]),
    ("one size", [0.5], [1, 2, 0.5, 4, 0.25]), ("one ratio", [0.75, 0.6, 0.45, 0.3, 0.15], [1])])
def test_sizes_and_ratios_in_pixels(results, name, sizes, ratios):
    row = by_name(results("9.4-anchors")["sizes_and_ratios"])[name]
    height, width = 561 // 8, 728 // 8
    widths = [(box[2] - box[0]) * 728 for box in plain_prior(height, width, sizes, ratios)]
    assert row["in all"] == len(widths)
    assert_close([row["narrowest, pixels"], row["widest, pixels"]], np.float32([min(widths), max(widths)]))
    assert row["off the formula"] < 1e-6


def test_half_an_iou_is_a_third_of_both_areas(results):
    rows = results("9.4-anchors")["iou_one_half"]["rows"]
    assert len(rows) == 4
    assert_close([row[1] for row in rows], np.full(4, 0.5, "float32"))
    assert_close([row[2] for row in rows], np.full(4, 1 / 3))


def test_offsets_of_a_whole_grid(results):
    rows = results("9.4-anchors")["offsets"]["rows"]
    grid = np.float32(plain_prior(16, 20, [0.75, 0.5, 0.25], [1, 2, 0.5])).astype("float64")
    for row, variances in zip(rows, [(0.1, 0.1, 0.2, 0.2), (1, 1, 1, 1)]):
        offsets, _, classes = plain_targets(grid, BOOK_OBJECTS.astype("float64"), variances=variances)
        assert row[1:3] == [len(grid), np.count_nonzero(classes)]
        assert_close(row[3], np.float32(np.abs(offsets).max()))
        assert row[4] < 1e-5 and row[5] == 0


def test_labels_of_changed_anchors(results):
    rows = by_name(results("9.4-anchors")["other_anchors"])
    book, half = BOOK_ANCHORS.astype("float64"), (BOOK_ANCHORS[:, 2:] - BOOK_ANCHORS[:, :2]).astype("float64") / 4
    objects = BOOK_OBJECTS.astype("float64")
    changed = {"the book's": book, "moved right by 0.1": book + [0.1, 0, 0.1, 0],
               "half as wide and high": np.hstack([book[:, :2] + half, book[:, 2:] - half]),
               "anchor 0 on the dog": np.vstack([objects[0, 1:], book[1:]]), "in reverse order": book[::-1]}
    assert set(rows) == set(changed)
    for name, anchors in changed.items():
        matched = plain_match(anchors, objects[:, 1:], 0.5)
        assert [rows[name][str(i)] for i in range(5)] == [matched[i] + 1 if i in matched else 0 for i in range(5)], name
        best = [max(plain_iou(anchor, box) for anchor in anchors) for box in objects[:, 1:]]
        assert_close([rows[name]["best IoU, dog"], rows[name]["best IoU, cat"]], np.float32(best))


def test_suppression_of_changed_boxes(results):
    rows = by_name(results("9.4-anchors")["other_boxes"])
    book = np.array([[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91], [0.55, 0.2, 0.9, 0.88]])
    probs = np.array([[0] * 4, [0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]])
    moved, size = book.copy(), np.tile((book[:, 2:] - book[:, :2]) / 4, 2) * [1, 1, -1, -1]
    moved[1, [0, 2]] += 0.2
    for name, boxes in {"the book's": book, "box 1 moved right by 0.2": moved,
                        "half as wide and high": book + size}.items():
        for threshold, column in ((0.3, "kept at 0.3"), (0.5, "at 0.5"), (0.7, "at 0.7")):
            found = plain_detection(probs, np.zeros((4, 4)), boxes, threshold)
            assert rows[name][column] == sum(row[0] >= 0 for row in found), (name, threshold)


# -- 9.5 --------------------------------------------------------------------------------------------------------------
def test_outputs_of_the_three_ways(results):
    rows = by_name(results("9.5-multiscale")["tried"])
    for side in (4, 2, 1):
        units, channels, outputs = side * side, 10, 3 * 3 + 3 * 4
        weights = {"3 × 3 convolution": (9 * channels + 1) * outputs, "1 × 1 convolution": (channels + 1) * outputs,
                   "dense": (channels * units + 1) * outputs * units}
        for way, count in weights.items():
            row = rows[f"{side} × {side}, {way}"]
            assert [row["class scores"], row["offsets"], row["weights"]] == [units * 9, units * 12, count], (side, way)
    assert results("9.5-multiscale")["shapes_2_rows_5_columns"] == [[1, 9, 2, 5], [1, 12, 2, 5]]


def test_receptive_fields_counted_from_the_output(results):
    rows = results("9.5-multiscale")["receptive_fields"]["rows"]
    for halvings, row in zip((3, 4, 5, 6), rows):
        field = 1
        for kernel, stride in [(3, 1), *[(2, 2), (3, 1), (3, 1)] * halvings]:
            field = (field - 1) * stride + kernel
        assert row[4] == field


# -- 9.6 --------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def settings(results) -> dict[str, dict]:
    recorded = results("9.6-augmenters")
    return {name: row for key, table in recorded.items() if key.startswith("table_")
            for name, row in by_name(table).items()}


def test_every_parameter_is_shown(results, settings):
    assert results("9.6-augmenters")["left_out"] == []
    assert len(settings) == 37


def test_boxes_stay_on_what_they_frame(settings):
    assert max(row["off, pixels"] for row in settings.values()) < 3
    assert {name for name, row in settings.items() if row["boxes changed"] == 0}.isdisjoint(
        {"rand_crop=1", "rand_pad=1", "rand_mirror=True"})


def test_sizes_counts_and_colours_of_the_settings(settings):
    assert [settings["data_shape=(3, 120, 300)"][key] for key in ("height", "width")] == [120, 300]
    assert [settings["resize=40"][key] for key in ("height before", "width before")] == [40, 52]
    assert settings["rand_crop=1, min_object_covered=0.95"]["box width"] < settings["rand_crop=1"]["box width"]
    area = settings["rand_pad=1"]["height before"] * settings["rand_pad=1"]["width before"]
    assert 280 * 364 < area < 3 * 280 * 364 * 1.1
    red, number = settings["rand_pad=1, pad_val=(255, 0, 0)"], settings["rand_pad=1, pad_val=255"]
    assert red["red"] > 1.5 * red["green"]
    assert_close(number["red"], red["red"])  # a number fills the first channel
    for row in settings.values():
        assert 1 <= row["fewest"] <= row["boxes"] <= 2


def test_mean_and_std_are_subtracted_and_divided(settings):
    plain, mean = settings["nothing"], settings["mean=True"]
    assert_close([plain[c] - mean[c] for c in ("red", "green", "blue")], np.float32([123.68, 116.28, 103.53]))
    both = settings["mean=True, std=True"]
    assert_close([mean[c] / both[c] for c in ("red", "green", "blue")], np.float32([58.395, 57.12, 57.375]))


def test_orders_of_the_iterator(results):
    orders = results("9.6-augmenters")["orders"]
    whole = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1]]
    for name in ("path_imgrec", "imglist, path_root", "path_imglist, path_root", "rand_mirror=True"):
        assert orders[name] == [whole, whole], name
    assert orders["last_batch_handle='discard'"] == [whole[:2], whole[:2]]
    assert orders["last_batch_handle='roll_over'"] == [whole[:2], [[8, 9, 0, 1], [2, 3, 4, 5], [6, 7, 8, 9]]]
    first, second = (sum(epoch, [])[:10] for epoch in orders["shuffle=True"])
    assert sorted(first) == sorted(second) == list(range(10)) and first != second
    halves = [set(sum(orders[f"num_parts=2, part_index={k}"][0], [])) for k in (0, 1)]
    assert halves == [set(range(5)), set(range(5, 10))]


# -- beside 9.7 and 9.11 ----------------------------------------------------------------------------------------------
def test_what_transposing_moves(results):
    rows = by_name(results("9.7-transpose")["tried"])
    place = np.arange(4 * 2 * 4).reshape(4, 2, 4)
    for name, order in {"transpose, then flatten": (1, 2, 0), "flatten alone": (0, 1, 2),
                        "transpose to (B, W, H, C), then flatten": (2, 1, 0)}.items():
        moved = (place.transpose(order).ravel() != place.ravel()).sum()
        assert rows[name]["values moved"] == moved, name
    assert [row["anchors with their own scores"] for row in rows.values()] == [16, 0, 0, 4, 4]
    assert [row[1] for row in results("9.7-transpose")["memory"]["rows"]] == [1, 1, 0, 1]


def test_which_gradients_arrive(results):
    recorded = results("9.11-detach")
    hand = {"nothing cut": (24, 36), "one factor detached": (12, 18), "one factor through BlockGrad": (12, 18),
            "both detached": (0, 0), "a under autograd.pause": (0, 0), "w detached": (24, 0),
            "grad_req null for w": (24, 0)}
    assert {name: (row["at x"], row["at w"]) for name, row in by_name(recorded["tried"]).items()} == hand
    network = by_name(recorded["in_a_network"])
    largest = {name: row["largest gradient × 1e3"] for name, row in network.items()}
    assert largest["all recorded"] > 0 and largest["features detached"] == largest["first layer detached"] == 0
    assert math.isclose(largest["all recorded"], largest["weights with grad_req null"], rel_tol=1e-5)
