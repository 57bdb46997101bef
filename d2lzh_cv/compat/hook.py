"""Import MXNet 1.9.1 and GluonCV 0.10.5 on today's machines; only this module knows how.

``install()`` puts a finder in front of Python's own. When this package or a reader's cell imports ``mxnet`` or
``gluoncv``, the finder prepares the import, and turns known failures into one line.
"""
from __future__ import annotations

import contextlib
import ctypes
import importlib.machinery
import importlib.util
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

from ..errors import InputError
from . import cuda, later, operators, problems

AT_START = "d2lzh_cv_startup"  # __name__ of the code in d2lzh_cv.pth, see startup.py
ALIASES = {"bool": bool, "int": int, "float": float, "complex": complex, "object": object, "str": str}
SECONDS, KNOWN = 120, 2  # the time limit of check()'s process, and its exit code for a known failure

prepared_at_start = any(getattr(finder, "__module__", None) == AT_START for finder in sys.meta_path)
_then: list[Callable[[], None]] = []


def install(then: Callable[[], None] | None = None) -> None:
    """Prepare the later imports of MXNet and GluonCV. Fast; imports neither of them and never raises.

    Args:
        then: called after each of their imports, and at once if MXNet is already imported.
    """
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__module__", None) != AT_START]
    if then is not None:
        _then.append(then)
        if hasattr(sys.modules.get("mxnet"), "gluon"):
            then()
    if not any((type(finder).__module__, type(finder).__name__) == (__name__, "_Finder") for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
        # A reader cannot change the code of MXNet that causes these warnings.
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"(mxnet|gluoncv)(\.|$)")


def find_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Find ``mxnet`` or ``gluoncv`` for the finder in d2lzh_cv.pth, which the finder of this module has replaced."""
    import importlib.util
    return importlib.util.find_spec(name)


class _Finder:
    """A finder that asks the other finders and wraps their loader."""

    def find_spec(self, name: str, path=None, target=None) -> importlib.machinery.ModuleSpec | None:
        if name not in _AROUND:
            return None
        spec = next(filter(None, (other.find_spec(name, path, target) for other in sys.meta_path
                                  if other is not self and hasattr(other, "find_spec"))), None)
        if spec is not None and spec.origin is not None:  # a folder without __init__.py has no origin
            spec.loader = _Loader(spec.loader, _AROUND[name])
        elif name == "mxnet":
            raise problems.not_installed()
        return spec


class _Loader:
    """The real loader, with preparations around the module's execution."""

    def __init__(self, real, around: Callable[[ModuleType], AbstractContextManager]) -> None:
        self.real, self.around = real, around

    def create_module(self, spec):
        return self.real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self.real
        with self.around(module):
            self.real.exec_module(module)
        if module.__name__ in ("mxnet", "gluoncv"):
            for then in _then:
                then()

    def __getattr__(self, name: str):
        return getattr(self.real, name)


@contextlib.contextmanager
def _around_mxnet(module: ModuleType) -> Iterator[None]:
    installed = problems.flavours()
    if len(installed) > 1:
        raise problems.two_flavours(installed)
    _prepare_numpy()
    _prepare_distutils()
    _prepare_threads()  # before the libraries: libgomp reads its settings when it is loaded
    _prepare_cuda()
    from . import libraries  # here: `import d2lzh_cv` does not need it
    libraries.prepare(Path(module.__file__).parent)
    _forget(module)
    try:
        with _quietly(), later.imported_later(), operators.garbage_kept():
            yield
    except (OSError, RuntimeError) as error:  # RuntimeError: libinfo.py does not find libmxnet.so
        problem = problems.explain(str(error))
        if problem is None:
            raise
        raise problem from error


@contextlib.contextmanager
def _around_gluoncv(module: ModuleType) -> Iterator[None]:
    import mxnet  # noqa: F401  (first, because GluonCV would hide an error of this import)
    from PIL import ImageFile
    truncated = ImageFile.LOAD_TRUNCATED_IMAGES
    _forget(module)
    try:
        with _quietly():
            yield
    finally:  # GluonCV sets it to True, and then Pillow reports no cut-off picture in the whole process
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated


@contextlib.contextmanager
def _around_gluoncv_check(module: ModuleType) -> Iterator[None]:
    yield
    module._require_pytorch_version = _without_torch


