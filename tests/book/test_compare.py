"""The comparison with the book: what is equal, what is judged at all, and where the values come from."""
from __future__ import annotations

import json

import pytest
from data_kit import REAL, needs_real_data

from d2lzh_cv import cli, contents, transposed_conv
from d2lzh_cv.book import comparable, compare, facts, needs, verdicts
from d2lzh_cv.book.compare import compare_kept
from d2lzh_cv.book.facts import Exact
from d2lzh_cv.book.rundata import read_run
from d2lzh_cv.errors import InputError
from d2lzh_cv.run import parameters

REFERENCE = REAL.parent / "book" / "figures.json"
MORE = REAL.parent / "book" / "more_runs.json"
PIKACHU = {"name": "pikachu", "kind": "real", "path": "gone/pikachu", "note": "pikachu: gone/pikachu"}
SSD = {"section": "9.7", "status": "ok", "mode": "full", "seed": 0, "data": [PIKACHU], "figures": [],
       "results": {"concat_preds_shape": [2, 25300]}}


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """A data root that holds nothing."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "empty"))


@pytest.fixture(scope="module")
def computed():
    """All exact figures as computed without any data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needs, "locate", lambda need: None)
        return compare.compare()


@pytest.fixture
def only(monkeypatch):
    """Leave only the named exact figures, so that little is computed."""
    def keep(*names):
        kept = [fact for fact in facts.exact() if fact.name in names]
        monkeypatch.setattr(facts, "exact", lambda: kept)
    return keep


