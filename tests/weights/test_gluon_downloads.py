"""Gluon's and GluonCV's downloads with the host gone: what is taken, what is left alone, what is said."""
from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import gluoncv
import mxnet as mx
import numpy as np
import pytest
from data_kit import cut, files_below, needs_real_data, write_cifar10, write_picture, write_pikachu, write_voc
from fault_server import FaultServer
from mxnet.gluon import data as gdata
from mxnet.gluon import model_zoo
from mxnet.gluon import utils as gutils
from tolerance import assert_close

from d2lzh_cv.data import download, retired_hosts
from d2lzh_cv.data.retired_hosts import HostGone
from d2lzh_cv.errors import InputError
from d2lzh_cv.weights import gluon_downloads, shipped

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "https://apache-mxnet.s3-accelerate.amazonaws.com/"
HOTDOG = BUCKET + "gluon/dataset/hotdog.zip"
BOOKS = "fba480ffa8aa7e0febbb511d181409f899b9baa5"
VOC = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar"
SMALL = "squeezenet1.1"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    """An empty data root, a chapter to stand in, and no network but the loopback's."""
    (tmp_path / "root").mkdir()
    (tmp_path / "chapter").mkdir()
    monkeypatch.chdir(tmp_path / "chapter")
    monkeypatch.setenv("D2LZH_CV_DATA", str(tmp_path / "root"))
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("MXNET_GLUON_REPO", raising=False)
    return tmp_path / "root"


def sha1(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


def write_hotdog(root: Path) -> Path:
    for part in ("train", "test"):
        for kind in ("hotdog", "not-hotdog"):
            write_picture(root / "hotdog" / part / kind / "0.png", seed=len(kind))
    return root / "hotdog"


def write_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name * 100)
    return path


def write_weights(folder: Path, name: str = SMALL, file: str = "") -> dict:
    """Random weights of a network of Gluon's model zoo; returns them."""
    net = model_zoo.vision.get_model(name)
    net.initialize(mx.init.Xavier())
    net(mx.nd.zeros((1, 3, 224, 224)))
    folder.mkdir(exist_ok=True)
    net.save_parameters(str(folder / (file or f"{name}.params")))
    return net._collect_params_with_prefix()


# what is none of ours

@pytest.mark.filterwarnings("ignore:Unverified HTTPS request:UserWarning")  # as the book asks for it
def test_other_addresses_are_downloaded_as_ever(tmp_path):
    with FaultServer(b"hello") as server:
        for function, folder in ((gutils.download, "gluon"), (gluoncv.utils.download, "gluoncv")):
            (tmp_path / folder).mkdir()
            path = function(server.url("right", "hotdog.zip"), path=str(tmp_path / folder),
                            sha1_hash=hashlib.sha1(b"hello").hexdigest())
            assert path == str(tmp_path / folder / "hotdog.zip") and Path(path).read_bytes() == b"hello"
        assert gutils.download(server.url("right", "b.bin"), str(tmp_path / "c.bin"), True, None, 1, False) == str(
            tmp_path / "c.bin")


@pytest.mark.parametrize("url", ["https://apache-mxnet.s3.cn-north-1.amazonaws.com.cn/gluon/dataset/hotdog.zip",
                                 "http://d2l-data.s3-accelerate.amazonaws.com/hotdog.zip",
                                 "https://host.robots.ox.ac.uk.example.com/VOCtrainval_11-May-2012.tar",
                                 "https://apache-mxnet.s3-accelerate.amazonaws.com.example.com/gluon/dataset/hotdog.zip",
                                 "https://example.com/apache-mxnet.s3-accelerate.amazonaws.com/hotdog.zip"])
def test_hosts_that_are_not_the_books(url):
    assert not retired_hosts.is_answered(url)


@pytest.mark.parametrize("host", ["apache-mxnet.s3-accelerate.amazonaws.com",
                                  "APACHE-mxnet.S3-accelerate.amazonaws.com:443",
                                  "apache-mxnet.s3-accelerate.dualstack.amazonaws.com"])
def test_all_names_of_the_bucket_are_gone(host):
    with pytest.raises(HostGone, match="hotdog.zip is not here"):
        gutils.download(f"http://{host}/gluon/dataset/hotdog.zip")


