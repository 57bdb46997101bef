"""Augmentation: what each of the fifteen transforms does to a picture, and training with it."""
from __future__ import annotations

import mxnet as mx
import numpy as np
import pytest
from data_kit import pixels
from mxnet import nd
from mxnet.gluon.data import ArrayDataset
from tolerance import assert_close

from d2lzh_cv import augmentation, training
from d2lzh_cv.augmentation import ALL_TRANSFORMS, viewable
from d2lzh_cv.data.normalization import IMAGENET_MEAN, IMAGENET_STD
from d2lzh_cv.plotting import plt

PICTURE = pixels(260, 300)
GREY = np.full((40, 50, 3), 100, np.uint8)
DRAWS = 20


@pytest.fixture(autouse=True)
def seeded():
    training.seed_everything(0)
    yield
    plt.close("all")


def results(name: str, picture: np.ndarray, count: int = DRAWS) -> list[np.ndarray]:
    aug = ALL_TRANSFORMS[name]()
    return [aug(nd.array(picture, dtype="uint8")).asnumpy() for _ in range(count)]


def different(arrays: list[np.ndarray]) -> int:
    return len({array.tobytes() for array in arrays})


def test_they_are_the_fifteen_of_gluon():
    assert list(ALL_TRANSFORMS) == [
        "Compose", "Cast", "ToTensor", "Normalize", "RandomResizedCrop", "CenterCrop", "Resize", "RandomFlipLeftRight",
        "RandomFlipTopBottom", "RandomBrightness", "RandomContrast", "RandomSaturation", "RandomHue",
        "RandomColorJitter", "RandomLighting"]


@pytest.mark.parametrize("name", ALL_TRANSFORMS)
def test_every_result_can_be_shown(name):
    shown = viewable(nd.array(results(name, PICTURE, 1)[0], dtype=results(name, PICTURE, 1)[0].dtype))
    assert shown.shape[2] == 3 and min(shown.shape[:2]) >= 100
    plt.imshow(shown.asnumpy())
    if shown.dtype != np.uint8:
        assert shown.dtype == np.float32 and shown.min().asscalar() >= 0 and shown.max().asscalar() <= 1


def test_values_are_cast_scaled_and_normalised():
    assert_close(results("Cast", PICTURE, 1)[0], PICTURE.astype("float32"), exact=True)
    tensor = (PICTURE / 255).transpose(2, 0, 1).astype("float32")
    assert_close(results("ToTensor", PICTURE, 1)[0], tensor)
    mean, std = (np.array(values, "float32").reshape((3, 1, 1)) for values in (IMAGENET_MEAN, IMAGENET_STD))
    assert_close(results("Normalize", PICTURE, 1)[0], (tensor - mean) / std)


def test_the_centre_is_the_centre():
    assert_close(results("CenterCrop", PICTURE, 1)[0], PICTURE[30:230, 50:250], exact=True)


def test_resize_takes_width_then_height():
    left_dark = np.zeros((40, 50, 3), np.uint8)
    left_dark[:, 25:] = 200
    result, = results("Resize", left_dark, 1)
    assert result.shape == (100, 200, 3)
    assert (result[:, :90] == 0).all() and (result[:, 110:] == 200).all()


@pytest.mark.parametrize("name, axis", [("RandomFlipLeftRight", 1), ("RandomFlipTopBottom", 0)])
def test_flips_mirror_half_of_the_time(name, axis):
    flipped = 0
    for result in results(name, PICTURE):
        mirrored = (result == np.flip(PICTURE, axis)).all()
        assert mirrored or (result == PICTURE).all()
        flipped += mirrored
    assert 0.2 * DRAWS <= flipped <= 0.8 * DRAWS


def test_random_crops_are_parts_of_the_picture_of_a_tenth_or_more():
    """Red tells the column, green the row: what is left of either is how much of it the crop took."""
    ramp = np.zeros((200, 250, 3), np.uint8)
    ramp[:, :, 0], ramp[:, :, 1] = np.arange(250), np.arange(200)[:, None]
    crops, shapes = results("RandomResizedCrop", ramp), []
    for crop in crops:
        assert crop.shape == (200, 200, 3)
        red, green = crop[100, :, 0].astype(int), crop[:, 100, 1].astype(int)
        assert (np.diff(red) >= 0).all() and (np.diff(green) >= 0).all()
        shapes.append((red[-1] - red[0] + 1, green[-1] - green[0] + 1))
    areas = [width * height / (200 * 250) for width, height in shapes]
    assert min(areas) > 0.08 and max(areas) <= 1 and max(areas) > 2 * min(areas)
    assert all(0.45 < width / height < 2.2 for width, height in shapes) and different(crops) == DRAWS


def test_brightness_scales_all_pixels_alike():
    levels = [set(np.unique(result)) for result in results("RandomBrightness", GREY)]
    assert all(len(level) == 1 for level in levels)
    values = [level.pop() for level in levels]
    assert 50 <= min(values) < 90 and 110 < max(values) <= 150


