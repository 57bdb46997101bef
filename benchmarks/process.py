"""The runner's end of a worker: start it, ask it, end it."""
from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class SideError(Exception):
    """A side failed; the text is one line, ``trace`` what it printed or its traceback."""

    def __init__(self, text: str, trace: str = "") -> None:
        super().__init__(text)
        self.trace = trace


class Worker:
    """A process for one side, with ``threads`` OpenMP threads. It ends when this object is closed or gone."""

    def __init__(self, threads: int) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
        self._errors = tempfile.TemporaryFile(mode="w+", errors="replace")  # noqa: SIM115 (lives as long as this)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._errors, env={**os.environ, **counts, "PYTHONPATH": path},
            start_new_session=True)  # Ctrl-C is for the runner, which then ends its workers

    def ask(self, *command: Any) -> Any:
        """Send a command of ``benchmarks.worker`` and wait for its answer. Raises SideError."""
        try:
            pickle.dump(command, self._process.stdin)
            self._process.stdin.flush()
            state, value, *trace = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError) as error:
            raise SideError(f"its process ended with exit code {self._process.wait()}", self._printed()) from error
        if state == "error":
            raise SideError(value, *trace)
        return value

    def close(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

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

    def ask(self, command: str, side: str, *rest: Any) -> Any:
        """Ask the worker of ``side``, which is started when it is first needed. Raises SideError."""
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
