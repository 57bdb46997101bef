"""Snapshots: the state of a training on disk, to resume bit for bit. A snapshot on disk is always complete.

A snapshot is a folder EPOCH-STEP: the parameters, the optimizer's states, and state.json with their hashes.
"""
from __future__ import annotations

import hashlib
import math
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import mxnet as mx
from mxnet import gluon

from ..errors import InputError
from ..files import make_folder_atomically, read_json, write_json
from .arrays import save_arrays
from .optimizer_state import load_optimizer, save_optimizer
from .plain import to_plain
from .seeds import derived_seed

FORMAT, KEPT = 2, 2
STATE, NET, TRAINER, BEST = "state.json", "net.params", "trainer.params", "best"
OTHERS = "net-device{}.params"  # BatchNorm statistics of the other devices


class Training(Protocol):
    """A training to take snapshots of: a network, its trainer, and the dataclass of an epoch's result."""

    net: gluon.Block
    trainer: gluon.Trainer
    result_class: type


@dataclass
class Progress:
    """The progress of a training.

    Attributes:
        epochs: the results of the finished epochs.
        step, sums, counts, seconds: the steps, sums, counts and seconds of the current epoch so far.
    """

    epochs: list[Any] = field(default_factory=list)
    step: int = 0
    sums: list[float] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Finished epochs and steps, such as 00002-000013; names sort by time."""
        return f"{len(self.epochs):05d}-{self.step:06d}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON; floats keep all digits."""
        return {**vars(self), "epochs": [asdict(epoch) for epoch in self.epochs]}


class Snapshots:
    """The snapshots of one training, in ``folder``.

    Args:
        folder: a folder for this training alone.
        seed, series: all seeds of the training derive from them.
        identity: the settings that must be equal to resume, under names that the error shows.
        resume: resume from the newest snapshot; else all old snapshots are removed.
        force: resume even if ``identity`` has changed.
        best: the field of an epoch's result, such as "test_acc", whose highest value keeps a snapshot; None: no field.
    """

    def __init__(self, folder: Path, seed: int, series: str, identity: dict[str, Any], resume: bool = False,
                 force: bool = False, best: str | None = None) -> None:
        self.folder, self.series, self.identity = Path(folder), series, to_plain(identity)
        self.force, self.best, self._seed = force, best, seed
        self._highest = -math.inf
        if not resume:
            shutil.rmtree(self.folder, ignore_errors=True)

    def seed(self, *parts: Any) -> int:
        """Return the seed for a part of this training, such as the order of an epoch."""
        return derived_seed(self._seed, self.series, *parts)

    def save(self, training: Training, progress: Progress) -> Path:
        """Write a snapshot and return its folder; then remove older ones, except the last two and the best.

        Raises:
            InputError: the disk is full or the folder cannot be written to; older snapshots stay.
        """
        folder = self.folder / progress.name
        with make_folder_atomically(folder) as temporary:
            optimizer = _write(training, temporary, folder)
            hashes = {path.name: _hash(path) for path in sorted(temporary.iterdir())}
            write_json(temporary / STATE, {"format": FORMAT, "series": self.series, "identity": self.identity,
                                           "hashes": hashes, "optimizer": optimizer,
                                           "progress": to_plain(progress.to_json())})
            _sync(temporary)
        self._keep_best(progress)
        for old in self._all()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return folder

    def resume(self, training: Training, on_epoch: Callable[[Any], None] | None = None) -> Progress:
        """Load the newest undamaged snapshot into ``training``; return its progress, or an empty one if there is none.

        ``on_epoch`` is called with each finished epoch before the state is loaded: it may change the learning rate,
        and the snapshot then sets the right one.

        Raises:
            InputError: the identity has changed, or the snapshot belongs to another network.
        """
        for folder in reversed(self._all()):
            try:
                state = self._read(folder)
            except InputError as error:
                print(f"{error}; resuming from the previous snapshot", file=sys.stderr)
                continue
            self._check_identity(state["identity"], folder)
            epochs = [training.result_class(**epoch) for epoch in state["progress"]["epochs"]]
            progress = Progress(**{**state["progress"], "epochs": epochs})
            for epoch in epochs:
                self._note_score(epoch)
                if on_epoch:
                    on_epoch(epoch)
            _read_into(training, folder, state["optimizer"])
            print(f"{self.series}: resuming after epoch {len(epochs)}"
                  f"{f', step {progress.step}' if progress.step else ''}", file=sys.stderr)
            return progress
        return Progress()

    def _all(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("[0-9]*-[0-9]*") if path.is_dir())

    def _read(self, folder: Path) -> dict[str, Any]:
        state = read_json(folder / STATE)
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise InputError(f"{folder / STATE} is not the state of a snapshot")
        for file, digest in state["hashes"].items():
            if _hash(folder / file) != digest:
                raise InputError(f"{folder / file} is damaged")
        return state

    def _check_identity(self, saved: dict[str, Any], folder: Path) -> None:
        changed = [f"{name} was {saved.get(name)!r} and is {self.identity.get(name)!r}"
                   for name in {**saved, **self.identity} if saved.get(name) != self.identity.get(name)]
        if changed and not self.force:
            raise InputError(f"{folder} belongs to another training: {'; '.join(changed)}. Use the old settings, add "
                             "--force to resume all the same, or begin anew with another --out")

    def _keep_best(self, progress: Progress) -> None:
        if progress.step or not self._note_score(progress.epochs[-1]):
            return
        with make_folder_atomically(self.folder / BEST) as temporary:
            shutil.copytree(self.folder / progress.name, temporary, dirs_exist_ok=True)

    def _note_score(self, epoch: Any) -> bool:
        score = getattr(epoch, self.best) if self.best else -math.inf
        higher = score > self._highest
        self._highest = max(score, self._highest)
        return higher


def _write(training: Training, folder: Path, final: Path) -> dict[str, Any]:
    try:
        _save_net(training.net, folder, training.trainer._contexts)
        return save_optimizer(training.trainer, training.net, folder / TRAINER)
    except OSError as error:
        raise InputError(f"cannot write {final}: {error.strerror}; free some space and use --resume") from error


def _save_net(net: gluon.Block, folder: Path, devices: list[mx.Context]) -> None:
    """Write the parameters, and each device's own BatchNorm statistics, which ``save_parameters`` would average."""
    parameters = net._collect_params_with_prefix()
    save_arrays(folder / NET, {name: parameter.data(devices[0]) for name, parameter in parameters.items()})
    for i, device in enumerate(devices[1:], 1):
        own = {name: value.data(device) for name, value in parameters.items() if not value._differentiable}
        if own:
            save_arrays(folder / OTHERS.format(i), own)


def _load_net(net: gluon.Block, folder: Path, devices: list[mx.Context]) -> None:
    net.load_parameters(str(folder / NET), ctx=devices)
    parameters = net._collect_params_with_prefix()
    for i, device in enumerate(devices[1:], 1):
        path = folder / OTHERS.format(i)
        for name, value in (mx.nd.load(str(path)) if path.exists() else {}).items():
            parameters[name].data(device)[:] = value


def _read_into(training: Training, folder: Path, optimizer: dict[str, Any]) -> None:
    try:
        _load_net(training.net, folder, training.trainer._contexts)
    except (mx.base.MXNetError, AssertionError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"{folder / NET} does not fit this network: {reason}; has the number of classes changed? "
                         "Begin anew with another --out") from error
    load_optimizer(training.trainer, training.net, folder / TRAINER, optimizer)


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _sync(folder: Path) -> None:
    """Flush all files to disk before the folder gets its final name: a power cut must not leave half a snapshot."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
