"""Running sections: each in its own process, whatever one of them does; and what Ctrl-C leaves."""
from __future__ import annotations

import json
import os
import shutil
import signal
import time

import pytest
from section_kit import BAD_INPUT, BUG, OK, RUN_CLI, SLEEPS, run_python, start_python, write_script

from d2lzh_cv import cli, contents
from d2lzh_cv.compat import child, hook
from d2lzh_cv.run.rundir import open_run


@pytest.fixture
def run_cli(tmp_path, monkeypatch, capfd):
    """``run_cli(*argv)``: the command line in this process, as RUN_CLI; the sections have processes of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(contents, "SCRIPT_FOLDERS", (tmp_path / "chapters",))
    monkeypatch.setattr(hook, "check", lambda environment: None)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")

    def run(*argv):
        capfd.readouterr()
        return cli.main(list(argv)), *capfd.readouterr()
    return run


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder in which 9.3 was run in quick mode, and well; to be copied."""
    folder = tmp_path_factory.mktemp("done")
    write_script(folder, "9.3", OK)
    assert run_python(folder, "-c", RUN_CLI, "run", "9.3", "--quick", "--out", "o")[0] == 0
    return folder


def results(folder, number):
    return json.loads((folder / number / "results.json").read_text(encoding="utf-8"))


def statuses(folder):
    return {path.parent.name: json.loads(path.read_text())["status"] for path in folder.glob("9.*/results.json")}


def test_all_well(tmp_path):
    write_script(tmp_path, "9.3", OK)
    write_script(tmp_path, "9.4", OK)
    code, out, err = run_python(tmp_path, "-c", RUN_CLI, "run", "9.3,9.4", "--quick", "--seed", "7")
    assert (code, err) == (0, "")
    run = (tmp_path / "runs/latest").resolve().relative_to(tmp_path.resolve())
    assert out.splitlines()[-2:] == [f"report: {run}/report.html", f"figures: {run}/9.*/*.png (0)"]
    assert out.index("[1/2] 9.3 Object Detection") < out.index("hello 你好") < out.index("[2/2] 9.4 Anchor Boxes 锚框")
    assert statuses(tmp_path / run) == {"9.3": "ok", "9.4": "ok"}
    assert results(tmp_path / run, "9.3")["mode"] == "quick" and results(tmp_path / run, "9.3")["seed"] == 7
    assert json.loads((tmp_path / run / "run.json").read_text())["sections"] == ["9.3", "9.4"]


def test_a_bug_stops_its_section_only(tmp_path, run_cli):
    for number, body in (("9.3", BUG), ("9.4", BAD_INPUT), ("9.5", OK)):
        write_script(tmp_path, number, body)
    code, out, err = run_cli("run", "9.3-9.5", "--out", "o")
    assert code == 1 and err.count("Traceback") == 1
    assert statuses(tmp_path / "o") == {"9.3": "failed", "9.4": "failed", "9.5": "ok"}
    assert "9.3 failed: ZeroDivisionError: division by zero\n" in out
    assert "9.4 failed: cat.jpg is cut off; put the original back\n" in out
    assert "report: o/report.html" in out and (tmp_path / "o/report.html").is_file()


def test_bad_input_alone_is_2(tmp_path, run_cli):
    write_script(tmp_path, "9.3", BAD_INPUT)
    write_script(tmp_path, "9.4", OK)
    code, _, err = run_cli("run", "9.3", "9.4", "--out", "o")
    assert (code, err) == (2, "error: cat.jpg is cut off; put the original back\n")


@pytest.mark.parametrize(("body", "why"), [
    ("import os\nos._exit(0)\n", "ended before run.finish()"),
    ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "killed (SIGKILL), as the system does"),
    ("import os, signal\nrun.finish()\nos.kill(os.getpid(), signal.SIGABRT)\n", "crashed (SIGABRT)"),
    ("import os\nos._exit(7)\n", "ended with exit code 7"),
])
def test_a_process_that_dies_is_never_ok(tmp_path, run_cli, done, body, why):
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    write_script(tmp_path, "9.3", body)
    assert run_cli("run", "9.3", "--out", "o")[0] == 1
    assert results(tmp_path / "o", "9.3")["status"] == "failed"
    assert why in results(tmp_path / "o", "9.3")["error"]
    assert why in (tmp_path / "o/report.html").read_text(encoding="utf-8")


def test_a_script_that_is_not_there_stops_the_run_before_it_begins(tmp_path, run_cli):
    write_script(tmp_path, "9.3", OK)
    code, out, err = run_cli("run", "9.3", "9.4", "--out", "o")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1 and "ch09_04_anchor.py" in err
    assert not (tmp_path / "o").exists()


def test_an_unwritable_out_is_one_line(tmp_path, run_cli):
    write_script(tmp_path, "9.3", OK)
    (tmp_path / "file").write_text("mine")
    code, out, err = run_cli("run", "9.3", "--out", "file/x")
    assert (code, out) == (2, "") and len(err.splitlines()) == 1 and "file/x" in err
    assert (tmp_path / "file").read_text() == "mine"


# -- Ctrl-C ---------------------------------------------------------------------------------------------------------
def begin_and_wait_until_asleep(folder):
    write_script(folder, "9.3", OK)
    write_script(folder, "9.4", SLEEPS)
    write_script(folder, "9.5", OK)
    process = start_python(folder, "-c", RUN_CLI, "run", "9.3-9.5", "--out", "o", start_new_session=True)
    for line in process.stdout:
        if line == "asleep\n":
            return process
    raise AssertionError(process.stderr.read())


