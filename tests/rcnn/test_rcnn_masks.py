"""Masks of the small Mask R-CNN, the data they are learnt from, training with snapshots, and the table of all."""
from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, init, nd
from PIL import Image
from tolerance import assert_close

from d2lzh_cv.data.synthetic.scenes import palette_image
from d2lzh_cv.engine.seeds import seed_everything
from d2lzh_cv.engine.snapshots import Snapshots
from d2lzh_cv.errors import InputError
from d2lzh_cv.exercises import rcnn_comparison as compare
from d2lzh_cv.exercises.rcnn_figures import show_masks
from d2lzh_cv.metrics import evaluate_detector
from d2lzh_cv.metrics.tables import format_table
from d2lzh_cv.models.checkpoint import save_model
from d2lzh_cv.plotting import plt
from d2lzh_cv.rcnn import MaskRCNN, instances, mask_rcnn, mask_scores, train_rcnn
from d2lzh_cv.rcnn.losses import MaskLoss
from d2lzh_cv.rcnn.targets import Sample, mask_targets
from d2lzh_cv.run import section
from d2lzh_cv.ssd import TinySSD

SIDE = 32


@pytest.fixture(scope="module")
def drawn() -> instances.MaskSet:
    return instances.draw_creatures(8, SIDE, seed=3)


def mask_net(num_classes: int = 1) -> MaskRCNN:
    seed_everything(0)
    net = MaskRCNN(num_classes)
    net.initialize(init.Xavier())
    return net


# The loss

def plain_mask_loss(scores, classes, masks) -> float:
    of_objects = []
    for rows, k, truth in zip(scores, classes, masks):
        if k > 0:
            p = [1 / (1 + math.exp(-x)) for x in rows[int(k) - 1].ravel()]
            of_objects.append(np.mean([-math.log(q if there else 1 - q) for q, there in zip(p, truth.ravel())]))
    return float(np.mean(of_objects)) if of_objects else 0.0


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_of_the_loops(seed, hybrid):
    """The last picture has no region of an object."""
    rng = np.random.default_rng(seed)
    scores, masks = rng.normal(0, 3, (3, 4, 2, 5, 6)), rng.integers(0, 2, (3, 4, 5, 6))
    classes = np.array([[1, 2, 0, -1], [2, 2, 1, 0], [0, -1, 0, 0]])
    loss = MaskLoss()
    if hybrid:
        loss.hybridize()
    expected = [plain_mask_loss(*rows) for rows in zip(scores, classes, masks)]
    assert_close(loss(nd.array(scores), nd.array(classes), nd.array(masks)), np.array(expected, "float32"))


def test_a_large_score_does_not_overflow():
    scores = nd.array([1e4, -1e4]).reshape((1, 1, 1, 1, 2))
    assert_close(MaskLoss()(scores, nd.ones((1, 1)), nd.array([[[[1, 0]]]])), [0.0])
    assert_close(MaskLoss()(scores, nd.ones((1, 1)), nd.array([[[[0, 1]]]])), [1e4])


# Targets

def sample_of(regions, objects) -> Sample:
    regions, objects = nd.array(regions), nd.array(objects)
    return Sample(regions, nd.ones_like(objects), nd.zeros_like(regions), objects)


def plain_target(truth, box, size) -> list[list[float]]:
    """A box of whole pixels, as many as the target has, or twice as many: the mean of what lies in each cell."""
    x, y, xmax, ymax = (round(v * SIDE) for v in box)
    step_x, step_y = (xmax - x) // size, (ymax - y) // size
    return [[float(np.mean([[truth[y + i * step_y + a][x + j * step_x + b] for b in range(step_x)]
                            for a in range(step_y)]) >= 0.5) for j in range(size)] for i in range(size)]


