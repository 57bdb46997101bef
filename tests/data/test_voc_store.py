"""What VOCSegDataset keeps of its pictures, and where: a file on the disk, and no memory."""
from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys

import mxnet as mx
import pytest
from data_kit import files_below, no_space, write_picture, write_voc
from mxnet import gluon
from tolerance import assert_close

from d2lzh_cv.data import voc, voc_files

CROP = (32, 48)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tree(tmp_path, cache):
    return write_voc(tmp_path / "VOC2012", sizes=[(40, 60), (50, 70)])


@pytest.fixture
def decoded(monkeypatch):
    """The names of the pictures that were decoded, in order."""
    names, read = [], voc_files._read_picture
    monkeypatch.setattr(voc_files, "_read_picture", lambda path: names.append(path.stem) or read(path))
    return names


def make(tree, crop=CROP):
    return voc.VOCSegDataset(True, crop, tree, voc.voc_colormap2label())


def check(dataset, tree, idx: int, seed: int = 0) -> None:
    """The whole picture as MXNet decodes it, normalised and then cropped, has the same values."""
    picture, mask = (mx.image.imread(str(tree / name))
                     for name in (f"JPEGImages/a{idx}.jpg", f"SegmentationClass/a{idx}.png"))
    random.seed(seed)
    crop, mask = voc.voc_rand_crop(dataset.normalize_image(picture), mask, *dataset.crop_size)
    random.seed(seed)
    x, y = dataset[idx]
    assert_close(x, crop.transpose((2, 0, 1)), exact=True)
    assert_close(y, voc.voc_label_indices(mask, dataset.colormap2label), exact=True)


@pytest.mark.parametrize("limit, reads", [(0, 4), (1 << 14, 3), (1 << 20, 2)])
def test_pictures_are_decoded_when_taken_and_kept_within_the_limit(tree, decoded, monkeypatch, limit, reads):
    monkeypatch.setattr(voc.VOCSegDataset, "cache_bytes", limit)
    dataset = make(tree)
    assert not decoded
    for idx in (0, 1, 0, 1):
        check(dataset, tree, idx)
    assert len(decoded) == reads


def test_crops_of_the_books_size_and_with_other_statistics(tmp_path, cache):
    tree = write_voc(tmp_path / "VOC", sizes=[(375, 500)])
    dataset = make(tree, (320, 480))
    check(dataset, tree, 0, seed=1)
    dataset.rgb_mean[:], dataset.rgb_std = 0.3, mx.nd.array([0.7])
    check(dataset, tree, 0, seed=2)


@pytest.mark.parametrize("name", ["JPEGImages/a0.jpg", "SegmentationClass/a0.png"])
def test_a_changed_file_is_noticed(tree, name):
    dataset = make(tree)
    check(dataset, tree, 0)
    before = os.stat(tree / name)
    write_picture(tree / name, 40, 60, seed=7)
    os.utime(tree / name, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    check(dataset, tree, 0)
    check(dataset, tree, 0)


def test_a_full_disk_is_one_line(tree, decoded, monkeypatch, capsys):
    dataset = make(tree)
    check(dataset, tree, 0)
    monkeypatch.setattr(os, "pwrite", no_space)
    for idx in (1, 1, 0):
        check(dataset, tree, idx)
    assert decoded == ["a0", "a1", "a1"]
    assert capsys.readouterr().err.splitlines() == [
        f"{os.environ['D2LZH_CV_CACHE']}: No space left on device; VOC pictures not kept there are decoded each time "
        "they are taken"]


def test_a_disk_that_fills_in_the_middle_of_a_picture(tree, decoded, monkeypatch):
    """What is half written is never taken for a picture."""
    write, left = os.pwrite, [5000]

    def fill_up(file, content, place):
        if not left[0]:
            no_space()
        done = write(file, content[:min(left[0], 1000)], place)
        left[0] -= done
        return done
    dataset = make(tree)
    monkeypatch.setattr(os, "pwrite", fill_up)
    for _ in range(2):
        check(dataset, tree, 0)
    assert decoded == ["a0", "a0"]


def test_a_disk_that_takes_little_at_a_time(tree, decoded, monkeypatch):
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, content, place: write(file, content[:1000], place))
    dataset = make(tree)
    for _ in range(2):
        check(dataset, tree, 0)
    assert decoded == ["a0"]


def test_a_cache_that_cannot_be_made_is_one_line(tree, cache, decoded, capsys):
    cache.write_text("in the way")
    dataset = make(tree)
    for _ in range(2):
        check(dataset, tree, 0)
    assert decoded == ["a0", "a0"]
    line, = capsys.readouterr().err.splitlines()
    assert str(cache) in line and line.endswith("decoded each time they are taken")


def test_forked_workers_fill_the_file_for_all(tree, decoded):
    dataset = make(tree)
    assert len(list(gluon.data.DataLoader(dataset, 1, num_workers=2))) == 2
    for idx in (0, 1):
        check(dataset, tree, idx)
    assert not decoded


def test_a_pickled_copy_reads_for_itself(tree, decoded):
    dataset = make(tree)
    check(dataset, tree, 1)
    copy = pickle.loads(pickle.dumps(dataset))
    for _ in range(2):
        check(copy, tree, 1)
    assert decoded == ["a1", "a1"]


def test_nothing_is_left_in_the_cache(tree, cache):
    dataset = make(tree)
    check(dataset, tree, 0)
    assert cache.is_dir() and not files_below(cache)


def test_memory_does_not_grow_with_the_pictures(tmp_path, cache):
    """A hundred of 500 × 375 are 225 MB in the book's way."""
    tree = write_voc(tmp_path / "VOC", sizes=[(375, 500)])
    (tree / "ImageSets" / "Segmentation" / "train.txt").write_text("a0\n" * 100)
    code = f"""if True:
        from d2lzh_cv.data import voc
        peak = lambda: int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) // 1024
        voc.VOCSegDataset(True, (320, 480), {str(tree)!r}, voc.voc_colormap2label())[0]
        before = peak()
        dataset = voc.VOCSegDataset(True, (320, 480), {str(tree)!r}, voc.voc_colormap2label())
        for i in [*range(100), *range(100)]:
            dataset[i]
        print(peak() - before)"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert int(result.stdout.split()[-1]) < 20
