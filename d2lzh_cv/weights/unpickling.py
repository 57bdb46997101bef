"""An unpickler that reaches only the names that weights need, because unpickling can call anything."""
from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

from ..errors import InputError


class OnlyNames(pickle.Unpickler):
    """Reads a pickle that may name nothing but ``allowed``. Another name raises InputError, which names ``path``.

    Args:
        content: the pickle.
        path: its file.
        allowed: a dictionary from (module, name) to what stands for it.
        remedy: what to do about a file with other names.
        encoding: of texts from Python 2.
    """

    def __init__(self, content: bytes, path: Path, allowed: dict[tuple[str, str], Any], remedy: str,
                 encoding: str) -> None:
        super().__init__(io.BytesIO(content), encoding=encoding)
        self.path, self.allowed, self.remedy = path, allowed, remedy

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name in the pickle."""
        if (module, name) not in self.allowed:
            raise InputError(f"{self.path} asks for {module}.{name}, which weights do not need; nothing of it was run: "
                             f"{self.remedy}")
        return self.allowed[module, name]
