"""The folder of a run: ``runs/<time>``, and ``runs/latest`` pointing at the newest."""
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from .. import files, locks
from ..errors import InputError

LOCK = ".lock"  # in the folder of a run; .9.7.lock is that of a section whose script was started by itself
SNAPSHOTS = "snapshots"  # in a section's folder
STATES = f"{SNAPSHOTS}/*/[0-9]*-[0-9]*"  # the states of its trainings, to resume from
NOTE = "run.json"  # what was wanted of a run, and when


def open_run(out: str | None, resume: bool = False) -> Path:
    """Return the run's folder, made: ``out`` if given, else a new ``runs/<time>`` that ``runs/latest`` points at.

    Args:
        out: the folder, or None to choose one.
        resume: with ``out`` None, resume in the folder that ``runs/latest`` points at, if there is one.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    chosen = Path(out) if out is not None else latest() if resume else None
    if chosen is not None:
        _check_writable(files.make_folder(chosen))
        return chosen
    folder = _new_folder(files.make_folder(Path("runs")))
    _point_latest_at(folder)
    return folder


def claim(folder: Path, section: str | None = None, shared: bool = False) -> locks.Lock:
    """Keep others out of ``folder``, or of the folder of ``section`` in it, until the lock is released or we end.

    A run has its folder alone. Scripts that were started by themselves share it, for each writes to its own section's
    folder alone.

    Raises:
        InputError: a run is going on there.
    """
    lock = locks.Lock(folder / (f".{section}{LOCK}" if section else LOCK), shared)
    if not lock.take():
        raise InputError(locks.refusal(lock, f"a run is going on in {folder / section if section else folder}"))
    return lock


def read_note(folder: Path) -> dict[str, Any]:
    """Read run.json: when it ``started`` (ISO 8601), its ``command``, its ``sections``; None, None, [] if lost."""
    try:
        note = files.read_json(folder / NOTE)
    except InputError:
        note = None
    note = note if isinstance(note, dict) else {}
    return {name: note[name] if isinstance(note.get(name), kind) else default
            for name, kind, default in (("started", str, None), ("command", str, None), ("sections", list, []))}


def latest() -> Path | None:
    """Return the folder of the newest run, which ``runs/latest`` points at, or None."""
    link, note = Path("runs/latest"), Path("runs/latest.txt")
    if link.is_symlink() and link.is_dir():
        return link.parent / os.readlink(link)
    if note.is_file() and (folder := note.parent / note.read_text(encoding="utf-8").strip()).is_dir():
        return folder
    return None


def _new_folder(parent: Path) -> Path:
    name = time.strftime("%Y-%m-%d_%H-%M-%S")
    for suffix in ("", *(f"-{i}" for i in range(2, 1000))):  # runs that start within one second
        try:
            (parent / f"{name}{suffix}").mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise InputError(f"cannot make a folder in {parent}: {error.strerror}; give --out DIR") from error
        return parent / f"{name}{suffix}"
    raise InputError(f"{parent} holds too many runs of {name}; give --out DIR")


def _point_latest_at(folder: Path) -> None:
    latest, temporary = folder.parent / "latest", folder.parent / f".latest.{os.getpid()}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(folder.name, target_is_directory=True)
        os.replace(temporary, latest)
    except (OSError, NotImplementedError):  # a file system without links, or a real folder called latest
        temporary.unlink(missing_ok=True)
        files.write_text(folder.parent / "latest.txt", folder.name + "\n")


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"cannot write to {folder}; give --out a folder you can write to")
