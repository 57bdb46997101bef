"""The state of a training on disk, to resume from to the bit: whole or not there, and never the only copy replaced.

A snapshot is a folder EPOCH-STEP with parameters, the optimizer's states and state.json, which holds their hashes.
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
OTHERS = "net-device{}.params"  # what the other devices have of their own


class Training(Protocol):
    """What a snapshot is of: a network, its trainer, and the dataclass of what an epoch gave."""

    net: gluon.Block
    trainer: gluon.Trainer
    result_class: type


@dataclass
class Progress:
    """How far a training is: the results of its finished epochs, and of the current one what there is so far."""

    epochs: list[Any] = field(default_factory=list)
    step: int = 0
    sums: list[float] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """Epochs and steps done, such as 00002-000013: later ones sort after earlier ones."""
        return f"{len(self.epochs):05d}-{self.step:06d}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; floats keep all their digits."""
        return {**vars(self), "epochs": [asdict(epoch) for epoch in self.epochs]}


class Snapshots:
    """The snapshots of one training, in ``folder``.

    Args:
        folder: of this training alone.
        seed, series: every random number of the training follows from them.
        identity: what must be the same to resume, by the name that a reader knows it by.
        resume: begin from what is there; else it is removed.
        force: resume although ``identity`` has changed.
        best: the value of an epoch whose highest is kept, such as "test_acc"; None keeps none.
    """

    def __init__(self, folder: Path, seed: int, series: str, identity: dict[str, Any], resume: bool = False,
                 force: bool = False, best: str | None = None) -> None:
        self.folder, self.series, self.identity = Path(folder), series, to_plain(identity)
        self.force, self.best, self._seed = force, best, seed
        self._highest = -math.inf
        if not resume:
            shutil.rmtree(self.folder, ignore_errors=True)

    def seed(self, *parts: Any) -> int:
        """The seed for a part of this training, such as an epoch's order."""
        return derived_seed(self._seed, self.series, *parts)

    def save(self, training: Training, progress: Progress) -> Path:
        """Write the state; then the older ones go, but for the last two and the best.

        Raises:
            InputError: the disk is full or the folder cannot be written to; the snapshots before it stay.
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
        """Put the newest whole snapshot into ``training`` and return how far it is; nothing where there is none.

        ``on_epoch`` is called with each epoch done before the state is loaded: it may set a learning rate, which the
        snapshot knows better.

        Raises:
            InputError: the identity has changed, or the snapshot is of another network.
        """
        for folder in reversed(self._all()):
            try:
                state = self._read(folder)
            except InputError as error:
                print(f"{error}; resuming from the one before", file=sys.stderr)
                continue
            self._check_identity(state["identity"], folder)
            progress = self._progress(training, state["progress"])
            for epoch in progress.epochs:
                self._note_score(epoch)
                if on_epoch:
                    on_epoch(epoch)
            _read_into(training, folder, state["optimizer"])
            print(f"{self.series}: resuming after epoch {len(progress.epochs)}"
                  f"{f', step {progress.step}' if progress.step else ''}", file=sys.stderr)
            return progress
        return Progress()

    def _all(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("[0-9]*-[0-9]*") if path.is_dir())

    def _read(self, folder: Path) -> dict[str, Any]:
        state = read_json(folder / STATE)
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise InputError(f"{folder / STATE} is not a snapshot's state")
        for file, digest in state["hashes"].items():
            if _hash(folder / file) != digest:
                raise InputError(f"{folder / file} is damaged")
        return state

    def _check_identity(self, saved: dict[str, Any], folder: Path) -> None:
        changed = [f"{name} was {saved.get(name)!r} and is {self.identity.get(name)!r}"
                   for name in {**saved, **self.identity} if saved.get(name) != self.identity.get(name)]
        if changed and not self.force:
            raise InputError(f"{folder} is of another training: {'; '.join(changed)}. Resume with what it was, with "
                             "--force all the same, or begin anew with another --out")

    @staticmethod
    def _progress(training: Training, values: dict[str, Any]) -> Progress:
        epochs = [training.result_class(**epoch) for epoch in values["epochs"]]
        return Progress(**{**values, "epochs": epochs})

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


def _write(training: Training, folder: Path, shown: Path) -> dict[str, Any]:
    try:
        _save_net(training.net, folder, training.trainer._contexts)
        return save_optimizer(training.trainer, training.net, folder / TRAINER)
    except OSError as error:
        raise InputError(f"cannot write {shown}: {error.strerror}; free some space and use --resume") from error


def _save_net(net: gluon.Block, folder: Path, devices: list[mx.Context]) -> None:
    """``save_parameters`` averages over the devices; here each keeps its own statistics of BatchNorm."""
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
        raise InputError(f"{folder / NET} does not fit this network: {reason}; was it another number of classes? "
                         "Begin anew with another --out") from error
    load_optimizer(training.trainer, training.net, folder / TRAINER, optimizer)


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _sync(folder: Path) -> None:
    """To the disk, before the folder takes its name: a power cut must not leave a whole name on half a file."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
