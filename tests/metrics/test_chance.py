"""What guessing would give, beside a simulation and sums by hand."""
from __future__ import annotations

from fractions import Fraction
from math import comb
from types import SimpleNamespace

import numpy as np
import pytest

from d2lzh_cv.metrics.chance import against_guessing, beside_guessing, by_guessing


@pytest.mark.parametrize(("right", "total", "classes"), [(0, 10, 10), (1, 10, 10), (2, 10, 10), (10, 10, 10), (7, 9, 2),
                                                         (36, 90, 10), (0, 1, 5), (3, 3, 3)])
def test_the_tail_of_the_binomial_distribution(right, total, classes):
    p = Fraction(1, classes)
    exact = sum(comb(total, k) * p ** k * (1 - p) ** (total - k) for k in range(right, total + 1))
    assert by_guessing(right, total, classes) == pytest.approx(float(exact), rel=1e-9)


def test_it_is_how_often_guessing_does_as_well():
    labels, guesses = np.random.default_rng(0).integers(10, size=(2, 20000, 10))
    often = ((labels == guesses).sum(axis=1) >= 2).mean()
    assert by_guessing(2, 10, 10) == pytest.approx(often, abs=0.015)


def test_thousands_of_pictures_do_not_overflow():
    assert by_guessing(5000, 50000, 10) == pytest.approx(0.5, abs=0.01)
    assert 0 <= by_guessing(50000, 50000, 10) < 1e-300


def test_the_line_says_what_follows():
    assert beside_guessing(0.2, 10, 10) == (False, "2 of 10 right; guessing among 10 classes does as well with "
                                                   "probability 0.26")
    assert beside_guessing(0.4, 90, 10)[0] and not beside_guessing(0.0, 10, 10)[0]


@pytest.mark.parametrize("train_acc, valid_acc, verdict", [
    (0.9, 0.9, "what was learnt holds for pictures that were not trained on"),
    (0.9, 0.1, "the loss went from 2.50 to 0.25, so that the network knows its own 90 pictures, but so few cannot show "
               "more"),
    (0.1, 0.1, "2 epochs on 90 pictures have taught it nothing that can be told from luck")])
def test_what_a_training_on_few_pictures_shows(train_acc, valid_acc, verdict):
    epochs = [SimpleNamespace(loss=2.5, train_acc=0, valid_acc=0),
              SimpleNamespace(loss=0.25, train_acc=train_acc, valid_acc=valid_acc)]
    line = against_guessing(epochs, 90, 10, 10)
    assert line == f"validation: {beside_guessing(valid_acc, 10, 10)[1]}; {verdict}"
