"""What can be fetched, from where, and how it is known to be the right thing. Facts only; see :mod:`.fetch`."""
from __future__ import annotations

import os
from dataclasses import dataclass

from ..errors import InputError

BOOK = "https://apache-mxnet.s3-accelerate.amazonaws.com/"  # the book's own bucket; reported dead since February 2024
CHINA = "https://apache-mxnet.s3.cn-north-1.amazonaws.com.cn/"  # the same tree
D2L = "http://d2l-data.s3-accelerate.amazonaws.com/"  # the authors' later host
VOC_HOST = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/"
D2L_ZH = "https://raw.githubusercontent.com/d2l-ai/d2l-zh/v1/"
TORCHVISION = "https://download.pytorch.org/models/"


@dataclass(frozen=True)
class Remote:
    """One file: where it is, the best mirror first, and its hash.

    Attributes:
        hash: "sha1:…", "md5:…" or "sha256:…", of the last also a beginning; "" where only ``holds`` is known.
        holds: of a zip archive, files in it and their hashes.
    """

    name: str
    urls: tuple[str, ...]
    hash: str = ""
    holds: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Way:
    """One way to an item: files to put into its folder, or an archive of which what lies ``below`` goes there."""

    files: tuple[Remote, ...]
    below: str | None = None


@dataclass(frozen=True)
class Item:
    """A data set or a network's weights.

    Attributes:
        hub_name: its name for :func:`d2lzh_cv.data.hub.find`.
        folder: where it belongs below the data root.
        megabytes: about what is transferred, None where nobody has said.
        ways: how to get it; a later one is taken where an earlier one fails.
    """

    name: str
    hub_name: str
    what: str
    sections: str
    licence: str
    folder: str
    megabytes: int | None
    ways: tuple[Way, ...]


def items() -> list[Item]:
    """Return all that can be fetched, data sets first."""
    return [*_sets(), *(_weights(*row) for row in _GLUON)]


def find(name: str) -> Item:
    """Return the item ``name``. Raises InputError that lists the names for one that is not there."""
    for item in items():
        if item.name == name:
            return item
    raise InputError(f"nothing is called {name!r}; choose from {', '.join(item.name for item in items())}")


def _tree(path: str) -> tuple[str, ...]:
    """The mirrors of the book's bucket; MXNET_GLUON_REPO, MXNet's own variable, names one to ask first."""
    own = os.environ.get("MXNET_GLUON_REPO")
    return tuple(f"{base.rstrip('/')}/{path}" for base in ([own] if own else []) + [BOOK, CHINA])


def _loose(base: str, hashes: dict[str, str]) -> Way:
    return Way(tuple(Remote(name, (base + name,), f"sha1:{digest}") for name, digest in hashes.items()))


def _archive(name: str, digest: str, below: str, *urls: str) -> Way:
    return Way((Remote(name, urls, digest),), below)


def _sets() -> list[Item]:
    pikachu = {"train.rec": "e6bcb6ffba1ac04ff8a9b1115e650af56ee969c8",
               "train.idx": "dcf7318b2602c06428b9988470c731621716c393",
               "val.rec": "d6c33f799b4d058e82f2cb5bd9a976f69d72d520"}
    records = Way(tuple(Remote(name, _tree(f"gluon/dataset/pikachu/{name}"), f"sha1:{digest}")
                        for name, digest in pikachu.items()))
    hotdog, voc = "hotdog.zip", "VOCtrainval_11-May-2012.tar"
    cifar, cifar_folder = "cifar-10-binary.tar.gz", "cifar-10-batches-bin"
    return [
        Item("img", "img", "the book's pictures", "9.1, 9.3-9.5, 9.7, 9.8, 9.10, 9.11", "Apache-2.0", "img", 4,
             (_loose(D2L_ZH + "img/", _PICTURES),)),
        Item("cifar10", "cifar10", "CIFAR-10, binary", "9.1", "not stated; cite Krizhevsky 2009", "cifar10", 162, (
            _archive(cifar, "md5:c32a1d4ab5d03f1284b67883e8d87530", cifar_folder,
                     f"https://www.cs.toronto.edu/~kriz/{cifar}"),
            _archive(cifar, "sha1:fab780a1e191a7eda0f345501ccd62d20f7ed891", cifar_folder,
                     *_tree(f"gluon/dataset/cifar10/{cifar}")))),
        Item("hotdog", "hotdog", "the book's hot dogs", "9.2", "not stated", "hotdog", None, (
            _archive(hotdog, "sha1:fba480ffa8aa7e0febbb511d181409f899b9baa5", "hotdog",
                     *_tree(f"gluon/dataset/{hotdog}"), D2L + hotdog),)),
        Item("pikachu", "pikachu", "the Pikachu records", "9.6, 9.7", "not stated", "pikachu", None, (
            records, _archive("pikachu.zip", "sha1:68ab1bd42143c5966785eb0d7b2839df8d570190", "pikachu",
                              D2L + "pikachu.zip"))),
        Item("voc", "voc", "VOC2012, train and val", "9.9, 9.10", "Flickr's terms, see its site",
             "VOCdevkit/VOC2012", 2000, (
                 _archive(voc, "sha1:4e443f8a2eca6b1dac8a6c57641b67dd40621a49", "VOCdevkit/VOC2012",
                          VOC_HOST + voc, D2L + voc),)),
        Item("kaggle_cifar10", "kaggle_cifar10", "Kaggle CIFAR-10, the tiny set", "9.12", "the competition's rules",
             "kaggle_cifar10", 1, (
                 _loose(D2L_ZH + "data/kaggle_cifar10/", _KAGGLE_CIFAR10),
                 _archive("kaggle_cifar10_tiny.zip", "sha1:2068874e4b9a9f0fb07ebe0ad2b29754449ccacd",
                          "kaggle_cifar10_tiny", D2L + "kaggle_cifar10_tiny.zip"))),
        Item("kaggle_dog", "kaggle_dog", "Kaggle dogs, the tiny set", "9.13", "the competition's rules", "kaggle_dog",
             None, (_archive("kaggle_dog_tiny.zip", "sha1:0cb91d09b814ecdc07b50f31f8dcad3e81d6a86d",
                             "kaggle_dog_tiny", D2L + "kaggle_dog_tiny.zip"),)),
        Item("banana", "", "bananas, to pack for 9.7", "9.7", "not stated", "banana-detection", None, (
            _archive("banana-detection.zip", "sha1:5de26c8fce5ccdea9f91267273464dc968d20d72", "banana-detection",
                     D2L + "banana-detection.zip"),)),
    ]


