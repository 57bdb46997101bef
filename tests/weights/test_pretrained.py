"""Weights of torchvision's in Gluon's networks: the same outputs, every array used, and where they are looked for."""
from __future__ import annotations

import shutil

import numpy as np
import pytest
from data_kit import REAL, cut, files_below, needs_real_data
from mxnet import autograd, nd
from mxnet.gluon import model_zoo
from tolerance import assert_close

from d2lzh_cv import finetuning
from d2lzh_cv.commands.convert import add
from d2lzh_cv.data import catalogue, fetch
from d2lzh_cv.data.images import read_picture
from d2lzh_cv.errors import InputError
from d2lzh_cv.run.flags import Parser
from d2lzh_cv.weights import pretrained
from d2lzh_cv.weights.pth import read_pth

torch = pytest.importorskip("torch", reason="PyTorch is the second opinion: make test TORCH=1 installs it")
nn = torch.nn


# torchvision's networks, by its names

class BasicBlock(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out)
        self.downsample = None
        if c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, X):
        Y = self.bn2(self.conv2(self.bn1(self.conv1(X)).relu()))
        return (Y + (self.downsample(X) if self.downsample else X)).relu()


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        for i, (c_in, c_out) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), start=1):
            blocks = BasicBlock(c_in, c_out, 1 if i == 1 else 2), BasicBlock(c_out, c_out, 1)
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
        self.fc = nn.Linear(512, 1000)

    def forward(self, X):
        X = nn.functional.max_pool2d(self.bn1(self.conv1(X)).relu(), 3, 2, 1)
        return self.fc(self.layer4(self.layer3(self.layer2(self.layer1(X)))).mean((2, 3)))


class VGG19(nn.Module):
    def __init__(self):
        super().__init__()
        layers, c_in = [], 3
        for repeats, c_out in ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)):
            for _ in range(repeats):
                layers += [nn.Conv2d(c_in, c_out, 3, 1, 1), nn.ReLU()]
                c_in = c_out
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096),
                                        nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000))

    def forward(self, X):
        return self.classifier(nn.functional.adaptive_avg_pool2d(self.features(X), 7).flatten(1))


class Fire(nn.Module):
    def __init__(self, c_in, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(c_in, squeeze, 1)
        self.expand1x1, self.expand3x3 = nn.Conv2d(squeeze, expand, 1), nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, X):
        X = self.squeeze(X).relu()
        return torch.cat([self.expand1x1(X).relu(), self.expand3x3(X).relu()], 1)


class SqueezeNet(nn.Module):
    def __init__(self):
        super().__init__()
        def pool():
            return nn.MaxPool2d(3, 2, ceil_mode=True)

        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(), Fire(128, 32, 128),
            Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, X):
        return self.classifier(self.features(X)).flatten(1)


