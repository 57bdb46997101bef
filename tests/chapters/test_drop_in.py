"""`import d2lzh_cv as d2l` stands where chapter 9 imports the book's package: names, calls, prints, attributes.

The cells of the chapter, run as they are, follow in test_drop_in_cells.py.
"""
from __future__ import annotations

import inspect
import re
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from data_kit import write_pikachu, write_voc
from mxnet import gluon, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn
from tolerance import assert_close

import d2lzh_cv as d2l
from d2lzh_cv.data.pikachu import pack_detection

SIGNATURES = {
    "bbox_to_rect": "(bbox, color)",
    "show_bboxes": "(axes, bboxes, labels=None, colors=None)",
    "show_images": "(imgs, num_rows, num_cols, scale=2)",
    "set_figsize": "(figsize=(3.5, 2.5))",
    "use_svg_display": "()",
    "try_gpu": "()",
    "try_all_gpus": "()",
    "train": "(train_iter, test_iter, net, loss, trainer, ctx, num_epochs)",
    "resnet18": "(num_classes)",
    "Residual": "(num_channels, use_1x1conv=False, strides=1, **kwargs)",
    "corr2d": "(X, K)",
    "download_voc_pascal": "(data_dir='../data')",
    "read_voc_images": "(root='../data/VOCdevkit/VOC2012', is_train=True)",
    "voc_label_indices": "(colormap, colormap2label)",
    "voc_rand_crop": "(feature, label, height, width)",
    "VOCSegDataset": "(is_train, crop_size, voc_dir, colormap2label)",
    "load_data_pikachu": "(batch_size, edge_size=256)",
    "mkdir_if_not_exist": "(path)",
    "Benchmark": "(prefix=None)",
}


def without_types(function) -> str:
    signature = inspect.signature(function)
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_books_signature(name):
    assert without_types(getattr(d2l, name)) == SIGNATURES[name]


def test_evaluate_accuracy_takes_the_cpu_when_not_told():
    """The book's default is a list; a list as default is shared between calls, so ours is not one."""
    assert list(inspect.signature(d2l.evaluate_accuracy).parameters) == ["data_iter", "net", "ctx"]
    batches = [(nd.array([[0.9, 0.1], [0.2, 0.8]]), nd.array([0, 0]))]
    values = [d2l.evaluate_accuracy(batches, lambda X: X, *ctx)
              for ctx in ([], [mx.cpu()], [[mx.cpu()]], [[mx.cpu(0), mx.cpu(1)]])]
    assert values == [0.5] * 4


def test_every_name_is_there():
    names = [*SIGNATURES, "evaluate_accuracy", "plt", "VOC_COLORMAP", "VOC_CLASSES"]
    assert set(names) <= set(dir(d2l)) and set(names) <= set(d2l.__all__)
    for name in d2l.__all__:
        assert getattr(d2l, name) is not None
    with pytest.raises(AttributeError, match="'d2lzh_cv' has no attribute 'semilogy'"):
        d2l.semilogy  # noqa: B018


def test_plt_is_matplotlibs():
    from matplotlib import pyplot
    assert d2l.plt is pyplot


# training

EPOCH_LINE = r"epoch 1, loss (\d+\.\d{4}), train acc (\d\.\d{3}), test acc (\d\.\d{3}), time \d+\.\d sec\n"


def train_without_learning(batches, loss, ctx, channels, capsys) -> tuple[str, ...]:
    """Run d2l.train with learning rate 0; returns what it printed before the epoch's line, and the line's figures."""
    net = nn.Conv2D(channels, kernel_size=1, use_bias=False)
    net.initialize(mx.init.Constant(nd.array(np.arange(channels).reshape((channels, 1, 1, 1)))), ctx=ctx)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0})
    assert d2l.train(batches, batches[:1], net, loss, trainer, ctx, num_epochs=1) is None
    head, line = capsys.readouterr().out.split("\n", 1)
    return (head, *re.fullmatch(EPOCH_LINE, line).groups())


@pytest.mark.parametrize("ctx, shown", [(mx.cpu(), "cpu(0)"), ([mx.cpu()], "[cpu(0)]"),
                                        ([mx.cpu(0), mx.cpu(1)], "[cpu(0), cpu(1)]")])
