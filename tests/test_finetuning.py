"""Fine-tuning: which weights move and how far, where they come from, and what a broken file says."""
from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from data_kit import cut, files_below, write_picture
from mxnet import autograd, gluon, nd
from mxnet.gluon import model_zoo
from mxnet.gluon.data import ArrayDataset, DataLoader
from tolerance import assert_close

from d2lzh_cv import finetuning, training
from d2lzh_cv.data import places
from d2lzh_cv.errors import InputError
from d2lzh_cv.fcn import stride_of

SMALL = "mobilenet0.25"
CPU = [mx.cpu()]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a function that writes the weights of a small network to a folder under a name."""
    net = model_zoo.vision.get_model(SMALL)
    net.initialize(mx.init.Xavier())
    net(nd.zeros((1, 3, 32, 32)))

    def write(folder, name, part=None):
        (getattr(net, part) if part else net).save_parameters(str(folder / name))
        return folder / name
    write.net = net
    return write


@pytest.fixture
def source(weights, tmp_path):
    return finetuning.load_source(weights(tmp_path, f"{SMALL}.params"), SMALL)


def values(block) -> list[np.ndarray]:
    return [parameter.data(mx.cpu()).asnumpy() for parameter in block.collect_params().values()]


def not_called():
    raise AssertionError("the weights are there")


# load_source, find_source

def test_weights_are_those_of_the_file(weights, tmp_path):
    whole = finetuning.load_source(weights(tmp_path, f"{SMALL}.params"), SMALL)
    X = nd.random.uniform(shape=(2, 3, 32, 32))
    assert_close(whole.net(X), weights.net(X), exact=True)
    part = finetuning.load_source(weights(tmp_path, f"{SMALL}-features.params", "features"), SMALL)
    assert_close(part.net.features(X), weights.net.features(X), exact=True)
    assert part.note == f"source network: {SMALL}, weights from {SMALL}-features.params"
    assert (part.name, part.trained_on) == (SMALL, "imagenet")


def test_the_first_name_whose_weights_are_there_is_taken(weights, tmp_path):
    names = ("resnet18_v2", SMALL)
    own = finetuning.SourceNetwork("own", None, "made here", "synthetic")
    assert finetuning.find_source(tmp_path, lambda: own, names) is own
    weights(tmp_path, f"{SMALL}-0123abcd.params")
    weights(tmp_path, "mobilenet0.5.params")
    assert finetuning.find_source(tmp_path, not_called, names).name == SMALL
    weights(tmp_path, f"{SMALL}.params")
    assert finetuning.find_source(tmp_path, not_called, names).note.endswith(f" {SMALL}.params")
    weights(tmp_path, "resnet18_v2-features.params")
    with pytest.raises(InputError, match=r"resnet18_v2-features\.params does not hold the weights of resnet18_v2"):
        finetuning.find_source(tmp_path, not_called, names)


def test_a_folder_that_is_not_there_holds_no_weights(tmp_path):
    assert places.weights_file(tmp_path / "gone", SMALL) is None


def test_a_longer_name_is_another_network(tmp_path):
    (tmp_path / "vgg11_bn.params").touch()
    assert places.weights_file(tmp_path, "vgg11") is None
    assert places.weights_file(tmp_path, "vgg11_bn") == tmp_path / "vgg11_bn.params"


BREAK = {"empty": lambda content: b"", "a web page": lambda content: b"<html>log in first</html>",
         "cut off": lambda content: content[:len(content) // 2], "one byte short": lambda content: content[:-1]}


@pytest.mark.parametrize("how", BREAK)
def test_a_broken_weights_file_is_named_in_one_line(weights, tmp_path, how):
    path = weights(tmp_path, f"{SMALL}.params")
    path.write_bytes(BREAK[how](path.read_bytes()))
    with pytest.raises(InputError) as error:
        finetuning.load_source(path, SMALL)
    text = str(error.value)
    assert text.startswith(f"{path} does not hold the weights of {SMALL}: ") and "\n" not in text


def test_the_reason_is_told_and_not_the_word_traceback(weights, tmp_path):
    with pytest.raises(InputError) as error:
        finetuning.load_source(cut(weights(tmp_path, f"{SMALL}.params")), SMALL)
    assert "Traceback" not in str(error.value) and "Invalid NDArray file format" in str(error.value)


def test_weights_of_another_network_are_refused(weights, tmp_path):
    path = weights(tmp_path, "mobilenet0.5.params")
    with pytest.raises(InputError, match=r"mobilenet0\.5\.params does not hold the weights of mobilenet0\.5: .*shape"):
        finetuning.load_source(path, "mobilenet0.5")


# fine_tuned, from_scratch

def test_features_are_shared_and_the_output_is_new(source):
    net = finetuning.fine_tuned(source, num_classes=3)
    assert net.features is source.net.features
    assert net(nd.zeros((2, 3, 32, 32))).shape == (2, 3)
    assert source.net(nd.zeros((2, 3, 32, 32))).shape == (2, 1000)
    features, output = (block.collect_params().values() for block in (net.features, net.output))
    assert {parameter.lr_mult for parameter in features} == {1.0}
    assert {parameter.lr_mult for parameter in output} == {10}


def step(net, lr: float = 0.25, wd: float = 0.0):
    """One step of SGD on two pictures; returns each parameter's {name: (gradient, before, after)}."""
    X, y = nd.array(np.random.default_rng(0).normal(size=(2, 3, 32, 32))), nd.array([0, 1])
    net(X)  # shapes are known after the first pass
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr, "wd": wd})
    parameters = {name: p for name, p in net.collect_params().items() if p.grad_req != "null"}
    before = {name: p.data().asnumpy() for name, p in parameters.items()}
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(X), y)
    loss.backward()
    trainer.step(2)
    return {name: (p.grad().asnumpy() / 2, before[name], p.data().asnumpy()) for name, p in parameters.items()}


