"""One at a time: who comes second is told so, and whoever dies takes the lock along."""
from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time

import own_kit as kit
import pytest
from section_kit import OK, RUN_CLI, SLEEPS, run_python, start_python, write_script

from d2lzh_cv import locks
from d2lzh_cv.errors import InputError

GOING_ON = "error: a run is going on in {}: wait until it has ended, or name another folder\n"


def begin(folder, *argv):
    """Start Python on a section that sleeps; returns when it does."""
    process = start_python(folder, *argv, start_new_session=True)
    assert "asleep\n" in iter(process.stdout.readline, "")
    return process


def end(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def shown(line):
    """``line`` without who holds the lock."""
    before, _, rest = line.partition(" (process")
    return before + rest.partition(")")[2] if rest else line


# -- the lock -------------------------------------------------------------------------------------------------------
def test_one_holds_it_alone_or_several_share_it(tmp_path):
    path = tmp_path / ".lock"
    alone, second, shared, also = (locks.Lock(path, shared=i > 1) for i in range(4))
    assert alone.take() and not second.take() and not shared.take()
    assert second.holder().startswith(f"process {os.getpid()} on ")
    alone.release()
    assert not path.exists()
    assert shared.take() and also.take() and not alone.take()
    shared.release()
    assert path.exists() and not alone.take()
    also.release()
    assert not path.exists() and alone.take()
    alone.release()


def test_a_file_that_was_left_behind_is_not_locked(tmp_path):
    (tmp_path / ".lock").write_text("process 1 on earth\n")
    with locks.alone(tmp_path / ".lock", "busy"):
        assert f"process {os.getpid()} on" in (tmp_path / ".lock").read_text()
    assert not list(tmp_path.iterdir())


def test_what_was_made_for_it_goes_where_nothing_came_of_it(tmp_path):
    with pytest.raises(KeyError), locks.alone(tmp_path / "a" / "b" / ".lock", "busy"):
        raise KeyError
    assert not list(tmp_path.iterdir())
    with locks.alone(tmp_path / "a" / "b" / ".lock", "busy"):
        (tmp_path / "a" / "b" / "file").touch()
    assert (tmp_path / "a" / "b" / "file").exists()


def test_a_file_system_without_locks_is_named_and_the_work_goes_on(tmp_path, monkeypatch, capsys):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert locks.Lock(tmp_path / ".lock").take()
    assert "has no locks (No locks available)" in capsys.readouterr().err


def test_a_forked_worker_does_not_keep_it(tmp_path):
    """As a DataLoader's do that outlive a section that was killed."""
    lock, (ready, begun) = locks.Lock(tmp_path / ".lock"), os.pipe()
    assert lock.take()
    worker = os.fork()
    if not worker:
        os.write(begun, b"!")
        time.sleep(30)
        os._exit(0)
    try:
        assert os.read(ready, 1) == b"!"
        os.close(lock._file)  # as at our death
        assert locks.Lock(tmp_path / ".lock").take()
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


def test_a_child_program_shares_it_and_only_that_one(tmp_path):
    lock, code = locks.Lock(tmp_path / ".lock"), (
        "import sys, os; from d2lzh_cv import locks; "
        "print(locks.Lock(sys.argv[1]).inherit(), locks.HELD in os.environ)")
    assert lock.take()
    environment, descriptors = lock.share()
    for name, expected in ((".lock", "True False"), ("other", "False False")):
        (tmp_path / "other").touch()
        out = subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], env={**os.environ, **environment},
                             pass_fds=descriptors, capture_output=True, text=True, check=True).stdout
        assert out.strip() == expected
    assert not locks.Lock(tmp_path / ".lock").take()  # the child's end has not ended ours
    lock.release()


# -- runs -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("more", [(), ("--resume",), ("--seed", "5")])
def test_a_second_run_in_a_folder_is_refused_and_the_first_goes_on(more, tmp_path):
    write_script(tmp_path, "9.4", SLEEPS)
    write_script(tmp_path, "9.3", OK)
    first = begin(tmp_path, "-c", RUN_CLI, "run", "9.4", "--out", "o")
    note = (tmp_path / "o" / "run.json").read_bytes()
    for number in ("9.4", "9.3"):
        code, out, err = run_python(tmp_path, "-c", RUN_CLI, "run", number, "--out", "o", *more)
        assert (code, out, shown(err)) == (2, "", GOING_ON.format("o"))
        script = str(tmp_path / "chapters" / {"9.4": "ch09_04_anchor.py", "9.3": "ch09_03_bounding_box.py"}[number])
        code, out, err = run_python(tmp_path, script, "--out", "o", *more)
        assert (code, out, shown(err)) == (2, "", GOING_ON.format("o"))
    assert (tmp_path / "o" / "run.json").read_bytes() == note
    assert [path.name for path in (tmp_path / "o" / "9.4").iterdir()] == ["stdout.txt"]
    assert (tmp_path / "o" / "9.4" / "stdout.txt").read_text() == "asleep\n"
    os.killpg(first.pid, signal.SIGINT)
    first.communicate(timeout=30)
    assert run_python(tmp_path, "-c", RUN_CLI, "run", "9.3", "--out", "o", *more)[0] == 0
    assert not list((tmp_path / "o").glob(".*"))


