"""Looking through the data sets that are there: hashes where they are known, counts, does every picture open."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError, as_input_error
from ..files import walk
from . import catalogue, hub
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
    found = [(item, hub.look_for(item, root)) for item in items]
    for item, place in found:
        if place is None and names:
            raise InputError(f"{item.name} is not in {root}; to get it: d2lzh-cv data fetch {item.name}")
    return [_check(item, place[0]) for item, place in found if place is not None]


def _check(item: Item, path: Path) -> Report:
    report = Report(item.name, path)
    known = [(path / file.name if path.is_dir() else path, file)
             for way in item.ways if way.below is None for file in way.files]
    there = [(file_path, file) for file_path, file in known if file_path.is_file()]
    if there:
        right = sum(is_right(file_path, file) for file_path, file in there)
        report.facts.append(f"{right} of {len(there)} files are the published ones")
    try:
        item.check(path, report)
    except OSError as error:
        report.problems.append(str(as_input_error(error) or f"cannot read {error.filename or path}: {error.strerror}"))
    return report


def check_pictures(path: Path, report: Report) -> None:
    """Every picture below the folder."""
    from .pixels import SUFFIXES
    open_all([file for file in walk(path) if file.suffix.lower() in SUFFIXES], report)


def open_all(pictures: Iterable[Path], report: Report) -> None:
    """Every one of ``pictures``."""
    from .pixels import check_picture
    looks = [report.look(check_picture, file) is not None for file in pictures]
    report.facts.append(f"{sum(looks)} of {len(looks)} pictures open")


def check_weights(path: Path, report: Report) -> None:
    """Gluon's file of weights; torchvision's is read when it is converted."""
    if path.suffix != ".params":
        return
    import mxnet as mx
    try:
        report.facts.append(f"{len(mx.nd.load(str(path)))} arrays")
    except mx.base.MXNetError:
        report.problems.append(f"{path} is damaged or no file of weights; fetch it again")
