"""The known reasons why MXNet cannot be imported, each as one line with the command to run."""
from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import signal
import sys
from typing import TYPE_CHECKING

from ..errors import InputError
from . import cuda
from .versions import MXNET

if TYPE_CHECKING:
    import subprocess

# soname: its package in Debian and Ubuntu, in Fedora and Red Hat, in SUSE
PACKAGES = {
    "libgomp.so.1": ("libgomp1", "libgomp", "libgomp1"),
    "libquadmath.so.0": ("libquadmath0", "libquadmath", "libquadmath0"),
    "libstdc++.so.6": ("libstdc++6", "libstdc++", "libstdc++6"),
    "libgcc_s.so.1": ("libgcc-s1", "libgcc", "libgcc_s1"),
    "libz.so.1": ("zlib1g", "zlib", "libz1"),
}
ARM = ("libarmpl_lp64_mp.so", "libamath.so", "libastring.so")  # Arm Performance Libraries: the aarch64 wheel needs them
FLAVOURS = ("mxnet", "mxnet-cu112", "mxnet-cu110", "mxnet-cu102", "mxnet-cu101", "mxnet-cu100", "mxnet-native")


class SetupError(InputError, ImportError):
    """MXNet cannot be imported; the text is one line with the reason and the command to run.

    It is an ImportError too, so that ``try: import mxnet; except ImportError:`` works.

    Args:
        problem: the reason.
        remedy: the command to run.
        advice: the format of the remedy in the text.
    """

    def __init__(self, problem: str, remedy: str, advice: str = "run: {}") -> None:
        super().__init__(f"{problem}; {advice.format(remedy)}")
        self.problem, self.remedy = problem, remedy


def version(distribution: str) -> str | None:
    """Return the installed version of ``distribution``, None if it is not installed."""
    import importlib.metadata  # here: it takes longer than the rest of `import d2lzh_cv`
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def flavours() -> list[str]:
    """Return the installed MXNet distributions, such as ``["mxnet"]``; more than one is an error."""
    return [name for name in FLAVOURS if version(name)]


def pip(command: str) -> str:
    """Return the shell command that runs pip with this interpreter."""
    return f"{shlex.quote(sys.executable or 'python')} -m pip {command}"


def install_system_package(debian: str, others: str, suse: str | None = None) -> str:
    """Return the shell command that installs system packages here.

    Args:
        debian, others, suse: the names of the packages in Debian, in other systems, and in SUSE if they differ there.
    """
    tool = next(filter(shutil.which, ("apt-get", "dnf", "yum", "zypper")), "apt-get")
    names = {"apt-get": debian, "zypper": suse or others}.get(tool, others)
    return f"{'' if is_root() else 'sudo '}{tool} install -y {names}"


def is_root() -> bool:
    """Return whether this process may install system packages."""
    return not hasattr(os, "geteuid") or os.geteuid() == 0


def missing_libraries(sonames: list[str]) -> SetupError:
    """Return the error for missing system libraries ``sonames``: one line and one command for all."""
    problem = f"MXNet needs {enumerate_words(sonames)}, which {'is' if len(sonames) == 1 else 'are'} not on this system"
    packages = [PACKAGES[name] for name in sonames if name in PACKAGES]
    others = [name for name in sonames if name not in PACKAGES]
    by_hand = "install Arm Performance Libraries, or use a machine with an x86-64 processor" \
        if set(others) & set(ARM) else f"install the package that holds {enumerate_words(others)}"
    if not packages:
        return SetupError(problem, by_hand, "{}")
    command = install_system_package(*(" ".join(dict.fromkeys(names)) for names in zip(*packages)))
    advice = "run: {}"
    if command.startswith("sudo ") and not shutil.which("sudo"):
        command, advice = command[len("sudo "):], "run as root: {}"
    return SetupError(problem, command, f"{by_hand}, and {advice}" if others else advice)


