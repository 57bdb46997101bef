"""One process at a time in a folder, by a lock that the system releases however the process ends."""
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

HELD = "D2LZH_CV_LOCK"  # environment variable of a child: the file descriptor of the shared lock
ATTEMPTS = 100  # another process may remove the file before we lock it


class Lock:
    """A lock on the file ``path``, held from :meth:`take` to :meth:`release` or to the end of the process.

    The lock creates the file and removes it; a file that a killed process left behind is not locked. Forked processes
    do not hold the lock; a child program holds it if the caller uses :meth:`share`.

    Args:
        path: a file in an existing folder.
        shared: allow other shared holders at the same time.
    """

    def __init__(self, path: Path, shared: bool = False) -> None:
        self.path, self._shared, self._file, self._ours = Path(path), shared, None, True

    def take(self) -> bool:
        """Take the lock without waiting; return False if another process holds it.

        If the file system has no locks, it says so on standard error and returns True. Raises InputError if the file
        cannot be made.
        """
        for _ in range(ATTEMPTS):
            file = self._open()
            try:
                fcntl.flock(file, (fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            except OSError as error:
                print(f"{self.path.parent}: its file system has no locks ({error.strerror}): start nothing else that "
                      "writes there", file=sys.stderr)
            if _same(file, self.path):
                self._hold(file, f"process {os.getpid()}")
                return True
            os.close(file)  # the last holder has just removed the file
        return False

    def holder(self) -> str:
        """Return the last holder, such as "process 123 on host"; "" if unknown."""
        try:
            with self.path.open("rb") as file:
                line = file.read(200).decode(errors="replace").strip()
        except OSError:
            return ""
        return line if line.startswith("process") and line.isprintable() else ""

    def release(self) -> None:
        """Release the lock; the last holder removes the file."""
        if self._file is None:
            return
        if self._ours:
            with suppress(OSError):  # the file may stay if others hold the lock, or if its folder was removed
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _same(self._file, self.path):
                    self.path.unlink()
        self._forget()

    def share(self) -> tuple[dict[str, str], tuple[int, ...]]:
        """Return what passes this lock to a child program: environment variables, and ``pass_fds`` of ``subprocess``.

        The lock then lasts until both processes have ended.
        """
        return ({}, ()) if self._file is None else ({HELD: str(self._file)}, (self._file,))

    def inherit(self) -> bool:
        """Hold the lock that a parent process has shared; return False if it has shared none on this file."""
        number = os.environ.pop(HELD, "")  # our own children get it only through share()
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
        with suppress(OSError):  # on a full disk, the lock works without the holder's name
            os.ftruncate(file, 0)
            os.pwrite(file, f"{who} on {socket.gethostname()}\n".encode(errors="replace"), 0)

    def _forget(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock on ``path`` during the block; raise InputError, beginning with ``what``, if another process has it.

    Afterwards, folders created for the lock are removed if they are empty.
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
    """Return the message for the process that came second."""
    who = lock.holder()
    return f"{what}{f' ({who})' if who else ''}: wait until it has ended, or name another folder"


def _same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False
