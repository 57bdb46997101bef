"""The DataLoader that forks nothing: the same batches with any workers, and no process that waits forever."""
from __future__ import annotations

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from data_kit import cut, write_voc
from mxnet import gluon
from tolerance import assert_close

from d2lzh_cv.data import loader, voc
from d2lzh_cv.errors import InputError


@pytest.fixture
def dataset(tmp_path):
    tree = write_voc(tmp_path / "VOC2012", sizes=[(40 + i, 60) for i in range(7)])
    return voc.VOCSegDataset(True, (32, 48), tree, voc.voc_colormap2label())


def batches(dataset, workers: int, **options) -> list[tuple[np.ndarray, np.ndarray]]:
    random.seed(1)
    np.random.seed(1)
    made = loader.data_loader(dataset, 2, workers=workers, **options)
    return [(x.asnumpy(), y.asnumpy()) for _ in range(2) for x, y in made]


def test_batches_are_the_same_with_any_workers(dataset):
    alone = batches(dataset, 0, shuffle=True, last_batch="discard")
    assert len(alone) == 6 and alone[0][0].shape == (2, 3, 32, 48) and alone[0][1].dtype == np.uint8
    assert any((alone[k][0] != alone[k + 3][0]).any() for k in range(3))  # the second epoch is another
    for workers in (1, 3):
        for (x, y), (same_x, same_y) in zip(alone, batches(dataset, workers, shuffle=True, last_batch="discard")):
            assert_close(x, same_x, exact=True)
            assert_close(y, same_y, exact=True)


def test_pictures_too_small_for_the_crop_too(dataset):
    """Where a reader keeps them they are scaled up, by another way through the code."""
    dataset.data = dataset.data[:]
    for (x, y), (same_x, same_y) in zip(batches(dataset, 0), batches(dataset, 2)):
        assert_close(x, same_x, exact=True)
        assert_close(y, same_y, exact=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_other_data_sets_are_asked_by_index(workers):
    data = gluon.data.ArrayDataset(np.arange(5, dtype="float32"), np.arange(5))
    seen = [x.asnumpy().tolist() for x, _ in loader.data_loader(data, 2, workers=workers)]
    assert seen == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_reaches_the_caller(tmp_path, workers):
    tree = write_voc(tmp_path / "VOC2012", sizes=[(40, 60)] * 4)
    cut(tree / "JPEGImages" / "a2.jpg")
    made = loader.data_loader(voc.VOCSegDataset(True, (32, 48), tree, voc.voc_colormap2label()), 2, workers=workers)
    with pytest.raises(InputError, match=r"a2\.jpg is not a whole picture"):
        list(made)


def test_one_process_and_thread_elsewhere_than_on_linux(monkeypatch):
    for processors, workers in ((1, 0), (2, 1), (64, 4), (None, 0)):
        monkeypatch.setattr("os.cpu_count", lambda count=processors: count)
        monkeypatch.setattr("sys.platform", "linux")
        assert loader.default_workers() == workers
        monkeypatch.setattr("sys.platform", "darwin")
        assert loader.default_workers() == 0


@pytest.mark.parametrize("way", ["loader.data_loader(dataset, 2, workers=3)",
                                 "DataLoader(dataset, 2, num_workers=3)"])  # the book's, whose workers are forked
def test_nothing_hangs_after_mxnet_and_openmp_have_run(tmp_path, way):
    """A network trains on two OpenMP threads before the loader is made, and between its batches."""
    tree = write_voc(tmp_path / "VOC2012", sizes=[(40, 60)] * 8)
    code = f"""if True:
        import d2lzh_cv, mxnet as mx
        from mxnet import autograd, gluon, nd
        from mxnet.gluon.data import DataLoader
        from d2lzh_cv.data import loader, voc
        net = gluon.nn.Conv2D(8, 3)
        net.initialize()
        def train(x):
            with autograd.record():
                loss = net(x).sum()
            loss.backward()
            return loss.asscalar()
        train(nd.ones((8, 3, 64, 64)))
        dataset = voc.VOCSegDataset(True, (32, 48), {str(tree)!r}, voc.voc_colormap2label())
        for _ in range(3):
            made = {way}
            print(sum(1 for x, y in made if train(x) == train(x)))"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                            env={**os.environ, "OMP_NUM_THREADS": "2"})
    assert result.stdout == "read 8 examples\n4\n4\n4\n", result.stderr
