"""The small R-CNNs: labels, samples and losses against plain loops, and that each network learns."""
from __future__ import annotations

import json
import math

import mxnet as mx
import numpy as np
import pytest
from data_kit import REAL, needs_real_data
from mxnet import autograd, gluon, init, nd
from oracles import (
    SEEDS,
    plain_decode,
    plain_iou,
    plain_nms,
    plain_offsets,
    plain_probability,
    plain_smooth_l1,
    plain_targets,
    random_boxes,
)
from tolerance import assert_close

from d2lzh_cv import boxes, metrics, ssd
from d2lzh_cv.data.images import read_picture
from d2lzh_cv.rcnn import RCNN, FasterRCNN, FastRCNN, MaskRCNN, faster_rcnn, proposals, targets
from d2lzh_cv.rcnn.losses import MultiTaskLoss
from d2lzh_cv.rcnn.parts import SAMPLED
from d2lzh_cv.rcnn.roi import crop_regions, pixel_rois

WHOLE = np.array([[0, 0, 0, 1, 1]], "float32")  # an object as large as the picture: the IoU of a region is its area
NETWORKS = [RCNN, FastRCNN, FasterRCNN, MaskRCNN]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# Labels

@pytest.mark.parametrize(("width", "label"), [(0.5 - 1e-5, 0), (0.5, 1), (0.5 + 1e-5, 1)])
def test_a_region_is_of_an_object_from_iou_one_half(width, label):
    regions = np.array([[0, 0, width, 1]], "float32")
    assert targets.label_regions(regions, WHOLE)[0].tolist() == [label]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", SEEDS)
def test_labels_are_those_of_the_loops(seed, threshold):
    regions, objects = random_boxes(40, seed), random_boxes(4, seed + 100)
    rows = np.hstack([rng(seed).integers(0, 3, (4, 1)), objects]).astype("float32")
    rows[1, 0] = -1  # holds nothing, though not at the end
    classes, matches = targets.label_regions(regions, rows, threshold)
    for region, found, match in zip(regions, classes, matches):
        overlaps = {m: plain_iou(region, objects[m]) for m in (0, 2, 3)}
        best = max(overlaps, key=overlaps.get)
        assert found == (rows[best, 0] + 1 if overlaps[best] >= threshold else 0)
        assert match == best


def test_of_equal_overlaps_the_first_object_counts():
    objects = np.array([[2, 0, 0, 1, 1], [1, 0, 0, 1, 1]], "float32")
    classes, matches = targets.label_regions(WHOLE[:, 1:], objects)
    assert (classes.tolist(), matches.tolist()) == ([3], [0])


def test_without_an_object_all_is_background():
    classes, matches = targets.label_regions(random_boxes(3, 0), np.full((2, 5), -1, "float32"))
    assert (classes.tolist(), matches.tolist()) == ([0, 0, 0], [0, 0, 0])


# Samples

@pytest.mark.parametrize(("positive", "negative", "expected"), [
    (10, 90, (4, 12)), (2, 90, (2, 14)), (0, 90, (0, 16)), (10, 5, (4, 5)), (3, 0, (3, 0)), (0, 0, (0, 0))])
def test_a_quarter_of_a_sample_is_of_objects_at_most(positive, negative, expected):
    classes = rng().permutation([2] * positive + [0] * negative + [-1] * 7)
    chosen = targets.choose(classes, 16, 0.25, rng())
    assert ((classes[chosen] > 0).sum(), (classes[chosen] == 0).sum()) == expected
    assert len(set(chosen.tolist())) == len(chosen) and (np.diff(classes[chosen]) <= 0).all()


def test_what_is_chosen_depends_on_the_generator_alone():
    classes = np.array([1] * 20 + [0] * 20)
    first, again, other = (targets.choose(classes, 16, 0.5, rng(seed)) for seed in (3, 3, 4))
    assert first.tolist() == again.tolist() != other.tolist()