@pytest.mark.parametrize("box", [(4, 6, 12, 14), (0, 0, 8, 8), (24, 24, 32, 32), (8, 3, 24, 19), (0, 16, 16, 32)])
def test_the_target_of_a_box_is_that_of_the_loops(box):
    """Of two pictures with two objects each; masks without lone pixels, so that interpolation decides nothing."""
    y, x = np.mgrid[:SIDE, :SIDE]
    truths = np.array([[x < 9, y > 12], [x > 10, y < 7]])
    box = np.array(box, "float32") / SIDE
    found = mask_targets(nd.array(truths), sample_of([[box, box]] * 2, [[1, 0], [0, 1]]), 2, 8).asnumpy()
    for picture, region, number in ((0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)):
        assert_close(found[picture, region], plain_target(truths[picture, number], box, 8), exact=True)


def test_only_the_first_regions_have_targets():
    found = mask_targets(nd.ones((1, 1, SIDE, SIDE)), sample_of([[[0, 0, 1, 1]] * 5], [[0] * 5]), 3, 4)
    assert_close(found, np.ones((1, 3, 4, 4)), exact=True)


def test_pasting_undoes_the_target(drawn):
    for objects, truth in zip(drawn.objects, drawn.masks):
        box = objects[0, 1:]
        target = mask_targets(nd.array(truth[None]), sample_of([[box]], [[0]]), 1, 28)[0, 0].asnumpy()
        assert mask_scores.mask_iou(mask_rcnn.paste(target, box, truth.shape[1:]), truth[0]) > 0.9


@pytest.mark.parametrize("box", [(4, 6, 12, 14), (-4, -4, 4, 4), (28, 30, 36, 38)])
def test_a_mask_of_as_many_pixels_is_pasted_as_it_is(box):
    """The part beyond the picture is lost."""
    part = np.random.default_rng(0).integers(0, 2, (8, 8))
    expected = np.zeros((SIDE, SIDE), bool)
    for i, j in np.ndindex(8, 8):
        if 0 <= box[1] + i < SIDE and 0 <= box[0] + j < SIDE:
            expected[box[1] + i, box[0] + j] = part[i, j]
    assert (mask_rcnn.paste(part, np.array(box) / SIDE, (SIDE, SIDE)) == expected).all()


# The network

def test_the_mask_of_a_box_is_that_of_its_class(drawn):
    net, X = mask_net(2), drawn.batch([0]).data[0]
    rows = np.array([[1, 0.9, 0.1, 0.1, 0.6, 0.7], [0, 0.8, 0.1, 0.1, 0.6, 0.7]])
    masks = net.masks_in(X, rows)
    both = net.mask_scores(net.features(X), X, nd.array(rows[None, :1, 2:])).sigmoid()[0].asnumpy()
    assert masks.shape == (2, 28, 28)
    assert_close(masks, both[[1, 0]])
    assert net.masks_in(X, rows[:0]).shape == (0, 28, 28)


def test_a_mask_is_learnt(drawn):
    """Of the same pictures again and again; better then than the box itself."""
    net = mask_net()
    net.hybridize(static_alloc=True)
    trainer = gluon.Trainer(net.mask_head.collect_params(), "adam", {"learning_rate": 5e-3})
    batch, losses, rng = drawn.batch(range(4)), [], np.random.default_rng(0)
    for _ in range(25):
        with autograd.record():
            loss = net.losses(batch.data[0], batch.label[0], rng, batch.masks).parts["masks"]
        loss.backward()
        trainer.step(4)
        losses.append(loss.mean().asscalar())
    assert np.mean(losses[-3:]) < 0.8 * losses[0], losses
    found, whole = mask_scores.given_boxes_ious(net, drawn)
    assert found.shape == whole.shape == (8,) and found[:4].mean() > whole[:4].mean()


def test_a_missed_object_has_iou_0(drawn):
    net = mask_net()
    net.detect = lambda X, threshold: (np.zeros((0, 6)), np.zeros((0, 28, 28)))
    assert_close(mask_scores.mask_ious(net, drawn), [0.0] * 8)


