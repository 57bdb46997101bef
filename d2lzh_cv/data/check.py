"""Checks of the data sets on the disk: known hashes, numbers of pictures, and whether every picture opens."""
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
    """The result of a check: ``facts`` about the set, and ``problems``, each of which names its file."""

    name: str
    path: Path
    facts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = f"{self.name}: {self.path}: {', '.join(self.facts)}"
        return "\n  ".join([f"{head}; problems: {len(self.problems) or 'none'}", *self.problems])

    def look(self, action, *arguments, **options):
        """Call ``action`` and return its result; if it raises InputError, add a problem and return None."""
        try:
            return action(*arguments, **options)
        except InputError as error:
            self.problems.append(str(error))
            return None


def check(names: Iterable[str], root: Path) -> list[Report]:
    """Check the items ``names`` below ``root``; without names, all items that are below ``root``.

    Raises:
        InputError: there is no item of a name, or it is not below ``root``.
    """
    items = [catalogue.find(name) for name in names] or catalogue.items()
    located = [(item, hub.look_for(item, root)) for item in items]
    for item, place in located:
        if place is None and names:
            raise InputError(f"{item.name} is not in {root}; to get it: d2lzh-cv data fetch {item.name}")
    return [_check(item, place[0]) for item, place in located if place is not None]


def _check(item: Item, path: Path) -> Report:
    report = Report(item.name, path)
    known = [(path / file.name if path.is_dir() else path, file)
             for way in item.ways if way.below is None for file in way.files]
    present = [(file_path, file) for file_path, file in known if file_path.is_file()]
    if present:
        right = sum(is_right(file_path, file) for file_path, file in present)
        report.facts.append(f"{right} of {len(present)} files are the published ones")
    try:
        report.facts += filter(None, [str(item.extent(path))])
        item.check(path, report)
    except OSError as error:
        report.problems.append(str(as_input_error(error) or f"cannot read {error.filename or path}: {error.strerror}"))
    return report


def check_pictures(path: Path, report: Report) -> None:
    """Check every picture below the folder ``path``."""
    from .pixels import SUFFIXES
    open_all([file for file in walk(path) if file.suffix.lower() in SUFFIXES], report)


def open_all(pictures: Iterable[Path], report: Report) -> None:
    """Check the files ``pictures``."""
    from .pixels import check_picture
    opened = [report.look(check_picture, file) is not None for file in pictures]
    report.facts.append(f"{sum(opened)} of {len(opened)} pictures open")


def check_weights(path: Path, report: Report) -> None:
    """Check a weights file of Gluon; torchvision's files are checked by their conversion."""
    if path.suffix != ".params":
        return
    import mxnet as mx
    try:
        report.facts.append(f"{len(mx.nd.load(str(path)))} arrays")
    except mx.base.MXNetError:
        report.problems.append(f"{path} is damaged or not a weights file; fetch it again")
