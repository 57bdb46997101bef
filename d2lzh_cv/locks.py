"""File locks: one process at a time writes to a folder. The system frees the lock however its process ends."""
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

HELD = "D2LZH_CV_LOCK"  # in a child's environment: the file descriptor of the lock that its parent shares
ATTEMPTS = 100  # to lock a file that its last holder does not remove meanwhile


class Lock:
    """A lock on the file ``path``, held from :meth:`take` to :meth:`release` or to the end of the process.

    :meth:`take` makes the file, :meth:`release` removes it. A file that a killed process leaves behind is not locked.
    Forked processes do not hold the lock, so none of them can keep it; a child program holds it after :meth:`share`.

    Args:
        path: the lock file, in an existing folder.
        shared: allow other shared locks on the file at the same time; else hold it exclusively.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        self.path, self._shared, self._file, self._ours = Path(path), shared, None, True

    def take(self) -> bool:
        """Take the lock without waiting; return False if another process holds it.

        On a file system without locks it prints a warning to standard error and returns True.

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
                print(f"{self.path.parent} cannot be locked ({error.strerror}): start nothing else that writes to it",
                      file=sys.stderr)
            if _same(file, self.path):
                self._hold(file, f"process {os.getpid()}")
                return True
            os.close(file)  # the previous holder has just removed the file
        return False

    def holder(self) -> str:
        """Return the holder, such as "process 123 on host"; of several the last one; "" if unknown."""
        try:
            with self.path.open("rb") as file:
                line = file.read(200).decode(errors="replace").strip()
        except OSError:
            return ""
        return line if line.startswith("process") and line.isprintable() else ""

    def release(self) -> None:
        """Release the lock; its last holder removes the file."""
        if self._file is None:
            return
        if self._ours:
            with suppress(OSError):  # others hold the lock too, or the folder is gone: the file may stay
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _same(self._file, self.path):
                    self.path.unlink()
        self._forget()

    def share(self) -> tuple[dict[str, str], tuple[int, ...]]:
        """Share the lock with a child program: return its extra environment, and ``pass_fds`` for ``subprocess``.

        The lock is held until both processes end: a child that outlives this process still keeps others out.
        """
        return ({}, ()) if self._file is None else ({HELD: str(self._file)}, (self._file,))

    def inherit(self) -> bool:
        """Hold the lock that a parent shared with this process; return False if it shared no lock on this file."""
        number = os.environ.pop(HELD, "")  # children of this process get it only from share()
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
        with suppress(OSError):  # on a full disk the file names no holder, but the lock holds
            os.ftruncate(file, 0)
            os.pwrite(file, f"{who} on {socket.gethostname()}\n".encode(errors="replace"), 0)

    def _forget(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock on ``path`` during the block; afterwards remove the folders made for it that stayed empty.

    Args:
        path: the lock file; its folder is made if it is missing.
        what: the beginning of the error, such as "a run is going on in runs/mine".

    Raises:
        InputError: another process holds the lock.
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
    """Return the error for a process that could not take ``lock``: ``what``, the holder, and what to do."""
    who = lock.holder()
    return f"{what}{f' ({who})' if who else ''}: wait until it has ended, or name another folder"


def _same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False
