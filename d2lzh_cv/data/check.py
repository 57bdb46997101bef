"""Looking through the data sets that are there: hashes where they are known, counts, does every picture open."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError, as_input_error
from ..files import listed, walk
from . import catalogue, fetch, hub
from .catalogue import Item
from .download import is_right


@dataclass
class Report:
    """What was found of one set: lines about it, and problems, each naming its file."""

    name: str
    path: Path
    facts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = f"{self.name}: {self.path}: {', '.join(self.facts)}"
        return "\n  ".join([f"{head}; problems: {len(self.problems) or 'none'}", *self.problems])

    def look(self, action, *arguments, **options):
        """Return what ``action`` does, or keep its InputError as a problem and return None."""
        try:
            return action(*arguments, **options)
        except InputError as error:
            self.problems.append(str(error))
            return None


def check(names: Iterable[str], root: Path) -> list[Report]:
    """Check the items ``names`` below ``root``, by default all that is there.

    Raises:
        InputError: no such item, or it is not there.
    """
    items = [catalogue.find(name) for name in names] or catalogue.items()
    found = [(item, _where(item, root)) for item in items]
    for item, path in found:
        if path is None and names:
            raise InputError(f"{item.name} is not in {root}; to get it: d2lzh-cv data fetch {item.name}")
    return [_check(item, path) for item, path in found if path is not None]


def _where(item: Item, root: Path) -> Path | None:
    """Where it is; any tree in VOC form is worth a check."""
    found = hub.locate(item.hub_name, root) if item.hub_name == "voc" else None
    return found[0] if found else fetch.present(item, root)


def _check(item: Item, path: Path) -> Report:
    report = Report(item.name, path)
    known = [(path / file.name if path.is_dir() else path, file)
             for way in item.ways if way.below is None for file in way.files]
    there = [(file_path, file) for file_path, file in known if file_path.is_file()]
    if there:
        right = sum(is_right(file_path, file) for file_path, file in there)
        report.facts.append(f"{right} of {len(there)} files are the published ones")
    try:
        _CHECKS.get(item.name, _check_weights if item.hub_name == "weights" else _check_pictures)(path, report)
    except OSError as error:
        report.problems.append(str(as_input_error(error) or f"cannot read {error.filename or path}: {error.strerror}"))
    return report


def _check_pictures(path: Path, report: Report) -> None:
    """Every picture below the folder."""
    from .pixels import SUFFIXES
    _open_all([file for file in walk(path) if file.suffix.lower() in SUFFIXES], report)


def _open_all(pictures: Iterable[Path], report: Report) -> None:
    from .pixels import check_picture
    looks = [report.look(check_picture, file) is not None for file in pictures]
    report.facts.append(f"{sum(looks)} of {len(looks)} pictures open")


def _check_cifar10(path: Path, report: Report) -> None:
    from .cifar10 import CIFAR10
    for part, train in (("training", True), ("test", False)):
        found = report.look(CIFAR10, path, train=train)
        report.facts.append(f"{len(found) if found else 0} {part} pictures")


def _check_hotdog(path: Path, report: Report) -> None:
    from .hotdog import load_hotdog
    for part, found in zip(("training", "test"), report.look(load_hotdog, path) or ()):
        report.facts.append(f"{len(found)} {part} pictures")
    _check_pictures(path, report)


def _check_pikachu(path: Path, report: Report) -> None:
    from .records import check_records
    if not (path / "train.rec").exists():
        _check_pictures(path, report)
        return
    for part in ("train", "val"):
        idx = path / f"{part}.idx"
        count = report.look(check_records, path / f"{part}.rec", idx if idx.exists() else None, decode=True,
                            needs_object=part == "train")
        report.facts.append(f"{count} pictures in {part}.rec")


def _check_voc(path: Path, report: Report) -> None:
    named: dict[str, None] = {}  # in order, and once where a name stands in both lists
    for part in ("train", "val"):
        file = path / "ImageSets" / "Segmentation" / f"{part}.txt"
        names = file.read_text(encoding="utf-8", errors="replace").split() if file.exists() else []
        report.facts.append(f"{len(names)} in {part}.txt")
        named.update(dict.fromkeys(names))
    folders = ("JPEGImages", ".jpg"), ("SegmentationClass", ".png")
    _open_all((path / folder / (name + suffix) for name in named for folder, suffix in folders), report)


def _check_kaggle(path: Path, report: Report) -> None:
    """Archives are unpacked on first use; here their contents are read through."""
    import zipfile
    for archive in listed(path, "*.zip"):
        try:
            with zipfile.ZipFile(archive) as opened:
                broken = opened.testzip()
                report.facts.append(f"{len(opened.namelist())} files in {archive.name}")
        except zipfile.BadZipFile:
            broken = "all of it"
        if broken:
            report.problems.append(f"{archive} is damaged ({broken}); fetch it again")
    _check_pictures(path, report)


def _check_weights(path: Path, report: Report) -> None:
    if path.suffix != ".params":
        return
    import mxnet as mx
    try:
        report.facts.append(f"{len(mx.nd.load(str(path)))} arrays")
    except mx.base.MXNetError:
        report.problems.append(f"{path} is damaged or no file of weights; fetch it again")


_CHECKS = {"cifar10": _check_cifar10, "hotdog": _check_hotdog, "pikachu": _check_pikachu, "voc": _check_voc,
           "kaggle_cifar10": _check_kaggle, "kaggle_dog": _check_kaggle}
