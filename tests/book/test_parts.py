"""The comparison on a part of the book's set: single pictures and shapes are judged, counts and trainings are not."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from data_kit import REAL, write_picture
from PIL import Image

from d2lzh_cv import cli
from d2lzh_cv.book import compare, facts
from d2lzh_cv.book.compare import compare_kept
from d2lzh_cv.book.rundata import read_run

COUNTS, BATCH, PATCH = "examples_kept_by_crop_320x480", "batch_shapes", "label_patch_105_115_130_140"
BOOK_DATA = REAL.parent / "book_data"
FIRST = "2007_000032"
PART = "a part of VOC2012: 70 of 1,464 training and 2 of 1,449 validation pictures"
BOOKS = {fact.name: fact.value for fact in facts.exact() if fact.section == "9.9"}


@pytest.fixture(autouse=True)
def only_9_9(monkeypatch):
    """Leave only the exact figures of 9.9, so that little is computed."""
    kept = [fact for fact in facts.exact() if fact.section == "9.9"]
    monkeypatch.setattr(facts, "exact", lambda: kept)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root for :func:`write_part`."""
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def write_part(root: Path, train, val=("2007_000033", "2007_000042"), size=(320, 480)) -> Path:
    """A VOC tree with pictures of these names; the mask of the book's first picture has the book's patch."""
    tree = root / "VOCdevkit" / "VOC2012"
    mask = np.zeros((*size, 3), np.uint8)
    (tree / "SegmentationClass").mkdir(parents=True)
    for name in (*train, *val):
        write_picture(tree / "JPEGImages" / f"{name}.jpg", *size)
        shown = mask.copy()
        if name == FIRST:
            shown[105:115, 130:140, 0] = 128 * np.array(BOOKS[PATCH])  # class 1 is (128, 0, 0)
        Image.fromarray(shown).save(tree / "SegmentationClass" / f"{name}.png")
    for part, names in (("train", train), ("val", val)):
        path = tree / "ImageSets" / "Segmentation" / f"{part}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name}\n" for name in names))
    return tree


def names(count: int, first: str = FIRST) -> list[str]:
    return [first, *(f"2008_{i:06d}" for i in range(1, count))]


def now():
    return {row.name: row for row in compare.compare().rows}


# -- computed ---------------------------------------------------------------------------------------------------------
def test_a_part_is_judged_by_its_pictures_and_not_by_its_number(root):
    write_part(root, names(70))
    found = compare.compare()
    assert found.ok and found.counts()["exact"] == {"equal": 2, "differs": 0, "not_comparable": 1, "needs_data": 0}
    row = {row.name: row for row in found.rows}[COUNTS]
    assert (row.verdict, row.value, row.origin, row.needs) == (
        "not_comparable", {"train": 70, "val": 2}, "computed", None)
    assert row.note == PART


def test_the_patch_is_that_of_the_book_s_picture_wherever_it_stands(root):
    write_part(root, [*names(3, "2007_000039"), FIRST])
    assert now()[PATCH].verdict == "equal"


def test_a_wrong_patch_differs_on_a_part_too(root, capsys):
    tree = write_part(root, names(70))
    Image.fromarray(np.zeros((320, 480, 3), np.uint8)).save(tree / "SegmentationClass" / f"{FIRST}.png")
    assert now()[PATCH].verdict == "differs" and cli.main(["compare"]) == 1


def test_a_part_without_the_picture_or_a_batch_says_so(root):
    write_part(root, names(63, "2007_000039"))
    rows = now()
    assert {row.verdict for row in rows.values()} == {"not_comparable"}
    assert rows[PATCH].note.endswith("pictures, without 2007_000032") and rows[PATCH].value is None
    assert rows[BATCH].note.endswith("pictures, without a batch")


def test_a_part_without_a_picture_as_large_as_the_crop_says_so(root):
    write_part(root, names(2), size=(300, 400))
    rows = now()
    assert rows[PATCH].verdict == "equal"
    assert rows[COUNTS].verdict == rows[BATCH].verdict == "not_comparable" and "320×480 or larger" in rows[COUNTS].note


def test_another_set_in_voc_form_is_no_part(root):
    write_part(root, ["000000000036", "000000000042"])
    assert {(row.verdict, row.needs) for row in now().values()} == {("needs_data", "voc2012")}


