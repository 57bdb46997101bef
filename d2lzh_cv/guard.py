"""How a section's process ends: every way out leaves a results.json that tells the truth, and one clear line."""
from __future__ import annotations

import atexit
import os
import signal
import sys
import traceback
from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    from .section import Section

INPUT_ERROR, INTERRUPTED = 2, 130  # exit codes


def watch(run: Section) -> None:
    """Record it when ``run`` ends by an error, by Ctrl-C, or without ``run.finish()``.

    A notebook handles its own errors, so only the last of the three is watched there.
    """
    atexit.register(_on_exit, run)
    if not run.notebook:
        sys.excepthook = lambda kind, error, trace: _on_error(run, kind, error, trace)
        # Ctrl-C reaches a DataLoader's workers too; they would each print a traceback. Their parent ends them.
        os.register_at_fork(after_in_child=_ignore_interrupts)


def leave(run: Section) -> None:
    """Undo :func:`watch` once ``run`` has ended."""
    atexit.unregister(_on_exit)
    sys.excepthook = sys.__excepthook__


def _on_exit(run: Section) -> None:
    _end(run, "failed", "ended before run.finish()")


def _on_error(run: Section, kind: type[BaseException], error: BaseException, trace) -> None:
    _ignore_interrupts()  # a second Ctrl-C must not leave half of what follows
    if issubclass(kind, KeyboardInterrupt):
        command = run.how_to_go_on()
        _leave_with(run, INTERRUPTED, "interrupted", f"interrupted: section {run.info.number} was stopped"
                                                     f"{f'; to go on: {command}' if command else ''}")
    if run.options.debug or not issubclass(kind, InputError):
        traceback.print_exception(kind, error, trace)
    text = " ".join(str(error).split())
    if issubclass(kind, InputError):
        _leave_with(run, INPUT_ERROR, "failed", f"error: {text}", text)
    _end(run, "failed", f"{kind.__name__}: {text}", "".join(traceback.format_exception(kind, error, trace)))


def _leave_with(run: Section, code: int, status: str, line: str, text: str | None = None) -> None:
    print(line, file=sys.stderr)
    _end(run, status, text or "stopped by Ctrl-C")
    raise SystemExit(code)


def _end(run: Section, status: str, error: str, trace: str | None = None) -> None:
    try:
        run.end(status, error, trace)
    except InputError as problem:  # the disk that is full may be why the section failed
        print(f"error: {problem}", file=sys.stderr)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
