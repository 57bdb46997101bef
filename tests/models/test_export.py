"""Exported files compute what the checkpoint does: onnxruntime and SymbolBlock against the network itself."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import cv2
import mxnet as mx
import numpy as np
import picture_kit
import pytest
from data_kit import files_below, no_space, pixels
from mxnet import gluon, init, nd
from tolerance import assert_close

from d2lzh_cv import ssd
from d2lzh_cv.anchors import multibox_detection
from d2lzh_cv.commands import export as command
from d2lzh_cv.errors import InputError
from d2lzh_cv.models import kinds
from d2lzh_cv.models.checkpoint import Description, save_model
from d2lzh_cv.models.export import deployed, export
from d2lzh_cv.models.predictor import Predictor
from d2lzh_cv.run.flags import Parser

try:
    import onnx
    import onnxruntime
except ImportError:
    onnx = onnxruntime = None
needs_onnx = pytest.mark.skipif(onnx is None or onnxruntime is None, reason="needs the extra onnx")
CLASSES = ["cat", "狗", "owl"]


def build(network: str, num_classes: int = 3, edge: tuple = (64, 64), **arguments) -> gluon.Block:
    """With statistics of BatchNorm, biases and a transposed convolution that are not the neutral ones of the start."""
    mx.random.seed(0)
    rng, net = np.random.RandomState(0), kinds.build(network, num_classes, arguments)
    for param in net.collect_params().values():
        if param._data is None:
            param.initialize(init.Xavier() if param.name.endswith("weight") else init.Zero())
    net(nd.zeros((1, 3, *edge)))
    ranges = {"gamma": (0.5, 1.5), "beta": (-0.3, 0.3), "bias": (-0.3, 0.3), "mean": (-0.3, 0.3), "var": (0.5, 2)}
    for name, param in net.collect_params().items():
        kind = name.rsplit("_", 1)[-1]
        if kind in ranges:
            param.set_data(nd.array(rng.uniform(*ranges[kind], param.shape)))
    if network == "TinySSD":  # so that scores differ and boxes stay about where their anchors are
        for head in (part for i in range(5) for part in (getattr(net, f"cls_{i}"), getattr(net, f"bbox_{i}"))):
            head.weight.set_data(head.weight.data() * 0.1)
    if network == "fcn":
        net[2].weight.set_data(nd.array(rng.uniform(-0.1, 0.1, net[2].weight.shape)))
    return net


def describe(network: str, edge: tuple = (64, 64), classes=CLASSES, **arguments) -> Description:
    return Description(kinds.NETWORKS[network].task, network, list(classes), edge, arguments)


def session(net: gluon.Block, description: Description):
    from d2lzh_cv.models.export import to_onnx
    return run_onnx(to_onnx.model_bytes(net, description, deployed.usage(description)))


def run_onnx(model):
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


def batch(*shape: int, low: float = -2, high: float = 2) -> np.ndarray:
    return np.random.RandomState(1).uniform(low, high, shape).astype("float32")


def kept(rows) -> np.ndarray:
    rows = rows if isinstance(rows, np.ndarray) else rows.asnumpy()
    return rows[rows[:, 0] != -1]


def assert_same_rows(actual: np.ndarray, desired: np.ndarray) -> None:
    """The same rows; two whose scores are equal but for rounding may stand in either order."""
    assert len(actual) == len(desired) > 0
    nearest = np.abs(actual[:, None] - desired[None]).max(axis=2).argmin(axis=1)
    assert sorted(nearest) == list(range(len(desired)))
    assert_close(actual, desired[nearest])
    assert_close(actual[:, 1], desired[:, 1])


@pytest.fixture
def detector(tmp_path):
    return save_model(tmp_path / "run" / "model", build("TinySSD"), network="TinySSD", classes=CLASSES, edge_size=64)


@needs_onnx
@pytest.mark.parametrize("network, arguments, shapes", [
    ("fcn", {"backbone": "resnet18_v2"}, [(1, 3, 64, 64), (2, 3, 96, 64)]),
    ("resnet18", {}, [(1, 3, 64, 64), (3, 3, 64, 64)]),
    ("model_zoo", {"name": "resnet18_v1"}, [(1, 3, 64, 64), (3, 3, 64, 64)]),
    ("model_zoo", {"name": "resnet18_v2"}, [(1, 3, 64, 64), (3, 3, 64, 64)]),
    ("FrozenFeatures", {"backbone": "mobilenetv2_0.25"}, [(2, 3, 64, 64)])])
def test_scores_are_those_of_the_network(network, arguments, shapes):
    net = build(network, **arguments)
    run = session(net, describe(network, **arguments))
    for shape in shapes:
        X = batch(*shape)
        scores, = run.run(["scores"], {"data": X})
        desired = net(nd.array(X)).asnumpy()
        assert desired.std() > 0.05
        assert_close(scores, desired)
        assert (scores.argmax(axis=1) == desired.argmax(axis=1)).all()


@needs_onnx
@pytest.mark.parametrize("edge", [(64, 64), (96, 64)])
def test_boxes_are_those_of_the_detector(edge):
    net = build("TinySSD", edge=edge)
    X = batch(3, 3, *edge, low=0, high=255)
    rows, = session(net, describe("TinySSD", edge)).run(["detections"], {"data": X})
    for actual, picture in zip(rows, X):
        anchors, scores, offsets = net(nd.array(picture[None]))
        assert actual.shape == (anchors.shape[1], 6)
        desired = multibox_detection(scores.softmax().transpose((0, 2, 1)), offsets, anchors)[0].asnumpy()
        assert set(desired[:, 0]) == {-1, 0, 1, 2}  # some suppressed, each class there
        assert_same_rows(kept(actual), kept(desired))
        assert (actual[len(kept(desired)):] == -1).all()


class Given(gluon.HybridBlock):
    """Stands for a TinySSD whose anchors, scores and offsets the test chooses."""

    def __init__(self, anchors) -> None:
        super().__init__()
        self.anchors = self.params.get_constant("anchors", nd.array(anchors).reshape((1, -1, 4)))
        self.anchors.initialize()

    def hybrid_forward(self, F, X, anchors):
        given = X.slice_axis(axis=1, begin=0, end=1).reshape((0, 7, -1)).transpose((0, 2, 1))  # (B, A, 3 + 4)
        return anchors, given.slice_axis(axis=2, begin=0, end=3), given.slice_axis(axis=2, begin=3, end=7).flatten()

    def pack(self, scores, offsets) -> np.ndarray:
        """Scores (A, 3) and offsets (A, 4) as an input (1, 3, 7, A)."""
        return np.repeat(np.concatenate([scores, offsets], axis=1).T[None, None], 3, axis=1).astype("float32")


def both(anchors, scores, offsets) -> tuple[np.ndarray, np.ndarray]:
    """Kept rows of the ONNX file and of MultiBoxDetection."""
    net = Given(anchors)
    X = net.pack(scores, offsets)
    rows, = session(net, describe("TinySSD", (7, len(anchors)), "ab")).run(None, {"data": X})
    anchors, scores, offsets = net(nd.array(X))
    desired = multibox_detection(scores.softmax().transpose((0, 2, 1)), offsets, anchors)[0]
    return kept(rows[0]), kept(desired)


@needs_onnx
@pytest.mark.parametrize("height, classes, count", [
    (0.5, (1, 1), 1), (0.5 - 1e-5, (1, 1), 2), (0.5 + 1e-5, (1, 1), 1), (0.5, (1, 2), 2)])
def test_a_box_at_the_threshold_goes_and_one_of_another_class_stays(height, classes, count):
    """The second box is the upper ``height`` of the first, so that is their IoU."""
    scores = np.zeros((2, 3))
    scores[[0, 1], classes] = 3, 2
    actual, desired = both([[0, 0, 1, 1], [0, 0, 1, height]], scores, np.zeros((2, 4)))
    assert len(actual) == count
    assert_same_rows(actual, desired)


@needs_onnx
@pytest.mark.parametrize("probability, count", [(0.01 + 1e-5, 1), (0.01 - 1e-5, 0)])
def test_a_score_is_kept_from_the_threshold_on_and_the_background_does_not_count(probability, count):
    scores = np.log([[1 - probability - 0.001, probability, 0.001]])
    actual, desired = both([[0.1, 0.1, 0.6, 0.6]], scores, np.zeros((1, 4)))
    assert len(actual) == len(desired) == count


@needs_onnx
@pytest.mark.parametrize("seed", range(3))
def test_random_boxes_decode_clip_and_suppress_alike(seed):
    rng = np.random.RandomState(seed)
    corners = rng.uniform(-0.2, 1.2, (40, 2, 2))
    anchors = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    actual, desired = both(anchors, rng.normal(size=(40, 3)), rng.normal(scale=2, size=(40, 4)))
    assert 2 < len(desired) < 40 and desired[:, 2:].min() == 0 and desired[:, 2:].max() == 1
    assert_same_rows(actual, desired)


@needs_onnx
def test_the_file_says_how_to_use_it(detector, tmp_path):
    """From its metadata alone: a picture prepared and read gives the boxes of d2lzh_cv's detect."""
    path, = export(detector.parent, "onnx", tmp_path / "out" / "cats")
    assert path == tmp_path / "out" / "cats.onnx" and files_below(path.parent) == {"cats.onnx"}
    facts = {item.key: item.value for item in onnx.load(path).metadata_props}
    assert facts["task"] == "detect" and json.loads(facts["classes"]) == CLASSES
    use, picture = json.loads(facts["input"]), pixels(64, 64)
    assert use["shape"] == ["batch", 3, 64, 64] and use["colors"] == "RGB"
    X = (picture * use["scale"] - np.array(use["mean"])) / np.array(use["deviation"])
    rows, = run_onnx(str(path)).run([json.loads(facts["output"])["name"]],
                                    {use["name"]: X.transpose((2, 0, 1))[None].astype(use["dtype"])})
    assert_same_rows(kept(rows[0]), ssd.detect(build("TinySSD"), nd.array(picture, dtype="uint8"), 64))


