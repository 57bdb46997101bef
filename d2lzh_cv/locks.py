"""One process at a time in a folder, by a lock that the system takes back however the process ends."""
from __future__ import annotations

import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError
from .files import make_folder

HELD = "D2LZH_CV_LOCK"  # in the environment of a child: the number of the descriptor by which it shares our lock
ATTEMPTS = 100  # to find the file still there once its lock is ours


class Lock:
    """A lock on the file ``path``, held from :meth:`take` to :meth:`release` or to the end of the process.

    The file is made, and removed with the lock; one that a killed process has left behind is not locked. Processes
    that this one forks do not hold it, so that none of them can keep it; a child program does that :meth:`share` is
    used for.

    Args:
        path: of the file, in a folder that exists.
        shared: hold it beside others that are shared; else alone.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        self.path, self._shared, self._file, self._ours = Path(path), shared, None, True

    def take(self) -> bool:
        """Take the lock without waiting; False where another process holds it.

        On a file system without locks it says so on standard error, and is taken.

        Raises:
            InputError: the file cannot be made.
        """
        for _ in range(ATTEMPTS):
            file = self._open()
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            except OSError as error:
                print(f"{self.path.parent}: no locks there ({error.strerror}): start nothing else that writes to it",
                      file=sys.stderr)
            if _same(file, self.path):
                self._hold(file, f"process {os.getpid()}")
                return True
            os.close(file)  # who had it has just removed the file
        return False

    def holder(self) -> str:
        """Who holds it, such as "process 123 on host", of several the last who came; "" where that is not known."""
        try:
            with self.path.open("rb") as file:
                line = file.read(200).decode(errors="replace").strip()
        except OSError:
            return ""
        return line if line.startswith("process") and line.isprintable() else ""

    def release(self) -> None:
        """Give it back; the file goes with the last one who holds it."""
        if self._file is None:
            return
        if self._ours:
            with suppress(OSError):  # others hold it too, or the folder is gone: the file may stay
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _same(self._file, self.path):
                    self.path.unlink()
        self._forget()

    def share(self) -> tuple[dict[str, str], tuple[int, ...]]:
        """What gives a child program this very lock: its environment's part, and ``pass_fds`` of ``subprocess``.

        It is then held until both have ended: a child that outlives us goes on to keep others out.
        """
        return ({}, ()) if self._file is None else ({HELD: str(self._file)}, (self._file,))

    def inherit(self) -> bool:
        """Hold the lock that a parent has shared with this process; False where there is none on this file."""
        number = os.environ.pop(HELD, "")  # what this process starts has it only where we share it again
        if not (number.isdecimal() and _same(int(number), self.path)):
            return False
        os.set_inheritable(int(number), False)
        self._ours = False
        self._hold(int(number), f"processes {os.getppid()} and {os.getpid()}")
        return True

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise InputError(f"cannot write to {self.path.parent}: {error.strerror}; choose another folder") from error

    def _hold(self, file: int, who: str) -> None:
        self._file = file
        os.register_at_fork(after_in_child=self._forget)
        with suppress(OSError):  # a full disk: then nobody is named, and the lock holds all the same
            os.ftruncate(file, 0)
            os.pwrite(file, f"{who} on {socket.gethostname()}\n".encode(errors="replace"), 0)

    def _forget(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock on ``path`` during the block. Raises InputError that begins with ``what`` where another does.

    Folders that are made for it go again where the block has put nothing into them.
    """
    lock, missing = Lock(path), [folder for folder in path.parents if not folder.exists()]
    make_folder(path.parent)
    if not lock.take():
        raise InputError(refusal(lock, what))
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):
            for folder in missing:
                folder.rmdir()


def refusal(lock: Lock, what: str) -> str:
    """A line for the reader who came second."""
    who = lock.holder()
    return f"{what}{f' ({who})' if who else ''}: wait until it has ended, or name another folder"


def _same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False
