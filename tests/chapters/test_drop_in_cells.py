"""Cells as a reader of the book has them, with `d2lzh_cv` in place of the book's package, run unchanged on tiny data.

They stand in the folder the book's notebooks run in: pictures in ../img, data sets in ../data.
"""
from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from data_kit import opened, write_cifar10, write_picture, write_pikachu, write_voc
from mxnet import gluon, image
from section_kit import run_python
from tolerance import assert_close

import d2lzh_cv as d2l
from d2lzh_cv.data.cifar10 import CIFAR10
from d2lzh_cv.data.pikachu import pack_detection

CELLS = Path(__file__).parent / "cells"
EPOCH = r"epoch 1, loss \d+\.\d{4}, train acc [01]\.\d{3}, test acc [01]\.\d{3}, time \d+\.\d sec\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder of the notebooks, with the pictures next to it; figures are closed afterwards."""
    for name, (height, width) in {"catdog": (561, 728), "cat1": (40, 50), "pikachu": (60, 48), "rainier": (40, 60),
                                  "autumn_oak": (50, 50)}.items():
        write_picture(tmp_path / "img" / f"{name}.jpg", height, width)
    (tmp_path / "chapter").mkdir()
    monkeypatch.chdir(tmp_path / "chapter")
    random.seed(0)
    np.random.seed(0)
    with np.printoptions():
        yield tmp_path / "chapter"
    d2l.plt.close("all")


