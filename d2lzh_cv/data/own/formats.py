"""The formats of annotations of boxes: which files are of which, and which format a folder is in."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from . import coco, csv_boxes, cvat_xml, voc_xml, xml_file, yolo
from .entries import Reading
from .folder import Folder


@dataclass(frozen=True)
class Format:
    """How a format is recognised and read. ``suffixes`` are those of a file that can be given in place of a folder."""

    title: str
    files_of: Callable[[Folder], list[Path]]
    read: Callable[[Folder, list[Path]], Reading]
    suffixes: tuple[str, ...] = ()


FORMATS = {
    "voc": Format("Pascal VOC .xml", voc_xml.files_of, voc_xml.read),
    "cvat": Format("CVAT for images .xml", cvat_xml.files_of, cvat_xml.read, (".xml",)),
    "coco": Format("COCO .json", coco.files_of, coco.read, (".json",)),
    "csv": Format("a table of boxes", csv_boxes.files_of, csv_boxes.read, (".csv", ".tsv")),
    "yolo": Format("YOLO labels", yolo.labels_of, lambda folder, _: yolo.read(folder)),
}
_FOREIGN = (("labelme's JSON", ("shapes", "imagePath")), ("VIA's JSON", ("regions", "file_attributes")),
            ("Label Studio's JSON", ("rectanglelabels",)), ("Supervisely's JSON", ("objects", "geometryType")))


def read(src: Path, folder: Folder, kind: str, classes: Sequence[str] | None) -> Reading:
    """Read with the reader of ``kind``, or ('auto') of the one format whose files are there.

    Raises InputError where there is none, or where there are several.
    """
    files = _given(src, folder, kind)
    if files is None:
        found = {name: there for name in ([kind] if kind != "auto" else FORMATS)
                 if (there := FORMATS[name].files_of(folder))}
        kind, files = _only(found, src, folder)
    else:
        (kind, files), = files.items()
    reading = yolo.read(folder, classes) if kind == "yolo" else FORMATS[kind].read(folder, files)
    if not reading.entries:
        raise InputError(f"{src} holds no annotations of the kind {reading.format}; see d2lzh-cv data pack --help")
    broken = [path for path in folder.with_suffix(".xml") if xml_file.kind_of(path, folder.texts) == xml_file.BROKEN]
    if broken and kind != "voc":
        reading.notes.append(f"{len(broken)} .xml files are passed over: they are not valid, such as "
                             f"{folder.shown(broken[0])}")
    return reading


def _given(src: Path, folder: Folder, kind: str) -> dict[str, list[Path]] | None:
    """The file that was named in place of a folder, with its format."""
    if src.is_dir():
        return None
    path = folder.root / src.name
    for name, one in FORMATS.items():
        if src.suffix.lower() in one.suffixes and kind in ("auto", name):
            return {name: [path]}
    known = ", ".join(suffix for one in FORMATS.values() for suffix in one.suffixes)
    raise InputError(f"{src} is one file, and of one file only {known} can be read; give the folder of the set")


def _only(found: dict[str, list[Path]], src: Path, folder: Folder) -> tuple[str, list[Path]]:
    if len(found) == 1:
        return next(iter(found.items()))
    if found:
        raise InputError(f"{src} holds annotations of several kinds ({', '.join(found)}); choose one with --format")
    xml = folder.with_suffix(".xml")
    if xml and all(xml_file.kind_of(path, folder.texts) == xml_file.BROKEN for path in xml):
        return "voc", xml  # its reader names each with what is wrong
    for path in folder.with_suffix(*FORMATS["csv"].suffixes):
        csv_boxes.Table(path, folder)  # says what is wrong with one that cannot be read at all
    foreign = next((title for title, keys in _FOREIGN for path in folder.with_suffix(".json")
                    if coco.looks_like(path, *keys)), None)
    if foreign:
        raise InputError(f"{src} holds {foreign}, which is not read here; export it as COCO or Pascal VOC")
    raise InputError(f"{src} holds no annotations: no VOC or CVAT .xml, no COCO .json, no CSV with columns filename, "
                     "class, xmin, ymin, xmax, ymax, no YOLO labels/, no images/ with masks/")
