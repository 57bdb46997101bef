"""Texts of a reader's set are decoded strictly: a name is what its file says, or the file is named."""
from __future__ import annotations

import own_kit as kit
import pytest
from command_kit import pack_command as run

from d2lzh_cv.data.own.names import background_first, is_background, read_list
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.own.packed import describe
from d2lzh_cv.data.own.text import Texts
from d2lzh_cv.data.own.xml_file import LIMIT, VOC
from d2lzh_cv.errors import InputError


@pytest.mark.parametrize("text, encoding", [
    ("熊猫\n企鹅\n", "utf-8"), ("熊猫\n企鹅\n", "utf-8-sig"), ("熊猫\n企鹅\n", "utf-16"), ("熊猫\n企鹅\n", "utf-32"),
    ("熊猫\n企鹅\n", "gb18030"), ("龘靐\n", "gbk"), ("cat 猫\nT恤型\n狗\n", "gb18030"), ("лимон\nкино\n", "utf-8"),
    ("éléphant\nçà\n", "utf-8"), ("μήλο\n", "utf-8"), ("plain\n", "ascii")])
def test_a_text_is_found_out_to_be_what_it_is(tmp_path, text, encoding):
    path = tmp_path / "classes.txt"
    path.write_bytes(text.encode(encoding))
    texts = Texts()
    assert texts.read(path) == text
    assert bool(texts.chinese) == (encoding in ("gb18030", "gbk"))


@pytest.mark.parametrize("content, message", [
    ("mélange\nété\n".encode("latin-1"), "neither UTF-8 nor Chinese"), ("Größe".encode("cp1252"), "neither"),
    ("собака\nкошка".encode("cp1251"), "neither"), ("über".encode("latin-1"), "neither"),
    ("猫\n".encode("gbk"), "as UTF-8 and as Chinese .GB18030., 'è' or '猫'"), (b"\xff\xd8\xff\xe0\0", "not a text"),
    ("cat\n".encode("utf-16-le"), "UTF-16 without its mark"), (b"\xff\xfec\0a", "not in the encoding utf-16")])
def test_what_cannot_be_told_is_refused_with_the_way_out(tmp_path, content, message):
    path = tmp_path / "classes.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"classes.txt .*{message}.*|--encoding") as caught:
        Texts().read(path)
    assert "classes.txt" in str(caught.value)


@pytest.mark.parametrize("encoding", ["latin-1", "big5", "shift_jis", "euc_kr"])
def test_encoding_says_what_cannot_be_found_out(tmp_path, encoding):
    names = {"latin-1": ("mélange", "müll"), "big5": ("貓", "狗"), "shift_jis": ("ネコ", "犬"),
             "euc_kr": ("고양이", "개")}
    kit.write_csv(tmp_path / "src")
    path = tmp_path / "src" / "boxes.csv"
    text = path.read_text().replace("square", names[encoding][0]).replace("circle", names[encoding][1])
    path.write_bytes(text.encode(encoding))
    assert run(tmp_path / "src", tmp_path / "out", "--encoding", encoding) == 0
    assert set(describe(tmp_path / "out").classes) == {"triangle", *names[encoding]}


def test_an_encoding_there_is_not_and_one_of_no_text_are_named(tmp_path):
    kit.write_csv(tmp_path / "src")
    for name in ("klingon", "base64"):
        with pytest.raises(InputError, match=f"--encoding {name}"):
            pack(tmp_path / "src", tmp_path / "out", encoding=name)


@pytest.mark.parametrize("declared, written", [
    ("GB2312", "gb18030"), ("gbk", "gbk"), ("big5", "big5"), ("utf-8", "utf-8-sig"), ("utf-16", "utf-16"),
    ("UTF-8", "gb18030"), ("euc-kr", "euc-kr"), ("windows-1251", "cp1251"), ("utf-16", "utf-16-be")])
def test_xml_is_read_by_the_encoding_that_it_declares(tmp_path, declared, written):
    """What it wrongly calls UTF-8, as some tools on Chinese Windows do, is found out."""
    name = {"euc-kr": "고양이", "cp1251": "собака"}.get(written, "熊貓")
    kit.write_voc(tmp_path / "src")
    path = tmp_path / "src" / "Annotations" / "p1.xml"
    path.write_bytes(f'<?xml version="1.0" encoding="{declared}"?>{path.read_text()}'.replace(
        "square", name).encode(written))
    pack(tmp_path / "src", tmp_path / "out")
    assert name in describe(tmp_path / "out").classes


def test_xml_that_is_not_what_it_declares_is_a_problem_with_its_name(tmp_path, capsys):
    kit.write_voc(tmp_path / "src")
    path = tmp_path / "src" / "Annotations" / "p1.xml"
    path.write_bytes(f'<?xml version="1.0" encoding="ascii"?>{path.read_text()}'.replace("square", "猫").encode())
    with pytest.raises(InputError, match="1 problem in 1 of 6"):
        run(tmp_path / "src", tmp_path / "out")
    assert capsys.readouterr().err.startswith("Annotations/p1.xml: declares the encoding ascii")


def test_an_annotation_without_end_is_not_read_to_its_end(tmp_path):
    kit.write_voc(tmp_path / "src")
    path = tmp_path / "src" / "Annotations" / "p1.xml"
    path.write_text(path.read_text().replace("</annotation>", " " * LIMIT[VOC] + "</annotation>"))
    summary = pack(tmp_path / "src", tmp_path / "out", skip_bad=True)
    assert [str(problem) for problem in summary.problems] == [
        "Annotations/p1.xml: has more than 16 MB, too much for annotations; split it or remove it"]


