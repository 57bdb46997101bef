"""The folder of a run, ``runs/<time>``, and the link ``runs/latest`` to the newest run."""
from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from .. import files, locks
from ..errors import InputError

LOCK = ".lock"  # in the folder of a run; a section's script started alone also locks, for example, .9.7.lock
SNAPSHOTS = "snapshots"  # in a section's folder
STATES = f"{SNAPSHOTS}/*/[0-9]*-[0-9]*"  # the snapshots of all trainings of a section
NOTE = "run.json"  # command, sections and times of a run


def open_run(out: str | None, resume: bool = False) -> Path:
    """Make and return the run's folder: ``out`` if given, else a new ``runs/<time>``, which ``runs/latest`` links to.

    Args:
        out: the folder, or None to choose one.
        resume: if ``out`` is None, take the folder that ``runs/latest`` links to, if it exists.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    chosen = Path(out) if out is not None else latest() if resume else None
    if chosen is not None:
        if not os.access(files.make_folder(chosen), os.W_OK | os.X_OK):
            raise InputError(f"cannot write to {chosen}; give --out a folder you can write to")
        return chosen
    folder = _new_folder(files.make_folder(Path("runs")))
    _point_latest_at(folder)
    return folder


def claim(folder: Path, section: str | None = None, shared: bool = False) -> locks.Lock:
    """Lock ``folder``, or the folder of ``section`` in it, until the lock is released or this process ends.

    ``d2lzh-cv run`` locks its folder exclusively. Scripts started alone share the folder (``shared``), because each
    writes only to the folder of its own section, which it locks too.

    Raises:
        InputError: another run holds the lock.
    """
    lock = locks.Lock(folder / (f".{section}{LOCK}" if section else LOCK), shared)
    if not lock.take():
        raise InputError(locks.refusal(lock, f"a run is going on in {folder / section if section else folder}"))
    return lock


def read_note(folder: Path) -> dict[str, Any]:
    """Read ``started`` (ISO 8601), ``command`` and ``sections`` from run.json; None, None and [] if unreadable."""
    try:
        note = files.read_json(folder / NOTE)
    except InputError:
        note = None
    note = note if isinstance(note, dict) else {}
    return {name: note[name] if isinstance(note.get(name), kind) else default
            for name, kind, default in (("started", str, None), ("command", str, None), ("sections", list, []))}


def latest() -> Path | None:
    """Return the folder of the newest run, the target of ``runs/latest``, or None."""
    link, note = Path("runs/latest"), Path("runs/latest.txt")
    if link.is_symlink() and link.is_dir():
        return link.parent / os.readlink(link)
    if note.is_file() and (folder := note.parent / note.read_text(encoding="utf-8").strip()).is_dir():
        return folder
    return None


def _new_folder(parent: Path) -> Path:
    name = time.strftime("%Y-%m-%d_%H-%M-%S")
    for suffix in ("", *(f"-{i}" for i in range(2, 1000))):  # several runs may start within one second
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
