"""The helpers of 9.2's exercises: which pictures they take, what they count, and what a training leaves."""
from __future__ import annotations

import numpy as np
import pytest
from mxnet import init, nd
from mxnet.gluon import nn
from mxnet.gluon.data import SimpleDataset
from tolerance import assert_close

from d2lzh_cv.errors import InputError
from d2lzh_cv.exercises import transfer_learning as helpers

RNG = np.random.default_rng(0)


class Head(nn.HybridBlock):
    """As a network of the model zoo: features and an output."""

    def __init__(self, outputs: int, bias: bool = True):
        super().__init__()
        self.features, self.output = nn.GlobalAvgPool2D(), nn.Dense(outputs, in_units=3, use_bias=bias)

    def hybrid_forward(self, F, X):
        return self.output(self.features(X))


def head(outputs: int, **kwargs) -> Head:
    net = Head(outputs, **kwargs)
    net.initialize(init.Normal(1))
    return net


def pictures(count: int) -> SimpleDataset:
    return SimpleDataset([(nd.array(RNG.integers(0, 256, (40, 40, 3)), dtype="uint8"), i % 2) for i in range(count)])


@pytest.mark.parametrize(("count", "expected"), [(3, [0, 4, 9]), (10, range(10)), (99, range(10)), (1, [0])])
def test_pictures_are_taken_evenly(count, expected):
    assert list(helpers.spread(SimpleDataset(range(10)), count)) == list(expected)


def test_pairs_told_apart_are_counted_one_by_one():
    scores, labels = RNG.integers(0, 4, (30, 2)).astype(float), RNG.integers(0, 2, 30)
    for positive in (0, 1):
        lead = scores[:, positive] - scores[:, 1 - positive]
        pairs = [(a > b) + (a == b) / 2 for a in lead[labels == positive] for b in lead[labels != positive]]
        assert_close(helpers.share_told_apart(scores, labels, positive), np.mean(pairs))


def test_scores_of_all_pictures_in_their_order():
    some, net = pictures(5), head(2)
    scores, labels = helpers.scores_of(net, some, 32, 2, nd.zeros(1).context)
    one_by_one = [helpers.scores_of(net, SimpleDataset([pair]), 32, 1, nd.zeros(1).context)[0][0] for pair in some]
    assert_close(scores, one_by_one)
    assert labels.tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("positive", [0, 1])
def test_a_row_becomes_one_output_and_the_mean_of_the_others_the_other(positive):
    net, source = head(2), head(7)
    helpers.reuse_row(net, source, 4, positive)
    for name in ("weight", "bias"):
        new, old = (getattr(one.output, name).data().asnumpy() for one in (net, source))
        assert_close(new[positive], old[4])
        assert_close(new[1 - positive], np.delete(old, 4, axis=0).mean(axis=0))


def test_a_rate_that_is_too_large_ends_a_training(capsys):
    ctx, some = [nd.zeros(1).context], pictures(8)
    assert len(helpers.train_or_diverge(head(2), some, some, 0.01, ctx, 4, 2, 32, "small")) == 2
    assert "epoch 2" in capsys.readouterr().out
    assert len(helpers.train_or_diverge(head(2), some, some, 1e30, ctx, 4, 3, 32, "large")) < 3
    assert "lower the learning rate" in capsys.readouterr().out


def test_other_errors_are_no_divergence():
    with pytest.raises(InputError, match="no batch"):
        helpers.train_or_diverge(head(2), pictures(4), pictures(0), 0.01, [nd.zeros(1).context], 4, 1, 32, "none")