@needs_onnx
def test_weights_are_no_inputs_and_old_runtimes_can_read_it(detector, tmp_path):
    model = onnx.load(export(detector, "onnx", tmp_path / "m.onnx")[0])
    assert [value.name for value in model.graph.input] == ["data"]
    assert [opset.version for opset in model.opset_import] == [13] and model.ir_version == 7


@pytest.mark.parametrize("network, arguments", [
    ("TinySSD", {}), ("fcn", {"backbone": "mobilenetv2_0.25"}), ("resnet18", {})])
def test_symbol_files_load_without_this_package(tmp_path, network, arguments):
    net = build(network, **arguments)
    saved = save_model(tmp_path / "m", net, network=network, classes=CLASSES, edge_size=64, arguments=arguments)
    files = export(saved, "symbol", tmp_path / "out" / "net")
    assert files_below(tmp_path / "out") == {"net-symbol.json", "net-0000.params", "net.json"} == {
        file.name for file in files}
    facts = json.loads(files[2].read_text(encoding="utf-8"))
    again = gluon.SymbolBlock.imports(str(files[0]), [facts["input"]["name"]], str(files[1]))
    X = nd.array(batch(2, 3, 64, 64))
    desired = net(X)
    if network == "TinySSD":
        desired = multibox_detection(desired[1].softmax().transpose((0, 2, 1)), desired[2], desired[0])
        assert len(kept(desired[0])) > 1
    assert facts["classes"] == CLASSES
    assert_close(again(X), desired, exact=True)


