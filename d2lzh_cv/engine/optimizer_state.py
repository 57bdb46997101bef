"""What a ``gluon.Trainer`` remembers, as arrays and plain numbers.

``Trainer.save_states`` writes a pickle, and reading one can run any code in it; these are read as data.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import mxnet as mx
from mxnet import gluon, nd

from ..errors import InputError
from .arrays import save_arrays


def save_optimizer(trainer: gluon.Trainer, net: gluon.Block, path: Path) -> dict[str, Any]:
    """Write the states of ``trainer``, such as momentum, to ``path`` and return the rest: rates and counts, plain JSON.

    Parameters go by their place in ``net``: the trainer's own order is that of their names, which count what was built
    before in the process, so that conv10 comes before conv9.
    Without states, as of SGD without momentum, no file is written. With several devices the states of the first stand
    for all: they are the same.
    """
    optimizer, arrays, names = trainer.optimizer, {}, _names(trainer, net)
    for index, state in _updaters(trainer)[0].states.items():
        for place, array in _flat(state):
            arrays[f"{names.get(index, index)}/{place}"] = array
    if arrays:
        save_arrays(path, arrays)
    schedule = optimizer.lr_scheduler
    return {"class": type(optimizer).__name__, "lr": optimizer.lr, "num_update": optimizer.num_update,
            "counts": {str(device): {names.get(index, index): count for index, count in counts.items()}
                       for device, counts in optimizer._all_index_update_counts.items()},
            "schedule": None if schedule is None else {"class": type(schedule).__name__, **vars(schedule)}}


def load_optimizer(trainer: gluon.Trainer, net: gluon.Block, path: Path, values: dict[str, Any]) -> None:
    """Give ``trainer``, of ``net``, what :func:`save_optimizer` wrote and returned.

    Raises:
        InputError: it is of another optimizer or schedule, or the file is damaged.
    """
    optimizer, schedule = trainer.optimizer, trainer.optimizer.lr_scheduler
    wanted = [values["class"], (values["schedule"] or {}).get("class")]
    found = [type(optimizer).__name__, None if schedule is None else type(schedule).__name__]
    if wanted != found:
        raise InputError(f"{path.parent} was trained with {_named(wanted)}, and this is {_named(found)}; begin anew "
                         "with another --out")
    places = {name: index for index, name in _names(trainer, net).items()}
    optimizer.lr, optimizer.num_update = values["lr"], values["num_update"]
    for device, counts in values["counts"].items():
        optimizer._all_index_update_counts.setdefault(int(device), {}).update(
            {places.get(name, name): count for name, count in counts.items()})
    if schedule is not None:
        vars(schedule).update({name: value for name, value in values["schedule"].items() if name != "class"})
    _load_states(trainer, places, _read(path) if path.exists() else {})


def _load_states(trainer: gluon.Trainer, places: dict[str, int], arrays: dict[str, nd.NDArray]) -> None:
    parts: dict[Any, dict[str, nd.NDArray]] = {}
    for name, array in arrays.items():
        parameter, _, place = name.rpartition("/")
        parts.setdefault(places.get(parameter, parameter), {})[place] = array
    for device, updater in enumerate(_updaters(trainer)):
        for index, states in parts.items():
            contexts = trainer._params[index].list_ctx() if isinstance(index, int) else [mx.cpu()]
            here = {place: array.as_in_context(contexts[device]) for place, array in states.items()}
            updater.states[index] = here[""] if "" in here else tuple(here[str(i)] for i in range(len(here)))
            updater.states_synced[index] = True


def _names(trainer: gluon.Trainer, net: gluon.Block) -> dict[int, str]:
    """By the trainer's number of each parameter its place in the network, such as "0.weight"."""
    places = {id(parameter): place for place, parameter in net._collect_params_with_prefix().items()}
    return {i: places.get(id(parameter), parameter.name) for i, parameter in enumerate(trainer._params)}


def _updaters(trainer: gluon.Trainer) -> list[Any]:
    """Where the states are: with the trainer, or with the store through which several devices share them."""
    if not trainer._kv_initialized:
        trainer._init_kvstore()
    return [trainer._kvstore._updater] if trainer._update_on_kvstore else trainer._updaters


def _flat(state: Any) -> list[tuple[str, nd.NDArray]]:
    """A parameter's state: none, one array, or several."""
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
