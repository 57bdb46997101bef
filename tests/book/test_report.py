"""The report page: it holds what a run left, loads nothing, and takes damaged runs as they are."""
from __future__ import annotations

import base64
import html
import inspect
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from section_kit import run_python

import d2lzh_cv as d2l
from d2lzh_cv.book import charts, data_uris, report
from d2lzh_cv.book.report import format_seconds, format_value, write_report
from d2lzh_cv.errors import InputError

GOOD = {"section": "9.7", "status": "ok", "error": None, "mode": "quick", "seed": 3, "seconds": 75.2,
        "data": [{"name": "pikachu", "kind": "synthetic", "path": "p", "note": "pikachu: drawn by this package"},
                 {"name": "img", "kind": "real", "path": "d/img", "note": "img: data/img (the book's pictures)"}],
        "results": {"class_err": 0.0023456789, "shape": [1, 5444, 4]},
        "figures": [{"file": "01_found.png", "caption": "Found: <b>one</b> & only."}],
        "environment": {"python": "3.11.7", "numpy": "1.26.4", "mxnet": "1.9.1", "platform": "Linux",
                        "devices": ["cpu(0)"]}}


class Page(HTMLParser):
    """Collects what a test asks of a page: tags with attributes, and the visible text of each section."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.sections, self.current = [], [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)
        if tag == "section":
            self.current = dict(attributes)["id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "section":
            self.current = None

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            return
        self.sections[self.current] = self.sections.get(self.current, "") + data


@pytest.fixture(autouse=True)
def no_site(monkeypatch, tmp_path):
    """Whether this checkout has built its site must not matter."""
    monkeypatch.setattr(report, "SITE", tmp_path / "site")


@pytest.fixture
def run(tmp_path):
    """A run of one good section, 9.7."""
    add_section(tmp_path, "9.7", GOOD)
    folder = tmp_path / "9.7"
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(folder / "01_found.png")
    (folder / "stdout.txt").write_text("epoch 1, 损失 <0.5>\n", encoding="utf-8")
    (folder / "metrics.jsonl").write_text('{"series": "SSD", "epoch": 1, "loss": 2.0, "seconds": 3}\n'
                                          '{"series": "SSD", "epoch": 2, "loss": 1.0, "seconds": 3}\n')
    return tmp_path


def add_section(folder, number, results):
    (folder / number).mkdir()
    text = results if isinstance(results, str) else json.dumps(results)
    (folder / number / "results.json").write_text(text, encoding="utf-8")


def read(folder):
    text = write_report(folder).read_text(encoding="utf-8")
    return text, Page(text)


# -- a good run -----------------------------------------------------------------------------------------------------
def test_a_section_shows_all_it_left(run):
    _, page = read(run)
    shown = page.sections["s9-7"]
    for text in ("9.7", "Single Shot Multibox Detection (SSD)", "单发多框检测（SSD）", "ok", "1 min 15 s", "quick mode",
                 "class_err", "0.00234568", "[1, 5444, 4]", "Found: <b>one</b> & only.", "epoch 1, 损失 <0.5>",
                 "synthetic pikachu drawn by this package", "real img data/img (the book's pictures)", "loss"):
        assert text in re.sub(r"\s+", " ", shown)


def test_a_section_shows_its_definitions_as_the_library_has_them(run):
    _, page = read(run)
    shown = page.sections["s9-7"]
    assert "d2l.TinySSD" in shown and "#@save" not in shown
    assert inspect.getsource(d2l.TinySSD).strip() in shown and inspect.getsource(d2l.bbox_predictor).strip() in shown


def test_a_recorded_table_is_one_on_the_page(run):
    table = {"columns": ["class", "IoU", "pixels"], "rows": [["猫 <cat>", 0.51249, 7], ["dog", None, 0]]}
    add_section(run, "9.10", {**GOOD, "figures": [], "results": {"per_class": table}})
    text, page = read(run)
    shown = " ".join(page.sections["s9-10"].split("Results")[1].split())
    assert shown.startswith("per_class class IoU pixels 猫 <cat> 0.512 7 dog – 0")
    assert text.count('<table class="cells">') == 1 and "<th scope=\"col\">IoU</th>" in text


def test_a_long_table_says_what_it_leaves_out(run):
    table = {"columns": [f"c{i}" for i in range(61)], "rows": [[f"r{i}", *range(60)] for i in range(202)]}
    add_section(run, "9.10", {**GOOD, "figures": [], "results": {"matrix": table}})
    shown = read(run)[1].sections["s9-10"]
    assert {"r199", "c59"} <= set(shown.split()) and not {"r200", "c60"} & set(shown.split())
    assert "2 more rows, 1 more columns: see results.json" in shown


@pytest.mark.parametrize("table", [
    {"columns": 3, "rows": []}, {"columns": ["a"], "rows": "x"}, {"columns": ["a"], "rows": [["x", 1]]},
    {"columns": [], "rows": []}, {"columns": ["a"], "rows": [[{}]]}, {"columns": ["a"], "rows": [None]}])
def test_what_is_no_whole_table_is_shown_as_a_value(run, table):
    add_section(run, "9.10", {**GOOD, "figures": [], "results": {"per_class": table}})
    text, page = read(run)
    assert "cells" not in re.sub("<style>.*</style>", "", text, flags=re.S)
    assert "columns: " in page.sections["s9-10"] and "ok" in page.sections["s9-10"]


def test_the_head_says_what_run_it_is(run):
    (run / "run.json").write_text(json.dumps({"started": "2026-02-03T04:05:06+08:00", "sections": ["9.7", "9.8"],
                                              "command": "d2lzh-cv run ssd <x>"}))
    head = re.sub(r"\s+", " ", read(run)[1].sections[None])
    for text in ("1 of 2 sections ok", "2026-02-03 04:05", "quick mode, seed 3", "real img", "synthetic pikachu",
                 "Python 3.11.7 · NumPy 1.26.4 · MXNet 1.9.1 · cpu(0) · Linux", "d2lzh-cv run ssd <x>", "not run"):
        assert text in head


def test_pretrained_weights_that_are_not_there_are_not_called_synthetic(tmp_path):
    note = {"name": "weights", "kind": "synthetic", "path": "w", "note": "weights: none are used"}
    add_section(tmp_path, "9.2", {**GOOD, "data": [note], "figures": []})
    assert "synthetic" not in "".join(read(tmp_path)[1].sections.values())


def test_the_page_loads_nothing(run):
    text, page = read(run)
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "xlink:href", "data", "poster", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:")), (tag, attributes)
    assert not re.search(r"url\(|@import|https?://", text)
    (source,) = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    picture = Image.open(io.BytesIO(base64.b64decode(source.split(",", 1)[1])))
    assert picture.size == (30, 20)


def test_the_page_is_well_formed_and_its_links_lead_somewhere(run):
    add_section(run, "9.10", {"status": "failed", "error": "x", "traceback": "Traceback\n  1 / 0"})
    _, page = read(run)
    assert page.open == []
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = {attributes["href"][1:] for tag, attributes in page.tags if tag == "a"}
    assert links == {"s9-7", "s9-10", "top"} and links <= ids


def test_sections_come_in_the_book_s_order(tmp_path):
    for number in ("9.10", "9.2", "9.9"):
        add_section(tmp_path, number, GOOD | {"figures": []})
    assert [name for name in read(tmp_path)[1].sections if name] == ["s9-2", "s9-9", "s9-10"]


def test_long_output_is_folded_and_short_output_open(run):
    assert ("details", {"open": None}) in read(run)[1].tags
    (run / "9.7/stdout.txt").write_text("line\n" * 300)
    text, page = read(run)
    assert ("details", {}) in page.tags and "Printed output, 300 lines" in text


def test_output_without_end_is_cut_in_the_middle(run):
    (run / "9.7/stdout.txt").write_text("first\n" + "x" * 3_000_000 + "\nlast\n")
    shown = read(run)[1].sections["s9-7"]
    assert "first" in shown and "last" in shown and "characters omitted" in shown and len(shown) < 200_000


def test_what_a_section_prints_cannot_become_markup(run):
    evil = "<script>alert(1)</script>"
    add_section(run, "9.8", {**GOOD, "error": evil, "status": "failed", "traceback": evil, "mode": evil,
                             "results": {evil: evil}, "data": [{"name": evil, "kind": evil, "note": evil}]})
    (run / "9.8/stdout.txt").write_text(evil)
    (run / "9.8/metrics.jsonl").write_text(json.dumps({"series": evil, "epoch": 1, evil: 2}))
    text, page = read(run)
    assert "<script" not in text and page.sections["s9-8"].count(evil) >= 8


# -- beside the book ------------------------------------------------------------------------------------------------
def test_the_page_sets_what_the_run_kept_beside_the_book(run):
    results = {"concat_preds_shape": [2, 25300], "base_network_shape": [2, 64, 32, 31], "class_err": 0.0023}
    add_section(run, "9.4", {**GOOD, "results": {"image_height_width": [500, 600]}, "figures": [],
                             "data": [{"name": "img", "kind": "synthetic", "path": "i", "note": "img: drawn"}]})
    (run / "9.7/results.json").write_text(json.dumps({**GOOD, "results": results}))
    _, page = read(run)
    ssd, anchors = (re.sub(r"\s+", " ", page.sections[name]) for name in ("s9-7", "s9-4"))
    assert "both concatenated printed [2, 25300] here [2, 25300] equal" in ssd
    assert "output of the base network printed [2, 64, 32, 32] here [2, 64, 32, 31] differs" in ssd
    assert "the picture's height and width printed [561, 728] here [500, 600] needs DATA img" in anchors
    assert "d2l-zh, branch v1" in anchors and "concat_preds_shape" not in ssd.split("Results")[1]
    head = re.sub(r"\s+", " ", page.sections[None])
    assert "Beside the book 1 equal 1 differ 1 need DATA" in head
    assert [attributes["class"] for tag, attributes in page.tags if tag == "tr" and "class" in attributes] == ["wrong"]


def test_training_is_judged_in_full_mode_only_and_its_published_curves_lie_behind(run):
    lines = [{"series": "TinySSD", "epoch": epoch, "class_err": 0.0023, "bbox_mae": 0.9} for epoch in range(1, 21)]
    (run / "9.7/metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    text, page = read(run)
    shown = re.sub(r"\s+", " ", page.sections["s9-7"])
    assert "TinySSD: class_err printed mean of 7: 0.002409 0.00232–0.00263 here 0.0023 not comparable" in shown
    assert "TinySSD: quick mode; synthetic pikachu" in shown and "A band is" not in shown
    assert text.count('<path class="published"') == 14 and "published runs of the same training" in shown
    data = [{"name": "pikachu", "kind": "real", "path": "gone", "note": ""}]
    (run / "9.7/results.json").write_text(json.dumps({**GOOD, "mode": "full", "data": data}))
    shown = re.sub(r"\s+", " ", read(run)[1].sections["s9-7"])
    assert "here 0.0023 in band 0.00212 to 0.0027" in shown and "A band is the interval" in shown
    assert "here 0.9 differs 0.00237 to 0.00274" in shown


def test_a_section_of_which_the_book_printed_no_figure_has_no_table(tmp_path):
    add_section(tmp_path, "9.3", {**GOOD, "section": "9.3", "figures": []})
    text, page = read(tmp_path)
    assert "Beside the book" not in "".join(page.sections.values()) and "<tbody>" not in text


def test_the_page_is_made_without_mxnet(run):
    code = ("import sys; from pathlib import Path; from d2lzh_cv.book.report import write_report; "
            "write_report(Path('.')); print('mxnet' in sys.modules)")
    assert run_python(run, "-c", code)[1] == "False\n"


# -- damaged runs ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("content", ["", "{", "[]", "null", "42", "{}", '{"status": "great"}', '{"status": null}',
                                     "\x00\x01"])
def test_a_damaged_result_is_a_failed_section(run, content):
    add_section(run, "9.8", content)
    _, page = read(run)
    assert "failed" in page.sections["s9-8"] and "ok" in page.sections["s9-7"]
    assert "1 of 2 sections ok" in page.sections[None]


def test_bytes_that_are_no_text_are_a_failed_section(run):
    add_section(run, "9.8", "")
    for name in ("results.json", "metrics.jsonl", "stdout.txt"):
        (run / "9.8" / name).write_bytes(b"\xff\xfe\x00\x80")
    assert "failed" in read(run)[1].sections["s9-8"]


def test_a_section_killed_before_its_results_shows_its_pictures(run):
    (run / "9.8").mkdir()
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(run / "9.8/01_x.png")
    _, page = read(run)
    assert "results.json is missing" in page.sections["s9-8"]
    assert [tag for tag, _ in page.tags].count("img") == 2


@pytest.mark.parametrize("field", ["figures", "data", "results", "environment", "seconds", "mode", "seed", "traceback"])
@pytest.mark.parametrize("value", [None, 3, "text", [1], [None], [[]], [{}], {"a": {"b": None}}, True])
def test_a_field_of_the_wrong_kind_does_no_harm(run, field, value):
    add_section(run, "9.8", {**GOOD, "figures": [], field: value})
    _, page = read(run)
    assert "ok" in page.sections["s9-8"] and "ok" in page.sections["s9-7"]


def test_a_picture_that_is_missing_or_cut_off_is_named(run):
    add_section(run, "9.8", {**GOOD, "figures": [{"file": "01_gone.png"}, {"file": "02_cut.png"}]})
    content = (run / "9.7/01_found.png").read_bytes()
    (run / "9.8/02_cut.png").write_bytes(content[:len(content) // 2])
    shown = read(run)[1].sections["s9-8"]
    assert "01_gone.png: the file is missing" in shown and "02_cut.png: the file cannot be read" in shown


def test_a_result_cannot_show_a_file_from_elsewhere(run):
    add_section(run, "9.8", {**GOOD, "figures": [{"file": "../9.7/01_found.png"}]})
    assert "01_found.png: the file is missing" in read(run)[1].sections["s9-8"]


def test_a_metrics_line_that_is_cut_off_is_left_out(run):
    path = run / "9.7/metrics.jsonl"
    path.write_text(path.read_text() + '{"series": "SSD", "ep')
    assert read(run)[0].count("<circle") == 2


def test_a_folder_without_a_run_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no run in"):
            write_report(folder)


def test_the_old_page_stays_when_the_new_one_cannot_be_written(run, monkeypatch):
    write_report(run)
    before = (run / "report.html").read_bytes()
    monkeypatch.setattr("os.fsync", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match="No space left"):
        write_report(run)
    assert (run / "report.html").read_bytes() == before
    assert not [path for path in run.iterdir() if path.name.startswith(".")]


# -- its parts ------------------------------------------------------------------------------------------------------
def test_large_pictures_shrink_until_the_page_is_small_enough(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (900, 1500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    (small,) = data_uris.embed([(tmp_path / "noise.png", "noise")], limit=200_000)
    assert small.uri.startswith("data:image/webp;base64,") and len(small.uri) <= 200_000
    assert (small.width, small.height) == (1500, 900)  # as saved: the size on the page does not change


def test_small_pictures_keep_every_pixel(tmp_path):
    Image.fromarray(np.full((9, 9, 3), 77, np.uint8)).save(tmp_path / "flat.png")
    (picture,) = data_uris.embed([(tmp_path / "flat.png", "")])
    assert base64.b64decode(picture.uri.split(",")[1]) == (tmp_path / "flat.png").read_bytes()
    assert picture.tiny and picture.shown_width == 9 * 24


def test_curves_go_where_their_values_say():
    lines = [{"series": "a", "epoch": 1, "loss": 4.0}, {"series": "a", "epoch": 3, "loss": 0.0},
             {"series": "b", "epoch": 1, "loss": None}, {"series": "b", "epoch": 3, "loss": 2.0}]
    (panel,) = charts.panels(lines)
    dots = re.findall(r'class="dot c(\d)" cx="([\d.]+)" cy="([\d.]+)"', panel["svg"])
    left, right = charts.LEFT, charts.WIDTH - charts.RIGHT
    top, bottom = charts.TOP, charts.HEIGHT - charts.BOTTOM
    assert [(int(c), float(x), float(y)) for c, x, y in dots] == [
        (0, left, top), (0, right, bottom), (1, right, (top + bottom) / 2)]


def test_published_curves_lie_behind_those_of_their_name_on_the_same_axes():
    published = [{"series": series, "source": source, "epoch": epoch, "loss": loss, "acc": 1, "seconds": 1}
                 for source, epoch, loss in (("A", 1, 8.0), ("A", 5, 0.0), ("B", 1, 8.0)) for series in ("a", "other")]
    (panel,) = charts.panels([{"series": "a", "epoch": 1, "loss": 4.0}], published)
    left, right = charts.LEFT, charts.WIDTH - charts.RIGHT
    top, bottom = charts.TOP, charts.HEIGHT - charts.BOTTOM
    assert re.findall(r'class="published" d="(.*?)"><title>(.*?)<', panel["svg"]) == [
        (f"M{left:.1f} {top:.1f}L{right:.1f} {bottom:.1f}", "a loss, A")]
    assert re.findall(r'class="published spot" cx="(.*?)" cy="(.*?)"', panel["svg"]) == [(f"{left:.1f}", f"{top:.1f}")]
    assert panel["svg"].index("published") < panel["svg"].index("line c0") and panel["published"]
    assert f'cy="{(top + bottom) / 2:.1f}"' in panel["svg"]


def test_train_and_test_share_a_panel():
    found = charts.panels([{"series": "a", "epoch": 1, "loss": 1.0, "train_acc": 0.5, "test_acc": 0.4, "seconds": 9}])
    assert [(panel["title"], panel["dashed"]) for panel in found] == [("loss", False), ("accuracy", True)]


def test_values_over_several_decades_get_a_log_scale():
    (panel,) = charts.panels([{"series": "a", "epoch": i, "style": 10.0**-i} for i in range(4)])
    assert panel["title"] == "style (log scale)"
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', panel["svg"])]
    assert np.ptp(np.diff(heights)) < 0.2  # equal ratios, equal steps


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [1e-300, 1e300], [-1.0, 1e-9], [0, 10**30], [1.0] * 100])
def test_any_numbers_can_be_drawn(values):
    lines = [{"series": "a", "step": i, "loss": value} for i, value in enumerate(values)]
    numbers = re.findall(r"(?:c[xy]=\"|[ MLH])(-?[\d.]+|nan|inf)", charts.panels(lines)[0]["svg"])
    assert numbers and all(-1 <= float(number) <= charts.WIDTH for number in numbers)


def test_a_chart_of_nothing_is_no_chart():
    assert charts.panels([]) == []
    assert charts.panels([{"series": "a", "epoch": 1, "loss": None, "note": "x", "seconds": 1}]) == []


@pytest.mark.parametrize(("low", "high", "ticks"), [
    (0, 1, [0, 0.5, 1]), (0.3, 0.92, [0.2, 0.4, 0.6, 0.8, 1.0]), (1, 20, [0, 5, 10, 15, 20]),
    (0.0023, 0.0079, [0.002, 0.004, 0.006, 0.008]), (-3, 3, [-4, -2, 0, 2, 4]), (7, 7, [7])])
def test_ticks_are_round_and_span_the_data(low, high, ticks):
    assert charts._ticks(low, high) == ticks


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"),
                                               (59.6, "1 min 00 s"), (125, "2 min 05 s"), (3725, "1 h 02 min")])
def test_times_as_a_reader_says_them(seconds, text):
    assert format_seconds(seconds) == text


def test_values_as_a_reader_writes_them():
    assert format_value(0.0023456789) == ["0.00234568"]
    assert format_value(None) == ["not a number"]
    assert format_value(True) == ["yes"]
    assert format_value([1, 2.5]) == ["[1, 2.5]"]
    assert format_value([[1, 22], [333, 4]]) == ["  1  22", "333   4"]
    assert format_value([[[1, 22], [333, 4]]]) == format_value([[1, 22], [333, 4]])
    assert format_value([[0.0, 1.0]]) == ["[0, 1]"]
    assert format_value([[32, 3, 256], [32, 5]]) == ["[32, 3, 256]", "[32, 5]"]
    assert format_value([[[1, 2]], [[3, 4]]]) == ["[[1, 2]]", "[[3, 4]]"]
    assert format_value([]) == ["[]"] and format_value([[]]) == ["[]"]
    assert format_value([[0]] * 40)[-1] == "… 28 more rows"
    assert format_value(list(range(100))).pop().endswith(", 23, … 100 values]")
    assert format_value({"a": 1, "b": [1]}) == ["a: 1", "b: [1]"]


def test_the_title_is_the_result(run):
    text, _ = read(run)
    assert re.search(r"<title>Chapter 9 · 1 of 1 ok · \d{4}-\d\d-\d\d \d\d:\d\d</title>", html.unescape(text))


def test_a_section_leads_to_its_pages_or_tells_how_to_get_a_notebook(run, tmp_path):
    assert "d2lzh-cv notebook 9.7<" in report.write_report(run).read_text(encoding="utf-8")
    page = tmp_path / "site" / "zh" / "chapter" / "ch09_07_ssd.html"
    page.parent.mkdir(parents=True)
    page.touch()
    text = report.write_report(run).read_text(encoding="utf-8")
    assert page.as_uri() in text and "d2lzh-cv notebook 9.7<" not in text
