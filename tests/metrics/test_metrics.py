"""Metrics on cases small enough to work out by hand: the figures in the comments are the working."""
from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from mxnet import init, io, nd
from tolerance import assert_close

from d2lzh_cv import metrics
from d2lzh_cv.errors import InputError
from d2lzh_cv.metrics import average_precision, evaluate, figures, tables
from d2lzh_cv.ssd import TinySSD

BOX = (0.0, 0.0, 0.5, 0.5)
FAR = (0.5, 0.5, 1.0, 1.0)
NOTHING_FOUND, NOTHING_THERE = np.zeros((0, 6)), np.zeros((0, 5))
HALF = 0.25  # a box (0, 0, 0.25, 0.5) covers half of BOX: IoU 0.5


def row(score, box=BOX, k=0):
    return [k, score, *box]


def there(*boxes, k=0):
    return np.array([[k, *box] for box in boxes])


def all_rules(detections, truths, num_classes=1):
    """(VOC 2007, VOC 2012, COCO at IoU 0.5) of class 0."""
    detections = [np.array(rows, dtype=float).reshape(-1, 6) for rows in detections]
    voc = [metrics.voc_average_precision(detections, truths, num_classes, year)[0] for year in (2007, 2012)]
    return [*voc, metrics.coco_average_precision(detections, truths, num_classes)[0, 0]]


# -- boxes ----------------------------------------------------------------------------------------------------------
def test_perfect_boxes_score_1_by_every_rule_and_threshold():
    found, objects = [np.array([row(0.9), row(0.8, FAR)])], [there(BOX, FAR)]
    scores = metrics.score_detections(found, objects, ["a"])
    assert_close(scores.coco, np.ones((10, 1)))
    assert scores.means() == pytest.approx(dict.fromkeys(scores.means(), 1.0))
    assert str(scores) == "mAP: VOC 2007 1.000, VOC 2012 1.000, COCO 1.000 (at IoU 0.5 1.000, at 0.75 1.000)"


def test_one_right_one_wrong_one_missed():
    # best first: right (recall 1/2, precision 1), wrong, right (recall 1, precision 2/3)
    # 11 points: 0 to 0.5 at 1, 0.6 to 1 at 2/3; area: 1/2 + 1/2 · 2/3; 101 points: 51 at 1, 50 at 2/3
    found = [[row(0.9)], [row(0.8), row(0.7, FAR)]]
    assert_close(all_rules(found, [there(BOX), there(FAR)]), [(6 + 5 * 2 / 3) / 11, 5 / 6, (51 + 50 * 2 / 3) / 101])
    assert_close(all_rules(found[:1] + [[]], [there(BOX), there(FAR)]), [6 / 11, 1 / 2, 51 / 101])


def test_a_second_box_on_the_same_object_is_wrong():
    # right, wrong, right: as above
    found = [[row(0.9), row(0.8)], [row(0.7, FAR)]]
    assert_close(all_rules(found, [there(BOX), there(FAR)]), [(6 + 5 * 2 / 3) / 11, 5 / 6, (51 + 50 * 2 / 3) / 101])


def test_voc_gives_a_box_its_own_object_only_and_coco_the_next_free_one():
    wide = (0.0, 0.0, 0.5, 0.75)  # IoU with BOX 2/3
    found = [[row(0.9), row(0.8)]]
    assert_close(all_rules(found, [there(BOX, wide)]), [6 / 11, 1 / 2, 1.0])


@pytest.mark.parametrize(("width", "counts"), [(HALF - 1e-5, 0.0), (HALF, 1.0), (HALF + 1e-5, 1.0)])
def test_a_box_counts_from_iou_one_half_on(width, counts):
    assert_close(all_rules([[row(0.9, (0, 0, width, 0.5))]], [there(BOX)]), [counts] * 3)


