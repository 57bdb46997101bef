"""A checkpoint out of the framework: MXNet's symbol files, or one ONNX file, with what their user has to know.

Neither needs this package any more. What the two hold, and how a picture becomes their input, is in
:mod:`d2lzh_cv.models.export.deployed`.
"""
from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import mxnet as mx
from mxnet import nd

from ...errors import InputError
from ...files import make_folder, write_atomically, write_json
from ..checkpoint import load_model
from .deployed import deployed_block, usage

FORMATS = ("symbol", "onnx")


def export(checkpoint: str | Path, to: str, out: str | Path | None = None) -> list[Path]:
    """Export a checkpoint; returns the files written.

    Args:
        checkpoint: its folder, or that of a section's run.
        to: 'symbol' for ``NAME-symbol.json``, ``NAME-0000.params`` and ``NAME.json``, which says how to use them;
            'onnx' for ``NAME.onnx``, whose ``metadata_props`` say it.
        out: the NAME, with or without ``.onnx``, or a folder to put it into; by default the network's name, here.
            Files of that name are replaced, once the new ones are whole.

    Raises:
        InputError: no checkpoint there, a network that cannot be converted, no ``onnx``, or ``out`` not writable.
    """
    if to not in FORMATS:
        raise InputError(f"there is no format {to!r} to export to; choose one of {', '.join(FORMATS)}")
    if to == "onnx":
        from . import to_onnx
        to_onnx.require_onnx()  # said before anything is loaded
    net, description = load_model(checkpoint)
    target = _target(out, description.arguments.get("name", description.network))
    facts = usage(description)
    if to == "onnx":
        return [_write_onnx(target, to_onnx.model_bytes(net, description, facts))]
    return _write_symbol(target, deployed_block(net, description.task), facts)


def _target(out: str | Path | None, name: str) -> Path:
    """``out``, or ``name`` in it where it is a folder."""
    path = Path.cwd() / name if out is None else Path(out)
    return path / name if path.is_dir() or str(out).endswith(("/", os.sep)) else path


def _write_onnx(target: Path, content: bytes) -> Path:
    path = target if target.suffix == ".onnx" else target.with_name(f"{target.name}.onnx")
    with write_atomically(path) as file:
        file.write(content)
    return path


def _write_symbol(target: Path, net: mx.gluon.HybridBlock, facts: dict) -> list[Path]:
    """All three are made beside their places first, so that a failure leaves what was there."""
    make_folder(target.parent)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
            made = _make_symbol(Path(temporary) / target.name, net, facts)
            return list(_move(made, target.parent))
    except (OSError, mx.base.MXNetError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[-1]
        raise InputError(f"cannot write {target}-symbol.json and its parameters: {reason}; free some space or choose "
                         "another folder") from error


def _make_symbol(prefix: Path, net: mx.gluon.HybridBlock, facts: dict) -> list[Path]:
    net.hybridize()
    net(nd.zeros(facts["input"]["example"]))  # export writes the graph of the last call
    net.export(str(prefix))
    made = [prefix.with_name(f"{prefix.name}{ending}") for ending in ("-symbol.json", "-0000.params")]
    if len(nd.load(str(made[1]))) != len(net.collect_params().keys()):  # MXNet does not report a disk that fills
        raise OSError(None, "the parameters read back are not whole")
    return [*made, write_json(prefix.with_name(f"{prefix.name}.json"), facts)]


def _move(files: Iterable[Path], folder: Path) -> Iterable[Path]:
    for file in files:
        os.replace(file, folder / file.name)
        yield folder / file.name
