"""A few pictures of the Pikachu set in all forms that ``mx.image.ImageDetIter`` reads (exercise of section 9.6)."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from ..data.pikachu import load_data_pikachu
from ..data.records import pack_record, write_records


@dataclass(frozen=True)
class DetectionFiles:
    """What :func:`write_detection_files` wrote, and the arguments by which ``ImageDetIter`` reads it.

    Attributes:
        pictures: (H, W, 3) uint8 each.
        rows: (N, 5), class and relative corners of one object per picture.
        imglist: for the argument of the same name: [label, file name] per picture.
        rec, idx, lst, root: keyword arguments that name the record file, its index, the list file, and the folder of
            the picture files.
    """

    pictures: list[np.ndarray]
    rows: np.ndarray
    imglist: list[list]
    rec: dict[str, str]
    idx: dict[str, str]
    lst: dict[str, str]
    root: dict[str, str]


def write_detection_files(folder: Path, edge_size: int, count: int = 10) -> DetectionFiles:
    """Write pictures with an object as PNG files, as a record file with its index, and as a list file.

    Args:
        folder: an existing folder.
        edge_size: height and width of the pictures.
        count: of pictures; a set that has fewer gives them again.
    """
    labelled = ((batch.data[0][0], batch.label[0][0, 0].asnumpy())
                for iterator in reversed(load_data_pikachu(1, edge_size)) for batch in iterator)
    with_object = list(islice((pair for pair in labelled if pair[1][0] >= 0), count))
    chosen = [with_object[i % len(with_object)] for i in range(count)]
    pictures = [pixels.transpose((1, 2, 0)).asnumpy().astype("uint8") for pixels, _ in chosen]
    rows, records, listed = np.stack([row for _, row in chosen]), [], []
    for i, pixels in enumerate(pictures):
        Image.fromarray(pixels).save(folder / f"{i}.png")
        records.append(pack_record((folder / f"{i}.png").read_bytes(), rows[i:i + 1], (edge_size, edge_size), i))
        listed.append([[2, 5, *rows[i].tolist()], f"{i}.png"])  # widths of the header and of an object, then objects
    write_records(folder / "all", records)
    lines = ["\t".join(map(str, [i, *label, name])) for i, (label, name) in enumerate(listed)]
    (folder / "all.lst").write_text("\n".join(lines) + "\n", encoding="ascii")
    return DetectionFiles(pictures, rows, listed, {"path_imgrec": str(folder / "all.rec")},
                          {"path_imgidx": str(folder / "all.idx")}, {"path_imglist": str(folder / "all.lst")},
                          {"path_root": str(folder)})
