"""Mixed precision: which operators compute in 16 bits, how far the losses move, and what is said where it cannot work.

The three operators that can compute in 16 bits are emulated here: in float32 from inputs in 16 bits, the result rounded
to 16 bits. That is what oneDNN does in bfloat16, and it runs on every processor. Where the processor has bfloat16,
oneDNN's own operators are tested too.
"""
from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn
from mxnet.gluon.data import ArrayDataset, DataLoader

from d2lzh_cv import cli, contents, finetuning, training
from d2lzh_cv.anchors import multibox_target
from d2lzh_cv.commands import probes
from d2lzh_cv.compat import processor
from d2lzh_cv.engine import loss_scale, precision
from d2lzh_cv.engine.seeds import seed_everything
from d2lzh_cv.engine.snapshots import Snapshots
from d2lzh_cv.errors import InputError
from d2lzh_cv.run.flags import Options, parse_script
from d2lzh_cv.ssd import SSDLoss, TinySSD
from d2lzh_cv.style import FeatureExtractor

NATIVE = "fpu avx2 avx512bw avx512dq avx512vl avx512_bf16 amx_bf16"
EMULATED = "fpu avx2 avx512bw avx512dq avx512vl"
OLD = "fpu avx2"
BFLOAT16 = np.dtype([("bfloat16", np.uint16)])
ONEDNN = pytest.param("onednn", marks=pytest.mark.skipif(processor.bfloat16() == "not", reason="no AVX-512 here"))
RNG = np.random.default_rng(0)


@pytest.fixture
def cpu(monkeypatch, tmp_path):
    """Give this process a /proc/cpuinfo with these flags, or none."""
    monkeypatch.setattr(precision.problems, "flavours", lambda: ["mxnet"])

    def pretend(flags=None):
        path = tmp_path / "cpuinfo"
        if flags is not None:
            path.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: avx512_bf16\n\nprocessor\t: 1\n")
        monkeypatch.setattr(processor, "CPUINFO", path)
    return pretend


@pytest.fixture
def operators(monkeypatch, request):
    """Emulate the operators in 16 bits, unless the test is run with oneDNN's own; at the end float32 is in use."""
    if getattr(request, "param", "emulated") == "emulated":
        monkeypatch.setattr(precision, "_originals", {})
        for module in (mx.nd, mx.sym):
            for name in ("Convolution", "Activation", "Pooling"):
                monkeypatch.setattr(module, name, emulated(module, getattr(module, name)))
    yield
    precision.use("float32")


def emulated(module, operator) -> Callable:
    def is_low(data) -> bool:
        if isinstance(data, nd.NDArray):
            return data.dtype in (BFLOAT16, np.float16)
        return data.attr("dtype") in ("bfloat16", "float16")

    def up(value):
        return module.amp_cast(value, dtype="float32") if isinstance(value, (nd.NDArray, mx.sym.Symbol)) else value

    def in_float32(data, *args, **kwargs):
        if not is_low(data):
            return operator(data, *args, **kwargs)
        result = operator(up(data), *map(up, args), **{name: up(value) for name, value in kwargs.items()})
        return module.amp_cast(result, dtype=precision._dtype())
    return in_float32


# -- what the processor can do --------------------------------------------------------------------------------------
@pytest.mark.parametrize("flags, expected", [(NATIVE, "fast"), (EMULATED, "slow"), (OLD, "not"), ("", "not"),
                                             (None, "not"), ("avx512bw avx512dq", "not")])
def test_the_processor_s_flags_decide(cpu, flags, expected):
    cpu(flags)
    assert processor.bfloat16() == expected


@pytest.mark.parametrize("name, flags, line", [
    ("bfloat16", OLD, "needs a processor with AVX512_BF16 (with AVX-512 it works, but gains nothing); this one has "
                      "neither; leave the flag out"),
    ("float16", NATIVE, "is for GPUs, and MXNet computes on the processor here; leave the flag out")])
