"""Export of a checkpoint to MXNet's symbol files or one ONNX file, with instructions for the user.

Neither needs this package. :mod:`d2lzh_cv.models.export.deployed` describes the network and its input.
"""
from __future__ import annotations

import os
import tempfile
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

    Raises InputError if a checkpoint or ``onnx`` is missing, the network cannot be converted, or ``out`` is not
    writable.

    Args:
        checkpoint: its folder, or the folder of a section's run.
        to: 'symbol' for ``NAME-symbol.json``, ``NAME-0000.params`` and the instructions ``NAME.json``; 'onnx' for
            ``NAME.onnx``, with the instructions in ``metadata_props``.
        out: the NAME, with or without ``.onnx``, or a folder for it; by default the network's name, in the current
            folder. Existing files are replaced once the new ones are complete.
    """
    if to not in FORMATS:
        raise InputError(f"there is no format {to!r} to export to; choose one of {', '.join(FORMATS)}")
    if to == "onnx":
        from . import to_onnx
        to_onnx.require_onnx()  # before the slow loading
    net, description = load_model(checkpoint)
    target = _target(out, description.arguments.get("name", description.network))
    facts = usage(description)
    if to == "onnx":
        return [_write_onnx(target, to_onnx.model_bytes(net, description, facts))]
    return _write_symbol(target, deployed_block(net, description.task), facts)


def _target(out: str | Path | None, name: str) -> Path:
    """Return ``out``, or ``out``/``name`` if it is a folder."""
    path = Path.cwd() / name if out is None else Path(out)
    return path / name if path.is_dir() or str(out).endswith(("/", os.sep)) else path


def _write_onnx(target: Path, content: bytes) -> Path:
    path = target if target.suffix == ".onnx" else target.with_name(f"{target.name}.onnx")
    with write_atomically(path) as file:
        file.write(content)
    return path


def _write_symbol(target: Path, net: mx.gluon.HybridBlock, facts: dict) -> list[Path]:
    """Make all three files in a temporary folder first, so that a failure keeps the old files."""
    make_folder(target.parent)
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
            made = _make_symbol(Path(temporary) / target.name, net, facts)
            for file in made:
                os.replace(file, target.parent / file.name)
            return [target.parent / file.name for file in made]
    except (OSError, mx.base.MXNetError) as error:
        reason = getattr(error, "strerror", None) or str(error).strip().splitlines()[-1]
        raise InputError(f"cannot write {target}-symbol.json and its parameters: {reason}; free some space or choose "
                         "another folder") from error


def _make_symbol(prefix: Path, net: mx.gluon.HybridBlock, facts: dict) -> list[Path]:
    net.hybridize()
    net(nd.zeros(facts["input"]["example"]))  # net.export writes the graph of the last call
    net.export(str(prefix))
    made = [prefix.with_name(f"{prefix.name}{ending}") for ending in ("-symbol.json", "-0000.params")]
    if len(nd.load(str(made[1]))) != len(net.collect_params().keys()):  # MXNet does not report a full disk
        raise OSError(None, "the parameters read back are not whole")
    return [*made, write_json(prefix.with_name(f"{prefix.name}.json"), facts)]
