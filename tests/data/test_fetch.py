"""Fetching against a server with faults: what the reader sees, what is on disk, and that nothing wrong is accepted."""
from __future__ import annotations

import hashlib
import io
import json
import socket
import subprocess
import sys
import time
import zipfile
from functools import partial

import pytest
from data_kit import write_picture, write_voc
from fault_server import CONTENT, FaultServer
from mxnet import nd

from d2lzh_cv import cli
from d2lzh_cv.data import catalogue, download, fetch, hub, places
from d2lzh_cv.data.catalogue import Item, Remote, Way
from d2lzh_cv.errors import InputError

SHA1, SHA256 = hashlib.sha1(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Wait tenths of seconds where a reader waits seconds; no proxy between us and the loopback."""
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(download, "CONNECT_SECONDS", 1)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server():
    with FaultServer() as started:
        yield started


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/file.bin"


def get(tmp_path, *urls: str, digest: str = f"sha1:{SHA1}"):
    return download.download(Remote("file.bin", urls, digest), tmp_path / "set/file.bin", tmp_path / "downloads")


def files_in(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


# -- one file ---------------------------------------------------------------------------------------------------------
FAILURES = [  # fault, what is said, requests, what stays in the downloads folder
    ("404", "says 404 Not Found", 1, []), ("403", "says 403 Forbidden", 1, []),
    ("500", "says 500 Internal Server Error", 4, []), ("wrong", "sent a file with a wrong hash", 1, []),
    ("half", "sent a file with a wrong hash", 1, []), ("drops_always", "broke the connection", 1, []),
    ("silent", "sent nothing for 0.3 s", 1, [])]


@pytest.mark.parametrize(("fault", "said", "requests", "stays"), FAILURES)
def test_a_fault_is_said_and_nothing_wrong_is_kept(tmp_path, server, capsys, fault, said, requests, stays):
    with pytest.raises(download.Unavailable, match=f"file.bin cannot be fetched: 127.0.0.1:[0-9]+ {said}"):
        get(tmp_path, server.url(fault))
    assert said in capsys.readouterr().err
    assert files_in(tmp_path) == stays and server.requests[fault] == requests


@pytest.mark.parametrize("fault", [fault for fault, *_ in FAILURES])
def test_the_next_mirror_takes_over_with_a_line(tmp_path, server, capsys, fault):
    assert get(tmp_path, server.url(fault), server.url("right")).read_bytes() == CONTENT
    assert capsys.readouterr().err.count("\n") == 1 and files_in(tmp_path) == ["file.bin"]


def test_a_dropped_connection_is_gone_on_with(tmp_path, server):
    assert get(tmp_path, server.url("drops")).read_bytes() == CONTENT
    assert server.ranges == [0, len(CONTENT) // 2]


def test_a_mirror_that_is_busy_is_asked_again(tmp_path, server):
    assert get(tmp_path, server.url("busy")).read_bytes() == CONTENT
    assert server.requests["busy"] == 3


@pytest.mark.parametrize("fault", ["right", "no_range"])
def test_what_an_interrupted_fetch_left_is_gone_on_with(tmp_path, server, fault):
    part = tmp_path / "downloads/file.bin.partial/part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    assert get(tmp_path, server.url(fault)).read_bytes() == CONTENT
    assert server.ranges == [1000] and files_in(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_a_wrong_beginning_is_noticed_and_fetched_anew(tmp_path, server, left):
    part = tmp_path / "downloads/file.bin.partial/part"
    part.parent.mkdir(parents=True)
    part.write_bytes(left)
    assert get(tmp_path, server.url("right")).read_bytes() == CONTENT
    assert server.ranges == [len(left), 0]


def test_a_file_that_is_right_is_not_fetched_and_another_is_kept_aside(tmp_path, server):
    get(tmp_path, server.url("right"))
    get(tmp_path, server.url("404"))
    assert server.requests == {"right": 1}
    (tmp_path / "set/file.bin").write_bytes(b"the reader's own")
    assert get(tmp_path, server.url("right")).read_bytes() == CONTENT
    assert (tmp_path / "set/file.bin.replaced").read_bytes() == b"the reader's own"


@pytest.mark.parametrize(("digest", "right"), [
    (f"sha256:{SHA256[:8]}", True), (f"md5:{hashlib.md5(CONTENT).hexdigest()}", True), (f"sha1:{'0' * 40}", False),
    (f"sha256:{'0' * 8}", False), ("", False)])
def test_hashes(tmp_path, server, digest, right):
    if right:
        assert get(tmp_path, server.url("right"), digest=digest).read_bytes() == CONTENT
    else:
        with pytest.raises(download.Unavailable, match="sent a file with a wrong hash"):
            get(tmp_path, server.url("right"), digest=digest)


def test_offline_is_said_at_once(tmp_path):
    began = time.monotonic()
    with pytest.raises(download.Unavailable, match=r"no mirror answers \(.*\); is this machine offline\?"):
        get(tmp_path, closed_port(), "http://no-such-host.invalid/file.bin", "http://192.0.2.1/file.bin")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("reasons", "text"), [
    (["no mirror answers; is this machine offline?"], "no mirror answers; is this machine offline? If you have it"),
    (["one is gone", "is it there?", "two failed."], "one is gone. is it there? two failed. If you have it from")])
def test_what_was_tried_ends_each_sentence_once(reasons, text, tmp_path, monkeypatch):
    def refuse(way, item, root):
        raise download.Unavailable(left.pop(0))
    left = list(reasons)
    item = thing((Way((), ""),) * len(reasons))
    monkeypatch.setattr(catalogue, "items", lambda: [item])
    monkeypatch.setattr(fetch, "_by", refuse)
    with pytest.raises(download.Unavailable) as caught:
        fetch.fetch("it", tmp_path)
    assert str(caught.value).startswith(text)


def test_a_dead_mirror_is_skipped_with_a_line(tmp_path, server, capsys):
    assert get(tmp_path, closed_port(), server.url("right")).read_bytes() == CONTENT
    assert "does not answer" in capsys.readouterr().err


def test_two_processes_fetch_once(tmp_path, server):
    code = ("import sys; from pathlib import Path; from d2lzh_cv.data.download import download\n"
            "from d2lzh_cv.data.catalogue import Remote\n"
            "download(Remote('file.bin', (sys.argv[1],), sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))")
    arguments = [server.url("right"), f"sha1:{SHA1}", tmp_path / "set/file.bin", tmp_path / "downloads"]
    both = [subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert server.requests == {"right": 1} and (tmp_path / "set/file.bin").read_bytes() == CONTENT


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/full is Linux's")
def test_a_full_disk_is_one_error(tmp_path, server):
    part = tmp_path / "downloads/file.bin.partial/part"
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(InputError, match="cannot write .*set/file.bin: No space left on device"):
        get(tmp_path, server.url("right"))
    assert not (tmp_path / "set/file.bin").exists()


# -- sets and weights -------------------------------------------------------------------------------------------------
def zipped(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return target.getvalue()


def thing(ways, folder="it"):
    """An item "it": weights, or a set that is where it was fetched to."""
    locate = partial(places.network, name="it", others=()) if folder == "weights" else partial(
        places.fetched, folder=folder)
    return Item("it", "it", "none", ways, folder, 1, locate)


@pytest.fixture
def offer(monkeypatch, server):
    """Register the item "it": weights, or a folder taken from below "set" in an archive."""
    def register(content: bytes, fault="right", hub_name="", holds=(), digest=None):
        server.content = content
        known = digest or ("" if holds else f"sha1:{hashlib.sha1(content).hexdigest()}")
        ways = (Way((Remote("it.zip", (server.url(fault, "it.zip"),), known, holds),), "" if holds else "set"),)
        folder = "weights" if hub_name else "it"
        monkeypatch.setattr(catalogue, "items", lambda: [thing(ways, folder)])
    return register


def test_an_archive_becomes_a_folder(tmp_path, offer):
    offer(zipped(set__a__1="one", set__2="two", readme="three"))
    assert fetch.fetch("it", tmp_path) == tmp_path / "it"
    assert files_in(tmp_path) == ["1", "2"] and (tmp_path / "it/a/1").read_text() == "one"


def test_weights_are_known_by_what_the_archive_holds(tmp_path, offer):
    right = ("it-12.params", f"sha1:{hashlib.sha1(b'weights').hexdigest()}")
    offer(zipped(**{"it-12.params": b"weights"}), hub_name="weights", holds=(right,))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/other.params").write_text("other")
    assert fetch.fetch("it", tmp_path) == tmp_path / "weights/it-12.params"
    assert files_in(tmp_path) == ["it-12.params", "other.params"]


@pytest.mark.parametrize("content", [zipped(**{"it-12.params": b"other weights"}), zipped(other=b"weights"), b"no zip"])
def test_weights_that_are_others_are_refused(tmp_path, offer, content):
    right = ("it-12.params", f"sha1:{hashlib.sha1(b'weights').hexdigest()}")
    offer(content, hub_name="weights", holds=(right,))
    with pytest.raises(InputError, match="sent a file with a wrong hash.*put it into .*weights"):
        fetch.fetch("it", tmp_path)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(("content", "said"), [
    (zipped(set__a="one", **{"..__out": "two"}), "leads out of its folder"), (zipped(other__a="one"), "holds nothing"),
    (b"not a zip", "damaged or not an archive")])
def test_an_archive_that_does_not_unpack_leaves_no_folder(tmp_path, offer, content, said):
    offer(content)
    with pytest.raises(InputError, match=said):
        fetch.fetch("it", tmp_path)
    assert not (tmp_path / "it").exists() and not (tmp_path.parent / "out").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path, offer, monkeypatch):
    offer(zipped(set__a="one"))
    monkeypatch.setattr(fetch, "present", lambda item, root: None)
    (tmp_path / "it").mkdir()
    (tmp_path / "it/mine").write_text("mine")
    with pytest.raises(InputError, match="holds other files; move them away first"):
        fetch.fetch("it", tmp_path)
    assert (tmp_path / "it/mine").read_text() == "mine"


def test_a_later_way_is_taken_where_an_earlier_one_fails(tmp_path, server, monkeypatch):
    server.content = content = zipped(set__a="one")
    archive = Remote("b.zip", (server.url("right", "b.zip"),), f"sha1:{hashlib.sha1(content).hexdigest()}")
    ways = (Way((Remote("a", (server.url("404", "a"),), f"sha1:{SHA1}"),)), Way((archive,), "set"))
    monkeypatch.setattr(catalogue, "items", lambda: [thing(ways)])
    assert files_in(fetch.fetch("it", tmp_path)) == ["a"]


# -- the registry -----------------------------------------------------------------------------------------------------
def test_hashes_of_gluons_weights_are_mxnets_own():
    from gluoncv.model_zoo.model_store import _model_sha1 as gluoncvs
    from mxnet.gluon.model_zoo.model_store import _model_sha1 as mxnets
    held = {item.name: dict(way.files[0].holds) for item in catalogue.items() if item.is_weights
            for way in item.ways if way.files[0].holds}
    for name, files in held.items():
        digest = {**gluoncvs, **mxnets}[name]
        assert files == {f"{name}-{digest[:8]}.params": f"sha1:{digest}"}


def test_mxnets_variable_names_the_first_mirror(monkeypatch):
    monkeypatch.setenv("MXNET_GLUON_REPO", "http://mine.example/tree")
    for name in ("pikachu", "hotdog", "resnet18_v2"):
        assert catalogue.find(name).ways[0].files[0].urls[0].startswith("http://mine.example/tree/gluon/")


def test_every_item_says_how_to_tell_that_it_is_right():
    items = catalogue.items()
    assert len({item.name for item in items}) == len(items) > 15
    for item in items:
        for file in (file for way in item.ways for file in way.files):
            digests = [file.hash, *(digest for _, digest in file.holds)]
            assert file.urls and any(digests), file
            assert {digest.partition(":")[0] for digest in digests if digest} <= {"sha1", "sha256", "md5"}


# -- the commands -----------------------------------------------------------------------------------------------------
def call(capsys, *argv):
    code = cli.main(["data", *argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_fetch_names_what_was_fetched_and_what_was_not(tmp_path, offer, capsys):
    offer(zipped(set__a="one"))
    assert call(capsys, "fetch", "it", "--data", str(tmp_path)) == (0, f"it: {tmp_path / 'it'}\n", "")
    offer(zipped(set__a="one"), fault="404")
    code, out, err = call(capsys, "fetch", "it", "--data", str(tmp_path / "other"))
    assert code == 2 and out == "" and "error: it: it.zip cannot be fetched: 127.0.0.1" in err
    assert "put it into" in err.splitlines()[-1]


def test_a_mistyped_name_is_said_before_anything_is_fetched(tmp_path, offer, server, capsys):
    offer(zipped(set__a="one"))
    code, _, err = call(capsys, "fetch", "it", "resnet", "--data", str(tmp_path))
    assert (code, err) == (2, "error: no data set or network is called 'resnet'; choose from it\n")
    assert not server.requests


def test_list_says_what_is_there(tmp_path, offer, capsys):
    offer(zipped(set__a="one"))
    assert json.loads(call(capsys, "list", "--json", "--data", str(tmp_path))[1])[0]["path"] is None
    (tmp_path / "it").mkdir()
    assert json.loads(call(capsys, "list", "--json", "--data", str(tmp_path))[1])[0]["path"] == str(tmp_path / "it")
    code, out, _ = call(capsys, "list", "--data", str(tmp_path))
    assert code == 0 and "yes" in out and f"looked in {tmp_path}" in out


def test_make_draws_sets_that_a_run_finds_and_replaces_nothing_of_the_reader_s(tmp_path, capsys):
    assert call(capsys, "make", "hotdog", "--out", str(tmp_path))[0] == 0
    assert hub.find("hotdog", tmp_path).kind == "real"
    assert call(capsys, "make", "hotdog", "--out", str(tmp_path), "--seed", "1")[0] == 0
    (tmp_path / "voc").mkdir()
    code, _, err = call(capsys, "make", "hotdog", "voc", "--out", str(tmp_path))
    assert code == 2 and "was not changed" in err and err.count("\n") == 1


def damaged(tmp_path, name):
    """One set of each kind, with one file that is not whole."""
    if name == "cifar10":
        for part in ("data_batch_1.bin", "test_batch.bin"):
            (tmp_path / "cifar10").mkdir(exist_ok=True)
            (tmp_path / "cifar10" / part).write_bytes(bytes(3073 * 2))
        path = tmp_path / "cifar10/test_batch.bin"
    elif name == "voc":
        path = next((write_voc(tmp_path / "VOCdevkit/VOC2012") / "SegmentationClass").glob("*.png"))
    elif name == "squeezenet1.1":
        (tmp_path / "weights").mkdir()
        path = tmp_path / "weights/squeezenet1.1.params"
        nd.save(str(path), {"a": nd.zeros(1000)})
    else:
        for part in ("train/a", "train/b", "test/a", "test/b"):
            write_picture(tmp_path / "hotdog" / part / "1.jpg")
        path = tmp_path / "hotdog/test/b/1.jpg"
    return path


@pytest.mark.parametrize("name", ["cifar10", "voc", "squeezenet1.1", "hotdog"])
def test_check_names_the_file_that_is_damaged(tmp_path, capsys, name):
    path = damaged(tmp_path, name)
    code, out, _ = call(capsys, "check", name, "--data", str(tmp_path))
    assert code == 0 and "problems: none" in out
    path.write_bytes(path.read_bytes()[:-100])
    code, out, _ = call(capsys, "check", "--data", str(tmp_path))
    assert code == 2 and "problems: 1" in out and str(path) in out


def test_check_of_what_is_not_there_says_how_to_get_it(tmp_path, capsys):
    code, _, err = call(capsys, "check", "voc", "--data", str(tmp_path))
    assert code == 2 and "d2lzh-cv data fetch voc" in err
