"""Stop and go on: the same parameters and epochs, to the bit, as of a training that never stopped."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import pytest
from mxnet import gluon, lr_scheduler, nd
from mxnet.gluon import loss as gloss
from mxnet.gluon import nn
from mxnet.gluon.data import ArrayDataset, DataLoader
from mxnet.gluon.data.vision import transforms

from d2lzh_cv import training
from d2lzh_cv.engine import snapshots
from d2lzh_cv.engine.seeds import seed_everything
from d2lzh_cv.engine.snapshots import Snapshots
from d2lzh_cv.errors import InputError

RNG = np.random.default_rng(0)
PICTURES = nd.array(RNG.integers(0, 255, (12, 8, 8, 3)), dtype="uint8")
LABELS = RNG.integers(0, 3, 12).astype("float32")
AUGS = transforms.Compose([transforms.RandomFlipLeftRight(), transforms.RandomBrightness(0.5), transforms.ToTensor()])
MOMENTUM = ("sgd", {"learning_rate": 0.1, "momentum": 0.9})
OPTIMIZERS = {"sgd": ("sgd", {"learning_rate": 0.1}), "momentum": MOMENTUM, "adam": ("adam", {"learning_rate": 0.01}),
              "schedule": ("sgd", {"learning_rate": 0.1, "momentum": 0.9, "lr_scheduler": "of the task's own"})}
CPU, TWO = (mx.cpu(),), (mx.cpu(0), mx.cpu(1))


class Stop(Exception):
    """In place of a power cut."""


@dataclass
class Task:
    """What ``fit`` takes."""
    net: gluon.Block
    data: DataLoader
    trainer: gluon.Trainer
    ctx: tuple[mx.Context, ...] = CPU
    loss: Any = gloss.SoftmaxCrossEntropyLoss()

    def before_each_step(self, act) -> None:
        """Call ``act`` with the step's number, from 0 over all epochs, when its loss is computed."""
        loss, calls = self.loss, iter(range(10 ** 6))

        def acting(scores, labels):
            call = next(calls)
            if call % len(self.ctx) == 0:
                act(call // len(self.ctx))
            return loss(scores, labels)
        self.loss = acting


def make_task(optimizer=MOMENTUM, ctx=CPU, classes=3):
    """Everything that can be random or remember something: shuffling, augmentation, dropout, BatchNorm, momentum."""
    seed_everything(5)
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(), nn.Activation("relu"), nn.Dropout(0.5), nn.Dense(classes))
    net.initialize(mx.init.Xavier(), ctx=list(ctx))
    net.hybridize(static_alloc=True)
    data = DataLoader(ArrayDataset(PICTURES, LABELS).transform_first(AUGS), 4, shuffle=True)
    options = dict(optimizer[1])
    if "lr_scheduler" in options:
        options["lr_scheduler"] = lr_scheduler.FactorScheduler(3, 0.5, base_lr=options["learning_rate"])
    trainer = gluon.Trainer(net.collect_params(), optimizer[0], options)
    return Task(net, data, trainer, ctx)


def keep(folder, resume=False, **options) -> Snapshots:
    return Snapshots(Path(folder), 7, "flip", {"seed": 7, **options.pop("identity", {})}, resume, **options)


def train(task, folder, num_epochs=4, stop_after=None, resume=False, on_epoch=None, **options):
    """Train; with ``stop_after`` (epoch, step) break off in that step. Returns (parameters, epochs without time)."""
    if stop_after:
        _break(task, *stop_after)
    try:
        epochs = training.fit(task.net, task.data, task.loss, task.trainer, list(task.ctx), num_epochs, task.data,
                              on_epoch, keep(folder, resume, **options))
    except Stop:
        return None
    return parameters(task), [asdict(replace(epoch, seconds=0)) for epoch in epochs]


def parameters(task):
    return [value.data(value.list_ctx()[0]).asnumpy() for value in task.net.collect_params().values()]


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory):
    """``never_stopped(num_epochs, optimizer)``: what a training gives that runs through, done once for all tests."""
    @cache
    def result(num_epochs, optimizer="momentum"):
        return train(make_task(OPTIMIZERS[optimizer]), tmp_path_factory.mktemp("whole"), num_epochs)
    return result


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory):
    """The snapshots of a training of two epochs, to be copied."""
    folder = tmp_path_factory.mktemp("two")
    train(make_task(), folder, 2)
    return folder


def twins(built_before: int):
    """Two convolutions of one shape, of whose names the trainer makes an order: conv10 before conv9."""
    with mx.name.NameManager():
        for _ in range(built_before):
            nn.Conv2D(1, 1)
        seed_everything(5)
        net = nn.HybridSequential()
        net.add(nn.Conv2D(3, 1), nn.Conv2D(3, 1), nn.Dense(3))
    net.initialize(mx.init.Xavier())
    data = DataLoader(ArrayDataset(PICTURES, LABELS).transform_first(AUGS), 4, shuffle=True)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
    return Task(net, data, trainer)


