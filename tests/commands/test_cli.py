"""The command line: what it says, its exit codes, and that it starts without MXNet."""
from __future__ import annotations

import subprocess
import sys
import types

import pytest
from section_kit import ROOT, run_python, start_python

from d2lzh_cv import __version__, cli, contents
from d2lzh_cv.errors import InputError


def call(capsys, *argv):
    """Call the command line in this process; returns exit code, standard output, standard error."""
    try:
        code = cli.main(list(argv))
    except SystemExit as caught:
        code = caught.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_list_names_every_section_and_what_it_reads(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = call(capsys, "list")
    assert (code, err) == (0, "")
    for info in contents.SECTIONS:
        row = next(line for line in out.splitlines() if f" {info.number} " in line)
        assert info.english in row and ", ".join(info.needs) in row and f"about {info.seconds} s" in row
        assert info.chinese in out


def test_version(capsys):
    assert call(capsys, "--version") == (0, f"d2lzh-cv {__version__}\n", "")


@pytest.mark.parametrize("command", [[], ["run"], ["list"], ["doctor"]])
def test_every_command_has_help(command, capsys):
    code, out, err = call(capsys, *command, "--help")
    assert (code, err) == (0, "") and out.startswith("usage: d2lzh-cv")
    assert "9.1" in out or not command


def test_without_a_command_there_is_help(capsys):
    code, out, err = call(capsys)
    assert (code, err) == (0, "") and "run" in out and "doctor" in out


@pytest.mark.parametrize(("argv", "named"), [
    (["run", "9.77"], "9.77"), (["run", "9.7", "sdd"], "did you mean ssd"), (["run"], "SECTION"),
    (["run", "9.7", "--epochs", "0"], "--epochs"), (["run", "9.7", "--seed", "x"], "--seed"),
    (["run", "9.7", "--data", "/no/such/folder"], "--data"), (["run", "9.7", "--quick", "--full"], "--full"),
    (["run", "9.7", "--quik"], "--quik"), (["runn"], "runn"), (["list", "9.7"], "9.7"), (["--frobnicate"], "--frob"),
    (["doctor", "--jason"], "--jason"), (["run", "--epochs", "2"], "SECTION"),
])
def test_wrong_input_is_one_line_and_2(argv, named, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *argv)
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert err.startswith("error: ") and named in err
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback(capsys):
    for argv in (["--debug", "run", "9.77"], ["run", "9.77", "--debug"]):
        code, _, err = call(capsys, *argv)
        assert code == 2 and "Traceback" in err and err.splitlines()[-1].startswith("error: no section '9.77'")


def test_run_hands_sections_and_flags_on(capsys, monkeypatch):
    calls = []
    runner = types.SimpleNamespace(run=lambda infos, options, write_report: calls.append((infos, options)) or 1)
    monkeypatch.setitem(sys.modules, "d2lzh_cv.run.runner", runner)
    monkeypatch.setattr("d2lzh_cv.run.runner", runner, raising=False)
    assert call(capsys, "run", "9.3", "--quick", "9.4", "--seed", "2")[0] == 1
    (infos, options), = calls
    assert [info.number for info in infos] == ["9.3", "9.4"]
    assert (options.mode, options.seed, options.out, options.debug) == ("quick", 2, None, False)


def test_doctor_gives_its_exit_code_on(capsys, monkeypatch):
    doctor = types.SimpleNamespace(main=lambda as_json: 1 if as_json else 0)
    monkeypatch.setitem(sys.modules, "d2lzh_cv.commands.doctor", doctor)
    monkeypatch.setattr("d2lzh_cv.commands.doctor", doctor, raising=False)
    assert call(capsys, "doctor")[0] == 0
    assert call(capsys, "doctor", "--json")[0] == 1


def test_an_error_of_several_lines_becomes_one(capsys, monkeypatch):
    def refuse(flags):
        raise InputError("first\nsecond")

    monkeypatch.setattr(cli, "_list", refuse)
    assert call(capsys, "list") == (2, "", "error: first second\n")


def test_the_module_is_the_command(tmp_path):
    assert run_python(tmp_path, "-m", "d2lzh_cv", "--version") == (0, f"d2lzh-cv {__version__}\n", "")
    assert run_python(tmp_path, "-m", "d2lzh_cv", "run", "9.77")[0] == 2


@pytest.mark.parametrize("argv", [["list"], ["--help"], ["run", "--help"], ["run", "9.77"]])
def test_it_starts_without_mxnet(tmp_path, argv):
    """MXNet takes seconds to import and may not import at all; matplotlib and Jinja2 are not needed either."""
    code = (f"import sys; from d2lzh_cv import cli\ntry: cli.main({argv!r})\nexcept SystemExit: pass\n"
            "print(sorted({'mxnet', 'matplotlib', 'jinja2', 'd2lzh_cv.training'} & set(sys.modules)))")
    assert run_python(tmp_path, "-c", code)[1].splitlines()[-1] == "[]"


def test_a_latin_1_console_does_not_stop_it(tmp_path):
    done = subprocess.run([sys.executable, "-m", "d2lzh_cv", "list"], cwd=tmp_path, capture_output=True,
                          env={"PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(ROOT), "PATH": ""})
    assert done.returncode == 0 and b"Image Augmentation" in done.stdout, done.stderr


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    process = start_python(tmp_path, "-c", "import sys; from d2lzh_cv import cli\n"
                           "cli._list = lambda flags: print('much' * 100000) or 0; sys.exit(cli.main(['list']))")
    process.stdout.close()
    with process.stderr as stderr:
        assert stderr.read() == "" and process.wait(60) == 0
