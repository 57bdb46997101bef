"""Standard output and error of a command: there even where they were closed, and never the end of a work that goes on.

A service or a script may start a command with closed streams (``>&-``), on a full disk, or into a pipe whose reader
goes away. What cannot be written is dropped; what was lost by more than a reader's leaving is said once.
"""
from __future__ import annotations

import codecs
import contextlib
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from ..errors import InputError

NAMES = {1: "standard output", 2: "standard error"}
ERRORS = "d2lzh_cv.printable"


def prepare() -> None:
    """Make ``sys.stdout`` and ``sys.stderr`` safe to write to; a notebook's or a test's own are left as they are.

    A closed descriptor is opened on nothing: else the next file that is opened would get its number, and what a library
    prints would land in that file.
    """
    codecs.register_error(ERRORS, _printable)
    for number in (0, 1, 2):
        _open_on_nothing(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for the rest of the process
            setattr(sys, f"__{name}__", stream)
        elif stream is not getattr(sys, f"__{name}__") or isinstance(stream, Stream):
            continue
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ERRORS)
        safe = Stream(stream, number)
        setattr(sys, name, safe)
        setattr(sys, f"__{name}__", safe)


def flush() -> bool:
    """Write what is still held back; returns whether all that was printed to standard output could be written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return not (isinstance(sys.stdout, Stream) and sys.stdout.lost)


class Stream:
    """Writes to ``stream`` as long as that goes, then to nothing.

    Attributes:
        lost: True where writing failed by something else than a reader that had seen enough, such as a full disk.
    """

    def __init__(self, stream: TextIO, number: int) -> None:
        self._stream, self._number, self.lost = stream, number, False

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def writelines(self, lines) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._number)  # what is buffered, and what child processes print, goes there too
        os.close(nothing)
        if isinstance(error, BrokenPipeError):
            return
        self.lost = True
        if self._number == 1:
            print(f"error: cannot write to {NAMES[1]}: {error.strerror}; what is printed is lost from here on",
                  file=sys.stderr)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _open_on_nothing(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, number)  # inheritable: a child must not find it closed either
        if nothing != number:
            os.close(nothing)
        else:
            os.set_inheritable(number, True)


def _printable(error: UnicodeError) -> tuple[str, int]:
    """A byte of a file's name that is not text as ``\\xb9``; other characters that the console lacks as ``?``."""
    text = error.object[error.start:error.end]
    return "".join(f"\\x{ord(c) - 0xdc00:02x}" if "\udc80" <= c <= "\udcff" else "?" for c in text), error.end


class Tee:
    """Stands for ``sys.stdout``: writes to it and to ``path`` (UTF-8, line by line, so that a crash loses nothing)."""

    def __init__(self, path: Path):
        self._path = path
        self._console = sys.stdout
        try:
            self._file = path.open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
        except OSError as error:
            raise self._explain(error) from error
        sys.stdout = self

    def write(self, text: str) -> int:
        self._console.write(text)
        try:
            return self._file.write(text)
        except OSError as error:
            raise self._explain(error) from error

    def flush(self) -> None:
        self._console.flush()

    def close(self) -> None:
        """Give ``sys.stdout`` back; never raises, because it also runs after a full disk."""
        if sys.stdout is self:
            sys.stdout = self._console
        with contextlib.suppress(OSError):
            self._file.close()

    def _explain(self, error: OSError) -> InputError:
        return InputError(f"cannot write {self._path}: {error.strerror}; free some space or choose another --out")

    def __getattr__(self, name: str):
        return getattr(self._console, name)
