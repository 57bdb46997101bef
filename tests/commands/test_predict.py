"""predict: from a packed set over a short training to boxes on a picture; masks and classes on pictures of any size."""
from __future__ import annotations

import json
import random
import re

import mxnet as mx
import numpy as np
import own_kit as kit
import pytest
from checkpoint_kit import a_classifier, constant_fcn
from command_kit import predict_command as run
from data_kit import cut, files_below, opened, write_picture
from mxnet import autograd, gluon, init, nd
from oracles import plain_iou
from PIL import Image
from tolerance import assert_close

from d2lzh_cv import ssd
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.pikachu import load_pikachu
from d2lzh_cv.errors import InputError
from d2lzh_cv.models import predictor
from d2lzh_cv.models.checkpoint import load_model, save_model
from d2lzh_cv.models.predictor import fold


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A short training on a set packed from VOC XML: the folder with src/ and model/."""
    root = tmp_path_factory.mktemp("detector")
    kit.write_voc(root / "src", count=32, side=96)
    pack(root / "src", root / "packed")
    mx.random.seed(0)
    random.seed(0)
    train_iter, _ = load_pikachu(root / "packed", batch_size=8, edge_size=64)
    net = ssd.TinySSD(len(kit.SHAPES))
    net.initialize(init.Xavier())
    net.hybridize(static_alloc=True, static_shape=True)
    ssd.train_ssd(net, train_iter, gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.003}), mx.cpu(), 25)
    save_model(root / "model", net, network="TinySSD", classes=kit.SHAPES, edge_size=64)
    return root


# Detection

def test_what_was_trained_on_a_packed_set_is_found(detector, tmp_path, capsys):
    pictures = [detector / "src" / "JPEGImages" / f"p{i}.jpg" for i in range(6)]
    assert run("detect", detector / "model", *pictures, "--out", tmp_path, "--threshold", "0.2", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    right = 0
    for i, row in enumerate(rows):
        assert row["picture"] == str(pictures[i]) and row["size"] == [96, 96]
        _, (shape,) = kit.draw(kit.SHAPES[i % 3], 96, seed=i)
        best = row["found"][0] if row["found"] else {"class": None, "box": [0, 0, 1, 1]}
        right += best["class"] == shape.name and plain_iou(best["box"], shape.box) > 0.5
    assert right >= 5, rows


def test_folded_the_network_says_the_same_and_can_be_trained_again(detector):
    """With statistics and scales far from where BatchNorm does nothing; folding knows of later changes."""
    net, _ = load_model(detector / "model", mx.cpu())
    net.collect_params().setattr("grad_req", "write")
    net.hybridize()
    X = nd.array(np.random.default_rng(0).uniform(0, 255, (1, 3, 64, 64)))
    plain = [part.asnumpy() for part in net(X)]
    fold(net, X)
    for part, expected in zip(net(X), plain):
        assert_close(part, expected)
    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.01})
    with autograd.record():
        loss = net(X)[1].square().mean()
    loss.backward()
    trainer.step(1)
    trained = [part.asnumpy() for part in net(X)]
    assert np.abs(trained[1] - plain[1]).max() > 1e-3
    fold(net, X)
    for part, expected in zip(net(X), trained):
        assert_close(part, expected)


def test_boxes_are_in_the_pictures_own_pixels_and_drawn_there(detector, tmp_path, capsys):
    """The same picture five times as wide: five times the x of the boxes, as the network sees the same."""
    original = opened(detector / "src" / "JPEGImages" / "p2.jpg")
    original.save(tmp_path / "a.png")
    original.resize((480, 96), Image.NEAREST).save(tmp_path / "b.png")
    run("detect", detector / "model", tmp_path / "a.png", tmp_path / "b.png", "--out", tmp_path / "out", "--json")
    small, wide = json.loads(capsys.readouterr().out)
    assert small["found"] and wide["size"] == [480, 96]
    np.testing.assert_allclose(wide["found"][0]["box"], np.array(small["found"][0]["box"]) * [5, 1, 5, 1], atol=6)
    drawn, given = (np.asarray(opened(path).convert("RGB")).astype(int)
                    for path in (small["drawn"], tmp_path / "a.png"))
    changed = np.abs(drawn - given).sum(axis=2) > 0
    xmin, ymin, xmax, ymax = small["found"][0]["box"]
    assert changed[ymax - 1, xmin:xmax].all() and changed[ymin:ymax, xmax - 1].all()
    assert not changed[(ymin + ymax) // 2, (xmin + xmax) // 2]


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (700, 40), (1300, 900)])
def test_any_size_and_kind_of_picture_will_do(detector, tmp_path, capsys, size):
    for mode, name in (("RGB", "a.jpg"), ("L", "b.jpg"), ("RGBA", "c.png"), ("CMYK", "d.jpg")):
        Image.new(mode, size).save(tmp_path / name)
    assert run("detect", detector / "model", tmp_path, "--out", tmp_path / "out", "--threshold", "0") == 0
    assert {opened(path).size for path in (tmp_path / "out").iterdir()} == {size}
    assert len(files_below(tmp_path / "out")) == 4


def test_the_line_of_a_picture_says_what_was_found_and_where_it_is_drawn(detector, tmp_path, capsys):
    picture = detector / "src" / "JPEGImages" / "p2.jpg"
    run("detect", detector / "model", picture, "--out", tmp_path)
    line = capsys.readouterr().out
    assert re.match(rf"{picture}: triangle [01]\.\d\d at \((\d+, ){{3}}\d+\)", line)
    assert line.endswith(f" -> {tmp_path / 'p2_detect.png'}\n")
    run("detect", detector / "model", picture, "--out", tmp_path, "--threshold", "1")
    assert "p2.jpg: nothing that scores 1 or more ->" in capsys.readouterr().out


def test_pictures_of_one_name_get_a_file_each_and_none_is_overwritten(detector, tmp_path):
    for folder in ("a", "b"):
        write_picture(tmp_path / folder / "x.jpg")
    mine = write_picture(tmp_path / "out" / "x_detect.png")
    before = mine.read_bytes()
    run("detect", detector / "model", tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg", mine, "--out",
        tmp_path / "out")
    assert mine.read_bytes() == before
    assert files_below(tmp_path / "out") == {"x_detect.png", "x_detect_2.png", "x_detect_3.png",
                                             "x_detect_detect.png"}


def test_a_broken_picture_is_named_and_the_others_are_done(detector, tmp_path, capsys):
    broken = cut(write_picture(tmp_path / "broken.jpg"))
    whole = write_picture(tmp_path / "whole.jpg")
    assert run("detect", detector / "model", broken, tmp_path / "gone.jpg", whole, "--out", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert "broken.jpg is not a whole picture" in said.err and "gone.jpg: No such file" in said.err
    assert said.out.startswith(f"{whole}: ") and files_below(tmp_path / "out") == {"whole_detect.png"}


# Segmentation

@pytest.mark.parametrize("size", [(1, 1), (50, 33), (64, 32), (1500, 700)])
def test_every_pixel_of_a_picture_of_any_size_gets_a_class(tmp_path, capsys, size):
    model = constant_fcn(tmp_path / "model")
    write_picture(tmp_path / "a.png", size[1], size[0])
    run("segment", model, tmp_path / "a.png", "--out", tmp_path / "out", "--json")
    (row,) = json.loads(capsys.readouterr().out)
    assert row["found"] == [{"class": "dawn", "pixels": size[0] * size[1], "share": 1.0}]
    assert (np.asarray(opened(row["classes"])) == 1).all()
    assert opened(row["classes"]).size == opened(row["drawn"]).size == size


def test_background_is_left_as_it_is(tmp_path, capsys):
    model = constant_fcn(tmp_path / "model", biases=(1, 0, 0))
    write_picture(tmp_path / "a.png", 40, 50)
    run("segment", model, tmp_path / "a.png", "--out", tmp_path / "out")
    assert "a.png: background 2000 pixels (100%) ->" in capsys.readouterr().out
    np.testing.assert_array_equal(opened(tmp_path / "out" / "a_segment.png"), opened(tmp_path / "a.png"))


def test_padding_does_not_move_the_classes(tmp_path):
    """A network that calls bright pixels 1: the mask follows the picture to the pixel, padded or not."""
    class Bright(gluon.nn.Block):
        def forward(self, X):
            bright = X.mean(axis=1, keepdims=True)
            return nd.concat(-bright, bright, dim=1)
    picture = np.zeros((41, 70, 3), np.uint8)
    picture[5:20, 30:] = 255
    mask = predictor.segment(Bright(), predictor.Description("segment", "fcn", ["a", "b"], (32, 32)),
                              nd.array(picture, dtype="uint8"))
    np.testing.assert_array_equal(mask, picture[:, :, 0] > 0)
    large = np.zeros((1100, 2048, 3), np.uint8)
    large[200:400, 1000:] = 255
    mask = predictor.segment(Bright(), predictor.Description("segment", "fcn", ["a", "b"], (32, 32)),
                              nd.array(large, dtype="uint8"))
    assert mask.shape == (1100, 2048) and (mask != (large[:, :, 0] > 0)).mean() < 0.003


# Classification

def test_the_classes_come_with_their_probabilities(tmp_path, capsys):
    model = a_classifier(tmp_path / "model")
    for size in ((5, 90), (200, 100)):
        write_picture(tmp_path / "a.png", *size)
        run("classify", model, tmp_path / "a.png", "--out", tmp_path / "out", "--json")
        (row,) = json.loads(capsys.readouterr().out)
        scores = {item["class"]: item["score"] for item in row["found"]}
        assert set(scores) == {"yes", "no"} and sum(scores.values()) == pytest.approx(1, abs=2e-4)
        assert row["found"][0]["score"] >= row["found"][1]["score"]
        drawn = opened(row["drawn"])
        assert drawn.height > size[0] and drawn.width >= size[1]


# What cannot be used

def test_a_checkpoint_of_another_task_is_named(detector, tmp_path):
    picture = write_picture(tmp_path / "a.jpg")
    with pytest.raises(InputError, match=r"trained to detect; use: d2lzh-cv predict detect"):
        run("segment", detector / "model", picture, "--out", tmp_path / "out")


@pytest.mark.parametrize("score", ["2", "-0.1", "high", "nan"])
def test_a_threshold_that_cannot_be_is_named(score, capsys):
    with pytest.raises(SystemExit) as caught:
        run("detect", "model", "a.jpg", "--out", "out", f"--threshold={score}")
    assert caught.value.code == 2 and f"{score!r} is not a score from 0 to 1" in capsys.readouterr().err


def test_a_folder_without_pictures_is_named(detector, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no pictures"):
        run("detect", detector / "model", tmp_path / "empty", "--out", tmp_path / "out")


def test_names_in_chinese_are_drawn(tmp_path):
    """With whatever font there is; no script may stop a predictor."""
    from d2lzh_cv.models import drawing
    picture = Image.new("RGB", (60, 40), "white")
    drawn = drawing.boxes(picture, [{"class": "猫", "score": 0.9, "box": [10, 20, 50, 35]}], ["猫"])
    assert drawn.size == (60, 40) and (np.asarray(drawn)[:18] != 255).any()  # the label, above its box