def write_section(folder, number="9.7", *, results=SSD, metrics=()):
    (folder / number).mkdir(parents=True, exist_ok=True)
    (folder / number / "results.json").write_text(json.dumps(results), encoding="utf-8")
    (folder / number / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
    return folder


def ssd_epoch(epoch=20, class_err=0.0023, bbox_mae=0.0025):
    return {"series": "TinySSD", "epoch": epoch, "class_err": class_err, "bbox_mae": bbox_mae, "seconds": 1}


def kept_rows(folder, kind="training"):
    """The verdicts and rows of what a run kept, by name."""
    return {row.name: row for row in compare_kept(read_run(folder)).rows if row.kind == kind}


# -- the facts --------------------------------------------------------------------------------------------------------
@pytest.mark.skipif(not REFERENCE.is_file(), reason="needs ../shared/book")
def test_every_fact_is_there():
    reference = json.loads(REFERENCE.read_text(encoding="utf-8"))
    assert {(f.section, f.name): f.value for f in facts.exact()} == {
        (f["section"], f["name"]): f["value"] for f in reference["exact"]}
    assert {(f.section, f.name) for f in facts.exact() if f.needs is None} == {
        (f["section"], f["name"]) for f in reference["exact"] if f["needs"] is None}

    def values(section, lines):
        return sorted((section, k, v) for line in lines for k, v in line.items() if k not in ("epoch", "note"))
    def bare(log):
        return [{name.removesuffix("_loss") if name in ("content_loss", "style_loss", "tv_loss") else name: value
                 for name, value in line.items()} for line in log]

    published = [(f["section"], f["log"]) for f in reference["training"]]
    for f in json.loads(MORE.read_text(encoding="utf-8"))["training"]:
        run = (f["section"], bare(f["log"]))
        if run not in published:  # a copy, in every digit, is no run of its own
            published.append(run)
    ours = [pair for f in facts.training() for log in f.runs.values() for pair in values(f.section, log)]
    assert sorted(ours) == sorted(pair for section, log in published for pair in values(section, log))


def test_facts_name_sources_and_needs_that_exist():
    assert len(facts.exact()) == 34 and len(facts.training()) == 16
    for fact in facts.exact():
        assert fact.source in facts.sources() and (fact.needs is None or fact.needs in needs.NEEDS)
        assert not fact.depends or set(fact.depends) <= set(parameters.of_section(contents.find(fact.section), False))
    for fact in facts.training():
        assert set(fact.runs) <= set(facts.sources()) and set(fact.needs) <= set(needs.NEEDS)
        assert fact.quantities and set(fact.pictures) <= set(fact.quantities)


# -- exact figures ----------------------------------------------------------------------------------------------------
def test_without_data_what_needs_none_is_equal_and_the_rest_says_what_it_needs(computed):
    assert computed.counts() == {"exact": {"equal": 25, "differs": 0, "not_comparable": 0, "needs_data": 9},
                                 "training": {"in_band": 0, "differs": 0, "not_comparable": 0}}
    for row in computed.rows:
        missing = {fact.needs for fact in facts.exact() if (fact.section, fact.name) == (row.section, row.name)}
        assert {row.needs} == missing and (row.verdict == "needs_data") == (row.needs is not None)
        assert row.needs is None or (row.value is None and needs.NEEDS[row.needs].what in row.note)
    assert [row.section for row in computed.rows] == sorted(
        (row.section for row in computed.rows), key=lambda s: (s != "2.x", int(s[2:]) if s != "2.x" else 0))


@needs_real_data
def test_with_the_real_data_no_figure_differs(monkeypatch, only):
    only(*(fact.name for fact in facts.exact() if fact.needs))
    monkeypatch.setenv("D2LZH_CV_DATA", str(REAL))
    verdict = {(row.section, row.name): row.verdict for row in compare.compare().rows}
    assert {name for name, found in verdict.items() if found == "needs_data"} == {
        ("9.9", name) for name in ("examples_kept_by_crop_320x480", "batch_shapes", "label_patch_105_115_130_140")}
    assert sorted(set(verdict.values())) == ["equal", "needs_data"] and len(verdict) == 9


def test_values_are_computed_not_read_from_the_facts(monkeypatch, only, no_data):
    only("trans_conv_2x2_by_2x2", "trans_conv_of_that", "corr2d_arange_3x3_with_1234")
    right = transposed_conv.trans_conv
    monkeypatch.setattr(transposed_conv, "trans_conv", lambda X, K, **options: right(X, K.T, **options))
    found = compare.compare()
    assert {row.name: row.verdict for row in found.rows} == {
        "trans_conv_2x2_by_2x2": "differs", "trans_conv_of_that": "differs", "corr2d_arange_3x3_with_1234": "equal"}
    assert not found.ok
    assert found.rows[0].value != found.rows[0].book


def test_what_the_run_kept_and_what_is_computed_must_both_be_equal(tmp_path, only, no_data, monkeypatch):
    only("concat_preds_shape")
    (row,) = compare.compare(write_section(tmp_path)).rows[:1]
    assert (row.verdict, row.origin) == ("equal", "run")
    write_section(tmp_path, results={**SSD, "results": {"concat_preds_shape": [2, 25301]}})
    (row,) = compare.compare(tmp_path).rows[:1]
    assert (row.verdict, row.origin, row.value) == ("differs", "run", [2, 25301])
    assert "the value computed now is equal" in row.note
    write_section(tmp_path)
    monkeypatch.setattr("d2lzh_cv.ssd.concat_preds", lambda preds: preds[0])
    (row,) = compare.compare(tmp_path).rows[:1]
    assert (row.verdict, row.origin, row.value) == ("differs", "computed", [2, 55, 20, 20])


@pytest.mark.parametrize(("kind", "path", "verdict"), [
    ("real", "gone/VOC2012", "equal"), ("synthetic", "gone/VOC2012", "needs_data"),
    ("real", "gone/coco", "needs_data")])
def test_a_value_of_other_data_is_shown_but_not_judged(tmp_path, kind, path, verdict):
    data = [{"name": "voc", "kind": kind, "path": path, "note": ""}]
    results = {"examples_kept_by_crop_320x480": {"train": 1114, "val": 1078}}
    write_section(tmp_path, "9.9", results={**SSD, "section": "9.9", "data": data, "results": results})
    row = kept_rows(tmp_path, "exact")["examples_kept_by_crop_320x480"]
    assert row.verdict == verdict and row.value == {"train": 1114, "val": 1078}


@pytest.mark.parametrize(("changed", "verdict", "note"), [
    ({}, "differs", ""), ({"nms_threshold": 0.9}, "differs", ""),
    ({"iou_threshold": 0.9}, "not_comparable", "iou_threshold is 0.9, not 0.5")])
def test_a_value_of_other_parameters_is_not_judged(tmp_path, only, no_data, changed, verdict, note):
    only("multibox_target_class_labels")
    used = {"sizes": [0.75, 0.5, 0.25], "ratios": [1, 2, 0.5], "iou_threshold": 0.5, "nms_threshold": 0.5, **changed}
    recorded = {"multibox_target_class_labels": [[0, 0, 0, 0, 0]]}
    write_section(tmp_path, "9.4", results={**SSD, "section": "9.4", "parameters": used, "results": recorded})
    row = kept_rows(tmp_path, "exact")["multibox_target_class_labels"]
    assert (row.verdict, row.value, row.note) == (verdict, [[0, 0, 0, 0, 0]], note)
    row = compare.compare(tmp_path).rows[0]  # computed now, with the book's parameters
    assert (row.verdict, row.origin) == (("equal", "computed") if note else ("differs", "run"))


@pytest.mark.parametrize("value", [None, 3, "text", [], [2], [[2, 25300]], {"a": 1}, True, [2, "25300"], [2, None]])
def test_a_kept_value_of_any_kind_does_no_harm(tmp_path, value):
    write_section(tmp_path, results={**SSD, "results": {"concat_preds_shape": value}})
    rows = kept_rows(tmp_path, "exact")
    assert "concat_preds_shape" not in rows if value is None else rows["concat_preds_shape"].verdict == "differs"


@pytest.mark.parametrize(("book", "value", "digits", "equal"), [
    (2.59, 2.5949, {"significant": 3}, True), (2.59, 2.5951, {"significant": 3}, False),
    (10.0, 9.9501, {"significant": 3}, True), (10.0, 9.949, {"significant": 3}, False),
    (-0.571, -0.57143, {"significant": 3}, True), (-0.571, 0.571, {"significant": 3}, False),
    (0.06, 0.0551, {"decimals": 2}, True), (0.06, 0.0549, {"decimals": 2}, False),
    (0, 0.004, {"decimals": 2}, True), (0, 1e-9, {"significant": 3}, False),
    (-8.94e-07, 4.2e-06, {"significant": 3, "zero_below": 1e-5}, True),
    (-8.94e-07, 1.1e-05, {"significant": 3, "zero_below": 1e-5}, False),
    (348, 348.0, {}, True), (348, 348.0001, {}, False), (348, float("nan"), {}, False),
    (True, True, {}, True), (True, 1, {}, False), (1, True, {}, False),
    ([1, 2], [1, 2, 3], {}, False), ([[1, 2]], [1, 2], {}, False), ([1, 2], [1.0, 2.0], {}, True),
    ({"a": 1}, {"a": 1}, {}, True), ({"a": 1}, {"a": 1, "b": 2}, {}, False), ({"a": 1}, {"b": 1}, {}, False)])
def test_equal_is_equal_to_the_printed_digits(book, value, digits, equal):
    assert verdicts.same(Exact("9.4", "x", "x", book, None, "book", **digits), value) is equal


# -- training ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("class_err", "verdict"), [
    (0.002122, "in_band"), (0.002695, "in_band"), (0.002121, "differs"), (0.002696, "differs"), (None, "differs")])
