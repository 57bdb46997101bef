"""Progress bars: on a terminal and in a notebook, but not in a log and not in a notebook's saved output."""
from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

from tqdm import tqdm


def bar(**options: Any) -> tqdm:
    """Return a progress bar, hidden where nobody looks at it.

    Args:
        options: of :class:`tqdm.tqdm`, such as ``desc`` and ``unit``.
    """
    if os.environ.get("D2LZH_CV_PROGRESS") == "0":
        return tqdm(**options, disable=True)
    if not in_notebook():
        return tqdm(**options, disable=None)  # hidden unless standard error is a terminal
    if find_spec("ipywidgets"):
        from tqdm.notebook import tqdm as widget
        return widget(**options, disable=False)
    return tqdm(**options, disable=False)


def in_notebook() -> bool:
    """Return True in a Jupyter kernel; the command line then belongs to the kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config