def test_found_masks_are_compared_with_the_object_they_found(drawn):
    """Its own box has IoU 1; a box elsewhere, or of another class, finds nothing."""
    net, box = mask_net(), drawn.objects[0, 0, 1:]
    target = mask_targets(nd.array(drawn.masks[:1]), sample_of([[box]], [[0]]), 1, 28)[0].asnumpy()
    one = instances.MaskSet(drawn.pictures[:1], drawn.objects[:1], drawn.masks[:1])
    for row, least, most in (((0, 0.9, *box), 0.9, 1), ((1, 0.9, *box), 0, 0), ((0, 0.9, 0, 0, 0.01, 0.01), 0, 0)):
        net.detect = lambda X, threshold, row=row: (np.array([row]), target)
        assert least <= mask_scores.mask_ious(net, one)[0] <= most


def test_detecting_gives_a_mask_a_box(drawn):
    rows, masks = mask_net().detect(drawn.batch([0]).data[0])
    assert rows.shape[1] == 6 and masks.shape == (len(rows), 28, 28) and len(rows)
    ax = plt.gca()
    show_masks(ax, drawn.pictures[0], rows, masks, score=rows[1, 1])
    assert len(ax.patches) == min(5, (rows[:, 1] >= rows[1, 1]).sum()) == len(ax.texts)
    plt.close()


# The data

def test_boxes_of_drawn_creatures_are_tight_and_the_same_for_a_seed(drawn):
    again, other = (instances.draw_creatures(2, SIDE, seed) for seed in (3, 4))
    assert np.array_equal(again.pictures, drawn.pictures[:2]) and not np.array_equal(again.pictures, other.pictures)
    for objects, truth in zip(drawn.objects, drawn.masks):
        y, x = np.nonzero(truth[0])
        assert_close(objects[0] * SIDE, [0.0, x.min(), y.min(), x.max() + 1, y.max() + 1])


def test_a_pass_has_whole_batches_and_some_are_mirrored(drawn):
    seed_everything(1)
    batches = [batch for _ in range(4) for batch in drawn.passes(3)()]
    assert len(batches) == 8 and all(batch.data[0].shape == (3, 3, SIDE, SIDE) for batch in batches)
    known = {picture.transpose(2, 0, 1).tobytes() for picture in drawn.pictures}
    straight = [picture.tobytes() in known for batch in batches for picture in batch.data[0].asnumpy().astype("uint8")]
    assert 0 < sum(straight) < len(straight)
    for batch in batches:
        for rows, truth in zip(batch.label[0].asnumpy(), batch.masks.asnumpy()):
            y, x = np.nonzero(truth[0])
            assert_close(rows[0] * SIDE, np.array([0, x.min(), y.min(), x.max() + 1, y.max() + 1], "float32"))


def classes_of_pixels() -> np.ndarray:
    classes = np.zeros((40, 60), "uint8")
    classes[5:25, 5:15] = classes[5:15, 30:50] = 15
    classes[25:38, 20:30] = 3
    classes[0, 0] = 3  # too small
    return classes


def test_connected_parts_are_objects_the_largest_first():
    found = instances.objects_of(classes_of_pixels())
    assert [(k, int(truth.sum())) for k, truth in found] == [(14, 200), (14, 200), (2, 130)]
    touching = instances.objects_of(classes_of_pixels(), (classes_of_pixels() > 0).astype(int) * 7)
    assert [(k, int(truth.sum())) for k, truth in touching] == [(14, 400), (2, 131)]


