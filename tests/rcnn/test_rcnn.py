"""Pooling of regions against plain loops, and the wrapper of GluonCV's detectors without the detectors."""
from __future__ import annotations

import gluoncv.model_zoo
import mxnet as mx
import numpy as np
import pytest
from data_kit import write_picture
from mxnet import autograd, nd
from mxnet.gluon import nn
from oracles import SEEDS, plain_roi_pooling
from tolerance import assert_close

from d2lzh_cv import rcnn
from d2lzh_cv.devices import try_gpu
from d2lzh_cv.errors import InputError
from d2lzh_cv.plotting import plt
from d2lzh_cv.rcnn import zoo as zoo_module

COUNTING = nd.arange(16).reshape((1, 1, 4, 4))


# Pooling

def pool(*roi, size=(2, 2), scale=0.1) -> nd.NDArray:
    return rcnn.roi_pooling(COUNTING, nd.array([[0, *roi]]), size, scale)[0, 0]


def test_pooling_of_the_book():
    """Printed by section 9.8."""
    rois = nd.array([[0, 0, 0, 20, 20], [0, 0, 10, 30, 30]])
    pooled = rcnn.roi_pooling(COUNTING, rois, pooled_size=(2, 2), spatial_scale=0.1)
    assert_close(pooled, [[[[5, 6], [9, 10]]], [[[9, 11], [13, 15]]]], exact=True)


@pytest.mark.parametrize(("size", "scale"), [((1, 1), 1), ((2, 3), 0.5), ((7, 7), 0.25)])
@pytest.mark.parametrize("seed", SEEDS)
def test_pooling_of_random_regions(seed, size, scale):
    """Two pictures, a map that is not square, regions that reach beyond it."""
    rng = np.random.default_rng(seed)
    feature_map = rng.normal(size=(2, 3, 6, 9)).astype("float32")
    low = rng.uniform(-3, 9, (20, 2)) / scale
    rois = np.hstack([rng.integers(0, 2, (20, 1)), low, low + rng.uniform(0, 7, (20, 2)) / scale]).astype("float32")
    expected = plain_roi_pooling(feature_map, rois, size, scale)
    assert_close(rcnn.roi_pooling(nd.array(feature_map), nd.array(rois), size, scale), expected)


@pytest.mark.parametrize(("x", "cell"), [(14.9, 1), (15, 2), (15.1, 2), (24.9, 2), (25, 3)])
def test_corners_round_half_up(x, cell):
    assert_close(pool(x, 0, x, 0, size=(1, 1)), [[cell]], exact=True)


def test_both_corners_belong_to_the_region():
    assert_close(pool(10, 10, 20, 20), [[5, 6], [9, 10]], exact=True)
    assert_close(pool(10, 10, 10, 10), [[5, 5], [5, 5]], exact=True)


@pytest.mark.parametrize("roi", [(100, 0, 120, 20), (0, 100, 20, 120), (-100, 0, -50, 20), (0, -100, 20, -50)])
def test_a_region_off_the_map_gives_zeros(roi):
    """Not the lowest float that the search for a maximum starts from."""
    assert_close(pool(*roi), [[0, 0], [0, 0]], exact=True)


def test_a_region_partly_off_the_map_keeps_the_rest():
    assert_close(pool(-20, 0, 10, 10), [[0, 1], [0, 5]], exact=True)
    assert_close(pool(20, 20, 50, 50), [[15, 0], [0, 0]], exact=True)


def test_a_region_inside_out_is_one_cell():
    assert_close(pool(20, 20, 0, 0), [[10, 10], [10, 10]], exact=True)


def test_the_gradient_goes_to_the_maxima():
    """Cell 10 is the maximum of a bin of both regions."""
    X = COUNTING.copy()
    X.attach_grad()
    with autograd.record():
        pooled = rcnn.roi_pooling(X, nd.array([[0, 0, 0, 20, 20], [0, 20, 20, 20, 20]]), (2, 2), 0.1)
    pooled.backward()
    expected = np.zeros(16)
    expected[[5, 6, 9, 10]] = 1, 1, 1, 1 + 4
    assert_close(X.grad, expected.reshape((1, 1, 4, 4)), exact=True)


