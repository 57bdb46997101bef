"""One run of a section: its flags, its data, and its folder ``OUT/9.7`` with figures, results, curves and printed text.

Chapter scripts begin it by ``d2l.start("9.7")``, see :mod:`.script`.
"""
from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .. import contents, files, locks
from ..data import hub
from ..engine import distributed, precision, recorder
from ..engine.plain import to_plain
from ..engine.progress import in_notebook
from ..errors import InputError
from . import guard, inputs, parameters, recorded, rundir, streams
from .flags import Options, parse_script
from .results import FILE, METRICS, Results, append_metrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..data.hub import Source
    from ..engine.snapshots import Snapshots

MAX_WIDTH = 1600  # pixels of a saved figure: sharp on a page, yet small enough for 100 figures on one page
_current: Section | None = None


def start(name: str, quick: bool = True, resume: bool = False) -> Section:
    """Begin the section ``name`` ("9.7"): read flags, seed, make the output folder, copy printed text to stdout.txt.

    A script reads its flags from the command line; a wrong flag prints one line and exits with code 2.

    Args:
        name: of the section.
        quick, resume: the flags of a notebook.

    Raises:
        InputError: the output folder is not writable or another run holds it, or an input that the flags name is
            missing. A script prints it as one line and exits with code 2.
    """
    global _current
    info, notebook = contents.find(name), in_notebook()
    if not notebook:
        streams.prepare()
    options = Options(quick=quick, resume=resume) if notebook else parse_script(sys.argv[1:], info)
    if _current is not None:
        _current.end("failed", "ended before run.finish()")  # the notebook was run again
    _current = run = Section(info, options, notebook)
    guard.watch(run)
    run.open()
    return run


def current() -> Section:
    """Return the section that runs. Raises InputError if none was started."""
    if _current is None:
        raise InputError('no section is running; begin the script or notebook with d2l.start("9.2")')
    return _current


def output_folder() -> Path:
    """Return the folder of the running section's results, for files that the section writes.

    Raises:
        InputError: no section is running.
    """
    return current().folder.resolve()


