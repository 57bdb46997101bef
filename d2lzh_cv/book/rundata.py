"""Reading a run's folder. What is missing or damaged becomes a failed section with a reason, never an exception."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import contents, files
from ..contents import SectionInfo
from ..errors import InputError

STATUSES = ("ok", "failed", "interrupted", "not run")


@dataclass
class SectionRun:
    """What one section left in its folder; the fields are those of results.json."""

    info: SectionInfo
    folder: Path
    status: str = "not run"
    error: str | None = None
    traceback: str | None = None
    mode: str | None = None
    seed: int | None = None
    seconds: float | None = None
    data: list[dict[str, str]] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    figures: list[tuple[Path, str]] = field(default_factory=list)  # path, caption
    environment: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    output: str = ""


@dataclass
class Run:
    """A run: its sections in the book's order, when it began (ISO 8601) and the command, as far as known."""

    folder: Path
    started: str
    command: str | None
    sections: list[SectionRun]


def read_run(folder: Path) -> Run:
    """Read the run in ``folder``. Raises InputError when there is none."""
    folder = Path(folder)
    note = _read_object(folder / "run.json") or {}
    wanted = set(_typed(note, "sections", list, []))
    found = [info for info in contents.ALL if info.number in wanted or (folder / info.number).is_dir()]
    if not found:
        raise InputError(f"no run in {folder}: it holds no section's folder such as 9.7; make one with d2lzh-cv run")
    started = _typed(note, "started", str, None) or _newest(folder)
    return Run(folder, started, _typed(note, "command", str, None), [read_section(folder, info) for info in found])


def read_section(run_folder: Path, info: SectionInfo) -> SectionRun:
    """Read what the section ``info`` left under ``run_folder``."""
    folder = run_folder / info.number
    section = SectionRun(info, folder)
    if not folder.is_dir():
        return section
    section.output = _read_text(folder / "stdout.txt")
    section.metrics = _read_metrics(folder / "metrics.jsonl")
    results = _read_object(folder / "results.json")
    if results is None:
        section.status, section.error = "failed", _what_is_wrong(folder / "results.json")
        section.figures = [(path, "") for path in sorted(folder.glob("*.png"))]
    else:
        _fill(section, results)
    return section


def _fill(section: SectionRun, results: dict[str, Any]) -> None:
    section.status = _typed(results, "status", str, "failed")
    if section.status not in STATUSES:
        section.status, section.error = "failed", f"results.json gives the unknown status {section.status!r}"
    section.error = _typed(results, "error", str, section.error)
    section.traceback = _typed(results, "traceback", str, None)
    section.mode = _typed(results, "mode", str, None)
    section.seed = _typed(results, "seed", int, None)
    section.seconds = _typed(results, "seconds", (int, float), None)
    section.results = _typed(results, "results", dict, {})
    section.environment = _typed(results, "environment", dict, {})
    section.data = [{key: str(item.get(key, "")) for key in ("name", "kind", "path", "note")}
                    for item in _objects(results, "data")]
    section.figures = [(section.folder / Path(str(item.get("file"))).name, str(item.get("caption") or ""))
                       for item in _objects(results, "figures")]


def _typed(values: dict[str, Any], key: str, kind: Any, default: Any) -> Any:
    value = values.get(key)
    return value if isinstance(value, kind) and not isinstance(value, bool) else default


def _objects(values: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [item for item in _typed(values, key, list, []) if isinstance(item, dict)]


def _read_object(path: Path) -> dict[str, Any] | None:
    try:
        value = files.read_json(path)
    except InputError:
        return None
    return value if isinstance(value, dict) else None


def _what_is_wrong(path: Path) -> str:
    try:
        files.read_json(path)
    except InputError as error:
        return str(error) if path.exists() else "results.json is missing: the section did not come to its end"
    return f"{path} does not hold a JSON object; run the section again"


def _read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines that are JSON objects: the last one of a section that was killed may be cut off."""
    lines = []
    for text in _read_text(path).splitlines():
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if isinstance(value, dict):
            lines.append(value)
    return lines


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _newest(folder: Path) -> str:
    times = [path.stat().st_mtime for path in (folder, *folder.glob("9.*/results.json"))]
    return datetime.fromtimestamp(max(times)).astimezone().isoformat(timespec="seconds")
