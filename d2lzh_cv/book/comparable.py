"""How much of the book's data, which network and which parameters a run used; and why its figures cannot be judged."""
from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..data import extent as on_disk
from ..data.catalogue import Item
from ..data.extent import OTHER, PART, Extent
from ..engine.plain import to_plain
from ..run import parameters
from . import needs
from .facts import ALL, BATCH, Exact, Training
from .rundata import SectionRun

# A parameter whose name begins like this does not change a published training: the log tells its number of epochs,
# with_ adds another training, report_every adds lines to the log, and min_steps lowers batch_size, a parameter itself.
UNCHANGING = (parameters.EPOCHS, "with_", "report_every", "min_steps")


def read_by(section: SectionRun, need: str) -> tuple[Extent | None, str]:
    """Return how much of the set ``need`` the section read, and the reason if it read none of it.

    The line that the section printed decides if it tells a part, because the folder may have changed since.

    Args:
        section: a section of a run.
        need: a key of :data:`d2lzh_cv.book.needs.NEEDS`.
    """
    item = needs.NEEDS[need]
    read = [data for data in section.data if data["name"] == item.name]
    if not read:
        return None, f"{item.name} not read"
    if any(data["kind"] != "real" for data in read):
        return None, f"synthetic {item.name}"
    found = [_extent_of(item, data) for data in read]
    least = next((one for kind in (OTHER, PART) for one in found if one.kind == kind), found[0])
    return least, f"not {item.what}" if least.kind == OTHER else ""


def _extent_of(item: Item, data: dict[str, str]) -> Extent:
    told = on_disk.said(item.name, data["note"])
    try:
        now = item.extent(Path(data["path"]))
    except OSError:  # a folder that may not be read any more
        return told or Extent(OTHER)
    same = told is None or (now.kind, now.pictures) == (told.kind, told.pictures)
    return now if same else told


def lacks(extent: Extent, fact: Exact, value: Any) -> str:
    """Return what a run on a part of the set lacks for the figure, or "" if the run's value can be judged.

    Args:
        extent: the part.
        fact: the figure.
        value: as the run recorded it.
    """
    if fact.enough == ALL:
        return str(extent)
    if fact.enough == BATCH:
        return f"{extent}, without a batch" if _is_smaller(value, fact.value) else ""
    return "" if extent.first == fact.enough else f"{extent}, whose first may not be {fact.enough}"


def _is_smaller(shapes: Any, book: list[list[int]]) -> bool:
    """Return whether the first of the recorded shapes is the book's, but of fewer pictures."""
    first = shapes[0] if isinstance(shapes, list) and shapes else None
    return isinstance(first, list) and first[1:] == book[0][1:] and type(first[0]) is int and first[0] < book[0][0]


def other_data(fact: Training, section: SectionRun) -> list[str]:
    """Return a reason for each set of a training that the section did not read, or read another set for it."""
    return [reason for need in fact.needs if (reason := read_by(section, need)[1])]


def other_parameters(section: SectionRun, names: Collection[str] | None = None) -> list[str]:
    """Return a reason for each parameter whose value in the run is not the book's, which is the default of full mode.

    Args:
        section: a section of a run.
        names: the parameters that count; None for all that change a training.
    """
    book = parameters.of_section(section.info, quick=False)
    if names is None:
        names = [name for name in book if not name.startswith(UNCHANGING)]
    usual = {name: to_plain(book[name]) for name in names}
    return [f"{name} is {section.parameters[name]}, not {value}" for name, value in usual.items()
            if section.parameters.get(name, value) != value]


def parts_and_networks(fact: Training, section: SectionRun) -> list[str]:
    """Return the reasons why the section's data are a part of the book's, or its network is another one.

    Args:
        fact: a published training.
        section: a section that read real data for it.
    """
    found = [read_by(section, need)[0] for need in fact.needs]
    parts = [str(extent) for extent in found if extent is not None and extent.kind == PART]
    short = [_reason(fact, condition, values, section.results) for condition, values in fact.requires.items()
             if any(section.results.get(name) != value for name, value in values.items())]
    return list(dict.fromkeys([*parts, *(reason for reason in short if not parts or not reason.startswith("a part"))]))


def _reason(fact: Training, condition: str, values: dict[str, Any], recorded: dict[str, Any]) -> str:
    """Say how a run differs from a condition of :attr:`.facts.Training.requires`."""
    network, name = values.get("source_network"), recorded.get("source_network")
    if network and isinstance(name, str) and name != network:
        return f"{name} is not the book's {network}"
    have, book = recorded.get("pictures"), values.get("pictures")
    known = on_disk.BOOKS.get(fact.needs[0])
    if known and book and isinstance(have, dict) and have.keys() == book.keys() and all(
            type(have[part]) is int and have[part] <= book[part] for part in book):
        return str(Extent(PART, known, tuple(have[part] for part in book)))
    return f"not {condition}"
