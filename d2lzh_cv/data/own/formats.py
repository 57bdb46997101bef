"""The annotation formats for boxes, and how the format of a folder is found."""
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
    """How a format is recognised and read; ``suffixes`` are those of a single file that can replace the folder."""

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
    """Read the annotations of ``src`` in the format ``kind``; 'auto' takes the only format in the folder.

    Raises InputError if there is no format, or more than one.
    """
    by_format = _given_file(src, folder, kind)
    if by_format is None:
        by_format = {name: files for name in ([kind] if kind != "auto" else FORMATS)
                     if (files := FORMATS[name].files_of(folder))}
    kind, files = _only_format(by_format, src, folder)
    reading = yolo.read(folder, classes) if kind == "yolo" else FORMATS[kind].read(folder, files)
    if not reading.entries:
        raise InputError(f"{src} holds no annotations of the kind {reading.format}; see d2lzh-cv data pack --help")
    broken = [path for path in folder.with_suffix(".xml") if xml_file.kind_of(path, folder.texts) == xml_file.BROKEN]
    if broken and kind != "voc":
        reading.notes.append(f"{len(broken)} .xml files are skipped, because they are not valid, such as "
                             f"{folder.shown(broken[0])}")
    return reading


def _given_file(src: Path, folder: Folder, kind: str) -> dict[str, list[Path]] | None:
    """Return the format and the file if ``src`` is one file; None if it is a folder."""
    if src.is_dir():
        return None
    path = folder.root / src.name
    for name, form in FORMATS.items():
        if src.suffix.lower() in form.suffixes and kind in ("auto", name):
            return {name: [path]}
    known = ", ".join(suffix for form in FORMATS.values() for suffix in form.suffixes)
    raise InputError(f"{src} is a single file, and only {known} can be read alone; give the folder of the set")


def _only_format(by_format: dict[str, list[Path]], src: Path, folder: Folder) -> tuple[str, list[Path]]:
    if len(by_format) == 1:
        return next(iter(by_format.items()))
    if by_format:
        raise InputError(f"{src} holds annotations of several kinds ({', '.join(by_format)}); choose one with --format")
    xml = folder.with_suffix(".xml")
    if xml and all(xml_file.kind_of(path, folder.texts) == xml_file.BROKEN for path in xml):
        return "voc", xml  # VOC's reader gives the problem of each file
    for path in folder.with_suffix(*FORMATS["csv"].suffixes):
        csv_boxes.Table(path, folder)  # raises InputError for a table that cannot be read
    foreign = next((title for title, keys in _FOREIGN for path in folder.with_suffix(".json")
                    if coco.looks_like(path, *keys)), None)
    if foreign:
        raise InputError(f"{src} holds {foreign}, which is not supported; export it as COCO or Pascal VOC")
    raise InputError(f"{src} holds no annotations: no VOC or CVAT .xml, no COCO .json, no CSV with columns filename, "
                     "class, xmin, ymin, xmax, ymax, no YOLO labels/, no images/ with masks/")
