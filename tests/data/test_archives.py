"""Archives of others: unpacked whole, into their folder and nowhere else; and folders made once from their sources."""
from __future__ import annotations

import io
import os
import tarfile
import zipfile

import pytest
from data_kit import cut, files_below, no_space

from d2lzh_cv.data.archives import unpack
from d2lzh_cv.data.derived import make_once, place_for
from d2lzh_cv.errors import InputError


def write_zip(path, files, links=()):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name in links:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            archive.writestr(info, "/etc/passwd")
    return path


def write_tar(path, files, links=()):
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for name in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(member)
    return path


KINDS = pytest.mark.parametrize("write, name", [(write_zip, "a.zip"), (write_tar, "a.tar")])


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@KINDS
def test_files_come_out_as_they_went_in(tmp_path, out, write, name):
    unpack(write(tmp_path / name, {"top.txt": b"1", "a/b/c.bin": bytes(range(256)) * 100}), out)
    assert files_below(out) == {"top.txt", "a/b/c.bin"}
    assert (out / "a/b/c.bin").read_bytes() == bytes(range(256)) * 100


@KINDS
def test_a_part_comes_out_without_its_path(tmp_path, out, write, name):
    archive = write(tmp_path / name, {"kit/VOC/list.txt": b"1", "kit/other.txt": b"2", "kit/VOC2/x": b"3"})
    unpack(archive, out, "kit/VOC")
    assert files_below(out) == {"list.txt"}


@KINDS
@pytest.mark.parametrize("path", ["../evil.txt", "/evil.txt", "a/../../evil.txt"])
def test_a_path_that_leads_out_is_refused(tmp_path, out, write, name, path):
    with pytest.raises(InputError, match=f"{name} holds a path that leads out of its folder"):
        unpack(write(tmp_path / name, {path: b"evil"}), out)
    assert files_below(tmp_path) == {name}


@KINDS
def test_a_link_is_refused(tmp_path, out, write, name):
    with pytest.raises(InputError, match=rf"{name} holds a link or device \(shadow\)"):
        unpack(write(tmp_path / name, {}, links=["shadow"]), out)
    assert not list(out.iterdir())


@KINDS
def test_an_archive_that_would_take_too_much_is_refused(tmp_path, out, write, name):
    archive = write(tmp_path / name, {"zeros": bytes(10_000), "more": bytes(10_000)})
    with pytest.raises(InputError, match=f"{name} would take more than 15000 bytes"):
        unpack(archive, out, limit=15_000)


@KINDS
@pytest.mark.parametrize("part", [0.0, 0.3, 0.6])
def test_a_damaged_archive_is_named(tmp_path, out, write, name, part):
    archive = cut(write(tmp_path / name, {"noise": os.urandom(40_000)}), part)
    with pytest.raises(InputError, match=f"{name} is damaged or not an archive"):
        unpack(archive, out)


def test_a_missing_archive_is_named(tmp_path, out):
    with pytest.raises(InputError, match=r"no archive .*gone\.zip"):
        unpack(tmp_path / "gone.zip", out)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.txt"
    path.write_text("one")
    return path


def copy_of(source):
    return lambda folder: (folder / "copy.txt").write_text(source.read_text())


def test_a_folder_is_made_once_and_again_for_a_changed_source(tmp_path, source):
    out = make_once(tmp_path / "out", [source], copy_of(source))
    assert (out / "copy.txt").read_text() == "one"
    make_once(out, [source], no_space)  # would fail if it were called
    source.write_text("another")
    make_once(out, [source], copy_of(source))
    assert (out / "copy.txt").read_text() == "another"


def test_a_making_that_fails_leaves_the_old_folder(tmp_path, source):
    out = make_once(tmp_path / "cache" / "out", [source], copy_of(source))
    source.write_text("another")
    with pytest.raises(InputError, match="out: No space left"):
        make_once(out, [source], no_space)
    assert files_below(tmp_path / "cache") == {"out/copy.txt", "out/source.json"}
    assert (out / "copy.txt").read_text() == "one"


def test_a_missing_source_is_named(tmp_path, source):
    with pytest.raises(InputError, match=r"gone\.txt: No such file"):
        make_once(tmp_path / "out", [source, tmp_path / "gone.txt"], copy_of(source))


def test_each_source_has_its_own_place(tmp_path):
    one, other = (place_for(tmp_path / part / "pikachu", tmp_path) for part in ("a", "b"))
    assert one != other
    assert one == place_for(tmp_path / "a" / ".." / "a" / "pikachu", tmp_path)
    assert one.parent == tmp_path / "derived" and one.name.startswith("pikachu-")
