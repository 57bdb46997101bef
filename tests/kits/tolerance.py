"""How close is equal: one table for all tests, by the coarser of the two dtypes."""
from __future__ import annotations

import numpy as np

TOLERANCES = {"float16": (1e-2, 1e-3), "float32": (1e-4, 1e-5), "float64": (1e-9, 1e-12)}  # relative, absolute


def as_numpy(array) -> np.ndarray:
    """Return an NDArray, NumPy array, number or nested list as a NumPy array."""
    return array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)


def assert_close(actual, desired, exact: bool = False) -> None:
    """Assert equal shapes and equal values: to the table's tolerance, or to the last bit with ``exact``.

    Integers are always exact, NaN equals nothing, and comparing nothing at all fails.
    """
    actual, desired = as_numpy(actual), as_numpy(desired)
    assert actual.shape == desired.shape, f"shape {actual.shape}, expected {desired.shape}"
    assert actual.size, "nothing to compare"
    rtol, atol = (0.0, 0.0) if exact else _tolerance(actual, desired)
    actual, desired = actual.astype("float64"), desired.astype("float64")
    wrong = ~np.isclose(actual, desired, rtol=rtol, atol=atol)
    assert not wrong.any(), _difference(actual, desired, wrong)


def _tolerance(*arrays: np.ndarray) -> tuple[float, float]:
    floats = [TOLERANCES[array.dtype.name] for array in arrays if array.dtype.kind == "f"]
    return max(floats, default=(0.0, 0.0))


def _difference(actual: np.ndarray, desired: np.ndarray, wrong: np.ndarray) -> str:
    difference = np.where(wrong, np.nan_to_num(np.abs(actual - desired), nan=np.inf), -1.0)
    where = np.unravel_index(difference.argmax(), difference.shape)
    return (f"{wrong.sum()} of {wrong.size} values differ, the largest difference {difference[where]:.3g} at "
            f"{tuple(map(int, where))}: {actual[where]:.9g}, expected {desired[where]:.9g}")
