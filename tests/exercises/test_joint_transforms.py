"""Joint transforms of picture and mask: each pixel of both comes from the same place, and masks get no new class."""
from __future__ import annotations

import math

import numpy as np
import pytest
from tolerance import assert_close

from d2lzh_cv.errors import InputError
from d2lzh_cv.exercises import joint_transforms as joint

SIZE = (90, 120)
GEOMETRIC = {
    "flip": joint.RandomFlip(1),
    "crop": joint.RandomScaleCrop((48, 64), (0.4, 2)),
    "smaller crop": joint.RandomScaleCrop((48, 64), (0.6, 0.9)),
    "rotation": joint.RandomRotation(60),
    "all": joint.Compose([joint.RandomFlip(), joint.RandomRotation(20), joint.RandomScaleCrop((64, 64), (0.8, 1.5))]),
}


def places(size=SIZE, axis=0) -> tuple[np.ndarray, np.ndarray]:
    """A picture and a mask that both say in which row (axis 0) or column (1) each pixel is."""
    mask = np.indices(size)[axis].astype(np.uint8)
    return np.repeat(mask[:, :, None], 3, axis=2), mask


def blobs(seed: int = 0, size=SIZE) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mask = np.kron(rng.integers(0, 5, (size[0] // 10, size[1] // 10)), np.ones((10, 10))).astype(np.uint8)
    return rng.integers(0, 256, (*size, 3), dtype=np.uint8), mask


def plain_resample(picture, mask, matrix, size):
    """Pixel by pixel: where does it come from, and what is there."""
    height, width = mask.shape
    pixels, classes = np.zeros((*size, 3)), np.zeros(size)
    for i in range(size[0]):
        for j in range(size[1]):
            y, x = (row[0] * (i + 0.5) + row[1] * (j + 0.5) + row[2] for row in matrix)
            if not (0 <= y <= height and 0 <= x <= width):
                pixels[i, j], classes[i, j] = joint.FILL, joint.VOID
                continue
            classes[i, j] = mask[min(math.floor(y), height - 1), min(math.floor(x), width - 1)]
            y, x = min(max(y - 0.5, 0), height - 1), min(max(x - 0.5, 0), width - 1)
            near = [(math.floor(y) + a, math.floor(x) + b) for a in (0, 1) for b in (0, 1)]
            pixels[i, j] = sum((1 - abs(y - p)) * (1 - abs(x - q)) * picture[min(p, height - 1), min(q, width - 1)]
                               for p, q in near)
    return pixels, classes


# Alignment

@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", GEOMETRIC)
def test_picture_and_mask_come_from_the_same_place(name, axis):
    """The picture's value is interpolated, the mask's that of the nearest pixel: they differ by half, rounded; twice
    by half where one resampling follows another, and its colours mix with FILL beside VOID."""
    for seed in range(8):
        picture, mask = GEOMETRIC[name](*places(axis=axis), np.random.default_rng(seed))
        known = away_from_void(mask, 4 if name == "all" else 0)
        difference = picture[known][:, 0].astype(int) - mask[known]
        assert known.mean() > 0.3 and np.ptp(mask[known]) > 10
        assert abs(difference).max() <= (2 if name == "all" else 1)


def away_from_void(mask, distance: int) -> np.ndarray:
    """Pixels with a class whose neighbours have one too; beyond the rim there may be VOID."""
    known = np.pad(mask != joint.VOID, distance)
    near = range(2 * distance + 1)
    return np.all([known[i:i + mask.shape[0], j:j + mask.shape[1]] for i in near for j in near], axis=0)


def test_a_picture_moved_alone_is_noticed():
    """The test above can fail: two pixels are enough."""
    picture, mask = places(axis=1)
    shift = np.array([[1.0, 0, 0], [0, 1, 2]])
    moved = joint.resample(picture, mask, shift, SIZE)[0]
    assert abs(moved[:, :-2, 0].astype(int) - mask[:, :-2]).min() > 1


@pytest.mark.parametrize("name", GEOMETRIC)
def test_a_mask_gets_no_class_that_it_did_not_have(name):
    """Values 0 and 200: anything between would be a mixture."""
    mask = np.where(blobs()[1] > 2, 200, 0).astype(np.uint8)
    for seed in range(4):
        moved = GEOMETRIC[name](blobs()[0], mask, np.random.default_rng(seed))[1]
        assert set(np.unique(moved)) <= {0, 200, joint.VOID} and moved.dtype == np.uint8


@pytest.mark.parametrize("matrix", [[[1, 0, 0], [0, 1, 0]], [[0.37, 0, 3.2], [0, 0.61, -1.4]],
                                    [[0.8, 0.6, -4], [-0.6, 0.8, 6]], [[2.5, 0, 0], [0, 3, 1]]])
def test_resampling_agrees_with_plain_loops(matrix):
    picture, mask = (array[:20, :30] for array in blobs(1))
    pixels, classes = joint.resample(picture, mask, np.array(matrix, float), (16, 22))
    expected_pixels, expected_classes = plain_resample(picture, mask, matrix, (16, 22))
    assert pixels.dtype == np.uint8
    assert abs(pixels - expected_pixels).max() <= 0.5 + 1e-4
    assert_close(classes, expected_classes)


# Each transform

def test_flipping_twice_is_nothing():
    picture, mask = blobs()
    once = joint.flip(picture, mask)
    assert_close(once[0], [row[::-1] for row in picture.tolist()])
    for ours, original in zip(joint.flip(*once), (picture, mask)):
        assert_close(ours, original)


@pytest.mark.parametrize("quarters", [-1, 0, 1, 2, 3, 4])
def test_quarter_turns_are_exact_and_counterclockwise(quarters):
    picture, mask = blobs(size=(60, 60))
    for turned, original in zip(joint.rotate(picture, mask, 90 * quarters), (picture, mask)):
        assert_close(turned, np.rot90(original, quarters))


def test_a_turn_brings_in_void_at_the_corners():
    picture, mask = joint.rotate(*blobs(), 45)
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert mask[corner] == joint.VOID and tuple(picture[corner]) == joint.FILL
    assert (mask[40:50, 50:70] != joint.VOID).all()
    assert ((picture == joint.FILL).all(axis=2) >= (mask == joint.VOID)).all()


def test_a_crop_at_its_own_size_is_a_slice():
    picture, mask = blobs()
    for cropped, original in zip(joint.resized_crop(picture, mask, 7, 11, 40, 50, (40, 50)), (picture, mask)):
        assert_close(cropped, original[7:47, 11:61])


def test_enlarging_a_mask_repeats_its_pixels():
    picture, mask = blobs()
    larger = joint.resized_crop(picture, mask, 0, 0, *SIZE, (180, 360))[1]
    assert_close(larger, mask.repeat(2, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize("size", [(48, 64), (90, 120), (120, 100), (200, 300)])
def test_a_random_crop_has_its_size_and_no_void(size):
    """Pictures smaller than the crop are enlarged."""
    crop = joint.RandomScaleCrop(size, (0.1, 2))
    for seed in range(10):
        picture, mask = crop(*blobs(), np.random.default_rng(seed))
        assert picture.shape == (*size, 3) and mask.shape == size and joint.VOID not in mask


def test_the_scale_is_drawn_from_its_range():
    """Columns are numbered, so a crop's span is its width over the scale."""
    spans = [np.ptp(joint.RandomScaleCrop((30, 30), (1, 3))(*places(axis=1), np.random.default_rng(seed))[1])
             for seed in range(40)]
    assert 8 <= min(spans) < 13 and 24 < max(spans) <= 30


def test_colours_leave_the_mask_alone():
    picture, mask = blobs()
    changed, same = joint.RandomColors(0.5)(picture, mask, np.random.default_rng(0))
    assert same is mask and (changed != picture).mean() > 0.5


@pytest.mark.parametrize("value", [0, 40, 100])
def test_brightness_is_a_factor(value):
    picture = np.full((4, 5, 3), value, np.uint8)
    assert_close(joint.change_colors(picture, brightness=2), np.full((4, 5, 3), 2 * value))


def test_without_contrast_or_saturation():
    picture = blobs()[0]
    grey = picture @ np.array([0.299, 0.587, 0.114])
    flat, pale = joint.change_colors(picture, contrast=0), joint.change_colors(picture, saturation=0)
    assert abs(flat - grey.mean()).max() <= 0.51
    assert abs(pale - grey[:, :, None]).max() <= 0.51
    assert_close(joint.change_colors(picture), picture)


def test_bright_colours_do_not_wrap_around():
    assert joint.change_colors(np.full((2, 2, 3), 200, np.uint8), brightness=1.5).min() == 255


@pytest.mark.parametrize("transform", [*GEOMETRIC.values(), joint.RandomColors()])
def test_the_seed_decides(transform):
    one, same, other = (transform(*blobs(), np.random.default_rng(seed))[0] for seed in (3, 3, 4))
    assert_close(one, same)
    if transform is not GEOMETRIC["flip"]:
        assert one.shape != other.shape or (one != other).any()


def test_half_of_the_pictures_are_flipped():
    rng, (picture, mask) = np.random.default_rng(0), blobs()
    flipped = sum((joint.RandomFlip()(picture, mask, rng)[1] != mask).any() for _ in range(200))
    assert 75 < flipped < 125


@pytest.mark.parametrize(("picture", "mask", "text"), [
    (np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4)), r"\(4, 5\).*\(5, 4\)"),
    (np.zeros((4, 5), np.uint8), np.zeros((4, 5)), "uint8"),
    (np.zeros((4, 5, 3), np.float32), np.zeros((4, 5)), "float32"),
])
@pytest.mark.parametrize("transform", [joint.RandomFlip(1), joint.RandomRotation(), joint.RandomColors()])
def test_what_is_no_pair_is_said(transform, picture, mask, text):
    with pytest.raises(InputError, match=text):
        transform(picture, mask, np.random.default_rng(0))