def test_train_prints_the_books_lines(ctx, shown, capsys):
    """Pixel classes as in section 9.10: the loss is a mean over pictures, the accuracy one over pixels."""
    rng = np.random.default_rng(0)
    arrays = [(rng.normal(size=(n, 1, 4, 5)).astype("float32"), rng.integers(0, 3, (n, 4, 5))) for n in (4, 2)]
    losses, hits = [], []
    for X, y in arrays:
        scores = X * np.arange(3).reshape((1, 3, 1, 1))
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        losses += [-np.mean([log[y[i, j], i, j] for i in range(4) for j in range(5)]) for log, y in zip(logs, y)]
        hits.append(scores.argmax(axis=1) == y)
    expected = (f"training on {shown}", f"{np.mean(losses):.4f}", f"{np.concatenate(hits).mean():.3f}",
                f"{hits[0].mean():.3f}")
    batches = [(nd.array(X), nd.array(y)) for X, y in arrays]
    assert train_without_learning(batches, gloss.SoftmaxCrossEntropyLoss(axis=1), ctx, 3, capsys) == expected


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float32"])
def test_train_hands_labels_to_the_loss_in_the_pictures_dtype(dtype, capsys):
    """So the book's does, and many losses of readers need it."""
    seen = set()

    def loss(scores, labels):
        seen.add(labels.dtype)
        return (scores.reshape((0, -1)).mean(axis=1) - labels.astype("float32")).square()

    train_without_learning([(nd.ones((2, 1, 1, 1)), nd.array([1, 0], dtype=dtype))], loss, mx.cpu(), 1, capsys)
    assert seen == {np.float32}


@pytest.mark.parametrize("prefix, shown", [(None, "time: "), ("", "time: "), ("one.", "one. time: ")])
def test_benchmark_prints_seconds(prefix, shown, capsys):
    with d2l.Benchmark(prefix) as nothing:
        pass
    assert nothing is None
    assert re.fullmatch(re.escape(shown) + r"\d+\.\d{4} sec\n", capsys.readouterr().out)


def test_benchmark_measures_the_block(monkeypatch, capsys):
    from d2lzh_cv import training
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(training.time, "time", lambda: next(clock))
    with pytest.raises(KeyError), d2l.Benchmark(prefix="failed"):
        raise KeyError
    assert capsys.readouterr().out == "failed time: 2.5000 sec\n"


def test_folders_are_made_from_their_parts(tmp_path):
    for _ in range(2):
        d2l.mkdir_if_not_exist([str(tmp_path), "train", "cat"])
    assert (tmp_path / "train" / "cat").is_dir()


# networks

def test_corr2d_is_the_books_example():
    X, K = nd.arange(9).reshape((3, 3)), nd.arange(4).reshape((2, 2))
    assert_close(d2l.corr2d(X, K), np.array([[19, 25], [37, 43]], "float32"), exact=True)
    assert_close(d2l.corr2d(X, nd.array([[1, -1]])), np.full((3, 2), -1, "float32"), exact=True)


def test_residual_keeps_or_halves():
    for block, shape in ((d2l.Residual(3), (4, 3, 6, 6)), (d2l.Residual(6, use_1x1conv=True, strides=2), (4, 6, 3, 3)),
                         (d2l.Residual(2, True, 3, prefix="mine_"), (4, 2, 2, 2))):
        block.initialize()
        assert block(nd.random.uniform(shape=(4, 3, 6, 6))).shape == shape
    assert block.prefix == "mine_"


def test_residual_adds_its_input():
    block = d2l.Residual(2)
    block.initialize(mx.init.Zero())
    X = nd.array(np.random.default_rng(0).normal(size=(2, 2, 3, 3)))
    assert_close(block(X), np.maximum(X.asnumpy(), 0))


def book_parameters() -> set[str]:
    """The names under which the book's ResNet-18 saves its parameters, shown as layer: what it holds."""
    norm, names = ("gamma", "beta", "running_mean", "running_var"), {"0.weight", "0.bias", "8.weight", "8.bias"}
    names |= {f"1.{part}" for part in norm}
    for stage in (3, 4, 5, 6):
        for i in (0, 1):
            convs = ("conv1", "conv2", "conv3") if stage > 3 and i == 0 else ("conv1", "conv2")
            names |= {f"{stage}.{i}.{conv}.{part}" for conv in convs for part in ("weight", "bias")}
            names |= {f"{stage}.{i}.{bn}.{part}" for bn in ("bn1", "bn2") for part in norm}
    return names


def test_resnet18_loads_what_a_reader_has_saved(tmp_path):
    net = d2l.resnet18(10)
    net.initialize()
    assert net(nd.zeros((2, 1, 16, 16))).shape == (2, 10)
    net.save_parameters(str(tmp_path / "a.params"))
    saved = nd.load(str(tmp_path / "a.params"))
    assert set(saved) == book_parameters()
    assert [saved[f"{i}.0.conv1.weight"].shape[0] for i in (3, 4, 5, 6)] == [64, 128, 256, 512]
    assert saved["8.weight"].shape == (10, 512)


