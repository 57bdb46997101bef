"""The drawn styles of 9.11's exercises: the same bytes for a seed, and a texture to be learnt from each."""
from __future__ import annotations

import numpy as np
import pytest
from tolerance import assert_close

from d2lzh_cv.data.synthetic import drawn_styles

DRAWN = (drawn_styles.mosaic, drawn_styles.waves, drawn_styles.dots)


@pytest.mark.parametrize("draw", DRAWN)
def test_the_seed_decides(draw):
    one, same, other = (draw(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert one.shape == (*drawn_styles.SIZE[::-1], 3) and one.dtype == np.uint8
    assert_close(one, same)
    assert (one != other).mean() > 0.2


@pytest.mark.parametrize("draw", DRAWN)
def test_there_is_texture_everywhere_and_colour(draw):
    picture = draw(np.random.default_rng(0)).astype(float)
    parts = [part for band in np.array_split(picture, 6) for part in np.array_split(band, 6, axis=1)]
    assert min(part.std(axis=(0, 1)).max() for part in parts) > 20
    assert (picture.max(axis=2) - picture.min(axis=2)).mean() > 25


def test_bands_run_across_and_tiles_do_not():
    """How much more a pixel differs from the one below than from the one beside it."""
    ratio = {}
    for draw in DRAWN:
        picture = draw(np.random.default_rng(0)).astype(int)
        down, across = (abs(np.diff(picture, axis=axis)).mean() for axis in (0, 1))
        ratio[draw] = down / across
    assert ratio[drawn_styles.waves] > 1.5 > 1.2 > ratio[drawn_styles.mosaic] > 0.8
    assert 0.5 < ratio[drawn_styles.dots] < 1.5
