"""Code that Python runs at its start if this package is installed, so that ``import mxnet`` works before our import.

setup.py writes the text of this module into ``d2lzh_cv.pth``. It imports nothing before the first import of MXNet or
GluonCV, and it needs no other module: if the package is removed but this file stays, Python still starts.
"""
import sys


class ImportsOursFirst:
    """A finder that imports d2lzh_cv before MXNet or GluonCV; the finder of d2lzh_cv then replaces it."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        """Return the spec of ``mxnet`` or ``gluoncv`` from d2lzh_cv's finder; None for other modules."""
        if name in ("mxnet", "gluoncv"):
            try:
                from d2lzh_cv.compat.hook import find_spec
            except ImportError:  # d2lzh_cv was removed: leave the import to the other finders
                return None
            return find_spec(name)


sys.meta_path.insert(0, ImportsOursFirst)
