"""What a section leaves in its folder, results.json and metrics.jsonl: written and read here alone.

Reading takes a folder as it is found: what is missing or damaged becomes a failed section with a reason, never an
exception.
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
    """What one section came to; the fields are those of results.json, in its order."""

    section: str
    title: dict[str, str]
    status: str = "not run"  # one of STATUSES
    error: str | None = None
    traceback: str | None = None
    mode: str | None = None  # quick | full
    seed: int | None = None
    options: dict[str, Any] = field(default_factory=dict)  # what must be the same to keep it
    data: list[dict[str, str]] = field(default_factory=list)  # name, kind, path, note
    results: dict[str, Any] = field(default_factory=dict)
    figures: list[dict[str, str]] = field(default_factory=list)  # file, caption
    seconds: float | None = None
    environment: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Write it into the section's ``folder``. Raises InputError where that fails."""
        return files.write_json(folder / FILE, vars(self))

    def path_of(self, name: str) -> str | None:
        """Where the data set ``name`` was, None where the section has not used it."""
        return next((item["path"] for item in self.data if item["name"] == name), None)


def read(folder: Path, info: SectionInfo) -> Results:
    """Read what the section ``info`` left in its ``folder``; one without a folder was not run."""
    found = Results(info.number, info.title)
    if not folder.is_dir():
        return found
    try:
        values = files.read_json(folder / FILE)
    except InputError as error:
        found.status, found.error = "failed", (
            str(error) if (folder / FILE).exists() else f"{FILE} is missing: the section did not come to its end")
        return found
    if not isinstance(values, dict):
        found.status, found.error = "failed", f"{folder / FILE} does not hold a JSON object; run the section again"
        return found
    return _fill(found, values)


def _fill(found: Results, values: dict[str, Any]) -> Results:
    found.status = _typed(values, "status", str, "failed")
    if found.status not in STATUSES:
        found.status, found.error = "failed", f"{FILE} gives the unknown status {found.status!r}"
    for name, kind in (("error", str), ("traceback", str), ("mode", str), ("seed", int), ("seconds", (int, float)),
                       ("options", dict), ("results", dict), ("environment", dict)):
        setattr(found, name, _typed(values, name, kind, getattr(found, name)))
    found.data = _objects(values, "data", ("name", "kind", "path", "note"))
    found.figures = _objects(values, "figures", ("file", "caption"))
    return found


def _typed(values: dict[str, Any], key: str, kind: Any, default: Any) -> Any:
    value = values.get(key)
    return value if isinstance(value, kind) and not isinstance(value, bool) else default


def _objects(values: dict[str, Any], key: str, names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{name: str(item.get(name) or "") for name in names}
            for item in _typed(values, key, list, []) if isinstance(item, dict)]


def append_metrics(folder: Path, values: dict[str, Any]) -> None:
    """Append a line to metrics.jsonl; it is on disk at once. Raises InputError where that fails."""
    line, path = json.dumps(to_plain(values), ensure_ascii=False), folder / METRICS
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; free some space or change --out") from error


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines that are JSON objects: the last one of a section that was killed may be cut off."""
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
