"""ROIPooling and ROIAlign: values and gradients, in both dtypes, against plain loops and PyTorch."""
from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from kit import DTYPES, SEEDS, agree, by_mxnet, by_torch, from_above, normal, to_mxnet, torch
from oracles import plain_roi_align, plain_roi_align_gradient, plain_roi_pooling, plain_roi_pooling_gradient

from d2lzh_cv import rcnn
from reference.pytorch import regions

pytestmark = pytest.mark.crosscheck

GRIDS = [((1, 1), 1), ((2, 2), 0.1), ((2, 3), 0.5), ((7, 7), 0.25)]
POOLING = rcnn.roi_pooling, regions.roi_pooling, plain_roi_pooling, plain_roi_pooling_gradient
ALIGN = rcnn.roi_align, regions.roi_align, plain_roi_align, plain_roi_align_gradient


def random_regions(seed: int, scale: float, dtype: str, count: int = 12) -> np.ndarray:
    """In pixels of two pictures, whose maps are 6 × 9; some reach beyond, the last is off them, one inside out."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(-2, 7, (count, 2))
    rois = np.hstack([rng.integers(0, 2, (count, 1)), low / scale, (low + rng.uniform(0.2, 6, (count, 2))) / scale])
    rois[-1, 1:], rois[-2, 1:] = 30 / scale, np.array((5, 4, 2, 1)) / scale
    return rois.astype(dtype)


def check(operator, feature_map, rois, size, scale, seed) -> None:
    ours, theirs, loops, gradient_by_loops = operator
    scale = float(np.float32(scale))  # as MXNet holds it, whatever the dtype
    mine = by_mxnet(lambda x: ours(x, to_mxnet(rois), size, scale), [feature_map], seed)
    other = by_torch(lambda x: theirs(x, torch.tensor(rois), size, scale), [feature_map], seed)
    assert mine.value.dtype == feature_map.dtype
    head = from_above(mine.value, seed)
    agree(mine.value, other.value, seed, "value, from PyTorch's")
    agree(mine.value, loops(feature_map, rois, size, scale).astype(head.dtype), seed, "value, from the loops'")
    agree(mine.gradients[0], other.gradients[0], seed, "gradient, from PyTorch's")
    expected = gradient_by_loops(feature_map, rois, size, scale, head).astype(head.dtype)
    agree(mine.gradients[0], expected, seed, "gradient, from the loops'")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("size", "scale"), GRIDS)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("operator", [POOLING, ALIGN], ids=["pooling", "align"])
def test_random_regions(operator, seed, size, scale, dtype):
    check(operator, normal(seed, 2, 3, 6, 9, dtype=dtype), random_regions(seed, scale, dtype), size, scale, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("roi", [
    (0, 0, 20, 20), (0, 10, 30, 30), (10, 10, 10, 10), (-20, 0, 10, 10), (20, 20, 50, 50), (90, 90, 99, 99),
    (-90, -90, -80, -80), (30, 30, 0, 0), (4, 5, 14, 15), (5, 5, 25, 25)])
@pytest.mark.parametrize("operator", [POOLING, ALIGN], ids=["pooling", "align"])
def test_regions_at_the_rim_and_beyond(operator, roi, dtype):
    """Among them the book's two, and corners that are halves of a cell."""
    feature_map = np.random.default_rng(0).permutation(16).reshape((1, 1, 4, 4)).astype(dtype)
    check(operator, feature_map, np.array([(0, *roi)], dtype), (2, 2), 0.1, seed=0)


@pytest.mark.parametrize("half", [0.5, 1.5, 2.5, -0.5])
def test_halves_round_away_from_zero(half):
    """Where Python and NumPy round to even."""
    feature_map = np.arange(16, dtype="float32").reshape((1, 1, 4, 4))
    rois = np.array([(0, half, 0, half, 0)], "float32")
    check(POOLING, feature_map, rois, (1, 1), 1, seed=0)
    found = rcnn.roi_pooling(to_mxnet(feature_map), to_mxnet(rois), (1, 1), 1)
    assert found.asscalar() == max(np.trunc(half + np.sign(half) / 2), 0)


@pytest.mark.parametrize("samples", [1, 2, 4])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_align_with_other_numbers_of_samples(seed, dtype, samples):
    feature_map, rois = normal(seed, 2, 2, 6, 9, dtype=dtype), random_regions(seed, 0.5, dtype)
    operator = (partial(rcnn.roi_align, sample_ratio=samples), partial(regions.roi_align, samples=samples),
                partial(plain_roi_align, samples=samples), partial(plain_roi_align_gradient, samples=samples))
    check(operator, feature_map, rois, (2, 3), 0.5, seed)