@pytest.mark.parametrize("send", [
    lambda process: os.killpg(process.pid, signal.SIGINT),  # what a terminal does
    lambda process: os.kill(process.pid, signal.SIGTERM),  # what `kill` does: the runner alone
])
def test_an_interrupted_run_tells_what_there_is(tmp_path, send):
    process = begin_and_wait_until_asleep(tmp_path)
    began = time.monotonic()
    send(process)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and time.monotonic() - began < 15
    assert err == "interrupted: section 9.4 was stopped\n"
    assert statuses(tmp_path / "o") == {"9.3": "ok", "9.4": "interrupted"}
    assert "not run" in out and "report: o/report.html" in out
    report = (tmp_path / "o/report.html").read_text(encoding="utf-8")
    assert "1 of 3 sections ok" in report and "stopped by Ctrl-C" in report
    assert json.loads((tmp_path / "o/run.json").read_text())["interrupted"] is True
    assert not [path for path in (tmp_path / "o").rglob("*") if path.name.startswith(".")]
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # the section's process is gone too


def test_worker_processes_add_no_tracebacks(tmp_path):
    workers = "import multiprocessing, time\npool = multiprocessing.get_context('fork').Pool(2)\n" \
              "pool.map_async(time.sleep, [60, 60])\ntime.sleep(1)\n"
    write_script(tmp_path, "9.3", workers + SLEEPS)
    process = start_python(tmp_path, "-c", RUN_CLI, "run", "9.3", "--out", "o", start_new_session=True)
    assert "asleep\n" in iter(process.stdout.readline, "")
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "interrupted: section 9.3 was stopped\n")


# -- resume ---------------------------------------------------------------------------------------------------------
def test_resume_keeps_what_is_done_and_does_the_rest(tmp_path, run_cli):
    write_script(tmp_path, "9.3", OK)
    write_script(tmp_path, "9.4", BUG)
    assert run_cli("run", "9.3", "9.4", "--quick", "--out", "o")[0] == 1
    before = (tmp_path / "o/9.3/results.json").stat().st_mtime_ns
    write_script(tmp_path, "9.4", OK)
    code, out, _ = run_cli("run", "9.3", "9.4", "--quick", "--out", "o", "--resume")
    assert code == 0 and "9.3 kept" in out and "9.4 kept" not in out
    assert (tmp_path / "o/9.3/results.json").stat().st_mtime_ns == before
    assert statuses(tmp_path / "o") == {"9.3": "ok", "9.4": "ok"}


def test_resume_without_out_goes_on_in_the_newest_run(tmp_path, run_cli):
    write_script(tmp_path, "9.3", OK)
    run_cli("run", "9.3", "--quick")
    _, out, _ = run_cli("run", "9.3", "--quick", "--resume")
    assert "9.3 kept" in out and len(list((tmp_path / "runs").glob("2*"))) == 1


@pytest.mark.parametrize("other", [["--full"], ["--seed", "1"], ["--data", "synthetic"], ["--epochs", "3"]])
def test_resume_runs_again_what_was_done_with_other_flags(tmp_path, run_cli, done, other):
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    flags = other if other == ["--full"] else ["--quick", *other]
    _, out, _ = run_cli("run", "9.3", *flags, "--out", "o", "--resume")
    assert "kept" not in out and "hello" in out


@pytest.mark.parametrize("content", ["", "[]", "{\"status\": \"ok\"", "{\"status\": \"failed\"}"])
def test_resume_does_not_trust_a_damaged_result(tmp_path, run_cli, done, content):
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    (tmp_path / "o/9.3/results.json").write_text(content)
    _, out, _ = run_cli("run", "9.3", "--quick", "--out", "o", "--resume")
    assert "kept" not in out and "hello" in out


def test_a_later_run_into_the_same_folder_keeps_the_earlier_sections_in_the_report(tmp_path, run_cli):
    write_script(tmp_path, "9.3", OK)
    write_script(tmp_path, "9.4", OK)
    run_cli("run", "9.4", "--out", "o")
    run_cli("run", "9.3", "--out", "o")
    assert json.loads((tmp_path / "o/run.json").read_text())["sections"] == ["9.3", "9.4"]
    assert "2 of 2 sections ok" in (tmp_path / "o/report.html").read_text(encoding="utf-8")


# -- folders --------------------------------------------------------------------------------------------------------
def test_runs_of_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second, third = (open_run(None) for _ in range(3))
    assert len({first, second, third}) == 3
    assert (tmp_path / "runs/latest").resolve() == third.resolve()


def test_latest_is_a_text_file_where_links_are_not_possible(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no links here")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pathlib.Path.symlink_to", refuse)
    folder = open_run(None)
    assert (tmp_path / "runs/latest.txt").read_text() == folder.name + "\n"
    assert open_run(None, resume=True) == folder
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [folder.name, "latest.txt"]


def test_a_checkout_s_package_is_the_one_its_scripts_use(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert child.environment()["PYTHONPATH"].split(os.pathsep) == [
        str(contents.SCRIPT_FOLDERS[1].parent), "elsewhere"]
