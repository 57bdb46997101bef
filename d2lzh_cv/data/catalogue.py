"""One record per data set or network: its files, hashes, licence and functions.

A new data set needs a record here, a reader, and a function that draws it. This module does not import MXNet.
"""
from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from .. import contents
from ..errors import InputError
from . import extent, places
from .extent import WHOLE, Extent

BOOK = "https://apache-mxnet.s3-accelerate.amazonaws.com/"  # the book's own bucket; reported dead since February 2024
CHINA = "https://apache-mxnet.s3.cn-north-1.amazonaws.com.cn/"  # the same tree
D2L = "http://d2l-data.s3-accelerate.amazonaws.com/"  # the authors' later host
VOC_HOST = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/"
D2L_ZH = "https://raw.githubusercontent.com/d2l-ai/d2l-zh/v1/"
TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class Remote:
    """A file on the network.

    Attributes:
        urls: its mirrors, the best first.
        hash: "sha1:…", "md5:…" or "sha256:…"; a SHA-256 may be shortened; "" if only ``holds`` is known.
        holds: (name, hash) of files inside a zip archive.
    """

    name: str
    urls: tuple[str, ...]
    hash: str = ""
    holds: tuple[tuple[str, str], ...] = ()

    @property
    def is_archive(self) -> bool:
        """Whether the file has to be unpacked."""
        return self.name.endswith((".zip", ".tar", ".tar.gz"))


@dataclass(frozen=True)
class Way:
    """One way to get an item: files for its folder, or an archive whose folder ``below`` is unpacked there."""

    files: tuple[Remote, ...]
    below: str | None = None


@dataclass(frozen=True)
class Item:
    """A data set or a network's weights.

    Attributes:
        name: its name for :func:`d2lzh_cv.data.hub.find` and on the command line.
        what: a short description.
        licence: the licence of the pictures or weights.
        ways: ways to get it, tried in this order.
        folder: the target of a download, relative to the data root.
        megabytes: approximate size of the download; None if unknown.
        locate: finds it below a root, see :mod:`d2lzh_cv.data.places`; None for a set that is always drawn.
        looks_for: the files that ``locate`` looks for, in words; empty if no section reads the item.
        by_hand: instructions for getting it below ``{root}`` without this package.
        extent: tells how much of the book's set a folder holds.
        draw: draws the set into a folder in its published format, with a random generator.
        check: checks a folder and fills a :class:`d2lzh_cv.data.check.Report`.
        rebuild: makes a file that the book downloads; its arguments are the set's folder, the file's name, the target.
        used_by: sections that read it, in addition to those of :mod:`d2lzh_cv.contents`.
    """

    name: str
    what: str
    licence: str = ""
    ways: tuple[Way, ...] = ()
    folder: str = ""
    megabytes: int | None = None
    locate: Callable[[Path], places.Place] | None = None
    looks_for: str = ""
    by_hand: str = ""
    extent: Callable[[Path], Extent] = lambda path: Extent(WHOLE)
    draw: Callable[[Path, Any], None] | None = None
    check: Callable[[Path, Any], None] | None = None
    rebuild: Callable[[Path, str, Path], None] | None = None
    used_by: str = ""

    @property
    def is_weights(self) -> bool:
        """Whether the item is a network's weights."""
        return self.folder == "weights"

    @property
    def sections(self) -> str:
        """The book's sections that read the item, such as "9.1, 9.3-9.5"."""
        readers = [info.order for info in contents.SECTIONS if self.name in (*info.needs, *info.backbones)]
        return _ranges(readers) or self.used_by


def items() -> list[Item]:
    """Return all items that can be fetched, data sets first."""
    return [*(item for item in _sets() if item.ways), *(_network(*row) for row in _GLUON)]


def find(name: str) -> Item:
    """Return the item ``name`` among :func:`items`. Raises InputError with all names if there is none."""
    return _named(name, items(), "no data set or network is called")


