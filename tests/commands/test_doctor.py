from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from d2lzh_cv.commands import doctor, probes
from d2lzh_cv.commands.probes import Probe, Row
from d2lzh_cv.compat import problems

ROOT = Path(__file__).resolve().parents[2]


def look(name: str) -> list[Row]:
    """What the probe ``name`` says here and now."""
    probe = next(probe for probe in probes.PROBES if probe.name == name)
    return doctor._isolated(probe) if probe.isolated else doctor._guarded(probe)


def fake(tmp_path: Path, monkeypatch, name: str, code: str) -> None:
    """Put a package before the installed one, for the probes that run in a process of their own."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_all_well_here():
    command = [sys.executable, "-m", "d2lzh_cv.commands.doctor", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("D2LZH_CV_")}
    child = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment)
    answer = json.loads(child.stdout)
    assert child.returncode == 0 and answer["ok"] is True, child.stdout
    names = [row["name"] for row in answer["rows"]]
    assert names[:5] == ["d2lzh_cv", "chapter scripts", "Python", "platform", "NumPy"]
    found = {row["name"]: row for row in answer["rows"]}
    assert "1.9.1, imports" in found["MXNet"]["value"] and found["devices"]["value"]
    assert found["data: weights"]["state"] == "ok"
    assert set(answer["rows"][0]) == {"name", "value", "state", "remedy"}


ERROR = Row("MXNet", "needs [this]", "error", "pip install this")


@pytest.mark.parametrize("rows, code, ending", [
    ([Row("a", "b"), Row("c", "d", "warn", "mend c")], 0, "everything that the chapter needs works"),
    ([Row("a", "b"), ERROR], 2, "the chapter does not run yet")])
def test_exit_code_and_table(rows, code, ending, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "report", lambda: rows)
    assert doctor.main() == code
    out = capsys.readouterr().out
    assert out.strip().endswith(ending)
    assert all(row.value in out and row.remedy in out for row in rows)


def test_one_command_is_printed_once(monkeypatch, capsys):
    rows = [Row("NumPy", "2", "error", "mend"), Row("MXNet", "no", "error", "mend")]
    monkeypatch.setattr(doctor, "report", lambda: rows)
    doctor.main()
    out = capsys.readouterr().out
    assert out.count("  mend") == 1 and "NumPy: 2\n  mend" in out


def test_table_without_rich(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setattr(doctor, "report", lambda: [ERROR])
    assert doctor.main() == 2
    assert "error MXNet                needs [this]" in capsys.readouterr().out


@pytest.mark.parametrize("needed, state", [(True, "error"), (False, "warn")])
def test_a_probe_that_dies_is_a_row(needed, state):
    def dies():
        yield Row("first", "fine")
        raise ZeroDivisionError("by\nzero")
    rows = doctor._guarded(Probe("both", dies, needed=needed))
    assert rows == [Row("first", "fine"), Row("both", "ZeroDivisionError: by zero", state)]


def test_a_crash_is_a_row(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "mxnet", "import os; os.abort()")
    assert look("MXNet") == [Row("MXNet", "crashed (SIGABRT)", "error")]


def test_a_hang_is_a_row(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "mxnet", "import time; time.sleep(60)")
    monkeypatch.setattr(doctor, "SECONDS", 2)
    assert look("MXNet") == [Row("MXNet", "no answer within 2 s", "error")]


def test_a_process_that_ends_early_is_a_row(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "mxnet", "import os; os.write(2, b'out of patience\\n'); os._exit(3)")
    assert look("MXNet") == [Row("MXNet", "out of patience", "error")]


def test_numpy_2(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "numpy", "__version__ = '2.1.0'")
    (row,) = look("MXNet")
    assert row.state == "error" and row.value == "MXNet 1.9.1 needs NumPy 1, but this is NumPy 2.1.0"
    assert row.remedy.endswith("-m pip install 'numpy<2' 'opencv-python-headless<4.12'")
    assert look("GluonCV") == [Row("GluonCV", "needs MXNet, which does not import", "error")]


def test_other_mxnet(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "mxnet", "__version__ = '1.8.0'")
    row = look("MXNet")[0]
    assert row.state == "warn" and "the chapter is tested with 1.9.1" in row.value
    assert row.remedy.endswith("==1.9.1")


def test_opencv_without_libgl_only_warns(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "cv2", "raise ImportError('libGL.so.1: cannot open shared object file')")
    (row,) = look("OpenCV")
    assert row.state == "warn" and "libGL.so.1" in row.value
    assert "pip uninstall -y opencv-python; " in row.remedy and "opencv-python-headless==" in row.remedy


def test_each_missing_library_is_a_row_with_the_one_command(monkeypatch):
    monkeypatch.setattr(probes.libraries, "missing", lambda folder: ["libquadmath.so.0", "libgomp.so.1"])
    monkeypatch.setattr(probes.libraries, "borrow", lambda sonames: {})
    rows = {row.name: row for row in look("system libraries")}
    lost = [rows["libquadmath.so.0"], rows["libgomp.so.1"]]
    assert [(row.value, row.state) for row in lost] == [("not on this system", "error")] * 2
    assert lost[0].remedy == lost[1].remedy and "libquadmath" in lost[0].remedy and "libgomp" in lost[0].remedy
    assert rows["libstdc++.so.6"] == Row("libstdc++.so.6", "loads")


def test_a_library_out_of_another_wheel_is_said(monkeypatch):
    monkeypatch.setattr(probes.libraries, "missing", lambda folder: ["libgomp.so.1"])
    monkeypatch.setattr(probes.libraries, "borrow", lambda sonames: {"libgomp.so.1": Path("some.libs/libgomp-1.so")})
    rows = {row.name: row for row in look("system libraries")}
    assert rows["libgomp.so.1"] == Row("libgomp.so.1", "not on this system, taken from some.libs/libgomp-1.so")


def test_libraries_of_an_mxnet_that_is_not_there(monkeypatch):
    monkeypatch.setattr(probes.libraries, "mxnet_folder", lambda: None)
    assert look("system libraries") == []


def test_cuda_wheels_missing(monkeypatch):
    monkeypatch.setattr(problems, "flavours", lambda: ["mxnet-cu112"])
    monkeypatch.setattr(probes.cuda, "find", lambda: {})
    monkeypatch.setattr(probes.cuda, "loads", lambda name: False)
    (row,) = look("CUDA libraries")
    assert row.state == "error" and "nvidia-cudnn-cu11==8.9.6.50" in row.remedy
    (row,) = look("NVIDIA driver")
    assert row.state == "error" and row.remedy.endswith("pip install mxnet==1.9.1")


def test_data_root_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "nowhere"))
    (row,) = look("data root")
    assert (row.state, row.remedy) == ("error", "unset D2LZH_CV_DATA") and "nowhere" in row.value


def test_data_that_is_there(monkeypatch, tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net.params").touch()
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path))
    rows = {row.name: row.value for row in look("data root")}
    assert rows["data: weights"].startswith("real, ") and "net.params" in rows["data: weights"]
    assert rows["data: pikachu"] == "synthetic"


def test_cache_that_cannot_be_written_to(monkeypatch, tmp_path):
    def denied(**where):
        raise PermissionError(13, "Permission denied")
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "new" / "cache"))
    assert [row.state for row in look("cache")][0] == "ok" and not (tmp_path / "new").exists()
    monkeypatch.setattr(probes.tempfile, "TemporaryFile", denied)
    (row,) = look("cache")
    assert row.state == "error" and "Permission denied" in row.value and "D2LZH_CV_CACHE" in row.remedy


def test_full_disk_warns(monkeypatch):
    monkeypatch.setattr(probes.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 5e8}))
    assert look("cache")[-1] == Row("free space", "0.5 GB", "warn")
