"""Mean average precision on drawn boxes: COCO's rule against pycocotools, VOC's against plain loops."""
from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from tolerance import assert_close

from d2lzh_cv import metrics
from d2lzh_cv.metrics.average_precision import COCO_THRESHOLDS

pytestmark = pytest.mark.crosscheck
GRID = 64  # corners are whole 64ths, so that overlaps come out exact on either side


def draw(seed: int, pictures: int = 12, classes: int = 3, crowded: bool = False):
    """(detections, truths): some boxes exact, some a little off, some nowhere, some twice; many equal scores. Class
    ``classes`` - 1 has no object, picture 0 nothing found, picture 1 nothing there. ``crowded``: over 100 in picture 2.
    """
    rng = np.random.default_rng(seed)
    detections, truths = [], []
    for i in range(pictures):
        objects = rows_of(rng, rng.integers(0, classes - 1, 0 if i == 1 else rng.integers(1, 9)))
        copies = objects[rng.integers(0, len(objects), 2 * len(objects))] if len(objects) else objects
        noise = rows_of(rng, rng.integers(0, classes, 150 * classes if crowded and i == 2 else 4))
        boxes = np.concatenate([copies, noise])[:0 if i == 0 else None]
        boxes[:, 3:] += rng.integers(0, 4, (len(boxes), 2))
        scores = rng.integers(1, 12, len(boxes)) / 12
        detections.append(np.column_stack([boxes[:, 0], scores, boxes[:, 1:]]))
        truths.append(objects)
    return detections, truths


def rows_of(rng, classes) -> np.ndarray:
    low = rng.integers(0, GRID // 2, (len(classes), 2))
    return np.column_stack([classes, low, low + rng.integers(6, GRID // 2, (len(classes), 2))]).astype(float)


def relative(rows: list[np.ndarray]) -> list[np.ndarray]:
    return [np.column_stack([part[:, :-4], part[:, -4:] / GRID]) for part in rows]


def by_pycocotools(detections, truths, classes: int) -> np.ndarray:
    """(10, classes): the average precisions of COCOeval; -1 where it has none."""
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed: the test extra has it")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        data = coco.COCO()
        data.dataset = {"images": [{"id": i} for i in range(len(truths))],
                        "categories": [{"id": k} for k in range(classes)],
                        "annotations": [
                            {"id": 1 + 1000 * i + n, "image_id": i, "category_id": int(row[0]), "iscrowd": 0,
                             "bbox": corner_and_size(row), "area": float(np.prod(row[3:] - row[1:3]))}
                            for i, rows in enumerate(truths) for n, row in enumerate(rows)]}
        data.createIndex()
        found = data.loadRes([{"image_id": i, "category_id": int(row[0]), "score": row[1],
                               "bbox": corner_and_size(row[1:])} for i, rows in enumerate(detections) for row in rows])
        evaluation = cocoeval.COCOeval(data, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, 2].mean(axis=1)  # over recalls; all areas, 100 boxes


def corner_and_size(row) -> list[float]:
    return [*row[1:3], *(row[3:] - row[1:3])]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("crowded", [False, True])
def test_coco_is_pycocotools(seed, crowded):
    detections, truths = draw(seed, crowded=crowded)
    expected = by_pycocotools(detections, truths, 3)
    ours = metrics.coco_average_precision(relative(detections), relative(truths), 3)
    assert (expected[:, 2] == -1).all() and np.isnan(ours[:, 2]).all()
    assert 0.1 < ours[0, 0] < 1 and ours[9, 0] < ours[0, 0]  # the draw asks something
    assert_close(ours[:, :2], expected[:, :2])


def by_loops(detections, truths, k: int, threshold: float, eleven: bool) -> float:
    """Average precision of class ``k`` as the VOC development kit computes it, with continuous boxes."""
    entries = [(-row[1], i, n, row[2:]) for i, rows in enumerate(detections)
               for n, row in enumerate(rows) if row[0] == k]
    objects = {i: [row[1:] for row in rows if row[0] == k] for i, rows in enumerate(truths)}
    count, taken, points, right = sum(map(len, objects.values())), set(), [], 0
    for seen, (_, i, _, box) in enumerate(sorted(entries, key=lambda entry: entry[:3]), 1):
        overlap, n = max(((overlap_of(box, there), -n) for n, there in enumerate(objects[i])), default=(0, 0))
        if overlap >= threshold and (i, n) not in taken:
            taken.add((i, n))
            right += 1
        points.append((right / count, right / seen))
    if eleven:
        return sum(max((p for r, p in points if r >= t / 10), default=0) for t in range(11)) / 11
    recalls = sorted({0.0, *(r for r, _ in points)})
    return sum((r - before) * max(p for r2, p in points if r2 >= r) for before, r in zip(recalls, recalls[1:]))


def overlap_of(a, b) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height)


def with_background(seed: int, share: float):
    """Two classes in 30 pictures, of which such a share shows nothing; boxes are found in all of them."""
    rng, (detections, truths) = np.random.default_rng(seed), draw(seed, pictures=30)
    for i in np.flatnonzero(rng.uniform(size=30) < share):
        truths[i] = truths[i][:0]
    return [rows[rows[:, 0] < 2] for rows in detections], truths


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_boxes_on_background_pictures_are_wrong_by_all_three_rules(seed, share):
    """COCO's tools and the loops; without those pictures the same boxes are worth more."""
    detections, truths = with_background(seed, share)
    scores = metrics.score_detections(relative(detections), relative(truths), ["a", "b"])
    assert scores.objects.sum() == sum(map(len, truths))
    assert_close(scores.coco, by_pycocotools(detections, truths, 2))
    for eleven, ours in ((True, scores.voc2007), (False, scores.voc2012)):
        assert_close(ours, [by_loops(detections, truths, k, 0.5, eleven) for k in (0, 1)])
    shown = [i for i, rows in enumerate(truths) if len(rows)]
    assert len(shown) < 30 and sum(len(detections[i]) for i in set(range(30)) - set(shown)) > 5
    easier = metrics.score_detections([relative(detections)[i] for i in shown], [relative(truths)[i] for i in shown],
                                      ["a", "b"])
    assert all(easier.means()[name] > value for name, value in scores.means().items())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("year", [2007, 2012])
@pytest.mark.parametrize("threshold", [0.5, 0.75])
def test_voc_is_the_development_kit_s_loops(seed, year, threshold):
    detections, truths = draw(seed)
    ours = metrics.voc_average_precision(relative(detections), relative(truths), 3, year, threshold)
    expected = [by_loops(detections, truths, k, threshold, year == 2007) for k in (0, 1)]
    assert np.isnan(ours[2]) and 0 < ours[0] < 1
    assert_close(ours[:2], expected)


def test_our_thresholds_are_coco_s():
    cocoeval = pytest.importorskip("pycocotools.cocoeval", reason="pycocotools is not installed: the test extra has it")
    assert_close(COCO_THRESHOLDS, cocoeval.Params("bbox").iouThrs, exact=True)
