"""The exact figures of sections 9.2 to 9.8, and one of chapter 2, each computed as in the book."""
from __future__ import annotations

from pathlib import Path

from mxnet import nd
from mxnet.gluon import model_zoo

from .. import anchors, rcnn, ssd
from ..data import pikachu
from ..data.pixels import read_picture
from .exact import figure, forward


@figure("2.x", "permute_arange_2x4x3_by_1_2_0")
def _permuted():
    return nd.arange(24).reshape((2, 4, 3)).transpose((1, 2, 0))


# -- 9.2 --------------------------------------------------------------------------------------------------------------
@figure("9.2", "hotdog_weight_row_713_shape")
def _hotdog_row():
    net = model_zoo.vision.resnet18_v2()
    net.output.initialize()
    return nd.split(net.output.weight.data(), 1000, axis=0)[713].shape


# -- 9.4 to 9.6 -------------------------------------------------------------------------------------------------------
@figure("9.4", "image_height_width")
@figure("9.5", "image_height_width")
def _picture_size(img: Path):
    return read_picture(img / "catdog.jpg").shape[:2]


@figure("9.4", "multibox_prior_shape")
def _prior_shape(img: Path):
    return _anchors(*_picture_size(img)).shape


@figure("9.4", "multibox_prior_box_250_250_0")
def _prior_box(img: Path):
    height, width = _picture_size(img)
    return _anchors(height, width).reshape((height, width, 5, 4))[250, 250, 0]


def _anchors(height: int, width: int) -> nd.NDArray:
    return anchors.multibox_prior(nd.zeros((1, 3, height, width)), sizes=[0.75, 0.5, 0.25], ratios=[1, 2, 0.5])


def _targets() -> anchors.Targets:
    dog_and_cat = nd.array([[[0, 0.1, 0.08, 0.52, 0.92], [1, 0.55, 0.2, 0.9, 0.88]]])
    five = nd.array([[[0, 0.1, 0.2, 0.3], [0.15, 0.2, 0.4, 0.4], [0.63, 0.05, 0.88, 0.98], [0.66, 0.45, 0.8, 0.8],
                      [0.57, 0.3, 0.92, 0.9]]])
    return anchors.multibox_target(five, dog_and_cat, nd.zeros((1, 3, 5)))


@figure("9.4", "multibox_target_class_labels")
def _classes():
    return _targets().classes


@figure("9.4", "multibox_target_mask")
def _mask():
    return _targets().mask


@figure("9.4", "multibox_target_offsets")
@figure("9.4", "multibox_target_offsets_4_decimals")
def _offsets():
    return _targets().offsets


@figure("9.4", "multibox_detection_rows")
def _detections():
    boxes = nd.array([[[0.1, 0.08, 0.52, 0.92], [0.08, 0.2, 0.56, 0.95], [0.15, 0.3, 0.62, 0.91],
                       [0.55, 0.2, 0.9, 0.88]]])
    probs = nd.array([[[0] * 4, [0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]]])  # background, dog, cat
    return anchors.multibox_detection(probs, nd.zeros((1, 16)), boxes, nms_threshold=0.5)


@figure("9.6", "batch_shapes")
def _pikachu_batch(root: Path):
    batch = pikachu.load_pikachu(root, 32, 256)[0].next()
    return [batch.data[0].shape, batch.label[0].shape]


# -- 9.7, 9.8 ---------------------------------------------------------------------------------------------------------
def _class_preds() -> list[nd.NDArray]:
    return [forward(nd.zeros((2, 8, 20, 20)), ssd.cls_predictor(5, 10)),
            forward(nd.zeros((2, 16, 10, 10)), ssd.cls_predictor(3, 10))]


@figure("9.7", "class_predictor_shapes")
def _class_predictor_shapes():
    return [preds.shape for preds in _class_preds()]


@figure("9.7", "concat_preds_shape")
def _concat_preds_shape():
    return ssd.concat_preds(_class_preds()).shape


@figure("9.7", "down_sample_block_shape")
def _down_sample_shape():
    return forward(nd.zeros((2, 3, 20, 20)), ssd.down_sample_blk(10)).shape


@figure("9.7", "base_network_shape")
def _base_shape():
    return forward(nd.zeros((2, 3, 256, 256)), ssd.base_net()).shape


@figure("9.7", "output_shapes")
def _ssd_shapes():
    outputs = forward(nd.zeros((32, 3, 256, 256)), ssd.TinySSD(num_classes=1))
    return {name: output.shape for name, output in zip(("anchors", "class_preds", "bbox_preds"), outputs)}


@figure("9.8", "roi_pooling")
def _roi_pooling():
    rois = nd.array([[0, 0, 0, 20, 20], [0, 0, 10, 30, 30]])
    return rcnn.roi_pooling(nd.arange(16).reshape((1, 1, 4, 4)), rois, pooled_size=(2, 2), spatial_scale=0.1)
