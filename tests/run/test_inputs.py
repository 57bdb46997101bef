"""--data DIR without the set that was asked for: what DIR holds, and what to run; nothing is trained in its place."""
from __future__ import annotations

import json
import shutil

import own_kit as kit
import pytest
from data_kit import write_cifar10, write_picture, write_pikachu, write_voc
from section_kit import OK, RUN_CLI, run_python, write_script

from d2lzh_cv.data import places
from d2lzh_cv.data.whats_there import whats_there
from d2lzh_cv.files import write_json

LOOKS = "run.find({!r})\n" + OK


def packed(root, task="detect"):
    """What `data pack` leaves, as far as it is looked at to find it."""
    if task == "segment":
        write_voc(root)
    else:
        root.mkdir(parents=True)
        for name in ("train.rec", "train.idx", "val.rec", "val.idx"):
            (root / name).touch()
    write_json(root / "classes.json", {"task": task, "classes": ["cat"], "pictures": {"train": 3, "val": 3}})


def masks(root):
    for folder in ("images", "masks"):
        write_picture(root / folder / "a.png")


def utf16(root):
    kit.write_voc(root)
    for path in (root / "Annotations").iterdir():
        path.write_text(path.read_text(), encoding="utf-16")


def book(root):
    for name in places.PICTURES:
        write_picture(root / "img" / name, 8, 8)


def annotations(kind):
    return f"DIR holds annotations ({kind}): pack them first: d2lzh-cv data pack DIR packed"


@pytest.mark.parametrize(("make", "said"), [
    (lambda root: root.mkdir(), "DIR is empty"),
    (kit.write_voc, annotations("Pascal VOC XML")), (utf16, annotations("Pascal VOC XML")),
    (kit.write_coco, annotations("COCO JSON")), (kit.write_yolo, annotations("YOLO")), (masks, annotations("masks")),
    (lambda root: write_picture(root / "a" / "b.jpg"), "DIR holds pictures without annotations"),
    (lambda root: packed(root, "segment"), "DIR holds packed masks, for 9.10"),
    (packed, "DIR holds packed boxes, for 9.7"),
    (lambda root: packed(root / "packed"), "the set is in DIR/packed: --data DIR/packed"),
    (lambda root: write_cifar10(root / "cifar10"), "DIR holds cifar10, for 9.1"),
    (book, "DIR holds img, for 9.1, 9.3-9.5, 9.7, 9.8, 9.10, 9.11"),
    (lambda root: (root / "deep").mkdir(parents=True),
     "DIR holds no known data set (see d2lzh-cv data list)")])
def test_it_is_said_what_a_folder_holds(make, said, tmp_path):
    root = tmp_path / "root"
    make(root)
    assert whats_there(root).replace(str(root), "DIR") == said


def test_the_folder_above_is_meant(tmp_path):
    for name in ("train/hotdog", "train/other", "test/hotdog", "test/other"):
        (tmp_path / "hotdog" / name).mkdir(parents=True)
    assert whats_there(tmp_path / "hotdog").endswith(f"is the set hotdog itself: --data {tmp_path}")


def test_a_name_with_a_blank_can_be_typed_as_it_is_printed(tmp_path):
    kit.write_voc(tmp_path / "my set")
    assert whats_there(tmp_path / "my set").endswith(f"d2lzh-cv data pack '{tmp_path}/my set' packed")


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(("number", "name", "make"), [
    ("9.7", "pikachu", kit.write_voc), ("9.7", "pikachu", lambda root: packed(root, "segment")),
    ("9.10", "voc", packed), ("9.10", "voc", book), ("9.2", "hotdog", lambda root: root.mkdir()),
    ("9.3", "img", packed), ("9.7-losses", "pikachu", book), ("9.8-mask-rcnn", "pikachu", book)])
def test_a_section_without_its_set_does_not_run(alone, number, name, make, tmp_path):
    script = write_script(tmp_path, number, OK)
    make(tmp_path / "my set")
    begin = [str(script)] if alone else ["-c", RUN_CLI, "run", number]
    code, out, err = run_python(tmp_path, *begin, "--data", "my set", "--quick", "--out", "o")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1 and not (tmp_path / "o").exists()
    assert err.startswith(f"error: --data my set: section {number} reads {name} (") and "not there: my set " in err


def test_several_sections_take_what_is_there_and_say_what_was_drawn(tmp_path, monkeypatch):
    for number, name in (("9.1", "img"), ("9.6", "pikachu"), ("9.9", "voc")):
        write_script(tmp_path, number, LOOKS.format(name))
        drawn = tmp_path / "cache" / "synthetic" / f"{name}-seed0"
        drawn.mkdir(parents=True)
        write_json(drawn / "synthetic.json", {"format": 1})
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    write_pikachu(tmp_path / "root" / "pikachu")
    code, out, err = run_python(tmp_path, "-c", RUN_CLI, "run", "9.1", "9.6", "9.9", "--data", "root", "--out", "o")
    assert (code, err) == (0, "not in root, drawn by this package: img (9.1); voc (9.9)\n")
    assert "pikachu: root/pikachu (train.json" in out and "the book's set is not in root/" in out
    kinds = {number: json.loads((tmp_path / "o" / number / "results.json").read_text())["data"][0]["kind"]
             for number in ("9.1", "9.6", "9.9")}
    assert kinds == {"9.1": "synthetic", "9.6": "real", "9.9": "synthetic"}
    shutil.rmtree(tmp_path / "root" / "pikachu")
    code, out, err = run_python(tmp_path, "-c", RUN_CLI, "run", "9.1", "9.6", "--data", "root", "--out", "p")
    assert (code, out) == (2, "") and err.startswith(
        "error: --data root: these sections read img, cifar10, pikachu, not there: root is empty")


def test_a_section_that_reads_nothing_takes_any_folder(tmp_path):
    write_script(tmp_path, "9.7-transpose", OK)
    (tmp_path / "root").mkdir()
    assert run_python(tmp_path, "-c", RUN_CLI, "run", "9.7-transpose", "--data", "root", "--out", "o")[0] == 0
