"""Anchors, their targets and the predicted boxes against plain loops: the facts of MXNet's MultiBox operators."""
from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, nd
from oracles import (
    BOOK_ANCHORS,
    BOOK_OBJECTS,
    SEEDS,
    plain_background,
    plain_detection,
    plain_prior,
    plain_targets,
    random_boxes,
)
from tolerance import assert_close

from d2lzh_cv import anchors, boxes
from d2lzh_cv.errors import InputError
from d2lzh_cv.plotting import plt

MAPS = [(1, 1), (3, 5), (5, 2), (4, 4)]


# Generating anchors

@pytest.mark.parametrize(("height", "width"), MAPS)
@pytest.mark.parametrize(("sizes", "ratios"), [([0.4], [1]), ([0.75, 0.5, 0.25], [1, 2, 0.5]), ([0.2, 0.9], [3, 1])])
def test_anchors_row_by_row(height, width, sizes, ratios):
    """Sizes with the first ratio come before ratios with the first size, whatever the first ratio is."""
    feature_map = nd.zeros((2, 3, height, width))
    assert_close(anchors.multibox_prior(feature_map, sizes, ratios), [plain_prior(height, width, sizes, ratios)])


@pytest.mark.parametrize(("height", "width"), MAPS)
@pytest.mark.parametrize("ratio", [0.5, 1, 2])
def test_the_ratio_is_that_of_pixels(height, width, ratio):
    """On a picture with the map's proportions: without the factor H/W the ratio would be one of relative lengths."""
    found = anchors.multibox_prior(nd.zeros((1, 1, height, width)), [0.3], [ratio])[0]
    sides = boxes.corner_to_center(found * boxes.box_scale(np.zeros((height, width, 3))))[:, 2:]
    assert_close(sides[:, 0] / sides[:, 1], [ratio] * (height * width))


def test_anchors_reach_beyond_the_picture_unless_clipped():
    feature_map = nd.zeros((1, 1, 3, 2))
    free = anchors.multibox_prior(feature_map, [0.9, 0.1], [1, 2])
    assert free.min().asscalar() < 0 and free.max().asscalar() > 1
    clipped = anchors.multibox_prior(feature_map, [0.9, 0.1], [1, 2], clip=True)
    assert_close(clipped, free.asnumpy().clip(0, 1), exact=True)


def test_anchors_of_the_books_picture():
    """Printed by section 9.4 for a picture of 561 × 728."""
    found = anchors.multibox_prior(nd.zeros((1, 3, 561, 728)), sizes=[0.75, 0.5, 0.25], ratios=[1, 2, 0.5])
    assert found.shape == (1, 2042040, 4)
    first = found.reshape((561, 728, 5, 4))[250, 250, 0].asnumpy()
    assert first.round(2).tolist() == np.array([0.06, 0.07, 0.63, 0.82], "float32").tolist()


def test_shown_anchors_take_height_before_width():
    picture = np.zeros((30, 90, 3), "uint8")
    found = anchors.show_anchors(picture, 2, 3, sizes=[0.5], ratios=(1, 2))
    rectangles = plt.gca().patches
    plt.close()
    assert_close(found, [plain_prior(2, 3, [0.5], [1, 2])])
    drawn = [[r.get_x(), r.get_y(), r.get_x() + r.get_width(), r.get_y() + r.get_height()] for r in rectangles]
    assert_close(drawn, found[0].asnumpy() * [90, 30, 90, 30])


# Labelling anchors

def test_targets_of_the_book():
    """Printed by section 9.4."""
    labels = anchors.multibox_target(nd.array([BOOK_ANCHORS]), nd.array([BOOK_OBJECTS]), nd.zeros((1, 3, 5)))
    assert_close(labels.classes, [[0, 1, 2, 0, 2]], exact=True)
    assert_close(labels.mask, [[0] * 4 + [1] * 8 + [0] * 4 + [1] * 4], exact=True)
    assert_close(labels.offsets, [[0, 0, 0, 0, 1.4, 10.0, 2.594, 7.1754, -1.2, 0.26882, 1.6824, -1.5655,
                                   0, 0, 0, 0, -0.57143, -1.0, 4.1723e-06, 0.62582]])
    offsets, mask, classes = labels
    assert offsets is labels.offsets and mask is labels.mask and classes is labels.classes


