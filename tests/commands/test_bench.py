"""The benchmarks: statistics and comparisons by hand, a side that is wrong or dies, every case at a tiny size."""
from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn
from section_kit import ROOT
from test_cli import call

from benchmarks import cases, compare, draw, floor, losses, process, runner, scaling, sides, spread, tables, worker
from benchmarks.case import Case, Side
from benchmarks.cases import startup
from d2lzh_cv.commands import bench
from d2lzh_cv.compat import processor
from d2lzh_cv.engine import precision
from d2lzh_cv.ssd import TinySSD

FAKE = """
    import time
    import numpy as np
    from benchmarks.case import Side

    class Ours(Side):
        value, imports = 1.0, ("json",)
        def prepare(self): self.done = 0
        def result(self): return {"value": np.array([self.value])}
        def run(self):
            self.done += 1
            time.sleep(self.settings.get("sleep", 0))
        def losses(self, steps): return [np.float64(self.value)] * steps

    class Book(Ours):
        value = %s

    class Torch(Ours):
        pass
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Makes the only case one whose sides do next to nothing; the book's value is the code that is given."""
    def make(book="1.0", body="", taking_part=sides.EAGER, torch=False, **settings):
        text = textwrap.dedent(FAKE % book) + textwrap.dedent(body)
        (tmp_path / "fake_sides.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        case = Case("fake_step", "nothing", "fake_sides", {"repeat": 1, "batch": 3, **settings}, {},
                    {"value": compare.Limit("relative", 0.01)}, sides=taking_part,
                    coarse={"value": compare.Limit("relative", 0.1)}, trains=True)
        monkeypatch.setattr(cases, "CASES", {case.name: case})
        monkeypatch.setattr(runner.Report, "torch", torch)  # its import would take seconds
        return case
    return make


def bench_json(capsys, *argv):
    code, out, err = call(capsys, "bench", "--json", *argv)
    return code, json.loads(out), err


# Statistics

def test_quartiles_and_ratios_by_hand():
    assert spread.quartiles([4, 1, 3, 2, 5]) == [2, 4]
    assert spread.quartiles([1, 2, 3, 4]) == [1.75, 3.25]
    assert spread.quartiles([7]) == [7, 7]
    assert spread.ratios([6, 2], [2, 4]) == [3, 0.5]


def test_the_better_layout_is_the_one_with_the_lower_median():
    times = {"torch": [1, 9, 9], "torch_channels_last": [2, 3, 99]}
    assert spread.best(times, sides.GROUPS["torch"]) == "torch_channels_last"
    assert spread.best({"ours": [1]}, sides.GROUPS["torch"]) is None


def test_every_side_is_first_in_turn_and_every_second_round_goes_backwards():
    rounds = [spread.turn("abc", number) for number in range(6)]
    assert rounds == [list("abc"), list("cba"), list("bca"), list("acb"), list("cab"), list("bac")]
    after = [pair for order in rounds for pair in zip(order, order[1:])]
    assert {after.count(pair) for pair in after} == {2} and len(set(after)) == 6, "each follows each as often"


# Comparisons

def test_relative_is_of_the_norms():
    assert compare.relative(np.array([3.0, 4.5]), np.array([3.0, 4.0])) == pytest.approx(0.1)
    assert compare.share(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 5])) == 0.25


def test_boxes_are_found_again_in_any_order():
    small, large = [0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.9, 0.9]
    boxes = np.array([[0, 0, 0.9, *small], [0, 0, 0.8, *large], [1, 0, 0.8, *large]])
    assert compare.rows(boxes[::-1], boxes) == 0
    for column, by in ((0, 2), (1, 1), (2, 3e-3), (6, 6e-3)):  # picture, class, score, place
        other = boxes.copy()
        other[1, column] += by
        assert compare.rows(other, boxes) == pytest.approx(1 / 3)
    assert compare.rows(boxes[:2], boxes) == pytest.approx(1 - 4 / 5)
    assert compare.rows(boxes[:0], boxes) == 1 and compare.rows(boxes[:0], boxes[:0]) == 0


