"""The report of a run: one HTML file that contains all its pictures and loads no other file."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from .. import files
from ..compat import versions
from ..contents import SectionInfo
from . import charts, comparison_tables, data_uris, definitions, facts, needs, verdicts
from .compare import Comparison, Row, compare_kept
from .report_tables import as_table
from .rundata import Run, SectionRun, read_run

SITE = Path(__file__).resolve().parents[2] / "docs" / "_build" / "html"  # of a checkout, by make site
TEMPLATE = Path(__file__).with_name("report.html.j2")
KINDS = ("real", "synthetic")
SHORT_OUTPUT = 16  # lines: longer printed output is folded
MAX_OUTPUT = 100_000  # characters of a section's printed output on the page
MAX_ITEMS, MAX_ROWS = 24, 12  # shown values of a list, shown rows of a table


def write_report(run_dir: Path) -> Path:
    """Write ``report.html`` into the run's folder and return its path.

    The report shows a section with missing or damaged results as failed, with the reason.

    Raises:
        InputError: ``run_dir`` holds no run or is not writable.
    """
    run = read_run(Path(run_dir))
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True,
                                     undefined=jinja2.StrictUndefined)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(_page(run))
    return files.write_text(run.folder / "report.html", page)


def format_seconds(seconds: float | None) -> str:
    """Return a time for a reader: "0.4 s", "12 s", "2 min 05 s"; "" for None."""
    if seconds is None:
        return ""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def format_value(value: Any) -> list[str]:
    """Return a recorded value as lines of text: a number, a list, the rows of a table, or lines "key: value"."""
    if isinstance(value, dict):
        return [f"{key}: {_inline(item)}" for key, item in value.items()] or ["(empty)"]
    while _is_table(value) and len(value) == 1:  # drop the axis of a batch of one
        value = value[0]
    if _is_table(value):
        return _rows(value[:MAX_ROWS]) + ([f"… {len(value) - MAX_ROWS} more rows"] if len(value) > MAX_ROWS else [])
    return [_inline(value)]


def _page(run: Run) -> dict[str, Any]:
    embedded = iter(data_uris.embed([figure for section in run.sections for figure in section.pictures]))
    comparison = compare_kept(run)
    views = [_section(section, [next(embedded) for _ in section.pictures],
                      [row for row in comparison.rows if row.section == section.info.number])
             for section in run.sections]
    return {"run": run, "when": run.started.replace("T", " ")[:16], "sections": views, "version": versions.OURS,
            "ok": sum(section.status == "ok" for section in run.sections), "totals": _totals(comparison),
            "words": verdicts.WORDS, "band_rule": verdicts.BAND_RULE,
            "took": format_seconds(sum(section.seconds or 0 for section in run.sections)),
            "modes": _distinct(section.mode for section in run.sections),
            "seeds": _distinct(section.seed for section in run.sections),
            "precisions": _distinct(section.environment.get("precision") for section in run.sections),
            "data": {kind: _distinct(item["name"] for section in run.sections for item in section.data
                                     if _kind(item) == kind) for kind in KINDS},
            "environments": _distinct(_describe(section.environment) for section in run.sections
                                      if section.environment)}  # several if the run was resumed elsewhere


def _section(section: SectionRun, shown: list[data_uris.Picture], rows: list[Row]) -> dict[str, Any]:
    data = [{**item, "kind": _kind(item), "note": item["note"].removeprefix(f"{item['name']}: ")}
            for item in section.data]
    kinds = {item["kind"] for item in data}
    output = section.output.rstrip()
    lines = len(output.splitlines())
    published = [line for fact in facts.training() if fact.section == section.info.number for line in fact.curves()]
    compared = {row.name for row in rows}
    parameters = [f"{name} = {value!r}" for name, value in section.parameters.items()]
    return {"pages": _pages(section.info), "parameters": parameters,
            "definitions": definitions.of_section(section.info), "run": section, "info": section.info,
            "anchor": f"s{section.info.number.replace('.', '-')}",
            "seconds": format_seconds(section.seconds), "data": data, "kinds": [k for k in KINDS if k in kinds],
            "pictures": shown, "panels": charts.panels(section.metrics, published),
            "series": charts.series_names(section.metrics),
            "figures": [_figure(row) for row in rows], "notes": comparison_tables.notes(rows),
            "needs": [needs.how_to_get(need) for need in _distinct(row.needs for row in rows)],
            "banded": any(row.band for row in rows),
            "results": [(name, format_value(value), as_table(value)) for name, value in section.results.items()
                        if name not in compared],
            "output": _cut(output), "output_lines": lines, "output_open": lines <= SHORT_OUTPUT}


def _pages(info: SectionInfo) -> dict[str, str]:
    """Return the addresses of the section's pages of the site, by language; none if the site is not built."""
    pages = {language: SITE / language / "chapter" / f"{Path(info.script).stem}.html" for language in ("zh", "en")}
    return {language: page.as_uri() for language, page in pages.items() if page.is_file()}


