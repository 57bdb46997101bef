"""How much of the book's set a folder holds: the whole, a part of it, or another set.

Only lists, names, sizes and headers are read, without MXNet: a section asks this each time it looks for its data.
"""
from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..files import listed, read_json
from .own.packed import NAME

WHOLE, PART, OTHER = "whole", "part", "other"
VOC_FIRST = ("2007_000032", "2007_000033")  # the first names of VOC2012's two lists
_VOC_NAME = re.compile(r"20(07|08|09|10|11)_\d{6}")
_CIFAR10_RECORD = 1 + 3 * 32 * 32
_CIFAR10_FIRST = (0x485DEB95, 0xEDDE7A6B)  # checksums (CRC-32) of the first picture of each part
_RECORD = struct.Struct("<II")  # the head of a record: a magic number, 3 flag bits and 29 length bits
_HEADER = struct.Struct("<IfQQ")  # then, of mxnet.recordio.pack: number of label words, label, id, id2


@dataclass(frozen=True)
class Book:
    """What the book's set holds.

    Attributes:
        what: its name in a sentence.
        parts: the names of its two parts.
        pictures: the number of pictures of each part.
    """

    what: str
    parts: tuple[str, str]
    pictures: tuple[int, int]


BOOKS = {
    "voc": Book("VOC2012", ("training", "validation"), (1464, 1449)),
    "cifar10": Book("CIFAR-10", ("training", "test"), (50_000, 10_000)),
    "pikachu": Book("the Pikachu records", ("training", "validation"), (900, 100)),
    # Their pictures have no known names or checksums, so that fewer pictures may be other ones.
    "hotdog": Book("the book's hot dogs, or other ones", ("training", "test"), (2000, 800)),
}


@dataclass(frozen=True)
class Extent:
    """How much of the book's set a folder holds.

    Attributes:
        kind: WHOLE, PART or OTHER.
        book: the book's set; None for a set without a known size.
        pictures: the number of pictures of each part of the folder; None if it is unknown.
        first: the name of the first training picture, of a set that has a list of names.
    """

    kind: str
    book: Book | None = None
    pictures: tuple[int, int] | None = None
    first: str = ""

    def __str__(self) -> str:
        """Return the extent in words, such as "a part of VOC2012: 411 of 1,464 training and ... pictures"."""
        if self.book is None or self.pictures is None or self.kind == OTHER:
            return ""
        shares = [f"{count:,} {part}" if self.kind == WHOLE else f"{count:,} of {size:,} {part}"
                  for count, size, part in zip(self.pictures, self.book.pictures, self.book.parts)]
        what = self.book.what.partition(",")[0] if self.kind == WHOLE else self.book.what
        return f"{'all' if self.kind == WHOLE else 'a part'} of {what}: {' and '.join(shares)} pictures"


def said(name: str, text: str) -> Extent | None:
    """Return the part of the book's set ``name`` that ``text``, the line that a section printed, tells; else None.

    Args:
        name: of the data set.
        text: a line with an extent in words.
    """
    book = BOOKS.get(name)
    if book is None:
        return None
    first, second = (rf"([\d,]+) of {size:,} {part}" for size, part in zip(book.pictures, book.parts))
    found = re.search(f"a part of {re.escape(book.what)}: {first} and {second} pictures", text)
    return found and Extent(PART, book, tuple(int(count.replace(",", "")) for count in found.groups()))


def voc(path: Path) -> Extent:
    """Return how much of VOC2012 the tree ``path`` holds, by its two lists. If the tree is gone, its name decides.

    All names must have VOC2012's form, and none may be in both lists. The whole has the book's numbers of names, and
    its lists begin as the book's do.
    """
    if not path.is_dir():
        return Extent(WHOLE if path.name == "VOC2012" else OTHER, BOOKS["voc"])
    lists = [_names(path / "ImageSets" / "Segmentation" / f"{part}.txt") for part in ("train", "val")]
    names = [name for part in lists for name in part]
    first = lists[0][0] if lists[0] else ""
    if len(set(names)) < len(names) or not all(map(_VOC_NAME.fullmatch, names)):
        return Extent(OTHER, BOOKS["voc"], first=first)
    begins = all(part[:1] == [name] for part, name in zip(lists, VOC_FIRST))
    return _by_numbers("voc", (len(lists[0]), len(lists[1])), begins, first)


