"""Standard output and error of a command that never fail: a closed stream must not end a training.

A service or script may start a command with closed streams (``>&-``), on a full disk, or into a pipe that its reader
closes early. Text that cannot be written is dropped; one line says so, except after a closed pipe.
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
    """Make ``sys.stdout`` and ``sys.stderr`` safe to write to; streams of a notebook or a test stay as they are.

    Closed descriptors are opened on /dev/null. Else the next opened file would get such a number, and a library that
    prints would write into that file.
    """
    codecs.register_error(ERRORS, _printable)
    for number in (0, 1, 2):
        _open_if_closed(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # stays open until the process ends
            setattr(sys, f"__{name}__", stream)
        elif stream is not getattr(sys, f"__{name}__") or isinstance(stream, Stream):
            continue
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ERRORS)
        safe = Stream(stream, number)
        setattr(sys, name, safe)
        setattr(sys, f"__{name}__", safe)


def flush() -> bool:
    """Flush both streams; return whether all text printed to standard output could be written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return not (isinstance(sys.stdout, Stream) and sys.stdout.lost)


class Stream:
    """A text stream that writes to ``stream`` until that fails, and then drops all text.

    Attributes:
        lost: True if writing failed for another reason than a closed pipe, such as a full disk.
    """

    def __init__(self, stream: TextIO, number: int) -> None:
        self._stream, self._number, self.lost = stream, number, False

    def write(self, text: str) -> int:
        """Write ``text``, or drop it if the stream fails; return its length."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def writelines(self, lines) -> None:
        """Write all ``lines``, as :meth:`write` does."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush the stream; drop the buffered text if that fails."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._number)  # drops the buffered text and the output of child processes too
        os.close(null)
        if isinstance(error, BrokenPipeError):
            return
        self.lost = True
        if self._number == 1:
            print(f"error: cannot write to {NAMES[1]}: {error.strerror}; all further output is lost", file=sys.stderr)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _open_if_closed(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, number)  # inheritable, so that it is open in child processes too
        if null != number:
            os.close(null)
        else:
            os.set_inheritable(number, True)


def _printable(error: UnicodeError) -> tuple[str, int]:
    """Encode an undecodable byte of a file name as ``\\xb9``, and a character that the console lacks as ``?``."""
    text = error.object[error.start:error.end]
    return "".join(f"\\x{ord(c) - 0xdc00:02x}" if "\udc80" <= c <= "\udcff" else "?" for c in text), error.end


class Tee:
    """A copy of ``sys.stdout`` to the file ``path`` (UTF-8, flushed per line, so that a crash loses nothing)."""

    def __init__(self, path: Path):
        self._path = path
        self._console = sys.stdout
        try:
            self._file = path.open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
        except OSError as error:
            raise self._explain(error) from error
        sys.stdout = self

    def write(self, text: str) -> int:
        """Write ``text`` to both. Raises InputError if the file cannot be written."""
        self._console.write(text)
        try:
            return self._file.write(text)
        except OSError as error:
            raise self._explain(error) from error

    def flush(self) -> None:
        """Flush the console."""
        self._console.flush()

    def close(self) -> None:
        """Restore ``sys.stdout`` and close the file; never raises, because it also runs after a full disk."""
        if sys.stdout is self:
            sys.stdout = self._console
        with contextlib.suppress(OSError):
            self._file.close()

    def _explain(self, error: OSError) -> InputError:
        return InputError(f"cannot write {self._path}: {error.strerror}; free some space or choose another --out")

    def __getattr__(self, name: str):
        return getattr(self._console, name)
