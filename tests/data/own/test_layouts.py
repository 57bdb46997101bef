"""Which picture an annotation means, in which part of a set it is, and the formats of label tools."""
from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import own_kit as kit
import pytest
from command_kit import pack_command as run
from data_kit import files_below
from mask_kit import blocks, read_back, write_masks
from PIL import Image
from record_kit import all_rows, packed_rows

from d2lzh_cv.data.own.entries import split_of, split_of_folders
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.own.packed import class_names, describe
from d2lzh_cv.errors import InputError


def problems(src: Path, out: Path, capsys, *flags: str) -> list[str]:
    """What ``data pack`` lists before it refuses."""
    with pytest.raises(InputError, match="nothing was written"):
        run(src, out, *flags)
    return capsys.readouterr().err.splitlines()


def classes_by_picture(out: Path) -> dict[bytes, list[str]]:
    names = describe(out).classes
    return {picture: [names[int(row[0])] for row in rows] for picture, rows in all_rows(out).items()}


# A picture belongs to its annotation by path

def test_of_pictures_of_one_name_the_nearest_is_meant(tmp_path):
    for video in ("clip1", "clip2"):
        kit.write_voc(tmp_path / "src" / video / "day", count=3)
    for i in (0, 1):
        (tmp_path / "src" / "clip1" / "day" / "Annotations" / f"p{i}.xml").unlink()
    shutil.rmtree(tmp_path / "src" / "clip1" / "day" / "JPEGImages")
    first = tmp_path / "src" / "clip1" / "day" / "JPEGImages"
    shutil.copytree(tmp_path / "src" / "clip2" / "day" / "JPEGImages", first)
    Image.new("RGB", (64, 64), "red").save(first / "p2.jpg")
    pack(tmp_path / "src", tmp_path / "out")
    red = (first / "p2.jpg").read_bytes()
    assert len(all_rows(tmp_path / "out")) == 4 and red in all_rows(tmp_path / "out")


def test_a_picture_that_lies_with_other_annotations_is_not_taken(tmp_path, capsys):
    for video in ("clip1", "clip2"):
        kit.write_voc(tmp_path / "src" / video, count=3)
    (tmp_path / "src" / "clip1" / "JPEGImages" / "p1.jpg").unlink()
    (tmp_path / "src" / "clip2" / "Annotations" / "p1.xml").unlink()
    assert problems(tmp_path / "src", tmp_path / "out", capsys) == [
        "clip1/Annotations/p1.xml: its picture is missing: clip2/JPEGImages/p1.jpg, of the same name, belongs to other "
        "annotations"]


def test_several_pictures_as_near_as_each_other_are_a_problem(tmp_path, capsys):
    kit.write_csv(tmp_path / "src", count=2)
    for place in ("x", "y"):
        (tmp_path / "src" / place).mkdir()
        shutil.copy(tmp_path / "src" / "p1.jpg", tmp_path / "src" / place / "p1.jpg")
    (tmp_path / "src" / "p1.jpg").unlink()
    assert problems(tmp_path / "src", tmp_path / "out", capsys) == [
        "boxes.csv, line 3: 2 pictures have this name: x/p1.jpg, y/p1.jpg; name the folder too"]


def test_a_path_counts_with_all_its_folders(tmp_path, capsys):
    kit.write_csv(tmp_path / "src", count=3)
    text = (tmp_path / "src" / "boxes.csv").read_text()
    for i, name in enumerate(("x/p0.jpg", r"y\p0.jpg", "x/sub/p0.jpg")):
        target = tmp_path / "src" / "pictures" / name.replace("\\", "/")
        target.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / f"p{i}.jpg").rename(target)
        text = text.replace(f"p{i}.jpg,", f"{name},")
    (tmp_path / "src" / "boxes.csv").write_text(text)
    pack(tmp_path / "src", tmp_path / "out")
    assert len(all_rows(tmp_path / "out")) == 3
    (tmp_path / "src" / "pictures" / "y" / "p0.jpg").unlink()
    assert problems(tmp_path / "src", tmp_path / "two", capsys) == [
        r"boxes.csv, line 3: its picture 'y\\p0.jpg' is missing"]