def test_every_label_has_its_chance():
    classes = np.array([1] * 6 + [0] * 12)
    generator = rng()
    seen = np.concatenate([targets.choose(classes, 8, 0.25, generator) for _ in range(200)])
    assert set(seen.tolist()) == set(range(18))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sample_has_the_offsets_of_its_objects(seed):
    objects = np.stack([np.hstack([[[1], [0]], random_boxes(2, seed + k)]) for k in range(2)]).astype("float32")
    objects[1, 1] = -1
    regions = [random_boxes(30, seed + 10), random_boxes(20, seed + 20)]
    sample = targets.sample_regions(regions, nd.array(objects), 16, rng(seed))
    assert (sample.regions.shape, sample.classes.shape, sample.offsets.shape) == ((2, 16, 4), (2, 16), (2, 16, 4))
    assert (sample.classes.asnumpy() > 0).any(axis=1).all()  # the objects' own boxes are among the regions
    for rows, *parts in zip(objects, *(part.asnumpy() for part in sample)):
        for region, k, offsets, match in zip(*parts):
            row = rows[int(match)]
            assert k == (row[0] + 1 if plain_iou(region, row[1:]) >= 0.5 else 0)
            assert_close(offsets, plain_offsets(region, row[1:]) if k else [0.0] * 4)


def test_decoding_undoes_the_offsets():
    objects = nd.array([[[0, 0.2, 0.3, 0.7, 0.8]]])
    near = objects.asnumpy()[0, 0, 1:] + rng().uniform(-0.05, 0.05, (40, 4)).astype("float32")
    sample = targets.sample_regions([near], objects, 32, rng(), share=1)
    assert (sample.classes == 1).sum().asscalar() == 32
    decoded = boxes.decode_offsets(sample.regions[0], sample.offsets[0])
    assert_close(decoded, np.repeat(objects.asnumpy()[0, :, 1:], 32, axis=0))


def test_too_few_regions_are_filled_up_with_what_does_not_count():
    sample = targets.sample_regions([WHOLE[:, 1:]], nd.array(WHOLE[None]), 16, rng())
    assert sample.classes[0].asnumpy().tolist() == [1, 1] + [-1] * 14


@pytest.mark.parametrize("seed", range(3))
def test_anchors_are_labelled_as_by_the_loops_and_sampled(seed):
    anchors, objects = random_boxes(60, seed), random_boxes(2, seed + 50)
    label = np.hstack([[[3], [1]], objects]).astype("float32")
    offsets, _, classes = plain_targets(anchors, label)
    chosen, found = targets.label_anchors(nd.array(anchors[None]), nd.array(label[None]), nd.zeros((1, 60, 2)), 16,
                                          rng(seed))
    chosen, binary = chosen[0].asnumpy(), np.array(classes) > 0
    assert (chosen[chosen >= 0] == binary[chosen >= 0]).all()
    assert (chosen >= 0).sum() == 16 and (chosen == 1).sum() == min(8, binary.sum())
    assert_close(found[0], np.reshape(offsets, (60, 4)))


# Proposals of the network

@pytest.mark.parametrize("seed", SEEDS)
def test_suppression_is_that_of_the_loops(seed):
    anchors = np.clip(random_boxes(50, seed), 0, 1)
    offsets, scores = rng(seed).normal(0, 1, (50, 4)), rng(seed + 1).normal(0, 2, (50, 2))
    found = faster_rcnn.suppress(nd, *(nd.array(x[None]) for x in (anchors, scores, offsets)), 30, 40, 0.6)[0].asnumpy()
    likelihood = [plain_probability(row, 1) for row in scores]
    decoded = np.clip([plain_decode(*pair) for pair in zip(anchors, offsets)], 0, 1)
    first = sorted(range(50), key=lambda i: -likelihood[i])[:40]
    kept = plain_nms([decoded[i] for i in first], [likelihood[i] for i in first], 0.6)[:30]
    assert 1 < len(kept) < 40
    expected = [decoded[first[i]] for i in kept] + [decoded[first[kept[0]]]] * (30 - len(kept))
    assert_close(found, np.array(expected, "float32"))


@pytest.mark.parametrize(("width", "goes"), [(0.5 - 1e-4, False), (0.5 + 1e-4, True)])
def test_what_is_similar_goes(width, goes):
    anchors = nd.array([[[0, 0, 1, 1], [0, 0, width, 1]]])
    found = faster_rcnn.suppress(nd, anchors, nd.array([[[0, 2], [0, 1]]]), nd.zeros((1, 2, 4)), 2, 10, 0.5)
    assert_close(found[0, 1], [0, 0, 1 if goes else width, 1])


# Proposals without a network