def test_the_tables_and_the_json_name_the_part(root, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    write_part(root, names(70))
    assert cli.main(["compare"]) == 0
    out = capsys.readouterr().out
    assert "exact: 2 equal, 0 differ, 1 not comparable, 0 need DATA" in out and "not comparable: a part" in out
    assert f"pictures as large as the crop: {PART}" in out and "needs DATA" not in out
    assert cli.main(["compare", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["exact"]["not_comparable"] == 1 and PART in {row["note"] for row in found["rows"]}


@pytest.mark.skipif(not BOOK_DATA.is_dir(), reason="needs ../shared/book_data")
def test_the_real_part_has_the_book_s_patch(monkeypatch):
    monkeypatch.setenv("D2LZH_CV_DATA", str(BOOK_DATA))
    assert {name: row.verdict for name, row in now().items()} == {
        PATCH: "equal", BATCH: "equal", COUNTS: "not_comparable"}


# -- recorded by a run ------------------------------------------------------------------------------------------------
def write_run(folder, path, note="", recorded=None, number="9.9", metrics=(), name="voc"):
    section = {"section": number, "status": "ok", "mode": "full", "seed": 0, "figures": [],
               "data": [{"name": name, "kind": "real", "path": str(path), "note": note}],
               "results": {**BOOKS, COUNTS: {"train": 70, "val": 2}} if recorded is None else recorded}
    (folder / number).mkdir(parents=True)
    (folder / number / "results.json").write_text(json.dumps(section))
    (folder / number / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
    return folder


def kept(folder):
    return {row.name: row for row in compare_kept(read_run(folder)).rows}


def test_a_run_on_a_part_is_judged_by_the_same_rule(tmp_path, root):
    rows = kept(write_run(tmp_path / "run", write_part(root, names(70))))
    assert {name: row.verdict for name, row in rows.items()} == {
        PATCH: "equal", BATCH: "equal", COUNTS: "not_comparable"}
    assert (rows[COUNTS].note, rows[COUNTS].origin, rows[COUNTS].value) == (PART, "run", {"train": 70, "val": 2})


def test_the_patch_of_another_first_picture_is_not_judged(tmp_path, root):
    tree = write_part(root, [*names(3, "2007_000039"), FIRST])
    rows = kept(write_run(tmp_path / "run", tree, recorded={**BOOKS, PATCH: [[0] * 10] * 10}))
    assert rows[PATCH].verdict == "not_comparable" and rows[PATCH].note.endswith("may not be 2007_000032")


@pytest.mark.parametrize(("shapes", "verdict"), [
    ([[64, 3, 320, 480], [64, 320, 480]], "equal"), ([[20, 3, 320, 480], [20, 320, 480]], "not_comparable"),
    ([[64, 3, 320, 481], [64, 320, 481]], "differs"), ([[65, 3, 320, 480], [65, 320, 480]], "differs"),
    ([], "differs"), ([None], "differs"), ([[]], "differs"), ([[None, 3, 320, 480]], "differs"), (3, "differs")])
def test_a_batch_may_be_smaller_on_a_part_but_of_no_other_shape(tmp_path, root, shapes, verdict):
    rows = kept(write_run(tmp_path / "run", write_part(root, names(3)), recorded={BATCH: shapes}))
    assert rows[BATCH].verdict == verdict


def test_the_line_that_was_printed_outlives_the_folder(tmp_path):
    rows = kept(write_run(tmp_path / "run", "gone/VOC2012", note=f"voc: gone/VOC2012 ({PART})"))
    assert (rows[COUNTS].verdict, rows[COUNTS].note) == ("not_comparable", PART)
    assert rows[BATCH].verdict == "equal" and rows[PATCH].verdict == "not_comparable"  # which picture was first?


def test_a_folder_that_may_not_be_read_is_not_judged(tmp_path, monkeypatch):
    def locked(path):
        raise PermissionError(13, "Permission denied", str(path))
    monkeypatch.setattr(Path, "is_dir", lambda path: locked(path) if path.name == "VOC2012" else path.exists())
    rows = kept(write_run(tmp_path / "run", "gone/VOC2012"))
    assert {row.verdict for row in rows.values()} == {"needs_data"}


def test_a_run_on_a_part_does_not_hide_the_figure_that_can_be_computed(tmp_path, root):
    folder = write_run(tmp_path / "run", "gone/VOC2012", note=f"voc: gone/VOC2012 ({PART})")
    write_part(root, names(70))
    rows = {row.name: row for row in compare.compare(folder).rows}
    assert (rows[PATCH].verdict, rows[PATCH].origin) == ("equal", "computed")
    assert (rows[COUNTS].verdict, rows[COUNTS].origin) == ("not_comparable", "run")


@pytest.mark.parametrize(("number", "name", "series", "recorded", "reason"), [
    ("9.10", "voc", "FCN", {"source_network": "resnet18_v1", "source_trained_on": "imagenet"},
     f"{PART}; resnet18_v1 is not the book's resnet18_v2"),
    ("9.10", "voc", "FCN", {"source_network": "resnet18_v2", "source_trained_on": "imagenet"}, PART),
    ("9.1", "cifar10", "flip", {"pictures": {"train": 4000, "test": 1000}},
     "a part of CIFAR-10: 4,000 of 50,000 training and 1,000 of 10,000 test pictures"),
    ("9.1", "cifar10", "flip", {"pictures": {"test": 1000, "train": 4000}},
     "a part of CIFAR-10: 4,000 of 50,000 training and 1,000 of 10,000 test pictures"),
    ("9.1", "cifar10", "flip", {"pictures": {"train": 50001, "test": 10000}},
     "not all of CIFAR-10 (50,000 and 10,000 pictures)"),
    ("9.2", "hotdog", "from scratch", {"pictures": {"train": 1000, "test": 400}, "source_network": "squeezenet1.1"},
     "a part of the book's hot dogs, or other ones: 1,000 of 2,000 training and 400 of 800 test pictures; "
     "squeezenet1.1 is not the book's resnet18_v2"),
    ("9.11", "img", "small", {"source_network": "squeezenet1.1", "source_trained_on": "imagenet"},
     "squeezenet1.1 is not the book's vgg19")])
def test_a_training_says_which_part_and_which_network_it_had(tmp_path, number, name, series, recorded, reason):
    (fact,) = [fact for fact in facts.training() if (fact.section, fact.series) == (number, series)]
    line = {"series": series, "epoch": fact.epochs, **{quantity: 0.5 for quantity in fact.quantities}}
    note = f"voc: gone/VOC2012 ({PART})" if name == "voc" else ""
    folder = write_run(tmp_path, "gone/VOC2012", note, recorded, number, [line], name)
    rows = [row for row in compare_kept(read_run(folder)).rows if row.name.startswith(f"{series}: ")]
    assert {(row.verdict, row.note) for row in rows} == {("not_comparable", reason)} and rows