@pytest.mark.parametrize("with_objects", [False, True])
def test_a_voc_tree(tmp_path, with_objects):
    write_tree(tmp_path, with_objects)
    data = instances.voc_objects(tmp_path, True, 20)
    assert data.pictures.shape == (1, 20, 20, 3) and data.masks.shape == (1, 8, 20, 20)
    assert data.objects[0, :3, 0].tolist() == ([14, 2, -1] if with_objects else [14, 14, 2])
    assert (data.objects[0, 3:] == -1).all() and not data.masks[0, 3:].any()
    boxes = [[5 / 60, 5 / 40, 50 / 60, 25 / 40]] if with_objects else [[5 / 60, 5 / 40, 15 / 60, 25 / 40],
                                                                      [30 / 60, 5 / 40, 50 / 60, 15 / 40]]
    for rows in boxes:
        assert np.abs(data.objects[0, :2, 1:] - rows).max(axis=1).min() <= 0.05


def write_tree(root, with_objects) -> None:
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    Image.fromarray(np.full((40, 60, 3), 90, "uint8")).save(root / "JPEGImages" / "a.jpg")
    palette_image(classes_of_pixels()).save(root / "SegmentationClass" / "a.png")
    if with_objects:
        palette_image((classes_of_pixels() > 0).astype("uint8")).save(root / "SegmentationObject" / "a.png")
    (root / "ImageSets" / "Segmentation" / "train.txt").write_text("a\n")


def test_a_tree_that_is_not_whole_is_named(tmp_path):
    write_tree(tmp_path, False)
    with pytest.raises(InputError, match=r"cannot read .*val\.txt"):
        instances.voc_objects(tmp_path, False, 20)
    Image.fromarray(np.zeros((40, 60), "uint8")).save(tmp_path / "SegmentationClass" / "a.png")
    with pytest.raises(InputError, match="no picture of .* has an object"):
        instances.voc_objects(tmp_path, True, 20)
    (tmp_path / "SegmentationClass" / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png"):
        instances.voc_objects(tmp_path, True, 20)


# Training

def without_masks(drawn):
    data = mx.io.NDArrayIter(drawn.pictures[:4].transpose(0, 3, 1, 2).astype("float32"), drawn.objects[:4], 4)
    return train_rcnn.passes(data)


def train(drawn, folder, resume=False, stop_after=None):
    """Batches of boxes alone and of masks in turn; with ``stop_after`` broken off in that step."""
    net = mask_net()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 1e-3})
    batches, left = train_rcnn.alternate(without_masks(drawn), drawn.passes(4)), iter(range(100))

    def until():
        for batch in batches():
            if next(left) == stop_after:
                raise KeyboardInterrupt
            yield batch
    epochs = train_rcnn.train_rcnn(net, until, trainer, mx.cpu(), 2, snapshots=Snapshots(folder, 0, "m", {}, resume))
    return epochs, [value.data().asnumpy() for value in net.collect_params().values()], trainer.learning_rate