@pytest.mark.parametrize(("overlap", "passed"), [(0.5, 1), (0.5499, 1), (0.5501, 2), (0.7501, 6), (0.96, 10)])
def test_coco_asks_for_ten_overlaps(overlap, passed):
    coco = metrics.coco_average_precision([np.array([row(0.9, (0, 0, 0.5 * overlap, 0.5))])], [there(BOX)], 1)
    assert coco[:, 0].tolist() == pytest.approx([1.0] * passed + [0.0] * (10 - passed))


def test_relative_boxes_are_not_taken_for_whole_pixels():
    # With VOC's + 1 both boxes would be the picture and more, and overlap by over 0.5.
    assert_close(all_rules([[row(0.9, (0, 0, 0.1, 0.1))]], [there((0, 0, 0.2, 0.2))]), [0.0] * 3)


def test_equal_scores_keep_the_order_of_the_pictures():
    # right before wrong: 1; wrong before right: precision 1/2 at recall 1
    pair = [row(0.5)], [row(0.5, FAR)]
    assert_close(all_rules(pair, [there(BOX), NOTHING_THERE]), [1.0] * 3)
    assert_close(all_rules(pair[::-1], [NOTHING_THERE, there(BOX)]), [0.5] * 3)
    many = [[row(0.5)]] + [[row(0.5, FAR)]] * 300  # a quicksort would not keep these
    assert_close(all_rules(many, [there(BOX)] + [NOTHING_THERE] * 300), [1.0] * 3)


@pytest.mark.parametrize("found", range(1, 11))
def test_voc_2007_has_a_recall_at_every_tenth(found):
    truths = [there(BOX)] * 10  # found of 10: the precision is 1 up to that recall, found + 1 of the 11 points
    detections = [np.array([row(0.9)])] * found + [NOTHING_FOUND] * (10 - found)
    assert_close(metrics.voc_average_precision(detections, truths, 1, 2007), [(found + 1) / 11])


def test_nothing_found_is_0_and_nothing_there_is_not_defined():
    assert_close(all_rules([[], []], [there(BOX), there(FAR)]), [0.0] * 3)
    for found in ([[row(0.9)]], [[]]):
        assert np.isnan(all_rules(found, [NOTHING_THERE])).all()
    scores = metrics.score_detections([np.array([row(0.9)])], [NOTHING_THERE], ["a"])
    assert set(scores.means().values()) == {None} and "COCO - (" in str(scores)


def test_wrong_boxes_in_a_picture_without_objects_cost_precision():
    assert_close(all_rules([[row(0.9)], [row(0.8)]], [NOTHING_THERE, there(BOX)]), [0.5] * 3)


def test_a_class_without_objects_is_left_out_of_the_mean():
    # class 0 perfect; 1 is never there, though found; 2 is there, never found; 3 is neither
    found = [np.array([row(0.9), row(0.8, k=1)])]
    objects = [np.concatenate([there(BOX), there(FAR, k=2)])]
    scores = metrics.score_detections(found, objects, ["a", "b", "c", "d"])
    for values in (scores.voc2007, scores.voc2012, *scores.coco):
        np.testing.assert_allclose(values, [1, np.nan, 0, np.nan])
    assert scores.objects.tolist() == [1, 0, 1, 0]
    assert scores.means() == pytest.approx(dict.fromkeys(scores.means(), 0.5))
    assert [line[:2] for line in scores.table()["rows"]] == [["a", 1], ["b", 0], ["c", 1], ["d", 0]]


def test_a_class_finds_only_its_own_objects():
    found = [np.array([row(0.9, k=1), row(0.8, FAR, k=0)])]
    objects = [np.concatenate([there(BOX, k=0), there(FAR, k=1)])]
    scores = metrics.score_detections(found, objects, ["a", "b"])
    assert scores.voc2012.tolist() == scores.coco[0].tolist() == [0, 0]


