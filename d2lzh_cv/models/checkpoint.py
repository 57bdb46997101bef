"""A trained network in a folder: model.json describes it, net.params holds its weights.

model.json has everything that rebuilds the network, and the hash of net.params. Readers ignore other keys and files.
"""
from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import mxnet as mx
from mxnet import gluon

from ..engine.arrays import parameters, save_arrays
from ..engine.plain import to_plain
from ..errors import InputError
from ..files import make_folder_atomically, read_json, write_json
from . import kinds

FORMAT = 1
MODEL, PARAMS = "model.json", "net.params"
FOLDER = "model"  # below a section's folder


@dataclass(frozen=True)
class Description:
    """The content of a checkpoint.

    Attributes:
        task: 'detect', 'segment' or 'classify'.
        network: a name in :data:`d2lzh_cv.models.kinds.NETWORKS`.
        classes: names by class number, for 'detect' without the background, for 'segment' with it.
        edge_size: (height, width) of the training pictures.
        arguments: keyword arguments that build the network.
        extra: other saved values, such as the epoch.
    """
    task: str
    network: str
    classes: list[str]
    edge_size: tuple[int, int]
    arguments: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def save_model(folder: str | Path, net: gluon.Block, *, network: str, classes: Sequence[str],
               edge_size: int | Sequence[int], task: str | None = None, arguments: dict[str, Any] | None = None,
               **extra: Any) -> Path:
    """Save a trained network and its description; returns ``folder``.

    An existing checkpoint stays unchanged until the new one is on disk. Raises InputError if ``folder`` holds something
    else or is not writable.

    Args:
        folder: new, or of an earlier checkpoint.
        network, arguments, classes, edge_size, extra: see :class:`Description`; one number is a square's side.
        task: by default the network's.
    """
    folder, size = Path(folder), [edge_size] * 2 if isinstance(edge_size, int) else list(edge_size)
    if folder.exists() and not (folder / MODEL).is_file() and any(folder.iterdir()):
        raise InputError(f"{folder} holds something other than a checkpoint; name another folder for the model")
    description = Description(task or kinds.NETWORKS[network].task, network, [str(name) for name in classes],
                              tuple(size), arguments or {}, extra)
    with make_folder_atomically(folder) as temporary:
        save_arrays(temporary / PARAMS, parameters(net))
        write_json(temporary / MODEL, {"format": FORMAT, **to_plain(asdict(description)),
                                       "params": {"file": PARAMS, "sha256": _hash(temporary / PARAMS)}})
    return folder


def load_model(path: str | Path, ctx: mx.Context | None = None) -> tuple[gluon.Block, Description]:
    """Rebuild the network of a checkpoint with its weights on ``ctx``, by default the CPU.

    It is for prediction, so it has no room for gradients, which would take as much memory as the weights. To train it
    further, call ``net.collect_params().setattr("grad_req", "write")`` first.

    path: the checkpoint's folder, or the folder of a section's run, such as ``runs/latest/9.7``. Raises InputError
    naming the file that is missing, damaged, or of another network.
    """
    folder = find(Path(path))
    description = _describe(read_json(folder / MODEL), folder / MODEL)
    content, params = read_json(folder / MODEL), folder / PARAMS
    try:
        if _hash(params) != content["params"]["sha256"]:
            raise InputError(f"{params} is damaged: it is not the file that was saved (its hash differs); "
                             "train again, or put the original back")
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / MODEL} lacks the hash of {PARAMS}; train again") from error
    return _build(description, params, ctx or mx.cpu()), description


def find(path: Path) -> Path:
    """Return the folder with model.json: ``path``, or model/ in it. Raises InputError if there is none."""
    path = path.parent if path.name == MODEL else path
    for folder in (path, path / FOLDER):
        if (folder / MODEL).is_file():
            return folder
    fault = f"holds no {MODEL}" if path.is_dir() else "is no folder"
    raise InputError(f"{path} {fault}: give the folder of a trained model, such as runs/latest/9.7 after a run of 9.7")


def _describe(content: Any, path: Path) -> Description:
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise InputError(f"{path} does not describe a model; train again, or put the original back")
    if content["format"] > FORMAT:
        raise InputError(f"{path} is of a later version of d2lzh_cv (format {content['format']}); update d2lzh_cv")
    network = content.get("network")
    if network not in kinds.NETWORKS or content.get("task") not in kinds.TASKS:
        raise InputError(f"{path}: network {network!r} for {content.get('task')!r} is unknown; the known ones are "
                         f"{', '.join(kinds.NETWORKS)}")
    try:
        height, width = (int(side) for side in content["edge_size"])
        classes = [str(name) for name in content["classes"]]
        description = Description(content["task"], network, classes, (height, width),
                                  dict(content.get("arguments") or {}), dict(content.get("extra") or {}))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} lacks a part of its description ({error}); train again") from error
    if not classes or min(height, width) < 1:
        raise InputError(f"{path} names no classes or no size; train again")
    return description


def _build(description: Description, params: Path, ctx: mx.Context) -> gluon.Block:
    try:
        net = kinds.build(description.network, len(description.classes), description.arguments)
        net.collect_params().setattr("grad_req", "null")
        net.load_parameters(str(params), ctx=ctx)
    except (mx.base.MXNetError, AssertionError, TypeError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise InputError(f"{params} does not fit the network {description.network} of {MODEL}: {reason}; "
                         "put the original there, or train again") from error
    return net


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; put it there, or train again") from error
    return digest.hexdigest()