def test_what_was_read_as_chinese_is_said(tmp_path):
    kit.write_csv(tmp_path / "src")
    path = tmp_path / "src" / "boxes.csv"
    path.write_bytes(path.read_text().replace("square", "企鹅").encode("gb18030"))
    assert "read as Chinese (GB18030): boxes.csv; --encoding names another encoding" in pack(
        tmp_path / "src", tmp_path / "out").lines


# Class lists

@pytest.mark.parametrize("text, message", [
    ("cat\n\ndog\n", "classes.txt, line 2 is empty"), ("\ncat\n", "line 1 is empty"),
    ("cat\ndog\ncat\n", "names the class 'cat' twice, line 1 and line 3"),
    ("é\ne\u0301\n", "twice, line 1 and line 2")])
def test_a_class_list_with_a_gap_or_a_name_twice_is_refused(tmp_path, text, message):
    (tmp_path / "classes.txt").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_list(tmp_path / "classes.txt", Texts())


@pytest.mark.parametrize("content, message", [
    ("names: [cat, dog, cat]", "names the class 'cat' twice, number 0 and number 2"),
    ("names:\n  0: cat\n  1: dog\n  0: bird\n", "'0' occurs twice"), ("names: [a, b]\nnc: 3", "nc: 3 but names 2")])
def test_a_yaml_with_a_number_or_a_name_twice_is_refused(tmp_path, content, message):
    kit.write_yolo(tmp_path / "src")
    (tmp_path / "src" / "data.yaml").write_text(content)
    with pytest.raises(InputError, match=f"data.yaml.*{message}"):
        pack(tmp_path / "src", tmp_path / "out")


def test_yaml_scalars_are_text(tmp_path):
    kit.write_yolo(tmp_path / "src")
    (tmp_path / "src" / "data.yaml").write_text("names: [no, 007, 2024-01-01]\n")
    pack(tmp_path / "src", tmp_path / "out")
    assert describe(tmp_path / "out").classes == ["no", "007", "2024-01-01"]


def test_lists_that_differ_are_named(tmp_path):
    kit.write_yolo(tmp_path / "src")
    (tmp_path / "src" / "data.yaml").unlink()
    (tmp_path / "src" / "classes.txt").write_text("circle\nsquare\ntriangle\n")
    (tmp_path / "src" / "obj.names").write_text("square\ncircle\ntriangle\n")
    with pytest.raises(InputError, match=r"classes\.txt and .*obj\.names name different classes"):
        pack(tmp_path / "src", tmp_path / "out")
    (tmp_path / "src" / "obj.names").write_text("circle\nsquare\ntriangle\n")
    pack(tmp_path / "src", tmp_path / "out")


def test_words_for_the_background_are_known():
    for word in ("background", "_background_", "Background", "BACKGROUND", "[bg]", "BG", "背景", "__ignore__"):
        assert is_background(word), word
    for word in ("cat", "backgroundless", "ignore", "underground", "背"):
        assert not is_background(word), word


@pytest.mark.parametrize("names, expected", [
    (["cat", "dog"], ["background", "cat", "dog"]), (["背景", "猫"], ["background", "猫"]),
    (["BG", "cat"], ["background", "cat"]), (["__ignore__", "_background_", "cat"], ["background", "cat"]),
    (["__ignore__", "cat"], ["background", "cat"]), (["void", "cat"], "'void' can mean the value 0"),
    (["cat", "Background"], "'Background' is a word for the background")])
def test_masks_count_from_the_background(names, expected):
    if isinstance(expected, list):
        assert background_first(names, "list") == expected
    else:
        with pytest.raises(InputError, match=f"list: {expected}"):
            background_first(names, "list")


def test_the_background_is_no_class_of_boxes(tmp_path, capsys):
    kit.write_yolo(tmp_path / "src")
    (tmp_path / "src" / "data.yaml").write_text("names: [circle, square, triangle, 背景]\n")
    pack(tmp_path / "src", tmp_path / "out")
    assert describe(tmp_path / "out").classes == list(kit.SHAPES)
    (tmp_path / "src" / "data.yaml").write_text("names: [_background_, circle, square]\n")
    with pytest.raises(InputError, match="2 problems in 2 of 6 pictures"):
        run(tmp_path / "src", tmp_path / "two")
    assert "labels/p0.txt, line 1: '_background_' is a word for the background" in capsys.readouterr().err


def test_coco_ids_of_mixed_type_are_one_id_and_categories_have_their_own(tmp_path):
    import json
    kit.write_coco(tmp_path / "src")
    path = tmp_path / "src" / "annotations.json"
    content = json.loads(path.read_text())
    for i, row in enumerate(content["annotations"]):
        row["image_id"] = (str, float, int)[i % 3](row["image_id"])
        row["category_id"] = str(row["category_id"])
    path.write_text(json.dumps(content))
    pack(tmp_path / "src", tmp_path / "out")
    assert describe(tmp_path / "out").train + describe(tmp_path / "out").val == 6
    content["categories"][2]["id"] = "11"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="categories 'circle' and 'triangle' have the same id 11"):
        pack(tmp_path / "src", tmp_path / "two")