@pytest.mark.parametrize("name", ["RandomContrast", "RandomHue"])
def test_contrast_and_hue_leave_an_even_grey_alone(name):
    assert all(np.abs(result.astype(int) - 100).max() <= 2 for result in results(name, GREY))
    assert different(results(name, PICTURE)) == DRAWS


def test_saturation_leaves_grey_without_colour():
    """MXNet 1.9.1 takes the grey to mix with from the blue channel alone, so that brightness changes too."""
    for result in results("RandomSaturation", GREY):
        assert (result == result[:1, :1, :1]).all()
    spreads = [np.ptp(result, axis=2).mean() for result in results("RandomSaturation", PICTURE // 2)]
    before = np.ptp(PICTURE // 2, axis=2).mean()
    assert min(spreads) < 0.8 * before and max(spreads) > 1.2 * before


def test_contrast_draws_values_to_the_mean_or_away():
    two = np.full((40, 50, 3), 80, np.uint8)
    two[:, 25:] = 120
    spans = []
    for result in results("RandomContrast", two):
        low, high = sorted(int(value) for value in np.unique(result))
        assert abs((low + high) / 2 - 100) <= 1
        spans.append(high - low)
    assert 19 <= min(spans) < 35 and 45 < max(spans) <= 61


def test_lighting_shifts_the_colours_and_leaves_a_picture_to_see():
    """A shift is the same for all pixels; too large a one turns every picture black or white."""
    middle = PICTURE // 4 + 96
    shown = results("RandomLighting", middle)
    for result in shown:
        inside = ((result > 0) & (result < 255)).all(axis=2)
        shift = (result.astype(int) - middle)[inside]
        assert not inside.any() or (np.ptp(shift, axis=0) <= 1).all()
    assert different(shown) == DRAWS
    assert np.median([result.std() for result in shown]) > middle.std() / 2


@pytest.mark.parametrize("name", ["Compose", "RandomColorJitter"])
def test_several_together_change_the_picture(name):
    shown = results(name, PICTURE)
    assert different(shown) == DRAWS and all(result.shape == PICTURE.shape for result in shown)


# viewable, apply

def test_a_picture_is_shown_as_it_is():
    for picture in (nd.array(PICTURE, dtype="uint8"), nd.array(PICTURE) / 255):
        assert_close(viewable(picture), picture, exact=True)


def test_what_leaves_the_range_is_stretched_into_it():
    """Channels first, values -1 to 3: -1 becomes 0 and 3 becomes 1."""
    tensor = np.linspace(-1, 3, 3 * 4 * 5, dtype="float32").reshape((3, 4, 5))
    assert_close(viewable(nd.array(tensor)), (tensor.transpose(1, 2, 0) + 1) / 4)
    assert_close(viewable(nd.array(PICTURE)), PICTURE.astype("float32") / PICTURE.max())


def test_apply_shows_as_many_results_as_asked_for():
    axes = augmentation.apply(nd.array(PICTURE, dtype="uint8"), ALL_TRANSFORMS["RandomBrightness"]())
    assert axes.shape == (2, 4)
    assert different([ax.images[0].get_array() for ax in axes.flat]) == 8
    axes = augmentation.apply(nd.array(PICTURE, dtype="uint8"), ALL_TRANSFORMS["Normalize"](), 1, 2, scale=1)
    assert axes.shape == (1, 2) and axes[0][0].figure.get_size_inches().tolist() == [2, 1]


# training

def tiny_set(pictures: int) -> ArrayDataset:
    """Pictures of noise, dark where the label is 0, and blue where it is 1."""
    labels = np.arange(pictures, dtype="int32") % 2
    noise = np.stack([pixels(8, 8, seed) for seed in range(pictures)]) // 4
    noise[labels == 1, :, :, 2] += 150
    return ArrayDataset(nd.array(noise, dtype="uint8"), labels)


def test_the_loader_shuffles_only_what_is_trained_on():
    data = tiny_set(12)
    X, y = next(iter(augmentation.load_cifar10(data, augmentation.NO_AUG, 12, is_train=False)))
    assert (X.shape, X.dtype) == ((12, 3, 8, 8), np.float32) and X.max().asscalar() <= 1
    assert y.asnumpy().tolist() == [0, 1] * 6
    _, y = next(iter(augmentation.load_cifar10(data, augmentation.FLIP_AUG, 12, is_train=True)))
    assert y.asnumpy().tolist() != [0, 1] * 6 and sum(y.asnumpy()) == 6


def test_training_with_augmentation_learns(capsys):
    """Nine steps are too few for BatchNorm's statistics, so only the training accuracy shows it."""
    heard = []
    epochs = augmentation.train_with_data_aug(tiny_set(48), tiny_set(20), augmentation.FLIP_AUG, augmentation.NO_AUG,
                                              [mx.cpu()], num_epochs=3, batch_size=16, lr=2e-4, on_epoch=heard.append)
    assert heard == epochs and len(epochs) == 3
    assert epochs[-1].loss < epochs[0].loss / 4 and epochs[-1].train_acc > 0.9
    assert 0 <= epochs[-1].test_acc <= 1
    assert capsys.readouterr().out == "training on [cpu(0)]\n"
