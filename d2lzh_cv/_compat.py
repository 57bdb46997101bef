"""All that lets MXNet 1.9.1 import here."""
import numpy as np


def install() -> None:
    """Temporary: NumPy aliases only."""
    for name, value in {"bool": bool, "object": object, "int": int, "float": float, "str": str}.items():
        if name not in np.__dict__:
            setattr(np, name, value)
