"""-p NAME=VALUE: which names and which values a section takes."""
from __future__ import annotations

import re

import pytest

from d2lzh_cv import cli, contents
from d2lzh_cv.errors import InputError
from d2lzh_cv.run import parameters

SSD = contents.find("9.7")


def test_quick_mode_has_its_own_values():
    full, quick = (parameters.of_section(SSD, mode) for mode in (False, True))
    assert full == {"batch_size": 32, "edge_size": 256, "num_epochs": 20, "learning_rate": 0.2, "weight_decay": 5e-4}
    assert quick == {**full, "edge_size": 128, "num_epochs": 30}


@pytest.mark.parametrize("info", contents.ALL, ids=lambda info: info.number)
def test_every_section_s_parameters_are_literals_and_quick_mode_adds_none(info):
    full, quick = (parameters.of_section(info, mode) for mode in (False, True))
    assert list(full) == list(quick)
    assert [type(value) for value in full.values()] == [type(value) for value in quick.values()]


@pytest.mark.parametrize("text, default, value", [
    ("3", 1, 3), ("0", 0, 0), ("0", 0.5, 0.0), ("0.1", 0.2, 0.1), ("1e-3", 0.2, 1e-3), ("2", 0.2, 2.0),
    ("true", False, True), ("False", True, False), ("a b", "x", "a b"), ("(1, 2)", (3, 4), (1, 2)),
    ("[0.5, 1]", [1, 2.0], [0.5, 1]), ("[3, 4]", (1, 2), (3, 4)), ("(0.5, 1)", [1, 0.5], [0.5, 1]),
    ("[0.5]", [1, 0.5], [0.5]), ("[1, 2, 3]", [1, 2], [1, 2, 3])])
def test_a_value_gets_the_type_of_the_default(text, default, value):
    found = parameters.convert(f"n={text}", text, default)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("text, default", [
    ("1.5", 1), ("", 1), ("True", 1), ("x", 0.5), ("1", False), ("(1,)", (3, 4)), ("('a', 2)", (3, 4)), ("3", (3, 4)),
    ("(1, 2, 3)", (3, 4)), ("[]", [1, 2]), ("['a']", [1, 2]), ("[[1]]", [1, 2]), ("[True]", [1, 2]), ("3", [1, 2]),
    ("[1, 2.0]", [1, 2]), ("(320.5, 480)", (320, 480)),
    ("__import__('os')", 1), ("nan", 0.5)])
def test_a_value_of_another_type_is_refused(text, default):
    with pytest.raises(InputError, match="-p n="):
        parameters.convert(f"n={text}", text, default)


@pytest.mark.parametrize("number, text, message", [
    ("9.7", "batch_size=0", "0 is too small; give a number above 0"), ("9.7", "num_epochs=-3", "-3 is too small"),
    ("9.7", "learning_rate=-0.1", "of at least 0"), ("9.10", "num_slow_epochs=-1", "of at least 0"),
    ("9.7", "learning_rate=-1e999", "of at least 0"), ("9.10", "crop_size=(320, 0)", "above 0"),
    ("9.4", "sizes=[0.5, -1e-9, 0.5]", "above 0"), ("9.7", "learning_rate=1e999", "the number is too large"),
    ("9.4", "sizes=[0.5, 1e999, 0.5]", "the number is too large"), ("9.4", "ratios=[1, 2, 3, 4, 0]", "above 0"),
    ("9.10-matrix-product", "sizes=[8, 9, 10, 11, 12, 0]", "above 0"), ("9.4", "sizes=[0.5, 1, 2, -1]", "above 0")])
@pytest.mark.parametrize("quick", [False, True])
def test_a_number_that_is_too_small_or_too_large_is_refused(number, text, message, quick):
    with pytest.raises(InputError, match=f"-p {re.escape(text)}: .*{message}"):
        parameters.choose(contents.find(number), quick, [text])


@pytest.mark.parametrize("number, text", [
    ("9.7", "weight_decay=0"), ("9.8", "threshold=0"), ("9.10", "num_slow_epochs=0"), ("9.1", "with_hue=false")])
@pytest.mark.parametrize("quick", [False, True])
def test_a_zero_that_has_a_meaning_is_accepted(number, text, quick):
    """9.10 has slow epochs in quick mode only, and a reader may do without."""
    (value,) = parameters.choose(contents.find(number), quick, [text]).values()
    assert value == 0


@pytest.mark.parametrize("info", contents.ALL, ids=lambda info: info.number)
@pytest.mark.parametrize("quick", [False, True])
def test_every_section_s_own_values_are_accepted(info, quick):
    own = parameters.of_section(info, quick)
    assert parameters.choose(info, quick, [f"{name}={value}" for name, value in own.items()]) == own


@pytest.mark.parametrize("texts, message", [
    (["learning_rat=1"], "has no parameter learning_rat, did you mean learning_rate"),
    (["small_shape=(3, 4)"], "has no parameter small_shape; it is one of 9.11"),
    (["learning_rate"], "write NAME=VALUE"), (["=3"], "write NAME=VALUE"), (["a b=3"], "write NAME=VALUE"),
    (["num_epochs=x"], "'x' is not a whole number"), (["batch_size=0"], "-p batch_size=0: 0 is too small")])
def test_a_wrong_parameter_is_one_line_and_2(texts, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "9.7", *(word for text in texts for word in ("-p", text))]) == 2
    assert message in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_epochs_sets_every_number_of_epochs_and_p_has_the_last_word():
    assert parameters.choose(SSD, True, [], 3) == {"num_epochs": 3}
    assert parameters.choose(SSD, True, ["num_epochs=4", "num_epochs=5"], 3) == {"num_epochs": 5}
    style = parameters.choose(contents.find("9.11"), False, [], 3)
    assert len(style) == 2 and set(style.values()) == {3}


def test_the_list_shows_both_modes(capsys):
    assert cli.main(["list", "--parameters", "9.7"]) == 0
    out = capsys.readouterr().out
    assert "edge_size" in out and "256" in out and "128" in out