class Section:
    """One run of a section.

    Attributes:
        quick, full: the mode; exactly one is true.
        seed: the seed of the run.
        backbone: the pretrained network that --backbone names, or None.
        backbones: the pretrained networks to look for, in this order.
        folder: the folder of the results; a script may save checkpoints there.
        info, options: the section's record, and the flags.
        chosen: the parameters that the command line sets.
        namespace: the names of the script or notebook; :mod:`.recorded` looks there for what is recorded.
        shown: the value of each line that a cell showed, by its text, such as "anchors.shape".
        finishes_at_exit: whether the end of the process, without an error, is the end of the section.
    """

    def __init__(self, info: contents.SectionInfo, options: Options, notebook: bool):
        self.info, self.options, self.notebook = info, options, notebook
        self.quick, self.full, self.seed = options.quick, not options.quick, options.seed
        self.backbone = options.backbone
        self.backbones = (options.backbone,) if options.backbone else info.backbones
        self.folder: Path | None = None
        self.chosen: dict[str, Any] = {}
        self.namespace: dict[str, Any] = {}
        self.shown: dict[str, Any] = {}
        self.finishes_at_exit = False
        self._sources: dict[str, Source] = {}
        self._results: dict[str, Any] = {}
        self._figures: list[dict[str, str]] = []
        self._began = time.perf_counter()
        self._tee: streams.Tee | None = None
        self._ended = False
        self._locks: list[locks.Lock] = []

    # -- data ---------------------------------------------------------------------------------------------------
    def find(self, name: str) -> Source:
        """Find the data set ``name`` (see :func:`d2lzh_cv.data.hub.find`), and print its source once.

        Synthetic sets always have seed 0, whatever ``--seed`` is, so that only the training depends on the seed.
        """
        if name not in self._sources:
            choice = self.options.data
            if name == "weights" and self.backbone and choice == "synthetic":
                choice = "auto"  # --backbone asks for published weights, even beside synthetic pictures
            self._sources[name] = source = hub.find(name, choice=choice)
            print(source.note)
        return self._sources[name]

    def snapshots(self, series: str, best: str | None = None) -> Snapshots:
        """Return the snapshots of the training ``series``, from which ``--resume`` resumes.

        Args:
            best: the field of an epoch's result, such as "test_acc", whose highest value keeps a snapshot too.
        """
        from ..data.fingerprint import fingerprint
        if distributed.num_workers() > 1:
            from ..engine.shared_snapshots import SharedSnapshots as Snapshots
        else:
            from ..engine.snapshots import Snapshots
        data = {f"data set {name}": f"{source.kind}, {fingerprint(source.path)}"
                for name, source in self._sources.items()}
        identity = {"section": self.info.number, **self.options.identity(), **data}
        folder = self.folder / rundir.SNAPSHOTS / folder_name(series)
        return Snapshots(folder, self.seed, series, identity, self.options.resume, self.options.force, best)

    # -- output -------------------------------------------------------------------------------------------------
    def record(self, **values: Any) -> None:
        """Record numbers, strings, shapes or arrays in results.json, see :func:`~d2lzh_cv.engine.plain.to_plain`."""
        self._results.update(to_plain(values))

    def log(self, *, series: str, **values: Any) -> None:
        """Append a line to metrics.jsonl, such as ``log(series="SSD", epoch=1, loss=0.5)``, and close the file."""
        append_metrics(self.folder, {"series": series, **values})

    def log_epoch(self, series: str, epoch: Any) -> None:
        """Log the fields of ``epoch``, a dataclass with ``number``, such as :class:`d2lzh_cv.training.Epoch`."""
        values = asdict(epoch)
        self.log(series=series, epoch=values.pop("number"), **values)

    def save_figure(self, name: str, caption: str = "", figure: Figure | None = None) -> Path:
        """Save a matplotlib figure (default: the current one) as ``NN_name.png``, close it, and return the path.

        In a notebook also show the figure.
        """
        from matplotlib import pyplot as plt

        from ..fonts import fit_figure
        if figure is None and not plt.get_fignums():
            raise ValueError(f"save_figure({name!r}): nothing is drawn")
        figure = figure or plt.gcf()
        fit_figure(figure)
        dpi = min(144, MAX_WIDTH / figure.get_size_inches()[0])
        path = self._keep(name, caption, lambda file: figure.savefig(
            file, format="png", dpi=dpi, bbox_inches="tight", facecolor="white"))
        if self.notebook:
            plt.show()
        plt.close(figure)
        return path

    def save_picture(self, name: str, array: Any, caption: str = "") -> Path:
        """Save ``array`` as ``NN_name.png``, pixel for pixel, and return the path.

        Args:
            array: NDArray or NumPy, (H, W, 3) or (H, W), uint8, or float in [0, 1]; other floats are clipped.
        """
        from PIL import Image
        pixels = array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)
        if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)):
            raise ValueError(f"save_picture({name!r}): the shape is {pixels.shape}, not (H, W, 3) or (H, W)")
        if pixels.dtype != np.uint8:
            pixels = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
        picture = Image.fromarray(pixels)
        if self.notebook:
            from IPython.display import display
            display(picture)
        return self._keep(name, caption, lambda file: picture.save(file, format="PNG"))

    def how_to_resume(self) -> str | None:
        """Return the command that resumes a stopped training; None without a snapshot, or if ``launch`` prints it."""
        if self.folder is None or distributed.launched() or not any(self.folder.glob(rundir.STATES)):
            return None
        argv = self.options.to_argv(self.folder.parent)
        return shlex.join(["d2lzh-cv", "run", self.info.number, *argv, *["--resume"] * (not self.options.resume)])

    def finish(self) -> None:
        """Write results.json with status ok, restore standard output, and print the folder of the results."""
        if self.namespace:
            names = {**self.namespace, "shown": self.shown}
            recorded.keep_model(self.info.number, names, self.folder, lenient=self.finishes_at_exit)
            self.record(**recorded.values(self.info.number, names, lenient=self.finishes_at_exit))
        self.end("ok")
        print(f"{self.info.number} ok in {self._seconds:.1f} s: {self.folder}", flush=True)

    # -- beginning and end --------------------------------------------------------------------------------------
    def open(self) -> None:
        """Make the folder, remove the output of an earlier run from it, and seed all random generators."""
        if not self.notebook:
            self.chosen = parameters.choose(self.info, self.quick, self.options.parameters, self.options.epochs)
        self.folder = self._claim_folder()
        clear(self.folder)
        self._tee = streams.Tee(self.folder / "stdout.txt")
        if not self.notebook:
            import matplotlib
            matplotlib.use("Agg")
        distributed.use(self.options.kvstore)
        precision.use(self.options.precision)
        hub.find_with(self.find)
        recorder.use(self)
        from ..engine.seeds import seed_everything
        seed_everything(self.seed)

    def _claim_folder(self) -> Path:
        """Make and return the section's folder, locked by the parent's lock on the run's folder or by own locks."""
        inherited = locks.Lock(Path(self.options.out or "") / rundir.LOCK)
        if inherited.inherit():
            self._locks = [inherited]
            return files.make_folder(Path(self.options.out) / self.info.number)
        inputs.check([self.info], self.options)
        out = rundir.open_run(self.options.out, self.options.resume)
        self._locks = [rundir.claim(out, shared=True)]
        self._locks.append(rundir.claim(out, self.info.number))
        return files.make_folder(out / self.info.number)

    def end(self, status: str, error: str | None = None, trace: str | None = None) -> None:
        """Write results.json and release the folder; only the first call counts.

        Args:
            status: one of :data:`d2lzh_cv.run.results.STATUSES`.
            error, trace: one line that says why it failed, and the traceback.
        """
        if self._ended:
            return
        self._ended, self._seconds = True, time.perf_counter() - self._began
        hub.find_with(None)
        recorder.use(None)
        precision.use("float32")
        if self._tee is not None:
            self._tee.close()
        guard.leave(self)
        if self.folder is not None:
            self._summary(status, error, trace).write(self.folder)
        self.namespace, self.shown = {}, {}  # MXNet's objects in it must be freed before Python unloads MXNet
        if status == "ok" and not self.notebook:  # a notebook may end after a training that was stopped
            self._drop_snapshots()
        for lock in reversed(self._locks):
            lock.release()

    def _drop_snapshots(self) -> None:
        """Remove the snapshots, which a finished section does not need; keep the best one of each training."""
        for folder in self.folder.glob(f"{rundir.SNAPSHOTS}/*"):
            for snapshot in folder.glob("[0-9]*-[0-9]*") if (folder / "best").is_dir() else [folder]:
                shutil.rmtree(snapshot, ignore_errors=True)

    def _summary(self, status: str, error: str | None, trace: str | None) -> Results:
        data = [{"name": name, "kind": source.kind, "path": str(source.path), "note": source.note}
                for name, source in self._sources.items()]
        return Results(self.info.number, self.info.title, status, error, trace, self.options.mode, self.seed,
                       self.options.identity(), parameters.in_effect(self.info, self.quick, self.namespace), data,
                       self._results, self._figures, round(self._seconds, 2),
                       environment(self.options.precision))

    def _keep(self, name: str, caption: str, save: Callable[[BinaryIO], object]) -> Path:
        file_name = f"{len(self._figures) + 1:02d}_{re.sub(r'[^A-Za-z0-9-]+', '_', name)}.png"
        with files.write_atomically(self.folder / file_name) as file:
            save(file)
        self._figures.append({"file": file_name, "caption": caption})
        return self.folder / file_name


def folder_name(text: str) -> str:
    """Return a folder name for ``text``, different for different texts, such as "rate × 10" and "rate / 10"."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", text)
    return plain if plain == text.replace(" ", "_") else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def clear(folder: Path) -> None:
    """Remove the output files of a section from its folder; other files, such as checkpoints, stay."""
    for pattern in (FILE, METRICS, "stdout.txt", "[0-9][0-9]*_*.png"):
        for path in folder.glob(pattern):
            path.unlink()


def environment(precision: str) -> dict[str, Any]:
    """Return the environment on which the figures depend: versions, platform, threads, precision, devices."""
    mxnet = sys.modules.get("mxnet")  # absent when it could not be imported
    return {"python": platform.python_version(), "numpy": np.__version__,
            "mxnet": getattr(mxnet, "__version__", None), "platform": platform.platform(),
            "threads": os.environ.get("OMP_NUM_THREADS"), "precision": precision,
            "devices": _devices() if mxnet else []}


def _devices() -> list[str]:
    from ..devices import try_all_gpus
    return [str(device) for device in try_all_gpus()]
