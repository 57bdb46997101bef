"""data pack on drawn sets of every format: what was written is what is packed, or the file is named that cannot be."""
from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image
from record_kit import packed_rows

from d2lzh_cv.data.own.names import clean, is_background
from d2lzh_cv.data.own.pack import pack
from d2lzh_cv.errors import InputError

WIDTH, HEIGHT = 24, 16
WORDS = ["test", "train", "val", "notes", "labels", "images", "classes", "readme", "Test.v2", "train 1", "JPEGImages",
         "a.b.c", "IMG_0001", "img_0001", "狗 1", "猫", "été", "кот", "ünï", "p0", "0001", "1e3", "no", "null"]
SUBSETS = ["", "a", "b", "a/b", "test_rig", "第一批", "day 1", "my train shots", "v1.0"]
NAMES = st.one_of(st.sampled_from(WORDS), st.text(
    st.characters(codec="utf-8", exclude_characters='/\\\0:"\'', exclude_categories=("C", "Z")), min_size=1,
    max_size=6)).filter(lambda name: not name.startswith((".", "_")) and name == clean(name))
CLASSES = st.lists(st.one_of(st.sampled_from(["猫", "狗", "no", "1e3", "007", "null", "cat", "Cat", "a b", "été"]),
                             NAMES), min_size=1, max_size=4, unique=True).filter(
    lambda names: not any(map(is_background, names)))
BOX = st.tuples(st.integers(0, WIDTH - 4), st.integers(0, HEIGHT - 4), st.integers(4, WIDTH),
                st.integers(4, HEIGHT)).map(
    lambda box: (box[0], box[1], min(WIDTH, box[0] + box[2]), min(HEIGHT, box[1] + box[3])))

REASONS = ("neither UTF-8 nor Chinese", "as UTF-8 and as Chinese", "pictures have this name")  # to refuse a whole set


class Drawn:
    """A set in a folder: pictures by (subset, name), each with its boxes [(class, (xmin, ymin, xmax, ymax))]."""

    def __init__(self, data: st.DataObject, root: Path) -> None:
        self.root, self.draw = root, data.draw
        self.classes = self.draw(CLASSES)
        keys = self.draw(st.lists(st.tuples(st.sampled_from(SUBSETS), NAMES), min_size=2, max_size=5,
                                  unique_by=lambda key: (key[0], key[1].casefold())))
        self.boxes = {key: [(self.draw(st.sampled_from(self.classes)), self.draw(BOX))
                            for _ in range(self.draw(st.integers(0 if i > 1 else 1, 2)))] for i, key in enumerate(keys)}
        self.pictures: dict[tuple[str, str], Path] = {}

    def write_pictures(self, place) -> None:
        """Draw each picture, in a colour of its own, at ``place(subset)``."""
        for i, (subset, name) in enumerate(self.boxes):
            suffix = self.draw(st.sampled_from([".png", ".PNG", ".jpg"]))
            path = self.root / place(subset).strip("/") / f"{name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (WIDTH, HEIGHT), (40 * i, 255 - 40 * i, 90)).save(
                path, "PNG" if path.suffix.lower() == ".png" else "JPEG")
            self.pictures[subset, name] = path

    def write(self, path: str, text: str, encodings=("utf-8", "utf-8-sig", "utf-16", "gb18030")) -> None:
        encoding = self.draw(st.sampled_from(encodings))
        target = self.root / path.strip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode(encoding))

    def expected(self) -> dict[bytes, list]:
        return {self.pictures[key].read_bytes(): sorted(
            (clean(name), *(value / (WIDTH, HEIGHT)[i % 2] for i, value in enumerate(box))) for name, box in boxes)
            for key, boxes in self.boxes.items()}


