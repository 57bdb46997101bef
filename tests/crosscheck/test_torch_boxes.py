"""Boxes: the package, plain loops and PyTorch on the same arrays, with the boxes that divide by zero."""
from __future__ import annotations

import numpy as np
import pytest
from kit import DTYPES, SEEDS, agree, cross_check, normal, to_mxnet, torch, uniform
from oracles import plain_center, plain_decode, plain_iou, plain_nms, plain_offsets, random_boxes

from d2lzh_cv import boxes
from reference.pytorch import boxes as torch_boxes

pytestmark = pytest.mark.crosscheck

NAN = float("nan")
UNIT = (0, 0, 1, 1)
HARD = np.array([
    UNIT, UNIT, (1, 0, 2, 1), (0, 1, 1, 2), (1, 1, 2, 2), (0.5, 0.5, 1.5, 1.5), (0.25, 0.25, 0.75, 0.75),
    (0, 0, 0, 1), (0, 0, 1, 0), (0.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5), (1, 1, 0, 0), (1, 0, 0, 1), (-1, -1, 2, 2),
    (0, 0, 1 + 2 ** -20, 1), (1 - 2 ** -20, 0, 2, 1), (1e4, 1e4, 1e4 + 1, 1e4 + 1), (0, 0, 1e-18, 1e-18),
])  # equal, touching, inside, lines, points, inside out, around all, a hair more and less, far away, tiny


# Overlap

def iou_by_loops(a, b) -> list[list[float]]:
    return [[plain_iou(x, y) for y in b] for x in a]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(8))
