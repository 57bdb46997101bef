"""Read a run for the report and the comparison."""
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
    """The output of one section: results.json, training curves, printed text, and figures with captions."""

    info: SectionInfo | None = None
    folder: Path | None = None
    metrics: list[dict[str, Any]] | None = None
    output: str = ""
    pictures: list[tuple[Path, str]] | None = None


@dataclass
class Run:
    """A run: its sections in the book's order, its start (ISO 8601), and its command if known."""

    folder: Path
    started: str
    command: str | None
    sections: list[SectionRun]


def read_run(folder: Path) -> Run:
    """Read the run in ``folder``. Raises InputError if there is no run."""
    folder = Path(folder)
    note = rundir.read_note(folder)
    infos = [info for info in contents.ALL if info.number in note["sections"] or (folder / info.number).is_dir()]
    if not infos and (folder / results.FILE).is_file():
        raise InputError(f"{folder} is one section of a run; name the folder of the run, {folder.resolve().parent}")
    if not infos:
        raise InputError(f"no run in {folder}: it has no section folder such as 9.7; make one with d2lzh-cv run")
    return Run(folder, note["started"] or _newest(folder), note["command"],
               [read_section(folder, info) for info in infos])


def read_section(run_folder: Path, info: SectionInfo) -> SectionRun:
    """Read the output of the section ``info`` in ``run_folder``."""
    folder = run_folder / info.number
    recorded = results.read(folder, info)
    pictures = [(folder / Path(figure["file"]).name, figure["caption"]) for figure in recorded.figures]
    pictures = pictures or [(path, "") for path in sorted(folder.glob("*.png"))]  # a killed section recorded none
    return SectionRun(**vars(recorded), info=info, folder=folder, metrics=results.read_metrics(folder),
                      output=_read_text(folder / "stdout.txt"), pictures=pictures)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _newest(folder: Path) -> str:
    times = [path.stat().st_mtime for path in (folder, *folder.glob(f"9.*/{results.FILE}"))]
    return datetime.fromtimestamp(max(times)).astimezone().isoformat(timespec="seconds")
