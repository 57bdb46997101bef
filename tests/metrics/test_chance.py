"""What guessing would give, beside a simulation and sums by hand."""
from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from d2lzh_cv.metrics.chance import beside_guessing, by_guessing


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
