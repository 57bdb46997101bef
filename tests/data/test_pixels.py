"""One way to the pixels of a picture: whatever reads it, for training, prediction or packing, gets the same ones."""
from __future__ import annotations

import json
import os
import random
import struct
import zlib

import mxnet as mx
import numpy as np
import own_kit
import picture_kit as kit
import pytest
from data_kit import cut, opened
from mxnet import gluon
from PIL import Image

from d2lzh_cv.data import pixels
from d2lzh_cv.data.images import image_folder, read_picture
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.data.own.pictures import Unfit, content_of, look, write_jpeg
from d2lzh_cv.data.pikachu import load_pikachu
from d2lzh_cv.data.voc import VOCSegDataset, read_voc_images, voc_colormap2label
from d2lzh_cv.errors import InputError
from d2lzh_cv.models.predictor import read_upright

TURNS = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
         4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270,
         7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90}


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """By Pillow's operations, after the table of EXIF's standard."""
    method = TURNS[orientation]
    return array if method is None else np.asarray(Image.fromarray(array).transpose(method))


def everywhere(path, tmp_path) -> dict[str, np.ndarray]:
    """The pixels that each part of the package has of the picture."""
    suffix = path.suffix if path.suffix in pixels.SUFFIXES else ".jpg"
    folder = tmp_path / "folder"
    kit.write(folder / "class" / f"a{suffix}", path.read_bytes())
    dataset = image_folder(folder)
    found = {"read_picture": read_picture(path).asnumpy(), "predict": np.asarray(read_upright(path)),
             "a folder, first": dataset[0][0].asnumpy(), "a folder, again": dataset[0][0].asnumpy(),
             "own data, packed": mx.image.imdecode(content_of(path, look(path)[1])).asnumpy()}
    size = look(path)[0]
    for part in ("train", "val"):
        kit.write(tmp_path / "boxes" / part / path.name, path.read_bytes())
        (tmp_path / "boxes" / f"{part}.json").write_text(json.dumps({path.name: [0, 0, 0, 1, 1]}))
    for reader in ("fast", "python"):
        for iterator in load_pikachu(tmp_path / "boxes", 1, size[0], reader, rand_crop=0)[1:]:
            _, content = iterator.next_sample()
            found[f"boxes, {reader}"] = iterator.imdecode(content).asnumpy()
    tree = tmp_path / "voc"
    kit.write(tree / "JPEGImages" / "a.jpg", path.read_bytes())
    kit.write(tree / "SegmentationClass" / "a.png", kit.encoded(Image.new("RGB", size), "PNG"))
    for part in ("train", "val"):
        kit.write(tree / "ImageSets" / "Segmentation" / f"{part}.txt", b"a\n")
    found["VOC"] = read_voc_images(tree)[0][0].asnumpy()
    found["VOC, crops"] = VOCSegDataset(True, (8, 8), tree, voc_colormap2label())._pictures[0].read().asnumpy()
    return found


def assert_same(found: dict[str, np.ndarray], expected: np.ndarray) -> None:
    for who, array in found.items():
        assert array.dtype == np.uint8, who
        np.testing.assert_array_equal(array, expected, err_msg=who)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("D2LZH_CV_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", kit.LOSSLESS)
def test_every_kind_of_picture_is_the_same_everywhere(name, tmp_path):
    content, expected = kit.LOSSLESS[name]
    assert_same(everywhere(kit.write(tmp_path / name, content), tmp_path), expected)


@pytest.mark.parametrize("name", kit.JPEGS)
def test_every_jpeg_is_what_mxnet_makes_of_it(name, tmp_path):
    path = kit.write(tmp_path / name, kit.JPEGS[name])
    expected = mx.image.imdecode(kit.JPEGS[name]).asnumpy()
    assert np.abs(expected.astype(int) - (kit.COLORS if "grey" not in name else kit.grey(kit.GREY))).mean() < 12
    assert_same(everywhere(path, tmp_path), expected)
    assert content_of(path, False) == (kit.jpeg_without_list(kit.JPEGS[name]) if "phone" in name else kit.JPEGS[name])