@pytest.mark.parametrize("lr_mult", [1, 10])
def test_the_output_moves_as_many_times_as_far(source, lr_mult):
    net = finetuning.fine_tuned(source, 2, lr_mult)
    outputs = set(net.output.collect_params())
    moved = 0
    for name, (gradient, before, after) in step(net).items():
        assert_close(before - after, 0.25 * (lr_mult if name in outputs else 1) * gradient)
        moved += name in outputs and np.abs(gradient).max() > 1e-3
    assert moved == 2  # weight and bias


def test_from_scratch_is_the_same_network_with_other_weights(source):
    net = finetuning.from_scratch(SMALL, 2)
    assert net(nd.zeros((2, 3, 32, 32))).shape == (2, 2)
    ours, theirs = values(net.features), values(source.net.features)
    assert [value.shape for value in ours] == [value.shape for value in theirs]
    assert np.abs(ours[0] - theirs[0]).max() > 0.01
    assert {parameter.lr_mult for parameter in net.collect_params().values()} == {1.0}


# conv_features, FrozenFeatures

@pytest.mark.parametrize("name, channels", [("resnet18_v2", 512), (SMALL, 256)])
def test_convolutions_end_before_the_pooling(name, channels):
    net = model_zoo.vision.get_model(name)
    net.initialize()
    maps = finetuning.conv_features(net)
    X = nd.random.uniform(shape=(1, 3, 64, 96))
    assert maps(X).shape == (1, channels, 2, 3)
    assert_close(maps(X).mean(axis=(2, 3)), net.features(X).reshape((1, -1)))


def test_frozen_features_stay_as_they_are_and_the_output_learns(source):
    net = finetuning.FrozenFeatures(source.net.features, num_classes=2, num_hidden=4)
    X, y = nd.random.uniform(shape=(4, 3, 32, 32)), nd.array([0, 1, 0, 1])
    assert net(X).shape == (4, 2)
    before, output_before = values(net.features), values(net.output_new)
    trainer = gluon.Trainer(net.output_new.collect_params(), "sgd", {"learning_rate": 1})
    with autograd.record():
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(net(X), y)
    loss.backward()
    trainer.step(4)
    for value, old in zip(values(net.features), before):  # BatchNorm's statistics too
        assert_close(value, old, exact=True)
    assert any((value != old).any() for value, old in zip(values(net.output_new), output_before))
    assert not any(p.grad().asnumpy().any() for p in net.features.collect_params().values() if p.grad_req != "null")


def test_frozen_features_are_those_of_prediction(source):
    net = finetuning.FrozenFeatures(source.net.features, num_classes=2)
    X = nd.random.uniform(shape=(4, 3, 32, 32))
    predicted = net(X)
    with autograd.record():
        recorded = net(X)
    assert_close(recorded, predicted)


