"""Boxes against plain loops: forms, overlap, offsets, suppression."""
from __future__ import annotations

import math

import numpy as np
import pytest
from mxnet import nd
from oracles import BOOK_ANCHORS, BOOK_OBJECTS, SEEDS, plain_iou, plain_nms, plain_offsets, random_boxes
from tolerance import assert_close

from d2lzh_cv import boxes


def test_scale_is_width_height_twice():
    assert_close(boxes.box_scale(np.zeros((561, 728, 3))), [728, 561, 728, 561], exact=True)
    assert_close(boxes.box_scale(nd.zeros((3, 5))), [5, 3, 5, 3], exact=True)


def test_corner_and_centre_by_hand():
    assert_close(boxes.corner_to_center(nd.array([[1, 2, 5, 10]])), [[3, 6, 4, 8]], exact=True)
    assert_close(boxes.center_to_corner(nd.array([[3, 6, 4, 8]])), [[1, 2, 5, 10]], exact=True)


@pytest.mark.parametrize("shape", [(4,), (6, 4), (2, 3, 4)])
def test_corner_and_centre_undo_each_other(shape):
    corners = random_boxes(6, seed=1).reshape(-1)[:math.prod(shape)].reshape(shape)
    assert_close(boxes.center_to_corner(boxes.corner_to_center(nd.array(corners))), corners)
    assert_close(boxes.corner_to_center(boxes.center_to_corner(nd.array(corners))), corners)


def test_clip_limits_every_corner_to_the_picture():
    clipped = boxes.clip_boxes(nd.array([[-0.5, 0.25, 1.5, 1.0], [1.25, -2, 3, -1]]))
    assert_close(clipped, [[0, 0.25, 1, 1], [1, 0, 1, 0]], exact=True)


def test_area_of_whole_and_degenerate_boxes():
    whole, line, inside_out, both_inside_out = [0, 1, 4, 3], [2, 0, 2, 9], [5, 0, 1, 2], [3, 3, 1, 1]
    assert_close(boxes.box_area(nd.array([whole, line, inside_out, both_inside_out])), [8, 0, 0, 0], exact=True)


@pytest.mark.parametrize(("name", "a", "b", "expected"), [
    ("equal", (0, 0, 1, 1), (0, 0, 1, 1), 1),
    ("a square moved by a third of its side", (0, 0, 3, 3), (1, 0, 4, 3), 0.5),
    ("one inside the other", (0, 0, 4, 4), (1, 1, 3, 3), 0.25),
    ("a quarter of each", (0, 0, 2, 2), (1, 1, 3, 3), 1 / 7),
    ("a common side", (0, 0, 1, 1), (1, 0, 2, 1), 0),
    ("a common corner", (0, 0, 1, 1), (1, 1, 2, 2), 0),
    ("apart in both directions", (0, 0, 1, 1), (2, 2, 3, 3), 0),
    ("apart in one direction", (0, 0, 1, 1), (0, 2, 1, 3), 0),
    ("a line inside a box", (0, 0, 2, 2), (1, 0, 1, 2), 0),
    ("two equal points", (1, 1, 1, 1), (1, 1, 1, 1), 0),
    ("inside out", (0, 0, 2, 2), (2, 2, 0, 0), 0),
])
def test_iou_by_hand(name, a, b, expected):
    assert_close(boxes.iou(nd.array([a]), nd.array([b])), [[expected]])


@pytest.mark.parametrize("seed", SEEDS)
def test_iou_of_every_pair(seed):
    a, b = random_boxes(7, seed), random_boxes(4, seed + 100)
    expected = [[plain_iou(box_a, box_b) for box_b in b] for box_a in a]
    assert_close(boxes.iou(nd.array(a), nd.array(b)), expected)
    assert_close(boxes.iou(nd.array(b), nd.array(a)).T, boxes.iou(nd.array(a), nd.array(b)), exact=True)


def test_offsets_are_the_books():
    """MultiBoxTarget(anchors, objects, zeros((1, 3, 5))) of section 9.4 prints these for anchors 1, 2 and 4."""
    offsets = boxes.encode_offsets(nd.array(BOOK_ANCHORS[[1, 2, 4]]), nd.array(BOOK_OBJECTS[[0, 1, 1], 1:]))
    assert_close(offsets, [[1.4, 10, 2.594, 7.1754], [-1.2, 0.26882, 1.6824, -1.5655], [-0.57143, -1, 0, 0.62582]])