def test_case_and_composed_letters_of_a_name_do_not_matter_but_the_exact_name_comes_first(tmp_path):
    kit.write_csv(tmp_path / "src", count=3)
    (tmp_path / "src" / "p1.jpg").rename(tmp_path / "src" / "caf" "e\u0301.jpg")
    text = (tmp_path / "src" / "boxes.csv").read_text().replace("p0.jpg", "P0.JPG").replace("p1.jpg", "caf\u00e9.jpg")
    (tmp_path / "src" / "boxes.csv").write_text(text, encoding="utf-8")
    pack(tmp_path / "src", tmp_path / "out")
    assert len(all_rows(tmp_path / "out")) == 3


def test_linked_folders_are_followed_but_not_in_circles(tmp_path):
    kit.write_yolo(tmp_path / "src", count=3)
    shutil.move(tmp_path / "src" / "images", tmp_path / "disk")
    (tmp_path / "src" / "images").symlink_to(tmp_path / "disk", target_is_directory=True)
    (tmp_path / "disk" / "again").symlink_to(tmp_path / "src", target_is_directory=True)
    (tmp_path / "disk" / "itself").symlink_to(tmp_path / "disk", target_is_directory=True)
    pack(tmp_path / "src", tmp_path / "out")
    assert len(all_rows(tmp_path / "out")) == 3


def test_linked_pictures_count_once(tmp_path):
    """A pool of pictures beside the parts that link into it: those of the pool are not pictures without labels."""
    shapes = kit.write_yolo(tmp_path / "src", count=4)
    (tmp_path / "src" / "images").rename(tmp_path / "src" / "pool")
    for i, name in enumerate(shapes):
        part = "train" if i < 3 else "val"
        for kind in ("images", "labels"):
            (tmp_path / "src" / kind / part).mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / "images" / part / name).symlink_to(tmp_path / "src" / "pool" / name)
        label = name.replace("jpg", "txt")
        (tmp_path / "src" / "labels" / label).rename(tmp_path / "src" / "labels" / part / label)
    pack(tmp_path / "src", tmp_path / "out")
    assert (describe(tmp_path / "out").train, describe(tmp_path / "out").val) == (3, 1)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_names_that_are_not_utf8_are_read_and_packed(tmp_path, capsys):
    chinese = os.fsdecode("狗".encode("gbk"))
    kit.write_yolo(tmp_path / "src", count=2)
    for kind, suffix in (("images", "jpg"), ("labels", "txt")):
        (tmp_path / "src" / kind / f"p0.{suffix}").rename(tmp_path / "src" / kind / f"{chinese}.{suffix}")
    pack(tmp_path / "src", tmp_path / "out")
    assert len(all_rows(tmp_path / "out")) == 2
    masks = write_masks(tmp_path / "masks", count=2)
    for kind, suffix in (("images", "jpg"), ("masks", "png")):
        (masks / kind / f"a0.{suffix}").rename(masks / kind / f"{chinese}.{suffix}")
    pack(masks, tmp_path / "tree")
    assert sorted(read_back(tmp_path / "tree")) == ["%B9%B7", "a1"]
    with pytest.raises(InputError, match="is not UTF-8, and MXNet opens no such file"):
        pack(tmp_path / "src", tmp_path / chinese)


# Parts of a set

@pytest.mark.parametrize("name, expected", [
    ("train", "train"), ("Train2017", "train"), ("VAL", "val"), ("valid", "val"), ("test", "test"),
    ("instances_val2017", "val"), ("train_labels", "train"), ("validation-images", "val"), ("test_rig", None),
    ("trainstation", None), ("my train", None), ("latest", None), ("train_val", None), ("", None)])
