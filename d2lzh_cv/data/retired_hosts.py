"""The book's download lines without the book's host: the data root replaces it.

``place`` writes the file of such a line. It copies the file from the data root, or makes it from the set there: a zip
of the hot dogs, records of the Pikachu pictures, or an archive that unpacks to a link to VOC2012.
"""
from __future__ import annotations

import filecmp
import os
import re
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import urlsplit

from mxnet.gluon.utils import check_sha1

from ..errors import InputError
from ..files import write_atomically
from . import catalogue, hub
from .catalogue import Item, Remote
from .download import Unavailable, download
from .fetch import DOWNLOADS, present
from .pikachu import records_of
from .places import VOC_LIST
from .records import check_records

_RETIRED = re.compile(r"apache-mxnet\.s3-accelerate(\.[a-z]+)*\.amazonaws\.com")
_VOC = "VOCdevkit/VOC2012"
_OTHER = "(not the file that the book names: another hash)"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time in zips, so that the same set gives the same bytes


class HostGone(InputError):
    """A file of the retired host is not on the disk; the message says where to put it and what to run."""


def is_retired(url: str) -> bool:
    """Return whether ``url`` is on the book's bucket, reported dead since February 2024."""
    return bool(_RETIRED.fullmatch(urlsplit(url).hostname or ""))


def is_answered(url: str) -> bool:
    """Return whether :func:`place` handles ``url``: a file of the retired host, or the book's archive of VOC2012."""
    return is_retired(url) or _registered(url) is not None


def place(url: str, target: Path, sha1: str | None = None) -> None:
    """Write the file of ``url`` to ``target`` and print one line about its source.

    The data root is searched first, then the folder of ``target`` and its parent, where the book keeps its sets. A file
    with the right hash is preferred, then a file made from the set, then a complete file with another hash. Without any
    of them, VOC2012 is downloaded from its own host. A different file at ``target`` is kept as NAME.replaced.

    Args:
        url: a URL with ``is_answered(url)``.
        target: the file to write; its folder is made.
        sha1: the expected hash, by default the registered one.

    Raises:
        HostGone: the file is not on the disk.
        InputError: the file on the disk is damaged, ``target`` cannot be written, or VOC2012 cannot be fetched.
    """
    item, remote = _registered(url) or (None, None)
    name = PurePosixPath(urlsplit(url).path).name
    roots = list(dict.fromkeys(path.resolve() for path in (hub.data_root(), target.parent, target.parent.parent)))
    folder = item.folder if item else PurePosixPath(urlsplit(url).path).parent.name
    files = [path for root in roots for path in (root / name, root / folder / name) if path.is_file()]
    algorithm, _, registered = remote.hash.partition(":") if remote else ("", "", "")
    expected = sha1 or (registered if algorithm == "sha1" else None)
    right = next((path for path in files if _has_sha1(path, expected)), None)
    if right is not None:
        return _copy(right, target, f"{name}: {right}")
    for root in roots if item and item.rebuild else []:
        tree = present(item, root)
        if tree is not None:
            return item.rebuild(tree, name, target)
    if files:
        _check_complete(files[0])
        return _copy(files[0], target, f"{name}: {files[0]}" + (f" {_OTHER}" if expected else ""))
    if item and not is_retired(url):
        return _fetch(item, remote, target)
    raise HostGone(_what_to_do(url, name, item, remote))


def _registered(url: str) -> tuple[Item, Remote] | None:
    """Return the item and its file that the book downloads from ``url``, or None."""
    for item in catalogue.items():
        for way in item.ways:
            for file in way.files:
                if any(_same_file(url, known) for known in file.urls):
                    return item, file
    return None


def _same_file(url: str, known: str) -> bool:
    if is_retired(url):
        return is_retired(known) and urlsplit(url).path == urlsplit(known).path
    return url == known and url.startswith(catalogue.VOC_HOST)