def test_what_cannot_work_is_one_line_before_anything_is_written(cpu, name, flags, line, tmp_path, capsys):
    cpu(flags)
    out = tmp_path / "out"
    for words in (["run", "9.7", "--quick"], ["predict", "detect", "nowhere", "none.jpg"]):
        assert cli.main([*words, "--precision", name, "--out", str(out)]) == 2
        assert capsys.readouterr().err == f"error: --precision {name} {line}\n"
    assert not out.exists()


def test_emulation_is_told_in_one_line(cpu, capsys):
    for flags, line in ((NATIVE, ""), (EMULATED, "--precision bfloat16 gains nothing here: without AVX512_BF16 the "
                                                 "processor emulates it\n")):
        cpu(flags)
        precision.check("bfloat16")
        assert capsys.readouterr().err == line


@pytest.mark.parametrize("flags, text", [(NATIVE, "faster"), (EMULATED, "gains nothing"), (OLD, "refused"),
                                         (None, "no /proc/cpuinfo")])
def test_doctor_says_whether_the_processor_gains(cpu, flags, text):
    cpu(flags)
    (row,) = next(probe for probe in probes.PROBES if probe.name == "bfloat16").look()
    assert text in row.value and row.state == "ok"


# -- the flag -------------------------------------------------------------------------------------------------------
def test_the_precision_is_part_of_what_a_run_is_and_float32_changes_nothing():
    plain, low = Options(), parse_script(["--precision", "bfloat16"], contents.find("9.7"))
    assert low.identity() == {**plain.identity(), "precision": "bfloat16"}
    assert parse_script(["--precision", "float32"], contents.find("9.7")).identity() == plain.identity()
    assert "--precision" not in plain.to_argv("x")
    assert parse_script(low.to_argv("x"), contents.find("9.7")).precision == "bfloat16"


# -- which operators compute in 16 bits -----------------------------------------------------------------------------
def nodes_of(symbol) -> list[tuple[str, str, list[str], list[str]]]:
    """The nodes of a graph: operator, name, the types of its inputs, and those inputs' operators."""
    inner = symbol.get_internals()
    types = dict(zip(inner.list_outputs(), inner.infer_type(data="float32")[1]))
    graph = json.loads(symbol.tojson(remove_amp_cast=False))["nodes"]

    def type_of(number: int, output: int) -> str:
        node = graph[number]
        outputs = [node["name"]] if node["op"] == "null" else [name for name in types if name.startswith(
            f"{node['name']}_output")]
        kind = np.dtype(types[outputs[min(output, len(outputs) - 1)]])
        return "bfloat16" if kind == BFLOAT16 else kind.name
    return [(node["op"], node["name"], [type_of(*place[:2]) for place in node["inputs"]],
             [graph[place[0]]["op"] for place in node["inputs"]]) for node in graph]


def in_low(nodes) -> set[str]:
    """The operators with an input in bfloat16, without the casts; each has no other inputs."""
    low = [(op, types) for op, _, types, _ in nodes if "bfloat16" in types and op != "amp_cast"]
    assert all(set(types) == {"bfloat16"} for _, types in low), low
    return {op for op, _ in low}


def test_convolutions_of_tinyssd_are_in_bfloat16_and_nothing_else():
    net = TinySSD(2)
    with precision.computing_in("bfloat16"):
        nodes = nodes_of(mx.sym.Group(list(net(mx.sym.var("data")))))
    assert in_low(nodes) == {"Convolution"}
    convolutions = [types for op, _, types, _ in nodes if op == "Convolution"]
    assert len(convolutions) == 22 and all(types == ["bfloat16"] * 3 for types in convolutions)
    plain = nodes_of(mx.sym.Group(list(net(mx.sym.var("data")))))
    assert "amp_cast" not in {op for op, *_ in plain} and in_low(plain) == set()


