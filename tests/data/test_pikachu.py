"""Record files: packing keeps the pictures' bytes, the check finds what is broken, the iterators are the book's."""
from __future__ import annotations

import json
import os
import random
import struct
from pathlib import Path

import mxnet as mx
import numpy as np
import pytest
from data_kit import REAL, cut, files_below, needs_real_data, no_space, opened, write_picture, write_pikachu

from d2lzh_cv.data import hub, pikachu, records
from d2lzh_cv.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def packed(tmp_path):
    return records.pack_detection(write_pikachu(tmp_path / "pikachu"), tmp_path / "packed")


def write_records(folder: Path, *contents: bytes) -> Path:
    """Write records with MXNet's own writer."""
    writer = mx.recordio.MXIndexedRecordIO(str(folder / "a.idx"), str(folder / "a.rec"), "w")
    for i, content in enumerate(contents):
        writer.write_idx(i, content)
    writer.close()
    return folder / "a.rec"


def record(label, picture: bytes) -> bytes:
    return mx.recordio.pack(mx.recordio.IRHeader(0, np.array(label, np.float32), 0, 0), picture)


ONE_OBJECT = [4, 5, 8, 8, 0, 0.1, 0.1, 0.9, 0.9]


def jpeg(tmp_path: Path) -> bytes:
    return write_picture(tmp_path / "one.jpg", 8, 8).read_bytes()


def test_packing_keeps_bytes_and_boxes(packed, tmp_path):
    reader = mx.recordio.MXIndexedRecordIO(str(packed / "train.idx"), str(packed / "train.rec"), "r")
    for k in range(5):
        header, picture = mx.recordio.unpack(reader.read_idx(k))
        assert picture == (tmp_path / "pikachu" / "train" / f"{k}.jpg").read_bytes()
        np.testing.assert_allclose(header.label, [4, 5, 48, 48, 0, (k + 1) / 100, (k + 1) / 100, 0.5, 0.6], rtol=1e-6)
    assert files_below(packed) == {"train.rec", "train.idx", "val.rec", "val.idx", "source.json"}


def test_packing_is_done_once_and_again_for_a_changed_source(packed, tmp_path):
    source, before = tmp_path / "pikachu", (packed / "train.rec").stat()
    records.pack_detection(source, packed)
    assert (packed / "train.rec").stat().st_mtime_ns == before.st_mtime_ns
    boxes = json.loads((source / "train.json").read_text())
    boxes["0.jpg"] = [[0, 0.1, 0.1, 0.2, 0.2], [1, 0.3, 0.3, 0.9, 0.8]]
    (source / "train.json").write_text(json.dumps(boxes))
    records.pack_detection(source, packed)
    train_iter, _ = pikachu.load_pikachu(packed, 2, 32)
    assert train_iter.label_shape == (2, 5)
    write_picture(source / "val" / "0.jpg", 20, 20, seed=99)
    records.pack_detection(source, packed)
    header, _ = mx.recordio.unpack(mx.recordio.MXRecordIO(str(packed / "val.rec"), "r").read())
    assert header.label[2:4].tolist() == [20, 20]


@pytest.mark.parametrize("rows", [[0, 0.1, 0.1, 0.2], [0, 0.5, 0.1, 0.4, 0.9], [0, 0.1, 0.1, 1.2, 0.9],
                                  [-1, 0.1, 0.1, 0.5, 0.5], [0, None, 0.1, 0.5, 0.5], "box", [[]]])
