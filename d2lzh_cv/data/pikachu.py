"""The Pikachu detection set (section 9.6): record files read by mxnet.image.ImageDetIter, checked first."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx

from ..errors import InputError
from .derived import place_for
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


def load_data_pikachu(batch_size: int, edge_size: int = 256) -> tuple[DetectionIter, DetectionIter]:
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


def load_pikachu(root: str | Path | Source, batch_size: int, edge_size: int = 256,
                 **augmenters) -> tuple[DetectionIter, DetectionIter]:
    """Return (training iterator, validation iterator) of the detection set in the folder ``root``.

    root: holds train.rec, train.idx, val.rec, or train.json, train/, val.json, val/ (packed once into the cache).
    augmenters: options of mxnet.image.CreateDetAugmenter for the training pictures, over the book's random crop
    (rand_crop=1, min_object_covered=0.95, max_attempts=200); rand_crop=0 turns the crop off.
    The last batch is filled up from the start of the set; ``batch.pad`` counts the pictures that were added.
    Order and crops come from Python's ``random``. Raises InputError naming the file that is missing or broken.
    """
    root = _records_of(Path(root.path if isinstance(root, Source) else root))
    check_records(root / "train.rec", root / "train.idx")
    check_records(root / "val.rec")
    shared = {"batch_size": batch_size, "data_shape": (3, edge_size, edge_size)}
    train_iter = DetectionIter(root / "train.rec", path_imgidx=str(root / "train.idx"), shuffle=True,
                               **{**BOOK_CROP, **augmenters}, **shared)
    return train_iter, DetectionIter(root / "val.rec", shuffle=False, **shared)


def _records_of(root: Path) -> Path:
    """The folder with the .rec files of the set in ``root``."""
    if (root / "train.rec").exists() or not (root / "train.json").exists():
        return root
    return pack_detection(root, place_for(root, cache_root()))
