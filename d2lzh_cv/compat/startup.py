"""What Python runs at its start where this package is installed, so that ``import mxnet`` may come before ours.

setup.py writes the text of this module into ``d2lzh_cv.pth``. It imports nothing until somebody asks for MXNet or
GluonCV, and it stands alone: what is left of a removed package cannot stop Python's start.
"""
import sys


class ImportsOursFirst:
    """A finder that imports d2lzh_cv, whose own finder then takes its place; finds nothing else."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in ("mxnet", "gluoncv"):
            try:
                from d2lzh_cv.compat.hook import find_spec
            except ImportError:  # it was removed: MXNet is imported as if it had never been here
                return None
            return find_spec(name)


sys.meta_path.insert(0, ImportsOursFirst)
