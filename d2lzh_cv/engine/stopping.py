"""Ctrl-C in training: the first one finishes the step and saves, the second one stops at once. SIGTERM as Ctrl-C."""
from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

StopRequest = threading.Event
TOGETHER = 1.0  # seconds: a SIGINT that soon after a SIGTERM belongs to the same request


@contextmanager
def stop_request(watch: bool) -> Iterator[StopRequest]:
    """Yield an event that the first Ctrl-C sets; the second Ctrl-C stops at once. Without ``watch`` nothing sets it.

    SIGTERM sets it too if the section handles SIGTERM. Signals that arrive together are one request: a terminal,
    `timeout` and the `run` that started this process may each send one.
    """
    stop, asked_at = StopRequest(), 0.0
    if not watch or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number, frame) -> None:
        nonlocal asked_at
        if stop.is_set():
            if number == signal.SIGINT and time.monotonic() - asked_at > TOGETHER:
                signal.default_int_handler(number, frame)
            return
        stop.set()
        asked_at = time.monotonic() if number == signal.SIGTERM else 0.0
        print("\nfinishing the step, then saving (Ctrl-C again stops at once)", file=sys.stderr, flush=True)
    handled = (signal.SIGINT, signal.SIGTERM) if callable(signal.getsignal(signal.SIGTERM)) else (signal.SIGINT,)
    with signal_handlers(dict.fromkeys(handled, ask)):
        yield stop


@contextmanager
def signal_handlers(by_number: dict[int, Callable | signal.Handlers]) -> Iterator[None]:
    """Handle each signal of ``by_number`` by its handler in the block, and as before after it."""
    before = {number: signal.signal(number, handler) for number, handler in by_number.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def sigterm_as_ctrl_c() -> AbstractContextManager[None]:
    """Let SIGTERM, from `kill` or `timeout`, end the block as Ctrl-C does."""
    return signal_handlers({signal.SIGTERM: signal.default_int_handler})
