"""The four R-CNNs on pictures without objects: all regions are background, and that is learnt."""
from __future__ import annotations

import background_kit as kit
import cv2
import mxnet as mx
import numpy as np
import pytest
from data_kit import write_picture
from mxnet import autograd, gluon, init, nd
from PIL import Image
from test_rcnn_family import NETWORKS
from tolerance import assert_close

from d2lzh_cv import metrics
from d2lzh_cv.data import pikachu
from d2lzh_cv.errors import InputError
from d2lzh_cv.exercises.rcnn_figures import first_with_object
from d2lzh_cv.rcnn import MaskRCNN, instances, proposals, train_rcnn
from d2lzh_cv.rcnn.faster_rcnn import ANCHORS_SAMPLED
from d2lzh_cv.rcnn.instances import MaskBatch
from d2lzh_cv.rcnn.mask_scores import given_boxes_ious, mask_ious
from d2lzh_cv.rcnn.parts import SAMPLED
from d2lzh_cv.rcnn.targets import label_anchors


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))


def pictures(letters: str) -> tuple[nd.NDArray, nd.NDArray]:
    """A letter a picture: o a yellow square, which is an object; b a red one, which is none."""
    drawn = [kit.square(i, kit.YELLOW if letter == "o" else kit.RED) for i, letter in enumerate(letters)]
    labels = [[[0, *box], [-1] * 5] if letter == "o" else [[-1] * 5] * 2 for (_, box), letter in zip(drawn, letters)]
    return nd.array(np.stack([picture for picture, _ in drawn]).transpose(0, 3, 1, 2)), nd.array(labels)


def small(network):
    mx.random.seed(0)
    net = network(1)
    net.initialize(init.Xavier())
    net.hybridize(static_alloc=True)
    return net


@pytest.mark.parametrize("letters", ["bb", "ob", "bobb"])
@pytest.mark.parametrize("network", NETWORKS)
def test_all_regions_of_background_are_negatives(network, letters):
    X, Y = pictures(letters)
    with autograd.record():
        found = small(network).losses(X, Y, np.random.default_rng(0))
    empty = np.array([letter == "b" for letter in letters])
    classes = found.sample.classes.asnumpy()
    assert not (classes[empty] > 0).any() and ((classes[empty] == 0).sum(axis=1) > 0).all()
    assert (classes[~empty] > 0).any(axis=1).all()
    assert not found.sample.offsets.asnumpy()[empty].any()
    assert all(np.isfinite(part.asnumpy()).all() for part in found.parts.values())
    log_p = found.scores.log_softmax(axis=-1).asnumpy()
    for i in np.flatnonzero(empty):  # the loss is that of the classes alone
        counted = [-log_p[i, n, 0] for n, k in enumerate(classes[i]) if k == 0]
        assert_close(found.parts["regions"].asnumpy()[i:i + 1], np.float32([np.mean(counted)]))


def test_anchors_are_sampled_from_background_as_from_others():
    X, Y = pictures("ob")
    anchors = nd.array(np.random.default_rng(0).uniform(0, 0.5, (1, 200, 4)) + [0, 0, 0.5, 0.5])
    labels, offsets = label_anchors(anchors, Y, nd.zeros((2, 200, 2)), ANCHORS_SAMPLED, np.random.default_rng(0))
    assert (labels.asnumpy() >= 0).sum(axis=1).tolist() == [ANCHORS_SAMPLED] * 2
    assert not (labels[1].asnumpy() > 0).any() and not offsets[1].asnumpy().any()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_batch_of_background_alone_trains(network):
    """The background becomes likelier, offsets and masks pull nowhere, and nothing is infinite."""
    X, Y = pictures("bbbb")
    net = small(network)
    masks = {"masks": nd.zeros((4, 2, kit.SIDE, kit.SIDE))} if network is MaskRCNN else {}
    batch = MaskBatch([X], [Y], masks["masks"]) if masks else mx.io.DataBatch([X], [Y])
    net.losses(X, Y, np.random.default_rng(0), **masks)  # makes the parameters
    before = net.head.offsets.weight.data().asnumpy()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01})
    epochs = train_rcnn.train_rcnn(net, lambda: [batch] * 3, trainer, mx.cpu(), 3)
    assert all(np.isfinite([one.loss, one.class_err, one.bbox_mae]).all() and one.bbox_mae == 0 for one in epochs)
    assert epochs[-1].region_loss < epochs[0].region_loss
    assert network is not MaskRCNN or epochs[0].mask_loss == 0
    assert_close(net.head.offsets.weight.data(), before, exact=True)