def test_iou(seed, dtype):
    """Equal boxes have values but no gradient to compare: which of two equal corners is the smaller one?"""
    a, b = random_boxes(9, seed).astype(dtype), random_boxes(5, seed + 100).astype(dtype)
    cross_check(boxes.iou, torch_boxes.iou, (a, b), seed, oracle=iou_by_loops)
    cross_check(boxes.iou, torch_boxes.iou, (a, np.vstack([a[:4], b])), seed, oracle=iou_by_loops, backward=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("row", range(len(HARD)))
def test_iou_of_hard_boxes(row, dtype):
    hard = HARD.astype(dtype)
    cross_check(boxes.iou, torch_boxes.iou, (hard[row:row + 1], hard), seed=row, oracle=iou_by_loops, backward=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("nan", [(NAN,) * 4, (NAN, 0, 1, 1), (0, NAN, 1, 1), (0, 0, NAN, 1), (0, 0, 1, NAN)])
def test_a_box_with_nan_overlaps_nothing_and_harms_no_other(nan, dtype):
    hard = np.vstack([HARD, [nan]]).astype(dtype)
    found = boxes.iou(to_mxnet(hard), to_mxnet(hard)).asnumpy()
    agree(found, torch_boxes.iou(torch.tensor(hard), torch.tensor(hard)), seed=0)
    agree(found[-1], np.zeros(len(hard), dtype), seed=0, exact=True)
    agree(found[:-1, :-1], boxes.iou(to_mxnet(hard[:-1]), to_mxnet(hard[:-1])), seed=0, exact=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_area(seed, dtype):
    inputs = np.vstack([HARD, random_boxes(5, seed)]).astype(dtype)
    cross_check(boxes.box_area, torch_boxes.area, [inputs], seed, backward=False)
    cross_check(boxes.box_area, torch_boxes.area, [random_boxes(5, seed).astype(dtype)], seed)


# Forms

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 3, 4)])
@pytest.mark.parametrize("seed", SEEDS)
def test_corner_and_centre(seed, shape, dtype):
    inputs = [normal(seed, *shape, dtype=dtype)]
    cross_check(boxes.corner_to_center, torch_boxes.corner_to_center, inputs, seed,
                oracle=lambda a: np.apply_along_axis(plain_center, -1, a))
    cross_check(boxes.center_to_corner, torch_boxes.center_to_corner, inputs, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_clipping(seed, dtype):
    inputs = normal(seed, 20, 4, dtype=dtype) + 0.5
    cross_check(boxes.clip_boxes, lambda x: x.clamp(0, 1), [inputs], seed)


# Offsets

@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("variances", [boxes.VARIANCES, (1, 1, 1, 1), (0.1, 0.2, 0.3, 0.4)])
@pytest.mark.parametrize("seed", range(5))
def test_encoding(seed, variances, dtype):
    anchors, objects = random_boxes(9, seed).astype(dtype), random_boxes(9, seed + 100).astype(dtype)
    cross_check(lambda a, b: boxes.encode_offsets(a, b, variances), lambda a, b: torch_boxes.encode(a, b, variances),
                (anchors, objects), seed, oracle=lambda *ab: [plain_offsets(*pair, variances) for pair in zip(*ab)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("variances", [boxes.VARIANCES, (1, 1, 1, 1), (0.1, 0.2, 0.3, 0.4)])
@pytest.mark.parametrize("seed", range(5))
def test_decoding(seed, variances, dtype):
    anchors, offsets = random_boxes(9, seed).astype(dtype), normal(seed, 9, 4, dtype=dtype)
    cross_check(lambda a, o: boxes.decode_offsets(a, o, variances), lambda a, o: torch_boxes.decode(a, o, variances),
                (anchors, offsets), seed, oracle=lambda *ao: [plain_decode(*pair, variances) for pair in zip(*ao)])


@pytest.mark.parametrize("box", HARD[[7, 8, 9, 11]].tolist() + [[NAN] * 4])
def test_offsets_of_boxes_without_area_are_pytorchs(box):
    """Not a number, or infinite, in the same places; and the rows beside keep theirs."""
    anchors = np.array([UNIT, box, UNIT], "float32")
    objects = np.array([box, UNIT, (0, 0.5, 1, 2)], "float32")
    found = boxes.encode_offsets(to_mxnet(anchors), to_mxnet(objects)).asnumpy()
    expected = torch_boxes.encode(torch.tensor(anchors), torch.tensor(objects)).numpy()
    assert not np.isfinite(found[:2]).all(axis=1).any()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    agree(found[2], plain_offsets(UNIT, objects[2]), seed=0)


# Suppression

@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_suppression(seed, threshold):
    spread = np.repeat(random_boxes(10, seed), 4, axis=0) + 0.06 * (uniform(seed, 40, 4) - 0.5)
    scores = np.round(uniform(seed, 40, part=1), 1)  # many equal ones
    kept = boxes.nms(to_mxnet(spread), to_mxnet(scores), threshold)
    agree(kept, torch_boxes.nms(torch.tensor(spread), torch.tensor(scores), threshold), seed)
    agree(kept, np.array(plain_nms(spread, scores, threshold)), seed)
    assert 1 < len(kept) < 40, "all or nothing was suppressed: that shows nothing"


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.45, 0.5, 0.6, 0.75, 0.9])
@pytest.mark.parametrize(("past", "count"), [(-1e-5, 2), (1e-5, 1)])
def test_suppression_just_before_and_past_the_threshold(threshold, past, count):
    """The second box is that part of the first which their IoU shall be."""
    pair, scores = np.array([UNIT, (0, 0, threshold + past, 1)], "float32"), np.array([0.9, 0.8], "float32")
    kept = boxes.nms(to_mxnet(pair), to_mxnet(scores), threshold)
    agree(kept, np.arange(count), seed=0)
    agree(torch_boxes.nms(torch.tensor(pair), torch.tensor(scores), threshold), np.arange(count), seed=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_suppression_among_hard_boxes(seed):
    hard, scores = HARD.astype("float32"), uniform(seed, len(HARD))
    kept = boxes.nms(to_mxnet(hard), to_mxnet(scores), 0.5)
    agree(kept, torch_boxes.nms(torch.tensor(hard), torch.tensor(scores), 0.5), seed)
    agree(kept, np.array(plain_nms(hard, scores, 0.5)), seed)


@pytest.mark.parametrize("threshold", [0.125, 0.25, 0.5, 0.75, 1])
def test_suppression_at_the_threshold_itself(threshold):
    pair, scores = np.array([UNIT, (0, 0, threshold, 1)], "float32"), np.array([0.9, 0.8], "float32")
    assert boxes.nms(to_mxnet(pair), to_mxnet(scores), threshold).tolist() == [0]
    assert torch_boxes.nms(torch.tensor(pair), torch.tensor(scores), threshold).tolist() == [0]