def _has_sha1(path: Path, sha1: str | None) -> bool:
    try:
        return sha1 is not None and check_sha1(str(path), sha1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; put the file there again") from error


def _what_to_do(url: str, name: str, item: Item | None, remote: Remote | None) -> str:
    gone = f"{name} is not here, and the book's host {urlsplit(url).hostname} is gone"
    if item is None:
        return f"{gone}: put {name} into {hub.data_root()}, or set MXNET_GLUON_REPO to a mirror"
    if item.is_weights or not remote.is_archive:
        return f"{gone}: put {name} into {hub.data_root() / item.folder}, or run: d2lzh-cv data fetch {item.name}"
    unpacked = f" (or what it holds, as {item.folder}/)" if item.rebuild else ""
    return f"{gone}: put {name}{unpacked} into {hub.data_root()}, or run: d2lzh-cv data fetch {item.name}"


def _copy(source: Path, target: Path, line: str) -> None:
    if source != target.resolve():
        with source.open("rb") as content:
            _put(target, lambda file: shutil.copyfileobj(content, file, 1 << 20))
    print(line)


def _put(target: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write ``target`` in one step; a different file at ``target`` is kept as NAME.replaced."""
    new = target.with_name(f".{target.name}.new")
    with write_atomically(new) as file:
        write(file)
    try:
        if target.is_file() and not filecmp.cmp(new, target, shallow=False):
            os.replace(target, target.with_name(f"{target.name}.replaced"))
        os.replace(new, target)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise InputError(f"cannot write {target}: {error.strerror}; choose another path") from error


def zip_of_pictures(folder: Path, name: str, target: Path) -> None:
    """Write the book's archive of the hot dogs to ``target``, from the pictures in ``folder``."""
    pictures = [path for part in ("train", "test") for path in sorted((folder / part).glob("*/*")) if path.is_file()]

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for path in pictures:
                member = zipfile.ZipInfo(f"hotdog/{path.relative_to(folder).as_posix()}", _EPOCH)
                member.external_attr = 0o644 << 16
                archive.writestr(member, _content(path))
    _put(target, write)
    print(f"{name}: made from the {len(pictures)} pictures of {folder}")


def _content(path: Path) -> bytes:
    try:
        str(path).encode()
        return path.read_bytes()
    except UnicodeEncodeError as error:
        raise InputError(f"{ascii(str(path))}: its name is not UTF-8, which a zip needs; rename it") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; put the picture there again") from error


def records(folder: Path, name: str, target: Path) -> None:
    """Write the book's record file ``name`` to ``target``, from the set in ``folder``."""
    source = (records_of(folder) / name).resolve()
    if source.suffix == ".rec":
        check_records(source)
    packed = source.parent != folder.resolve()
    _copy(source, target, f"{name}: " + (f"packed from {folder}" if packed else f"{source} {_OTHER}"))


def link_to_tree(tree: Path, name: str, target: Path) -> None:
    """Write an archive with only a link to ``tree``, because VOC2012 takes 2 GB. It leaves an unpacked tree alone."""
    unpacked = target.parent / _VOC
    in_place = unpacked.is_dir() and not unpacked.is_symlink()
    if in_place and not (unpacked / VOC_LIST).is_file():
        raise InputError(f"{unpacked} holds no {VOC_LIST}; move it away, so that a link to {tree} can take its place")

    def write(file: BinaryIO) -> None:
        with tarfile.open(fileobj=file, mode="w") as archive:
            if in_place:
                member = archive.gettarinfo(str(unpacked), _VOC)
            else:
                member = tarfile.TarInfo(_VOC)
                member.type, member.linkname = tarfile.SYMTYPE, str(tree.resolve())
            archive.addfile(member)
    _put(target, write)
    print(f"{name}: " + (f"{unpacked} is in place" if in_place else f"unpacks to a link to {tree.resolve()}"))


def _check_complete(path: Path) -> None:
    """Raise InputError for a truncated archive or record file: its hash is not the book's, so it may be broken."""
    if path.suffix == ".rec":
        check_records(path)
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                complete = archive.testzip() is None
        elif path.suffix in (".tar", ".gz"):
            with tarfile.open(path) as archive:
                complete = bool(archive.getmembers())
        else:
            return
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError):
        complete = False
    if not complete:
        raise InputError(f"{path} is not a whole archive and not the book's file; put the book's file there, or remove "
                         "this one")


def _fetch(item: Item, remote: Remote, target: Path) -> None:
    try:
        download(remote, target, target.parent / DOWNLOADS)
    except Unavailable as error:
        raise Unavailable(f"{error} (put {remote.name}, or the tree {item.folder}, into {hub.data_root()}, or run: "
                          f"d2lzh-cv data fetch {item.name})") from error
