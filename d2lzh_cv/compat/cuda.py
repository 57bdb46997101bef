"""The CUDA libraries that mxnet-cu112 links to, out of the nvidia-*-cu11 wheels (only libcuda.so.1 is the driver's)."""
from __future__ import annotations

import contextlib
import ctypes
import importlib.util
from pathlib import Path

# soname: the wheel that holds it, as setup.py's extra cu112 pins it, in the order in which they need each other
LIBRARIES = {
    "libcudart.so.11.0": "nvidia-cuda-runtime-cu11==11.8.89",
    "libcublasLt.so.11": "nvidia-cublas-cu11==11.11.3.6",
    "libcublas.so.11": "nvidia-cublas-cu11==11.11.3.6",
    "libnvrtc.so.11.2": "nvidia-cuda-nvrtc-cu11==11.8.89",
    "libcufft.so.10": "nvidia-cufft-cu11==10.9.0.58",
    "libcurand.so.10": "nvidia-curand-cu11==10.3.0.86",
    "libcusolver.so.11": "nvidia-cusolver-cu11==11.4.1.48",
    "libnccl.so.2": "nvidia-nccl-cu11==2.21.5",
    "libnvToolsExt.so.1": "nvidia-nvtx-cu11==11.8.86",
    "libcudnn.so.8": "nvidia-cudnn-cu11==8.9.6.50",
}
DRIVER = "libcuda.so.1"


def find() -> dict[str, Path]:
    """Return the libraries that the installed wheels hold: soname → file, in the order to load them."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    found = {name: path for name in LIBRARIES for folder in folders for path in folder.glob(f"*/lib/{name}")}
    return {name: found[name] for name in LIBRARIES if name in found}


def missing() -> list[str]:
    """Return the requirements of the wheels whose libraries are neither installed nor on the system."""
    found = find()
    return list(dict.fromkeys(wheel for name, wheel in LIBRARIES.items() if name not in found and not loads(name)))


def preload() -> None:
    """Load the wheels' libraries, so that libmxnet.so, which looks for them by soname, finds them loaded.

    Without RTLD_GLOBAL: the symbols of cuDNN 8 must not take the place of those a PyTorch beside us brings along.
    """
    for path in find().values():
        with contextlib.suppress(OSError):  # if it matters, libmxnet.so names it in a moment
            ctypes.CDLL(str(path))


def loads(soname: str) -> bool:
    """Whether the system's loader finds the library ``soname``."""
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True