def voc(drawn: Drawn) -> Path:
    """A tree per subset, or a folder per subset in one tree; the XML declares its encoding."""
    trees = drawn.draw(st.booleans())

    def place(kind: str):
        return lambda subset: f"{subset}/{kind}" if trees else f"{kind}/{subset}"
    drawn.write_pictures(place("JPEGImages"))
    for (subset, name), boxes in drawn.boxes.items():
        objects = "".join(f"<object><name>{escape(kind)}</name><bndbox><xmin>{b[0] + 1}</xmin><ymin>{b[1] + 1}</ymin>"
                          f"<xmax>{b[2]}</xmax><ymax>{b[3]}</ymax></bndbox></object>" for kind, b in boxes)
        picture = drawn.pictures[subset, name].name
        encoding = drawn.draw(st.sampled_from(["utf-8", "gb18030", "utf-16", None]))
        head = f'<?xml version="1.0" encoding="{encoding}"?>\n' if encoding else ""
        drawn.write(f"{place('Annotations')(subset)}/{name}.xml",
                    f"{head}<annotation><filename>{escape(picture)}</filename><size><width>{WIDTH}</width><height>"
                    f"{HEIGHT}</height></size>{objects}</annotation>", [encoding or "utf-8"])
    return drawn.root


def cvat(drawn: Drawn) -> Path:
    drawn.write_pictures(lambda subset: f"images/{subset}")
    images = ""
    for i, ((subset, name), boxes) in enumerate(drawn.boxes.items()):
        path = f"{subset}/{drawn.pictures[subset, name].name}".lstrip("/")
        shapes = "".join(f'<box label={quoteattr(kind)} xtl="{b[0]}.0" ytl="{b[1]}" xbr="{b[2]}.00" ybr="{b[3]}"/>'
                         for kind, b in boxes)
        images += f'<image id="{i}" name={quoteattr(path)} width="{WIDTH}" height="{HEIGHT}">{shapes}</image>'
    drawn.write("annotations.xml", f"<annotations><version>1.1</version>{images}</annotations>", ("utf-8", "utf-16"))
    return drawn.root


def coco(drawn: Drawn) -> Path:
    """One file with the folders in its names, or one per subset with bare names."""
    whole = drawn.draw(st.booleans())
    drawn.write_pictures(lambda subset: f"images/{subset}" if whole else f"{subset}/pictures")
    for group in [list(drawn.boxes)] if whole else [[key for key in drawn.boxes if key[0] == subset]
                                                   for subset in {subset for subset, _ in drawn.boxes}]:
        as_text = drawn.draw(st.booleans())
        ids = {key: str(i + 7) if as_text else i + 7 for i, key in enumerate(group)}
        images = [{"id": ids[key] if not as_text else int(ids[key]), "width": WIDTH, "height": HEIGHT, "file_name":
                   f"{key[0]}/{drawn.pictures[key].name}".lstrip("/") if whole else drawn.pictures[key].name}
                  for key in group]
        annotations = [{"id": 1, "image_id": ids[key], "category_id": drawn.classes.index(kind), "iscrowd": 0,
                        "bbox": [b[0], b[1], b[2] - b[0], b[3] - b[1]]}
                       for key in group for kind, b in drawn.boxes[key]]
        drawn.write("coco.json" if whole else f"{group[0][0]}/coco.json", json.dumps({
            "images": images, "annotations": annotations, "categories": [
                {"id": i, "name": name} for i, name in enumerate(drawn.classes)]},
            ensure_ascii=drawn.draw(st.booleans())))
    return drawn.root


