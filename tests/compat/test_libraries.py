"""Which libraries MXNet needs, which are missing, and what is said and done about them.

A machine that has everything shows no gap, so what MXNet needs is held against what a bare system has.
"""
from __future__ import annotations

import importlib.util
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from d2lzh_cv.compat import (
    cuda,
    elf,
    hook,
    libraries,
    problems,
)
from d2lzh_cv.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(importlib.util.find_spec("numpy").origin).parents[1]
# libc6, libstdc++6 and libgcc-s1, which Debian's minbase holds
C_LIBRARY = {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "ld-linux-x86-64.so.2",
             "ld-linux-aarch64.so.1"}
MINBASE = C_LIBRARY | {"libstdc++.so.6", "libgcc_s.so.1"}

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="MXNet's wheel for Linux")


def shared_library(path: Path, needed: tuple[str, ...] = (), soname: str | None = None) -> Path:
    """Write the headers of a shared library: one segment from address 0x1000 on, its strings, its dynamic section."""
    names = [*needed, *([soname] if soname else [])]
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in names)
    at = dict(zip(names, [strings.index(b"\0" + name.encode() + b"\0") + 1 for name in names]))
    start = 64 + 2 * 56  # the header and two segments
    entries = [(1, at[name]) for name in needed] + ([(14, at[soname])] if soname else [])
    entries += [(5, 0x1000 + start), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    size = start + len(strings) + len(dynamic)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x1000, 0x1000, size, size, 0x1000)
    place = start + len(strings)
    table = struct.pack("<IIQQQQQQ", 2, 4, place, 0x1000 + place, 0x1000 + place, len(dynamic), len(dynamic), 8)
    path.write_bytes(header + load + table + strings + dynamic)
    return path


# -- what MXNet needs -------------------------------------------------------------------------------------------------
def test_each_library_that_mxnet_needs_is_in_its_wheel_in_a_bare_system_or_known():
    folder = libraries.mxnet_folder()
    files = [file for file in folder.rglob("*") if ".so" in file.suffixes and file.is_file()]
    assert folder / "libmxnet.so" in files and {file.parent for file in files} == {folder}
    needed = {name for file in files for name in elf.read(file).needed}
    known = {file.name for file in files} | MINBASE | set(problems.PACKAGES) | set(cuda.LIBRARIES) | {cuda.DRIVER}
    assert needed <= known | set(problems.ARM)
    assert "libgomp.so.1" in needed and ("libquadmath.so.0" in needed or "x86_64" not in os.uname().machine)


def test_needed_is_what_the_folder_does_not_hold():
    folder = libraries.mxnet_folder()
    needed = libraries.needed(folder)
    assert "libgomp.so.1" in needed and sorted(set(needed)) == needed
    assert not {file.name for file in folder.glob("*.so*")} & set(needed)
    assert libraries.missing(folder) == []


def test_a_library_of_nvidia_is_not_the_systems_but_what_it_needs_is(tmp_path, monkeypatch):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "nvidia").mkdir()
    shared_library(tmp_path / "mxnet" / "libmxnet.so", ("libcudnn.so.8", cuda.DRIVER, "libodd.so.3"))
    cudnn = shared_library(tmp_path / "nvidia" / "libcudnn.so.8", ("libz.so.1", "libcudnn_ops.so.8"))
    shared_library(tmp_path / "nvidia" / "libcudnn_ops.so.8")
    monkeypatch.setattr(cuda, "find", lambda: {"libcudnn.so.8": cudnn})
    assert libraries.needed(tmp_path / "mxnet") == ["libodd.so.3", "libz.so.1"]