@pytest.mark.parametrize("roi", [(4, 4, 12, 12), (5.3, 4.1, 11.9, 9.2)])
def test_align_is_the_ramp_at_the_middle_of_each_bin(roi):
    """On a ramp, bilinear samples and their mean are exact; no rounding and no + 1."""
    ramp = np.add.outer(10.0 * np.arange(8), np.arange(8))
    aligned = rcnn.roi_align(nd.array(ramp[None, None]), nd.array([[0, *roi]]), (2, 3), 0.5)
    x0, y0, x1, y1 = (value * 0.5 for value in roi)
    expected = [[10 * (y0 + (i + 0.5) * (y1 - y0) / 2) + x0 + (j + 0.5) * (x1 - x0) / 3 for j in range(3)]
                for i in range(2)]
    assert_close(aligned, [[expected]])


# GluonCV's detectors

NAME = "mask_rcnn_resnet18_v1b_coco"


class Stub(nn.HybridBlock):
    """In place of a large network: as many weights as it takes to save, and three boxes in every picture."""
    classes = ("cat", "dog")

    def __init__(self, units=2, has_masks=True):
        super().__init__(prefix="stub_")
        self.weight, self.has_masks = self.params.get("weight", shape=(1, units)), has_masks

    def forward(self, X):
        height, width = X.shape[2:]
        boxes = nd.array([[[0, 0, width, height], [1, 2, 9, 8], [-1, -1, -1, -1]]])
        found = nd.array([[[1], [0], [-1]]]), nd.array([[[0.9], [0.4], [-1]]]), boxes
        return (*found, nd.ones((1, 3, 14, 14))) if self.has_masks else found


@pytest.fixture
def zoo(monkeypatch):
    """Every network of GluonCV's zoo is a Stub; returns what was asked for."""
    asked = []
    monkeypatch.setattr(gluoncv.model_zoo, "get_model", lambda name, **options: asked.append((name, options)) or Stub())
    return asked


def test_an_untrained_detector_says_so_and_downloads_nothing(zoo, tmp_path):
    detector = rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu())
    assert zoo == [(NAME, {"pretrained": False, "pretrained_base": False})]
    assert (detector.trained, detector.note) == (False, f"{NAME}: untrained, no weights found")


def test_weights_in_the_folder_are_used_and_named(zoo, tmp_path):
    trained = Stub()
    trained.initialize(mx.init.Constant(7))
    trained.save_parameters(str(tmp_path / f"{NAME}-12ab.params"))
    detector = rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu())
    assert (detector.trained, detector.note) == (True, f"{NAME}: weights from {NAME}-12ab.params")
    assert_close(detector.net.weight.data(), [[7, 7]], exact=True)


def test_without_a_folder_the_weights_of_the_data_root_are_used(zoo, tmp_path, monkeypatch):
    trained = Stub()
    trained.initialize(mx.init.Constant(7))
    (tmp_path / "weights").mkdir()
    trained.save_parameters(str(tmp_path / "weights" / f"{NAME}.params"))
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path))
    detector = rcnn.GluonCVDetector(NAME)
    assert (detector.trained, detector.ctx) == (True, try_gpu())


def empty(path):
    path.write_bytes(b"")


def noise(path):
    path.write_bytes(bytes(range(256)) * 4)


def another_network(path):
    other = nn.Dense(2, in_units=3)
    other.initialize()
    other.save_parameters(str(path))


def another_shape(path):
    other = Stub(units=3)
    other.initialize()
    other.save_parameters(str(path))


@pytest.mark.parametrize("write", [empty, noise, another_network, another_shape])
def test_weights_that_do_not_fit_are_named(zoo, tmp_path, write):
    write(tmp_path / f"{NAME}.params")
    with pytest.raises(InputError, match=rf"{NAME}\.params does not hold the weights of ") as caught:
        rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("write", [empty, noise])
def test_the_reason_why_weights_do_not_load_is_given(zoo, tmp_path, write):
    write(tmp_path / f"{NAME}.params")
    with pytest.raises(InputError) as caught:
        rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu())
    assert "Traceback" not in str(caught.value)