@pytest.mark.parametrize("found", [{}, {"value": np.array([1.0, 1.0])}, {"value": np.array([np.nan])}])
def test_missing_misshapen_and_not_finite_is_never_equal(found):
    limits = {"value": compare.Limit("relative", 1e9)}
    values = compare.differences(found, {"value": np.array([1.0])}, limits)
    assert values == {"value": float("inf")} and not compare.within(values, limits)


def test_losses_that_are_not_numbers_differ():
    assert losses.difference([1.1, 2.2], [1.0, 2.0]) == pytest.approx(0.1)  # of 2
    assert losses.difference([1.0, float("nan")], [1.0, 2.0]) == float("inf")


def test_weights_follow_from_name_and_shape():
    first = draw.weight("0.conv1.weight", (64, 32, 3, 3))
    assert np.array_equal(first, draw.weight("0.conv1.weight", (64, 32, 3, 3))) and first.dtype == np.float32
    assert not np.array_equal(first, draw.weight("0.conv2.weight", (64, 32, 3, 3)))
    assert first.std() == pytest.approx((2 / 288) ** 0.5, rel=0.02)
    assert (draw.weight("0.gamma", (5,), fixed=True) == 1).all() and np.ptp(draw.weight("0.gamma", (5,))) > 0


def test_scores_are_as_a_trained_networks():
    score = draw.trained_scores("x", 4, 5444)[:, 1]
    assert 200 < (score >= 0.01).sum() / 4 < 400


# The command

KEYS = {"case", "ours_s", "book_s", "torch_s", "vs_book", "vs_torch", "equal", "rounds", "quartiles", "memory",
        "differences", "tolerances", "settings", "seconds", "errors", "torch_layout", "unit", "what", "unit_holds",
        "torch_compile_s", "torch_bfloat16_s", "onnxruntime_s", "vs_torch_compile", "vs_torch_bfloat16",
        "vs_onnxruntime", "best", "vs_best", "memory_vs_torch", "left_out", "onnxruntime_export", "shown", "rate",
        "tolerances_bfloat16", "ours_bfloat16_s", "vs_ours_bfloat16", "bfloat16_vs_ours", "bfloat16_vs_torch"}


def test_the_json(fake, capsys):
    fake()
    code, report, _ = bench_json(capsys, "--rounds", "3", "--threads", "1")
    row, = report["cases"]
    assert (code, report["interrupted"]) == (0, False) and set(row) == KEYS
    assert report["environment"]["threads"] == 1 and report["environment"]["versions"]["mxnet"]
    assert row["equal"] is True and row["rounds"] == 3 and row["torch_s"] is None and row["vs_torch"] is None
    assert row["ours_s"] == sorted(row["seconds"]["ours"])[1] and len(row["seconds"]["book"]) == 3
    assert row["vs_book"] == sorted(spread.ratios(row["seconds"]["book"], row["seconds"]["ours"]))[1]
    assert row["quartiles"]["ours_s"] == spread.quartiles(row["seconds"]["ours"])
    assert row["memory"]["ours"]["peak_mb"] >= row["memory"]["ours"]["before_mb"] > 0


def test_a_side_that_computes_something_else(fake, capsys):
    fake(book="1.02")
    code, report, _ = bench_json(capsys, "--rounds", "1", "--quick")
    row, = report["cases"]
    assert code == 1 and row["equal"] is False
    assert row["differences"]["book"]["value"] == pytest.approx(0.02)
    code, out, _ = call(capsys, "bench", "--rounds", "1", "--quick")
    assert code == 1 and "fake_step, book: value differs by 0.02, at most 0.01 is equal" in out


@pytest.mark.parametrize(("ending", "named"), [("raise ValueError('broken')", "ValueError: broken"),
                                              ("import os; os._exit(9)", "exit code 9")])
def test_a_side_that_fails_is_named_and_the_others_go_on(fake, capsys, ending, named):
    fake(body=f"""
        class Book(Ours):
            def result(self): {ending}
    """)
    code, report, _ = bench_json(capsys, "--rounds", "2")
    row, = report["cases"]
    assert code == 1 and row["equal"] is False and named in row["errors"]["book"]
    assert row["book_s"] is None and row["ours_s"] > 0 and row["rounds"] == 2


