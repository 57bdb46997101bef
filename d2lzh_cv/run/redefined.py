"""Definitions that a reader changes in a notebook take effect in the whole package.

A cell that begins with ``#@save in d2lzh_cv/ssd.py`` defines functions or classes of that module. After it has run,
they take the place of the module's own, also where other modules have imported them.
"""
from __future__ import annotations

import ast
import re
import sys
from importlib import import_module
from typing import Any

FIRST_LINE = re.compile(r"\s*#@save in (d2lzh_cv(?:/\w+)*)\.py")


def watch(ipython: Any) -> None:
    """Take over the definitions of each cell that ``ipython``, the shell of a notebook, runs."""
    ipython.events.register("post_run_cell", lambda result: _after(ipython, result))


def _after(ipython: Any, result: Any) -> None:
    source = getattr(result.info, "raw_cell", "") or ""
    module = FIRST_LINE.match(source)
    if module and result.success:
        take_over(source, module[1].replace("/", "."), ipython.user_ns)


def take_over(source: str, module: str, namespace: dict[str, Any]) -> None:
    """Let the functions and classes that ``source`` has defined in ``namespace`` replace those of ``module``."""
    home = import_module(module)
    for statement in ast.parse(source).body:
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)) or not hasattr(home, statement.name):
            continue
        old, new = getattr(home, statement.name), namespace[statement.name]
        for name, one in list(sys.modules.items()):
            if name.partition(".")[0] == "d2lzh_cv" and vars(one).get(statement.name) is old:
                setattr(one, statement.name, new)
