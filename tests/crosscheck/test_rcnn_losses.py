"""The losses of the R-CNNs: values and gradients against PyTorch's own functions, in both dtypes."""
from __future__ import annotations

import numpy as np
import pytest
from kit import DTYPES, SEEDS, agree, cross_check, normal, to_mxnet, torch
from mxnet import nd

from d2lzh_cv.boxes import VARIANCES
from d2lzh_cv.rcnn import targets
from d2lzh_cv.rcnn.losses import MaskLoss, MultiTaskLoss
from reference.pytorch import boxes, regions

pytestmark = pytest.mark.crosscheck


def labels(seed: int, dtype: str, low: int = -1) -> np.ndarray:
    """Of three pictures with seven regions, the last with nothing that is an object or even counts."""
    classes = np.random.default_rng(seed).integers(low, 4, (3, 7))
    classes[2] = low
    return classes.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_multi_task_loss(seed, dtype):
    classes, offsets = labels(seed, dtype), normal(seed, 3, 7, 4, dtype=dtype, part=2)
    inputs = normal(seed, 3, 7, 4, dtype=dtype), 2 * normal(seed, 3, 7, 4, dtype=dtype, part=1)
    cross_check(lambda scores, predicted: MultiTaskLoss()(scores, to_mxnet(classes), predicted, to_mxnet(offsets)),
                lambda scores, predicted: regions.multi_task_loss(scores, torch.tensor(classes), predicted,
                                                                  torch.tensor(offsets)), inputs, seed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_mask_loss(seed, dtype):
    classes = labels(seed, dtype)
    masks = np.random.default_rng(seed).integers(0, 2, (3, 7, 4, 5)).astype(dtype)
    cross_check(lambda scores: MaskLoss()(scores, to_mxnet(classes), to_mxnet(masks)),
                lambda scores: regions.mask_loss(scores, torch.tensor(classes), torch.tensor(masks)),
                [4 * normal(seed, 3, 7, 3, 4, 5, dtype=dtype)], seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_offsets_of_a_sample(seed):
    """PyTorch encodes the sample's regions, and decodes the offsets to the objects."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.5, (2, 3, 2))
    objects = np.concatenate([rng.integers(0, 2, (2, 3, 1)), low, low + rng.uniform(0.1, 0.4, (2, 3, 2))], 2)
    near = objects[:, :, None, 1:] + rng.uniform(-0.03, 0.03, (2, 3, 8, 4))
    sample = targets.sample_regions(list(near.reshape(2, 24, 4).astype("float32")), nd.array(objects), 16, rng, 1)
    for rows, sampled, classes, offsets, matches in zip(objects, *(part.asnumpy() for part in sample)):
        positive = classes > 0
        own = torch.tensor(rows[matches[positive].astype(int), 1:].astype("float32"))
        assert positive.sum() > 8
        agree(offsets[positive], boxes.encode(torch.tensor(sampled[positive]), own, VARIANCES), seed, "offsets")
        agree(boxes.decode(torch.tensor(sampled[positive]), torch.tensor(offsets[positive])), own, seed, "boxes")
