"""Checkpoints: the network comes back as it was, and a folder that is not whole is named."""
from __future__ import annotations

import json
import os

import mxnet as mx
import pytest
from data_kit import cut, files_below, no_space
from mxnet import autograd, init, nd
from mxnet.gluon import model_zoo
from tolerance import assert_close

from d2lzh_cv import finetuning, resnet, ssd
from d2lzh_cv.errors import InputError
from d2lzh_cv.fcn import fcn
from d2lzh_cv.models import checkpoint
from d2lzh_cv.models.checkpoint import load_model, save_model


def tiny_ssd(num_classes: int = 2) -> ssd.TinySSD:
    mx.random.seed(0)
    net = ssd.TinySSD(num_classes)
    net.initialize(init.Xavier())
    net(nd.zeros((1, 3, 64, 64)))
    return net


def an_fcn():
    source = model_zoo.vision.get_model("mobilenetv2_0.25")
    source.initialize(init.Xavier())
    return fcn(finetuning.conv_features(source), 3), "fcn", {"backbone": "mobilenetv2_0.25"}


def a_resnet():
    net = resnet.resnet18(3)
    net.initialize(init.Xavier())
    return net, "resnet18", {}


def from_the_zoo():
    net = model_zoo.vision.get_model("mobilenetv2_0.25", classes=3)
    net.initialize(init.Xavier())
    return net, "model_zoo", {"name": "mobilenetv2_0.25"}


@pytest.fixture
def saved(tmp_path):
    return save_model(tmp_path / "run" / "model", tiny_ssd(), network="TinySSD", classes=["cat", "狗"], edge_size=64)


@pytest.mark.parametrize("make", [an_fcn, a_resnet, from_the_zoo])
def test_each_network_comes_back_with_the_same_outputs(tmp_path, make):
    net, network, arguments = make()
    X = nd.random.uniform(shape=(1, 3, 64, 64))
    before = net(X)
    save_model(tmp_path / "m", net, network=network, arguments=arguments, classes=list("abc"), edge_size=(64, 96))
    again, description = load_model(tmp_path / "m")
    assert_close(again(X), before, exact=True)
    assert description.arguments == arguments and description.edge_size == (64, 96)


def test_a_detector_comes_back_and_tells_what_it_is(saved):
    again, description = load_model(saved)
    X = nd.random.uniform(shape=(1, 3, 64, 64))
    for actual, desired in zip(again(X), tiny_ssd()(X)):
        assert_close(actual, desired, exact=True)
    assert description == checkpoint.Description("detect", "TinySSD", ["cat", "狗"], (64, 64))
    assert files_below(saved) == {"model.json", "net.params"}


def test_gradients_take_no_memory_until_they_are_asked_for(saved):
    net, _ = load_model(saved)
    parameters = net.collect_params()
    assert all(parameter._grad is None for parameter in parameters.values())
    parameters.setattr("grad_req", "write")
    X = nd.random.uniform(shape=(1, 3, 64, 64))
    with autograd.record():
        loss = net(X)[1].square().sum()
    loss.backward()
    norms = [float(parameter.grad().norm().asscalar()) for name, parameter in net._collect_params_with_prefix().items()
             if name.startswith("cls_") and name.endswith("weight")]
    assert len(norms) == 5 and min(norms) > 0, norms


def test_what_else_is_saved_comes_back(tmp_path):
    save_model(tmp_path / "m", tiny_ssd(), network="TinySSD", classes=["a", "b"], edge_size=64, epoch=7)
    assert load_model(tmp_path / "m")[1].extra == {"epoch": 7}


def test_the_folder_of_a_run_or_the_file_will_do(saved):
    for path in (saved.parent, saved / "model.json"):
        assert load_model(path)[1].classes == ["cat", "狗"]


def test_a_later_checkpoint_takes_the_place_of_an_earlier_and_of_nothing_else(saved, tmp_path):
    save_model(saved, tiny_ssd(1), network="TinySSD", classes=["one"], edge_size=64)
    assert load_model(saved)[1].classes == ["one"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="mine holds something other than a checkpoint"):
        save_model(tmp_path / "mine", tiny_ssd(), network="TinySSD", classes=["a", "b"], edge_size=64)
    assert files_below(tmp_path / "mine") == {"thesis.txt"}


def test_a_disk_that_fills_leaves_the_earlier_one(saved, monkeypatch):
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(InputError, match="No space left"):
        save_model(saved, tiny_ssd(1), network="TinySSD", classes=["one"], edge_size=64)
    monkeypatch.undo()
    assert load_model(saved)[1].classes == ["cat", "狗"]
    assert files_below(saved.parent) == {"model/model.json", "model/net.params"}


def test_weights_that_did_not_reach_the_disk_are_noticed(saved, monkeypatch):
    """MXNet reports nothing when a full disk cuts the file."""
    save = nd.save

    def cut(name, arrays):
        save(name, arrays)
        with open(name, "r+b") as file:
            file.truncate(1000)
    net = ssd.TinySSD(2)
    net.initialize()
    net(nd.zeros((1, 3, 64, 64)))
    monkeypatch.setattr(nd, "save", cut)
    with pytest.raises(InputError, match="cannot write .*model: .*the disk may be full; free some space"):
        save_model(saved, net, network="TinySSD", classes=["a", "b"], edge_size=64)
    assert load_model(saved)[1].classes == ["cat", "狗"]


def test_what_is_missing_is_named(saved, tmp_path):
    with pytest.raises(InputError, match="gone is no folder"):
        load_model(tmp_path / "gone")
    with pytest.raises(InputError, match=r"holds no model\.json"):
        load_model(tmp_path)
    (saved / "net.params").unlink()
    with pytest.raises(InputError, match=r"cannot read .*net\.params"):
        load_model(saved)


def test_damaged_weights_are_noticed_by_their_hash(saved):
    whole = (saved / "net.params").read_bytes()
    (saved / "net.params").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(InputError, match=r"net\.params is damaged"):
        load_model(saved)
    (saved / "net.params").write_bytes(whole)
    load_model(saved)
    cut(saved / "net.params")
    with pytest.raises(InputError, match=r"net\.params is damaged"):
        load_model(saved)


@pytest.mark.parametrize("change, message", [
    ({"format": 99}, "later version"), ({"format": None}, "does not describe a model"),
    ({"network": "YOLOv9"}, "'YOLOv9'.* is unknown"), ({"task": "paint"}, "'paint' is unknown"),
    ({"classes": []}, "names no classes"), ({"classes": None}, "lacks a part"), ({"edge_size": [64]}, "lacks a part"),
    ({"edge_size": [0, 64]}, "no size"), ({"params": {}}, "lacks the hash"), ({"arguments": {"depth": 3}}, "depth"),
    ({"classes": ["a", "b", "c"]}, "does not fit the network TinySSD")])
def test_a_description_that_does_not_fit_is_named(saved, change, message):
    content = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    (saved / "model.json").write_text(json.dumps({**content, **change}), encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_model(saved)
    assert str(saved) in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '"model"'])
def test_a_description_that_is_none_is_named(saved, text):
    (saved / "model.json").write_text(text)
    with pytest.raises(InputError, match=r"model\.json"):
        load_model(saved)