@pytest.mark.parametrize("suffix", [".jpg", "cmyk.jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", TURNS)
def test_a_picture_stands_upright_everywhere(suffix, orientation, tmp_path):
    path = kit.write(tmp_path / f"a{suffix}", kit.turned_file(suffix, orientation))
    stored = read_picture(kit.write(tmp_path / "stored.jpg", kit.JPEGS["cmyk.jpg" if "cmyk" in suffix else "plain.jpg"])
                          ).asnumpy() if suffix.endswith(".jpg") else kit.COLORS
    assert_same(everywhere(path, tmp_path), upright(stored, orientation))
    assert look(path) == ((kit.HEIGHT, kit.WIDTH) if orientation > 4 else (kit.WIDTH, kit.HEIGHT), orientation > 1)


@pytest.mark.parametrize("suffix", [".jpg", "cmyk.jpg", ".png", ".tif"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_an_annotation_of_the_picture_as_stored_gets_it_so(suffix, orientation, tmp_path):
    """MXNet's own decoder turns some by itself: what it gets must not say so any more."""
    path = kit.write(tmp_path / f"a{suffix}", kit.turned_file(suffix, orientation))
    stored = pixels.read_pixels(path, upright=False)
    packed = content_of(path, turn=False)
    np.testing.assert_array_equal(mx.image.imdecode(packed).asnumpy(), stored)
    np.testing.assert_array_equal(pixels.decode(packed, "packed"), stored)
    assert orientation == 3 or look(path, (kit.WIDTH, kit.HEIGHT))[1] is False
    with pytest.raises(Unfit, match=r"pixels, its annotation is for 7×9"):
        look(path, (7, 9))


@pytest.mark.parametrize("name", kit.BROKEN_NOTES)
def test_a_broken_note_does_not_stop_whole_pixels(name, tmp_path):
    content, orientation = kit.BROKEN_NOTES[name]
    path = kit.write(tmp_path / name, content)
    stored = mx.image.imdecode(kit.JPEGS["plain.jpg"]).asnumpy() if name.endswith(".jpg") else kit.COLORS
    assert_same(everywhere(path, tmp_path), upright(stored, orientation))


@pytest.mark.parametrize("name", [*kit.LOSSLESS, *kit.JPEGS])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.95])
def test_what_is_cut_off_is_refused_by_all(name, part, tmp_path):
    """Past a third of the file only where its end matters: a second picture, or a sum of what is there, may miss."""
    content = {**kit.JPEGS, **{key: file for key, (file, _) in kit.LOSSLESS.items()}}[name]
    if part > 0.3 and any(word in name for word in ("moving", "two pages", "phone")) or len(content) * (1 - part) < 20:
        part = 0.3
    path = cut(kit.write(tmp_path / name, content), part)
    for read in (pixels.check_picture, read_picture, read_upright):
        with pytest.raises(InputError, match=rf"{name} is not a whole picture"):
            read(path)
    with pytest.raises(Unfit, match="^is not a whole picture"):
        look(path)


@pytest.mark.parametrize("name", ["plain.jpg", "cmyk.jpg", "plain.png", "grey of 16 bits.png", "one bit.png",
                                  "alpha.png", "plain.bmp", "plain.tif", "plain.webp", "palette.gif"])
def test_grey_is_that_of_mxnet(name, tmp_path):
    content = kit.JPEGS.get(name) or kit.LOSSLESS[name][0]
    found = read_picture(kit.write(tmp_path / name, content), flag=0)
    assert found.shape == (kit.HEIGHT, kit.WIDTH, 1)
    if not name.endswith(("webp", "gif")):  # which MXNet does not read
        np.testing.assert_array_equal(found.asnumpy(), mx.image.imdecode(content, flag=0).asnumpy())


def test_the_size_is_known_without_the_pixels(tmp_path):
    """Also where much stands before them, or the turn after them."""
    files = {"big.jpg": kit.jpeg(*[kit.segment(0xFE, bytes(60000))] * 5, kit.exif(kit.turn(6))),
             "noise.jpg": kit.jpeg(kit.exif(kit.turn(6)), of=kit.encoded(np.random.default_rng(0).integers(
                 0, 256, (400, 600, 3), dtype=np.uint8), "JPEG", quality=99)),
             "noise.png": kit.png(after=kit.chunk(b"eXIf", kit.turn(6)), of=kit.encoded(
                 np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8), "PNG"))}
    for name, content in files.items():
        path = kit.write(tmp_path / name, content)
        assert len(content) > pixels.HEAD
        height, width = pixels.read_pixels(path).shape[:2]
        assert pixels.read_header(path).upright == (width, height) and height > width
        cut(path, (pixels.HEAD + 100) / len(content))
        if name == "noise.jpg":
            assert pixels.read_header(path).upright == (width, height)