def cifar10(path: Path) -> Extent:
    """Return how much of CIFAR-10 the folder ``path`` holds, by the sizes of its files and its first pictures."""
    if not path.is_dir():
        return Extent(WHOLE, BOOKS["cifar10"])
    train, test = listed(path, "data_batch_*.bin"), listed(path, "test_batch.bin")
    if not (train and test) or (_checksum(train[0]), _checksum(test[0])) != _CIFAR10_FIRST:
        return Extent(OTHER, BOOKS["cifar10"])
    pictures = [sum(file.stat().st_size for file in files) // _CIFAR10_RECORD for files in (train, test)]
    return _by_numbers("cifar10", (pictures[0], pictures[1]))


def hotdog(path: Path) -> Extent:
    """Return how much of the book's hot dogs the folder ``path`` can hold, by its numbers of pictures."""
    if not path.is_dir():
        return Extent(WHOLE, BOOKS["hotdog"])
    classes = [[folder for folder in listed(path / part) if folder.is_dir()] for part in ("train", "test")]
    if any([folder.name for folder in part] != ["hotdog", "not-hotdog"] for part in classes):
        return Extent(OTHER, BOOKS["hotdog"])
    pictures = [sum(len(listed(folder, "[!.]*")) for folder in part) for part in classes]
    return _by_numbers("hotdog", (pictures[0], pictures[1]))


def pikachu(path: Path) -> Extent:
    """Return how much of the Pikachu records the folder ``path`` can hold, by the number of pictures.

    Each picture must have one object of class 0. A set packed by the reader has classes.json, and is another one.
    """
    if not path.is_dir():
        return Extent(WHOLE, BOOKS["pikachu"])
    try:
        counts = [sum(_ones(path, part)) for part in ("train", "val")]
    except (InputError, OSError, TypeError, ValueError, KeyError, IndexError, AttributeError, struct.error):
        return Extent(OTHER, BOOKS["pikachu"])  # damaged files, about which their reader complains
    return Extent(OTHER, BOOKS["pikachu"]) if (path / NAME).exists() else _by_numbers("pikachu", (counts[0], counts[1]))


def _by_numbers(name: str, pictures: tuple[int, int], can_be_whole: bool = True, first: str = "") -> Extent:
    book = BOOKS[name]
    if pictures == book.pictures and can_be_whole:
        return Extent(WHOLE, book, pictures, first)
    fits = all(0 < count <= size for count, size in zip(pictures, book.pictures))
    return Extent(PART if fits and pictures != book.pictures else OTHER, book, pictures, first)


def _names(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return []


def _checksum(path: Path) -> int:
    with path.open("rb") as file:
        return zlib.crc32(file.read(_CIFAR10_RECORD))


def _ones(path: Path, part: str) -> Iterator[int]:
    """Yield 1 for each picture. Raises ValueError at a picture that has not one object of class 0."""
    file = path / f"{part}.rec"
    for rows in _labels(file) if file.is_file() else read_json(path / f"{part}.json").values():
        row = rows[0] if len(rows) == 1 else rows
        if len(row) != 5 or row[0] != 0:
            raise ValueError(f"{path} has pictures of another kind")
        yield 1


def _labels(rec: Path) -> Iterator[list[float]]:
    """Yield the rows of each label of a record file, as one list; their pictures are skipped."""
    with rec.open("rb") as file:
        while head := file.read(_RECORD.size):
            word = _RECORD.unpack(head)[1]
            end = file.tell() + -(-(word & ((1 << 29) - 1)) // 4) * 4
            if word >> 29 in (0, 1):  # a whole record, or the first part of one
                words = _HEADER.unpack(file.read(_HEADER.size))[0]
                label = struct.unpack(f"<{words}f", file.read(4 * words))
                yield list(label[int(label[0]):])
            file.seek(end)