def enumerate_words(words: list[str]) -> str:
    """Join ``words`` as in "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def no_wheel() -> str | None:
    """Return the name of this system if MXNet has no wheel for it, else None."""
    system, machine = platform.system(), platform.machine()
    fits = {"Linux": ("x86_64", "aarch64"), "Darwin": ("x86_64",)}
    return None if machine in fits.get(system, ()) else f"{system} on {machine}"


def numpy_problem(reason: str) -> SetupError:
    """Return the error for a missing NumPy or NumPy 2; on a Python without NumPy 1, the error for that Python."""
    remedy = pip("install 'numpy<2' 'opencv-python-headless<4.12'")  # a newer OpenCV needs NumPy 2
    return python_too_new() or SetupError(f"MXNet {MXNET} needs NumPy 1, but {reason}", remedy)


def python_too_new() -> SetupError | None:
    """Return the error for Python 3.13 or newer, which has no wheel of NumPy 1; else None."""
    if sys.version_info < (3, 13):
        return None
    return SetupError(f"MXNet {MXNET} needs Python 3.9 to 3.12 (this is {_python()}, which has no wheel of NumPy 1)",
                      "python3.11 -m venv .venv && .venv/bin/python -m pip install -c constraints.txt '.[cpu]'")


def not_installed() -> SetupError:
    """Return the error for a missing module ``mxnet``."""
    if flavours():
        return incomplete()
    if no_wheel():
        return SetupError(f"there is no MXNet {MXNET} for {no_wheel()}", "use Linux, WSL 2 or a Linux container", "{}")
    return python_too_new() or SetupError("MXNet is not installed", pip(f"install mxnet=={MXNET}"))


def two_flavours(found: list[str]) -> SetupError:
    """Return the error for two builds of MXNet, ``found``, which overwrite each other's files."""
    keep = next((name for name in found if name.startswith("mxnet-cu") and cuda.loads(cuda.DRIVER)), "mxnet")
    return SetupError(f"{' and '.join(found)} are both installed and have overwritten each other's files",
                      f"{pip('uninstall -y ' + ' '.join(found))} && {pip(f'install {keep}=={MXNET}')}")


def incomplete() -> SetupError:
    """Return the error for missing files of MXNet, as after two builds were installed and one was removed."""
    return damaged(f"files of {flavours()[0]} are missing")


def damaged(problem: str) -> SetupError:
    """Return the error for damaged files of MXNet, as ``problem`` says."""
    name = next(iter(flavours()), "mxnet")
    return SetupError(problem, pip(f"install --force-reinstall --no-deps {name}=={version(name) or MXNET}"))


def without_distutils() -> SetupError:
    """Return the error for Python 3.12 without setuptools."""
    return SetupError(f"MXNet {MXNET} needs distutils, which Python {_python()} has only with setuptools",
                      pip("install setuptools"))


def without_driver() -> SetupError:
    """Return the error for a CUDA build on a machine without NVIDIA's driver."""
    name = flavours()[0]
    to_cpu = f"{pip(f'uninstall -y {name}')} && {pip(f'install mxnet=={MXNET}')}"
    return SetupError(f"{name} needs {cuda.DRIVER} of NVIDIA's driver, which is not on this system",
                      to_cpu, "install the driver, or to compute on the CPU run: {}")


def lost_library(text: str) -> str | None:
    """Return the soname of the missing library in the loader's message ``text``, None if there is none."""
    match = re.search(r"(lib[\w+.-]+\.so[.\d]*): cannot open shared object file", text)
    return match.group(1) if match else None


def explain(text: str) -> SetupError | None:
    """Return the error for the loader's message ``text``, None if the message is not a known one."""
    library = next(iter(re.findall(r"lib[\w+-]+\.so[.\d]*\d", text)), None)
    if library == cuda.DRIVER:
        return without_driver()
    if library in cuda.LIBRARIES:
        return SetupError(f"{flavours()[0]} needs {library}", pip("install " + " ".join(cuda.missing())))
    if lost_library(text):
        return missing_libraries([lost_library(text)])
    return incomplete() if "Cannot find the MXNet library" in text else None


def last_words(child: subprocess.CompletedProcess) -> str:
    """Return one line that says why the child process failed."""
    if child.returncode < 0:
        return f"crashed ({signal.Signals(-child.returncode).name})"
    return (child.stderr.strip().splitlines() or [f"ended with exit code {child.returncode}"])[-1]


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])
