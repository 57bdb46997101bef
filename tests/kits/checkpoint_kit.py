"""Checkpoints of small networks that nobody trained."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx
from mxnet import init, nd
from mxnet.gluon import model_zoo

from d2lzh_cv import finetuning, ssd
from d2lzh_cv.fcn import fcn
from d2lzh_cv.models.checkpoint import save_model

NAMES = ["background", "dawn", "dusk"]


def constant_fcn(folder: Path, biases=(0, 1, -1)) -> Path:
    """A checkpoint whose network gives every pixel the class with the highest of ``biases``."""
    source = model_zoo.vision.get_model("mobilenetv2_0.25")
    source.initialize(init.Xavier())
    net = fcn(finetuning.conv_features(source), 3)
    net(nd.zeros((1, 3, 32, 32)))
    net[2].weight.set_data(nd.zeros(net[2].weight.shape))
    net[2].bias.set_data(nd.array(biases))
    return save_model(folder, net, network="fcn", arguments={"backbone": "mobilenetv2_0.25"}, classes=NAMES,
                      edge_size=(64, 96))


def a_classifier(folder: Path) -> Path:
    net = model_zoo.vision.get_model("mobilenetv2_0.25", classes=2)
    net.initialize(init.Xavier())
    net(nd.zeros((1, 3, 32, 32)))
    return save_model(folder, net, network="model_zoo", arguments={"name": "mobilenetv2_0.25"}, classes=["yes", "no"],
                      edge_size=32)


def a_detector(folder: Path, classes=("pikachu", "猫")) -> Path:
    """A checkpoint whose network finds boxes anywhere."""
    mx.random.seed(1)
    net = ssd.TinySSD(len(classes))
    net.initialize(init.Xavier())
    net(nd.zeros((1, 3, 64, 64)))
    return save_model(folder, net, network="TinySSD", classes=classes, edge_size=64)
