"""The synthetic sets: repeatable, in the real formats, labels true to the drawn pixels, never half-made."""
from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from d2lzh_cv.data import synthetic
from d2lzh_cv.data.synthetic import detection, pen
from d2lzh_cv.data.synthetic.detection import recordio


def digest(folder: Path) -> dict[str, str]:
    """Return relative path -> hash of every file under ``folder``."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function that gives the folder of a set with seed 0, made once for all tests."""
    root, folders = tmp_path_factory.mktemp("synthetic"), {}

    def folder_of(name: str) -> Path:
        if name not in folders:
            folders[name] = synthetic.make(name, root / name)
        return folders[name]
    return folder_of


# pikachu

@pytest.mark.parametrize("seed", range(5))
def test_the_box_is_tight_to_the_creature(seed):
    layer = detection.one_creature(synthetic.generator("pikachu", seed), (256, 256), 100)
    mask = pen.mask_of(layer)
    xmin, ymin, xmax, ymax = pen.box_of(mask)
    assert mask[ymin:ymax, xmin:xmax].sum() == mask.sum() > 0
    for edge in (mask[ymin, :], mask[ymax - 1, :], mask[:, xmin], mask[:, xmax - 1]):
        assert edge.any()
    assert max(xmax - xmin, ymax - ymin) == pytest.approx(100, abs=4)


def test_records_carry_the_label_of_the_book(made):
    record = recordio.MXIndexedRecordIO(str(made("pikachu") / "train.idx"), str(made("pikachu") / "train.rec"), "r")
    header, image = recordio.unpack_img(record.read_idx(0))
    assert image.shape == (256, 256, 3)
    assert header.label[:5].tolist() == [4, 5, 256, 256, 0]
    xmin, ymin, xmax, ymax = header.label[5:]
    assert 0 <= xmin < xmax <= 1 and 0 <= ymin < ymax <= 1
    assert 0.2 < max(xmax - xmin, ymax - ymin) < 0.8
    assert len(record.keys) == detection.TRAIN


@pytest.mark.parametrize("name, count", [("train", detection.TRAIN), ("val", detection.VAL)])
def test_image_det_iter_reads_the_records(made, name, count):
    from mxnet import image  # after the package, which makes MXNet importable
    batches = image.ImageDetIter(path_imgrec=str(made("pikachu") / f"{name}.rec"), batch_size=16,
                                    data_shape=(3, 256, 256))
    labels = np.concatenate([batch.label[0].asnumpy() for batch in batches])
    assert labels.shape == (count, 1, 5)
    assert (labels[:, 0, 0] == 0).all() and (labels[:, 0, 3:] > labels[:, 0, 1:3]).all()
