"""The CUDA libraries of mxnet-cu112, from the nvidia-*-cu11 wheels; only libcuda.so.1 comes with the driver."""
from __future__ import annotations

import contextlib
import ctypes
import importlib.util
from pathlib import Path

# soname: its wheel, as the extra cu112 in setup.py pins it; a library comes after the libraries that it needs
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
    """Return the libraries in the installed wheels, from soname to file, in the order to load them."""
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []
    return {name: path for name in LIBRARIES for folder in folders for path in folder.glob(f"*/lib/{name}")}


def missing() -> list[str]:
    """Return the wheels to install, such as "nvidia-nccl-cu11==2.21.5": their libraries are not on this system."""
    installed = find()
    return list(dict.fromkeys(wheel for name, wheel in LIBRARIES.items() if name not in installed and not loads(name)))


def preload() -> None:
    """Load the libraries of the wheels, so that libmxnet.so finds them by their sonames.

    RTLD_GLOBAL is off: the symbols of cuDNN 8 must not replace the symbols of PyTorch's cuDNN in the same process.
    """
    for path in find().values():
        with contextlib.suppress(OSError):  # if MXNet needs this library, its own import names it
            ctypes.CDLL(str(path))


def loads(soname: str) -> bool:
    """Return whether the system's loader finds the library ``soname``."""
    try:
        ctypes.CDLL(soname)
    except OSError:
        return False
    return True