# -- the reader of ELF headers ----------------------------------------------------------------------------------------
@pytest.mark.skipif(not shutil.which("readelf"), reason="compares with binutils' readelf")
def test_reads_what_readelf_reads():
    files = [*libraries.mxnet_folder().glob("*.so*"), *SITE.glob("*.libs/*.so*"), Path(sys.executable).resolve()]
    assert len(files) > 10
    english = {**os.environ, "LC_ALL": "C"}
    for file in files:
        text = subprocess.run(["readelf", "-dW", file], capture_output=True, text=True, env=english)
        library = elf.read(file)
        assert list(library.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", text.stdout), file
        assert [library.soname] == (re.findall(r"\(SONAME\).*\[(.*)\]", text.stdout) or [None]), file


def test_reads_a_library_made_by_hand(tmp_path):
    library = elf.read(shared_library(tmp_path / "a.so", ("libb.so.1", "libc.so.6"), "liba.so.2"))
    assert (library.soname, library.needed) == ("liba.so.2", ("libb.so.1", "libc.so.6"))
    assert elf.read(shared_library(tmp_path / "b.so")) == elf.Library(None, None, ())


DAMAGE = {"empty": lambda content: b"", "text": lambda content: b"404: not found\n" * 20,
          "32 bits": lambda content: content[:4] + b"\x01" + content[5:], "cut off": lambda content: content[:-1],
          "header alone": lambda content: content[:64], "half a header": lambda content: content[:40],
          "strings nowhere": lambda content: content.replace(struct.pack("<qQ", 5, 0x10b0), struct.pack("<qQ", 5, 9))}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_library_is_one_error_that_names_it(damage, tmp_path):
    file = shared_library(tmp_path / "libmxnet.so", ("libb.so.1",), "libmxnet.so")
    whole = file.read_bytes()
    file.write_bytes(DAMAGE[damage](whole))
    assert file.read_bytes() != whole
    with pytest.raises(InputError, match="libmxnet.so: not a 64-bit shared library, or damaged"):
        elf.read(file)
    with pytest.raises(problems.SetupError, match="libmxnet.so: .*; run: .*--force-reinstall --no-deps mxnet"):
        libraries.prepare(tmp_path)


def test_a_library_gets_another_name(tmp_path):
    file = shared_library(tmp_path / "libq-0a1b.so.0", ("libm.so.6",), "libq-0a1b.so.0")
    content = elf.renamed(file, "libq.so.0")
    (tmp_path / "copy.so").write_bytes(content)
    assert elf.read(tmp_path / "copy.so").needed == ("libm.so.6",)
    assert elf.read(tmp_path / "copy.so").soname == "libq.so.0"
    assert len(content) == file.stat().st_size and elf.read(file).soname == "libq-0a1b.so.0"
    with pytest.raises(InputError, match="has no room for the name libq-0a1b-2c3d.so.0"):
        elf.renamed(file, "libq-0a1b-2c3d.so.0")


# -- what is missing --------------------------------------------------------------------------------------------------
def test_all_that_the_loader_misses_is_named(tmp_path):
    shared_library(tmp_path / "libmxnet.so", ("libgfortran.so.3", "libc.so.6", "libnotthere.so.7"))
    shared_library(tmp_path / "libgfortran.so.3", ("libm.so.6", "libneither.so.1"))
    assert libraries.missing(tmp_path) == ["libneither.so.1", "libnotthere.so.7"]
    with pytest.raises(problems.SetupError) as caught:
        libraries.prepare(tmp_path)
    assert str(caught.value) == ("MXNet needs libneither.so.1 and libnotthere.so.7, which are not on this system; "
                                 "install the package that holds libneither.so.1 and libnotthere.so.7")


def test_what_a_found_library_misses_is_named(tmp_path):
    """A real library without the one that stands beside it: the loader finds the first and names the second."""
    real = next((file for file in sorted(SITE.glob("*.libs/libgfortran-*"))), None)
    if real is None:
        pytest.skip("no wheel here holds libgfortran")
    beside = next(name for name in elf.read(real).needed if "quadmath" in name)
    shutil.copy(real, tmp_path / "libgfortran.so.3")
    code = ("import sys; from pathlib import Path; from d2lzh_cv.compat import libraries\n"
            "print(libraries._lost(str(Path(sys.argv[1]) / 'libgfortran.so.3')))")
    child = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert child.stdout.strip() == beside, child.stderr


BOTH = ["libgomp.so.1", "libquadmath.so.0"]


@pytest.mark.parametrize("tools, user, ending", [
    (("apt-get", "sudo"), 0, "run: apt-get install -y libgomp1 libquadmath0"),
    (("apt-get", "sudo"), 1000, "run: sudo apt-get install -y libgomp1 libquadmath0"),
    (("apt-get",), 1000, "run as root: apt-get install -y libgomp1 libquadmath0"),
    (("dnf", "yum", "sudo"), 1000, "run: sudo dnf install -y libgomp libquadmath"),
    (("yum",), 0, "run: yum install -y libgomp libquadmath"),
    (("zypper", "sudo"), 1000, "run: sudo zypper install -y libgomp1 libquadmath0")])
def test_one_command_for_all(tools, user, ending, monkeypatch):
    monkeypatch.setattr(problems.shutil, "which", lambda tool: tool if tool in tools else None)
    monkeypatch.setattr(problems.os, "geteuid", lambda: user)
    error = problems.missing_libraries(BOTH)
    assert str(error) == f"MXNet needs libgomp.so.1 and libquadmath.so.0, which are not on this system; {ending}"
    assert ending.endswith(error.remedy)


def test_libraries_that_no_package_holds(monkeypatch):
    monkeypatch.setattr(problems.shutil, "which", lambda tool: tool)
    monkeypatch.setattr(problems.os, "geteuid", lambda: 0)
    assert str(problems.missing_libraries([*problems.ARM, "libgomp.so.1"])).endswith(
        "libamath.so, libastring.so and libgomp.so.1, which are not on this system; install Arm Performance Libraries, "
        "or use a machine with an x86-64 processor, and run: apt-get install -y libgomp1")


@pytest.mark.parametrize("text, library", [
    ("libquadmath.so.0: cannot open shared object file: No such file or directory", "libquadmath.so.0"),
    ("libarmpl_lp64_mp.so: cannot open shared object file: No such file or directory", "libarmpl_lp64_mp.so"),
    ("/x/libmxnet.so: undefined symbol: omp_get", None),
    ("libgomp.so.1: cannot allocate memory in static TLS block", None)])
def test_the_loaders_message(text, library):
    assert problems.lost_library(text) == library
    assert (problems.explain(text) is None) == (library is None)


# -- a library out of another wheel -----------------------------------------------------------------------------------
WITHOUT_QUADMATH = """
import ctypes, d2lzh_cv
from d2lzh_cv.compat import libraries
real, once = libraries._lost, []
def lost(soname):  # the first question finds none, as on a slim system
    if soname == 'libquadmath.so.0' and not once:
        once.append(soname)
        return soname
    return real(soname)
libraries._lost = lost
"""


def test_mxnet_imports_with_the_library_of_another_wheel():
    if not libraries.carriers("libquadmath.so.0"):
        pytest.skip("no wheel here holds libquadmath")
    code = WITHOUT_QUADMATH + """
import mxnet as mx
assert once and mx.nd.linalg.potrf(mx.nd.array([[4.0]])).asscalar() == 2
taken = libraries.borrowed()['libquadmath.so.0']
assert '.libs' in taken.parent.name
files = {line.split(maxsplit=5)[5].strip() for line in open('/proc/self/maps') if 'libquadmath' in line}
(copy,) = [file for file in files if file.endswith('(deleted)')]
assert not any(file.startswith('/usr/') for file in files), files
import os.path
assert 'libquadmath.so.0.' in copy and not os.path.exists(copy.split(' (')[0])
"""
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert child.returncode == 0, child.stderr


def test_a_library_that_kept_its_name_is_loaded_where_it_is(tmp_path, monkeypatch):
    real = next(iter(libraries.carriers("libquadmath.so.0")), None)
    if real is None:
        pytest.skip("no wheel here holds libquadmath")
    (tmp_path / "kind" / "lib").mkdir(parents=True)
    (tmp_path / "kind" / "lib" / "libownname.so.0").write_bytes(elf.renamed(real, "libownname.so.0"))
    monkeypatch.setattr(libraries.sysconfig, "get_path", lambda scheme: str(tmp_path))
    assert libraries.borrow(["libownname.so.0"]) == {"libownname.so.0": tmp_path / "kind" / "lib" / "libownname.so.0"}
    assert str(tmp_path / "kind" / "lib" / "libownname.so.0") in Path("/proc/self/maps").read_text()
    assert libraries.borrowed()["libownname.so.0"].parent == tmp_path / "kind" / "lib"


def test_all_or_none_is_taken(tmp_path, monkeypatch):
    """What needs root for one library gets all of them that way; a file that is no library is passed over."""
    (tmp_path / "some.libs").mkdir()
    (tmp_path / "some.libs" / "libquadmath-00.so.0").write_text("not a library")
    monkeypatch.setattr(libraries.sysconfig, "get_path", lambda scheme: str(tmp_path))
    monkeypatch.setattr(libraries, "_load_as", lambda soname, file: pytest.fail("loaded one of two"))
    assert libraries.borrow(BOTH) == {}
    monkeypatch.undo()
    monkeypatch.setattr(libraries.sysconfig, "get_path", lambda scheme: str(tmp_path))
    assert libraries.borrow(["libquadmath.so.0"]) == {}


def test_no_place_for_a_copy(monkeypatch):
    """Nothing is borrowed then, and the line says what to install."""
    def denied(**named):
        raise PermissionError(13, "Permission denied")
    if not libraries.carriers("libquadmath.so.0"):
        pytest.skip("no wheel here holds libquadmath")
    monkeypatch.setattr(libraries.tempfile, "NamedTemporaryFile", denied)
    monkeypatch.setattr(libraries, "missing", lambda folder: ["libquadmath.so.0"])
    with pytest.raises(problems.SetupError, match="MXNet needs libquadmath.so.0, which is not on this system; run"):
        libraries.prepare(Path())


# -- what `make` calls ------------------------------------------------------------------------------------------------
@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A system without libgomp and libquadmath, with an apt-get that notes what it is asked."""
    tools = tmp_path / "bin"
    tools.mkdir()
    script = tools / "apt-get"
    script.write_text(f"#!/bin/sh\necho \"$DEBIAN_FRONTEND $*\" >> {tmp_path}/asked\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.setattr(libraries, "missing", lambda folder: list(BOTH))
    monkeypatch.setattr(libraries, "carriers", lambda soname: [])
    monkeypatch.setattr(libraries, "_lost", lambda soname: None if (tmp_path / "asked").exists() else soname)
    monkeypatch.setattr(problems, "is_root", lambda: True)
    return tmp_path / "asked"


def test_make_installs_all_of_it_as_root(bare, capfd):
    assert libraries.main(["--install"]) == 0
    assert bare.read_text() == ("noninteractive update -qq\n"
                                   "noninteractive install -y -qq libgomp1 libquadmath0\n")
    assert capfd.readouterr() == (
        "MXNet needs libgomp.so.1 and libquadmath.so.0: apt-get install -y libgomp1 libquadmath0\n", "")


@pytest.mark.parametrize("reason", ["no root", "no apt-get", "not asked", "of no use"])
def test_make_says_it_where_it_cannot(reason, bare, monkeypatch, capsys):
    if reason == "no root":
        monkeypatch.setattr(problems, "is_root", lambda: False)
    if reason == "no apt-get":
        monkeypatch.setattr(problems.shutil, "which", lambda tool: tool if tool in ("dnf", "sudo") else None)
    if reason == "of no use":
        monkeypatch.setattr(libraries, "_lost", lambda soname: soname)
    assert libraries.main([] if reason == "not asked" else ["--install"]) == 2
    out, err = capsys.readouterr()
    assert re.fullmatch("MXNet needs libgomp.so.1 and libquadmath.so.0, which are not on this system; "
                        "run( as root)?: .* install -y libgomp1? libquadmath0?\n", err)
    assert bare.exists() == (reason == "of no use") and bool(out) == (reason == "of no use")


def test_nothing_is_installed_that_a_wheel_holds(bare, monkeypatch):
    monkeypatch.setattr(libraries, "borrow", lambda sonames: dict.fromkeys(sonames, Path("x")))
    assert libraries.main(["--install"]) == 0 and not bare.exists()


def test_the_module_runs_without_a_word_where_all_is_well():
    child = subprocess.run([sys.executable, "-W", "always", "-m", "d2lzh_cv.compat.libraries", "--install"],
                           capture_output=True, text=True, cwd=ROOT)
    assert (child.returncode, child.stdout, child.stderr) == (0, "", "")


def test_without_mxnet_there_is_nothing_to_install(monkeypatch):
    monkeypatch.setattr(libraries.importlib.util, "find_spec", lambda name: None)
    assert libraries.mxnet_folder() is None and libraries.main(["--install"]) == 0


# -- run asks once ----------------------------------------------------------------------------------------------------
LOST = "raise OSError('libquadmath.so.0: cannot open shared object file: No such file or directory')"


def command_with(mxnet: str, folder: Path, *argv: str) -> subprocess.CompletedProcess:
    """Run ``d2lzh-cv argv`` with a module ``mxnet`` of this text."""
    (folder / "mxnet").mkdir()
    (folder / "mxnet" / "__init__.py").write_text(mxnet)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run([sys.executable, "-m", "d2lzh_cv", *argv], capture_output=True, text=True, cwd=ROOT,
                          env=environment, timeout=300)


@pytest.mark.parametrize("mxnet, line", [
    (LOST, "error: MXNet needs libquadmath.so.0, which is not on this system; run.*: .*install -y libquadmath0?"),
    ("raise OSError('disk on fire')",
     "error: MXNet does not import: OSError: disk on fire; to see what is wrong run: d2lzh-cv doctor"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "error: MXNet does not import: crashed .SIGILL.; .*")])
def test_run_stops_before_the_first_section(mxnet, line, tmp_path):
    child = command_with(mxnet, tmp_path, "run", "all", "--quick", "--out", str(tmp_path / "out"))
    assert child.returncode == 2 and child.stdout == "" and not (tmp_path / "out").exists()
    assert re.fullmatch(line + "\n", child.stderr), child.stderr


@pytest.mark.parametrize("argv", [("launch", "-n", "2", "--", "d2lzh-cv", "run", "9.7"), ("bench", "anchors_5444"),
                                  ("bench", "anchors_5444", "--floor")])
def test_what_starts_other_processes_asks_first(argv, tmp_path):
    child = command_with(LOST, tmp_path, *argv)
    assert (child.returncode, child.stdout) == (2, "")
    assert re.fullmatch("error: MXNet needs libquadmath.so.0, which is not on this system; run.*\n", child.stderr)


def test_a_library_that_is_cut_off_stops_run_too(tmp_path):
    (tmp_path / "mxnet").mkdir()
    real = (libraries.mxnet_folder() / "libmxnet.so").read_bytes()[:1_000_000]
    (tmp_path / "mxnet" / "libmxnet.so").write_bytes(real)
    (tmp_path / "mxnet" / "__init__.py").touch()
    with pytest.raises(InputError, match=r"mxnet/libmxnet.so: .*cut off.*; run: .*--force-reinstall.* mxnet==1\.9\.1"):
        hook.check({**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])})


def test_no_answer(monkeypatch, tmp_path):
    (tmp_path / "mxnet").mkdir()
    (tmp_path / "mxnet" / "__init__.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(hook, "SECONDS", 2)
    with pytest.raises(InputError, match="MXNet does not import: no answer within 2 s"):
        hook.check({**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])})


def test_the_question_does_not_import_what_takes_seconds():
    code = "import sys; from d2lzh_cv.compat import hook; hook._load_mxnet(); assert 'mxnet.symbol' not in sys.modules"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert child.returncode == 0, child.stderr