def data_sets() -> list[Item]:
    """Return the sets that sections read; "weights" stands for the weights of all networks."""
    return [item for item in _sets() if item.looks_for or item.draw]


def data_set(name: str) -> Item:
    """Return the set ``name`` among :func:`data_sets`. Raises InputError with all names if there is none."""
    return _named(name, data_sets(), "unknown data set")


def _named(name: str, items: list[Item], complaint: str) -> Item:
    for item in items:
        if item.name == name:
            return item
    raise InputError(f"{complaint} {name!r}; choose from {', '.join(item.name for item in items)}")


def _ranges(numbers: list[int]) -> str:
    """Write [1, 3, 4, 5, 7] as "9.1, 9.3-9.5, 9.7"; a range has at least three numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"9.{run[0]}-9.{run[-1]}" if len(run) > 2 else ", ".join(f"9.{n}" for n in run) for run in runs)


def _later(path: str) -> Callable:
    """Return the function ``path`` of this package, such as "pikachu.check"; the first call imports its module."""
    def call(*arguments):
        module, _, name = path.rpartition(".")
        return getattr(import_module(f".{module}", __package__), name)(*arguments)
    return call


def _mirrors(path: str) -> tuple[str, ...]:
    """Return the URLs of a file in the book's bucket. The mirror in MXNet's variable MXNET_GLUON_REPO comes first."""
    own = os.environ.get("MXNET_GLUON_REPO")
    return tuple(f"{base.rstrip('/')}/{path}" for base in ([own] if own else []) + [BOOK, CHINA])


def _loose(bases: tuple[str, ...], hashes: dict[str, str]) -> Way:
    return Way(tuple(Remote(name, tuple(base + name for base in bases), f"sha1:{digest}")
                     for name, digest in hashes.items()))


def _archive(name: str, digest: str, below: str, *urls: str) -> Way:
    return Way((Remote(name, urls, digest),), below)


def _sets() -> list[Item]:
    hotdog, voc, cifar = "hotdog.zip", "VOCtrainval_11-May-2012.tar", "cifar-10-binary.tar.gz"
    return [
        Item("img", "the book's pictures", "Apache-2.0", (_loose((D2L_ZH + "img/",), _PICTURES),), "img", 4,
             locate=places.img, looks_for="img/" + ", ".join(places.PICTURES),
             by_hand="copy img/ of d2l-ai/d2l-zh, branch v1, to {root}/img",
             draw=_later("synthetic.book_pictures.draw_img"), check=_later("check.check_pictures")),
        Item("cifar10", "CIFAR-10", "not stated; cite Krizhevsky 2009", (
                _archive(cifar, "md5:c32a1d4ab5d03f1284b67883e8d87530", "cifar-10-batches-bin",
                         f"https://www.cs.toronto.edu/~kriz/{cifar}"),
                _archive(cifar, "sha1:fab780a1e191a7eda0f345501ccd62d20f7ed891", "cifar-10-batches-bin",
                         *_mirrors(f"gluon/dataset/cifar10/{cifar}"))), "cifar10", 162,
             locate=places.cifar10, extent=extent.cifar10, looks_for="cifar10/data_batch_*.bin and test_batch.bin",
             by_hand="put the five data_batch_*.bin and test_batch.bin into {root}/cifar10",
             draw=_later("synthetic.cifar.draw_cifar10"), check=_later("cifar10.check")),
        Item("source", "drawn pictures to learn a source network on",
             draw=_later("synthetic.class_folders.draw_source")),
        Item("hotdog", "the book's hot dogs", "not stated", (
                _archive(hotdog, "sha1:fba480ffa8aa7e0febbb511d181409f899b9baa5", "hotdog",
                         *_mirrors(f"gluon/dataset/{hotdog}"), D2L + hotdog),), "hotdog",
             locate=places.hotdog, extent=extent.hotdog,
             looks_for="hotdog/train/<class>/ and hotdog/test/<class>/",
             by_hand="put train/ and test/ into {root}/hotdog", draw=_later("synthetic.class_folders.draw_hotdog"),
             check=_later("hotdog.check"), rebuild=_later("retired_hosts.zip_of_pictures")),
        Item("pikachu", "the Pikachu records", "not stated", (
                _loose(_mirrors("gluon/dataset/pikachu/"), _PIKACHU),
                _archive("pikachu.zip", "sha1:68ab1bd42143c5966785eb0d7b2839df8d570190", "pikachu",
                         D2L + "pikachu.zip")), "pikachu",
             locate=places.pikachu,
             looks_for="pikachu/train.rec, train.idx, val.rec, or train.json, val.json, train/, val/",
             by_hand="put train.rec, train.idx, val.rec (or the same as JSON and pictures) into {root}/pikachu",
             extent=extent.pikachu, draw=_later("synthetic.yellow_creatures.draw_pikachu"),
             check=_later("pikachu.check"), rebuild=_later("retired_hosts.records")),
        Item("voc", "VOC2012", "Flickr's terms, see its site", (
                _archive(voc, "sha1:4e443f8a2eca6b1dac8a6c57641b67dd40621a49", "VOCdevkit/VOC2012",
                         VOC_HOST + voc, D2L + voc),), "VOCdevkit/VOC2012", 2000,
             locate=places.voc, looks_for=f"VOCdevkit/VOC2012/{places.VOC_LIST}",
             by_hand="python -c \"import d2lzh_cv as d2l; d2l.download_voc_pascal('{root}')\" (2 GB)",
             extent=extent.voc, draw=_later("synthetic.scenes.draw_voc"),
             check=_later("voc.check"), rebuild=_later("retired_hosts.link_to_tree")),
        Item("kaggle_cifar10", "the tiny Kaggle CIFAR-10", "the competition's rules", (
                _loose((D2L_ZH + "data/kaggle_cifar10/",), _KAGGLE_CIFAR10),
                _archive("kaggle_cifar10_tiny.zip", "sha1:2068874e4b9a9f0fb07ebe0ad2b29754449ccacd",
                         "kaggle_cifar10_tiny", D2L + "kaggle_cifar10_tiny.zip")), "kaggle_cifar10", 1,
             locate=places.kaggle_cifar10,
             looks_for="kaggle_cifar10/train_tiny.zip, test_tiny.zip, trainLabels.csv.zip, or the same unpacked",
             by_hand="put train_tiny.zip, test_tiny.zip, trainLabels.csv.zip into {root}/kaggle_cifar10",
             draw=_later("synthetic.cifar.draw_kaggle_cifar10"), check=_later("kaggle.check")),
        Item("kaggle_dog", "the tiny Kaggle dogs", "the competition's rules", (
                _archive("kaggle_dog_tiny.zip", "sha1:0cb91d09b814ecdc07b50f31f8dcad3e81d6a86d", "kaggle_dog_tiny",
                         D2L + "kaggle_dog_tiny.zip"),), "kaggle_dog",
             locate=places.kaggle_dog,
             looks_for="kaggle_dog/train_valid_test_tiny.zip, or train/, test/, labels.csv",
             by_hand="put train_valid_test_tiny.zip into {root}/kaggle_dog",
             draw=_later("synthetic.dogs.draw_kaggle_dog"), check=_later("kaggle.check")),
        Item("weights", "all networks' weights", locate=places.weights, looks_for="weights/*.params or *.pth"),
        Item("banana", "bananas, to pack for 9.7", "not stated", (
                _archive("banana-detection.zip", "sha1:5de26c8fce5ccdea9f91267273464dc968d20d72", "banana-detection",
                         D2L + "banana-detection.zip"),), "banana-detection",
             locate=partial(places.fetched, folder="banana-detection"), check=_later("check.check_pictures"),
             used_by="9.7"),
    ]


def _network(name: str, digest: str, megabytes: int | None, used_by: str = "") -> Item:
    stem, pth = f"{name}-{digest[:8]}", _TORCHVISION.get(name)
    gluon = Way((Remote(f"{stem}.zip", _mirrors(f"gluon/models/{stem}.zip"), "",
                        ((f"{stem}.params", f"sha1:{digest}"),)),), "")
    return Item(name, f"weights of {name}", "Apache-2.0" + (" or BSD-3-Clause" if pth else ""),
                (gluon, _pth(pth)) if pth else (gluon,), "weights", megabytes,
                locate=partial(places.network, name=name, others=(pth,) if pth else ()),
                check=_later("check.check_weights"), used_by=used_by)


def _pth(name: str) -> Way:
    """Return the way to torchvision's file ``name``, which ends in the beginning of its SHA-256."""
    return Way((Remote(name, (TORCHVISION + name,), f"sha256:{name.rpartition('-')[2][:-len('.pth')]}"),))