def _break(task, epoch, step):
    def act(number):
        if number == (epoch - 1) * 3 + step - 1:
            raise Stop
    task.before_each_step(act)


def test_each_parameter_finds_its_own_state_whatever_was_built_before(tmp_path):
    whole = train(twins(0), tmp_path / "whole", 2)
    train(twins(0), tmp_path / "stopped", 1)
    assert_same(train(twins(9), tmp_path / "stopped", 2, resume=True), whole)


def assert_same(found, expected):
    assert found[1] == expected[1]
    for mine, other in zip(found[0], expected[0]):
        assert np.array_equal(mine, other), np.abs(mine - other).max()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("stop_after", [(1, 2), (2, 1), (3, 3)])
def test_broken_off_and_resumed_is_as_never_stopped(tmp_path, never_stopped, optimizer, stop_after):
    kind = OPTIMIZERS[optimizer]
    assert train(make_task(kind), tmp_path, 3, stop_after=stop_after) is None
    seed_everything(99)  # another process has other generators
    assert_same(train(make_task(kind), tmp_path, 3, resume=True), never_stopped(3, optimizer))


def test_two_devices(tmp_path):
    whole = train(make_task(ctx=TWO), tmp_path / "whole", 2)
    train(make_task(ctx=TWO), tmp_path / "broken", 2, stop_after=(2, 2))
    assert_same(train(make_task(ctx=TWO), tmp_path / "broken", 2, resume=True), whole)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_ctrl_c_finishes_the_step_and_saves_it(tmp_path, never_stopped, step, capsys):
    task = make_task()
    task.before_each_step(lambda number: number == 3 + step - 1 and os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        train(task, tmp_path / "stopped", 2)
    assert "finishing the step" in capsys.readouterr().err
    assert (tmp_path / f"stopped/00001-{step:06d}").is_dir()
    again, steps = make_task(), []
    again.before_each_step(steps.append)
    assert_same(train(again, tmp_path / "stopped", 2, resume=True), never_stopped(2))
    assert len(steps) == 3 - step, "steps that were done are not done again"


def test_the_second_ctrl_c_stops_at_once(tmp_path):
    task = make_task()

    def twice(number):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("went on")
    task.before_each_step(twice)
    with pytest.raises(KeyboardInterrupt):
        train(task, tmp_path / "x")
    assert not list((tmp_path / "x").glob("0*"))


def test_on_epoch_hears_of_all_epochs_and_a_rate_set_there_is_set_once(tmp_path):
    def run(task, folder, **options):
        heard = []

        def on_epoch(epoch):
            heard.append((epoch.number, epoch.loss))
            task.trainer.set_learning_rate(task.trainer.learning_rate / 2)
        result = train(task, folder, 3, on_epoch=on_epoch, **options)
        return result, heard, task.trainer.learning_rate
    whole, heard, rate = run(make_task(), tmp_path / "whole")
    run(make_task(), tmp_path / "broken", stop_after=(3, 1))
    found, heard_again, rate_again = run(make_task(), tmp_path / "broken", resume=True)
    assert_same(found, whole)
    assert heard_again == heard and len(heard) == 3 and rate_again == rate == 0.1 / 8


def test_more_epochs_go_on_from_the_last(tmp_path, never_stopped):
    train(make_task(), tmp_path, 1)
    assert_same(train(make_task(), tmp_path, 3, resume=True), never_stopped(3))
    assert_same(train(make_task(), tmp_path, 3, resume=True), never_stopped(3))  # nothing left to do


def test_what_comes_after_does_not_depend_on_what_was_resumed(tmp_path):
    train(make_task(), tmp_path / "a", 2)
    after = nd.random.uniform(shape=3).asnumpy(), np.random.rand()
    train(make_task(), tmp_path / "a", 2, resume=True)
    assert np.array_equal(nd.random.uniform(shape=3).asnumpy(), after[0]) and np.random.rand() == after[1]


def test_the_last_two_and_the_best_are_kept(tmp_path, monkeypatch):
    epoch_class = training.Epoch
    task, scores = make_task(), {1: 0.3, 2: 0.9, 3: 0.9, 4: 0.5}
    monkeypatch.setattr(training, "Epoch", lambda number, loss, train_acc, test_acc, seconds: epoch_class(
        number, loss, train_acc, scores[number], seconds))
    train(task, tmp_path / "s", 4, best="test_acc")
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["00003-000000", "00004-000000", "best"]
    assert len(json.loads((tmp_path / "s/best/state.json").read_text())["progress"]["epochs"]) == 2


def test_without_resume_what_was_there_goes(tmp_path, never_stopped, two_epochs):
    folder = shutil.copytree(two_epochs, tmp_path / "s")
    assert_same(train(make_task(), folder, 1), never_stopped(1))
    assert [path.name for path in folder.iterdir()] == ["00001-000000"]


@pytest.mark.parametrize("file", ["net.params", "trainer.params", "state.json"])
@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"", lambda content: None,
                                    lambda content: content.replace(b"0", b"1", 1)])