def test_relu_and_max_pooling_stay_between_convolutions_without_casts():
    layers = nn.HybridSequential()
    layers.add(nn.Conv2D(4, 3), nn.Activation("relu"), nn.Conv2D(4, 3), nn.Activation("relu"), nn.MaxPool2D(),
               nn.Conv2D(4, 3), nn.Activation("relu"), nn.AvgPool2D(), nn.Conv2D(4, 3), nn.Activation("sigmoid"),
               nn.Conv2D(4, 3, activation="relu"), nn.BatchNorm(), nn.Conv2D(4, 3), nn.MaxPool2D(ceil_mode=True))
    with precision.computing_in("bfloat16"):
        nodes = nodes_of(mx.sym.Group(sum(FeatureExtractor(layers, (8,), (2, 13))(mx.sym.var("data")), [])))
    assert in_low(nodes) == {"Convolution", "Activation", "Pooling"}
    casts = [inputs for op, _, _, inputs in nodes if op == "amp_cast"]
    down = [inputs for op, _, types, inputs in nodes if op == "amp_cast" and types == ["float32"]]
    assert sum(inputs == ["null"] for inputs in down) == 2 * 6 + 1  # weights and biases, and the picture
    # the average, the sigmoid, BatchNorm and the pooling that rounds up are float32; so are the features that leave
    assert sorted(inputs for inputs in down if inputs != ["null"]) == [["Activation"], ["BatchNorm"], ["Pooling"]]
    assert len(casts) - len(down) == 5


def test_the_precision_ends_with_the_block_also_after_an_error():
    before = [getattr(module, name) for module in (mx.nd, mx.sym) for name in ("Convolution", "Activation", "Pooling")]
    with pytest.raises(ZeroDivisionError), precision.computing_in("bfloat16"):
        assert precision.in_use() == "bfloat16"
        raise ZeroDivisionError
    assert precision.in_use() == "float32"
    assert before == [getattr(module, name) for module in (mx.nd, mx.sym)
                      for name in ("Convolution", "Activation", "Pooling")]


def test_weights_that_other_runs_use_too_are_trained_in_float32(operators, monkeypatch, tmp_path):
    monkeypatch.setattr(finetuning, "image_folder", lambda root: SimpleNamespace(synsets=["one", "two"]))
    monkeypatch.setattr(finetuning, "cache_root", lambda: tmp_path)
    monkeypatch.setattr(finetuning, "place_for", lambda root, folder: tmp_path / "weights" / "name")
    monkeypatch.setattr(finetuning, "pretrain_source", lambda *args, **kwargs: precision.in_use())
    with precision.computing_in("bfloat16"):
        assert finetuning.offline_source(tmp_path, mx.cpu()) == "float32"
        assert precision.in_use() == "bfloat16"


# -- the numbers ----------------------------------------------------------------------------------------------------
X = nd.array(RNG.uniform(0, 255, (2, 3, 64, 64)))
Y = nd.array([[[0, 0.1, 0.1, 0.5, 0.6]], [[0, 0.4, 0.3, 0.9, 0.8]]])


def ssd_losses(name: str, hybridized: bool, steps: int = 6) -> tuple[np.ndarray, set]:
    """The losses of a few steps of a small TinySSD, and the types of its parameters and gradients."""
    seed_everything(1)
    net, loss = TinySSD(1, base_channels=(4, 8, 16)), SSDLoss()
    net.initialize(mx.init.Xavier())
    net(X)  # the first call draws the parameters; one operator at a time, it draws them in another order than a graph
    with precision.computing_in(name):
        if hybridized:
            net.hybridize(static_alloc=True, static_shape=True)
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.05, "wd": 5e-4})
        losses = []
        for _ in range(steps):
            with autograd.record():
                anchors, scores, offsets = net(X)
                with autograd.pause():
                    wanted, masks, classes = multibox_target(anchors, Y, scores.transpose((0, 2, 1)))
                ls = loss(scores, classes, offsets, wanted, masks)
            ls.backward()
            trainer.step(len(X))
            losses.append(ls.mean().asscalar())
    parameters = net.collect_params().values()
    gradients = [value.grad() for value in parameters if value.grad_req != "null"]
    return np.array(losses), {array.dtype for array in (*gradients, *(value.data() for value in parameters))}