@pytest.mark.parametrize("threshold", [0.2, 0.5])
@pytest.mark.parametrize("seed", SEEDS)
def test_targets_of_random_pictures(seed, threshold):
    """Two pictures with two and four objects; a row of -1 ends the first one's, whatever follows."""
    rng, candidates = np.random.default_rng(seed), random_boxes(30, seed)
    rows = np.hstack([rng.integers(0, 3, (8, 1)), random_boxes(8, seed + 100)]).astype("float32").reshape((2, 4, 5))
    rows[0, 2] = -1
    found = anchors.multibox_target(nd.array([candidates]), nd.array(rows), nd.zeros((2, 4, 30)),
                                    overlap_threshold=threshold)
    expected = [plain_targets(candidates, rows[0, :2], threshold), plain_targets(candidates, rows[1], threshold)]
    for part, by_picture in zip(found, zip(*expected)):
        assert_close(part, by_picture)


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(("past", "expected"), [(-1e-5, 0), (0, 0), (1e-5, 1)])
def test_an_anchor_must_exceed_the_overlap_threshold(threshold, past, expected):
    """The first anchor is the object and takes it; the second is that part of it which the IoU shall be."""
    pair = nd.array([[[0, 0, 1, 1], [0, 0, threshold + past, 1]]])
    labels = anchors.multibox_target(pair, nd.array([[[0, 0, 0, 1, 1]]]), nd.zeros((1, 2, 2)),
                                     overlap_threshold=threshold)
    assert_close(labels.classes, [[1, expected]], exact=True)


def test_every_object_gets_its_best_anchor():
    """However small the overlap, but not without any."""
    candidates = nd.array([[[0, 0, 1, 1], [0, 0, 0.1, 0.1]]])
    small, outside = [4, 0.9, 0.9, 1, 1], [2, 2, 2, 3, 3]
    labels = anchors.multibox_target(candidates, nd.array([[small], [outside]]), nd.zeros((2, 6, 2)))
    assert_close(labels.classes, [[5, 0], [0, 0]], exact=True)


def test_mxnet_leaves_a_picture_without_objects_out():
    for rows in ([[-1.0] * 5], [[-1.0] * 5, [0, 0, 0, 1, 1]]):
        arrays = nd.array([BOOK_ANCHORS]), nd.array([rows]), nd.zeros((1, 3, 5))
        assert_close(nd.contrib.MultiBoxTarget(*arrays)[2], [[-1] * 5], exact=True)


@pytest.mark.parametrize("rows", [[[-1.0] * 5], [[-1.0] * 5, [0, 0, 0, 1, 1]]])
def test_every_anchor_of_a_picture_without_objects_is_a_negative(rows):
    """Of class 0, not left out: there the network learns what is no object."""
    labels = anchors.multibox_target(nd.array([BOOK_ANCHORS]), nd.array([rows]), nd.zeros((1, 3, 5)))
    assert_close(labels.classes, [[0] * 5], exact=True)
    assert_close(labels.mask, np.zeros((1, 20)), exact=True)
    assert_close(labels.offsets, np.zeros((1, 20)), exact=True)


MINING = [{}, {"negative_mining_ratio": 1}, {"negative_mining_ratio": 3}, {"negative_mining_ratio": 0.25},
          {"negative_mining_ratio": 2.5, "ignore_label": -7}, {"negative_mining_ratio": 100},
          {"negative_mining_ratio": 3, "minimum_negative_samples": 9}, {"minimum_negative_samples": 4}]


