"""Record files of detection pictures, written and read with MXNet's own tools."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx
import numpy as np
from data_kit import write_picture


def write_records(folder: Path, sizes: list[tuple[int, int]], labels: list) -> Path:
    """train and val of pictures (height, width), each with its rows of (class, xmin, ymin, xmax, ymax)."""
    folder.mkdir()
    for part in ("train", "val"):
        writer = mx.recordio.MXIndexedRecordIO(str(folder / f"{part}.idx"), str(folder / f"{part}.rec"), "w")
        for i, (size, rows) in enumerate(zip(sizes, labels)):
            picture = write_picture(folder / "one.jpg", *size, seed=i).read_bytes()
            label = np.array([2, 5, *np.ravel(rows)], np.float32)
            writer.write_idx(i, mx.recordio.pack(mx.recordio.IRHeader(0, label, i, 0), picture))
        writer.close()
    return folder


def packed_rows(rec) -> dict[bytes, list[list[float]]]:
    """Every picture's bytes and its rows, read with MXNet's own reader."""
    reader, rows = mx.recordio.MXRecordIO(str(rec), "r"), {}
    while True:
        record = reader.read()
        if record is None:
            return rows
        header, picture = mx.recordio.unpack(record)
        assert header.label[:2].tolist() == [4, 5]
        rows[picture] = header.label[4:].reshape(-1, 5).tolist()


def all_rows(out) -> dict[bytes, list[list[float]]]:
    """:func:`packed_rows` of both parts of a packed set."""
    return {**packed_rows(out / "train.rec"), **packed_rows(out / "val.rec")}
