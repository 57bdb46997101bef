"""data pack refuses what cannot be learnt from: each fault is listed with its file, and nothing is written."""
from __future__ import annotations

import json
from pathlib import Path

import own_kit as kit
import pytest
from command_kit import pack_command as run
from data_kit import cut
from PIL import Image

from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.own.packed import describe
from d2lzh_cv.data.own.summary import BadData
from d2lzh_cv.errors import InputError

LAUGHS = ('<!DOCTYPE a [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
          + "]><annotation><filename>&a9;</filename></annotation>")
READS_A_FILE = '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><annotation><filename>&f;</filename></annotation>'


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def rewrite(change):
    """A fault made by changing what is in a COCO file."""
    def fault(root: Path) -> None:
        content = json.loads((root / "annotations.json").read_text())
        change(content)
        (root / "annotations.json").write_text(json.dumps(content))
    return fault


def xml(number: int, old: str, new: str):
    """A fault made by changing the annotation of a picture."""
    return lambda root: replaced(root / "Annotations" / f"p{number}.xml", old, new)


def label(number: int, text: str):
    return lambda root: (root / "labels" / f"p{number}.txt").write_text(text)


def row(text: str):
    def fault(root: Path) -> None:
        with (root / "boxes.csv").open("a") as file:
            file.write(text + "\n")
    return fault


def bbox(values, **other):
    def change(content: dict) -> None:
        content["annotations"][2].update(bbox=values, **other)
    return rewrite(change)


def box_xml(xmin, ymin, xmax, ymax):
    """The bndbox of p1, whatever it was, becomes this."""
    def fault(root: Path) -> None:
        shapes = [kit.Shape("square", (xmin - 1, ymin - 1, xmax, ymax))]
        (root / "Annotations" / "p1.xml").write_text(kit.voc_xml("p1.jpg", shapes))
    return fault


def broken_picture(root: Path) -> None:
    cut(next(root.rglob("p2.jpg")))


def no_picture(root: Path) -> None:
    next(root.rglob("p2.jpg")).unlink()


def heic(root: Path) -> None:
    next(root.rglob("p2.jpg")).write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))


def lists(train: str, val: str):
    def fault(root: Path) -> None:
        (root / "ImageSets" / "Main").mkdir(parents=True)
        (root / "ImageSets" / "Main" / "train.txt").write_text(train)
        (root / "ImageSets" / "Main" / "val.txt").write_text(val)
    return fault


