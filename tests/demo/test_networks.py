"""What the page offers: named checkpoints, those of the newest run, the network of ImageNet; and what it lacks."""
from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from checkpoint_kit import a_classifier, a_detector, constant_fcn

from d2lzh_cv.commands.demo import networks
from d2lzh_cv.errors import InputError
from d2lzh_cv.models.checkpoint import load_model


def nothing(*_args, **_kwargs):
    raise InputError("no weights")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder, without networks from elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(networks, "imagenet_model", nothing)
    monkeypatch.setattr(networks, "find_source", nothing)
    return tmp_path


def test_the_networks_of_the_newest_run_in_the_order_of_sections(here, capsys):
    run = here / "runs" / "2026-01-01_00-00-00"
    for section, make in (("9.10", constant_fcn), ("9.7", a_detector), ("9.2", a_classifier)):
        make(run / section / "model")
    damaged = a_detector(run / "9.1" / "model")
    (damaged / "net.params").write_bytes(b"broken")
    (here / "runs" / "latest").symlink_to(run.name)
    found = networks.load()
    assert [one.label for one in found.trained] == [
        "9.2, mobilenetv2_0.25: yes, no", "9.7, TinySSD: pikachu, 猫", "9.10, fcn: background, dawn, dusk"]
    assert [len(found.of(task)) for task in ("detect", "segment", "classify")] == [1, 1, 1]
    said = capsys.readouterr().out
    assert "left out: " in said and "net.params is damaged" in said and "Traceback" not in said


def test_named_checkpoints_take_the_place_of_the_newest_run(here):
    (here / "runs" / "latest").mkdir(parents=True)
    path = a_detector(here / "mine" / "model")
    found = networks.load([path, here / "mine"])
    assert [one.label for one in found.trained] == ["mine, TinySSD: pikachu, 猫", "mine, TinySSD: pikachu, 猫 (2)"]


def test_a_folder_that_is_no_checkpoint_is_named(here):
    (here / "no_model").mkdir()
    with pytest.raises(InputError, match="no_model holds no model.json"):
        networks.load([here / "no_model"])


def test_without_a_trained_network_the_others_are_offered_and_the_command_is_said(here, monkeypatch, capsys):
    net, description = load_model(a_classifier(here / "zoo"))
    monkeypatch.setattr(networks, "imagenet_model", lambda ctx: (net, description, "a note"))
    monkeypatch.setattr(networks, "find_source", lambda *_: SimpleNamespace(note="features"))
    monkeypatch.setattr(networks, "extractor_of", lambda source, ctx: source)
    found = networks.load()
    assert [one.label for one in found.trained] == ["mobilenetv2_0.25: ImageNet"] and found.extractor.note == "features"
    assert "no network is trained yet; to train one: d2lzh-cv run 9.7 --quick" in capsys.readouterr().out


def test_with_nothing_at_all_one_line_says_what_to_do(here):
    with pytest.raises(InputError, match="no network to show: train one, for instance by d2lzh-cv run 9.7 --quick"):
        networks.load(say=lambda line: None)


def test_a_copy_elsewhere_is_found(here):
    a_detector(here / "a" / "model", classes=("a", "b", "c", "d"))
    shutil.copytree(here / "a", here / "b")
    assert networks.of_checkpoint(here / "b").label == "b, TinySSD: a, b, c … (4)"
