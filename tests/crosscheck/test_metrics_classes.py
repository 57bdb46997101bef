"""Confusion, precision, recall, pixel accuracy and IoU on drawn labels: against torchmetrics, and GluonCV's metric."""
from __future__ import annotations

import numpy as np
import pytest
from mxnet import nd
from tolerance import assert_close

from d2lzh_cv import metrics

pytest.importorskip("torch", reason="PyTorch is the second opinion: make test TORCH=1 installs it")
pytest.importorskip("torchmetrics", reason="torchmetrics is not installed: the test extra has it")
import torch  # noqa: E402
from torchmetrics.functional import classification  # noqa: E402

pytestmark = pytest.mark.crosscheck
CLASSES, IGNORED = 7, 255  # 5 is predicted and never there; 6 is neither


@pytest.fixture(params=range(4))
def drawn(request) -> tuple[np.ndarray, np.ndarray]:
    """(labels, predictions), (B, H, W)."""
    rng = np.random.default_rng(request.param)
    labels, predictions = rng.integers(0, 5, (2, 3, 12, 16))
    predictions = np.where(rng.random(labels.shape) < 0.6, labels, predictions)
    predictions[0, 0, :3], labels[1, :2] = 5, IGNORED
    return labels, predictions


def ask(name: str, labels, predictions, **options) -> np.ndarray:
    function = getattr(classification, f"multiclass_{name}")
    return function(torch.tensor(predictions), torch.tensor(labels), CLASSES, ignore_index=IGNORED, **options).numpy()


def test_the_matrix_is_torchmetrics(drawn):
    assert_close(metrics.confusion_matrix(*drawn, CLASSES), ask("confusion_matrix", *drawn))


def test_precision_and_recall_are_torchmetrics(drawn):
    precision, recall = metrics.precision_recall(metrics.confusion_matrix(*drawn, CLASSES))
    assert np.isnan(precision[6]) and np.isnan(recall[5:]).all()
    assert_close(precision[:6].astype("float32"), ask("precision", *drawn, average=None)[:6])
    assert_close(recall[:5].astype("float32"), ask("recall", *drawn, average=None)[:5])


def test_pixel_accuracy_and_mean_iou_are_torchmetrics(drawn):
    matrix = metrics.confusion_matrix(*drawn, CLASSES)
    iou = metrics.class_iou(matrix)
    assert iou[5] == 0 and np.isnan(iou[6])
    assert_close(iou[:6].astype("float32"), ask("jaccard_index", *drawn, average=None)[:6])
    assert_close(np.float32(metrics.mean_of_defined(iou)), ask("jaccard_index", *drawn, average="macro"))
    assert_close(np.float32(metrics.accuracy(matrix)), ask("accuracy", *drawn, average="micro"))


def test_pixel_accuracy_and_iou_are_gluoncv_s(drawn):
    from gluoncv.utils.metrics.segmentation import SegmentationMetric
    labels, predictions = drawn
    theirs = SegmentationMetric(CLASSES)
    theirs.update([nd.array(np.where(labels == IGNORED, -1, labels))],
                  [nd.array(np.moveaxis(np.eye(CLASSES)[predictions], -1, 1))])
    accuracy, mean = theirs.get()
    matrix = metrics.confusion_matrix(*drawn, CLASSES)
    assert_close(metrics.accuracy(matrix), accuracy)
    iou = metrics.class_iou(matrix)
    assert_close(iou[:6], theirs.total_inter[:6] / theirs.total_union[:6])
    assert_close(np.nansum(iou) / CLASSES, mean)  # it counts a class that never occurs as 0: ours leaves it out
