"""The system's libraries that MXNet's own libraries need: which they are, which are missing here, and what helps.

``python -m d2lzh_cv.compat.libraries`` says in one line what is missing; with ``--install``, as ``make``
calls it, root gets it installed where the package manager is apt-get.
"""
from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..errors import InputError
from . import cuda, elf, problems

_BORROWED: dict[str, Path] = {}  # soname: the file out of another wheel that this process has loaded in its place


def mxnet_folder() -> Path | None:
    """Return the folder of the package ``mxnet``, None if it is not installed. Imports nothing."""
    try:
        spec = importlib.util.find_spec("mxnet")
    except ImportError:
        return None
    return Path(spec.origin).parent if spec and spec.origin else None


def needed(folder: Path) -> list[str]:
    """Return the sonames that the libraries in ``folder`` need from the system, as their ELF headers say, sorted.

    What stands in the folder itself is not among them, and nothing of NVIDIA's, which :mod:`d2lzh_cv.compat.cuda`
    knows; what the libraries out of NVIDIA's wheels need is.

    Raises:
        SetupError: a library in the folder is damaged.
    """
    if not sys.platform.startswith("linux"):
        return []
    files = [*sorted(folder.glob("*.so*")), *cuda.find().values()]
    try:
        wanted = {name for file in files for name in elf.read(file).needed if not file.with_name(name).exists()}
    except InputError as error:
        raise problems.damaged(str(error)) from error
    return sorted(wanted - set(cuda.LIBRARIES) - {cuda.DRIVER})


def missing(folder: Path) -> list[str]:
    """Return the sonames that the libraries in ``folder`` need and the system's loader does not find.

    Where the loader finds a library but not one that this library needs, the latter is named. What is found is loaded
    into this process.
    """
    return list(dict.fromkeys(filter(None, map(_lost, needed(folder)))))


def _lost(soname: str) -> str | None:
    """Return the library that keeps ``soname`` from loading, None if it loads."""
    try:
        ctypes.CDLL(soname)
    except OSError as error:
        return problems.lost_library(str(error)) or soname
    return None


def prepare(folder: Path) -> None:
    """Make the libraries loadable that MXNet in ``folder`` needs.

    Raises:
        SetupError: the system lacks some of them; the text names all, and one command.
    """
    lost = missing(folder)
    if lost and not borrow(lost):
        raise problems.missing_libraries(lost)


def borrow(sonames: Iterable[str]) -> dict[str, Path]:
    """Load the libraries ``sonames`` out of other wheels, if these hold all of them.

    A wheel such as NumPy's has its own copy of a compiler's library, unchanged but for its soname, to which a hash was
    added. The loader knows a loaded library by its soname, so a temporary copy gets the common one back.

    Returns:
        The files by soname; empty if one of them is in no wheel or does not load.
    """
    choices = {soname: carriers(soname) for soname in sonames}
    if not all(choices.values()):  # one that no wheel holds needs root anyway, and then all of them come that way
        return {}
    found = {}
    for soname, files in choices.items():
        file = next((file for file in files if _load_as(soname, file)), None)
        if file is None:
            return {}
        found[soname] = file
    _BORROWED.update(found)
    return found


def borrowed() -> dict[str, Path]:
    """Return what :func:`borrow` has loaded in this process: soname → file."""
    return dict(_BORROWED)


def carriers(soname: str) -> list[Path]:
    """Return the files of installed wheels that are the library ``soname``, those that kept its name first."""
    stem = soname.partition(".so")[0]
    folders = dict.fromkeys(Path(sysconfig.get_path(scheme)) for scheme in ("platlib", "purelib"))
    return [file for pattern in (f"*/lib/{soname}", f"*.libs/{stem}-*.so*")
            for folder in folders for file in sorted(folder.glob(pattern))]


def _load_as(soname: str, file: Path) -> bool:
    """Load ``file`` under the name ``soname``; return whether the loader knows it by that name now."""
    try:
        if elf.read(file).soname == soname:
            ctypes.CDLL(str(file))
        else:
            with tempfile.NamedTemporaryFile(prefix=f"{soname}.") as copy:
                copy.write(elf.renamed(file, soname))
                copy.flush()
                ctypes.CDLL(copy.name)  # which outlives the file's name
    except (InputError, OSError):  # not such a library after all, or no place from which a copy may be loaded
        return False
    return _lost(soname) is None


def install(lost: list[str]) -> None:
    """Install the packages that hold the libraries ``lost``: as root, where there is apt-get.

    Raises:
        SetupError: that cannot be done here, or did not help; the text is the line for the user.
    """
    problem = problems.missing_libraries(lost)
    packages = [problems.PACKAGES[name][0] for name in lost if name in problems.PACKAGES]
    if not packages or not problems.is_root() or not shutil.which("apt-get"):
        raise problem
    print(f"MXNet needs {problems.enumerate_words(lost)}: apt-get install -y {' '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment)  # what went wrong shows in the next
    subprocess.run(["apt-get", "install", "-y", "-qq", *packages], env=environment)
    if any(map(_lost, lost)):
        raise problem


def main(argv: list[str]) -> int:
    """Do what the module's text says; return 0 if MXNet finds all its libraries, else 2."""
    folder = mxnet_folder()
    try:
        lost = missing(folder) if folder else []
        if lost and not borrow(lost):
            if "--install" not in argv:
                raise problems.missing_libraries(lost)
            install(lost)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