def test_packing_names_a_picture_whose_boxes_are_wrong(tmp_path, rows):
    source = write_pikachu(tmp_path / "pikachu")
    boxes = json.loads((source / "train.json").read_text())
    (source / "train.json").write_text(json.dumps({**boxes, "3.jpg": rows}))
    with pytest.raises(InputError, match=r"train\.json: 3\.jpg needs"):
        records.pack_detection(source, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_packing_names_a_missing_or_truncated_picture_and_leaves_nothing(tmp_path):
    source = write_pikachu(tmp_path / "pikachu")
    cut(source / "val" / "1.jpg")
    with pytest.raises(InputError, match=r"val/1\.jpg is not a whole picture"):
        records.pack_detection(source, tmp_path / "out" / "packed")
    (source / "val" / "1.jpg").unlink()
    with pytest.raises(InputError, match=r"val/1\.jpg: No such file"):
        records.pack_detection(source, tmp_path / "out" / "packed")
    (source / "val.json").unlink()
    with pytest.raises(InputError, match=r"val\.json: No such file"):
        records.pack_detection(source, tmp_path / "out" / "packed")
    assert files_below(tmp_path / "out") == set()


def test_packing_on_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    source = write_pikachu(tmp_path / "pikachu")

    def full(self, idx, buf):
        raise mx.base.MXNetError("FileStream.Write incomplete")

    monkeypatch.setattr(mx.recordio.MXIndexedRecordIO, "write_idx", full)
    with pytest.raises(InputError, match=r"cannot write .*packed/train\.rec"):
        records.pack_detection(source, tmp_path / "out" / "packed")
    monkeypatch.undo()
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(InputError, match="source.json: No space left"):
        records.pack_detection(source, tmp_path / "out" / "packed")
    assert files_below(tmp_path / "out") == set()


def test_the_check_reads_what_mxnet_writes(tmp_path):
    """Content that holds the magic number is stored in parts, which must join up again."""
    magic = struct.pack("<I", records.MAGIC)
    contents = [b"", b"a", magic * 2, b"abcd" + magic + b"xyz", bytes(5)]
    rec = write_records(tmp_path, *contents)
    with records._mapped(rec) as mapped:
        assert [content for _, content in records._records(mapped, rec)] == contents


def test_the_check_counts_pictures(packed):
    assert records.check_records(packed / "train.rec", packed / "train.idx") == 5
    assert records.check_records(packed / "val.rec", decode=True) == 3


def test_every_cut_of_a_record_file_is_found(packed):
    whole = (packed / "val.rec").read_bytes()
    ends = [int(line.split("\t")[1]) for line in (packed / "val.idx").read_text().splitlines()]
    for size in [1, 7, 8, 30, ends[1] - 4, ends[1] + 5, ends[2] + 100, len(whole) - 4]:
        (packed / "val.rec").write_bytes(whole[:size])
        with pytest.raises(InputError, match=r"val\.rec is cut off"):
            records.check_records(packed / "val.rec")


def test_a_record_file_cut_between_two_pictures_does_not_fit_its_index(packed):
    second = int((packed / "train.idx").read_text().splitlines()[1].split("\t")[1])
    (packed / "train.rec").write_bytes((packed / "train.rec").read_bytes()[:second])
    assert records.check_records(packed / "train.rec") == 1
    with pytest.raises(InputError, match=r"train\.idx does not fit .*train\.rec"):
        records.check_records(packed / "train.rec", packed / "train.idx")


def test_empty_missing_and_strange_files_are_named(packed, tmp_path):
    (packed / "val.rec").write_bytes(b"")
    with pytest.raises(InputError, match=r"val\.rec is empty"):
        records.check_records(packed / "val.rec")
    (packed / "val.rec").write_bytes(b"PK\3\4 this is a zip")
    with pytest.raises(InputError, match=r"val\.rec is damaged at byte 0, or not a \.rec file"):
        records.check_records(packed / "val.rec")
    with pytest.raises(InputError, match=r"gone\.rec: No such file"):
        records.check_records(tmp_path / "gone.rec")
    with pytest.raises(InputError, match=r"gone\.idx: No such file"):
        records.check_records(packed / "train.rec", tmp_path / "gone.idx")
    for content in ("", "0 12\n", "a\tb\n", "0\t4\n", "0\t99999999\n", "é\t0\n"):
        (packed / "train.idx").write_text(content)
        with pytest.raises(InputError, match=r"train\.idx"):
            records.check_records(packed / "train.rec", packed / "train.idx")


def test_a_damaged_byte_in_the_framing_is_found(packed):
    whole = bytearray((packed / "train.rec").read_bytes())
    whole[int((packed / "train.idx").read_text().splitlines()[2].split("\t")[1])] ^= 1
    (packed / "train.rec").write_bytes(whole)
    with pytest.raises(InputError, match=r"train\.rec is damaged at byte"):
        records.check_records(packed / "train.rec")


def test_a_part_of_a_split_record_alone_is_found(tmp_path):
    rec = write_records(tmp_path, b"abcd" + struct.pack("<I", records.MAGIC) + b"xyz")
    content = rec.read_bytes()
    rec.write_bytes(content[:12])
    with pytest.raises(InputError, match=r"a\.rec is cut off"):
        records.check_records(rec)
    rec.write_bytes(content[12:])
    with pytest.raises(InputError, match=r"a\.rec is damaged at byte 0: its parts do not join up"):
        records.check_records(rec)


@pytest.mark.parametrize("label", [[4, 5, 8, 8, 0, 0.5, 0.1, 0.5, 0.9], [2, 5, -1, -1, -1, -1, -1]])
def test_a_picture_whose_objects_have_no_area_is_named(tmp_path, label):
    """It is no background picture: an object would be lost. ImageDetIter says 'no valid label' without saying where."""
    rec = write_records(tmp_path, record(ONE_OBJECT, jpeg(tmp_path)), record(label, jpeg(tmp_path)))
    with pytest.raises(InputError, match=r"picture 1 of .*a\.rec has no object with a box"):
        records.check_records(rec)


def test_a_background_picture_is_a_record_of_a_label_without_rows(tmp_path):
    background = records.pack_record(jpeg(tmp_path), [], (8, 6), 3)
    header, picture = mx.recordio.unpack(background)
    assert header.label.tolist() == [4, 5, 8, 6] and picture == jpeg(tmp_path) and header.id == 3
    assert records.pack_record(jpeg(tmp_path), np.zeros((0, 5), np.float32), (8, 6), 3) == background
    rec = write_records(tmp_path, background, record(ONE_OBJECT, jpeg(tmp_path)), record([2, 5], jpeg(tmp_path)))
    assert records.check_records(rec, rec.with_suffix(".idx"), decode=True) == 3


def test_a_background_picture_that_is_not_whole_is_named(tmp_path):
    broken = records.pack_record(jpeg(tmp_path)[:200], [], (8, 8), 1)
    with pytest.raises(InputError, match=r"picture 1 of .*a\.rec is not a whole picture"):
        records.check_records(write_records(tmp_path, record(ONE_OBJECT, jpeg(tmp_path)), broken))


@pytest.mark.parametrize("label", [[4, 5], [4, 5, 8], [5, 5, 8, 8], [4, 4, 8, 8], [1, 5], [4]])
def test_a_label_that_only_looks_like_one_without_rows_is_named(tmp_path, label):
    with pytest.raises(InputError, match=r"picture 0 of .*a\.rec has no detection label"):
        records.check_records(write_records(tmp_path, record(label, jpeg(tmp_path))))


def test_a_set_of_background_alone_teaches_nothing(tmp_path):
    rec = write_records(tmp_path, *[records.pack_record(jpeg(tmp_path), [], (8, 8), i) for i in range(3)])
    with pytest.raises(InputError, match=r"a\.rec: none of its pictures has an object"):
        records.check_records(rec)
    assert records.check_records(rec, needs_object=False) == 3


def test_json_without_rows_is_packed_as_background(tmp_path):
    source = write_pikachu(tmp_path / "pikachu")
    boxes = json.loads((source / "train.json").read_text())
    (source / "train.json").write_text(json.dumps({**boxes, "1.jpg": [], "3.jpg": []}))
    (source / "val.json").write_text(json.dumps(dict.fromkeys(["0.jpg", "1.jpg", "2.jpg"], [])))
    out = records.pack_detection(source, tmp_path / "packed")
    reader = mx.recordio.MXIndexedRecordIO(str(out / "train.idx"), str(out / "train.rec"), "r")
    assert [len(mx.recordio.unpack(reader.read_idx(i))[0].label) for i in range(5)] == [9, 4, 9, 4, 9]
    train_iter, val_iter = pikachu.load_pikachu(out, 5, 16)
    assert sum(row[0] >= 0 for row in train_iter.next().label[0][:, 0].asnumpy()) == 3
    assert (val_iter.next().label[0].asnumpy() == -1).all()
    (source / "train.json").write_text(json.dumps(dict.fromkeys(boxes, [])))
    with pytest.raises(InputError, match=r"train\.json gives no picture an object"):
        records.pack_detection(source, tmp_path / "packed")


def test_the_first_picture_shown_is_one_with_an_object(tmp_path):
    background = records.pack_record(jpeg(tmp_path), [], (8, 8), 0)
    rec = write_records(tmp_path, background, background, record(ONE_OBJECT, jpeg(tmp_path)), background)
    picture, rows = records.first_picture(rec)
    assert picture.shape == (8, 8, 3)
    np.testing.assert_allclose(rows, [ONE_OBJECT[4:]], rtol=1e-6)
    picture, rows = records.first_picture(write_records(tmp_path, background))
    assert picture.shape == (8, 8, 3) and rows.shape == (0, 5)


def test_a_record_of_another_kind_is_named(tmp_path):
    for content in (b"short", record([3.0], jpeg(tmp_path)), record([4, 5, 8, 8, 0, 1], jpeg(tmp_path)),
                    mx.recordio.pack(mx.recordio.IRHeader(0, 7.0, 0, 0), jpeg(tmp_path))):
        with pytest.raises(InputError, match=r"picture 0 of .*a\.rec has no detection label"):
            records.check_records(write_records(tmp_path, content))


def test_a_picture_that_is_not_whole_is_named(tmp_path):
    whole = record(ONE_OBJECT, jpeg(tmp_path))
    for broken in (b"", b"no picture", jpeg(tmp_path)[:200]):
        rec = write_records(tmp_path, whole, whole, record(ONE_OBJECT, broken))
        with pytest.raises(InputError, match=r"picture 2 of .*a\.rec is not a whole picture"):
            records.check_records(rec)
    rec = write_records(tmp_path, record(ONE_OBJECT, jpeg(tmp_path) + b"\0\0trailing"))
    assert records.check_records(rec) == 1  # some cameras write more after the picture


def test_a_picture_broken_inside_is_named_on_a_full_check_and_in_training(tmp_path):
    broken = b"\xff\xd8" + bytes(300) + b"\xff\xd9"
    rec = write_records(tmp_path, record(ONE_OBJECT, broken))
    assert records.check_records(rec) == 1
    with pytest.raises(InputError, match=r"picture 0 of .*a\.rec is not a whole picture"):
        records.check_records(rec, decode=True)
    with pytest.raises(InputError, match=r"a\.rec holds a picture that cannot be decoded"):
        pikachu.DetectionIter(rec, batch_size=1, data_shape=(3, 8, 8)).next()


def test_iterators_are_the_books(packed):
    train_iter, val_iter = pikachu.load_pikachu(packed, batch_size=4, edge_size=32)
    assert all(isinstance(it, mx.image.ImageDetIter) for it in (train_iter, val_iter))
    batch = train_iter.next()
    assert (batch.data[0].shape, batch.data[0].dtype) == ((4, 3, 32, 32), np.float32)
    assert batch.label[0].shape == (4, 1, 5)
    val_iter.reset()
    assert [(b.pad, b.label[0][0, 0, 1].asscalar()) for b in val_iter] == [(1, pytest.approx(0.01))]


def test_training_batches_depend_on_the_seed_alone(packed):
    def epochs(seed_of, count):
        train_iter, _ = pikachu.load_pikachu(packed, 5, 32)
        for epoch in range(count):
            random.seed(seed_of + epoch)
            train_iter.reset()
            batch = train_iter.next()
        return batch.data[0].asnumpy(), batch.label[0].asnumpy()

    from_start, resumed, other = epochs(0, 3), epochs(2, 1), epochs(7, 1)
    np.testing.assert_array_equal(from_start[0], resumed[0])
    np.testing.assert_array_equal(from_start[1], resumed[1])
    assert (from_start[0] != other[0]).any()


def test_crops_are_on_and_options_change_them(packed, tmp_path):
    whole = np.array(opened(tmp_path / "pikachu" / "train" / "0.jpg"), np.float32).transpose(2, 0, 1)
    shown = [pikachu.load_pikachu(packed, 5, 48, rand_crop=rand_crop)[0].next().data[0].asnumpy()
             for rand_crop in (0, 1)]
    assert any(np.abs(picture - whole).max() <= 3 for picture in shown[0])
    assert not any(np.abs(picture - whole).max() <= 3 for picture in shown[1])


def test_the_books_call_takes_the_books_folder(tmp_path, monkeypatch, packed, capsys):
    (tmp_path / "chapters").mkdir()
    monkeypatch.chdir(tmp_path / "chapters")
    (tmp_path / "data").mkdir()
    packed.rename(tmp_path / "data" / "pikachu")
    train_iter, _ = pikachu.load_data_pikachu(2, 32)
    assert train_iter.next().data[0].shape == (2, 3, 32, 32)
    assert capsys.readouterr().out == ""


def test_the_books_call_says_when_the_set_is_not_the_books(tmp_path, monkeypatch, packed, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "_told", set())
    for kind, said in (("real", ""), ("synthetic", "pikachu: drawn\n"), ("synthetic", "")):
        monkeypatch.setattr(hub, "find", lambda name, kind=kind: hub.Source(name, packed, kind, "pikachu: drawn"))
        pikachu.load_data_pikachu(2, edge_size=32)
        assert capsys.readouterr().out == said


def test_json_form_is_packed_into_the_cache_and_the_source_left_alone(tmp_path, cache):
    source = write_pikachu(tmp_path / "pikachu")
    before = files_below(source)
    for _ in range(2):
        train_iter, _ = pikachu.load_pikachu(source, 5, 32)
        assert train_iter.next().label[0].shape == (5, 1, 5)
    assert files_below(source) == before
    assert len(list((cache / "derived").glob("pikachu-*"))) == 1


def test_a_set_that_is_not_whole_is_named_before_training(packed, tmp_path):
    cut(packed / "val.rec")
    with pytest.raises(InputError, match=r"val\.rec is cut off"):
        pikachu.load_pikachu(packed, 2)
    (packed / "val.rec").unlink()
    with pytest.raises(InputError, match=r"val\.rec: No such file"):
        pikachu.load_pikachu(packed, 2)
    with pytest.raises(InputError, match=r"gone/train\.rec: No such file"):
        pikachu.load_pikachu(tmp_path / "gone", 2)


@needs_real_data
def test_the_real_set():
    train_iter, val_iter = pikachu.load_pikachu(REAL / "pikachu", 32)
    assert train_iter.label_shape == val_iter.label_shape == (1, 5)
    assert train_iter.num_image == 900
    assert [batch.pad for batch in val_iter] == [0, 0, 0, 28]
    boxes = json.loads((REAL / "pikachu" / "val.json").read_text())
    val_iter.reset()
    labels = val_iter.next().label[0].asnumpy()[:, 0]
    np.testing.assert_allclose(labels, list(boxes.values())[:32], rtol=1e-6)