# data

def test_the_detection_set_comes_in_the_books_iterators(tmp_path, monkeypatch):
    (tmp_path / "chapter").mkdir()
    monkeypatch.chdir(tmp_path / "chapter")
    pack_detection(write_pikachu(tmp_path / "source", train=5, val=3), tmp_path / "data" / "pikachu")
    train_iter, val_iter = d2l.load_data_pikachu(2, edge_size=32)
    assert all(isinstance(it, mx.image.ImageDetIter) for it in (train_iter, val_iter))
    train_iter.reshape(label_shape=(3, 5))  # the book's line for GPUs
    for _ in range(2):
        train_iter.reset()
        batch = train_iter.next()
        assert (batch.data[0].shape, batch.label[0].shape) == ((2, 3, 32, 32), (2, 3, 5))
        assert (batch.label[0][:, :, 0].asnumpy() == [[0, -1, -1]] * 2).all()
    assert d2l.load_data_pikachu(batch_size=1)[1].next().data[0].shape == (1, 3, 256, 256)


@pytest.fixture
def voc_dir(tmp_path, monkeypatch):
    (tmp_path / "chapter").mkdir()
    monkeypatch.chdir(tmp_path / "chapter")
    write_voc(tmp_path / "data" / "VOCdevkit" / "VOC2012")  # 40×60, 30×30, 50×70
    return "../data/VOCdevkit/VOC2012"


def test_voc_is_read_from_where_the_book_keeps_it(voc_dir):
    assert d2l.download_voc_pascal() == d2l.download_voc_pascal(data_dir="../data") == voc_dir
    assert Path(d2l.download_voc_pascal(), "JPEGImages").is_dir()
    for features, labels in (d2l.read_voc_images(), d2l.read_voc_images(root=voc_dir, is_train=False)):
        assert type(features) is type(labels) is list
        assert all(isinstance(image, nd.NDArray) and image.dtype == np.uint8 for image in features + labels)


def test_voc_colours_serve_as_a_table():
    assert type(d2l.VOC_COLORMAP) is list and type(d2l.VOC_COLORMAP[0]) is list
    colours = nd.array(d2l.VOC_COLORMAP, ctx=mx.cpu(), dtype="uint8")
    assert colours[nd.array([[0, 20]]).astype("int32"), :].asnumpy().tolist() == [[[0, 0, 0], [0, 64, 128]]]


def test_the_segmentation_set_has_the_books_attributes(voc_dir, capsys):
    colormap2label = nd.zeros(256 ** 3)
    dataset = d2l.VOCSegDataset(is_train=True, crop_size=(32, 48), voc_dir=voc_dir, colormap2label=colormap2label)
    assert capsys.readouterr().out == "read 2 examples\n"
    assert isinstance(dataset, gluon.data.Dataset) and len(dataset) == 2
    assert dataset.crop_size == (32, 48) and dataset.colormap2label is colormap2label
    assert_close(dataset.rgb_mean, np.array([0.485, 0.456, 0.406], "float32"))
    assert_close(dataset.rgb_std, np.array([0.229, 0.224, 0.225], "float32"))
    white = dataset.normalize_image(nd.full((2, 2, 3), 255, dtype="uint8"))
    assert_close(white[0, 0], np.array([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225], "float32"))
    images = [nd.zeros(shape) for shape in ((32, 48, 3), (31, 48, 3), (32, 47, 3), (48, 32, 3), (99, 99, 3))]
    assert [image.shape for image in dataset.filter(images)] == [(32, 48, 3), (99, 99, 3)]
    for pictures in (dataset.data, dataset.features):  # the package's name and the text's
        assert [picture.shape for picture in pictures] == [(40, 60, 3), (50, 70, 3)]
        assert pictures[0].dtype == np.float32
    assert [label.shape for label in dataset.labels] == [(40, 60, 3), (50, 70, 3)]


@pytest.mark.parametrize("name", ["data", "features"])
def test_a_reader_may_shorten_the_segmentation_set(voc_dir, name):
    """Its pictures and labels are plain attributes in the book's class."""
    dataset = d2l.VOCSegDataset(True, (32, 48), voc_dir, nd.zeros(256 ** 3))
    setattr(dataset, name, getattr(dataset, name)[1:])
    dataset.labels = dataset.labels[1:]
    assert len(dataset) == 1 and len(dataset.data) == 1
    assert dataset[0][0].shape == (3, 32, 48) and dataset[0][1].shape == (32, 48)