def test_a_name_tells_of_a_part_only_as_a_whole(name, expected):
    assert split_of(name) == expected


def test_the_outer_folder_wins():
    assert split_of_folders(("set", "val", "test")) == "val"


def test_a_rig_is_no_test_part_and_a_test_part_is_all_there_is(tmp_path):
    kit.write_voc(tmp_path / "rig" / "testing_ground", count=4)
    assert pack(tmp_path / "rig", tmp_path / "out").lines[1].startswith("train: 3 pictures")
    kit.write_csv(tmp_path / "set", count=4)
    (tmp_path / "set" / "boxes.csv").rename(tmp_path / "set" / "test_labels.csv")
    assert "all 4 pictures are the set's test part, so training and validation are drawn from it" in pack(
        tmp_path / "set", tmp_path / "two").lines


def test_the_test_part_beside_others_is_left_out_and_said(tmp_path):
    for part, count in (("train", 3), ("valid", 2), ("test", 2)):
        kit.write_yolo(tmp_path / "src" / part, count=count)
        (tmp_path / "src" / part / "data.yaml").rename(tmp_path / "src" / "data.yaml")
    lines = pack(tmp_path / "src", tmp_path / "out").lines
    assert "left out 2 pictures of the set's test part" in lines
    assert (describe(tmp_path / "out").train, describe(tmp_path / "out").val) == (3, 2)


@pytest.mark.parametrize("stem", ["test", "train", "val", "notes", "labels", "classes", "readme", "obj"])
@pytest.mark.parametrize("layout", ["{0}", "images"])
def test_such_words_are_names_of_pictures_too(tmp_path, stem, layout):
    kit.write_yolo(tmp_path / "src", count=3)
    for kind, suffix in (("images", "jpg"), ("labels", "txt")):
        (tmp_path / "src" / kind / f"p1.{suffix}").rename(tmp_path / "src" / kind / f"{stem}.{suffix}")
    if layout == "{0}":
        for label in list((tmp_path / "src" / "labels").iterdir()):
            label.rename(tmp_path / "src" / "images" / label.name)
    pack(tmp_path / "src", tmp_path / "out")
    assert len(all_rows(tmp_path / "out")) == 3 and describe(tmp_path / "out").classes == list(kit.SHAPES)


def test_lists_name_pictures_by_whole_paths_wherever_the_set_lay(tmp_path):
    for place in ("a", "b"):
        kit.write_yolo(tmp_path / "src" / place, count=2)
    (tmp_path / "src" / "a" / "data.yaml").rename(tmp_path / "src" / "data.yaml")
    (tmp_path / "src" / "b" / "data.yaml").unlink()
    (tmp_path / "src" / "train.txt").write_text("/home/me/set/a/images/p0.jpg\n./a/images/p1.jpg\n")
    (tmp_path / "src" / "val.txt").write_text("C:\\sets\\b\\images\\p0.jpg\nb/images/p1.jpg\n")
    pack(tmp_path / "src", tmp_path / "out")
    expected = {(tmp_path / "src" / "b" / "images" / f"p{i}.jpg").read_bytes() for i in (0, 1)}
    assert set(packed_rows(tmp_path / "out" / "val.rec")) == expected


# data.yaml, --pictures

@pytest.mark.parametrize("train, val", [
    ("../train/images", "../valid/images"), ("train", "valid"),
    ("/content/set/train/images", "/content/set/valid/images"), ("[train/images]", "[./valid/images]")])
def test_data_yaml_decides_which_folders_are_the_set(tmp_path, train, val):
    for place, count in (("train", 4), ("valid", 2), ("older", 3)):
        kit.write_yolo(tmp_path / "src" / place, count=count)
        (tmp_path / "src" / place / "data.yaml").unlink()
    (tmp_path / "src" / "data.yaml").write_text(f"train: {train}\nval: {val}\nnames: [circle, square, triangle]\n")
    lines = pack(tmp_path / "src", tmp_path / "out").lines
    assert (describe(tmp_path / "out").train, describe(tmp_path / "out").val) == (4, 2)
    assert "3 pictures in older/images are not taken: data.yaml does not name their folder" in lines


