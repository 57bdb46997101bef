"""data pack on masks: indexed, grey, binary and coloured ones become one VOC tree; faults are named."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_kit import pack_command as run
from data_kit import cut, files_below, opened, write_picture
from mask_kit import blocks, indexed, read_back, write_masks
from PIL import Image

from d2lzh_cv.data import hub
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.own.packed import class_names
from d2lzh_cv.data.own.summary import BadData
from d2lzh_cv.data.voc import VOC_CLASSES, VOC_COLORMAP
from d2lzh_cv.errors import InputError

CLASSES = np.array([0, 1, 2, 255], np.uint8)


def colored(mask: np.ndarray) -> Image.Image:
    colors = np.zeros((256, 3), np.uint8)
    colors[:21], colors[255] = VOC_COLORMAP, (224, 224, 192)
    return Image.fromarray(colors[mask])


KINDS = {"indexed": indexed, "grey": Image.fromarray, "colored": colored,
         "grey as RGB": lambda mask: Image.fromarray(mask).convert("RGB"),
         "colored RGBA": lambda mask: colored(mask).convert("RGBA")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mask_gives_the_same_tree(tmp_path, kind):
    src = write_masks(tmp_path / "src", KINDS[kind])
    pack(src, tmp_path / "out", classes=["leaf", "stem"])
    masks = read_back(tmp_path / "out")
    assert sorted(masks) == ["a0", "a1", "a2", "a3"]
    for i in range(4):
        np.testing.assert_array_equal(masks[f"a{i}"], np.where(blocks(i) == 255, 0, blocks(i)))  # the border is none
        picture = tmp_path / "out" / "JPEGImages" / f"a{i}.jpg"
        assert picture.read_bytes() == (src / "images" / f"a{i}.jpg").read_bytes()
    assert class_names(tmp_path / "out", VOC_CLASSES) == ["background", "leaf", "stem"]


def test_the_hub_finds_the_tree(tmp_path):
    pack(write_masks(tmp_path / "src"), tmp_path / "out")
    source = hub.find("voc", tmp_path / "out")
    assert (source.path, source.kind) == (tmp_path / "out", "real")
    assert class_names(source.path, []) == ["background", "class 1", "class 2"]


def test_black_and_white_masks_have_one_class(tmp_path):
    src = write_masks(tmp_path / "src", lambda mask: Image.fromarray(np.where(mask == 1, 255, 0).astype(np.uint8)))
    pack(src, tmp_path / "out", classes=["leaf"])
    np.testing.assert_array_equal(read_back(tmp_path / "out")["a2"], blocks(2) == 1)
    assert class_names(tmp_path / "out", []) == ["background", "leaf"]


def test_colours_of_ones_own_come_from_a_label_map(tmp_path):
    colors = {0: (10, 20, 30), 1: (200, 10, 10), 2: (10, 200, 10), 255: (10, 20, 30)}
    src = write_masks(tmp_path / "src", lambda mask: Image.fromarray(
        np.array([[colors[value] for value in row] for row in mask.tolist()], np.uint8)))
    (src / "labelmap.txt").write_text("# name:colour\nbackground:10,20,30::\nleaf:200,10,10::\nstem:10,200,10::\n")
    pack(src, tmp_path / "out")
    np.testing.assert_array_equal(read_back(tmp_path / "out")["a1"], np.where(blocks(1) == 255, 0, blocks(1)))
    assert class_names(tmp_path / "out", []) == ["background", "leaf", "stem"]


def test_a_voc_tree_keeps_its_split_and_classes(tmp_path):
    src = write_masks(tmp_path / "src", colored, folders=("JPEGImages", "SegmentationClass"))
    lists = src / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a0\na3\n")
    (lists / "val.txt").write_text("a1\n")
    pack(src, tmp_path / "out")
    for part in ("train", "val"):
        assert (tmp_path / "out" / "ImageSets" / "Segmentation" / f"{part}.txt").read_text() == (
            lists / f"{part}.txt").read_text()
    assert class_names(tmp_path / "out", []) == VOC_CLASSES


def test_a_png_becomes_a_jpeg_and_folders_part_of_the_name(tmp_path):
    for part in ("train", "val"):
        write_picture(tmp_path / "src" / "images" / part / "a b.png")
        (tmp_path / "src" / "masks" / part).mkdir(parents=True)
        indexed(blocks(0)).save(tmp_path / "src" / "masks" / part / "a b_mask.png")
    pack(tmp_path / "src", tmp_path / "out")
    assert files_below(tmp_path / "out" / "JPEGImages") == {"train_a_b.jpg", "val_a_b.jpg"}
    assert opened(tmp_path / "out" / "JPEGImages" / "val_a_b.jpg").format == "JPEG"
    assert (tmp_path / "out" / "ImageSets" / "Segmentation" / "val.txt").read_text() == "val_a_b\n"


def antialiased(root: Path) -> None:
    mask = colored(blocks(1))
    mask.resize((100, 80)).resize((50, 40), Image.BILINEAR).save(root / "masks" / "a1.png")


def stored_as_jpeg(root: Path) -> None:
    (root / "masks" / "a1.png").unlink()
    colored(blocks(1)).save(root / "masks" / "a1.jpg", quality=60)


FAULTS = [
    (lambda root: (root / "masks" / "a1.png").unlink(), "images/a1.jpg", "its mask is missing"),
    (lambda root: (root / "images" / "a1.jpg").unlink(), "masks/a1.png", "its picture is missing"),
    (lambda root: write_picture(root / "images" / "a1.png"), "images/a1.jpg", "there are several pictures"),
    (lambda root: cut(root / "masks" / "a1.png"), "masks/a1.png", "is not a whole picture"),
    (lambda root: cut(root / "images" / "a1.jpg"), "images/a1.jpg", "is not a whole picture"),
    (lambda root: write_picture(root / "images" / "a1.jpg", 50, 40), "images/a1.jpg",
     "has 40×50 pixels, its mask has 50×40"),
    (lambda root: indexed(blocks(1) + 5).save(root / "masks" / "a1.png"), "masks/a1.png", "the classes"),
    (antialiased, "masks/a1.png", "colours without a class"),
    (stored_as_jpeg, "masks/a1.jpg", "colours without a class"),
    (lambda root: Image.fromarray(blocks(1).astype(np.uint16) * 9).save(root / "masks" / "a1.png"), "masks/a1.png",
     "save the mask as indexed or coloured PNG"),
]


@pytest.mark.parametrize("fault, where, what", FAULTS, ids=[what for _, _, what in FAULTS])
def test_a_fault_is_named_and_left_out_on_request(tmp_path, fault, where, what, capsys):
    src = write_masks(tmp_path / "src")
    fault(src)
    with pytest.raises(BadData, match="nothing was written") as caught:
        pack(src, tmp_path / "out", classes=["leaf", "stem"])
    assert any(where == problem.where and what in problem.what for problem in caught.value.problems), \
        [str(problem) for problem in caught.value.problems]
    assert not (tmp_path / "out").exists()
    assert run(src, tmp_path / "out", "--classes", "leaf,stem", "--skip-bad") == 0
    assert sorted(read_back(tmp_path / "out")) == ["a0", "a2", "a3"]
    assert "left out 1 picture with" in capsys.readouterr().out


def test_a_list_that_names_what_is_not_there_and_names_that_meet_are_problems(tmp_path):
    src = write_masks(tmp_path / "src")
    for name in ("b c", "b_c"):
        write_picture(src / "images" / f"{name}.jpg")
        indexed(blocks(0)).save(src / "masks" / f"{name}.png")
    (src / "ImageSets" / "Segmentation").mkdir(parents=True)
    (src / "ImageSets" / "Segmentation" / "val.txt").write_text("a0\nzebra\n")
    with pytest.raises(BadData) as caught:
        pack(src, tmp_path / "out")
    assert {str(problem) for problem in caught.value.problems} == {
        "images/b_c.jpg: would get the name b_c, like images/b c.jpg",
        "ImageSets/Segmentation/val.txt: names zebra, which does not exist"}


@pytest.mark.parametrize("text, message", [("leaf 1,2,3\n", "is not of the form name:red,green,blue"),
                                           ("leaf:1,2\n", "is not of the form"),
                                           ("leaf:1,2,3\nbackground:0,0,0\n", "put the line of background first")])
def test_a_label_map_that_cannot_be_read_is_an_error(tmp_path, text, message):
    src = write_masks(tmp_path / "src", colored)
    (src / "labelmap.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        pack(src, tmp_path / "out")


def test_more_classes_than_voc_has_colours_for_are_an_error(tmp_path):
    with pytest.raises(InputError, match="21 classes; .* colours for 20"):
        pack(write_masks(tmp_path / "src"), tmp_path / "out", classes=[f"c{i}" for i in range(21)])


def test_pictures_too_small_for_the_section_are_told(tmp_path, capsys):
    run(write_masks(tmp_path / "src"), tmp_path / "out", "--format", "masks")
    out = capsys.readouterr().out
    assert "4 pictures smaller than 480×320: section 9.10 leaves them out" in out
    assert "run 9.10 --data" in out
    assert json.loads((tmp_path / "out" / "classes.json").read_text())["task"] == "segment"
