"""Nothing half-written stays, and the error names what could not be written."""
from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from data_kit import files_below, no_space

from d2lzh_cv import files
from d2lzh_cv.errors import InputError


def test_write_takes_its_name_only_when_complete(tmp_path):
    path = tmp_path / "a" / "log.txt"
    with files.write_atomically(path) as file:
        file.write(b"half")
        assert not path.exists()
    assert path.read_bytes() == b"half"
    assert files_below(tmp_path) == {"a/log.txt"}


def test_a_failing_block_leaves_the_old_file_and_no_other(tmp_path):
    path = files.write_text(tmp_path / "log.txt", "old")
    with pytest.raises(KeyError), files.write_atomically(path) as file:
        file.write(b"new")
        raise KeyError("something else")
    assert path.read_text() == "old"
    assert files_below(tmp_path) == {"log.txt"}


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = files.write_json(tmp_path / "results.json", {"section": "9.7"})
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(InputError, match=r"results\.json: No space left on device"):
        files.write_json(path, {"section": "9.8"})
    assert files.read_json(path) == {"section": "9.7"}
    assert files_below(tmp_path) == {"results.json"}


def test_a_full_disk_leaves_the_old_folder_and_no_other(tmp_path):
    with files.make_folder_atomically(tmp_path / "set") as folder:
        (folder / "one").write_text("1")
    with pytest.raises(InputError, match="set: No space left"), \
            files.make_folder_atomically(tmp_path / "set") as folder:
        (folder / "two").write_text("2")
        no_space()
    assert files_below(tmp_path) == {"set/one"}
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_folder_replaces_the_old_one_whole(tmp_path):
    for name in ("one", "two"):
        with files.make_folder_atomically(tmp_path / "set") as folder:
            (folder / name).write_text(name)
    assert files_below(tmp_path) == {"set/two"}


def test_written_files_can_be_read_by_others(tmp_path):
    old = os.umask(0o022)
    try:
        path = files.write_text(tmp_path / "report.html", "x")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(InputError, match="runs"):
        files.write_text(tmp_path / "runs" / "9.7" / "log.txt", "x")
    with pytest.raises(InputError, match="runs"):
        files.make_folder(tmp_path / "runs" / "9.7")
    with pytest.raises(InputError, match="runs"), files.make_folder_atomically(tmp_path / "runs" / "9.7"):
        pass


@pytest.fixture
def unwritable():
    """A folder nobody may write to; root, who may, becomes nobody for the time of the test."""
    folder, user = Path(tempfile.mkdtemp()), os.geteuid()
    folder.chmod(0o555)
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.rmdir()


def test_an_unwritable_folder_is_named(unwritable):
    with pytest.raises(InputError, match=r"log\.txt: Permission denied"):
        files.write_text(unwritable / "log.txt", "x")
    with pytest.raises(InputError, match="set: Permission denied"), files.make_folder_atomically(unwritable / "set"):
        pass
    with pytest.raises(InputError, match=r"runs: Permission denied"):
        files.make_folder(unwritable / "runs")


@pytest.mark.parametrize("content", ["", "{\"a\": ", "\x00"])
def test_damaged_json_is_named(tmp_path, content):
    path = tmp_path / "train.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"train\.json is not valid JSON"):
        files.read_json(path)


def test_missing_json_is_named(tmp_path):
    with pytest.raises(InputError, match=r"train\.json: No such file"):
        files.read_json(tmp_path / "train.json")


@pytest.fixture
def small_disk(tmp_path):
    """A real disk of 256 KiB, where the machine lets us mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_in_the_middle_of_a_write(small_disk):
    files.write_text(small_disk / "kept.txt", "kept")
    with pytest.raises(InputError, match=r"big\.bin: No space left"), \
            files.write_atomically(small_disk / "big.bin") as file:
        file.write(bytes(1 << 20))
    with pytest.raises(InputError, match="set: No space left"), \
            files.make_folder_atomically(small_disk / "set") as folder:
        (folder / "big.bin").write_bytes(bytes(1 << 20))
    assert files_below(small_disk) == {"kept.txt"}
