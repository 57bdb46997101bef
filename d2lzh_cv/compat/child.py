"""The environment of a child process that must import this same package."""
from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the root of a checkout, or site-packages


def environment() -> dict[str, str]:
    """Return this process's environment; in a checkout, PYTHONPATH then begins with the checkout."""
    if not (ROOT / "chapters").is_dir():
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
