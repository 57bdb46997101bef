"""Every command with every kind of wrong input: one line that names it, exit code 2, nothing left behind."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from data_kit import write_picture, write_pikachu
from section_kit import ROOT

BOUND = "-dac_override,-dac_read_search"  # without these root is denied what others are
AS_USER = [] if os.geteuid() else ["setpriv", f"--inh-caps={BOUND}", f"--bounding-set={BOUND}"]
needs_denial = pytest.mark.skipif(bool(AS_USER) and not shutil.which("setpriv"),
                                  reason="root needs setpriv to be denied")


@pytest.fixture
def here(tmp_path):
    """A working folder with an empty folder, a file, a closed folder, one without writing, and closed files."""
    for name in ("empty", "closed/inside", "fixed", "root/weights", "model"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("file", "hosts", "closed_hosts", "root/weights/vgg19.params"):
        (tmp_path / name).write_text("localhost\n")
    write_picture(tmp_path / "p.jpg")
    write_picture(tmp_path / "closed_picture.jpg")
    write_picture(tmp_path / "closed" / "p.jpg")
    write_pikachu(tmp_path / "pikachu_root" / "pikachu")
    closed = [tmp_path / name for name in ("closed", "closed_hosts", "closed_picture.jpg", "root/weights",
                                           "pikachu_root/pikachu/train")]
    for path in closed:
        path.chmod(0)
    (tmp_path / "fixed").chmod(0o555)
    yield tmp_path
    for path in (*closed, tmp_path / "fixed"):
        path.chmod(0o755)


def command(folder: Path, *argv: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run([*AS_USER, sys.executable, "-m", "d2lzh_cv", *argv], cwd=folder, timeout=120,
                          capture_output=True, text=True, env={
                              **os.environ, "PYTHONPATH": str(ROOT), "D2LZH_CV_CACHE": str(folder / "cache"),
                              **environment})
    return done.returncode, done.stdout, done.stderr


DENIED = "Permission denied"
CASES = [  # command, what its line says
    ("data list --data nowhere", "--data nowhere: no such folder"),
    ("data list --data file", "--data file is a file; name a folder"),
    ("data list --data closed", f"cannot read closed: {DENIED}"),
    ("data list --data closed/inside", f"cannot read closed: {DENIED}"),
    ("data list --data root", f"cannot read root/weights: {DENIED}"),
    ("data check --data nowhere", "--data nowhere: no such folder"),
    ("data check --data file", "--data file is a file; name a folder"),
    ("data check --data empty", "nothing to check in empty"),
    ("data check --data closed", f"cannot read closed: {DENIED}"),
    ("data check --data root", f"cannot read root/weights: {DENIED}"),
    ("data check img --data empty", "img is not in empty"),
    ("data check nothing --data empty", "no data set or network is called 'nothing'"),
    ("data fetch img --data file", "--data file is a file; name a folder"),
    ("data fetch img --data closed", f"cannot read closed: {DENIED}"),
    ("data make img --out file", "cannot make folder file: it is a file"),
    ("data make img --out fixed", f"cannot write to fixed: {DENIED}"),
    ("data make img --out fixed/new", f"cannot make folder fixed/new: {DENIED}"),
    ("data make img --out closed/new", f"cannot read closed: {DENIED}"),
    ("data make nothing --out new", "no synthetic set is called 'nothing'"),
    ("data make img --out new --seed -1", "seed must be 0 or greater"),
    ("launch -n 1 --hosts nowhere -- true", "cannot read nowhere: No such file"),
    ("launch -n 1 --hosts empty -- true", "cannot read empty: Is a directory"),
    ("launch -n 1 --hosts closed_hosts -- true", f"cannot read closed_hosts: {DENIED}"),
    ("launch -n 0 -- true", "argument -n"),
    ("launch -n 1", "launch needs a command"),
    ("compare nowhere", "no run in nowhere"), ("compare file", "no run in file"), ("compare empty", "no run in empty"),
    ("compare closed", f"cannot read closed: {DENIED}"),
    ("compare closed/inside", f"cannot read closed: {DENIED}"),
    ("run 9.3 --data nowhere", "argument --data: nowhere: no such folder"),
    ("run 9.3 --data file", "argument --data: file is a file"),
    ("run 9.3 --data closed", f"argument --data: cannot read closed: {DENIED}"),
    ("run 9.3 --data closed/inside", f"argument --data: cannot read closed: {DENIED}"),
    ("run 9.3 --data empty", "section 9.3 reads img"),
    ("run 9.11 --backbone vgg19 --data root", f"cannot read root/weights: {DENIED}"),
    ("run 9.3 --out file", "cannot make folder file: it is a file"),
    ("run 9.3 --out closed", "cannot write to closed"),
    ("run 9.3 --out closed/new", f"cannot make folder closed/new: {DENIED}"),
    ("run 9.3 --out fixed", "cannot write to fixed"),
    ("run 9.3 --out fixed/new", f"cannot make folder fixed/new: {DENIED}"),
    ("bench nothing", "no benchmark 'nothing'"), ("bench --list --rounds 0", "argument --rounds"),
    ("list extra", "unrecognized arguments: extra"), ("doctor extra", "unrecognized arguments: extra"),
]
WITH_MXNET = [
    ("data convert nowhere.pth", "cannot read nowhere.pth: No such file"),
    ("data convert empty", "cannot read empty: Is a directory"),
    ("data convert file", "file is damaged"),
    ("predict detect nowhere p.jpg --out o", "nowhere is no folder"),
    ("predict detect closed p.jpg --out o", f"cannot read closed: {DENIED}"),
    ("predict detect model closed --out o", f"cannot read closed: {DENIED}"),
    ("predict detect model empty --out o", "empty holds no pictures"),
    ("predict detect model p.jpg --out o", "model holds no model.json"),
    ("export file --to symbol", "file is no folder"),
    ("export closed --to symbol", f"cannot read closed: {DENIED}"),
    ("data check --data pikachu_root", f"cannot read pikachu_root/pikachu/train: {DENIED}"),
]


@needs_denial
@pytest.mark.parametrize(("line", "said"), [
    *CASES, *(pytest.param(*case, marks=pytest.mark.slow) for case in WITH_MXNET)])
def test_one_line_and_2(line, said, here):
    before = sorted(here.rglob("*"))
    code, out, err = command(here, *line.split())
    assert code == 2, err
    if line.startswith("data check --data pikachu_root"):  # a problem of a set that is there: its report names it
        assert said in out and err == ""
        return
    assert out == "" and len(err.splitlines()) == 1 and err.startswith("error: ") and said in err
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("argv", [["data", "list"], ["data", "check"], ["run", "9.3"]])
def test_a_data_root_that_the_environment_names_must_be_there(argv, tmp_path):
    (tmp_path / "file").touch()
    for root, said in (("nowhere", "no such folder"), ("file", "is a file")):
        code, out, err = command(tmp_path, *argv, D2LZH_CV_DATA=root)
        assert code == 2 and f"D2LZH_CV_DATA={root}" in err.splitlines()[-1] and said in err


@needs_denial
def test_a_closed_cache_and_a_closed_set_are_named(here):
    flags = ("--quick", "--data", "synthetic", "--out", "o")
    code, _, err = command(here, "run", "9.3", *flags, D2LZH_CV_CACHE="closed")
    assert (code, err) == (2, f"error: cannot read closed: {DENIED}; change its permission, or name another\n")
    code, out, _ = command(here, "doctor", "--json", D2LZH_CV_DATA="root")
    assert code == 2 and f"cannot read root/weights: {DENIED}" in out


def test_a_name_of_bytes_that_are_no_text(tmp_path):
    """As a zip of Chinese Windows unpacks: data in it are found, results are not written where MXNet cannot."""
    name = os.fsdecode(b"d\xb9\xb7")
    code, _, err = command(tmp_path, "run", "9.3", "--quick", "--data", "synthetic", "--out", name)
    assert code == 2 and err.startswith("error: argument --out: d\\xb9\\xb7 holds bytes that are not UTF-8")
    assert command(tmp_path, "data", "make", "img", "--out", name)[0] == 0
    code, out, _ = command(tmp_path, "data", "check", "--data", name)
    assert code == 0 and out.startswith("img: d\\xb9\\xb7/img: ") and out.endswith("problems: none\n")
    code, out, err = command(tmp_path, "run", "9.3", "--quick", "--data", name, "--out", "o")
    assert (code, err) == (0, "") and "img: d\\xb9\\xb7/img (the book's pictures)" in out
    from d2lzh_cv.files import read_json
    assert Path(read_json(tmp_path / "o" / "9.3" / "results.json")["data"][0]["path"]).parent.name == name


@pytest.mark.parametrize("columns", ["80", "60", "", "30"])
def test_a_name_that_has_to_be_typed_is_never_cut(columns, tmp_path):
    from benchmarks.cases import choose
    sets = [row["name"] for row in json.loads(command(tmp_path, "data", "list", "--json")[1])]
    assert "faster_rcnn_resnet50_v1b_voc" in sets
    for argv, names in ((["data", "list"], sets),
                        (["list"], section_names()), (["bench", "--list"], [case.name for case in choose([])])):
        code, out, err = command(tmp_path, *argv, COLUMNS=columns)
        assert (code, err) == (0, "") and "…" not in out
        words = out.replace("│", " ").split()
        assert [name for name in names if name not in words] == []


def section_names():
    import d2lzh_cv.cli as cli
    table = getattr(cli, "contents", None) or cli.sections
    return [info.number for info in table.ALL]