def _without_torch(*_versions: str) -> None:
    """Replace GluonCV's check, which refuses PyTorch 2: the MXNet half of GluonCV does not use PyTorch."""
    raise ImportError("d2lzh_cv uses the MXNet half of GluonCV")


_AROUND = {"mxnet": _around_mxnet, "mxnet.ndarray.register": operators.compiled_when_called,
           "mxnet.symbol.register": operators.compiled_when_called,
           "gluoncv": _around_gluoncv, "gluoncv.check": _around_gluoncv_check}


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    with warnings.catch_warnings():
        for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning, SyntaxWarning):
            warnings.simplefilter("ignore", category)
        yield


def _forget(module: ModuleType) -> None:
    """Drop the submodules of an earlier failed import: Python would find them, but not set them as attributes."""
    for name in [name for name in sys.modules if name.startswith(f"{module.__name__}.")]:
        del sys.modules[name]


def _prepare_numpy() -> None:
    """Restore the names that MXNet uses and NumPy 1.24 removed."""
    try:
        import numpy as np
    except ImportError as error:
        raise problems.numpy_problem(f"NumPy does not import ({error})") from error
    if int(np.__version__.split(".")[0]) >= 2:
        raise problems.numpy_problem(f"this is NumPy {np.__version__}")
    for name, value in ALIASES.items():
        if name not in np.__dict__:  # hasattr() would warn
            setattr(np, name, value)


def _prepare_distutils() -> None:
    """Take distutils from setuptools on Python 3.12, which has none."""
    with contextlib.suppress(ImportError), _quietly():
        import distutils.version  # noqa: F401
        return
    try:
        import setuptools._distutils as distutils
    except ImportError as error:
        raise problems.without_distutils() from error
    sys.modules["distutils"] = distutils


def _prepare_threads() -> None:
    """Use one thread per core and one workspace; MXNet would use half of the processors and four workspaces."""
    os.environ.setdefault("OMP_NUM_THREADS", str(_cores()))
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # on a busy machine, threads that spin slow each other down
    # One workspace, not four that operators take in turn: TinySSD's step needs 1.9 GB in place of 2.3. It costs no
    # time, because MXNet runs one operator of a device after another.
    os.environ.setdefault("MXNET_CPU_TEMP_COPY", "1")


def _cores() -> int:
    """Return the number of physical cores that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return max(1, (os.cpu_count() or 1) // 2)
    siblings = set()
    for processor in os.sched_getaffinity(0):
        file = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
        siblings.add(file.read_text() if file.is_file() else processor)
    return len(siblings)


def _prepare_cuda() -> None:
    if any(name.startswith("mxnet-cu") for name in problems.flavours()):
        if not cuda.loads(cuda.DRIVER):
            raise problems.without_driver()
        # MXNet was built with an older cuDNN 8 and would warn in every process; the newer one of the wheels fits.
        os.environ.setdefault("MXNET_CUDNN_LIB_CHECKING", "0")
        cuda.preload()


def check(environment: dict[str, str]) -> None:
    """Check in a separate process with ``environment`` that MXNet imports; this takes about half a second.

    Raises:
        InputError: MXNet does not import; the text says why and what to run.
    """
    import subprocess  # here: `import d2lzh_cv` does not need it
    command = [sys.executable, "-c", "from d2lzh_cv.compat import hook; hook._answer()"]
    try:
        child = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                               errors="replace", env={**environment, "PYTHONIOENCODING": "utf-8"}, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        reason = f"no answer within {SECONDS} s"
    else:
        if child.returncode == 0:
            return
        reason = problems.last_words(child)
        if child.returncode == KNOWN:
            raise InputError(reason)
    raise InputError(f"MXNet does not import: {reason}; to see what is wrong run: d2lzh-cv doctor")


def _answer() -> None:
    """Run in the child process of :func:`check`."""
    try:
        _load_mxnet()
    except InputError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(KNOWN)


def _load_mxnet() -> None:
    """Load MXNet's library as its import does; the import's Python part takes seconds and does not fail."""
    spec = importlib.util.find_spec("mxnet")
    library = Path(spec.origin).with_name("libmxnet.so")
    if library.is_file() and "MXNET_LIBRARY_PATH" not in os.environ:
        with _around_mxnet(importlib.util.module_from_spec(spec)):
            ctypes.CDLL(str(library))
    else:  # another kind of build: only the import itself finds its library
        import mxnet  # noqa: F401