def test_empty_rows_and_boxes_without_area_do_not_count():
    found = [np.array([row(0.9), [-1, 0.95, *FAR], [-1] * 6])]
    objects = [np.array([[0, *BOX], [0, 0.7, 0.7, 0.7, 0.9], [-1] * 5])]
    scores = metrics.score_detections(found, objects, ["a"])
    assert scores.objects.tolist() == [1]
    assert scores.means() == pytest.approx(dict.fromkeys(scores.means(), 1.0))


def test_coco_takes_the_100_best_boxes_of_a_class():
    wrong = [row(0.9, FAR, k) for k in (0, 1) for _ in range(99)]
    for more, expected in (([], 1 / 100), ([row(0.8, FAR)], 0.0)):
        rows = np.array([*wrong, *more, row(0.7)])
        assert_close(metrics.coco_average_precision([rows], [there(BOX)], 2)[0, 0], expected)


@pytest.mark.parametrize(("found", "objects", "message"), [
    ([NOTHING_FOUND], [], "1 pictures, but truths of 0"), ([np.array([row(0.9, k=2)])], [there(BOX)], "class 2 is not"),
    ([NOTHING_FOUND], [there(BOX, k=2)], "class 2 is not"), ([np.array([row(np.nan)])], [there(BOX)], "not a number")])
def test_rows_that_make_no_sense_are_refused(found, objects, message):
    with pytest.raises(InputError, match=message):
        metrics.score_detections(found, objects, ["a", "b"])


@pytest.mark.parametrize(("rows", "objects", "quality"), [
    ([row(0.9)], there(BOX), 1), ([row(0.9), row(0.8)], there(BOX), 2 / 3), ([row(0.29)], there(BOX), 0),
    ([row(0.3, (0, 0, 0.4, 0.5))], there(BOX, FAR), 2 * 0.8 / 3), ([row(0.9, k=1)], there(BOX), 0),
    ([], NOTHING_THERE, 1), ([row(0.9)], NOTHING_THERE, 0), ([row(0.8), row(0.9, (0, 0, 0.3, 0.5))], there(BOX), 0.4)])
def test_quality_of_a_picture(rows, objects, quality):
    assert_close(average_precision.picture_quality(np.array(rows, dtype=float).reshape(-1, 6), objects), float(quality))


