"""data pack on whole sets: each format gives the same records, splits, classes; OUT is whole or not there."""
from __future__ import annotations

import json
import os
import random

import mxnet as mx
import numpy as np
import own_kit as kit
import pytest
from command_kit import pack_command as run
from data_kit import files_below, no_space
from PIL import Image
from record_kit import all_rows, packed_rows

from d2lzh_cv.data import hub, pikachu
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.own.packed import describe
from d2lzh_cv.errors import InputError


@pytest.mark.parametrize("kind", kit.WRITERS)
@pytest.mark.parametrize("given", ["auto", "named"])
def test_every_format_gives_the_drawn_boxes(tmp_path, kind, given):
    shapes = kit.WRITERS[kind](tmp_path / "src", objects=3)
    pack(tmp_path / "src", tmp_path / "out", kind if given == "named" else "auto")
    found = all_rows(tmp_path / "out")
    assert len(found) == 6
    for name, expected in shapes.items():
        picture = next((tmp_path / "src").rglob(name)).read_bytes()
        rows = [[kit.SHAPES.index(shape.name), *(value / 64 for value in shape.box)] for shape in expected]
        np.testing.assert_allclose(found[picture], rows, atol=1e-6)
    assert files_below(tmp_path / "out") == {"train.rec", "train.idx", "val.rec", "val.idx", "classes.json"}


def test_the_packed_set_is_described_and_found_by_the_hub(tmp_path):
    kit.write_yolo(tmp_path / "src", objects=2)
    pack(tmp_path / "src", tmp_path / "out", val_ratio=0.5)
    packed = describe(tmp_path / "out")
    assert (packed.classes, packed.train, packed.val) == (list(kit.SHAPES), 3, 3)
    source = hub.find("pikachu", tmp_path / "out")
    assert (source.path, source.kind) == (tmp_path / "out", "real")
    assert "classes: circle, square, triangle" in source.note
    content = json.loads((tmp_path / "out" / "classes.json").read_text())
    assert sum(sum(counts.values()) for counts in content["objects"].values()) == 9


def test_pictures_with_different_numbers_of_objects_are_padded_by_the_reader(tmp_path):
    kit.write_coco(tmp_path / "src", count=12, objects=3)
    pack(tmp_path / "src", tmp_path / "out")
    random.seed(0)
    train_iter, val_iter = pikachu.load_pikachu(tmp_path / "out", 5, 32)
    train_iter.reset()
    label = next(iter(train_iter)).label[0].asnumpy()
    assert label.shape == (5, 3, 5)
    counts = (label[:, :, 0] >= 0).sum(axis=1)
    assert set(counts.tolist()) <= {1, 2, 3} and len(set(counts.tolist())) > 1
    assert (label[label[:, :, 0] < 0] == -1).all()


@pytest.mark.parametrize("relative", [False, True])
def test_coordinates_in_pixels_and_relative_ones_are_told_apart(tmp_path, relative):
    kit.write_csv(tmp_path / "src", relative=relative)
    summary = pack(tmp_path / "src" / "boxes.csv", tmp_path / "out")
    assert f"coordinates {'relative' if relative else 'in pixels'}" in summary.lines[0]
    rows = np.array([row for rows in all_rows(tmp_path / "out").values() for row in rows])
    assert ((rows[:, 1:] >= 0) & (rows[:, 1:] <= 1)).all() and (rows[:, 3] - rows[:, 1]).min() > 0.2


def test_voc_counts_from_one_unless_a_zero_shows_otherwise(tmp_path):
    kit.pictures(tmp_path / "src" / "JPEGImages", count=2)
    (tmp_path / "src" / "Annotations").mkdir()
    for name, low in (("p0", 1), ("p1", 5)):
        text = kit.voc_xml(f"{name}.jpg", [kit.Shape("circle", (low - 1, low - 1, 33, 64))])
        (tmp_path / "src" / "Annotations" / f"{name}.xml").write_text(text)
    pack(tmp_path / "src", tmp_path / "one")
    assert sorted(rows[0][1:] for rows in all_rows(tmp_path / "one").values()) == [
        [0, 0, 33 / 64, 1], [4 / 64, 4 / 64, 33 / 64, 1]]
    path = tmp_path / "src" / "Annotations" / "p0.xml"
    path.write_text(path.read_text().replace("<xmin>1<", "<xmin>0<"))
    pack(tmp_path / "src", tmp_path / "zero")
    assert sorted(rows[0][1:3] for rows in all_rows(tmp_path / "zero").values()) == [
        [0, 1 / 64], [5 / 64, 5 / 64]]


