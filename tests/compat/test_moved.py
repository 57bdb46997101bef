"""Modules by the names under which a reader's script may import them."""
from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import d2lzh_cv
from d2lzh_cv.compat import moved


@pytest.mark.parametrize("name", moved.PLACES)
def test_a_name_gives_the_module_itself(name):
    place = importlib.import_module(f"d2lzh_cv.{moved.PLACES[name]}")
    spec = place.__spec__
    assert importlib.import_module(f"d2lzh_cv.{name}") is place and place.__spec__ is spec
    assert "." in name or getattr(d2lzh_cv, name) is place


def test_a_script_imports_them_as_ever(tmp_path):
    code = ("from d2lzh_cv import section, prediction\nfrom d2lzh_cv.checkpoint import save_model\n"
            "import d2lzh_cv.data.registry as registry\nprint(section.start.__name__, prediction.detect.__name__, "
            "save_model.__name__, registry.find.__name__)")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert out == "start detect save_model find\n"


def test_no_other_name_is_taken():
    with pytest.raises(ModuleNotFoundError, match="No module named 'd2lzh_cv.predictions'"):
        importlib.import_module("d2lzh_cv.predictions")
    with pytest.raises(AttributeError):
        assert d2lzh_cv.predictions
