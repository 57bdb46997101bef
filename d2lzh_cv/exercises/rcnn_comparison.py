"""How good the networks are and how long they take, one table with what other sections of the same run have found."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd

from .. import contents
from ..errors import InputError
from ..metrics import DetectorResult, evaluate_detector, pictures_of
from ..metrics.tables import format_table
from ..models.checkpoint import load_model
from ..run import results
from ..run.section import Section
from ..ssd import detect

TIMED = 12  # pictures
SECTIONS = {"TinySSD": "9.7", "R-CNN": "9.8-region-cnn", "Fast R-CNN": "9.8-fast-rcnn",
            "Faster R-CNN": "9.8-faster-rcnn", "Mask R-CNN": "9.8-mask-rcnn"}
COLUMNS = {"mAP_voc2007": "VOC 2007", "mAP_voc2012": "VOC 2012", "mAP_coco": "COCO", "mask_iou": "mask IoU",
           "num_epochs": "epochs", "seconds_a_picture": "sec per picture"}


def judge(run: Section, name: str, net, val_iter: mx.io.DataIter, ctx: mx.Context, classes: Sequence[str],
          num_epochs: int, **more: float) -> DetectorResult:
    """Evaluate and time a trained network, record and print the figures, beside those of the sections run before.

    Args:
        name: one of ``SECTIONS``.
        val_iter: of one picture per batch, as the networks take them; all are resized to its size.
        more: what else is known, by the names of ``COLUMNS``.
    """
    judged = evaluate_detector(net, val_iter, ctx, classes)
    print(judged.scores)
    pictures = [nd.array(p) for p in pictures_of(val_iter, range(min(TIMED, len(judged.truths))))]
    seconds = seconds_a_picture(lambda picture: detect(net, picture, val_iter.data_shape[1], ctx), pictures)
    values = {**judged.scores.means(), "num_epochs": num_epochs, "seconds_a_picture": seconds, **more}
    table = beside(run, name, values, pictures, ctx)
    shows = in_words(table, run.find("pikachu").kind == "real" and run.full)
    print(f"{format_table(table)}\n{shows}")
    run.record(**values, networks=table, shows=shows)
    return judged


def in_words(table: dict, counts: bool) -> str:
    """What a table of :func:`beside` shows: which network is best, which fastest. counts: real data, trained long."""
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
    """Median seconds that ``find`` takes for one of ``pictures``, of which the first, which also plans, is left out."""
    taken = []
    for picture in pictures:
        began = time.perf_counter()
        find(picture)
        nd.waitall()
        taken.append(time.perf_counter() - began)
    if len(taken) < 2:
        raise InputError("to time a network takes two pictures or more")
    return float(np.median(taken[1:]))


def beside(run, name: str, values: dict[str, Any], pictures: Sequence[nd.NDArray], ctx: mx.Context) -> dict:
    """A table (see :mod:`d2lzh_cv.metrics.tables`) of network ``name``, and of those whose sections ended well in the
    same folder, in the same mode and on the same data.

    values: what this section has found, by the names of ``COLUMNS``.
    pictures: (H, W, 3), to time the TinySSD of section 9.7 on, which itself records no time.
    """
    rows = []
    for other, number in SECTIONS.items():
        found = values if other == name else _found(run, run.folder.parent / number, pictures, ctx)
        if found:
            rows.append([other, *(found.get(key) for key in COLUMNS)])
    return {"columns": ["network", *COLUMNS.values()], "rows": rows}


def _found(run, folder: Path, pictures: Sequence[nd.NDArray], ctx: mx.Context) -> dict[str, Any] | None:
    kept = results.read(folder, contents.find(folder.name))
    if (kept.status, kept.mode) != ("ok", run.options.mode) or kept.path_of("pikachu") != str(run.find("pikachu").path):
        return None
    found = kept.results
    if folder.name == SECTIONS["TinySSD"]:
        found["num_epochs"] = len(results.read_metrics(folder))
        found["seconds_a_picture"] = _seconds_of_model(folder, pictures, ctx)
    return found


def _seconds_of_model(folder: Path, pictures: Sequence[nd.NDArray], ctx: mx.Context) -> float:
    net, description = load_model(folder, ctx)
    net.hybridize(static_alloc=True)
    return seconds_a_picture(lambda picture: detect(net, picture, description.edge_size[0], ctx), pictures)