def test_a_corner_less_than_a_pixel_outside_is_moved_in(tmp_path):
    kit.pictures(tmp_path / "src", count=2)
    (tmp_path / "src" / "b.csv").write_text("image,label,x,y,w,h\np0.jpg,a,-0.9,10,20,54.9\np1.jpg,a,10,10,20,20\n")
    pack(tmp_path / "src", tmp_path / "out")
    rows = sorted(rows[0][1:] for rows in all_rows(tmp_path / "out").values())
    np.testing.assert_allclose(rows[0], [0, 10 / 64, 19.1 / 64, 1], atol=1e-6)


# The split

def test_the_sets_own_split_is_kept(tmp_path):
    kit.write_voc(tmp_path / "src")
    lists = tmp_path / "src" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("p0\np3\np5\n")
    (lists / "val.txt").write_text("p1\n")
    summary = pack(tmp_path / "src", tmp_path / "out")
    pictures = tmp_path / "src" / "JPEGImages"
    assert list(packed_rows(tmp_path / "out" / "train.rec")) == [
        (pictures / f"p{i}.jpg").read_bytes() for i in (0, 3, 5)]
    assert list(packed_rows(tmp_path / "out" / "val.rec")) == [(pictures / "p1.jpg").read_bytes()]
    assert "left out 2 pictures that the set puts neither into training nor into validation" in summary.lines
    pack(tmp_path / "src", tmp_path / "drawn", val_ratio=0.34)
    assert (describe(tmp_path / "drawn").train, describe(tmp_path / "drawn").val) == (4, 2)


@pytest.mark.parametrize("layout", ["images/{0}", "{0}/images"])
def test_folders_called_train_and_val_are_a_split(tmp_path, layout):
    for part, count in (("train", 3), ("val", 2)):
        shapes = kit.pictures(tmp_path / "src" / layout.format(part), count=count)
        labels = tmp_path / "src" / layout.format(part).replace("images", "labels")
        labels.mkdir(parents=True)
        for name, found in shapes.items():
            (labels / name.replace("jpg", "txt")).write_text(kit.yolo_line(found[0]))
    (tmp_path / "src" / "data.yaml").write_text(
        "train: ../train/images\nval: ../val/images\nnames:\n  0: circle\n  1: square\n  2: tri\n")
    pack(tmp_path / "src", tmp_path / "out")
    assert describe(tmp_path / "out").train == 3 and describe(tmp_path / "out").val == 2


def test_a_coco_file_a_split(tmp_path):
    for part, count in (("train", 4), ("val", 2)):
        shapes = kit.pictures(tmp_path / "src" / f"{part}2017", count=count)  # the same names in both folders
        path = tmp_path / "src" / "annotations" / f"instances_{part}2017.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(kit.coco_dict(shapes)))
    pack(tmp_path / "src", tmp_path / "out")
    assert describe(tmp_path / "out").train == 4 and describe(tmp_path / "out").val == 2


def test_the_drawn_split_follows_the_seed(tmp_path):
    kit.write_csv(tmp_path / "src", count=10)
    vals = []
    for i, seed in enumerate((0, 0, 1, 2)):
        pack(tmp_path / "src", tmp_path / f"out{i}", val_ratio=0.3, seed=seed)
        vals.append(set(packed_rows(tmp_path / f"out{i}" / "val.rec")))
        assert len(vals[-1]) == 3
    assert vals[0] == vals[1] and (vals[0] != vals[2] or vals[0] != vals[3])


# Classes, and the command