def two_squares(side: int = 96) -> np.ndarray:
    picture = np.full((side, side, 3), 120, "uint8")
    picture[10:40, 20:60] = 250, 220, 40
    picture[60:80, 50:80] = 30, 30, 30
    return picture


def test_squares_of_one_colour_are_proposed():
    found = proposals.propose(two_squares())
    truth = np.array([[0, 20, 10, 60, 40], [0, 50, 60, 80, 80]]) / 96
    assert proposals.recall([found], [truth], 0.9) == 1
    assert found[-1].tolist() == [0, 0, 1, 1] and found.dtype == np.float32
    assert len(np.unique((found * proposals.GRID).round(), axis=0)) == len(found)


def test_a_picture_of_one_colour_is_one_region():
    """OpenCV leaves out the rim of one pixel."""
    found = proposals.propose(np.full((50, 70, 3), 9, "uint8"))
    assert_close(np.abs(found - [0, 0, 1, 1]).max(axis=1) <= 0.0201, [True] * len(found))
    assert found[-1].tolist() == [0, 0, 1, 1]


def test_a_batch_is_its_pictures():
    pictures = np.stack([two_squares(), two_squares()[::-1]])
    found = proposals.propose_batch(nd.array(pictures).transpose((0, 3, 1, 2)))
    for boxes_of, picture in zip(found, pictures):
        assert_close(boxes_of, proposals.propose(picture), exact=True)


@needs_real_data
def test_pikachus_are_among_the_regions():
    """Of 40 validation pictures 39 at least; with as many regions as a network has time for."""
    labels = json.loads((REAL / "pikachu" / "val.json").read_text())
    truths = [np.array([label], "float32") for label in list(labels.values())[:40]]
    found = [proposals.propose(read_picture(REAL / "pikachu" / "val" / name).asnumpy()) for name in list(labels)[:40]]
    assert proposals.recall(found, truths) >= 39 / 40
    assert np.mean([len(rows) for rows in found]) < 100


def test_recall_counts_objects():
    truth = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 0.5, 0.5]])
    half = np.array([[0, 0, 0.5, 1]])
    assert proposals.recall([half, half], [truth, truth[:1]], 0.5) == 1
    assert proposals.recall([half, half], [truth, truth[:1]], 0.500001) == 0
    assert math.isnan(proposals.recall([half], [truth[:0]]))


def test_the_shorter_are_filled_up_with_their_own():
    stacked = proposals.stack([random_boxes(2, 0), random_boxes(3, 1)])
    assert_close(stacked[0], random_boxes(2, 0)[[0, 1, 0]], exact=True)
    assert_close(stacked[1], random_boxes(3, 1), exact=True)


# Regions of pictures

def test_regions_in_pixels_of_a_picture_that_is_not_square():
    regions = nd.array(random_boxes(6, 0).reshape((2, 3, 4)))
    X = nd.zeros((2, 3, 40, 60))
    expected = [[b, *(box * (60, 40, 60, 40))] for b, rows in enumerate(regions.asnumpy()) for box in rows]
    assert_close(pixel_rois(nd, regions, X), np.array(expected, "float32"))


def test_a_crop_of_whole_pixels_is_those_pixels():
    """On ramps, where interpolation is exact."""
    ramps = np.stack([np.add.outer(a * np.arange(20), b * np.arange(30)) for a, b in ((3.0, 1), (1.0, 7))])
    X = nd.array(ramps[:, None])
    regions = nd.array([[[0.1, 0.2, 0.5, 0.7]], [[0.4, 0.1, 0.8, 0.6]]])  # 12 × 10 pixels
    assert_close(crop_regions(X, regions, (10, 12)), np.stack([ramps[:1, 4:14, 3:15], ramps[1:, 2:12, 12:24]]).astype(
        "float32"))


# The loss

def plain_multi_task(scores, classes, predicted, offsets) -> float:
    counted = [i for i, k in enumerate(classes) if k >= 0]
    total = sum(-math.log(plain_probability(scores[i], classes[i])) for i in counted)
    total += sum(plain_smooth_l1(a - b, 1) for i in counted if classes[i] > 0 for a, b in zip(predicted[i], offsets[i]))
    return total / max(len(counted), 1)


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_multi_task_loss_is_that_of_the_loops(seed, hybrid):
    """The last picture has nothing that counts."""
    generator = rng(seed)
    scores, classes = generator.normal(size=(3, 9, 4)), generator.integers(-1, 4, (3, 9))
    predicted, offsets = generator.normal(0, 2, (2, 3, 9, 4))
    classes[2] = -1
    loss = MultiTaskLoss()
    if hybrid:
        loss.hybridize()
    found = loss(*(nd.array(x) for x in (scores, classes, predicted, offsets)))
    expected = [plain_multi_task(*rows) for rows in zip(scores, classes, predicted, offsets)]
    assert_close(found, np.array(expected, "float32"))


