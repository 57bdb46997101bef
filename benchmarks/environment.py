"""What a figure depends on: the machine, the versions, the threads."""
from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from d2lzh_cv.compat import processor

from .process import ROOT

PACKAGES = ("mxnet", "mxnet-cu112", "torch", "onnxruntime", "numpy", "gluoncv", "opencv-python-headless", "pillow")
FEATURES = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")  # that decide a speed


def describe(threads: int) -> dict[str, Any]:
    """Machine, versions and settings, as JSON takes them; what cannot be told is None."""
    flags = processor.flags()
    return {"date": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "commit": _commit(), "python": platform.python_version(),
            "system": platform.platform(), "processor": _line_of("/proc/cpuinfo", "model name") or platform.machine(),
            "features": [name for name in FEATURES if name in flags], "processors": available(),
            "threads": threads, "memory": _line_of("/proc/meminfo", "MemTotal"),
            "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
            "versions": {name: version for name in PACKAGES if (version := _version(name))},
            "variables": {name: value for name, value in sorted(os.environ.items())
                          if name.startswith(("OMP_", "MXNET_", "KMP_", "GOMP_", "DNNL_", "TORCH_"))}}


def available() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_threads() -> int:
    """OMP_NUM_THREADS where it is set, else as many as there are processors."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdecimal() and int(value) > 0 else available()


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    try:
        found = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return None
    return found.stdout.strip() or None


def _line_of(path: str, key: str) -> str | None:
    if not Path(path).exists() or sys.platform != "linux":
        return None
    lines = Path(path).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)