def test_the_small_output_is_trained_and_nothing_else(source, capsys):
    net = finetuning.FrozenFeatures(source.net.features, num_classes=2, num_hidden=4)
    X, y = nd.random.uniform(shape=(6, 3, 32, 32)), np.array([0, 1, 1, 1, 0, 1], "int32")
    pictures = DataLoader(ArrayDataset(X, y), 4)
    before = values(net.features)
    epochs = finetuning.train_output(net, pictures, pictures, 3, 0.05, 0, mx.cpu(), 1, 0.5)
    for value, old in zip(values(net.features), before):
        assert_close(value, old, exact=True)
    assert epochs[-1].train_loss < epochs[0].train_loss
    log_probs = net(X).log_softmax().asnumpy()
    assert epochs[-1].valid_loss == pytest.approx(-log_probs[np.arange(6), y].mean(), rel=1e-5)
    assert [line.rsplit(", lr ")[1] for line in capsys.readouterr().out.splitlines()] == ["0.05", "0.025", "0.0125"]
    (last,) = finetuning.train_output(net, pictures, None, 1, 0.05, 0, mx.cpu(), 1, 0.5)
    assert last.valid_loss is None and "valid" not in str(last)


@pytest.mark.parametrize("name, trained_on, rates", [("resnet18_v2", "imagenet", (0.01, 0.1, 0.01)),
                                                     ("resnet18_v1", "imagenet", (0.002, 0.03, 0.01)),
                                                     ("mobilenetv2_1.0", "imagenet", (0.0003, 0.1, 0.01)),
                                                     ("squeezenet1.1", "imagenet", (0.005, 0.1, 0.003)),
                                                     ("resnet18_v2", "synthetic", (0.003, 0.1, 0.01))])
def test_the_rates_suit_the_source_network(name, trained_on, rates):
    factors = finetuning.SourceNetwork(name, None, "", trained_on).rate_factors
    assert (0.01 * factors.fine_tuning, 0.1 * factors.fcn, 0.01 * factors.output) == pytest.approx(rates)


@pytest.mark.parametrize("name, trained_at, asked, side", [("resnet18_v2", 64, 112, 64), ("resnet18_v2", 224, 112, 112),
                                                           ("squeezenet1.1", 224, 112, 224)])
def test_pictures_are_as_large_as_the_source_network_takes(name, trained_at, asked, side):
    source = finetuning.SourceNetwork(name, None, "", "imagenet", trained_at)
    assert source.edge_size_for(asked) == side
    net = finetuning.from_scratch(name, 2)
    assert net(nd.zeros((1, 3, side, side))).shape == (1, 2) and source.name_from_scratch == "resnet18_v2"


@pytest.mark.parametrize("name", ["resnet18_v2", "squeezenet1.1", "vgg11"])
def test_every_network_has_a_vector_of_features(name):
    """The mean of each channel before the network's own output."""
    net = model_zoo.vision.get_model(name)
    net.initialize()
    vectors = finetuning.pooled_features(net)
    X = nd.random.uniform(shape=(2, 3, 64, 64))
    found = vectors(X)
    for layer in list(vectors)[:-2]:
        X = layer(X)
    assert found.shape == (2, 512) and X.shape[2] > 1
    assert_close(found, X.mean(axis=(2, 3)))


@pytest.mark.parametrize("name, stride", [("squeezenet1.1", 16), ("vgg11", 32)])
def test_features_that_no_batchnorm_keeps_in_scale_get_one(name, stride):
    net = model_zoo.vision.get_model(name)
    net.initialize(mx.init.Xavier(magnitude=50))
    features, X = finetuning.conv_features(net), nd.random.uniform(shape=(2, 3, 128, 160))
    with autograd.record():
        scale = features(X).square().mean().asscalar() ** 0.5
    assert 0.5 < scale < 1.5 and stride_of(features)[0] == stride
    assert not any(isinstance(layer, gluon.nn.BatchNorm) for layer in finetuning.pooled_features(net))


# training, and the network that is trained where no weights are to be had