def test_what_is_packed_tells_nothing_of_where_it_was_taken(tmp_path):
    """The pixels are the file's own, but no EXIF: a set may be passed on."""
    path = kit.write(tmp_path / "a.jpg", kit.jpeg(kit.exif(kit.turn(1) + b"48.2 north")))
    assert content_of(path, False) == kit.JPEGS["plain.jpg"]


@pytest.mark.parametrize("seed", range(4))
def test_damage_of_any_kind_ends_in_pixels_or_in_one_line(seed):
    """Bytes changed, lost and put in at random: whoever reads has pixels of the size told, or an InputError."""
    rng = random.Random(seed)
    files = [*kit.JPEGS.values(), *(content for content, _ in kit.LOSSLESS.values()),
             *(kit.turned_file(suffix, 6) for suffix in (".jpg", ".png", ".webp", ".tif"))]
    outcomes = set()
    for _ in range(150):
        content = bytearray(rng.choice(files))
        for _ in range(rng.choice((1, 3, 9))):
            at = rng.randrange(min(len(content), rng.choice((60, 10**6))))
            content[at:at + rng.choice((0, 1, 4))] = rng.randbytes(rng.choice((0, 1, 4)))
        content = bytes(content)
        try:
            width, height = pixels.check_picture_bytes(content, "x").upright
            if width * height < 1 << 20:  # a larger one only takes time
                assert pixels.decode(content, "x").shape == (height, width, 3)
                assert mx.image.imdecode(pixels.for_records(content, "x")).shape == (height, width, 3)
            outcomes.add("pixels")
        except InputError as error:
            assert "\n" not in str(error) and str(error).startswith("x ")
            outcomes.add("an error")
    assert outcomes == {"pixels", "an error"}


# Too large, too small, too long

def a_png_of(width: int, height: int) -> bytes:
    """Only its head says so; the pixels would take gigabytes."""
    return kit.png(of=b"\x89PNG\r\n\x1a\n" + kit.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                   + kit.chunk(b"IDAT", zlib.compress(bytes(1000))) + kit.chunk(b"IEND", b""))


def a_jpeg_of(width: int, height: int) -> bytes:
    content = kit.JPEGS["plain.jpg"]
    at = content.index(b"\xff\xc0")
    return content[:at + 5] + struct.pack(">HH", height, width) + content[at + 9:]