def test_a_full_run_on_the_book_s_data_is_judged(tmp_path, class_err, verdict):
    write_section(tmp_path, metrics=[ssd_epoch(19, 0.9), ssd_epoch(20, class_err)])
    rows = kept_rows(tmp_path)
    assert (rows["TinySSD: class_err"].verdict, rows["TinySSD: bbox_mae"].verdict) == (verdict, "in_band")
    assert rows["TinySSD: class_err"].band[0] < 0.00213 and rows["TinySSD: class_err"].value == class_err


@pytest.mark.parametrize(("change", "epoch", "reason"), [
    ({"mode": "quick"}, 20, "quick mode"), ({"status": "failed"}, 20, "section failed"), ({}, 19, "19 of 20 epochs"),
    ({"data": [{**PIKACHU, "kind": "synthetic"}]}, 20, "synthetic pikachu"), ({"data": []}, 20, "pikachu not read"),
    ({"parameters": {"learning_rate": 0.5, "weight_decay": 0.0}}, 20,
     "learning_rate is 0.5, not 0.2; weight_decay is 0.0, not 0.0005"),
    ({"parameters": {"edge_size": 128, "num_epochs": 19}}, 19, "edge_size is 128, not 256; 19 of 20 epochs")])
def test_other_data_or_settings_are_shown_and_never_judged(tmp_path, change, epoch, reason):
    write_section(tmp_path, results={**SSD, **change}, metrics=[ssd_epoch(epoch)])
    row = kept_rows(tmp_path)["TinySSD: class_err"]
    assert (row.verdict, row.value, row.band, row.note) == ("not_comparable", 0.0023, None, reason)