def test_a_damaged_snapshot_is_said_and_the_one_before_is_used(tmp_path, never_stopped, two_epochs, file, damage,
                                                                       capsys):
    path = shutil.copytree(two_epochs, tmp_path / "s") / "00002-000000" / file
    content = damage(path.read_bytes())
    if content is None:
        path.unlink()
    elif content == path.read_bytes() or (file == "state.json" and b"}" in content[-3:]):
        pytest.skip("this damage leaves it whole")
    else:
        path.write_bytes(content)
    whole = never_stopped(3)
    capsys.readouterr()
    assert_same(train(make_task(), tmp_path / "s", 3, resume=True), whole)
    said = capsys.readouterr().err
    assert str(path) in said and "resuming from the previous snapshot" in said and "resuming after epoch 1" in said


def test_changed_arguments_are_refused_by_name_unless_forced(tmp_path):
    train(make_task(), tmp_path / "s", 1, identity={"data": "a", "batch": 4})
    with pytest.raises(InputError, match=r"data was 'a' and is 'b'\. Use the old settings, add --force"):
        train(make_task(), tmp_path / "s", 2, resume=True, identity={"data": "b", "batch": 4})
    assert train(make_task(), tmp_path / "s", 2, resume=True, identity={"data": "b", "batch": 4}, force=True)


def test_a_snapshot_of_another_network_or_optimizer_is_refused(tmp_path):
    train(make_task(), tmp_path / "s", 1)
    with pytest.raises(InputError, match="does not fit this network.*number of classes changed"):
        train(make_task(classes=4), tmp_path / "s", 2, resume=True)
    with pytest.raises(InputError, match="was trained with SGD, and this is Adam"):
        train(make_task(OPTIMIZERS["adam"]), tmp_path / "s", 2, resume=True)
    assert (tmp_path / "s/00001-000000").is_dir()


def test_a_disk_that_fills_leaves_the_snapshot_before(tmp_path, never_stopped, monkeypatch):
    task = make_task()
    real = snapshots._hash

    def full(path):
        if "00002" in str(path):
            raise OSError(28, "No space left on device")
        return real(path)
    monkeypatch.setattr(snapshots, "_hash", full)
    with pytest.raises(InputError, match="cannot write .*00002-000000: No space left"):
        train(task, tmp_path / "s", 2)
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["00001-000000"]
    monkeypatch.setattr(snapshots, "_hash", real)
    assert_same(train(make_task(), tmp_path / "s", 2, resume=True), never_stopped(2))


def test_no_code_runs_out_of_a_snapshot(tmp_path):
    train(make_task(), tmp_path / "s", 1)
    for path in (tmp_path / "s/00001-000000").iterdir():
        content = path.read_bytes()
        assert path.suffix in (".json", ".params") and not content.startswith((b"\x80", b"PK")), path


def test_reading_a_snapshot_of_the_future_is_refused(tmp_path, capsys):
    train(make_task(), tmp_path / "s", 1)
    path = tmp_path / "s/00001-000000/state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": snapshots.FORMAT + 1}))
    train(make_task(), tmp_path / "s", 1, resume=True)
    assert "is not the state of a snapshot" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_names_epoch_and_step(tmp_path):
    task = make_task()
    real, count = task.loss, iter(range(99))
    task.loss = lambda scores, y: real(scores, y) * (float("nan") if next(count) == 4 else 1)
    with pytest.raises(InputError, match="the loss is nan in step 2 of epoch 2: lower the learning rate or check"):
        train(task, tmp_path / "s", 3)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_a_step_leaves_ctrl_c_as_it_was(tmp_path, error):
    """A notebook keeps the error, with all that was going on then."""
    def fail(number):
        raise error
    task, before = make_task(), [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    task.before_each_step(fail)
    with pytest.raises(error) as kept:
        train(task, tmp_path / "s")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before and kept.traceback


def test_killed_for_good_and_resumed(tmp_path, never_stopped):
    """A process of its own, killed while it trains: nothing is flushed, nothing says good-bye."""
    code = (f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import d2lzh_cv, test_snapshots as t\n"
            "t.train(t.make_task(), sys.argv[1], 20, resume=True)")
    for epoch in (4, 8):
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
        while not list(tmp_path.glob(f"{epoch:05d}-*")):
            assert child.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        child.kill()
        child.wait()
    assert_same(train(make_task(), tmp_path, 20, resume=True), never_stopped(20))
