"""Standard output that is kept in a file too."""
from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from ..errors import InputError


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