def _weights(name: str, digest: str, megabytes: int | None, sections: str) -> Item:
    stem = f"{name}-{digest[:8]}"
    gluon = Way((Remote(f"{stem}.zip", _tree(f"gluon/models/{stem}.zip"), "",
                        ((f"{stem}.params", f"sha1:{digest}"),)),), "")
    pth = _TORCHVISION.get(name)
    return Item(name, "weights", f"weights of {name}", sections, "Apache-2.0" + (" or BSD-3-Clause" if pth else ""),
                "weights", megabytes, (gluon, _pth(pth)) if pth else (gluon,))


def _pth(name: str) -> Way:
    """torchvision names a file by the beginning of its SHA-256."""
    return Way((Remote(name, (TORCHVISION + name,), f"sha256:{name.rpartition('-')[2][:-len('.pth')]}"),))


_PICTURES = {"catdog.jpg": "60b7d540db03eef6b9834329bccc4417ef349bf6",
             "cat1.jpg": "f9c5b905d908b97eeeb64ff34a46fa8b143f88f8",
             "pikachu.jpg": "fffc89aa84d1869db0c4de82eeabee340d2041f0",
             "rainier.jpg": "b0193ffd8ecea1631ac1092130017b884faafa30",
             "autumn_oak.jpg": "bbe11f01403b9726bbc625589550e574fc45980a"}
_KAGGLE_CIFAR10 = {"train_tiny.zip": "cc9c71aa630e854698c5ae3a9cd486f83d58c101",
                   "test_tiny.zip": "13c650bc8e92931df66ef9d3467d92a16c1ef1a9",
                   "trainLabels.csv.zip": "27a66502d432e43d91f7506806b930d196ce4a6e"}
_GLUON = [  # name, SHA-1 of the .params in the archive, megabytes, sections
    ("resnet18_v2", "a81db45fd7b7a2d12ab97cd88ef0a5ac48b8f657", 45, "9.2, 9.10, 9.13"),
    ("resnet34_v2", "9d6b80bbc35169de6b6edecffdd6047c56fdd322", 84, "9.13"),
    ("resnet18_v1", "a0666292f0a30ff61f857b0b66efc0228eb6a54b", 45, "9.2, 9.10, 9.13"),
    ("mobilenetv2_1.0", "36da4ff1867abccd32b29592d79fc753bca5a215", 14, "9.2, 9.10, 9.13"),
    ("squeezenet1.1", "33ba0f93753c83d86e1eb397f38a667eaf2e9376", 5, "9.11"),
    ("vgg19", "ad2f660d101905472b83590b59708b71ea22b2e5", 548, "9.11"),
    ("faster_rcnn_resnet50_v1b_voc", "447328d89d70ae1e2ca49226b8d834e5a5456df3", None, "9.8"),
    ("mask_rcnn_resnet18_v1b_coco", "e071cf1550bc0331c218a9072b59e9550595d1e7", None, "9.8"),
    ("ssd_512_resnet50_v1_voc", "9c8b225a552614e4284a0f647331bfdc6940eb4a", None, "9.8"),
    ("fcn_resnet101_voc", "12c2b9b3be7d4e133e52477150a9b3e616626a82", None, "9.10"),
]
_TORCHVISION = {"resnet18_v1": "resnet18-f37072fd.pth", "vgg19": "vgg19-dcbb9e9d.pth",
                "squeezenet1.1": "squeezenet1_1-b8a52dc0.pth", "mobilenetv2_1.0": "mobilenet_v2-b0353104.pth"}
TWINS = {ours: name.rpartition("-")[0] for ours, name in _TORCHVISION.items()}  # Gluon's name, torchvision's
