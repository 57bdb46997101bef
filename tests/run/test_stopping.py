"""A training is asked to stop by Ctrl-C, by `kill`, by several at once: it finishes its step and says how to resume."""
from __future__ import annotations

import json
import os
import signal
import time

import own_kit as kit
import pytest
from section_kit import OK, RUN_CLI, SLEEPS, run_python, start_python, write_script

SAVES = ("import time\ntry:\n    print('asleep', flush=True)\n    time.sleep(60)\n"
         "finally:\n    time.sleep(1)\n    print('tidied')\n")


def begin(folder, body, ignoring=False):
    """Start a run of 9.4 in a session of its own; returns when the section sleeps."""
    write_script(folder, "9.4", body)
    ignore = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " if ignoring else ""
    process = start_python(folder, "-c", ignore + RUN_CLI, "run", "9.4", "--out", "o", start_new_session=True)
    assert "asleep\n" in iter(process.stdout.readline, "")
    return process


def status(folder, number="9.4"):
    return json.loads((folder / "o" / number / "results.json").read_text(encoding="utf-8"))["status"]


@pytest.mark.parametrize("ignoring", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_reaches_the_run_alone_reaches_the_section(number, ignoring, tmp_path):
    """A shell starts what it runs in the background with SIGINT ignored."""
    process = begin(tmp_path, SLEEPS, ignoring)
    began = time.monotonic()
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "interrupted: section 9.4 was stopped\n")
    assert time.monotonic() - began < 15 and status(tmp_path) == "interrupted"
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_terminal_s_interrupt_is_not_counted_twice(tmp_path):
    """It reaches both processes, and the run passes it on: what the section does at its end is not cut short."""
    process = begin(tmp_path, SAVES)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130 and "tidied\n" in out and status(tmp_path) == "interrupted"


@pytest.mark.parametrize("body", [SLEEPS, SAVES])
def test_a_script_that_is_killed_gently_says_how_it_ended(body, tmp_path):
    script = write_script(tmp_path, "9.4", body)
    process = start_python(tmp_path, str(script), "--out", "o")
    assert "asleep\n" in iter(process.stdout.readline, "")
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "interrupted: section 9.4 was stopped\n")
    assert status(tmp_path) == "interrupted" and ("tidied" in out) == (body == SAVES)


POOL = "import multiprocessing\npool = multiprocessing.get_context('fork').Pool(2)\n"


def test_worker_processes_can_still_be_ended(tmp_path):
    """A pool ends its workers by SIGTERM, which a section takes for Ctrl-C."""
    write_script(tmp_path, "9.4", POOL + "pool.map(abs, [1, 2])\npool.terminate()\npool.join()\n" + OK)
    assert run_python(tmp_path, "-c", RUN_CLI, "run", "9.4", "--out", "o")[::2] == (0, "")


def test_a_worker_ended_as_soon_as_it_is_forked_is_not_waited_for(tmp_path):
    """SIGTERM comes while a function that runs after the fork, registered before the section began, takes its time."""
    script = write_script(tmp_path, "9.4", POOL + "pool.terminate()\npool.join()\n" + OK)
    slow = "import os, time\nos.register_at_fork(after_in_child=lambda: time.sleep(0.5))\n"
    script.write_text(slow + script.read_text(encoding="utf-8"), encoding="utf-8")
    assert run_python(tmp_path, "-c", RUN_CLI, "run", "9.4", "--out", "o")[::2] == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("send", [
    lambda process: os.kill(process.pid, signal.SIGINT),
    lambda process: os.killpg(process.pid, signal.SIGINT),
    lambda process: os.killpg(process.pid, signal.SIGTERM) or os.killpg(process.pid, signal.SIGINT)],
    ids=["the run alone", "a terminal", "timeout"])
def test_a_training_saves_its_step_however_it_is_asked(send, tmp_path):
    from d2lzh_cv.data.own.pack import pack
    kit.write_yolo(tmp_path / "src", count=40)
    pack(tmp_path / "src", tmp_path / "own")
    process = start_python(tmp_path, "-m", "d2lzh_cv", "run", "9.7", "--quick", "--data", "own", "--epochs", "200",
                           "-p", "edge_size=64", "--out", "o", start_new_session=True)
    assert any(line.startswith("epoch  5,") for line in iter(process.stdout.readline, ""))
    send(process)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and status(tmp_path, "9.7") == "interrupted"
    assert err.count("finishing the step, then saving") == 1 and "to resume: d2lzh-cv run 9.7" in err
    saved = sorted(path.name for path in (tmp_path / "o" / "9.7" / "snapshots" / "TinySSD").iterdir())
    epochs = len((tmp_path / "o" / "9.7" / "metrics.jsonl").read_text().splitlines())
    assert saved[-1].startswith(f"{epochs:05d}-") and not saved[-1].endswith("-000000")
