"""Drawn pictures on disk, each with a name for the reader's download, removed after some minutes."""
from __future__ import annotations

import shutil
import time
from pathlib import Path
from uuid import uuid4

from PIL import Image

LIFE = 600  # seconds: Gradio copies a result when it is shown, so it is needed for less


class ResultFiles:
    """Writes results into ``folder``, each in a folder of its own so that it can have its picture's name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, picture: Image.Image, name: str) -> Path:
        """Write the picture as PNG and return its path; results older than LIFE seconds are removed.

        Args:
            picture: the picture.
            name: of the file, without suffix.
        """
        self._sweep()
        path = self._folder / uuid4().hex / f"{name}.png"
        path.parent.mkdir()
        picture.save(path, compress_level=3)
        return path

    def _sweep(self) -> None:
        for old in self._folder.iterdir():
            try:
                if time.time() - old.stat().st_mtime > LIFE:
                    shutil.rmtree(old, ignore_errors=True)
            except FileNotFoundError:  # another request has removed it
                continue