def run_cells(name: str) -> dict:
    """Run the cells of a section as a notebook does; returns the names they leave."""
    path, names = CELLS / f"{name}.py", {"__name__": "__main__"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names


def put_pikachu(here: Path, pictures: int) -> None:
    source = write_pikachu(here / "source", train=pictures, val=2)
    pack_detection(source, here.parent / "data" / "pikachu")


def grid(figure: int) -> tuple[int, int]:
    """Rows and columns of a figure, by its number."""
    return d2l.plt.figure(figure).axes[0].get_subplotspec().get_gridspec().get_geometry()


def boxes_drawn() -> list[tuple[float, ...]]:
    """(xmin, ymin, width, height) of each rectangle on the current figure."""
    return [patch.get_bbox().bounds for ax in d2l.plt.gcf().axes for patch in ax.patches]


def test_9_1_augmentation(here, monkeypatch, capsys):
    write_cifar10(here / "cifar10", batches=1, pictures=32)
    monkeypatch.setattr(gluon.data.vision, "CIFAR10", lambda train=True: CIFAR10(here / "cifar10", train=train))
    names = run_cells("ch09_01")
    assert re.fullmatch(r"training on \[[cg]pu\(0\)\]\n" + EPOCH, capsys.readouterr().out)
    assert [grid(number) for number in (2, 3, 4, 5)] == [(2, 4), (2, 4), (2, 4), (4, 8)]
    assert names["ours"] == pytest.approx(names["theirs"])


def test_9_3_boxes(here):
    run_cells("ch09_03")
    assert boxes_drawn() == [(60, 45, 318, 471), (400, 112, 255, 381)]
    assert d2l.plt.rcParams["figure.figsize"] == [3.5, 2.5]


def test_9_4_anchors(here):
    names = run_cells("ch09_04")
    assert names["Y"].shape == (1, 2042040, 4)
    assert_close(names["boxes"][250, 250, 0].asnumpy().round(2), np.array([0.06, 0.07, 0.63, 0.82], "float32"))
    assert names["labels"][2].asnumpy().tolist() == [[0, 1, 2, 0, 2]]
    assert names["output"][0, :, 0].asnumpy().tolist() == [0, 1, -1, -1]
    assert len(boxes_drawn()) == 5 + 2 + 5 + 2
    assert [text.get_text() for text in d2l.plt.gca().texts][-2:] == ["dog=0.9", "cat=0.9"]


def test_9_5_scales(here):
    run_cells("ch09_05")
    assert len(boxes_drawn()) == 4 * 4 * 3


def test_9_6_detection_data(here, capsys):
    put_pikachu(here, pictures=12)
    names = run_cells("ch09_06")
    batch = names["batch"]
    assert (batch.data[0].shape, batch.label[0].shape) == ((12, 3, 64, 64), (12, 1, 5))
    assert isinstance(names["train_iter"], image.ImageDetIter)
    assert grid(1) == (2, 5)
    xmin, ymin, xmax, ymax = (batch.label[0][9, 0, 1:] * 64).asnumpy()
    assert_close(boxes_drawn()[9], np.array([xmin, ymin, xmax - xmin, ymax - ymin], "float32"))
    assert capsys.readouterr().out == ""


def test_9_7_detector(here, capsys):
    put_pikachu(here, pictures=4)
    names = run_cells("ch09_07")
    assert names["batch"].label[0].shape == (4, 3, 5)
    assert (names["batch"].label[0][:, 1:, 0] == -1).asnumpy().all()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all(re.match(r"epoch +\d, class err \d\.\d\de-\d\d, bbox mae \d", line)
                                   for line in lines)
    assert names["output"].shape[1] == 6
    axes = d2l.plt.gca()
    assert len(boxes_drawn()) == len(axes.texts) == min(3, len(names["output"]))
    assert {text.get_color() for text in axes.texts} == {"k"}  # black on white


def test_9_9_segmentation_data(here, capsys):
    write_voc(here.parent / "data" / "VOCdevkit" / "VOC2012", sizes=[(70, 100), (30, 40), *[(64, 96)] * 3])
    names = run_cells("ch09_09")
    assert names["voc_dir"] == "../data/VOCdevkit/VOC2012"
    assert capsys.readouterr().out == "read 4 examples\nread 4 examples\n(2, 3, 64, 96)\n(2, 64, 96)\n"
    assert names["seen"][0].asnumpy().tolist() == [[0, 0, 0, 0], *[[0, 0, 1, 1]] * 3]
    assert names["seen"][1] == "aeroplane"
    assert [grid(number) for number in (1, 2)] == [(2, 5), (2, 5)]


def test_9_10_fully_convolutional(here, capsys):
    write_voc(here.parent / "data" / "VOCdevkit" / "VOC2012", sizes=[(70, 100)] * 4)
    names = run_cells("ch09_10")
    assert names["shape"] == (1, 512, 2, 3)
    out = capsys.readouterr().out
    assert re.fullmatch(r"input image shape: \(40, 50, 3\)\noutput image shape: \(80, 100, 3\)\n"
                        r"read 4 examples\nread 4 examples\ntraining on \[[cg]pu\(0\)\]\n" + EPOCH, out)
    assert names["imgs"][1].shape == (64, 96, 3) and names["imgs"][1].dtype == np.uint8
    assert {tuple(colour) for colour in names["imgs"][1].asnumpy().reshape(-1, 3).tolist()} <= {
        tuple(colour) for colour in d2l.VOC_COLORMAP}
    assert grid(d2l.plt.get_fignums()[-1]) == (3, 4)


def test_9_11_style(here):
    losses = run_cells("ch09_11")["losses"]
    assert losses[-1] < losses[0]
    assert opened(here.parent / "img" / "neural-style-1.png").size == (45, 30)


def test_9_12_folders_and_timing(here, capsys):
    run_cells("ch09_12")
    assert re.fullmatch(r"one pass\. time: \d+\.\d{4} sec\nepoch 1, valid acc 1\.000000, time 0\.00 sec, lr 0\.001\n",
                        capsys.readouterr().out)


def test_in_a_fresh_process_where_nothing_prepared_mxnet(here):
    shutil.copy(CELLS / "ch09_03.py", here)
    code, out, err = run_python(here, "ch09_03.py")
    assert (code, out) == (0, ""), err
