"""The synthetic sets: repeatable, in the real formats, labels true to the drawn pixels, never half-made."""
from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from data_kit import opened
from PIL import Image

from d2lzh_cv.data import drawn
from d2lzh_cv.data.synthetic import (
    animals,
    book_pictures,
    cifar,
    class_folders,
    dogs,
    pen,
    scenes,
    yellow_creatures,
)
from d2lzh_cv.data.synthetic.yellow_creatures import recordio
from d2lzh_cv.errors import InputError

SMALL = {yellow_creatures: {"TRAIN": 8, "VAL": 4}, scenes: {"TRAIN": 5, "VAL": len(scenes.KINDS) - 5},
         cifar: {"BATCH_SIZE": 40, "TEST": 20, "TINY": 20, "TINY_TEST": 5, "LABELLED": 50},
         class_folders: {"SOURCE_TRAIN": 2, "SOURCE_TEST": 1, "HOTDOG_TRAIN": 13, "HOTDOG_TEST": 4},
         dogs: {"TRAIN": 2, "VALID": 1, "TEST": 3}}


def digest(folder: Path) -> dict[str, str]:
    """Return relative path -> hash of every file under ``folder``."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module", autouse=True)
def small():
    """Every set is drawn with fewer pictures than usual, to keep the tests short."""
    with pytest.MonkeyPatch.context() as patch:
        for module, counts in SMALL.items():
            for name, count in counts.items():
                patch.setattr(module, name, count)
        yield


@pytest.fixture(scope="module")
def made(small, tmp_path_factory):
    """Return a function that gives the folder of a set with seed 0, made once for all tests."""
    root, folders = tmp_path_factory.mktemp("synthetic"), {}

    def folder_of(name: str) -> Path:
        if name not in folders:
            folders[name] = drawn.make(name, root / name)
        return folders[name]
    return folder_of


# pikachu

@pytest.mark.parametrize("seed", range(5))
def test_the_box_is_tight_to_the_creature(seed):
    layer = yellow_creatures.one_creature(drawn.generator("pikachu", seed), (256, 256), 100)
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
    assert len(record.keys) == yellow_creatures.TRAIN


@pytest.mark.parametrize("name, count", [("train", 8), ("val", 4)])
def test_image_det_iter_reads_the_records(made, name, count):
    from mxnet import image
    batches = image.ImageDetIter(path_imgrec=str(made("pikachu") / f"{name}.rec"), batch_size=4,
                                    data_shape=(3, 256, 256))
    labels = np.concatenate([batch.label[0].asnumpy() for batch in batches])
    assert labels.shape == (count, 1, 5)
    assert (labels[:, 0, 0] == 0).all() and (labels[:, 0, 3:] > labels[:, 0, 1:3]).all()


# voc

def test_the_palette_is_vocs():
    palette = scenes.voc_palette()
    assert palette[[0, 1, 8, 15, 20, 255]].tolist() == [[0, 0, 0], [128, 0, 0], [64, 0, 0], [192, 128, 128],
                                                        [0, 64, 128], [224, 224, 192]]


def test_masks_fit_their_pictures_and_hold_voc_colours_only(made):
    from mxnet import image
    root = made("voc")
    names = [line for part in ("train", "val")
             for line in (root / f"ImageSets/Segmentation/{part}.txt").read_text().split()]
    assert len(names) == len(set(names)) == scenes.TRAIN + scenes.VAL
    known = set(_codes(scenes.voc_palette()[[0, *scenes.KINDS, scenes.VOID]]).tolist())
    seen = set()
    for name in names:
        picture = image.imread(str(root / "JPEGImages" / f"{name}.jpg"))
        mask = image.imread(str(root / "SegmentationClass" / f"{name}.png")).asnumpy()
        assert picture.shape == mask.shape and picture.shape[0] >= 320 and picture.shape[1] >= 480
        seen |= set(np.unique(_codes(mask)).tolist())
    assert seen == known


def test_the_mask_covers_the_object_and_nothing_else(monkeypatch):
    """With a flat red car on a black ground, red pixels and mask are the same but for the border."""
    monkeypatch.setitem(scenes.KINDS, 7, (lambda p, rng: p.ellipse(0, 0, 1, 0.5, (255, 0, 0)), (_black,), 0.45))
    monkeypatch.setattr(pen, "shade", lambda layer, rng: layer)
    monkeypatch.setattr(pen, "relight", lambda picture, rng, amount: picture)
    picture, classes = scenes.picture(drawn.generator("voc", 3), first=7)
    red = np.asarray(picture)[..., 0] > 127
    decided = classes != scenes.VOID
    assert (red == (classes == 7))[decided].all() and red[decided].sum() > 2000
    assert decided.mean() > 0.97


def _codes(colors: np.ndarray) -> np.ndarray:
    """Return each colour (..., 3) as one number."""
    return colors.astype(np.int64) @ [65536, 256, 1]


def _black(rng, size):
    return Image.new("RGB", size)


# cifar10, kaggle_cifar10

def test_cifar_records_have_their_size_and_all_ten_classes(made):
    sizes = {"data_batch_1.bin": 40, "data_batch_2.bin": 40, "test_batch.bin": 20}
    for name, count in sizes.items():
        records = np.frombuffer((made("cifar10") / name).read_bytes(), np.uint8).reshape(-1, 3073)
        assert sorted(records[:, 0].tolist()) == sorted(i % 10 for i in range(count))
        assert (records[:, 1:].std(1) > 5).all(), "a picture is blank"
    assert (made("cifar10") / "batches.meta.txt").read_text().split() == list(cifar.CLASSES)


def test_kaggle_archives_are_laid_out_as_the_books(made):
    with zipfile.ZipFile(made("kaggle_cifar10") / "train_tiny.zip") as archive:
        assert set(archive.namelist()) == {"train_tiny/", *(f"train_tiny/{i + 1}.png" for i in range(20))}
        assert Image.open(archive.open("train_tiny/7.png")).size == (32, 32)
    with zipfile.ZipFile(made("kaggle_cifar10") / "test_tiny.zip") as archive:
        assert set(archive.namelist()) == {"test_tiny/", *(f"test_tiny/{i + 1}.png" for i in range(5))}
    with zipfile.ZipFile(made("kaggle_cifar10") / "trainLabels.csv.zip") as archive:
        rows = archive.read("trainLabels.csv").decode().splitlines()
    assert rows[0] == "id,label" and [row.split(",")[0] for row in rows[1:]] == [str(i + 1) for i in range(50)]
    assert {row.split(",")[1] for row in rows[1:21]} == set(cifar.CLASSES)


# img

def test_the_dog_and_the_cat_fill_the_boxes_of_the_book(made):
    with Image.open(made("img") / "catdog.jpg") as picture:
        assert picture.size == (728, 561)
    for beast, box in ((animals.DOG, book_pictures.DOG_BOX), (animals.CAT, book_pictures.CAT_BOX)):
        layer = book_pictures.fitted(drawn.generator("img", 0), beast, book_pictures.CATDOG_SIZE, box)
        assert pen.box_of(pen.mask_of(layer)) == pytest.approx(box, abs=1)


def test_the_five_pictures_of_the_book_are_there_and_rich(made):
    for name in ("catdog", "cat1", "pikachu", "rainier", "autumn_oak"):
        pixels = np.asarray(opened(made("img") / f"{name}.jpg"))
        assert pixels.ndim == 3 and min(pixels.shape[:2]) >= 400 and pixels.std() > 20, name


# source, hotdog, kaggle_dog

@pytest.mark.parametrize("name, classes, counts", [("source", sorted(class_folders.SOURCE_CLASSES), (2, 1)),
                                                   ("hotdog", ["hotdog", "not-hotdog"], (13, 4))])
def test_picture_folders_hold_every_class(made, name, classes, counts):
    for part, count in zip(("train", "test"), counts):
        assert sorted(path.name for path in (made(name) / part).iterdir()) == classes
        for folder in (made(name) / part).iterdir():
            sizes = {opened(path).size for path in folder.iterdir()}
            assert len(list(folder.iterdir())) == count and all(64 <= min(size) <= max(size) <= 128 for size in sizes)


def test_the_dog_archive_is_sorted_as_the_books(made):
    with zipfile.ZipFile(made("kaggle_dog") / "train_valid_test_tiny.zip") as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        rows = archive.read("train_valid_test_tiny/labels.csv").decode().split()
    parts = [tuple(name.split("/")[1:3]) for name in names if name.endswith(".jpg")]
    assert Counter(parts) == {("test", "unknown"): 3, **{(part, breed): count for breed in dogs.BREEDS for part, count
                                                         in (("train", 2), ("valid", 1), ("train_valid", 3))}}
    assert rows[0] == "id,breed" and len(rows) == 1 + 3 * len(dogs.BREEDS)


# every set

@pytest.mark.parametrize("name", drawn.names())
def test_same_seed_same_bytes(name, made, tmp_path):
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    assert digest(drawn.make(name, tmp_path / "again")) == digest(made(name))
    assert (np.random.get_state()[1] == before).all(), "the global generator was touched"
    other = digest(drawn.make(name, tmp_path / "other", seed=1))
    assert set(other.values()) != set(digest(made(name)).values())
    assert json.loads((tmp_path / "other" / "synthetic.json").read_text()) == {
        "set": name, "seed": 1, "format": drawn.FORMAT}


def test_an_interrupted_make_leaves_nothing(monkeypatch, tmp_path):
    calls = iter(range(3))

    def fail_later(*args):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return original(*args)
    original = yellow_creatures.picture
    monkeypatch.setattr(yellow_creatures, "picture", fail_later)
    with pytest.raises(KeyboardInterrupt):
        drawn.make("pikachu", tmp_path / "pikachu")
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments_and_places_give_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file"):
        drawn.make("voc", tmp_path / "file" / "voc")
    with pytest.raises(InputError, match="mnist.*pikachu"):
        drawn.make("mnist", tmp_path / "mnist")
    with pytest.raises(InputError, match="seed"):
        drawn.make("voc", tmp_path / "voc", seed=-1)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
