"""The Pikachu detection set (section 9.6): record files, checked first, then read in C++ or by ImageDetIter."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx

from ..errors import InputError
from .derived import place_for
from .fast_detection import OPTIONS, FastDetectionIter, survey
from .hub import Source, cache_root, find
from .records import check_records, pack_detection

__all__ = ["check_records", "load_data_pikachu", "load_pikachu", "pack_detection"]

BOOK_FOLDER = Path("../data/pikachu")
BOOK_CROP = {"rand_crop": 1, "min_object_covered": 0.95, "max_attempts": 200}


class DetectionIter(mx.image.ImageDetIter):
    """ImageDetIter over one record file: errors name that file, and an epoch's order depends on the seed alone.

    Labels are (batch, objects, 5), padded with -1.
    """

    def __init__(self, rec: Path, **options) -> None:
        self._rec = rec
        super().__init__(path_imgrec=str(rec), **options)

    def reset(self) -> None:
        """Start over; ImageIter would shuffle the last epoch's order, which a resumed run does not have."""
        if self.shuffle:
            self.seq.sort()
        super().reset()

    def imdecode(self, s: bytes) -> mx.nd.NDArray:
        try:
            return mx.image.imdecode(s)
        except mx.base.MXNetError as error:  # ImageIter's own message fails on a set without an index
            raise InputError(f"{self._rec} holds a picture that does not decode; fetch or pack it again") from error


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
    reader: 'fast' (mxnet.io.ImageDetRecordIter, C++), 'python' (mxnet.image.ImageDetIter), or 'auto': fast where its
    crops are those of ImageDetIter, which takes square training pictures with one object each and no ``augmenters``
    but rand_crop, min_object_covered and rand_mirror. Elsewhere 'fast' crops leave a partly seen object in the
    picture without its label, where ImageDetIter draws again, and are less often wide. Fast crops begin at fractions
    of a pixel, so that a box may lie up to a pixel off.
    part: (k, n) reads the k-th of n equal parts of the training pictures alone; what is over is left out.
    augmenters: options of mxnet.image.CreateDetAugmenter for the training pictures, over the book's random crop
    (rand_crop=1, min_object_covered=0.95, max_attempts=200); rand_crop=0 turns the crop off.
    The last batch is filled up from the start of the epoch; ``batch.pad`` counts the pictures that were added.
    Order and crops come from Python's ``random`` as it is at ``reset()``, on any machine, and are not the same for
    both readers. Raises InputError naming the file that is missing or broken.
    """
    root = _records_of(Path(root.path if isinstance(root, Source) else root))
    counts = check_records(root / "train.rec", root / "train.idx"), check_records(root / "val.rec")
    surveys = survey(root / "train.rec"), survey(root / "val.rec")
    shared = {"batch_size": batch_size, "data_shape": (3, edge_size, edge_size)}
    train = {"path_imgidx": str(root / "train.idx"), "shuffle": True, "part_index": part[0], "num_parts": part[1],
             **shared}
    if _is_fast(reader, surveys[0][1], augmenters):
        read = counts[0] // part[1], counts[1]
        fast = [{"count": count, "label_width": width} for count, (width, _) in zip(read, surveys)]
        return (FastDetectionIter(root / "train.rec", **{"rand_crop": 1, **augmenters}, **fast[0], **train),
                FastDetectionIter(root / "val.rec", **fast[1], **shared))
    return (DetectionIter(root / "train.rec", **{**BOOK_CROP, **augmenters}, **train),
            DetectionIter(root / "val.rec", **shared))


def _is_fast(reader: str, alike: bool, augmenters: dict) -> bool:
    unknown = sorted(set(augmenters) - OPTIONS)
    if reader not in ("auto", "fast", "python"):
        raise InputError(f"reader is {reader!r}; choose auto, fast or python")
    if reader == "fast" and unknown:
        raise InputError(f"the fast reader has no {', '.join(unknown)}; use reader='python'")
    return reader == "fast" or reader == "auto" and alike and not unknown


def _records_of(root: Path) -> Path:
    """The folder with the .rec files of the set in ``root``."""
    if (root / "train.rec").exists() or not (root / "train.json").exists():
        return root
    return pack_detection(root, place_for(root, cache_root()))
