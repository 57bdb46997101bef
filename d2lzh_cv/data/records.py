"""RecordIO files of detection pictures: their check, and their packing from JSON files and pictures.

A record is the magic number, a word of 3 flag bits and 29 length bits, the content, and zeros up to a multiple of 4.
"""
from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import mxnet as mx
import numpy as np

from ..errors import InputError
from ..files import read_json
from .derived import make_once
from .pixels import check_picture_bytes, decode, for_records, read_file

MAGIC = 0xCED7230A
_HEADER = struct.Struct("<IfQQ")  # of mxnet.recordio.pack: flag (number of label words), label, id, id2


def check_records(rec: str | Path, idx: str | Path | None = None, decode: bool = False,
                  needs_object: bool = True) -> int:
    """Check the record file ``rec`` up to its last byte and return its number of pictures. Section 9.6.

    Each label must have an object, or no row, which means a background picture.

    Args:
        idx: the index file, if it is to be checked too.
        decode: decode every picture; else a picture only has to start and end like a JPEG or PNG, and pictures of
            other formats are decoded.
        needs_object: require at least one picture with an object.

    Raises InputError naming the file.
    """
    rec = Path(rec)
    starts, objects = [], 0
    with _mapped(rec) as content:
        for start, record in _records(content, rec):
            objects += _check_record(record, f"picture {len(starts)} of {rec}", decode)
            starts.append(start)
    if needs_object and not objects:
        raise InputError(f"{rec}: none of its pictures has an object, so there is nothing to learn; "
                         "pack a set with objects")
    if idx is not None:
        _check_index(Path(idx), rec, set(starts))
    return len(starts)


def pack_detection(folder: str | Path, out: str | Path) -> Path:
    """Pack a detection set into {train,val}.{rec,idx} in the folder ``out``, and return ``out``. Section 9.6.

    ``folder`` has train.json, train/, val.json, val/. Each JSON maps a picture's name to [class, xmin, ymin, xmax,
    ymax], relative corners, or to a list of such rows, which is empty for a background picture. A record has the
    picture as :func:`.pixels.for_records` gives it, and the label [4, 5, width, height, rows...], width and height in
    pixels. The set is packed again only if a JSON or a picture has changed.
    Raises InputError naming a missing or broken file, or a picture with an invalid box.
    """
    folder, splits = Path(folder), ("train", "val")
    sources = [path for split in splits for path in (folder / f"{split}.json", *(folder / split).glob("*"))]

    def pack(temporary: Path) -> None:
        for split in splits:
            _pack_split(folder, split, temporary, Path(out))
    return make_once(Path(out), sources, pack)


def _mapped(rec: Path) -> mmap.mmap:
    """Map the file into memory, because a set may be larger than the memory."""
    try:
        with rec.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError as error:
        raise InputError(f"{rec} is empty; fetch or pack it again") from error
    except OSError as error:
        raise InputError(f"cannot read {rec}: {error.strerror}; fetch or pack it again") from error


def _records(content: mmap.mmap, rec: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, content) of each record. A record that contains the magic number is stored in several parts."""
    offset, start, parts = 0, 0, []
    while offset < len(content):
        flag, part, end = _part(content, offset, rec)
        if (flag in (0, 1)) == bool(parts):  # 0 whole, 1 first, 2 middle, 3 last
            raise InputError(f"{rec} is damaged at byte {offset}: its parts do not join up; fetch or pack it again")
        start = start if parts else offset
        parts.append(part)
        offset = end
        if flag in (0, 3):
            yield start, struct.pack("<I", MAGIC).join(parts)
            parts = []
    if parts:
        raise InputError(f"{rec} is cut off in its last picture; fetch or pack it again")


def _part(content: mmap.mmap, offset: int, rec: Path) -> tuple[int, bytes, int]:
    if offset + 8 > len(content):
        raise InputError(f"{rec} is cut off in its last picture; fetch or pack it again")
    magic, word = struct.unpack_from("<II", content, offset)
    if magic != MAGIC:
        raise InputError(f"{rec} is damaged at byte {offset}, or not a .rec file; fetch or pack it again")
    length = word & (1 << 29) - 1
    end = offset + 8 + (length + 3) // 4 * 4
    if end > len(content):
        raise InputError(f"{rec} is cut off in its last picture; fetch or pack it again")
    return word >> 29, content[offset + 8:offset + 8 + length], end


def is_background(label: np.ndarray) -> bool:
    """Return whether a record's label is only a head, [words in the head, words in a row, ...], without a row."""
    return len(label) >= 2 and len(label) == label[0] and label[1] >= 5


