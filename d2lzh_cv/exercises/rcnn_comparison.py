"""Quality and time of the networks, in one table with the results of other sections of the same run."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd

from .. import contents
from ..errors import InputError
from ..metrics import DetectorResult, Table, pictures_of
from ..models.checkpoint import load_model
from ..run import results, section
from ..ssd import detect

TIMED = 12  # number of timed pictures
SECTIONS = {"TinySSD": "9.7", "R-CNN": "9.8-region-cnn", "Fast R-CNN": "9.8-fast-rcnn",
            "Faster R-CNN": "9.8-faster-rcnn", "Mask R-CNN": "9.8-mask-rcnn"}
COLUMNS = {"mAP_voc2007": "VOC 2007", "mAP_voc2012": "VOC 2012", "mAP_coco": "COCO", "mask_iou": "mask IoU",
           "num_epochs": "epochs", "seconds_a_picture": "sec per picture"}


@dataclass(frozen=True)
class Comparison:
    """A network beside the others.

    Attributes:
        values: the results of this network, by the keys of ``COLUMNS``.
        table: of all networks.
        shows: what the table shows, in a sentence.
    """

    values: dict[str, Any]
    table: Table
    shows: str


def compare(name: str, net, judged: DetectorResult, val_iter: mx.io.DataIter, ctx: mx.Context, num_epochs: int,
            **more: float) -> Comparison:
    """Time a trained network of the running section, and return its results beside those of earlier sections.

    Args:
        name: a key of ``SECTIONS``.
        net, ctx: the network and its device.
        judged: the result of :func:`~d2lzh_cv.metrics.evaluate_detector`.
        val_iter: one picture per batch, resized to the size of its batches.
        num_epochs: that the network was trained for.
        more: further results, by the keys of ``COLUMNS``.
    """
    run = section.current()
    pictures = [nd.array(p) for p in pictures_of(val_iter, range(min(TIMED, len(judged.truths))))]
    seconds = seconds_a_picture(lambda picture: detect(net, picture, val_iter.data_shape[1], ctx), pictures)
    values = {**judged.scores.means(), "num_epochs": num_epochs, "seconds_a_picture": seconds, **more}
    table = beside(run, name, values, pictures, ctx)
    return Comparison(values, table, in_words(table, run.find("pikachu").kind == "real" and run.full))


def in_words(table: dict, counts: bool) -> str:
    """Say which network of a table of :func:`beside` is best, and which fastest.

    counts: the data is real and the training long, so the order is meaningful.
    """
    if len(table["rows"]) == 1:
        said = f"{table['rows'][0][0]} alone has been run in this folder: run the others there to compare"
    else:
        ap, seconds = (table["columns"].index(COLUMNS[key]) for key in ("mAP_voc2012", "seconds_a_picture"))
        best = max(table["rows"], key=lambda row: row[ap] or 0)
        first, *_, last = sorted((row for row in table["rows"] if row[seconds]), key=lambda row: row[seconds])
        said = (f"of {len(table['rows'])} networks {best[0]} has the highest mAP by VOC 2012, {best[ap] or 0:.3f}; "
                f"{first[0]} is the fastest, {last[0]} takes {last[seconds] / first[seconds]:.1f} times as long")
    return said + ("" if counts else " (few epochs or drawn pictures: the order says nothing about the methods)")


def seconds_a_picture(find: Callable[[Any], object], pictures: Iterable[Any]) -> float:
    """Return the median seconds of ``find`` per picture, without the first, for which MXNet also plans memory."""
    taken = []
    for picture in pictures:
        began = time.perf_counter()
        find(picture)
        nd.waitall()
        taken.append(time.perf_counter() - began)
    if len(taken) < 2:
        raise InputError("timing a network needs two or more pictures")
    return float(np.median(taken[1:]))


def beside(run, name: str, values: dict[str, Any], pictures: Sequence[nd.NDArray], ctx: mx.Context) -> Table:
    """Return a table with network ``name`` and the networks of earlier sections.

    Sections count if they succeeded in the same folder, in the same mode and on the same data.

    Args:
        values: results of this section, by the keys of ``COLUMNS``.
        pictures: (H, W, 3), to time the TinySSD of section 9.7, which records no time.
    """
    rows = []
    for other, number in SECTIONS.items():
        known = values if other == name else _recorded(run, run.folder.parent / number, pictures, ctx)
        if known:
            rows.append([other, *(known.get(key) for key in COLUMNS)])
    return Table(["network", *COLUMNS.values()], rows)


def _recorded(run, folder: Path, pictures: Sequence[nd.NDArray], ctx: mx.Context) -> dict[str, Any] | None:
    old = results.read(folder, contents.find(folder.name))
    if (old.status, old.mode) != ("ok", run.options.mode) or old.path_of("pikachu") != str(run.find("pikachu").path):
        return None
    values = old.results
    if folder.name == SECTIONS["TinySSD"]:
        net, description = load_model(folder, ctx)
        net.hybridize(static_alloc=True)
        values["num_epochs"] = len(results.read_metrics(folder))
        values["seconds_a_picture"] = seconds_a_picture(
            lambda picture: detect(net, picture, description.edge_size[0], ctx), pictures)
    return values