@pytest.mark.parametrize("variances", [boxes.VARIANCES, (1, 1, 1, 1), (0.1, 0.2, 0.3, 0.4)])
@pytest.mark.parametrize("seed", SEEDS)
def test_offsets_by_formula_and_back(seed, variances):
    anchors, objects = random_boxes(6, seed), random_boxes(6, seed + 100)
    offsets = boxes.encode_offsets(nd.array(anchors), nd.array(objects), variances)
    assert_close(offsets, [plain_offsets(a.astype("float64"), o.astype("float64"), variances)
                           for a, o in zip(anchors, objects)])
    assert_close(boxes.decode_offsets(nd.array(anchors), offsets, variances), objects)


def test_decoding_by_hand():
    """A square of side 2 around (1, 1): right by half its width, as high as before, twice as wide."""
    offsets = nd.array([[5, 0, math.log(2) / 0.2, 0]])
    assert_close(boxes.decode_offsets(nd.array([[0, 0, 2, 2]]), offsets), [[0, 0, 4, 2]])


def test_no_offset_is_the_anchor_itself():
    assert_close(boxes.decode_offsets(nd.array(BOOK_ANCHORS), nd.zeros((5, 4))), BOOK_ANCHORS)


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", SEEDS)
def test_suppression_of_random_boxes(seed, threshold):
    rng = np.random.default_rng(seed)
    candidates = (np.repeat(random_boxes(8, seed), 3, axis=0) + rng.uniform(-0.03, 0.03, (24, 4))).astype("float32")
    scores = rng.permutation(24).astype("float32") / 24
    kept = boxes.nms(nd.array(candidates), nd.array(scores), threshold)
    assert kept.dtype == np.int64
    assert kept.tolist() == plain_nms(candidates, scores, threshold)
    assert 1 < len(kept) < 24, "all or nothing was suppressed: that shows nothing"


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(("past", "kept"), [(-1e-5, [0, 1]), (0, [0]), (1e-5, [0])])
def test_suppression_at_the_threshold(threshold, past, kept):
    """The second box is that part of the first which their IoU shall be; the IoU itself goes too."""
    pair = nd.array([[0, 0, 1, 1], [0, 0, threshold + past, 1]])
    assert boxes.nms(pair, nd.array([0.9, 0.8]), threshold).tolist() == kept


def test_a_suppressed_box_suppresses_nothing():
    chain = nd.array([[0, 0, 4, 1], [1, 0, 5, 1], [2, 0, 6, 1]])  # IoU 0.6 between neighbours, 1/3 between the ends
    assert boxes.nms(chain, nd.array([0.7, 0.8, 0.6])).tolist() == [1]
    assert boxes.nms(chain, nd.array([0.8, 0.7, 0.6])).tolist() == [0, 2]


def test_equal_scores_keep_their_order():
    """So many that a sort which is not stable would mix them."""
    apart = nd.array([[i, 0, i + 1, 1] for i in range(200)])
    assert boxes.nms(apart, [0.5, 0.9] * 100).tolist() == [*range(1, 200, 2), *range(0, 200, 2)]
    assert boxes.nms(nd.array([[0, 0, 1, 1]] * 3), [0.5, 0.9, 0.9]).tolist() == [1]


def test_boxes_without_area_suppress_nothing():
    """Even of themselves they cover nothing."""
    assert boxes.nms(nd.array([[1, 1, 1, 1]] * 2 + [[0, 0, 2, 2]]), [0.9, 0.8, 0.7]).tolist() == [0, 1, 2]


def test_the_callers_boxes_stay_as_they_are():
    anchors, objects = nd.array(random_boxes(5, 0)), nd.array(random_boxes(5, 1))
    before = anchors.asnumpy(), objects.asnumpy()
    boxes.iou(anchors, objects)
    boxes.decode_offsets(anchors, boxes.encode_offsets(anchors, objects))
    boxes.nms(anchors, objects[:, 0], 0.1)
    boxes.clip_boxes(objects)
    assert_close(anchors, before[0], exact=True)
    assert_close(objects, before[1], exact=True)