FAULTS = [  # format, fault, file that is named, what is said
    ("voc", box_xml(10, 10, 80, 40), "Annotations/p1.xml, object 1", "reaches outside the picture of 64×64"),
    ("voc", box_xml(-20, 10, 30, 40), "Annotations/p1.xml, object 1", "reaches outside the picture"),
    ("voc", box_xml(70, 70, 90, 90), "Annotations/p1.xml, object 1", "reaches outside the picture"),
    ("voc", box_xml(40, 10, 20, 40), "Annotations/p1.xml, object 1", "a negative width or height"),
    ("voc", box_xml(20, 10, 20, 40), "Annotations/p1.xml, object 1", "no width or height"),
    ("voc", xml(1, "<xmin>", "<xmin>a"), "Annotations/p1.xml, object 1", "not four numbers"),
    ("voc", xml(1, "<xmin>", "<xmin>nan<!--"), "Annotations/p1.xml", "not valid XML"),
    ("voc", xml(1, "</annotation>", ""), "Annotations/p1.xml", "not valid XML"),
    ("voc", xml(1, "<name>square</name>", ""), "Annotations/p1.xml, object 1", "names no class"),
    ("voc", xml(1, "<width>64", "<width>640"), "JPEGImages/p1.jpg", "its annotation is for 640×64"),
    ("voc", xml(1, "p1.jpg", "p0.jpg"), "Annotations/p0.xml", "annotates JPEGImages/p0.jpg, and so does Annotations/"),
    ("voc", xml(1, "p1.jpg", "../../../etc/passwd"), "Annotations/p1.xml", "leads out of the folder"),
    ("voc", xml(1, "p1.jpg", "/etc/passwd"), "Annotations/p1.xml", "leads out of the folder"),
    ("voc", xml(1, "p1.jpg", r"C:\pictures\p1.jpg"), "Annotations/p1.xml", "leads out of the folder"),
    ("voc", lambda root: (root / "Annotations" / "p1.xml").write_text(LAUGHS), "Annotations/p1.xml", "DOCTYPE"),
    ("voc", lambda root: (root / "Annotations" / "p1.xml").write_bytes(READS_A_FILE.encode("utf-16")),
     "Annotations/p1.xml", "DOCTYPE"),
    ("voc", lists("p0\np1\np3\np4\n", "p1\np2\np5\n"), "Annotations/p1.xml", "in both lists"),
    ("voc", lists("p0\np1\np3\nzebra\n", "p2\np4\np5\n"), "ImageSets/Main/train.txt", "names zebra"),
    ("voc", lambda root: (root / "classes.txt").write_text("circle\nsquare\n"), "Annotations/p2.xml, object 1",
     "the class 'triangle' is unknown; the classes are circle, square"),
    ("voc", box_xml(0.2, 0.3, 0.8, 0.9), "Annotations/p1.xml, object 1", "is relative, the set's other boxes are not"),
    ("coco", bbox([10, 10, 70, 20]), "annotations.json, annotation 14", "reaches outside the picture"),
    ("coco", bbox([10, 10, -5, 20]), "annotations.json, annotation 14", "a negative width or height"),
    ("coco", bbox([10, 10, 0, 20]), "annotations.json, annotation 14", "no width or height"),
    ("coco", bbox([10, 10, 0.3, 20]), "annotations.json, annotation 14", "less than half a pixel"),
    ("coco", bbox([0.1, 0.1, 0.5, 0.5]), "annotations.json, annotation 14", "is relative"),
    ("coco", bbox([10, 10, 20]), "annotations.json, annotation 14", "not four numbers"),
    ("coco", bbox([10, 10, None, float("nan")]), "annotations.json, annotation 14", "not four numbers"),
    ("coco", bbox([10, 10, 20, 20], category_id=77), "annotations.json, annotation 14", "'category_id 77' is unknown"),
    ("coco", bbox([10, 10, 20, 20], image_id=5), "annotations.json, annotation 14", "belongs to image 5, which"),
    ("coco", bbox([10, 10, 20, 20], iscrowd=1), "annotations.json, image p2.jpg", "has only a crowd"),
    ("coco", rewrite(lambda content: content["images"][2].update(file_name="../../secret.jpg")),
     "annotations.json, image ../../secret.jpg", "leads out of the folder"),
    ("coco", rewrite(lambda content: content["images"][2].update(file_name="p1.jpg")),
     "annotations.json, image p1.jpg", "annotates images/p1.jpg, and so does"),
    ("coco", rewrite(lambda content: content["images"][2].update(id=102)), "annotations.json, image p2.jpg",
     "id 102 is missing, or another image has it too"),
    ("yolo", label(2, "2 0.9 0.5 0.4 0.4\n"), "labels/p2.txt, line 1", "reaches outside the picture"),
    ("yolo", label(2, "2 0.5 0.5 -0.4 0.4\n"), "labels/p2.txt, line 1", "a negative width or height"),
    ("yolo", label(2, "2 0.5 0.5 0.4 0\n"), "labels/p2.txt, line 1", "no width or height"),
    ("yolo", label(2, "2 32 32 20 20\n"), "labels/p2.txt, line 1", "is in pixels, the set's other boxes are not"),
    ("yolo", label(2, "3 0.5 0.5 0.4 0.4\n"), "labels/p2.txt, line 1", "the class 'number 3' is unknown"),
    ("yolo", label(2, "1.5 0.5 0.5 0.4 0.4\n"), "labels/p2.txt, line 1", "'number 1.5' is unknown"),
    ("yolo", label(2, "2 0.5 0.5 0.4 0.4\n\n2 0.5 0.5 0.4\n"), "labels/p2.txt, line 3", "needs 5 numbers"),
    ("yolo", label(2, "2 0.1 0.1 0.5 0.1 0.3 0.6\n"), "labels/p2.txt, line 1", "it has 7 words"),
    ("yolo", label(2, "cat 0.5 0.5 0.4 0.4\n"), "labels/p2.txt, line 1", "needs 5 numbers"),
    ("yolo", lambda root: (root / "labels" / "p2.txt").unlink(), "images/p2.jpg", "has no label file; an empty one"),
    ("yolo", label(9, "2 0.5 0.5 0.4 0.4\n"), "labels/p9.txt", "its picture is missing"),
    ("yolo", lambda root: Image.new("RGB", (64, 64)).save(root / "images" / "p2.png"), "labels/p2.txt",
     "2 pictures have this name: images/p2.jpg, images/p2.png"),
    ("yolo", lambda root: (root / "train.txt").write_text("images/p0.jpg\n../../p1.jpg\n"), "train.txt",
     "leads out of the folder"),
    ("csv", row("p5.jpg,square,10,10,80,30"), "boxes.csv, line 8 (p5.jpg)", "reaches outside the picture"),
    ("csv", row("p5.jpg,square,30,10,10,30"), "boxes.csv, line 8 (p5.jpg)", "a negative width or height"),
    ("csv", row("p5.jpg,square,0.1,0.1,0.5,0.5"), "boxes.csv, line 8 (p5.jpg)", "is relative"),
    ("csv", row("p5.jpg,square,10,10,30"), "boxes.csv, line 8", "has 5 cells where the header has 6"),
    ("csv", row("p5.jpg,square,10,ten,30,30"), "boxes.csv, line 8", "is not four numbers"),
    ("csv", row("p5.jpg,,10,10,30,30"), "boxes.csv, line 8 (p5.jpg)", "names no class"),
    ("csv", row("zebra.jpg,square,10,10,30,30"), "boxes.csv, line 8", "its picture 'zebra.jpg' is missing"),
    ("csv", row(",square,10,10,30,30"), "boxes.csv, line 8", "names no picture"),
    ("csv", row("../../zebra.jpg,square,10,10,30,30"), "boxes.csv, line 8", "leads out of the folder"),
    *((kind, broken_picture, "p2.jpg", "is not a whole picture") for kind in kit.WRITERS),
    *((kind, heic, "p2.jpg", "is HEIC, which is not supported; save it as JPEG or PNG") for kind in kit.WRITERS),
    *((kind, no_picture, "", "is missing") for kind in kit.WRITERS),
]


