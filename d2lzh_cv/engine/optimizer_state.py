"""The optimizer state of a ``gluon.Trainer`` as arrays and plain numbers.

``Trainer.save_states`` writes a pickle, and loading a pickle can run any code. Arrays and JSON hold no code.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import mxnet as mx
from mxnet import gluon, nd

from ..errors import InputError
from . import loss_scale
from .arrays import save_arrays


def save_optimizer(trainer: gluon.Trainer, net: gluon.Block, path: Path) -> dict[str, Any]:
    """Write the states of ``trainer``, such as momentum, to ``path``; return learning rate and counts as plain JSON.

    Parameters are named by their path in ``net``. The trainer orders them by name, and the names count all blocks of
    the process: conv10 comes before conv9. An optimizer without states, such as SGD without momentum, writes no file.
    Several devices have equal states, so only the first device's states are saved.
    """
    optimizer, arrays, names = trainer.optimizer, {}, _names(trainer, net)
    for index, state in _updaters(trainer)[0].states.items():
        for part, array in _flat(state):
            arrays[f"{names.get(index, index)}/{part}"] = array
    if arrays:
        save_arrays(path, arrays)
    schedule, scale = optimizer.lr_scheduler, loss_scale.state_of(trainer)
    return {"class": type(optimizer).__name__, "lr": optimizer.lr, "num_update": optimizer.num_update,
            "counts": {str(device): {names.get(index, index): count for index, count in counts.items()}
                       for device, counts in optimizer._all_index_update_counts.items()},
            "schedule": None if schedule is None else {"class": type(schedule).__name__, **vars(schedule)},
            **({"loss_scale": scale} if scale else {})}


def load_optimizer(trainer: gluon.Trainer, net: gluon.Block, path: Path, values: dict[str, Any]) -> None:
    """Load the file and the ``values`` of :func:`save_optimizer` into ``trainer``, the trainer of ``net``.

    Raises:
        InputError: they belong to another optimizer or schedule, or the file is damaged.
    """
    optimizer, schedule = trainer.optimizer, trainer.optimizer.lr_scheduler
    saved = [values["class"], (values["schedule"] or {}).get("class")]
    current = [type(optimizer).__name__, None if schedule is None else type(schedule).__name__]
    if saved != current:
        raise InputError(f"{path.parent} was trained with {_named(saved)}, and this is {_named(current)}; begin anew "
                         "with another --out")
    indices = {name: index for index, name in _names(trainer, net).items()}
    optimizer.lr, optimizer.num_update = values["lr"], values["num_update"]
    for device, counts in values["counts"].items():
        optimizer._all_index_update_counts.setdefault(int(device), {}).update(
            {indices.get(name, name): count for name, count in counts.items()})
    loss_scale.restore(trainer, values.get("loss_scale", {}))
    if schedule is not None:
        vars(schedule).update({name: value for name, value in values["schedule"].items() if name != "class"})
    _load_states(trainer, indices, _read(path) if path.exists() else {})


def _load_states(trainer: gluon.Trainer, indices: dict[str, int], arrays: dict[str, nd.NDArray]) -> None:
    states: dict[Any, dict[str, nd.NDArray]] = {}
    for name, array in arrays.items():
        parameter, _, part = name.rpartition("/")
        states.setdefault(indices.get(parameter, parameter), {})[part] = array
    for device, updater in enumerate(_updaters(trainer)):
        for index, parts in states.items():
            contexts = trainer._params[index].list_ctx() if isinstance(index, int) else [mx.cpu()]
            copies = {part: array.as_in_context(contexts[device]) for part, array in parts.items()}
            updater.states[index] = copies[""] if "" in copies else tuple(copies[str(i)] for i in range(len(copies)))
            updater.states_synced[index] = True


def _names(trainer: gluon.Trainer, net: gluon.Block) -> dict[int, str]:
    """Map the trainer's number of each parameter to its path in the network, such as "0.weight"."""
    paths = {id(parameter): path for path, parameter in net._collect_params_with_prefix().items()}
    return {i: paths.get(id(parameter), parameter.name) for i, parameter in enumerate(trainer._params)}


def _updaters(trainer: gluon.Trainer) -> list[Any]:
    """Return the updaters that hold the states: the trainer's, or the kvstore's if several devices share one."""
    if not trainer._kv_initialized:
        trainer._init_kvstore()
    return [trainer._kvstore._updater] if trainer._update_on_kvstore else trainer._updaters


def _flat(state: Any) -> list[tuple[str, nd.NDArray]]:
    """List the arrays of a parameter's state, which is None, one array or a tuple of arrays, with their names."""
    if state is None:
        return []
    return [("", state)] if isinstance(state, nd.NDArray) else [(str(i), part) for i, part in enumerate(state)]


def _named(pair: list[str | None]) -> str:
    optimizer, schedule = pair
    return optimizer + (f" on schedule {schedule}" if schedule else "")


def _read(path: Path) -> dict[str, nd.NDArray]:
    try:
        return mx.nd.load(str(path))
    except mx.base.MXNetError as error:
        raise InputError(f"{path} is damaged") from error
