"""The system libraries that MXNet's libraries need: find the missing ones and a way to get them.

``python -m d2lzh_cv.compat.libraries`` prints the missing ones in one line. With ``--install``, as ``make`` calls it,
it installs them if the user is root and the system has apt-get.
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

_BORROWED: dict[str, Path] = {}  # soname: the file in another wheel that this process loaded under that name


def mxnet_folder() -> Path | None:
    """Return the folder of the package ``mxnet`` without an import, None if it is not installed."""
    try:
        spec = importlib.util.find_spec("mxnet")
    except ImportError:
        return None
    return Path(spec.origin).parent if spec and spec.origin else None


def needed(folder: Path) -> list[str]:
    """Return the sonames, sorted, of the system libraries that the ELF headers of the libraries in ``folder`` name.

    Libraries in the folder itself and NVIDIA's (:mod:`d2lzh_cv.compat.cuda`) are left out, but the needs of NVIDIA's
    wheels count.

    Raises:
        SetupError: a library in the folder is damaged.
    """
    if not sys.platform.startswith("linux"):
        return []
    files = [*sorted(folder.glob("*.so*")), *cuda.find().values()]
    try:
        sonames = {name for file in files for name in elf.read(file).needed if not file.with_name(name).exists()}
    except InputError as error:
        raise problems.damaged(str(error)) from error
    return sorted(sonames - set(cuda.LIBRARIES) - {cuda.DRIVER})


def missing(folder: Path) -> list[str]:
    """Return the sonames that the libraries in ``folder`` need and the system's loader does not find.

    If the loader finds a library but not its dependency, the result names the dependency. The found libraries are
    loaded into this process.
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
    """Make sure that the libraries that MXNet in ``folder`` needs can be loaded.

    Raises:
        SetupError: some are missing; the text names all of them, and one command.
    """
    lost = missing(folder)
    if lost and not borrow(lost):
        raise problems.missing_libraries(lost)


def borrow(sonames: Iterable[str]) -> dict[str, Path]:
    """Load the libraries ``sonames`` from other installed wheels, if these contain all of them.

    A wheel such as NumPy's contains a copy of a compiler's library whose soname has a hash added. The loader identifies
    a loaded library by its soname, so a temporary copy with the original soname is loaded.

    Returns:
        A dictionary from soname to file; empty if a library is in no wheel or does not load.
    """
    choices = {soname: carriers(soname) for soname in sonames}
    if not all(choices.values()):  # a library in no wheel must be installed by root, who can install all of them
        return {}
    loaded = {}
    for soname, files in choices.items():
        file = next((file for file in files if _load_as(soname, file)), None)
        if file is None:
            return {}
        loaded[soname] = file
    _BORROWED.update(loaded)
    return loaded


def borrowed() -> dict[str, Path]:
    """Return the libraries that :func:`borrow` loaded in this process, from soname to file."""
    return dict(_BORROWED)


def carriers(soname: str) -> list[Path]:
    """Return the copies of the library ``soname`` in installed wheels, first the ones with an unchanged name."""
    stem = soname.partition(".so")[0]
    folders = dict.fromkeys(Path(sysconfig.get_path(scheme)) for scheme in ("platlib", "purelib"))
    return [file for pattern in (f"*/lib/{soname}", f"*.libs/{stem}-*.so*")
            for folder in folders for file in sorted(folder.glob(pattern))]


def _load_as(soname: str, file: Path) -> bool:
    """Load ``file`` under the name ``soname``; return whether the loader now finds that name."""
    try:
        if elf.read(file).soname == soname:
            ctypes.CDLL(str(file))
        else:
            with tempfile.NamedTemporaryFile(prefix=f"{soname}.") as copy:
                copy.write(elf.renamed(file, soname))
                copy.flush()
                ctypes.CDLL(copy.name)  # stays loaded after the file is removed
    except (InputError, OSError):  # not a usable library, or the temporary folder allows no loading
        return False
    return _lost(soname) is None


def install(lost: list[str]) -> None:
    """Install the packages of the libraries ``lost`` by apt-get; this needs root.

    Raises:
        SetupError: this user or system cannot, or it did not help; the text says what to run.
    """
    problem = problems.missing_libraries(lost)
    packages = [problems.PACKAGES[name][0] for name in lost if name in problems.PACKAGES]
    if not packages or not problems.is_root() or not shutil.which("apt-get"):
        raise problem
    print(f"MXNet needs {problems.enumerate_words(lost)}: apt-get install -y {' '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment)  # if it fails, the next command fails too
    subprocess.run(["apt-get", "install", "-y", "-qq", *packages], env=environment)
    if any(map(_lost, lost)):
        raise problem


def main(argv: list[str]) -> int:
    """Run the command of this module; return 0 if MXNet finds all its libraries, else 2."""
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
