"""How much of the book's set a folder holds: one picture short of the whole, a part, another set, the whole."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from data_kit import REAL, needs_real_data, write_cifar10, write_picture, write_pikachu, write_voc

from d2lzh_cv import cli
from d2lzh_cv.data import extent, hub
from d2lzh_cv.data.extent import OTHER, PART, WHOLE


def write_lists(tree: Path, train, val) -> Path:
    for part, names in (("train", train), ("val", val)):
        path = tree / "ImageSets" / "Segmentation" / f"{part}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name}\n" for name in names))
    return tree


def names(first: str, count: int, step: int = 2) -> list[str]:
    """Names in VOC2012's form from ``first`` on."""
    return [first, *(f"2009_{int(first[5:]) + step * i:06d}" for i in range(1, count))]


TRAIN, VAL = names("2007_000032", 1464), names("2007_000033", 1449)


# -- VOC2012 ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("train", "val", "kind", "text"), [
    (TRAIN, VAL, WHOLE, "all of VOC2012: 1,464 training and 1,449 validation pictures"),
    (TRAIN[:-1], VAL, PART, "a part of VOC2012: 1,463 of 1,464 training and 1,449 of 1,449 validation pictures"),
    (TRAIN, VAL[:-1], PART, "a part of VOC2012: 1,464 of 1,464 training and 1,448 of 1,449 validation pictures"),
    (TRAIN[:1], VAL[:1], PART, "a part of VOC2012: 1 of 1,464 training and 1 of 1,449 validation pictures"),
    (TRAIN[5:9], VAL[3:4], PART, "a part of VOC2012: 4 of 1,464 training and 1 of 1,449 validation pictures"),
    ([*TRAIN, "2011_003276"], VAL, OTHER, ""),  # one more than the book's list, such as a list with added masks
    ([*TRAIN[:-1], "000000000036"], VAL, OTHER, ""),  # a picture of COCO among them
    ([*TRAIN[:-1], VAL[0]], VAL, OTHER, ""),  # a picture in both lists
    (["2007_000001", *TRAIN[1:]], VAL, OTHER, ""),  # as many as the book's, but from another beginning
    (["2006_000032"], VAL[:1], OTHER, ""), (["a0", "a1"], ["a2"], OTHER, ""),
    ([], VAL, OTHER, ""), (TRAIN, [], OTHER, "")])
def test_the_lists_tell_the_whole_of_voc2012_from_a_part_and_from_another_set(tmp_path, train, val, kind, text):
    found = extent.voc(write_lists(tmp_path / "any", train, val))
    assert (found.kind, str(found)) == (kind, text)
    assert found.first == (train[0] if train else "")


def test_the_name_of_a_tree_decides_only_when_the_tree_is_gone(tmp_path):
    assert extent.voc(tmp_path / "VOC2012").kind == WHOLE and extent.voc(tmp_path / "coco").kind == OTHER
    assert extent.voc(write_voc(tmp_path / "VOC2012")).kind == OTHER


# -- the other sets ---------------------------------------------------------------------------------------------------
def write_first(monkeypatch, root: Path, batches: int, pictures: int) -> Path:
    """CIFAR-10 files that count as beginning with the book's first pictures."""
    write_cifar10(root, batches, pictures)
    monkeypatch.setattr(extent, "_CIFAR10_FIRST", tuple(
        extent._checksum(root / f"{name}.bin") for name in ("data_batch_1", "test_batch")))
    return root


def test_cifar10_is_told_by_its_first_pictures_and_the_sizes_of_its_files(tmp_path, monkeypatch):
    root = write_cifar10(tmp_path / "cifar10", 2, 20)
    assert extent.cifar10(root).kind == OTHER
    write_first(monkeypatch, root, 2, 20)
    assert str(extent.cifar10(root)) == "a part of CIFAR-10: 40 of 50,000 training and 20 of 10,000 test pictures"
    monkeypatch.setattr(extent, "BOOKS", {**extent.BOOKS, "cifar10": extent.Book("C", ("training", "test"), (100, 20))})
    assert extent.cifar10(write_first(monkeypatch, root, 5, 20)).kind == WHOLE
    assert extent.cifar10(write_first(monkeypatch, root, 4, 20)).kind == WHOLE  # data_batch_5.bin is still there
    (root / "data_batch_5.bin").unlink()
    assert extent.cifar10(root).kind == PART
    assert extent.cifar10(write_first(monkeypatch, root, 5, 21)).kind == OTHER