def test_more_epochs_are_judged_where_the_book_stopped(tmp_path):
    results = {**SSD, "parameters": {"num_epochs": 21, "batch_size": 32}}
    write_section(tmp_path, results=results, metrics=[ssd_epoch(20), ssd_epoch(21, 5.0)])
    assert kept_rows(tmp_path)["TinySSD: class_err"].verdict == "in_band"


def test_parameters_that_leave_a_training_as_it_is_do_not_count(tmp_path):
    used = {"batch_size": 128, "min_steps": 1, "with_frozen_features": False, "num_epochs": 7, "lr_mult": 10}
    write_section(tmp_path, "9.2", results={**SSD, "parameters": used})
    run = read_run(tmp_path).sections[0]
    assert comparable.other_parameters(run) == []
    run.parameters["batch_size"] = 100  # by min_steps
    assert comparable.other_parameters(run) == ["batch_size is 100, not 128"]


@pytest.mark.parametrize(("change", "verdict", "reason"), [
    ({}, "in_band", ""),
    ({"pictures": {"train": 200, "test": 50}}, "not_comparable",
     "a part of the book's hot dogs, or other ones: 200 of 2,000 training and 50 of 800 test pictures"),
    ({"source_trained_on": "synthetic"}, "not_comparable", "not resnet18_v2 trained on ImageNet"),
    ({"source_network": "mobilenetv2_1.0"}, "not_comparable", "mobilenetv2_1.0 is not the book's resnet18_v2"),
    ({"source_network": "resnet18_v1"}, "not_comparable", "resnet18_v1 is not the book's resnet18_v2"),
    ({"pictures": {"train": 2001, "test": 800}}, "not_comparable", "not the book's hot dogs (2,000 and 800 pictures)"),
    ({"source_network": None, "pictures": 7}, "not_comparable",
     "not the book's hot dogs (2,000 and 800 pictures); not resnet18_v2 trained on ImageNet")])
def test_what_was_recorded_tells_whose_data_and_network_it_was(tmp_path, change, verdict, reason):
    recorded = {"pictures": {"train": 2000, "test": 800}, "source_network": "resnet18_v2",
                "source_trained_on": "imagenet", **change}
    data = [{"name": "hotdog", "kind": "real", "path": "gone", "note": ""}]
    last = {"series": "fine-tuned", "epoch": 5, "loss": 0.37, "train_acc": 0.9, "test_acc": 0.93}
    write_section(tmp_path, "9.2", results={**SSD, "data": data, "results": recorded}, metrics=[last])
    rows = kept_rows(tmp_path)
    assert (rows["fine-tuned: test_acc"].verdict, rows["fine-tuned: test_acc"].note) == (verdict, reason)
    assert rows["from scratch: loss"].note == "not trained in this run"