# -- classes --------------------------------------------------------------------------------------------------------
LABELS, PREDICTIONS = [0, 0, 0, 1, 1, 3, -1, 255], [0, 0, 1, 1, 2, 3, 0, 7]
MATRIX = [[2, 1, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]


def test_confusion_has_labels_in_rows_and_leaves_out_what_has_no_class():
    matrix = metrics.confusion_matrix(LABELS, nd.array(PREDICTIONS), 5)
    assert matrix.tolist() == MATRIX
    pixels = metrics.confusion_matrix(np.reshape(LABELS, (2, 4)), np.reshape(PREDICTIONS, (2, 4)), 5)
    assert pixels.tolist() == MATRIX


def test_precision_recall_iou_and_what_is_not_defined():
    matrix, nan = np.array(MATRIX), np.nan
    precision, recall = metrics.precision_recall(matrix)
    np.testing.assert_allclose(precision, [1, 1 / 2, 0, 1, nan])
    np.testing.assert_allclose(recall, [2 / 3, 1 / 2, nan, 1, nan])
    np.testing.assert_allclose(metrics.class_iou(matrix), [2 / 3, 1 / 3, 0, 1, nan])  # 2 is predicted, never there
    assert_close(metrics.mean_of_defined(metrics.class_iou(matrix)), 0.5)
    assert_close(metrics.accuracy(matrix), 4 / 6)


def test_an_empty_matrix_has_no_figures():
    matrix = metrics.confusion_matrix([-1], [0], 2)
    assert matrix.sum() == 0 and np.isnan(metrics.accuracy(matrix))
    assert np.isnan(metrics.mean_of_defined(metrics.class_iou(matrix)))


@pytest.mark.parametrize(("labels", "predictions"), [([0, 1], [0]), ([0], [5]), ([0], [-1])])
def test_answers_that_make_no_sense_are_refused(labels, predictions):
    with pytest.raises(InputError):
        metrics.confusion_matrix(labels, predictions, 5)


# -- passes over data -----------------------------------------------------------------------------------------------
def scores_of(classes, num_classes, certain=2.0):
    """Scores whose highest is at ``classes`` (..., ) on axis 1."""
    return nd.array(np.moveaxis(np.eye(num_classes)[classes], -1, 1) * certain)


def test_a_classifier_is_judged_picture_by_picture():
    X, y = scores_of([0, 1, 1, 0], 2), nd.array([0, 1, 0, 0])
    X[3] *= 2
    result = metrics.evaluate_classifier(lambda x: x, [(X[:3], y[:3]), (X[3:], y[3:])], mx.cpu(), 2)
    assert result.matrix.tolist() == [[2, 1], [0, 1]]
    p = 1 / (1 + np.exp(-2))
    assert_close(result.certainty, np.float32([p, p, 1 - p, 1 / (1 + np.exp(-4))]))
    assert result.ranked().tolist() == [2, 0, 1, 3]


def test_a_segmenter_is_judged_pixel_by_pixel_and_picture_by_picture():
    labels = np.array([[[0, 0], [1, 1]], [[0, 0], [0, 2]]])
    answers = np.array([[[0, 0], [1, 1]], [[0, 0], [0, 1]]])
    batches = [(scores_of(answers[:1], 4), nd.array(labels[:1])), (scores_of(answers[1:], 4), nd.array(labels[1:]))]
    result = metrics.evaluate_segmenter(lambda x: x, batches, [mx.cpu()], 4)
    assert result.summary() == pytest.approx({"pixel_acc": 7 / 8, "mean_iou": (1 + 2 / 3 + 0) / 3})
    assert_close(result.picture_iou, [1.0, 1 / 3])
    assert result.ranked().tolist() == [1, 0]
    assert str(result) == "pixel accuracy 0.875, mean IoU 0.556 over the 3 of 4 classes that occur"
    table = tables.per_class_iou(result.matrix, list("abcd"))
    assert [line[0] for line in table["rows"]] == ["a", "b", "c"] and table["rows"][0][1:] == [1, 1, 5 / 8]


class Batches:
    """A detection iterator over three pictures in batches of two: the last is filled up by picture 0."""

    def __init__(self, pictures, labels):
        self.pictures, self.labels, self.resets = pictures, labels, 0

    def reset(self):
        self.resets += 1

    def __iter__(self):
        for numbers, pad in (([0, 1], 0), ([2, 0], 1)):
            yield io.DataBatch([nd.array(self.pictures[numbers])], [nd.array(self.labels[numbers])], pad=pad)


@pytest.fixture
def val_iter():
    pictures = np.random.default_rng(0).integers(0, 256, (3, 3, 64, 64)).astype(np.float32)
    labels = np.full((3, 2, 6), -1.0)  # six columns: whatever comes after the box is not read
    labels[0, 0], labels[1, 0], labels[1, 1], labels[2, 0] = (
        (0, *BOX, 9), (1, *BOX, 9), (0, *FAR, 9), (1, 0.2, 0.2, 0.6, 0.7, 9))
    return Batches(pictures, labels)


def oracle_net(found):
    """A detector that knows each picture's boxes: (B, anchors) from the first pixel's value."""
    anchors = nd.array([[BOX, FAR, (0.2, 0.2, 0.6, 0.7)]])

    def net(X):
        scores = np.stack([found[int(value)] for value in X[:, 0, 0, 0].asnumpy()])
        return anchors, nd.array(scores), nd.zeros((len(X), 12))
    return net


def test_a_detector_is_judged_on_every_picture_once(val_iter):
    background = [9.0, 0, 0]  # probability of the best class about 1e-4: under the cut of detect(), and still a box
    val_iter.pictures[:, 0, 0, 0] = range(3)
    found = {0: [[0, 5, 0], background, background], 1: [[0, 0, 5], [0, 5, 0], background],
             2: [background, background, [5, 0, 1]]}
    result = metrics.evaluate_detector(oracle_net(found), val_iter, mx.cpu(), ["a", "b"])
    assert [len(rows) for rows in result.truths] == [1, 2, 1]
    assert_close(result.truths[1], np.float32([[1, *BOX], [0, *FAR]]))
    assert [len(rows) for rows in result.detections] == [3, 3, 3]
    assert result.detections[2][0, 1] < 0.02
    assert_close(result.scores.voc2012, [1.0, 1.0])
    assert_close(result.scores.coco[9], [1.0, 1.0])
    assert result.quality().tolist() == pytest.approx([1, 1, 0]) and result.ranked()[0] == 2
    assert val_iter.resets == 1


def test_the_pictures_of_an_iterator_by_number(val_iter):
    pictures = evaluate.pictures_of(val_iter, [2, 0])
    for picture, number in zip(pictures, (2, 0)):
        assert picture.dtype == np.uint8 and np.array_equal(picture, val_iter.pictures[number].transpose(1, 2, 0))
    with pytest.raises(InputError, match="has 3 pictures; there is no number 3"):
        evaluate.pictures_of(val_iter, [3])


def test_an_untrained_tinyssd_can_be_judged(val_iter):
    net = TinySSD(num_classes=2)
    net.initialize(init.Xavier())
    result = metrics.evaluate_detector(net, val_iter, mx.cpu(), ["a", "b"])
    assert all(0 < len(rows) <= 200 and (np.diff(rows[:, 1]) <= 0).all() for rows in result.detections)
    assert all(0 <= value <= 1 for value in result.scores.means().values())


# -- shown ----------------------------------------------------------------------------------------------------------
def test_a_table_lines_up_in_any_script():
    table = tables.per_class(np.array([[3, 1], [0, 0]]), ["皮卡丘", "b"])
    assert tables.format_table(table) == ("class   precision  recall  labels\n"
                                          "皮卡丘      1.000   0.750       4\n"
                                          "b           0.000       -       0")


def test_the_matrix_as_a_table():
    table = tables.whole_matrix(np.array([[3, 1], [0, 2]]), ["a", "b"])
    assert table == {"columns": ["label, predicted as", "a", "b"], "rows": [["a", 3, 1], ["b", 0, 2]]}


@pytest.mark.parametrize(("total", "numbers"), [(10, [9, 8, 7, 6, 0, 1, 2, 3]), (8, [7, 6, 5, 4, 0, 1, 2, 3]),
                                                (5, [4, 3, 0, 1]), (1, [0, 0])])
def test_best_and_worst_are_different_pictures(total, numbers):
    assert figures.best_and_worst(np.arange(total)) == numbers


def test_figures_show_counts_and_boxes(val_iter):
    figures.show_confusion(np.array([[3, 1], [0, 2]]), ["cat", "dog"])
    (axes,) = figures.plt.gcf().axes
    assert [text.get_text() for text in axes.texts] == ["3", "1", "0", "2"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["cat", "dog"]
    scores = metrics.score_detections([np.array([row(0.9)])] * 2, [there(BOX)] * 2, ["a"])
    result = metrics.DetectorResult([np.array([row(0.9), row(0.1, FAR)]), NOTHING_FOUND], [there(BOX)] * 2, scores)
    figures.show_detected(evaluate.pictures_of(val_iter, [0, 1]), result, [0, 1])
    best, worst = figures.plt.gcf().axes
    assert (best.get_title(), worst.get_title()) == ("quality 1.00, best score 0.90", "quality 0.00, no box")
    assert len(best.patches) == 2 and len(worst.patches) == 1  # there and found; there
    assert best.patches[0].get_bbox().bounds == (0, 0, 32, 32)
    figures.plt.close("all")
