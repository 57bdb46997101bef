"""Arrays and parameters in MXNet's format, checked after writing: MXNet does not report a full disk."""
from __future__ import annotations

from pathlib import Path

import mxnet as mx
from mxnet import gluon, nd


def save_arrays(path: str | Path, arrays: dict[str, nd.NDArray]) -> None:
    """Write ``arrays`` under their names to ``path`` and read them back.

    Raises:
        OSError: the file is incomplete; the disk may be full.
    """
    try:
        nd.save(str(path), arrays)
        complete = len(nd.load(str(path))) == len(arrays)
    except mx.base.MXNetError as error:
        raise OSError(None, f"{str(error).strip().splitlines()[-1]}; the disk may be full") from error
    if not complete:
        raise OSError(None, "the file is incomplete; the disk may be full")


def parameters(net: gluon.Block) -> dict[str, nd.NDArray]:
    """Return the parameters of ``net``, averaged over its devices, under the names that ``save_parameters`` writes."""
    return {name: parameter._reduce() for name, parameter in net._collect_params_with_prefix().items()}
