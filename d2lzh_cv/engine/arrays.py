"""Arrays and parameters in MXNet's format, on disk for certain: MXNet itself does not report a disk that fills."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx
from mxnet import gluon, nd


def save_arrays(path: str | Path, arrays: dict[str, nd.NDArray]) -> None:
    """Write ``arrays`` by their names and read them back.

    Raises:
        OSError: they are not whole on disk; it may be full.
    """
    try:
        nd.save(str(path), arrays)
        whole = len(nd.load(str(path))) == len(arrays)
    except mx.base.MXNetError as error:
        raise OSError(None, f"{str(error).strip().splitlines()[-1]}; the disk may be full") from error
    if not whole:
        raise OSError(None, "what was read back is not whole; the disk may be full")


def parameters(net: gluon.Block) -> dict[str, nd.NDArray]:
    """The parameters of ``net`` by their places in it, as ``save_parameters`` writes them: means over the devices."""
    return {name: parameter._reduce() for name, parameter in net._collect_params_with_prefix().items()}