def test_pikachu_is_told_by_its_numbers_and_labels(tmp_path):
    root = write_pikachu(tmp_path / "pikachu", 5, 3)
    part = "a part of the Pikachu records: 5 of 900 training and 3 of 100 validation pictures"
    assert str(extent.pikachu(root)) == part
    for boxes in ({"0.jpg": [1, 0, 0, 1, 1]}, {"0.jpg": [[0, 0, 0, 1, 1]] * 2}, {"0.jpg": []}, {"0.jpg": 3}, 3, {}):
        (root / "train.json").write_text(json.dumps(boxes))
        assert extent.pikachu(root).kind == OTHER, boxes
    for count, kind in ((900, WHOLE), (899, PART), (901, OTHER)):
        for split, pictures in (("train", count), ("val", 100)):
            (root / f"{split}.json").write_text(json.dumps({f"{i}.jpg": [[0, 0, 0, 1, 1]] for i in range(pictures)}))
        assert extent.pikachu(root).kind == kind
    (root / "classes.json").write_text("{}")
    assert extent.pikachu(root).kind == OTHER


def test_pikachu_s_records_are_counted_like_the_json_they_were_packed_from(tmp_path):
    from d2lzh_cv.data.records import pack_detection
    root = write_pikachu(tmp_path / "json", 5, 3)
    packed = pack_detection(root, tmp_path / "pikachu")
    assert str(extent.pikachu(packed)) == str(extent.pikachu(root)) != ""
    rec = packed / "val.rec"
    rec.write_bytes(rec.read_bytes()[:-30])  # the last picture is cut off, but its label is there
    assert extent.pikachu(packed).pictures == (5, 3)
    rec.write_bytes(rec.read_bytes()[:14])
    assert extent.pikachu(packed).kind == OTHER


def test_fewer_hot_dogs_may_be_other_ones(tmp_path):
    for part, count in (("train", 2), ("test", 1)):
        for name in ("hotdog", "not-hotdog"):
            for i in range(count):
                write_picture(tmp_path / "hotdog" / part / name / f"{i}.png", 8, 8)
    text = "a part of the book's hot dogs, or other ones: 4 of 2,000 training and 2 of 800 test pictures"
    assert str(extent.hotdog(tmp_path / "hotdog")) == text
    assert hub.locate("hotdog", tmp_path)[1] == f"train, test; {text}"
    (tmp_path / "hotdog" / "train" / "buns").mkdir()
    assert extent.hotdog(tmp_path / "hotdog").kind == OTHER


@pytest.mark.parametrize(("name", "text"), [
    ("voc", "a part of VOC2012: 411 of 1,464 training and 421 of 1,449 validation pictures"),
    ("cifar10", "a part of CIFAR-10: 40,000 of 50,000 training and 1,000 of 10,000 test pictures"),
    ("hotdog", "a part of the book's hot dogs, or other ones: 1,000 of 2,000 training and 400 of 800 test pictures")])
def test_a_part_is_read_again_from_the_line_that_was_printed(name, text):
    told = extent.said(name, f"{name}: data/x (train, test; {text})")
    assert told.kind == PART and str(told) == text
    assert extent.said(name, f"{name}: data/x (train, test)") is None and extent.said("img", text) is None


def test_no_set_is_read_with_mxnet():
    code = "import sys; sys.modules['mxnet'] = None; from d2lzh_cv.data import extent, catalogue"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


# -- what the reader sees ---------------------------------------------------------------------------------------------
def test_the_commands_say_a_part(tmp_path, capsys):
    tree = write_voc(tmp_path / "VOCdevkit" / "VOC2012", sizes=((40, 60), (50, 70)))
    for old, new in (("a0", TRAIN[0]), ("a1", VAL[0])):
        for folder, suffix in (("JPEGImages", ".jpg"), ("SegmentationClass", ".png")):
            (tree / folder / (old + suffix)).rename(tree / folder / (new + suffix))
    write_lists(tree, TRAIN[:1], VAL[:1])
    part = "a part of VOC2012: 1 of 1,464 training and 1 of 1,449 validation pictures"
    assert f"({part})" in hub.find("voc", tmp_path).note
    assert cli.main(["data", "check", "--data", str(tmp_path)]) == 0
    assert f"{part}, 1 in train.txt, 1 in val.txt, 4 of 4 pictures open; problems: none" in capsys.readouterr().out
    assert cli.main(["data", "list", "--data", str(tmp_path)]) == 0
    assert f"voc: {part}\n" in capsys.readouterr().out
    assert cli.main(["data", "list", "--json", "--data", str(tmp_path)]) == 0
    assert {row["name"]: row["part"] for row in json.loads(capsys.readouterr().out) if row["path"]} == {"voc": part}


def test_data_check_says_of_another_set_in_voc_form_that_it_is_none_of_voc2012(tmp_path, capsys):
    write_voc(tmp_path / "coco", sizes=((40, 60),))
    assert cli.main(["data", "check", "--data", str(tmp_path)]) == 0
    assert "in VOC form, not VOC2012, 1 in train.txt" in capsys.readouterr().out


@needs_real_data
def test_the_real_sets_are_told(capsys):
    for name, kind, counts in (("cifar10", PART, (4000, 1000)), ("pikachu", WHOLE, (900, 100))):
        found = getattr(extent, name)(REAL / name)
        assert (found.kind, found.pictures) == (kind, counts)
    assert extent.voc(REAL / "coco128_voc").kind == OTHER