def test_a_folder_of_data_yaml_that_is_not_there_is_said(tmp_path):
    kit.write_yolo(tmp_path / "src" / "train", count=4)
    (tmp_path / "src" / "train" / "data.yaml").unlink()
    (tmp_path / "src" / "data.yaml").write_text(
        "path: ../sets\ntrain: train/images\nval: valid/images\nnames: [circle, square, triangle]\n")
    assert f"data.yaml names valid/images (val), which is not below {tmp_path / 'src'}" in pack(
        tmp_path / "src", tmp_path / "out").lines


@pytest.mark.parametrize("kind", kit.WRITERS)
def test_pictures_can_lie_elsewhere(tmp_path, kind):
    kit.WRITERS[kind](tmp_path / "src")
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    for picture in list((tmp_path / "src").rglob("*.jpg")):
        shutil.move(picture, tmp_path / "elsewhere" / "deep")
    if kind != "yolo":  # whose pictures are the entries
        with pytest.raises(InputError, match=r"none of the 6 pictures .*such as 'p0.jpg'; name their folder with --p"):
            pack(tmp_path / "src", tmp_path / "out")
    assert run(tmp_path / "src", tmp_path / "out", "--pictures", tmp_path / "elsewhere") == 0
    assert len(all_rows(tmp_path / "out")) == 6
    with pytest.raises(InputError, match="--pictures .*nowhere: no such folder"):
        run(tmp_path / "src", tmp_path / "two", "--pictures", tmp_path / "nowhere")


def test_the_folder_of_pictures_beside_the_tables_is_found(tmp_path):
    kit.write_csv(tmp_path / "set" / "tables")
    (tmp_path / "set" / "JPEGImages").mkdir()
    for picture in (tmp_path / "set" / "tables").glob("*.jpg"):
        picture.rename(tmp_path / "set" / "JPEGImages" / picture.name)
    assert f"the pictures are in {tmp_path / 'set' / 'JPEGImages'}" in pack(
        tmp_path / "set" / "tables", tmp_path / "out").lines


# Formats

def cvat(root: Path, *images: str) -> Path:
    kit.pictures(root / "images", count=3)
    (root / "annotations.xml").write_text(f"<annotations><version>1.1</version>{''.join(images)}</annotations>")
    return root


def image(i: int, *shapes: str, subset: str = "") -> str:
    return (f'<image id="{i}" name="p{i}.jpg" width="64" height="64"{f" subset={subset!r}" if subset else ""}>'
            f"{''.join(shapes)}</image>")


BOX = '<box label="a" xtl="4.5" ytl="8" xbr="20" ybr="40.25" occluded="0"/>'


def test_cvat_shapes_become_the_boxes_around_them(tmp_path):
    polygon = '<polygon label="b" points="10,12;30.5,20;12,60"/>'
    turned = '<box label="a" xtl="20" ytl="30" xbr="40" ybr="34" rotation="90"/>'
    ellipse = '<ellipse label="b" cx="30" cy="20" rx="10" ry="5"/>'
    cvat(tmp_path / "src", image(0, BOX, polygon, subset="Train"), image(1, turned, ellipse, subset="Train"),
         image(2, BOX, subset="Validation"))
    summary, found = pack(tmp_path / "src", tmp_path / "out"), all_rows(tmp_path / "out")
    rows = {i: np.array(found[(tmp_path / "src" / "images" / f"p{i}.jpg").read_bytes()])[:, 1:] * 64 for i in range(3)}
    np.testing.assert_allclose(rows[0], [[4.5, 8, 20, 40.25], [10, 12, 30.5, 60]], atol=1e-4)
    np.testing.assert_allclose(rows[1], [[28, 22, 32, 42], [20, 15, 40, 25]], atol=1e-4)
    assert (describe(tmp_path / "out").train, describe(tmp_path / "out").val) == (2, 1)
    assert {f"1 {shapes}: the box around each outline is taken" for shapes in ("polygons", "turned boxes", "ellipses")
            } <= set(summary.lines)


