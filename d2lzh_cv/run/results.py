"""results.json and metrics.jsonl in a section's folder: only this module writes and reads them.

Reading never raises an exception: a missing or damaged file becomes a failed section with a reason.
"""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import files
from ..contents import SectionInfo
from ..engine.plain import to_plain
from ..errors import InputError

FILE, METRICS = "results.json", "metrics.jsonl"
STATUSES = ("ok", "failed", "interrupted", "not run")


@dataclass
class Results:
    """The results of one section: the fields of results.json, in its order."""

    section: str
    title: dict[str, str]
    status: str = "not run"  # one of STATUSES
    error: str | None = None
    traceback: str | None = None
    mode: str | None = None  # quick | full
    seed: int | None = None
    options: dict[str, Any] = field(default_factory=dict)  # --resume keeps the section only if they are equal
    parameters: dict[str, Any] = field(default_factory=dict)  # of the script, as they were in effect
    data: list[dict[str, str]] = field(default_factory=list)  # name, kind, path, note
    results: dict[str, Any] = field(default_factory=dict)
    figures: list[dict[str, str]] = field(default_factory=list)  # file, caption
    seconds: float | None = None
    environment: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write results.json into the section's ``folder`` and return its path. Raises InputError if that fails."""
        return files.write_json(folder / FILE, vars(self))

    def path_of(self, name: str) -> str | None:
        """Return the path of the data set ``name``, None if the section did not use it."""
        return next((item["path"] for item in self.data if item["name"] == name), None)


def read(folder: Path, info: SectionInfo) -> Results:
    """Read the results of the section ``info`` from its ``folder``; without a folder the status is "not run"."""
    results = Results(info.number, info.title)
    if not folder.is_dir():
        return results
    try:
        values = files.read_json(folder / FILE)
    except InputError as error:
        results.status, results.error = "failed", (
            str(error) if (folder / FILE).exists() else f"{FILE} is missing: the section did not reach its end")
        return results
    if not isinstance(values, dict):
        results.status, results.error = "failed", f"{folder / FILE} is not a JSON object; run the section again"
        return results
    return _fill(results, values)


def _fill(results: Results, values: dict[str, Any]) -> Results:
    results.status = _typed(values, "status", str, "failed")
    if results.status not in STATUSES:
        results.status, results.error = "failed", f"{FILE} gives the unknown status {results.status!r}"
    for name, kind in (("error", str), ("traceback", str), ("mode", str), ("seed", int), ("seconds", (int, float)),
                       ("options", dict), ("parameters", dict), ("results", dict), ("environment", dict)):
        setattr(results, name, _typed(values, name, kind, getattr(results, name)))
    results.data = _objects(values, "data", ("name", "kind", "path", "note"))
    results.figures = _objects(values, "figures", ("file", "caption"))
    return results


def _typed(values: dict[str, Any], key: str, kind: Any, default: Any) -> Any:
    value = values.get(key)
    return value if isinstance(value, kind) and not isinstance(value, bool) else default


def _objects(values: dict[str, Any], key: str, names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{name: str(item.get(name) or "") for name in names}
            for item in _typed(values, key, list, []) if isinstance(item, dict)]


def append_metrics(folder: Path, values: dict[str, Any]) -> None:
    """Append ``values`` as a line to metrics.jsonl and close the file. Raises InputError if that fails."""
    line, path = json.dumps(to_plain(values), ensure_ascii=False), folder / METRICS
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; free some space or change --out") from error


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl that are JSON objects; a killed section may leave a cut-off last line."""
    try:
        text = (folder / METRICS).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [value for value in map(_value, text.splitlines()) if isinstance(value, dict)]


def _value(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
