"""Why MXNet cannot be imported here, and what to run: each failure we know as one line."""
from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import sys

from . import _cuda
from .errors import InputError

MXNET = "1.9.1"
FLAVOURS = ("mxnet", "mxnet-cu112", "mxnet-cu110", "mxnet-cu102", "mxnet-cu101", "mxnet-cu100", "mxnet-native")


class SetupError(InputError, ImportError):
    """MXNet cannot be imported here; the text is one line that says why (``problem``) and what to run (``remedy``).

    An ImportError too, so that ``try: import mxnet; except ImportError:`` means what it says.
    """

    def __init__(self, problem: str, remedy: str, advice: str = "run: {}") -> None:
        super().__init__(f"{problem}; {advice.format(remedy)}")
        self.problem, self.remedy = problem, remedy


def version(distribution: str) -> str | None:
    """Return the installed version of a distribution, None if it is not installed."""
    import importlib.metadata  # here: it takes longer than the rest of `import d2lzh_cv`
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def flavours() -> list[str]:
    """Return the MXNet distributions that are installed, such as ``["mxnet"]``; two exclude each other."""
    return [name for name in FLAVOURS if version(name)]


def pip(command: str) -> str:
    """Return the shell command that runs pip for this very interpreter."""
    return f"{shlex.quote(sys.executable or 'python')} -m pip {command}"


def install_system_package(debian: str, others: str) -> str:
    """Return the shell command that installs a system package here, named as in Debian, or as in other systems."""
    tool, name = next(((tool, others) for tool in ("dnf", "yum", "zypper") if shutil.which(tool)), ("apt-get", debian))
    sudo = "sudo " if hasattr(os, "geteuid") and os.geteuid() != 0 else ""
    return f"{sudo}{tool} install -y {name}"


def no_wheel() -> str | None:
    """Return the system's name if MXNet has no wheel for it."""
    system, machine = platform.system(), platform.machine()
    fits = {"Linux": ("x86_64", "aarch64"), "Darwin": ("x86_64",)}
    return None if machine in fits.get(system, ()) else f"{system} on {machine}"


def numpy_problem(reason: str) -> SetupError:
    """NumPy is missing or is NumPy 2; on a Python for which there is no NumPy 1, that is the thing to say."""
    remedy = pip("install 'numpy<2' 'opencv-python-headless<4.12'")  # a newer OpenCV would ask for NumPy 2 again
    return python_too_new() or SetupError(f"MXNet {MXNET} needs NumPy 1, but {reason}", remedy)


def python_too_new() -> SetupError | None:
    """Python 3.13 and newer, for which NumPy 1 has no wheel."""
    if sys.version_info < (3, 13):
        return None
    return SetupError(f"MXNet {MXNET} needs Python 3.9 to 3.12 (this is {_python()}, which has no wheel of NumPy 1)",
                      "python3.11 -m venv .venv && .venv/bin/python -m pip install -c constraints.txt '.[cpu]'")


def not_installed() -> SetupError:
    """There is no module ``mxnet``."""
    if flavours():
        return incomplete()
    if no_wheel():
        return SetupError(f"there is no MXNet {MXNET} for {no_wheel()}", "use Linux, WSL 2 or a Linux container", "{}")
    return python_too_new() or SetupError("MXNet is not installed", pip(f"install mxnet=={MXNET}"))


def two_flavours(found: list[str]) -> SetupError:
    """Two builds of MXNet, which unpack into the same folder."""
    keep = next((name for name in found if name.startswith("mxnet-cu") and _cuda.loads(_cuda.DRIVER)), "mxnet")
    return SetupError(f"{' and '.join(found)} are both installed and have overwritten each other's files",
                      f"{pip('uninstall -y ' + ' '.join(found))} && {pip(f'install {keep}=={MXNET}')}")


def incomplete() -> SetupError:
    """What is left when one of two flavours was uninstalled."""
    name = flavours()[0]
    return SetupError(f"files of {name} are missing",
                      pip(f"install --force-reinstall --no-deps {name}=={version(name)}"))


def without_distutils() -> SetupError:
    """Python 3.12 without setuptools."""
    return SetupError(f"MXNet {MXNET} needs distutils, which Python {_python()} has only with setuptools",
                      pip("install setuptools"))


def without_driver() -> SetupError:
    """A CUDA build on a machine without NVIDIA's driver."""
    name = flavours()[0]
    to_cpu = f"{pip(f'uninstall -y {name}')} && {pip(f'install mxnet=={MXNET}')}"
    return SetupError(f"{name} needs {_cuda.DRIVER} of NVIDIA's driver, which is not here",
                      to_cpu, "install the driver, or to compute on the CPU run: {}")


def explain(text: str) -> SetupError | None:
    """Return the error that says what to run when the loader's message ``text`` is one we know, else None."""
    library = next(iter(re.findall(r"lib[\w+-]+\.so[.\d]*\d", text)), None)
    if library == "libgomp.so.1":
        return SetupError("MXNet needs libgomp.so.1, which is not on this system",
                          install_system_package("libgomp1", "libgomp"))
    if library == _cuda.DRIVER:
        return without_driver()
    if library in _cuda.LIBRARIES:
        return SetupError(f"{flavours()[0]} needs {library}", pip("install " + " ".join(_cuda.missing())))
    return incomplete() if "Cannot find the MXNet library" in text else None


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])