def test_a_picture_that_is_not_there_is_named(zoo, tmp_path):
    detector = rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu())
    with pytest.raises(InputError, match=r"gone\.jpg: No such file"):
        detector(tmp_path / "gone.jpg")


def test_detecting_and_showing(zoo, tmp_path):
    """The picture's shorter side becomes ``short``; only boxes that score enough are drawn, under their class."""
    detector = rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu())
    found = detector(write_picture(tmp_path / "a.png", 30, 45), short=60)
    assert found.picture.shape == (60, 90, 3)
    assert (found.classes.shape, found.scores.shape, found.boxes.shape) == ((3, 1), (3, 1), (3, 4))
    assert found.masks.shape == (3, 14, 14) and found.seconds > 0
    assert_close(found.boxes[0], [0, 0, 90, 60], exact=True)
    detector.show(found, threshold=0.5)
    axes = plt.gca()
    plt.close()
    assert [text.get_text() for text in axes.texts] == ["dog 0.900"]
    assert len(axes.patches) == 1


@pytest.mark.parametrize("most, rows", [(20, 20), (2000, 1000)])
def test_a_real_network_classifies_at_most_so_many_regions(tmp_path, most, rows):
    detector = rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu(), most_proposals=most)
    if most < 1000:
        found = detector(write_picture(tmp_path / "a.png", 30, 45), short=64)
        assert found.boxes.shape == (rows, 4) and found.masks.shape[0] == rows
    else:  # GluonCV's own number; a run would take a minute
        assert detector.net._rcnn_max_dets == detector.net.rpn.get_test_post_nms() == rows


def test_a_network_that_classifies_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="^most_proposals is 0; choose at least 1$"):
        rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu(), most_proposals=0)


def test_a_detector_without_masks(zoo, tmp_path):
    detector = rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu())
    detector.net.has_masks = False
    found = detector(write_picture(tmp_path / "a.png", 30, 45), short=30)
    assert found.masks is None
    detector.show(found, threshold=0.3)
    assert len(plt.gca().patches) == 2
    plt.close()


def test_normalisation_starts_as_none(monkeypatch, tmp_path):
    """GluonCV's SSD would give Xavier numbers, or fail to, to scales and shifts."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(2, 3, in_channels=3, use_bias=True), nn.BatchNorm(in_channels=2, gamma_initializer="uniform"))
    net.initialize(mx.init.Constant(7))
    monkeypatch.setattr(gluoncv.model_zoo, "get_model", lambda name, **options: net)
    rcnn.GluonCVDetector(NAME, tmp_path, mx.cpu())
    assert_close(net[1].gamma.data(), [1, 1], exact=True)
    for parameter in (net[0].bias, net[1].beta, net[1].running_mean):
        assert_close(parameter.data(), [0, 0], exact=True)
    assert len(np.unique(net[0].weight.data().asnumpy())) > 2


class Segmenter(Stub):
    def predict(self, X):
        """Class 2 on the left half, class 1 on the right one."""
        scores = nd.zeros((1, 3, *X.shape[2:]))
        half = X.shape[3] // 2
        scores[0, 2, :, :half], scores[0, 1, :, half:] = 5, 5
        return scores


def test_segmenting(monkeypatch, tmp_path):
    monkeypatch.setattr(gluoncv.model_zoo, "get_model", lambda name, **options: Segmenter())
    segmenter = zoo_module.GluonCVSegmenter("fcn_resnet50_ade", tmp_path, mx.cpu())
    picture, classes, seconds = segmenter(write_picture(tmp_path / "a.png", 30, 45), short=20)
    assert segmenter.note == "fcn_resnet50_ade: untrained, no weights found"
    assert picture.shape == (20, 30, 3) and picture.dtype == np.uint8 and seconds > 0
    assert (classes == np.repeat([[2] * 15 + [1] * 15], 20, axis=0)).all()


@pytest.mark.parametrize(("there", "expected"), [((), "c"), (("b",), "b"), (("a", "b"), "a"), (("c", "b"), "b")])
def test_a_network_with_weights_is_preferred_to_the_last(tmp_path, there, expected):
    for name in there:
        (tmp_path / f"{name}-1234.params").touch()
    assert zoo_module.with_weights(["a", "b", "c"], tmp_path) == expected