def test_given_classes_set_the_order(tmp_path):
    kit.write_voc(tmp_path / "src")
    (tmp_path / "names.txt").write_text("triangle\nsquare\ncircle\n\n")
    for i, classes in enumerate((tmp_path / "names.txt", "triangle, square,circle")):
        assert run(tmp_path / "src", tmp_path / f"out{i}", "--classes", classes) == 0
        assert describe(tmp_path / f"out{i}").classes == ["triangle", "square", "circle"]
    rows = [row for rows in all_rows(tmp_path / "out0").values() for row in rows]
    assert sorted(row[0] for row in rows) == [0, 0, 1, 1, 2, 2]


def test_the_command_says_what_it_packed_and_what_comes_next(tmp_path, capsys):
    kit.write_voc(tmp_path / "my set")
    run(tmp_path / "my set", tmp_path / "out put")
    out = capsys.readouterr().out
    assert "Pascal VOC XML, 6 pictures, coordinates in pixels" in out
    assert "train: 5 pictures; objects:" in out and "val: 1 picture; objects:" in out
    assert f"d2lzh-cv run 9.7 --data '{tmp_path / 'out put'}'" in out


def test_nothing_of_the_readers_is_overwritten(tmp_path):
    kit.write_voc(tmp_path / "src")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for out in (tmp_path / "mine", tmp_path / "src", tmp_path / "mine" / "thesis.txt"):
        with pytest.raises(InputError, match="already exists"):
            pack(tmp_path / "src", out)
    assert files_below(tmp_path / "mine") == {"thesis.txt"}


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    kit.write_voc(tmp_path / "src")
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(InputError, match="No space left"):
        pack(tmp_path / "src", tmp_path / "to" / "out")
    assert files_below(tmp_path / "to") == set() and not (tmp_path / "to" / "out").exists()


@pytest.mark.parametrize("flags, message", [
    (["--val-ratio", "1.5"], "--val-ratio 1.5"), (["--classes", "a,b,a"], "names a class twice"),
    (["--classes", " , "], "or no class")])
def test_flags_that_cannot_be_are_named(tmp_path, flags, message):
    kit.write_voc(tmp_path / "src")
    with pytest.raises(InputError, match=message):
        run(tmp_path / "src", tmp_path / "out", *flags)


def test_folders_without_annotations_or_with_several_kinds_are_named(tmp_path):
    with pytest.raises(InputError, match="no folder or file .*gone"):
        pack(tmp_path / "gone", tmp_path / "out")
    kit.pictures(tmp_path / "bare")
    with pytest.raises(InputError, match="bare holds no annotations"):
        pack(tmp_path / "bare", tmp_path / "out")
    kit.write_voc(tmp_path / "two")
    kit.write_csv(tmp_path / "two" / "JPEGImages")
    with pytest.raises(InputError, match=r"several kinds \(voc, csv\); choose one with --format"):
        pack(tmp_path / "two", tmp_path / "out")
    pack(tmp_path / "two", tmp_path / "out", "csv")


def test_a_picture_stored_on_its_side_is_turned_with_its_boxes(tmp_path):
    """A phone stores 40 wide, 20 high and 'turn right': it is seen 20 wide, 40 high, and annotated so."""
    kit.pictures(tmp_path / "src", count=1)
    stored = Image.new("RGB", (40, 20), "white")
    stored.paste("red", (0, 0, 20, 20))  # its left half: seen, the upper one
    exif = stored.getexif()
    exif[0x112] = 6
    stored.save(tmp_path / "src" / "phone.jpg", exif=exif, quality=95)
    (tmp_path / "src" / "b.csv").write_text(
        "image,label,xmin,ymin,xmax,ymax\nphone.jpg,red,0,0,20,20\np0.jpg,red,3,3,20,20\n")
    pack(tmp_path / "src", tmp_path / "out")
    turned = {rows[0][3]: mx.image.imdecode(picture).asnumpy() for picture, rows in
              all_rows(tmp_path / "out").items()}[1.0]
    assert turned.shape == (40, 20, 3)
    assert turned[:16, :, 0].min() > 200 and turned[:16, :, 1:].max() < 60
    assert turned[24:].min() > 200
