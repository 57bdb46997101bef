"""A side's own process: ``python -m benchmarks.worker``. It obeys commands and ends when nobody holds its input.

A command is a pickled tuple on standard input: ("prepare", side, module, settings), ("exported", side, module,
settings), ("result", side), ("seconds", side), ("losses", side, steps), ("memory", side), ("forget",). The answer, on
what was standard output, is ("ok", value), ("left out", reason) or ("error", line, traceback).
"""
from __future__ import annotations

import gc
import os
import pickle
import sys
import time
import traceback
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from .case import Side
from .sides import NO_BFLOAT16, SIDES, NotHere

SHORT = 0.5  # seconds


class Desk:
    """Holds the sides at work: one, or in a quick look all of a framework."""

    def __init__(self) -> None:
        self.sides: dict[str, Side] = {}
        self.before = 0

    def prepare(self, side: str, module: str, settings: dict[str, Any]) -> None:
        self.sides[side] = self._made(side, module, settings)

    def exported(self, side: str, module: str, settings: dict[str, Any]) -> bytes:
        """The ONNX file of a side's network; the side itself is not kept."""
        return self._made(side, module, settings).onnx()

    def _made(self, side: str, module: str, settings: dict[str, Any]) -> Side:
        made = getattr(import_module(module), SIDES[side].class_name)
        for name in made.imports or SIDES[side].framework:
            _import(name)
        self.before = self.before or _memory("VmRSS")
        return made(settings, side)

    def result(self, side: str):
        return self.sides[side].result()

    def seconds(self, side: str) -> float:
        """Seconds a unit. A short run counts only when it is done again: it finds the caches of the side before."""
        began = time.perf_counter()
        seconds = self.sides[side].seconds()
        return self.sides[side].seconds() if time.perf_counter() - began < SHORT else seconds

    def losses(self, side: str, steps: int) -> list[float]:
        return self.sides[side].losses(steps)

    def memory(self, side: str) -> dict[str, float] | None:
        """MB: with the framework alone, and at most since; None where the system does not tell, or another process
        does the work."""
        known = self.before and self.sides[side].has_memory
        return {"before_mb": self.before, "peak_mb": _memory("VmHWM")} if known else None

    def forget(self) -> None:
        """Let go of the sides."""
        self.sides.clear()
        gc.collect()


def precision_of(side: str | None = None) -> AbstractContextManager[None]:
    """For the block, Gluon's operators compute in the precision of ``side``. Raises NotHere."""
    if side is None or not SIDES[side].is_gluon_bfloat16:
        return nullcontext()
    from d2lzh_cv.compat import processor
    from d2lzh_cv.engine import precision
    if processor.bfloat16() == "not":
        raise NotHere(NO_BFLOAT16)
    return precision.computing_in(SIDES[side].precision)


def _import(name: str) -> None:
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise NotHere(f"{name} is not installed; pip install -c constraints.txt '.[onnx]'") from error


def _memory(key: str) -> int:
    status = Path("/proc/self/status")
    return int(status.read_text().split(f"{key}:")[1].split()[0]) // 1024 if status.exists() else 0


def answer(desk: Desk, command: tuple) -> tuple:
    """Do one command, in the precision of its side."""
    name, *arguments = command
    try:
        with precision_of(*arguments[:1]):
            return "ok", getattr(desk, name)(*arguments)
    except NotHere as reason:
        return "left out", str(reason)
    except Exception as error:  # whatever a side raises is an answer: the other sides and cases go on
        return "error", f"{type(error).__name__}: {' '.join(str(error).split())}", traceback.format_exc()


def serve(commands: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the input ends."""
    desk = Desk()
    while True:
        try:
            command = pickle.load(commands)
        except EOFError:
            return
        pickle.dump(answer(desk, command), answers)
        answers.flush()


if __name__ == "__main__":
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what frameworks print must not come between the answers
    serve(sys.stdin.buffer, pipe)
