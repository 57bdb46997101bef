"""Compare the book's figures with this package's: figures that a run recorded, or figures computed now."""
from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..data.extent import OTHER, PART, WHOLE
from ..engine.plain import to_plain
from ..errors import InputError
from . import comparable, facts, needs, verdicts
from .facts import ALL, Exact, Training
from .rundata import Run, SectionRun, read_run
from .verdicts import DIFFERS, EQUAL, IN_BAND, NEEDS_DATA, NOT_COMPARABLE

KINDS = {"exact": (EQUAL, DIFFERS, NOT_COMPARABLE, NEEDS_DATA), "training": (IN_BAND, DIFFERS, NOT_COMPARABLE)}
ONE_WRONG = {"run": "the run recorded another value; the value computed now is equal",
             "computed": "the run recorded an equal value; the value computed now is another"}


@dataclass(frozen=True)
class Row:
    """The comparison of one figure.

    Attributes:
        kind: a key of :data:`KINDS`; ``verdict`` is one of its values.
        shows: the figure in a few words.
        book: the printed value; for a training a dictionary from source to the value after the last epoch.
        value: this package's value, or None.
        origin: the source of ``value``: "run", "computed" or "".
        source: the source of ``book``.
        band: (lowest, highest), for a training with a verdict.
        needs: the data missing for a verdict, a key of :data:`d2lzh_cv.book.needs.NEEDS`.
    """

    section: str
    kind: str
    name: str
    shows: str
    verdict: str
    book: Any
    value: Any
    origin: str
    source: str
    band: tuple[float, float] | None = None
    needs: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """All figures, in the book's order."""

    rows: list[Row]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of figures for each kind and verdict."""
        counts = Counter((row.kind, row.verdict) for row in self.rows)
        return {kind: {verdict: counts[kind, verdict] for verdict in possible} for kind, possible in KINDS.items()}

    @property
    def ok(self) -> bool:
        """False if an exact figure differs; a training figure may differ."""
        return not self.counts()["exact"][DIFFERS]

    def to_json(self) -> dict[str, Any]:
        """Return counts and rows as plain JSON; NaN and infinity become None."""
        return {**self.counts(), "rows": [to_plain(asdict(row)) for row in self.rows]}

    def json_text(self) -> str:
        """Return :meth:`to_json` as text, one row per line."""
        *counts, (_, rows) = self.to_json().items()
        lines = [f" {json.dumps(kind)}: {json.dumps(numbers)},\n" for kind, numbers in counts]
        rows = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
        return "{\n" + "".join(lines) + ' "rows": [\n  ' + rows + "\n ]\n}"


def compare(folder: Path | None = None) -> Comparison:
    """Compare the run in ``folder`` with the book; compute the exact figures that the run did not record.

    Exact figures that need no data are always computed, so that an old run does not hide a new error.

    Args:
        folder: the folder of the run; None compares only the exact figures.

    Raises:
        InputError: ``folder`` holds no run, or the data cannot be read.
    """
    return _compare(read_run(folder).sections if folder else [], compute=True)


def compare_kept(run: Run) -> Comparison:
    """Compare only the figures that ``run`` recorded, without computing any and without importing MXNet."""
    return _compare(run.sections, compute=False)


def _compare(sections: list[SectionRun], compute: bool) -> Comparison:
    by_number = {section.info.number: section for section in sections}
    rows = [_exact_row(fact, by_number.get(fact.section), compute) for fact in facts.exact()]
    rows += [row for fact in facts.training() for row in _training_rows(fact, by_number.get(fact.section))]
    return Comparison(sorted(filter(None, rows), key=lambda row: _order(row.section)))


def _order(section: str) -> tuple[int, int]:
    chapter, number = section.split(".")
    return int(chapter), int(number) if number.isdigit() else 0


# -- exact figures ----------------------------------------------------------------------------------------------------
def _exact_row(fact: Exact, section: SectionRun | None, compute: bool) -> Row | None:
    found = [kept] if (kept := _kept(fact, section)) else []
    if compute and (fact.needs is None or not any(value.judged for value in found)):
        found += filter(None, [_computed_now(fact)])
    judged = [value for value in found if value.judged]
    if judged:
        return _judged(fact, judged)
    other = next((value for value in found if value.why_not), None)
    if other:
        return _row(fact, NOT_COMPARABLE, other, other.why_not)
    if not found and not compute:
        return None
    note = needs.how_to_get(fact.needs) + ("; the value here is of other data" if found else "")
    return _row(fact, NEEDS_DATA, found[0] if found else _Value(None, ""), note)


@dataclass(frozen=True)
class _Value:
    """A value of a figure, its origin, and whether it can be judged.

    Attributes:
        why_not: why it cannot be, if it is of a part of the book's set or of other parameters.
    """

    value: Any
    origin: str
    judged: bool = False
    why_not: str = ""


def _kept(fact: Exact, section: SectionRun | None) -> _Value | None:
    """Return the value that the run recorded, or None."""
    value = section.results.get(fact.record or fact.name) if section else None
    if value is None:
        return None
    extent = comparable.read_by(section, fact.needs)[0] if fact.needs else None
    if fact.needs and (extent is None or extent.kind == OTHER):
        return _Value(value, "run")
    why_not = "; ".join(comparable.other_parameters(section, fact.depends))
    if not why_not and extent is not None and extent.kind != WHOLE:
        why_not = comparable.lacks(extent, fact, value)
    return _Value(value, "run", not why_not, why_not)


def _computed_now(fact: Exact) -> _Value | None:
    """Return the value computed now, or None if the data root has no part of the data that it needs."""
    from .exact import compute  # here: it imports MXNet
    if fact.needs is None:
        return _Value(compute(fact), "computed", True)
    folder, extent = needs.locate(fact.needs) or (None, None)
    if folder is None:
        return None
    try:
        value = compute(fact, folder)
    except InputError as error:
        if extent.kind == WHOLE:
            raise
        return _Value(None, "", False, f"{extent}: {error}")  # such as a part without a picture of the crop's size
    if value is None:
        return None if extent.kind == WHOLE else _Value(None, "", False, f"{extent}, without {fact.enough}")
    lacks = str(extent) if extent.kind == PART and fact.enough == ALL else ""
    return _Value(value, "computed", not lacks, lacks)


def _judged(fact: Exact, values: list[_Value]) -> Row:
    wrong = [value for value in values if not verdicts.same(fact, value.value)]
    note = fact.note
    if 0 < len(wrong) < len(values):
        note = f"{ONE_WRONG[wrong[0].origin]}{'. ' if note else ''}{note}"
    return _row(fact, DIFFERS if wrong else EQUAL, (wrong or values)[0], note)


def _row(fact: Exact, verdict: str, value: _Value, note: str) -> Row:
    return Row(fact.section, "exact", fact.name, fact.shows, verdict, fact.value, value.value, value.origin,
               facts.sources()[fact.source], None, fact.needs if verdict == NEEDS_DATA else None, note)


# -- training ---------------------------------------------------------------------------------------------------------
def _training_rows(fact: Training, section: SectionRun | None) -> list[Row]:
    if section is None or section.status == "not run":
        return []
    lines = [line for line in section.metrics if line.get("series") == fact.series]
    line = next((line for line in reversed(lines) if line.get("epoch") == fact.epochs), lines[-1] if lines else {})
    reasons = _why_not(fact, section, line)
    return [_training_row(fact, quantity, line, reasons) for quantity in fact.quantities]


def _training_row(fact: Training, quantity: str, line: dict[str, Any], reasons: list[str]) -> Row:
    value = line.get(quantity)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    band = None if reasons else verdicts.band(fact, quantity)
    if reasons:
        verdict, note = NOT_COMPARABLE, "; ".join(reasons)
    else:
        verdict = IN_BAND if number and band[0] <= value <= band[1] else DIFFERS
        note = "" if number else "not a number"
    shows = f"{fact.setting}, after epoch {fact.epochs}" if fact.epochs else fact.setting
    return Row(fact.section, "training", f"{fact.series}: {quantity}", shows, verdict,
               fact.at_end(quantity), value if number else None,
               "run" if number else "", "; ".join(facts.sources()[source] for source in fact.runs), band, None, note)


def _why_not(fact: Training, section: SectionRun, line: dict[str, Any]) -> list[str]:
    """Return the reasons why this run's training differs from the published one; empty if it does not."""
    if not line:
        return ["not trained in this run"]
    reasons = [] if section.status == "ok" else [f"section {section.status}"]
    reasons += [] if section.mode == "full" else [f"{section.mode} mode"]
    reasons += comparable.other_data(fact, section)
    reasons = reasons or comparable.parts_and_networks(fact, section) or comparable.other_parameters(section)
    if fact.epochs is None:
        reasons.append("published without its number of epochs")
    elif line.get("epoch") != fact.epochs:
        reasons.append(f"{line.get('epoch')} of {fact.epochs} epochs")
    return reasons