@pytest.mark.parametrize("name, content, message", [
    ("large.png", a_png_of(40000, 40000), r"large\.png has 40000×40000 pixels, too many: the limit is 268,435,456"),
    ("wide.png", a_png_of(1 << 21, 1), r"wide\.png has 2097152×1 pixels, too many: .* 1,048,576 per side; make it"),
    ("large.jpg", a_jpeg_of(60000, 60000), r"large\.jpg has 60000×60000 pixels, too many"),
    ("none.bmp", kit.LOSSLESS["plain.bmp"][0][:18] + bytes(8) + kit.LOSSLESS["plain.bmp"][0][26:], r"none\.bmp"),
    ("none.gif", b"GIF89a" + bytes(7) + b";", r"none\.gif"),
    ("none.png", a_png_of(0, 5), r"none\.png"),
    ("floats.tif", kit.encoded(kit.GREY.astype("float32"), "TIFF"), r"floats\.tif has 32-bit or signed pixels; save"),
    ("numbers.tif", kit.encoded(kit.GREY.astype("int32"), "TIFF"), r"numbers\.tif has 32-bit or signed pixels; save"),
    ("phone.heic", bytes(3) + b"\x18ftypheic" + bytes(12), r"phone\.heic is HEIC, .*; save it as JPEG or PNG"),
    ("web.avif", bytes(3) + b"\x18ftypavif" + bytes(12), r"web\.avif is AVIF, .*; save it as JPEG or PNG"),
    ("words.jpg", b"BM is how these words begin", r"words\.jpg is not a whole picture"),
    ("html.jpg", b"<!DOCTYPE html>", r"html\.jpg is not a whole picture of a known format"),
    ("empty.jpg", b"", r"empty\.jpg is not a whole picture"),
])
def test_what_cannot_be_read_is_said_in_one_line_by_all(name, content, message, tmp_path, capfd):
    path = kit.write(tmp_path / name, content)
    for read in (pixels.check_picture, read_picture, read_upright, lambda path: pixels.read_pixels(path, flag=0)):
        with pytest.raises(InputError, match=message) as caught:
            read(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(Unfit):
        look(path)
    assert capfd.readouterr() == ("", "")


def test_a_picture_larger_than_pillow_likes_is_read(tmp_path, monkeypatch):
    """Phones take 200 million pixels; Pillow's limit is 179 million."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = kit.write(tmp_path / "a.png", kit.LOSSLESS["plain.png"][0])
    assert_same(everywhere(path, tmp_path), kit.COLORS)


def test_memory_that_is_not_there_is_said(tmp_path, monkeypatch):
    path = kit.write(tmp_path / "a.jpg", kit.JPEGS["plain.jpg"])
    monkeypatch.setattr(pixels.JpegImageFile, "load", lambda self: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(InputError, match=r"a\.jpg is too large for the memory here"):
        read_picture(path)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (700, 1)])
def test_small_pictures_are_read_and_packed(size, tmp_path):
    picture = np.full((*size, 3), 77, np.uint8)
    for name in ("a.png", "a.jpg"):
        found = everywhere_small(kit.write(tmp_path / name, kit.encoded(picture, "PNG" if "png" in name else "JPEG")))
        assert all(array.shape == picture.shape for array in found)


def everywhere_small(path) -> list[np.ndarray]:
    return [read_picture(path).asnumpy(), np.asarray(read_upright(path)),
            mx.image.imdecode(content_of(path, False)).asnumpy()]


def test_a_line_is_not_classified(tmp_path):
    """Its shorter side made 256, it would fill the memory."""
    path = kit.write(tmp_path / "set" / "class" / "line.png", kit.encoded(np.zeros((1, 5000, 3), np.uint8), "PNG"))
    with pytest.raises(InputError, match=r"line\.png has 5000×1 pixels, too long for its width"):
        image_folder(tmp_path / "set")[0]
    assert read_picture(path).shape == (1, 5000, 3)


# Names

def test_names_of_any_bytes_are_read_again_and_again(tmp_path):
    name = os.fsdecode("狗".encode("gbk") + b".png")
    for i in range(2):
        kit.write(tmp_path / "set" / f"class{i}" / name, kit.LOSSLESS["plain.png"][0])
    dataset = image_folder(tmp_path / "set")
    for workers in (0, 1):
        for _ in range(2):
            batches = list(gluon.data.DataLoader(dataset, 2, num_workers=workers))
            np.testing.assert_array_equal(batches[0][0][1].asnumpy(), kit.COLORS)
    path = tmp_path / "set" / "class0" / name
    assert look(path) == ((kit.WIDTH, kit.HEIGHT), False)
    write_jpeg(path, False, tmp_path / os.fsdecode(b"\xb9\xb7.jpg"))
    assert read_picture(tmp_path / os.fsdecode(b"\xb9\xb7.jpg")).shape == kit.COLORS.shape


def test_own_pictures_of_every_kind_are_packed_to_what_prediction_sees(tmp_path):
    """Boxes and pixels: an MPO of a phone, a WebP, EXIF that Pillow cannot write, a text that unpacks to 70 MB."""
    shapes = own_kit.write_voc(tmp_path / "src", count=5)
    folder = tmp_path / "src" / "JPEGImages"
    drawn = [opened(folder / f"p{i}.jpg").convert("RGB") for i in range(5)]
    drawn[0].save(folder / "p0.jpg", "MPO", save_all=True, append_images=[drawn[1]])
    drawn[1].save(folder / "p1.jpg", "WEBP")
    stored = kit.encoded(drawn[2].transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95)
    kit.write(folder / "p2.jpg", kit.jpeg(kit.exif(kit.GPS_AS_TEXT), of=stored))
    kit.write(folder / "p3.jpg", kit.png(kit.chunk(b"iCCP", b"p\0\0" + kit.LONG), of=kit.encoded(drawn[3], "PNG")))
    seen = {name: np.asarray(read_upright(folder / name)) for name in shapes}
    pack(tmp_path / "src", tmp_path / "out", val_ratio=0.2)
    found = 0
    for iterator in load_pikachu(tmp_path / "out", 1, 64, rand_crop=0):
        for _ in range(iterator.num_image if iterator.seq else 1):
            label, content = iterator.next_sample()
            box = (np.asarray(iterator._parse_label(label))[0, 1:] * 64).round().tolist()
            name = next(name for name, ((_, corners),) in shapes.items() if list(corners) == box)
            np.testing.assert_array_equal(iterator.imdecode(content).asnumpy(), seen[name], err_msg=name)
            found += 1
    assert found == 5


# Own pictures with masks: a tree of JPEGs

@pytest.mark.parametrize("turn", [False, True])
def test_a_jpeg_of_the_tree_is_the_own_one_where_it_can_be(tmp_path, turn):
    path = kit.write(tmp_path / "a.jpg", kit.turned_file(".jpg", 6))
    write_jpeg(path, turn, tmp_path / "out.jpg")
    expected = pixels.read_pixels(path, upright=turn).astype(int)
    found = read_picture(tmp_path / "out.jpg").asnumpy()
    assert found.shape == expected.shape and np.abs(found - expected).mean() < (4 if turn else 1e-9)


def test_a_jpeg_of_the_tree_keeps_the_depth_of_16_bits(tmp_path):
    path = kit.write(tmp_path / "a.png", kit.LOSSLESS["grey of 16 bits.png"][0])
    write_jpeg(path, False, tmp_path / "out.jpg")
    assert opened(tmp_path / "out.jpg").format == "JPEG"
    assert np.abs(read_picture(tmp_path / "out.jpg").asnumpy().astype(int) - kit.grey(kit.GREY)).mean() < 4


def voc_tree(root, picture: bytes, size: tuple[int, int], mode: str = "P") -> None:
    mask = Image.new("L", size)
    mask.paste(1, (2, 2, 9, 7))
    if mode == "P":
        mask = mask.copy()
        mask.putpalette([0, 0, 0, 128, 0, 0])
    kit.write(root / "JPEGImages" / "a.jpg", picture)
    kit.write(root / "SegmentationClass" / "a.png", kit.encoded(mask, "PNG"))
    for part in ("train", "val"):
        kit.write(root / "ImageSets" / "Segmentation" / f"{part}.txt", b"a\n")


def test_the_mask_says_whether_a_picture_of_a_tree_is_turned(tmp_path):
    content = kit.turned_file(".jpg", 6)
    stored = mx.image.imdecode(kit.JPEGS["plain.jpg"]).asnumpy()
    for size, expected in (((kit.HEIGHT, kit.WIDTH), upright(stored, 6)), ((kit.WIDTH, kit.HEIGHT), stored)):
        tree = tmp_path / str(size)
        voc_tree(tree, content, size)
        (picture,), (mask,) = read_voc_images(tree)
        np.testing.assert_array_equal(picture.asnumpy(), expected)
        assert mask.asnumpy()[2, 2].tolist() == [128, 0, 0]
        dataset = VOCSegDataset(True, (20, 20), tree, voc_colormap2label())
        np.testing.assert_array_equal(dataset._pictures[0].read().asnumpy(), expected)
    voc_tree(tmp_path / "other", content, (17, 19))
    with pytest.raises(InputError, match=r"a\.png has 19×17 pixels, its picture 44×30; they must be the same"):
        read_voc_images(tmp_path / "other")


def test_a_mask_with_a_broken_note_keeps_its_indices(tmp_path):
    voc_tree(tmp_path, kit.JPEGS["plain.jpg"], (kit.WIDTH, kit.HEIGHT))
    path = tmp_path / "SegmentationClass" / "a.png"
    path.write_bytes(kit.png(kit.chunk(b"zTXt", b"k\0\0" + kit.LONG), kit.chunk(b"eXIf", b"junk"),
                             of=path.read_bytes()))
    indices, colors = pixels.read_indices(path)
    assert indices[2, 2] == 1 and colors[1].tolist() == [128, 0, 0]
    _, classes = VOCSegDataset(True, (kit.HEIGHT, kit.WIDTH), tmp_path, voc_colormap2label())[0]
    assert classes.asnumpy().sum() == 7 * 5
