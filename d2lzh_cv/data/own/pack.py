"""Packing of an annotated set: find its format, read, check, split and write it."""
from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from ...files import write_json
from ..records import pack_record, write_records
from . import formats, masks, voc_tree
from .entries import Reading
from .folder import Folder
from .names import clean
from .packed import NAME, check_free, new_set
from .pictures import content_of
from .split import split
from .summary import BadData, Summary, counted, left_out
from .text import Texts
from .validation import Checked, Sample, check


def pack(src: str | Path, out: str | Path, kind: str = "auto", val_ratio: float | None = None,
         classes: Sequence[str] | None = None, skip_bad: bool = False, seed: int = 0,
         pictures: str | Path | None = None, encoding: str | None = None) -> Summary:
    """Pack the annotated pictures of ``src`` into the folder ``out``.

    Args:
        src: a folder, or the JSON, CSV or CVAT file in it.
        out: a new or empty folder. Boxes become train.rec, train.idx, val.rec, val.idx; masks become a VOC tree; both
            get classes.json. The folder appears only when it is complete.
        kind: auto, voc, cvat, coco, yolo, csv or masks.
        val_ratio: the part of the pictures for validation; by default the set's own split, or 0.1.
        classes: names in the order of their numbers; they replace the set's own.
        skip_bad: leave out every picture with a problem. A single box is never left out: its object would be learnt
            as background.
        seed: the seed of a random split.
        pictures: the folder of the pictures, if it is not the annotations' folder.
        encoding: the encoding of all text files, if it is neither UTF-8 nor GB18030.

    Raises:
        BadData: pictures have problems, and ``skip_bad`` is not set.
        InputError: ``src`` or ``out`` cannot be used at all.
    """
    src, out = Path(src), Path(out)
    classes = None if classes is None else [clean(name) for name in classes]
    _check_arguments(src, out, val_ratio, classes, pictures)
    folder = Folder(Path(os.path.abspath(src if src.is_dir() else src.parent)), Texts(encoding),
                    Path(os.path.abspath(pictures)) if pictures is not None else None)
    if kind == "masks" or (kind == "auto" and src.is_dir() and _are_masks(src, folder)):
        return voc_tree.pack(folder, out, val_ratio, classes, skip_bad, seed)
    reading = formats.read(src, folder, kind, classes)
    checked = check(reading, folder, classes)
    if checked.problems and not skip_bad:
        raise BadData(checked.problems, checked.bad, len(reading.entries))
    parts, unused = split(checked.samples, lambda sample: sample.split, val_ratio, seed,
                          counts=lambda sample: bool(sample.rows))
    for part, word in (("train", "training"), ("val", "validation")):
        if not any(sample.rows for sample in parts[part]):
            raise InputError(f"no {word} picture of {src} shows an object; add one, or draw new parts with --val-ratio")
    _write(out, parts, checked, reading.format)
    return Summary(_lines(out, parts, unused, checked, reading, folder), checked.problems)


def _check_arguments(src: Path, out: Path, val_ratio: float | None, classes: Sequence[str] | None,
                     pictures: str | Path | None) -> None:
    if not src.exists():
        raise InputError(f"no folder or file {src}; give the folder with the annotations and pictures")
    if pictures is not None and not Path(pictures).is_dir():
        raise InputError(f"--pictures {pictures}: no such folder; give the one that holds the pictures")
    try:
        str(out).encode()
    except UnicodeEncodeError:
        raise InputError(f"{str(out)!r} is not UTF-8, and MXNet opens no such file; name another folder") from None
    check_free(out)
    if val_ratio is not None and not 0 < val_ratio < 1:
        raise InputError(f"--val-ratio {val_ratio:g} is not between 0 and 1; 0.1 keeps a tenth for validation")
    if classes is not None and (not classes or len(set(classes)) < len(classes)):
        raise InputError("--classes names a class twice, or no class; give each once")


def _are_masks(src: Path, folder: Folder) -> bool:
    """Return whether the set has masks. Raises InputError if it has boxes too."""
    if masks.folders_of(folder) is None:
        return False
    boxes = [kind for kind, form in formats.FORMATS.items() if form.files_of(folder)]
    if boxes:
        raise InputError(f"{src} holds masks and boxes ({', '.join(boxes)}); choose with --format masks or --format "
                         f"{boxes[0]}")
    return True


def _write(out: Path, parts: dict[str, list[Sample]], checked: Checked, kind: str) -> None:
    with new_set(out) as temporary:
        for part, samples in parts.items():
            records = (pack_record(content_of(sample.picture, sample.turn), sample.rows, sample.size, i)
                       for i, sample in enumerate(samples))
            write_records(temporary / part, records, out / part)
        write_json(temporary / NAME, {
            "task": "detect", "classes": checked.classes, "source": kind,
            "pictures": {part: len(samples) for part, samples in parts.items()},
            "background": {part: _without_objects(samples) for part, samples in parts.items()},
            "objects": {part: _objects(samples, checked.classes) for part, samples in parts.items()}})


def _objects(samples: list[Sample], classes: list[str]) -> dict[str, int]:
    counts = Counter(int(row[0]) for sample in samples for row in sample.rows)
    return {name: counts[i] for i, name in enumerate(classes)}


def _without_objects(samples: list[Sample]) -> int:
    return sum(not sample.rows for sample in samples)


def _lines(out: Path, parts: dict[str, list[Sample]], unused: list[str], checked: Checked, reading: Reading,
           folder: Folder) -> list[str]:
    lines = [f"{reading.format}, {counted(len(reading.entries), 'picture')}, coordinates "
             f"{'relative' if checked.relative else 'in pixels'}", *folder.remarks(), *reading.notes,
             *_unnamed_pictures(reading, folder), *left_out(checked.bad, checked.problems), *unused]
    counts = {part: _objects(samples, checked.classes) for part, samples in parts.items()}
    for part, samples in parts.items():
        objects = ", ".join(f"{name} {count}" for name, count in counts[part].items())
        background = _without_objects(samples)
        lines.append(f"{part}: {counted(len(samples), 'picture')}; objects: {objects}" + (
            f"; {background} without an object, learnt as background" if background and part == "train" else
            f"; {background} without an object" if background else ""))
    lines += [f"no training picture shows {name!r}: it cannot be learnt"
              for name, count in counts["train"].items() if not count]
    return [*lines, f"packed into {out}; train on it with: d2lzh-cv run 9.7 --data {shlex.quote(str(out))}"]


def _unnamed_pictures(reading: Reading, folder: Folder) -> list[str]:
    """Return a line about pictures in the same folders that no annotation names."""
    named = {os.path.realpath(entry.picture) for entry in reading.entries if entry.picture}
    places = {entry.picture.parent for entry in reading.entries if entry.picture}
    count = sum(picture.parent in places and os.path.realpath(picture) not in named for picture in folder.pictures)
    return [f"left out {counted(count, 'picture')} that no annotation names"] if count else []
