"""The section runtime: flags, what is kept, and how a section ends."""
from __future__ import annotations

import json
import math
import re
import sys
import types

import numpy as np
import pytest
from data_kit import opened
from section_kit import BAD_INPUT, BUG, OK, ROOT, run_python, write_script

from d2lzh_cv import contents
from d2lzh_cv.book import report
from d2lzh_cv.compat import processor
from d2lzh_cv.data import catalogue, hub
from d2lzh_cv.engine import precision
from d2lzh_cv.engine.plain import to_plain
from d2lzh_cv.errors import InputError
from d2lzh_cv.run import guard, section
from d2lzh_cv.run.flags import parse_script


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Start a section in this process, its results in ``tmp_path``; everything is undone at the end."""
    seeds = types.ModuleType("d2lzh_cv.engine.seeds")
    seeds.seed_everything = lambda seed: None
    monkeypatch.setitem(sys.modules, "d2lzh_cv.engine.seeds", seeds)
    monkeypatch.setattr(guard, "watch", lambda run: None)
    started = []

    def begin(number="9.7", *flags):
        monkeypatch.setattr(sys, "argv", ["ch.py", *flags, "--out", str(tmp_path)])
        started.append(section.start(number))
        return started[-1]

    yield begin
    for run in started:
        run.end("failed", "the test is over")


def test_files_of_a_section_go_to_its_folder(start, tmp_path):
    run = start("9.3")
    assert section.output_folder() == run.folder.resolve() == (tmp_path / "9.3").resolve()


def test_the_precision_is_recorded_and_ends_with_the_section(start, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("flags\t: avx512_bf16\n")
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(precision.problems, "flavours", lambda: ["mxnet"])
    start("9.3").finish()
    assert results(tmp_path, "9.3")["environment"]["precision"] == "float32"
    run = start("9.3", "--precision", "bfloat16")
    assert precision.in_use() == "bfloat16"
    run.finish()
    assert precision.in_use() == "float32"
    recorded = results(tmp_path, "9.3")
    assert (recorded["environment"]["precision"], recorded["options"]["precision"]) == ("bfloat16", "bfloat16")
    (tmp_path / "run.json").write_text(json.dumps({"sections": ["9.3"], "started": "2020-01-02T03:04:05+00:00"}))
    page = report.write_report(tmp_path).read_text(encoding="utf-8")
    assert "full mode, seed 0, bfloat16</dd>" in page and "full mode · bfloat16</p>" in page


def results(folder, number="9.7"):
    return json.loads((folder / number / "results.json").read_text(encoding="utf-8"))


# -- the table ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["9.7", "9.07", "7", "07", "ssd", "SSD", "ch09_07_ssd.py", "ch09_07_ssd",
                                  "chapters/ch09_07_ssd.py", " 9.7 "])
def test_a_section_has_many_names(name):
    assert contents.find(name).number == "9.7"


def test_one_and_ten_are_told_apart():
    assert contents.find("9.1").slug == "image_augmentation"
    assert contents.find("9.10").slug == "fcn"
    assert contents.find("1").number == "9.1"


def test_a_script_chooses_its_own_section():
    for info in contents.ALL:
        assert contents.find(info.script) is contents.find(f"chapters/{info.script}") is info


@pytest.mark.parametrize("name", ["9.14", "9.0", "0", "", "sdd", "all", "10.7", "9.7.1"])
def test_an_unknown_section_names_those_there_are(name):
    with pytest.raises(InputError, match=r"no section .*9\.1 image_augmentation.*9\.13 kaggle_dog") as caught:
        contents.find(name)
    assert "\n" not in str(caught.value)


def test_a_near_miss_gets_a_suggestion():
    with pytest.raises(InputError, match="did you mean neural_style"):
        contents.find("neural_stile")


@pytest.mark.parametrize(("words", "numbers"), [
    (["all"], [f"9.{i}" for i in range(1, 14)]),
    (["9.4", "9.3"], ["9.4", "9.3"]),
    (["9.3,9.4", "9.3"], ["9.3", "9.4"]),
    (["9.9-9.11"], ["9.9", "9.10", "9.11"]),
    (["12"], ["9.12"]),
    (["9.8"], ["9.8", "9.8-region-cnn", "9.8-fast-rcnn", "9.8-faster-rcnn", "9.8-mask-rcnn", "9.8-gluoncv-zoo"]),
    (["9.8-faster-rcnn", "9.7-losses"], ["9.8-faster-rcnn", "9.7-losses"]),
    (["ch09_10_skips.py"], ["9.10-skips"]),
    (["exercises"], [info.number for info in contents.EXERCISES]),
])
def test_selecting_sections(words, numbers):
    assert [info.number for info in contents.select(words)] == numbers


@pytest.mark.parametrize("words", [["9.5-9.3"], [","], ["9.3-9.99"]])
def test_a_selection_that_makes_no_sense_is_refused(words):
    with pytest.raises(InputError):
        contents.select(words)


def test_needs_are_data_sets_the_hub_knows():
    assert {need for info in contents.ALL for need in info.needs} <= {item.name for item in catalogue.data_sets()}


SSD = contents.find("9.7")


# -- flags ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("flags", "named"), [
    (["--epochs", "0"], "--epochs"), (["--epochs", "two"], "--epochs"), (["--epochs", "1.5"], "--epochs"),
    (["--seed", "-1"], "--seed"), (["--seed", str(2**32)], "--seed"), (["--data", "nowhere"], "--data"),
    (["--data", ""], "--data"), (["--out", ""], "--out"), (["--quick", "--full"], "--full"),
    (["--quik"], "--quik"), (["--see", "1"], "--see"), (["--epochs"], "--epochs"),
])
def test_a_wrong_flag_is_one_line_that_names_it(flags, named, capsys):
    with pytest.raises(SystemExit) as caught:
        parse_script(flags, SSD, prog="ch.py")
    assert caught.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ") and named in lines[0]


def test_flags_at_their_limits(tmp_path):
    options = parse_script(["--epochs", "1", "--seed", str(2**32 - 1), "--data", str(tmp_path)], SSD)
    assert (options.epochs, options.seed, options.data) == (1, 2**32 - 1, str(tmp_path))


def test_a_script_alone_is_full_by_default():
    assert parse_script([], SSD).mode == "full"
    assert parse_script(["--quick"], SSD).mode == "quick"


def test_flags_survive_the_way_to_a_script(tmp_path):
    flags = ["--quick", "--seed", "3", "--epochs", "4", "--data", "book", "--resume", "--debug", "--out", "x", "-p",
             "a=1"]
    options = parse_script(flags, SSD)
    assert parse_script(options.to_argv("x"), SSD) == options


def test_epochs_and_parameters(start):
    run = start("9.7", "--quick")
    assert run.quick and not run.full and run.chosen == {}
    run = start("9.7")
    assert run.full and not run.quick and run.chosen == {}
    assert start("9.7", "--quick", "--epochs", "7").chosen == {"num_epochs": 7}
    assert start("9.7", "--epochs", "7", "-p", "learning_rate=0.1").chosen == {"num_epochs": 7, "learning_rate": 0.1}


def test_a_notebook_is_quick_and_ignores_the_kernel_s_flags(start, monkeypatch, tmp_path):
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.chdir(tmp_path)
    run = start("9.7", "-f", "kernel.json")
    assert run.notebook and run.quick
    assert run.folder.parent.parent.name == "runs"
    snapshot = run.folder / "snapshots" / "TinySSD" / "00001-000002"
    snapshot.mkdir(parents=True)
    run.finish()
    assert snapshot.is_dir()  # of a training that the reader stopped, and resumes in another kernel


# -- what is kept ---------------------------------------------------------------------------------------------------
def test_plain_values():
    class FakeNDArray:
        def asnumpy(self):
            return np.array([[1, 2]], dtype=np.float32)

    assert to_plain({"a": (1, 2), 3: np.float32(0.5), "n": FakeNDArray()}) == {"a": [1, 2], "3": 0.5, "n": [[1.0, 2.0]]}
    assert to_plain([math.nan, math.inf, np.float64("nan"), np.array([1.0, np.nan])]) == [None, None, None, [1.0, None]]
    assert to_plain([True, np.bool_(False), None, np.uint8(255), np.dtype("uint8"), float, {"b", "a"}]) == [
        True, False, None, 255, "uint8", "float", ["a", "b"]]
    assert isinstance(to_plain(np.int64(3)), int)


def test_a_value_that_is_not_data_is_refused():
    with pytest.raises(TypeError, match="cannot record a object"):
        to_plain({"x": object()})


def test_results_hold_what_was_recorded(start, tmp_path):
    run = start("9.7", "--quick", "--seed", "5")
    run.record(shape=(1, 5444, 4), loss=float("nan"))
    run.record(loss=0.5)
    run.finish()
    found = results(tmp_path)
    assert found["status"] == "ok" and found["error"] is None
    assert found["results"] == {"shape": [1, 5444, 4], "loss": 0.5}
    assert (found["section"], found["mode"], found["seed"]) == ("9.7", "quick", 5)
    assert found["title"] == {"en": "Single Shot Multibox Detection (SSD)", "zh": "单发多框检测（SSD）"}
    assert set(found["environment"]) == {"python", "numpy", "mxnet", "platform", "threads", "precision", "devices"}


def test_printed_output_is_kept_and_standard_output_given_back(start, tmp_path, capsys):
    before = sys.stdout
    run = start()
    print("epoch 1, 损失 0.5")
    run.finish()
    assert sys.stdout is before
    assert (tmp_path / "9.7/stdout.txt").read_text(encoding="utf-8") == "epoch 1, 损失 0.5\n"
    out = capsys.readouterr().out
    assert out.startswith("epoch 1, 损失 0.5\n9.7 ok in ") and out.endswith(f"s: {tmp_path}/9.7\n")


def test_metrics_are_on_disk_at_once(start, tmp_path):
    run = start()
    run.log(series="SSD", epoch=1, loss=np.float32(0.5), acc=math.nan)
    run.log(series="SSD", epoch=2, loss=0.25)
    lines = (tmp_path / "9.7/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"series": "SSD", "epoch": 1, "loss": 0.5, "acc": None},
                                                    {"series": "SSD", "epoch": 2, "loss": 0.25}]


def test_figures_are_numbered_captioned_and_closed(start, tmp_path):
    from matplotlib import pyplot as plt
    run = start()
    plt.figure(figsize=(2, 1))
    plt.plot([1, 2])
    run.save_figure("a line/of points", "Two points.")
    assert plt.get_fignums() == []
    run.save_picture("dots", np.zeros((5, 7, 3)))
    run.finish()
    assert results(tmp_path)["figures"] == [{"file": "01_a_line_of_points.png", "caption": "Two points."},
                                            {"file": "02_dots.png", "caption": ""}]
    assert opened(tmp_path / "9.7/01_a_line_of_points.png").width > 200


def test_a_very_large_figure_is_saved_at_a_size_for_a_page(start):
    from matplotlib import pyplot as plt
    plt.figure(figsize=(40, 4))
    plt.plot([1, 2])
    assert opened(start().save_figure("wide")).width <= section.MAX_WIDTH


def test_saving_a_figure_with_nothing_drawn_is_a_bug(start):
    with pytest.raises(ValueError, match="nothing is drawn"):
        start().save_figure("empty")


def test_pictures_keep_their_pixels(start):
    pixels = np.array([[[0, 0.5, 1], [-1, 2, 0.25]]])  # (1, 2, 3)
    saved = np.asarray(opened(start().save_picture("p", pixels)))
    assert saved.tolist() == [[[0, 128, 255], [0, 255, 64]]]


def test_a_picture_of_another_layout_is_refused(start):
    with pytest.raises(ValueError, match=r"\(3, 4, 5\)"):
        start().save_picture("p", np.zeros((3, 4, 5)))


def test_data_are_named_once(start, tmp_path, monkeypatch, capsys):
    asked = []

    def find(name, choice="auto", seed=0):
        asked.append((name, choice, seed))
        return hub.Source(name, tmp_path / name, "synthetic", f"{name}: drawn")

    monkeypatch.setattr(hub, "find", find)
    run = start("9.7", "--data", "synthetic", "--seed", "3")
    assert run.find("pikachu") is run.find("pikachu")
    run.finish()
    assert asked == [("pikachu", "synthetic", 0)]
    assert capsys.readouterr().out.count("pikachu: drawn") == 1
    assert results(tmp_path)["data"] == [{"name": "pikachu", "kind": "synthetic", "path": str(tmp_path / "pikachu"),
                                          "note": "pikachu: drawn"}]


def test_a_second_run_leaves_nothing_of_the_first(start, tmp_path):
    run = start()
    run.save_picture("old", np.zeros((2, 2)))
    run.log(series="old", epoch=1)
    (run.folder / "net.params").write_bytes(b"checkpoint")
    run.finish()
    run = start()
    assert {path.name for path in run.folder.iterdir()} == {"stdout.txt", "net.params"}


# -- how it ends (in a process of its own) --------------------------------------------------------------------------
def test_a_script_alone_makes_its_run_folder(tmp_path):
    write_script(tmp_path, "9.3", OK)
    code, out, err = run_python(tmp_path, "chapters/ch09_03_bounding_box.py", "--quick")
    assert (code, err) == (0, "")
    assert results(tmp_path / "runs/latest", "9.3")["status"] == "ok"
    assert (tmp_path / "runs/latest").is_symlink()
    assert "hello 你好\n9.3 ok in " in out


def test_bad_input_is_one_line_and_2(tmp_path):
    write_script(tmp_path, "9.3", BAD_INPUT)
    code, _, err = run_python(tmp_path, "chapters/ch09_03_bounding_box.py", "--out", "o")
    assert (code, err) == (2, "error: cat.jpg is cut off; put the original back\n")
    assert results(tmp_path / "o", "9.3")["status"] == "failed"
    assert results(tmp_path / "o", "9.3")["error"] == "cat.jpg is cut off; put the original back"


def test_debug_adds_the_traceback(tmp_path):
    write_script(tmp_path, "9.3", BAD_INPUT)
    code, _, err = run_python(tmp_path, "chapters/ch09_03_bounding_box.py", "--out", "o", "--debug")
    assert code == 2 and "Traceback" in err and err.endswith("error: cat.jpg is cut off; put the original back\n")


def test_a_bug_keeps_its_traceback(tmp_path):
    write_script(tmp_path, "9.3", BUG)
    code, out, err = run_python(tmp_path, "chapters/ch09_03_bounding_box.py", "--out", "o")
    found = results(tmp_path / "o", "9.3")
    assert code == 1 and out == "so far\n" and err.count("Traceback") == 1
    assert (found["status"], found["error"]) == ("failed", "ZeroDivisionError: division by zero")
    assert "1 / 0" in found["traceback"]
    assert (tmp_path / "o/9.3/stdout.txt").read_text() == "so far\n"


SMALL = ("import mxnet as mx\nfrom mxnet.gluon import nn\nnet = nn.MaxPool2D(2)\nnet.initialize()\n"
         "net(mx.nd.zeros((1, 1, 1, 1)))\n")


@pytest.mark.parametrize("body, reason", [
    (SMALL, r"kernel size \(2\) exceeds input \(1 padded to 1\)"),
    (SMALL.replace("MaxPool2D(2)", "HybridSequential()\nnet.add(nn.Conv2D(1, 3), nn.MaxPool2D(2))"), "kernel size .*"),
    ("import mxnet as mx\nmx.nd.zeros((2, 3)).reshape((4, 4))\n", "target shape .*"),
    ("import mxnet as mx\nmx.nd.zeros((1, 0)).asnumpy()\n", "Operator _zeros inferring shapes failed"),
    ("import mxnet as mx\nraise mx.MXNetError('Check failed: a < b (3 vs. 1) : ')\n", r"a < b \(3 vs. 1\) :"),
    ("import mxnet as mx\nraise mx.MXNetError\n", "MXNetError")])
def test_what_mxnet_refuses_with_a_reader_s_parameters_is_one_line_and_2(tmp_path, body, reason):
    write_script(tmp_path, "9.7", body)
    script = "chapters/ch09_07_ssd.py"
    code, _, err = run_python(tmp_path, script, "--out", "o", "-p", "batch_size=3", "-p", "num_epochs=2")
    line = f"MXNet cannot compute with -p batch_size=3 -p num_epochs=2: {reason}; choose other values, or add --debug"
    assert code == 2 and re.match(f"error: {line} to see where$", err.splitlines()[-1])
    assert re.match(line, results(tmp_path / "o", "9.7")["error"])
    code, _, err = run_python(tmp_path, script, "--out", "o")  # its own values: a bug
    assert code == 1 and "Traceback" in err


@pytest.mark.parametrize("body", ["", "sys.exit()\n"])
def test_ending_without_finish_is_not_ok(tmp_path, body):
    write_script(tmp_path, "9.3", body)
    run_python(tmp_path, "chapters/ch09_03_bounding_box.py", "--out", "o")
    assert results(tmp_path / "o", "9.3")["error"] == "ended before run.finish()"


def test_a_full_disk_is_one_line(tmp_path):
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" \
            "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
    write_script(tmp_path, "9.3", limit + "for i in range(200):\n    print('x' * 50)\nrun.finish()\n")
    code, _, err = run_python(tmp_path, "chapters/ch09_03_bounding_box.py", "--out", "o")
    assert code == 2 and len(err.splitlines()) == 1
    assert err.startswith("error: cannot write o/9.3/stdout.txt: ")
    assert not [path for path in (tmp_path / "o/9.3").iterdir() if path.name.startswith(".")]


def test_an_unwritable_out_is_one_line(tmp_path):
    write_script(tmp_path, "9.3", OK)
    (tmp_path / "file").write_text("")
    code, out, err = run_python(tmp_path, "chapters/ch09_03_bounding_box.py", "--out", "file/x")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1 and "file/x" in err


def test_the_seed_reaches_every_generator(tmp_path):
    script = tmp_path / "seeds.py"
    script.write_text("import random\nfrom d2lzh_cv.run import section\nrun = section.start('9.3')\n"
                      "import mxnet as mx\nimport numpy as np\n"
                      "run.record(x=[random.random(), np.random.rand(), mx.nd.random.uniform()])\nrun.finish()\n")
    for seed, out in (("1", "a"), ("1", "b"), ("2", "c")):
        assert run_python(tmp_path, "seeds.py", "--seed", seed, "--out", out)[0] == 0
    a, b, c = (results(tmp_path / out, "9.3")["results"]["x"] for out in "abc")
    assert a == b and all(first != second for first, second in zip(np.ravel(a[:2]), np.ravel(c[:2])))
    assert a[2] != c[2]


def test_each_training_has_a_folder_of_its_own():
    names = ["TinySSD", "no augmentation", "rate × 10", "rate / 10", "rate 10", "三", "四"]
    folders = [section.folder_name(name) for name in names]
    assert folders[:2] == ["TinySSD", "no_augmentation"] and len(set(folders)) == len(names)
    assert all(folder.isascii() and "/" not in folder for folder in folders)


def test_every_section_has_a_script():
    folder = ROOT / "chapters"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("ch09_*.py")}
    assert names == {info.script for info in contents.ALL}