def test_cvat_for_video_and_shapes_without_an_outline_are_named(tmp_path, capsys):
    cvat(tmp_path / "video", '<track id="0" label="a"><box frame="0" xtl="1" ytl="1" xbr="5" ybr="5"/></track>')
    with pytest.raises(InputError, match="annotations.xml is CVAT's export for video.*'CVAT for images'"):
        pack(tmp_path / "video", tmp_path / "out")
    cvat(tmp_path / "src", image(0, BOX), image(1, BOX, '<polyline label="a" points="1,1;2,2"/>'), image(2, BOX))
    assert problems(tmp_path / "src", tmp_path / "out", capsys) == [
        "annotations.xml, image p1.jpg, polyline 2: it has no outline from which a box can be taken; draw a box there, "
        "or remove it"]


def test_an_unknown_or_broken_file_does_not_hide_the_good_format(tmp_path):
    kit.write_coco(tmp_path / "src")
    (tmp_path / "src" / "project.xml").write_text("<project><module/></project>")
    (tmp_path / "src" / "half.xml").write_text("")
    (tmp_path / "src" / "notes.csv").write_text("who,when\nme,today\n")
    summary = pack(tmp_path / "src", tmp_path / "out")
    assert summary.lines[0].startswith("COCO JSON, 6 pictures")
    assert "1 .xml files are skipped, because they are not valid, such as half.xml" in summary.lines


def test_the_json_of_other_tools_is_named(tmp_path):
    kit.pictures(tmp_path / "src")
    (tmp_path / "src" / "p0.json").write_text('{"version": "5", "shapes": [], "imagePath": "p0.jpg"}')
    with pytest.raises(InputError, match="holds labelme's JSON, which is not supported; export it as COCO"):
        pack(tmp_path / "src", tmp_path / "out")


TABLES = {
    "make-sense": "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"
                  "a,4,8,16,32,p0.jpg,64,64\nb,4,8,16,32,p1.jpg,64,64\n",
    "Open Images": "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\np0,x,a,1,0.0625,0.3125,0.125,0.625\n"
                   "p1,x,b,1,0.0625,0.3125,0.125,0.625\n",
    "VIA": 'filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n'
           'p0.jpg,1,"{}",1,0,"{""name"":""rect"",""x"":4,""y"":8,""width"":16,""height"":32}","{""type"":""a""}"\n'
           'p1.jpg,1,"{}",1,0,"{""name"":""polygon"",""all_points_x"":[4,20,9],""all_points_y"":[8,12,40]}",'
           '"{""type"":""b""}"\n',
    "decimal commas": "filename;class;xmin;ymin;xmax;ymax\np0.jpg;a;4,0;8;20,0;40\np1.jpg;b;4;8;20;40,0\n",
    "quoted lines": 'sep=|\nfilename|class|xmin|ymin|xmax|ymax\n"p0.jpg"|"a"|4|8|20|40\n"p1.jpg"|"b"|4|8|20|40\n',
    "blanks": "filename, class, xmin, ymin, xmax, ymax\np0.jpg, a, 4, 8, 20, 40\n\np1.jpg, b, 4, 8, 20, 40\n"}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tables_of_label_tools(tmp_path, name, encoding):
    kit.pictures(tmp_path / "src", count=2)
    (tmp_path / "src" / "boxes.tsv").write_bytes(TABLES[name].encode(encoding))
    pack(tmp_path / "src", tmp_path / "out")
    assert describe(tmp_path / "out").classes == ["a", "b"]
    for rows in all_rows(tmp_path / "out").values():
        np.testing.assert_allclose(np.array(rows)[:, 1:] * 64, [[4, 8, 20, 40]], atol=1e-4)


