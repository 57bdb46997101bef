"""Loaded before any test module: whatever a test imports first, MXNet and GluonCV are prepared."""
import gc
import signal

import pytest

import d2lzh_cv  # noqa: F401


def pytest_collection_modifyitems(items) -> None:
    """Files that take minutes begin first, so that no process waits for one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(2400))


def pytest_collection_finish() -> None:
    """Look for no garbage in what was imported: MXNet does for each DataLoader, which takes a third of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_handler_stays():
    """A handler of signals that a test leaves would be that of later tests' workers, which end by SIGTERM."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    left = {number: signal.signal(number, handler) for number, handler in before.items()}
    assert left == before
