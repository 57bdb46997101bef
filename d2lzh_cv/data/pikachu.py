"""The Pikachu detection set (section 9.6): its record files are checked, then read like ImageDetIter does."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx

from ..errors import InputError
from . import worker_part
from .check import Report, check_pictures
from .derived import place_for
from .detection_iter import OPTIONS, DetectionIter, FastDetectionIter
from .hub import Source, cache_root, data_folder, use
from .own.packed import class_names, describe
from .pixels import read_picture
from .records import check_records, first_picture, pack_detection

__all__ = ["check_records", "load_data_pikachu", "load_pikachu", "pack_detection"]

BOOK_FOLDER = Path("../data/pikachu")
BOOK_CROP = {"rand_crop": 1, "min_object_covered": 0.95, "max_attempts": 200}


def load_data_pikachu(batch_size: int, edge_size: int = 256) -> tuple[mx.image.ImageDetIter, mx.image.ImageDetIter]:
    """Return (training iterator, validation iterator) of the Pikachu set, like the book's function. Section 9.6.

    A batch has pictures (batch_size, 3, edge_size, edge_size), float32 from 0 to 255, and labels (batch_size, 1, 5):
    rows [class, xmin, ymin, xmax, ymax], relative corners. The set is ../data/pikachu, as in the book, else the set
    that `d2lzh-cv data list` shows; one line says which it is. Nothing is downloaded.

    Args:
        batch_size: pictures per batch, of all workers together; at most the training pictures of the reader's own set.
        edge_size: height and width of the pictures, in pixels.
    """
    if (BOOK_FOLDER / "train.rec").is_file():
        return load_pikachu(BOOK_FOLDER, batch_size, edge_size)
    root = records_of(use("pikachu").path)
    own = describe(root)
    return load_pikachu(root, worker_part.share(min(batch_size, own.train) if own else batch_size), edge_size,
                        part=worker_part.current())


def load_pikachu(root: str | Path | Source, batch_size: int, edge_size: int = 256, reader: str = "auto",
                 part: tuple[int, int] = (0, 1), **augmenters) -> tuple[mx.image.ImageDetIter, mx.image.ImageDetIter]:
    """Return (training iterator, validation iterator) of a detection set. Section 9.6.

    Pictures without objects have label rows of -1. The last batch is filled from the start of the epoch; ``batch.pad``
    counts the added pictures. Order and crops come from Python's ``random``: seed it for the same batches. The
    iterators have ``classes``, the names of the classes.

    Args:
        root: a folder with train.rec, train.idx, val.rec, or with train.json, train/, val.json, val/, which are packed
            once into the cache.
        batch_size: pictures per batch.
        edge_size: height and width of the pictures, in pixels.
        reader: 'python' (mxnet.image.ImageDetIter); 'fast' (the same order, crops and labels, but pixels may differ by
            one level of 255, and ``augmenters`` may not change colours or pad); or 'auto' (fast if possible).
        part: (k, n) reads only the k-th of n equal parts of the training pictures; a remainder is left out.
        augmenters: options of mxnet.image.CreateDetAugmenter for the training pictures. The defaults are the book's
            random crop: rand_crop=1, min_object_covered=0.95, max_attempts=200.

    Raises InputError naming a missing or broken file; the iterators raise it for a file that has changed.
    """
    root = records_of(Path(root.path if isinstance(root, Source) else root))
    check_records(root / "train.rec", root / "train.idx")
    check_records(root / "val.rec", needs_object=False)
    shared = {"batch_size": batch_size, "data_shape": (3, edge_size, edge_size)}
    train = {"path_imgidx": str(root / "train.idx"), "shuffle": True, "part_index": part[0], "num_parts": part[1]}
    iterator = FastDetectionIter if _is_fast(reader, augmenters) else DetectionIter
    iterators = (iterator(root / "train.rec", **{**BOOK_CROP, **augmenters}, **train, **shared),
                 iterator(root / "val.rec", **shared))
    for one in iterators:
        one.classes = class_names(root, ["pikachu"])
    return iterators


def example_picture(val_iter: DetectionIter) -> mx.nd.NDArray:
    """Return a picture to try a detector on, (H, W, 3) uint8: the book's, or the first of the reader's own set.

    Args:
        val_iter: the second result of :func:`load_data_pikachu`.
    """
    if describe(val_iter.folder):
        return first_picture(val_iter.folder / "val.rec")[0]
    return read_picture(data_folder("img") / "pikachu.jpg")


def _is_fast(reader: str, augmenters: dict) -> bool:
    unknown = sorted(set(augmenters) - OPTIONS)
    if reader not in ("auto", "fast", "python"):
        raise InputError(f"reader is {reader!r}; choose auto, fast or python")
    if reader == "fast" and unknown:
        raise InputError(f"the fast reader does not support {', '.join(unknown)}; use reader='python'")
    return reader == "fast" or reader == "auto" and not unknown


def records_of(root: Path) -> Path:
    """Return the folder of the set's .rec files: ``root``, or a folder in the cache that they are packed into."""
    packed = all((root / name).exists() for name in ("train.rec", "train.idx", "val.rec"))
    if packed or not (root / "train.json").exists():
        return root
    return pack_detection(root, place_for(root, cache_root()))


def check(path: Path, report: Report) -> None:
    """Decode every record; of a set that is not packed, check every picture."""
    if not (path / "train.rec").exists():
        check_pictures(path, report)
        return
    for part in ("train", "val"):
        idx = path / f"{part}.idx"
        count = report.look(check_records, path / f"{part}.rec", idx if idx.exists() else None, decode=True,
                            needs_object=part == "train")
        report.facts.append(f"{count} pictures in {part}.rec")
