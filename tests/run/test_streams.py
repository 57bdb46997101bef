"""Streams that are closed, full, or left by their reader: the work is done, and the exit code tells the truth."""
from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from section_kit import BAD_INPUT, OK, ROOT, RUN_CLI, write_script

from d2lzh_cv import cli

FULL = "error: cannot write to standard output: No space left on device; all further output is lost\n"
needs_full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


def shell(folder, line, *argv):
    """Run ``line`` in bash, where "$@" is Python with ``argv``; returns exit code, standard output, standard error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "MPLBACKEND": "Agg"}
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}", "bash", sys.executable, *argv], cwd=folder,
                          env=environment, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def command(folder, line, *argv):
    return shell(folder, line, "-m", "d2lzh_cv", *argv)


def status(folder, number="9.3"):
    return json.loads((folder / "o" / number / "results.json").read_text(encoding="utf-8"))["status"]


@pytest.mark.parametrize("way", ['"$@" >&-', '"$@" 2>&-', '"$@" <&-', '"$@" >&- 2>&- <&-', '"$@" | true',
                                 '"$@" 2>&1 | true', '"$@" >/dev/null 2>/dev/full'])
def test_a_command_does_its_work_whatever_its_streams_are(way, tmp_path):
    if "/dev/full" in way and not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    for argv in (["list"], ["run", "--help"], ["data", "make", "kaggle_cifar10", "--out", "made"]):
        code, _, err = command(tmp_path, way, *argv)
        assert (code, err) == (0, ""), argv
    assert (tmp_path / "made" / "kaggle_cifar10" / "synthetic.json").is_file()


@pytest.mark.parametrize("way", ['"$@" >&-', '"$@" >&- 2>&- <&-', '"$@" | true'])
def test_an_exit_code_comes_through(way, tmp_path):
    assert command(tmp_path, way, "run", "9.77")[0] == 2
    assert command(tmp_path, way, "compare", "nowhere")[0] == 2


@needs_full
@pytest.mark.parametrize("argv", [["list"], ["--version"], ["data", "make", "kaggle_cifar10", "--out", "made"]])
def test_a_full_disk_is_one_line_and_2_and_the_work_is_done(argv, tmp_path):
    assert command(tmp_path, '"$@" >/dev/full', *argv) == (2, "", FULL)
    assert (tmp_path / "made" / "kaggle_cifar10" / "synthetic.json").is_file() == ("make" in argv)


LONG = "for i in range(3000): print('line', i)\n" + OK


@pytest.mark.parametrize(("way", "code"), [
    ('"$@" >&-', 0), ('"$@" 2>&-', 0), ('"$@" >&- 2>&- <&-', 0), ('"$@" | head -1', 0), ('"$@" 2>&1 | head -1', 0),
    pytest.param('"$@" >/dev/full', 2, marks=needs_full)])
def test_a_section_goes_on_and_its_output_is_whole(way, code, tmp_path):
    write_script(tmp_path, "9.3", LONG)
    found, _, err = shell(tmp_path, way, "-c", RUN_CLI, "run", "9.3", "--out", "o")
    assert (found, err) == (code, FULL if code else "")
    lines = (tmp_path / "o" / "9.3" / "stdout.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [*(f"line {i}" for i in range(3000)), "hello 你好"] and status(tmp_path) == "ok"


@pytest.mark.parametrize("way", ['"$@" >&-', '"$@" | head -1', '"$@" >&- 2>&-'])
@pytest.mark.parametrize(("body", "code"), [(LONG, 0), (BAD_INPUT, 2)])
def test_a_script_alone_does_too(way, body, code, tmp_path):
    script = write_script(tmp_path, "9.3", body)
    assert shell(tmp_path, way, str(script), "--out", "o")[0] == code
    assert status(tmp_path) == ("failed" if code else "ok")


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path):
    """Else what a library in C prints to standard error would go into the file."""
    code = ("import os; from d2lzh_cv import cli; cli.streams.prepare(); file = open('data', 'w'); "
            "os.write(1, b'noise'); os.write(2, b'noise'); file.write('data'); file.close()")
    assert shell(tmp_path, '"$@" >&- 2>&- <&-', "-c", code)[0] == 0
    assert (tmp_path / "data").read_text() == "data"


def test_a_process_without_streams_writes_to_nothing(tmp_path):
    """What pythonw gives: no descriptor is closed, but there is no stream."""
    code = ("import sys; sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = None; from d2lzh_cv import cli; "
            "sys.exit(cli.main(['list']))")
    assert shell(tmp_path, '"$@"', "-c", code) == (0, "", "")


def test_a_name_that_is_not_text_can_be_recognised(tmp_path):
    code = "import os; from d2lzh_cv import cli; cli.streams.prepare(); print(os.fsdecode(b'a\\xb9\\xb7b'), '狗')"
    assert shell(tmp_path, '"$@"', "-c", code)[1] == "a\\xb9\\xb7b 狗\n"
    assert shell(tmp_path, 'PYTHONIOENCODING=latin-1 "$@"', "-c", code)[1] == "a\\xb9\\xb7b ?\n"


def test_a_stream_that_is_not_the_process_s_own_is_left_alone(capsys):
    before = sys.stdout
    cli.streams.prepare()
    assert sys.stdout is before and cli.streams.flush()
