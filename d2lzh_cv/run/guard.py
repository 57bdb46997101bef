"""The end of a section's process: however it ends, results.json holds the true status and one line says why."""
from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import traceback
from typing import Any, Protocol

from ..engine import distributed
from ..errors import InputError, as_input_error

INPUT_ERROR, INTERRUPTED = 2, 130  # exit codes


class Run(Protocol):
    """A section's run, as :func:`watch` needs it."""

    notebook: bool
    info: Any
    options: Any
    finishes_at_exit: bool

    def finish(self) -> None:
        """End the section well."""

    def how_to_resume(self) -> str | None:
        """Return the command that resumes the training, None if no snapshot was saved."""

    def end(self, status: str, error: str | None = None, trace: str | None = None) -> None:
        """Write the status and error to results.json; only the first call counts."""


def watch(run: Run) -> None:
    """Record the end of ``run`` by an error, by Ctrl-C, or without ``run.finish()``.

    A notebook handles errors and Ctrl-C itself, so only the last case is recorded there.
    """
    atexit.register(_on_exit, run)
    if not run.notebook:
        sys.excepthook = lambda kind, error, trace: _on_error(run, kind, error, trace)
        if not distributed.launched():  # a launched process must die of SIGTERM, even if it waits for another one
            _stop_when_terminated()
        # Ctrl-C reaches a DataLoader's workers too, and each would print a traceback; their parent ends them instead.
        os.register_at_fork(before=_hold_back_sigterm, after_in_parent=_let_sigterm_through,
                            after_in_child=_leave_ending_to_the_parent)


def leave(run: Run) -> None:
    """Undo :func:`watch` after ``run`` has ended."""
    atexit.unregister(_on_exit)
    sys.excepthook = sys.__excepthook__


def _on_exit(run: Run) -> None:
    if run.finishes_at_exit:
        run.finish()
    _end(run, "failed", "ended before run.finish()")


def _on_error(run: Run, kind: type[BaseException], error: BaseException, trace) -> None:
    _ignore_interrupts()  # a second Ctrl-C must not stop the rest half-way
    if issubclass(kind, KeyboardInterrupt):
        command = run.how_to_resume()
        _leave_with(run, INTERRUPTED, "interrupted", f"interrupted: section {run.info.number} was stopped"
                                                     f"{f'; to resume: {command}' if command else ''}")
    input_error = as_input_error(error) or _refused_by_mxnet(run, error)
    if run.options.debug or input_error is None:
        traceback.print_exception(kind, error, trace)
    text = " ".join(str(input_error or error).split())
    if input_error is not None:
        _leave_with(run, INPUT_ERROR, "failed", f"error: {text}", text)
    _end(run, "failed", f"{kind.__name__}: {text}", "".join(traceback.format_exception(kind, error, trace)))


def _refused_by_mxnet(run: Run, error: BaseException) -> InputError | None:
    """Return an InputError if the reader set parameters and MXNet refused to compute with them, else None.

    With such parameters pictures may be smaller than a kernel, or an array larger than MXNet allows. Gluon puts the
    text of some of MXNet's errors into a ValueError.
    """
    text = f"{type(error).__name__}: {error}"
    if not run.options.parameters or "MXNetError: " not in text:
        return None
    said = text.rpartition("Check failed: " if "Check failed: " in text else "MXNetError: ")[2].strip().splitlines()
    reason = said[0].rpartition(": ")[2].rstrip(".") if said else "MXNetError"  # what follows the condition of a check
    given = " ".join(f"-p {value}" for value in run.options.parameters)
    return InputError(f"MXNet cannot compute with {given}: {reason}; choose other values, or add --debug to see where")


def _leave_with(run: Run, code: int, status: str, line: str, text: str | None = None) -> None:
    print(line, file=sys.stderr)
    _end(run, status, text or "stopped by Ctrl-C")
    raise SystemExit(code)


def _end(run: Run, status: str, error: str, trace: str | None = None) -> None:
    try:
        run.end(status, error, trace)
    except InputError as problem:  # such as a full disk, which may also be why the section failed
        print(f"error: {problem}", file=sys.stderr)


def _stop_when_terminated() -> None:
    """Treat SIGTERM, from `kill` or from `d2lzh-cv run`, like Ctrl-C; after Ctrl-C it is the same request."""
    asked = False

    def on_signal(number, frame) -> None:
        nonlocal asked
        if asked and number == signal.SIGTERM:
            return
        asked = True
        raise KeyboardInterrupt
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not distributed.launched():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


_of_this_thread = threading.local()


def _hold_back_sigterm() -> None:
    """A worker that gets SIGTERM before it has the default handler would lose it, and its parent wait forever: Python
    prints what a handler raises among the functions that run after a fork, and carries on.
    """
    _of_this_thread.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _let_sigterm_through() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _of_this_thread.mask)


def _leave_ending_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent ends its workers by SIGTERM
    _let_sigterm_through()
