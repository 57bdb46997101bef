"""The runner's end of a worker: start it, ask it, end it."""
from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .sides import SIDES, NotHere

ROOT = Path(__file__).resolve().parents[1]


class SideError(Exception):
    """A side failed; the text is one line, ``trace`` what it printed or its traceback."""

    def __init__(self, text: str, trace: str = "") -> None:
        super().__init__(text)
        self.trace = trace


class Worker:
    """A process for one side, with ``threads`` OpenMP threads. It ends when this object is closed or gone, and with it
    the processes that it started, such as those that read pictures."""

    def __init__(self, threads: int) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
        self._errors = tempfile.TemporaryFile(mode="w+", errors="replace")  # noqa: SIM115 (lives as long as this)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors, env={**os.environ, **counts, "PYTHONPATH": path},
            start_new_session=True)  # Ctrl-C is for the runner, which then ends its workers

    def ask(self, *command: Any) -> Any:
        """Send a command of ``benchmarks.worker`` and wait for its answer. Raises SideError, or NotHere."""
        try:
            pickle.dump(command, self._process.stdin)
            self._process.stdin.flush()
            self._wait()
            state, value, *trace = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError) as error:
            raise SideError(f"its process ended with exit code {self._process.wait()}", self._printed()) from error
        if state == "left out":
            raise NotHere(value)
        if state == "error":
            raise SideError(value, *trace)
        return value

    def close(self) -> None:
        """End the processes at once."""
        with contextlib.suppress(ProcessLookupError):  # they have ended
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _wait(self) -> None:
        """Until there is an answer. What the process started may hold the pipe open when it has died: that is no
        answer either."""
        while not select.select([self._process.stdout], [], [], 1)[0]:
            if self._process.poll() is not None:
                raise EOFError

    def _printed(self) -> str:
        self._errors.seek(0)
        return self._errors.read()


class Workers:
    """Workers by side. Each case gets new ones, so that memory and thread pools are its own.

    share: for a quick look, one for all sides of a framework and all cases; its memory then tells nothing.
    """

    def __init__(self, threads: int, share: bool = False) -> None:
        self.threads, self.share, self._workers = threads, share, {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exc_info) -> None:
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def prepare(self, side: str, module: str, settings: dict[str, Any]) -> None:
        """Have ``side`` prepare a case; where it runs another side's network, with that. Raises SideError, NotHere."""
        exporter = SIDES[side].exporter
        exported = {"model": self._exported(exporter, module, settings)} if exporter else {}
        self.ask("prepare", side, module, {**settings, **exported})

    def _exported(self, side: str, module: str, settings: dict[str, Any]) -> bytes:
        """By a worker that does nothing else: exporting takes memory, which must count for no side."""
        if self.share:
            return self.ask("exported", side, module, settings)
        with contextlib.closing(Worker(self.threads)) as worker:
            return worker.ask("exported", side, module, settings)

    def ask(self, command: str, side: str, *rest: Any) -> Any:
        """Ask the worker of ``side``, which is started when it is first needed. Raises SideError, or NotHere."""
        key = side.startswith("torch") if self.share else side
        if key not in self._workers:
            self._workers[key] = Worker(self.threads)
        return self._workers[key].ask(command, side, *rest)

    def case_done(self) -> None:
        """Let go of what the case needed."""
        if not self.share:
            self.__exit__()
        for worker in self._workers.values():
            worker.ask("forget")
