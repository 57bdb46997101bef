"""The book's download_voc_pascal: what is there is used, what can be fetched is unpacked, else another set is taken."""
from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from data_kit import files_below, write_voc
from fault_server import FaultServer

from d2lzh_cv.data import catalogue, download, hub, places, voc
from d2lzh_cv.data.catalogue import Item, Remote, Way
from d2lzh_cv.errors import InputError


@pytest.fixture
def tree(tmp_path):
    return write_voc(tmp_path / "drawn")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """No set anywhere, and a host that offers an archive under VOC2012's name."""
    (tmp_path / "root").mkdir()
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "root"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)
    with FaultServer(tar("VOCdevkit/VOC2012/" + places.VOC_LIST, "VOCdevkit/other.txt")) as started:
        yield started


def tar(*names: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 5
            archive.addfile(member, io.BytesIO(b"hello"))
    return target.getvalue()


@pytest.fixture
def offer(server, monkeypatch):
    """Register the server's archive as VOC2012, served with a fault."""
    def register(fault="right"):
        file = Remote("VOC.tar", (server.url(fault, "VOC.tar"),), f"sha1:{hashlib.sha1(server.content).hexdigest()}")
        folder = "VOCdevkit/VOC2012"
        item = Item("voc", "VOC2012", "none", (Way((file,), folder),), folder, 1, places.voc)
        monkeypatch.setattr(catalogue, "items", lambda: [item])
    return register


def test_a_tree_that_is_there_is_not_fetched(server, offer, tmp_path):
    offer()
    write_voc(tmp_path / "down/VOCdevkit/VOC2012")
    assert voc.download_voc_pascal(str(tmp_path / "down")) == str(tmp_path / "down/VOCdevkit/VOC2012")
    write_voc(tmp_path / "root/VOC2012")
    assert voc.download_voc_pascal(tmp_path / "other") == str(tmp_path / "root/VOC2012")
    assert not server.requests


def test_the_archive_is_fetched_and_unpacked_beside_what_is_there(offer, tmp_path):
    offer()
    (tmp_path / "down/VOCdevkit/VOC2007").mkdir(parents=True)
    (tmp_path / "down/VOCdevkit/VOC2007/mine.txt").touch()
    write_voc(tmp_path / "down/coco")  # in VOC form, and not what was asked for
    assert voc.download_voc_pascal(tmp_path / "down") == str(tmp_path / "down/VOCdevkit/VOC2012")
    assert files_below(tmp_path / "down/VOCdevkit") == {f"VOC2012/{places.VOC_LIST}", "VOC2007/mine.txt"}


@pytest.mark.parametrize(("fault", "said"), [("404", "says 404 Not Found"), ("wrong", "sent a file with a wrong hash")])
def test_where_it_cannot_be_fetched_another_takes_its_place(offer, tree, tmp_path, monkeypatch, capsys, fault, said):
    offer(fault)
    monkeypatch.setattr(hub, "find", lambda name: hub.Source(name, tree, "synthetic", "voc: drawn"))
    assert voc.download_voc_pascal(tmp_path / "down") == str(tree)
    out = capsys.readouterr().out
    assert said in out and out.endswith("VOC2012 was not fetched; voc: drawn\n")
    assert not (tmp_path / "down/VOCdevkit").exists()


def test_a_folder_that_cannot_be_written_to_is_named(offer, tmp_path):
    offer()
    (tmp_path / "down").write_text("a file")
    with pytest.raises(InputError, match="cannot make folder .*down"):
        voc.download_voc_pascal(tmp_path / "down")
