"""Style transfer that is watched and stopped: the same picture as the book's loop gives, in turns with others."""
from __future__ import annotations

import threading
import time

import mxnet as mx
import numpy as np
import pytest
from data_kit import write_picture
from mxnet import init, nd
from mxnet.gluon import nn
from tolerance import assert_close

from d2lzh_cv import style
from d2lzh_cv.commands.demo import styling
from d2lzh_cv.commands.demo.styling import Painting
from d2lzh_cv.commands.demo.turns import Turns
from d2lzh_cv.errors import InputError
from d2lzh_cv.plotting import to_picture


@pytest.fixture(scope="module")
def extractor():
    mx.random.seed(0)
    layers = nn.HybridSequential()
    layers.add(nn.Conv2D(8, 3, 1, 1, activation="relu"), nn.Conv2D(8, 3, 2, 1, activation="relu"))
    layers.initialize(init.Xavier())
    extractor = style.FeatureExtractor(layers, (1,), (0, 1))
    extractor.hybridize()
    return extractor


@pytest.fixture
def pictures(tmp_path):
    return write_picture(tmp_path / "a.png", 48, 64, seed=1), write_picture(tmp_path / "b.png", 64, 64, seed=2)


def painting(extractor, pictures, num_steps=8, turns=None) -> Painting:
    return Painting(extractor, *pictures, num_steps, 64, turns or Turns())


def alone(extractor, pictures, num_steps=8) -> np.ndarray:
    """The result of the book's loop."""
    content, styled = (style.preprocess(mx.image.imread(str(path)), (64, height))
                       for path, height in zip(pictures, (48, 64)))
    result = style.transfer(content, extractor, content, styled, num_steps, styling.LEARNING_RATE, report_every=1)
    return np.asarray(to_picture(style.postprocess(result)))


def test_it_ends_with_the_picture_of_the_book_s_loop(extractor, pictures):
    *_, last = painting(extractor, pictures)
    assert (last.step, last.num_steps, last.picture.size) == (8, 8, (64, 48))
    assert_close(np.asarray(last.picture).astype(np.float32), alone(extractor, pictures).astype(np.float32))


def test_two_at_once_do_not_mix(extractor, pictures):
    turns, results = Turns(), {}
    pairs = {"ab": pictures, "ba": pictures[::-1]}

    def paint(name: str) -> None:
        *_, results[name] = painting(extractor, pairs[name], 20, turns)
    threads = [threading.Thread(target=paint, args=(name,)) for name in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, pair in pairs.items():
        *_, expected = painting(extractor, pair, 20)
        np.testing.assert_array_equal(results[name].picture, expected.picture)


def test_stopped_it_hands_over_the_picture_as_it_is(extractor, pictures, monkeypatch):
    monkeypatch.setattr(styling, "PERIOD", 0)
    one = painting(extractor, pictures, 10_000)
    seen = []
    for progress in one:
        seen.append(progress.step)
        if len(seen) == 3:
            one.stop()
    assert seen == sorted(seen) and 3 <= len(seen) < 10 and seen[-1] < 10_000 and one.stopped
    one.join()


def test_given_up_it_ends(extractor, pictures, monkeypatch):
    """As when the page is closed: the generator of the page is closed with it."""
    monkeypatch.setattr(styling, "PERIOD", 0)
    turns = Turns()
    one = painting(extractor, pictures, 10_000, turns)
    news = iter(one)
    next(news)
    news.close()
    one.join()
    with turns:  # it does not keep the lock
        pass


def test_others_come_in_between_its_steps(extractor, pictures):
    turns = Turns()
    one = painting(extractor, pictures, 10_000, turns)
    news = iter(one)
    next(news)
    began = time.monotonic()
    with turns:
        nd.ones(1).wait_to_read()
    assert time.monotonic() - began < 5
    news.close()
    one.join()


def test_a_loss_that_is_not_finite_is_an_error_of_one_line(extractor, pictures, monkeypatch):
    monkeypatch.setattr(styling, "LEARNING_RATE", float("inf"))
    with pytest.raises(InputError, match="loss is"):
        list(painting(extractor, pictures))


def test_a_file_that_is_no_picture_is_named(extractor, pictures, tmp_path):
    (tmp_path / "notes.jpg").write_text("notes")
    with pytest.raises(InputError, match="^notes.jpg is not a whole picture"):
        painting(extractor, (pictures[0], tmp_path / "notes.jpg"))


@pytest.mark.parametrize(("size", "fitted"), [((400, 300), (64, 48)), ((20, 10), (64, 32)), ((5000, 1), (64, 32))])
def test_a_picture_of_any_shape_gets_the_side(size, fitted):
    from PIL import Image
    assert styling._fitted(Image.new("RGB", size), 64).size == fitted


def test_turns_are_taken_in_the_order_of_asking():
    turns, order, threads = Turns(), [], []
    with turns:
        for i in range(8):
            def take(i=i) -> None:
                with turns:
                    order.append(i)
            threads.append(threading.Thread(target=take))
            threads[-1].start()
            while turns._drawn < i + 2:
                time.sleep(0.001)
        with turns.others_first():
            pass
        order.append("back")
    for thread in threads:
        thread.join()
    assert order == [*range(8), "back"]