@pytest.mark.parametrize("edge_size", [32, 224])
def test_pictures_of_any_size_come_as_normalised_squares(edge_size):
    picture = nd.full((100, 150, 3), 255, dtype="uint8")
    white = (1 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    expected = np.tile(white.astype("float32").reshape((3, 1, 1)), (1, edge_size, edge_size))
    for augs in (finetuning.train_augs(edge_size), finetuning.test_augs(edge_size)):
        assert_close(augs(picture), expected)


def test_the_test_picture_is_the_centre_of_the_shorter_side():
    """256×512 for 224: rows 16 to 240 and columns 144 to 368."""
    ramp = np.zeros((256, 512, 3), np.uint8)
    ramp[:, :, 0], ramp[:, :, 1] = np.arange(512) // 2, np.arange(256)[:, None]
    shown = finetuning.test_augs(224)(nd.array(ramp, dtype="uint8")).asnumpy()
    red, green = shown[0] * 0.229 + 0.485, shown[1] * 0.224 + 0.456
    assert_close(red[0], ((np.arange(512) // 2)[144:368] / 255).astype("float32"))
    assert_close(green[:, 0], (np.arange(256)[16:240] / 255).astype("float32"))


def colours(pictures: int) -> ArrayDataset:
    labels = np.arange(pictures, dtype="int32") % 2
    noise = np.random.default_rng(0).integers(0, 80, (pictures, 40, 40, 3), dtype=np.uint8)
    noise[labels == 1, :, :, 2] += 150
    return ArrayDataset(nd.array(noise, dtype="uint8"), labels)


def test_training_learns_and_prints_the_books_lines(capsys):
    training.seed_everything(0)
    net = finetuning.from_scratch("resnet18_v2", 2)
    epochs = finetuning.train_fine_tuning(net, colours(24), colours(8), 0.02, CPU, batch_size=8, num_epochs=3,
                                          edge_size=32)
    assert epochs[-1].loss < epochs[0].loss / 4 and epochs[-1].train_acc > 0.9 and epochs[-1].test_acc > 0.9
    assert capsys.readouterr().out.splitlines() == ["training on [cpu(0)]", *(str(epoch) for epoch in epochs)]


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """An image folder of two classes, and an empty cache."""
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    for name in ("a/1", "a/2", "b/1", "b/2"):
        write_picture(tmp_path / "pictures" / "train" / f"{name}.png", 40, 40)
    return tmp_path / "pictures"


def test_the_offline_source_is_trained_once(pictures, tmp_path, capsys):
    first = finetuning.offline_source(pictures, CPU, edge_size=32, num_epochs=1)
    assert capsys.readouterr().out.startswith("pretraining resnet18_v2 on 4 pictures of 2 classes (kept for next time)"
                                              "\ntraining on [cpu(0)]\nepoch 1, loss ")
    files = files_below(tmp_path / "cache")
    assert len(files) == 1 and next(iter(files)).endswith("/resnet18_v2.params")
    again = finetuning.offline_source(pictures, CPU, edge_size=32, num_epochs=1)
    assert capsys.readouterr().out == ""
    for value, old in zip(values(again.net), values(first.net)):
        assert_close(value, old, exact=True)
    assert (again.trained_on, again.edge_size) == ("synthetic", 32) and again.net.output.weight.shape == (2, 512)


def test_a_training_that_is_interrupted_leaves_no_weights(pictures, tmp_path):
    write_picture(pictures / "train" / "b" / "3.png")
    cut(pictures / "train" / "b" / "3.png")
    with pytest.raises(InputError, match=r"b/3\.png is not a whole picture"):
        finetuning.offline_source(pictures, CPU, edge_size=32, num_epochs=1)
    assert files_below(tmp_path / "cache") == set()


def test_kept_weights_that_are_damaged_are_named(pictures, tmp_path):
    finetuning.offline_source(pictures, CPU, edge_size=32, num_epochs=1)
    cut(next((tmp_path / "cache").rglob("*.params")))
    with pytest.raises(InputError, match=r"resnet18_v2\.params"):
        finetuning.offline_source(pictures, CPU, edge_size=32, num_epochs=1)


def test_two_sets_of_one_name_are_kept_apart(pictures, tmp_path):
    finetuning.offline_source(pictures, CPU, edge_size=32, num_epochs=1)
    for name in ("a/1", "b/1", "c/1"):
        write_picture(tmp_path / "other" / "pictures" / "train" / f"{name}.png", 40, 40)
    other = finetuning.offline_source(tmp_path / "other" / "pictures", CPU, edge_size=32, num_epochs=1)
    assert other.net.output.weight.shape == (3, 512)
