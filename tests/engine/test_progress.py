"""Progress bars: on a terminal and in a notebook, not in a log nor in a notebook that is executed to be read."""
from __future__ import annotations

import sys
import types

import pytest

from d2lzh_cv.engine import progress


@pytest.fixture
def notebook(monkeypatch):
    """A notebook without ipywidgets, where tqdm's own widget would raise ImportError."""
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))


def test_a_log_gets_no_bar(capsys):
    assert list(progress.bar(iterable=range(3))) == [0, 1, 2]
    assert capsys.readouterr().err == ""


def test_a_notebook_gets_one(notebook, capsys):
    assert list(progress.bar(iterable=range(3))) == [0, 1, 2]
    assert "3/3" in capsys.readouterr().err


def test_a_notebook_that_is_executed_to_be_read_gets_none(notebook, monkeypatch, capsys):
    monkeypatch.setenv("D2LZH_CV_PROGRESS", "0")
    assert list(progress.bar(iterable=range(3))) == [0, 1, 2]
    assert capsys.readouterr().err == ""
