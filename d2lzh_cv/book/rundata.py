"""A run as the report and the comparison read it."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import contents
from ..contents import SectionInfo
from ..errors import InputError
from ..run import results, rundir


@dataclass
class SectionRun(results.Results):
    """What one section left in its folder: results.json, its curves, what it printed, its figures with captions."""

    info: SectionInfo | None = None
    folder: Path | None = None
    metrics: list[dict[str, Any]] | None = None
    output: str = ""
    pictures: list[tuple[Path, str]] | None = None


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
    note = rundir.read_note(folder)
    found = [info for info in contents.ALL if info.number in note["sections"] or (folder / info.number).is_dir()]
    if not found:
        raise InputError(f"no run in {folder}: it holds no section's folder such as 9.7; make one with d2lzh-cv run")
    return Run(folder, note["started"] or _newest(folder), note["command"],
               [read_section(folder, info) for info in found])


def read_section(run_folder: Path, info: SectionInfo) -> SectionRun:
    """Read what the section ``info`` left under ``run_folder``."""
    folder = run_folder / info.number
    found = results.read(folder, info)
    pictures = [(folder / Path(figure["file"]).name, figure["caption"]) for figure in found.figures]
    pictures = pictures or [(path, "") for path in sorted(folder.glob("*.png"))]  # of one that was killed
    return SectionRun(**vars(found), info=info, folder=folder, metrics=results.read_metrics(folder),
                      output=_read_text(folder / "stdout.txt"), pictures=pictures)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _newest(folder: Path) -> str:
    times = [path.stat().st_mtime for path in (folder, *folder.glob(f"9.*/{results.FILE}"))]
    return datetime.fromtimestamp(max(times)).astimezone().isoformat(timespec="seconds")