@pytest.mark.parametrize("network", kinds.NETWORKS)
def test_the_numbers_given_prepare_a_picture_as_the_networks_do(network):
    use = deployed.usage(describe(network, (32, 32)))["input"]
    picture = np.full((32, 32, 3), (10, 120, 250), np.uint8)
    desired = kinds.NETWORKS[network].prepare(nd.array(picture, dtype="uint8"), (32, 32))
    X = (picture * use["scale"] - np.array(use["mean"])) / np.array(use["deviation"])
    assert_close(X.transpose((2, 0, 1))[None].astype("float32"), desired)


def run_command(*argv) -> int:
    parser = Parser()
    command.add(parser.add_subparsers(parser_class=Parser))
    flags = parser.parse_args(["export", *map(str, argv)])
    return flags.command(flags)


def test_the_command_puts_the_files_where_it_says(detector, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run_command(detector, "--to", "symbol") == 0
    assert "TinySSD-0000.params" in capsys.readouterr().out
    assert run_command(detector, "--to", "symbol", "--out", tmp_path / "run") == 0  # a folder
    names = {"TinySSD-symbol.json", "TinySSD-0000.params", "TinySSD.json"}
    assert files_below(tmp_path / "here") == names and names < files_below(tmp_path / "run")


def test_a_format_that_there_is_not_is_named(detector, capsys):
    with pytest.raises(SystemExit) as caught:
        run_command(detector, "--to", "tflite")
    assert caught.value.code == 2 and "tflite" in capsys.readouterr().err
    with pytest.raises(InputError, match="'tflite'.*symbol, onnx"):
        export(detector, "tflite")


FORMATS = ["symbol", pytest.param("onnx", marks=needs_onnx)]


@pytest.mark.parametrize("to", FORMATS)
def test_a_folder_that_is_no_checkpoint_is_named(tmp_path, to):
    with pytest.raises(InputError, match=r"holds no model\.json"):
        export(tmp_path, to, tmp_path / "x")
    assert not files_below(tmp_path)


@pytest.mark.parametrize("to", FORMATS)
def test_where_nothing_can_be_written_nothing_is(detector, tmp_path, to, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=str(tmp_path / "file")):
        export(detector, to, tmp_path / "file" / "net")
    export(detector, to, tmp_path / "net")
    before = {file: file.read_bytes() for file in tmp_path.glob("net*")}
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(InputError, match=r"cannot write .*net.*No space left"):
        export(detector, to, tmp_path / "net")
    assert {file: file.read_bytes() for file in tmp_path.glob("net*")} == before
    assert not list(tmp_path.glob(".net*"))


def test_a_missing_onnx_is_said_and_not_needed_for_symbol_files(detector, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"needs the package onnx.*pip install .*\[onnx\]"):
        export(detector, "onnx", tmp_path / "x")
    assert not list(tmp_path.glob("x*"))
    assert len(export(detector, "symbol", tmp_path / "x")) == 3


def test_an_onnx_too_new_for_the_exporter_is_said(detector, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", types.SimpleNamespace(__version__="1.99.0"))
    monkeypatch.setitem(sys.modules, "onnx.mapping", None)
    with pytest.raises(InputError, match=r"onnx 1\.99\.0 lacks onnx\.mapping.*\[onnx\]"):
        export(detector, "onnx", tmp_path / "x")


def run_sample(number: int, blocked: list[str], model: Path, picture: Path,
               tmp_path: Path) -> list[tuple[str, float, list[int]]]:
    """What a program of docs/export.md prints, in a process that cannot import the ``blocked`` modules."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
    program = text.split("```python\n")[1 + number].split("```")[0]
    block = f"import sys\nsys.modules.update(dict.fromkeys({blocked}))\n"
    (tmp_path / "sample.py").write_text(block + program, encoding="utf-8")
    done = subprocess.run([sys.executable, str(tmp_path / "sample.py"), str(model), str(picture)], check=True,
                          capture_output=True, encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8"})
    rows = [line.split(" ") for line in done.stdout.splitlines()]
    return [(name, float(score), [int(corner) for corner in box]) for name, score, *box in rows]


@pytest.mark.parametrize("to, name", [
    *(pytest.param("onnx", name, marks=needs_onnx) for name in ("plain.jpg", "turned.jpg", "deep.png")),
    ("symbol", "plain.jpg")])
def test_the_documented_sample_gives_the_boxes_of_predict(detector, tmp_path, to, name):
    """A pixel after resizing may be one level of 255 off, as MXNet holds an older OpenCV."""
    blocks = np.repeat(np.repeat(pixels(9, 13, seed=4), 17, axis=0), 15, axis=1)
    path = tmp_path / name
    if name == "deep.png":
        path.write_bytes(picture_kit.by_opencv(".png", blocks.astype(np.uint16) * 256 + 200))
    else:
        path.write_bytes(picture_kit.encoded(blocks, "JPEG", quality=95))
    if name == "turned.jpg":
        path.write_bytes(picture_kit.jpeg(picture_kit.exif(picture_kit.turn(6)), of=path.read_bytes()))
    export(detector, to, tmp_path / "m")
    expected = Predictor.of_checkpoint(detector, "detect", threshold=0.3)(path).found
    if to == "onnx":
        found = run_sample(0, ["mxnet", "d2lzh_cv", "PIL", "onnx"], tmp_path / "m.onnx", path, tmp_path)
    else:  # d2lzh_cv must be there: MXNet does not import without it on NumPy 1.24 and newer
        found = run_sample(1, ["cv2", "onnx"], tmp_path / "m", path, tmp_path)
    assert len(found) == len(expected) > 3
    for (class_name, score, box), item in zip(sorted(found, key=lambda row: (row[0], row[2])),
                                              sorted(expected, key=lambda item: (item["class"], item["box"]))):
        assert class_name == item["class"] and abs(score - item["score"]) < 0.01
        assert np.abs(np.array(box) - item["box"]).max() <= 1


@needs_onnx
def test_the_metadata_name_the_interpolation(detector, tmp_path):
    model, = export(detector, "onnx", tmp_path / "m.onnx")
    use = json.loads(onnxruntime.InferenceSession(str(model)).get_modelmeta().custom_metadata_map["input"])
    assert use["interpolation"] == "bilinear" and "upright" in use["pixels"]
    picture = pixels(50, 90)
    X = cv2.resize(picture, use["shape"][:1:-1], interpolation=cv2.INTER_LINEAR).astype(int)
    prepared = kinds.NETWORKS["TinySSD"].prepare(nd.array(picture, dtype="uint8"), use["shape"][2:])
    assert np.abs(X.transpose(2, 0, 1) - prepared[0].asnumpy()).max() <= 1
    others = [cv2.resize(picture, (64, 64), interpolation=way).astype(int) for way in (0, 2, 3)]
    assert all(np.abs(other - X).max() > 20 for other in others)
