"""`import mxnet` before `import d2lzh_cv`, in real installations: a wheel, an editable one, none of ours left."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import mxnet
import pytest

from d2lzh_cv.commands import probes
from d2lzh_cv.compat import hook

ROOT = Path(__file__).resolve().parents[2]
BUILD = "from setuptools import build_meta; build_meta.{}('wheels')"


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of what is built, since building writes beside it."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    for name in ("d2lzh_cv", "chapters"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module", params=["build_wheel", "build_editable"])
def wheel(request, project) -> Path:
    made = subprocess.run([sys.executable, "-c", BUILD.format(request.param)], cwd=project, capture_output=True,
                          text=True, timeout=300)
    assert made.returncode == 0, made.stderr
    return max((project / "wheels").glob("*.whl"), key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """The site-packages of a new environment, which all tests of a wheel share."""
    return make_environment(wheel, tmp_path_factory.mktemp("environment"))


def make_environment(wheel: Path, folder: Path) -> Path:
    """Make an environment in ``folder``: the wheel, and a path to the libraries installed here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True, timeout=120)
    site = next((folder / "venv").glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "zz_libraries.pth").write_text(f"{Path(mxnet.__file__).parents[1]}\n")
    return site


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the environment's Python outside the checkout."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([str(site.parents[2] / "bin" / "python"), *arguments], capture_output=True, text=True,
                          timeout=300, env=environ, cwd=site.parents[3])


def prints(site: Path, *arguments: str) -> str:
    """Run the environment's Python, which must end well, and return what it printed on both streams."""
    done = python(site, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


FIRST = ["import mxnet", "import numpy, mxnet", "import gluoncv, mxnet", "from mxnet import nd; import mxnet",
         "import importlib, importlib.util; assert importlib.util.find_spec('mxnet')\n"
         "mxnet = importlib.import_module('mxnet')"]


@pytest.mark.parametrize("wheel, first", [*(("build_wheel", first) for first in FIRST), ("build_editable", FIRST[0])],
                         indirect=["wheel"])
def test_mxnet_first(environment, first):
    code = (f"{first}\nimport sys, d2lzh_cv as d2l, numpy as np\n"
            "assert mxnet.nd.ones(3).sum().asscalar() == 3 and np.bool is bool\n"
            "assert type(d2l.try_gpu()).__name__ == 'Context'\n"
            "assert hasattr(mxnet.gluon.utils.download, '__wrapped__')\n"
            "names = [getattr(finder, '__name__', type(finder).__name__) for finder in sys.meta_path]\n"
            "assert names.count('_Finder') == 1 and 'ImportsOursFirst' not in names, names\n")
    assert prints(environment, "-W", "ignore", "-c", code) == ""


def test_nothing_is_imported_until_then(environment):
    code = ("import sys, json\n"
            "print(*[name for name in sys.modules if name.partition('.')[0] in ('d2lzh_cv', 'mxnet', 'numpy')])\n"
            "print(sum(getattr(f, '__name__', '') == 'ImportsOursFirst' for f in sys.meta_path))")
    assert prints(environment, "-c", code) == "\n1\n"
    assert prints(environment, "-I", "-c", "import mxnet; print(mxnet.__version__)") == "1.9.1\n"
    assert prints(environment, "-S", "-c", "import sys; print(len(sys.meta_path))") == "3\n"


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "one file"])
def test_what_is_left_of_a_removed_package_disturbs_nothing(wheel, left, tmp_path):
    """MXNet is then as it is without us: here a package of the same name, which needs none of our help."""
    environment = make_environment(wheel, tmp_path)
    for path in [*environment.glob("d2lzh_cv*"), *environment.glob("__editable__*")]:
        if path.name != "d2lzh_cv.pth":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if left != "nothing":
        (environment / "d2lzh_cv").mkdir()
    if left == "one file":
        (environment / "d2lzh_cv" / "__init__.py").write_text("from . import _compat\n")
    (environment / "mxnet").mkdir()
    (environment / "mxnet" / "__init__.py").write_text("theirs = 1")
    assert prints(environment, "-c", "import sys") == ""
    assert prints(environment, "-c", "import mxnet; print(mxnet.theirs)") == "1\n"


def test_the_wheel_owns_the_file_so_that_pip_removes_it(environment):
    record, = environment.glob("d2lzh_cv-*.dist-info/RECORD")
    assert any(line.startswith("d2lzh_cv.pth,sha256=") for line in record.read_text().splitlines())
    line, = (environment / "d2lzh_cv.pth").read_text(encoding="ascii").splitlines()
    assert line.startswith("import sys; ")


def test_doctor_tells(environment, monkeypatch):
    code = ("from d2lzh_cv.commands import probes\n"
            "print(*[row.state + ' ' + row.value for row in probes._mxnet_first()])")
    assert prints(environment, "-c", code) == "ok works: d2lzh_cv.pth prepares it when Python starts\n"
    monkeypatch.setattr(hook, "prepared_at_start", False)
    row, = probes._mxnet_first()
    assert row.state == "warn" and row.value.endswith("import d2lzh_cv before mxnet")
    assert f"install --no-deps --no-build-isolation -e {ROOT}" in row.remedy


def test_the_source_distribution_builds_the_same(project, tmp_path):
    made = subprocess.run([sys.executable, "-c", "from setuptools import build_meta\n"
                           f"build_meta.build_sdist({str(tmp_path)!r})"], cwd=project, capture_output=True, text=True,
                          timeout=300)
    assert made.returncode == 0, made.stderr
    shutil.unpack_archive(str(next(tmp_path.glob("*.tar.gz"))), str(tmp_path / "sources"))
    source, = (tmp_path / "sources").iterdir()
    subprocess.run([sys.executable, "-c", BUILD.format("build_wheel")], cwd=source, check=True, capture_output=True,
                   timeout=300)
    with zipfile.ZipFile(next((source / "wheels").glob("*.whl"))) as archive:
        assert "d2lzh_cv.pth" in archive.namelist() and "d2lzh_cv/compat/startup.py" in archive.namelist()