@pytest.mark.parametrize("network", NETWORKS)
def test_what_is_no_object_scores_low(network):
    """Red squares beside yellow ones: the same regions are proposed, and background is what they are taken for."""
    X, Y = pictures("obob")
    net, rng = small(network), np.random.default_rng(0)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 2e-3})
    for _ in range(25):
        with autograd.record():
            loss = sum(net.losses(X, Y, rng).parts.values())
        loss.backward()
        trainer.step(4, ignore_stale_grad=network is MaskRCNN)  # no masks here
    scores = net(X)[1].softmax(axis=-1)[:, :, 1].max(axis=1).asnumpy()
    assert scores[[0, 2]].min() > scores[[1, 3]].max() + 0.2, scores


def test_a_packed_set_with_background_trains_and_is_judged(tmp_path):
    root = kit.write_set(tmp_path / "set", "obob", "bobb")
    train_iter, _ = pikachu.load_pikachu(root, 2, kit.SIDE, rand_crop=0.5, rand_mirror=True)
    _, val_iter = pikachu.load_pikachu(root, 1, kit.SIDE)
    for network in NETWORKS:
        net = small(network)
        trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 1e-3})
        epoch, = train_rcnn.train_rcnn(net, train_rcnn.passes(train_iter), trainer, mx.cpu(), 1)
        assert np.isfinite(epoch.loss)
        judged = metrics.evaluate_detector(net, val_iter, mx.cpu(), ["square"])
        assert [len(rows) for rows in judged.truths] == [0, 1, 0, 0] and judged.scores.objects.tolist() == [1]


def test_a_picture_to_illustrate_with_shows_an_object(tmp_path):
    root = kit.write_set(tmp_path / "set", "obo", "bbob")
    iterator = pikachu.load_pikachu(root, 1, kit.SIDE)[1]
    for _ in range(2):
        batch = first_with_object(iterator)
        assert_close(batch.data[0][0], kit.square(2002)[0].transpose(2, 0, 1).astype("float32"), exact=True)
    alone = kit.write_set(tmp_path / "alone", "ob", "bb")
    batch = first_with_object(pikachu.load_pikachu(alone, 1, kit.SIDE)[1])
    assert_close(batch.data[0][0], kit.square(2000, kit.RED)[0].transpose(2, 0, 1).astype("float32"), exact=True)


def test_recall_counts_no_object_of_background():
    whole, nothing = np.array([[0, 0, 1, 1.0]]), np.full((2, 5), -1.0)
    there = np.array([[0, 0, 0, 1, 1.0], [-1] * 5])
    assert proposals.recall([whole, whole], [there, nothing]) == 1
    assert np.isnan(proposals.recall([whole], [nothing]))


# Trees with masks

def write_tree(root, boxes) -> None:
    """A VOC tree whose pictures have one object of class 1 in the given pixels, or none."""
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    (root / "SegmentationClass").mkdir()
    for i, box in enumerate(boxes):
        write_picture(root / "JPEGImages" / f"{i}.jpg", 64, 64, seed=i)
        mask = np.zeros((64, 64, 3), np.uint8)
        if box:
            cv2.rectangle(mask, box[:2], box[2:], (128, 0, 0), -1)
        Image.fromarray(mask).save(root / "SegmentationClass" / f"{i}.png")
    (root / "ImageSets" / "Segmentation" / "train.txt").write_text("\n".join(map(str, range(len(boxes)))) + "\n")


def test_a_mask_without_an_object_is_a_picture_to_learn_from(tmp_path):
    """One whose object is too small to count is none: the object would be learnt as background."""
    write_tree(tmp_path, [(10, 10, 40, 40), None, (5, 5, 6, 6), None])
    data = instances.voc_objects(tmp_path, True, 64)
    assert (data.objects[:, :, 0] >= 0).sum(axis=1).tolist() == [1, 0, 0] and not data.masks[1:].any()
    net = small(MaskRCNN)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 1e-3})
    epoch, = train_rcnn.train_rcnn(net, data.passes(3), trainer, mx.cpu(), 1)
    assert np.isfinite([epoch.loss, epoch.mask_loss]).all() and epoch.mask_loss > 0
    assert len(mask_ious(net, data)) == len(given_boxes_ious(net, data)[0]) == 1


def test_a_tree_of_background_alone_is_named(tmp_path):
    write_tree(tmp_path, [None, None])
    with pytest.raises(InputError, match="no picture of .* has an object of a 200th of its area"):
        instances.voc_objects(tmp_path, True, 64)


def test_a_sample_of_background_is_as_large_as_others():
    """Where there are regions enough."""
    X, Y = pictures("b")
    found = small(NETWORKS[-1]).losses(X, Y, np.random.default_rng(0))
    assert (found.sample.classes.asnumpy() == 0).sum() == SAMPLED
