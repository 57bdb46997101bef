"""A reader's own set through section 9.7 and on to predict, as it is typed."""
from __future__ import annotations

import json
import os

import mxnet as mx
import numpy as np
import own_kit as kit
import pytest
from command_kit import predict_command as predict
from record_kit import packed_rows
from section_kit import run_python

from d2lzh_cv import contents, ssd
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.records import first_picture
from d2lzh_cv.models.checkpoint import load_model
from d2lzh_cv.plotting import plt


@pytest.mark.slow
def test_a_packed_set_trains_in_9_7_with_all_its_classes(tmp_path, monkeypatch, capsys):
    kit.write_yolo(tmp_path / "src", objects=2)
    pack(tmp_path / "src", tmp_path / "own")
    script = contents.script_path(contents.find("9.7"))
    code, out, err = run_python(tmp_path, str(script), "--quick", "--data", "own", "--epochs", "1", "--out", "run")
    assert code == 0, err
    assert "pikachu: own (packed, classes: circle, square, triangle)" in out
    results = json.loads((tmp_path / "run" / "9.7" / "results.json").read_text())
    assert [source["name"] for source in results["data"]] == ["pikachu"]  # the book's picture is not asked for
    net, description = load_model(tmp_path / "run" / "9.7")
    assert (net.num_classes, description.classes, description.edge_size) == (3, list(kit.SHAPES), (128, 128))
    monkeypatch.chdir(tmp_path)
    assert predict("detect", "run/9.7", os.path.join("src", "images", "p0.jpg"), "--out", "found") == 0
    assert capsys.readouterr().out.endswith(f"-> {os.path.join('found', 'p0_detect.png')}\n")


def test_the_first_picture_of_a_record_file_comes_with_its_boxes(tmp_path):
    kit.write_yolo(tmp_path / "src", objects=2)
    pack(tmp_path / "src", tmp_path / "own")
    picture, rows = first_picture(tmp_path / "own" / "train.rec")
    content, expected = next(iter(packed_rows(tmp_path / "own" / "train.rec").items()))
    np.testing.assert_array_equal(picture.asnumpy(), mx.image.imdecode(content).asnumpy())
    np.testing.assert_allclose(rows, expected)


@pytest.mark.parametrize("classes, texts", [(None, ["0.90", "0.50"]), (["cat"], ["0.90", "0.50"]),
                                            (["cat", "dog"], ["dog 0.90", "cat 0.50"])])
def test_several_classes_are_named_beside_their_scores(classes, texts):
    rows = np.array([[1 if classes and len(classes) > 1 else 0, 0.9, 0, 0, 0.5, 0.5], [0, 0.5, 0.5, 0.5, 1, 1]])
    plt.figure()
    ssd.show_detections(mx.nd.zeros((10, 20, 3)), rows, 0.3, classes)
    assert [text.get_text() for text in plt.gca().texts] == texts
    plt.close()