def test_a_table_for_pictures_of_another_size_is_refused(tmp_path, capsys):
    kit.pictures(tmp_path / "src", count=2)
    (tmp_path / "src" / "boxes.csv").write_text(
        "img_width,img_height,image,label,x,y,w,h\n64,64,p0.jpg,a,4,8,16,32\n128,128,p1.jpg,a,4,8,16,32\n")
    assert problems(tmp_path / "src", tmp_path / "out", capsys) == [
        "p1.jpg: has 64×64 pixels, its annotation is for 128×128"]


def test_whole_numbers_up_to_two_are_pixels(tmp_path):
    """Boxes of specks in a corner: 2 is no relative coordinate, though it is near 1."""
    kit.pictures(tmp_path / "src", count=2)
    (tmp_path / "src" / "b.csv").write_text("image,label,xmin,ymin,xmax,ymax\np0.jpg,a,0,0,2,2\np1.jpg,a,0,1,2,2\n")
    assert "coordinates in pixels" in pack(tmp_path / "src", tmp_path / "out").lines[0]


# Background pictures

BACKGROUND = {
    "voc": lambda root: (root / "Annotations" / "p1.xml").write_text(kit.voc_xml("p1.jpg", [])),
    "coco": lambda root: _without_annotations(root / "annotations.json", 102),
    "yolo": lambda root: (root / "labels" / "p1.txt").write_text("\n"),
    "csv": lambda root: (root / "boxes.csv").write_text("\n".join(
        "p1.jpg,,,,," if line.startswith("p1") else line for line in (root / "boxes.csv").read_text().splitlines()))}


def _without_annotations(path: Path, image_id: int) -> None:
    content = json.loads(path.read_text())
    content["annotations"] = [row for row in content["annotations"] if row["image_id"] != image_id]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("kind", BACKGROUND)
def test_pictures_without_objects_are_packed_as_background(tmp_path, kind):
    kit.WRITERS[kind](tmp_path / "src")
    BACKGROUND[kind](tmp_path / "src")
    summary = pack(tmp_path / "src", tmp_path / "out")
    picture = next((tmp_path / "src").rglob("p1.jpg")).read_bytes()
    assert all_rows(tmp_path / "out")[picture] == []
    assert json.loads((tmp_path / "out" / "classes.json").read_text())["background"] == {"train": 1, "val": 0}
    assert any("1 without an object, learnt as background" in line for line in summary.lines)


def test_background_alone_is_nothing_to_learn(tmp_path):
    kit.write_yolo(tmp_path / "src", count=4)
    for i in range(1, 4):
        (tmp_path / "src" / "labels" / f"p{i}.txt").write_text("")
    with pytest.raises(InputError, match="1 picture is fit for use"):
        pack(tmp_path / "src", tmp_path / "out")
    (tmp_path / "src" / "train.txt").write_text("images/p0.jpg\nimages/p1.jpg\n")
    (tmp_path / "src" / "val.txt").write_text("images/p2.jpg\nimages/p3.jpg\n")
    with pytest.raises(InputError, match="no validation picture of .* shows an object"):
        pack(tmp_path / "src", tmp_path / "out")


def test_pictures_that_no_annotation_names_are_counted(tmp_path):
    kit.write_voc(tmp_path / "src")
    (tmp_path / "src" / "Annotations" / "p1.xml").unlink()
    assert "left out 1 picture that no annotation names" in pack(tmp_path / "src", tmp_path / "out").lines


# Masks

