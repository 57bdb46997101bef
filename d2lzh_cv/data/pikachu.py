"""The Pikachu detection set (section 9.6): record files, checked first, then read as ImageDetIter reads them."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx

from ..errors import InputError
from .check import Report, check_pictures
from .derived import place_for
from .detection_iter import OPTIONS, DetectionIter, FastDetectionIter
from .hub import Source, cache_root, find
from .records import check_records, pack_detection

__all__ = ["check_records", "load_data_pikachu", "load_pikachu", "pack_detection"]

BOOK_FOLDER = Path("../data/pikachu")
BOOK_CROP = {"rand_crop": 1, "min_object_covered": 0.95, "max_attempts": 200}


def load_data_pikachu(batch_size: int, edge_size: int = 256) -> tuple[mx.image.ImageDetIter, mx.image.ImageDetIter]:
    """Return the training and validation iterators of the Pikachu set, as the book's function of this name.

    Pictures come as (batch_size, 3, edge_size, edge_size) float32 from 0 to 255, labels as (batch_size, 1, 5) rows of
    [class, xmin, ymin, xmax, ymax], relative. Read from ../data/pikachu where the book keeps it, else from what
    hub.find gives; a set that is not the book's is announced in one line. Nothing downloads.
    Order and crops come from Python's ``random``: seed that for the same batches. Section 9.6.
    """
    if (BOOK_FOLDER / "train.rec").is_file():
        return load_pikachu(BOOK_FOLDER, batch_size, edge_size)
    source = find("pikachu")
    if source.kind != "real":
        print(source.note)
    return load_pikachu(source.path, batch_size, edge_size)


def load_pikachu(root: str | Path | Source, batch_size: int, edge_size: int = 256, reader: str = "auto",
                 part: tuple[int, int] = (0, 1), **augmenters) -> tuple[mx.image.ImageDetIter, mx.image.ImageDetIter]:
    """Return (training iterator, validation iterator) of the detection set in the folder ``root``.

    root: holds train.rec, train.idx, val.rec, or train.json, train/, val.json, val/ (packed once into the cache).
    reader: 'python' (mxnet.image.ImageDetIter), 'fast' (the same order, crops and labels, each picture decoded once
    and resized by OpenCV, which is one level of 255 off here and there; not for ``augmenters`` that change colours or
    pad), or 'auto': fast where it can.
    part: (k, n) reads the k-th of n equal parts of the training pictures alone; what is over is left out.
    augmenters: options of mxnet.image.CreateDetAugmenter for the training pictures, over the book's random crop
    (rand_crop=1, min_object_covered=0.95, max_attempts=200); rand_crop=0 turns the crop off.
    Pictures without objects are read as well: their labels are rows of -1.
    The last batch is filled up from the start of the epoch; ``batch.pad`` counts the pictures that were added.
    Order and crops come from Python's ``random``. Raises InputError naming the file that is missing or broken, or, from
    the iterators, that has changed since.
    """
    root = records_of(Path(root.path if isinstance(root, Source) else root))
    check_records(root / "train.rec", root / "train.idx")
    check_records(root / "val.rec", needs_object=False)
    shared = {"batch_size": batch_size, "data_shape": (3, edge_size, edge_size)}
    train = {"path_imgidx": str(root / "train.idx"), "shuffle": True, "part_index": part[0], "num_parts": part[1]}
    iterator = FastDetectionIter if _is_fast(reader, augmenters) else DetectionIter
    return (iterator(root / "train.rec", **{**BOOK_CROP, **augmenters}, **train, **shared),
            iterator(root / "val.rec", **shared))


def _is_fast(reader: str, augmenters: dict) -> bool:
    unknown = sorted(set(augmenters) - OPTIONS)
    if reader not in ("auto", "fast", "python"):
        raise InputError(f"reader is {reader!r}; choose auto, fast or python")
    if reader == "fast" and unknown:
        raise InputError(f"the fast reader has no {', '.join(unknown)}; use reader='python'")
    return reader == "fast" or reader == "auto" and not unknown


def records_of(root: Path) -> Path:
    """Return the folder with the .rec files of the set in ``root``: packed into the cache where not all are there."""
    whole = all((root / name).exists() for name in ("train.rec", "train.idx", "val.rec"))
    if whole or not (root / "train.json").exists():
        return root
    return pack_detection(root, place_for(root, cache_root()))


def check(path: Path, report: Report) -> None:
    """Every record, decoded; before packing every picture."""
    if not (path / "train.rec").exists():
        check_pictures(path, report)
        return
    for part in ("train", "val"):
        idx = path / f"{part}.idx"
        count = report.look(check_records, path / f"{part}.rec", idx if idx.exists() else None, decode=True,
                            needs_object=part == "train")
        report.facts.append(f"{count} pictures in {part}.rec")
