"""Data that changes while it is in use is one clear error, whatever the reader would have made of it."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import background_kit as kit
import pytest
from data_kit import cut, write_cifar10, write_picture, write_pikachu, write_voc
from mxnet import gluon

from d2lzh_cv import VOCSegDataset, voc_colormap2label
from d2lzh_cv.data import images, pikachu
from d2lzh_cv.data.cifar10 import CIFAR10
from d2lzh_cv.data.fingerprint import Unchanged
from d2lzh_cv.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
LETTERS = "ooboobooboob"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))


def later(path: Path) -> None:
    """Make sure that the time of change is another, on a file system of coarse times too."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncate(path: Path) -> None:
    cut(path, 0.6)


def overwrite(path: Path) -> None:
    """As many bytes, all others."""
    path.write_bytes(bytes(path.stat().st_size))
    later(path)


def replace(path: Path) -> None:
    """Another file of this name, of the same length; who has the old one open still reads that."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)
    later(path)


CHANGES = [Path.unlink, empty, truncate, overwrite, replace]


# Records

@pytest.mark.parametrize("reader", ["fast", "python"])
@pytest.mark.parametrize("name", ["train.rec", "train.idx"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("between_epochs", [False, True])
def test_training_records(tmp_path, between_epochs, change, name, reader):
    root = kit.write_set(tmp_path / "set", LETTERS)
    train_iter, _ = pikachu.load_pikachu(root, 4, 32, reader=reader)
    train_iter.next()
    if between_epochs:
        assert len(list(train_iter)) == 2
    change(root / name)
    done = "was removed" if change is Path.unlink else "changed"
    with pytest.raises(InputError, match=rf"set/{name} {done} while it was in use; put it back as it was, or start"):
        if between_epochs:
            train_iter.reset()
        train_iter.next()


@pytest.mark.parametrize("change", CHANGES)
def test_validation_records(tmp_path, change):
    """Cut between two pictures, MXNet would take it for a shorter set."""
    _, val_iter = pikachu.load_pikachu(kit.write_set(tmp_path / "set", LETTERS), 5, 32)
    assert len(list(val_iter)) == 3
    val_iter.reset()
    change(tmp_path / "set" / "val.rec")
    with pytest.raises(InputError, match=r"set/val\.rec (changed|was removed) while it was in use"):
        list(val_iter)


def test_a_set_that_is_packed_again(tmp_path):
    """The JSON form: what was packed of it is used, so its sources may change; another run may pack them anew."""
    source = write_pikachu(tmp_path / "pikachu", train=6)
    train_iter, _ = pikachu.load_pikachu(source, 3, 32)
    write_picture(source / "train" / "0.jpg", 40, 40, seed=9)
    train_iter.reset()
    assert len(list(train_iter)) == 2
    again, _ = pikachu.load_pikachu(source, 3, 32)
    assert len(list(again)) == 2
    with pytest.raises(InputError, match=r"train\.rec changed while it was in use"):
        train_iter.reset()


def test_an_error_of_another_cause_stays_what_it_is(tmp_path):
    path = write_picture(tmp_path / "a.png")
    with pytest.raises(ZeroDivisionError), Unchanged(path):
        raise ZeroDivisionError
    with Unchanged(path, tmp_path / "never there"):
        pass
    with pytest.raises(InputError, match=r"a\.png was removed") as raised, Unchanged(path):
        path.unlink()
        raise ZeroDivisionError
    assert isinstance(raised.value.__context__, ZeroDivisionError) and "\n" not in str(raised.value)


def test_a_training_whose_records_change_ends_with_one_line(tmp_path):
    """As it is typed: exit code 2, the file, no traceback."""
    root = kit.write_set(tmp_path / "own", LETTERS)
    (root / "classes.json").write_text(json.dumps(
        {"task": "detect", "classes": ["square"], "source": "drawn", "pictures": {"train": 12, "val": 12}}))
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    command = [sys.executable, "-m", "d2lzh_cv", "run", "9.7", "--quick", "--data", "own", "--out", "out"]
    with subprocess.Popen([*command, "--epochs", "500"], cwd=tmp_path, env=env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as run:
        try:
            deadline, log = time.time() + 120, tmp_path / "out" / "9.7" / "metrics.jsonl"
            while time.time() < deadline and run.poll() is None and not (log.is_file() and log.read_text()):
                time.sleep(0.1)
            assert run.poll() is None and log.read_text(), "it trains"
            (root / "train.rec").write_bytes(b"")
            output = run.communicate(timeout=120)[0]
        finally:
            if run.poll() is None:
                run.send_signal(signal.SIGKILL)
    assert run.returncode == 2, output
    assert "9.7 failed: own/train.rec changed while it was in use" in output.replace("\n", " ")
    assert "Traceback" not in output
    recorded = json.loads((tmp_path / "out" / "9.7" / "results.json").read_text())
    assert recorded["status"] == "failed" and "own/train.rec changed" in recorded["error"]
    assert any((tmp_path / "out" / "9.7" / "snapshots" / "TinySSD").iterdir()), "what was trained stays"


# Folders of pictures

@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", ["b.jpg", "b.png"])
def test_a_folder_of_pictures(tmp_path, name, workers, change):
    """OpenCV fills what is cut off of a JPEG with grey, and says nothing."""
    for picture in ("cat/a.jpg", f"dog/{name}"):
        write_picture(tmp_path / picture, 60, 60, seed=len(picture))
    dataset = images.image_folder(tmp_path)
    loader = gluon.data.DataLoader(dataset, 2, num_workers=workers, thread_pool=True)
    for _ in range(2):
        assert next(iter(loader))[0].shape == (2, 60, 60, 3)
    change(tmp_path / "dog" / name)
    with pytest.raises(InputError, match=rf"dog/{name} (changed|was removed) while it was in use"):
        list(loader)


def test_pictures_of_a_folder_not_read_yet_may_change(tmp_path):
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / name, seed=1)
    dataset = images.image_folder(tmp_path, needs_classes=False)
    assert dataset[0][0].shape == (40, 50, 3)
    write_picture(tmp_path / "b.png", 30, 30, seed=2)
    assert dataset[1][0].shape == (30, 30, 3)


# VOC trees and CIFAR-10

@pytest.mark.parametrize("change", [Path.unlink, empty, truncate])
@pytest.mark.parametrize("name", ["JPEGImages/a0.jpg", "SegmentationClass/a0.png"])
@pytest.mark.parametrize("cache_bytes", [0, VOCSegDataset.cache_bytes])
def test_a_voc_tree(tmp_path, monkeypatch, cache_bytes, name, change):
    monkeypatch.setattr(VOCSegDataset, "cache_bytes", cache_bytes)
    tree = write_voc(tmp_path / "VOC")
    dataset = VOCSegDataset(True, (20, 20), tree, voc_colormap2label())
    assert dataset[0][0].shape == (3, 20, 20)
    change(tree / name)
    with pytest.raises(InputError, match=f"{name} is not a whole picture|cannot read picture .*{name}"):
        dataset[0]


def test_a_voc_picture_of_another_size(tmp_path):
    tree = write_voc(tmp_path / "VOC")
    dataset = VOCSegDataset(True, (20, 20), tree, voc_colormap2label())
    dataset[0]
    write_picture(tree / "JPEGImages" / "a0.jpg", 44, 61)
    with pytest.raises(InputError, match=r"a0\.jpg changed its size while it was in use"):
        dataset[0]


def test_cifar10_is_read_once(tmp_path):
    dataset = CIFAR10(write_cifar10(tmp_path))
    for path in tmp_path.glob("*.bin"):
        path.unlink()
    assert len(dataset) == 40 and dataset[39][0].shape == (32, 32, 3)
