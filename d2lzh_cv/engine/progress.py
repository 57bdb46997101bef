"""Whether progress bars are shown: on a terminal and in a notebook, but not in a log and not in a notebook's output."""
from __future__ import annotations

import os
import sys


def hidden() -> bool | None:
    """Return the ``disable`` of :func:`tqdm.auto.tqdm`; None leaves it to tqdm, which looks for a terminal."""
    if os.environ.get("D2LZH_CV_PROGRESS") == "0":
        return True
    return False if in_notebook() else None


def in_notebook() -> bool:
    """Return True in a Jupyter kernel; the command line then belongs to the kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and "IPKernelApp" in shell.config