@pytest.mark.parametrize("options", MINING, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_pictures_without_objects_among_others(seed, options):
    """Their targets are the loops'; those of the others are the operator's to the bit."""
    rng, candidates = np.random.default_rng(seed), random_boxes(30, seed)
    labels, preds = np.full((5, 3, 5), -1, "float32"), rng.normal(0, 2, (5, 4, 30)).astype("float32")
    preds[3] = 0  # equally hard: the first ones count
    for i in (0, 2):
        labels[i, :2] = np.hstack([rng.integers(0, 3, (2, 1)), random_boxes(2, 10 * seed + i)])
    arrays = nd.array([candidates]), nd.array(labels), nd.array(preds)
    found, operators = anchors.multibox_target(*arrays, **options), nd.contrib.MultiBoxTarget(*arrays, **options)
    for mine, other in zip(found, operators):
        assert mine.dtype == other.dtype and mine.shape == other.shape
        assert_close(mine.asnumpy()[[0, 2]], other.asnumpy()[[0, 2]], exact=True)
    for i in (1, 3, 4):
        assert found.classes[i].asnumpy().tolist() == plain_background(preds[i], **options)
        assert not found.offsets[i].asnumpy().any() and not found.mask[i].asnumpy().any()


def test_a_batch_of_pictures_without_objects_only():
    found = anchors.multibox_target(nd.array([BOOK_ANCHORS]), nd.full((2, 1, 5), -1), nd.zeros((2, 3, 5)),
                                    negative_mining_ratio=3)
    assert_close(found.classes, [[0, 0, 0, -1, -1]] * 2, exact=True)


def test_targets_within_a_recorded_step():
    """As the book's loop has it: the gradient of the class scores is that of the loss alone."""
    preds = nd.array(np.random.default_rng(0).normal(size=(1, 3, 5)))
    preds.attach_grad()
    with autograd.record():
        labels = anchors.multibox_target(nd.array([BOOK_ANCHORS]), nd.full((1, 1, 5), -1), preds,
                                         negative_mining_ratio=2)
        loss = -(preds.log_softmax(axis=1)[:, 0] * (labels.classes >= 0)).sum()
    loss.backward()
    probs, counted = preds.softmax(axis=1).asnumpy()[0], labels.classes.asnumpy()[0] == 0
    assert counted.sum() == 2
    assert_close(preds.grad[0], (probs - [[1], [0], [0]]) * counted)


def test_a_row_that_ends_the_objects_is_all_minus_one():
    labels = anchors.multibox_target(nd.array([BOOK_ANCHORS]), nd.array([[[-1, 0, 0, 1, 1]]]), nd.zeros((1, 3, 5)))
    with pytest.raises(mx.MXNetError, match="-1.0f"):
        labels.classes.wait_to_read()


MINED_ANCHORS = nd.array([[[0, 0, 1, 1]] + [[i / 10, 0.9, i / 10 + 0.1, 1] for i in range(6)]])  # one positive
MINED_PREDS = nd.array([[[3, 1, 2, -1, 0, 5, 4], [0, 0, 2.5, 0, 0, 0, 0]]])  # ahead by 1 -.5 -1 0 5 4


def mine(**options) -> nd.NDArray:
    return anchors.multibox_target(MINED_ANCHORS, nd.array([[[0, 0, 0, 1, 1]]]), MINED_PREDS, **options).classes


@pytest.mark.parametrize(("ratio", "expected"), [
    (-1, [1, 0, 0, 0, 0, 0, 0]),
    (1, [1, -1, -1, 0, -1, -1, -1]),
    (3, [1, -1, 0, 0, 0, -1, -1]),
    (4, [1, 0, 0, 0, 0, -1, -1]),
    (100, [1, 0, 0, 0, 0, 0, 0]),
])
def test_hard_negative_mining_keeps_the_least_likely_backgrounds(ratio, expected):
    """By probability: the second negative's background score, 2, is high, but that of its class is higher."""
    assert_close(mine(negative_mining_ratio=ratio), [expected], exact=True)


def test_minimum_negative_samples_does_nothing():
    assert_close(mine(negative_mining_ratio=1, minimum_negative_samples=5), mine(negative_mining_ratio=1), exact=True)


def test_too_few_negatives_raise():
    """Only anchors of smaller overlap than negative_mining_thresh may be mined; the operator wants three."""
    with pytest.raises(mx.MXNetError, match=r"temp\.size\(\) >= num_negative"):
        mine(negative_mining_ratio=3, negative_mining_thresh=1e-3).wait_to_read()


@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 3, 4), (1, 5, 3)])
def test_class_predictions_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match="expected .pictures, classes . 1, anchors."):
        anchors.multibox_target(nd.array([BOOK_ANCHORS]), nd.array([BOOK_OBJECTS]), nd.zeros(shape))


