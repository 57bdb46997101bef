"""The environment of a child process, in which it finds this very package."""
from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of a checkout; of an installed package, the folder that holds it


def environment() -> dict[str, str]:
    """Return this process's environment; in a checkout, with the checkout first on Python's path."""
    if not (ROOT / "chapters").is_dir():
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
