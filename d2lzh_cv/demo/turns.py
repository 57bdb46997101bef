"""A lock that is given in the order of asking.

MXNet is used by one thread at a time: its networks are not made for several. A style transfer lets the others go first
between its steps; with an ordinary lock it would take the lock again before a waiting thread wakes up.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Turns:
    """A lock for ``with``; the threads that wait for it get it in the order in which they came."""

    def __init__(self) -> None:
        self._condition, self._drawn, self._served = Condition(), 0, 0

    def __enter__(self) -> Turns:
        with self._condition:
            mine = self._drawn
            self._drawn += 1
            self._condition.wait_for(lambda: self._served == mine)
        return self

    def __exit__(self, *error: object) -> None:
        with self._condition:
            self._served += 1
            self._condition.notify_all()

    @contextmanager
    def others_first(self) -> Iterator[None]:
        """Let go of the lock during the block, and wait for it again after all who wait by then."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
