"""Where the hub looks, what it falls back to, and the line it says so with."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from data_kit import REAL, needs_real_data, write_cifar10, write_picture, write_pikachu, write_voc

from d2lzh_cv.data import catalogue, hub, places
from d2lzh_cv.data import drawn as drawing
from d2lzh_cv.errors import InputError
from d2lzh_cv.files import write_json


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """An empty data root and cache; synthetic sets are a stamp alone. Holds the sets that were drawn."""
    calls = []

    def make(name, folder, seed):
        calls.append((name, seed))
        write_json(folder / "synthetic.json", {"set": name, "seed": seed, "format": drawing.FORMAT})
        return folder

    monkeypatch.setattr(drawing, "make", make)
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    return calls


def test_roots_follow_the_environment_then_the_checkout_then_here(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_DATA", "somewhere")
    monkeypatch.setenv("D2LZH_CV_CACHE", "elsewhere")
    assert (hub.data_root(), hub.cache_root()) == (Path("somewhere"), Path("elsewhere"))
    monkeypatch.delenv("D2LZH_CV_CACHE")
    assert hub.cache_root() != Path("somewhere") / "cache"  # a root the reader named may be read-only
    monkeypatch.delenv("D2LZH_CV_DATA")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "_CHECKOUT", tmp_path / "installed")
    assert (hub.data_root(), hub.cache_root()) == (tmp_path / "data", tmp_path / "data" / "cache")
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed" / "setup.py").touch()
    assert hub.data_root() == tmp_path / "installed" / "data"


def test_auto_takes_the_real_set(tmp_path, drawn, monkeypatch):
    write_cifar10(tmp_path / "data" / "cifar10")
    monkeypatch.chdir(tmp_path)
    source = hub.find("cifar10")
    assert source == hub.Source("cifar10", tmp_path / "data" / "cifar10", "real",
                                "cifar10: data/cifar10 (2 of 5 training files, test_batch.bin)")
    assert drawn == []


def test_auto_falls_back_and_says_so_in_one_line(tmp_path, drawn, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = hub.find("pikachu", seed=3)
    assert source.kind == "synthetic"
    assert source.path == tmp_path / "cache" / "synthetic" / "pikachu-seed3"
    assert source.note == "pikachu: drawn by this package (seed 3); the book's set is not in data/"


def test_a_set_is_drawn_once_and_again_by_a_newer_version(drawn, monkeypatch):
    for _ in range(2):
        hub.find("voc", "synthetic")
    hub.find("voc", "synthetic", seed=1)
    assert drawn == [("voc", 0), ("voc", 1)]
    monkeypatch.setattr(drawing, "FORMAT", drawing.FORMAT + 1)
    hub.find("voc", "synthetic")
    assert drawn[2:] == [("voc", 0)]


def test_a_drawing_that_fails_is_not_taken_for_a_set(drawn, monkeypatch):
    (hub.cache_root() / "synthetic" / "voc-seed0").mkdir(parents=True)  # what an older version left
    hub.find("voc", "synthetic")
    assert drawn == [("voc", 0)]


def test_book_without_the_set_names_the_set_the_place_and_the_way_out(tmp_path, drawn, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"pikachu is not in data \(looked for pikachu/train\.rec.*D2LZH_CV_DATA"):
        hub.find("pikachu", "book")
    with pytest.raises(InputError, match="weights is not in data"):
        hub.find("weights", "book")


def test_a_folder_takes_the_roots_place(tmp_path, drawn):
    write_voc(tmp_path / "mine" / "own_voc")
    assert hub.find("voc", str(tmp_path / "mine")).path == tmp_path / "mine" / "own_voc"
    assert hub.find("hotdog", tmp_path / "mine").kind == "synthetic"
    with pytest.raises(InputError, match="--data .*nowhere: no such folder"):
        hub.find("voc", str(tmp_path / "nowhere"))


def test_a_data_root_that_does_not_exist_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="D2LZH_CV_DATA=.*nowhere"):
        hub.find("voc")


def test_an_unknown_set_is_named(drawn):
    with pytest.raises(InputError, match="unknown data set 'mnist'; choose from img, cifar10"):
        hub.find("mnist")


def test_a_cache_that_cannot_be_written_is_named(tmp_path, drawn, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="file"):
        hub.find("voc", "synthetic")


def test_weights_and_source_have_one_form_each(tmp_path, drawn):
    assert hub.find("weights").kind == "synthetic"
    assert not list(hub.find("weights").path.glob("*"))
    assert hub.find("source", "book").kind == "synthetic"
    (tmp_path / "data" / "weights").mkdir()
    (tmp_path / "data" / "weights" / "resnet18_v2.params").touch()
    assert hub.find("weights").kind == "real"
    assert not list(hub.find("weights", "synthetic").path.glob("*"))


def test_a_set_counts_only_when_its_files_are_there(tmp_path):
    for name in places.PICTURES[:-1]:
        write_picture(tmp_path / "img" / name, 8, 8)
    assert hub.locate("img", tmp_path) is None
    write_picture(tmp_path / "img" / places.PICTURES[-1], 8, 8)
    assert hub.locate("img", tmp_path)[0] == tmp_path / "img"
    write_cifar10(tmp_path / "cifar10")
    (tmp_path / "cifar10" / "test_batch.bin").unlink()
    assert hub.locate("cifar10", tmp_path) is None
    assert hub.locate("cifar10", write_cifar10(tmp_path / "cifar-10-batches-bin").parent)[0].name.endswith("-bin")
    write_picture(tmp_path / "hotdog" / "train" / "hotdog" / "1.jpg")
    assert hub.locate("hotdog", tmp_path) is None


def test_pikachu_is_taken_as_records_before_json(tmp_path):
    write_pikachu(tmp_path / "pikachu")
    assert hub.locate("pikachu", tmp_path)[1].startswith("train.json")
    for name in ("train.rec", "train.idx", "val.rec"):
        assert hub.locate("pikachu", tmp_path)[1].startswith("train.json")
        (tmp_path / "pikachu" / name).touch()
    assert hub.locate("pikachu", tmp_path)[1] == "train.rec"


@pytest.mark.parametrize("place", [".", "VOC2012", "VOCdevkit/VOC2012", "coco128_voc"])
def test_voc_trees_are_found_in_each_of_their_places(tmp_path, place):
    write_voc(tmp_path / "root" / place)
    tree, what = hub.locate("voc", tmp_path / "root")
    assert tree == tmp_path / "root" / place
    assert what == "in VOC form, not VOC2012"  # the names in its lists decide, not the folder's


def test_kaggle_sets_are_found_zipped_and_unpacked(tmp_path):
    folder = tmp_path / "kaggle_cifar10"
    for name in ("train_tiny", "test_tiny"):
        (folder / name).mkdir(parents=True)
    assert hub.locate("kaggle_cifar10", tmp_path) is None
    (folder / "trainLabels.csv").touch()
    assert hub.locate("kaggle_cifar10", tmp_path) == (folder, "train_tiny/")
    (tmp_path / "kaggle_dog").mkdir()
    assert hub.locate("kaggle_dog", tmp_path) is None
    (tmp_path / "kaggle_dog" / "train_valid_test_tiny.zip").touch()
    assert hub.locate("kaggle_dog", tmp_path)[1] == "train_valid_test_tiny.zip"


def test_the_hub_answers_without_mxnet():
    code = ("import sys; sys.modules['mxnet'] = None; from d2lzh_cv.data import hub; "
            "print(hub.locate('voc', hub.data_root()))")
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@needs_real_data
def test_the_real_sets_are_found(drawn):
    found = {item.name for item in catalogue.data_sets() if hub.find(item.name, REAL).kind == "real"}
    assert found == {"img", "cifar10", "hotdog", "pikachu", "voc", "kaggle_cifar10", "weights"}
