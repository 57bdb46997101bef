"""MultiBoxPrior, MultiBoxTarget and MultiBoxDetection against plain loops and PyTorch; they compute in float32 only."""
from __future__ import annotations

import numpy as np
import pytest
from kit import SEEDS, agree, normal, to_mxnet, torch, uniform
from mxnet import nd
from oracles import plain_background, plain_detection, plain_mined, plain_prior, plain_targets, random_boxes

from d2lzh_cv import anchors
from reference.pytorch import boxes as torch_boxes

pytestmark = pytest.mark.crosscheck

MAPS = [(1, 1), (2, 7), (5, 3), (4, 4)]
SHAPES = [([0.4], [1]), ([0.75, 0.5, 0.25], [1, 2, 0.5]), ([0.2, 0.9], [3, 1])]


# Generating anchors

@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize(("sizes", "ratios"), SHAPES)
@pytest.mark.parametrize(("height", "width"), MAPS)
def test_prior(height, width, sizes, ratios, clip):
    found = anchors.multibox_prior(nd.zeros((2, 3, height, width)), sizes, ratios, clip)
    agree(found, torch_boxes.prior(height, width, sizes, ratios, clip=clip)[None], seed=0)
    expected = np.array([plain_prior(height, width, sizes, ratios)])
    agree(found, (expected.clip(0, 1) if clip else expected).astype("float32"), seed=0)


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("steps", [None, (0.25, 0.1), (0.05, 0.3)])
@pytest.mark.parametrize("offsets", [(0.5, 0.5), (0, 1), (0.25, 0.7)])
@pytest.mark.parametrize(("height", "width"), MAPS[1:3])
def test_prior_with_steps_and_offsets(height, width, offsets, steps, clip):
    """Options of MXNet's operator, both (y, x); the package has no use for them."""
    options = {"offsets": offsets, **({"steps": steps} if steps else {})}
    sizes, ratios = SHAPES[1]
    found = nd.contrib.MultiBoxPrior(nd.zeros((1, 1, height, width)), sizes=sizes, ratios=ratios, clip=clip, **options)
    agree(found, torch_boxes.prior(height, width, sizes, ratios, clip=clip, **options)[None], seed=0)
    expected = np.array([plain_prior(height, width, sizes, ratios, **options)])
    agree(found, (expected.clip(0, 1) if clip else expected).astype("float32"), seed=0)


# Labelling anchors

def random_labels(seed: int, objects=(3, 1, 4), rows: int = 5) -> np.ndarray:
    """(pictures, rows, 5): so many objects, then rows of -1."""
    labels = np.full((len(objects), rows, 5), -1, "float32")
    for i, count in enumerate(objects):
        labels[i, :count, 0] = np.random.default_rng((seed, i)).integers(0, 3, count)
        labels[i, :count, 1:] = random_boxes(count, 10 * seed + i)
    return labels


def check_targets(candidates, labels, preds, seed, mining=None, **options) -> np.ndarray:
    """Compare the three targets of all pictures; returns the classes."""
    found = anchors.multibox_target(*map(to_mxnet, (candidates[None], labels, preds)), **options, **(mining or {}))
    expected = torch_boxes.target(*map(torch.tensor, (candidates, labels, preds)), **options, **(mining or {}))
    for name, mine, other in zip(found._fields, found, expected):
        agree(mine, other, seed, f"{name}, from PyTorch's")
    for i, rows in enumerate(labels):
        by_loops = targets_by_loops(candidates, rows[rows[:, 0] != -1], preds[i], mining, **options)
        for name, mine, other in zip(found._fields, found, by_loops):
            agree(mine[i], np.float32(other), seed, f"{name} of picture {i}, from the loops'")
    return found.classes.asnumpy()


def targets_by_loops(candidates, rows, scores, mining, overlap_threshold=0.5, ignore_label=-1.0, **options):
    if not len(rows):
        nothing = [0.0] * 4 * len(candidates)
        return nothing, nothing, plain_background(scores, ignore_label=ignore_label, **(
            {"negative_mining_ratio": mining["negative_mining_ratio"]} if mining else {}))
    offsets, mask, classes = plain_targets(candidates, rows, overlap_threshold, **options)
    if mining:
        classes = plain_mined(classes, candidates, rows, scores, mining["negative_mining_ratio"],
                              mining.get("negative_mining_thresh", 0.5), ignore_label)
    return offsets, mask, classes