def _figure(row: Row) -> dict[str, Any]:
    """Return a row of the comparison for the page: strings, and values as lines of text."""
    if row.kind == "training":
        book = comparison_tables.printed(row)
        here = [comparison_tables.brief(row.value, 4)]
    else:
        book, here = (["–"] if value is None else format_value(value) for value in (row.book, row.value))
    band = row.band and " to ".join(comparison_tables.brief(end, 3) for end in row.band)
    return {"shows": comparison_tables.figure_of(row), "book": book, "here": here, "verdict": row.verdict,
            "aside": band or comparison_tables.reason(row), "rows": isinstance(row.book, list) and len(book) > 1,
            "title": f"{row.name}. {row.shows}. Printed by {_sources(row)}."}


def _sources(row: Row) -> str:
    """Return the sources of a figure; of a training with the value of each run."""
    if row.kind == "exact":
        return row.source
    return ", ".join(f"{source}: {comparison_tables.brief(value, 4)}" for source, value in row.book.items())


def _totals(comparison: Comparison) -> list[tuple[str, int, str]]:
    """Return (verdict, count, word) for each verdict with a count above 0, exact figures first."""
    return [(verdict, count, comparison_tables.WORDS[verdict]) for counts in comparison.counts().values()
            for verdict, count in counts.items() if count]


def _kind(item: dict[str, str]) -> str:
    """Return "real" or "synthetic"; "none" for missing pretrained weights, which cannot be synthetic."""
    return "none" if item["name"] == "weights" and item["kind"] == "synthetic" else item["kind"]


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, list) for row in value)


def _rows(rows: list[list[Any]]) -> list[str]:
    """Return the rows of a table with aligned columns; rows of different lengths, or with nested lists, as lists."""
    if len({len(row) for row in rows}) > 1 or any(isinstance(item, list) for row in rows for item in row):
        return [_inline(row) for row in rows]
    cells = [[_inline(item) for item in row[:MAX_ITEMS]] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in cells]


def _inline(value: Any) -> str:
    if value is None:
        return "not a number"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        items = [_inline(item) for item in value[:MAX_ITEMS]]
        return f"[{', '.join(items)}{f', … {len(value)} values' if len(value) > MAX_ITEMS else ''}]"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_inline(item)}" for key, item in value.items())
    return str(value)


def _cut(text: str) -> str:
    if len(text) <= MAX_OUTPUT:
        return text
    half = MAX_OUTPUT // 2
    return f"{text[:half]}\n… {len(text) - MAX_OUTPUT} characters omitted, see stdout.txt …\n{text[-half:]}"


def _distinct(values) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value is not None))



def _describe(environment: dict[str, Any]) -> str:
    versions = [f"{name} {environment[key]}" for key, name in
                (("python", "Python"), ("numpy", "NumPy"), ("mxnet", "MXNet")) if environment.get(key)]
    devices = environment.get("devices")
    devices = ", ".join(map(str, devices)) if isinstance(devices, list) else ""
    return " · ".join(filter(None, [*versions, devices, str(environment.get("platform") or "")]))
