"""The bands of training figures: the rule by hand, published runs that were left out, logs of other lengths."""
from __future__ import annotations

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest

from d2lzh_cv.book import facts, verdicts
from d2lzh_cv.book.facts import Training

TRAININGS = facts.training()


def training(*values, epochs=3, quantity="loss", pictures=0):
    """Runs that end with ``values``; each earlier epoch has ten times the value."""
    runs = {f"run {i}": [{"epoch": n, quantity: value * (1 if n == epochs else 10)} for n in range(1, epochs + 1)]
            for i, value in enumerate(values)}
    return Training("9.1", "x", "x", [], {}, {quantity: pictures} if pictures else {}, runs)


def of(series):
    return next(fact for fact in TRAININGS if fact.series == series)


def left_out_and_band(rule):
    """Yield (published last value, band of the other runs) for each run of a training with at least three."""
    for fact in TRAININGS:
        for quantity in fact.quantities:
            for source, value in fact.at_end(quantity).items():
                others = replace(fact, runs={name: log for name, log in fact.runs.items() if name != source})
                if len(others.runs) >= 2:
                    yield value, rule(others, quantity)


def share(rule):
    inside = [low <= value <= high for value, (low, high) in left_out_and_band(rule)]
    return sum(inside) / len(inside)


def robust(fact, quantity):
    """The alternative: the median, and the median deviation over all epochs in place of a standard deviation."""
    epochs = {line["epoch"] for log in fact.runs.values() for line in log}
    runs = [{line["epoch"]: line[quantity] for line in log} for log in fact.runs.values()]
    middles = {epoch: statistics.median(run[epoch] for run in runs) for epoch in epochs}
    deviations = [abs(run[epoch] / middles[epoch] - 1) for epoch in epochs for run in runs]
    count, middle = len(runs), statistics.median(fact.at_end(quantity).values())
    spread = 1.4826 * statistics.median(deviations) * math.sqrt(count / (count - 1))
    half = middle * max(verdicts.STUDENT[count - 2] * spread * math.sqrt(1 + 1 / count), 0.02)
    return middle - half, middle + half


# -- the rule ---------------------------------------------------------------------------------------------------------
def test_bands_worked_out_by_hand():
    runs = [2.32, 2.36, 2.34, 2.63, 2.43, 2.33, 2.45]  # class errors, in thousandths
    mean = sum(runs) / 7
    half = 2.447 * math.sqrt(sum((run - mean) ** 2 for run in runs) / 6) * math.sqrt(8 / 7)
    assert verdicts.band(of("TinySSD"), "class_err") == pytest.approx(((mean - half) / 1000, (mean + half) / 1000))
    style = [7.48, 7.46, 7.46, 7.45, 7.47, 7.48, 7.47]
    assert verdicts.band(of("small"), "style") == pytest.approx([sum(style) / 7 * x for x in (0.98, 1.02)])  # the least
    assert verdicts.band(of("features frozen"), "loss") == pytest.approx((0.3945 * 0.8, 0.3945 * 1.2))  # one run
    kaggle = of("train")
    assert verdicts.band(kaggle, "valid_acc") == pytest.approx((0, 0.1 + 2 * (0.1 * 0.9 / 10) ** 0.5))  # ten pictures
    mean, difference = (7.27156 + 5.932331) / 2, 7.27156 - 5.932331
    assert verdicts.band(kaggle, "loss") == pytest.approx((mean - 2 * difference, mean + 2 * difference))  # two runs


def test_the_published_bands_are_those_of_the_least_and_of_the_pictures():
    assert verdicts.band(training(1.0, 1.0, 1.0), "loss") == pytest.approx((0.98, 1.02))
    assert verdicts.band(training(0.5, 0.5, 0.5, quantity="test_acc", pictures=100), "test_acc") == pytest.approx(
        (0.4, 0.6))
    assert verdicts.band(training(0.9, 0.95, 1.0, quantity="test_acc"), "test_acc")[1] == 1.0


@pytest.mark.parametrize("count", range(3, 41))
def test_no_run_can_leave_the_band_that_it_helped_to_make(count):
    low, high = verdicts.band(training(*[1.0] * (count - 1), 9.0), "loss")
    assert (low <= 9.0 <= high) is (count <= 8)  # of more runs, a single one that is far off can


def test_published_runs_are_in_their_own_band():
    for fact in TRAININGS:
        for quantity in fact.quantities:
            low, high = verdicts.band(fact, quantity)
            assert all(low <= value <= high for value in fact.at_end(quantity).values()), (fact.series, quantity)


def test_nine_of_ten_published_runs_lie_in_the_band_of_the_others():
    assert len(list(left_out_and_band(verdicts.band))) == 131
    assert share(verdicts.band) >= 0.95 > share(robust) >= 0.9


def test_the_interval_holds_95_of_100_further_runs():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(4000):
        *runs, further = rng.normal(1.0, 0.1, 8)
        low, high = verdicts.band(training(*runs), "loss")
        found.append(low <= further <= high)
    assert 0.94 < np.mean(found) < 0.96


def test_student_s_factors_are_right():
    stats = pytest.importorskip("scipy.stats")
    assert list(verdicts.STUDENT) == pytest.approx([stats.t.ppf(0.975, n) for n in range(1, 31)], abs=6e-4)


# -- the logs ---------------------------------------------------------------------------------------------------------
def test_a_run_that_stopped_earlier_or_went_on_counts_where_the_first_one_ended():
    fact = training(1.0, 2.0, 3.0)
    fact.runs["short"] = [{"epoch": 1, "loss": 50.0}]
    fact.runs["long"] = [{"epoch": 3, "loss": 4.0}, {"epoch": 4, "loss": 90.0}]
    assert fact.at_end("loss") == {"run 0": 1.0, "run 1": 2.0, "run 2": 3.0, "long": 4.0}
    assert verdicts.band(fact, "loss") == verdicts.band(training(1.0, 2.0, 3.0, 4.0), "loss")


def test_two_runs_are_compared_at_the_epochs_that_both_list():
    fact = training(1.0, 1.0)
    fact.runs["run 1"] = [{"epoch": 2, "loss": 11.0}, {"epoch": 3, "loss": 1.0}, {"epoch": 9, "loss": 7.0}]
    spread = math.sqrt((1 / 10.5) ** 2 / 2)
    assert verdicts.band(fact, "loss") == pytest.approx((1 - 2 * spread, 1 + 2 * spread))


def test_no_published_run_is_a_copy_of_another():
    for fact in TRAININGS:
        logs = list(fact.runs.values())
        assert all(log not in logs[:i] for i, log in enumerate(logs)), fact.series
    assert "kingli74/d2l_zh_notebook" not in {source for fact in TRAININGS for source in fact.runs}