def test_losses_of_the_first_steps(fake, capsys):
    fake(book="1.02")
    code, report, _ = bench_json(capsys, "--losses", "--quick")
    row, = report["losses"]
    assert code == 1 and len(row["losses"]["ours"]) == row["steps"] == 20
    assert row["largest"]["book"] == pytest.approx(0.02 / 1.02) and row["equal"] is False


def test_without_pytorch_its_columns_are_empty(fake, capsys):
    fake()
    code, out, _ = call(capsys, "bench", "--rounds", "1", "--quick")
    assert code == 0 and tables.NO_TORCH in out


IN_FULL = """
    class Torch(Ours):
        naps = {"torch": 0.06, "torch_channels_last": 0.04, "torch_compile": 0.02, "torch_bfloat16": 0.002}
        def result(self): return {"value": np.array([1.05 if self.name == "torch_bfloat16" else self.value])}
        def run(self): time.sleep(self.naps[self.name])
"""


def test_the_fastest_other_side_is_of_the_same_precision(fake, capsys):
    """bfloat16 is quicker here, and its result further from ours than the others' may be: it is shown, no more."""
    fake(body=IN_FULL, taking_part=sides.TRAINING, torch=True, sleep=0.01)
    code, report, _ = bench_json(capsys, "--rounds", "1", "--sides", "torch,torch_compile,torch_bfloat16")
    row, = report["cases"]
    assert (code, row["equal"], row["torch_layout"], row["best"]) == (0, True, "channels_last", "torch_compile")
    assert row["book_s"] is None
    assert set(row["seconds"]) == {"ours", "torch", "torch_channels_last", "torch_compile", "torch_bfloat16"}
    assert row["vs_best"] == row["vs_torch_compile"] > 1 > row["vs_torch_bfloat16"]
    assert row["differences"]["torch_bfloat16"]["value"] == pytest.approx(0.05)
    peaks = [row["memory"][side]["peak_mb"] for side in ("ours", "torch_channels_last")]
    assert row["memory_vs_torch"] == peaks[0] / peaks[1]


def test_ours_in_bfloat16_is_compared_with_ours_in_float32_and_with_pytorch_s(fake, capsys):
    measured = runner.Measurement(fake(taking_part=sides.TRAINING), {"batch": 3}, SimpleNamespace(share=True),
                                  ["ours", "torch_bfloat16", "ours_bfloat16"])
    measured.differences = dict.fromkeys(measured.sides, {"value": 0})
    measured.times = {"ours": [3, 3, 6], "torch_bfloat16": [3, 2, 2], "ours_bfloat16": [2, 1, 2]}
    row = measured.json()
    assert (row["bfloat16_vs_ours"], row["bfloat16_vs_torch"], row["vs_best"]) == (3, 1.5, None)
    report = runner.Report("cases", 1, False)
    report.rows.append(row)
    tables.show(report)
    assert re.search(r"fake_step +3 +2.25–3 +1.5 +1.25–1.75", capsys.readouterr().out)


@pytest.mark.parametrize("flags, expected", [("avx512bw avx512dq avx512vl avx512_bf16", ("ok", "bfloat16")),
                                             ("avx2", ("left out", sides.NO_BFLOAT16))])
def test_ours_computes_in_bfloat16_where_the_processor_can(monkeypatch, tmp_path, flags, expected):
    class Precision(Side):
        def prepare(self):
            """Nothing to make."""

        def result(self):
            return precision.in_use()

    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    desk = worker.Desk()
    desk.sides = dict.fromkeys(("ours", "ours_bfloat16"), Precision({}))
    assert worker.answer(desk, ("result", "ours_bfloat16")) == expected
    assert worker.answer(desk, ("result", "ours")) == ("ok", "float32")


