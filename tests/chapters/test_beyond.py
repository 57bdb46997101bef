"""What goes beyond the page, as a reader runs it in quick mode on drawn data; each test looks at one thing it left."""
from __future__ import annotations

import mxnet as mx
import pytest
from chapter_kit import Run, parameters
from mxnet import nd
from mxnet.gluon import model_zoo

from d2lzh_cv import contents

PARTS, EXERCISES = ([info.number for info in infos] for infos in (contents.PARTS, contents.EXERCISES))
# Parameters that show as well as quick mode's own that a script works, in half of its time.
SMALLER = {"9.8-region-cnn": ["edge_size=64"], "9.8-fast-rcnn": ["edge_size=96"], "9.8-mask-rcnn": ["num_drawn=64"],
           "9.2-fine-tuning": ["edge_size=48", "imagenet_edge_size=48", "num_train=16", "num_test=12"],
           "9.1-augmentation": ["num_train=16"], "9.7-receptive-field": ["num_pictures=2"]}
pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Run:
    """One epoch shows that an exercise works, and weights that are no one's that it uses a network; the R-CNNs have to
    learn."""
    out, root = tmp_path_factory.mktemp("drawn"), tmp_path_factory.mktemp("root")
    net = model_zoo.vision.resnet18_v1()
    net.initialize(mx.init.Xavier())
    net(nd.zeros((1, 3, 64, 64)))
    (root / "weights").mkdir()
    net.save_parameters(str(root / "weights" / "resnet18_v1.params"))
    for number, smaller in SMALLER.items():
        flags = ["--data", "synthetic"] if number in PARTS else ["--epochs", "1"]
        Run(out, [number], *flags, *parameters(*smaller), D2LZH_CV_DATA=str(root))
    Run(out, [number for number in PARTS if number not in SMALLER], "--data", "synthetic")
    return Run(out, [number for number in EXERCISES if number not in SMALLER], "--epochs", "1",
               D2LZH_CV_DATA=str(root))


def test_every_script_runs(drawn):
    drawn.check(PARTS + EXERCISES)
    seconds = sum(drawn.results(number)["seconds"] for number in EXERCISES)
    assert seconds < 600, f"all exercises took {seconds:.0f} s"


@pytest.mark.parametrize("number", PARTS + EXERCISES)
def test_figures_are_pictures_of_something(drawn, number):
    drawn.check_figures(number)


@pytest.mark.parametrize("number", EXERCISES)
def test_an_exercise_ends_with_a_table_and_what_it_shows(drawn, number):
    results = drawn.results(number)["results"]
    tables = [value for value in results.values() if isinstance(value, dict) and set(value) == {"columns", "rows"}]
    assert tables and all(table["rows"] and all(len(row) == len(table["columns"]) for row in table["rows"])
                          for table in tables)
    assert len(results["shows"].split()) > 5


@pytest.mark.parametrize("number", ["9.8-region-cnn", "9.8-fast-rcnn", "9.8-faster-rcnn", "9.8-mask-rcnn"])
def test_the_r_cnns_learn(drawn, number):
    series = {line["series"] for line in drawn.metrics(number)}
    for name in series:
        curve = drawn.curve(number, name, "loss")
        assert curve[-1] < 0.9 * curve[0], curve


def test_the_report_holds_them(drawn):
    page = (drawn.out / "report.html").read_text(encoding="utf-8")
    assert all(info.english in page and info.chinese in page for info in (*contents.PARTS, *contents.EXERCISES))