def test_background_has_no_offsets_to_learn():
    predicted = nd.ones((1, 2, 4))
    predicted.attach_grad()
    with autograd.record():
        loss = MultiTaskLoss()(nd.zeros((1, 2, 3)), nd.array([[0, 2]]), predicted, nd.zeros((1, 2, 4)))
    loss.backward()
    assert_close(predicted.grad, [[[0] * 4, [0.5] * 4]])


# The networks

def pictures(count: int = 2, side: int = 64) -> tuple[nd.NDArray, nd.NDArray]:
    """A bright square on noise in each picture, and its label."""
    generator, X, Y = rng(), [], []
    for _ in range(count):
        picture = generator.uniform(80, 120, (3, side, side))
        x, y = generator.integers(4, side - 30, 2)
        picture[:, y:y + 24, x:x + 24] = np.array([250, 220, 30]).reshape((3, 1, 1))
        X.append(picture)
        Y.append([[0, x / side, y / side, (x + 24) / side, (y + 24) / side]])
    return nd.array(X), nd.array(Y)


def small(network, hybrid: bool = False):
    mx.random.seed(0)
    net = network(1)
    net.initialize(init.Xavier())
    if hybrid:
        net.hybridize(static_alloc=True)
    return net


@pytest.mark.parametrize("network", NETWORKS)
def test_hybrid_is_imperative(network):
    """And both have the shapes that TinySSD has."""
    X, _ = pictures()
    net = small(network)
    plain = net(X)
    net.hybridize(static_alloc=True)
    regions, scores, offsets = plain
    count = regions.shape[1]
    assert (regions.shape, scores.shape, offsets.shape) == ((2, count, 4), (2, count, 2), (2, 4 * count))
    for mine, other in zip(net(X), plain):
        assert_close(mine, other)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_picture_alone_gives_what_it_gives_in_a_batch(network):
    X, _ = pictures()
    net = small(network)
    for both, alone in zip(net(X), net(X[1:])):
        size = alone.shape[1]
        assert_close(both[1:, :size], alone)


@pytest.mark.parametrize("network", NETWORKS)
def test_training_lowers_the_loss_and_finds_the_object(network):
    """The same four pictures again and again; then the boxes that section 9.7 detects and judges with."""
    X, Y = pictures(4)
    net, generator = small(network, hybrid=True), rng()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 2e-3})
    losses = []
    for _ in range(25):
        with autograd.record():
            found = net.losses(X, Y, generator)
            loss = sum(found.parts.values())
        loss.backward()
        trainer.step(4, ignore_stale_grad=network is MaskRCNN)  # no masks here
        losses.append(loss.mean().asscalar())
    assert found.scores.shape == (4, SAMPLED, 2)
    assert np.mean(losses[-3:]) < 0.5 * losses[0], losses
    data = mx.io.NDArrayIter(X, Y)
    judged = metrics.evaluate_detector(net, data, mx.cpu(), ["square"])
    assert len(judged.detections) == 4 and all(len(rows) for rows in judged.detections)
    rows = ssd.detect(net, X[0].transpose((1, 2, 0)), 64)
    assert rows.shape[1] == 6 and (np.diff(rows[:, 1]) <= 0).all()


def test_every_part_of_faster_rcnn_learns():
    X, Y = pictures()
    net = small(FasterRCNN)
    with autograd.record():
        loss = sum(net.losses(X, Y, rng()).parts.values())
    loss.backward()
    silent = [name for name, value in net.collect_params().items()
              if value.grad_req != "null" and not value.grad().abs().sum().asscalar()]
    assert not [name for name in silent if "weight" in name], silent


def test_the_same_seed_samples_the_same():
    X, Y = pictures()
    net = small(FastRCNN)
    first, again, other = (net.losses(X, Y, rng(seed)).sample.regions.asnumpy() for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
