"""How good the networks are and how long they take, one table with what other sections of the same run have found."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd

from ..checkpoint import load_model
from ..errors import InputError
from ..files import read_json
from ..metrics.detection import match
from ..ssd import detect
from .instances import MaskSet
from .mask import MaskRCNN, paste

SECTIONS = {"TinySSD": "9.7", "R-CNN": "9.8-region-cnn", "Fast R-CNN": "9.8-fast-rcnn",
            "Faster R-CNN": "9.8-faster-rcnn", "Mask R-CNN": "9.8-mask-rcnn"}
COLUMNS = {"mAP_voc2007": "VOC 2007", "mAP_voc2012": "VOC 2012", "mAP_coco": "COCO", "mask_iou": "mask IoU",
           "num_epochs": "epochs", "seconds_a_picture": "sec a picture"}


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


def mask_ious(net: MaskRCNN, data: MaskSet, score: float = 0.3) -> np.ndarray:
    """IoU of the mask of every object of ``data`` with the one found for it, (objects,); 0 for one that is missed.

    Found is what scores at least ``score``, has the object's class and overlaps its box by an IoU of 0.5.
    """
    ious = []
    for i in range(len(data)):
        batch = data.batch([i])
        rows, masks = net.detect(batch.data[0], threshold=score)
        there = data.objects[i][data.objects[i][:, 0] >= 0]
        ious += _of_one_picture(rows, masks, there, data.masks[i])
    return np.array(ious)


def given_boxes_ious(net: MaskRCNN, data: MaskSet) -> tuple[np.ndarray, np.ndarray]:
    """IoU of every object's mask in its true box, and of the box itself taken for a mask: the mask head alone."""
    found, whole = [], []
    for i in range(len(data)):
        there = data.objects[i][data.objects[i][:, 0] >= 0]
        rows = np.insert(there, 1, 1, axis=1)  # with a score
        masks = net.masks_in(data.batch([i]).data[0], rows)
        for mask, row, truth in zip(masks, there, data.masks[i]):
            found.append(mask_iou(paste(mask, row[1:], truth.shape), truth))
            whole.append(mask_iou(paste(np.ones_like(mask), row[1:], truth.shape), truth))
    return np.array(found), np.array(whole)


def mask_iou(mask: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks (H, W) of bool; 1 where both are empty."""
    union = (mask | other).sum()
    return float((mask & other).sum() / union) if union else 1.0


def _of_one_picture(rows, masks, there, truths) -> list[float]:
    best = np.zeros(len(there))
    for k in np.unique(there[:, 0]):
        mine, theirs = np.flatnonzero(rows[:, 0] == k), np.flatnonzero(there[:, 0] == k)
        for i, j in zip(mine, match(rows[mine], there[theirs], [0.5])[:, 0]):
            if j >= 0:
                truth = truths[theirs[j]]
                best[theirs[j]] = mask_iou(paste(masks[i], rows[i, 2:], truth.shape), truth)
    return best.tolist()


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
    path = folder / "results.json"
    summary = read_json(path) if path.is_file() else {}
    data = {item["name"]: item["path"] for item in summary.get("data", [])}
    if (summary.get("status"), summary.get("mode")) != ("ok", run.options.mode) or \
            data.get("pikachu") != str(run.find("pikachu").path):
        return None
    found = summary["results"]
    if folder.name == SECTIONS["TinySSD"]:
        found["num_epochs"] = len((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
        found["seconds_a_picture"] = _seconds_of_model(folder, pictures, ctx)
    return found


def _seconds_of_model(folder: Path, pictures: Sequence[nd.NDArray], ctx: mx.Context) -> float:
    net, description = load_model(folder, ctx)
    net.hybridize(static_alloc=True)
    return seconds_a_picture(lambda picture: detect(net, picture, description.edge_size[0], ctx), pictures)