_PICTURES = {"catdog.jpg": "60b7d540db03eef6b9834329bccc4417ef349bf6",
             "cat1.jpg": "f9c5b905d908b97eeeb64ff34a46fa8b143f88f8",
             "pikachu.jpg": "fffc89aa84d1869db0c4de82eeabee340d2041f0",
             "rainier.jpg": "b0193ffd8ecea1631ac1092130017b884faafa30",
             "autumn_oak.jpg": "bbe11f01403b9726bbc625589550e574fc45980a"}
_PIKACHU = {"train.rec": "e6bcb6ffba1ac04ff8a9b1115e650af56ee969c8",
            "train.idx": "dcf7318b2602c06428b9988470c731621716c393",
            "val.rec": "d6c33f799b4d058e82f2cb5bd9a976f69d72d520"}
_KAGGLE_CIFAR10 = {"train_tiny.zip": "cc9c71aa630e854698c5ae3a9cd486f83d58c101",
                   "test_tiny.zip": "13c650bc8e92931df66ef9d3467d92a16c1ef1a9",
                   "trainLabels.csv.zip": "27a66502d432e43d91f7506806b930d196ce4a6e"}
_GLUON = [  # name, SHA-1 of the .params in the archive, megabytes, sections if it is no section's backbone
    ("resnet18_v2", "a81db45fd7b7a2d12ab97cd88ef0a5ac48b8f657", 45),
    ("resnet34_v2", "9d6b80bbc35169de6b6edecffdd6047c56fdd322", 84),
    ("resnet18_v1", "a0666292f0a30ff61f857b0b66efc0228eb6a54b", 45),
    ("mobilenetv2_1.0", "36da4ff1867abccd32b29592d79fc753bca5a215", 14),
    ("squeezenet1.1", "33ba0f93753c83d86e1eb397f38a667eaf2e9376", 5),
    ("vgg19", "ad2f660d101905472b83590b59708b71ea22b2e5", 548),
    ("faster_rcnn_resnet50_v1b_voc", "447328d89d70ae1e2ca49226b8d834e5a5456df3", None, "9.8"),
    ("mask_rcnn_resnet18_v1b_coco", "e071cf1550bc0331c218a9072b59e9550595d1e7", None, "9.8"),
    ("ssd_512_resnet50_v1_voc", "9c8b225a552614e4284a0f647331bfdc6940eb4a", None, "9.8"),
    ("fcn_resnet101_voc", "12c2b9b3be7d4e133e52477150a9b3e616626a82", None, "9.10"),
]
_TORCHVISION = {"resnet18_v1": "resnet18-f37072fd.pth", "vgg19": "vgg19-dcbb9e9d.pth",
                "squeezenet1.1": "squeezenet1_1-b8a52dc0.pth", "mobilenetv2_1.0": "mobilenet_v2-b0353104.pth"}
TWINS = {name: file.rpartition("-")[0] for name, file in _TORCHVISION.items()}  # Gluon's name: torchvision's name
