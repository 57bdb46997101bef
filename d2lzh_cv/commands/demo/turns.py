"""Who uses MXNet, and when: one thread at a time, in the order of asking, and always the same few threads.

MXNet's networks are not made for several threads at once. A style transfer lets the others go first between its steps;
with an ordinary lock it would take the lock again before a waiting thread wakes up. MXNet also keeps memory for every
thread that has used it, about ten megabytes, until the process ends. A web server starts new threads all the time, so
they hand their work to lasting ones.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Condition
from typing import Any

LONG = 2  # threads for style transfers


class Turns:
    """A lock for ``with``, given in the order of asking, and the threads that use MXNet."""

    def __init__(self) -> None:
        self._condition, self._drawn, self._served = Condition(), 0, 0
        self._short, self._long = ThreadPoolExecutor(1, "answers"), ThreadPoolExecutor(LONG, "style")

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

    def run(self, function: Callable, *args: Any, **options: Any) -> Any:
        """Call a short function with the lock in the lasting thread; return its result, or raise its error."""
        def call() -> Any:
            with self:
                return function(*args, **options)
        return self._short.submit(call).result()

    def start(self, function: Callable[[], None]) -> Future:
        """Start a long function, which takes the lock itself, in one of LONG lasting threads."""
        return self._long.submit(function)
