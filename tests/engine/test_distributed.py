"""Several workers train as one does: their parts, their sums, their parameters; and go on when one was killed."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from data_kit import write_pikachu
from mxnet import nd
from mxnet.gluon.data import BatchSampler, SequentialSampler
from tolerance import assert_close

from d2lzh_cv.data import worker_part
from d2lzh_cv.data.pikachu import load_pikachu, pack_detection
from d2lzh_cv.engine import distributed
from d2lzh_cv.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
TRAIN = '''
import sys
from pathlib import Path
import numpy as np
import d2lzh_cv
from d2lzh_cv.engine import distributed
distributed.use("dist_sync" if distributed.launched() else None)
from mxnet import gluon, init, nd
from mxnet.gluon.data import ArrayDataset
from d2lzh_cv.augmentation import load_cifar10
from d2lzh_cv.engine.seeds import seed_everything
from d2lzh_cv.engine.shared_snapshots import SharedSnapshots
from d2lzh_cv.engine.snapshots import Snapshots
from d2lzh_cv.training import fit
out, epochs, stop, resume = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "resume"
rng = np.random.default_rng(0)
data = ArrayDataset(nd.array(rng.normal(size=(26, 3, 8, 8))), rng.integers(0, 3, 26).astype("float32"))
seed_everything(3 + distributed.rank())  # workers begin apart: worker 0's parameters must reach the others
net = gluon.nn.HybridSequential()
net.add(gluon.nn.Conv2D(4, 3, in_channels=3, activation="relu"), gluon.nn.Dense(3, in_units=144))
net.initialize(init.Xavier())
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
place = out / f"snapshots-{distributed.rank()}"
keep = (SharedSnapshots if distributed.launched() else Snapshots)(
    place, 7, "net", {"seed": 7}, resume and distributed.rank() == 0)
def on_epoch(epoch):
    print("epoch", epoch.number, epoch.loss, epoch.train_acc, flush=True)
    if stop and epoch.number == stop and distributed.rank() == 1:
        raise ValueError("worker 1 has had enough")
fit(net, load_cifar10(data, lambda x: x, 8, True), gluon.loss.SoftmaxCrossEntropyLoss(), trainer, d2lzh_cv.try_gpu(),
    epochs, on_epoch=on_epoch, snapshots=keep)
net.save_parameters(str(out / f"{distributed.rank()}.params"))
'''


@pytest.fixture
def worker(monkeypatch):
    """Be a worker, in name."""
    def be(rank: int, workers: int) -> None:
        monkeypatch.setenv(distributed.RANK, str(rank))
        monkeypatch.setenv(distributed.WORKERS, str(workers))
        monkeypatch.setattr(distributed, "_name", distributed.DIST)
        monkeypatch.setattr(worker_part, "_part", (rank, workers))
    return be


def train(folder: Path, epochs: int, stop: int = 0, resume: str = "", workers: int = 0) -> tuple[int, str, str]:
    """Run TRAIN, in one process or launched."""
    folder.mkdir(exist_ok=True)
    script = folder / "train.py"
    script.write_text(TRAIN)
    command = [sys.executable, str(script), str(folder), str(epochs), str(stop), resume]
    if workers:
        command = [sys.executable, "-m", "d2lzh_cv", "launch", "-n", str(workers), "-s", "1", "--", *command]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def parameters(path: Path) -> dict[str, np.ndarray]:
    return {name: array.asnumpy() for name, array in nd.load(str(path)).items()}


def test_one_process_is_as_ever():
    assert (distributed.rank(), distributed.num_workers(), distributed.kvstore()) == (0, 1, {})
    assert worker_part.share(7) == 7 and distributed.part_of([1, 2, 3]) == [1, 2, 3]


def test_parts_of_a_batch_are_even_and_make_it_up(worker):
    found = []
    for rank in range(3):
        worker(rank, 3)
        found.append(list(distributed.Parts(BatchSampler(SequentialSampler(14), 6))))
    assert found == [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]  # 12 and 13 cannot be shared by three


def test_a_batch_that_cannot_be_shared(worker):
    worker(0, 3)
    assert worker_part.share(9) == 3
    with pytest.raises(InputError, match="3 workers cannot share batches of 16"):
        worker_part.share(16)


def test_dist_sync_must_be_launched(monkeypatch):
    monkeypatch.delenv(distributed.RANK, raising=False)
    with pytest.raises(InputError, match="d2lzh-cv launch"):
        distributed.use(distributed.DIST)


def test_workers_read_apart_pictures(tmp_path):
    source = write_pikachu(tmp_path / "pikachu")  # of 5 pictures the k-th has a box from (k + 1) / 100
    packed = pack_detection(source, tmp_path / "packed")
    found = []
    for rank in range(2):
        train_iter, val_iter = load_pikachu(packed, 1, 32, "python", part=(rank, 2), rand_crop=0)
        found.append({round(100 * float(batch.label[0][0, 0, 1].asscalar())) for batch in train_iter})
        assert len(list(val_iter)) == len(list(load_pikachu(packed, 1, 32)[1]))
    assert [len(part) for part in found] == [2, 2] and not found[0] & found[1]


@pytest.mark.parametrize("rank, out, folder", [(0, "a", "a"), (0, None, None), (2, "a", "a/rank-2"),
                                               (2, "a/rank-2", "a/rank-2"), (2, None, "runs/rank-2")])
def test_only_worker_0_writes_to_out(worker, rank, out, folder):
    worker(rank, 3)
    assert distributed.own_folder(out) == folder


@pytest.mark.slow
def test_two_workers_give_the_parameters_of_one(tmp_path):
    """Also where they begin apart, one fails after the second epoch, and they resume from worker 0's snapshot."""
    assert train(tmp_path / "one", 3)[0] == 0
    code, out, err = train(tmp_path / "two", 3, stop=2, workers=2)
    assert code == 1 and "worker 1 failed with exit code 1" in err and "has had enough" in err
    assert not (tmp_path / "two" / "snapshots-1").exists()
    code, out, err = train(tmp_path / "two", 3, resume="resume", workers=2)
    assert code == 0, err
    assert "worker 0 | net: resuming after epoch" in err and "worker 1 | net: resuming after epoch" in err
    one, first, second = (parameters(tmp_path / name) for name in ("one/0.params", "two/0.params", "two/1.params"))
    for name, array in one.items():
        assert_close(first[name], array)
        np.testing.assert_array_equal(first[name], second[name])
    said = [line.partition(" | ") for line in out.splitlines() if "| epoch 3" in line]
    assert {who for who, _, _ in said} == {"worker 0", "worker 1"}
    assert len({figures for _, _, figures in said}) == 1  # an epoch's figures are of all the data