def test_a_tree_of_own_classes_needs_its_names(tmp_path):
    src = write_masks(tmp_path / "src", folders=("JPEGImages", "SegmentationClass"))
    with pytest.raises(InputError, match="no file names the classes of .*class_names.txt.* or give them with"):
        pack(src, tmp_path / "out")
    (src / "class_names.txt").write_text("__ignore__\n_background_\nweld\ncrack\n")
    pack(src, tmp_path / "out")
    assert class_names(tmp_path / "out", []) == ["background", "weld", "crack"]
    pack(tmp_path / "out", tmp_path / "again")  # what was packed here keeps its names
    assert class_names(tmp_path / "again", []) == ["background", "weld", "crack"]


def test_vocs_own_pictures_are_of_vocs_classes(tmp_path):
    src = write_masks(tmp_path / "src", folders=("JPEGImages", "SegmentationClass"))
    for folder in ("JPEGImages", "SegmentationClass"):
        for path in (src / folder).iterdir():
            path.rename(path.with_stem(f"2007_00003{path.stem[1]}"))
    pack(src, tmp_path / "out")
    assert class_names(tmp_path / "out", [])[:2] == ["background", "aeroplane"]


def test_lists_leave_out_pictures_and_boxes_beside_masks_are_asked_about(tmp_path):
    src = write_masks(tmp_path / "src", count=5, folders=("JPEGImages", "SegmentationClass"))
    (src / "SegmentationClass" / "a4.png").unlink()
    (src / "ImageSets" / "Segmentation").mkdir(parents=True)
    (src / "ImageSets" / "Segmentation" / "train.txt").write_text("a0\na1\na2\n")
    (src / "ImageSets" / "Segmentation" / "val.txt").write_text("a3\n")
    (src / "labels.txt").write_text("leaf\nstem\n")
    assert "left out 1 picture that no list of ImageSets/Segmentation names" in pack(src, tmp_path / "out").lines
    (src / "Annotations").mkdir()
    (src / "Annotations" / "a4.xml").write_text(kit.voc_xml("a4.jpg", [kit.Shape("leaf", (2, 2, 9, 9))], 50))
    with pytest.raises(InputError, match=r"holds masks and boxes \(voc\); choose with --format masks or --format voc"):
        pack(src, tmp_path / "two")
    pack(src, tmp_path / "two", "masks")


def test_black_and_white_masks_among_numbered_ones_are_refused(tmp_path):
    src = write_masks(tmp_path / "src", count=3)
    Image.fromarray(np.where(blocks(1) == 1, 255, 0).astype(np.uint8)).save(src / "masks" / "a1.png")
    with pytest.raises(InputError, match=r"masks/a1\.png hold only 0 and 255, masks/a0\.png, masks/a2\.png the"):
        pack(src, tmp_path / "out", classes=["leaf", "stem"])
    for i in range(3):
        Image.fromarray(np.where(blocks(i) == 1, 255, 0).astype(np.uint8)).save(src / "masks" / f"a{i}.png")
    with pytest.raises(InputError, match="--classes names 2 classes, but the masks hold only 0 and 255"):
        pack(src, tmp_path / "out", classes=["leaf", "stem"])
    assert files_below(tmp_path) >= {"src/masks/a0.png"} and not (tmp_path / "out").exists()


def test_a_label_map_may_begin_with_any_word_for_the_background(tmp_path):
    colors = np.array([(0, 0, 0), (200, 10, 10), (10, 200, 10)], np.uint8)
    src = write_masks(tmp_path / "src", lambda mask: Image.fromarray(colors[np.where(mask == 255, 0, mask)]))
    (src / "labelmap.txt").write_text("_background_:0,0,0::\nleaf:200,10,10::\nstem:10,200,10::\n")
    pack(src, tmp_path / "out")
    assert class_names(tmp_path / "out", []) == ["background", "leaf", "stem"]
    (src / "labelmap.txt").write_text("leaf:200,10,10::\nstem:200,10,10::\n")
    with pytest.raises(InputError, match="line 2: another class has the colour 200,10,10 too"):
        pack(src, tmp_path / "two")