def test_resumed_is_as_never_stopped(drawn, tmp_path):
    epochs, parameters, rate = train(drawn, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(drawn, tmp_path / "broken", stop_after=4)
    seed_everything(99)
    again, others, other_rate = train(drawn, tmp_path / "broken", resume=True)
    assert [asdict(replace(e, seconds=0)) for e in again] == [asdict(replace(e, seconds=0)) for e in epochs]
    assert all(map(np.array_equal, others, parameters))
    assert rate == other_rate == pytest.approx(1e-4)
    assert all(part is not None for part in asdict(epochs[-1]).values()) and "masks" in str(epochs[-1])


def test_batches_alternate_to_the_end_of_all():
    assert list(train_rcnn.alternate(lambda: "abcd", lambda: [1, 2])()) == ["a", 1, "b", 2, "c", "d"]


# The table of all

def run_of(folder, kind="real", full=True):
    found = SimpleNamespace(path=folder / "data", kind=kind)
    return SimpleNamespace(folder=folder / "9.8-fast-rcnn", options=SimpleNamespace(mode="full" if full else "quick"),
                           full=full, find=lambda name: found)


def write_results(folder, number, data, mode="full", status="ok", **results) -> None:
    (folder / number).mkdir(parents=True)
    (folder / number / "results.json").write_text(json.dumps({
        "status": status, "mode": mode, "data": [{"name": "pikachu", "path": str(data)}], "results": results}))


def test_what_was_run_in_the_same_folder_is_in_the_table(tmp_path):
    data = tmp_path / "data"
    write_results(tmp_path, "9.8-region-cnn", data, mAP_voc2012=0.5, num_epochs=3, seconds_a_picture=0.8)
    write_results(tmp_path, "9.8-faster-rcnn", data, mode="quick", mAP_voc2012=0.1)
    write_results(tmp_path, "9.8-mask-rcnn", tmp_path / "other", mAP_voc2012=0.1)
    table = compare.beside(run_of(tmp_path), "Fast R-CNN", {"mAP_voc2012": 0.7, "seconds_a_picture": 0.2}, [], mx.cpu())
    assert [row[0] for row in table["rows"]] == ["R-CNN", "Fast R-CNN"]
    assert dict(zip(table["columns"], table["rows"][0]))["VOC 2012"] == 0.5
    assert format_table(table)
    assert compare.in_words(table, True) == ("of 2 networks Fast R-CNN has the highest mAP by VOC 2012, 0.700; "
                                             "Fast R-CNN is the fastest, R-CNN takes 4.0 times as long")
    assert "says nothing" in compare.in_words(table, False)


def test_a_failed_section_is_left_out(tmp_path):
    write_results(tmp_path, "9.8-region-cnn", tmp_path / "data", status="failed", mAP_voc2012=0.5)
    table = compare.beside(run_of(tmp_path), "Fast R-CNN", {"mAP_voc2012": 0.7}, [], mx.cpu())
    assert [row[0] for row in table["rows"]] == ["Fast R-CNN"] and "alone" in compare.in_words(table, True)


def test_tiny_ssd_is_timed_from_its_checkpoint(tmp_path):
    write_results(tmp_path, "9.7", tmp_path / "data", mAP_voc2012=0.3)
    (tmp_path / "9.7" / "metrics.jsonl").write_text('{"series": "TinySSD"}\n' * 5)
    net = TinySSD(1)
    net.initialize()
    net(nd.zeros((1, 3, 64, 64)))
    save_model(tmp_path / "9.7" / "model", net, network="TinySSD", classes=["pikachu"], edge_size=64)
    pictures = [nd.zeros((64, 64, 3))] * 3
    table = compare.beside(run_of(tmp_path), "Fast R-CNN", {}, pictures, mx.cpu())
    row = dict(zip(table["columns"], table["rows"][0]))
    assert (row["network"], row["VOC 2012"], row["epochs"]) == ("TinySSD", 0.3, 5) and row["sec per picture"] > 0


def test_a_comparison_has_the_network_s_results(drawn, tmp_path, monkeypatch):
    data = mx.io.NDArrayIter(drawn.pictures[:3].transpose(0, 3, 1, 2).astype("float32"), drawn.objects[:3])
    data.data_shape = (3, SIDE, SIDE)  # as ImageDetIter has it
    monkeypatch.setattr(section, "current", lambda: run_of(tmp_path, "synthetic"))
    net = mask_net()
    judged = evaluate_detector(net, data, mx.cpu(), ["creature"])
    compared = compare.compare("Mask R-CNN", net, judged, data, mx.cpu(), 2, mask_iou=0.25)
    assert compared.values["mask_iou"] == 0.25 and compared.values["seconds_a_picture"] > 0
    assert compared.values["mAP_coco"] == judged.scores.means()["mAP_coco"]
    assert compared.table["rows"][0][0] == "Mask R-CNN" and "says nothing" in compared.shows


def test_one_picture_does_not_time_a_network():
    with pytest.raises(InputError, match="two or more pictures"):
        compare.seconds_a_picture(lambda picture: picture, [1])