@pytest.mark.parametrize("kind, fault, where, what", FAULTS, ids=[f"{kind}-{what[:30]}" for kind, _, _, what in FAULTS])
def test_a_fault_is_named_and_left_out_on_request(tmp_path, kind, fault, where, what, capsys):
    kit.WRITERS[kind](tmp_path / "src")
    fault(tmp_path / "src")
    with pytest.raises(BadData) as caught:
        pack(tmp_path / "src", tmp_path / "out", kind)
    assert any(where in problem.where and what in problem.what for problem in caught.value.problems), \
        [str(problem) for problem in caught.value.problems]
    assert "nothing was written" in str(caught.value) and not (tmp_path / "out").exists()
    assert run(tmp_path / "src", tmp_path / "out", "--format", kind, "--skip-bad") == 0
    packed, said = describe(tmp_path / "out"), capsys.readouterr()
    assert 4 <= packed.train + packed.val <= 6 and packed.train + packed.val >= 6 - len(caught.value.problems)
    assert what in said.err and "left out" in said.out


def test_every_problem_is_listed_and_counted(tmp_path, capsys):
    kit.write_voc(tmp_path / "src")
    box_xml(10, 10, 80, 40)(tmp_path / "src")
    cut(tmp_path / "src" / "JPEGImages" / "p1.jpg")
    xml(4, "<name>square", "<name>")(tmp_path / "src")
    no_picture(tmp_path / "src")
    with pytest.raises(InputError, match="3 problems in 3 of 6 pictures; correct them, or leave those .* --skip-bad"):
        run(tmp_path / "src", tmp_path / "out")
    listed = capsys.readouterr().err
    assert [line.split(":")[0] for line in listed.splitlines()] == [
        "JPEGImages/p1.jpg", "Annotations/p2.xml", "Annotations/p4.xml, object 1"]