# Predicting boxes

def detect(probs, candidates=BOOK_ANCHORS, **options) -> np.ndarray:
    """The rows of one picture with zero offsets; ``probs`` (classes + 1, anchors)."""
    count = len(candidates)
    return anchors.multibox_detection(nd.array([probs]), nd.zeros((1, 4 * count)), nd.array([candidates]),
                                      **options)[0].asnumpy()


def test_detection_of_the_book():
    """Printed by section 9.4."""
    predicted = [[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91], [0.55, 0.2, 0.9, 0.88]]
    rows = detect([[0] * 4, [0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]], predicted, nms_threshold=0.5)
    assert_close(rows, [[0, 0.9, 0.1, 0.08, 0.52, 0.92], [1, 0.9, 0.55, 0.2, 0.9, 0.88],
                        [-1, 0.8, 0.08, 0.2, 0.56, 0.95], [-1, 0.7, 0.15, 0.3, 0.62, 0.91]])


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(("nms_threshold", "threshold"), [(0.5, 0.01), (0.3, 0.5), (0.8, 0.7)])
@pytest.mark.parametrize("seed", SEEDS)
def test_detection_of_random_pictures(seed, nms_threshold, threshold, force):
    rng, candidates = np.random.default_rng(seed), random_boxes(20, seed)
    probs, offsets = rng.uniform(size=(2, 4, 20)).astype("float32"), rng.normal(size=(2, 20, 4)).astype("float32")
    found = anchors.multibox_detection(nd.array(probs), nd.array(offsets).reshape((2, -1)), nd.array([candidates]),
                                       nms_threshold, threshold, force)
    assert_close(found, [plain_detection(p, o, candidates, nms_threshold, threshold, force)
                         for p, o in zip(probs, offsets)])


def test_the_background_score_is_ignored():
    assert_close(detect([[0.97], [0.03]], [[0, 0, 1, 1]]), [[0, 0.03, 0, 0, 1, 1]])


@pytest.mark.parametrize(("score", "expected"), [(0.5 - 1e-6, -1), (0.5, 0), (0.5 + 1e-6, 0)])
def test_a_score_may_just_meet_the_threshold(score, expected):
    assert detect([[0], [score]], [[0, 0, 1, 1]], threshold=0.5)[0, 0] == expected


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(("past", "expected"), [(-1e-5, 0), (0, -1), (1e-5, -1)])
def test_suppression_begins_at_the_threshold(threshold, past, expected):
    """The suppressed row loses its class only: its score and box stay."""
    part = threshold + past
    rows = detect([[0, 0], [0.9, 0.8]], [[0, 0, 1, 1], [0, 0, part, 1]], nms_threshold=threshold)
    assert_close(rows, [[0, 0.9, 0, 0, 1, 1], [expected, 0.8, 0, 0, part, 1]])


@pytest.mark.parametrize(("force", "classes"), [(False, [0, 1, -1]), (True, [0, -1, -1])])
def test_other_classes_are_suppressed_by_force_only(force, classes):
    rows = detect([[0] * 3, [0.9, 0.1, 0.7], [0.1, 0.8, 0]], [[0, 0, 1, 1]] * 3, force_suppress=force)
    assert rows[:, 0].tolist() == classes


def test_boxes_end_at_the_picture():
    assert_close(detect([[0], [1]], [[-0.5, 0.25, 1.5, 2]])[:, 2:], [[0, 0.25, 1, 1]])


@pytest.mark.parametrize(("topk", "scores"), [(-1, [0.9, 0.8, 0.3]), (3, [0.9, 0.8, 0.3]), (2, [0.9, 0.8]), (1, [0.9])])
def test_only_the_best_take_part(topk, scores):
    """The other rows are stale and may repeat a box, but their class is -1."""
    apart = [[0, 0, 0.1, 0.1], [0.2, 0.2, 0.3, 0.3], [0.4, 0.4, 0.5, 0.5]]
    rows = detect([[0] * 3, [0.3, 0.8, 0.9]], apart, nms_topk=topk)
    assert_close(rows[rows[:, 0] != -1, 1], scores)
