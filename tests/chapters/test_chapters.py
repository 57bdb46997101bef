"""The chapter as a reader without data runs it in quick mode; each test looks at one thing that it left."""
from __future__ import annotations

import mxnet as mx
import pytest
from chapter_kit import Run, parameters

from d2lzh_cv import contents
from d2lzh_cv.book import facts
from d2lzh_cv.models.predictor import Predictor

NUMBERS = [info.number for info in contents.SECTIONS]
pytestmark = [pytest.mark.slow, pytest.mark.long]


# Parameters that show as well as quick mode's own that a section learns, in half of its time. As a range, 9.8-9.8 is
# the section alone, without its five more pages.
SMALLER = {"9.1": ["num_train=32", "num_test=10", "batch_size=8"], "9.2": ["num_epochs=2", "edge_size=64"],
           "9.7": ["num_epochs=7", "edge_size=96"], "9.8": ["short=150", "most_proposals=40"],
           "9.10": ["num_epochs=5", "num_slow_epochs=1"], "9.11": ["num_epochs=31", "num_epochs_large=21"],
           "9.12": ["num_epochs=3", "valid_ratio=0.5"]}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Run:
    out, root = tmp_path_factory.mktemp("drawn"), str(tmp_path_factory.mktemp("root"))
    for number, smaller in SMALLER.items():
        Run(out, [f"{number}-{number}"], *parameters(*smaller), D2LZH_CV_DATA=root)
    return Run(out, [number for number in NUMBERS if number not in SMALLER], D2LZH_CV_DATA=root)


def test_every_section_runs_on_drawn_data(drawn):
    drawn.check(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_figures_are_pictures_of_something(drawn, number):
    drawn.check_figures(number)


@pytest.mark.parametrize("number, task", [("9.1", "classify"), ("9.2", "classify"), ("9.7", "detect"),
                                          ("9.10", "segment"), ("9.12", "classify"), ("9.13", "classify")])
def test_trained_networks_can_be_used_for_other_pictures(drawn, number, task):
    predict = Predictor.of_checkpoint(drawn.out / number, task, 0.3, mx.cpu())
    assert predict(drawn.out / "9.3" / drawn.results("9.3")["figures"][0]["file"]).text


def test_the_report_holds_every_section(drawn):
    page = (drawn.out / "report.html").read_text(encoding="utf-8")
    assert str(drawn.out / "report.html") in drawn.child.stdout
    assert all(info.english in page and info.chinese in page for info in contents.SECTIONS)


@pytest.mark.parametrize("number, series, name", [
    ("9.1", "flip", "loss"), ("9.1", "no augmentation", "loss"), ("9.2", "fine-tuned", "loss"),
    ("9.7", "TinySSD", "class_err"), ("9.7", "TinySSD", "bbox_mae"), ("9.10", "FCN", "loss"),
    ("9.11", "small", "style"), ("9.11", "large", "style"), ("9.12", "train", "loss"), ("9.12", "train_valid", "loss"),
    ("9.13", "train", "train_loss"), ("9.13", "train", "valid_loss")])
def test_losses_fall(drawn, number, series, name):
    curve = drawn.curve(number, series, name)
    assert min(curve) < (0.95 if number == "9.12" else 0.9) * curve[0], curve  # of few epochs the last may rise


def test_classes_are_told_apart_better_than_by_chance(drawn):
    assert drawn.results("9.12")["results"]["train_acc"] > 2 / 10


def test_fine_tuning_beats_training_from_scratch(drawn):
    results = drawn.results("9.2")["results"]
    assert results["test_acc, fine-tuned"] > max(0.6, results["test_acc, from scratch"]), results


def test_what_tells_the_book_s_data_and_network_is_recorded(drawn):
    """By these names ``compare`` knows whether a training was the book's."""
    for fact in facts.training():
        recorded, asked = drawn.results(fact.section)["results"], [name for v in fact.requires.values() for name in v]
        assert set(asked) <= set(recorded), fact.series


def test_the_object_is_found(drawn):
    results = drawn.results("9.7")["results"]
    assert results["boxes_above_0_3"] >= 1 and results["class_err"] < 0.01, results


def test_pixels_are_classified_better_than_as_background(drawn):
    results = drawn.results("9.10")["results"]
    assert results["pixel_acc"] > results["background_share_of_middles"], results