def yolo(drawn: Drawn) -> Path:
    """images/ beside labels/, in each subset or around all of them, or texts beside pictures."""
    layout = drawn.draw(st.sampled_from(["images/{0}", "{0}/images", "{0}"]))
    drawn.write_pictures(layout.format)
    for (subset, name), boxes in drawn.boxes.items():
        lines = [f"{drawn.classes.index(kind)} {(b[0] + b[2]) / 2 / WIDTH:.8f} {(b[1] + b[3]) / 2 / HEIGHT:.8f} "
                 f"{(b[2] - b[0]) / WIDTH:.8f} {(b[3] - b[1]) / HEIGHT:.8f}\n" for kind, b in boxes]
        drawn.write(f"{layout.format(subset).replace('images', 'labels')}/{name}.txt", "".join(lines), ["utf-8"])
    if drawn.draw(st.booleans()):
        names = json.dumps(drawn.classes, ensure_ascii=False)
        drawn.write("data.yaml", f"nc: {len(drawn.classes)}\nnames: {names}\n")
    else:
        drawn.write("obj.names", "\n".join(drawn.classes) + "\n")
    return drawn.root


def table(drawn: Drawn) -> Path:
    whole = drawn.draw(st.booleans())
    delimiter = drawn.draw(st.sampled_from(",;\t"))
    drawn.write_pictures(lambda subset: f"images/{subset}" if whole else subset)
    header, row = drawn.draw(st.sampled_from([
        (["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"],
         lambda name, kind, b: [name, WIDTH, HEIGHT, kind, *b]),
        (["label_name", "bbox_x", "bbox_y", "bbox_width", "bbox_height", "image_name", "image_width", "image_height"],
         lambda name, kind, b: [kind, *((b[0], b[1], b[2] - b[0], b[3] - b[1]) if kind else b), name, WIDTH, HEIGHT]),
        (["filename", "region_count", "region_shape_attributes", "region_attributes"],
         lambda name, kind, b: [name, 1, json.dumps({"name": "rect", "x": b[0], "y": b[1], "width": b[2] - b[0],
                                                     "height": b[3] - b[1]} if kind else {}),
                                json.dumps({"class": kind} if kind else {}, ensure_ascii=False)])]))
    for group in [list(drawn.boxes)] if whole else [[key for key in drawn.boxes if key[0] == subset]
                                                   for subset in {subset for subset, _ in drawn.boxes}]:
        rows = io.StringIO()
        writer = csv.writer(rows, delimiter=delimiter)
        writer.writerow(header)
        for key in group:
            name = f"{key[0]}/{drawn.pictures[key].name}".lstrip("/") if whole else drawn.pictures[key].name
            writer.writerows([row(name, kind, b) for kind, b in drawn.boxes[key] or [("", ("", "", "", ""))]])
        told = f"sep={delimiter}\r\n" if drawn.draw(st.booleans()) else ""
        drawn.write(f"{'' if whole else group[0][0]}/boxes of it.csv", told + rows.getvalue())
    return drawn.root


@pytest.mark.slow
@pytest.mark.parametrize("write", [voc, cvat, coco, yolo, table], ids=lambda write: write.__name__)
@settings(max_examples=100, deadline=None, derandomize=True, phases=(Phase.generate,),
          suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_set_is_packed_as_it_was_written_or_refused_by_name(write, data):
    root = Path(tempfile.mkdtemp())
    try:
        drawn = Drawn(data, root / "set")
        src, expected = write(drawn), drawn.expected()
        files = {path.name for path in (root / "set").rglob("*") if path.is_file()}
        try:
            pack(src, root / "out")
        except InputError as error:
            named = [*map(str, getattr(error, "problems", [])), str(error)]
            assert any(name in text for name in files for text in named), named
            assert any(reason in text for reason in REASONS for text in named), named
            assert not (root / "out").exists()
            return
        classes = json.loads((root / "out" / "classes.json").read_text(encoding="utf-8"))["classes"]
        found = {picture: sorted((classes[int(row[0])], *row[1:]) for row in rows) for part in ("train", "val")
                 for picture, rows in packed_rows(root / "out" / f"{part}.rec").items()}
        assert found.keys() == expected.keys()
        for picture, rows in expected.items():
            assert [row[0] for row in found[picture]] == [row[0] for row in rows]
            assert [row[1:] for row in found[picture]] == [pytest.approx(row[1:], abs=1e-6) for row in rows]
    finally:
        shutil.rmtree(root)