@pytest.mark.parametrize("options", [
    {}, {"overlap_threshold": 0.2}, {"overlap_threshold": 0.8}, {"ignore_label": -2.0},
    {"variances": (1, 1, 1, 1)}, {"variances": (0.1, 0.2, 0.3, 0.4), "overlap_threshold": 0.35},
], ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_targets(seed, options):
    """Pictures with three, one, four and no objects."""
    labels = random_labels(seed, (3, 1, 4, 0))
    classes = check_targets(random_boxes(40, seed + 50), labels, normal(seed, 4, 4, 40), seed, **options)
    assert (classes[:3] > 0).any() and (classes[3] == 0).all()


@pytest.mark.parametrize("mining", [
    {"negative_mining_ratio": 1.0}, {"negative_mining_ratio": 3.0}, {"negative_mining_ratio": 1.5},
    {"negative_mining_ratio": 0.25}, {"negative_mining_ratio": 2.0, "negative_mining_thresh": 0.2},
], ids=str)
@pytest.mark.parametrize("ignore", [-1.0, -3.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_hard_negative_mining(seed, ignore, mining):
    classes = check_targets(random_boxes(60, seed + 50), random_labels(seed), normal(seed, 3, 4, 60), seed, mining,
                            overlap_threshold=0.6, ignore_label=ignore)
    assert (classes == ignore).any() and (classes > 0).any()


@pytest.mark.parametrize("ratio", [0.25, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_hard_negatives_of_pictures_without_objects(seed, ratio):
    labels, preds = random_labels(seed, (2, 0, 1, 0)), normal(seed, 4, 4, 40)
    classes = check_targets(random_boxes(40, seed + 50), labels, preds, seed, {"negative_mining_ratio": ratio})
    assert (classes[[1, 3]] == 0).sum(axis=1).tolist() == [int(np.ceil(ratio))] * 2


@pytest.mark.parametrize("seed", SEEDS)
def test_minimum_negative_samples_does_nothing(seed):
    inputs = [to_mxnet(x) for x in (random_boxes(20, seed)[None], random_labels(seed), normal(seed, 3, 4, 20))]
    for minimum in (1, 15):
        with_minimum = anchors.multibox_target(*inputs, negative_mining_ratio=0.5, minimum_negative_samples=minimum)
        agree(with_minimum.classes, anchors.multibox_target(*inputs, negative_mining_ratio=0.5).classes, seed)


HALVES = np.array([(0, 0, 0.5, 1), (0.5, 0, 1, 1), (0, 0, 1, 0.5), (0, 0.5, 1, 1), (0, 0, 1, 1), (0, 0, 1, 1)],
                  "float32")
WHOLE, LEFT = (0, 0, 1, 1), (0, 0, 0.5, 1)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (4, 0, 5, 1, 2, 3)])
@pytest.mark.parametrize("objects", [[WHOLE], [WHOLE, WHOLE], [WHOLE, LEFT], [LEFT, WHOLE, LEFT], [WHOLE] * 7],
                         ids=["one", "equal", "two", "three", "more than anchors"])
def test_ties_go_to_the_first(objects, order):
    """Many equal overlaps: the first anchor, then the first object, has it. All numbers are exact in binary."""
    labels = np.array([[(k, *box) for k, box in enumerate(objects)]], "float32")
    check_targets(HALVES[list(order)], labels, np.zeros((1, 8, 6), "float32"), seed=0, overlap_threshold=0.25)
    check_targets(HALVES[list(order)], labels, np.zeros((1, 8, 6), "float32"), seed=0)


def test_equally_hard_negatives_go_by_their_place():
    labels = np.array([[(0, *LEFT)]], "float32")
    check_targets(HALVES[[0, 1, 1, 1, 1]], labels, np.zeros((1, 2, 5), "float32"), seed=0,
                  mining={"negative_mining_ratio": 2.0})


@pytest.mark.parametrize("threshold", [0.2, 0.35, 0.5, 0.65, 0.9])
@pytest.mark.parametrize(("past", "expected"), [(-1e-5, 0), (1e-5, 1)])
def test_overlap_just_before_and_past_the_threshold(threshold, past, expected):
    candidates = np.array([WHOLE, (0, 0, 1, threshold + past)], "float32")
    classes = check_targets(candidates, np.array([[(0, *WHOLE)]], "float32"), np.zeros((1, 2, 2), "float32"), seed=0,
                            overlap_threshold=threshold)
    assert classes.tolist() == [[1, expected]]


# Predicting boxes

def check_detection(probs, offsets, candidates, seed, **options) -> np.ndarray:
    """offsets (B, A, 4), candidates (A, 4)."""
    found = anchors.multibox_detection(to_mxnet(probs), to_mxnet(offsets.reshape(len(offsets), -1)),
                                       to_mxnet(candidates[None]), **options)
    expected = torch_boxes.detection(torch.tensor(probs), torch.tensor(offsets.reshape(len(offsets), -1)),
                                   torch.tensor(candidates), **options)
    agree(found, expected, seed, "rows, from PyTorch's")
    force, topk = options.pop("force_suppress", False), options.pop("nms_topk", -1)
    by_loops = [plain_detection(p, o, candidates, force=force, topk=topk, **options) for p, o in zip(probs, offsets)]
    agree(found, np.float32(by_loops), seed, "rows, from the loops'")
    return found.asnumpy()


def random_predictions(seed: int, batch: int = 2, classes: int = 3, count: int = 24):
    """Three similar predictions each of eight boxes."""
    candidates = np.repeat(random_boxes(count // 3, seed), 3, axis=0)
    probs = np.random.default_rng(seed).dirichlet(np.ones(classes + 1), (batch, count)).transpose((0, 2, 1))
    return probs.astype("float32"), 0.3 * normal(seed, batch, count, 4), candidates


@pytest.mark.parametrize("options", [
    {}, {"nms_threshold": 0.3}, {"nms_threshold": 0.8, "threshold": 0.4}, {"threshold": 0.99},
    {"force_suppress": True}, {"force_suppress": True, "nms_threshold": 0.2, "threshold": 0.3},
    {"nms_topk": 5}, {"nms_topk": 1}, {"nms_topk": 23, "force_suppress": True}, {"nms_topk": 100},
    {"nms_topk": 7, "threshold": 0.45},
], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_detection(seed, options):
    check_detection(*random_predictions(seed), seed, **options)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_equal_scores_keep_the_order_of_the_anchors(seed, force):
    probs, offsets, candidates = random_predictions(seed)
    check_detection(np.round(probs * 4) / 4, offsets, candidates, seed, force_suppress=force, threshold=0.2)


@pytest.mark.parametrize("background", [0, 0.5, 0.97])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_background_never_wins(seed, background):
    probs, offsets, candidates = random_predictions(seed)
    quiet = check_detection(probs, offsets, candidates, seed)
    probs[:, 0] = background
    agree(check_detection(probs, offsets, candidates, seed), quiet, seed, exact=True)


@pytest.mark.parametrize("threshold", [0.3, 0.45, 0.5, 0.7])
@pytest.mark.parametrize(("past", "suppressed"), [(-1e-5, False), (1e-5, True)])
def test_suppression_just_before_and_past_the_threshold(threshold, past, suppressed):
    candidates = np.array([WHOLE, (0, 0, threshold + past, 1)], "float32")
    rows = check_detection(np.array([[(0, 0), (0.9, 0.8)]], "float32"), np.zeros((1, 2, 4), "float32"), candidates,
                           seed=0, nms_threshold=threshold)
    assert (rows[0, 1, 0] == -1) == suppressed


@pytest.mark.parametrize("threshold", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("past", [-1, 0, 1])
def test_scores_just_below_at_and_above_the_threshold(threshold, past):
    score = np.nextafter(np.float32(threshold), np.float32(threshold + past))
    rows = check_detection(np.array([[(0,), (score,)]], "float32"), np.zeros((1, 1, 4), "float32"),
                           np.array([WHOLE], "float32"), seed=0, threshold=threshold)
    assert rows[0, 0, 0] == (-1 if past < 0 else 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_detections_of_flat_and_equal_anchors(seed):
    """Boxes without area overlap nothing, not even themselves."""
    candidates = np.array([WHOLE, WHOLE, (0.2, 0, 0.2, 1), (0.2, 0, 0.2, 1), (0.5, 0.5, 0.5, 0.5), LEFT], "float32")
    check_detection(uniform(seed, 2, 3, 6), np.zeros((2, 6, 4), "float32"), candidates, seed)