def test_resuming_the_newest_run_while_it_runs_is_refused(tmp_path):
    write_script(tmp_path, "9.4", SLEEPS)
    first = begin(tmp_path, "-c", RUN_CLI, "run", "9.4")
    code, _, err = run_python(tmp_path, "-c", RUN_CLI, "run", "9.4", "--resume")
    assert code == 2 and err.startswith("error: a run is going on in runs/2")
    end(first)


def test_a_run_that_was_killed_locks_nothing(tmp_path):
    write_script(tmp_path, "9.4", SLEEPS)
    write_script(tmp_path, "9.3", OK)
    end(begin(tmp_path, "-c", RUN_CLI, "run", "9.4", "--out", "o"))
    assert run_python(tmp_path, "-c", RUN_CLI, "run", "9.3", "--out", "o")[0] == 0


def test_a_section_that_outlives_its_run_still_has_the_folder(tmp_path):
    write_script(tmp_path, "9.4", "import os\nprint('pid', os.getpid(), flush=True)\n" + SLEEPS)
    write_script(tmp_path, "9.3", OK)
    process = start_python(tmp_path, "-c", RUN_CLI, "run", "9.4", "--out", "o")
    lines = iter(process.stdout.readline, "asleep\n")
    section = next(int(line.split()[1]) for line in lines if line.startswith("pid "))
    process.kill()
    process.wait()
    code, _, err = run_python(tmp_path, "-c", RUN_CLI, "run", "9.3", "--out", "o")
    assert code == 2 and f"and {section} on " in err
    os.kill(section, signal.SIGKILL)
    process.communicate()
    assert run_python(tmp_path, "-c", RUN_CLI, "run", "9.3", "--out", "o")[0] == 0


def test_scripts_of_different_sections_share_a_folder_those_of_one_do_not(tmp_path):
    slow, other = write_script(tmp_path, "9.4", SLEEPS), write_script(tmp_path, "9.3", OK)
    first = begin(tmp_path, str(slow), "--out", "o")
    assert run_python(tmp_path, str(other), "--out", "o")[0] == 0
    code, out, err = run_python(tmp_path, str(slow), "--out", "o")
    assert (code, out, shown(err)) == (2, "", GOING_ON.format("o/9.4"))
    code, out, err = run_python(tmp_path, "-c", RUN_CLI, "run", "9.3", "--out", "o")
    assert (code, out, shown(err)) == (2, "", GOING_ON.format("o"))
    end(first)
    assert run_python(tmp_path, str(other), "--out", "o")[0] == 0


def test_workers_that_were_launched_share_a_folder(tmp_path):
    worker = "import os, sys; os.environ.update(D2LZH_CV_RANK=sys.argv.pop(1), DMLC_NUM_WORKER='2'); "
    write_script(tmp_path, "9.7", SLEEPS)
    members = [begin(tmp_path, "-c", worker + RUN_CLI, rank, "run", "9.7", "--out", "o") for rank in "01"]
    assert (tmp_path / "o" / "9.7").is_dir() and (tmp_path / "o" / "rank-1" / "9.7").is_dir()
    for member in members:
        end(member)


# -- sets -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("argv, lock, said", [
    (["data", "make", "img", "--out", "made"], "made/.lock", "sets are being drawn into made"),
    (["data", "pack", "src", "packed"], ".packed.lock", "a set is being packed into packed")])
def test_a_second_one_that_writes_the_same_set_is_refused(argv, lock, said, tmp_path, monkeypatch, capsys):
    from d2lzh_cv import cli
    monkeypatch.chdir(tmp_path)
    kit.write_yolo(tmp_path / "src")
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with locks.alone(tmp_path / lock, "busy"):
        assert cli.main(argv) == 2
    assert shown(capsys.readouterr().err) == f"error: {said}: wait until it has ended, or name another folder\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_the_error_of_a_lock_names_the_folder(tmp_path):
    with pytest.raises(InputError, match="cannot write to .*nothere: No such file"):
        locks.Lock(tmp_path / "nothere" / ".lock").take()
