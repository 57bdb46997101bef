"""Answers Gluon's and GluonCV's own downloads, as in the book's cells, from the data root.

``install`` changes three functions in both libraries: ``download`` for files of the book's retired host and VOC2012,
``get_model_file`` for ``pretrained=True``, and ``CIFAR10``'s reader. Other addresses are downloaded as usual. The
mirror in MXNET_GLUON_REPO is asked for files that the data root lacks.
"""
from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from ..errors import InputError


def install() -> None:
    """Replace the functions in all imported parts of MXNet and GluonCV; a replaced function stays."""
    for name in ("mxnet.gluon.utils", "gluoncv.utils.download"):
        module = sys.modules.get(name)
        if module is not None and not hasattr(module.download, "__wrapped__"):
            _rebind(module.download, _answering(module.download))
    for name in ("mxnet.gluon.model_zoo.model_store", "gluoncv.model_zoo.model_store"):
        module = sys.modules.get(name)
        if module is not None and not hasattr(module.get_model_file, "__wrapped__"):
            _rebind(module.get_model_file, _finding_weights(module))
    datasets = sys.modules.get("mxnet.gluon.data.vision.datasets")
    if datasets is not None and not hasattr(datasets.CIFAR10._get_data, "__wrapped__"):
        datasets.CIFAR10._get_data = _reading_data_root(datasets.CIFAR10._get_data)


def _rebind(old: Callable, new: Callable) -> None:
    """Replace the function in every module that has imported it by name."""
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] in ("mxnet", "gluoncv") and vars(module).get(old.__name__) is old:
            setattr(module, old.__name__, new)


def _answering(download: Callable) -> Callable:
    @functools.wraps(download)
    def answer(url, path=None, overwrite=False, sha1_hash=None, *rest, **options):
        from ..data import retired_hosts  # imported here and below, to keep the import of MXNet fast
        if not retired_hosts.is_answered(url):
            return download(url, path, overwrite, sha1_hash, *rest, **options)
        target = _target(url, path)
        if not overwrite and os.path.exists(target) and (
                not sha1_hash or sys.modules["mxnet.gluon.utils"].check_sha1(target, sha1_hash)):
            return target
        try:
            retired_hosts.place(url, Path(target), sha1_hash)
        except retired_hosts.HostGone:
            mirror = os.environ.get("MXNET_GLUON_REPO")
            if not mirror or retired_hosts.is_retired(mirror):
                raise
            url = mirror.rstrip("/") + urlsplit(url).path
            return download(url, target, overwrite, sha1_hash, *rest, **options)
        return target
    return answer


def _target(url: str, path: str | None) -> str:
    """The file that Gluon would write; a path that does not exist and has no suffix is a folder."""
    name = urlsplit(url).path.rpartition("/")[2]
    if path is None:
        return name
    path = os.path.expanduser(path)
    is_folder = os.path.isdir(path) or not os.path.exists(path) and not os.path.splitext(path)[1]
    return os.path.join(path, name) if is_folder else path


def _finding_weights(store: ModuleType) -> Callable:
    original = store.get_model_file

    @functools.wraps(original)
    def get_model_file(name, *args, **options):
        from ..data.retired_hosts import HostGone
        try:
            return original(name, *args, **options)
        except HostGone:
            return str(_weights(name, store))
    return get_model_file


def _weights(name: str, store: ModuleType) -> Path:
    """The file with the weights of ``name`` in the data root; it keeps its name, which contains its hash."""
    from mxnet import nd

    from ..data import catalogue
    from ..data.hub import data_root
    from ..data.retired_hosts import HostGone
    from .pretrained import BIAS, find_params, shipped_params, where_to_get
    folder = data_root() / "weights"
    published = folder / f"{name}-{store.short_hash(name)}.params"
    path = published if published.is_file() else find_params(folder, name, whole=True) or shipped_params(name)
    if path is None:
        fetch = any(item.name == name for item in catalogue.items())
        raise HostGone(f"no weights of {name} in {folder}, and the book's host is gone: {where_to_get(name)}"
                       + (f"; or run: d2lzh-cv data fetch {name}" if fetch else "")) from None
    if name.startswith("mobilenetv2") and BIAS in nd.load(str(path)):
        raise InputError(f"the weights of {name} in {folder} are torchvision's, whose output has a bias that "
                         f"this network lacks: put Gluon's {name}.params there, or use "
                         "d2lzh_cv.weights.pretrained.pretrained") from None
    print(f"{name}: weights of {path}" + ("" if store.check_sha1(str(path), store._model_sha1[name]) else
                                          " (not the file that the book names: another hash)"))
    return path


def _reading_data_root(original: Callable) -> Callable:
    @functools.wraps(original)
    def _get_data(self):
        from ..data.retired_hosts import HostGone
        try:
            original(self)
        except HostGone:
            if self._namespace != "cifar10":
                raise
            self._data, self._label = _cifar10(Path(self._root), self._train)
    return _get_data


def _cifar10(requested: Path, train: bool) -> tuple:
    """Pictures and labels from the data root, else from the requested folder; a part of the five files suffices."""
    import mxnet as mx

    from ..data import hub
    from ..data.cifar10 import read_cifar10
    from ..data.retired_hosts import HostGone
    folder, _ = hub.locate("cifar10", hub.data_root()) or (requested, "")
    files = sorted(path.name for path in folder.glob("data_batch_*.bin"))
    if not files or not (folder / "test_batch.bin").is_file():
        raise HostGone("CIFAR-10 is not here, and the book's host is gone: put data_batch_*.bin and test_batch.bin "
                       f"into {hub.data_root() / 'cifar10'}, or run: d2lzh-cv data fetch cifar10") from None
    pictures, labels = read_cifar10(folder, train)
    print(f"CIFAR10: {len(labels)} pictures, {len(files)} of the 5 training files in {folder}" if train else
          f"CIFAR10: {len(labels)} pictures, test_batch.bin in {folder}")
    if mx.util.is_np_array():
        return mx.np.array(pictures, dtype=pictures.dtype), mx.np.array(labels, dtype=labels.dtype)
    return mx.nd.array(pictures, dtype=pictures.dtype), labels