@pytest.mark.parametrize("operators", ["emulated", ONEDNN], indirect=True)
def test_losses_of_tinyssd_are_those_of_float32_within_a_hundredth(operators):
    plain, (low, types) = ssd_losses("float32", True)[0], ssd_losses("bfloat16", True)
    assert types == {np.float32}
    apart = np.abs(low - plain) / plain
    assert plain[-1] < 0.8 * plain[0], plain
    assert 0 < apart.max() < 0.01, f"largest difference {apart.max():.3g}: {low} beside {plain}"


@pytest.mark.parametrize("operators", ["emulated", ONEDNN], indirect=True)
def test_a_graph_computes_what_the_operators_compute_one_by_one(operators):
    """Only the order in which gradients are added differs; 16 bits make a hundredth of such a rounding, or less."""
    eager, graph = ssd_losses("bfloat16", False, 3)[0], ssd_losses("bfloat16", True, 3)[0]
    apart = np.abs(eager - graph) / graph
    assert apart[0] < 1e-6 and apart.max() < 0.01, f"largest difference {apart.max():.3g}: {eager} beside {graph}"


def trained(folder, name: str, epochs: int, resume: bool = False, loss_factor: float = 1):
    """Train a small network on the same data; returns its parameters and its trainer's scale at the end."""
    seed_everything(3)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.Activation("relu"), nn.Conv2D(4, 3, activation="relu"), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    net.hybridize(static_alloc=True)
    rng = np.random.default_rng(1)
    data = DataLoader(ArrayDataset(nd.array(rng.normal(size=(12, 3, 8, 8))), nd.array(rng.integers(0, 3, 12))), 4,
                      shuffle=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1 / max(1, loss_factor), "momentum": 0.9})
    loss, scales = gloss.SoftmaxCrossEntropyLoss(weight=loss_factor), []
    precision.use(name)
    snapshots = Snapshots(folder, 7, "x", Options(precision=name).identity(), resume)
    training.fit(net, data, loss, trainer, mx.cpu(), epochs, None,
                 lambda epoch: scales.append(loss_scale.state_of(trainer)), snapshots)
    return [value.data().asnumpy() for value in net.collect_params().values()], scales[-1]


@pytest.mark.parametrize("name, operators", [("bfloat16", "emulated"), ("float16", "emulated"),
                                             pytest.param("bfloat16", "onednn", marks=ONEDNN.marks)],
                         indirect=["operators"])
def test_a_resumed_training_has_the_same_bits(name, operators, tmp_path):
    whole, scale = trained(tmp_path / "whole", name, 4)
    trained(tmp_path / "parts", name, 2)
    parts, scale_then = trained(tmp_path / "parts", name, 4, resume=True)
    assert all((one == other).all() for one, other in zip(whole, parts)) and scale == scale_then
    assert bool(scale) == (name == "float16")
    others = trained(tmp_path / "float32", "float32", 4)[0]
    assert any((one != other).any() for one, other in zip(whole, others))


def test_a_step_whose_gradients_overflow_in_float16_is_left_out(operators, tmp_path):
    """Scale times factor is beyond 65,504 until the scale has fallen far enough."""
    _, once = trained(tmp_path / "a", "float16", 1, loss_factor=1e-3)
    after, scale = trained(tmp_path / "b", "float16", 8, loss_factor=1000.0)
    assert once["_next_loss_scale"] == 2 ** 16 and once["_unskipped"] == 3
    assert scale["_next_loss_scale"] < 2 ** 16 and 0 < scale["_unskipped"] < 24
    assert all(np.isfinite(values).all() for values in after)


def test_a_training_does_not_resume_in_another_precision(operators, tmp_path):
    trained(tmp_path, "bfloat16", 1)
    with pytest.raises(InputError, match="precision was 'bfloat16' and is None"):
        trained(tmp_path, "float32", 2, resume=True)