def test_a_mirror_is_asked_for_what_is_not_here(root, monkeypatch, tmp_path):
    with FaultServer(write_zip(tmp_path / "far.zip", "a").read_bytes()) as server:
        monkeypatch.setenv("MXNET_GLUON_REPO", server.url("right", ""))
        path = gutils.download(HOTDOG, path="../data")
        assert zipfile.ZipFile(path).namelist() == ["a"] and server.requests["right"] == 1
        write_hotdog(root)
        assert gutils.download(HOTDOG, path="../other") == "../other/hotdog.zip" and server.requests["right"] == 1
        with pytest.raises(HostGone, match="no weights"):
            monkeypatch.setattr(shipped, "find", lambda: None)
            monkeypatch.setenv("MXNET_GLUON_REPO", BUCKET)  # a mirror that is the bucket itself
            model_zoo.vision.get_model(SMALL, pretrained=True, root=str(tmp_path / "models"))


def test_files_of_other_chapters_fail_at_once_too(root, tmp_path):
    with pytest.raises(HostGone, match=f"train-images-idx3-ubyte.gz into {root}, or set MXNET_GLUON_REPO to a mirror"):
        gdata.vision.FashionMNIST(root=str(tmp_path / "fashion-mnist"))
    with pytest.raises(HostGone, match="cifar-100-binary.tar.gz is not here"):
        gdata.vision.CIFAR100(root=str(tmp_path / "cifar100"))
    (root / "dataset").mkdir()
    (root / "dataset" / "some.txt").write_text("here")
    assert Path(gutils.download(BUCKET + "gluon/dataset/some.txt")).read_text() == "here"


# one file

def test_the_right_file_is_taken_before_the_set(root, capsys):
    write_hotdog(root)
    there = write_zip(root / "hotdog.zip", "right")
    path = gutils.download(HOTDOG, "../data", sha1_hash=sha1(there))
    assert path == "../data/hotdog.zip" and zipfile.ZipFile(path).namelist() == ["right"]
    assert capsys.readouterr().out == f"hotdog.zip: {there}\n"
    assert gutils.download(HOTDOG, "../data", sha1_hash=sha1(there)) == path  # it is there
    assert capsys.readouterr().out == ""


def test_the_set_is_taken_before_a_file_with_another_hash(root, capsys):
    folder = write_hotdog(root)
    write_zip(root / "hotdog.zip", "other")
    with zipfile.ZipFile(gutils.download(HOTDOG, "../data", sha1_hash=BOOKS)) as archive:
        archive.extractall("../data")
    assert capsys.readouterr().out == f"hotdog.zip: made from the 4 pictures of {folder}\n"
    assert files_below(Path("../data/hotdog")) == files_below(folder)
    assert (Path("../data/hotdog/train/hotdog/0.png").read_bytes() == (folder / "train/hotdog/0.png").read_bytes())


def test_a_file_with_another_hash_is_taken_and_named(root, capsys):
    there = write_zip(root / "hotdog.zip", "other")
    path = gutils.download(HOTDOG, "../data", sha1_hash=BOOKS)
    assert zipfile.ZipFile(path).namelist() == ["other"]
    assert capsys.readouterr().out == f"hotdog.zip: {there} (not the file that the book names: another hash)\n"


@pytest.mark.parametrize("name, write", [
    ("hotdog.zip", lambda path: cut(write_zip(path, "a" * 99, "b" * 99))),
    ("hotdog.zip", lambda path: path.write_text("<html>404</html>")),
    ("VOCtrainval_11-May-2012.tar", lambda path: path.write_bytes(b"")),
    ("cifar-10-binary.tar.gz", lambda path: path.write_bytes(b"\x1f\x8b cut off"))])
def test_a_damaged_file_is_refused(root, name, write):
    write(root / name)
    url = VOC if name.startswith("VOC") else BUCKET + "gluon/dataset/" + ("cifar10/" if "cifar" in name else "") + name
    with pytest.raises(InputError, match=f"{name} is not a whole archive .* file there, or remove this one$"):
        gutils.download(url, "../data/x.bin", sha1_hash=BOOKS)
    assert not files_below(Path("..", "data"))


def test_a_file_that_stands_there_is_not_lost(root):
    write_hotdog(root)
    Path("../data").mkdir()
    mine = write_zip(Path("../data/hotdog.zip"), "mine").read_bytes()
    for _ in range(2):  # the second time, what stands there is what was made
        gutils.download(HOTDOG, "../data", sha1_hash=BOOKS)
    assert Path("../data/hotdog.zip.replaced").read_bytes() == mine
    assert files_below(Path("../data")) == {"hotdog.zip", "hotdog.zip.replaced"}
    assert gutils.download(HOTDOG, "../data") == "../data/hotdog.zip"  # without a hash any file will do, as in Gluon


