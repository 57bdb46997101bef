"""Imports are tested in processes of their own: what they change cannot be undone."""
from __future__ import annotations

import _ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from d2lzh_cv.compat import cuda, hook, problems

ROOT = Path(__file__).resolve().parents[2]


def python(code: str, folder: Path | None = None, *flags: str) -> subprocess.CompletedProcess:
    """Run ``code``; packages in ``folder`` come before the installed ones."""
    path = os.pathsep.join(map(str, filter(None, [folder, ROOT])))
    return subprocess.run([sys.executable, *flags, "-c", code], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONPATH": path})


def succeeds(code: str, folder: Path | None = None, *flags: str) -> str:
    """Run ``code``, which must end well, and return what it printed on both streams."""
    child = python(code, folder, *flags)
    assert child.returncode == 0, child.stderr
    return child.stdout + child.stderr


def problem(code: str, folder: Path | None = None) -> str:
    """Run ``code``, which must end in a SetupError, and return the line that says why."""
    child = python(code, folder)
    last = child.stderr.strip().splitlines()[-1]
    assert child.returncode == 1 and last.startswith("d2lzh_cv.compat.problems.SetupError: "), child.stderr
    return last.partition(": ")[2]


def package(folder: Path, name: str, code: str) -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(code)
    return folder


def test_install_is_cheap_and_done_once():
    succeeds("import sys, d2lzh_cv; d2lzh_cv.compat.hook.install()\n"
             "assert not {'mxnet', 'numpy', 'gluoncv'} & set(sys.modules)\n"
             "assert sum(type(finder).__name__ == '_Finder' for finder in sys.meta_path) == 1")


def test_import_by_the_readers_own_cell():
    succeeds("import d2lzh_cv, importlib.util\n"
             "assert importlib.util.find_spec('mxnet').name == 'mxnet'\n"
             "import mxnet as mx, numpy as np\n"
             "assert np.bool is bool and np.float is float and mx.nd.ones(2).sum().asscalar() == 2\n"
             "assert type(mx.__spec__.loader).__name__ == 'SourceFileLoader'")


def test_names_that_numpy_has_stay():
    succeeds("import numpy as np; mine = np.bool_; np.bool = mine\nimport d2lzh_cv, mxnet\nassert np.bool is mine")


def test_import_after_one_that_failed():
    """Without d2lzh_cv.pth a first cell fails on ``import mxnet``; with d2lzh_cv the second one works, to the last."""
    succeeds("import sys, numpy as np\n"
             f"sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, '__module__', 0) != {hook.AT_START!r}]\n"
             "try:\n    import mxnet\nexcept AttributeError:\n    failed = True\n"
             "assert failed\n"
             "import d2lzh_cv, mxnet as mx\n"
             "assert mx.base.MXNetError and mx.gluon.nn.Dense(2) and mx.nd.ones(3).sum().asscalar() == 3")


def test_no_warnings():
    assert succeeds("import d2lzh_cv, mxnet, gluoncv", None, "-W", "always") == ""


@pytest.mark.parametrize("order", ["torch, d2lzh_cv, gluoncv", "d2lzh_cv, torch, gluoncv", "d2lzh_cv, gluoncv, torch"])
def test_gluoncv_leaves_torch_alone(order, tmp_path):
    package(tmp_path, "torch", "__version__ = '2.13.0'\nclass Tensor: pass")  # SciPy looks for the class
    succeeds(f"import sys\nif {order.startswith('torch')}: import torch as before\n"
             f"import {order}\nimport gluoncv.model_zoo\n"
             "assert sys.modules['torch'] is torch and torch.__version__ == '2.13.0'\n"
             "assert 'before' not in globals() or before is torch", tmp_path)


def test_gluoncv_does_not_import_torch(tmp_path):
    package(tmp_path, "torch", "raise RuntimeError('imported')")
    succeeds("import d2lzh_cv, gluoncv, sys; assert 'torch' not in sys.modules", tmp_path)


def test_gluoncv_beside_the_real_torch():
    pytest.importorskip("torch")
    succeeds("import torch; mine = torch; import d2lzh_cv, gluoncv, torch\n"
             "assert torch is mine and torch.ones(2).sum() == 2")


def test_gluoncv_without_libgl(tmp_path):
    package(tmp_path, "cv2", "raise ImportError('libGL.so.1: cannot open shared object file')")
    succeeds("import d2lzh_cv, gluoncv.model_zoo as zoo, mxnet as mx\n"
             "net = zoo.get_model('cifar_resnet20_v1', classes=3); net.initialize()\n"
             "assert net(mx.nd.ones((1, 3, 32, 32))).shape == (1, 3)", tmp_path)


def test_gluoncv_does_not_hide_pictures_that_are_cut_off():
    succeeds("import d2lzh_cv, gluoncv.model_zoo\n"
             "from PIL import ImageFile; assert not ImageFile.LOAD_TRUNCATED_IMAGES")


def test_gluoncv_says_what_is_wrong_with_mxnet(tmp_path):
    package(tmp_path, "numpy", "__version__ = '2.1.0'")
    assert "this is NumPy 2.1.0" in problem("import d2lzh_cv, gluoncv", tmp_path)


def test_numpy_2(tmp_path):
    package(tmp_path, "numpy", "__version__ = '2.1.0'")
    line = problem("import d2lzh_cv, mxnet", tmp_path)
    assert line.startswith("MXNet 1.9.1 needs NumPy 1, but this is NumPy 2.1.0; run: ")
    assert line.endswith("-m pip install 'numpy<2' 'opencv-python-headless<4.12'")


def test_problems_are_import_errors_and_input_errors(tmp_path):
    package(tmp_path, "numpy", "__version__ = '2.1.0'")
    succeeds("import d2lzh_cv\nfor kind in (ImportError, d2lzh_cv.InputError):\n"
             "    try:\n        import mxnet\n    except kind:\n        caught = kind\n"
             "assert caught is d2lzh_cv.InputError", tmp_path)


def test_numpy_missing(tmp_path):
    package(tmp_path, "numpy", "raise ImportError('broken')")
    assert "NumPy does not import (broken)" in problem("import d2lzh_cv, mxnet", tmp_path)


FAILING = [("libgomp.so.1", "MXNet needs libgomp.so.1, which is not on this system; run: .*install -y libgomp1?"),
           ("libcuda.so.1", "mxnet needs libcuda.so.1 of NVIDIA's driver.*the driver, or .*run: .*mxnet==1.9.1"),
           ("libcufft.so.10", "mxnet needs libcufft.so.10; run: .*pip install .*nvidia-cufft-cu11==10.9.0.58( .*)?")]


@pytest.mark.parametrize("library, line", FAILING)
def test_library_missing(library, line, tmp_path):
    package(tmp_path, "mxnet", f"raise OSError('{library}: cannot open shared object file: No such file or directory')")
    code = "import d2lzh_cv; d2lzh_cv.compat.problems.flavours = lambda: ['mxnet']; import mxnet"
    assert re.fullmatch(line, problem(code, tmp_path))


def test_unknown_errors_pass_as_they_are(tmp_path):
    package(tmp_path, "mxnet", "raise OSError('disk on fire')")
    assert python("import d2lzh_cv, mxnet", tmp_path).stderr.strip().endswith("\nOSError: disk on fire")


def test_two_flavours(tmp_path):
    for name in ("mxnet", "mxnet_cu112"):
        (tmp_path / f"{name}-1.9.1.dist-info").mkdir()
        (tmp_path / f"{name}-1.9.1.dist-info" / "METADATA").write_text(f"Name: {name}\nVersion: 1.9.1\n")
    line = problem("import d2lzh_cv; d2lzh_cv.compat.cuda.loads = lambda name: False; import mxnet", tmp_path)
    assert line.startswith("mxnet and mxnet-cu112 are both installed and have overwritten each other's files; run: ")
    assert re.search("pip uninstall -y mxnet mxnet-cu112 && .*pip install mxnet==1.9.1$", line)


def test_cuda_build_without_driver():
    line = problem("import d2lzh_cv; d2lzh_cv.compat.problems.flavours = lambda: ['mxnet-cu112']\n"
                   "d2lzh_cv.compat.cuda.loads = lambda name: False; import mxnet")
    assert line.startswith("mxnet-cu112 needs libcuda.so.1 of NVIDIA's driver, which is not on this system; "
                           "install the driver")
    assert re.search("pip uninstall -y mxnet-cu112 && .*pip install mxnet==1.9.1$", line)


HIDDEN = "import sys, d2lzh_cv; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"


def test_not_installed():
    line = problem(HIDDEN + "d2lzh_cv.compat.problems.flavours = lambda: []; import mxnet")
    assert re.fullmatch("MXNet is not installed; run: .*pip install mxnet==1.9.1", line)


def test_folder_left_by_an_uninstall(tmp_path):
    (tmp_path / "mxnet" / "__pycache__").mkdir(parents=True)
    line = problem(HIDDEN + "d2lzh_cv.compat.problems.version = lambda name: {'mxnet': '1.9.1'}.get(name); "
                   "import mxnet", tmp_path)
    assert line.startswith("files of mxnet are missing; run: ")
    assert line.endswith("pip install --force-reinstall --no-deps mxnet==1.9.1")


def test_python_3_13():
    line = problem(HIDDEN + "d2lzh_cv.compat.problems.flavours = lambda: []; sys.version_info = (3, 13, 0); "
                   "import mxnet")
    assert line.startswith("MXNet 1.9.1 needs Python 3.9 to 3.12 (this is ")
    assert "run: python3.11 -m venv .venv && " in line


def test_distutils_out_of_setuptools():
    succeeds("import sys; sys.modules['distutils'] = None\nimport d2lzh_cv, mxnet\n"
             "from distutils.version import LooseVersion\n"
             "assert sys.modules['distutils'].__name__ in ('setuptools._distutils', 'distutils')\n"
             "assert LooseVersion('1.10') > LooseVersion('1.9')", None, "-W", "ignore")


def test_no_distutils_at_all():
    line = problem("import sys; sys.modules['distutils'] = sys.modules['setuptools'] = None\nimport d2lzh_cv, mxnet")
    assert line.startswith("MXNet 1.9.1 needs distutils") and line.endswith("-m pip install setuptools")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/maps")
def test_cuda_libraries_are_preloaded_out_of_the_wheels(tmp_path):
    library = _ctypes.__file__  # any that loads
    for name in ("cudnn/lib/libcudnn.so.8", "cuda_runtime/lib/libcudart.so.11.0"):
        (tmp_path / "nvidia" / name).parent.mkdir(parents=True)
        shutil.copy(library, tmp_path / "nvidia" / name)
    (tmp_path / "nvidia" / "__init__.py").touch()  # or an installed package of the name would come first
    succeeds("from d2lzh_cv.compat import cuda\nassert list(cuda.find()) == ['libcudart.so.11.0', 'libcudnn.so.8']\n"
             "cuda.preload()\nmaps = open('/proc/self/maps').read()\n"
             "assert all(str(path) in maps for path in cuda.find().values())", tmp_path)


def test_a_library_that_does_not_load_is_no_reason_to_stop(tmp_path):
    (tmp_path / "nvidia" / "nccl" / "lib").mkdir(parents=True)
    (tmp_path / "nvidia" / "nccl" / "lib" / "libnccl.so.2").write_text("cut off")
    (tmp_path / "nvidia" / "__init__.py").touch()
    succeeds("from d2lzh_cv.compat import cuda; assert cuda.find(); cuda.preload()", tmp_path)


def test_the_wheels_are_those_of_setup_py():
    pins = re.findall(r'"(nvidia-[\w-]+==[\w.]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))
    assert set(pins) == set(cuda.LIBRARIES.values())


def test_system_package_command(monkeypatch):
    monkeypatch.setattr(problems.shutil, "which", lambda tool: None)
    monkeypatch.setattr(problems.os, "geteuid", lambda: 1000)
    assert problems.install_system_package("libgomp1", "libgomp") == "sudo apt-get install -y libgomp1"
    monkeypatch.setattr(problems.shutil, "which", lambda tool: tool == "dnf")
    monkeypatch.setattr(problems.os, "geteuid", lambda: 0)
    assert problems.install_system_package("libgomp1", "libgomp") == "dnf install -y libgomp"


def test_threads_and_workspaces_are_the_readers_or_one_per_core_and_one(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MXNET_CPU_TEMP_COPY", "2")
    code = "import d2lzh_cv, mxnet, os; print(os.environ['OMP_NUM_THREADS'], os.environ['MXNET_CPU_TEMP_COPY'])"
    assert succeeds(code) == "3 2\n"
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.delenv("MXNET_CPU_TEMP_COPY")
    threads, workspaces = map(int, succeeds(code).split())
    assert 1 <= threads <= os.cpu_count() and workspaces == 1


def test_hyperthreads_count_once(monkeypatch):
    monkeypatch.setattr(hook.os, "sched_getaffinity", lambda pid: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(hook.Path, "is_file", lambda path: True)
    monkeypatch.setattr(hook.Path, "read_text", lambda path: "0,2" if path.parts[-3] in ("cpu0", "cpu2") else "1,3")
    assert hook._cores() == 2