def test_a_side_that_this_machine_cannot_do_is_left_out_with_the_reason(fake, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    fake(body="""
        from benchmarks.sides import NotHere
        class Onnx(Ours):
            def prepare(self): raise NotHere("no such machine")
        Ours.onnx = lambda self: b"a file"
    """, taking_part=sides.PREDICTION)
    code, out, _ = call(capsys, "bench", "--rounds", "1", "--quick")
    assert code == 0 and "onnxruntime is left out: no such machine (fake_step)" in out
    assert max(map(len, out.splitlines()[:5])) <= 80 and "ONNX" not in out


def test_the_failure_of_the_only_side_is_told(fake, capsys):
    fake(body="""
        def fail(self): raise RuntimeError("the command ended before that")
        Ours.run = fail
    """, taking_part=("ours",))
    code, report, _ = bench_json(capsys, "--rounds", "2", "--quick")
    row, = report["cases"]
    assert (code, row["equal"], row["rounds"]) == (1, False, 0) and "ended before that" in row["errors"]["ours"]


def test_an_onnx_side_gets_the_file_of_the_side_that_exports(fake, capsys):
    fake(body="""
        class Onnx(Ours):
            def result(self):
                assert self.settings["model"] == b"of ours"
                return super().result()
        Ours.onnx = lambda self: b"of " + self.name.encode()
    """, taking_part=sides.PREDICTION)
    code, report, _ = bench_json(capsys, "--rounds", "1", "--quick", "--sides", "onnxruntime")
    row, = report["cases"]
    assert (code, row["errors"], row["best"], row["onnxruntime_export"]) == (0, {}, "onnxruntime", "our export")
    assert "model" not in row["settings"]


def test_what_a_worker_started_ends_with_it(fake, tmp_path):
    """And what it left behind when it died holds its pipe open: that must not look like waiting for an answer."""
    fake(body=f"""
        import os, subprocess, sys
        class Book(Ours):
            def result(self):
                child = os.fork()
                if not child: time.sleep(60)
                open({str(tmp_path / "child")!r}, "w").write(str(child))
                os._exit(3)
    """)
    with process.Workers(1) as workers, pytest.raises(process.SideError, match="exit code 3"):
        workers.prepare("book", "fake_sides", {"repeat": 1})
        workers.ask("result", "book")
    child = int((tmp_path / "child").read_text())
    until(lambda: not alive(child))
    assert not alive(child)


def test_what_a_command_prints_is_waited_for():
    """As a terminal has it; the heading of a run is no line of the section."""
    heading = "\r\n[1/1] 9.3 Bounding boxes\r\n"
    found = [bool(re.search(startup.LINE, heading)), bool(re.search(startup.SECTION_LINE, heading)),
             bool(re.search(startup.SECTION_LINE, heading + "data: drawn\r\n"))]
    assert found == [True, False, True]
    assert not re.search(startup.STEP, "epoch 1/20: 0img [00:00, ?img/s]")
    assert re.search(startup.STEP, "epoch 1/20: 32img [00:01, 25.1img/s]")


@pytest.mark.parametrize(("argv", "named"), [
    (["--sides", "tourch"], "did you mean torch? Choose from ours, book"), (["--sides", ""], "choose from ours, book"),
    (["tinysd_step"], "did you mean tinyssd_step?"), (["--rounds", "0"], "--rounds"), (["--rounds", "x"], "--rounds"),
    (["voc_reader", "--losses"], "trains nothing"), (["voc_reader", "--scaling"], "has no curve"),
    (["--losses", "--scaling"], "--scaling")])
def test_wrong_input_is_one_line(argv, named, capsys):
    code, out, err = call(capsys, "bench", *argv)
    assert (code, out) == (2, "") and len(err.splitlines()) == 1 and named in err


def test_installed_without_a_checkout(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    code, _, err = call(capsys, "bench", "--list")
    assert code == 2 and "checkout" in err and len(err.splitlines()) == 1


def test_the_list_names_every_case(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = call(capsys, "bench", "--list")
    assert code == 0 and all(f" {name} " in out and case.what in out for name, case in cases.CASES.items())


def test_ctrl_c_prints_what_is_done_and_ends_the_workers(fake, tmp_path):
    """In a process of its own: two rounds are done when it comes."""
    fake(body="""
        class Book(Ours):
            def run(self):
                super().run()
                if self.done == 7:  # the warm-up and two rounds are done, each short and so twice
                    print("here", file=open("pid", "w"))
                    time.sleep(60)
    """)
    code = """if True:
        import sys
        from benchmarks import cases, runner
        from benchmarks.case import Case
        from benchmarks.compare import Limit
        from d2lzh_cv import cli
        limits = {"value": Limit("relative", 0)}
        cases.CASES = {"f": Case("f", "w", "fake_sides", {"repeat": 1, "batch": 1}, {}, limits)}
        runner.Report.torch = False
        sys.exit(cli.main(["bench", "--json"]))"""
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    child = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path},
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: (tmp_path / "pid").exists() or child.poll() is not None)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    report = json.loads(out)
    assert child.returncode == 130 and report["interrupted"] is True, err
    assert report["cases"][0]["rounds"] == 2 and report["cases"][0]["equal"] is True


def test_a_worker_ends_with_its_runner():
    code = ("import time; from benchmarks.process import Worker; worker = Worker(1); print(worker._process.pid, "
            "flush=True); time.sleep(60)")
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)},
                             stdout=subprocess.PIPE, text=True)
    pid = int(child.stdout.readline())
    child.kill()
    child.communicate()
    until(lambda: not alive(pid))
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        return (process.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]) != "Z"
    except FileNotFoundError:
        return False


