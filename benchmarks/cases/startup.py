"""How long a reader waits after the command: for the first line, and for the first step of a training."""
from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import numpy as np

from ..case import Case, Side
from ..sides import OURS, NotHere

# Seen at the command's terminal: what section 9.3 prints comes after the line that begins with [1/1], and the bar of an
# epoch counts the pictures of a step when it has been taken.
LINE, SECTION_LINE, STEP = r"\S.*\n", r"\[1/1\].*\n\s*\S.*\n", r"epoch +1/\d+: *[1-9]\d*img"
CASES = tuple(
    Case(name, what, __name__, {"section": section, "quick": quick, "until": until, "repeat": 1, "commands": 1},
         {"quick": True}, {}, unit=("command", "commands"), sides=(OURS,))
    for name, what, section, quick, until in (
        ("startup_line", "run 9.3 --quick, from the command to its first line", "9.3", True, LINE),
        ("startup_section", "run 9.3 --quick, from the command to the first line of the section", "9.3", True,
         SECTION_LINE),
        ("startup_step", "run 9.7, from the command to the first training step", "9.7", False, STEP)))


class Ours(Side):
    has_memory = False
    imports = ("subprocess",)

    def prepare(self) -> None:
        if not hasattr(os, "openpty"):
            raise NotHere("this system has no terminal for a command to print to")

    def result(self) -> dict[str, np.ndarray]:
        return {}

    def seconds(self) -> float:
        """From the command to what is waited for; then it is ended, as by ``kill``."""
        command = [sys.executable, "-m", "d2lzh_cv", "run", self.settings["section"]]
        environment = {name: value for name, value in os.environ.items() if name != "D2LZH_CV_PROGRESS"}
        with tempfile.TemporaryDirectory() as out:
            command += ["--out", out, *["--quick"] * self.settings["quick"]]
            ours, theirs = _terminal()
            began = time.perf_counter()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                                       env=environment)
            os.close(theirs)
            try:
                _wait(ours, self.settings["until"])
                return time.perf_counter() - began
            finally:
                process.terminate()
                os.close(ours)
                process.wait()


def _terminal() -> tuple[int, int]:
    """Our end, and the command's, of 24 lines with 80 columns: where there are none, a bar does not show itself."""
    import fcntl
    import termios
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    return ours, theirs


def _wait(terminal: int, until: str) -> None:
    """Read until the pattern ``until`` is there. Raises RuntimeError with what was printed if it never is."""
    printed = b""
    for part in _parts(terminal):
        printed += part
        if re.search(until.encode(), printed):
            return
    raise RuntimeError(f"the command ended before that; it printed {printed[-300:].decode(errors='replace')!r}")


def _parts(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # the other end is closed
            return
        if not part:
            return
        yield part