def test_a_picture_with_one_bad_box_is_left_out_whole(tmp_path):
    """Its other objects alone would teach that the one without a box is background."""
    kit.write_csv(tmp_path / "src")
    row("p5.jpg,square,10,10,80,30")(tmp_path / "src")
    summary = pack(tmp_path / "src", tmp_path / "out", skip_bad=True)
    assert describe(tmp_path / "out").train + describe(tmp_path / "out").val == 5
    assert "left out 1 picture with 1 problem" in summary.lines


def test_nothing_left_is_an_error_too(tmp_path):
    kit.write_voc(tmp_path / "src", count=3)
    for picture in (tmp_path / "src" / "JPEGImages").iterdir():
        cut(picture)
    with pytest.raises(InputError, match="0 pictures are fit for use"):
        pack(tmp_path / "src", tmp_path / "out", skip_bad=True)
    assert not (tmp_path / "out").exists()


def test_a_picture_outside_is_never_read(tmp_path):
    """Not even where the path would lead to a picture that is there."""
    kit.write_csv(tmp_path / "src")
    kit.draw("square")[0].save(tmp_path / "secret.jpg")
    row("../secret.jpg,square,10,10,30,30")(tmp_path / "src")
    row(f"{tmp_path / 'secret.jpg'},square,10,10,30,30")(tmp_path / "src")
    with pytest.raises(BadData) as caught:
        pack(tmp_path / "src", tmp_path / "out")
    assert ["leads out of the folder" in problem.what for problem in caught.value.problems] == [True, True]


@pytest.mark.parametrize("content, message", [
    ("{", "not valid JSON"), ("[" * 100000, "not valid JSON"), ("[1]", "is not COCO"),
    ('{"images": {}, "annotations": []}', "needs a list 'images'"),
    ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "a category lacks 'name'")])
def test_a_file_that_is_not_coco_is_named(tmp_path, content, message):
    kit.write_coco(tmp_path / "src")
    (tmp_path / "src" / "annotations.json").write_text(content)
    with pytest.raises(InputError, match=f"annotations.json.*{message}"):
        pack(tmp_path / "src" / "annotations.json", tmp_path / "out")


@pytest.mark.parametrize("text, message", [
    ("names: [a, b", "not valid YAML"), ("nc: 3\n", "no file names the classes"),
    ("names: {0: a, 2: b}", "not 0 to 1"), ("a: &a [x]\nb: &b [*a, *a]\nnames: [*b, *b]", "must be a list of words"),
    ("!!python/object/apply:os.system ['true']", "not valid YAML")])
def test_class_names_that_cannot_be_read_are_an_error(tmp_path, text, message):
    kit.write_yolo(tmp_path / "src")
    (tmp_path / "src" / "data.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        pack(tmp_path / "src", tmp_path / "out")


def test_a_table_without_the_columns_is_an_error(tmp_path):
    kit.write_csv(tmp_path / "src")
    replaced(tmp_path / "src" / "boxes.csv", "xmax", "size")
    with pytest.raises(InputError, match=r"boxes\.csv needs columns filename, class, xmin"):
        pack(tmp_path / "src" / "boxes.csv", tmp_path / "out")
