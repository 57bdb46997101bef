"""Drawn sets in the formats that people annotate in: coloured shapes on plain ground, boxes known to the pixel."""
from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle")
COLORS = {"circle": (220, 40, 40), "square": (40, 90, 220), "triangle": (40, 170, 60)}


class Shape(NamedTuple):
    """A drawn shape: its class and the box around it in pixels, (xmin, ymin, xmax, ymax) from 0, ends excluded."""

    name: str
    box: tuple[int, int, int, int]


def draw(name: str, side: int = 64, seed: int = 0, count: int = 1) -> tuple[Image.Image, list[Shape]]:
    """A picture side × side with ``count`` shapes one in each half or the whole; ``name`` is the first one's class."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (side, side), tuple(rng.integers(200, 250, 3).tolist()))
    shapes, wide = [], side // count
    for i in range(count):
        kind = SHAPES[(SHAPES.index(name) + i) % len(SHAPES)]
        size = int(rng.uniform(0.45, 0.75) * wide)
        x, y = i * wide + int(rng.integers(0, wide - size)), int(rng.integers(0, side - size))
        _draw_shape(ImageDraw.Draw(picture), kind, (x, y, x + size, y + size))
        shapes.append(Shape(kind, (x, y, x + size, y + size)))
    return picture, shapes


def _draw_shape(pen: ImageDraw.ImageDraw, kind: str, box: tuple[int, int, int, int]) -> None:
    xmin, ymin, xmax, ymax = box[0], box[1], box[2] - 1, box[3] - 1
    if kind == "circle":
        pen.ellipse((xmin, ymin, xmax, ymax), fill=COLORS[kind])
    elif kind == "square":
        pen.rectangle((xmin, ymin, xmax, ymax), fill=COLORS[kind])
    else:
        pen.polygon([((xmin + xmax) // 2, ymin), (xmin, ymax), (xmax, ymax)], fill=COLORS[kind])


def pictures(folder: Path, count: int = 6, side: int = 64, objects: int = 1) -> dict[str, list[Shape]]:
    """Draw p0.jpg, p1.jpg ... into ``folder``; picture i has 1 + i % objects shapes, the classes in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes = {}
    for i in range(count):
        picture, shapes[f"p{i}.jpg"] = draw(SHAPES[i % 3], side, seed=i, count=1 + i % objects)
        picture.save(folder / f"p{i}.jpg", quality=95)
    return shapes


def voc_xml(picture: str, shapes: list[Shape], side: int = 64) -> str:
    """An annotation as VOC has it: pixels counted from 1, the last one included."""
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{box[0] + 1}</xmin><ymin>{box[1] + 1}</ymin><xmax>{box[2]}</xmax>"
        f"<ymax>{box[3]}</ymax></bndbox></object>" for name, box in shapes)
    return (f"<annotation><filename>{picture}</filename><size><width>{side}</width><height>{side}</height>"
            f"<depth>3</depth></size>{objects}</annotation>")


def write_voc(root: Path, **options) -> dict[str, list[Shape]]:
    shapes = pictures(root / "JPEGImages", **options)
    (root / "Annotations").mkdir()
    for name, found in shapes.items():
        (root / "Annotations" / name.replace(".jpg", ".xml")).write_text(voc_xml(name, found,
                                                                                options.get("side", 64)))
    return shapes


def coco_dict(shapes: dict[str, list[Shape]], side: int = 64) -> dict:
    """Ids that start at 11 and 101: nothing may take them for positions."""
    images = [{"id": 101 + i, "file_name": name, "width": side, "height": side} for i, name in enumerate(shapes)]
    annotations = [{"id": 7 * i + k, "image_id": 101 + i, "category_id": 11 + SHAPES.index(name), "iscrowd": 0,
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]]}
                   for i, found in enumerate(shapes.values()) for k, (name, box) in enumerate(found)]
    return {"images": images, "annotations": annotations,
            "categories": [{"id": 11 + i, "name": name} for i, name in enumerate(SHAPES)]}


def write_coco(root: Path, **options) -> dict[str, list[Shape]]:
    shapes = pictures(root / "images", **options)
    (root / "annotations.json").write_text(json.dumps(coco_dict(shapes, options.get("side", 64))))
    return shapes


def yolo_line(shape: Shape, side: int = 64) -> str:
    xmin, ymin, xmax, ymax = shape.box
    numbers = ((xmin + xmax) / 2 / side, (ymin + ymax) / 2 / side, (xmax - xmin) / side, (ymax - ymin) / side)
    return f"{SHAPES.index(shape.name)} " + " ".join(f"{number:.6f}" for number in numbers)


def write_yolo(root: Path, **options) -> dict[str, list[Shape]]:
    shapes = pictures(root / "images", **options)
    (root / "labels").mkdir()
    for name, found in shapes.items():
        text = "".join(yolo_line(shape, options.get("side", 64)) + "\n" for shape in found)
        (root / "labels" / name.replace(".jpg", ".txt")).write_text(text)
    (root / "data.yaml").write_text(f"names: [{', '.join(SHAPES)}]\nnc: 3\n")
    return shapes


def write_csv(root: Path, relative: bool = False, side: int = 64, **options) -> dict[str, list[Shape]]:
    shapes = pictures(root, side=side, **options)
    with (root / "boxes.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "class", "xmin", "ymin", "xmax", "ymax"])
        for picture, found in shapes.items():
            for name, box in found:
                table.writerow([picture, name, *(value / side if relative else value for value in box)])
    return shapes


WRITERS = {"voc": write_voc, "coco": write_coco, "yolo": write_yolo, "csv": write_csv}