def test_the_set_in_the_folder_that_was_asked_for():
    write_hotdog(Path("../data"))
    path = gutils.download(HOTDOG, path="../data", sha1_hash=BOOKS)
    assert len(zipfile.ZipFile(path).namelist()) == 4


def test_folders_that_are_links_are_followed(root, tmp_path):
    folder = write_hotdog(tmp_path / "elsewhere")
    (root / "hotdog").mkdir()
    for part in ("train", "test"):
        (root / "hotdog" / part).symlink_to(folder / part)
    path = gutils.download(HOTDOG, path="../data/", sha1_hash=BOOKS)
    assert sorted(zipfile.ZipFile(path).namelist()) == [f"hotdog/{part}/{kind}/0.png" for part in ("test", "train")
                                                        for kind in ("hotdog", "not-hotdog")]


def test_pictures_that_no_zip_can_hold_are_named(root):
    folder = write_hotdog(root)
    (folder / "train/hotdog/0.png").rename(os.fsdecode(os.fsencode(folder / "train/hotdog") + b"/\xb0.png"))
    with pytest.raises(InputError, match=r"udcb0.png': its name is not UTF-8, which a zip needs; rename it"):
        gutils.download(HOTDOG, path="../data", sha1_hash=BOOKS)
    assert not files_below(Path("../data"))


def test_a_target_that_cannot_be_written_is_named(root):
    write_hotdog(root)
    Path("file").touch()
    with pytest.raises(InputError, match="cannot make folder file"):
        gutils.download(HOTDOG, path="file/hotdog.zip")


@pytest.mark.parametrize("path, target", [(None, "hotdog.zip"), (".", "./hotdog.zip"), ("new", "new/hotdog.zip"),
                                          ("a/b/mine.zip", "a/b/mine.zip"), ("~/h.zip", "{home}/h.zip")])
