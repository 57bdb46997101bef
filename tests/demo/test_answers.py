"""What a network says about a picture, drawn again without the network; pictures that cannot be used."""
from __future__ import annotations

import struct
import threading
import zlib

import numpy as np
import pytest
from checkpoint_kit import a_classifier, a_detector, constant_fcn
from data_kit import write_picture
from picture_kit import turned_file
from PIL import Image

from d2lzh_cv.commands.demo import answers
from d2lzh_cv.commands.demo.networks import of_checkpoint
from d2lzh_cv.commands.demo.turns import Turns
from d2lzh_cv.data.voc import VOC_COLORMAP
from d2lzh_cv.errors import InputError
from d2lzh_cv.models.predictor import Predictor

TURNS = Turns()
MAKERS = {"detect": a_detector, "segment": constant_fcn, "classify": a_classifier}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    root = tmp_path_factory.mktemp("checkpoints")
    return {task: make(root / task) for task, make in MAKERS.items()}


@pytest.fixture(scope="module")
def networks(checkpoints):
    return {task: of_checkpoint(path) for task, path in checkpoints.items()}


def ask(network, path) -> answers.Answer:
    return answers.answer(network, path, TURNS)


@pytest.mark.parametrize("task", MAKERS)
def test_the_page_says_and_draws_what_predict_does(task, checkpoints, networks, tmp_path):
    path = write_picture(tmp_path / "a.png", 90, 130)
    expected = Predictor.of_checkpoint(checkpoints[task], task, threshold=0.3)(path)
    found = ask(networks[task], path)
    assert answers.kept(found, 0.3) == expected.found and found.size == expected.size
    np.testing.assert_array_equal(answers.draw(found, TURNS, score=0.3), expected.drawn)


def test_the_slider_needs_no_network(checkpoints, tmp_path):
    network = of_checkpoint(checkpoints["detect"])
    found = ask(network, write_picture(tmp_path / "a.png", 90, 130))
    object.__setattr__(network, "net", None)
    scores = sorted(item["score"] for item in found.found)
    assert len(scores) > 3 and scores[0] >= answers.LOWEST_SCORE
    middle = scores[len(scores) // 2]
    assert [item["score"] for item in answers.kept(found, middle)] == [s for s in scores[::-1] if s >= middle]
    assert (np.asarray(answers.draw(found, TURNS, 0.05)) != np.asarray(answers.draw(found, TURNS, 2))).any()
    np.testing.assert_array_equal(answers.draw(found, TURNS, score=2), Image.open(found.path))


def test_an_answer_keeps_no_pixels(networks, tmp_path):
    found = ask(networks["segment"], write_picture(tmp_path / "a.png", 900, 1200))
    assert len(found.mask) < 20_000


@pytest.mark.parametrize("opacity", [0, 0.25, 1])
def test_the_classes_cover_the_picture_as_much_as_asked(networks, tmp_path, opacity):
    """Every pixel is of class 1; below the labels of the classes the mixture is exact."""
    found = ask(networks["segment"], write_picture(tmp_path / "a.png", 64, 64))
    drawn = np.asarray(answers.draw(found, TURNS, opacity=opacity))[40:]
    pixels = np.asarray(Image.open(found.path), np.float64)[40:]
    expected = (1 - opacity) * pixels + opacity * np.array(VOC_COLORMAP[1])
    assert np.abs(drawn - expected).max() <= 0.51, np.abs(drawn - expected).max()
    assert found.found == [{"class": "dawn", "pixels": 64 * 64, "share": 1.0}]


def test_a_large_picture_is_drawn_smaller_with_its_boxes_in_place(networks, tmp_path):
    """One colour, so that what is drawn differs from it: the outermost drawn pixels are those of the box."""
    path = tmp_path / "a.png"
    Image.new("RGB", (2 * answers.SIDE, answers.SIDE), (7, 7, 7)).save(path)
    found = ask(networks["detect"], path)
    best = max(found.found, key=lambda item: item["score"])
    drawn = np.asarray(answers.draw(found, TURNS, score=best["score"]))
    assert drawn.shape == (answers.SIDE // 2, answers.SIDE, 3)
    xmin, ymin, xmax, ymax = (side / 2 for side in best["box"])
    rows, columns = np.nonzero((drawn != 7).any(axis=2))
    seen = [columns.min(), columns.max() + 1, rows.max() + 1]
    expected = [max(0, xmin), min(answers.SIDE, xmax), min(answers.SIDE // 2, ymax)]
    assert np.abs(np.array(seen) - expected).max() <= 1, (seen, expected)


def test_all_use_of_mxnet_is_in_one_thread(networks, tmp_path, monkeypatch):
    """MXNet keeps ten megabytes for each thread that has used it; a web server's threads come and go."""
    path, used, segment = write_picture(tmp_path / "a.png"), [], answers.predictor.segment

    def recorded(*args):
        used.append(threading.get_ident())
        return segment(*args)
    monkeypatch.setattr(answers.predictor, "segment", recorded)
    for _ in range(3):
        thread = threading.Thread(target=ask, args=(networks["segment"], path))
        thread.start()
        thread.join()
    assert len(used) == 3 and len(set(used)) == 1


def test_a_photo_on_its_side_is_turned_upright(networks, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(turned_file(".jpg", 6))
    found = ask(networks["segment"], path)
    assert found.size == answers.draw(found, TURNS).size == (30, 44)


def test_a_classification_names_the_best(networks, tmp_path):
    found = ask(networks["classify"], write_picture(tmp_path / "a.png"))
    assert [item["class"] for item in found.found] in (["yes", "no"], ["no", "yes"])
    assert found.found[0]["score"] >= found.found[1]["score"]


def test_of_an_animated_picture_the_first_frame_is_used(networks, tmp_path):
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(answers.opened(tmp_path / "a.gif", TURNS), frames[0])


def huge_png(width: int = 20_000, height: int = 10_000) -> bytes:
    """The beginning of a PNG of 200 megapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13)
    return start + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\1\0IDAT"


@pytest.mark.parametrize(("name", "content", "says"), [
    ("notes.jpg", b"These are notes, not a picture.", "notes.jpg is not a whole picture of a known format"),
    ("huge.png", huge_png(), "huge.png has 20000×10000 pixels, more than 100 million; make it smaller"),
    ("cut.jpg", turned_file(".jpg", 1)[:200], "cut.jpg is not a whole picture"),
    ("empty.png", b"", "empty.png is not a whole picture"),
], ids=["text", "huge", "cut", "empty"])
def test_a_file_that_cannot_be_used_is_named_in_one_line(networks, tmp_path, monkeypatch, name, content, says):
    (tmp_path / name).write_bytes(content)
    if name == "huge.png":
        monkeypatch.setattr(answers.predictor, "read_upright", None)  # it is refused before it is decoded
    with pytest.raises(InputError) as caught:
        ask(networks["detect"], tmp_path / name)
    assert str(caught.value).startswith(says) and "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_picture_that_is_almost_a_line_is_not_classified(networks, tmp_path):
    path = write_picture(tmp_path / "line.png", 1, 5000)
    with pytest.raises(InputError, match="^line.png has 5000×1 pixels"):
        ask(networks["classify"], path)
    assert answers.draw(ask(networks["detect"], path), TURNS).size == (answers.SIDE, 1)


def test_a_file_that_is_gone_is_named(networks, tmp_path):
    found = ask(networks["detect"], write_picture(tmp_path / "a.png"))
    found.path.unlink()
    with pytest.raises(InputError, match="^cannot read picture a.png"):
        answers.draw(found, TURNS)
