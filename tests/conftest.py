"""Loaded before any test module: whatever a test imports first, MXNet and GluonCV are prepared."""
import gc

import d2lzh_cv  # noqa: F401


def pytest_collection_modifyitems(items) -> None:
    """Files that take minutes begin first, so that no process waits for one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Look for no garbage in what was imported: MXNet does for each DataLoader, which takes a third of a second."""
    gc.collect()
    gc.freeze()
