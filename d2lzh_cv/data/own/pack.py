"""Packing: find the format, read, check, split, write; the folder is whole or not there."""
from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import InputError
from ...files import make_folder_atomically, write_json
from ..records import pack_record, write_records
from . import coco, csv_boxes, masks, voc_tree, voc_xml, yolo
from .check import Checked, Sample, check
from .entries import Folder, Reading
from .packed import NAME
from .pictures import content_of
from .report import BadData, Summary, counted, left_out
from .split import split


def pack(src: str | Path, out: str | Path, kind: str = "auto", val_ratio: float | None = None,
         classes: Sequence[str] | None = None, skip_bad: bool = False, seed: int = 0) -> Summary:
    """Pack the annotated pictures of ``src`` into the folder ``out``.

    Args:
        src: a folder, or the JSON or CSV file in it.
        out: does not exist yet, or is empty. Boxes become train.rec, train.idx, val.rec, val.idx; masks a VOC tree;
            both with classes.json.
        kind: auto, voc, coco, yolo, csv or masks.
        val_ratio: part of the pictures for validation; by default the set's own split, or 0.1.
        classes: names in the order of their numbers, in place of the set's own.
        skip_bad: leave out every picture with a problem. A box alone is never left out: its object would be learnt
            as background.
        seed: of the drawn split.

    Raises:
        BadData: something is wrong and ``skip_bad`` is not set.
        InputError: ``src`` or ``out`` cannot be used at all.
    """
    src, out = Path(src), Path(out)
    _check_arguments(src, out, val_ratio, classes)
    folder = Folder(Path(os.path.abspath(src if src.is_dir() else src.parent)))
    if kind == "masks" or (kind == "auto" and src.is_dir() and masks.folders_of(folder)):
        return voc_tree.pack(folder, out, val_ratio, classes, skip_bad, seed)
    reading = _read(src, folder, kind, classes)
    checked = check(reading, folder, classes)
    if checked.problems and not skip_bad:
        raise BadData(checked.problems, checked.bad, len(reading.entries))
    parts, unused = split(checked.samples, lambda sample: sample.split, val_ratio, seed)
    _write(out, parts, checked, reading.format)
    return Summary(_lines(out, parts, unused, checked, reading), checked.problems)


def _check_arguments(src: Path, out: Path, val_ratio: float | None, classes: Sequence[str] | None) -> None:
    if not src.exists():
        raise InputError(f"no folder or file {src}; give the folder with the annotations and pictures")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already; name a folder that does not exist, or remove it first")
    if val_ratio is not None and not 0 < val_ratio < 1:
        raise InputError(f"--val-ratio {val_ratio:g} is not between 0 and 1; 0.1 keeps a tenth for validation")
    if classes is not None and (not classes or len(set(classes)) < len(classes)):
        raise InputError("--classes names a class twice, or none at all; give each once")


def _read(src: Path, folder: Folder, kind: str, classes: Sequence[str] | None) -> Reading:
    """Read with the reader of ``kind``, or of the first format whose files are there."""
    own = Path(os.path.abspath(src))
    files = {"coco": [own] if src.suffix.lower() == ".json" else [],
             "csv": [own] if src.suffix.lower() == ".csv" else []} if src.is_file() else {}
    readers: dict[str, Callable[[], Reading | None]] = {
        "voc": lambda: voc_xml.read(folder),
        "coco": lambda: coco.read(folder, files.get("coco") or coco.files_of(folder)),
        "yolo": lambda: yolo.read(folder, list(classes) if classes else None),
        "csv": lambda: csv_boxes.read(folder, files.get("csv") or csv_boxes.files_of(folder))}
    try:
        reading = readers[kind if kind != "auto" else _guess(src, folder, files)]()
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}; make it readable or remove it") from error
    if not reading.entries:
        raise InputError(f"{src} holds no annotations of the kind {reading.format}; see d2lzh-cv data pack --help")
    return reading


def _guess(src: Path, folder: Folder, files: dict[str, list[Path]]) -> str:
    if files:
        found = [kind for kind, paths in files.items() if paths]
    else:
        found = [kind for kind, there in (
            ("voc", lambda: any(path.suffix.lower() == ".xml" for path in folder.files)),
            ("coco", lambda: coco.files_of(folder)), ("csv", lambda: csv_boxes.files_of(folder)),
            ("yolo", lambda: yolo.labels_of(folder))) if there()]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{src} holds annotations of several kinds ({', '.join(found)}); choose one with --format")
    raise InputError(f"{src} holds no annotations: no VOC .xml, no COCO .json, no CSV with columns filename, class, "
                     "xmin, ymin, xmax, ymax, no YOLO labels/, no images/ with masks/")


def _write(out: Path, parts: dict[str, list[Sample]], checked: Checked, kind: str) -> None:
    with make_folder_atomically(out) as temporary:
        for part, samples in parts.items():
            records = (pack_record(content_of(sample.picture, sample.turn), sample.rows, sample.size, i)
                       for i, sample in enumerate(samples))
            write_records(temporary / part, records, out / part)
        write_json(temporary / NAME, {
            "task": "detect", "classes": checked.classes, "source": kind,
            "pictures": {part: len(samples) for part, samples in parts.items()},
            "objects": {part: _objects(samples, checked.classes) for part, samples in parts.items()}})


def _objects(samples: list[Sample], classes: list[str]) -> dict[str, int]:
    counts = Counter(int(row[0]) for sample in samples for row in sample.rows)
    return {name: counts[i] for i, name in enumerate(classes)}


def _lines(out: Path, parts: dict[str, list[Sample]], unused: int, checked: Checked, reading: Reading) -> list[str]:
    counts = {part: _objects(samples, checked.classes) for part, samples in parts.items()}
    lines = [f"{reading.format}, {counted(len(reading.entries), 'picture')}, coordinates "
             f"{'relative' if checked.relative else 'in pixels'}", *reading.notes,
             *left_out(checked.bad, checked.problems, unused)]
    for part, samples in parts.items():
        objects = ", ".join(f"{name} {count}" for name, count in counts[part].items())
        lines.append(f"{part}: {counted(len(samples), 'picture')}; objects: {objects}")
    lines += [f"no training picture shows {name!r}: it cannot be learnt"
              for name, count in counts["train"].items() if not count]
    return [*lines, f"packed into {out}; train on it with: d2lzh-cv run 9.7 --data {shlex.quote(str(out))}"]