# -- the command ------------------------------------------------------------------------------------------------------
def call(capsys, *argv):
    code = cli.main(list(argv))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_json_has_counts_and_rows(tmp_path, capsys, only, no_data):
    only("roi_pooling", "image_height_width")
    write_section(tmp_path, metrics=[ssd_epoch()])
    code, out, _ = call(capsys, "compare", "--json", str(tmp_path))
    found = json.loads(out)
    assert code == 0 and list(found) == ["exact", "training", "rows"]
    assert found["exact"] == {"equal": 1, "differs": 0, "not_comparable": 0, "needs_data": 2}
    assert found["training"] == {"in_band": 2, "differs": 0, "not_comparable": 0}
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["roi_pooling"]["value"] == [[[[5, 6], [9, 10]]], [[[9, 11], [13, 15]]]]
    assert rows["roi_pooling"]["origin"] == "computed" and rows["image_height_width"]["needs"] == "img"
    assert len(rows["TinySSD: class_err"]["book"]) == 7  # each published run by name
    assert rows["TinySSD: class_err"]["book"]["book B"] == 0.00236


def test_an_exact_figure_that_differs_is_exit_code_1_and_training_is_not(tmp_path, capsys, only, no_data):
    only("concat_preds_shape")
    write_section(tmp_path, metrics=[ssd_epoch(20, 0.9)])
    code, out, _ = call(capsys, "compare", str(tmp_path))
    assert code == 0 and "exact: 1 equal, 0 differ, 0 not comparable, 0 need DATA" in out
    assert "training: 1 in band, 1 differ, 0 not comparable" in out
    write_section(tmp_path, results={**SSD, "results": {"concat_preds_shape": [1]}})
    code, out, _ = call(capsys, "compare", str(tmp_path))
    assert code == 1 and "exact: 0 equal, 1 differ" in out


def test_the_tables_show_printed_here_and_verdict_and_how_to_get_data(tmp_path, capsys, only, no_data, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    only("concat_preds_shape", "image_height_width", "multibox_target_offsets")
    write_section(tmp_path, results={**SSD, "mode": "quick"}, metrics=[ssd_epoch()])
    out = call(capsys, "compare", str(tmp_path))[1]
    lines = [" ".join(line.split()) for line in out.splitlines()]
    for line in ("both concatenated [2, 25300] [2, 25300] equal", "TinySSD: quick mode",
                 "TinySSD: class_err mean of 7: 0.002409, 0.00232–0.00263 0.0023 not comparable",
                 "the picture's height and width [561, 728] – needs DATA: img"):
        assert line in lines
    assert "ln 1 = 0" in out and f"d2l-zh, branch v1, to {tmp_path / 'empty' / 'img'}" in out


def test_without_a_run_the_newest_is_taken_or_none(tmp_path, capsys, only, no_data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    only("concat_preds_shape")
    assert json.loads(call(capsys, "compare", "--json")[1])["rows"][0]["origin"] == "computed"
    write_section(tmp_path / "runs/new", metrics=[ssd_epoch()])
    (tmp_path / "runs/latest").symlink_to("new")
    found = json.loads(call(capsys, "compare", "--json")[1])
    assert found["rows"][0]["origin"] == "run" and found["training"]["in_band"] == 2


def test_wrong_input_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    code, out, err = call(capsys, "compare", str(tmp_path / "nowhere"), "--json")
    assert (code, out) == (2, "") and err.startswith("error: no run in") and err.count("\n") == 1
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "nowhere"))
    code, out, err = call(capsys, "compare")
    assert (code, out) == (2, "") and "D2LZH_CV_DATA" in err and err.count("\n") == 1
    with pytest.raises(InputError, match="no run in"):
        compare.compare(tmp_path)
    with pytest.raises(InputError, match=rf"is one section of a run; name the folder of the run, {tmp_path}$"):
        compare.compare(write_section(tmp_path) / "9.7")
