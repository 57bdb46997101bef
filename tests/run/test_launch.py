"""The launcher: what members are given, how their output comes back, and that none outlives the job."""
from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from d2lzh_cv.errors import InputError
from d2lzh_cv.run import launcher

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def start(folder: Path, *argv: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "d2lzh_cv", "launch", *argv], cwd=folder, text=True,
                            env={**ENVIRONMENT, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(folder: Path, *argv: str, **environment: str) -> tuple[int, str, str]:
    process = start(folder, *argv, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def gone(pid: int) -> bool:
    """True when the process ends within 10 s; one that nobody has waited for counts as ended."""
    status = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def pids_in(process: subprocess.Popen, count: int) -> list[int]:
    """The process numbers that members print, one each."""
    return [int(re.search(r"pid (\d+)", process.stdout.readline())[1]) for _ in range(count)]


def test_exit_code_of_the_one_that_failed_and_every_line_with_its_name(tmp_path):
    code, out, err = run(tmp_path, "-n", "2", "-s", "1", "--", "sh", "-c",
                         'echo "is $D2LZH_CV_RANK of $DMLC_NUM_WORKER"; [ $D2LZH_CV_RANK = 0 ] && sleep 50; exit 7')
    assert code == 7
    assert sorted(out.splitlines()) == ["worker 0 | is 0 of 2", "worker 1 | is 1 of 2"]
    assert "worker 1 failed with exit code 7; all others were ended" in err


@pytest.mark.parametrize("way", ["failure", "interrupt", "kill"])
def test_nobody_is_left_behind(tmp_path, way):
    """Not the worker that waits, nor what it has started; not even when the launcher itself is killed."""
    body = 'sleep 60 & echo "pid $!"; wait'
    fails = 'if [ $D2LZH_CV_RANK = 1 ]; then sleep 3; kill -9 $$; fi; ' if way == "failure" else ""
    process = start(tmp_path, "-n", "2", "-s", "1", "--", "sh", "-c", fails + body)
    pids = pids_in(process, 1 if fails else 2)
    if way != "failure":
        process.send_signal(signal.SIGINT if way == "interrupt" else signal.SIGKILL)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == {"failure": 137, "interrupt": 130, "kill": -signal.SIGKILL}[way]
    assert ("worker 1 was killed (SIGKILL)" in err) == (way == "failure")
    assert all(gone(pid) for pid in pids)


def test_over_ssh_the_command_arrives_as_it_was_typed(tmp_path):
    """An ssh that runs the line in a bare shell stands for the other host."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nshift 2\necho "to $1"\nexec env -i PATH=/usr/bin:/bin sh -c "$2"\n')
    ssh.chmod(0o755)
    (tmp_path / "hosts").write_text("127.0.0.1  # this one\n\n127.0.0.2\n")
    words = ["it's", 'a "b"', "$HOME", "; echo x"]
    script = "import os, sys; print(sys.argv[1:], os.environ['DMLC_NODE_HOST'], os.getcwd()); sys.exit(3)"
    folder = tmp_path / "a folder"
    folder.mkdir()
    command = [sys.executable, "-c", script, *words]
    code, out, err = run(folder, "-n", "1", "-s", "1", "--hosts", "../hosts", "--", *command,
                         PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert code == 3, err
    assert f"worker 0 | {words} 127.0.0.1 {folder}" in out.splitlines()
    assert "worker 0 on 127.0.0.1 failed with exit code 3" in err


def test_what_it_says_to_go_on_with(tmp_path):
    script = "mkdir -p 'my runs/9.7/snapshots/TinySSD/00001-000000'; exit 1"
    code, _, err = run(tmp_path, "-n", "1", "-s", "1", "--", "sh", "-c", script, "x", "--out", "my runs")
    again = ["d2lzh-cv", "launch", "-n", "1", "-s", "1", "--", "sh", "-c", script, "x", "--out", "my runs", "--resume"]
    assert code == 1
    assert f"to resume from the last snapshot: {shlex.join(again)}" in err


def test_hosts_are_taken_in_turn():
    members = launcher.Plan(3, 2, ["a", "b"], "10.0.0.1", 9000).processes(["x"])
    assert [f"{member.name} {member.host}" for member in members] == [
        "scheduler a", "server 0 a", "server 1 b", "worker 0 a", "worker 1 b", "worker 2 a"]


@pytest.mark.parametrize("text, message", [
    ("", "names no host"), ("# a\n", "names no host"), ("a b\n", "is not a host name"),
    ("-oProxyCommand=x\n", "is not a host name"), ("localhost\nb\n", "by which the others reach it")])
def test_hosts_files_that_cannot_be_used(tmp_path, text, message):
    (tmp_path / "hosts").write_text(text)
    with pytest.raises(InputError, match=message):
        launcher.read_hosts(tmp_path / "hosts")


@pytest.mark.parametrize("argv, message", [
    (["-n", "0", "--", "x"], "'0' is not a whole number"), (["-n", "2"], "launch needs a command"),
    (["-n", "1", "--", "no-such-command"], "cannot run no-such-command")])
def test_wrong_input_is_one_line(tmp_path, argv, message):
    code, _, err = run(tmp_path, *argv)
    assert code in (2, 127)
    assert message in err and "Traceback" not in err


@pytest.mark.parametrize("argv, message", [
    (["9.7"], "d2lzh-cv launch -n"), (["9.3"], "section 9.3 trains in one process"), (["9.1", "9.7"], "launch -n")])
def test_dist_sync_where_it_cannot_be(tmp_path, argv, message):
    done = subprocess.run([sys.executable, "-m", "d2lzh_cv", "run", *argv, "--kvstore", "dist_sync"], cwd=tmp_path,
                          env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 2 and message in done.stderr
    assert not list(tmp_path.iterdir())