def until(condition, seconds: float = 30) -> None:
    for _ in range(int(seconds * 20)):
        if condition():
            return
        time.sleep(0.05)


# The cases themselves

@pytest.mark.parametrize("path", sorted((ROOT / "reference").rglob("*.py")), ids=lambda path: path.name)
def test_the_pytorch_sides_are_pytorch_alone(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    assert not {name.split(".")[0] for name in named} & {"mxnet", "gluoncv", "d2lzh_cv", "benchmarks"}


WANTED = {"cifar_step", "finetune_step", "tinyssd_step", "tinyssd_detect", "tinyssd_detect_untrained", "anchors_5444",
          "anchors_50000", "pikachu_reader", "voc_reader", "fcn_step", "fcn_predict", "style_step", "roi_pooling",
          "pikachu_epoch", "startup_line"}


def test_the_points_of_curves_are_labelled():
    assert [scaling.label(scaling.CURVES[3], point) for point in scaling.CURVES[3].points] == ["1024", "4096", "16384",
                                                                                               "50176"]
    assert {curve.over for curve in scaling.CURVES} == {"batch", "picture", "anchors", "threads"}
    assert all(curve.setting == "threads" or curve.setting in cases.CASES[curve.case].settings
               for curve in scaling.CURVES)


# To save half a minute: the others differ from pikachu_epoch and startup_line in what they read and wait for.
QUICK = [name for name in cases.CASES if name not in ("cifar_epoch", "voc_epoch", "startup_section", "startup_step")]


@pytest.fixture(scope="module")
def quick_report():
    """torch.compile would take minutes."""
    return runner.run(cases.choose(QUICK), 1, quick=True, threads=1,
                      groups=[group for group in sides.GROUPS if group != "torch_compile"])


@pytest.mark.parametrize("nap, runs", [(0, 2), (worker.SHORT, 1)])
def test_a_short_run_is_done_again_and_the_second_counts(nap, runs):
    class Counted(Side):
        done = 0

        def prepare(self):
            """Nothing to make."""

        def seconds(self):
            time.sleep(nap)
            self.done += 1
            return self.done

    desk = worker.Desk()
    desk.sides["ours"] = Counted({})
    assert desk.seconds("ours") == runs == desk.sides["ours"].done


@pytest.mark.slow
def test_every_case_runs_and_all_sides_agree(quick_report):
    by_name = {row["case"]: row for row in quick_report.rows}
    assert set(by_name) >= WANTED
    for name, row in by_name.items():
        assert row["errors"] == {} and row["equal"], (name, row["errors"], row["differences"])
        assert row["rounds"] == 1 and row["ours_s"] > 0
        taking_part = {side for side in cases.CASES[name].taking_part(quick_report.torch) if side != "torch_compile"}
        assert set(row["differences"]) == taking_part - {"ours"} - set(row["left_out"])
        assert set(row["left_out"]) <= {"ours_bfloat16", "torch_bfloat16", "onnxruntime", "onnxruntime_torch"}
        assert (row["torch_s"] is not None) == bool({"torch", "torch_channels_last"} & taking_part)
        assert (row["book_s"] is not None) == ("book" in taking_part)


def test_what_is_compared_is_not_empty():
    """Boxes are found, and a step moves the weights: or equality would say nothing."""
    names = ("tinyssd_step", "tinyssd_detect")
    with process.Workers(1, share=True) as workers:
        for name in names:
            case = cases.CASES[name]
            workers.ask("prepare", "ours", case.module, case.with_settings(quick=True))
            result = workers.ask("result", "ours")
            assert set(result) == set(case.limits)
            assert all(array.size and np.any(array) for array in result.values()), name
            assert "boxes" not in result or len(result["boxes"]) > 10


def test_which_sides_take_part():
    step, anchors = cases.CASES["tinyssd_step"], cases.CASES["anchors_5444"]
    assert step.taking_part(torch=True) == ["ours", "book", "torch", "torch_channels_last", "torch_compile",
                                            "torch_bfloat16", "ours_bfloat16"]
    assert anchors.taking_part(torch=True) == ["ours", "book", "torch"]
    assert step.taking_part(torch=False) == ["ours", "book", "ours_bfloat16"]
    assert step.taking_part(torch=True, groups=sides.choose("book")) == ["ours", "book"]
    assert cases.CASES["fcn_predict"].taking_part(torch=False)[-1] == "onnxruntime", "our export needs no PyTorch"
    assert set(step.coarse) == set(step.limits), "bfloat16 is compared too"


def test_a_name_chooses_the_cases_that_begin_with_it():
    assert [case.name for case in cases.choose(["startup"])] == ["startup_line", "startup_section", "startup_step"]
    assert [case.name for case in cases.choose(["tinyssd_detect"])] == ["tinyssd_detect"]


# Floors

def test_products_are_counted_by_hand():
    """Of each kind of layer: outputs times the products that one takes (a transposed convolution: inputs)."""
    layers = nn.HybridSequential()
    layers.add(nn.Conv2D(4, kernel_size=3, padding=1, in_channels=3), nn.BatchNorm(in_channels=4),
               nn.Conv2D(4, kernel_size=1, groups=2, in_channels=4),
               nn.Conv2DTranspose(2, kernel_size=4, strides=2, padding=1, in_channels=4),
               nn.Flatten(), nn.Dense(5, in_units=2 * 12 * 16))
    outputs, shape = layers(mx.sym.var("data")), (7, 3, 6, 8)
    made = [4 * 6 * 8, 4 * 6 * 8, 4 * 6 * 8, 2 * 12 * 16, 5]  # numbers a picture; Flatten makes none
    assert floor.multiply_adds(outputs, shape) == 7 * (
        made[0] * 27 + made[2] * 2 + made[2] * 2 * 16 + 5 * 2 * 12 * 16)
    assert floor.elements(outputs, shape) == 7 * sum(made)


def test_floors_are_what_is_counted_over_what_was_measured(capsys, monkeypatch):
    monkeypatch.setattr(floor, "measure_machine", lambda: floor.Machine(operations=1e9, bandwidth=2e9))
    code, out, _ = call(capsys, "bench", "tinyssd_step", "anchors_5444", "--floor", "--quick", "--json")
    found = json.loads(out)
    row, = found["floors"]  # the anchors have no network
    assert (code, row["case"], found["machine"]["bandwidth"]) == (0, "tinyssd_step", 2e9)
    outputs = mx.sym.Group(list(TinySSD(1)(mx.sym.var("data"))))
    assert row["operations"] == 6 * floor.multiply_adds(outputs, (2, 3, 64, 64)) > 0
    assert row["by_operations_s"] == row["operations"] / 1e9 and row["by_bytes_s"] == row["bytes"] / 2e9


def test_what_has_no_network_has_no_floor(capsys):
    code, _, err = call(capsys, "bench", "voc_reader", "--floor")
    assert code == 2 and "voc_reader has no network" in err


def test_the_machine_is_measured():
    machine = floor.measure_machine(rounds=1)
    assert machine.operations > 1e9 and machine.bandwidth > 1e8