def _check_record(record: bytes, name: str, decode: bool) -> int:
    """Check a record and return the number of its objects."""
    words = _HEADER.unpack_from(record)[0] if len(record) >= _HEADER.size else 0
    label = np.frombuffer(record, "<f4", count=min(words, (len(record) - 24) // 4), offset=24) if words else []
    if len(label) < 2 or label[0] < 2 or label[1] < 5 or (len(label) - label[0]) % label[1]:
        raise InputError(f"{name} has no detection label; pack the set again")
    rows = label[int(label[0]):].reshape(-1, int(label[1]))
    objects = int(((rows[:, 3] > rows[:, 1]) & (rows[:, 4] > rows[:, 2])).sum())
    if not objects and not is_background(label):
        raise InputError(f"{name} has no object with a box; add its box, or remove its rows if it shows no object")
    picture = record[24 + 4 * words:]
    if decode or not _ends_well(picture):
        check_picture_bytes(picture, name)
    return objects


def _ends_well(picture: bytes) -> bool:
    jpeg = picture.startswith(b"\xff\xd8") and picture.endswith(b"\xff\xd9")
    return jpeg or picture.startswith(b"\x89PNG") and picture.endswith(b"IEND\xaeB`\x82")


def _check_index(idx: Path, rec: Path, starts: set[int]) -> None:
    try:
        offsets = [int(line.split("\t")[1]) for line in idx.read_text(encoding="ascii").splitlines()]
    except OSError as error:
        raise InputError(f"cannot read {idx}: {error.strerror}; fetch or pack it again") from error
    except (ValueError, IndexError) as error:
        raise InputError(f"{idx} is not an index of a .rec file; fetch or pack it again") from error
    if not offsets or not starts.issuperset(offsets):
        raise InputError(f"{idx} does not fit {rec}: it points where no picture starts; fetch or pack both again")


def pack_record(content: bytes, rows: Sequence[Sequence[float]] | np.ndarray, size: tuple[int, int], i: int) -> bytes:
    """Return the record number ``i``, of the picture file ``content``.

    Args:
        rows: (objects, 5), rows [class, xmin, ymin, xmax, ymax], relative corners; empty for a background picture.
        size: (width, height) in pixels.
    """
    label = np.concatenate([[4, 5, *size], np.asarray(rows, dtype=np.float32).ravel()])
    return mx.recordio.pack(mx.recordio.IRHeader(0, label, i, 0), content)


def write_records(stem: Path, records: Iterable[bytes], shown: Path | None = None, needs_object: bool = True) -> None:
    """Write ``records`` to ``stem``.rec and ``stem``.idx, and check the files: MXNet's writer ignores a full disk.

    Args:
        shown: the name of ``stem`` in messages.
        needs_object: see :func:`check_records`.
    """
    rec, idx = stem.with_suffix(".rec"), stem.with_suffix(".idx")
    try:
        writer = mx.recordio.MXIndexedRecordIO(str(idx), str(rec), "w")
        for i, record in enumerate(records):
            writer.write_idx(i, record)
        writer.close()
        check_records(rec, idx, needs_object=needs_object)
    except mx.base.MXNetError as error:
        raise InputError(f"cannot write {(shown or stem).with_suffix('.rec')}: the disk may be full; "
                         "free some space") from error


def first_picture(rec: str | Path) -> tuple[mx.nd.NDArray, np.ndarray]:
    """Return the first picture with an object, or the first of all: (H, W, 3) uint8, and its rows (objects, 5)."""
    with _mapped(Path(rec)) as content:
        unpacked = (mx.recordio.unpack(record) for _, record in _records(content, Path(rec)))
        first = next(unpacked)
        header, picture = next((pair for pair in chain([first], unpacked) if not is_background(pair[0].label)), first)
    rows = header.label[int(header.label[0]):].reshape(-1, int(header.label[1]))
    return decode_as_stored(picture, f"picture 1 of {rec}"), rows[:, :5]


def decode_as_stored(picture: bytes, name: str) -> mx.nd.NDArray:
    """Return the picture (H, W, 3) of a record as it is stored: its boxes belong to the picture that is not turned.

    Raises InputError calling it ``name`` if it cannot be decoded.
    """
    try:
        return mx.image.imdecode(picture)
    except mx.base.MXNetError:
        return mx.nd.array(decode(picture, name, upright=False), dtype="uint8")


def _pack_split(folder: Path, split: str, out: Path, shown: Path) -> None:
    boxes = read_json(folder / f"{split}.json")
    if not isinstance(boxes, dict) or not boxes:
        raise InputError(f"{folder / split}.json names no pictures; it must map a name to [class, x, y, x, y]")
    if split == "train" and not any(boxes.values()):
        raise InputError(f"{folder / split}.json gives no picture an object, so there is nothing to learn")
    records = (_record(folder / split / name, rows, i, folder / f"{split}.json")
               for i, (name, rows) in enumerate(boxes.items()))
    write_records(out / split, records, shown / split, needs_object=split == "train")


def _record(picture: Path, rows: list, i: int, source: Path) -> bytes:
    content = read_file(picture)
    size = check_picture_bytes(content, picture).upright
    return pack_record(for_records(content, picture), _boxes(rows, picture.name, source), size, i)


def _boxes(rows: list, name: str, source: Path) -> np.ndarray:
    """Return the rows as (objects, 5). Raises InputError if one is not a class and a box inside the picture."""
    if rows == []:
        return np.zeros((0, 5), np.float32)  # background
    try:
        boxes = np.array(rows, dtype=np.float32).reshape(-1, 5)
    except ValueError as error:
        raise InputError(f"{source}: {name} needs rows of [class, xmin, ymin, xmax, ymax]") from error
    inside = (boxes[:, 1:] >= 0).all() and (boxes[:, 1:] <= 1).all() and (boxes[:, 0] >= 0).all()
    if not len(boxes) or not inside or (boxes[:, 3:] <= boxes[:, 1:3]).any():
        raise InputError(f"{source}: {name} needs boxes with xmin < xmax and ymin < ymax, all from 0 to 1")
    return boxes