def conv_norm(c_in, c_out, size, stride=1, groups=1):
    return nn.Sequential(nn.Conv2d(c_in, c_out, size, stride, size // 2, groups=groups, bias=False),
                         nn.BatchNorm2d(c_out), nn.ReLU6())


class Inverted(nn.Module):
    def __init__(self, c_in, c_out, stride, factor):
        super().__init__()
        width = c_in * factor
        expand = [conv_norm(c_in, width, 1)] if factor > 1 else []
        self.conv = nn.Sequential(*expand, conv_norm(width, width, 3, stride, width),
                                  nn.Conv2d(width, c_out, 1, bias=False), nn.BatchNorm2d(c_out))
        self.shortcut = stride == 1 and c_in == c_out

    def forward(self, X):
        return X + self.conv(X) if self.shortcut else self.conv(X)


class MobileNetV2(nn.Module):
    def __init__(self):
        super().__init__()
        layers, c_in = [conv_norm(3, 32, 3, 2)], 32
        for factor, c_out, repeats, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                               (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
            for i in range(repeats):
                layers.append(Inverted(c_in, c_out, 1 if i else stride, factor))
                c_in = c_out
        self.features = nn.Sequential(*layers, conv_norm(320, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(1280, 1000))

    def forward(self, X):
        return self.classifier(self.features(X).mean((2, 3)))


NETWORKS = {"resnet18_v1": (ResNet18, 11_689_512), "vgg19": (VGG19, 143_667_240),
            "squeezenet1.1": (SqueezeNet, 1_235_496), "mobilenetv2_1.0": (MobileNetV2, 3_504_872)}


def make_twin(name: str, seed: int = 0) -> nn.Module:
    """torchvision's network with random weights, in prediction mode; its counts are those torchvision publishes."""
    make, count = NETWORKS[name]
    torch.manual_seed(seed)
    with torch.no_grad():
        net = make().eval()
        for key, value in net.state_dict().items():
            if value.ndim > 1:
                value.normal_(std=(2 / value[0].numel()) ** 0.5)
            elif key.endswith("num_batches_tracked"):
                value.fill_(7)
            elif key.endswith(("running_var", "bn1.weight", "bn2.weight")):
                value.uniform_(0.5, 1.5)
            else:
                value.normal_(0.3 if key.endswith("weight") else 0, 0.2)
    assert sum(parameter.numel() for parameter in net.parameters()) == count
    return net


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """Return a function that gives a network of torchvision's and the file of its weights, made once."""
    made = {}

    def get(name, zipped=True):
        if name not in made:
            folder, net = tmp_path_factory.mktemp(name), make_twin(name)
            for part, is_zip in (("zip", True), ("row", False)):
                (folder / part).mkdir()
                torch.save(net.state_dict(), folder / part / f"{catalogue.TWINS[name]}-0123abcd.pth",
                           _use_new_zipfile_serialization=is_zip)
            made[name] = net, folder
        net, folder = made[name]
        return net, folder / ("zip" if zipped else "row") / f"{catalogue.TWINS[name]}-0123abcd.pth"
    yield get
    for _, folder in made.values():
        shutil.rmtree(folder)  # more than a gigabyte


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def pictures(edge: int = 224, count: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3, edge, edge)).astype("float32")


def assert_same(found: np.ndarray, expected: np.ndarray, limit: float = 1e-4) -> None:
    assert found.shape == expected.shape and np.ptp(expected) > 0.1
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    assert difference <= limit, f"{difference:.3g} of the largest"


# Conversion

@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_those_of_pytorch(name, twins, cache):
    net, path = twins(name)
    X = pictures(count=1 if name == "vgg19" else 2)
    with torch.no_grad():
        expected = net(torch.tensor(X)).numpy()
    mine = pretrained.pretrained(name, path.parent)
    assert_same(mine(nd.array(X)).asnumpy(), expected)
    kept, = cache.rglob("*.params")
    assert kept.name == f"{name}-torchvision.params"
    if name == "vgg19":
        kept.unlink()  # half a gigabyte


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", NETWORKS)
def test_both_formats_are_read_to_the_last_bit(name, zipped, twins):
    net, path = twins(name, zipped)
    found, expected = read_pth(path), net.state_dict()
    assert list(found) == list(expected)
    for key, array in found.items():
        assert_close(array, expected[key].numpy(), exact=True)


def test_what_mobilenet_lacks_changes_nothing_in_training_either(twins):
    """BatchNorm takes the batch's statistics there: the same, whatever the layer's own are, only if those fit."""
    _, path = twins("mobilenetv2_1.0")
    features = pretrained.pretrained("mobilenetv2_1.0", path.parent).features
    with autograd.train_mode():
        X = features[2](features[1](features[0](nd.array(pictures(64, 8)))))
        expand = features[3].out
        Y = expand[2](expand[1](expand[0](X)))
    assert X.shape[1] == 32 and X.asnumpy().std() > 0.2
    assert (Y - X).square().mean().sqrt().asscalar() < 0.02 * X.asnumpy().std()  # 2.4 times it with 0 and 1


def test_the_same_in_half_and_double_precision(twins, tmp_path):
    net, path = twins("squeezenet1.1")
    for dtype in (torch.float16, torch.float64):
        torch.save({key: value.to(dtype) for key, value in net.state_dict().items()}, tmp_path / "x.pth")
        for key, array in pretrained.convert(tmp_path / "x.pth")[1].items():
            assert array.dtype == "float32", key
        assert_close(pretrained.convert(tmp_path / "x.pth")[1]["output.0.bias"],
                     net.state_dict()["classifier.1.bias"].to(dtype).float().numpy(), exact=True)


# Strictness

def change(twins, tmp_path, edit, name="resnet18_v1", file="weights.pth"):
    """A file of the network's weights after ``edit``."""
    state = dict(twins(name)[0].state_dict())
    edit(state)
    torch.save(state, tmp_path / file)
    return tmp_path / file


FAULTS = {
    "missing": (lambda state: state.pop("layer2.0.downsample.1.running_var"),
                "it lacks layer2.0.downsample.1.running_var$"),
    "unknown": (lambda state: state.update(extra=torch.zeros(1)), "unknown are extra$"),
    "renamed": (lambda state: state.update({"fc2.bias": state.pop("fc.bias")}),
                "it lacks fc.bias; unknown are fc2.bias$"),
    "other classes": (lambda state: state.update({"fc.weight": torch.zeros(10, 512)}),
                      r"fc.weight is float32 \(10, 512\), expected float \(1000, 512\)"),
    "transposed": (lambda state: state.update({"fc.weight": torch.zeros(512, 1000)}), r"fc.weight is .*\(512, 1000\)"),
    "whole numbers": (lambda state: state.update({"bn1.bias": torch.zeros(64).long()}), "bn1.bias is int64"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_array_has_its_place(fault, twins, tmp_path):
    edit, message = FAULTS[fault]
    path = change(twins, tmp_path, edit, file="resnet18-x.pth")
    with pytest.raises(InputError, match=message) as error:
        pretrained.convert(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_counters_of_batches_may_be_left_out(twins, tmp_path):
    """torchvision's files from before PyTorch 0.4.1 have none."""
    def old(state):
        for key in [key for key in state if key.endswith("num_batches_tracked")]:
            del state[key]
    path = change(twins, tmp_path, old)
    assert pretrained.convert(path)[1].keys() == pretrained.convert(twins("resnet18_v1")[1])[1].keys()


def test_the_network_is_told_by_what_the_file_holds(twins, tmp_path):
    for name in ("resnet18_v1", "squeezenet1.1", "mobilenetv2_1.0"):
        assert pretrained.convert(change(twins, tmp_path, lambda state: None, name, "vgg19-x.pth"))[0] == name
    with pytest.raises(InputError, match="any.pth is none of torchvision's resnet18, .*: it has fc.bias"):
        pretrained.convert(change(twins, tmp_path, lambda state: [state.pop(k) for k in list(state) if k != "fc.bias"],
                                  file="any.pth"))


def test_a_name_may_be_given(twins):
    _, path = twins("squeezenet1.1")
    assert pretrained.convert(path, "squeezenet1_1")[0] == pretrained.convert(path, "squeezenet1.1")[0]
    with pytest.raises(InputError, match="does not hold torchvision's resnet18: it lacks bn1.bias, .* and 99 more"):
        pretrained.convert(path, "resnet18_v1")
    with pytest.raises(InputError, match="no twin of resnet18_v2"):
        pretrained.convert(path, "resnet18_v2")


# Where weights are looked for

def test_a_pth_is_converted_once(twins, cache, capsys):
    _, path = twins("squeezenet1.1")
    kept = pretrained.find_params(path.parent, "squeezenet1.1")
    assert capsys.readouterr().out.startswith(f"converting {path.name}, torchvision's squeezenet1_1, for squeezenet1.1")
    made = kept.stat()
    assert pretrained.find_params(path.parent, "squeezenet1.1") == kept and kept.stat() == made
    assert capsys.readouterr().out == "" and kept.is_relative_to(cache)


def test_gluon_s_own_file_comes_first(twins, tmp_path):
    _, path = twins("squeezenet1.1")
    shutil.copy(path, tmp_path)
    (tmp_path / "squeezenet1.1.params").touch()
    assert pretrained.find_params(tmp_path, "squeezenet1.1") == tmp_path / "squeezenet1.1.params"


def test_a_longer_name_is_another_network(tmp_path):
    (tmp_path / "vgg19_bn-0123abcd.pth").touch()
    assert pretrained.find_params(tmp_path, "vgg19") is None


def test_a_damaged_pth_leaves_nothing(twins, tmp_path, cache):
    _, path = twins("squeezenet1.1")
    cut(shutil.copy(path, tmp_path / path.name))
    with pytest.raises(InputError, match=r"squeezenet1_1-0123abcd\.pth is damaged"):
        pretrained.pretrained("squeezenet1.1", tmp_path)
    assert not files_below(cache)


@pytest.mark.parametrize("name, advice", [
    ("resnet18_v1", "put resnet18_v1.params there, or torchvision's resnet18-*.pth, which is converted on first use"),
    ("resnet18_v2", "put resnet18_v2.params there; torchvision has no resnet18_v2, its resnet18 is resnet18_v1"),
    ("alexnet", "put alexnet.params there; torchvision's is not converted")])
def test_what_cannot_be_had_says_what_to_do(name, advice, tmp_path):
    with pytest.raises(InputError) as error:
        pretrained.pretrained(name, tmp_path)
    assert str(error.value) == f"no weights of {name} in {tmp_path}: {advice}"


def test_weights_are_fetched_only_when_asked_for(tmp_path, monkeypatch):
    def put(name):
        (tmp_path / "root").mkdir()
        net = model_zoo.vision.get_model(name)
        net.initialize()
        net(nd.zeros((1, 3, 224, 224)))
        net.save_parameters(str(tmp_path / "root/squeezenet1.1.params"))
        return tmp_path / "root/squeezenet1.1.params"
    monkeypatch.setattr(fetch, "fetch", put)
    with pytest.raises(InputError, match="no weights of squeezenet1.1"):
        pretrained.pretrained("squeezenet1.1", tmp_path)
    net = pretrained.pretrained("squeezenet1.1", tmp_path, download=True)
    assert net(nd.zeros((1, 3, 224, 224))).shape == (1, 1000)


def test_a_network_gluon_does_not_have(tmp_path):
    with pytest.raises(InputError, match="no network resnet19; "):
        pretrained.pretrained("resnet19", tmp_path)


@pytest.mark.parametrize("bias", [True, False])
def test_mobilenet_has_a_bias_where_its_file_has_one(bias, twins, tmp_path):
    _, path = twins("mobilenetv2_1.0")
    arrays = pretrained.convert(path)[1]
    if not bias:
        del arrays["output.0.bias"]
    pretrained.save(arrays, tmp_path / "mobilenetv2_1.0.params")
    stock, X = model_zoo.vision.mobilenet_v2_1_0(), nd.array(pictures(64))
    stock.load_parameters(str(tmp_path / "mobilenetv2_1.0.params"), ignore_extra=True)
    added = pretrained.pretrained("mobilenetv2_1.0", tmp_path)(X) - stock(X)
    assert_close(added, np.tile(arrays["output.0.bias"] if bias else np.zeros(1000, "float32"), (2, 1)))


# The command

def call(*argv) -> int:
    parser = Parser(prog="d2lzh-cv data")
    add(parser.add_subparsers(parser_class=Parser))
    flags = parser.parse_args(["convert", *map(str, argv)])
    return flags.command(flags)


def test_the_command_writes_beside_the_file_and_never_over_another(twins, tmp_path, capsys):
    net, path = twins("squeezenet1.1")
    path = shutil.copy(path, tmp_path / path.name)
    out = tmp_path / "squeezenet1.1.params"
    assert call(path) == 0
    assert capsys.readouterr().out == (f"{out}: squeezenet1.1, 52 arrays, 1,235,496 numbers, from torchvision's "
                                       f"squeezenet1_1 in {path}\n")
    with torch.no_grad():
        expected = net(torch.tensor(pictures())).numpy()
    assert_same(pretrained.load_network(out, "squeezenet1.1")(nd.array(pictures())).asnumpy(), expected)
    with pytest.raises(InputError, match="squeezenet1.1.params exists already; name another file with --out"):
        call(path)
    assert call(path, "--out", out, "--network", "squeezenet1_1") == 0
    with pytest.raises(InputError, match="does not hold torchvision's vgg19"):
        call(path, "--network", "vgg19", "--out", tmp_path / "x.params")
    assert files_below(tmp_path) - files_below(tmp_path / "cache") == {path.name, out.name}


def test_the_command_names_the_networks(capsys):
    for argv, code in ((["--help"], 0), (["x.pth", "--network", "resnet18_v2"], 2)):
        with pytest.raises(SystemExit) as caught:
            call(*argv)
        captured = capsys.readouterr()
        assert caught.value.code == code and "resnet18_v1" in captured.out + captured.err


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained.nd, "save", lambda name, arrays: None)  # MXNet does not say when it could not write
    with pytest.raises(InputError, match=r"cannot write .*x\.params"):
        pretrained.save({"a": np.zeros(10, "float32")}, tmp_path / "x.params")
    assert files_below(tmp_path) == set()


# Features for the sections

def test_the_sections_take_converted_features(twins):
    _, path = twins("resnet18_v1")
    source = finetuning.find_source(path.parent, None, ("resnet18_v2", "resnet18_v1"))
    assert (source.name, source.trained_on) == ("resnet18_v1", "imagenet")
    assert source.note == "source network: resnet18_v1, weights from resnet18_v1-torchvision.params"
    X = nd.array(pictures(64))
    assert finetuning.conv_features(source.net)(X).shape == (2, 512, 2, 2)
    assert finetuning.fine_tuned(source, 2)(X).shape == (2, 2)


# Real pictures

DOGS, CATS, MOUNTAINS = range(151, 269), range(281, 286), (970, 979, 980)  # of ImageNet; alp, valley, volcano


@needs_real_data
@pytest.mark.parametrize("name, box, classes", [
    ("catdog.jpg", (60, 45, 378, 516), DOGS), ("catdog.jpg", (400, 112, 655, 493), CATS),  # the book's boxes
    ("rainier.jpg", (0, 0, 2048, 1365), MOUNTAINS)])
def test_published_weights_know_what_they_see(name, box, classes):
    net, (left, top, right, bottom) = pretrained.pretrained("squeezenet1.1", REAL / "weights"), box
    picture = read_picture(REAL / "img" / name)[top:bottom, left:right]
    probabilities = net(finetuning.test_augs()(picture).expand_dims(0)).softmax()[0].asnumpy()
    assert int(probabilities.argmax()) in classes and probabilities[list(classes)].sum() > 0.65


# The book's own call

def test_the_model_zoo_takes_torchvisions(twins, cache, tmp_path, monkeypatch, capsys):
    net, path = twins("squeezenet1.1")
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    shutil.copy(path, tmp_path / "weights")
    ours = model_zoo.vision.squeezenet1_1(pretrained=True, root=str(tmp_path / "models"))
    assert "converting " in capsys.readouterr().out
    picture = np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype("float32")
    with torch.no_grad():
        assert_close(ours(nd.array(picture)), net(torch.tensor(picture)).numpy())


def test_the_model_zoo_has_no_place_for_a_bias(twins, cache, tmp_path, monkeypatch):
    """Without it the scores would be others, and nobody would see why."""
    _, path = twins("mobilenetv2_1.0")
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    shutil.copy(path, tmp_path / "weights")
    with pytest.raises(InputError, match="are torchvision's, whose output has a bias that this network lacks: put Gl"):
        model_zoo.vision.mobilenet_v2_1_0(pretrained=True, root=str(tmp_path / "models"))
