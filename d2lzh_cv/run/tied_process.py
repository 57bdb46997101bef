"""``python -m d2lzh_cv.run.tied_process COMMAND...``: run a command that ends when its standard input closes.

Each line on standard input names a signal, such as INT, for the command and its children. At the end of the input all
of them are ended. The input ends however its writer ends, here or behind an ssh connection.
"""
from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

GRACE = 5  # seconds from SIGTERM to SIGKILL


def main(command: Sequence[str]) -> int:
    """Run ``command`` and return its exit code, or 128 + n if signal n ended it."""
    with contextlib.suppress(PermissionError):  # this process already leads a session
        os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: None)  # for the command alone; it would inherit SIG_IGN
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        print(f"error: cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    let_go = threading.Event()
    threading.Thread(target=_obey, args=(let_go,), daemon=True).start()
    code = child.wait()
    os.killpg(0, signal.SIGKILL if let_go.is_set() else signal.SIGTERM)  # end the children that it left behind
    return code if code >= 0 else 128 - code


def _obey(let_go: threading.Event) -> None:
    for line in sys.stdin:
        os.killpg(0, signal.Signals[f"SIG{line.strip()}"])
    let_go.set()
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