def test_where_the_file_goes(root, path, target, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_hotdog(root)
    target = target.format(home=tmp_path)
    assert gutils.download(HOTDOG, path) == target and zipfile.is_zipfile(target)


# sets

def test_pikachu_of_records_and_of_pictures(root):
    write_pikachu(root / "pikachu", train=3, val=2)
    names = ("train.rec", "train.idx", "val.rec")
    for name in names:
        gutils.download(f"{BUCKET}gluon/dataset/pikachu/{name}", f"../data/pikachu/{name}", sha1_hash="0" * 40)
    batch = mx.image.ImageDetIter(2, (3, 32, 32), path_imgrec="../data/pikachu/val.rec").next()
    assert_close(batch.label[0][:, 0, 1], np.array([0.01, 0.02], "float32"))
    for name in names:  # GluonCV's way, out of the records that are there by now
        gluoncv.utils.download(f"{BUCKET}gluon/dataset/pikachu/{name}", path=f"data/pikachu_{name}", overwrite=False)
        assert Path(f"data/pikachu_{name}").read_bytes() == Path(f"../data/pikachu/{name}").read_bytes()


def test_voc_is_a_link(root, capsys):
    tree = write_voc(root / "VOCdevkit" / "VOC2012")
    for _ in range(2):
        with tarfile.open(gutils.download(VOC, "../data", sha1_hash="0" * 40)) as archive:
            archive.extractall("../data")
    assert Path("../data/VOCdevkit/VOC2012").resolve() == tree and not list(Path("../data").glob("*.replaced"))
    assert capsys.readouterr().out.splitlines() == [
        f"VOCtrainval_11-May-2012.tar: unpacks to a link to {tree}"] * 2


def test_voc_that_is_in_place_stays_as_it_is():
    tree = write_voc(Path("../data/VOCdevkit/VOC2012"))
    os.utime(tree, (1e9, 1e9))
    before = files_below(tree)
    with tarfile.open(gutils.download(VOC, "../data", sha1_hash="0" * 40)) as archive:
        archive.extractall("../data")
    assert files_below(tree) == before and tree.stat().st_mtime == 1e9 and not tree.is_symlink()


def test_something_else_in_vocs_place_is_not_overwritten(root):
    write_voc(root / "VOCdevkit" / "VOC2012")
    Path("../data/VOCdevkit/VOC2012/mine").mkdir(parents=True)
    with pytest.raises(InputError, match="../data/VOCdevkit/VOC2012 holds no .*train.txt; move it away"):
        gutils.download(VOC, "../data", sha1_hash="0" * 40)


def test_another_set_in_voc_form_is_not_voc2012(root, monkeypatch):
    write_voc(root / "coco")
    monkeypatch.setattr(download, "hosts_that_answer", lambda urls: set())
    with pytest.raises(InputError, match=r"cannot be fetched: no mirror answers .* or run: d2lzh-cv data fetch voc\)"):
        gutils.download(VOC, "../data", sha1_hash="0" * 40)


@pytest.mark.parametrize("batches", [1, 5])
def test_cifar10(root, batches, tmp_path, capsys):
    write_cifar10(root / "cifar10", batches=batches, pictures=20)
    train, test = (gdata.vision.CIFAR10(str(tmp_path / "asked"), train=part) for part in (True, False))
    assert (len(train), len(test)) == (20 * batches, 20)
    pictures, labels = train[0:8]
    assert pictures.shape == (8, 32, 32, 3) and pictures.dtype == np.uint8 and labels.tolist() == [*range(8)]
    assert pictures[3, 5, 7].asnumpy().tolist() == [3, 13, 23]
    assert capsys.readouterr().out.splitlines() == [
        f"CIFAR10: {20 * batches} pictures, {batches} of the 5 training files in {root}/cifar10",
        f"CIFAR10: 20 pictures, test_batch.bin in {root}/cifar10"]
    loader = gdata.DataLoader(train.transform_first(gdata.vision.transforms.ToTensor()), 10, num_workers=2)
    assert next(iter(loader))[0].shape == (10, 3, 32, 32)


def test_cifar10_in_the_folder_that_was_asked_for(tmp_path):
    write_cifar10(tmp_path / "mine", batches=2, pictures=10)
    assert len(gdata.vision.CIFAR10(str(tmp_path / "mine"))) == 20
    (tmp_path / "mine" / "test_batch.bin").unlink()
    with pytest.raises(HostGone, match="CIFAR-10 is not here"):
        gdata.vision.CIFAR10(str(tmp_path / "mine"))


def test_cifar10_that_is_cut_off_is_named(root, tmp_path):
    write_cifar10(root / "cifar10", batches=1)
    cut(root / "cifar10" / "data_batch_1.bin", 0.99)
    with pytest.raises(InputError, match="data_batch_1.bin is cut off"):
        gdata.vision.CIFAR10(str(tmp_path / "asked"))


def test_cifar10_in_mxnets_numpy(root, tmp_path):
    write_cifar10(root / "cifar10", batches=1, pictures=10)
    with mx.util.np_array(True):
        pictures, labels = gdata.vision.CIFAR10(str(tmp_path / "asked"))[0:2]
    assert type(pictures) is mx.np.ndarray and labels.tolist() == [0, 1]


# weights

@pytest.mark.parametrize("file", ["", f"{SMALL}-33ba0f93.params", f"{SMALL}-mine.params"])
@pytest.mark.parametrize("zoo", [model_zoo.vision, gluoncv.model_zoo], ids=["gluon", "gluoncv"])
def test_weights_in_the_data_root(root, zoo, file, tmp_path, capsys):
    saved = write_weights(root / "weights", file=file)
    net = zoo.get_model(SMALL, pretrained=True, root=str(tmp_path / "models"))
    for name, parameter in net._collect_params_with_prefix().items():
        assert_close(parameter.data(), saved[name].data(), exact=True)
    assert capsys.readouterr().out == (f"{SMALL}: weights of {root}/weights/{file or SMALL + '.params'} "
                                       "(not the file that the book names: another hash)\n")
    assert not list((tmp_path / "models").glob("*.params"))  # under the hash's name it would not be found again


def test_weights_with_the_right_hash(root, tmp_path, monkeypatch, capsys):
    write_weights(root / "weights")
    monkeypatch.setitem(model_zoo.model_store._model_sha1, SMALL, sha1(root / "weights" / f"{SMALL}.params"))
    model_zoo.vision.squeezenet1_1(pretrained=True, root=str(tmp_path / "models"))
    assert capsys.readouterr().out == f"{SMALL}: weights of {root}/weights/{SMALL}.params\n"


def test_what_gluon_has_itself_comes_first(root, tmp_path, monkeypatch, capsys):
    write_weights(root / "weights")
    saved = write_weights(tmp_path / "models")
    there = tmp_path / "models" / f"{SMALL}.params"
    monkeypatch.setitem(model_zoo.model_store._model_sha1, SMALL, sha1(there))
    there.rename(there.with_name(f"{SMALL}-{model_zoo.model_store.short_hash(SMALL)}.params"))
    net = model_zoo.vision.squeezenet1_1(pretrained=True, root=str(tmp_path / "models"))
    assert_close(net.features[0].weight.data(), saved["features.0.weight"].data(), exact=True)
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(shipped.find() is None, reason="ndf is not installed")
def test_the_shipped_weights_come_last(root, tmp_path, capsys):
    net = model_zoo.vision.squeezenet1_1(pretrained=True, root=str(tmp_path / "models"))
    bias = shipped.for_gluon(shipped.read(shipped.find()))["output.0.bias"]
    assert_close(net.output[0].bias.data(), bias, exact=True)
    assert f"{SMALL}-ndf.params (not the file that the book names: another hash)" in capsys.readouterr().out
    saved = write_weights(root / "weights")
    net = model_zoo.vision.squeezenet1_1(pretrained=True, root=str(tmp_path / "models"))
    assert_close(net.output[0].bias.data(), saved["output.0.bias"].data(), exact=True)


@pytest.mark.parametrize("name, said", [
    (SMALL, f"put {SMALL}.params there, or torchvision's squeezenet1_1-.*; or run: d2lzh-cv data fetch {SMALL}$"),
    ("resnet50_v1", "put resnet50_v1.params there; torchvision's is not converted$")])
def test_weights_that_are_not_here(root, name, said, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "find", lambda: None)
    (root / "weights").mkdir()
    (root / "weights" / f"{name}-features.params").touch()  # a part of the network
    with pytest.raises(HostGone, match=f"no weights of {name} in {root}/weights, and the book's host is gone: {said}"):
        model_zoo.vision.get_model(name, pretrained=True, root=str(tmp_path / "models"))


@needs_real_data
def test_the_real_squeezenet(root, tmp_path):
    from data_kit import REAL
    (root / "weights").symlink_to(REAL / "weights")
    net = model_zoo.vision.squeezenet1_1(pretrained=True, root=str(tmp_path / "models"))
    picture = mx.image.resize_short(mx.image.imread(str(REAL / "img" / "catdog.jpg")), 256)
    crop = mx.image.center_crop(picture, (224, 224))[0].astype("float32") / 255
    scores = net(mx.image.color_normalize(crop, mx.nd.array([0.485, 0.456, 0.406]), mx.nd.array(
        [0.229, 0.224, 0.225])).transpose((2, 0, 1)).expand_dims(0))
    assert set(range(151, 294)) & {int(i) for i in scores.topk(k=5)[0].asnumpy()}  # ImageNet's dogs and cats


# how the answers come in

@pytest.mark.parametrize("order", ["import d2lzh_cv; import mxnet, gluoncv", "import mxnet, d2lzh_cv, gluoncv",
                                   "import mxnet; from mxnet.gluon.data import vision; import d2lzh_cv, gluoncv"])
def test_in_any_order_of_imports(order, root):
    """Also where MXNet imports without us, as beside an old NumPy: the removed names are put back by hand."""
    code = ("import numpy as np, sys, warnings; warnings.simplefilter('ignore')\n"
            "sys.meta_path[:] = [f for f in sys.meta_path if getattr(f, '__module__', 0) != 'd2lzh_cv_startup']\n"
            "for name in ('bool', 'int', 'float', 'complex', 'object', 'str'):\n"
            "    setattr(np, name, getattr(__import__('builtins'), name))\n"
            f"{order}\nimport mxnet.gluon.data.vision.datasets as datasets\n"
            "from mxnet.gluon import model_zoo\nimport gluoncv.model_zoo.model_store as store\n"
            "for place in (mxnet.gluon.utils, datasets, model_zoo.model_store, gluoncv.utils, store):\n"
            "    assert place.download.__wrapped__, place\n"
            "    assert not hasattr(place.download.__wrapped__, '__wrapped__')\n"
            "assert store.get_model_file.__wrapped__ and model_zoo.model_store.get_model_file.__wrapped__\n"
            "assert datasets.CIFAR10._get_data.__wrapped__\n")
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300,
                           env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert child.returncode == 0, child.stderr


def test_once_is_enough():
    before = gutils.download, model_zoo.model_store.get_model_file, gdata.vision.CIFAR10._get_data
    gluon_downloads.install()
    assert before == (gutils.download, model_zoo.model_store.get_model_file, gdata.vision.CIFAR10._get_data)
